import t from 'tap';
import type { GeneratedToken } from '../../../src/contracts/generator.js';
import { HeldTokens } from '../../../src/engine/process/held-tokens.js';

const token = (name: string): GeneratedToken => ({ id: 1, token: name, bytes: [], logprob: -1, top: [] });
const names = (tokens: readonly GeneratedToken[]) => tokens.map(({ token: name }) => name);

t.test('a token comes with the text in which it begins, and one of a stop text never', async (t) => {
  const held = new HeldTokens();
  held.push(token('Hello'), 0);
  t.same(names(held.shown(5)), ['Hello']);
  // The start of a stop text, or not: its text is held back.
  held.push(token(' <st'), 5);
  t.same(names(held.shown(1)), [' <st']);
  held.push(token('op'), 9);
  t.same(names(held.shown(0)), []);
  held.push(token('>'), 11);
  t.same(names(held.shown(0)), [], 'the stop text is there: what it swallowed is gone');
});

t.test('text that proves harmless brings its tokens', async (t) => {
  const held = new HeldTokens();
  held.push(token('<st'), 0);
  held.push(token('or'), 3);
  t.same(names(held.shown(0)), []);
  held.push(token('y'), 5);
  t.same(names(held.shown(6)), ['<st', 'or', 'y']);
});
