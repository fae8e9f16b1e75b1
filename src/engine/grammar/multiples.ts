import { alt, type Expr, oneOf, seq, text } from './expr.js';
import { type Bound, MOST_DIGITS, naturals, partsOf } from './numbers.js';

/** Numbers, or endings of numbers, that are written out one by one. */
export const MOST_LISTED = 1000n;

/**
 * Multiples of a step between two bounds. Those of a short range are listed; of a long one they are told by their last digits, where
 * the step divides a power of ten. All is counted in units of the step's last digit. Null: there is no such way.
 */
export function multiples(step: number, low: Bound | null, high: Bound | null, isInteger: boolean): Expr | null {
  const parts = partsOf(step);
  if (parts === null) return null;
  const units = BigInt(`${parts.whole}${parts.fraction}`);
  const scale = power(parts.fraction.length);
  const each = isInteger ? units / divisor(units, scale) : units;
  const decimals = isInteger ? 0 : parts.fraction.length;
  const largest = power(MOST_DIGITS + decimals) - 1n;
  const from = low === null ? -largest : least(low, decimals);
  const minusTo = high === null ? -largest : least({ value: -high.value, open: high.open }, decimals);
  if (from === null || minusTo === null) return null;
  const [first, last] = [upTo(each, from), -upTo(each, minusTo)];
  if (first > last) return alt();
  if ((last - first) / each < MOST_LISTED) return oneOf(every(each, first, last).flatMap((n) => spelled(n, decimals)));

  let places = Math.max(1, decimals);
  while (power(places) % each !== 0n && places < MOST_DIGITS) places++;
  if (power(places) % each !== 0n || power(places) / each > MOST_LISTED) return null;
  const positive = (a: bigint, b: bigint) => byEndings(each, a, b, { places, decimals });
  return alt(
    ...(first < 0n ? [seq(text('-'), positive(last < -each ? -last : each, -first))] : []),
    ...(last >= 0n ? [positive(first > 0n ? first : 0n, last)] : []),
  );
}

/** @param places that the endings have; @param decimals that stand behind the point */
function byEndings(
  step: bigint,
  from: bigint,
  to: bigint,
  { places, decimals }: { readonly places: number; readonly decimals: number },
): Expr {
  const unit = power(places);
  const behind = (a: bigint, b: bigint) =>
    oneOf(every(step, upTo(step, a), b).flatMap((n) => pointed(String(n).padStart(places, '0'), decimals)));
  const headed = (head: bigint, a: bigint, b: bigint): Expr =>
    head === 0n
      ? oneOf(every(step, upTo(step, a), b).flatMap((n) => spelled(n, decimals)))
      : seq(text(String(head)), behind(a, b));
  const [low, high] = [from / unit, to / unit];
  if (low === high) return headed(low, from % unit, to % unit);
  return alt(
    headed(low, from % unit, unit - 1n),
    ...(low + 1n < high ? [seq(naturals(Number(low + 1n), Number(high - 1n)), behind(0n, unit - 1n))] : []),
    headed(high, 0n, to % unit),
  );
}

function every(step: bigint, from: bigint, to: bigint): bigint[] {
  const all: bigint[] = [];
  for (let n = from; n <= to; n += step) all.push(n);
  return all;
}

function spelled(n: bigint, decimals: number): string[] {
  const size = n < 0n ? -n : n;
  return pointed(String(size).padStart(decimals + 1, '0'), decimals).map((digits) => (n < 0n ? `-${digits}` : digits));
}

/** With all decimals, and without those that say nothing. */
function pointed(digits: string, decimals: number): string[] {
  if (decimals === 0) return [digits];
  const whole = digits.slice(0, -decimals);
  const fraction = digits.slice(-decimals);
  const short = fraction.replace(/0+$/, '');
  return [`${whole}.${fraction}`, short === '' ? whole : `${whole}.${short}`];
}

/** The smallest whole number of units that a lower bound lets be; null: it has more digits than can be told apart. */
function least({ value, open }: Bound, decimals: number): bigint | null {
  const parts = partsOf(Math.abs(value));
  if (parts === null) return null;
  const sign = value < 0 ? -1n : 1n;
  const exact = sign * BigInt(`${parts.whole}${parts.fraction}`) * power(decimals);
  const digit = power(parts.fraction.length);
  const units = upTo(digit, exact) / digit;
  return open && units * digit === exact ? units + 1n : units;
}

/** The smallest multiple that is no smaller. */
function upTo(step: bigint, n: bigint): bigint {
  const rest = ((n % step) + step) % step;
  return rest === 0n ? n : n + step - rest;
}

const power = (digits: number): bigint => 10n ** BigInt(digits);

function divisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : divisor(b, a % b);
}
