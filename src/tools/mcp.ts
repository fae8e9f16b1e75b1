/** MCP servers over streamable HTTP, by the official client, whose requests go through `outbound`. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import {
  type CallToolResult,
  Client,
  type FetchLike,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import type { Config } from '../config/schema.js';
import type { RemoteTool } from '../contracts/http-tools.js';
import { AppError } from '../errors/app-error.js';
import { type Outbound, Refused, reasonOf } from '../outbound/request.js';

/** Definitions of many functions are larger than what one of them says. */
const MAX_LIST_BYTES = 2 ** 20;
const LIST_TIMEOUT_MS = 10_000;
/** What a server gets to hear that a session is over. */
const FAREWELL_MS = 1000;
/** Statuses that have no body. */
const BODILESS = new Set([204, 205, 304]);

/** The signal says when it is over: the client's own limit is none. */
const LONGEST_MS = 2 ** 31 - 1;

interface Waiting {
  readonly signal: AbortSignal;
  readonly timeout: number;
}

interface Asked {
  readonly url: string;
  readonly secret: string | null;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface Mcp {
  /** @throws Refused, the signal's reason, or the error of the connection */
  call(
    url: string,
    secret: string | null,
    name: string,
    args: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<{ readonly status: number | null; readonly body: string; readonly error: string | null }>;
  /** @throws AppError `invalid_value` where they cannot be had */
  list(url: string, secret: string | null, signal: AbortSignal): Promise<readonly RemoteTool[]>;
}

export function createMcp(outbound: Outbound, { maxResponseBytes }: Pick<Config['tools'], 'maxResponseBytes'>): Mcp {
  /** A session of its own for what is asked: nothing is shared between answers, or tenants. */
  async function inSession<T>(asked: Asked, ask: (client: Client, options: Waiting) => Promise<T>): Promise<T> {
    const { url, secret } = asked;
    // Told at once, where the client would wait for an answer until the time is over.
    const refusal = new AbortController();
    const signal = AbortSignal.any([asked.signal, refusal.signal]);
    const until = { signal };
    const fetch: FetchLike = (to, init) =>
      guardedFetch(outbound, asked.maxBytes, until.signal, to, init, (error) => refusal.abort(error));
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      fetch,
      requestInit: { headers: secret === null ? {} : { authorization: `Bearer ${secret}` } },
      reconnectionOptions: {
        initialReconnectionDelay: 1,
        maxReconnectionDelay: 1,
        reconnectionDelayGrowFactor: 1,
        maxRetries: 0,
      },
    });
    const client = new Client(
      { name: 'switchyard', version: '1.0.0' },
      { versionNegotiation: { mode: 'auto' }, inputRequired: { autoFulfill: false } },
    );
    const options: Waiting = { signal, timeout: LONGEST_MS };
    try {
      await client.connect(transport, options);
      return await ask(client, options);
    } catch (error) {
      throw refusal.signal.aborted ? refusal.signal.reason : error;
    } finally {
      // Not awaited: nobody waits for the server to forget a session.
      until.signal = AbortSignal.timeout(FAREWELL_MS);
      void transport
        .terminateSession()
        .catch(() => {})
        .finally(() => client.close())
        .catch(() => {});
    }
  }

  return {
    async call(url, secret, name, args, signal) {
      const asked = { url, secret, maxBytes: maxResponseBytes, signal };
      const result = await inSession(asked, (client, options) => client.callTool({ name, arguments: args }, options));
      const body = toText(result);
      return { status: 200, body, error: result.isError ? 'it says so' : null };
    },

    async list(url, secret, signal) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(LIST_TIMEOUT_MS)]);
      try {
        const asked = { url, secret, maxBytes: MAX_LIST_BYTES, signal: limited };
        const { tools } = await inSession(asked, (client, options) => client.listTools(undefined, options));
        return tools.map(({ name, title, description, inputSchema }) => ({
          name,
          description: description || title || name,
          parameters: inputSchema as Record<string, unknown>,
        }));
      } catch (error) {
        signal.throwIfAborted();
        const late = limited.aborted ? `it did not answer within ${LIST_TIMEOUT_MS} ms` : reasonOf(error);
        throw new AppError('invalid_value', { param: 'url', reason: `is of no MCP server that answers: ${late}` });
      }
    },
  };
}

/** What the protocol's client takes for `fetch`. @param onRefused told why something was not done */
async function guardedFetch(
  outbound: Outbound,
  maxBytes: number,
  signal: AbortSignal,
  to: string | URL,
  { method = 'GET', headers, body, signal: own }: RequestInit = {},
  onRefused: (error: Refused) => void,
): Promise<Response> {
  try {
    const response = await outbound.open(new URL(to), {
      method,
      headers: Object.fromEntries(new Headers(headers)),
      body: typeof body === 'string' ? body : null,
      signal: own ? AbortSignal.any([signal, own]) : signal,
    });
    const { statusCode: status = 500 } = response;
    if (status === 401 || status === 403) {
      response.destroy();
      throw new Refused(`it answered ${status}`, status);
    }
    const bounded = Readable.from(upTo(response, maxBytes)).on('error', (error) => {
      if (error instanceof Refused) onRefused(error);
    });
    const content = BODILESS.has(status) ? null : (Readable.toWeb(bounded) as ReadableStream);
    return new Response(content, { status, headers: toHeaders(response.headers) });
  } catch (error) {
    // What a server says of its own accord is not waited for.
    if (error instanceof Refused && method !== 'GET') onRefused(error);
    throw error;
  }
}

/** @throws Refused where there are more */
async function* upTo(response: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Refused(`it answered more than ${maxBytes} bytes`, response.statusCode ?? null);
    yield chunk;
  }
}

function toHeaders(given: NodeJS.Dict<string | string[]>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) for (const one of [value ?? []].flat()) headers.append(name, one);
  return headers;
}

/** What a model can read of it. */
function toText({ content, structuredContent }: CallToolResult): string {
  const texts = content.map((part) => (part.type === 'text' ? part.text : `(${part.type} left out)`));
  return texts.length === 0 && structuredContent !== undefined ? JSON.stringify(structuredContent) : texts.join('\n');
}
