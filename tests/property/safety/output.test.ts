import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { SafetyAction, SafetyRule } from '../../../src/contracts/safety.js';
import { createOutputScreen } from '../../../src/safety/output.js';
import { type CompiledRule, compileRules } from '../../../src/safety/rules.js';
import { annaIn } from '../../http/fakes/retrieval.js';

const SECRETS = [
  'jane.doe@mail.example.com',
  '4111 1111 1111 1111',
  'GB29 NWBK 6016 1331 9268 19',
  'sk-abcdefghijklmnopqrstuvwx',
  '+44 20 7946 0958',
  'AB123456C',
  'project Heron-17',
  'fuck',
];
const rule = (action: SafetyAction, own: object) =>
  ({ action, ...(action === 'refuse' && { text: 'No.' }), ...own }) as SafetyRule;
const compile = (output: readonly SafetyRule[]) => compileRules({ input: [], passages: [], output }).output;
const rulesBy = (actions: readonly SafetyAction[]) =>
  compile([
    rule(actions[0]!, { name: 'personal', kind: 'personal' }),
    rule(actions[1]!, {
      name: 'project',
      kind: 'pattern',
      patterns: ['project heron(?:-\\d+)?', 'x{2,}y', '(?:ab|a(?:bc)+)$'],
    }),
    rule(actions[2]!, { name: 'tone', kind: 'profanity' }),
    rule(actions[2]!, { name: 'people', kind: 'personal', types: ['name'] }),
    rule(actions[3]!, { name: 'topic', kind: 'topic', examples: ['a card'], threshold: 0.5 }),
  ]);
const action = fc.constantFrom<SafetyAction>('redact', 'flag', 'block', 'refuse');
const word = fc.oneof(
  fc.constantFrom(
    ...SECRETS,
    'card',
    'a',
    'ab',
    'abcbc',
    'xx',
    'xxy',
    'project',
    'Heron',
    '-1',
    '4',
    '41',
    '@',
    '.',
    'It is a card. ',
    'Anna',
    'Keller',
    '。',
    '」',
    '\n',
    '🦢',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const texts = fc
  .array(word, { maxLength: 14 })
  .chain((words) =>
    fc
      .array(fc.constantFrom('', ' ', ' ', ', '), { minLength: words.length, maxLength: words.length })
      .map((gaps) => words.map((one, i) => one + gaps[i]).join('')),
  );

const { signal } = new AbortController();

async function screened(rules: readonly CompiledRule[], chunks: readonly string[]) {
  const found: string[] = [];
  const screen = createOutputScreen(rules, ({ name }) => found.push(name), {
    isAbout: async (_rule, sentence) => /card.*a\b/s.test(sentence),
    findIn: async (_rule, text) => annaIn(text),
  });
  const parts: string[] = [];
  for (const chunk of chunks) parts.push(await screen.push(chunk, signal));
  const text = parts.join('') + (await screen.end(signal));
  // Before a rule that ends an answer, others may have looked further already.
  return { parts, text, stopped: screen.stopped(), found: screen.stopped() ? [] : found.sort() };
}

t.test('an answer is screened to the same text however it is cut', async (t) => {
  const compiled = new Map<string, readonly CompiledRule[]>();
  const judging = fc.constantFrom<SafetyAction>('flag', 'block', 'refuse');
  await t.resolves(
    fc.assert(
      fc.asyncProperty(
        texts,
        fc.tuple(action, action, action, judging),
        fc.array(fc.nat(80)),
        async (text, actions, cuts) => {
          const key = actions.join();
          const rules = compiled.get(key) ?? rulesBy(actions);
          compiled.set(key, rules);
          const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
          const chunks = places.slice(1).map((end, i) => text.slice(places[i]!, end));
          const [whole, cut, single] = await Promise.all(
            [[text], chunks, [...text].flatMap((sign) => sign.split(''))].map((one) => screened(rules, one)),
          );
          for (const { parts: _, ...other } of [cut!, single!]) {
            const { parts: __, ...expected } = whole!;
            assert.deepEqual(other, expected);
          }
        },
      ),
      { numRuns: 250 },
    ),
  );
});

t.test('no part of a secret comes out, sign by sign', async (t) => {
  const rules = rulesBy(['redact', 'redact', 'redact', 'flag']).slice(0, 3);
  for (const secret of SECRETS) {
    const { parts, text } = await screened(rules, `The value is ${secret}, as you know.`.split(''));
    t.match(text, /^The value is \[.+\], as you know\.$/);
    t.notOk(
      parts.some(
        (part) =>
          part.length > 0 &&
          !'The value is [], as you know.emailcardibanapi_keyphoneuk_ninoprojecttone'.includes(part) &&
          !part.startsWith('['),
      ),
      secret,
    );
  }
});

t.test('what was let go is never more than what is decided, and most words are let go at once', async (t) => {
  const rules = compile([rule('redact', { name: 'cards', kind: 'personal', types: ['card', 'iban'] })]);
  const { parts, text } = await screened(rules, ['The charge', ' is 2 ', '% of', ' the balance', ' [1].']);
  t.equal(text, 'The charge is 2 % of the balance [1].');
  t.same(
    parts.filter((part) => part === ''),
    [],
    'nothing waits for the end',
  );
});

t.test('a name that is cut in two, or stands where 400 characters end, is taken out whole', async (t) => {
  const rules = compile([rule('redact', { name: 'people', kind: 'personal', types: ['name'] })]);
  for (const before of ['Ask ', `${'a '.repeat(198)}`, `${'a '.repeat(199)}`, `${'a'.repeat(398)} `]) {
    const { parts, text } = await screened(rules, `${before}Anna Keller of the branch. She knows.`.split(''));
    t.equal(text, `${before}[name] of the branch. She knows.`);
    t.notOk(parts.some((part) => /Ann|Kel/.test(part)));
  }
});

t.test('a topic is judged at the end of each sentence, and what was let go before it stays', async (t) => {
  const rules = compile([rule('refuse', { name: 'topic', kind: 'topic', examples: ['a card'], threshold: 0.5 })]);
  const { parts, text, stopped } = await screened(rules, [
    'It costs 3.',
    '5 %. A c',
    'ard is a',
    ' gift. And',
    ' more.',
  ]);
  t.same(parts, ['', 'It costs 3.5 %.', '', '\n\nNo.', ''], 'nothing of a sentence before all of it');
  t.equal(text, 'It costs 3.5 %.\n\nNo.');
  t.ok(stopped);
  const endless = await screened(rules, ['word '.repeat(100)]);
  t.equal(endless.parts[0]!.length, 400, 'what does not end is looked at in parts');
  t.equal(endless.text.length, 500);
});
