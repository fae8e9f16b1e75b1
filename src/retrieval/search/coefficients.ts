import type { SearchMode } from '../../contracts/retrieval.js';

/** Intercept, then a weight for each of the mode's features (`featuresOf`); those that are left out count nothing. */
export type Coefficients = readonly [number, ...number[]];

/** Terms are the same whatever the embedder. */
const LEXICAL: Coefficients = [-5.5124, 2.3198, 2.7237, -18.402, 11.132, 0.39004];

/** Of bge-small-en-v1.5, as it was published: what an embedder is judged by that nobody has fitted. */
const UNFITTED: Readonly<Record<SearchMode, Coefficients>> = {
  vector: [-13.768, 16.356, -25.22],
  lexical: LEXICAL,
  hybrid: [-10.16, 10.628, -24.16, -4.4001, 5.4168, -2.8119, -4.9882, 25.078],
};

/**
 * By `npx tsx bench/retrieval/fit-relevance.ts`: logistic regression on the candidates of all labelled questions of indexes/, those without an
 * answer included.
 */
const FITTED: Readonly<Record<string, Readonly<Record<SearchMode, Coefficients>>>> = {
  'bge-small-en-v1.5-qa': {
    vector: [-7.4623, 10.288, -12.508, 0.28445],
    lexical: LEXICAL,
    hybrid: [-6.5367, 7.4397, -16.354, -0.23324, 0.70916, -7.7529, 0.72306, 15.879, 0.45739],
  },
  // Its cosines lie close together: 0.8 is far, 0.9 is near.
  'multilingual-e5-small': {
    vector: [-33.222, 35.916, -73.175, -0.0038917],
    lexical: LEXICAL,
    hybrid: [-22.225, 22.622, -75.322, -2.4999, 2.8972, -13.198, 6.9081, 63.768, 0.20091],
  },
  // The unfitted ones, on the scale of its cosines: 0.435 + 0.526 of one is a cosine of bge's, by the bank's questions.
  'all-minilm-l6-v2': {
    vector: [-6.653, 8.603, -13.37],
    lexical: LEXICAL,
    hybrid: [-5.537, 5.59, -12.8, -4.4001, 5.4168, -2.8119, -4.9882, 13.3],
  },
};

/** Its scores are not a guess. */
export function isFitted(embedder: string): boolean {
  return Object.hasOwn(FITTED, embedder);
}

export function coefficientsOf(embedder: string): Readonly<Record<SearchMode, Coefficients>> {
  return FITTED[embedder] ?? UNFITTED;
}
