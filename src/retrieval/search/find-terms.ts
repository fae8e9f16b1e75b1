import { termsOf } from '../../words/terms.js';
import { TermScores } from '../lexical/bm25.js';
import type { Postings } from '../stores/postings.js';
import type { FoundFile } from '../stores/store-files.js';

/** The rarest say the most about what a long query is about. */
const MAX_TERMS = 32;
/** Rows of postings that a search reads; its stores would need tens of thousands of files to have more for a handful of words. */
const MAX_ROWS = 50_000;

/**
 * Scores the passages on some shelves by the terms of a query. How rare a term is depends on all of them, whatever a filter leaves. What is read and
 * counted begins with a shelf's key: neither what comes back nor a score, nor how long it takes, depends on anything else.
 * @param files those of these files alone; null: of all
 */
export async function findTerms(
  shelves: readonly number[],
  query: string,
  files: readonly FoundFile[] | null,
  postings: Pick<Postings, 'statistics' | 'spread' | 'of'>,
): Promise<TermScores> {
  const terms = [...new Set(termsOf(query))];
  const seqs = files && new Set(files.map(({ seq }) => seq));
  const scores = new TermScores(await postings.statistics(shelves));
  const spread = (await postings.spread(shelves, terms)).slice(0, MAX_TERMS);
  const known = new Set(spread.map(({ term }) => term));
  let rows = 0;
  for (const { term, files: holders, passages } of spread) {
    rows += holders;
    // Words that are everywhere decide nothing beside rarer ones, and would be most of the work.
    const isRead = rows <= MAX_ROWS || rows === holders;
    scores.add(passages, isRead ? await postings.of(shelves, term, seqs) : []);
  }
  for (const term of terms) if (!known.has(term)) scores.add(0, []);
  return scores;
}
