import type { TokenizedText } from './embedder.js';

/**
 * Vectors of texts of any length: one that is longer than the model reads has the mean of its parts' vectors, which are of
 * about the same length.
 * @param maxTokens of a text, the first and the last of them special
 */
export async function embedWhole(
  texts: readonly TokenizedText[],
  maxTokens: number,
  embed: (texts: readonly TokenizedText[]) => Promise<readonly Float32Array[]>,
): Promise<Float32Array[]> {
  const parts = texts.map((text) => partsOf(text, maxTokens));
  const vectors = await embed(parts.flat());
  let from = 0;
  return parts.map(({ length }) => {
    const own = vectors.slice(from, from + length);
    from += length;
    return own.length === 1 ? own[0]! : normalisedSum(own);
  });
}

function partsOf(text: TokenizedText, maxTokens: number): TokenizedText[] {
  const [first, last, inner] = [text.ids[0]!, text.ids.at(-1)!, text.ids.slice(1, -1)];
  const count = Math.ceil(inner.length / (maxTokens - 2));
  if (count <= 1) return [text];
  const size = Math.ceil(inner.length / count);
  return Array.from({ length: count }, (_, i) => {
    const ids = [first, ...inner.slice(i * size, (i + 1) * size), last];
    return { ids, tokens: ids.length };
  });
}

function normalisedSum(vectors: readonly Float32Array[]): Float32Array {
  const sum = vectors[0]!.map((_, i) => vectors.reduce((total, vector) => total + vector[i]!, 0));
  const norm = Math.hypot(...sum);
  return sum.map((value) => value / norm);
}
