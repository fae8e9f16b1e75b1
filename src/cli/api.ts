import type { Command } from 'commander';
import type { WireError } from '../errors/app-error.js';

/** The gateway's answer was an error, or there was none; the message is for people. */
export class ApiFailure extends Error {
  /** HTTP status; null where nothing answered. */
  readonly status: number | null;

  constructor(status: number | null, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ApiFailure';
    this.status = status;
  }
}

export interface Api {
  get<T>(path: string): Promise<T>;
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object | FormData): Promise<T>;
}

interface ApiOptions {
  readonly url: string;
  readonly key?: string;
}

/** The key of `npm start`'s sample gateway, which listens on loopback only. */
const DEMO_ADMIN_KEY = 'sk-demo-admin';

/** A client with admin rights: on this machine the demo's key serves where none is given. */
export function adminApi(command: Command): Api {
  const { url, key } = command.optsWithGlobals<ApiOptions>();
  return createApi(url, key ?? (isLoopback(url) ? DEMO_ADMIN_KEY : missingKey(command, 'an admin key')));
}

/** A client for one tenant: the key says which one, so it is never guessed. */
export function tenantApi(command: Command): Api {
  const { url, key } = command.optsWithGlobals<ApiOptions>();
  return createApi(url, key ?? missingKey(command, "the tenant's key"));
}

function missingKey(command: Command, what: string): never {
  return command.error(`error: name ${what} with --key or SWITCHYARD_KEY`);
}

function createApi(url: string, key: string): Api {
  async function call<T>(method: string, path: string, body?: object | FormData): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${key}` };
    const isForm = body instanceof FormData;
    if (body && !isForm) headers['content-type'] = 'application/json';
    const response = await fetch(new URL(path, url), {
      method,
      headers,
      ...(body && { body: isForm ? body : JSON.stringify(body) }),
    }).catch((error: unknown) => {
      const message = `Nothing answers at ${url}. Start the gateway with npm start, or name another one with --url.`;
      throw new ApiFailure(null, message, { cause: error });
    });
    const text = await response.text();
    if (!response.ok) throw new ApiFailure(response.status, messageOf(text) ?? `${url} answered ${response.status}.`);
    return JSON.parse(text) as T;
  }
  return { get: (path) => call('GET', path), send: call };
}

function messageOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as WireError).error.message;
  } catch {
    return undefined;
  }
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** A path from a template's parts, each escaped. */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}
