import { depthOf, type Hole, leadingClosers } from '../hole.js';

/**
 * Where the middle ends: a small model that has filled it goes on with what follows, which is there already. Decided on
 * the lines and on how deep the brackets are nested. Brackets in strings count as well: those are balanced as a rule,
 * and a wrong count only means that nothing is cut.
 */
export interface Border {
  /** Where the middle ends; null while it goes on. */
  readonly end: number | null;
  /** Up to here nothing can turn out to lie behind the border, so it may be shown. */
  readonly shown: number;
}

/** A line of so many characters is hardly written twice at one depth; a shorter one has to be followed by the next. */
const TELLING_CHARACTERS = 12;
const BARE_CLOSERS = /^\s*[)\]}]+[;,]*$/;
const WORD = /[\p{L}\p{N}]/u;

/** @param over the answer has ended, so that nothing more is to be waited for */
export function findBorder(hole: Hole, text: string, over: boolean): Border {
  return hole.rest.trim() === '' ? betweenLines(hole, text, over) : withinLine(hole, text, over);
}

/** The middle ends with a line: what is below must not come again. */
function betweenLines(hole: Hole, text: string, over: boolean): Border {
  const pieces = text.split('\n');
  const lines = pieces.map((piece, index) => (index === 0 ? hole.before + piece : piece).trimEnd());
  let depth = 0;
  let offset = 0;
  let kept = 0;
  const least = indentOf(lines.find((line) => line !== '') ?? '');
  for (const [index, piece] of pieces.entries()) {
    if (lines[index] !== '') {
      // The block is over, and another one begins.
      if (index > 0 && lines[index - 1] === '' && indentOf(lines[index]!) < least) return { end: kept, shown: kept };
      const isWhole = over || index < lines.length - 1;
      const leaves = mayLeaveBlock(hole, lines[index]!);
      if (leaves && !isWhole) return { end: null, shown: kept };
      const again =
        leaves && leadingClosers(lines[index]!) > depth ? true : isBelow(hole, lines.slice(index), depth, over);
      if (again === true) return { end: kept, shown: kept };
      if (again === null && !over) return { end: null, shown: kept };
      depth += depthOf(piece);
      kept = offset + piece.trimEnd().length;
    }
    offset += piece.length + 1;
  }
  return { end: over ? kept : null, shown: kept };
}

/** Whether these lines, the last of which may go on, are some of those below; null: that is not known yet. */
function isBelow({ below, closing }: Hole, lines: readonly string[], depth: number, over: boolean): boolean | null {
  const [line, ...behind] = lines as [string, ...string[]];
  const isWhole = over || behind.length > 0;
  const telling = below.filter((one) => one.trimStart().length >= TELLING_CHARACTERS);
  const alone = [...telling, ...(closing === null ? [] : [closing])].filter((one) => mayFollow(one, depth));
  if (isWhole && alone.includes(line)) return true;
  if (!isWhole && alone.some((one) => one.startsWith(line))) return null;

  const [first, second] = below;
  if (first === undefined || leadingClosers(first) > 0 || !mayFollow(first, depth)) return false;
  if (!isWhole) return first.startsWith(line) ? null : false;
  if (line !== first) return false;
  if (second === undefined) return true;
  for (const [index, next] of behind.entries()) {
    if (index === behind.length - 1 && !over) return second.startsWith(next) ? null : false;
    if (next !== '') return next === second;
  }
  return null;
}

/**
 * Whether a line that closes more than the middle has opened would close the block that what is below stands in: where
 * that ends may be so far below that nobody sent it. A line that opens the next block as well (`} else {`) does not.
 */
function mayLeaveBlock({ below: [first] }: Hole, line: string): boolean {
  if (first === undefined || leadingClosers(first) > 0) return false;
  return BARE_CLOSERS.test(line) && indentOf(line) < indentOf(first);
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** A line that closes a bracket belongs to what follows only if the middle has not opened it; no line stands deeper. */
function mayFollow(line: string, depth: number): boolean {
  const closers = leadingClosers(line);
  return closers === 0 ? depth <= 0 : depth < closers;
}

/** The middle ends inside of a line: its rest must not come again, and where it has words no other line comes. */
function withinLine({ before, rest }: Hole, text: string, over: boolean): Border {
  const closed = closingBracket(before, rest, text);
  const pieces = text.slice(0, closed ?? text.length).split('\n');
  const hasWords = WORD.test(rest);
  const endsLine = hasWords && before.trim() !== '';
  let offset = 0;
  for (const [index, piece] of pieces.entries()) {
    const line = piece.trimEnd();
    if (index === pieces.length - 1) {
      if (closed !== null) return { end: closed, shown: closed };
      if (!over) return { end: null, shown: offset + line.length - longestOverlap(line, rest) };
    }
    const overlap = index === 0 || hasWords ? overlapOf(index === 0 ? before : '', line, rest) : 0;
    const isLast = index === pieces.length - 1;
    // Spaces at the very end may be those before the rest.
    const end = offset + (isLast && overlap === 0 ? piece.length : line.length - overlap);
    if (isLast || endsLine || (overlap > 0 && overlap === rest.length)) return { end, shown: end };
    offset += piece.length + 1;
  }
  throw new RangeError('a text has a last line');
}

/** Where a bracket is closed that the rest of the line closes; null where none is. */
function closingBracket(before: string, rest: string, text: string): number | null {
  const bare = rest.trimStart();
  const spare = Math.max(0, depthOf(before) - leadingClosers(bare));
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const step = depthOf(text[at]!);
    depth += step;
    if (step > -1 || depth >= -spare || !bare.startsWith(text[at]!)) continue;
    const spaces = rest.slice(0, rest.length - bare.length);
    return text.slice(0, at).endsWith(spaces) ? at - spaces.length : at;
  }
  return null;
}

/** How much of the line's end is the beginning of the rest: what leaves the brackets most balanced. */
function overlapOf(before: string, line: string, rest: string): number {
  let best = 0;
  let bestImbalance = Math.abs(depthOf(before + line + rest));
  for (let length = longestOverlap(line, rest); length > 0; length--) {
    const shared = rest.slice(0, length);
    if (!line.endsWith(shared)) continue;
    const imbalance = Math.abs(depthOf(before + line + rest.slice(length)));
    const isTelling = length === rest.length || WORD.test(shared);
    if (imbalance < bestImbalance || (imbalance === bestImbalance && isTelling && best === 0)) {
      best = length;
      bestImbalance = imbalance;
    }
  }
  return best;
}

function longestOverlap(line: string, rest: string): number {
  let length = Math.min(line.length, rest.length);
  while (length > 0 && !line.endsWith(rest.slice(0, length))) length--;
  return length;
}
