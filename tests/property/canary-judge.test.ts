import fc from 'fast-check';
import t from 'tap';
import { matchBlocks, type Observation } from '../../src/canary/matched-blocks.js';
import { greatestWealth } from '../../src/canary/wealth.js';
import { createRandom } from '../../src/engine/process/random.js';

const observation: fc.Arbitrary<Observation> = fc.record({
  arm: fc.constantFrom('stable' as const, 'canary' as const),
  stratum: fc.constantFrom(null, 0, 1),
  value: fc.double({ min: 0, max: 1, noNaN: true }),
});

t.test(
  'every block has both arms and exactly one of one of them, all of one stratum, and none is used twice',
  async (t) => {
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(fc.array(observation, { maxLength: 60 }), (list) => {
          const marked = list.map((o, index) => ({ ...o, value: index }));
          const used = new Set<number>();
          return matchBlocks(marked).every(({ canary, stable }) => {
            const all = [...canary, ...stable];
            const isNew = all.every((index) => !used.has(index));
            for (const index of all) used.add(index);
            return (
              isNew &&
              Math.min(canary.length, stable.length) === 1 &&
              new Set(all.map((i) => list[i]!.stratum)).size === 1
            );
          });
        }),
      ),
    );
  },
);

t.test('later answers change no block of before', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 60 }), fc.nat(60), (list, cut) => {
        const before = matchBlocks(list.slice(0, cut));
        const after = matchBlocks(list);
        return JSON.stringify(after.slice(0, before.length)) === JSON.stringify(before);
      }),
    ),
  );
});

t.test('who bets on a fair coin ever holds 20 times as much in fewer than one of 20 games', async (t) => {
  // 2,000 games of 1,000 tosses: the bound allows 100, and a bet that cheats would have far more.
  const random = createRandom(7);
  let lucky = 0;
  for (let game = 0; game < 2000; game++) {
    const gains = Array.from({ length: 1000 }, () => (random() < 0.5 ? 0.5 : -0.5));
    if (greatestWealth(gains, 0.5) >= 20) lucky++;
  }
  t.ok(lucky <= 100, `${lucky} of 2000`);
  t.ok(lucky > 0, 'and the bets are not idle');
});

t.test('who bets on what is really so grows rich, and never holds more than can be counted', async (t) => {
  const gains = Array.from({ length: 10_000 }, (_, n) => (n % 3 === 0 ? -0.5 : 0.5));
  t.ok(greatestWealth(gains.slice(0, 200), 0.5) > 1000);
  t.ok(Number.isFinite(greatestWealth(gains, 0.5)));
});
