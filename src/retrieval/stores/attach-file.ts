import { sql, type Transaction } from 'kysely';
import type { NewStoreFile } from '../../contracts/retrieval.js';
import { enqueueJob } from '../../jobs/jobs.js';
import { type Audited, jobTables, type Tables } from './database.js';
import { boundIngestQueue, type IngestLimits } from './ingest-bounds.js';
import { moveToShelf, shelfFor } from './shelves.js';
import { checkPassages, storedPassages } from './stored.js';

export interface AttachOptions {
  readonly limits: IngestLimits;
  readonly nowS: number;
}

/** Of the same file in the store, with other passages or in the place of other files: both take effect once it is read. */
const IS_READ_ANEW = sql<boolean>`(
  store_files.chunk_tokens is distinct from excluded.chunk_tokens
  or store_files.overlap_tokens is distinct from excluded.overlap_tokens
  or store_files.path is distinct from excluded.path
)`;

/**
 * Puts a file into a store's queue; returns its row. One that is there already keeps its state, unless it failed, was
 * cancelled, is to be cut in another way or comes under another path: then it is read anew; and who may see it, unless that is said, as the one of its
 * path that it takes the place of. In a full queue the longest gives way: its newest file fails.
 * @throws AppError `ingest_queue_full`, `passage_limit_reached`
 */
export async function attachFile(
  tx: Transaction<Tables>,
  tenant: string,
  storeId: string,
  { fileId, attributes, allowedGroups, path, chunking, mostPassages = null }: NewStoreFile,
  { limits, nowS }: AttachOptions,
  audit: Audited,
): Promise<number> {
  // One that takes the place of another may make fewer passages.
  if (mostPassages !== null && path === undefined) {
    checkPassages(tenant, await storedPassages(tx, tenant), 1, mostPassages);
  }
  const given = {
    attributes: JSON.stringify(attributes),
    path: path ?? null,
    chunk_tokens: chunking?.maxTokens ?? null,
    overlap_tokens: chunking?.overlapTokens ?? null,
    most_passages: mostPassages,
  };
  const shelf =
    (allowedGroups ? null : await shelfOfPath(tx, storeId, given.path)) ??
    (await shelfFor(tx, storeId, allowedGroups ?? []));
  const row = await tx
    .insertInto('store_files')
    .values({ ...given, tenant, store_id: storeId, file_id: fileId, shelf, status: 'in_progress', created_at: nowS })
    .onConflict((conflict) =>
      conflict.columns(['store_id', 'file_id']).doUpdateSet({
        ...given,
        status: sql`case when store_files.status = 'failed' or ${IS_READ_ANEW} then 'in_progress' else store_files.status end`,
        cancelled: 0,
        error_code: null,
        error_message: null,
      } as const),
    )
    .returning(['seq', 'status'])
    .executeTakeFirstOrThrow();
  if (allowedGroups) await moveToShelf(tx, row.seq, shelf, nowS);
  const after = { allowedGroups: allowedGroups ?? null };
  await audit(tx, { tenant, action: 'store_file.attached', subject: `${storeId}/${fileId}`, before: null, after });
  if (row.status === 'completed') return row.seq;
  await enqueueIngest(tx, { tenant, storeId, fileId }, nowS * 1000);
  await boundIngestQueue(tx, tenant, limits, nowS * 1000);
  return row.seq;
}

/** Of the file that one of the same path takes the place of. */
async function shelfOfPath(tx: Transaction<Tables>, storeId: string, path: string | null): Promise<number | null> {
  if (path === null) return null;
  const row = await tx
    .selectFrom('store_files')
    .select('shelf')
    .where('store_id', '=', storeId)
    .where('path', '=', path)
    .orderBy('seq', 'desc')
    .executeTakeFirst();
  return row?.shelf ?? null;
}

/** Has a file read that is in a store. */
async function enqueueIngest(
  tx: Transaction<Tables>,
  { tenant, storeId, fileId }: { readonly tenant: string; readonly storeId: string; readonly fileId: string },
  nowMs: number,
): Promise<void> {
  const { bytes } = await tx.selectFrom('files').select('bytes').where('id', '=', fileId).executeTakeFirstOrThrow();
  await enqueueJob(jobTables(tx), { kind: 'ingest', tenant, subject: `${storeId}/${fileId}`, size: bytes }, nowMs);
}
