import type { SearchMode } from '../../contracts/retrieval.js';

/** Intercept, then a weight for each of the mode's features (`featuresOf`). */
export type Coefficients = readonly [number, ...number[]];

/**
 * Written by `npx tsx bench/retrieval/fit-relevance.ts`: logistic regression on the candidates of all labelled questions of indexes/, those without an
 * answer included.
 */
const FITTED: Readonly<Record<string, Readonly<Record<SearchMode, Coefficients>>>> = {
  'bge-small-en-v1.5': {
    vector: [-13.768, 16.356, -25.22],
    lexical: [-5.0653, 5.2519, 3.6922, -12.675, 6.8513],
    hybrid: [-10.16, 10.628, -24.16, -4.4001, 5.4168, -2.8119, -4.9882, 25.078],
  },
  // Those above, on the scale of its cosines: 0.435 + 0.526 of one is a cosine of bge's, by the bank's questions.
  'all-minilm-l6-v2': {
    vector: [-6.653, 8.603, -13.37],
    lexical: [-5.0653, 5.2519, 3.6922, -12.675, 6.8513],
    hybrid: [-5.537, 5.59, -12.8, -4.4001, 5.4168, -2.8119, -4.9882, 13.3],
  },
};
/** Of an embedder that nobody has fitted. */
const OTHERS = 'bge-small-en-v1.5';

export function coefficientsOf(embedder: string): Readonly<Record<SearchMode, Coefficients>> {
  return FITTED[embedder] ?? FITTED[OTHERS]!;
}
