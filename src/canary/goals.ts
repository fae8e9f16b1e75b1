import type { ExperimentAnswer, Goal } from '../contracts/experiments.js';
import type { Comparing, Direction } from './evidence.js';
import { JUDGED_METRICS, type Reading } from './judged-metrics.js';

interface GoalSpec {
  readonly compare: Comparing;
  /** Which change of the value is for the better. */
  readonly better: Direction;
  /** null where the answer does not tell. */
  readonly read: (answer: ExperimentAnswer) => Reading | null;
}

/** The only home of what experiments are about. */
export const GOAL_SPECS: Readonly<Record<Goal, GoalSpec>> = {
  feedback: { compare: 'difference', better: 'higher', read: JUDGED_METRICS.feedback.read },
  accepted: {
    compare: 'difference',
    better: 'higher',
    read: ({ review }) => review && { value: Number(review.isAccepted), at: review.at },
  },
  groundedness: { compare: 'difference', better: 'higher', read: JUDGED_METRICS.groundedness.read },
  cost: {
    compare: 'ratio',
    better: 'lower',
    // What broke off cost less, and was worth nothing.
    read: ({ outcome, tokens, endedAt }) => (outcome === 'completed' ? { value: tokens, at: endedAt } : null),
  },
};
