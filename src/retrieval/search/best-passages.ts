import { parse } from 'node:path';
import type { ScoredPassage } from '../../contracts/retrieval.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { PassageScope, Passages } from '../stores/passages.js';
import { findNearest } from './find-nearest.js';

export interface BestRequest {
  readonly scope: PassageScope & { readonly storeId: string };
  /** One a part of the query; the first is the question's. */
  readonly vectors: readonly Float32Array[];
  readonly topK: number;
  readonly minScore: number;
}

/** Further candidates, in case that some have the same text. */
const SPARE = 8;
/** Where the copies are that many, fewer passages come back. */
const MAX_CANDIDATES = 2000;

/** The passages of a store that are nearest to a query, best first. The same text under several names counts once. */
export async function bestPassages(
  { scope, vectors, topK, minScore }: BestRequest,
  passages: Passages,
  indexes: TenantIndexes,
  exactLimit: number,
): Promise<ScoredPassage[]> {
  const nearest = async (vector: Float32Array): Promise<ScoredPassage[]> => {
    for (let count = topK + SPARE; ; count *= 4) {
      const scored = await findNearest({ scope, vector, topK: count, minScore }, passages, indexes, exactLimit);
      const labels = scored.map(({ label }) => label);
      const loaded = await passages.load(scope, labels);
      const found = distinct(
        scored.flatMap(({ label, score }) => {
          const passage = loaded.get(label);
          return passage ? [{ ...passage, score }] : [];
        }),
      );
      if (found.length >= topK || scored.length < count || count >= MAX_CANDIDATES) return found.slice(0, topK);
    }
  };
  const lists: ScoredPassage[][] = [];
  for (const vector of vectors) lists.push(await nearest(vector));
  return mergeParts(lists, topK);
}

/** Half of the places belong to the first list, the question's own: the rest of a long query may outscore it. */
export function mergeParts(lists: readonly (readonly ScoredPassage[])[], topK: number): ScoredPassage[] {
  const own = (lists[0] ?? []).slice(0, Math.ceil(topK / 2));
  const others = lists.flat().sort(byScore);
  return distinct([...own, ...others])
    .slice(0, topK)
    .sort(byScore);
}

/** The best of several stores; a document may be in more than one. */
export function mergeLists(lists: readonly (readonly ScoredPassage[])[], topK: number): ScoredPassage[] {
  return distinct(lists.flat().sort(byScore)).slice(0, topK);
}

function byScore(a: ScoredPassage, b: ScoredPassage): number {
  return b.score - a.score;
}

/** Each content once: its first. */
function distinct(passages: readonly ScoredPassage[]): ScoredPassage[] {
  const seen = new Set<string>();
  return passages.filter((passage) => {
    const content = contentOf(passage);
    return !seen.has(content) && seen.add(content);
  });
}

/** The same words below another heading say something else; a title that is only the file's name is none. */
function contentOf({ filename, headingPath: [title, ...headings], text }: ScoredPassage): string {
  const { name, base } = parse(filename);
  return JSON.stringify([title === name || title === base ? null : title, headings, text]);
}
