import { Type } from 'typebox';

/** OpenAI's; passages are ranked by their score alone. */
export const RankingOptions = Type.Object(
  {
    ranker: Type.Optional(Type.Enum(['auto', 'none'])),
    score_threshold: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 0 })),
  },
  { additionalProperties: false },
);
