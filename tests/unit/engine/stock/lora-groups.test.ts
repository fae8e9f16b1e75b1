import t from 'tap';
import { groupByAdapter } from '../../../../src/engine/process/stock/lora-groups.js';

t.test('a step without adapters has no groups, and every token gets the row of zeros', async (t) => {
  t.same(groupByAdapter([null, null], 1), { firstSlot: 0, slots: 0, places: 0, gather: [], back: [0, 0] });
});

t.test('rows are grouped by adapter over the range of bank slots in use', async (t) => {
  t.same(groupByAdapter([4, null, 2, 4], 1), {
    firstSlot: 2,
    slots: 3,
    places: 2,
    gather: [2, 0, 0, 0, 0, 3],
    back: [4, 6, 0, 5],
  });
});

t.test('a chunk of one row is one group', async (t) => {
  t.same(groupByAdapter([3], 3), { firstSlot: 3, slots: 1, places: 3, gather: [0, 1, 2], back: [0, 1, 2] });
});

t.test('a token without company has two places, so that company changes nothing for it', async (t) => {
  t.same(groupByAdapter([3], 1), { firstSlot: 3, slots: 1, places: 2, gather: [0, 0], back: [0] });
});

t.test(
  'where the bank can only be read from its first slot, the slots before the first used one are empty groups',
  async (t) => {
    t.same(groupByAdapter([2, null], 1, false), {
      firstSlot: 0,
      slots: 3,
      places: 2,
      gather: [0, 0, 0, 0, 0, 0],
      back: [4, 6],
    });
    t.same(groupByAdapter([null], 1, false), { firstSlot: 0, slots: 0, places: 0, gather: [], back: [0] });
  },
);
