import type { Transaction } from 'kysely';
import type { Db, Tables } from './database.js';
import { embeddingsFor } from './embeddings.js';
import { listOf } from './list-of.js';

/** A file in a store that has passages. */
interface StoreFileKey {
  readonly seq: number;
  readonly tenant: string;
  readonly storeId: string;
  readonly fileId: string;
}

/** One statement for many rows: preparing one costs more than inserting one. */
export const ROWS_PER_INSERT = 50;

/** The labels of a file's passages in a store, in their order. */
export async function labelsOf(
  db: Db,
  { storeId, fileId }: Pick<StoreFileKey, 'storeId' | 'fileId'>,
): Promise<number[]> {
  const rows = await db
    .selectFrom('passages')
    .select('label')
    .where('store_id', '=', storeId)
    .where('file_id', '=', fileId)
    .orderBy('ordinal')
    .execute();
  return rows.map(({ label }) => label);
}

/** Gives the passages of a file vectors of a model. @param embedder its key */
export async function writeVectors(
  tx: Transaction<Tables>,
  file: StoreFileKey,
  embedder: number,
  embeddings: readonly Float32Array[],
): Promise<void> {
  const write = embeddingsFor(tx);
  const own = { tenant: file.tenant, embedder, store_file: file.seq };
  const labels = await labelsOf(tx, file);
  for (let from = 0; from < labels.length; from += ROWS_PER_INSERT) {
    const some = labels.slice(from, from + ROWS_PER_INSERT);
    const rows = some.map((passage, index) => ({ ...own, passage, embedding: write(embeddings[from + index]!) }));
    await tx.insertInto('vectors').values(rows).execute();
  }
}

/** Keys of the vectors of some files in stores, of whichever model: what indexes know them by. */
export async function vectorKeys(db: Db, storeFiles: readonly number[]): Promise<number[]> {
  const rows = db.selectFrom('vectors').select('seq').where('store_file', 'in', listOf(db, storeFiles));
  return (await rows.execute()).map(({ seq }) => seq);
}
