import { buildConnector, Pool } from 'undici';
import { currentTrace } from '../tracing/current.js';
import { broken, failureOf, ReplicaFailure } from './failure.js';
import { Incoming } from './incoming.js';

export interface ServerOptions {
  /** Where it listens; a path is what all its paths begin with. */
  readonly url: string;
  /** Sent as bearer token; empty: none. */
  readonly apiKey: string;
  readonly connectTimeoutMs: number;
  /** Longest silence in the middle of a body. */
  readonly stallTimeoutMs: number;
}

/** An HTTP server. All it throws is a ReplicaFailure, but for what aborts a signal. */
export interface Server {
  readonly url: string;
  /** Sends JSON where there is a body, and takes JSON or text. */
  call(method: 'GET' | 'POST', path: string, body: object | null, signal: AbortSignal): Promise<unknown>;
  /** The bytes of a stream of events, from the first; leaving them closes the connection. It may be asked for twice. */
  stream(path: string, body: object, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  close(): Promise<void>;
}

/** Largest answer that is no stream. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** What is told of an error's own message. */
const MAX_REASON_CHARACTERS = 300;

export function createServer({ url, apiKey, connectTimeoutMs, stallTimeoutMs }: ServerOptions): Server {
  const { origin, pathname } = new URL(url);
  const prefix = pathname.replace(/\/$/, '');
  /** How connections ended that had carried an answer before. */
  const endsOfUsed = new WeakSet<object>();
  const connector = buildConnector({ timeout: connectTimeoutMs });
  const connect: buildConnector.connector = (options, callback) =>
    connector(options, (...connected) => {
      const [, socket] = connected;
      socket?.once('error', (error) => {
        if (socket.bytesRead > 0) endsOfUsed.add(error);
      });
      callback(...connected);
    });
  // How many connections there are, who asks bounds. Those of answers are kept; all else has one each.
  const open = () => new Pool(origin, { connect, headersTimeout: 0, bodyTimeout: stallTimeoutMs });
  const [kept, fresh] = [open(), open()];
  const headers = {
    'content-type': 'application/json',
    ...(apiKey !== '' && { authorization: `Bearer ${apiKey}` }),
  };

  async function send(
    method: 'GET' | 'POST',
    path: string,
    body: object | null,
    { signal, mayRepeat }: { readonly signal: AbortSignal; readonly mayRepeat: boolean },
  ) {
    const trace = currentTrace();
    const request = {
      method,
      path: prefix + path,
      headers: trace === null ? headers : { ...headers, traceparent: trace.traceparent },
      body: body && JSON.stringify(body),
    };
    const askAnew = () => Incoming.ask(fresh, { ...request, reset: true }, signal);
    const askTwice = () =>
      Incoming.ask(kept, request, signal).catch((error: unknown) => {
        // A server may close a connection just when the next request is written to it (llama-server does after each answer), and
        // whether it has read that request nobody knows.
        const wasUsed = error instanceof ReplicaFailure && endsOfUsed.has(error.cause as object);
        if (!wasUsed) throw error;
        return askAnew();
      });
    const response = await (mayRepeat ? askTwice() : askAnew());
    if (response.statusCode === 200) return response;
    const { statusCode: status } = response;
    throw failureOf(status, `it answered ${status}: ${reasonIn(await readAll(response))}`);
  }

  return {
    url,
    async call(method, path, body, signal) {
      const text = await readAll(await send(method, path, body, { signal, mayRepeat: false }));
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    },
    async stream(path, body, signal) {
      const response = await send('POST', path, body, { signal, mayRepeat: true });
      const contentType = String(response.headers['content-type'] ?? 'none');
      if (!contentType.startsWith('text/event-stream')) {
        response.leave();
        throw broken(`it answered with content type ${contentType} in place of text/event-stream`);
      }
      return response;
    },
    close: async () => void (await Promise.all([kept.destroy(), fresh.destroy()])),
  };
}

async function readAll(response: Incoming): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw broken(`its answer has more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The members of an object, or of the JSON of one. @throws ReplicaFailure `broken` for anything else */
export function readObject(value: unknown): Readonly<Record<string, unknown>> {
  try {
    const object: unknown = typeof value === 'string' ? JSON.parse(value) : value;
    if (typeof object === 'object' && object !== null && !Array.isArray(object))
      return object as Record<string, unknown>;
  } catch {}
  throw broken(`it says what is no JSON object: ${JSON.stringify(value)?.slice(0, MAX_REASON_CHARACTERS)}`);
}

/** The message in an error of OpenAI's, FastAPI's or SGLang's shape, or the text itself. */
function reasonIn(text: string): string {
  try {
    const { error, message, detail, error_message } = JSON.parse(text);
    return String(error?.message ?? message ?? detail ?? error_message ?? error ?? text).slice(
      0,
      MAX_REASON_CHARACTERS,
    );
  } catch {
    return text.slice(0, MAX_REASON_CHARACTERS);
  }
}
