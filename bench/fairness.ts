/**
 * What a flood of one tenant does to another, at a gateway with shipped settings: the 95th percentile of the second one's
 * times beside floods of chats, searches and uploads, against alone with the same share. Two tenants that both want all
 * of the machine have half of it each, so alone with that share everything takes twice as long as alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, flooding, withGateway } from './gateway/client.js';
import { quantile } from './load.js';
import type { BenchOptions } from './main.js';

const ANSWER_TOKENS = 48;
const PAUSE_MS = 120;
const TENANTS = 2;
const WARM_UP_MS = 3000;
/** About 40 passages. */
const FLOOD_DOCUMENT = 'The quarterly report speaks of growth in every region but one, and of the reasons. '.repeat(
  300,
);
const DOCUMENT = '# Opening hours\n\nThe branch opens at nine and closes at half past five on weekdays.\n';

interface Times {
  readonly ttft: number[];
  readonly search: number[];
  readonly upload: number[];
}

export default function benchFairness({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const asked = quick ? 8 : 25;
  return withGateway(async (person, flood) => {
    let count = 0;
    const floods: Record<string, () => () => Promise<void>> = {
      chats: () => flooding(100, (signal) => flood.stream(`What is the body limit of ${count++}?`, 64, signal)),
      searches: () => flooding(100, (signal) => search(flood, `Which option sets ${count++}?`, signal)),
      uploads: () => {
        const name = () => `report-${count++}.md`;
        return flooding(20, (signal) => flood.attach(flood.store, name(), FLOOD_DOCUMENT, signal));
      },
    };
    await timesOf(person, 2);
    const alone = await timesOf(person, asked);
    const figures: Record<string, number> = {};
    for (const what of ['ttft', 'search', 'upload'] as const) {
      figures[`${what}_p95_alone_ms`] = Math.round(quantile(alone[what], 0.95));
    }
    for (const [name, start] of Object.entries(floods)) {
      const stop = start();
      await sleep(WARM_UP_MS);
      const beside = await timesOf(person, asked);
      await stop();
      for (const what of ['ttft', 'search', 'upload'] as const) {
        const p95 = quantile(beside[what], 0.95);
        say(
          `${what} beside a flood of ${name}: p50 ${Math.round(quantile(beside[what], 0.5))}, p95 ${Math.round(p95)} ms`,
        );
        figures[`${what}_p95_ratio_${name}`] = Number((p95 / (TENANTS * quantile(alone[what], 0.95))).toFixed(2));
      }
      // What the flood left to be read is none of the next one's.
      await until(async () => !(await (await person.get('/metrics')).text()).match(/ingest_queue_length [1-9]/));
    }
    return figures;
  });
}

/** One thing after another, as a person does. */
async function timesOf(person: Client, count: number): Promise<Times> {
  const times: Times = { ttft: [], search: [], upload: [] };
  for (let n = 0; n < count; n++) {
    const tag = `${n} ${Math.random()}`;
    times.ttft.push((await person.stream(`What is the early repayment charge of ${tag}?`, ANSWER_TOKENS))[0]!);
    times.search.push(await durationOf(() => search(person, `How long does ${tag} take?`)));
    times.upload.push(
      await durationOf(async () => {
        const id = await person.attach(person.store, 'hours.md', DOCUMENT + tag);
        const path = `/v1/vector_stores/${person.store}/files/${id}`;
        await until(async () => ((await (await person.get(path)).json()) as { status: string }).status === 'completed');
      }),
    );
    await sleep(PAUSE_MS);
  }
  return times;
}

async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

const search = (client: Client, query: string, signal?: AbortSignal) =>
  client.post(`/v1/vector_stores/${client.store}/search`, { query }, signal).then((response) => response.json());
