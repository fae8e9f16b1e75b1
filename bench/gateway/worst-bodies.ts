/** The worst bodies that shipped settings allow, as bytes that were made before. */
import { loadConfig } from '../../src/config/load.js';
import type { Client, MadeBody } from './client.js';

export interface WorstBody {
  readonly name: string;
  /** Makes the bytes, and gives what sends them. */
  readonly make: (client: Client) => (signal: AbortSignal) => Promise<unknown>;
}

const CHAT = '/v1/chat/completions';
const message = (content: string) => ({ role: 'user', content });
const chat = (messages: readonly object[]) => ({ model: 'assistant', messages, max_tokens: 1 });

const json = (body: object | string): MadeBody => ({
  type: 'application/json',
  bytes: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

const upload = (filename: string, content: string): MadeBody => {
  const boundary = 'the-end-of-a-part';
  const head = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`;
  const form = `${head('name="purpose"')}assistants\r\n${head(`name="file"; filename="${filename}"`)}${content}\r\n--${boundary}--\r\n`;
  return { type: `multipart/form-data; boundary=${boundary}`, bytes: Buffer.from(form) };
};

const posted =
  (path: (client: Client) => string, makeBody: () => MadeBody): WorstBody['make'] =>
  (client) => {
    const body = makeBody();
    return (signal) => client.post(path(client), body, signal);
  };

/** Each as large as shipped settings let it be, and made for the slowest way through. What is read later comes last. */
export const WORST: Readonly<Record<string, WorstBody>> = {
  letters: {
    name: 'letters without a space',
    make: posted(
      () => CHAT,
      () => json(chat([message('x'.repeat(1_000_000))])),
    ),
  },
  fitting: {
    name: 'letters that may fit',
    make: posted(
      () => CHAT,
      () => json(chat([message('x'.repeat(120_000))])),
    ),
  },
  empty: {
    name: 'empty messages',
    make: posted(
      () => CHAT,
      () => json(chat(Array(30_000).fill(message('')))),
    ),
  },
  prompts: {
    name: 'prompts that fill the context',
    // No two are the same.
    make: (client) => (signal) =>
      client.post(CHAT, chat([message(`${Math.random()} ${'one two '.repeat(3400)}`)]), signal),
  },
  nested: {
    name: 'nested JSON',
    make: posted(
      () => CHAT,
      () => json(`${'['.repeat(500_000)}${']'.repeat(500_000)}`),
    ),
  },
  queries: {
    name: 'long queries',
    make: posted(
      ({ store }) => `/v1/vector_stores/${store}/search`,
      () => json({ query: Array(8).fill('a b '.repeat(2048)) }),
    ),
  },
  embeddings: {
    name: 'texts to embed',
    make: posted(
      () => '/v1/embeddings',
      () => json({ model: loadConfig().models.embedder, input: Array(2048).fill('a b '.repeat(100)) }),
    ),
  },
  tags: {
    name: 'tags that do not match',
    make: (client) => {
      const form = upload('tags.html', '<b></x>'.repeat(1_100_000));
      return (signal) => client.attachForm(client.store, form, signal);
    },
  },
};
