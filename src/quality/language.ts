import { detect } from 'tinyld';

/** Shorter texts could be of many languages. */
const LEAST_WORDS = 3;
/** More tells nothing new. */
const READ_CHARACTERS = 500;
/** Names within code look like any language. */
const NOT_PROSE = /`[^`]*`|\S*[_/\\{}()=<>]\S*|\S*\p{Ll}\p{Lu}\S*|\d\S*/gu;

/** ISO 639-1; null: too short to tell. */
export function languageOf(text: string): string | null {
  const prose = text.slice(0, READ_CHARACTERS).replace(NOT_PROSE, ' ').trim();
  const words = prose.match(/\p{L}+/gu)?.length ?? 0;
  const isSpaced = !/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(prose);
  if (words < (isSpaced ? LEAST_WORDS : 1)) return null;
  return detect(prose) || null;
}
