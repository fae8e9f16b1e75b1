import t from 'tap';
import { PendingCalls } from '../../../src/retrieval/pending-calls.js';
import type { Method } from '../../../src/retrieval/protocol.js';

function setUp({ maxPendingCalls = 4, maxPendingBytes = 1e6, callTimeoutMs = 60_000 } = {}) {
  const sent: number[] = [];
  const aborted: number[] = [];
  const pending = new PendingCalls({ maxPendingCalls, maxPendingBytes, callTimeoutMs }, (id) => aborted.push(id));
  const call = (tenant: string, method: Method = 'search', text = '') =>
    pending.add<string>({ tenant, method, args: [tenant, text], signal: undefined }, (id) => sent.push(id));
  return { pending, call, sent, aborted };
}

t.test('calls are answered one by one, in any order', async (t) => {
  const { pending, call, sent } = setUp();
  const [first, second] = [call('bank'), call('bank')];
  t.same(sent, [1, 2]);
  pending.resolve(2, 'two');
  pending.reject(1, new Error('broken'));
  pending.resolve(7, 'nobody asked');
  t.equal(await second, 'two');
  await t.rejects(first, { message: 'broken' });
});

t.test('a flood of one tenant is refused, and the calls of others are answered', async (t) => {
  const { pending, call, sent } = setUp();
  const flood = [1, 2, 3].map(() => call('flood'));
  await t.rejects(flood[2]!, { code: 'queue_full', retryAfterS: 1 });
  const other = call('other');
  t.same(sent, [1, 2, 4], 'what is refused is not sent');
  for (const id of sent) pending.resolve(id, 'found');
  t.same(await Promise.all([...flood.slice(0, 2), other]), ['found', 'found', 'found']);
});

t.test('in a full queue the newest search of the longest queue ends, and the process is told', async (t) => {
  const { pending, call, aborted } = setUp();
  const [one, two] = [call('a'), call('a')];
  const others = [call('b'), call('c'), call('d')];
  await t.rejects(two, { code: 'queue_full' });
  t.same(aborted, [2]);
  pending.resolve(1, 'found');
  t.equal(await one, 'found');
  pending.rejectAll(new Error('down'));
  for (const other of others) await t.rejects(other, { message: 'down' });
});

t.test('what would be carried out all the same is not interrupted for another', async (t) => {
  const { pending, call, aborted } = setUp();
  const uploads = [call('a', 'createFile'), call('a', 'createFile')];
  const searches = [call('b'), call('c')];
  await t.rejects(call('d'), { code: 'queue_full' }, 'the queues that could give way are no longer than its own');
  t.same(aborted, []);
  pending.rejectAll(new Error('down'));
  for (const call of [...uploads, ...searches]) await t.rejects(call, { message: 'down' });
});

t.test('the bytes of texts and documents are bounded', async (t) => {
  const { call, pending } = setUp({ maxPendingCalls: 100, maxPendingBytes: 100_000 });
  const first = call('flood', 'embed', 'x'.repeat(20_000));
  await t.rejects(call('flood', 'embed', 'x'.repeat(20_000)), { code: 'queue_full', message: /50000 bytes/ });
  pending.resolve(1, 'done');
  t.equal(await first, 'done');
});

t.test('a call without an answer ends at its deadline', async (t) => {
  const { call, aborted } = setUp({ callTimeoutMs: 20 });
  await t.rejects(call('bank', 'getFile'), { code: 'deadline_exceeded', message: /20 ms/ });
  t.same(aborted, [1]);
});
