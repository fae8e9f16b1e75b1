import t from 'tap';
import { planRetrieval } from '../../../src/pipeline/retrieve.js';

const on = { enabled: true, topK: 3, minScore: 0.2, budgetTokens: 500 };
const off = { ...on, enabled: false };
const wish = { enabled: true, storeIds: [], topK: null, minScore: null };

t.test('the policy of the deployment stands where the request says nothing', async (t) => {
  t.same(planRetrieval(on, null), { storeIds: [], topK: 3, minScore: 0.2 });
  t.equal(planRetrieval(off, null), null);
  t.same(planRetrieval(off, wish), { storeIds: [], topK: 3, minScore: 0.2 });
});

t.test('each wish of the request goes before it', async (t) => {
  t.equal(planRetrieval(on, { ...wish, enabled: false }), null);
  t.same(planRetrieval(on, { enabled: true, storeIds: ['a', 'b'], topK: 9, minScore: 0 }), {
    storeIds: ['a', 'b'],
    topK: 9,
    minScore: 0,
  });
});
