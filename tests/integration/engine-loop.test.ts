import t from 'tap';
import type { AdapterRef } from '../../src/contracts/adapter.js';
import { EngineLoop } from '../../src/engine/process/loop.js';
import type { Batch, ModelRunner } from '../../src/engine/process/runner.js';
import { createScratch } from '../../src/engine/process/sampler.js';
import { Vocabulary } from '../../src/engine/process/vocabulary.js';
import type { FromEngine, Job, JobEvent } from '../../src/engine/protocol.js';
import { GREEDY, SETTINGS } from '../fixtures/engine/engine.js';

const VOCAB = 8;
const vocabulary = new Vocabulary({
  added_tokens: [{ id: 0, content: '<end>', special: true }],
  model: { vocab: Object.fromEntries(Array.from('abcdefg', (letter, i) => [letter, i + 1])) },
  decoder: { type: 'ByteLevel' },
});

/** A model whose next token is always 1 ("a"), until `logits` says otherwise; it records what it was asked to run. */
function harness({ slots = 2, adapterSlots = 2, prefillChunkTokens = 4 } = {}) {
  const batches: Batch[] = [];
  const messages: Extract<FromEngine, { type: 'step' }>[] = [];
  const loads: { digest: string; end: (error?: Error) => void }[] = [];
  const hooks = {
    beforeRun: (_batch: Batch) => {},
    logits: () => Float32Array.from({ length: VOCAB }, (_, i) => +(i === 1)),
  };
  const runner: ModelRunner = {
    run: (batch) => {
      hooks.beforeRun(batch);
      batches.push(batch);
      return batch.logitsOf.map(() => hooks.logits());
    },
    loadAdapter: ({ digest }) =>
      new Promise((resolve, reject) => {
        loads.push({ digest, end: (error) => (error ? reject(error) : resolve()) });
      }),
  };
  let nowMs = 0;
  const loop = new EngineLoop({
    settings: { ...SETTINGS, slots, adapterSlots, prefillChunkTokens },
    runner,
    context: {
      vocabulary,
      eosIds: new Set([0]),
      scratch: createScratch(VOCAB),
      monotonicMs: () => nowMs++,
      randomSeed: () => 1,
    },
    send: (message) => {
      if (message.type === 'step') messages.push(message);
    },
  });
  const events = (): JobEvent[] => messages.flatMap((message) => message.events);
  return { loop, batches, messages, loads, hooks, events };
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

const job = (id: number, rest: Partial<Job> = {}): Job => ({
  id,
  tenant: 'test',
  promptIds: Int32Array.of(1, 2, 3),
  adapter: null,
  sampling: GREEDY,
  maxTokens: 3,
  stop: [],
  topLogprobs: null,
  ...rest,
});
const adapter = (digest: string): AdapterRef => ({ name: digest, version: 1, digest, compiledFile: digest });
const summary = (events: JobEvent[], id: number) =>
  events
    .filter((message) => message.id === id)
    .map((message) => {
      if ('error' in message) return message.error.code;
      const { event } = message;
      return event.type === 'delta' ? event.text : event.type === 'finished' ? event.reason : event.type;
    });

t.test('a job starts, speaks token by token and finishes; then the loop rests', async (t) => {
  const { loop, batches, events, messages } = harness();
  loop.submit(job(1));
  await turns(10);
  t.same(summary(events(), 1), ['started', 'a', 'a', 'a', 'length']);
  t.match(batches, [
    { positions: [0], tokensPerRow: 3, logitsOf: [2] },
    { positions: [3], tokensPerRow: 1, ids: [1] },
    { positions: [4], tokensPerRow: 1, ids: [1] },
  ]);
  t.equal(batches.length, 3);
  t.match(messages.at(-1), { gauges: { slotsInUse: 0, queued: 0 } });
});

t.test('the end token ends an answer and is counted', async (t) => {
  const { loop, hooks, events } = harness();
  hooks.logits = () => Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0);
  loop.submit(job(1));
  await turns(5);
  t.same(summary(events(), 1), ['started', '', 'stop']);
  t.match(events().at(-1), { event: { completionTokens: 1 } });
});

