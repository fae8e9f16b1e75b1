/**
 * Calls functions of tenants over HTTP. Whoever writes an address may be somebody else than who runs the gateway: only hosts that
 * the configuration names are called, the address that is connected to is the one that was checked, and nothing is followed.
 */
import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Check } from 'typebox/schema';
import type { Config } from '../config/schema.js';
import type { Clock } from '../contracts/clock.js';
import type { HttpTool, ToolCaller } from '../contracts/http-tools.js';
import { AppError } from '../errors/app-error.js';
import { isPrivate } from './private-addresses.js';

interface Options {
  readonly settings: Config['tools'];
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** All addresses of a host. */
  readonly resolve?: (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;
}

/** What a call came to; `error`: told to the model in place of a result. */
interface Outcome {
  readonly status: number | null;
  readonly body: string;
  readonly error: string | null;
}

export function createToolCaller({ settings, clock, resolve = resolveAll }: Options): ToolCaller {
  const hosts = settings.allowedHosts.split(',').map((host) => host.trim().toLowerCase());
  const allows = ({ hostname }: URL) =>
    hosts.some((host) => host !== '' && (host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host));

  async function send(tool: HttpTool, secret: string | null, args: string, signal: AbortSignal): Promise<Outcome> {
    const url = new URL(tool.url);
    if (!allows(url)) return failed('its host is not among tools.allowedHosts');
    const values = toObject(args);
    if (values === null) return failed('its arguments are no JSON object');
    if (!fits(tool, values)) return failed('its arguments do not fit its schema');
    if (tool.method === 'GET')
      for (const [name, value] of Object.entries(values)) url.searchParams.set(name, toText(value));
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const addresses = isIP(host) ? [{ address: host, family: isIP(host) }] : await resolve(host);
    const [first] = addresses;
    if (first === undefined) return failed('its host has no address');
    if (!settings.privateAddresses && addresses.some(({ address }) => isPrivate(address))) {
      return failed('its host has a private address');
    }
    const headers = {
      accept: 'application/json, text/plain',
      ...(secret !== null && { authorization: `Bearer ${secret}` }),
      ...(tool.method === 'POST' && { 'content-type': 'application/json' }),
    };
    // Connects to what was checked: another look-up could say something else.
    const pinned: LookupFunction = (_, { all }, found) =>
      all ? found(null, [first]) : found(null, first.address, first.family);
    const response = await open(
      url,
      { method: tool.method, headers, signal, lookup: pinned, agent: false },
      tool.method === 'POST' ? JSON.stringify(values) : null,
    );
    const { statusCode: status = 0 } = response;
    if (status >= 300 && status < 400) {
      response.destroy();
      return { status, body: '', error: 'it answered with a redirect, which is not followed' };
    }
    const body = await readUpTo(response, settings.maxResponseBytes);
    if (body === null) return { status, body: '', error: `it answered more than ${settings.maxResponseBytes} bytes` };
    return { status, body, error: status < 400 ? null : `it answered ${status}` };
  }

  return {
    async call(tool, secret, args, signal) {
      const startedMs = clock.monotonicMs();
      const limited = AbortSignal.any([signal, AbortSignal.timeout(tool.timeoutMs)]);
      const { status, body, error } = await send(tool, secret, args, limited).catch((cause): Outcome => {
        signal.throwIfAborted();
        return failed(limited.aborted ? `it did not answer within ${tool.timeoutMs} ms` : reasonOf(cause));
      });
      const run = {
        name: tool.name,
        outcome: error === null ? ('ok' as const) : ('failed' as const),
        status,
        bytes: Buffer.byteLength(body),
        durationMs: clock.monotonicMs() - startedMs,
      };
      return { content: error === null ? body : `${tool.name} failed: ${error}. ${body}`.trim(), run };
    },

    checkUrl(text) {
      const url = URL.canParse(text) ? new URL(text) : null;
      const wrong = (reason: string) => new AppError('invalid_value', { param: 'url', reason });
      if (url === null || !/^https?:$/.test(url.protocol))
        throw wrong('must be an address like https://stock.example.com/check');
      if (url.username !== '' || url.password !== '') throw wrong('must hold no password; send it as secret');
      if (url.protocol === 'http:' && !settings.privateAddresses) throw wrong('must begin with https:');
      if (!allows(url)) throw wrong(`its host ${url.hostname} is not among tools.allowedHosts; add it there`);
    },
  };
}

const resolveAll = (host: string) => lookup(host, { all: true });

function failed(error: string): Outcome {
  return { status: null, body: '', error };
}

/** Without what names addresses or holds a part of the request. */
function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? 'it could not be reached' : `it could not be reached (${code})`;
}

function open(url: URL, options: RequestOptions, body: string | null): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}

async function readUpTo(response: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function fits({ parameters }: HttpTool, values: object): boolean {
  try {
    return Check(parameters, values);
  } catch {
    // A schema that refers to what is not there, or to itself.
    return false;
  }
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
