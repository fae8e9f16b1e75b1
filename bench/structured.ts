/**
 * Structured output, on the engine in its own process: how many answers keep to their schema, what masks cost where eight
 * answers are written at once, and what is gained where the grammar leaves one way to go on.
 */
import fc from 'fast-check';
import type { GenerateRequest, TextGenerator } from '../src/contracts/generator.js';
import type { GrammarSpec } from '../src/contracts/grammar.js';
import { ask } from '../tests/fixtures/engine/engine.js';
import { anySchema, type Schema, SHAPES } from '../tests/fixtures/grammar/schemas.js';
import { faultOf } from '../tests/fixtures/grammar/validate.js';
import { schemaSpec } from '../tests/fixtures/grammar/walk.js';
import { freshPrompt, generate, median, quantile, startEngine } from './engine/driver.js';
import type { BenchOptions } from './main.js';
import { maskFigures } from './structured/masks.js';

const SEED = 20_261_127;
const ROWS = 8;

export default async function benchStructured({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const record = (name: string, value: number, digits = 3) => {
    figures[name] = Number(value.toFixed(digits));
    say(`${name.padEnd(28)} ${figures[name]}`);
  };
  const schemas = [...SHAPES, ...fc.sample(anySchema, { seed: SEED, numRuns: (quick ? 60 : 1000) - SHAPES.length })];
  const engine = await startEngine();
  const plain = await startEngine({ drafting: false });
  try {
    const answers = await answersOf(engine, schemas);
    const ended = answers.filter(({ text }) => text !== null);
    const faults = ended.flatMap(({ schema, text }) => {
      const fault = faultOf(schema, text!);
      if (fault !== null) say(`${text} of ${JSON.stringify(schema)}: ${fault}`);
      return fault === null ? [] : [fault];
    });
    record('schemas', schemas.length, 0);
    record('finished_share', ended.length / answers.length);
    record('valid_share', 1 - faults.length / ended.length, 4);

    for (const [name, value] of Object.entries(await maskFigures(answers))) record(name, value);

    const { free, bound, cost } = await eightRowsInTurns(
      plain,
      quick ? { pairs: 4, tokens: 48 } : { pairs: 24, tokens: 64 },
    );
    record('tps_8_rows', median(free), 1);
    record('tps_8_rows_bound', median(bound), 1);
    record('cost_8_rows', median(cost));
    record('cost_8_rows_p25', quantile(cost, 0.25));
    record('cost_8_rows_p75', quantile(cost, 0.75));

    const rounds = quick ? 1 : 5;
    const guessed: number[] = [];
    const stepByStep: number[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const question of FORMS) {
        stepByStep.push(await oneRow(plain, question));
        guessed.push(await oneRow(engine, question));
      }
    }
    record('json_tps_1', median(stepByStep), 1);
    record('json_tps_1_drafted', median(guessed), 1);
    record('json_speedup', median(guessed) / median(stepByStep));
    return figures;
  } finally {
    await Promise.all([engine.close(), plain.close()]);
  }
}

/** Drawn, not greedy: so that answers go wherever the schema lets them. */
async function answersOf(
  engine: TextGenerator,
  schemas: readonly Schema[],
): Promise<{ readonly schema: Schema; readonly text: string | null }[]> {
  const answers: { schema: Schema; text: string | null }[] = [];
  let next = 0;
  const askOn = async () => {
    for (let at = next++; at < schemas.length; at = next++) {
      const schema = schemas[at]!;
      const { text, finished } = await ask(engine, {
        prompt: 'An example of such a JSON value:\n',
        grammar: schemaSpec(schema),
        maxTokens: 256,
        sampling: { temperature: 1, seed: at },
      });
      answers[at] = { schema, text: finished.reason === 'stop' ? text : null };
    }
  };
  await Promise.all(Array.from({ length: ROWS }, askOn));
  return answers;
}

/** Goes on for longer than anybody reads. */
const LONG_LIST = schemaSpec({
  type: 'array',
  minItems: 100,
  items: {
    type: 'object',
    properties: {
      title: { type: 'string', maxLength: 80 },
      pages: { type: 'integer', minimum: 1 },
      authors: { type: 'array', items: { type: 'string' }, minItems: 1 },
      isbn: { type: ['string', 'null'] },
    },
    required: ['title', 'pages', 'authors', 'isbn'],
  },
});

