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

/**
 * One step of a two-sided cumulative sum of log likelihood ratios (E. Page, Continuous inspection schemes, 1954) for events
 * that happened at the rate `before`: it grows while they happen `factor` times as often, or seldom, and is drawn back to 0
 * otherwise.
 */
export function accumulate({ upper, lower }: Cusum, happened: boolean, before: number, factor: number): Cusum {
  const step = (rate: number) => (happened ? Math.log(rate / before) : Math.log((1 - rate) / (1 - before)));
  const more = Math.min(before * factor, (1 + before) / 2);
  return { upper: Math.max(0, upper + step(more)), lower: Math.max(0, lower + step(before / factor)) };
}
