import fc from 'fast-check';
import t from 'tap';
import { groupByAdapter } from '../../src/engine/process/stock/lora-groups.js';

t.test('each token comes back from its own place in the group of its adapter', async () => {
  const rowsOf = fc.array(fc.option(fc.nat(7)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(rowsOf, fc.integer({ min: 1, max: 5 }), (rows, tokensPerRow) => {
      const { firstSlot, slots, places, gather, back } = groupByAdapter(rows, tokensPerRow);
      const real = back.filter((place) => place < slots * places);
      return (
        new Set(real).size === real.length &&
        back.every((place, token) => {
          const adapter = rows[Math.floor(token / tokensPerRow)]!;
          if (adapter === null) return place === slots * places;
          return gather[place] === token && firstSlot + Math.floor(place / places) === adapter;
        })
      );
    }),
  );
});
