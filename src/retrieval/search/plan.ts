/** How to find the nearest passages of a store. */
export type SearchPlan =
  | { readonly kind: 'exact' }
  /** Ask the tenant's index for that many candidates, of which the store's are kept. */
  | { readonly kind: 'approximate'; readonly candidates: number };

/** An index is asked for more than its share, since a store's passages need not lie evenly among the tenant's. */
const OVERFETCH = 2;
const SPARE_CANDIDATES = 16;
/** Candidates cost about that many times what an exact comparison of a row costs (rows are fetched one by one). */
const CANDIDATE_COST = 8;

/**
 * Exact where that is cheap: in small stores, and in stores that are so small a part of the tenant's passages that
 * the index would have to be asked for nearly as many candidates as the store has rows. (A filter inside the HNSW
 * search is no way out: one that passes 1 % costs 40 times the search.)
 */
export function planSearch(scope: {
  readonly storePassages: number;
  readonly tenantPassages: number;
  readonly topK: number;
  readonly exactLimit: number;
}): SearchPlan {
  const { storePassages, tenantPassages, topK, exactLimit } = scope;
  if (storePassages <= exactLimit) return { kind: 'exact' };
  const candidates = Math.ceil((OVERFETCH * topK * tenantPassages) / storePassages) + SPARE_CANDIDATES;
  if (candidates * CANDIDATE_COST > storePassages) return { kind: 'exact' };
  return { kind: 'approximate', candidates };
}
