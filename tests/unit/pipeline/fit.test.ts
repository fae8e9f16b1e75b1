import fc from 'fast-check';
import t from 'tap';
import { evidenceBudget, fitPassages } from '../../../src/pipeline/fit.js';
import { passage } from '../../http/fakes.js';

t.test('the lowest scores go first, and the rest keeps its order', async (t) => {
  const costed = [0.5, 0.9, 0.7].map((score, i) => ({ passage: passage('abc'[i]!, '', score), tokens: 30 }));
  const split = (budget: number) => {
    const { kept, leftOut } = fitPassages(costed, budget);
    return [kept.map(({ id }) => id).join(''), leftOut.map(({ id }) => id).join('')];
  };
  t.same(split(90), ['abc', '']);
  t.same(split(89), ['bc', 'a']);
  t.same(split(30), ['b', 'ac']);
  t.same(split(29), ['', 'abc']);
  t.same(split(-5), ['', 'abc']);
});

t.test('what is kept fits, and beats everything that was dropped', async () => {
  const anyPassage = fc
    .record({ id: fc.string(), score: fc.double({ min: -1, max: 1, noNaN: true }), tokens: fc.nat(200) })
    .map(({ id, score, tokens }) => ({ passage: passage(id, '', score), tokens }));
  fc.assert(
    fc.property(fc.array(anyPassage, { maxLength: 10 }), fc.integer({ min: -10, max: 1000 }), (costed, budget) => {
      const { kept, leftOut } = fitPassages(costed, budget);
      const cost = costed.filter((one) => kept.includes(one.passage)).reduce((sum, { tokens }) => sum + tokens, 0);
      const worstKept = Math.min(...kept.map(({ score }) => score));
      return (
        kept.length + leftOut.length === costed.length &&
        (kept.length === 0 || cost <= budget) &&
        leftOut.every(({ score }) => score <= worstKept)
      );
    }),
  );
});

t.test(
  'evidence gets what the answer leaves, never less than half of the room, never more than the policy says',
  async (t) => {
    t.equal(evidenceBudget(1900, 256, 1024), 1024);
    t.equal(evidenceBudget(1000, 256, 1024), 744);
    t.equal(evidenceBudget(1900, 1900, 1024), 950);
    t.equal(evidenceBudget(1900, 1800, 500), 500);
    t.equal(evidenceBudget(0, 256, 1024), 0);
  },
);
