/** A gateway with shipped settings in a process of its own, and what its two sample tenants ask of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO_TENANTS } from '../../src/demo/tenants.js';
import { removeDataDir, startAsShipped, temporaryDataDir } from '../../tests/integration/gateway-process.js';
import { createSseReader } from '../load.js';

export interface Client {
  /** @throws Error with the answer where it is not 2xx */
  post(path: string, body: object | FormData | string): Promise<Response>;
  get(path: string): Promise<Response>;
  /** When each piece of a streamed answer came, in milliseconds since the question. */
  stream(question: string, maxTokens: number): Promise<number[]>;
  upload(filename: string, content: string): Promise<string>;
}

export async function withGateway<T>(use: (person: Client, flood: Client) => Promise<T>): Promise<T> {
  const dataDir = temporaryDataDir();
  const gateway = await startAsShipped(dataDir);
  try {
    const [person, flood] = DEMO_TENANTS.map(({ secret }) => createClient(gateway.url, secret));
    return await use(person!, flood!);
  } finally {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  }
}

function createClient(url: string, key: string): Client {
  const authorization = { authorization: `Bearer ${key}` };
  const send = async (path: string, init: RequestInit) => {
    const response = await fetch(url + path, init);
    if (!response.ok) throw new Refused(response.status, await response.text());
    return response;
  };
  const post: Client['post'] = (path, body) =>
    body instanceof FormData
      ? send(path, { method: 'POST', headers: authorization, body })
      : send(path, {
          method: 'POST',
          headers: { ...authorization, 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        });
  return {
    post,
    get: (path) => send(path, { headers: authorization }),
    async stream(question, maxTokens) {
      const startedMs = performance.now();
      const messages = [{ role: 'user', content: question }];
      const response = await post('/v1/chat/completions', {
        model: 'assistant',
        messages,
        max_tokens: maxTokens,
        stream: true,
      });
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
    async upload(filename, content) {
      const form = new FormData();
      form.append('purpose', 'assistants');
      form.append('file', new Blob([content]), filename);
      return ((await (await post('/v1/files', form)).json()) as { id: string }).id;
    },
  };
}

/** What the gateway refused: a flood goes on after a pause. */
class Refused extends Error {
  constructor(status: number, text: string) {
    super(`${status}: ${text}`);
  }
}

/** Many callers that never stop, until the returned function is called. Refusals are what a flood has to expect. */
export function flooding(callers: number, ask: () => Promise<unknown>): () => Promise<void> {
  let isOver = false;
  const all = Array.from({ length: callers }, async () => {
    while (!isOver) {
      try {
        await ask();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        await sleep(200);
      }
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(all);
  };
}
