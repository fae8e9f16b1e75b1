import t from 'tap';
import type { GrammarSpec } from '../../src/contracts/grammar.js';
import { AppError } from '../../src/errors/app-error.js';
import { ask, idsOf, startEngine } from '../fixtures/engine/engine.js';

t.setTimeout(120_000);

const engine = await startEngine();
t.teardown(() => engine.close());

const PROMPT = 'Describe a person as JSON.\n';
const schema = (value: object): GrammarSpec => ({
  kind: 'json_schema',
  schema: JSON.stringify(value),
  param: 'response_format.json_schema.schema',
});
const PERSON = schema({
  type: 'object',
  properties: {
    first_name: { type: 'string', maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    occupation: { enum: ['teacher', 'nurse', 'engineer'] },
    languages: { type: 'array', items: { enum: ['en', 'de'] }, maxItems: 2 },
  },
  required: ['first_name', 'age', 'occupation', 'languages'],
});

t.test('an answer that is bound to a schema is a value of it, and ends by itself', async (t) => {
  const { text, finished } = await ask(engine, { prompt: PROMPT, grammar: PERSON, maxTokens: 200 });
  const value = JSON.parse(text);
  t.same(Object.keys(value), ['first_name', 'age', 'occupation', 'languages']);
  t.ok(['teacher', 'nurse', 'engineer'].includes(value.occupation));
  t.equal(finished.reason, 'stop');
});

t.test('the same tokens come with guesses and without, greedy and drawn', async (t) => {
  const plain = await startEngine({ drafting: false });
  t.teardown(() => plain.close());
  for (const sampling of [
    {},
    { temperature: 1.2, seed: 7 },
    { temperature: 0.8, seed: 1, topP: 0.9, repetitionPenalty: 1.3 },
  ]) {
    const question = { prompt: PROMPT, grammar: PERSON, maxTokens: 200, sampling };
    t.same(await idsOf(engine, question), await idsOf(plain, question));
  }
});

t.test('rows with grammars of their own and rows without any do not change each other', async (t) => {
  const questions = [
    { prompt: PROMPT, grammar: PERSON, maxTokens: 60 },
    { prompt: PROMPT, maxTokens: 40 },
    { prompt: 'Is water wet? ', grammar: { kind: 'choice', choices: ['yes', 'no'], param: 'choice' } as const },
    { prompt: 'A date: ', grammar: { kind: 'regex', pattern: '\\d{4}-\\d{2}-\\d{2}', param: 'regex' } as const },
  ];
  const alone: string[] = [];
  for (const question of questions) alone.push((await ask(engine, question)).text);
  const together = await Promise.all(questions.map((question) => ask(engine, question)));
  t.same(
    together.map(({ text }) => text),
    alone,
  );
  t.match(alone[2], /^(yes|no)$/);
  t.match(alone[3], /^\d{4}-\d{2}-\d{2}$/);
});

t.test('an answer that is cut short is a beginning, and says so', async (t) => {
  const whole = await ask(engine, { prompt: PROMPT, grammar: PERSON, maxTokens: 200 });
  const cut = await ask(engine, { prompt: PROMPT, grammar: PERSON, maxTokens: 8 });
  t.equal(cut.finished.reason, 'length');
  t.ok(whole.text.startsWith(cut.text));
});

t.test('stop texts and log probabilities hold within a grammar', async (t) => {
  const { text, finished } = await ask(engine, { prompt: PROMPT, grammar: PERSON, maxTokens: 200, stop: ['"age"'] });
  t.match(text, /^\{"first_name": "[^"]*", $/);
  t.equal(finished.reason, 'stop');
  const { tokens, text: shown } = await ask(engine, {
    prompt: PROMPT,
    grammar: PERSON,
    maxTokens: 200,
    topLogprobs: 2,
  });
  t.equal(tokens.map(({ token }) => token).join(''), shown);
});

t.test('a grammar that cannot be is refused before the answer begins, and costs the others nothing', async (t) => {
  const refused = async (grammar: GrammarSpec, reason: RegExp) => {
    const error = await ask(engine, { prompt: PROMPT, grammar }).catch((error) => error);
    t.ok(error instanceof AppError, String(error));
    t.match(error, { code: 'invalid_value', params: { reason } });
  };
  await refused(schema({ type: 'object', properties: { a: { not: {} } } }), /at #\/properties\/a\/not/);
  await refused(
    schema({ enum: Array.from({ length: 30_000 }, (_, i) => (i * 7919).toString(36).repeat(2)) }),
    /too large/,
  );
  await refused(
    { kind: 'regex', pattern: '(((((a{0,99}){0,99}){0,99}){0,99}){0,99})', param: 'regex' },
    /too large|takes more than/,
  );
  await refused({ kind: 'ebnf', grammar: 'root ::= root "a" | "b"', param: 'grammar' }, /begins with itself/);
  const { text } = await ask(engine, {
    prompt: PROMPT,
    grammar: { kind: 'choice', choices: ['fine'], param: 'choice' },
  });
  t.equal(text, 'fine');
});
