import { parse } from 'node:path';
import type { Passage } from '../../contracts/retrieval.js';

/** Words, numbers, and the signs that turn what they say: `-5`, `!enabled`, `< 10`, `3 %`, `€`. Markup and layout are none of it. */
const WORDS = /[\p{L}\p{M}\p{N}_$]+|[-+](?=\p{N})|[\p{Sc}%!<>=≠≤≥]/gu;

interface Wording {
  /** Below the same ones. */
  readonly headings: string;
  readonly text: string;
}

/**
 * The passages without those that repeat an earlier one: it holds their words in a row, whatever their layout, below the same headings. So one text
 * under several names, in several formats or cut elsewhere counts once. Nothing is guessed from a likeness: what differs in
 * a single number or a `not` says something else.
 */
export function withoutRepeats<T extends Passage>(passages: readonly T[]): T[] {
  const kept: Wording[] = [];
  return passages.filter((passage) => {
    const { headings, text } = wordingOf(passage);
    if (kept.some((earlier) => earlier.headings === headings && earlier.text.includes(text))) return false;
    kept.push({ headings, text });
    return true;
  });
}

/** A title that is only the file's name is none. */
function wordingOf({ filename, headingPath: [title, ...headings], text }: Passage): Wording {
  const { name, base } = parse(filename);
  const own = title === undefined || title === name || title === base ? headings : [title, ...headings];
  return { headings: own.map(wordsOf).join('›'), text: wordsOf(text) };
}

/** With a space around each, so that `1` is not found in `10`; a text without any is compared as it is. */
function wordsOf(text: string): string {
  return ` ${(text.normalize('NFKC').toLowerCase().match(WORDS) ?? [text]).join(' ')} `;
}
