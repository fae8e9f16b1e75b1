/** What kill -9 at random moments loses, brings back or mixes up: nothing. `CRASH_SEED` repeats a run, but for its timing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCrashes } from './crash/run.js';
import { shippedRetrieval } from './crash/start.js';
import type { BenchOptions } from './main.js';

/** A file is read in a quarter of that. */
const LONGEST_LIFE_MS = 1500;

export default async function benchCrash({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
  say(`seed ${seed}`);
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-crash-'));
  try {
    const [kills, every] = quick ? [20, 10] : [200, 20];
    return {
      ...(await runCrashes({
        dataDir,
        seed,
        kills,
        every,
        longestLifeMs: LONGEST_LIFE_MS,
        say,
        start: await shippedRetrieval(say),
      })),
    };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
