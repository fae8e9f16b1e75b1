import t from 'tap';
import type { TokenEvent } from '../../../src/contracts/generator.js';
import { JobsInFlight } from '../../../src/engine/jobs-in-flight.js';
import type { Job } from '../../../src/engine/protocol.js';
import { AppError } from '../../../src/errors/app-error.js';
import { GREEDY, SETTINGS } from '../../fixtures/engine/engine.js';

const TIMINGS = { queueMs: 0, prefillMs: 0, decodeMs: 0, firstTokenMs: null, adapterLoadMs: 0 };
const STARTED: TokenEvent = { type: 'started', promptTokens: 1, cachedTokens: 0 };
const FINISHED = { type: 'finished', reason: 'stop', promptTokens: 1, completionTokens: 1, timings: TIMINGS } as const;

function setUp(settings = {}) {
  const aborted: number[] = [];
  const limits = { ...SETTINGS, slots: 1, reservedSlots: 1, maxQueued: 4, ...settings };
  const jobs = new JobsInFlight(limits, { now: () => 0, monotonicMs: () => 0 }, (id) => aborted.push(id));
  const accept = (tenant: string, text = 'a question') => {
    const { id, events } = jobs.accept({ tenant, prompt: { kind: 'text', text }, grammar: null });
    const seen = (async () => {
      const types: string[] = [];
      for await (const { type } of events) types.push(type);
      return types;
    })();
    seen.catch(() => {});
    return { id, seen };
  };
  const jobOf = (id: number, tenant: string): Job => ({
    id,
    tenant,
    audience: '',
    deployment: 'assistant',
    priority: 'interactive',
    promptIds: Int32Array.of(7),
    passages: [],
    hole: null,
    begunTokens: 0,
    adapter: null,
    sampling: GREEDY,
    maxTokens: 1,
    stop: [],
    topLogprobs: null,
    grammar: null,
  });
  return { jobs, accept, aborted, jobOf };
}

t.test('a flood of one tenant leaves room for the others', async (t) => {
  const { jobs, accept } = setUp();
  for (let n = 0; n < 4; n++) accept('flood');
  t.throws(() => accept('flood'), { code: 'queue_full', message: /4 requests/ });
  const { id, seen } = accept('other');
  jobs.deliver({ id, event: STARTED });
  jobs.deliver({ id, event: FINISHED });
  t.same(await seen, ['started', 'finished']);
});

t.test('in a full queue the newest of the longest gives way, unless it has begun', async (t) => {
  const { jobs, accept, aborted } = setUp();
  const flood = [accept('flood'), accept('flood'), accept('flood'), accept('flood')];
  for (const { id } of flood.slice(0, 2)) jobs.deliver({ id, event: STARTED });
  for (const tenant of ['a', 'b', 'c', 'd']) accept(tenant);
  t.same(aborted, [4, 3]);
  await t.rejects(flood[3]!.seen, { code: 'queue_full', retryAfterS: 1 });
  await t.rejects(flood[2]!.seen, { code: 'queue_full' });
  t.throws(() => accept('e'), { code: 'queue_full' }, 'what is answered gives way to nobody');
});

t.test('the bytes of prompts that wait are bounded', async (t) => {
  const { accept } = setUp({ maxQueuedBytes: 10_000 });
  accept('flood', 'x'.repeat(2000));
  t.throws(() => accept('flood', 'x'.repeat(2000)), { code: 'queue_full', message: /5000 bytes/ });
  accept('other', 'x'.repeat(2000));
});

t.test('only what was being answered is suspected when the engine dies', async (t) => {
  const { jobs, accept, jobOf } = setUp();
  for (let death = 1; death <= 2; death++) {
    const answered = accept('bank');
    const waiting = accept('shop');
    t.equal(jobs.send(jobOf(answered.id, 'bank')), true);
    t.equal(jobs.send(jobOf(waiting.id, 'shop')), true);
    jobs.deliver({ id: answered.id, event: STARTED });
    jobs.fail(new AppError('engine_unavailable', { reason: 'it died', retryAfterS: 1 }));
    await t.rejects(answered.seen, { code: 'engine_unavailable' });
    await t.rejects(waiting.seen, { code: 'engine_unavailable' });
  }
  t.throws(() => jobs.send(jobOf(accept('bank').id, 'bank')), { code: 'request_ends_engine' });
  t.equal(jobs.send(jobOf(accept('shop').id, 'shop')), true);
});

t.test('who leaves makes room', async (t) => {
  const { jobs, accept, jobOf } = setUp();
  const [first] = Array.from({ length: 4 }, () => accept('flood'));
  t.equal(jobs.leave(first!.id), true);
  t.equal(jobs.leave(first!.id), false);
  t.equal(jobs.send(jobOf(first!.id, 'flood')), false);
  accept('flood');
});
