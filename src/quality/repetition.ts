const SIZE = 4;

/** Share of an answer's 4-grams of words that came before in it; null where it is shorter. */
export function repeatedNgrams(words: readonly string[]): number | null {
  const count = words.length - SIZE + 1;
  if (count < 1) return null;
  const seen = new Set<string>();
  for (let at = 0; at < count; at++) seen.add(words.slice(at, at + SIZE).join(' '));
  return 1 - seen.size / count;
}
