import type { Transaction } from 'kysely';
import type { Db, Tables } from './database.js';
import { type EmbedderModel, type EmbedderModels, keyOf } from './embedder-models.js';
import { answerWith, enqueueReembed } from './reembedding.js';

/** How many stores wait for other vectors. */
export interface Adopted {
  /** Their old ones answer until all are there. */
  readonly changed: number;
  /** Their old ones compare with nothing any more: words alone find their passages until they have others. */
  readonly lost: number;
}

/**
 * Vectors of different models do not compare. Has each store have vectors of the model that it is to have by the configuration: the one that it
 * names, as long as it is offered, or the gateway's own. What it has answers meanwhile, where the model is here that made it.
 */
export async function adoptEmbedders(db: Db, models: EmbedderModels, nowMs: number): Promise<Adopted> {
  return db.transaction().execute(async (tx) => {
    for (const model of models.imported) await note(tx, model);
    const kinds = await tx
      .selectFrom('stores')
      .innerJoin('embedders', 'embedders.seq', 'stores.embedder')
      .select(['embedder', 'next_embedder', 'embedder_name', 'digest'])
      .where('expired', '=', 0)
      .distinct()
      .execute();
    let [changed, lost] = [0, 0];
    for (const { embedder, next_embedder, embedder_name, digest } of kinds) {
      const model = models.offered.find(({ id }) => id === embedder_name) ?? models.standard;
      const key = await keyOf(tx, model.digest);
      const isLost = !models.imported.some((one) => one.digest === digest);
      const next = key === embedder ? null : key;
      if (next === null && next_embedder === null) continue;
      const stores = await tx
        .selectFrom('stores')
        .select(['id', 'tenant'])
        .where('expired', '=', 0)
        .where('embedder', '=', embedder)
        .where('next_embedder', 'is not distinct from', next_embedder)
        .where('embedder_name', 'is not distinct from', embedder_name)
        .execute();
      for (const { id, tenant } of stores) {
        if (isLost) await answerWith(tx, id, embedder, key);
        else await tx.updateTable('stores').set({ next_embedder: next }).where('id', '=', id).execute();
        await enqueueReembed(tx, { tenant, storeId: id }, nowMs);
      }
      if (isLost) lost += stores.length;
      else changed += stores.length;
    }
    return { changed, lost };
  });
}

/** From then on there may be vectors of the model. */
async function note(tx: Transaction<Tables>, { digest, id: name, dimensions }: EmbedderModel): Promise<void> {
  await tx
    .insertInto('embedders')
    .values({ digest, name, dimensions })
    .onConflict((conflict) => conflict.column('digest').doUpdateSet({ name, dimensions }))
    .execute();
}
