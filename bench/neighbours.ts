/**
 * What one tenant's worst legal bodies do to another's stream: the gaps between the pieces of its answers, beside them
 * and alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, flooding, withGateway } from './gateway/client.js';
import { quantile } from './load.js';
import type { BenchOptions } from './main.js';

const ANSWER_TOKENS = 120;
const WARM_UP_MS = 2000;

/** Each as large as shipped settings let it be, and made for the slowest way through. */
const WORST: Record<string, (client: Client) => Promise<unknown>> = {
  'letters without a space': (client) => client.post('/v1/chat/completions', chat([message('x'.repeat(1_000_000))])),
  'empty messages': (client) => client.post('/v1/chat/completions', chat(Array(30_000).fill(message('')))),
  'texts to embed': (client) =>
    client.post('/v1/embeddings', { model: 'all-minilm-l6-v2', input: Array(2048).fill('a b '.repeat(100)) }),
  'tags that do not match': (client) => client.upload('tags.html', '<b></x>'.repeat(1_100_000)),
  'nested JSON': (client) => client.post('/v1/chat/completions', `${'['.repeat(500_000)}${']'.repeat(500_000)}`),
};

export default function benchNeighbours({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const answers = quick ? 2 : 6;
  return withGateway(async (person, flood) => {
    await gapsOf(person, 1);
    const alone = await gapsOf(person, answers);
    const figures: Record<string, number> = {
      own_gap_p95_ms: Math.round(quantile(alone, 0.95)),
      own_gap_max_ms: Math.round(Math.max(...alone)),
    };
    const all: number[] = [];
    for (const [name, ask] of Object.entries(WORST)) {
      const stop = flooding(2, () => ask(flood));
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

const message = (content: string) => ({ role: 'user', content });
const chat = (messages: readonly object[]) => ({ model: 'assistant', messages, max_tokens: 1 });
