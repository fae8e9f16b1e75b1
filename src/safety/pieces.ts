import { AppError } from '../errors/app-error.js';

/** In characters: every sign is at most one token of the embedder, which reads 512. */
const MAX_PIECE = 400;
/** A sentence alone says little where it is short: it is read with its neighbours. */
const LEAST_PIECE = 160;
/** Of one request: more than any context holds. */
const MAX_PIECES = 160;

/** Some sentences at a time: what stands in one of many would hardly move the vector of them all. null: too many to look at. */
export function piecesOf(texts: readonly string[]): string[] | null {
  const pieces: string[] = [];
  for (const text of texts) {
    let piece = '';
    for (const [sentence] of text.matchAll(/[^.!?\n]+[.!?\n]*|[.!?\n]+/g)) {
      if (piece.length + sentence.length > MAX_PIECE || piece.length >= LEAST_PIECE) {
        push(pieces, piece);
        piece = '';
      }
      piece += sentence;
    }
    push(pieces, piece);
    if (pieces.length > MAX_PIECES) return null;
  }
  return pieces;
}

/** @throws AppError `invalid_value` where they are too many to look at. @param what is to be shortened then */
export function piecesOrRefuse(texts: readonly string[], param: string, what: string): string[] {
  const pieces = piecesOf(texts);
  if (pieces !== null) return pieces;
  const reason = `is longer than what the safety policy can look at. Shorten ${what}`;
  throw new AppError('invalid_value', { param, reason });
}

function push(pieces: string[], text: string): void {
  const piece = text.trim();
  if (!/\p{L}/u.test(piece)) return;
  for (let from = 0; from < piece.length; from += MAX_PIECE) pieces.push(piece.slice(from, from + MAX_PIECE));
}
