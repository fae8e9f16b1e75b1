/**
 * kill -9 of the real retrieval process at random moments of uploads, ingestion, replacements, deletions, compactions and
 * snapshots of the index.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Retrieval } from '../../src/contracts/retrieval.js';
import { openRows } from '../../tests/fixtures/retrieval/rows.js';
import { randomNumbers } from '../retrieval/random.js';
import { Documents, TENANT } from './documents.js';
import { type Findings, verify } from './verify.js';

type Process = Retrieval & { readonly pid: () => number | undefined };

export interface CrashOptions {
  readonly dataDir: string;
  readonly seed: number;
  readonly kills: number;
  /** Kills between two comparisons. */
  readonly every: number;
  readonly longestLifeMs: number;
  /** @param exactSearchLimit passages up to which all are compared */
  readonly start: (dataDir: string, exactSearchLimit: number) => Promise<Process>;
  readonly say: (line: string) => void;
}

/** Enough for searches to go through the index. */
const PASSAGES = 1200;
const PASSAGES_A_FILE = 30;
const INDEX_FROM = 100;
const ALL = 1_000_000;
/** Changes at once, each of its own documents. */
const CHANGERS = 4;

export async function runCrashes(options: CrashOptions): Promise<Findings & { kills: number; changes: number }> {
  const { dataDir, seed, kills, every, longestLifeMs, start, say } = options;
  const random = randomNumbers(seed);
  const storeId = await seedRows(dataDir, start);
  const changed = Array.from({ length: CHANGERS }, (_, n) => new Documents(storeId, `c${n}-`, random));
  const total = { kills: 0, changes: 0, lost: 0, resurrected: 0, mismatches: 0 };

  const compare = async () => {
    const retrieval = await start(dataDir, INDEX_FROM);
    while ((await retrieval.getStore(TENANT, storeId)).fileCounts.inProgress > 0) await sleep(20);
    const findings = await verify(dataDir, retrieval, changed, (copy) => start(copy, ALL));
    await retrieval.close();
    for (const name of ['lost', 'resurrected', 'mismatches'] as const) total[name] += findings[name];
    say(`${total.kills} kills, ${total.changes} changes acknowledged: ${JSON.stringify(findings)}`);
  };

  while (total.kills < kills) {
    const retrieval = await start(dataDir, INDEX_FROM);
    try {
      const changing = Promise.all(changed.map((documents) => documents.change(retrieval)));
      await Promise.race([changing, sleep(random() * longestLifeMs)]);
      process.kill(retrieval.pid()!, 'SIGKILL');
      total.kills++;
      for (const changes of await changing) total.changes += changes;
    } finally {
      await retrieval.close();
    }
    if (total.kills % every === 0 || total.kills === kills) await compare();
  }
  return total;
}

/** A store with passages whose vectors nobody had to compute. */
async function seedRows(dataDir: string, start: CrashOptions['start']): Promise<string> {
  const first = await start(dataDir, INDEX_FROM);
  const { id: storeId } = await first.createStore(TENANT, { name: 'crash', metadata: {} });
  const texts = Array.from({ length: PASSAGES_A_FILE }, (_, n) => `Paragraph ${n} about the weather.`);
  const { vectors } = await first.embed(TENANT, texts, new AbortController().signal);
  await first.close();
  const rows = await openRows(dataDir);
  const random = randomNumbers(1);
  for (let file = 0; file < PASSAGES / PASSAGES_A_FILE; file++) {
    // Near real ones, as those of documents are.
    const near = vectors.map((vector) => {
      const moved = vector.map((value) => value + (random() - 0.5) * 0.05);
      const norm = Math.hypot(...moved);
      return moved.map((value) => value / norm);
    });
    await rows.addFile(TENANT, storeId, near, (n) => `File ${file}, ${texts[n]}`);
  }
  await rows.db.destroy();
  return storeId;
}
