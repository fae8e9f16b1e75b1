import { sql, type Transaction } from 'kysely';
import type { FileBatch, FileCounts, NewStoreFile } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { endJob, unfinishedJobs } from '../../jobs/jobs.js';
import { type AttachOptions, attachFile } from './attach-file.js';
import { type Audited, type Db, jobTables, type Tables } from './database.js';
import { STATUS, toFileCounts } from './file-counts.js';
import { newId } from './ids.js';

type Row = Omit<Tables['batches'], 'seq' | 'tenant' | 'cancelled'> & { seq: number; cancelled: number };

/** Files that were put into a store together. */
export function createFileBatches(db: Db, audit: Audited) {
  const find = async (tenant: string, storeId: string, id: string): Promise<Row> => {
    const row = await db
      .selectFrom('batches')
      .select(['seq', 'id', 'store_id', 'created_at', 'cancelled'])
      .where('tenant', '=', tenant)
      .where('store_id', '=', storeId)
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw new AppError('not_found', { what: `File batch of vector store ${storeId}`, id });
    return row;
  };

  const get = async (tenant: string, storeId: string, id: string): Promise<FileBatch> => {
    const row = await find(tenant, storeId, id);
    const counts = await db
      .selectFrom('batch_files')
      .innerJoin('store_files', 'store_files.seq', 'file_seq')
      .select((eb) => [STATUS.as('status'), eb.fn.countAll<number>().as('files')])
      .where('batch_seq', '=', row.seq)
      .groupBy(STATUS)
      .execute();
    return toBatch(row, toFileCounts(counts));
  };

  return {
    get,

    /** All of them, or none. @throws AppError `ingest_queue_full` */
    async create(
      tenant: string,
      storeId: string,
      files: readonly NewStoreFile[],
      options: AttachOptions,
    ): Promise<FileBatch> {
      const id = newId('vsfb_');
      await db.transaction().execute(async (tx) => {
        const { seq: batch_seq } = await tx
          .insertInto('batches')
          .values({ id, tenant, store_id: storeId, created_at: options.nowS })
          .returning('seq')
          .executeTakeFirstOrThrow();
        for (const file of files) {
          const file_seq = await attachFile(tx, tenant, storeId, file, options, audit);
          await tx
            .insertInto('batch_files')
            .values({ batch_seq, file_seq })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }
      });
      return get(tenant, storeId, id);
    },

    /** Calls off what was not read yet; what was stays. */
    async cancel(tenant: string, storeId: string, id: string, nowMs: number): Promise<FileBatch> {
      const { seq } = await find(tenant, storeId, id);
      await db.transaction().execute(async (tx) => {
        const waiting = await unfinishedJobs(jobTables(tx), 'ingest')
          .select('jobs.seq')
          .where('subject', 'in', subjectsOf(tx, seq))
          .execute();
        for (const job of waiting) await endJob(jobTables(tx), job.seq, 'cancelled', nowMs);
        if (waiting.length > 0) await tx.updateTable('batches').set({ cancelled: 1 }).where('seq', '=', seq).execute();
      });
      return get(tenant, storeId, id);
    },
  };
}

/** What the ingest jobs of a batch's files are about. */
function subjectsOf(tx: Transaction<Tables>, batch: number) {
  return tx
    .selectFrom('batch_files')
    .innerJoin('store_files', 'store_files.seq', 'file_seq')
    .select(sql<string>`store_id || '/' || file_id`.as('subject'))
    .where('batch_seq', '=', batch);
}

function toBatch(row: Row, fileCounts: FileCounts): FileBatch {
  return {
    id: row.id,
    storeId: row.store_id,
    createdAt: row.created_at,
    status: statusOf(row, fileCounts),
    fileCounts,
  };
}

function statusOf({ cancelled }: Row, { inProgress, failed, total }: FileCounts): FileBatch['status'] {
  if (cancelled) return 'cancelled';
  if (inProgress > 0) return 'in_progress';
  return total > 0 && failed === total ? 'failed' : 'completed';
}
