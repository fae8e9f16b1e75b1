import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AnswerRecord } from '../../../src/contracts/registry.js';
import type { RolloutPlan } from '../../../src/contracts/rollouts.js';
import { openSqlite } from '../../../src/sqlite/open.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { makeOldRegistry, openTestRegistry, retrieval } from './open.js';

const PLAN: RolloutPlan = { steps: [5, 50, 100], leastAnswers: 10, leastMs: 0, provenFrom: 50, metrics: {} };

async function setUp(t: Test) {
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, c: { weights: '3' }, data: {} });
  const data = join(root, 'data');
  const registry = await openTestRegistry(data);
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  for (const folder of ['a', 'b', 'c']) {
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  }
  const settings = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: '', retrieval };
  await registry.putDeployment({ ...settings, stableVersion: 1 });
  return { data, registry, settings };
}

const answer: AnswerRecord = {
  id: 'a',
  requestId: 'r',
  tenant: 'bank',
  keyId: 'key_1',
  deployment: 'assistant',
  adapter: 'support@2',
  adapterDigest: 'd',
  version: 2,
  arm: 'canary',
  assignedBy: 'weight',
  deploymentRevision: 2,
  outcome: 'completed',
  finishReason: 'stop',
  passages: [],
  safety: null,
  storeSnapshot: null,
  baseDigest: 'base',
  promptDigest: null,
  engine: null,
  promptTokens: 10,
  cachedTokens: 0,
  completionTokens: 5,
  durationMs: 100,
  firstTokenMs: 20,
  queueMs: 0,
  retrievalMs: null,
  prefillMs: 10,
  decodeMs: 80,
  createdAt: 5_000,
};

t.test('a rollout goes from step to step to the end, and every change of it is an event', async (t) => {
  const { registry } = await setUp(t);
  const started = await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN }, { actor: 'key_1' });
  t.match(started, { canaryVersion: 2, canaryWeight: 5, rollout: { ...PLAN, step: 0, status: 'running' } });
  t.same(await registry.listRollouts(), [started]);
  const by = { actor: 'controller', reason: 'good so far' };
  t.match(await registry.changeRollout('bank', 'assistant', 'advance', by), { canaryWeight: 50, rollout: { step: 1 } });
  t.match(await registry.changeRollout('bank', 'assistant', 'pause'), { rollout: { status: 'paused' } });
  t.match(await registry.changeRollout('bank', 'assistant', 'pause'), { revision: 4 }, 'said again, it does nothing');
  t.match(await registry.changeRollout('bank', 'assistant', 'resume'), { rollout: { status: 'running' } });
  t.match(await registry.changeRollout('bank', 'assistant', 'advance', by), { canaryWeight: 100 });
  t.match(await registry.changeRollout('bank', 'assistant', 'advance', by), { revision: 6 }, 'there is no step more');
  t.match(await registry.promote('bank', 'assistant'), { stableVersion: 2, canaryVersion: null, rollout: null });
  t.same(await registry.listRollouts(), []);

  const events = await registry.listRolloutEvents('bank', 'assistant', 100);
  const types = events.map(({ type }) => type);
  t.same(types, ['promoted', 'advanced', 'resumed', 'paused', 'advanced', 'started', 'deployed']);
  t.match(events[4], { actor: 'controller', reason: 'good so far', revision: 3, served: { canaryWeight: 50 } });
  t.match(events[5], { actor: 'key_1' });
  t.equal((await registry.listRolloutEvents('bank', 'assistant', 2)).length, 2);
  await t.rejects(registry.listRolloutEvents('bank', 'nothing', 2), { code: 'not_found' });
});

t.test('what a deployment serves is what its last event says', async (t) => {
  const { data, registry, settings } = await setUp(t);
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 20 });
  await registry.promote('bank', 'assistant');
  await registry.putDeployment({ ...settings, stableVersion: 2, instructions: 'Be brief.' });
  await registry.startRollout('bank', 'assistant', { version: 3, plan: PLAN });
  const [last] = await registry.listRolloutEvents('bank', 'assistant', 1);
  const db = openSqlite(join(data, 'registry.db'));
  t.teardown(() => db.close());
  const row = db.prepare('SELECT * FROM deployments').get() as Record<string, unknown>;
  t.same(last!.served, {
    adapter: row.adapter,
    stableVersion: row.stable_version,
    canaryVersion: row.canary_version,
    canaryWeight: row.canary_weight,
    canaryGroups: JSON.parse(row.canary_groups as string),
    shadowWeight: row.shadow_weight,
    previous: { version: row.previous_version },
    rollout: JSON.parse(row.rollout as string),
    experiment: null,
  });
});

