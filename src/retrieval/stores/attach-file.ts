import { sql, type Transaction } from 'kysely';
import type { NewStoreFile } from '../../contracts/retrieval.js';
import type { Tables } from './database.js';
import { boundIngestQueue, type IngestLimits } from './ingest-bounds.js';

export interface AttachOptions {
  readonly limits: IngestLimits;
  readonly nowS: number;
}

/**
 * Puts a file into a store's queue; returns its row. One that is there already keeps its state, unless it failed or was
 * cancelled: then it is read anew. In a full queue the longest gives way: its newest file fails.
 * @throws AppError `ingest_queue_full`
 */
export async function attachFile(
  tx: Transaction<Tables>,
  tenant: string,
  storeId: string,
  { fileId, attributes }: NewStoreFile,
  { limits, nowS }: AttachOptions,
): Promise<number> {
  const json = JSON.stringify(attributes);
  const { seq } = await tx
    .insertInto('store_files')
    .values((eb) => ({
      tenant,
      store_id: storeId,
      file_id: fileId,
      status: 'in_progress',
      attributes: json,
      created_at: nowS,
      bytes: eb.selectFrom('files').select('bytes').where('id', '=', fileId),
    }))
    .onConflict((conflict) =>
      conflict.columns(['store_id', 'file_id']).doUpdateSet({
        attributes: json,
        status: sql`case status when 'failed' then 'in_progress' else status end`,
        attempts: sql`case status when 'failed' then 0 else attempts end`,
        cancelled: 0,
        error_code: null,
        error_message: null,
      }),
    )
    .returning('seq')
    .executeTakeFirstOrThrow();
  await boundIngestQueue(tx, tenant, limits);
  return seq;
}
