import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../contracts/clock.js';
import { probeWriting } from '../files/write-probe.js';
import { storageTrouble } from './storage-trouble.js';

/** However often it is asked, no more is written. */
const PROBE_EVERY_MS = 1000;

const REPLACED = 'the data folder is another one than at the start: restart to use it';

export interface StorageProbe {
  /** Why the folder cannot be written to, by trying; null where it can. */
  trouble(): Promise<string | null>;
  /** Why what is written would not be found in the folder; null where it would. */
  lost(): Promise<string | null>;
}

/**
 * Looks after a folder and the files in it that are open. A database goes on writing to its files when no path leads to
 * them any more, and what it acknowledges then is lost unless the folder comes back.
 */
export function createStorageProbe(
  folder: string,
  files: readonly string[],
  clock: Pick<Clock, 'monotonicMs'>,
): StorageProbe {
  const opened = files.map((name) => identityOf(statSync(join(folder, name))));

  const isOpened = (name: string, index: number) =>
    stat(join(folder, name)).then(
      (found) => identityOf(found) === opened[index],
      () => false,
    );
  // Asked with every write: an answer of a second ago would let one through that is lost.
  const lost = async (): Promise<string | null> => {
    try {
      await stat(folder);
    } catch (error) {
      return toReason(error);
    }
    return (await Promise.all(files.map(isOpened))).every(Boolean) ? null : REPLACED;
  };
  let last: { readonly atMs: number; readonly trouble: Promise<string | null> } | null = null;
  const writing = (): Promise<string | null> => {
    const nowMs = clock.monotonicMs();
    if (last === null || nowMs - last.atMs >= PROBE_EVERY_MS) {
      last = { atMs: nowMs, trouble: probeWriting(folder).then(() => null, toReason) };
    }
    return last.trouble;
  };
  return { lost, trouble: async () => (await lost()) ?? writing() };
}

function identityOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}

function toReason(error: unknown): string {
  return storageTrouble(error) ?? String(error);
}
