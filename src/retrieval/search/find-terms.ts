import { TermScores } from '../lexical/bm25.js';
import { termsOf } from '../lexical/terms.js';
import type { Postings } from '../stores/postings.js';
import type { PassingFiles } from '../stores/store-files.js';

/** The rarest say the most about what a long query is about. */
const MAX_TERMS = 32;
/** Rows of postings that a search reads; a store would need tens of thousands of files to have more for a handful of words. */
const MAX_ROWS = 50_000;

/**
 * Scores the passages of a store by the terms of a query. How rare a term is depends on the whole store, whatever a filter leaves of it. What is read and counted begins with the store's key: neither what comes back nor
 * a score, nor how long it takes, depends on another store or tenant.
 */
export async function findTerms(
  store: { readonly id: string; readonly seq: number },
  query: string,
  files: PassingFiles | null,
  postings: Postings,
): Promise<TermScores> {
  const terms = [...new Set(termsOf(query))];
  const scores = new TermScores(await postings.statistics(store.id));
  const spread = (await postings.spread(store.seq, terms)).slice(0, MAX_TERMS);
  const known = new Set(spread.map(({ term }) => term));
  let rows = 0;
  for (const { term, files: holders, passages } of spread) {
    rows += holders;
    // Words that are everywhere decide nothing beside rarer ones, and would be most of the work.
    const isRead = rows <= MAX_ROWS || rows === holders;
    scores.add(passages, isRead ? await postings.of(store.seq, term, files?.seqs ?? null) : []);
  }
  for (const term of terms) if (!known.has(term)) scores.add(0, []);
  return scores;
}
