/** The shape of the judge's opinion. */
import { Type } from 'typebox';
import { JUDGED_METRIC_NAMES } from '../canary/judged-metrics.js';
import { nullable } from './schemas/common.js';

const OutcomeSchema = Type.Enum(['pass', 'fail', 'inconclusive']);
const Answers = Type.Integer({ description: 'Answers that were judged.' });
export const Evidence = (against: string) =>
  Type.Number({ description: `Against "${against}": at x, the chance of being misled is at most 1 / x, at any time.` });

export const VerdictSchema = Type.Object({
  outcome: OutcomeSchema,
  reason: Type.String(),
  stableAnswers: Answers,
  canaryAnswers: Answers,
  shadowAnswers: Type.Integer({ description: 'Of the canary, that nobody saw; not among those before.' }),
  shareReached: nullable(
    Type.Number({ description: 'Percentage of the judged answers that were seen which the canary gave.' }),
  ),
  metrics: Type.Array(
    Type.Object({
      metric: Type.Enum([...JUDGED_METRIC_NAMES]),
      outcome: OutcomeSchema,
      critical: Type.Boolean(),
      stableAnswers: Answers,
      canaryAnswers: Answers,
      blocks: Type.Integer({ description: 'Comparisons of answers of one time and one cluster of questions.' }),
      stable: nullable(Type.Number({ description: 'Mean of shares, median of times and lengths.' })),
      canary: nullable(Type.Number({ description: 'The same of the canary.' })),
      effect: nullable(
        Type.Number({ description: 'How much worse the canary is, as policies count it; below 0: better.' }),
      ),
      evidenceOfWorse: Evidence('it is not worse by more than the minimum effect'),
      evidenceOfGood: Evidence('it is worse by the tolerance or more'),
    }),
  ),
});
