/** Shapes of what deployments say, and arms of experiments otherwise. */
import { Type } from 'typebox';
import { GENERATION_LIMITS, MAX_SEARCHED_STORES } from '../contracts/registry-limits.js';

/** How a deployment generates: `GenerationDefaults`. */
export const GenerationSchema = Type.Object(
  Object.fromEntries(
    Object.entries(GENERATION_LIMITS).map(([name, { description, minimum, maximum, ...rest }]) => {
      const options = { description, minimum, maximum };
      return [name, Type.Optional('isInteger' in rest ? Type.Integer(options) : Type.Number(options))];
    }),
  ),
  { additionalProperties: false, description: 'What counts where a request leaves it out.' },
);

/** How a deployment searches: `RetrievalPolicy`. */
export const RetrievalSchema = Type.Object(
  {
    enabled: Type.Boolean(),
    storeIds: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        maxItems: MAX_SEARCHED_STORES,
        description: "Vector stores, searched as one; the tenant's default store where there are none.",
      }),
    ),
    mode: Type.Optional(
      Type.Enum(['vector', 'lexical', 'hybrid'], { description: 'Search by meaning, by words, or by both (default).' }),
    ),
    topK: Type.Integer({ description: 'Passages in a prompt, at most.', minimum: 1, maximum: 50 }),
    minScore: Type.Number({ description: 'Passages below it are left out.', minimum: -1, maximum: 1 }),
    diversity: Type.Optional(
      Type.Number({
        description:
          'How much the passages shall differ from one another: 0, the default, gives the most relevant ones.',
        minimum: 0,
        maximum: 1,
      }),
    ),
    budgetTokens: Type.Integer({ description: 'Tokens of all passages together.', minimum: 1, maximum: 131_072 }),
    attention: Type.Optional(
      Type.Enum(['full', 'block'], {
        description:
          'What a passage of a chat is read with: all that stands before it (full, the default), or the instructions alone (block), so that it is computed once and serves again wherever it stands.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** A revision of a safety policy. */
export const PolicyRefSchema = Type.Object(
  { name: Type.String(), revision: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);
