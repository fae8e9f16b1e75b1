import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import type { SafetyRule } from '../../../src/contracts/safety.js';
import { redact } from '../../../src/patterns/finder.js';
import { personalFinder } from '../../../src/personal-data/find.js';
import { PERSONAL_KINDS } from '../../../src/personal-data/kinds.js';
import { injectionProbability } from '../../../src/safety/injection.js';
import { piecesOf } from '../../../src/safety/pieces.js';
import { compileRules } from '../../../src/safety/rules.js';
import { createSafety } from '../../../src/safety/safety.js';

const finder = personalFinder(PERSONAL_KINDS);
const left = (text: string) => redact(text, finder).text;

t.test('personal data is told by shape and checksum', async (t) => {
  for (const [text, kind] of [
    ['jane.doe+x@mail.example.co.uk', 'email'],
    ['4111 1111 1111 1111', 'card'],
    ['5500-0000-0000-0004', 'card'],
    ['GB29 NWBK 6016 1331 9268 19', 'iban'],
    ['DE89370400440532013000', 'iban'],
    ['078-05-1120', 'us_ssn'],
    ['AB 12 34 56 C', 'uk_nino'],
    ['943 476 5919', 'uk_nhs'],
    ['12345678Z', 'es_dni'],
    ['ghp_abcdefghijklmnopqrstuvwxyz0123456789', 'api_key'],
    ['+44 20 7946 0958', 'phone'],
  ]) {
    t.equal(left(`It is ${text}. `), `It is [${kind}]. `);
  }
});

t.test('what only looks like it stays', async (t) => {
  for (const text of [
    'card 4111 1111 1111 1112',
    'GB29 NWBK 6016 1331 9268 18',
    '12345678A',
    '943 476 5918',
    'a charge of 2,500 by 2024-01-31 at 10:30, see [1][2]',
    'call setTimeout(fn, 1000) or user@host',
    'PostgreSQL 16.4 and RFC 9112',
  ]) {
    t.equal(left(text), text);
  }
  t.equal(left('4111 1111 1111 1111 12 items, GB29 NWBK 6016 1331 9268 19 IS MINE'), '[card] 12 items, [iban] IS MINE');
});

const check = (rule: object, stage = 'input') =>
  compileRules({
    input: [],
    passages: [],
    output: [],
    [stage]: [{ name: 'r', action: 'flag', ...rule }] as SafetyRule[],
  });

t.test('a rule that cannot be meant is refused with its place, and what to do', async (t) => {
  for (const [rule, stage, message] of [
    [{ kind: 'pattern', patterns: ['a(?=b)'] }, 'input', /look-around/],
    [{ kind: 'pattern', patterns: ['(a)\\1'] }, 'input', /back-references/],
    [{ kind: 'pattern', patterns: ['a', '('] }, 'input', /^input\[0\]\.patterns\[1\]: /],
    [{ kind: 'pattern', patterns: ['a*'] }, 'input', /empty text/],
    [{ kind: 'pattern', patterns: [] }, 'input', /1 to 200, got 0/],
    [{ kind: 'personal', types: ['shoe', 'name'] }, 'output', /must be of email, .*, address, got "shoe"/],
    [{ kind: 'injection', action: 'redact' }, 'passages', /use block, flag/],
    [{ kind: 'injection' }, 'output', /use it on input or passages/],
    [{ kind: 'topic', examples: ['a'], threshold: 0.5, action: 'redact' }, 'output', /use block, flag, refuse/],
    [{ kind: 'injection', threshold: 2 }, 'input', /above 0 and at most 1, got 2/],
    [{ kind: 'topic', examples: [''], threshold: 0.5 }, 'input', /examples\[0\]/],
    [{ kind: 'profanity', action: 'refuse' }, 'input', /input\[0\]\.text: .*write one/],
    [{ kind: 'profanity', text: 'a' }, 'input', /is for refuse/],
  ] as const) {
    t.throws(() => check(rule, stage), { code: 'invalid_value', message });
  }
  const twice = [1, 2].map(() => ({ name: 'r', kind: 'profanity', action: 'flag' }) as const);
  t.throws(() => compileRules({ input: twice, passages: [], output: [] }), { message: /another rule/ });
});

t.test('rules that judge by vectors look at pieces, those of another embedding model are refused', async (t) => {
  const rules = { input: [{ name: 'i', kind: 'injection', action: 'flag' }] as const, passages: [], output: [] };
  const other = createSafety({ embedderId: 'another', embed: async () => [], recognise: null });
  t.throws(() => other.check(rules), { message: /trained on vectors of bge-small/ });
  t.same(piecesOf(['One. Two!', '1 2 3']), ['One. Two!']);
  t.equal(piecesOf([`${'word '.repeat(30)}. `.repeat(3)])!.length, 2);
  t.equal(piecesOf(['a'.repeat(100_000)]), null);
  t.ok(injectionProbability(new Float32Array(384)) < 1);
});

t.test('a rule of names is refused where no model finds them, and one from before ends requests', async (t) => {
  const safety = createSafety({ embedderId: 'any', embed: async () => [], recognise: null });
  const names = { name: 'people', kind: 'personal', types: ['name'], action: 'redact' } as const;
  const rules = { input: [], passages: [], output: [names] };
  t.throws(() => safety.check(rules), { code: 'invalid_value', message: /people: name and address .*models\.ner/ });
  const policy = {
    tenant: 'bank',
    name: 'p',
    revision: 1,
    rules: { ...rules, input: [names], output: [] },
    createdAt: 0,
  };
  await t.rejects(safety.screen(policy).input([], ['Hello'], AbortSignal.timeout(1000)), { code: 'model_unavailable' });
});

t.test('a topic is what is near to an example, and its vectors are asked for once', async (t) => {
  const asked: string[] = [];
  const safety = createSafety({
    embedderId: 'any',
    recognise: null,
    embed: async (_tenant, texts) => {
      asked.push(...texts);
      return texts.map((text) => Float32Array.from(/shares|stocks/.test(text) ? [1, 0] : [0, 1]));
    },
  });
  const rule = {
    name: 'advice',
    kind: 'topic',
    action: 'refuse',
    text: 'Ask an adviser.',
    examples: ['Which shares?'],
    threshold: 0.9,
  };
  const rules = { input: [rule as SafetyRule], passages: [], output: [] };
  const policy = { tenant: 'bank', name: 'p', revision: 1, rules, createdAt: 0 };
  const ask = async (text: string) => {
    const screen = safety.screen(policy);
    return { ...(await screen.input(['Earlier: stocks.'], [text], AbortSignal.timeout(1000))), of: screen.decisions() };
  };
  t.match(await ask('Should I buy stocks?'), { refusal: 'Ask an adviser.', of: [{ rule: 'advice', count: 1 }] });
  t.match(await ask('What is the overdraft rate?'), { refusal: null, of: [] });
  t.equal((await ask('What is the overdraft rate?')).texts.length, 2);
  t.same(asked, ['Should I buy stocks?', 'Which shares?', 'What is the overdraft rate?']);
});

t.test('the policies of the samples are sound', async (t) => {
  const folder = new URL('../../../indexes/policies/', import.meta.url);
  const files = readdirSync(folder);
  t.same(files.sort(), ['health-care.json', 'northwind-bank.json']);
  for (const file of files) t.doesNotThrow(() => compileRules(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))));
});
