import t from 'tap';
import { embedWhole } from '../../../../src/retrieval/process/embed-whole.js';
import type { TokenizedText } from '../../../../src/retrieval/process/embedder.js';

const text = (...ids: number[]): TokenizedText => ({ ids, tokens: ids.length });

t.test('a text that is too long has the mean of its parts, each between the special tokens', async (t) => {
  const seen: (readonly number[])[] = [];
  const embed = async (texts: readonly TokenizedText[]) => {
    seen.push(...texts.map(({ ids }) => ids));
    return texts.map(({ ids }) => Float32Array.from(ids.includes(1) ? [1, 0] : [0, 1]));
  };
  const vectors = await embedWhole([text(101, 1, 102), text(101, 1, 2, 3, 4, 5, 102)], 5, embed);
  t.same(seen, [
    [101, 1, 102],
    [101, 1, 2, 3, 102],
    [101, 4, 5, 102],
  ]);
  t.same([...vectors[0]!], [1, 0]);
  t.ok(Math.abs(vectors[1]![0]! - Math.SQRT1_2) < 1e-6 && Math.abs(vectors[1]![1]! - Math.SQRT1_2) < 1e-6);
});
