import fc from 'fast-check';
import t from 'tap';
import type { AdapterRef } from '../../src/contracts/adapter.js';
import { EngineLoop } from '../../src/engine/process/loop.js';
import { createScratch } from '../../src/engine/process/sampler.js';
import { plainScan } from '../../src/engine/process/vocabulary-scan.js';
import type { FromEngine, JobEvent } from '../../src/engine/protocol.js';
import { readAdapter } from '../../src/layouts/read-adapter.js';
import { writeAdapter } from '../fixtures/engine/adapters.js';
import { answerAlone, ChainModel, VOCAB_SIZE, vocabulary } from '../fixtures/engine/chain-model.js';
import { GREEDY, SETTINGS } from '../fixtures/engine/engine.js';
import { compileHere } from '../fixtures/engine/grammar.js';
import { plainCost } from '../fixtures/engine/step-cost.js';
import { SHAPE } from '../unit/model-import/peft-fixture.js';

t.setTimeout(120_000);
const base = { baseDigest: 'b'.repeat(64), shape: SHAPE };
const folder = t.testdir();
const adapters = [1, 2, 3].map((seed) => writeAdapter(folder, base, { seed }));

/** Passages that prompts are made with, read by themselves. */
const PASSAGES = [3, 33].map((length, n) => Array.from({ length }, (_, i) => 1 + ((i * (n + 3) + n) % 7)));

/** What many prompts begin with. */
const COMMON = Int32Array.from({ length: 80 }, (_, i) => 1 + ((i * i + (i >> 2)) % 7));

const jobs = fc.array(
  fc.record({
    tenant: fc.constantFrom('a', 'b'),
    priority: fc.constantFrom('interactive' as const, 'batch' as const),
    common: fc.oneof(fc.nat(COMMON.length), { arbitrary: fc.constant(21), weight: 3 }),
    passages: fc.array(fc.nat(PASSAGES.length - 1), { maxLength: 3 }),
    own: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 }),
    adapter: fc.constantFrom(null, null, 0, 1, 2),
    maxTokens: fc.integer({ min: 1, max: 60 }),
    /** Turn in which it comes, and how many turns later it is given up. */
    arrivesAt: fc.nat(50),
    patience: fc.constantFrom(null, null, null, null, 0, 3, 12),
  }),
  { minLength: 2, maxLength: 16, size: 'max' },
);
const limits = fc.record({
  slots: fc.integer({ min: 1, max: 3 }),
  reservedSlots: fc.integer({ min: 0, max: 1 }),
  adapterSlots: fc.integer({ min: 1, max: 3 }),
  adapterCacheBytes: fc.constantFrom(0, 60_000, 1e9),
  stepMs: fc.integer({ min: 1, max: 40 }),
  idleStepMs: fc.integer({ min: 1, max: 100 }),
  drafting: fc.boolean(),
});
/** Of the prefix cache; null: the runner is not exact. */
const places = fc.option(fc.integer({ min: 0, max: 9 }));
/** Of the passages that are kept; null: the runner cannot move them. */
const passagePlaces = fc.option(fc.integer({ min: 0, max: 12 }));
const cost = fc.record({ fixedMs: fc.constantFrom(0, 10, 20), tokenMs: fc.constantFrom(0, 1, 5) });