t.test('while a rollout is under way, nothing else moves the versions', async (t) => {
  const { registry, settings } = await setUp(t);
  await t.rejects(registry.changeRollout('bank', 'assistant', 'advance'), { code: 'no_rollout' });
  await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN });
  const refused = { code: 'rollout_under_way', message: /support@2/ };
  await t.rejects(registry.setCanary('bank', 'assistant', { version: 3, weight: 1 }), refused);
  await t.rejects(registry.startRollout('bank', 'assistant', { version: 3, plan: PLAN }), refused);
  await t.rejects(registry.putDeployment({ ...settings, stableVersion: 3 }), refused);
  t.match(await registry.putDeployment({ ...settings, stableVersion: 1, instructions: 'Be brief.' }), {
    instructions: 'Be brief.',
    canaryVersion: 2,
  });
  t.match(await registry.rollback('bank', 'assistant'), { stableVersion: 1, canaryVersion: null, rollout: null });
});

t.test('a change is refused where the deployment is not at the revision that it was decided by', async (t) => {
  const { registry, settings } = await setUp(t);
  const mismatch = { code: 'revision_mismatch' };
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 20 }, { actor: 'a', ifRevision: 1 });
  await t.rejects(registry.promote('bank', 'assistant', { actor: 'a', ifRevision: 1 }), mismatch);
  await t.rejects(registry.putDeployment({ ...settings, stableVersion: 1 }, { actor: 'a', ifRevision: 1 }), mismatch);
  await t.rejects(registry.putDeployment({ ...settings, stableVersion: 1 }, { actor: 'a', ifRevision: 0 }), mismatch);
  t.match(await registry.getDeployment('bank', 'assistant'), { revision: 2, canaryVersion: 2 });
  t.match(await registry.promote('bank', 'assistant', { actor: 'a', ifRevision: 2 }), { stableVersion: 2 });
  const fresh = { ...settings, name: 'other', stableVersion: 1 };
  t.match(await registry.putDeployment(fresh, { actor: 'a', ifRevision: 0 }), { revision: 1 });
});

t.test('a change with an idempotency key is made once, whatever happened since', async (t) => {
  const { registry } = await setUp(t);
  const by = { actor: 'a', idempotencyKey: 'k1', ifRevision: 1 };
  const set = () => registry.setCanary('bank', 'assistant', { version: 2, weight: 20 }, by);
  await set();
  await registry.promote('bank', 'assistant');
  t.match(await set(), { revision: 3, stableVersion: 2, canaryVersion: null });
  const reused = registry.rollback('bank', 'assistant', { actor: 'a', idempotencyKey: 'k1' });
  await t.rejects(reused, { code: 'idempotency_key_reused', message: /k1/ });
});

t.test('a plan that cannot be followed is refused with the field and its limit', async (t) => {
  const { registry } = await setUp(t);
  const start = (plan: Partial<RolloutPlan>) =>
    registry.startRollout('bank', 'assistant', { version: 2, plan: { ...PLAN, ...plan } });
  const cases: [Partial<RolloutPlan>, RegExp][] = [
    [{ steps: [] }, /^steps: must end with 100/],
    [{ steps: [5, 50] }, /^steps: must end with 100/],
    [{ steps: [50, 5, 100] }, /^steps\.1: must be above 50, got 5/],
    [{ steps: [50, 101] }, /^steps\.1: must be from 0 to 100/],
    [{ steps: Array.from({ length: 21 }, (_, i) => i + 1) }, /^steps: must be at most 20/],
    [{ leastAnswers: 0 }, /^leastAnswers: must be from 1/],
    [{ leastMs: -1 }, /^leastMs: must be from 0/],
    [{ provenFrom: 101 }, /^provenFrom: must be from 0 to 100/],
    [{ metrics: { errors: { tolerance: 1 } } }, /^metrics\.errors\.tolerance: must be from 0.001 to 0.99/],
    [{ metrics: { errors: { minimumEffect: -1 } } }, /^metrics\.errors\.minimumEffect: must be from 0/],
  ];
  for (const [plan, message] of cases) await t.rejects(start(plan), { code: 'invalid_value', message });
  await t.rejects(registry.startRollout('bank', 'assistant', { version: 9, plan: PLAN }), { code: 'not_found' });
});

