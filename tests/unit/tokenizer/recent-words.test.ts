import t from 'tap';
import { MOST_WORDS, RecentWords } from '../../../src/tokenizer/process/recent-words.js';
import { tinyTokenizer } from '../../fixtures/tokenizer/tiny-tokenizer.js';

t.test('a word in use stays, however many others come', async (t) => {
  const words = new RecentWords();
  words.put('used', ['us', 'ed']);
  for (let n = 0; n < 5 * MOST_WORDS; n++) {
    words.put(`word ${n}`, [String(n)]);
    if (n % (MOST_WORDS - 1) === 0) t.same(words.get('used'), ['us', 'ed']);
  }
  t.equal(words.get('word 0'), undefined);
  t.same(words.get(`word ${5 * MOST_WORDS - 1}`), [String(5 * MOST_WORDS - 1)]);
  const found = Array.from({ length: 5 * MOST_WORDS }, (_, n) => words.get(`word ${n}`)).filter((one) => one);
  t.ok(found.length < 2 * MOST_WORDS, `${found.length} are kept`);
});

t.test('to cut a word that came before changes no Map', async (t) => {
  const { tokenizer } = await tinyTokenizer({ specials: [], merges: ['a b'] });
  const before = tokenizer.encodeBare('ab.');
  const changes = t.capture(Map.prototype, 'set', Map.prototype.set);
  const removals = t.capture(Map.prototype, 'delete', Map.prototype.delete);
  const after = tokenizer.encodeBare('ab.');
  changes.restore();
  removals.restore();
  t.same(after, before);
  t.same([changes().length, removals().length], [0, 0]);
});
