import { readFileSync } from 'node:fs';
import t from 'tap';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { cliApp } from './cli-app.js';

const tenant = ['--tenant', 'bank'];

t.test('answers that may be wrong are reviewed, and what is right instead is exported', async (t) => {
  const { root, registry, cli, json } = await cliApp(t);
  for (const id of ['a1', 'a2', 'a3']) {
    await registry.recordAnswer(answerRecord({ id }), 'anna');
    await registry.recordSignals(answerSignals({ answerId: id, groundedness: 0.1 }));
  }
  const listed = await cli('reviews', 'list', ...tenant);
  t.match(listed.out, /a3 +1970-01-01 00:00 UTC +assistant +support@1 +low_groundedness +0\.10 +-/);
  t.same(await json('reviews', 'list', ...tenant, '--because', 'thumbs_down'), []);

  const correct = ['reviews', 'correct', 'a1', ...tenant, '--question', 'What is the fee?', '--answer', 'It is £5.'];
  const refused = await cli(...correct);
  t.equal(refused.code, 1);
  t.match(refused.err, /does not consent to training.*switchyard tenants policy/);
  t.match(await json('tenants', 'policy', 'bank', '--training-consent', 'yes', '--retention-days', '30'), {
    retentionDays: 30,
    maxAnswers: null,
    trainingConsent: true,
    storeResponses: true,
  });
  t.match((await cli('tenants', 'policy', 'bank')).out, /30 +- +yes/, 'looking changes nothing');
  t.equal((await cli(...correct, '--label', 'wrong')).code, 0);
  t.equal((await cli('reviews', 'accept', 'a2', ...tenant)).code, 0);
  t.equal((await cli('reviews', 'reject', 'a3', ...tenant, '--note', 'no')).code, 0);
  t.match((await cli('reviews', 'list', ...tenant)).out, 'Nothing there.');

  const example = {
    messages: [{ content: 'What is the fee?' }, { content: 'It is £5.' }],
    metadata: { answer_id: 'a1' },
  };
  t.match(JSON.parse((await cli('feedback', 'export', ...tenant)).out), example);
  const file = `${root}/examples.jsonl`;
  t.equal((await cli('feedback', 'export', ...tenant, '--out', file)).code, 0);
  t.match(JSON.parse(readFileSync(file, 'utf8')), example);
  t.equal((await cli('feedback', 'export', '--tenant', 'nobody')).code, 1);

  t.same(await json('tenants', 'forget-user', 'bank', 'anna'), { deleted: 3 });
});

t.test('a report shows versions side by side, days, and the topics that are answered worst', async (t) => {
  const { registry, cli, json } = await cliApp(t);
  const now = Date.now();
  const give = async (id: string, version: number, groundedness: number, cluster: number | null, createdAt = now) => {
    await registry.recordAnswer(answerRecord({ id, version, adapter: `support@${version}`, createdAt }));
    await registry.recordSignals(answerSignals({ answerId: id, groundedness, cluster, refused: id === 'a2' }));
  };
  await give('a1', 1, 1, 4);
  await give('a2', 1, 0.5, 4);
  await give('b1', 2, 0.25, 7);
  await give('b2', 2, 0.75, null);
  await give('old', 1, 0, 9, now - 8 * 24 * 3600 * 1000);
  const feedback = {
    answerId: 'b1',
    rating: 'down',
    score: null,
    categories: [],
    comment: null,
    correction: null,
  } as const;
  await registry.addFeedback({ tenant: 'bank', keyId: 'k' }, feedback);
  const day = new Date(now).toISOString().slice(0, 10);
  t.match(await json('quality', 'report', 'assistant', ...tenant), {
    versions: [
      { name: 'support@1', answers: 2, groundedness: 0.75, refusals: 0.5, thumbsDown: 0 },
      { name: 'support@2', answers: 2, groundedness: 0.5, refusals: 0, thumbsDown: 1 },
    ],
    days: [{ name: day, answers: 4 }],
    worstTopics: [
      { name: '7', groundedness: 0.25 },
      { name: '4', groundedness: 0.75 },
    ],
  });
  const page = await cli('quality', 'report', 'assistant', ...tenant, '--days', '30');
  t.match(page.out, /^Versions\nVERSION +ANSWERS +GROUNDED +CITED_RIGHT +REFUSED/);
  t.match(page.out, /support@1 +3 +0\.500 +100\.0 % +33\.3 %/);
  t.match(page.out, /Topics, the least grounded first\nTOPIC +ANSWERS/);
});
