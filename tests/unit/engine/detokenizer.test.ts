import t from 'tap';
import { type Hole, holeBetween } from '../../../src/engine/hole.js';
import { Detokenizer } from '../../../src/engine/process/detokenizer.js';
import { Vocabulary } from '../../../src/engine/process/vocabulary.js';

/** Token ids 0 to 255 are bytes. */
const bytes = new Vocabulary({
  added_tokens: [],
  model: {
    vocab: Object.fromEntries(
      Array.from({ length: 256 }, (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, byte]),
    ),
    byte_fallback: true,
  },
  decoder: null,
});

function decode(text: string | number[], stops: string[], hole?: Hole) {
  const detokenizer = new Detokenizer(bytes, stops, hole);
  const pieces: string[] = [];
  for (const byte of typeof text === 'string' ? Buffer.from(text) : text) {
    const piece = detokenizer.push(byte);
    pieces.push(piece.text);
    if (piece.stopped) return { pieces, stopped: true };
  }
  const end = detokenizer.end();
  return { pieces: [...pieces, end.text], stopped: end.stopped };
}

t.test('a character appears when its last byte has come', async (t) => {
  t.same(decode('é€', []).pieces, ['', 'é', '', '', '€', '']);
});

t.test('bytes that never become a character become U+FFFD', async (t) => {
  t.equal(decode([0x61, 0xff, 0x62, 0xe2, 0x82], []).pieces.join(''), 'a\ufffdb\ufffd');
});

t.test('a byte order mark is kept', async (t) => {
  t.equal(decode('\ufeffa', []).pieces.join(''), '\ufeffa');
});

t.test('a stop text ends the answer and is not part of it', async (t) => {
  const { pieces, stopped } = decode('one\nUser: two', ['\nUser:']);
  t.equal(pieces.join(''), 'one');
  t.ok(stopped);
});

t.test('of several stop texts the first in the text is the one that ended it', async (t) => {
  const detokenizer = new Detokenizer(bytes, ['c', 'b', 'never']);
  t.equal(detokenizer.stopText, null);
  for (const byte of Buffer.from('abc')) if (detokenizer.push(byte).stopped) break;
  t.equal(detokenizer.stopText, 'b');
});

t.test('what may be the start of a stop text is held back until it is not', async (t) => {
  t.same(decode('a\nUx', ['\nUser:']).pieces, ['a', '', '', '\nUx', '']);
});

t.test('what was held back comes at the end', async (t) => {
  const { pieces, stopped } = decode('a\nUs', ['\nUser:']);
  t.equal(pieces.join(''), 'a\nUs');
  t.notOk(stopped);
});

t.test('a stop text that starts again within itself is found', async (t) => {
  t.equal(decode('aab', ['ab']).pieces.join(''), 'a');
  t.equal(decode('ababac', ['abac']).pieces.join(''), 'ab');
});

t.test('of several stop texts the one that starts first counts', async (t) => {
  t.equal(decode('xabcd', ['bcd', 'abcd', '']).pieces.join(''), 'x');
});

t.test('a middle ends where the text behind it begins again, and a stop text may end it before', async (t) => {
  const hole = holeBetween('f(', ') {\n');
  const { pieces, stopped } = decode('a, b) {\n', [], hole);
  t.equal(pieces.join(''), 'a, b');
  t.equal(stopped, true, 'nothing behind the border is generated');
  t.same(decode('a, b', [], hole), { pieces: ['a', ',', '', ' b', ''], stopped: false });
  t.equal(decode('a, b) {\n', [','], hole).pieces.join(''), 'a');
});

t.test('special tokens are seen where they are asked for, and nowhere else', async (t) => {
  const marked = new Vocabulary({
    added_tokens: [
      { id: 1, content: '[TOOL_CALLS]', special: true },
      { id: 2, content: '</s>', special: true },
    ],
    model: { vocab: { a: 0 } },
    decoder: { type: 'ByteLevel' },
  });
  const read = (shown: readonly string[]) => {
    const detokenizer = new Detokenizer(marked, [], null, shown);
    return [0, 1, 2, 0].map((id) => detokenizer.push(id).text).join('') + detokenizer.end().text;
  };
  t.equal(read([]), 'aa');
  t.equal(read(['[TOOL_CALLS]', 'no token']), 'a[TOOL_CALLS]a');
});
