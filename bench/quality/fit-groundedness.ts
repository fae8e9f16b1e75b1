/**
 * `npx tsx bench/quality/fit-groundedness.ts`: fits what `src/quality/groundedness.ts` judges by, on the fitted half of the
 * labelled sentences, and says how well that holds for contexts that it was not fitted on.
 */
import { featuresOf } from '../../src/quality/groundedness.js';
import { dot, fitLogistic } from '../retrieval/logistic.js';
import { areaUnderCurve, type Judged, judge, openEmbedder } from './labelled.js';

/** A changed number or a dropped "not" is what readers pay for. */
const GRAVE = new Set(['number', 'negation']);
const GRAVE_COUNT = 4;
const FOLDS = 10;

const rows = (await judge('fitted', await openEmbedder())).map((one) => ({
  ...one,
  features: featuresOf(one.support, one.cosine),
}));

function fit(some: typeof rows): number[] {
  return fitLogistic(
    some.map(({ features }) => features),
    some.map(({ supported }) => supported),
    some.map(({ kind }) => (GRAVE.has(kind) ? GRAVE_COUNT : 1)),
  );
}

function crossValidated(): (Judged & { score: number })[] {
  const contexts = [...new Set(rows.map(({ context }) => context))];
  return Array.from({ length: FOLDS }, (_, fold) => {
    const left = new Set(contexts.filter((_, index) => index % FOLDS === fold));
    const coefficients = fit(rows.filter(({ context }) => !left.has(context)));
    return rows
      .filter(({ context }) => left.has(context))
      .map((row) => ({ ...row, score: dot(coefficients, row.features) }));
  }).flat();
}

const coefficients = fit(rows).map((value) => Number(value.toFixed(2)));
process.stdout.write(`[${coefficients.join(', ')}]\n`);
process.stdout.write(
  `area under the curve, cross-validated by context: ${areaUnderCurve(crossValidated()).toFixed(4)}\n`,
);
