/** Shapes of rollouts in the admin API: those of `contracts/rollouts.ts`. */
import { Type } from 'typebox';
import { ROLLOUT_EVENTS } from '../contracts/registry-limits.js';
import { ExperimentReportSchema } from './experiment-report-schema.js';
import { ExperimentSchema } from './experiment-schemas.js';
import { PlanFields, RolloutSchema } from './plan-schemas.js';
import { nullable, Time, Version } from './schemas/common.js';
import { CanaryGroups, DeploymentSchema, RuleFields, ShadowWeight, Weight } from './schemas/deployments.js';
import { VerdictSchema } from './verdict-schema.js';

export const RolloutBody = Type.Object(
  { version: Version, ...RuleFields, ...PlanFields },
  { additionalProperties: false },
);

export const RolloutStatusSchema = Type.Object({ deployment: DeploymentSchema, verdict: VerdictSchema });

export const RolloutEventSchema = Type.Object({
  revision: Type.Integer({ description: 'Of the deployment after it.' }),
  type: Type.Enum([...ROLLOUT_EVENTS]),
  actor: Type.String({ description: 'Id of a key, or `controller`.' }),
  reason: nullable(Type.String()),
  served: Type.Object({
    adapter: nullable(Type.String()),
    stableVersion: nullable(Version),
    canaryVersion: nullable(Version),
    canaryWeight: Weight,
    canaryGroups: CanaryGroups,
    shadowWeight: ShadowWeight,
    previous: nullable(Type.Object({ version: nullable(Version) })),
    rollout: nullable(RolloutSchema),
    experiment: nullable(ExperimentSchema),
  }),
  evidence: nullable(VerdictSchema),
  report: nullable(ExperimentReportSchema),
  createdAt: Time,
});
