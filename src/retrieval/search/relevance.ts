import type { SearchMode } from '../../contracts/retrieval.js';
import { type Coefficients, coefficientsOf } from './coefficients.js';
import type { Evidence } from './evidence.js';

/** How sure it is that each of the candidates of a search answers it, 0 … 1, in their order. */
export type Relevance = (mode: SearchMode, candidates: readonly Evidence[]) => number[];

/** @param embedder id of the model whose cosines are judged: each has a scale of its own */
export function relevanceFor(embedder: string): Relevance {
  const coefficients = coefficientsOf(embedder);
  const judge: Relevance = (mode, candidates) =>
    featuresOf(mode, candidates).map((features) => logistic(coefficients[mode], features));
  return (mode, candidates) => {
    const scores = judge(mode, candidates);
    if (mode === 'lexical' || candidates.every(({ cosine }) => cosine !== null)) return scores;
    // What has no vector yet is judged by its words alone, instead of as if it were far from the query.
    const byTerms = judge('lexical', candidates);
    return candidates.map(({ cosine }, index) => (cosine === null ? byTerms : scores)[index]!);
  };
}

/**
 * What the judgement is made from: how near a passage is by each measure, how far behind the best candidate, and how far behind where the best
 * one holds all terms of the query: then terms decide, and where no passage holds them, meaning does. Last how long it is: of two that are as
 * near, the one that says more answers more often, and a page is full of sections that say no more than "see there".
 */
export function featuresOf(mode: SearchMode, candidates: readonly Evidence[]): number[][] {
  const best = (of: (candidate: Evidence) => number) => candidates.reduce((most, one) => Math.max(most, of(one)), 0);
  const [bestCosine, bestScore, bestShare] = [
    best(({ cosine }) => cosine ?? 0),
    best(({ terms }) => terms.score),
    best(({ terms }) => terms.share),
  ];
  return candidates.map(({ cosine, terms, tokens }) => {
    const behindByCosine = bestCosine - (cosine ?? 0);
    const behindByTerms = bestScore - terms.score;
    const byVector = [cosine ?? 0, behindByCosine];
    const byTerms = [terms.score, terms.share, behindByTerms, behindByTerms * bestShare];
    const length = Math.log(tokens);
    if (mode === 'vector') return [...byVector, length];
    return mode === 'lexical' ? [...byTerms, length] : [...byVector, ...byTerms, behindByCosine * bestShare, length];
  });
}

function logistic([intercept, ...weights]: Coefficients, features: readonly number[]): number {
  const sum = weights.reduce((total, weight, index) => total + weight * features[index]!, intercept);
  return 1 / (1 + Math.exp(-sum));
}
