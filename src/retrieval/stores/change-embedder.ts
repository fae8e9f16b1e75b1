import type { Transaction } from 'kysely';
import type { Tables } from './database.js';
import { type EmbedderModel, keyOf } from './embedder-models.js';
import { enqueueReembed } from './reembedding.js';

/**
 * Has a store get vectors of another model in the background: those that it has answer until all are there. Back to
 * the model that answers, what was made for another one goes.
 * @param to the model, and the name that the tenant gave; null: the gateway's own
 */
export async function changeEmbedder(
  tx: Transaction<Tables>,
  store: { readonly tenant: string; readonly storeId: string },
  { model, name }: { readonly model: EmbedderModel; readonly name: string | null },
  nowS: number,
): Promise<void> {
  const key = await keyOf(tx, model.digest);
  const before = await tx.selectFrom('stores').select('embedder').where('id', '=', store.storeId).executeTakeFirst();
  // It was deleted meanwhile.
  if (!before) return;
  const next = key === before.embedder ? null : key;
  const change = { embedder_name: name, next_embedder: next };
  await tx.updateTable('stores').set(change).where('id', '=', store.storeId).execute();
  // Also where nothing changes: it may be asked for again because it failed.
  await enqueueReembed(tx, store, nowS * 1000);
}