t.test('an abort that arrives during a step frees the slot before the next one', async (t) => {
  const { loop, batches, hooks, messages, events } = harness({ slots: 1 });
  loop.submit(job(1, { maxTokens: 100 }));
  loop.submit(job(2));
  hooks.beforeRun = () => {
    // Messages are read between steps: this one is read after the third.
    if (batches.length === 2) setImmediate(() => loop.abort(1));
  };
  await turns(12);
  t.same(summary(events(), 1), ['started', 'a', 'a', 'a', 'abort']);
  t.match(
    messages.find(({ events }) => events.some(({ id }) => id === 2)),
    { gauges: { slotsInUse: 1, queued: 0 } },
    'the slot goes to the next in the same turn',
  );
  t.same(summary(events(), 2), ['started', 'a', 'a', 'a', 'length']);
});

t.test('a job that still waits can be aborted, one that is over is left alone', async (t) => {
  const { loop, events } = harness({ slots: 1 });
  loop.submit(job(1));
  loop.submit(job(2));
  loop.abort(2);
  await turns(10);
  loop.abort(1);
  await turns(2);
  t.same(summary(events(), 2), ['abort']);
  t.same(summary(events(), 1), ['started', 'a', 'a', 'a', 'length']);
});

t.test('while a long prompt is prefilled, an answer goes on after every chunk', async (t) => {
  const { loop, batches } = harness();
  loop.submit(job(1, { maxTokens: 20 }));
  await turns(3);
  loop.submit(job(2, { promptIds: new Int32Array(12).fill(1) }));
  const before = batches.length;
  await turns(8);
  const kinds = batches.slice(before).map(({ tokensPerRow }) => (tokensPerRow > 1 ? 'prefill' : 'decode'));
  t.match(kinds.join(' '), /prefill decode prefill decode prefill decode/);
});

t.test('logits that are not finite end their own row only', async (t) => {
  const { loop, hooks, events } = harness();
  const good = hooks.logits;
  let calls = 0;
  hooks.logits = () => (calls++ === 0 ? new Float32Array(VOCAB).fill(Number.NaN) : good());
  loop.submit(job(1));
  loop.submit(job(2));
  await turns(10);
  t.same(summary(events(), 1), ['started', 'generation_failed']);
  t.same(summary(events(), 2), ['started', 'a', 'a', 'a', 'length']);
});

t.test('a job waits for its adapter, others pass meanwhile, and it runs with the slot of its adapter', async (t) => {
  const { loop, batches, loads, events } = harness();
  loop.submit(job(1, { adapter: adapter('x') }));
  loop.submit(job(2));
  await turns(8);
  t.same(summary(events(), 1), []);
  t.equal(summary(events(), 2).at(-1), 'length');
  loads[0]!.end();
  await turns(8);
  t.equal(summary(events(), 1).at(-1), 'length');
  t.same(batches.at(-1)!.adapterSlots, [0]);
  const finished = events().at(-1)!;
  t.ok('event' in finished && finished.event.type === 'finished' && finished.event.timings.adapterLoadMs > 0);
});

t.test('an adapter that cannot be loaded fails its jobs with the reason', async (t) => {
  const { loop, loads, events } = harness();
  loop.submit(job(1, { adapter: adapter('x') }));
  loop.submit(job(2, { adapter: adapter('x') }));
  await turns(3);
  loads[0]!.end(new Error('wrong digest'));
  await turns(3);
  for (const id of [1, 2]) t.same(summary(events(), id), ['adapter_load_failed']);
  t.match(events()[0], { error: { params: { adapter: 'x@1', reason: 'wrong digest' } } });
});

t.test('who waits for room in the bank is not overtaken by other adapters, only by jobs without one', async (t) => {
  const { loop, loads, events } = harness({ slots: 2, adapterSlots: 1 });
  loop.submit(job(1, { adapter: adapter('x'), maxTokens: 8 }));
  await turns(2);
  loads[0]!.end();
  await turns(3);
  loop.submit(job(2, { adapter: adapter('y') }));
  loop.submit(job(3, { adapter: adapter('x') }));
  loop.submit(job(4));
  await turns(20);
  t.equal(summary(events(), 1).at(-1), 'length');
  t.equal(summary(events(), 4).at(-1), 'length');
  t.same(summary(events(), 3), []);
  t.same(
    loads.map(({ digest }) => digest),
    ['x', 'y'],
  );
  loads[1]!.end();
  await turns(12);
  t.equal(summary(events(), 2).at(-1), 'length');
  loads[2]!.end();
  await turns(12);
  t.equal(summary(events(), 3).at(-1), 'length');
});
