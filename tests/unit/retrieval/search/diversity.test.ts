import t from 'tap';
import { chooseDiverse } from '../../../../src/retrieval/search/diversity.js';

/** Two of one direction, then one of another, then one between them. */
const VECTORS = new Map([
  [1, Float32Array.of(1, 0)],
  [2, Float32Array.of(1, 0)],
  [3, Float32Array.of(0, 1)],
  [4, Float32Array.of(Math.SQRT1_2, Math.SQRT1_2)],
]);
const SCORED = [
  { label: 1, score: 0.4 },
  { label: 2, score: 0.38 },
  { label: 3, score: 0.1 },
  { label: 4, score: 0.09 },
];
const choose = (diversity: number, count = 2) => chooseDiverse(SCORED, VECTORS, count, diversity);

t.test(
  'without diversity the most relevant are chosen, and with some of it those that say something else',
  async (t) => {
    t.same(choose(0), [1, 2]);
    t.same(choose(0.1), [1, 2], 'a little does not make a bad passage a good one');
    t.same(choose(0.5), [1, 3]);
    t.same(choose(1, 3), [1, 3, 4]);
  },
);

t.test('the best is always there, and no more are chosen than there are', async (t) => {
  t.same(choose(1, 1), [1]);
  t.same(choose(0.5, 9).sort(), [1, 2, 3, 4]);
  t.same(chooseDiverse([], VECTORS, 3, 0.5), []);
});

t.test('how much relevance counts depends on the best one, and not on how sure any of them is', async (t) => {
  const unsure = SCORED.map(({ label, score }) => ({ label, score: score / 1000 }));
  for (const diversity of [0, 0.1, 0.5, 1]) {
    t.same(chooseDiverse(unsure, VECTORS, 3, diversity), choose(diversity, 3));
  }
  const hopeless = SCORED.map(({ label }) => ({ label, score: 0 }));
  t.same(chooseDiverse(hopeless, VECTORS, 2, 0.5), [1, 3]);
});

t.test('a passage that has gone meanwhile is like no other', async (t) => {
  t.same(chooseDiverse(SCORED, new Map([...VECTORS].filter(([label]) => label !== 2)), 2, 0.5), [1, 2]);
});
