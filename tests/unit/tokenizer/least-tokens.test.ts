import fc from 'fast-check';
import t from 'tap';
import type { Prompt } from '../../../src/contracts/prompt.js';
import { leastTokens } from '../../../src/tokenizer/least-tokens.js';
import { loadModelTokenizer } from '../../fixtures/tokenizer/inline-tokenizer.js';

const BOUNDS = { charactersPerToken: 20, lettersPerToken: 10, cutsHistory: false };
const ALL = Number.POSITIVE_INFINITY;
const chat = (...contents: string[]): Prompt => ({
  kind: 'chat',
  messages: contents.map((content) => ({ role: 'assistant', content })),
});

t.test('letters, characters and messages each have a lower bound', async (t) => {
  t.equal(leastTokens({ kind: 'text', text: '-'.repeat(200) }, BOUNDS, ALL), 10);
  t.equal(leastTokens({ kind: 'text', text: 'a'.repeat(201) }, BOUNDS, ALL), 20);
  t.equal(leastTokens({ kind: 'tokens', ids: [1, 2, 3] }, BOUNDS, ALL), 3);
  t.equal(leastTokens({ kind: 'infill', prefix: 'a'.repeat(21), suffix: 'b'.repeat(31), files: [] }, BOUNDS, ALL), 5);
  t.equal(leastTokens(chat(...new Array(30_000).fill('')), BOUNDS, ALL), 30_000);
});

t.test('letters are not counted where characters are enough', async (t) => {
  t.equal(leastTokens({ kind: 'text', text: 'a'.repeat(201) }, BOUNDS, 10), 11);
  t.equal(leastTokens({ kind: 'text', text: 'a'.repeat(201) }, BOUNDS, 11), 20);
});

t.test('what a template may leave out does not count', async (t) => {
  t.equal(leastTokens(chat(' '.repeat(1000)), BOUNDS, ALL), 1);
  t.equal(leastTokens(chat('a'.repeat(1000)), { ...BOUNDS, cutsHistory: true }, ALL), 0);
});

t.test('no prompt has fewer tokens than its bound', async (t) => {
  const { bounds, encode } = await loadModelTokenizer();
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'internationalization',
      'responsibilities',
      ' '.repeat(64),
      '-'.repeat(64),
      '\n\n',
      '中文',
      '\u0301',
    ),
  );
  const text = fc.array(word, { maxLength: 40 }).map((words) => words.join(''));
  fc.assert(
    fc.property(text, text, (first, second) => {
      const prompts = [chat(first, second), { kind: 'text', text: first } as const];
      return prompts.every((prompt) => leastTokens(prompt, bounds, ALL) <= encode(prompt).length);
    }),
    { numRuns: 50 },
  );
  t.pass();
});
