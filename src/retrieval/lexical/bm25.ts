import type { Posting } from './file-terms.js';

/** How soon further occurrences of a term count no more, and how much long passages are held back. */
const K1 = 1.2;
const B = 0.75;

/** Of the passages that are compared with one another. */
export interface Statistics {
  readonly passages: number;
  /** Terms of all of them. */
  readonly terms: number;
}

export interface TermMatch {
  /** BM25, as a share of what a passage of nothing but the query's terms would have: 0 … 1. */
  readonly score: number;
  /** Of the query's terms, weighted by how rare they are, the share that the passage holds: 0 … 1. */
  readonly share: number;
}

const NONE: TermMatch = { score: 0, share: 0 };

/**
 * Scores passages by the terms that they share with a query: BM25 as in S. Robertson and H. Zaragoza, The probabilistic relevance framework
 * (2009), with the weight ln(1 + (N - n + 0.5) / (n + 0.5)) of a term that n of N passages hold, which is never negative.
 */
export class TermScores {
  readonly #statistics: Statistics;
  readonly #matches = new Map<number, { score: number; weight: number }>();
  #totalWeight = 0;

  constructor(statistics: Statistics) {
    this.#statistics = statistics;
  }

  /** A further term of the query. @param holders passages that hold it, whether their postings are given or not */
  add(holders: number, postings: Iterable<Posting>): void {
    const { passages, terms } = this.#statistics;
    const weight = Math.log(1 + (passages - holders + 0.5) / (holders + 0.5));
    this.#totalWeight += weight;
    for (const { label, count, length } of postings) {
      const saturated = (count * (K1 + 1)) / (count + K1 * (1 - B + (B * length * passages) / terms));
      const match = this.#matches.get(label);
      if (match) {
        match.score += weight * saturated;
        match.weight += weight;
      } else {
        this.#matches.set(label, { score: weight * saturated, weight });
      }
    }
  }

  of(label: number): TermMatch {
    const match = this.#matches.get(label);
    if (!match) return NONE;
    return { score: match.score / (this.#totalWeight * (K1 + 1)), share: match.weight / this.#totalWeight };
  }

  /** Labels, best first; of equals the older. */
  best(count: number): number[] {
    return [...this.#matches]
      .sort(([a, { score: ofA }], [b, { score: ofB }]) => ofB - ofA || a - b)
      .slice(0, count)
      .map(([label]) => label);
  }
}

/** Of a query without terms. */
export const NO_TERMS = new TermScores({ passages: 0, terms: 0 });
