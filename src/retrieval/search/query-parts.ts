import { cutPassages } from '../chunking/passages.js';
import { parseText } from '../chunking/text.js';

/** Each costs a run of the embedder and a search. */
const MAX_PARTS = 4;
/** What is looked at for a part, by the tokens that it may have: to cut a text takes many times what it takes to tokenize it. */
const CHARACTERS_PER_TOKEN = 6;
const QUESTION_SIGNS = '?？؟';
const SENTENCE_BORDERS = `.!。！\n${QUESTION_SIGNS}`;

/**
 * What is searched for instead of a query that is longer than the embedder reads, the question first: a page of log
 * lines says what it is about, and the one line below it what is asked. One vector of both would show neither. However long the
 * query is, the work for it is bounded, and stops between two parts, so that others may have their turn: the longest query that may be asked
 * takes 24 ms, half of a step of somebody's answer.
 */
export function* queryParts(
  { query, context }: { readonly query: string; readonly context: string },
  maxTokens: number,
  countTokens: (text: string) => number,
): Generator<void, string[]> {
  const window = CHARACTERS_PER_TOKEN * maxTokens;
  const isRead = (text: string) =>
    (text.length <= window || countTokens(text.slice(0, window)) <= maxTokens) && countTokens(text) <= maxTokens;
  // Apart from what went before as well: nobody says whether a question follows or changes the subject.
  const folded = context === '' ? query : `${context}\n${query}`;
  if (isRead(folded)) return [...new Set([query, folded])];
  if (context !== '' && isRead(query)) return [query];
  const cut = (text: string) =>
    [...cutPassages(parseText(text, ''), { budgetTokens: maxTokens, overlapTokens: 0 }, countTokens)].map(
      (passage) => passage.text,
    );
  const last = (text: string) => cut(wellFormed(text.trimEnd().slice(-window))).at(-1);
  const lines = query.split('\n').filter((line) => line.trim() !== '');
  const question = lastQuestion(query);
  const asked = question === null ? [lines.at(-1)!, lines[0]!] : [question];
  const parts: (string | undefined)[] = [];
  for (const text of new Set([...asked, query])) {
    yield;
    parts.push(last(text));
  }
  yield;
  parts.push(cut(wellFormed(query.slice(0, window)))[0]);
  yield;
  const middle = cut(wellFormed(query.slice((query.length - window) >> 1).slice(0, window)));
  parts.push(middle[middle.length >> 1]);
  const found = new Set(parts.filter((part) => part !== undefined));
  // Blank where it was looked at.
  return found.size === 0 ? [query] : [...found].slice(0, MAX_PARTS);
}

/** The last sentence with a question mark. */
function lastQuestion(query: string): string | null {
  let end = Math.max(...[...QUESTION_SIGNS].map((sign) => query.lastIndexOf(sign)));
  if (end === -1) return null;
  while (QUESTION_SIGNS.includes(query.charAt(end - 1)) && end > 0) end--;
  let start = end;
  while (start > 0 && !SENTENCE_BORDERS.includes(query.charAt(start - 1))) start--;
  return query.slice(start, end + 1).trim();
}

/** Without the half of a character that a cut left. */
function wellFormed(text: string): string {
  return text.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
}
