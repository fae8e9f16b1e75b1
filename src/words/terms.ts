import { stem } from './stem.js';
import { STOP_WORDS } from './stop-words.js';

/** Grows when the same text gives other terms than before: what was indexed is indexed anew. */
export const TERMS_VERSION = 1;

/** What has no end that a reader would type is not looked up: keys, hashes, images in base64. */
const MAX_TERM_LENGTH = 64;
const WORDS = /[\p{L}\p{M}\p{N}_$]+(?:-[\p{L}\p{M}\p{N}_$]+)*/gu;
/** Between words that a name is made of: `keepAliveTimeout`, `HTTPServer`, `keep_alive`, `base64`. */
const PARTS = /\p{Lu}{2,}s(?!\p{L})|\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{M}]+|\p{Lu}+|\p{N}+/gu;
/** Written without spaces: pairs of neighbouring characters stand for words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu;
const MARKS = /\p{M}+/gu;

/**
 * The terms of a text that lexical search compares, in order, repeated as they are. A name gives its parts and itself, whichever way its
 * words are joined: `keepAliveTimeout`, `keep-alive-timeout` and `KEEP_ALIVE_TIMEOUT` have the term `keepalivetimeout` and those of the three
 * words.
 */
export function termsOf(text: string): string[] {
  const terms: string[] = [];
  for (const [word] of text.normalize('NFKC').matchAll(WORDS)) {
    const parts = word.match(PARTS) ?? [];
    for (const part of parts.flatMap(splitUnspaced)) {
      const folded = fold(part);
      if (folded.length <= MAX_TERM_LENGTH && !STOP_WORDS.has(folded)) terms.push(stem(folded));
    }
    if (parts.length < 2) continue;
    const whole = fold(word.replace(/[-_$]/g, ''));
    if (whole.length <= MAX_TERM_LENGTH) terms.push(whole);
  }
  return terms;
}

/** Case and accents make no difference. */
function fold(word: string): string {
  return word.toLowerCase().normalize('NFD').replace(MARKS, '');
}

function splitUnspaced(part: string): string[] {
  if (!UNSPACED.test(part)) return [part];
  UNSPACED.lastIndex = 0;
  const pieces: string[] = [];
  let end = 0;
  for (const match of part.matchAll(UNSPACED)) {
    if (match.index > end) pieces.push(part.slice(end, match.index));
    const characters = [...match[0]];
    if (characters.length === 1) pieces.push(match[0]);
    for (let at = 0; at + 1 < characters.length; at++) pieces.push(characters[at]! + characters[at + 1]!);
    end = match.index + match[0].length;
  }
  if (end < part.length) pieces.push(part.slice(end));
  return pieces;
}
