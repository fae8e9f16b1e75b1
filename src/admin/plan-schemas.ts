/** Shapes of how a version is let through, and of what it is judged by. */
import { Type } from 'typebox';
import { DEFAULT_PLAN } from '../canary/decide.js';
import { DEFAULT_POLICY, JUDGED_METRIC_NAMES } from '../canary/judged-metrics.js';
import { MAX_ROLLOUT_STEPS, MAX_STEP_ANSWERS, MAX_STEP_MS, MAX_TOLERANCE } from '../contracts/registry-limits.js';

const closed = { additionalProperties: false } as const;
const Effect = (description: string, minimum: number) =>
  Type.Optional(Type.Number({ description, minimum, maximum: MAX_TOLERANCE }));

const MetricPolicySchema = Type.Object(
  {
    minimumEffect: Effect('It fails when the canary is proven worse by more than this.', 0),
    tolerance: Effect('It passes when the canary is proven worse by less than this.', 0.001),
    critical: Type.Optional(
      Type.Boolean({ description: 'Its failure rolls back. Otherwise it holds the rollout where it is.' }),
    ),
    mustHaveData: Type.Optional(Type.Boolean({ description: 'Nothing goes on without answers that tell of it.' })),
  },
  closed,
);

export const PoliciesSchema = Type.Object(
  Object.fromEntries(JUDGED_METRIC_NAMES.map((metric) => [metric, Type.Optional(MetricPolicySchema)])),
  {
    ...closed,
    description: `What differs from the usual policy: shares in points (0.05 is five of 100), ratios in shares (0.2 is 20 % more). By default ${JUDGED_METRIC_NAMES.map(describe).join('; ')}.`,
  },
);

const PlanProperties = {
  steps: Type.Array(Type.Number({ minimum: 0, maximum: 100 }), {
    description: `Percentages of traffic, rising, the last one 100. By default ${DEFAULT_PLAN.steps.join(', ')}.`,
    minItems: 1,
    maxItems: MAX_ROLLOUT_STEPS,
  }),
  leastAnswers: Type.Integer({
    description: `Answers of the canary at each step before the next. By default ${DEFAULT_PLAN.leastAnswers}.`,
    minimum: 1,
    maximum: MAX_STEP_ANSWERS,
  }),
  leastMs: Type.Integer({
    description: `Time at each step before the next, in milliseconds. By default ${DEFAULT_PLAN.leastMs}.`,
    minimum: 0,
    maximum: MAX_STEP_MS,
  }),
  provenFrom: Type.Number({
    description: `A step of this percentage or more is only reached once the canary has passed; smaller ones as soon as nothing fails. By default ${DEFAULT_PLAN.provenFrom}.`,
    minimum: 0,
    maximum: 100,
  }),
  requires: Type.Optional(
    Type.Enum(['compare'], {
      description:
        '`compare`: it only begins where the newest comparison of the version with the stable one (`switchyard eval compare`) passed.',
    }),
  ),
  metrics: PoliciesSchema,
};

/** A plan, of which everything may be left out. */
export const PlanFields = Type.Partial(Type.Object(PlanProperties)).properties;

export const RolloutSchema = Type.Object({
  ...PlanProperties,
  step: Type.Integer({ description: 'Index of the step.' }),
  status: Type.Enum(['running', 'paused']),
  startedAt: Type.Integer({ description: 'Milliseconds since the epoch.' }),
  stepStartedAt: Type.Integer({ description: 'Milliseconds since the epoch.' }),
});

function describe(metric: keyof typeof DEFAULT_POLICY): string {
  const { minimumEffect, tolerance, critical, mustHaveData } = DEFAULT_POLICY[metric];
  const words = [critical && 'critical', mustHaveData && 'must have data'].filter(Boolean);
  return `${metric} ${[`${minimumEffect} to ${tolerance}`, ...words].join(', ')}`;
}
