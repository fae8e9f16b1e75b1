/**
 * What one tenant's worst legal bodies do to another's stream: the gaps between the pieces of its answers, beside them
 * and alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../src/config/load.js';
import { type Client, flooding, withGateway } from './gateway/client.js';
import { quantile } from './load.js';
import type { BenchOptions } from './main.js';

const ANSWER_TOKENS = 80;
const CALLERS = 2;
const WARM_UP_MS = 2000;

/** Each as large as shipped settings let it be, and made for the slowest way through. What is read later comes last. */
const WORST: Record<string, (client: Client, signal: AbortSignal) => Promise<unknown>> = {
  'letters without a space': (client, signal) => client.post(CHAT, chat([message('x'.repeat(1_000_000))]), signal),
  'letters that may fit': (client, signal) => client.post(CHAT, chat([message('x'.repeat(120_000))]), signal),
  'empty messages': (client, signal) => client.post(CHAT, chat(Array(30_000).fill(message(''))), signal),
  'prompts that fill the context': (client, signal) =>
    client.post(CHAT, chat([message(`${Math.random()} ${'one two '.repeat(3400)}`)]), signal),
  'nested JSON': (client, signal) => client.post(CHAT, `${'['.repeat(500_000)}${']'.repeat(500_000)}`, signal),
  'long queries': (client, signal) =>
    client.post(`/v1/vector_stores/${client.store}/search`, { query: Array(8).fill('a b '.repeat(2048)) }, signal),
  'texts to embed': (client, signal) =>
    client.post('/v1/embeddings', { model: EMBEDDER, input: Array(2048).fill('a b '.repeat(100)) }, signal),
  'tags that do not match': (client, signal) =>
    client.attach(client.store, 'tags.html', '<b></x>'.repeat(1_100_000), signal),
};

export default function benchNeighbours({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const answers = quick ? 2 : 5;
  return withGateway(async (person, flood) => {
    await gapsOf(person, 1);
    const alone = await gapsOf(person, answers);
    const figures: Record<string, number> = {
      own_gap_p95_ms: Math.round(quantile(alone, 0.95)),
      own_gap_max_ms: Math.round(Math.max(...alone)),
    };
    const all: number[] = [];
    for (const [name, ask] of Object.entries(WORST)) {
      const stop = flooding(CALLERS, (signal) => ask(flood, signal));
      await sleep(WARM_UP_MS);
      const gaps = await gapsOf(person, answers);
      await stop();
      say(`${name}: gap p95 ${Math.round(quantile(gaps, 0.95))}, longest ${Math.round(Math.max(...gaps))} ms`);
      all.push(...gaps);
    }
    return {
      ...figures,
      gap_p95_ms: Math.round(quantile(all, 0.95)),
      gap_max_ms: Math.round(Math.max(...all)),
      gap_max_over_own_ms: Math.round(Math.max(...all) - Math.max(...alone)),
    };
  });
}

async function gapsOf(person: Client, answers: number): Promise<number[]> {
  const gaps: number[] = [];
  for (let n = 0; n < answers; n++) {
    const times = await person.stream(`Tell me all about the early repayment charge. ${Math.random()}`, ANSWER_TOKENS);
    gaps.push(...times.slice(1).map((time, i) => time - times[i]!));
  }
  return gaps;
}

const CHAT = '/v1/chat/completions';
const EMBEDDER = loadConfig().models.embedder;
const message = (content: string) => ({ role: 'user', content });
const chat = (messages: readonly object[]) => ({ model: 'assistant', messages, max_tokens: 1 });
