import { cutPassages } from '../chunking/passages.js';
import { parseText } from '../chunking/text.js';

/** Each costs a run of the embedder and a search. */
const MAX_PARTS = 4;
const QUESTIONS = /[^.!?。！？\n]*[?？؟]/g;

/**
 * What is searched for instead of a query that is longer than the embedder reads, the question first: a page of log
 * lines says what it is about, and the one line below it what is asked. One vector of both would show neither.
 */
export function queryParts(
  { query, context }: { readonly query: string; readonly context: string },
  maxTokens: number,
  countTokens: (text: string) => number,
): string[] {
  // Apart from what went before as well: nobody says whether a question follows or changes the subject.
  const folded = context === '' ? query : `${context}\n${query}`;
  if (countTokens(folded) <= maxTokens) return [...new Set([query, folded])];
  if (countTokens(query) <= maxTokens) return [query];
  const cut = (text: string) =>
    [...cutPassages(parseText(text, ''), { budgetTokens: maxTokens, overlapTokens: 0 }, countTokens)].map(
      (passage) => passage.text,
    );
  const pieces = cut(query);
  const lines = query.split('\n').filter((line) => line.trim() !== '');
  const question = query.match(QUESTIONS)?.at(-1)?.trim();
  const asked = question ? [question] : [lines.at(-1)!, lines[0]!];
  const ordered = [...asked.map((text) => cut(text).at(-1)!), pieces.at(-1)!, pieces[0]!, pieces[pieces.length >> 1]!];
  return [...new Set(ordered)].slice(0, MAX_PARTS);
}
