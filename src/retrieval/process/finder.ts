import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PurgeReport } from '../../contracts/retrieval.js';

/** What a finder is asked, once. */
export interface Wanted {
  readonly type: 'find';
  readonly folder: string;
  readonly pieces: readonly Buffer[];
}

export type Found = Pick<PurgeReport, 'found' | 'searchedFiles' | 'searchedBytes'>;

const MAIN = fileURLToPath(new URL(`finder/main${extname(import.meta.url)}`, import.meta.url));

/**
 * Looks for pieces of bytes in all of a data folder except for models, in a process of its own: one that has a database
 * open, reads its files besides, and closes one of them, loses its locks on it, and then the next process that opens the
 * database cuts off the log's index under it (docs/decisions/0115-locks-that-a-close-takes.md).
 */
export function findApart(folder: string, pieces: readonly Buffer[]): Promise<Found> {
  const child = fork(MAIN, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    child.once('message', (found: Found) => {
      child.disconnect();
      resolve(found);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`the search for what was purged ended (${signal ?? `exit code ${code}`}); purge again`));
    });
    child.send({ type: 'find', folder, pieces } satisfies Wanted, () => {});
  });
}
