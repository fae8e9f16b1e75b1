import t from 'tap';
import { admit, type SlotView, schedule } from '../../../src/engine/process/scheduler.js';

const row = (id: number, promptTokens: number, cachedTokens: number, admission = id): SlotView => ({
  id,
  admission,
  promptTokens,
  cachedTokens,
});

t.test('an engine without requests is idle', async (t) => {
  t.same(schedule({ slots: [null, null], previous: 'decode' }, 64), { kind: 'idle' });
});

t.test('a prompt is prefilled in chunks, and the last one says so', async (t) => {
  const plan = (cached: number) => schedule({ slots: [null, row(7, 100, cached)], previous: 'prefill' }, 64);
  t.same(plan(0), { kind: 'prefill', slot: 1, id: 7, start: 0, tokens: 64, last: false });
  t.same(plan(64), { kind: 'prefill', slot: 1, id: 7, start: 64, tokens: 36, last: true });
});

t.test('the prompt that was admitted first is prefilled first, whatever its slot', async (t) => {
  const plan = schedule({ slots: [row(1, 10, 0, 9), row(2, 10, 0, 3)], previous: 'idle' }, 64);
  t.match(plan, { kind: 'prefill', id: 2, slot: 1 });
});

t.test('chunks and decode steps take turns, so an answer waits for one chunk at most', async (t) => {
  const slots = [row(1, 10, 12), row(2, 500, 64)];
  t.equal(schedule({ slots, previous: 'decode' }, 64).kind, 'prefill');
  t.equal(schedule({ slots, previous: 'prefill' }, 64).kind, 'decode');
});

t.test('free and prefilling slots between decoding ones run along as fillers at their own length', async (t) => {
  const slots = [null, row(1, 10, 12), null, row(2, 500, 64), row(3, 4, 4), null];
  t.same(schedule({ slots, previous: 'prefill' }, 64), {
    kind: 'decode',
    firstSlot: 1,
    rows: [
      { id: 1, position: 12 },
      { id: null, position: 0 },
      { id: null, position: 64 },
      { id: 3, position: 4 },
    ],
  });
});

t.test('the waiting get the lowest free slots in order of arrival', async (t) => {
  const waiting = [
    { id: 5, ready: true },
    { id: 6, ready: true },
    { id: 7, ready: true },
  ];
  t.same(admit(waiting, [row(1, 1, 1), null, row(2, 1, 1), null]), [
    { id: 5, slot: 1 },
    { id: 6, slot: 3 },
  ]);
});

t.test('a request whose adapter is being read lets others pass', async (t) => {
  const waiting = [
    { id: 5, ready: false },
    { id: 6, ready: true },
  ];
  t.same(admit(waiting, [null]), [{ id: 6, slot: 0 }]);
});
