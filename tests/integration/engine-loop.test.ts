import t from 'tap';
import { loadConfig } from '../../src/config/load.js';
import type { AdapterRef } from '../../src/contracts/adapter.js';
import { EngineLoop } from '../../src/engine/process/loop.js';
import { createScratch } from '../../src/engine/process/sampler.js';
import { plainScan } from '../../src/engine/process/vocabulary-scan.js';
import type { EngineSettings, FromEngine, Job, JobEvent } from '../../src/engine/protocol.js';
import { writeAdapter } from '../fixtures/engine/adapters.js';
import { ChainModel, VOCAB_SIZE, vocabulary } from '../fixtures/engine/chain-model.js';
import { GREEDY, SETTINGS } from '../fixtures/engine/engine.js';
import { compileHere } from '../fixtures/engine/grammar.js';
import { plainCost } from '../fixtures/engine/step-cost.js';
import { SHAPE } from '../unit/model-import/peft-fixture.js';

t.setTimeout(60_000);
const base = { baseDigest: 'b'.repeat(64), shape: SHAPE };
const folder = t.testdir();
const [X, Y] = [1, 2].map((seed) => writeAdapter(folder, base, { seed })) as [AdapterRef, AdapterRef];

/** A loop over a model that answers `a`, until `logits` says otherwise; the model records what it was asked to run. */
function harness(changes: Partial<EngineSettings> = {}, places: number | null = null) {
  const settings = { ...SETTINGS, slots: 2, reservedSlots: 0, stepMs: 4.5, idleStepMs: 8, ...changes };
  const messages: Extract<FromEngine, { type: 'step' }>[] = [];
  const model = new ChainModel(settings, places);
  const hooks = { logits: (_position: number) => logitsOf(1) };
  const run = model.run.bind(model);
  model.run = (segments) =>
    run(segments).map((rows, i) => {
      const { start, ids } = segments[i]!;
      return rows.map((_, row) => hooks.logits(start + ids.length - rows.length + row));
    });
  let nowMs = 0;
  const loop = new EngineLoop({
    settings,
    base,
    runner: model,
    compile: compileHere(vocabulary, VOCAB_SIZE),
    cost: plainCost(0.01, 0.001),
    context: {
      vocabulary,
      eosIds: new Set([0]),
      scratch: createScratch(VOCAB_SIZE, plainScan),
      monotonicMs: () => nowMs++,
      randomSeed: () => 1,
    },
    send: (message) => {
      if (message.type === 'step') messages.push(message);
    },
  });
  const events = (): JobEvent[] => messages.flatMap((message) => message.events);
  const observations = () => messages.flatMap((message) => message.observations);
  return { loop, model, runs: model.runs, messages, hooks, events, observations };
}

const logitsOf = (token: number) => Float32Array.from({ length: VOCAB_SIZE }, (_, id) => Number(id === token));
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
/** Adapters are read from the disk, which takes as many turns as it takes. */
const until = async (condition: () => boolean) => {
  while (!condition()) await turns(1);
};

const job = (id: number, rest: Partial<Job> = {}): Job => ({
  id,
  tenant: 'test',
  audience: '',
  deployment: 'assistant',
  priority: 'interactive',
  promptIds: Int32Array.of(1, 2, 3),
  passages: [],
  adapter: null,
  sampling: GREEDY,
  maxTokens: 3,
  stop: [],
  hole: null,
  begunTokens: 0,
  topLogprobs: null,
  grammar: null,
  ...rest,
});
const summary = (events: JobEvent[], id: number) =>
  events
    .filter((message) => message.id === id)
    .map((message) => {
      if ('error' in message) return message.error.code;
      const { event } = message;
      return event.type === 'delta' ? event.text : event.type === 'finished' ? event.reason : event.type;
    });
