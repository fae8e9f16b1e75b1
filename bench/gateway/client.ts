/** A gateway with shipped settings in a process of its own, and what its two sample tenants ask of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO_TENANTS } from '../../src/demo/tenants.js';
import { removeDataDir, startAsShipped, temporaryDataDir } from '../../tests/integration/gateway-process.js';
import { createSseReader } from '../load.js';

export interface Client {
  /** @throws Error with the answer where it is not 2xx */
  post(path: string, body: object | FormData | string, signal?: AbortSignal): Promise<Response>;
  get(path: string): Promise<Response>;
  /** When each piece of a streamed answer came, in milliseconds since the question. */
  stream(question: string, maxTokens: number, signal?: AbortSignal): Promise<number[]>;
  /** Uploads a document and puts it into a store, where it is read later. Returns its id. */
  attach(store: string, filename: string, content: string, signal?: AbortSignal): Promise<string>;
  /** The tenant's default store. */
  readonly store: string;
}

export async function withGateway<T>(use: (person: Client, flood: Client) => Promise<T>): Promise<T> {
  const dataDir = temporaryDataDir();
  const gateway = await startAsShipped(dataDir);
  try {
    const clients = DEMO_TENANTS.slice(0, 2).map(({ secret }) => createClient(gateway.url, secret));
    const [person, flood] = await Promise.all(clients);
    return await use(person!, flood!);
  } finally {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  }
}

export async function createClient(url: string, key: string): Promise<Client> {
  const authorization = { authorization: `Bearer ${key}` };
  const send = async (path: string, init: RequestInit) => {
    const response = await fetch(url + path, init);
    if (!response.ok) throw new Refused(response.status, await response.text());
    return response;
  };
  const post: Client['post'] = (path, body, signal) =>
    body instanceof FormData
      ? send(path, { method: 'POST', headers: authorization, body, signal: signal ?? null })
      : send(path, {
          method: 'POST',
          headers: { ...authorization, 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
          signal: signal ?? null,
        });
  const get: Client['get'] = (path) => send(path, { headers: authorization });
  const { data } = (await (await get('/v1/vector_stores?order=asc')).json()) as { data: { id: string }[] };
  return {
    post,
    get,
    store: data[0]!.id,
    async stream(question, maxTokens, signal) {
      const startedMs = performance.now();
      const messages = [{ role: 'user', content: question }];
      const body = { model: 'assistant', messages, max_tokens: maxTokens, stream: true };
      const response = await post('/v1/chat/completions', body, signal);
      const times: number[] = [];
      const read = createSseReader();
      const decoder = new TextDecoder();
      for await (const bytes of response.body!) {
        for (const data of read(decoder.decode(bytes, { stream: true }))) {
          if (data !== '[DONE]' && JSON.parse(data).choices?.[0]?.delta.content)
            times.push(performance.now() - startedMs);
        }
      }
      return times;
    },
    async attach(store, filename, content, signal) {
      const form = new FormData();
      form.append('purpose', 'assistants');
      form.append('file', new Blob([content]), filename);
      const { id } = (await (await post('/v1/files', form, signal)).json()) as { id: string };
      await post(`/v1/vector_stores/${store}/files`, { file_id: id }, signal);
      return id;
    },
  };
}

/** What the gateway refused: a flood goes on, after a pause where there is too much of it. */
class Refused extends Error {
  readonly pauseMs: number;

  constructor(status: number, text: string) {
    super(`${status}: ${text}`);
    this.pauseMs = status === 429 || status === 503 ? 200 : 0;
  }
}

/**
 * Many callers that never stop, until the returned function is called, which gives up what they wait for. Refusals are
 * what a flood has to expect.
 */
export function flooding(callers: number, ask: (signal: AbortSignal) => Promise<unknown>): () => Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const all = Array.from({ length: callers }, async () => {
    while (!signal.aborted) {
      try {
        await ask(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Refused)) throw error;
        await sleep(error.pauseMs);
      }
    }
  });
  return async () => {
    over.abort();
    await Promise.all(all);
  };
}
