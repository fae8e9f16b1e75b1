/** What callers of the soak test share: calls that end with the code of an error, and streams that must end whole. */
import { createSseReader } from '../load.js';

const CALL_TIMEOUT_MS = 60_000;

/** @param code of the gateway's error, or what is wrong with its answer */
export class CallError extends Error {
  readonly code: string;

  constructor(code: string, detail = '') {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

export interface Client {
  /** @throws CallError where the answer is not 2xx, or none came */
  send(method: string, path: string, body?: object | FormData, signal?: AbortSignal): Promise<Response>;
  json<T>(method: string, path: string, body?: object | FormData): Promise<T>;
  /** The whole text of a chat, streamed or not. @throws CallError */
  chat(body: ChatBody, signal?: AbortSignal): Promise<{ readonly text: string; readonly adapter: string | null }>;
}

export interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: 'user'; readonly content: string }[];
  readonly max_tokens: number;
  readonly stream: boolean;
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly error?: { readonly code: string; readonly message: string };
}

export function createClient(url: string, key: string): Client {
  const send: Client['send'] = async (method, path, body, signal) => {
    const isForm = body instanceof FormData;
    const headers = { authorization: `Bearer ${key}`, ...(body && !isForm && { 'content-type': 'application/json' }) };
    const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body && { body: isForm ? body : JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    }).catch((error) => {
      throw brokenCall(error, signal);
    });
    if (response.ok) return response;
    const text = await read(response, signal);
    throw new CallError(codeOf(text) ?? `status ${response.status}`, text);
  };
  const read = (response: Response, signal?: AbortSignal): Promise<string> =>
    response.text().catch((error) => {
      throw brokenCall(error, signal);
    });
  return {
    send,
    json: async (method, path, body) => parsed(await read(await send(method, path, body))),
    async chat(body, signal) {
      const response = await send('POST', '/v1/chat/completions', body, signal);
      const adapter = response.headers.get('x-adapter');
      const received = await read(response, signal);
      const text = body.stream ? textOfStream(received) : textOfAnswer(received);
      return { text, adapter };
    },
  };
}

function brokenCall(error: Error, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return error;
  if (error.name === 'TimeoutError') return new CallError('no answer', `within ${CALL_TIMEOUT_MS / 1000} s`);
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException;
  return new CallError(`connection: ${code ?? message}`, String(error));
}

function codeOf(text: string): string | null {
  try {
    return (JSON.parse(text) as Chunk).error?.code ?? null;
  } catch {
    return null;
  }
}

/** @throws CallError */
function parsed<T>(text: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw new CallError('broken answer', text.slice(-200));
  }
}

function textOfAnswer(received: string): string {
  return parsed<{ choices: { message: { content: string } }[] }>(received).choices[0]!.message.content;
}

/** @throws CallError for a stream that ends with an error, or before its end */
function textOfStream(received: string): string {
  const events = createSseReader()(received);
  const chunks = events.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as Chunk);
  const error = chunks.find((chunk) => chunk.error !== undefined)?.error;
  if (error !== undefined) throw new CallError(error.code, error.message);
  const isWhole = events.at(-1) === '[DONE]' && chunks.some(({ choices }) => choices?.[0]?.finish_reason);
  if (!isWhole) throw new CallError('broken stream', received.slice(-200));
  return chunks.map(({ choices }) => choices?.[0]?.delta.content ?? '').join('');
}
