import t, { type Test } from 'tap';
import type { AnswerScore, EvalQuestion } from '../../../src/contracts/evaluations.js';
import type { ClaimOptions } from '../../../src/jobs/jobs.js';
import { watchStatements } from '../../fixtures/sqlite/statements.js';
import { addAssistant, openTestRegistry } from './open.js';

const question = (id: string): EvalQuestion => ({
  ...{ id, question: `What is ${id}?`, answerable: true, accept: [id] },
  ...{ document: 'fees.md', heading: null },
});
const score: AnswerScore = {
  ...{ answerable: true, found: true, fact: true, factCited: true, citations: 1, rightCitations: 1 },
  ...{ refused: false, numbers: 0, groundedNumbers: 0 },
};
const QUESTIONS = [question('q1'), question('q2'), question('q3')];
const task = { tenant: 'bank', adapter: 'support', version: 2, retrieval: null, questions: QUESTIONS };

async function setUp(t: Test) {
  const dataDir = t.testdir({});
  let now = 1_000;
  const clock = { now: () => now, monotonicMs: () => now };
  const registry = await openTestRegistry(dataDir, { clock });
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.createTenant({ id: 'shop', name: 'Shop' });
  await addAssistant(registry, dataDir);
  const claim = (options: Partial<ClaimOptions> = {}) =>
    registry.jobs.claim('evaluation', {
      ...{ holder: 'me', afterTenant: '', except: [], leaseMs: 30_000, nowMs: now },
      ...options,
    });
  return { registry, claim, pass: (ms: number) => (now += ms) };
}

t.test('a run is kept with its job, and what comes of it with the version', async (t) => {
  const { registry, claim, pass } = await setUp(t);
  const run = await registry.startEvaluationRun(task, { actor: 'key_1' });
  t.match(run, {
    ...{ id: /^eval_/, deployment: 'assistant', name: 'evaluation in assistant', questions: 3, answered: 0 },
    ...{ status: 'queued', startedBy: 'key_1', figures: null, report: null, leftMs: null },
  });
  const lease = (await claim())!;
  t.equal(lease.subject, run.id);
  t.same((await registry.findEvaluationRun(lease))?.questions, QUESTIONS);
  for (const position of [1, 0]) {
    pass(4000);
    await registry.addEvaluationAnswer(lease, { position, score, text: `answer ${position}` });
  }
  t.match(await registry.getEvaluationRun('bank', run.id), { status: 'running', answered: 2, leftMs: 4000 });
  await registry.addEvaluationAnswer(lease, { position: 2, score, text: 'answer 2' });
  t.same([...(await registry.listEvaluationScores(run.id)).keys()], [0, 1, 2]);
  await registry.finishEvaluationRun(lease, { questions: 3, fact: 1 });
  t.match(await registry.getEvaluationRun('bank', run.id), {
    ...{ status: 'completed', answered: 3, figures: { fact: 1 }, report: 1, leftMs: null },
  });
  t.match(await registry.listEvaluations('bank', 'support', 2), [
    { name: 'evaluation in assistant', figures: { questions: 3, fact: 1 }, dataDigest: run.dataDigest, actor: 'key_1' },
  ]);
  t.match(await registry.listEvaluationAnswers('bank', run.id, { from: 1, limit: 1 }), [
    { position: 1, question: { id: 'q2' }, text: 'answer 1', score },
  ]);
  const { entries } = await registry.listAudit('bank', { limit: 2, before: null });
  t.match(entries, [
    { action: 'adapter.evaluated', subject: 'support@2' },
    { action: 'evaluation.started', subject: run.id, after: { version: 2, questions: 3 } },
  ]);
  await t.rejects(registry.getEvaluationRun('shop', run.id), { code: 'not_found' });

  await registry.forgetEvaluationTexts('shop');
  t.equal((await registry.listEvaluationAnswers('bank', run.id, { from: 0, limit: 1 }))[0]?.text, 'answer 0');
  await registry.forgetEvaluationTexts('bank');
  t.match(await registry.listEvaluationAnswers('bank', run.id, { from: 0, limit: 1 }), [{ text: null, score }]);
  await registry.expireEvaluationRuns();
  t.equal((await registry.listEvaluationRuns('bank')).length, 1, 'as long as its job is known');
  await registry.jobs.prune(Number.MAX_SAFE_INTEGER);
  await registry.expireEvaluationRuns();
  t.same(await registry.listEvaluationRuns('bank'), []);
  t.equal((await registry.listEvaluations('bank', 'support', 2)).length, 1, 'the report stays');
});

