import {
  GROUP_PATTERN,
  MAX_CANARY_GROUPS,
  MAX_ROLLOUT_STEPS,
  MAX_STEP_ANSWERS,
  MAX_STEP_MS,
  MAX_TOLERANCE,
} from '../contracts/registry-limits.js';
import type { CanaryRules, MetricPolicies, MetricPolicy, RolloutPlan } from '../contracts/rollouts.js';
import { invalid, validInteger, validNumber } from './validate.js';

const GROUP = new RegExp(GROUP_PATTERN);

export function validRules({ groups, shadowWeight }: CanaryRules): CanaryRules {
  if (shadowWeight !== undefined) validNumber('shadowWeight', shadowWeight, 0, 100);
  if (groups === undefined) return { shadowWeight };
  const names = [...new Set(groups)];
  if (names.length > MAX_CANARY_GROUPS || !names.every((name) => GROUP.test(name))) {
    const reason = `must be at most ${MAX_CANARY_GROUPS} names of 1 to 128 printable ASCII characters without a comma`;
    throw invalid('groups', reason);
  }
  return { groups: names, shadowWeight };
}

/** A plan that can be followed. Which metrics there are is for the judge to say, and for the schemas of the surfaces. */
export function validPlan({ steps, leastAnswers, leastMs, provenFrom, requires, metrics }: RolloutPlan): RolloutPlan {
  if (steps.length > MAX_ROLLOUT_STEPS) {
    throw invalid('steps', `must be at most ${MAX_ROLLOUT_STEPS}, got ${steps.length}`);
  }
  for (const [index, weight] of steps.entries()) {
    validNumber(`steps.${index}`, weight, 0, 100);
    const before = steps[index - 1] ?? 0;
    if (weight <= before) throw invalid(`steps.${index}`, `must be above ${before}, got ${weight}`);
  }
  if (steps.at(-1) !== 100) throw invalid('steps', `must end with 100, got ${JSON.stringify(steps)}`);
  validPolicies(metrics);
  return {
    steps,
    leastAnswers: validInteger('leastAnswers', leastAnswers, 1, MAX_STEP_ANSWERS),
    leastMs: validInteger('leastMs', leastMs, 0, MAX_STEP_MS),
    provenFrom: validNumber('provenFrom', provenFrom, 0, 100),
    ...(requires && { requires }),
    metrics,
  };
}

export function validPolicies(metrics: MetricPolicies): void {
  for (const [metric, policy] of Object.entries(metrics)) validPolicy(`metrics.${metric}`, policy);
}

function validPolicy(param: string, { minimumEffect = 0, tolerance = MAX_TOLERANCE }: Partial<MetricPolicy>): void {
  validNumber(`${param}.minimumEffect`, minimumEffect, 0, MAX_TOLERANCE);
  validNumber(`${param}.tolerance`, tolerance, 0.001, MAX_TOLERANCE);
}
