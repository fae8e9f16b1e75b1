import type { Evidence, Window } from './sources.js';
import { type Agreement, agreement } from './support.js';
import { tokensOf } from './tokens.js';

/** What a statement is most likely taken from, and how far it agrees with that. */
export interface Support {
  readonly window: Window;
  readonly agreement: Agreement;
  /** How much more another window is about the same, 0 … 1. */
  readonly rival: number;
}

/** null where there is no passage. */
export function findSupport(statement: string, { windows, weightOf }: Evidence): Support | null {
  const tokens = tokensOf(statement);
  let best: Omit<Support, 'rival'> | null = null;
  let [most, subject] = [Number.NEGATIVE_INFINITY, 0];
  for (const window of windows) {
    const found = agreement(tokens, window, weightOf);
    const likeness = found.coverage + 0.3 * found.subject + 0.5 * found.order - 0.2 * found.numberMissing;
    subject = Math.max(subject, found.subject);
    if (likeness <= most) continue;
    most = likeness;
    best = { window, agreement: found };
  }
  return best && { ...best, rival: subject - best.agreement.subject };
}

/** In the order of `COEFFICIENTS`. @param cosine of the embeddings of the statement and its window */
export function featuresOf({ agreement: found, rival }: Support, cosine: number): number[] {
  return [
    cosine,
    found.coverage,
    found.numbersHeld,
    found.numberMissing,
    found.unitDiffers,
    found.nameMissing,
    found.negationDiffers,
    found.swapped,
    rival,
  ];
}

/** From here on a sentence counts as supported. */
export const SUPPORTED = 0.5;

/**
 * Intercept, then a weight a feature, by `npx tsx bench/quality/fit-groundedness.ts`: logistic regression on the fitted half
 * of the labelled sentences, with the embedder that is served.
 */
const COEFFICIENTS: readonly [number, ...number[]] = [
  -3.87, 3.44, 2.63, 3.08, -5.05, -8.68, -7.33, -6.24, -2.49, -12.14,
];

/** How likely a statement says what its window says, 0 … 1. */
export function groundedness(support: Support, cosine: number): number {
  const [intercept, ...weights] = COEFFICIENTS;
  const features = featuresOf(support, cosine);
  const sum = weights.reduce((total, weight, index) => total + weight * features[index]!, intercept);
  return 1 / (1 + Math.exp(-sum));
}
