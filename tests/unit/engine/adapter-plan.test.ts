import t from 'tap';
import { planAdapters, type ResidentView } from '../../../src/engine/process/adapter-plan.js';

type State = [digest: string, holders: number, usedAt: number, state?: ResidentView['state']] | null;

const bank = (...states: State[]) =>
  states.map((entry, slot): ResidentView | null => {
    if (!entry) return null;
    const [digest, holders, usedAt, state = 'ready'] = entry;
    return { slot, digest, state, holders, usedAt };
  });
const waiting = (...adapters: (string | null)[]) => adapters.map((adapter) => ({ adapter }));
const plan = (adapters: (string | null)[], residents: (ResidentView | null)[], lookAhead = 8) => {
  const { loads, draining } = planAdapters(waiting(...adapters), residents, lookAhead);
  return { loads: loads.map(({ digest, slot }) => `${digest}>${slot}`), draining: [...draining] };
};

t.test('what is there, or on its way, is not loaded again', async (t) => {
  t.same(plan(['a', 'b', null, 'a'], bank(['a', 0, 1], ['b', 0, 0, 'loading'], null)), { loads: [], draining: [] });
});

t.test('adapters are loaded once each, in the order of the queue, into empty slots first', async (t) => {
  t.same(plan(['x', 'y', 'x'], bank(['a', 0, 1], null, null)).loads, ['x>1', 'y>2']);
});

t.test('then the adapter that was used longest ago makes room', async (t) => {
  t.same(plan(['x'], bank(['a', 0, 5], ['b', 0, 3], ['c', 0, 4])).loads, ['x>1']);
});

t.test('adapters that run, load or are needed by a request before stay', async (t) => {
  const residents = bank(['a', 0, 1], ['b', 1, 2], ['c', 0, 3, 'loading'], ['d', 0, 4]);
  t.same(plan(['a', 'x'], residents).loads, ['x>3']);
});

t.test('an adapter that somebody needs later goes only when no other can, the latest first', async (t) => {
  t.same(plan(['x', 'a'], bank(['a', 0, 1], ['b', 0, 9])).loads, ['x>1']);
  t.same(plan(['x', 'a', 'b'], bank(['a', 0, 1], ['b', 0, 9])).loads, ['x>1']);
});

t.test('only the first of the waiting are considered', async (t) => {
  t.same(plan([null, 'x', 'y'], bank(null, null), 2).loads, ['x>0']);
});

t.test('where all slots are in use the adapter with the fewest running requests drains', async (t) => {
  t.same(plan(['x'], bank(['a', 3, 1], ['b', 1, 2], ['c', 2, 3])), { loads: [], draining: ['b'] });
});

t.test('one adapter drains at a time, so that the others go on being shared', async (t) => {
  t.same(plan(['x', 'y', 'z'], bank(['a', 3, 1], ['b', 1, 2], ['c', 2, 3])), { loads: [], draining: ['b'] });
});

t.test('what is needed by a request before does not drain', async (t) => {
  t.same(plan(['b', 'x'], bank(['a', 3, 1], ['b', 1, 2])).draining, ['a']);
  t.same(plan(['b', 'x'], bank(['b', 1, 2])).draining, []);
});

t.test('an adapter on its way in that is needed later will make room, so nothing in use has to drain', async (t) => {
  t.same(plan(['x', 'c'], bank(['a', 1, 1], ['c', 0, 3, 'loading'])), { loads: [], draining: ['c'] });
});
