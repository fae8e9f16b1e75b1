/** Whether one version answers better than another, by what both said to the same questions from the same passages: pure (decision 0068). */
import { DEFAULT_POLICY } from '../canary/judged-metrics.js';
import type { MetricPolicy, Outcome } from '../contracts/rollouts.js';
import { type Interval, meanInterval } from './bootstrap.js';

/** What is known of one answer; shares from 0 to 1, null: not known. */
export interface ComparedAnswer {
  /** How far it is what somebody accepted as the answer. */
  readonly right: number | null;
  readonly groundedness: number | null;
  readonly citationValidity: number | null;
  readonly numbersGrounded: number | null;
  /** null: it had to refuse, so it tells nothing that it did. */
  readonly refused: boolean | null;
}

/** The answers of two versions to one question. */
export interface AnsweredPair {
  readonly id: string;
  /** What it is about; null: not known. */
  readonly cluster: string | null;
  readonly from: ComparedAnswer;
  readonly to: ComparedAnswer;
}

type ComparedMetric = 'right' | 'groundedness' | 'citation_validity' | 'refusals' | 'numbers_grounded';

export interface MetricComparison {
  readonly metric: ComparedMetric;
  readonly critical: boolean;
  /** Questions of which both answers tell. */
  readonly questions: number;
  readonly from: number;
  readonly to: number;
  /** How much more there is of it in `to`: its mean lies there, 19 times out of 20. */
  readonly difference: Interval;
  readonly outcome: Outcome;
}

export interface Wins {
  readonly questions: number;
  /** Of `to`. */
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Ties count half. */
  readonly winRate: number;
  readonly interval: Interval;
}

export interface Comparison extends Wins {
  readonly outcome: Outcome;
  readonly metrics: readonly MetricComparison[];
  /** Those with the most questions first. */
  readonly clusters: readonly (Wins & { readonly cluster: string })[];
}

interface Spec extends Pick<MetricPolicy, 'minimumEffect' | 'tolerance' | 'critical'> {
  readonly worse: 'lower' | 'higher';
  readonly read: (answer: ComparedAnswer) => number | null;
}

const METRICS: Readonly<Record<ComparedMetric, Spec>> = {
  right: { minimumEffect: 0.02, tolerance: 0.05, critical: true, worse: 'lower', read: ({ right }) => right },
  groundedness: { ...DEFAULT_POLICY.groundedness, worse: 'lower', read: (answer) => answer.groundedness },
  citation_validity: { ...DEFAULT_POLICY.citation_validity, worse: 'lower', read: (answer) => answer.citationValidity },
  refusals: {
    ...DEFAULT_POLICY.refusals,
    worse: 'higher',
    read: ({ refused }) => (refused === null ? null : Number(refused)),
  },
  numbers_grounded: { ...DEFAULT_POLICY.numbers_grounded, worse: 'lower', read: (answer) => answer.numbersGrounded },
};
/** Of fewer questions the bootstrap knows too little. */
const LEAST_QUESTIONS = 20;
/** What two answers must be apart for one of them to win. */
const MARGIN = 0.1;
/** A refusal is worth as much as an answer of which one half stands in the passages. */
const WORTH_OF_REFUSAL = 0.5;

/** @param pairs at least one */
export function compareAnswers(pairs: readonly AnsweredPair[]): Comparison {
  const metrics = (Object.keys(METRICS) as ComparedMetric[]).flatMap((metric) => compareMetric(metric, pairs) ?? []);
  const names = [...new Set(pairs.flatMap(({ cluster }) => cluster ?? []))];
  const clusters = names.map((cluster) => ({
    cluster,
    ...countWins(pairs.filter((pair) => pair.cluster === cluster)),
  }));
  return {
    outcome: conclude(metrics.filter(({ critical }) => critical)),
    ...countWins(pairs),
    metrics,
    clusters: clusters.sort((a, b) => b.questions - a.questions),
  };
}

function conclude(metrics: readonly MetricComparison[]): Outcome {
  if (metrics.some(({ outcome }) => outcome === 'fail')) return 'fail';
  return metrics.length > 0 && metrics.every(({ outcome }) => outcome === 'pass') ? 'pass' : 'inconclusive';
}

function compareMetric(metric: ComparedMetric, pairs: readonly AnsweredPair[]): MetricComparison | null {
  const { read, worse, critical, minimumEffect, tolerance } = METRICS[metric];
  const both = pairs.flatMap((pair) => {
    const [from, to] = [read(pair.from), read(pair.to)];
    return from === null || to === null ? [] : [{ from, to }];
  });
  if (both.length === 0) return null;
  const difference = meanInterval(both.map(({ from, to }) => to - from));
  const worseBy = worse === 'higher' ? difference : { low: -difference.high, high: -difference.low };
  return {
    metric,
    critical,
    questions: both.length,
    from: mean(both.map(({ from }) => from)),
    to: mean(both.map(({ to }) => to)),
    difference,
    outcome: both.length < LEAST_QUESTIONS ? 'inconclusive' : outcomeOf(worseBy, { minimumEffect, tolerance }),
  };
}

function outcomeOf({ low, high }: Interval, limits: Pick<Spec, 'minimumEffect' | 'tolerance'>): Outcome {
  if (low > limits.minimumEffect) return 'fail';
  return high < limits.tolerance ? 'pass' : 'inconclusive';
}

function countWins(pairs: readonly AnsweredPair[]): Wins {
  const scores = pairs.map(scoreOf);
  const count = (wanted: number) => scores.filter((score) => score === wanted).length;
  return {
    questions: pairs.length,
    wins: count(1),
    ties: count(0.5),
    losses: count(0),
    winRate: mean(scores),
    interval: meanInterval(scores),
  };
}

/** 1: `to` is better, 0: `from` is, ½: neither. What was accepted as right goes before what stands in the passages. */
function scoreOf({ from, to }: AnsweredPair): number {
  const worth = ({ refused, groundedness }: ComparedAnswer) => (refused ? WORTH_OF_REFUSAL : groundedness);
  for (const [a, b] of [
    [from.right, to.right],
    [worth(from), worth(to)],
  ] as const) {
    if (a !== null && b !== null && Math.abs(b - a) > MARGIN) return b > a ? 1 : 0;
  }
  return 0.5;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
