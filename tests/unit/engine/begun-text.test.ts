import t from 'tap';
import { BegunText } from '../../../src/engine/process/begun-text.js';
import { Vocabulary } from '../../../src/engine/process/vocabulary.js';

const WORDS = ['<end>', 'Ch', 'ann', 'Channel', 'anno', 'a', 'n', ' x', 'C', 'hann', 'my', '(', 'annex'];
const vocabulary = new Vocabulary({
  added_tokens: [{ id: 0, content: '<end>', special: true }],
  model: { vocab: Object.fromEntries(WORDS.map((word, id) => [word.replace(' ', 'Ġ'), id])) },
  decoder: { type: 'ByteLevel' },
});
const idOf = (word: string) => WORDS.indexOf(word);
const wordsOf = (ids: readonly number[] | null) => ids?.map((id) => WORDS[id]);
const begun = (...words: string[]) => new BegunText(vocabulary, Int32Array.from(words, idOf));

t.test('a word is spelled again from where one token may reach over its end', async (t) => {
  t.equal(begun('my', 'Ch', 'ann').tokens, 2, 'Channel begins with both');
  t.equal(begun('(', 'ann').tokens, 1, 'anno begins with the last one alone');
  t.equal(begun('my', '(').tokens, 1, 'a token reaches to its own end');
  t.equal(begun().tokens, 0);
});

t.test('what comes first spells what is written: parts of it, itself, and what goes on', async (t) => {
  t.same(wordsOf(begun('Ch', 'ann').candidates()), ['Ch', 'Channel', 'C']);
  t.equal(begun().candidates(), null, 'where nothing is written all tokens may come');
});

t.test('a token that goes on completes it, and only what is behind is new', async (t) => {
  const text = begun('Ch', 'ann');
  t.equal(text.take(idOf('Channel')), 5);
  t.equal(text.candidates(), null);
  t.equal(text.take(idOf(' x')), 0);
});

t.test('a part of it leaves the rest to be spelled', async (t) => {
  const text = begun('Ch', 'ann');
  t.equal(text.take(idOf('C')), 1);
  t.same(wordsOf(text.candidates()), ['hann']);
  t.equal(text.take(idOf('hann')), 4);
  t.equal(text.candidates(), null);
});

t.test('a token without text is not spelled again', async (t) => {
  t.equal(begun('<end>').tokens, 0);
});
