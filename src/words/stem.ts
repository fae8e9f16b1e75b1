const VOWEL = /[aeiouy]/;
/** Endings that are left off where three letters with a vowel stay before them. */
const ENDINGS = /(?:ation|ingly|edly|ing|ed|(?<=....)ly)$/;

/**
 * The stem of an English word, roughly: `caching`, `cached`, `caches` and `cache` are one term. A shortened form of Porter's algorithm
 * (M. F. Porter, An algorithm for suffix stripping, 1980): plurals, participles, nouns of an action and adverbs. `header` stays apart from `head`. Both sides of a search go through it,
 * so that a stem need not be a word.
 */
export function stem(word: string): string {
  if (word.length < 3 || !/^[a-z]+$/.test(word)) return word;
  const singular = withoutPlural(word);
  const base = withoutEnding(singular);
  const single = /([^aeiouylsz])\1$/.test(base) ? base.slice(0, -1) : base;
  if (single.endsWith('e') && single.length > 3) return single.slice(0, -1);
  return single.endsWith('y') && single.length > 3 ? `${single.slice(0, -1)}i` : single;
}

function withoutPlural(word: string): string {
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (/(?:ss|sh|ch|x|z)es$/.test(word)) return word.slice(0, -2);
  return /[^us]s$/.test(word) ? word.slice(0, -1) : word;
}

function withoutEnding(word: string): string {
  const base = word.replace(ENDINGS, '');
  return base.length >= 3 && VOWEL.test(base) ? base : word;
}
