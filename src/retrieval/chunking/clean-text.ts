import type { Range } from './document.js';

/**
 * Characters that nobody sees and every search stumbles over: byte order marks, soft hyphens, zero-width spaces and
 * joiners, marks of direction, tags. A joiner after a letter of a script that needs it (Persian, Hindi, emoji) stays.
 */
const INVISIBLE =
  /[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|\u{e0001}|[\u{e0020}-\u{e007f}]|(?<!\P{ASCII})[\u200c\u200d]/gu;
/** Any other, but for spaces. */
const VISIBLE =
  /[^\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u{e0001}\u{e0020}-\u{e007f}]/u;
/** The line ends of old Macs, and the carriage returns of Windows. */
const CARRIAGE_RETURN = /\r\n?/g;

export interface CleanText {
  readonly text: string;
  /** Where a range of `text` stands in what was cleaned. */
  sourceRange(range: Range): Range;
}

export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, '');
}

/** Whether there is anything to read: fast where it comes early. */
export const hasVisible = (text: string): boolean => VISIBLE.test(text);

/** A file's text with line feeds alone, without invisible characters and without `hidden` ranges (in order). */
export function cleanText(raw: string, hidden: readonly Range[]): CleanText {
  const cuts = [...hidden, ...matches(raw, INVISIBLE), ...matches(raw, CARRIAGE_RETURN)].sort(
    (a, b) => a.start - b.start,
  );
  let text = '';
  let from = 0;
  /** Positions of `text` where something was left out, and how much up to there, that included. */
  const positions: number[] = [];
  const removed: number[] = [];
  for (const { start, end } of cuts) {
    if (end <= from) continue;
    text += raw.slice(from, start);
    if (raw[start] === '\r') text += '\n';
    from = end;
    positions.push(text.length);
    removed.push(from - text.length);
  }
  text += raw.slice(from);
  if (text === raw) return { text: raw, sourceRange: (range) => range };

  const sourceAt = (position: number, isEnd: boolean) => {
    const count = lowerBound(positions, isEnd ? position : position + 1);
    return position + (count === 0 ? 0 : removed[count - 1]!);
  };
  return { text, sourceRange: ({ start, end }) => ({ start: sourceAt(start, false), end: sourceAt(end, true) }) };
}

function matches(text: string, pattern: RegExp): Range[] {
  return Array.from(text.matchAll(pattern), ({ 0: { length }, index }) => ({ start: index, end: index + length }));
}

/** How many of the ascending numbers are below `limit`. */
function lowerBound(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