t.test('the same one is begun once; of a tenant so many wait, and none about what cannot be asked', async (t) => {
  const { registry } = await setUp(t);
  const first = await registry.startEvaluationRun(task);
  t.equal((await registry.startEvaluationRun(task)).id, first.id);
  const retrieval = { enabled: false, topK: null, minScore: null };
  t.not((await registry.startEvaluationRun({ ...task, retrieval })).id, first.id, 'asked otherwise');
  for (let n = 0; n < 8; n++) await registry.startEvaluationRun({ ...task, questions: [question(`other ${n}`)] });
  await t.rejects(registry.startEvaluationRun({ ...task, version: 1 }), { message: /^tenant: has 10 evaluations/ });
  t.equal((await registry.startEvaluationRun(task)).id, first.id, 'still');
  await registry.cancelEvaluationRun('bank', first.id);
  t.not((await registry.startEvaluationRun(task)).id, first.id, 'the first is over');

  await t.rejects(registry.startEvaluationRun({ ...task, version: 9 }), { code: 'not_found' });
  await t.rejects(registry.startEvaluationRun({ ...task, deployment: 'nothing' }), { message: /^deployment: nothing/ });
  const { retrieval: policy, instructions } = await registry.getDeployment('bank', 'assistant');
  const named = { tenant: 'bank', adapter: 'support', stableVersion: 1, instructions, retrieval: policy };
  await registry.putDeployment({ ...named, name: 'second' });
  await t.rejects(registry.startEvaluationRun(task), { message: /^deployment: must be one of assistant, second/ });
  await registry.setVersionStatus('bank', 'support', 2, 'revoked');
  await t.rejects(registry.startEvaluationRun(task), { message: /^version: is revoked/ });
});

t.test(
  'a list asks the database as often for many runs as for few, and tells of each what is known of it',
  async (t) => {
    const { registry, claim, pass } = await setUp(t);
    const start = (n: number) =>
      registry.startEvaluationRun({ ...task, questions: [question(`a ${n}`), question('b')] });
    const statements = watchStatements(t);
    const list = async () => {
      statements.length = 0;
      const runs = await registry.listEvaluationRuns('bank');
      return { runs, asked: statements.length };
    };
    const ids = [(await start(0)).id];
    const done = (await claim())!;
    for (const position of [0, 1]) await registry.addEvaluationAnswer(done, { position, score, text: 'a' });
    await registry.finishEvaluationRun(done, { questions: 2 });
    ids.push((await start(1)).id, (await start(2)).id);
    const running = (await claim())!;
    pass(1000);
    await registry.addEvaluationAnswer(running, { position: 1, score, text: 'a' });
    const few = await list();
    t.equal(few.runs.length, 3);
    await registry.cancelEvaluationRun('bank', ids[2]!);
    for (let n = 3; n < 9; n++) ids.push((await start(n)).id);
    const many = await list();
    t.equal(many.runs.length, 9);
    t.equal(many.asked, few.asked);
    const each = [];
    for (const id of ids) each.push(await registry.getEvaluationRun('bank', id));
    const byId = ({ id }: { id: string }, other: { id: string }) => id.localeCompare(other.id);
    t.same([...many.runs].sort(byId), each.sort(byId));
    t.same(
      ids
        .slice(0, 4)
        .map((id) => many.runs.find((run) => run.id === id)!)
        .map(({ status, answered }) => [status, answered]),
      [
        ['completed', 2],
        ['running', 1],
        ['cancelled', 0],
        ['queued', 0],
      ],
    );
  },
);

t.test('what is answered after it was called off, or its version deleted, is not kept', async (t) => {
  const { registry, claim } = await setUp(t);
  const run = await registry.startEvaluationRun(task);
  const lease = (await claim())!;
  await registry.addEvaluationAnswer(lease, { position: 0, score, text: 'a' });
  t.match(await registry.cancelEvaluationRun('bank', run.id), { status: 'cancelled', answered: 1 });
  t.match(await registry.cancelEvaluationRun('bank', run.id), { status: 'cancelled' }, 'as it is');
  await registry.addEvaluationAnswer(lease, { position: 1, score, text: 'b' });
  await registry.finishEvaluationRun(lease, { questions: 2 });
  t.match(await registry.getEvaluationRun('bank', run.id), { status: 'cancelled', answered: 1, figures: null });
  t.same(await registry.listEvaluations('bank', 'support', 2), []);
  const { entries } = await registry.listAudit('bank', { limit: 1, before: null });
  t.match(entries, [{ action: 'evaluation.cancelled', after: { status: 'cancelled', answered: 1 } }]);

  const second = await registry.startEvaluationRun(task);
  const held = (await claim())!;
  await registry.deleteVersion('bank', 'support', 2);
  await registry.addEvaluationAnswer(held, { position: 0, score, text: 'a' });
  t.equal(await registry.findEvaluationRun(held), null);
  await registry.finishEvaluationRun(held, null);
  t.same(await registry.jobs.counts(), []);
  await t.rejects(registry.getEvaluationRun('bank', second.id), { code: 'not_found' });
});

t.test('a tenant that keeps no texts of responses keeps none of these', async (t) => {
  const { registry, claim } = await setUp(t);
  const { revision: _, ...policy } = await registry.getDataPolicy('bank');
  await registry.putDataPolicy('bank', { ...policy, storeResponses: false });
  const { id } = await registry.startEvaluationRun(task);
  await registry.addEvaluationAnswer((await claim())!, { position: 0, score, text: 'a' });
  t.match(await registry.listEvaluationAnswers('bank', id, { from: 0, limit: 9 }), [{ text: null, score }]);
});
