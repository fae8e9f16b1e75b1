import t from 'tap';
import type { GrammarSpec } from '../../../../src/contracts/grammar.js';
import { compileGrammar } from '../../../../src/engine/grammar/compile.js';
import { accepts, machineOf, schemaSpec } from '../../../fixtures/grammar/walk.js';

const regex = (pattern: string): GrammarSpec => ({ kind: 'regex', pattern, param: 'structured_outputs.regex' });
const ebnf = (grammar: string): GrammarSpec => ({ kind: 'ebnf', grammar, param: 'structured_outputs.grammar' });

t.test('what cannot be kept to is refused with its place and what to do', async (t) => {
  const refused: [schema: unknown, place: string, reason: RegExp][] = [
    [{ type: 'object', properties: { a: { not: {} } } }, '#/properties/a/not', /not is not supported; leave it out/],
    [{ items: { uniqueItems: true } }, '#/items/uniqueItems', /not supported/],
    [{ $ref: 'https://example.com/schema' }, '#/$ref', /only what is in the schema itself/],
    [{ $ref: '#/$defs/none' }, '#/$ref', /there is no schema at #\/\$defs\/none/],
    [{ $ref: '#/__proto__' }, '#/$ref', /there is no schema/],
    [{ properties: { 'a/b~c': { type: 'text' } } }, '#/properties/a~1b~0c/type', /"text" is no type/],
    [{ type: 'string', pattern: '(?=a)b' }, '#/pattern', /is supported at the beginning|not supported/],
    [{ type: 'string', pattern: '(' }, '#/pattern', /Unterminated group/],
    [{ type: 'string', pattern: 'a', maxLength: 3 }, '#/pattern', /say it all in one pattern/],
    [{ type: 'string', format: 'color' }, '#/format', /the formats are date/],
    [{ anyOf: [{}, 7] }, '#/anyOf/1', /a schema is an object/],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, '#/oneOf', /use anyOf/],
    [{ minItems: -1, type: 'array' }, '#/minItems', /whole number/],
    [{ minItems: 99_999, type: 'array' }, '#/minItems', /more than 10000/],
    [{ type: 'object', minProperties: 3 }, '#/minProperties', /require them by name/],
    [{ enum: ['a'], minLength: 3 }, '#/minLength', /beside enum/],
    [{ allOf: [{ pattern: 'a' }, { pattern: 'b' }] }, '#/allOf/1', /said twice/],
    [{ type: 'number', minimum: 1e-12 }, '#', /15 digits/],
    [{ type: 'integer', multipleOf: 7 }, '#/multipleOf', /7 is supported where at most 1000 of its multiples/],
    [{ multipleOf: 0 }, '#/multipleOf', /above 0/],
    [{ enum: [5], multipleOf: 5 }, '#/multipleOf', /beside enum/],
  ];
  for (const [schema, place, reason] of refused) {
    t.throws(() => compileGrammar(schemaSpec(schema)), {
      code: 'invalid_value',
      params: { param: 'schema', reason: new RegExp(`^at ${place.replaceAll('$', '\\$')}: .*${reason.source}`) },
    });
  }
});

t.test('what no answer can be is refused', async (t) => {
  const impossible: GrammarSpec[] = [
    schemaSpec(false),
    schemaSpec({ enum: [] }),
    schemaSpec({ type: 'integer', minimum: 3, maximum: 2 }),
    schemaSpec({ type: 'string', minLength: 3, maxLength: 2 }),
    schemaSpec({ type: 'object', properties: { a: false }, required: ['a'] }),
    schemaSpec({ type: 'object', properties: { me: { $ref: '#' } }, required: ['me'] }),
    schemaSpec({ allOf: [{ type: 'string' }, { type: 'null' }] }),
    ebnf('root ::= "a" root'),
    regex('[]'),
  ];
  for (const spec of impossible)
    t.throws(() => compileGrammar(spec), /no answer can be what it asks for/, JSON.stringify(spec));
});

t.test('what is too large or goes on for ever is refused', async (t) => {
  let deep: object = {};
  for (let level = 0; level < 1000; level++) deep = { items: deep };
  t.throws(() => compileGrammar(schemaSpec(deep)), /deeper than 200/);
  t.throws(() => compileGrammar({ kind: 'choice', choices: ['a'.repeat(600_000)], param: 'c' }), /at most 524288/);
  t.throws(() => compileGrammar(regex('(((ab){0,99}){0,99}){0,99}')), /too large/);
  t.throws(
    () => compileGrammar(schemaSpec({ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } })),
    /no answer|itself/,
  );
  t.throws(
    () => compileGrammar(schemaSpec({ allOf: [{ $ref: '#' }] })),
    /deeper|said twice|too large|itself|no answer/,
  );
  t.throws(() => compileGrammar(ebnf('root ::= other\nother ::= root "a" | "b"')), /begins with itself/);
  t.throws(() => compileGrammar(ebnf('root ::= "x"? root "a" | "b"')), /begins with itself/);
});