/**
 * Turns of eight rows with and without a grammar, in pairs that ask the same and change places, so that neither what else the
 * machine does nor what is cached favours one. What masks cost is found pair by pair.
 */
async function eightRowsInTurns(engine: TextGenerator, { pairs, tokens }: { pairs: number; tokens: number }) {
  const free: number[] = [];
  const bound: number[] = [];
  // The first turn reads classes of characters, once a process.
  await eightRows(engine, eightPrompts(), LONG_LIST, tokens);
  for (let pair = 0; pair < pairs; pair++) {
    const prompts = eightPrompts();
    const turns = [
      async () => free.push(await eightRows(engine, prompts, null, tokens)),
      async () => bound.push(await eightRows(engine, prompts, LONG_LIST, tokens)),
    ];
    for (const turn of pair % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  return { free, bound, cost: free.map((tps, pair) => 1 - bound[pair]! / tps) };
}

const eightPrompts = () => Array.from({ length: ROWS }, () => freshPrompt(64));

/** Tokens a second of all rows together, in the steps in which all of them write: of all of these, as masks are found in few. */
async function eightRows(
  engine: TextGenerator,
  prompts: readonly GenerateRequest['prompt'][],
  grammar: GrammarSpec | null,
  tokensEach: number,
): Promise<number> {
  let tokens = 0;
  let totalMs = 0;
  const stop = engine.observe((observation) => {
    if (observation.type !== 'step' || observation.kind !== 'decode' || observation.rows !== ROWS) return;
    tokens += observation.tokens;
    totalMs += observation.durationMs;
  });
  // Those that begin first go on until the last has written as much.
  const maxTokens = tokensEach + 8 * ROWS;
  await Promise.all(prompts.map((prompt) => generate(engine, { prompt, maxTokens, grammar })));
  stop();
  if (tokens < tokensEach * ROWS) throw new Error('the rows hardly wrote together');
  return (tokens * 1000) / totalMs;
}

interface Form {
  readonly prompt: string;
  readonly grammar: GrammarSpec;
}

/** What products ask for: names longer than what is filled in. */
const FORMS: readonly Form[] = [
  {
    prompt: 'Ticket: "My gold card was stolen in Lisbon on Monday, please block it." The ticket as JSON:\n',
    properties: {
      customer_intent: { enum: ['block_card', 'order_card', 'ask_for_fee', 'other'] },
      card_product: { enum: ['gold', 'basic', 'business'] },
      incident_location: { type: 'string', maxLength: 20 },
      requires_human_agent: { type: 'boolean' },
      priority_level: { type: 'integer', minimum: 1, maximum: 5 },
      customer_sentiment: { enum: ['positive', 'neutral', 'negative'] },
    },
  },
  {
    prompt: 'Invoice: 3 chairs at 49.90 EUR from Meyer GmbH, due 2026-12-24. The invoice as JSON:\n',
    properties: {
      supplier_name: { type: 'string', maxLength: 20 },
      payment_due_date: { type: 'string', format: 'date' },
      total_amount_due: { type: 'number', minimum: 0 },
      currency_code: { enum: ['EUR', 'USD', 'GBP'] },
      line_items: {
        type: 'array',
        minItems: 2,
        maxItems: 2,
        items: {
          type: 'object',
          properties: {
            item_description: { type: 'string', maxLength: 16 },
            item_quantity: { type: 'integer', minimum: 1, maximum: 99 },
          },
          required: ['item_description', 'item_quantity'],
        },
      },
    },
  },
].map(({ prompt, properties }) => ({
  prompt,
  grammar: schemaSpec({ type: 'object', properties, required: Object.keys(properties) }),
}));

/** Tokens a second of one answer. */
async function oneRow(engine: TextGenerator, { prompt, grammar }: Form): Promise<number> {
  const { completionTokens, timings } = await generate(engine, {
    prompt: { kind: 'text', text: prompt },
    maxTokens: 200,
    grammar,
    ends: true,
  });
  return ((completionTokens - 1) * 1000) / timings.decodeMs;
}
