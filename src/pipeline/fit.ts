import type { ScoredPassage } from '../contracts/retrieval.js';

/** Tokens around a passage in the prompt: its number, brackets and line ends. */
const PASSAGE_FRAME_TOKENS = 6;

/**
 * Keeps whole passages within a budget: the ones with the lowest scores go first, the others keep their order.
 */
export function fitPassages(
  passages: readonly ScoredPassage[],
  budgetTokens: number,
  titleTokens: (passage: ScoredPassage) => number,
): ScoredPassage[] {
  const costs = new Map(passages.map((p) => [p, p.tokens + titleTokens(p) + PASSAGE_FRAME_TOKENS]));
  const worstFirst = [...passages].sort((a, b) => a.score - b.score);
  let total = [...costs.values()].reduce((sum, cost) => sum + cost, 0);
  const dropped = new Set<ScoredPassage>();
  for (const passage of worstFirst) {
    if (total <= budgetTokens) break;
    total -= costs.get(passage)!;
    dropped.add(passage);
  }
  return passages.filter((passage) => !dropped.has(passage));
}