t.test('whoever shares the engine, every answer is the one that the model gives alone', async (t) => {
  const tensors = await Promise.all(adapters.map((adapter) => readAdapter(adapter, base)));
  let accepted = 0;
  let hitTokens = 0;
  let loads = 0;
  let knownTokens = 0;
  await fc.assert(
    fc.asyncProperty(
      jobs,
      limits,
      places,
      passagePlaces,
      cost,
      async (requests, changes, places, passagePlaces, cost) => {
        const settings = { ...SETTINGS, ...changes };
        const events: JobEvent[] = [];
        let slotsInUse = 0;
        const loop = new EngineLoop({
          settings,
          base,
          runner: new ChainModel(settings, places, passagePlaces),
          compile: compileHere(vocabulary, VOCAB_SIZE),
          cost: plainCost(cost.fixedMs, cost.tokenMs),
          context: {
            vocabulary,
            eosIds: new Set([0]),
            scratch: createScratch(VOCAB_SIZE, plainScan),
            monotonicMs: () => 0,
            randomSeed: () => 1,
          },
          send: (message: FromEngine) => {
            if (message.type !== 'step') return;
            events.push(...message.events);
            slotsInUse = message.gauges.slotsInUse;
            for (const seen of message.observations) {
              if (seen.type === 'step') accepted += seen.accepted;
              if (seen.type === 'prefix') hitTokens += seen.hitTokens;
              if (seen.type === 'adapter_load') loads++;
              if (seen.type === 'passage' && seen.wasKnown) knownTokens += seen.tokens;
            }
          },
        });
        const partsOf = ({ common, passages }: (typeof requests)[number]) => [
          ...COMMON.subarray(0, common),
          ...passages.flatMap((n) => PASSAGES[n]!),
        ];
        const promptOf = (request: (typeof requests)[number]) => Int32Array.from([...partsOf(request), ...request.own]);
        const bordersOf = (request: (typeof requests)[number]) => {
          const { passages } = request;
          if (passages.length === 0) return [];
          return [0, ...passages.map((_, i) => i + 1)].map(
            (n) => partsOf({ ...request, passages: passages.slice(0, n) }).length,
          );
        };
        const submit = (id: number) => {
          const { tenant, priority, adapter, maxTokens } = requests[id]!;
          loop.submit({
            id,
            tenant,
            audience: '',
            deployment: 'assistant',
            priority,
            promptIds: promptOf(requests[id]!),
            passages: bordersOf(requests[id]!),
            adapter: adapter === null ? null : (adapters[adapter] as AdapterRef),
            sampling: GREEDY,
            maxTokens,
            stop: [],
            hole: null,
            begunTokens: 0,
            topLogprobs: null,
            grammar: null,
          });
        };
        const isOver = (message: JobEvent) => 'error' in message || message.event.type === 'finished';
        for (let turn = 0; turn <= 70 || events.filter(isOver).length < requests.length; turn++) {
          requests.forEach(({ arrivesAt, patience }, id) => {
            if (arrivesAt === turn) submit(id);
            if (patience !== null && arrivesAt + patience === turn) loop.abort(id);
          });
          await new Promise((resolve) => setImmediate(resolve));
        }
        requests.forEach((request, id) => {
          const own = events.filter((message) => message.id === id);
          const texts = own.flatMap((message) =>
            'event' in message && message.event.type === 'delta' ? [message.event.text] : [],
          );
          const tensor = request.adapter === null ? null : tensors[request.adapter]!;
          const areApart = places !== null && passagePlaces !== null;
          const borders = areApart ? bordersOf(request) : [];
          const expected = answerAlone(promptOf(request), tensor, request.maxTokens, borders);
          const last = own.at(-1)!;
          if (!('event' in last) || last.event.type !== 'finished')
            throw new Error(`job ${id} ends with ${JSON.stringify(last)}`);
          const text = texts.join('');
          const right = last.event.reason === 'abort' ? expected.startsWith(text) : text === expected;
          if (!right) throw new Error(`job ${id}: ${text}, not ${expected}`);
          if (request.patience === null && last.event.reason === 'abort') throw new Error(`job ${id} was aborted`);
        });
        if (slotsInUse > 0) throw new Error(`${slotsInUse} slots are still in use`);
      },
    ),
    { numRuns: 150 },
  );
  t.ok(accepted > 500, `${accepted} drafted tokens were accepted`);
  t.ok(loads > 200, `${loads} adapters were loaded`);
  t.ok(hitTokens > 1000, `${hitTokens} tokens came from the prefix cache`);
  t.ok(knownTokens > 50, `${knownTokens} tokens came from passages that were kept`);
});