t.test('a grammar that cannot be read says in which line', async (t) => {
  for (const [source, reason] of [
    ['answer ::= "a"', /the rule root is not defined/],
    ['root ::= "a" | word', /the rule word is not defined/],
    ['root ::= "a"\nroot ::= "b"', /in line 2 root is defined twice/],
    ['root ::= "a', /in line 1 " is missing/],
    ['root ::= ("a"', /in line 1 a bracket is not closed/],
    ['root ::= [z-a]', /ends before it begins/],
    ['root = "a"', /::= is missing behind root/],
    ['root ::= "\\u12"', /4 digits/],
    ['root ::= "a"{99999}', /more often than 10000/],
  ] as const) {
    t.throws(() => compileGrammar(ebnf(source)), { code: 'invalid_value', params: { reason } });
  }
});

t.test('texts of a schema have one spelling, in the order of the schema', async (t) => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'integer' },
      b: { type: 'array', items: { enum: ['x', '"'] } },
      c: { type: ['string', 'null'] },
    },
    required: ['a'],
  };
  const machine = machineOf(schemaSpec(schema));
  const whole = [
    '{"a": 1}',
    '{"a": -2, "b": []}',
    '{"a": 0, "b": ["x", "\\""], "c": null}',
    '{"a": 7, "c": "\\u0001\\n€"}',
  ];
  for (const text of whole) t.ok(accepts(machine, text), text);
  for (const text of [
    '{"b": [], "a": 1}',
    '{"a":1}',
    '{}',
    '{"a": 1, "d": 2}',
    '{"a": 01}',
    '{"a": 1, "c": "\\u0041"}',
    '{"a": 1} ',
  ]) {
    t.notOk(accepts(machine, text), text);
  }
});

t.test('multiples of a step end in the digits that it leaves, or are listed', async (t) => {
  const cases: [schema: object, are: string[], areNot: string[]][] = [
    [{ type: 'integer', multipleOf: 1000 }, ['0', '1000', '-123456789000'], ['5', '100', '01000', '-0', '1000.0']],
    [{ type: 'number', multipleOf: 0.01 }, ['49.90', '49.9', '49', '-0.01', '0.00'], ['49.901', '.5', '49.']],
    [{ type: 'number', multipleOf: 0.25, minimum: 1 }, ['1', '1.25', '100.5'], ['0.75', '1.2', '-2']],
    [{ type: 'integer', multipleOf: 7, exclusiveMinimum: 0, maximum: 21 }, ['7', '14', '21'], ['0', '28', '8']],
    [{ type: 'integer', multipleOf: 2.5 }, ['5', '-10'], ['2', '2.5']],
    [{ type: 'number', multipleOf: 1 }, ['3', '12'], ['3.5']],
  ];
  for (const [schema, are, areNot] of cases) {
    const machine = machineOf(schemaSpec(schema));
    for (const text of are) t.ok(accepts(machine, text), `${text} of ${JSON.stringify(schema)}`);
    for (const text of areNot) t.notOk(accepts(machine, text), `${text} of ${JSON.stringify(schema)}`);
  }
});

t.test('further properties have names of their own', async (t) => {
  const machine = machineOf(
    schemaSpec({ properties: { ab: { type: 'null' } }, additionalProperties: { type: 'integer' } }),
  );
  for (const text of ['{}', '{"ab": null}', '{"ab": null, "abc": 1, "a": 2}', '{"": 1}', '{"x\\"": 1}'])
    t.ok(accepts(machine, text), text);
  for (const text of ['{"ab": 1}', '{"ab": null, "ab": 1}', '{"a": null}']) t.notOk(accepts(machine, text), text);
});

t.test('a tool call begins where its trigger ends, and nothing else does', async (t) => {
  const tags = ['time', 'weather'].map((name) => ({
    begin: `<tool_call>{"name": "${name}", "arguments": `,
    schema: '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}',
    end: '}</tool_call>',
    param: 'tools[0].function.parameters',
  }));
  const call = '<tool_call>{"name": "time", "arguments": {"n": 1}}</tool_call>';
  const free = machineOf({
    kind: 'structural_tag',
    tag: { type: 'triggered_tags', triggers: ['<tool_call>'], tags, stopAfterFirst: false },
  });
  for (const text of ['', 'Hello <tool <tool_cal', call, `Wait. <${call} and ${call}`]) t.ok(accepts(free, text), text);
  for (const text of ['<tool_call>', call.replace('1', '"1"'), call.replace('time', 'date')])
    t.notOk(accepts(free, text), text);
  const forced = machineOf({
    kind: 'structural_tag',
    tag: { type: 'tags_with_separator', tags, separator: '\n', stopAfterFirst: false },
  });
  for (const text of [call, `${call}\n${call.replace('time', 'weather')}`]) t.ok(accepts(forced, text), text);
  for (const text of ['', `Hello ${call}`, `${call}\n`]) t.notOk(accepts(forced, text), text);
  const wrong = tags.map((tag) => ({ ...tag, schema: '{"type": "object", "not": {}}' }));
  t.throws(
    () =>
      compileGrammar({
        kind: 'structural_tag',
        tag: { type: 'tags_with_separator', tags: wrong, separator: '', stopAfterFirst: true },
      }),
    { code: 'invalid_value', params: { param: 'tools[0].function.parameters', reason: /at #\/not/ } },
  );
});
