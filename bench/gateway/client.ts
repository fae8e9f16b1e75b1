/** A gateway with shipped settings in a process of its own, and what its two sample tenants ask of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO_TENANTS } from '../../src/demo/tenants.js';
import { removeDataDir, startAsShipped, temporaryDataDir } from '../../tests/integration/gateway-process.js';
import { createSseReader } from '../load.js';

/** A body that was made before. */
export interface MadeBody {
  readonly type: string;
  readonly bytes: Buffer;
}

const PERSON_KEY = DEMO_TENANTS[0]!.secret;
export const FLOOD_KEY = DEMO_TENANTS[1]!.secret;

export interface Client {
  /** @throws Error with the answer where it is not 2xx */
  post(path: string, body: object | FormData | MadeBody, signal?: AbortSignal): Promise<Response>;
  get(path: string): Promise<Response>;
  /** When each piece of a streamed answer came, in milliseconds since the question. */
  stream(question: string, maxTokens: number, signal?: AbortSignal): Promise<number[]>;
  /** Uploads a document and puts it into a store, where it is read later. Returns its id. */
  attach(store: string, filename: string, content: string, signal?: AbortSignal): Promise<string>;
  /** The same with the form of an upload. */
  attachForm(store: string, form: FormData | MadeBody, signal?: AbortSignal): Promise<string>;
  /** The tenant's default store. */
  readonly store: string;
}

export async function withGateway<T>(use: (person: Client, flood: Client, url: string) => Promise<T>): Promise<T> {
  const dataDir = temporaryDataDir();
  const gateway = await startAsShipped(dataDir);
  try {
    const clients = [PERSON_KEY, FLOOD_KEY].map((key) => createClient(gateway.url, key));
    const [person, flood] = await Promise.all(clients);
    return await use(person!, flood!, gateway.url);
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
  const post: Client['post'] = (path, body, signal) => {
    const init = { method: 'POST', signal: signal ?? null };
    if (body instanceof FormData) return send(path, { ...init, headers: authorization, body });
    const made = isMade(body) ? body : { type: 'application/json', bytes: JSON.stringify(body) };
    return send(path, { ...init, headers: { ...authorization, 'content-type': made.type }, body: made.bytes });
  };
  const attachForm: Client['attachForm'] = async (store, form, signal) => {
    const { id } = (await (await post('/v1/files', form, signal)).json()) as { id: string };
    await post(`/v1/vector_stores/${store}/files`, { file_id: id }, signal);
    return id;
  };
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
    attach(store, filename, content, signal) {
      const form = new FormData();
      form.append('purpose', 'assistants');
      form.append('file', new Blob([content]), filename);
      return attachForm(store, form, signal);
    },
    attachForm,
  };
}

const isMade = (body: object): body is MadeBody => 'bytes' in body && Buffer.isBuffer(body.bytes);

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
