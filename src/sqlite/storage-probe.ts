import type { Clock } from '../contracts/clock.js';
import { probeWriting } from '../files/write-probe.js';
import { storageTrouble } from './storage-trouble.js';

/** However often it is asked, the disk is not. */
const PROBE_EVERY_MS = 1000;

/** Tells why a folder cannot be written to, by trying; null where it can. */
export function createStorageProbe(folder: string, clock: Pick<Clock, 'monotonicMs'>): () => Promise<string | null> {
  let last: { readonly atMs: number; readonly trouble: Promise<string | null> } | null = null;
  return () => {
    const nowMs = clock.monotonicMs();
    if (last === null || nowMs - last.atMs >= PROBE_EVERY_MS) {
      const trouble = probeWriting(folder).then(
        () => null,
        (error: unknown) => storageTrouble(error) ?? String(error),
      );
      last = { atMs: nowMs, trouble };
    }
    return last.trouble;
  };
}
