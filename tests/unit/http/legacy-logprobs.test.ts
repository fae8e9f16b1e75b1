import t from 'tap';
import type { GeneratedToken } from '../../../src/contracts/generator.js';
import { toLegacyLogprobs } from '../../../src/http/routes/v1/legacy-logprobs.js';

const one = (bytes: readonly number[], logprob = -1) => ({
  id: 1,
  token: Buffer.from(bytes).toString(),
  bytes,
  logprob,
});
const token = (bytes: readonly number[], top: readonly (readonly number[])[] = []): GeneratedToken => ({
  ...one(bytes),
  top: top.map((other, rank) => one(other, -2 - rank)),
});
const bytesOf = (text: string) => [...Buffer.from(text)];

t.test('where a character spans tokens, each of them has the offset of that character', async (t) => {
  const [a, b, c] = [bytesOf('a'), bytesOf('€').slice(0, 2), bytesOf('€').slice(2)];
  const { tokens, text_offset } = toLegacyLogprobs()([token(a), token(b), token(c), token(bytesOf('b'))]);
  t.same(tokens, ['a', 'bytes:\\xe2\\x82', 'bytes:\\xac', 'b']);
  t.same(text_offset, [0, 1, 1, 2]);
});

t.test('offsets go on from chunk to chunk', async (t) => {
  const encode = toLegacyLogprobs();
  t.same(encode([token(bytesOf('ab')), token(bytesOf('€').slice(0, 1))]).text_offset, [0, 2]);
  t.same(encode([token(bytesOf('€').slice(1)), token(bytesOf('c'))]).text_offset, [2, 3]);
});

t.test(
  'alternatives with the same text are one, the likeliest, and the drawn token is always among them',
  async (t) => {
    const { top_logprobs } = toLegacyLogprobs()([token(bytesOf('x'), [bytesOf('y'), bytesOf('y'), [0xe2], [0xe3]])]);
    t.same(top_logprobs, [{ y: -2, 'bytes:\\xe2': -4, 'bytes:\\xe3': -5, x: -1 }]);
  },
);
