/** Shapes of deployments and their canaries. */

import { Type } from 'typebox';
import { GROUP_PATTERN, MAX_CANARY_GROUPS, MAX_INSTRUCTIONS } from '../../contracts/registry-limits.js';
import { ExperimentSchema } from '../experiment-schemas.js';
import { RolloutSchema } from '../plan-schemas.js';
import { GenerationSchema, PolicyRefSchema, RetrievalSchema } from '../setting-schemas.js';
import { closed, nullable, Revision, Time, Version } from './common.js';

export const Weight = Type.Number({ description: 'Percentage of traffic for the canary.', minimum: 0, maximum: 100 });
export const CanaryGroups = Type.Array(Type.String({ pattern: GROUP_PATTERN }), {
  maxItems: MAX_CANARY_GROUPS,
  description: 'Callers in one of these groups get the canary whatever the weight. They are never judged.',
});

export const ShadowWeight = Type.Number({
  description:
    "Percentage of the stable version's answers whose questions the canary answers again: from the same passages, behind everything else, seen and paid by nobody, to be compared.",
  minimum: 0,
  maximum: 100,
});

export const DeploymentParams = Type.Object({ tenant: Type.String(), name: Type.String() });
export const DeploymentBody = Type.Object(
  {
    adapter: Type.Optional(
      nullable(Type.String({ description: 'Adapter whose versions it serves; without one, only the bare base.' })),
    ),
    stableVersion: Type.Optional(nullable(Version)),
    engine: Type.Optional(
      nullable(
        Type.String({
          description:
            'That answers: `embedded`, `upstream` or the name of a pool; null: the default. Left out: as it is. It stays while a rollout or an experiment is under way.',
        }),
      ),
    ),
    instructions: Type.String({ description: 'Start of every system message.', maxLength: MAX_INSTRUCTIONS }),
    retrieval: RetrievalSchema,
    generation: Type.Optional(GenerationSchema),
    policy: Type.Optional(nullable(PolicyRefSchema)),
    tools: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: 32,
        description: 'Functions that the gateway calls, by name. Left out: those that it has.',
      }),
    ),
  },
  closed,
);

export const DeploymentSchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  adapter: nullable(Type.String()),
  stableVersion: nullable(Version),
  engine: Type.Optional(nullable(Type.String({ description: 'That answers; null: the default.' }))),
  instructions: Type.String(),
  retrieval: RetrievalSchema,
  generation: Type.Optional(GenerationSchema),
  policy: nullable(PolicyRefSchema),
  tools: Type.Optional(Type.Array(Type.String())),
  canaryVersion: nullable(Version),
  canaryWeight: Weight,
  canaryGroups: Type.Optional(CanaryGroups),
  shadowWeight: Type.Optional(ShadowWeight),
  rollout: nullable(RolloutSchema),
  experiment: Type.Optional(nullable(ExperimentSchema)),
  createdAt: Time,
  updatedAt: Time,
  revision: Revision,
});

/** Left out: as it is where the version stays, else nobody. */
export const RuleFields = Type.Partial(Type.Object({ groups: CanaryGroups, shadowWeight: ShadowWeight })).properties;

export const CanaryBody = Type.Object({ version: Version, weight: Weight, ...RuleFields }, closed);
