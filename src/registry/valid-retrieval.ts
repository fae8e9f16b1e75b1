import type { RetrievalPolicy } from '../contracts/registry.js';
import { MAX_SEARCHED_STORES } from '../contracts/registry-limits.js';
import { invalid, validInteger, validNumber } from './validate.js';

/** Each store once, and no more than a search may be about. */
export function validRetrieval({
  enabled,
  storeIds = [],
  mode,
  topK,
  minScore,
  diversity,
  budgetTokens,
  attention,
}: RetrievalPolicy): RetrievalPolicy {
  const stores = [...new Set(storeIds)];
  if (stores.length > MAX_SEARCHED_STORES) {
    throw invalid('retrieval.storeIds', `must be at most ${MAX_SEARCHED_STORES}, got ${stores.length}`);
  }
  return {
    enabled,
    ...(stores.length > 0 && { storeIds: stores }),
    ...(mode !== undefined && { mode }),
    topK: validInteger('retrieval.topK', topK, 1, 50),
    minScore: validNumber('retrieval.minScore', minScore, -1, 1),
    ...(diversity !== undefined && { diversity: validNumber('retrieval.diversity', diversity, 0, 1) }),
    budgetTokens: validInteger('retrieval.budgetTokens', budgetTokens, 1, 131_072),
    ...(attention !== undefined && { attention }),
  };
}
