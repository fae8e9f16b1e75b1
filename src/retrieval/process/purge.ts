import type { PurgeReport } from '../../contracts/retrieval.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { Files } from '../stores/files.js';
import type { Traces } from '../stores/traces.js';
import { findApart } from './finder.js';

interface PurgeOptions {
  readonly dataDir: string;
  readonly files: Pick<Files, 'get' | 'delete'>;
  readonly traces: Traces;
  readonly indexes: Pick<TenantIndexes, 'removed' | 'purge'>;
  /** Brings what was deleted out of the log. */
  readonly emptyLog: () => Promise<boolean>;
  /** Writes the database anew. */
  readonly rewrite: () => Promise<void>;
  readonly nowS: () => number;
}

/**
 * Deletes files for good, and proves it: pieces of them are taken down before, in memory alone, and looked for in all of
 * the data folder afterwards. Where the database still holds one in an unused place, it is written anew.
 */
export function createPurge({ dataDir, files, traces, indexes, emptyLog, rewrite, nowS }: PurgeOptions) {
  const compact = async (tenant: string): Promise<boolean> => {
    await indexes.purge(tenant);
    return emptyLog();
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
      let result = await findApart(dataDir, pieces);
      if (result.found.length > 0) {
        await rewrite();
        await compact(tenant);
        result = await findApart(dataDir, pieces);
      }
      return { files: fileIds.length, pieces: pieces.length, ...result };
    },
  };
}
