/**
 * What one tenant's worst legal bodies do to another's stream: the gaps between the pieces of its answers, beside them
 * and alone.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, FLOOD_KEY, withGateway } from './gateway/client.js';
import type { Flood } from './gateway/flood-process.js';
import { WORST } from './gateway/worst-bodies.js';
import { quantile } from './load.js';
import type { BenchOptions } from './main.js';

const ANSWER_TOKENS = 80;
const CALLERS = 2;
const WARM_UP_MS = 2000;

export const parts = Object.keys(WORST);

export default function benchNeighbours({ quick, parts, say }: BenchOptions): Promise<Record<string, number>> {
  const answers = quick ? 2 : 5;
  return withGateway(async (person, _, url) => {
    await gapsOf(person, 1);
    const alone = await gapsOf(person, answers);
    const figures: Record<string, number> = {
      own_gap_p95_ms: Math.round(quantile(alone, 0.95)),
      own_gap_max_ms: Math.round(Math.max(...alone)),
    };
    const all: number[] = [];
    for (const body of parts) {
      const stop = floodApart({ url, key: FLOOD_KEY, body, callers: CALLERS });
      await sleep(WARM_UP_MS);
      const gaps = await gapsOf(person, answers);
      const perSecond = await stop();
      say(`${WORST[body]!.name}, ${perSecond.toFixed(1)} a second: ${described(gaps)}`);
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

const described = (gaps: readonly number[]): string => {
  const longest = [...gaps].sort((a, b) => b - a).slice(0, 3);
  return `gap p95 ${Math.round(quantile(gaps, 0.95))}, longest ${longest.map(Math.round).join(', ')} ms`;
};

/** Floods until the returned function is called, which gives how many requests a second there were. */
function floodApart(flood: Flood): () => Promise<number> {
  const child = fork(fileURLToPath(new URL('gateway/flood-process.ts', import.meta.url)));
  child.send(flood);
  return async () => {
    child.send('stop');
    const [{ perSecond }] = (await once(child, 'message')) as [{ perSecond: number }];
    return perSecond;
  };
}

async function gapsOf(person: Client, answers: number): Promise<number[]> {
  const gaps: number[] = [];
  for (let n = 0; n < answers; n++) {
    const times = await person.stream(`Tell me all about the early repayment charge. ${Math.random()}`, ANSWER_TOKENS);
    gaps.push(...times.slice(1).map((time, i) => time - times[i]!));
  }
  return gaps;
}
