import { setTimeout as sleep } from 'node:timers/promises';
import { FileTerms } from '../lexical/file-terms.js';
import type { Passages } from '../stores/passages.js';
import type { Postings } from '../stores/postings.js';
import type { WorkQueue } from './queue.js';

interface TermBackfillOptions {
  readonly postings: Pick<Postings, 'nextOutdated' | 'replace'>;
  readonly passages: Pick<Passages, 'ofFile'>;
  readonly queue: WorkQueue;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown, what: string) => void;
}

/** Passages in one job: a few milliseconds, for which a search may have to wait. */
const LOT = 16;
const PAUSE_MS = 15_000;

/**
 * Gathers the terms of files that were read by an earlier version of the product. Each file is done at once and for good; until it is,
 * vectors alone find it. Ends when all are done.
 */
export async function backfillTerms({
  postings,
  passages,
  queue,
  signal,
  onError,
}: TermBackfillOptions): Promise<void> {
  const rewrite = async (after: number): Promise<number | null> => {
    const file = await postings.nextOutdated(after);
    if (!file) return null;
    const terms = new FileTerms();
    for (let ordinal = 0, added = LOT; added === LOT && !signal.aborted; ordinal += added) {
      added = await queue.run('background', file.tenant, async () => {
        const some = await passages.ofFile(file, ordinal, LOT);
        for (const passage of some) terms.add(file.filename, passage);
        return some.length;
      });
    }
    if (!signal.aborted) await postings.replace(file, terms);
    return file.seq;
  };

  for (let after: number | null = 0; after !== null && !signal.aborted; ) {
    try {
      after = await rewrite(after);
    } catch (error) {
      onError(error, 'lexical search of older documents is delayed');
      await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
