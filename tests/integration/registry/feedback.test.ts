import t from 'tap';
import type { Feedback, TrainingExample } from '../../../src/contracts/registry.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { dataPolicy } from '../../fixtures/data-policy.js';
import { openTestRegistry } from './open.js';

const bank = { tenant: 'bank', keyId: 'key_1' };
const correction = (answer: string) => ({ messages: [{ role: 'user' as const, content: 'What is the fee?' }], answer });
const opinion = (answerId: string, change: Partial<Feedback> = {}): Feedback => ({
  answerId,
  rating: null,
  score: null,
  categories: [],
  comment: null,
  correction: null,
  ...change,
});

async function open(dataDir: string, ids: readonly string[] = ['a1']) {
  const registry = await openTestRegistry(dataDir);
  for (const id of ['bank', 'copilot']) await registry.createTenant({ id, name: id });
  for (const [index, id] of ids.entries()) await registry.recordAnswer(answerRecord({ id, createdAt: index }));
  return registry;
}

const all = async (examples: AsyncIterable<TrainingExample>) => {
  const list: TrainingExample[] = [];
  for await (const one of examples) list.push(one);
  return list;
};

t.test('an opinion says something, within its limits', async (t) => {
  const registry = await open(t.testdir({}));
  t.teardown(() => registry.close());
  await t.rejects(registry.addFeedback(bank, opinion('a1')), { code: 'invalid_value', params: { param: 'rating' } });
  await t.rejects(registry.addFeedback(bank, opinion('a1', { score: 1.5 })), {
    code: 'invalid_value',
    params: { param: 'score' },
  });
  const first = await registry.addFeedback(bank, opinion('a1', { score: 0.25, categories: ['wrong', 'wrong'] }));
  t.equal(first.isFirst, false, 'nothing was rated');
  t.equal((await registry.addFeedback(bank, opinion('a1', { rating: 'down' }))).isFirst, true);
  for (const rating of ['down', 'up'] as const) {
    t.equal((await registry.addFeedback(bank, opinion('a1', { rating }))).isFirst, false, 'one caller counts once');
  }
  const other = { ...bank, keyId: 'key_2' };
  t.equal((await registry.addFeedback(other, opinion('a1', { rating: 'up' }))).isFirst, true, 'another counts too');
});

t.test('a correction is kept only where the tenant consents, and what it corrects is named', async (t) => {
  const registry = await open(t.testdir({}));
  t.teardown(() => registry.close());
  const corrected = opinion('a1', { correction: correction('£5.') });
  await t.rejects(registry.addFeedback(bank, corrected), { code: 'consent_missing' });
  await t.rejects(all(registry.trainingExamples('bank')), { code: 'consent_missing' });
  await registry.putDataPolicy('bank', dataPolicy({ trainingConsent: true }));
  const answered = { messages: [{ role: 'assistant' as const, content: 'x' }], answer: 'y' };
  await t.rejects(registry.addFeedback(bank, opinion('a1', { correction: answered })), {
    code: 'invalid_value',
    params: { param: 'messages' },
  });
  await registry.addFeedback(bank, corrected);
  t.match(await all(registry.trainingExamples('bank')), [
    {
      ...correction('£5.'),
      answerId: 'a1',
      adapter: 'support@1',
      documents: ['f1'],
      author: 'key_1',
      reviewer: null,
      labelSchema: 1,
    },
  ]);
  await t.rejects(all(registry.trainingExamples('copilot')), { code: 'consent_missing' });
});

