import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { TermMatch, TermScores } from '../lexical/bm25.js';
import type { Passages } from '../stores/passages.js';
import { findNearest, type SearchScope } from './find-nearest.js';
import { fuse } from './fuse.js';
import { dot } from './nearest.js';

/** What a passage and a query have in common. */
export interface Evidence {
  readonly label: number;
  /** 0 where vectors are not compared. */
  readonly cosine: number;
  /** Of zeros where terms are not compared. */
  readonly terms: TermMatch;
}

interface EvidenceRequest {
  readonly scope: SearchScope;
  /** null in lexical mode. */
  readonly vector: Float32Array | null;
  readonly terms: TermScores;
  /** Of each search. */
  readonly count: number;
}

export interface EvidenceSources {
  readonly passages: Passages;
  readonly indexes: TenantIndexes;
  /** Passages of a scope up to which all are compared. */
  readonly exactLimit: number;
}

/**
 * The passages that the best of both searches are, fused by reciprocal rank, each weighed by both measures.
 * `isAll`: there are no further ones.
 */
export async function gatherEvidence(
  { scope, vector, terms, count }: EvidenceRequest,
  { passages, indexes, exactLimit }: EvidenceSources,
): Promise<{ candidates: Evidence[]; isAll: boolean }> {
  const near = vector ? await findNearest({ scope, vector, topK: count }, passages, indexes, exactLimit) : [];
  const worded = terms.best(count);
  const labels = fuse([near.map(({ label }) => label), worded]);
  const cosines = new Map(near.map(({ label, score }) => [label, score]));
  if (vector) {
    const others = labels.filter((label) => !cosines.has(label));
    for (const row of await passages.vectorsOf(scope, others)) cosines.set(row.label, dot(vector, row.embedding));
  }
  return {
    candidates: labels.map((label) => ({ label, cosine: cosines.get(label) ?? 0, terms: terms.of(label) })),
    isAll: near.length < count && worded.length < count,
  };
}