const isOver = (events: JobEvent[], id: number) => summary(events, id).at(-1) === 'length';
/** Ids in the order in which their answers began. */
const started = (events: JobEvent[]) =>
  events.flatMap((message) => ('event' in message && message.event.type === 'started' ? [message.id] : []));

t.test('a job starts, speaks token by token and finishes; then the loop rests', async (t) => {
  const { loop, runs, events, messages } = harness();
  loop.submit(job(1));
  await turns(10);
  t.same(summary(events(), 1), ['started', 'a', 'a', 'a', 'length']);
  t.same(runs, [
    [{ slot: 0, start: 0, ids: [1, 2, 3], adapterSlot: null, logits: 1 }],
    [{ slot: 0, start: 3, ids: [1], adapterSlot: null, logits: 1 }],
    [{ slot: 0, start: 4, ids: [1], adapterSlot: null, logits: 1 }],
  ]);
  t.match(messages.at(-1), { gauges: { slotsInUse: 0, queued: 0 } });
});

t.test('the end token ends an answer and is counted', async (t) => {
  const { loop, hooks, events } = harness();
  hooks.logits = () => logitsOf(0);
  loop.submit(job(1));
  await turns(5);
  t.same(summary(events(), 1), ['started', '', 'stop']);
  t.match(events().at(-1), { event: { completionTokens: 1 } });
});

