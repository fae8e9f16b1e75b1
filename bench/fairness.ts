/**
 * What a flood of one tenant does to another, at a gateway with shipped settings: the 95th percentile of the second one's
 * times beside floods of chats, searches and uploads, against the same requests without a flood, in the same run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, flooding, withGateway } from './gateway/client.js';
import { quantile } from './load.js';
import type { BenchOptions } from './main.js';

const ANSWER_TOKENS = 48;
const PAUSE_MS = 120;
const WARM_UP_MS = 3000;
/** About 40 passages. */
const FLOOD_DOCUMENT = 'The quarterly report speaks of growth in every region but one, and of the reasons. '.repeat(
  300,
);
const DOCUMENT = '# Opening hours\n\nThe branch opens at nine and closes at half past five on weekdays.\n';

const KINDS = ['ttft', 'search', 'upload'] as const;
type Times = Record<(typeof KINDS)[number], number[]>;

export default function benchFairness({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const asked = quick ? 12 : 40;
  return withGateway(async (person, flood) => {
    let count = 0;
    let done = 0;
    const flooded = (callers: number, ask: (signal: AbortSignal) => Promise<unknown>) =>
      flooding(callers, async (signal) => {
        await ask(signal);
        done++;
      });
    // What uploads leave to be read goes on for minutes: they come last.
    const floods: Record<string, () => () => Promise<void>> = {
      chats: () => flooded(100, (signal) => flood.stream(`What is the body limit of ${count++}?`, 64, signal)),
      searches: () => flooded(100, (signal) => search(flood, `Which option sets ${count++}?`, signal)),
      uploads: () => {
        const name = () => `report-${count++}.md`;
        return flooded(20, (signal) => flood.attach(flood.store, name(), FLOOD_DOCUMENT, signal));
      },
    };
    await timesOf(person, 2);
    const alone = await timesOf(person, asked);
    const figures: Record<string, number> = {};
    for (const what of KINDS) {
      figures[`${what}_p95_alone_ms`] = Math.round(quantile(alone[what], 0.95));
      say(`${what} alone: ${described(alone[what])}`);
    }
    for (const [name, start] of Object.entries(floods)) {
      const stop = start();
      await sleep(WARM_UP_MS);
      const [startedMs, before] = [performance.now(), done];
      const beside = await timesOf(person, asked);
      figures[`${name}_per_s`] = Number(((1000 * (done - before)) / (performance.now() - startedMs)).toFixed(1));
      await stop();
      for (const what of KINDS) {
        say(`${what} beside a flood of ${name}: ${described(beside[what])}`);
        const p95 = quantile(beside[what], 0.95);
        figures[`${what}_p95_${name}_ms`] = Math.round(p95);
        figures[`${what}_p95_ratio_${name}`] = Number((p95 / quantile(alone[what], 0.95)).toFixed(2));
      }
    }
    for (const what of KINDS) {
      figures[`${what}_p95_ratio`] = Math.max(
        ...Object.keys(floods).map((name) => figures[`${what}_p95_ratio_${name}`]!),
      );
    }
    return figures;
  });
}

const described = (times: readonly number[]): string =>
  `p50 ${Math.round(quantile(times, 0.5))}, p95 ${Math.round(quantile(times, 0.95))} ms`;

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
