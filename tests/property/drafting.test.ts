import fc from 'fast-check';
import t from 'tap';
import { DraftControl, LONGEST_DRAFT } from '../../src/engine/process/drafting.js';
import { plainCost } from '../fixtures/engine/step-cost.js';

const rowsOf = fc.integer({ min: 1, max: 16 });
const costOf = fc.record({
  fixedMs: fc.double({ min: 1, max: 10, noNaN: true }),
  tokenMs: fc.double({ min: 0.2, max: 3, noNaN: true }),
});

const linear = ({ fixedMs, tokenMs }: { fixedMs: number; tokenMs: number }) => plainCost(fixedMs, tokenMs);

t.test('a request whose drafts are never accepted loses little time, and next to none in the long run', async () => {
  fc.assert(
    fc.property(rowsOf, costOf, (rows, cost) => {
      const control = new DraftControl();
      const lost = (steps: number) => {
        let share = 0;
        for (let step = 0; step < steps; step++) {
          const drafted = control.length(rows, linear(cost), Number.POSITIVE_INFINITY);
          control.verified(drafted, 0);
          share += (drafted * rows * cost.tokenMs) / (cost.fixedMs + rows * cost.tokenMs);
        }
        return share;
      };
      // In steps of time: what it takes to find out, then a hundredth.
      return lost(40) <= 12 && lost(4000) <= 0.012 * 4000;
    }),
  );
});

t.test('where drafts are always accepted, drafting that was on stays on and grows', async () => {
  fc.assert(
    fc.property(rowsOf, costOf, (rows, cost) => {
      const control = new DraftControl();
      let length = control.length(rows, linear(cost), Number.POSITIVE_INFINITY);
      if (length === 0) return true;
      for (let step = 0; step < 100; step++) {
        control.verified(length, length);
        const next = control.length(rows, linear(cost), Number.POSITIVE_INFINITY);
        if (next < length) return false;
        length = next;
      }
      return length === LONGEST_DRAFT;
    }),
  );
});

t.test('drafting that failed is tried again after a while without', async () => {
  fc.assert(
    fc.property(rowsOf, costOf, (rows, cost) => {
      const control = new DraftControl();
      const initially = control.length(rows, linear(cost), Number.POSITIVE_INFINITY);
      for (let step = 0; step < 200; step++) control.verified(1, 0);
      for (let step = 0; step < 600; step++) control.verified(0, 0);
      return control.length(rows, linear(cost), Number.POSITIVE_INFINITY) === initially;
    }),
  );
});

t.test('no other length gives more tokens for the time, if all rows draft alike', async () => {
  const outcomesOf = fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(8)), { maxLength: 30 });
  fc.assert(
    fc.property(outcomesOf, rowsOf, costOf, (outcomes, rows, cost) => {
      const control = new DraftControl();
      let acceptance = 0.8;
      for (const [drafted, wanted] of outcomes) {
        const accepted = Math.min(drafted, wanted);
        control.verified(drafted, accepted);
        for (let i = 0; i < accepted; i++) acceptance += 0.15 * (1 - acceptance);
        if (accepted < drafted) acceptance -= 0.15 * acceptance;
      }
      const rate = (length: number) => {
        let tokens = 0;
        for (let i = 0; i <= length; i++) tokens += acceptance ** i;
        return tokens / (cost.fixedMs + rows * (1 + length) * cost.tokenMs);
      };
      const best = Math.max(...Array.from({ length: LONGEST_DRAFT + 1 }, (_, length) => rate(length)));
      return rate(control.length(rows, linear(cost), Number.POSITIVE_INFINITY)) > best * (1 - 1e-9);
    }),
    { numRuns: 1000 },
  );
});

t.test('a step with drafts never takes longer than it may', async () => {
  fc.assert(
    fc.property(rowsOf, costOf, fc.double({ min: 0, max: 60, noNaN: true }), (rows, cost, longestMs) => {
      const length = new DraftControl().length(rows, linear(cost), longestMs);
      return length === 0 || linear(cost).answersMs(rows * (1 + length)) <= longestMs;
    }),
  );
});
