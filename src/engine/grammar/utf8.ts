import { normalized, type Range } from './expr.js';

/** The largest code points that are written with one, two, three and four bytes. */
const LARGEST = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/**
 * The byte sequences that code points in these ranges are written as in UTF-8, each as a range for every byte: so that
 * every combination of them is a code point of the ranges. (R. Pike and K. Thompson's encoding; the division is Russ
 * Cox's, "Regular Expression Matching in the Wild", 2010.)
 */
export function utf8Sequences(ranges: readonly Range[]): Range[][] {
  return normalized(ranges)
    .flatMap(([from, to]) => withoutSurrogates(from, to))
    .flatMap(([from, to]) => split(from, to));
}

function withoutSurrogates(from: number, to: number): Range[] {
  const parts: Range[] = [
    [from, Math.min(to, 0xd7ff)],
    [Math.max(from, 0xe000), to],
  ];
  return parts.filter(([low, high]) => low <= high);
}

function split(from: number, to: number): Range[][] {
  for (const largest of LARGEST) {
    if (from <= largest && largest < to) return [...split(from, largest), ...split(largest + 1, to)];
  }
  const length = LARGEST.findIndex((largest) => to <= largest) + 1;
  for (let tail = 1; tail < length; tail++) {
    const mask = (1 << (6 * tail)) - 1;
    if ((from & ~mask) === (to & ~mask)) continue;
    if ((from & mask) !== 0) return [...split(from, from | mask), ...split((from | mask) + 1, to)];
    if ((to & mask) !== mask) return [...split(from, (to & ~mask) - 1), ...split(to & ~mask, to)];
  }
  const low = Buffer.from(String.fromCodePoint(from));
  const high = Buffer.from(String.fromCodePoint(to));
  return [Array.from(low, (byte, i): Range => [byte, high[i]!])];
}
