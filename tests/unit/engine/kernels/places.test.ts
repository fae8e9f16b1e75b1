import fc from 'fast-check';
import t from 'tap';
import { closeGaps, findGap, type Places } from '../../../../src/engine/process/kernels/places.js';

t.test('an adapter lies in the smallest gap that holds it', async (t) => {
  const taken = [
    { first: 8, count: 2 },
    { first: 0, count: 1 },
    { first: 4, count: 2 },
  ];
  t.same(findGap(taken, 16, 1), { first: 6, count: 1 });
  t.same(findGap(taken, 16, 3), { first: 1, count: 3 });
  t.same(findGap(taken, 16, 4), { first: 10, count: 4 });
  t.equal(findGap(taken, 16, 7), null);
  t.same(findGap([], 3, 3), { first: 0, count: 3 });
  t.equal(findGap([], 0, 1), null);
});

t.test(
  'no two ever share a place, whatever comes and goes, and closing the gaps makes room for what was free',
  async (t) => {
    const step = fc.record({ slot: fc.nat(5), count: fc.integer({ min: 1, max: 8 }) });
    await fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const slots = new Map<number, Places>();
        let total = 6;
        const used = () => [...slots.values()].reduce((sum, { count }) => sum + count, 0);
        for (const { slot, count } of steps) {
          slots.delete(slot);
          let gap = findGap([...slots.values()], total, count);
          if (gap === null) {
            const moves = closeGaps([...slots.values()]);
            for (const [id, place] of slots) {
              const { first } = moves.find(({ from }) => from === place)!;
              if (first > place.first) throw new Error('it moved up');
              slots.set(id, { first, count: place.count });
            }
            total = Math.max(total, used() + count);
            gap = findGap([...slots.values()], total, count);
          }
          slots.set(slot, gap!);
          const owners = new Set(
            [...slots.values()].flatMap((p) => Array.from({ length: p.count }, (_, i) => p.first + i)),
          );
          if (owners.size !== used() || Math.max(...owners) >= total) throw new Error('places are shared');
        }
      }),
    );
    t.pass('for any order of coming and going');
  },
);
