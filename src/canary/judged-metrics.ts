import type { JudgedAnswer, JudgedMetric, JudgePolicy } from '../contracts/rollouts.js';
import { ERRORS } from '../errors/table.js';
import type { Comparing } from './evidence.js';

/** What an answer tells of a metric, and when it was known: evidence only ever grows. */
export interface Reading {
  readonly value: number;
  readonly at: number;
}

interface MetricSpec {
  readonly compare: Comparing;
  /** Which change of the value is for the worse. */
  readonly worse: 'higher' | 'lower' | 'either';
  /** Told by what the answer says: a copy that nobody saw tells it as well, and is compared with what it is a copy of. */
  readonly byText?: true;
  /** null where the answer does not tell. */
  readonly read: (answer: Omit<JudgedAnswer, 'arm'>) => Reading | null;
}

/** The only home of the metrics that a canary is judged by. */
export const JUDGED_METRICS: Readonly<Record<JudgedMetric, MetricSpec>> = {
  errors: { compare: 'difference', worse: 'higher', read: failure },
  time_to_first_token: { compare: 'ratio', worse: 'higher', read: (a) => reading(a.firstTokenMs, a.endedAt) },
  time_per_output_token: { compare: 'ratio', worse: 'higher', read: (a) => reading(a.perTokenMs, a.endedAt) },
  groundedness: { compare: 'difference', worse: 'lower', byText: true, read: signal((s) => s.groundedness) },
  citation_validity: { compare: 'difference', worse: 'lower', byText: true, read: signal((s) => s.citationValidity) },
  refusals: { compare: 'difference', worse: 'higher', byText: true, read: signal((s) => Number(s.refused)) },
  numbers_grounded: { compare: 'difference', worse: 'lower', byText: true, read: signal((s) => s.numbersGrounded) },
  length: { compare: 'ratio', worse: 'either', byText: true, read: signal((s) => (s.refused ? null : s.words + 1)) },
  policy_hits: {
    compare: 'difference',
    worse: 'higher',
    read: ({ policyHit, endedAt }) => (policyHit === null ? null : { value: Number(policyHit), at: endedAt }),
  },
  feedback: {
    compare: 'difference',
    worse: 'lower',
    read: ({ feedback }) => feedback && { value: Number(feedback.rating === 'up'), at: feedback.at },
  },
};

export const JUDGED_METRIC_NAMES = Object.keys(JUDGED_METRICS) as JudgedMetric[];

export const DEFAULT_POLICY: JudgePolicy = {
  errors: { minimumEffect: 0.01, tolerance: 0.05, critical: true, mustHaveData: true },
  time_to_first_token: { minimumEffect: 0.05, tolerance: 0.2, critical: true, mustHaveData: true },
  time_per_output_token: { minimumEffect: 0.05, tolerance: 0.2, critical: true, mustHaveData: false },
  groundedness: { minimumEffect: 0.02, tolerance: 0.08, critical: true, mustHaveData: false },
  citation_validity: { minimumEffect: 0.02, tolerance: 0.1, critical: true, mustHaveData: false },
  refusals: { minimumEffect: 0.02, tolerance: 0.05, critical: true, mustHaveData: false },
  numbers_grounded: { minimumEffect: 0.03, tolerance: 0.1, critical: false, mustHaveData: false },
  length: { minimumEffect: 0.25, tolerance: 0.5, critical: false, mustHaveData: false },
  policy_hits: { minimumEffect: 0.02, tolerance: 0.05, critical: true, mustHaveData: false },
  feedback: { minimumEffect: 0.05, tolerance: 0.15, critical: false, mustHaveData: false },
};

/** What the gateway did not manage. A request that is wrong tells nothing of a version, nor does who hangs up. */
function failure({ outcome, endedAt }: Pick<JudgedAnswer, 'outcome' | 'endedAt'>): Reading | null {
  if (outcome === 'completed') return { value: 0, at: endedAt };
  const spec = Object.hasOwn(ERRORS, outcome) ? ERRORS[outcome as keyof typeof ERRORS] : null;
  return spec !== null && spec.status >= 500 ? { value: 1, at: endedAt } : null;
}

function reading(value: number | null, at: number): Reading | null {
  return value === null ? null : { value, at };
}

function signal(pick: (signals: NonNullable<JudgedAnswer['signals']>) => number | null) {
  return ({ signals }: Pick<JudgedAnswer, 'signals'>) => signals && reading(pick(signals), signals.at);
}
