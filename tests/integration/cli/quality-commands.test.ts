import { readFileSync } from 'node:fs';
import t from 'tap';
import type { Retrieval } from '../../../src/contracts/retrieval.js';
import { AppError } from '../../../src/errors/app-error.js';
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
  t.match(await json('tenants', 'policy', 'bank', '--max-answers', '9'), { retentionDays: 30, revision: 2 });
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

  t.same(await json('tenants', 'forget-user', 'bank', 'anna'), { deleted: 3, captures: 0 });
});

t.test('a report shows versions side by side, days, and what is answered worst', async (t) => {
  const getFile = async (tenant: string, id: string) => {
    if (tenant !== 'bank' || id !== 'f1') throw new AppError('not_found', { what: 'File', id });
    return { filename: 'fees & <prices>.md' };
  };
  const { root, registry, cli, json } = await cliApp(t, { retrieval: { getFile } as unknown as Retrieval });
  const now = Date.now();
  const passage = (fileId: string, id: string) => ({ id, score: 0.5, fileId, byteStart: 0, byteEnd: 9 });
  const give = async (id: string, version: number, groundedness: number, cluster: number | null, createdAt = now) => {
    const passages = [
      passage('f1', `${id}-1`),
      passage('f1', `${id}-2`),
      ...(version === 2 ? [passage('f2', 'p')] : []),
    ];
    await registry.recordAnswer(answerRecord({ id, version, adapter: `support@${version}`, createdAt, passages }));
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
    trends: [
      { version: 'support@1', name: day, answers: 2 },
      { version: 'support@2', name: day, answers: 2 },
    ],
    worstDocuments: [
      { name: 'f2', filename: null, answers: 2, groundedness: 0.5 },
      { name: 'f1', filename: 'fees & <prices>.md', answers: 4, groundedness: 0.625 },
    ],
  });
  const page = await cli('quality', 'report', 'assistant', ...tenant, '--days', '30');
  t.match(page.out, /^Versions\nVERSION +ANSWERS +GROUNDED +CITED_RIGHT +REFUSED/);
  t.match(page.out, /support@1 +3 +0\.500 +100\.0 % +33\.3 %/);
  t.match(page.out, /Topics, the least grounded first\nTOPIC +ANSWERS/);
  t.match(page.out, /least grounded first\nDOCUMENT +ANSWERS[\s\S]+\nf2 +2 +0\.500/);

  const file = `${root}/report.html`;
  t.equal((await cli('quality', 'report', 'assistant', ...tenant, '--days', '30', '--html', file)).code, 0);
  const html = readFileSync(file, 'utf8');
  t.notMatch(html, /<script|<prices>|NaN|Infinity|undefined/);
  t.match(html, '<td>fees &#38; &#60;prices&#62;.md</td><td class="number">5</td>');
  t.equal(html.match(/<svg viewBox="0 0 460/g)!.length, 6, 'a plot a measure');
  // Day 0 without the second version, eight days between: two points, and no line over the gap.
  t.match(html, /<title>support@1, \d{4}-\d\d-\d\d: 0\.00<\/title>/);
  t.match(html, new RegExp(`<title>support@2, ${day}: 0\\.50</title>`));
  t.notMatch(html, /<polyline points="[\d.,]+ /);
  t.match((await cli('quality', 'report', 'assistant', '--tenant', 'nobody')).err, /nobody/);
});

t.test('captured texts are listed, read with a line in the audit log, and deleted', async (t) => {
  const { registry, captures, cli, json } = await cliApp(t);
  const texts = { question: 'What is the fee?', answer: 'It is £5.', passages: [{ title: 'Fees', text: 'It is £5.' }] };
  const give = async (id: string) => {
    captures.capture(answerRecord({ id }), { ...texts, marks: [], logprobs: null }, 'anna');
    await captures.forgetDocuments('bank', []);
  };
  await give('a0');
  const policy = ['tenants', 'policy', 'bank', '--capture-rate', '1', '--capture-days', '7'];
  t.match(await json(...policy), { captureRate: 1, captureDays: 7, retentionDays: null });
  const wrong = await cli('tenants', 'policy', 'bank', '--capture-rate', '2');
  t.equal(wrong.code, 1);
  t.match(wrong.err, /captureRate/);
  for (const id of ['a1', 'a2', 'a3']) await give(id);
  t.match(
    (await cli('captures', 'list', ...tenant)).out,
    /ANSWER[\s\S]*a1 +1970-01-01 00:00 UTC +assistant +support@1 +0/,
  );
  const read = await cli('captures', 'show', 'a1', ...tenant, '--reason', 'Ticket 7');
  t.equal(read.out, 'Question\nWhat is the fee?\n\nPassage: Fees\nIt is £5.\n\nAnswer\nIt is £5.\n');
  t.equal((await cli('captures', 'delete', 'a2', ...tenant)).code, 0);
  t.match((await cli('captures', 'show', 'a2', ...tenant)).err, /a2/);
  t.same(await json('tenants', 'forget-user', 'bank', 'anna'), { deleted: 0, captures: 2 });
  const { entries } = await registry.listAudit('bank', { limit: 4, before: null });
  t.match(entries, [
    { action: 'user.captures_forgotten', before: { captures: 2 } },
    { action: 'capture.deleted', subject: 'a2' },
    { action: 'capture.read', subject: 'a1', actor: { kind: 'key', reason: 'Ticket 7' } },
    { action: 'data_policy.put' },
  ]);
});

t.test('a baseline is forgotten, with a line in the audit log', async (t) => {
  const { registry, cli } = await cliApp(t);
  const createdAt = await registry.putBaseline('bank', 'assistant', 'text');
  t.same(await registry.getBaseline('bank', 'assistant'), { text: 'text', createdAt });
  t.equal((await cli('quality', 'reset-baseline', 'assistant', ...tenant)).code, 0);
  t.equal(await registry.getBaseline('bank', 'assistant'), null);
  t.match((await registry.listAudit('bank', { limit: 1, before: null })).entries, [
    { action: 'baseline.reset', subject: 'assistant', before: { createdAt } },
  ]);
  t.match((await cli('quality', 'reset-baseline', 'assistant', ...tenant)).err, /Baseline/);
});
