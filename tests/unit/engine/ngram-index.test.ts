import t from 'tap';
import { NgramIndex } from '../../../src/engine/process/ngram-index.js';

/** Tokens are letters. */
function indexOf(text: string) {
  const index = new NgramIndex();
  for (const letter of text) index.push(letter.charCodeAt(0));
  return index;
}
const drafted = (text: string, max = 8) => String.fromCharCode(...indexOf(text).propose(max));

t.test('proposes what followed the last tokens earlier', async (t) => {
  t.equal(drafted('the fee is 40 pounds. the fee'), ' is 40 p');
  t.equal(drafted('the fee is 40 pounds. the fee', 3), ' is');
});

t.test('the longest known suffix counts, up to four tokens', async (t) => {
  t.equal(drafted('abcd1-bcd2-cd3-abcd'), '1-bcd2-c');
  t.equal(drafted('abcd1-xbcd2-cd3-ybcd'), '2-cd3-yb');
  t.equal(drafted('abcde1-xbcde2-abcde', 2), '2-', 'a fifth token counts no more');
});

t.test('among occurrences of the same suffix the most recent counts', async (t) => {
  t.equal(drafted('abcd1abcd2abcd', 1), '2');
});

t.test('after two known tokens only a little is proposed', async (t) => {
  t.equal(drafted('abc-def-ab'), 'c-');
});

t.test('one known token, or none, gives nothing', async (t) => {
  t.equal(drafted('abcdefa'), '');
  t.equal(drafted('abcdefx'), '');
  t.equal(drafted(''), '');
});

t.test('nothing is proposed beyond what is there', async (t) => {
  t.equal(drafted('aaa'), 'a');
  t.equal(drafted('ababab'), 'ab');
});

t.test('proposing changes nothing', async (t) => {
  const index = indexOf('abcdabcd');
  t.same(index.propose(4), index.propose(4));
});
