import type { MetricVerdict, Rollout, RolloutPlan, Verdict } from '../contracts/rollouts.js';

export const DEFAULT_PLAN: RolloutPlan = {
  steps: [1, 5, 25, 50, 100],
  leastAnswers: 50,
  leastMs: 300_000,
  provenFrom: 50,
  metrics: {},
};

export interface Decision {
  readonly action: 'hold' | 'advance' | 'promote' | 'rollback';
  /** One line for people. */
  readonly reason: string;
}

/** What has been seen since the step began. */
interface StepProgress {
  readonly canaryAnswers: number;
  readonly elapsedMs: number;
}

/** What follows from a verdict: a failure always acts, everything else waits for the least that the step asks for. */
export function decide(
  rollout: Rollout,
  verdict: Pick<Verdict, 'outcome' | 'reason'> & { readonly metrics: readonly Pick<MetricVerdict, 'outcome'>[] },
  { canaryAnswers, elapsedMs }: StepProgress,
): Decision {
  const { steps, step, status, leastAnswers, leastMs, provenFrom } = rollout;
  if (verdict.outcome === 'fail') return { action: 'rollback', reason: verdict.reason };
  if (status === 'paused') return { action: 'hold', reason: 'paused' };
  if (canaryAnswers < leastAnswers) {
    return { action: 'hold', reason: `${canaryAnswers} of ${leastAnswers} answers at this step` };
  }
  if (elapsedMs < leastMs) {
    return { action: 'hold', reason: `${seconds(elapsedMs)} of ${seconds(leastMs)} at this step` };
  }
  const next = steps[step + 1];
  const failed = verdict.metrics.some(({ outcome }) => outcome === 'fail');
  if (verdict.outcome === 'pass') {
    return { action: next === undefined ? 'promote' : 'advance', reason: verdict.reason };
  }
  if (next === undefined || next >= provenFrom || failed) return { action: 'hold', reason: verdict.reason };
  return { action: 'advance', reason: `nothing speaks against ${next} %` };
}

const seconds = (ms: number): string => `${Math.floor(ms / 1000)} s`;
