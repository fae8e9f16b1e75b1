import fc from 'fast-check';
import t from 'tap';
import { fitPassages } from '../../../src/pipeline/fit.js';
import { passage } from '../../http/fakes.js';

const titleTokens = () => 4;

t.test('the lowest scores go first, and the rest keeps its order', async (t) => {
  // 20 tokens of text, 4 of title and 6 around them: 30 each.
  const passages = [passage('a', '', 0.5), passage('b', '', 0.9), passage('c', '', 0.7)];
  const kept = (budget: number) => fitPassages(passages, budget, titleTokens).map(({ id }) => id);
  t.same(kept(90), ['a', 'b', 'c']);
  t.same(kept(89), ['b', 'c']);
  t.same(kept(30), ['b']);
  t.same(kept(29), []);
  t.same(kept(-5), []);
});

t.test('what is kept fits, and beats everything that was dropped', async () => {
  const anyPassage = fc
    .record({ id: fc.string(), score: fc.double({ min: -1, max: 1, noNaN: true }), tokens: fc.nat(200) })
    .map(({ id, score, tokens }) => ({ ...passage(id, '', score), tokens }));
  fc.assert(
    fc.property(fc.array(anyPassage, { maxLength: 10 }), fc.integer({ min: -10, max: 1000 }), (passages, budget) => {
      const kept = fitPassages(passages, budget, titleTokens);
      const cost = kept.reduce((sum, { tokens }) => sum + tokens + 10, 0);
      const dropped = passages.filter((candidate) => !kept.includes(candidate));
      const worstKept = Math.min(...kept.map(({ score }) => score));
      return (kept.length === 0 || cost <= budget) && dropped.every(({ score }) => score <= worstKept);
    }),
  );
});