t.test('what the weight assigned since the rollout began is judged, and nothing else', async (t) => {
  const { data, registry } = await setUp(t);
  const deployment = await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN });
  const stable = { arm: 'stable', version: 1 } as const;
  const records: Partial<AnswerRecord>[] = [
    {},
    { ...stable, outcome: 'engine_unavailable', firstTokenMs: null, completionTokens: 0 },
    { assignedBy: 'header' },
    { assignedBy: 'pin' },
    { assignedBy: 'group' },
    { version: 3 },
    { ...stable, version: 3 },
    { deployment: 'other' },
    { tenant: 'shop' },
    { createdAt: deployment.rollout!.startedAt - 1 },
  ];
  await Promise.all(records.map((record, i) => registry.recordAnswer({ ...answer, id: `a${i}`, ...record })));
  await registry.addFeedback(
    { tenant: 'bank', keyId: 'k' },
    { answerId: 'a0', rating: 'down', score: null, categories: [], comment: null, correction: null },
  );
  const db = openSqlite(join(data, 'registry.db'));
  db.prepare(
    `INSERT INTO answer_signals (answer_id, groundedness, citation_validity, refused, truncated, words, cluster, computed_at)
     VALUES ('a0', 0.75, 0.5, 1, 0, 12, 3, 6000)`,
  ).run();
  db.close();
  const judged = await registry.judgedAnswers(deployment);
  t.equal(judged.length, 2);
  t.match(
    judged.find(({ arm }) => arm === 'canary'),
    {
      outcome: 'completed',
      cluster: 3,
      endedAt: 5100,
      firstTokenMs: 20,
      perTokenMs: 20,
      signals: { at: 6000, groundedness: 0.75, citationValidity: 0.5, numbersGrounded: null, refused: true, words: 12 },
      feedback: { rating: 'down' },
    },
  );
  t.match(
    judged.find(({ arm }) => arm === 'stable'),
    {
      outcome: 'engine_unavailable',
      cluster: null,
      firstTokenMs: null,
      perTokenMs: null,
      signals: null,
      feedback: null,
    },
  );
});

t.test('what a policy found in an answer tells of its version, and what it found in a question does not', async (t) => {
  const { registry } = await setUp(t);
  const deployment = await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN });
  const found = (...stages: readonly ('input' | 'output')[]): AnswerRecord['safety'] => ({
    policy: 'bank@1',
    decisions: stages.map((stage) => ({ stage, rule: 'r', kind: 'profanity', action: 'flag', count: 1 })),
  });
  const records: [Partial<AnswerRecord>, boolean | null][] = [
    [{ safety: null }, null],
    [{ safety: found() }, false],
    [{ safety: found('input') }, false],
    [{ safety: found('input', 'output') }, true],
    [{ safety: found('output'), finishReason: 'content_filter' }, true],
    [{ safety: found('input'), outcome: 'refused' }, null],
    [{ safety: found(), outcome: 'engine_unavailable' }, null],
  ];
  await Promise.all(
    records.map(([record], i) => registry.recordAnswer({ ...answer, ...record, id: `p${i}`, createdAt: 5000 + i })),
  );
  const judged = await registry.judgedAnswers(deployment);
  t.same(
    [...judged].sort((a, b) => a.endedAt - b.endedAt).map(({ policyHit }) => policyHit),
    records.map(([, hit]) => hit),
  );
});

t.test(
  'a copy that nobody saw is judged beside its pair, and is no use, no quality and no answer to review',
  async (t) => {
    const { registry } = await setUp(t);
    const rules = { groups: ['beta', 'beta'], shadowWeight: 20 };
    const deployment = await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN, ...rules });
    t.match(deployment, { canaryGroups: ['beta'], shadowWeight: 20 });
    const createdAt = deployment.rollout!.startedAt;
    const seen = {
      ...answer,
      id: 'seen',
      arm: 'stable',
      version: 1,
      adapter: 'support@1',
      pair: 'seen',
      createdAt,
    } as const;
    const copy = { ...answer, id: 'copy', assignedBy: 'shadow', pair: 'seen', createdAt } as const;
    await Promise.all([seen, copy].map((record) => registry.recordAnswer(record, 'anna')));
    await registry.recordSignals(answerSignals({ answerId: 'seen', groundedness: 0.9 }));
    await registry.recordSignals(answerSignals({ answerId: 'copy', groundedness: 0.2, computedAt: 7 }));
    const judged = await registry.judgedAnswers(deployment);
    t.match(
      [...judged].sort((a, b) => Number(a.isShadow) - Number(b.isShadow)),
      [
        { arm: 'stable', pair: 'seen', isShadow: false },
        { arm: 'canary', pair: 'seen', isShadow: true, signals: { groundedness: 0.2 } },
      ],
    );
    t.match(await registry.listReviews('bank', { reason: null, limit: 10 }), [
      { answerId: 'seen', shadowId: 'copy', reasons: ['disagreement'] },
    ]);
    const all = { tenant: 'bank', key: null, deployment: null, version: null, from: null, to: null, groupBy: [] };
    t.equal((await registry.usage(all)).total.answers, 1);
    t.equal((await registry.pastUse({ tenant: 'bank', keyId: null }, { sinceMs: 0, month: '2026-11' })).answers, 1);
    t.match((await registry.qualityReport('bank', 'assistant', 0)).versions, [{ name: 'support@1', answers: 1 }]);
    t.match(await registry.getAnswer('bank', 'copy'), { pair: 'seen' });
    t.equal(await registry.forgetUser('bank', 'anna'), 2);
  },
);

