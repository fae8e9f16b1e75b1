import type { ScoredPassage, SearchMode } from '../../contracts/retrieval.js';
import { NO_TERMS } from '../lexical/bm25.js';
import type { Passages, SearchScope } from '../stores/passages.js';
import type { Postings } from '../stores/postings.js';
import { chooseDiverse } from './diversity.js';
import { gatherEvidence } from './evidence.js';
import type { VectorSearch } from './find-nearest.js';
import { findTerms } from './find-terms.js';
import type { Scored } from './nearest.js';
import type { Relevance } from './relevance.js';
import { withoutRepeats } from './repeats.js';

export interface BestRequest {
  readonly scope: SearchScope;
  /** Of the query; the first is the question. */
  readonly parts: readonly QueryPart[];
  readonly mode: SearchMode;
  readonly topK: number;
  readonly minScore: number;
  /** 0: the most relevant ones come back; towards 1 rather those that differ from one another. */
  readonly diversity: number;
}

export interface QueryPart {
  readonly text: string;
  /** null in lexical search. */
  readonly vector: Float32Array | null;
}

export interface SearchSources {
  readonly passages: Pick<Passages, 'load' | 'lengths'>;
  readonly postings: Pick<Postings, 'statistics' | 'spread' | 'of'>;
  readonly vectors: VectorSearch;
  readonly relevance: Relevance;
}

/** That many are weighed up, from each of the two searches: the better of one are not among the best of the other. */
const CANDIDATES = 50;
/** Further passages that are read at first, in case that some have the same text. */
const SPARE = 8;
/** Where the copies are that many, fewer passages come back. */
const MAX_CANDIDATES = 2000;
/** So many times as many passages as come back are chosen from for their diversity. */
const CHOICE = 4;

interface Found extends ScoredPassage {
  readonly label: number;
}

/**
 * The passages of a scope that fit a query best. Search by vectors and search by terms nominate, fused by reciprocal rank; what they have found
 * is ordered by its relevance. What repeats a better one is left out.
 */
export async function bestPassages(request: BestRequest, sources: SearchSources): Promise<ScoredPassage[]> {
  const { topK, diversity } = request;
  const wanted = diversity > 0 ? topK * CHOICE : topK;
  const lists: Found[][] = [];
  for (const part of request.parts) lists.push(await passagesOf(part, { ...request, topK: wanted }, sources));
  const best = mergeParts(lists, wanted);
  const chosen = diversity > 0 ? await diverse(best, request, sources) : best;
  return chosen.map(({ label: _, ...passage }) => passage);
}

/** Which ones, that is: the most relevant of them still stands first. */
async function diverse(best: readonly Found[], { scope, topK, diversity }: BestRequest, { vectors }: SearchSources) {
  const labels = best.map(({ label }) => label);
  const known = await vectors.vectorsOf(scope, labels);
  const chosen = new Set(
    chooseDiverse(best, new Map(known.map(({ label, embedding }) => [label, embedding])), topK, diversity),
  );
  return best.filter(({ label }) => chosen.has(label));
}

async function passagesOf({ text, vector }: QueryPart, request: BestRequest, sources: SearchSources) {
  const { scope, mode, topK, minScore } = request;
  const terms = mode === 'vector' ? NO_TERMS : await findTerms(scope.shelves, text, scope.files, sources.postings);
  for (let count = Math.max(CANDIDATES, topK + SPARE); ; count *= 4) {
    const { candidates, isAll } = await gatherEvidence({ scope, vector, terms, count }, sources);
    const scores = sources.relevance(mode, candidates);
    const scored = candidates
      .map(({ label }, index) => ({ label, score: scores[index]! }))
      .filter(({ score }) => score >= minScore)
      .sort((a, b) => b.score - a.score);
    const found = await loadDistinct(scored, { scope, topK, passages: sources.passages });
    // Where none was a repeat, only the least score leaves too few, and those further down are no better.
    const isEnough = found.length >= topK || found.length === scored.length;
    if (isEnough || isAll || count >= MAX_CANDIDATES) return found;
  }
}

interface Loading {
  readonly scope: SearchScope;
  readonly topK: number;
  readonly passages: Pick<Passages, 'load'>;
}

/** The first `topK` that say something each. */
async function loadDistinct(scored: readonly Scored[], { scope, topK, passages }: Loading): Promise<Found[]> {
  let found: Found[] = [];
  for (let from = 0; from < scored.length && found.length < topK; from += topK + SPARE) {
    const some = scored.slice(from, from + topK + SPARE);
    const labels = some.map(({ label }) => label);
    const loaded = await passages.load(scope, labels);
    const further = some.flatMap(({ label, score }) => {
      const passage = loaded.get(label);
      return passage ? [{ ...passage, label, score }] : [];
    });
    found = withoutRepeats([...found, ...further]);
  }
  return found.slice(0, topK);
}

/** Half of the places belong to the first list, the question's own: the rest of a long query may outscore it. */
export function mergeParts<T extends ScoredPassage>(lists: readonly (readonly T[])[], topK: number): T[] {
  const own = (lists[0] ?? []).slice(0, Math.ceil(topK / 2));
  const others = lists.flat().sort(byScore);
  return withoutRepeats([...own, ...others])
    .slice(0, topK)
    .sort(byScore);
}

export function byScore(a: ScoredPassage, b: ScoredPassage): number {
  return b.score - a.score;
}