t.test('an abort that arrives during a step frees the slot before the next one', async (t) => {
  const { loop, model, runs, messages, events } = harness({ slots: 1 });
  loop.submit(job(1, { maxTokens: 100 }));
  loop.submit(job(2));
  model.beforeRun = () => {
    // Messages are read between steps: this one is read after the third.
    if (runs.length === 2) setImmediate(() => loop.abort(1));
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

t.test('what is computed of a prompt stays when its client hangs up before the end', async (t) => {
  const { loop, observations, runs } = harness({ idleStepMs: 25 }, 8);
  const promptIds = Int32Array.from({ length: 100 }, (_, i) => 1 + (i % 7));
  loop.submit(job(1, { promptIds }));
  while (runs.length < 2) await turns(1);
  loop.abort(1);
  loop.submit(job(2, { promptIds }));
  await turns(10);
  const prefixes = observations().flatMap((seen) => (seen.type === 'prefix' ? [seen.hitTokens] : []));
  const computed = runs[0]![0]!.ids.length + runs[1]![0]!.ids.length;
  t.ok(computed >= 32 && computed < 100, `${computed} tokens were computed`);
  t.same(prefixes, [0, Math.floor(computed / 16) * 16]);
});

t.test('the first tokens spell what is written of the answer, which is not shown again', async (t) => {
  const { loop, hooks, events } = harness();
  hooks.logits = () => Float32Array.from({ length: VOCAB_SIZE }, (_, id) => (id === 1 ? 2 : id === 2 ? 1 : 0));
  loop.submit(job(1, { promptIds: Int32Array.of(1, 2, 3, 2), begunTokens: 1, topLogprobs: 0 }));
  await turns(10);
  t.same(summary(events(), 1), ['started', '', 'a', 'a', 'length']);
  const ids = events().flatMap((message) =>
    'event' in message && message.event.type === 'delta' ? message.event.logprobs.map(({ id }) => id) : [],
  );
  t.same(ids, [1, 1], 'tokens that show nothing are not described');
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

t.test('while a long prompt is computed, answers go on in the same steps', async (t) => {
  const { loop, runs, observations } = harness();
  loop.submit(job(1, { maxTokens: 20 }));
  await turns(3);
  loop.submit(job(2, { promptIds: new Int32Array(10).fill(1) }));
  const before = runs.length;
  await turns(6);
  t.same(
    runs.slice(before, before + 4).map((segments) => segments.map(({ ids, logits }) => [ids.length, logits])),
    [
      [
        [1, 1],
        [4, 0],
      ],
      [
        [1, 1],
        [4, 0],
      ],
      [
        [1, 1],
        [2, 1],
      ],
      [
        [1, 1],
        [1, 1],
      ],
    ],
  );
  t.match(observations().slice(before, before + 4), [
    { kind: 'mixed', rows: 2, tokens: 5 },
    { kind: 'mixed', rows: 2, tokens: 5 },
    { kind: 'mixed', rows: 2, tokens: 3 },
    { kind: 'decode', rows: 2, tokens: 2 },
  ]);
});

t.test('logits that are not finite end their own row only', async (t) => {
  const { loop, hooks, events } = harness();
  let calls = 0;
  hooks.logits = () => (calls++ === 0 ? new Float32Array(VOCAB_SIZE).fill(Number.NaN) : logitsOf(1));
  loop.submit(job(1));
  loop.submit(job(2));
  await turns(10);
  t.same(summary(events(), 1), ['started', 'generation_failed']);
  t.same(summary(events(), 2), ['started', 'a', 'a', 'a', 'length']);
});

t.test('a job waits for its adapter, others pass meanwhile, and it runs with the slot of its adapter', async (t) => {
  const { loop, runs, events, messages, observations } = harness();
  loop.submit(job(1, { adapter: X }));
  loop.submit(job(2));
  await until(() => isOver(events(), 1));
  t.same(started(events()), [2, 1]);
  t.match(runs.at(-1), [{ adapterSlot: 0 }]);
  t.same(messages.at(-1)!.gauges.adaptersResident, [X.digest]);
  t.equal(observations().filter(({ type }) => type === 'adapter_load').length, 1);
  const finished = events().at(-1)!;
  t.ok('event' in finished && finished.event.type === 'finished' && finished.event.timings.adapterLoadMs > 0);
});

t.test(
  'an adapter that cannot be loaded fails its jobs with the reason, and is tried again for the next',
  async (t) => {
    const { loop, events } = harness();
    const broken = { ...X, name: 'broken', digest: 'f'.repeat(64) };
    loop.submit(job(1, { adapter: broken }));
    loop.submit(job(2, { adapter: broken }));
    await until(() => events().length === 2);
    for (const id of [1, 2]) t.same(summary(events(), id), ['adapter_load_failed']);
    t.match(events()[0], { error: { params: { adapter: 'broken@1', reason: /digest is .*, expected f+/ } } });
    loop.submit(job(3, { adapter: { ...X, name: 'broken' } }));
    await until(() => isOver(events(), 3));
  },
);

t.test('who waits for room in the bank is not overtaken by other adapters, only by jobs without one', async (t) => {
  const { loop, events } = harness({ adapterSlots: 1 });
  loop.submit(job(1, { adapter: X, maxTokens: 8 }));
  await until(() => started(events()).length === 1);
  loop.submit(job(2, { adapter: Y }));
  loop.submit(job(3, { adapter: X }));
  loop.submit(job(4));
  await until(() => isOver(events(), 3));
  t.same(started(events()), [1, 4, 2, 3]);
  for (const id of [1, 2, 3, 4]) t.ok(isOver(events(), id), `job ${id}`);
});

t.test('the reserved slot goes to a tenant that has none, and batch jobs wait for all others', async (t) => {
  const { loop, events, messages } = harness({ slots: 1, reservedSlots: 1 });
  loop.submit(job(1, { maxTokens: 12 }));
  loop.submit(job(2, { tenant: 'patient', priority: 'batch' }));
  loop.submit(job(3));
  await turns(3);
  loop.submit(job(4, { tenant: 'newcomer' }));
  await until(() => isOver(events(), 2));
  t.same(started(events()), [1, 4, 3, 2]);
  t.equal(Math.max(...messages.map(({ gauges }) => gauges.slotsInUse)), 2);
});

t.test(
  'beside any flood, with an adapter for each request, a newcomer with an adapter of its own starts at once',
  async (t) => {
    const { slots, reservedSlots, adapterSlots } = loadConfig({ env: {}, cwd: folder }).engine;
    const shipped = { slots, reservedSlots, adapterSlots };
    const many = Array.from({ length: 24 }, (_, seed) => writeAdapter(folder, base, { seed: 100 + seed }));
    for (const priority of ['batch', 'interactive'] as const) {
      const { loop, events, messages } = harness({ ...shipped, contextTokens: 512 });
      const flood = { tenant: 'flood', priority, maxTokens: 400 };
      for (let id = 0; id < 20; id++) loop.submit(job(id, { ...flood, adapter: many[id]! }));
      const others = priority === 'batch' ? [20, 21, 22] : [20];
      await until(() => messages.at(-1)?.gauges.slotsInUse === (priority === 'batch' ? 6 : slots));
      for (const id of others) loop.submit(job(id, { tenant: `newcomer ${id}`, adapter: many[id]!, maxTokens: 100 }));
      await until(() => others.every((id) => started(events()).includes(id)) || isOver(events(), 0));
      t.notOk(isOver(events(), 0), `nobody waited for the end of an answer (${priority})`);
    }
  },
);

t.test(
  'a prompt that begins like an earlier one of its tenant, audience and adapter is computed from there on',
  async (t) => {
    const { loop, runs, events, observations } = harness({ idleStepMs: 64 }, 16);
    const promptIds = Int32Array.from({ length: 40 }, (_, i) => 1 + ((i * i) % 7));
    const firstTokens: number[] = [];
    const ask = async (id: number, rest: Partial<Job> = {}) => {
      const before = runs.length;
      loop.submit(job(id, { promptIds, maxTokens: 1, ...rest }));
      await until(() => isOver(events(), id));
      firstTokens.push(runs[before]![0]!.start);
    };
    await ask(1);
    await ask(2);
    await ask(3, { promptIds: promptIds.with(20, 7) });
    await ask(4, { tenant: 'other' });
    await ask(5, { audience: 'hr' });
    await ask(6, { adapter: X });
    await ask(7, { promptIds: promptIds.subarray(0, 32) });
    t.same(firstTokens, [0, 32, 16, 0, 0, 0, 16], 'whole blocks of 16, and one token at least is left to compute');
    t.same(
      observations().flatMap((seen) => (seen.type === 'prefix' ? [[seen.lookupTokens, seen.hitTokens]] : [])),
      [
        [40, 0],
        [40, 32],
        [40, 16],
        [40, 0],
        [40, 0],
        [40, 0],
        [32, 16],
      ],
    );
  },
);

t.test(
  'drafted tokens that prove right come out of one step, those behind a wrong one are computed again',
  async (t) => {
    const { loop, hooks, runs, events, observations } = harness({ slots: 1, idleStepMs: 64 }, 0);
    const answer = [1, 2, 3, 4, 5, 6, 5, 4];
    hooks.logits = (position) => logitsOf(answer[position - 12]!);
    // "abcde" is known; after it comes "g" in the prompt, "f" in the answer.
    loop.submit(job(1, { promptIds: Int32Array.of(1, 2, 3, 4, 5, 7, 1, 2, 3, 4, 5, 7, 7), maxTokens: 8 }));
    await until(() => isOver(events(), 1));
    t.equal(summary(events(), 1).slice(1, -1).join(''), 'abcdefed');
    const steps = observations().flatMap((seen) => (seen.type === 'step' ? [seen] : []));
    const [drafted, accepted] = (['drafted', 'accepted'] as const).map((key) =>
      steps.reduce((sum, step) => sum + step[key], 0),
    );
    t.ok(accepted! > 0 && accepted! < drafted!, `${accepted} of ${drafted} were accepted`);
    t.equal(steps.length, 8 - accepted!);
    // Each step goes on behind what was accepted.
    const starts = runs.slice(1).map(([segment]) => segment!.start - 13);
    const lengths = steps.slice(1).map((step) => 1 + step.accepted);
    t.same(
      starts,
      lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0)),
    );
  },
);
