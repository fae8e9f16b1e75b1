import type { TermMatch, TermScores } from '../lexical/bm25.js';
import type { Passages, SearchScope } from '../stores/passages.js';
import type { VectorSearch } from './find-nearest.js';
import { fuse } from './fuse.js';

/** What a passage and a query have in common. */
export interface Evidence {
  readonly label: number;
  /** null where vectors are not compared, and where the passage has none to be compared. */
  readonly cosine: number | null;
  /** Of zeros where terms are not compared. */
  readonly terms: TermMatch;
  /** Of the passage itself, at least 1. */
  readonly tokens: number;
}

interface EvidenceRequest {
  readonly scope: SearchScope;
  /** null in lexical mode. */
  readonly vector: Float32Array | null;
  readonly terms: TermScores;
  /** Of each search. */
  readonly count: number;
}

/**
 * The passages that the best of both searches are, fused by reciprocal rank, each weighed by both measures.
 * `isAll`: there are no further ones.
 */
export async function gatherEvidence(
  { scope, vector, terms, count }: EvidenceRequest,
  { vectors, passages }: { readonly vectors: VectorSearch; readonly passages: Pick<Passages, 'lengths'> },
): Promise<{ candidates: Evidence[]; isAll: boolean }> {
  const near = vector ? await vectors.nearest({ scope, vector, topK: count }) : [];
  const worded = terms.best(count);
  const labels = fuse([near.map(({ label }) => label), worded]);
  const cosines = new Map(near.map(({ label, score }) => [label, score]));
  if (vector) {
    const others = labels.filter((label) => !cosines.has(label));
    for (const { label, score } of await vectors.cosines(scope, vector, others)) cosines.set(label, score);
  }
  const lengths = await passages.lengths(scope, labels);
  return {
    candidates: labels.map((label) => ({
      label,
      cosine: cosines.get(label) ?? null,
      terms: terms.of(label),
      tokens: Math.max(1, lengths.get(label) ?? 1),
    })),
    isAll: near.length < count && worded.length < count,
  };
}
