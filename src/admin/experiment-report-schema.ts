/** The shape of how an experiment stands. */
import { Type } from 'typebox';
import { GOALS } from '../contracts/registry-limits.js';
import { nullable, Time } from './schemas/common.js';
import { DeploymentSchema } from './schemas/deployments.js';
import { Evidence, VerdictSchema } from './verdict-schema.js';

export const ExperimentReportSchema = Type.Object({
  goal: Type.Enum([...GOALS]),
  outcome: Type.Enum(['running', 'winner', 'no_difference', 'harmful', 'undecided'], {
    description:
      'All but `running` end it. `harmful`: an arm is proven worse than the first one in what is critical. `undecided`: it came to its most answers, or was stopped.',
  }),
  reason: Type.String(),
  winner: nullable(Type.String()),
  arms: Type.Array(
    Type.Object({
      name: Type.String(),
      weight: Type.Number(),
      answers: Type.Integer(),
      shareReached: nullable(Type.Number({ description: 'In percent, of all answers of the experiment.' })),
      told: Type.Integer({ description: 'Answers that tell of the goal.' }),
      value: nullable(Type.Number({ description: 'Their mean; of cost the median.' })),
      verdict: nullable(VerdictSchema),
    }),
    { description: 'With what the judge says of each but the first, compared with the first.' },
  ),
  comparisons: Type.Array(
    Type.Object({
      better: Type.String(),
      than: Type.String(),
      blocks: Type.Integer({ description: 'Comparisons of answers of one time and one cluster of questions.' }),
      effect: nullable(Type.Number({ description: 'How much better, as policies count it; below 0: worse.' })),
      evidenceOfBetter: Evidence('it is not better by more than the minimum effect'),
      evidenceOfClose: Evidence('it is better by the tolerance or more'),
    }),
    { description: 'Of each two arms, both ways.' },
  ),
});

export const ExperimentStatusSchema = Type.Object({
  deployment: DeploymentSchema,
  report: nullable(ExperimentReportSchema),
  endedAt: nullable(Time),
});
