import t from 'tap';
import { DraftControl, LONGEST_DRAFT } from '../../../src/engine/process/drafting.js';
import { plainCost } from '../../fixtures/engine/step-cost.js';

const COST = plainCost(2, 0.5);
const EVER = Number.POSITIVE_INFINITY;

t.test('starts optimistic', async (t) => {
  t.ok(new DraftControl().length(1, COST, EVER) > 0);
});

t.test('the more rows share a step, the less a draft pays', async (t) => {
  const control = new DraftControl();
  const lengths = [1, 2, 4, 8, 16, 32, 64].map((rows) => control.length(rows, COST, EVER));
  t.same(
    lengths,
    lengths.toSorted((a, b) => b - a),
  );
  t.equal(lengths.at(-1), 0);
});

t.test(
  'where further tokens cost nothing a draft is as long as it may be, where they cost all it is off',
  async (t) => {
    const control = new DraftControl();
    t.equal(control.length(8, plainCost(3, 0), EVER), LONGEST_DRAFT);
    t.equal(control.length(1, plainCost(0, 3), EVER), 0);
  },
);

t.test('tokens behind the first wrong one are no evidence', async (t) => {
  const after = (drafted: number, accepted: number) => {
    const control = new DraftControl();
    for (let i = 0; i < 5; i++) control.verified(drafted, accepted);
    return control.length(1, COST, EVER);
  };
  t.equal(after(8, 2), after(3, 2));
  t.ok(after(8, 8) > after(8, 2));
});

t.test('a draft ends where a step would get plainly dearer', async (t) => {
  const stairs = { ...COST, answersMs: (tokens: number) => (tokens <= 5 ? 30 : 60) };
  t.equal(new DraftControl().length(1, stairs, EVER), 4);
});
