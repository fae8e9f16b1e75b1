import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import t from 'tap';
import { unigramTokenizer } from '../../../../src/model-import/embedder/unigram-tokenizer.js';
import { openUnigram, type UnigramJson } from '../../../../src/retrieval/process/unigram.js';
import { unigramTables } from '../../../../src/retrieval/process/unigram-tables.js';

const SPECIALS = ['<s>', '<pad>', '</s>', '<unk>'];
function jsonOf(pieces: Readonly<Record<string, number>>): UnigramJson {
  const vocabulary = {
    pieces: [...SPECIALS, ...Object.keys(pieces)],
    scores: [...SPECIALS.map(() => 0), ...Object.values(pieces)],
    ids: { begin: 0, padding: 1, end: 2, unknown: 3 },
  };
  return unigramTokenizer(vocabulary) as UnigramJson;
}
const named = (json: UnigramJson, text: string) =>
  openUnigram(unigramTables(json)!)
    .encode(text)
    .ids.slice(1, -1)
    .map((id) => json.model.vocab[id]![0]);

t.test('the likeliest pieces are taken, not the longest ones', (t) => {
  const json = jsonOf({ '▁': -3, '▁ab': -4, a: -5, ab: -5, c: -6, abc: -20, '▁abc': -30, bc: -5.5 });
  t.same(named(json, 'abc'), ['▁ab', 'c']);
  t.same(named(json, 'ab  abc\n'), ['▁ab', '▁ab', 'c'], 'whatever is white parts words');
  t.same(openUnigram(unigramTables(json)!).encode('').ids, [0, 2]);
  t.end();
});

t.test('what no piece holds is unknown, neighbours together, and a pair of surrogates is one character', (t) => {
  const json = jsonOf({ '▁': -3, a: -5, '👍': -7 });
  t.same(named(json, 'xyz'), ['▁', '<unk>']);
  t.same(named(json, 'xa🦆🦆👍'), ['▁', '<unk>', 'a', '<unk>', '👍']);
  t.end();
});

t.test('a special token’s name in a text is text', (t) => {
  const json = jsonOf({ '▁': -3, '<': -4, '>': -4, '/': -4, s: -4 });
  t.same(named(json, '</s>'), ['▁', '<', '/', 's', '>']);
  t.end();
});

t.test('forms of a character are one, but for the tilde that Japanese has between numbers', (t) => {
  const json = jsonOf({ '▁': -3, '▁1': -4, 1: -5, '～': -6, é: -6, ア: -6 });
  t.same(named(json, '１～１'), ['▁1', '～', '1']);
  t.same(named(json, 'e\u0301\u0007ｱ\u3000１'), ['▁', 'é', 'ア', '▁1']);
  t.end();
});

t.test('another kind of tokenizer is left to the general library', (t) => {
  const json = jsonOf({ a: -1 });
  t.equal(unigramTables({ ...json, model: { ...json.model, type: 'WordPiece' } }), null);
  t.equal(unigramTables({ ...json, model: { ...json.model, byte_fallback: true } }), null);
  t.equal(unigramTables({ ...json, normalizer: { type: 'Lowercase' } }), null);
  t.equal(unigramTables({ ...json, normalizer: null }), null);
  t.equal(unigramTables({ ...json, pre_tokenizer: null }), null);
  t.equal(unigramTables({ ...json, post_processor: null }), null);
  t.ok(unigramTables({ ...json, normalizer: { type: 'Precompiled' } }), 'SentencePiece’s table is the same rule');
  t.end();
});

t.test('any text becomes what the general library makes of it', (t) => {
  const letter = fc.constantFrom('a', 'b', 'c', '新', '聞', '🦆');
  const piece = fc
    .tuple(fc.constantFrom('', '▁'), fc.array(letter, { minLength: 1, maxLength: 4 }))
    .map(([blank, letters]) => blank + letters.join(''));
  const vocabulary = fc.dictionary(piece, fc.double({ min: -20, max: -1, noNaN: true }), { minKeys: 1, maxKeys: 30 });
  const text = fc.array(
    fc.oneof({ weight: 5, arbitrary: letter }, { weight: 1, arbitrary: fc.constantFrom(' ', '\n', 'x') }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(vocabulary, text, (pieces, letters) => {
      const json = jsonOf({ '▁': -10.5, ...pieces });
      const general = new Tokenizer(json as object, {});
      const all = letters.join('');
      const [own, other] = [openUnigram(unigramTables(json)!).encode(all).ids, general.encode(all).ids];
      if (own.join() !== other.join()) throw new Error(`${own} instead of ${other}`);
    }),
    { numRuns: 300 },
  );
  t.pass('all of them');
  t.end();
});
