import { CLAUSE_ENDS, SENTENCE_ENDS } from '../../words/sentences.js';
import type { Block, Range } from './document.js';

const BLANK_LINES = /\n(?:[ \t\r]*\n)+/g;
const LINE_ENDS = /\n/g;
/** How far from the middle white space is looked for. */
const MAX_WORD_CHARS = 256;
const BORDERS: Readonly<Record<Block['kind'], readonly RegExp[]>> = {
  prose: [SENTENCE_ENDS, LINE_ENDS, CLAUSE_ENDS],
  lines: [BLANK_LINES, LINE_ENDS, SENTENCE_ENDS, CLAUSE_ENDS],
  table: [LINE_ENDS, SENTENCE_ENDS, CLAUSE_ENDS],
};

/**
 * The pieces of a block that each fit, in order: the block itself where it fits, else its parts at the natural
 * borders of its kind, from coarse to fine, and at last halves between words or characters. Parts below `minChars()`
 * are taken together. Every character that is not blank is in one piece.
 */
export function splitBlock(
  text: string,
  block: Block,
  minChars: () => number,
  fits: (range: Range) => boolean,
): Generator<Range> {
  return pieces(text, block, BORDERS[block.kind], minChars, fits);
}

function* pieces(
  text: string,
  whole: Range,
  borders: readonly RegExp[],
  minChars: () => number,
  fits: (range: Range) => boolean,
): Generator<Range> {
  const range = trim(text, whole);
  if (range.end <= range.start) return;
  const [border, ...finer] = borders;
  if (fits(range) || range.end - range.start <= 2) yield range;
  else if (border)
    for (const part of cutAt(text, range, border, minChars())) yield* pieces(text, part, finer, minChars, fits);
  else for (const half of halves(text, range)) yield* pieces(text, half, [], minChars, fits);
}

function* cutAt(text: string, range: Range, border: RegExp, minChars: number): Generator<Range> {
  let start = range.start;
  // A slice, so that no search runs past the range.
  for (const match of text.slice(range.start, range.end).matchAll(border)) {
    const end = range.start + match.index + match[0].length;
    if (end - start < minChars) continue;
    yield { start, end };
    start = end;
  }
  if (start < range.end) yield { start, end: range.end };
}

/** Two parts, cut at the white space nearest to the middle where there is one nearby, or between two characters. */
function halves(text: string, { start, end }: Range): [Range, Range] {
  const middle = (start + end) >> 1;
  let cut = middle;
  for (let distance = 0; distance <= MAX_WORD_CHARS; distance++) {
    const found = [middle - distance, middle + distance].find(
      (position) => position > start && position < end && isBlank(text[position]!),
    );
    if (found !== undefined) {
      cut = found;
      break;
    }
  }
  // Never between the two units of one character.
  if (isLowSurrogate(text.charCodeAt(cut))) cut += cut - 1 > start ? -1 : 1;
  return [
    { start, end: cut },
    { start: cut, end },
  ];
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Without blank lines before and white space after; the indentation of the first line stays. */
function trim(text: string, { start, end }: Range): Range {
  while (end > start && isBlank(text[end - 1]!)) end -= 1;
  let lineStart = start === 0 || text[start - 1] === '\n' ? start : null;
  let position = start;
  for (; position < end && isBlank(text[position]!); position++) {
    if (text[position] === '\n') lineStart = position + 1;
  }
  return { start: lineStart ?? position, end };
}

function isBlank(char: string): boolean {
  return char.trim() === '';
}
