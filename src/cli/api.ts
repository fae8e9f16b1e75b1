import type { Command } from 'commander';
import { isLoopback } from '../config/loopback.js';
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
  /** The items of a list. */
  list<T>(path: string): Promise<T[]>;
  /** What is too much for one piece. */
  stream(path: string): Promise<ReadableStream<Uint8Array>>;
  send<T>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object | FormData,
    conditions?: Readonly<Record<string, string>>,
  ): Promise<T>;
}

interface ApiOptions {
  readonly url: string;
  readonly key?: string;
  readonly reason?: string;
}

/** The key of `npm start`'s sample gateway, which listens on loopback only. */
const DEMO_ADMIN_KEY = 'sk-demo-admin';

/** A client for what needs a key of an administrator or a release owner: on this machine the demo's key serves where none is given. */
export function adminApi(command: Command): Api {
  const { url, key, reason } = command.optsWithGlobals<ApiOptions>();
  const adminKey = key ?? (isLoopback(new URL(url).hostname) ? DEMO_ADMIN_KEY : missingKey(command, 'an admin key'));
  return createApi(url, adminKey, reason);
}

/** A client for one tenant: the key says which one, so it is never guessed. */
export function tenantApi(command: Command): Api {
  const { url, key, reason } = command.optsWithGlobals<ApiOptions>();
  return createApi(url, key ?? missingKey(command, "the tenant's key"), reason);
}

function missingKey(command: Command, what: string): never {
  return command.error(`error: name ${what} with --key or SWITCHYARD_KEY`);
}

function createApi(url: string, key: string, reason = ''): Api {
  const nothingAnswers = (error: unknown): never => {
    const message = `Nothing answers at ${url}. Start the gateway with npm start, or name another one with --url.`;
    throw new ApiFailure(null, message, { cause: error });
  };
  const refused = (status: number, answer: object | null) => {
    const message = (answer as Partial<WireError> | null)?.error?.message;
    return new ApiFailure(status, message ?? `${url} answered ${status}, and not as a Switchyard gateway does.`);
  };
  async function call<T>(
    method: string,
    path: string,
    body?: object | FormData,
    conditions?: Readonly<Record<string, string>>,
  ): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${key}`, ...conditions };
    if (reason !== '') headers['x-reason'] = encodeURIComponent(reason);
    const isForm = body instanceof FormData;
    if (body && !isForm) headers['content-type'] = 'application/json';
    const { status, ok, text } = await exchange(`${url}${path}`, {
      method,
      headers,
      // Followed blindly, one would carry a changed request to where nobody sent it.
      redirect: 'manual',
      ...(body && { body: isForm ? body : JSON.stringify(body) }),
    }).catch(nothingAnswers);
    const answer = parseObject(text);
    if (!ok) throw refused(status, answer);
    if (answer) return answer as T;
    throw new ApiFailure(status, `What answers at ${url} is no Switchyard gateway. Name its address with --url.`);
  }
  return {
    get: (path) => call('GET', path),
    async list<T>(path: string) {
      const { data } = await call<{ data?: unknown }>('GET', path);
      if (Array.isArray(data)) return data as T[];
      throw new ApiFailure(200, `What answers at ${url} is no Switchyard gateway. Name its address with --url.`);
    },
    async stream(path) {
      const headers = { authorization: `Bearer ${key}` };
      const response = await fetch(`${url}${path}`, { headers, redirect: 'manual' }).catch(nothingAnswers);
      if (!response.ok || response.body === null) throw refused(response.status, parseObject(await response.text()));
      return response.body;
    },
    send: call,
  };
}

/** The whole answer: a connection that breaks within it is as good as none. */
async function exchange(url: string, request: RequestInit) {
  const response = await fetch(url, request);
  return { status: response.status, ok: response.ok, text: await response.text() };
}

/** Null for what is no JSON object: whatever stands between may answer with a page of its own. */
function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** A path from a template's parts, each escaped. */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}
