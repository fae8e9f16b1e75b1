import { dot } from '../../vectors/dot.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { Passages, SearchScope } from '../stores/passages.js';
import type { Vector, Vectors } from '../stores/vectors.js';
import { Nearest, type Scored } from './nearest.js';
import { planSearch } from './plan.js';

export interface NearestRequest {
  readonly scope: SearchScope;
  readonly vector: Float32Array;
  readonly topK: number;
}

/** Compares the vectors of passages with one of a query. */
export interface VectorSearch {
  /** The passages nearest to it in a scope, best first, with their cosines; of equals the older. */
  nearest(request: NearestRequest): Promise<readonly Scored[]>;
  /** The cosines of some passages. One that is not in the scope does not come back. */
  cosines(scope: SearchScope, vector: Float32Array, labels: readonly number[]): Promise<readonly Scored[]>;
  /** The vectors of some passages, likewise. */
  vectorsOf(scope: SearchScope, labels: readonly number[]): Promise<readonly Vector[]>;
}

export interface VectorSources {
  readonly passages: Pick<Passages, 'count'>;
  readonly vectors: Vectors;
  readonly indexes: Pick<TenantIndexes, 'nominate'>;
  /** Passages of a scope up to which all are compared. */
  readonly exactLimit: number;
}

/** Over rows that this process reads, and indexes that it has in its memory. */
export function createVectorSearch(sources: VectorSources): VectorSearch {
  return {
    nearest: (request) => findNearest(request, sources),
    async cosines(scope, vector, labels) {
      const rows = await sources.vectors.vectorsOf(scope, labels);
      return rows.map(({ label, embedding }) => ({ label, score: dot(vector, embedding) }));
    },
    vectorsOf: sources.vectors.vectorsOf,
  };
}

/**
 * The labels nearest to a vector in a scope. An index only nominates: scores come from the rows, and a row that is
 * not in the scope does not come back from the database, whatever the index says.
 */
export async function findNearest(
  { scope, vector, topK }: NearestRequest,
  { passages, vectors, indexes, exactLimit }: VectorSources,
): Promise<readonly Scored[]> {
  const { tenant, embedder, storeIds, shelves, files } = scope;
  const visible = await passages.count({ shelves });
  // A store of which a filter leaves little is as good as a small one.
  const wanted = files ? files.reduce((sum, file) => sum + file.passages, 0) : visible;
  if (wanted === 0) return [];
  const plan = planSearch({
    passages: wanted,
    tenantPassages: await passages.count({ tenant, embedder }),
    isRestricted: (await passages.count({ storeIds })) > visible,
    topK,
    exactLimit,
  });
  if (plan.kind === 'approximate') {
    const { keys, lastKey } = await indexes.nominate(tenant, embedder, vector, plan.candidates);
    const rows = await vectors.withKeys(scope, keys);
    // Too few of the candidates were in the scope: its passages lie far from the query, or the index is not to be trusted.
    if (rows.length >= topK) return best(vector, topK, [rows], vectors.vectorsAfter(scope, lastKey));
  }
  return best(vector, topK, vectors.vectors(scope));
}

async function best(
  vector: Float32Array,
  count: number,
  ...sources: readonly (Iterable<readonly Vector[]> | AsyncIterable<readonly Vector[]>)[]
): Promise<readonly Scored[]> {
  const nearest = new Nearest(vector, count);
  for (const source of sources) {
    for await (const lot of source) for (const { label, embedding } of lot) nearest.add(label, embedding);
  }
  return nearest.best;
}
