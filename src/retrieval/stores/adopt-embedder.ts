import { randomUUID } from 'node:crypto';
import { enqueueIngest } from './attach-file.js';
import type { Db } from './database.js';

const KEY = 'embedder';

/**
 * Vectors of different embedding models do not compare. Where those in the database were made by another one, or by one
 * that is not known, they go, and their files wait to be read again: until then they are not found.
 * @returns how many files that are
 */
export async function adoptEmbedder(db: Db, digest: string, nowMs: number): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const known = await trx.selectFrom('meta').select('value').where('key', '=', KEY).executeTakeFirst();
    if (known?.value === digest) return 0;
    await trx
      .insertInto('meta')
      .values({ key: KEY, value: digest })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: digest }))
      .execute();
    await trx.deleteFrom('passages').execute();
    await trx.deleteFrom('postings').execute();
    const unread = await trx
      .updateTable('store_files')
      .set({ status: 'in_progress', passages: 0, usage_bytes: 0, terms: 0, terms_version: 0 })
      .where((eb) => eb.or([eb('status', '=', 'completed'), eb('passages', '>', 0)]))
      .returning(['tenant', 'store_id', 'file_id'])
      .execute();
    for (const file of unread) {
      await enqueueIngest(trx, { tenant: file.tenant, storeId: file.store_id, fileId: file.file_id }, nowMs);
    }
    await trx
      .updateTable('shelves')
      .set((eb) => ({ revision: eb('revision', '+', 1) }))
      .execute();
    // An index that was written for the old vectors belongs to no database any more.
    await trx.updateTable('meta').set({ value: randomUUID() }).where('key', '=', 'database_id').execute();
    return unread.length;
  });
}
