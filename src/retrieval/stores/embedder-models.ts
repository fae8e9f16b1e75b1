import { AppError } from '../../errors/app-error.js';
import type { Db } from './database.js';

/** An embedding model that is imported here. */
export interface EmbedderModel {
  readonly id: string;
  /** Of its weights: vectors of different ones do not compare. */
  readonly digest: string;
  readonly dimensions: number;
}

export interface EmbedderModels {
  /** The gateway's own: of stores that name none. */
  readonly standard: EmbedderModel;
  /** Those that a store may name, the standard one first. */
  readonly offered: readonly EmbedderModel[];
  /** All that are imported: what others made before can be compared as long as they are here. */
  readonly imported: readonly EmbedderModel[];
}

/** Of the name that a tenant gave; null: of none. @throws AppError `invalid_value` */
export function modelNamed({ standard, offered }: EmbedderModels, name: string | null): EmbedderModel {
  if (name === null) return standard;
  const model = offered.find(({ id }) => id === name);
  if (model) return model;
  const ids = offered.map(({ id }) => id).join(', ');
  const reason = `${name} is no embedding model that stores may name here; there are ${ids}. To offer another, run "switchyard models pull ${name}", add it to models.embedders, and start the gateway again`;
  throw new AppError('invalid_value', { param: 'embedder', reason });
}

/** The key of a model whose vectors may be kept. */
export async function keyOf(db: Db, digest: string): Promise<number> {
  const row = await db.selectFrom('embedders').select('seq').where('digest', '=', digest).executeTakeFirstOrThrow();
  return row.seq;
}

/** Which of some stores have vectors of another model that answer. @param embedder digest of the one that is asked about */
export async function storesWithOthers(db: Db, storeIds: readonly string[], embedder: string): Promise<string[]> {
  const rows = await db
    .selectFrom('stores')
    .innerJoin('embedders', 'embedders.seq', 'stores.embedder')
    .select('id')
    .where('id', 'in', storeIds)
    .where('digest', '!=', embedder)
    .execute();
  return rows.map(({ id }) => id);
}
