import { dot } from '../../vectors/dot.js';
import { termsOf } from '../../words/terms.js';
import { cutPassages } from '../chunking/passages.js';
import { parseText } from '../chunking/text.js';
import { TermScores } from '../lexical/bm25.js';
import type { QueryPart } from '../search/best-passages.js';
import type { Relevance } from '../search/relevance.js';

/** Of a document: all of it, or as much as the embedder reads at once. */
export interface Piece {
  /** Its index. */
  readonly document: number;
  readonly text: string;
  readonly tokens: number;
}

/** A document in pieces: at least one, of an empty one too. */
export function piecesOf(text: string, maxTokens: number, countTokens: (text: string) => number): string[] {
  if (countTokens(text) <= maxTokens) return [text];
  const limits = { budgetTokens: maxTokens, overlapTokens: 0 };
  const cut = [...cutPassages(parseText(text, ''), limits, countTokens)];
  return cut.length === 0 ? [text] : cut.map((piece) => piece.text);
}

/**
 * How sure it is of each document that it answers the query, 0 … 1: as a search that has these pieces for its candidates
 * would say. The best piece and the best part of the query count.
 * @param vectors of the pieces
 */
export function scoreDocuments(
  parts: readonly QueryPart[],
  pieces: readonly Piece[],
  vectors: readonly Float32Array[],
  relevance: Relevance,
): number[] {
  const scores = new Array<number>(pieces.at(-1)!.document + 1).fill(0);
  const terms = pieces.map(({ text }) => termsOf(text));
  for (const { text, vector } of parts) {
    const matches = matchTerms(text, terms);
    const candidates = pieces.map(({ tokens }, label) => ({
      label,
      cosine: dot(vector!, vectors[label]!),
      terms: matches.of(label),
      tokens,
    }));
    for (const [index, score] of relevance('hybrid', candidates).entries()) {
      const { document } = pieces[index]!;
      scores[document] = Math.max(scores[document]!, score);
    }
  }
  return scores;
}

function matchTerms(query: string, pieces: readonly (readonly string[])[]): TermScores {
  const scores = new TermScores({
    passages: pieces.length,
    terms: pieces.reduce((sum, { length }) => sum + length, 0),
  });
  for (const term of new Set(termsOf(query))) {
    const postings = pieces.flatMap((piece, label) => {
      const count = piece.filter((one) => one === term).length;
      return count === 0 ? [] : [{ label, count, length: piece.length }];
    });
    scores.add(postings.length, postings);
  }
  return scores;
}
