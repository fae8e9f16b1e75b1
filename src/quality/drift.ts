/**
 * Whether what is asked and answered has changed. Pure: a baseline is a count for each of its bins, a rate is a number from
 * 0 to 1.
 */

/** Keeps a bin that nothing fell into from saying infinitely much. */
const LEAST_SHARE = 0.001;

/**
 * The population stability index of two distributions over the same bins: 0 where they are the same; from 0.1 on something
 * moved, from 0.25 on much did (N. Siddiqi, Credit Risk Scorecards, 2006).
 * @param expected counts, or shares; `observed` too
 */
export function stabilityIndex(expected: readonly number[], observed: readonly number[]): number {
  const [a, b] = [toShares(expected), toShares(observed)];
  return a.reduce((sum, share, bin) => sum + (b[bin]! - share) * Math.log(b[bin]! / share), 0);
}

function toShares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const shares = counts.map((count) => Math.max(LEAST_SHARE, total === 0 ? 1 / counts.length : count / total));
  const sum = shares.reduce((all, share) => all + share, 0);
  return shares.map((share) => share / sum);
}

/** Of one rate, or of the share of one bin. */
export interface Cusum {
  readonly upper: number;
  readonly lower: number;
}

export const NO_CHANGE: Cusum = { upper: 0, lower: 0 };

/** Between which a rate was, as far as a sample tells: two standard errors to each side. */
export function rateBounds(share: number, sample: number): { readonly low: number; readonly high: number } {
  // As if one more had and one more had not: a sample without any event does not say that there is none.
  const rate = (share * sample + 1) / (sample + 2);
  const error = 2 * Math.sqrt((rate * (1 - rate)) / sample);
  return { low: Math.max(rate / 2, rate - error), high: Math.min((1 + rate) / 2, rate + error) };
}

/**
 * One step of a two-sided cumulative sum of log likelihood ratios (E. Page, Continuous inspection schemes, 1954) for events
 * that happened at a rate between `low` and `high`: it grows while they happen `factor` times as often, or seldom, and is
 * drawn back to 0 otherwise.
 */
export function accumulate(
  { upper, lower }: Cusum,
  happened: boolean,
  { low, high }: { readonly low: number; readonly high: number },
  factor: number,
): Cusum {
  const step = (before: number, after: number) => Math.log(happened ? after / before : (1 - after) / (1 - before));
  const more = Math.min(high * factor, (1 + high) / 2);
  return { upper: Math.max(0, upper + step(high, more)), lower: Math.max(0, lower + step(low, low / factor)) };
}