t.test('the queue holds what a person should look at, with the reasons, until somebody has', async (t) => {
  const registry = await open(t.testdir({}), ['fine', 'low', 'down', 'refused', 'corrected']);
  t.teardown(() => registry.close());
  await registry.putDataPolicy('bank', dataPolicy({ trainingConsent: true }));
  await registry.recordSignals(answerSignals({ answerId: 'fine' }));
  await registry.recordSignals(answerSignals({ answerId: 'low', groundedness: 0.2 }));
  await registry.recordSignals(
    answerSignals({ answerId: 'refused', groundedness: null, refused: true, topScore: 0.9 }),
  );
  await registry.addFeedback(bank, opinion('down', { rating: 'down', comment: 'Wrong fee.' }));
  await registry.addFeedback(bank, opinion('corrected', { rating: 'down', correction: correction('£5.') }));

  const queue = await registry.listReviews('bank', { reason: null, limit: 10 });
  t.match(queue, [
    { answerId: 'corrected', reasons: ['thumbs_down', 'correction'], corrections: [correction('£5.')] },
    { answerId: 'refused', reasons: ['refused_with_evidence'], refused: true, topScore: 0.9 },
    { answerId: 'down', reasons: ['thumbs_down'], comments: ['Wrong fee.'], groundedness: null },
    { answerId: 'low', reasons: ['low_groundedness'], groundedness: 0.2 },
  ]);
  t.equal(queue.length, 4);
  t.match(await registry.listReviews('bank', { reason: 'low_groundedness', limit: 10 }), [{ answerId: 'low' }]);
  t.equal((await registry.listReviews('bank', { reason: null, limit: 2 })).length, 2);
  t.same(await registry.listReviews('copilot', { reason: null, limit: 10 }), []);

  const review = { verdict: 'accepted', labels: ['wrong'], note: null, correction: null } as const;
  await registry.putReview(bank, 'low', review);
  t.equal((await registry.listReviews('bank', { reason: 'low_groundedness', limit: 10 })).length, 0);
  await t.rejects(registry.putReview({ tenant: 'copilot', keyId: 'k' }, 'down', review), { code: 'not_found' });
  await t.rejects(registry.putReview(bank, 'down', { ...review, verdict: 'corrected' }), {
    code: 'invalid_value',
    params: { param: 'correction' },
  });
});

t.test("a reviewer's correction goes before the user's, and what was rejected teaches nothing", async (t) => {
  const registry = await open(t.testdir({}), ['a1', 'a2', 'a3']);
  t.teardown(() => registry.close());
  await registry.putDataPolicy('bank', dataPolicy({ trainingConsent: true }));
  for (const id of ['a1', 'a2', 'a3']) {
    await registry.addFeedback(bank, opinion(id, { correction: correction(`user ${id}`), categories: ['wrong'] }));
  }
  const reviewer = { tenant: 'bank', keyId: 'key_r' };
  await registry.putReview(reviewer, 'a1', {
    verdict: 'corrected',
    labels: ['incomplete'],
    note: null,
    correction: correction('reviewer a1'),
  });
  await registry.putReview(reviewer, 'a2', { verdict: 'rejected', labels: [], note: 'not so', correction: null });
  t.match(await all(registry.trainingExamples('bank')), [
    { answerId: 'a1', answer: 'reviewer a1', author: 'key_r', reviewer: 'key_r', labels: ['incomplete'] },
    { answerId: 'a3', answer: 'user a3', author: 'key_1', reviewer: null, labels: ['wrong'] },
  ]);
});

t.test('records go by age, by number and by user, with all that was said about them', async (t) => {
  const day = 24 * 3600 * 1000;
  const registry = await open(t.testdir({}), []);
  t.teardown(() => registry.close());
  const now = 1_000;
  for (let n = 0; n < 6; n++) {
    await registry.recordAnswer(answerRecord({ id: `a${n}`, createdAt: now - n * day }), n % 2 ? 'anna' : null);
    await registry.recordSignals(answerSignals({ answerId: `a${n}` }));
  }
  await registry.recordAnswer(answerRecord({ id: 'other', tenant: 'copilot', createdAt: now - 100 * day }), 'anna');
  await registry.addFeedback(bank, opinion('a5', { rating: 'up' }));
  const defaults = { retentionDays: 365, maxAnswers: 100 };
  t.equal(await registry.expireAnswers(defaults), 0);
  await registry.putDataPolicy('bank', dataPolicy({ retentionDays: 4, maxAnswers: 3 }));
  t.equal(
    await registry.expireAnswers({ ...defaults, retentionDays: 50 }),
    4,
    'two are too old, one too many, one of another tenant',
  );
  await registry.getAnswer('bank', 'a2');
  await t.rejects(registry.getAnswer('bank', 'a3'), { code: 'not_found' });
  await t.rejects(registry.getAnswer('copilot', 'other'), { code: 'not_found' });

  t.equal(await registry.forgetUser('bank', 'berta'), 0);
  t.equal(await registry.forgetUser('bank', 'anna'), 1);
  await t.rejects(registry.getSignals('bank', 'a1'), { code: 'not_found' });
  t.ok(await registry.getSignals('bank', 'a2'));
  await t.rejects(registry.putDataPolicy('bank', dataPolicy({ retentionDays: 0 })), {
    code: 'invalid_value',
    params: { param: 'retentionDays' },
  });
});
