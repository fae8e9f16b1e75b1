import type { Transaction } from 'kysely';
import type { Tables } from './database.js';
import { bumpShelf } from './shelves.js';
import { vectorKeys } from './write-vectors.js';

/** A file in a store that has just been read. */
interface Current {
  readonly seq: number;
  readonly storeId: string;
  readonly path: string | null;
}

/**
 * Takes out of a store whatever a file of the same path takes the place of: what was read before it, and what was attached
 * before it and still waits. Their files are deleted, unless another store has them too.
 * @returns the keys of their vectors
 */
export async function supersede(
  tx: Transaction<Tables>,
  { seq, storeId, path }: Current,
  nowS: number,
): Promise<number[]> {
  if (path === null) return [];
  const older = await tx
    .selectFrom('store_files')
    .select(['seq', 'file_id', 'shelf'])
    .where('store_id', '=', storeId)
    .where('path', '=', path)
    .where('seq', '!=', seq)
    .where((eb) => eb.or([eb('seq', '<', seq), eb('status', '!=', 'in_progress')]))
    .execute();
  const keys: number[] = [];
  for (const { seq: gone, file_id: fileId, shelf } of older) {
    keys.push(...(await removePassages(tx, { seq: gone, storeId, fileId })));
    await tx.deleteFrom('store_files').where('seq', '=', gone).execute();
    await bumpShelf(tx, shelf, nowS);
    await tx
      .deleteFrom('files')
      .where('id', '=', fileId)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('store_files').select('seq').where('file_id', '=', fileId))),
      )
      .execute();
  }
  return keys;
}

/** Takes the passages of a file in a store away, with their vectors and terms. @returns the keys of the vectors */
export async function removePassages(
  tx: Transaction<Tables>,
  { seq, storeId, fileId }: { readonly seq: number; readonly storeId: string; readonly fileId: string },
): Promise<number[]> {
  const keys = await vectorKeys(tx, [seq]);
  await tx.deleteFrom('passages').where('store_id', '=', storeId).where('file_id', '=', fileId).execute();
  await tx.deleteFrom('postings').where('store_file', '=', seq).execute();
  return keys;
}
