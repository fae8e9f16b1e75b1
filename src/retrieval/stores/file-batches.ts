import type { FileBatch, FileCounts, NewStoreFile } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { type AttachOptions, attachFile } from './attach-file.js';
import type { Db, Tables } from './database.js';
import { STATUS, toFileCounts } from './file-counts.js';
import { newId } from './ids.js';

type Row = Omit<Tables['batches'], 'seq' | 'tenant' | 'cancelled'> & { seq: number; cancelled: number };

/** Files that were put into a store together. */
export function createFileBatches(db: Db) {
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
          const file_seq = await attachFile(tx, tenant, storeId, file, options);
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
    async cancel(tenant: string, storeId: string, id: string): Promise<FileBatch> {
      const { seq } = await find(tenant, storeId, id);
      await db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('store_files')
          .set({ status: 'failed', cancelled: 1 })
          .where('status', '=', 'in_progress')
          .where('seq', 'in', (eb) => eb.selectFrom('batch_files').select('file_seq').where('batch_seq', '=', seq))
          .executeTakeFirst();
        if (numUpdatedRows > 0n) await tx.updateTable('batches').set({ cancelled: 1 }).where('seq', '=', seq).execute();
      });
      return get(tenant, storeId, id);
    },
  };
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

export type FileBatches = ReturnType<typeof createFileBatches>;
