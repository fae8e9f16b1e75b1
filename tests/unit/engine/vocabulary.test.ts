import t from 'tap';
import { Vocabulary } from '../../../src/engine/process/vocabulary.js';

const text = (vocabulary: Vocabulary, ...ids: number[]) =>
  Buffer.concat(ids.map((id) => vocabulary.bytes(id))).toString('utf8');

t.test('byte-level tokens become their bytes, special tokens nothing', async (t) => {
  const vocabulary = new Vocabulary({
    added_tokens: [
      { id: 4, content: '<|im_end|>', special: true },
      { id: 5, content: '→', special: false },
    ],
    // "é" is the bytes c3 a9, which the byte-level alphabet writes as Ã and ©.
    model: { vocab: { Ġcaf: 0, Ã: 1, '©': 2, Ċ: 3 } },
    decoder: { type: 'ByteLevel' },
  });
  t.equal(text(vocabulary, 0, 1, 2, 3, 4, 5), ' café\n→');
  t.equal(vocabulary.bytes(4).length, 0);
  t.equal(vocabulary.bytes(99).length, 0);
});

t.test('a vocabulary with byte fallback has words with ▁ for space and bytes as <0xNN>', async (t) => {
  const vocabulary = new Vocabulary({
    added_tokens: [],
    model: { vocab: { '▁caf': 0, '<0xC3>': 1, '<0xA9>': 2 }, byte_fallback: true },
    decoder: { type: 'Sequence' },
  });
  t.equal(text(vocabulary, 0, 1, 2), ' café');
});

t.test('another kind of tokenizer is refused by name', async (t) => {
  const file = { added_tokens: [], model: { vocab: {} }, decoder: { type: 'WordPiece' } };
  t.throws(() => new Vocabulary(file), { code: 'model_invalid', message: /WordPiece/ });
});
