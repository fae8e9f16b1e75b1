import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createRolloutController } from '../../../src/canary/controller.js';
import type { ExperimentReport } from '../../../src/contracts/experiments.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { plan } from '../../fixtures/experiments.js';
import { openTestRegistry, retrieval } from './open.js';

const BRIEF = { name: 'brief', weight: 40, version: 2, instructions: 'One sentence.', retrieval: { topK: 1 } };
const PLAN = plan({ arms: [{ name: 'as-is', weight: 60 }, BRIEF] });
const REPORT: ExperimentReport = {
  goal: 'cost',
  outcome: 'winner',
  reason: 'brief is better',
  winner: 'brief',
  arms: [],
  comparisons: [],
};

async function setUp(t: Test) {
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, data: {} });
  const registry = await openTestRegistry(join(root, 'data'));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  for (const folder of ['a', 'b']) {
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  }
  const settings = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: 'Help.', retrieval };
  await registry.putDeployment({ ...settings, stableVersion: 1 });
  const of = ['bank', 'assistant'] as const;
  return { registry, settings: { ...settings, stableVersion: 1 }, of };
}

t.test('an experiment begins, ends with its report, and both are events and lines of the audit log', async (t) => {
  const { registry, of } = await setUp(t);
  const started = await registry.startExperiment(...of, PLAN, { actor: 'key_1' });
  t.match(started, { revision: 2, stableVersion: 1, experiment: { ...PLAN, startedAt: Number } });
  t.same(await registry.listExperiments(), [started]);
  const ended = await registry.endExperiment(...of, { actor: 'controller', report: REPORT });
  t.match(ended, { revision: 3, experiment: null, stableVersion: 1, instructions: 'Help.', retrieval });
  t.same(await registry.listExperiments(), []);
  t.match(await registry.endExperiment(...of), { revision: 3 }, 'said again, it does nothing');
  const events = await registry.listRolloutEvents(...of, 10);
  t.match(events, [
    { type: 'experiment_ended', actor: 'controller', report: REPORT, served: { experiment: null } },
    { type: 'experiment_started', actor: 'key_1', report: null, served: { experiment: { arms: PLAN.arms } } },
    { type: 'deployed' },
  ]);
  t.same(await registry.listRolloutEvents(...of, 10, { type: 'experiment_ended' }), [events[0]]);
  const { entries } = await registry.listAudit('bank', { limit: 2, before: null });
  t.match(
    entries.map(({ action }) => action),
    ['deployment.experiment_ended', 'deployment.experiment_started'],
  );
});

t.test('while it is under way nothing else changes, but for a rollback', async (t) => {
  const { registry, settings, of } = await setUp(t);
  await registry.startExperiment(...of, PLAN);
  const refused = { code: 'experiment_under_way' };
  await t.rejects(registry.startExperiment(...of, PLAN), refused);
  await t.rejects(registry.setCanary(...of, { version: 2, weight: 5 }), refused);
  await t.rejects(registry.putDeployment({ ...settings, instructions: 'Other.' }), refused);
  await t.rejects(registry.putDeployment({ ...settings, stableVersion: 2 }), refused);
  t.match(await registry.putDeployment(settings), { revision: 2 }, 'what changes nothing is no change');
  await t.rejects(registry.promote(...of), { code: 'no_canary' });
  t.match(await registry.rollback(...of), { experiment: null, stableVersion: 1 });
  t.match(await registry.rollback(...of), { revision: 3 }, 'said again, it does nothing');
  t.equal((await registry.getAdapterVersion('bank', 'support', 1)).status, 'approved', 'no version is to blame');
  await t.rejects(registry.endExperiment(...of), { code: 'no_experiment' });
  await registry.setCanary(...of, { version: 2, weight: 5 });
  await t.rejects(registry.startExperiment(...of, PLAN), { code: 'rollout_under_way', message: /support@2/ });
});

t.test('a version is in use while an arm has it, and revoking it ends the experiment', async (t) => {
  const { registry, of } = await setUp(t);
  await registry.startExperiment(...of, PLAN);
  const inUse = { code: 'version_in_use', message: /in an experiment of assistant/ };
  await t.rejects(registry.setVersionStatus('bank', 'support', 2, 'quarantined'), inUse);
  await t.rejects(registry.deleteVersion('bank', 'support', 2), inUse);
  await registry.setVersionStatus('bank', 'support', 2, 'revoked');
  t.match(await registry.getDeployment(...of), { experiment: null, stableVersion: 1 });
  await t.rejects(registry.startExperiment(...of, PLAN), { code: 'version_not_servable' });
});

