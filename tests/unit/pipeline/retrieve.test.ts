import t from 'tap';
import { askedIn, planRetrieval } from '../../../src/pipeline/retrieve.js';

const on = { enabled: true, topK: 3, minScore: 0.2, budgetTokens: 500 };
const off = { ...on, enabled: false };
const wish = { enabled: true, storeIds: [], mode: null, filter: null, topK: null, minScore: null, diversity: null };
const plain = { storeIds: [], mode: 'hybrid', filter: null, topK: 3, minScore: 0.2, diversity: 0 };

t.test('the policy of the deployment stands where the request says nothing', async (t) => {
  t.same(planRetrieval(on, null), plain);
  t.equal(planRetrieval(off, null), null);
  t.same(planRetrieval(off, wish), plain);
});

t.test('each wish of the request goes before it', async (t) => {
  t.equal(planRetrieval(on, { ...wish, enabled: false }), null);
  t.same(
    planRetrieval(
      { ...on, diversity: 0.2 },
      { enabled: true, storeIds: ['a', 'b'], mode: 'lexical', filter: null, topK: 9, minScore: 0, diversity: 0.5 },
    ),
    { storeIds: ['a', 'b'], mode: 'lexical', filter: null, topK: 9, minScore: 0, diversity: 0.5 },
  );
});

t.test('a deployment may look for passages in another way than by both', async (t) => {
  t.match(planRetrieval({ ...on, mode: 'vector', diversity: 0.2 }, wish), { mode: 'vector', diversity: 0.2 });
  t.equal(planRetrieval({ ...on, mode: 'vector' }, { ...wish, mode: 'hybrid' })?.mode, 'hybrid');
});

t.test('of a conversation the last question is asked, with what was asked shortly before it', async (t) => {
  const user = (content: string) => ({ role: 'user' as const, content });
  const assistant = { role: 'assistant' as const, content: 'Yes.' };
  t.same(askedIn([user('When are you open?')]), { question: 'When are you open?', context: '' });
  t.same(askedIn([user('a'), user(' '), assistant, user('b'), assistant, user('c'), assistant, user('And d?')]), {
    question: 'And d?',
    context: 'b\nc',
  });
  t.equal(askedIn([user('x'.repeat(9000)), user('and y?')]).context.length, 512);
  t.same(askedIn([{ role: 'system', content: 'Only this.' }]), { question: 'Only this.', context: '' });
});
