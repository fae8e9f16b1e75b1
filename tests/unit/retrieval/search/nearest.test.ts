import t from 'tap';
import { Nearest } from '../../../../src/retrieval/search/nearest.js';
import { planSearch } from '../../../../src/retrieval/search/plan.js';

const vector = (...values: number[]) => Float32Array.from(values);

t.test('the best come first, and equal scores in the order of their labels', async (t) => {
  const nearest = new Nearest(vector(1, 0, 0, 0, 1), 3);
  for (const [label, value] of [
    [5, 0.5],
    [4, 0.25],
    [9, 0.5],
    [1, 0.0625],
    [2, 0.5],
    [3, 0.75],
  ] as const) {
    nearest.add(label, vector(value, 1, 1, 1, 0));
  }
  t.same(nearest.best, [
    { label: 3, score: 0.75 },
    { label: 2, score: 0.5 },
    { label: 5, score: 0.5 },
  ]);
});

t.test('what is no number is left out', async (t) => {
  const nearest = new Nearest(vector(1, 0), 3);
  nearest.add(1, vector(Number.POSITIVE_INFINITY, 0));
  nearest.add(2, vector(Number.NaN, 0));
  nearest.add(3, vector(0.5, 0));
  t.same(nearest.best, [{ label: 3, score: 0.5 }]);
});

t.test('small stores are compared whole', async (t) => {
  t.same(planSearch({ isRestricted: false, passages: 2000, tenantPassages: 1e6, topK: 5, exactLimit: 2000 }), {
    kind: 'exact',
  });
});

t.test('a large store is searched through the index', async (t) => {
  const plan = planSearch({ isRestricted: false, passages: 50_000, tenantPassages: 50_000, topK: 5, exactLimit: 2000 });
  t.same(plan, { kind: 'approximate', candidates: 26 });
});

t.test('of a store that is part of the tenant more candidates are asked for', async (t) => {
  const plan = planSearch({
    isRestricted: false,
    passages: 10_000,
    tenantPassages: 100_000,
    topK: 5,
    exactLimit: 2000,
  });
  t.same(plan, { kind: 'approximate', candidates: 116 });
});

t.test('a store that is a tiny part of the tenant is compared whole', async (t) => {
  t.same(planSearch({ isRestricted: false, passages: 3000, tenantPassages: 1e6, topK: 5, exactLimit: 2000 }), {
    kind: 'exact',
  });
});

t.test('where a caller may see a part alone, five times as much is compared whole', async (t) => {
  const scope = { isRestricted: true, tenantPassages: 1e5, topK: 5, exactLimit: 2000 };
  t.same(planSearch({ ...scope, passages: 10_000 }), { kind: 'exact' });
  t.match(planSearch({ ...scope, passages: 10_001 }), { kind: 'approximate' });
});
