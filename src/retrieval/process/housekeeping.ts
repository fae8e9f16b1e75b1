import type { Clock } from '../../contracts/clock.js';
import type { Retrieval } from '../../contracts/retrieval.js';
import type { JobStore } from '../../jobs/jobs.js';
import { emptyLog, rewrite } from '../../sqlite/compact.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { Db } from '../stores/database.js';
import type { Files } from '../stores/files.js';
import { createTraces } from '../stores/traces.js';
import type { VectorStores } from '../stores/vector-stores.js';
import { createCompaction } from './compaction.js';
import { createPurge } from './purge.js';
import type { WorkQueue } from './queue.js';
import { startTidying } from './tidying.js';

export interface Housekeeping {
  /** The rows are gone: takes them out of the index, and off the disk a little later. */
  readonly forget: (tenant: string, keys: readonly number[]) => void;
  readonly purge: Retrieval['purgeFiles'];
  stop(): void;
}

interface HousekeepingOptions {
  readonly dataDir: string;
  readonly writer: Db;
  readonly files: Files;
  readonly stores: Pick<VectorStores, 'expire'>;
  readonly jobs: JobStore;
  readonly indexes: TenantIndexes;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly onError: (error: unknown, what: string) => void;
}

/** How long what was deleted may stay on the disk. */
const COMPACT_AFTER_MS = 10_000;

/** Sees to it that what is over goes: deleted rows, expired stores, old jobs. */
export function startHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { dataDir, writer, files, stores, jobs, indexes, queue, clock, onError } = options;
  const { purge, compact } = createPurge({
    nowS: () => Math.floor(clock.now() / 1000),
    dataDir,
    files,
    traces: createTraces(writer),
    indexes,
    emptyLog: () => emptyLog(writer),
    rewrite: () => rewrite(writer),
  });
  const compaction = createCompaction({
    delayMs: COMPACT_AFTER_MS,
    async compact(tenant) {
      if (!(await compact(tenant))) throw new Error('somebody reads an old state of the database');
    },
    onError,
  });
  const forget = (tenant: string, keys: readonly number[]) => {
    compaction.note(tenant);
    // Not while a search is under way: it may see rows yet whose keys the index would not name any more.
    queue
      .run('background', tenant, () => indexes.removed(tenant, keys))
      .catch((error) => onError(error, 'taking passages out of an index'));
  };
  const tidying = startTidying({
    async expire() {
      for (const { tenant, keys } of await stores.expire()) forget(tenant, keys);
    },
    jobs,
    clock,
    onError,
  });

  return {
    forget,
    purge,
    stop() {
      tidying.stop();
      compaction.stop();
    },
  };
}
