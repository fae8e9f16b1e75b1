/** What matched answers tell of a difference between two arms: pure functions over blocks. */
import type { MetricPolicy } from '../contracts/rollouts.js';
import type { Block } from './matched-blocks.js';
import { greatestWealth } from './wealth.js';

export type Direction = 'higher' | 'lower';
export type Limits = Pick<MetricPolicy, 'minimumEffect' | 'tolerance'>;
/** A difference of shares from 0 to 1, or a ratio of positive numbers. */
export type Comparing = 'difference' | 'ratio';

interface Evidence {
  readonly ofWorse: number;
  readonly ofGood: number;
}

/** What the blocks tell of the canary, where a change in that direction is for the worse (decision 0040). */
export const weigh: Record<Comparing, (blocks: readonly Block[], worse: Direction, limits: Limits) => Evidence> = {
  /** How much worse the mean is, from −1 to 1, against the limits. */
  difference(blocks, worse, { minimumEffect, tolerance }) {
    const worseBy = blocks.map((block) => difference(block, worse));
    return {
      ofWorse: greatestWealth(
        worseBy.map((by) => by - minimumEffect),
        1 + minimumEffect,
      ),
      ofGood: greatestWealth(
        worseBy.map((by) => tolerance - by),
        1 - tolerance,
      ),
    };
  },
  /**
   * How often one of the canary is worse by more than the limit than one of the stable version, over one half: one half is where their
   * middles differ by just that (Mann and Whitney 1947). Bounded, so a tail of slow answers proves nothing.
   */
  ratio(blocks, worse, { minimumEffect, tolerance }) {
    const over = (limit: number) => blocks.map((block) => shareWorse(block, worse, 1 + limit) - 0.5);
    return {
      ofWorse: greatestWealth(over(minimumEffect), 0.5),
      ofGood: greatestWealth(
        over(tolerance).map((share) => -share),
        0.5,
      ),
    };
  },
};

/** How much worse the canary is; below 0: better. null without blocks. */
export const effectOf: Record<Comparing, (blocks: readonly Block[], worse: Direction) => number | null> = {
  difference: (blocks, worse) => mean(blocks.map((block) => difference(block, worse))),
  /** Of the typical pair. */
  ratio(blocks, worse) {
    const ratio = median(blocks.map(({ canary, stable }) => median(canary)! / median(stable)!));
    if (ratio === null) return null;
    return worse === 'higher' ? ratio - 1 : 1 / ratio - 1;
  },
};

function difference({ canary, stable }: Block, worse: Direction): number {
  const higher = mean(canary)! - mean(stable)!;
  return worse === 'higher' ? higher : -higher;
}

/** Share of the block's pairs in which the canary's is worse by more than a factor; ties count half. */
function shareWorse({ canary, stable }: Block, worse: Direction, factor: number): number {
  let count = 0;
  for (const c of canary) {
    for (const s of stable) {
      const over = worse === 'higher' ? c - s * factor : s - c * factor;
      count += over > 0 ? 1 : over === 0 ? 0.5 : 0;
    }
  }
  return count / (canary.length * stable.length);
}

export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