t.test('it is made once for one idempotency key, and on the condition of a revision', async (t) => {
  const { registry, of } = await setUp(t);
  await t.rejects(registry.startExperiment(...of, PLAN, { actor: 'k', ifRevision: 7 }), { code: 'revision_mismatch' });
  const by = { actor: 'k', ifRevision: 1, idempotencyKey: 'one' };
  t.match(await registry.startExperiment(...of, PLAN, by), { revision: 2 });
  t.match(await registry.startExperiment(...of, PLAN, by), { revision: 2 });
});

t.test('what cannot be told apart, or is not there, is refused by its name', async (t) => {
  const { registry, of } = await setUp(t);
  const [one, two] = PLAN.arms as [(typeof PLAN.arms)[number], typeof BRIEF];
  const refused = async (changes: Parameters<typeof plan>[0], param: string, message: RegExp) =>
    t.rejects(registry.startExperiment(...of, { ...PLAN, ...changes }), {
      code: 'invalid_value',
      params: { param },
      message,
    });
  await refused({ arms: [one] }, 'arms', /2 to 6, got 1/);
  await refused({ arms: [one, { ...two, name: 'as-is' }] }, 'arms', /different names, got as-is twice/);
  await refused({ arms: [one, { ...two, weight: 41 }] }, 'arms', /100 together, got 101/);
  await refused({ arms: [one, { ...two, name: 'canary' }] }, 'arms.1.name', /none of stable, canary/);
  await refused({ arms: [one, { ...two, retrieval: { topK: 51 } }] }, 'retrieval.topK', /51/);
  await refused({ leastAnswers: 20, mostAnswers: 19 }, 'mostAnswers', /from 20/);
  await refused({ metrics: { errors: { tolerance: 1 } } }, 'metrics.errors.tolerance', /0.99/);
  await t.rejects(registry.startExperiment(...of, { ...PLAN, arms: [one, { ...two, version: 9 }] }), {
    code: 'not_found',
  });
  const unknown = { ...PLAN, arms: [one, { ...two, policy: { name: 'strict', revision: 1 } }] };
  await t.rejects(registry.startExperiment(...of, unknown), { code: 'not_found' });
  await registry.putDeployment({
    ...{ tenant: 'bank', name: 'plain', instructions: '', retrieval },
    ...{ adapter: null, stableVersion: null },
  });
  await t.rejects(registry.startExperiment('bank', 'plain', PLAN), { code: 'invalid_value', message: /no adapter/ });
});

t.test('the controller ends it by what its own answers tell, with the report on record', async (t) => {
  const { registry, of } = await setUp(t);
  const { revision } = await registry.startExperiment(...of, PLAN);
  const record = (n: number, arm: string, promptTokens: number, deploymentRevision = revision) => {
    const id = `${arm}-${n}-${deploymentRevision}`;
    const change = {
      id,
      arm,
      assignedBy: 'experiment',
      promptTokens,
      deploymentRevision,
      createdAt: 10_000 + n,
    } as const;
    return registry.recordAnswer(answerRecord(change));
  };
  // Those of an experiment before would say the opposite.
  await Promise.all(Array.from({ length: 40 }, (_, n) => record(n, 'as-is', 1, revision - 1)));
  for (let n = 0; n < 40; n++) await Promise.all([record(n, 'as-is', 900), record(n, 'brief', 300)]);
  const answerId = `brief-0-${revision}`;
  await registry.recordSignals(answerSignals({ answerId }));
  const review = { verdict: 'accepted', labels: [], note: null, correction: null } as const;
  await registry.putReview({ tenant: 'bank', keyId: 'k' }, answerId, review);
  const answers = await registry.experimentAnswers(await registry.getDeployment(...of));
  t.equal(answers.length, 80);
  t.match(
    answers.find(({ review }) => review !== null),
    { arm: 'brief', review: { isAccepted: true }, signals: { groundedness: 0.75 }, tokens: 320 },
  );
  const seen: string[] = [];
  const controller = createRolloutController({
    registry,
    clock: { now: Date.now, monotonicMs: () => 0 },
    lookEveryMs: 1,
    holder: 'a',
    onLook: () => {},
    onExperiment: (_, { outcome }) => seen.push(outcome),
    onError: (error) => t.error(error),
  });
  await controller.look();
  await controller.look();
  t.same(seen, ['winner'], 'and leaves it alone then');
  t.match(await registry.getDeployment(...of), { experiment: null, stableVersion: 1, instructions: 'Help.' });
  const [end] = await registry.listRolloutEvents(...of, 1);
  t.match(end, {
    type: 'experiment_ended',
    actor: 'controller',
    reason: 'brief is better',
    report: {
      winner: 'brief',
      arms: [
        { name: 'as-is', answers: 40 },
        { name: 'brief', answers: 40 },
      ],
    },
  });
});
