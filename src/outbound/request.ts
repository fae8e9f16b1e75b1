/**
 * Requests to addresses that somebody else wrote than who runs the gateway: only hosts that the configuration names are asked, the
 * address that is connected to is the one that was checked, and no redirect is followed.
 */
import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { AppError } from '../errors/app-error.js';
import { isPrivate } from './private-addresses.js';

interface OutboundSettings {
  /** Names with commas between; `*.example.com` is all below it, `*` all there are. */
  readonly allowedHosts: string;
  /** Whether hosts may have addresses of a private network, and answer without TLS. */
  readonly privateAddresses: boolean;
  /** Of what is answered; 0: nobody reads it. */
  readonly maxResponseBytes: number;
}

interface OutboundRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

/** What a request came to; `error`: why it is as good as not made, without what names addresses. */
export interface OutboundResponse {
  readonly status: number | null;
  readonly body: string;
  readonly error: string | null;
}

/** Why something is as good as not asked, as `OutboundResponse` says it. */
export class Refused extends Error {
  readonly status: number | null;

  constructor(reason: string, status: number | null = null) {
    super(reason);
    this.status = status;
  }
}

export interface Outbound {
  /** The response itself, for who reads and bounds it. @throws Refused, and where the connection fails */
  open(url: URL, request: OutboundRequest): Promise<IncomingMessage>;
  /** Rejects where the connection fails, or the signal ends it. */
  send(url: URL, request: OutboundRequest): Promise<OutboundResponse>;
  /** Whether the configuration names its host. */
  allows(url: URL): boolean;
  /** @param example of an address @throws AppError `invalid_value` for one that would never be asked */
  checkUrl(text: string, example: string): void;
}

export interface OutboundOptions extends OutboundSettings {
  /** The setting that names hosts, for messages. */
  readonly setting: string;
  /** All addresses of a host. */
  readonly resolve?: (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;
}

export function createOutbound({ resolve = resolveAll, ...settings }: OutboundOptions): Outbound {
  const hosts = settings.allowedHosts.split(',').map((host) => host.trim().toLowerCase());
  const allows = ({ hostname }: URL) => hosts.some((host) => names(host, hostname));

  async function connect(url: URL, { method, headers, body, signal }: OutboundRequest): Promise<IncomingMessage> {
    if (!allows(url)) throw new Refused(`its host is not among ${settings.setting}`);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const addresses = isIP(host) ? [{ address: host, family: isIP(host) }] : await resolve(host);
    const [first] = addresses;
    if (first === undefined) throw new Refused('its host has no address');
    if (!settings.privateAddresses && addresses.some(({ address }) => isPrivate(address))) {
      throw new Refused('its host has a private address');
    }
    // Connects to what was checked: another look-up could say something else.
    const pinned: LookupFunction = (_, { all }, found) =>
      all ? found(null, [first]) : found(null, first.address, first.family);
    const response = await open(url, { method, headers, signal, lookup: pinned, agent: false }, body);
    const { statusCode: status = 0 } = response;
    if (status < 300 || status >= 400) return response;
    response.destroy();
    throw new Refused('it answered with a redirect, which is not followed', status);
  }

  return {
    allows,
    open: connect,

    async send(url, request) {
      const response = await connect(url, request).catch((error: unknown) => {
        if (error instanceof Refused) return error;
        throw error;
      });
      if (response instanceof Refused) return { status: response.status, body: '', error: response.message };
      const { statusCode: status = 0 } = response;
      const { maxResponseBytes } = settings;
      const error = status < 400 ? null : `it answered ${status}`;
      if (maxResponseBytes === 0) {
        response.destroy();
        return { status, body: '', error };
      }
      const text = await readUpTo(response, maxResponseBytes);
      if (text === null) return { status, body: '', error: `it answered more than ${maxResponseBytes} bytes` };
      return { status, body: text, error };
    },

    checkUrl(text, example) {
      const url = URL.canParse(text) ? new URL(text) : null;
      const wrong = (reason: string) => new AppError('invalid_value', { param: 'url', reason });
      if (url === null || !/^https?:$/.test(url.protocol)) throw wrong(`must be an address like ${example}`);
      if (url.username !== '' || url.password !== '') throw wrong('must hold no password; send it as secret');
      if (url.protocol === 'http:' && !settings.privateAddresses) throw wrong('must begin with https:');
      if (!allows(url)) throw wrong(`its host ${url.hostname} is not among ${settings.setting}; add it there`);
    },
  };
}

/** Without what names addresses or holds a part of the request. */
export function reasonOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code !== 'string' ? 'it could not be reached' : `it could not be reached (${code})`;
}

function names(host: string, hostname: string): boolean {
  if (host === '') return false;
  if (host === '*') return true;
  return host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host;
}

const resolveAll = (host: string) => lookup(host, { all: true });

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
