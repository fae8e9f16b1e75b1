/** Shapes of experiments: those of `contracts/experiments.ts`. */
import { Type } from 'typebox';
import { DEFAULT_EXPERIMENT } from '../canary/experiment.js';
import {
  ARMS,
  GOALS,
  MAX_ADAPTER_VERSION,
  MAX_EXPERIMENT_ARMS,
  MAX_INSTRUCTIONS,
  MAX_JUDGED_ANSWERS,
  MAX_TOLERANCE,
  NAME_PATTERN,
} from '../contracts/registry-limits.js';
import { PoliciesSchema } from './plan-schemas.js';
import { GenerationSchema, PolicyRefSchema, RetrievalSchema } from './setting-schemas.js';

const closed = { additionalProperties: false } as const;
const { minimumEffect, tolerance, leastAnswers, mostAnswers } = DEFAULT_EXPERIMENT;
const RetrievalChanges = Type.Partial(Type.Object(RetrievalSchema.properties)).properties;

const ArmSchema = Type.Object(
  {
    name: Type.String({ pattern: NAME_PATTERN, description: `None of ${ARMS.join(', ')}.` }),
    weight: Type.Number({ minimum: 0.1, maximum: 99.9, description: 'Percentage of traffic; all of them make 100.' }),
    version: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_ADAPTER_VERSION })),
    instructions: Type.Optional(Type.String({ maxLength: MAX_INSTRUCTIONS })),
    retrieval: Type.Optional(Type.Object(RetrievalChanges, closed)),
    generation: Type.Optional(GenerationSchema),
    policy: Type.Optional(Type.Union([PolicyRefSchema, Type.Null()])),
  },
  { ...closed, description: "The deployment's own, but for what is said here." },
);

const Goal = Type.Enum([...GOALS], {
  description:
    'Good ratings, answers that reviewers accepted, groundedness: the more the better. Cost in tokens of prompt and answer: the less the better.',
});

const Chosen = {
  minimumEffect: Type.Number({
    description: `An arm is the winner once it is proven better than each other one by more than this: points of shares (0.02 is two of 100), shares of cost (0.1 is 10 %). By default ${minimumEffect}.`,
    minimum: 0,
    maximum: MAX_TOLERANCE,
  }),
  tolerance: Type.Number({
    description: `There is no difference once no arm can be better than another by this. By default ${tolerance}.`,
    minimum: 0.001,
    maximum: MAX_TOLERANCE,
  }),
  leastAnswers: Type.Integer({
    description: `Answers of each arm that tell of the goal, before there is a winner or no difference. By default ${leastAnswers}.`,
    minimum: 1,
    maximum: MAX_JUDGED_ANSWERS,
  }),
  mostAnswers: Type.Integer({
    description: `Answers of all arms together with which it is over. By default ${mostAnswers}.`,
    minimum: 1,
    maximum: MAX_JUDGED_ANSWERS,
  }),
  metrics: PoliciesSchema,
};

export const ExperimentBody = Type.Object(
  {
    goal: Goal,
    arms: Type.Array(ArmSchema, {
      minItems: 2,
      maxItems: MAX_EXPERIMENT_ARMS,
      description: 'The others must not become worse than the first one in what is critical: that ends it.',
    }),
    ...Type.Partial(Type.Object(Chosen)).properties,
  },
  closed,
);
export const AdoptBody = Type.Object({ arm: Type.String() }, closed);
/** Under way: as it was started. */
export const ExperimentSchema = Type.Object(
  {
    goal: Type.Enum([...GOALS]),
    arms: Type.Array(Type.Object({ name: Type.String(), weight: Type.Number() }), { minItems: 2 }),
    startedAt: Type.Integer({ description: 'Milliseconds since the epoch.' }),
  },
  { description: 'With all that it was started with.' },
);