t.test('who gets a canary beside its share stays while the version does, and goes with it', async (t) => {
  const { registry } = await setUp(t);
  const set = (canary: Parameters<typeof registry.setCanary>[2]) => registry.setCanary('bank', 'assistant', canary);
  const rules = { canaryGroups: ['beta'], shadowWeight: 20 };
  t.match(await set({ version: 2, weight: 0, groups: ['beta'], shadowWeight: 20 }), { ...rules, revision: 2 });
  t.match(await set({ version: 2, weight: 0 }), { ...rules, revision: 2 });
  t.match(await set({ version: 2, weight: 5 }), { ...rules, canaryWeight: 5 });
  t.match(await set({ version: 2, weight: 5, groups: [] }), { canaryGroups: [], shadowWeight: 20 });
  t.match(await set({ version: 3, weight: 5 }), { canaryGroups: [], shadowWeight: 0 });
  await set({ version: 3, weight: 5, ...rules, groups: ['beta'] });
  t.match(await registry.promote('bank', 'assistant'), { canaryGroups: [], shadowWeight: 0 });
  const [, before] = await registry.listRolloutEvents('bank', 'assistant', 2);
  t.match(before, { type: 'canary_set', served: rules });
  const wrong = { code: 'invalid_value' };
  await t.rejects(set({ version: 2, weight: 5, shadowWeight: 101 }), {
    ...wrong,
    message: /^shadowWeight: .* 0 to 100/,
  });
  await t.rejects(set({ version: 2, weight: 5, groups: ['a,b'] }), { ...wrong, message: /^groups: .* 64 names/ });
});

t.test('a rollout that requires a comparison begins once the newest one with stable passed', async (t) => {
  const { registry } = await setUp(t);
  const start = () =>
    registry.startRollout('bank', 'assistant', { version: 2, plan: { ...PLAN, requires: 'compare' } });
  const compared = (figures: Record<string, number>, name = 'compare in assistant') =>
    registry.addEvaluation('bank', 'support', 2, { name, figures, dataDigest: null });
  const missing = { code: 'comparison_missing', message: /support@2 has none with support@1/ };
  await t.rejects(start(), missing);
  await compared({ against: 1, outcome: 1 });
  await compared({ against: 1, outcome: 0 });
  await t.rejects(start(), missing, 'the newest counts');
  await compared({ against: 3, outcome: 1 });
  await compared({ against: 1, outcome: 1 }, 'compare in other');
  await t.rejects(start(), missing, 'with this version, in this deployment');
  t.match(await registry.getDeployment('bank', 'assistant'), { revision: 1, canaryVersion: null });
  await compared({ against: 1, outcome: 1 });
  t.match(await start(), { canaryVersion: 2, rollout: { requires: 'compare' } });
});

t.test('a lease has one holder until it ends', async (t) => {
  const { registry } = await setUp(t);
  t.equal(await registry.takeLease('rollouts', 'a', 1000), true);
  t.equal(await registry.takeLease('rollouts', 'b', 1000), false);
  t.equal(await registry.takeLease('rollouts', 'a', 0), true, 'its holder renews it');
  t.equal(await registry.takeLease('rollouts', 'b', 1000), true, 'and it ends by itself');
});

t.test('a deployment that is older than its events begins with what it served', async (t) => {
  const data = join(t.testdir({ data: {} }), 'data');
  await makeOldRegistry(data, '0008', [
    `INSERT INTO adapters VALUES ('bank', 'support', 1, 'd1', 'f', 'b', 8, '[]', 1, 1),
      ('bank', 'support', 2, 'd2', 'f', 'b', 8, '[]', 1, 1)`,
    `INSERT INTO deployments
      (tenant, name, adapter, stable_version, canary_weight, has_previous, previous_version, instructions, retrieval,
       created_at, updated_at, revision)
      VALUES ('bank', 'assistant', 'support', 2, 0, 1, 1, '', '${JSON.stringify(retrieval)}', 1, 2, 3)`,
  ]);
  const registry = await openTestRegistry(data);
  t.teardown(() => registry.close());
  t.match(await registry.listRolloutEvents('bank', 'assistant', 10), [
    {
      type: 'adopted',
      revision: 3,
      served: { adapter: 'support', stableVersion: 2, canaryVersion: null, previous: { version: 1 }, rollout: null },
    },
  ]);
  t.match(await registry.rollback('bank', 'assistant'), { stableVersion: 1 });
});
