import { alt, charsOf, type Expr, oneOf, optional, repeat, seq, text } from './expr.js';

/** Digits before and behind the point: with more of them two numbers may be one to those who read them. */
export const MOST_DIGITS = 15;
const MOST_DECIMALS = 9;
const LARGEST = 10 ** MOST_DIGITS - 1;

/** A bound of a number; `open`: it is not reached. */
export interface Bound {
  readonly value: number;
  readonly open: boolean;
}

const digits = (from: string, to: string): Expr => charsOf([[from.charCodeAt(0), to.charCodeAt(0)]]);
const DIGIT = digits('0', '9');
const some = (min: number, max: number): Expr => repeat(DIGIT, min, max);
const zeros = (min: number, max: number): Expr => repeat(text('0'), min, max);
const WHOLE = alt(text('0'), seq(digits('1', '9'), some(0, MOST_DIGITS - 1)));
const FRACTION = seq(text('.'), some(1, MOST_DECIMALS));

export const ANY_NUMBER: Expr = seq(
  optional(text('-')),
  WHOLE,
  optional(FRACTION),
  optional(seq(oneOf(['e', 'E']), optional(oneOf(['+', '-'])), some(1, 2))),
);

/** Whole numbers from `low` to `high`, at most of fifteen digits. */
export function integers(low: number, high: number): Expr {
  const from = Math.max(Math.ceil(low), -LARGEST);
  const to = Math.min(Math.floor(high), LARGEST);
  const items: Expr[] = [];
  if (from < 0 && from <= to) items.push(seq(text('-'), naturals(Math.max(1, -to), -from)));
  if (to >= 0 && from <= to) items.push(naturals(Math.max(0, from), to));
  return alt(...items);
}

/** Decimal numbers between two bounds. Null: a bound has more digits than can be told apart. */
export function decimals(low: Bound | null, high: Bound | null): Expr | null {
  const items: Expr[] = [];
  const minusHigh = high && { value: -high.value, open: high.open };
  const minusLow = low && { value: -low.value, open: low.open };
  if (low === null || low.value < 0) {
    const from = minusHigh && minusHigh.value >= 0 ? minusHigh : { value: 0, open: false };
    const part = positive(from, minusLow);
    if (part === null) return null;
    items.push(seq(text('-'), part));
  }
  if (high === null || high.value >= 0) {
    const part = positive(low && low.value >= 0 ? low : { value: 0, open: false }, high);
    if (part === null) return null;
    items.push(part);
  }
  return alt(...items);
}

/** @param low at least 0 */
function positive(low: Bound, high: Bound | null): Expr | null {
  const from = partsOf(low.value);
  const to = high === null || high.value > LARGEST ? null : partsOf(high.value);
  if (from === null || (to === null && high !== null && high.value <= LARGEST)) return null;
  if (to === null) {
    return alt(
      seq(naturals(from.whole, from.whole), atLeast(from.fraction, low.open)),
      seq(naturals(from.whole + 1, LARGEST), optional(FRACTION)),
    );
  }
  if (from.whole > to.whole) return alt();
  if (from.whole === to.whole)
    return seq(text(String(from.whole)), between(from.fraction, low.open, to.fraction, high!.open));
  return alt(
    seq(text(String(from.whole)), atLeast(from.fraction, low.open)),
    ...(from.whole + 1 < to.whole ? [seq(naturals(from.whole + 1, to.whole - 1), optional(FRACTION))] : []),
    seq(text(String(to.whole)), atMost(to.fraction, high!.open)),
  );
}

/** Its digits; null where there are too many to tell numbers apart. */
export function partsOf(value: number): { whole: number; fraction: string } | null {
  const parts = /^(\d{1,15})(?:\.(\d{1,8}))?$/.exec(String(value));
  return parts && { whole: Number(parts[1]), fraction: parts[2] ?? '' };
}

/** A fraction that is at least this one; none is 0. */
function atLeast(fraction: string, open: boolean): Expr {
  const rest = (left: string, most: number): Expr => {
    if (left === '') return open ? seq(zeros(0, most - 1), digits('1', '9'), some(0, most - 1)) : some(0, most);
    const first = left[0]!;
    return alt(
      seq(text(first), rest(left.slice(1), most - 1)),
      ...(first === '9' ? [] : [seq(digits(next(first), '9'), some(0, most - 1))]),
    );
  };
  if (fraction !== '') return seq(text('.'), rest(fraction, MOST_DECIMALS));
  return open ? seq(text('.'), rest('', MOST_DECIMALS)) : optional(FRACTION);
}

function atMost(fraction: string, open: boolean): Expr {
  const rest = (left: string, most: number): Expr => {
    const first = left[0]!;
    const smaller = first === '0' ? [] : [seq(digits('0', previous(first)), some(0, most - 1))];
    if (left.length > 1) return alt(...smaller, seq(text(first), optional(rest(left.slice(1), most - 1))));
    return alt(...smaller, ...(open ? [] : [seq(text(first), zeros(0, most - 1))]));
  };
  if (fraction !== '') return optional(seq(text('.'), rest(fraction, MOST_DECIMALS)));
  return open ? alt() : optional(seq(text('.'), zeros(1, MOST_DECIMALS)));
}

/** Both at once, behind the same whole number: in so many digits that there is something between. */
function between(low: string, lowOpen: boolean, high: string, highOpen: boolean): Expr {
  if (low === '' && !lowOpen) return atMost(high, highOpen);
  const length = Math.max(low.length, high.length) + Number(lowOpen || highOpen);
  const from = Number(low.padEnd(length, '0')) + Number(lowOpen);
  const to = Number(high.padEnd(length, '0')) - Number(highOpen);
  if (from > to) return alt();
  const pad = (value: number) => String(value).padStart(length, '0');
  return seq(text('.'), ofLength(pad(from), pad(to)));
}

/** Whole numbers from 0 on. */
export function naturals(from: number, to: number): Expr {
  const items: Expr[] = [];
  for (let low = from; low <= to; ) {
    const length = String(low).length;
    const high = Math.min(to, 10 ** length - 1);
    items.push(ofLength(String(low), String(high)));
    low = high + 1;
  }
  return alt(...items);
}

/** Texts of digits, as long as these, from one to the other. */
function ofLength(from: string, to: string): Expr {
  const length = from.length;
  if (length === 0) return text('');
  if (/^0*$/.test(from) && /^9*$/.test(to)) return some(length, length);
  const [a, b] = [from[0]!, to[0]!];
  const nines = '9'.repeat(length - 1);
  const noughts = '0'.repeat(length - 1);
  if (a === b) return seq(text(a), ofLength(from.slice(1), to.slice(1)));
  const [low, high] = [from.slice(1) === noughts ? a : next(a), to.slice(1) === nines ? b : previous(b)];
  return alt(
    ...(low === a ? [] : [seq(text(a), ofLength(from.slice(1), nines))]),
    ...(low <= high ? [seq(digits(low, high), some(length - 1, length - 1))] : []),
    ...(high === b ? [] : [seq(text(b), ofLength(noughts, to.slice(1)))]),
  );
}

const next = (digit: string): string => String.fromCharCode(digit.charCodeAt(0) + 1);
const previous = (digit: string): string => String.fromCharCode(digit.charCodeAt(0) - 1);
