import { Type } from 'typebox';
import type { SearchMode } from '../../../contracts/retrieval.js';

const RANKERS = ['auto', 'none', 'default-2024-11-15', 'vector', 'lexical', 'hybrid'] as const;

export const Diversity = Type.Number({
  minimum: 0,
  maximum: 1,
  description:
    'Extension: how much the passages shall differ from one another. 0, the default, gives the most relevant ones; towards 1, passages like those that are there already make room for others.',
});

/** OpenAI's, and what it may be asked for beside. */
export const RankingOptions = Type.Object(
  {
    ranker: Type.Optional(
      Type.Enum(RANKERS, {
        description:
          'Extension: `vector` looks for passages by meaning, `lexical` by words, `hybrid` by both. With any other, and without one, a deployment searches as it is set, and a search is hybrid.',
      }),
    ),
    score_threshold: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0,
        description: 'Passages less relevant than that are left out.',
      }),
    ),
    diversity: Type.Optional(Diversity),
  },
  { additionalProperties: false },
);

/** null: it is not said. */
export function toMode(ranker: (typeof RANKERS)[number] | undefined): SearchMode | null {
  return ranker === 'vector' || ranker === 'lexical' || ranker === 'hybrid' ? ranker : null;
}
