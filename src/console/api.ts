/** The gateway's API, by one key. */
import { EventSourceParserStream } from 'eventsource-parser/stream';

/** The gateway refused, or nothing answered; the message says what to do. */
export class ApiError extends Error {
  /** null: nothing answered. */
  readonly status: number | null;
  readonly code: string;

  constructor(status: number | null, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Api {
  get<T>(path: string): Promise<T>;
  /** All items of a list, page by page. */
  list<T>(path: string): Promise<readonly T[]>;
  text(path: string): Promise<string>;
  send<T>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object | null,
    headers?: Readonly<Record<string, string>>,
  ): Promise<T>;
  /** The events of a stream, parsed, without the last one; what is no event any more ends it. */
  stream(
    path: string,
    body: object,
    options: { readonly signal: AbortSignal; readonly headers: Readonly<Record<string, string>> },
  ): AsyncGenerator<object, void, undefined>;
}

/** Pages of a list, at most: a hundred items each. */
const MOST_PAGES = 20;

/** @param base where the gateway's paths begin, with a slash at the end @param secret null: without a key */
export function createApi(base: string, secret: string | null, fetchIt: typeof fetch = fetch): Api {
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (secret !== null) headers.set('authorization', `Bearer ${secret}`);
    // In Node, where this is tested, requests have no cache.
    const request = { cache: 'no-store', redirect: 'error', ...init, headers } as RequestInit;
    const response = await fetchIt(new URL(path.replace(/^\//, ''), base), request).catch((error: Error) => {
      if (error.name === 'AbortError') throw error;
      throw new ApiError(null, 'unreachable', 'The gateway does not answer. It is tried again as soon as you do.');
    });
    if (!response.ok) throw await toError(response);
    return response;
  }
  async function get<T>(path: string): Promise<T> {
    return (await ask(path)).json() as Promise<T>;
  }
  return {
    get,
    async list<T>(path: string) {
      const items: T[] = [];
      let after: string | null = null;
      for (let page = 0; page < MOST_PAGES; page++) {
        const step = after === null ? '' : `${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}`;
        // Lists of OpenAI's say where they end in another way than ours.
        const answer: { data: T[]; has_more?: boolean; last_id?: string | null; next?: string | null } = await get(
          path + step,
        );
        items.push(...answer.data);
        after = answer.next ?? (answer.has_more ? (answer.last_id ?? null) : null);
        if (after === null) break;
      }
      return items;
    },
    text: async (path) => (await ask(path)).text(),
    async send<T>(method: string, path: string, body: object | null = null, headers = {}) {
      const isForm = body instanceof FormData;
      const response = await ask(path, {
        method,
        headers: body === null || isForm ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body !== null && { body: isForm ? body : JSON.stringify(body) }),
      });
      return response.json() as Promise<T>;
    },
    async *stream(path, body, { signal, headers }) {
      const response = await ask(path, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
      });
      const events = response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
      const reader = events.getReader();
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          if (next.value.data === '[DONE]') return;
          const event = JSON.parse(next.value.data);
          if (event.error) throw new ApiError(response.status, event.error.code, event.error.message);
          yield event;
        }
      } finally {
        await reader.cancel().catch(() => {});
      }
    },
  };
}

/** A path from a template's parts, each escaped. */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

async function toError(response: Response): Promise<ApiError> {
  const answer = (await response.json().catch(() => ({}))) as { error?: { code: string; message: string } };
  const { code = 'unknown', message = `The gateway answered ${response.status}.` } = answer.error ?? {};
  return new ApiError(response.status, code, message);
}
