import { sql, type Transaction } from 'kysely';
import type { NewStoreFile } from '../../contracts/retrieval.js';
import type { Tables } from './database.js';
import { boundIngestQueue, type IngestLimits } from './ingest-bounds.js';
import { moveToShelf, shelfFor } from './shelves.js';

export interface AttachOptions {
  readonly limits: IngestLimits;
  readonly nowS: number;
}

/**
 * Puts a file into a store's queue; returns its row. One that is there already keeps its state, unless it failed or was
 * cancelled: then it is read anew; and who may see it, unless that is said. In a full queue the longest gives way: its newest file fails.
 * @throws AppError `ingest_queue_full`
 */
export async function attachFile(
  tx: Transaction<Tables>,
  tenant: string,
  storeId: string,
  { fileId, attributes, allowedGroups }: NewStoreFile,
  { limits, nowS }: AttachOptions,
): Promise<number> {
  const json = JSON.stringify(attributes);
  const shelf = await shelfFor(tx, storeId, allowedGroups ?? []);
  const row = await tx
    .insertInto('store_files')
    .values((eb) => ({
      tenant,
      store_id: storeId,
      file_id: fileId,
      shelf,
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
    .returning(['seq', 'shelf'])
    .executeTakeFirstOrThrow();
  if (allowedGroups) await moveToShelf(tx, row, shelf, nowS);
  await boundIngestQueue(tx, tenant, limits);
  return row.seq;
}
