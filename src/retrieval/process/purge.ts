import { join } from 'node:path';
import type { PurgeReport } from '../../contracts/retrieval.js';
import { findBytes } from '../../files/find-bytes.js';
import { findFiles } from '../../files/find-files.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { Files } from '../stores/files.js';
import type { Traces } from '../stores/traces.js';
import type { WorkQueue } from './queue.js';

interface PurgeOptions {
  readonly dataDir: string;
  readonly files: Pick<Files, 'get' | 'delete'>;
  readonly traces: Traces;
  readonly indexes: Pick<TenantIndexes, 'removed' | 'purge'>;
  readonly queue: Pick<WorkQueue, 'run'>;
  /** Brings what was deleted out of the log. */
  readonly emptyLog: () => Promise<boolean>;
  /** Writes the database anew. */
  readonly rewrite: () => Promise<void>;
  readonly nowS: () => number;
}

/** Models hold nothing of documents, and are most of the data folder. */
const NOT_SEARCHED = new Set(['models']);

/**
 * Deletes files for good, and proves it: pieces of them are taken down before, in memory alone, and looked for in all of
 * the data folder afterwards. Where the database still holds one in an unused place, it is written anew.
 */
export function createPurge({ dataDir, files, traces, indexes, queue, emptyLog, rewrite, nowS }: PurgeOptions) {
  const compact = async (tenant: string): Promise<boolean> => {
    await indexes.purge(tenant);
    return emptyLog();
  };

  const search = async (tenant: string, pieces: readonly Buffer[]) => {
    const run = <T>(job: () => T) => queue.run('background', tenant, job);
    const found: string[] = [];
    const names = findFiles(dataDir, (name) => !NOT_SEARCHED.has(name));
    let searchedBytes = 0;
    for (const name of names) {
      try {
        const { isFound, bytes } = await findBytes(join(dataDir, name), pieces, run);
        searchedBytes += bytes;
        if (isFound) found.push(name);
      } catch (error) {
        // A temporary file that is gone by now.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    return { found, searchedFiles: names.length, searchedBytes };
  };

  return {
    /** Takes what was deleted off the disk. @returns whether nobody kept it from that */
    compact,

    async purge(tenant: string, fileIds: readonly string[]): Promise<PurgeReport> {
      for (const id of fileIds) await files.get(tenant, id);
      const known: Buffer[] = [];
      for (const id of fileIds) known.push(...(await traces.of(id)));
      for (const id of fileIds) indexes.removed(tenant, await files.delete(tenant, id, nowS(), 'file.purged'));
      const pieces = await traces.withoutHeld(known);
      await compact(tenant);
      let result = await search(tenant, pieces);
      if (result.found.length > 0) {
        await rewrite();
        await compact(tenant);
        result = await search(tenant, pieces);
      }
      return { files: fileIds.length, pieces: pieces.length, ...result };
    },
  };
}
