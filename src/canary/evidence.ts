/** What matched answers tell of a difference between two arms: pure functions over blocks. */
import type { MetricPolicy } from '../contracts/rollouts.js';
import type { Block } from './matched-blocks.js';
import { createBettor } from './wealth.js';

export type Direction = 'higher' | 'lower';
export type Limits = Pick<MetricPolicy, 'minimumEffect' | 'tolerance'>;
/** A difference of shares from 0 to 1, or a ratio of positive numbers. */
export type Comparing = 'difference' | 'ratio';

export interface Evidence {
  readonly ofWorse: number;
  readonly ofGood: number;
}

/** What a block gains for who bets on "worse by more than the minimum effect", and on "worse by less than the tolerance". */
interface Bets {
  gains(block: Block): Evidence;
  /** The most that either can lose. */
  readonly losses: Evidence;
}

const BETS: Record<Comparing, (worse: Direction, limits: Limits) => Bets> = {
  /** How much worse the mean is, from −1 to 1, against the limits. */
  difference: (worse, { minimumEffect, tolerance }) => ({
    gains(block) {
      const by = difference(block, worse);
      return { ofWorse: by - minimumEffect, ofGood: tolerance - by };
    },
    losses: { ofWorse: 1 + minimumEffect, ofGood: 1 - tolerance },
  }),
  /**
   * How often one of the canary is worse by more than the limit than one of the stable version, over one half: one half is where their
   * middles differ by just that (Mann and Whitney 1947). Bounded, so a tail of slow answers proves nothing.
   */
  ratio: (worse, { minimumEffect, tolerance }) => ({
    gains: (block) => ({
      ofWorse: shareWorse(block, worse, 1 + minimumEffect) - 0.5,
      ofGood: 0.5 - shareWorse(block, worse, 1 + tolerance),
    }),
    losses: { ofWorse: 0.5, ofGood: 0.5 },
  }),
};

/** Grows with every block (decision 0040). */
export interface Weigher {
  add(block: Block): void;
  evidence(): Evidence;
}

/** @param worse in which direction a change of the canary's is for the worse */
export function createWeigher(compare: Comparing, worse: Direction, limits: Limits): Weigher {
  const { gains, losses } = BETS[compare](worse, limits);
  const [ofWorse, ofGood] = [createBettor(losses.ofWorse), createBettor(losses.ofGood)];
  return {
    add(block) {
      const gained = gains(block);
      ofWorse.add(gained.ofWorse);
      ofGood.add(gained.ofGood);
    },
    evidence: () => ({ ofWorse: ofWorse.greatest(), ofGood: ofGood.greatest() }),
  };
}

/** What all of the blocks tell. */
export function weigh(compare: Comparing, blocks: readonly Block[], worse: Direction, limits: Limits): Evidence {
  const weigher = createWeigher(compare, worse, limits);
  for (const block of blocks) weigher.add(block);
  return weigher.evidence();
}

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
