import { sql } from 'kysely';
import type { VectorSearch } from '../../search/find-nearest.js';
import type { Scored } from '../../search/nearest.js';
import { planSearch } from '../../search/plan.js';
import type { Db } from '../database.js';
import { literalOf } from '../embeddings.js';
import { listOf } from '../list-of.js';
import type { Passages, SearchScope } from '../passages.js';
import { createVectors, vectorsInScope } from '../vectors.js';

export interface PgvectorOptions {
  /** Passages of a scope up to which all are compared. */
  readonly exactLimit: number;
  readonly efSearch: number;
}

/** The most that pgvector takes. */
const MAX_EF_SEARCH = 1000;

/** Vectors of half precision, compared by pgvector where they are. */
export function createPgvectorSearch(
  db: Db,
  passages: Pick<Passages, 'count'>,
  { exactLimit, efSearch }: PgvectorOptions,
): VectorSearch {
  /** Of a model, about: one index holds all tenants' vectors of it. */
  const indexed = async (embedder: number): Promise<number> => {
    const { rows } = await sql<{ rows: number }>`select reltuples as rows from pg_class
      where oid = to_regclass(${`vectors_of_${embedder}`})`.execute(db);
    return rows[0]?.rows ?? 0;
  };
  /** Word for word as the model's index has it. */
  const distances = (scope: SearchScope, vector: Float32Array) => {
    const type = sql.raw(`halfvec(${vector.length})`);
    const distance = sql<number>`embedding::${type} <#> ${literalOf(vector)}::${type}`;
    return vectorsInScope(db, scope)
      .where(sql<boolean>`embedder = ${sql.lit(scope.embedder)}`)
      .select(['passage as label', distance.as('distance')]);
  };

  const exact = (scope: SearchScope, vector: Float32Array, count: number) =>
    db
      // Apart, so that no index has a part in it.
      .with(
        (cte) => cte('near').materialized(),
        () => distances(scope, vector),
      )
      .selectFrom('near')
      .select(['label', 'distance'])
      .orderBy('distance')
      .orderBy('label')
      .limit(count)
      .execute();

  /** Walks on through the index until enough of what it meets is in the scope. */
  const approximate = async (scope: SearchScope, vector: Float32Array, count: number) => {
    const ef = Math.min(MAX_EF_SEARCH, Math.max(efSearch, count));
    await sql`select set_config('hnsw.ef_search', ${String(ef)}, true),
      set_config('hnsw.iterative_scan', 'relaxed_order', true)`.execute(db);
    return distances(scope, vector).orderBy('distance').limit(count).execute();
  };

  return {
    async nearest({ scope, vector, topK }) {
      const visible = await passages.count({ shelves: scope.shelves });
      const wanted = scope.files ? scope.files.reduce((sum, file) => sum + file.passages, 0) : visible;
      if (wanted === 0) return [];
      const plan = planSearch({
        passages: wanted,
        tenantPassages: Math.max(wanted, await indexed(scope.embedder)),
        isRestricted: (await passages.count({ storeIds: scope.storeIds })) > visible,
        topK,
        exactLimit,
      });
      if (plan.kind === 'approximate') {
        const found = await approximate(scope, vector, topK);
        if (found.length >= topK) return found.map(toScored).sort(byScore);
      }
      return (await exact(scope, vector, topK)).map(toScored);
    },

    async cosines(scope, vector, labels) {
      const rows = await distances(scope, vector).where('passage', 'in', listOf(db, labels)).execute();
      return rows.map(toScored);
    },

    vectorsOf: createVectors(db).vectorsOf,
  };
}

/** The operator gives the negative inner product, which of normalised vectors is the negative cosine. */
function toScored({ label, distance }: { readonly label: number; readonly distance: number }): Scored {
  return { label, score: -distance };
}

/** In relaxed order, what comes back is not quite sorted. */
function byScore(a: Scored, b: Scored): number {
  return b.score - a.score || a.label - b.label;
}
