import fc from 'fast-check';
import t from 'tap';
import type { GrammarSpec } from '../../src/contracts/grammar.js';
import { Masks } from '../../src/engine/process/grammar/masks.js';
import { createRandom } from '../../src/engine/process/random.js';
import { anySchema, SHAPES } from '../fixtures/grammar/schemas.js';
import { faultOf } from '../fixtures/grammar/validate.js';
import { accepts, after, END, machineOf, schemaSpec, TOKENS, tokensOf, trie, walk } from '../fixtures/grammar/walk.js';

t.setTimeout(120_000);

t.test('whatever tokens are drawn of those that may come, a text that ends is a value of its schema', async (t) => {
  let ended = 0;
  const check = (schema: object | boolean, seed: number) => {
    const text = walk(machineOf(schemaSpec(schema)), createRandom(seed));
    if (text === null) return;
    ended++;
    const fault = faultOf(schema, text);
    if (fault !== null) throw new Error(`${text} of ${JSON.stringify(schema)}: ${fault}`);
  };
  for (const shape of SHAPES) for (let seed = 0; seed < 8; seed++) check(shape, seed);
  fc.assert(fc.property(anySchema, fc.nat(), check), { numRuns: 150 });
  t.ok(ended > 200, `${ended} texts ended`);
});

const specs = fc.oneof(
  anySchema.map(schemaSpec),
  fc
    .constantFrom('(ab|a)*b?', '.*foo.*', '[a-f]{2,5}@', 'é+[^a]{0,3}', '(a|aa|aaa){3}')
    .map((pattern): GrammarSpec => ({ kind: 'regex', pattern, param: 'regex' })),
  fc
    .constantFrom(
      'root ::= "(" root ")" | [a-c]+',
      'root ::= item (", " item){0,3}\nitem ::= "foo" | "bar" # comment\n  | [^"a-z\\n]{1,4}',
    )
    .map((grammar): GrammarSpec => ({ kind: 'ebnf', grammar, param: 'grammar' })),
  fc.boolean().map(
    (stopAfterFirst): GrammarSpec => ({
      kind: 'structural_tag',
      tag: {
        type: 'triggered_tags',
        triggers: ['<tool_call>'],
        tags: ['foo', 'bar'].map((name) => ({
          begin: `<tool_call>\n{"name": "${name}", "arguments": `,
          schema: '{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}',
          end: '}\n</tool_call>',
          param: 'tools',
        })),
        stopAfterFirst,
      },
    }),
  ),
);

t.test('the mask holds just the tokens that may come one by one', async () => {
  fc.assert(
    fc.property(specs, fc.nat(), (spec, seed) => {
      const machine = machineOf(spec);
      const masks = new Masks(trie, [END]);
      walk(machine, createRandom(seed), 25, (place) => {
        const expected = TOKENS.flatMap((bytes, token) => {
          const may = bytes.length === 0 ? place.mayEnd : after(machine, place, token) !== null;
          return may ? [token] : [];
        });
        const mask = masks.of(machine, place);
        const tokens = tokensOf(mask);
        if (tokens.join() !== expected.join() || mask.count !== tokens.length) {
          throw new Error(`${tokens.join()} instead of ${expected.join()}`);
        }
      });
    }),
    { numRuns: 120 },
  );
});

t.test('a pattern takes what the regular expression does, as a whole', async () => {
  const pieces = fc.constantFrom(
    'a',
    'b',
    '[ab]',
    '[^a]',
    '.',
    '(a|bc)',
    '(?:b*c)?',
    'a{2,3}',
    '[a-c]{5,}',
    'c+',
    '\\d',
    '\\w',
    'é',
  );
  const patterns = fc.array(pieces, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
  const texts = fc
    .array(fc.constantFrom('a', 'b', 'c', 'aa', 'é', '1', '\n', '"'), { maxLength: 7 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(patterns, fc.array(texts, { minLength: 1, maxLength: 20 }), (pattern, candidates) => {
      const machine = machineOf({ kind: 'regex', pattern, param: 'regex' });
      const inSchema = machineOf(schemaSpec({ type: 'string', pattern }));
      for (const text of candidates) {
        const whole = new RegExp(`^(?:${pattern})$`, 'u').test(text);
        if (accepts(machine, text) !== whole) throw new Error(`${pattern} and ${JSON.stringify(text)}: not ${whole}`);
        const anywhere = new RegExp(pattern, 'u').test(text);
        if (accepts(inSchema, JSON.stringify(text)) !== anywhere) {
          throw new Error(`${pattern} in ${JSON.stringify(text)}: not ${anywhere}`);
        }
      }
    }),
    { numRuns: 150 },
  );
});

t.test('numbers are taken from one bound to the other, and no further', async () => {
  const hundredths = fc.integer({ min: -1200, max: 1200 }).map((value) => value / 100);
  fc.assert(
    fc.property(
      hundredths,
      hundredths,
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.array(hundredths),
      (a, b, fromOpen, toOpen, isInteger, tried) => {
        const [low, high] = [Math.min(a, b), Math.round(100 * Math.max(a, b) + 200) / 100];
        const schema = {
          type: isInteger ? 'integer' : 'number',
          [fromOpen ? 'exclusiveMinimum' : 'minimum']: low,
          [toOpen ? 'exclusiveMaximum' : 'maximum']: high,
        };
        const machine = machineOf(schemaSpec(schema));
        for (const value of [
          ...tried,
          low,
          high,
          Math.ceil(low),
          Math.floor(high),
          Math.round(50 * (low + high)) / 100,
        ]) {
          const number = isInteger ? Math.trunc(value) : value;
          const text = String(number === 0 ? 0 : number);
          const isValid = faultOf(schema, text) === null;
          if (accepts(machine, text) !== isValid)
            throw new Error(`${text} of ${JSON.stringify(schema)}: not ${isValid}`);
        }
      },
    ),
    { numRuns: 150 },
  );
});

t.test('of the multiples of a step all within its bounds are taken, and nothing else', async (t) => {
  const thousandths = fc.integer({ min: -40_000, max: 40_000 });
  const bound = fc.option(thousandths);
  const step = fc.tuple(fc.constantFrom(1, 2, 3, 5, 7, 25, 50, 125, 400), fc.nat(2));
  const tried = fc.array(thousandths, { minLength: 9, maxLength: 9 });
  let compiled = 0;
  const check = (
    [units, places]: [number, number],
    a: number | null,
    b: number | null,
    whole: boolean,
    some: number[],
  ) => {
    const schema = {
      type: whole ? 'integer' : 'number',
      multipleOf: units / 10 ** places,
      ...(a !== null && { minimum: a / 1000 }),
      ...(b !== null && { maximum: b / 1000 }),
    };
    const each = units * 10 ** (3 - places);
    let machine: ReturnType<typeof machineOf>;
    try {
      machine = machineOf(schemaSpec(schema));
    } catch (error) {
      // Too many to list, or none at all.
      if (/is supported where|no answer/.test(String(error))) return;
      throw error;
    }
    compiled++;
    for (const n of [...some, ...some.map((value) => (value % 200) * each)]) {
      const isOne = n % each === 0 && (!whole || n % 1000 === 0) && n >= (a ?? n) && n <= (b ?? n);
      const text = String(n === 0 ? 0 : n / 1000);
      if (accepts(machine, text) !== isOne) throw new Error(`${text} of ${JSON.stringify(schema)}: not ${isOne}`);
    }
  };
  fc.assert(fc.property(step, bound, bound, fc.boolean(), tried, check), { numRuns: 300 });
  t.ok(compiled > 75, `${compiled} were compiled`);
});
