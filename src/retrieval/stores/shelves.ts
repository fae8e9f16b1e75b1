import type { Transaction } from 'kysely';
import type { Db, Tables } from './database.js';

/** A shelf: the documents of a store that the same groups may see. */
export interface Shelf {
  readonly seq: number;
  readonly storeId: string;
  readonly revision: number;
}

/** Of no group, and seen by everybody of the tenant: no group is called that. */
const EVERYBODY = '';

/** Which shelves a search may look at. All that it reads, counts and weighs is theirs: what else is in a store has no part in it. */
export function createShelves(db: Db) {
  return {
    /** Those of some stores that somebody of these groups may see. Others are not even read. */
    visible(storeIds: readonly string[], groups: readonly string[]): Promise<Shelf[]> {
      return db
        .selectFrom('shelf_groups')
        .innerJoin('shelves', 'shelves.seq', 'shelf')
        .select(['seq', 'shelves.store_id as storeId', 'revision'])
        .distinct()
        .where('shelf_groups.store_id', 'in', storeIds)
        .where('name', 'in', namesOf(groups))
        .execute();
    },
  };
}

/** Names in `shelf_groups` of what somebody of these groups may see. */
export function namesOf(groups: readonly string[]): string[] {
  return [EVERYBODY, ...groups];
}

/** The store's shelf for documents that these groups may see; none: everybody of the tenant. */
export async function shelfFor(tx: Transaction<Tables>, storeId: string, groups: readonly string[]): Promise<number> {
  const names = [...new Set(groups)].sort();
  const key = JSON.stringify(names);
  const known = await tx
    .selectFrom('shelves')
    .select('seq')
    .where('store_id', '=', storeId)
    .where('groups', '=', key)
    .executeTakeFirst();
  if (known) return known.seq;
  const { seq } = await tx
    .insertInto('shelves')
    .values({ store_id: storeId, groups: key })
    .returning('seq')
    .executeTakeFirstOrThrow();
  for (const name of names.length === 0 ? [EVERYBODY] : names) {
    await tx.insertInto('shelf_groups').values({ store_id: storeId, name, shelf: seq }).execute();
  }
  return seq;
}

/**
 * Puts a file onto another shelf, with all that is known of it: from the commit on it is found there and nowhere else. So are
 * the others of its path, which it takes the place of or which take its.
 */
export async function moveToShelf(tx: Transaction<Tables>, seq: number, shelf: number, nowS: number): Promise<void> {
  const moved = await tx
    .selectFrom('store_files')
    .innerJoin('store_files as file', (join) =>
      join
        .onRef('file.store_id', '=', 'store_files.store_id')
        .on((eb) =>
          eb.or([eb('file.seq', '=', eb.ref('store_files.seq')), eb('file.path', '=', eb.ref('store_files.path'))]),
        ),
    )
    .select(['store_files.seq', 'store_files.shelf'])
    .where('file.seq', '=', seq)
    .where('store_files.shelf', '!=', shelf)
    .execute();
  for (const file of moved) {
    await tx.updateTable('store_files').set({ shelf }).where('seq', '=', file.seq).execute();
    await tx.updateTable('postings').set({ shelf }).where('store_file', '=', file.seq).execute();
  }
  if (moved.length === 0) return;
  for (const changed of new Set([...moved.map((file) => file.shelf), shelf])) await bumpShelf(tx, changed, nowS);
}

/** What a search could find on the shelf has changed. */
export async function bumpShelf(tx: Transaction<Tables>, shelf: number, nowS: number): Promise<void> {
  const { store_id: storeId } = await tx
    .updateTable('shelves')
    .set((eb) => ({ revision: eb('revision', '+', 1) }))
    .where('seq', '=', shelf)
    .returning('store_id')
    .executeTakeFirstOrThrow();
  await tx.updateTable('stores').set({ last_active_at: nowS }).where('id', '=', storeId).execute();
}
