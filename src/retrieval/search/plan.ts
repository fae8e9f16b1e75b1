/** How to find the nearest passages of a scope. */
export type SearchPlan =
  | { readonly kind: 'exact' }
  /** Ask the tenant's index for that many candidates, of which the scope's are kept. */
  | { readonly kind: 'approximate'; readonly candidates: number };

/**
 * While a caller may see a part of the stores alone, so many more passages are compared one by one: a search through the index
 * takes longer where passages that it may not show lie near the query, and tells that they do.
 */
const RESTRICTED_EXACT = 5;
/** An index is asked for more than its share, since a scope's passages need not lie evenly among the tenant's. */
const OVERFETCH = 2;
const SPARE_CANDIDATES = 16;
/** Candidates cost about that many times what an exact comparison of a row costs (rows are fetched one by one). */
const CANDIDATE_COST = 8;

/**
 * Exact where that is cheap: in small scopes, and in those that are so small a part of the tenant's passages that
 * the index would have to be asked for nearly as many candidates as the scope has rows. (A filter inside the HNSW
 * search is no way out: one that passes 1 % costs 40 times the search.)
 */
export function planSearch(scope: {
  readonly passages: number;
  readonly tenantPassages: number;
  /** There are passages in the stores that the caller may not see. */
  readonly isRestricted: boolean;
  readonly topK: number;
  readonly exactLimit: number;
}): SearchPlan {
  const { passages, tenantPassages, isRestricted, topK, exactLimit } = scope;
  if (passages <= exactLimit * (isRestricted ? RESTRICTED_EXACT : 1)) return { kind: 'exact' };
  const candidates = Math.ceil((OVERFETCH * topK * tenantPassages) / passages) + SPARE_CANDIDATES;
  if (candidates * CANDIDATE_COST > passages) return { kind: 'exact' };
  return { kind: 'approximate', candidates };
}
