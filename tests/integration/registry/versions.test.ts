import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { RolloutPlan } from '../../../src/contracts/rollouts.js';
import { openSqlite } from '../../../src/sqlite/open.js';
import { makeOldRegistry, openTestRegistry, retrieval } from './open.js';

const PLAN: RolloutPlan = { steps: [5, 100], leastAnswers: 10, leastMs: 0, provenFrom: 50, metrics: {} };

async function setUp(t: Test) {
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, c: { weights: '3' }, data: {} });
  const registry = await openTestRegistry(join(root, 'data'));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  for (const folder of ['a', 'b', 'c']) {
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) }, { actor: 'key_1' });
  }
  const settings = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: '', retrieval };
  await registry.putDeployment({ ...settings, stableVersion: 1 });
  const statusOf = async (version: number) => (await registry.getAdapterVersion('bank', 'support', version)).status;
  const set = (version: number, status: Parameters<typeof registry.setVersionStatus>[3]) =>
    registry.setVersionStatus('bank', 'support', version, status, { actor: 'key_2', reason: 'why' });
  return { root, registry, settings, statusOf, set };
}

t.test('a version begins as candidate, and whoever makes it stable approves it', async (t) => {
  const { registry, statusOf } = await setUp(t);
  t.equal(await statusOf(1), 'approved', 'deployed');
  t.equal(await statusOf(2), 'candidate');
  await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN });
  t.equal(await statusOf(2), 'candidate', 'a canary is not approved yet');
  await registry.promote('bank', 'assistant', { actor: 'controller', reason: 'good' });
  t.match(await registry.listVersionEvents('bank', 'support', 2), [
    { seq: 2, from: 'candidate', to: 'approved', actor: 'controller', reason: 'good' },
    { seq: 1, from: null, to: 'candidate', actor: 'key_1', reason: null },
  ]);
});

t.test('what is rolled back is quarantined, and comes back only once somebody approves it', async (t) => {
  const { registry, statusOf, set } = await setUp(t);
  await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN });
  await registry.rollback('bank', 'assistant', { actor: 'controller', reason: 'worse in errors' });
  t.match(await registry.listVersionEvents('bank', 'support', 2), [
    { from: 'candidate', to: 'quarantined', actor: 'controller', reason: 'worse in errors' },
    { to: 'candidate' },
  ]);
  const refused = { code: 'version_not_servable', message: /support@2 is quarantined/ };
  await t.rejects(registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN }), refused);
  await t.rejects(registry.setCanary('bank', 'assistant', { version: 2, weight: 1 }), refused);
  t.match(
    await registry.getDeployment('bank', 'assistant'),
    { canaryVersion: null, revision: 3 },
    'nothing of it is kept',
  );
  await set(2, 'approved');
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 1 });
  await registry.promote('bank', 'assistant');
  t.match(await registry.rollback('bank', 'assistant'), { stableVersion: 1 });
  t.equal(await statusOf(2), 'quarantined', 'a stable version that was rolled back');
  t.equal(await statusOf(1), 'approved');
});

t.test('a version that another deployment serves is not quarantined with the one that dropped it', async (t) => {
  const { registry, settings, statusOf } = await setUp(t);
  await registry.putDeployment({ ...settings, name: 'other', stableVersion: 2 });
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 10 });
  await registry.rollback('bank', 'assistant');
  t.equal(await statusOf(2), 'approved');
});

t.test('a revoked version leaves every canary at once, and nothing brings it back', async (t) => {
  const { registry, settings, statusOf, set } = await setUp(t);
  await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN });
  await registry.putDeployment({ ...settings, name: 'other', stableVersion: 3 });
  await registry.setCanary('bank', 'other', { version: 2, weight: 10 });
  t.match(await set(2, 'revoked'), { version: 2, status: 'revoked' });
  for (const name of ['assistant', 'other']) {
    t.match(await registry.getDeployment('bank', name), { canaryVersion: null, rollout: null }, name);
    const [event] = await registry.listRolloutEvents('bank', name, 1);
    t.match(event, { type: 'rolled_back', actor: 'key_2', reason: 'why' });
  }
  t.same(await registry.listRollouts(), []);
  const refused = { code: 'invalid_transition', message: /support@2 is revoked.*nothing else/ };
  for (const status of ['candidate', 'approved', 'retired'] as const) await t.rejects(set(2, status), refused, status);
  t.match(await set(2, 'revoked'), { status: 'revoked' }, 'said again, it does nothing');
  const { entries } = await registry.listAudit('bank', { limit: 3, before: null });
  const revoked = entries.find(({ action }) => action === 'adapter.revoked');
  t.match(revoked, { subject: 'support@2', after: { status: 'revoked' } });
  t.equal(await statusOf(2), 'revoked');
});

t.test('a stable version may be revoked, and a rollback leads back to the one before', async (t) => {
  const { registry, statusOf, set } = await setUp(t);
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 10 });
  await registry.promote('bank', 'assistant');
  await set(2, 'revoked');
  t.match(await registry.getDeployment('bank', 'assistant'), { stableVersion: 2 }, 'nobody chose another one');
  t.match(await registry.rollback('bank', 'assistant'), { stableVersion: 1 });
  t.equal(await statusOf(2), 'revoked');
});

t.test('a rollback never leads back to a version that was revoked', async (t) => {
  const { registry, set } = await setUp(t);
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 10 });
  await registry.promote('bank', 'assistant');
  await set(1, 'revoked');
  await t.rejects(registry.rollback('bank', 'assistant'), { code: 'version_not_servable', message: /support@1/ });
  t.match(await registry.getDeployment('bank', 'assistant'), { stableVersion: 2 });
});

t.test('what is served is neither quarantined nor retired', async (t) => {
  const { registry, statusOf, set } = await setUp(t);
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 10 });
  await t.rejects(set(1, 'retired'), { code: 'version_in_use', message: /support@1 is stable of assistant/ });
  await t.rejects(set(2, 'quarantined'), { code: 'version_in_use', message: /support@2 is canary of assistant/ });
  await set(3, 'retired');
  await set(3, 'approved');
  t.equal(await statusOf(3), 'approved');
  await t.rejects(set(3, 'candidate'), { code: 'invalid_transition', message: /quarantined, revoked, retired/ });
  await t.rejects(set(9, 'approved'), { code: 'not_found' });
});

t.test('an alias moves, on a condition where one is given, and each move is in the audit log', async (t) => {
  const { registry } = await setUp(t);
  const alias = { tenant: 'bank', adapter: 'support', alias: 'champion' };
  t.match(await registry.putAlias({ ...alias, version: 1 }, { actor: 'a', ifRevision: 0 }), { revision: 1 });
  await t.rejects(registry.putAlias({ ...alias, version: 2 }, { actor: 'a', ifRevision: 0 }), {
    code: 'revision_mismatch',
    message: /alias support@champion is at revision 1/,
  });
  t.match(await registry.putAlias({ ...alias, version: 2 }, { actor: 'a', ifRevision: 1 }), {
    version: 2,
    revision: 2,
  });
  t.match(await registry.putAlias({ ...alias, version: 2 }), { revision: 2 }, 'where it points already');
  t.match(await registry.getAlias('bank', 'support', 'champion'), { version: 2 });
  t.match(await registry.listAliases('bank'), [{ alias: 'champion', version: 2 }]);
  await t.rejects(registry.putAlias({ ...alias, version: 9 }), { code: 'not_found' });
  for (const wrong of ['', '7', 'Champion', 'a b', 'a-', 'x'.repeat(64)]) {
    await t.rejects(registry.putAlias({ ...alias, alias: wrong, version: 1 }), { code: 'invalid_value' }, wrong);
  }
  await registry.createTenant({ id: 'shop', name: 'Shop' });
  await t.rejects(registry.getAlias('shop', 'support', 'champion'), { code: 'not_found' }, "another tenant's");
  await t.rejects(registry.removeAlias(alias, { actor: 'a', ifRevision: 1 }), { code: 'revision_mismatch' });
  await registry.removeAlias(alias);
  await t.rejects(registry.getAlias('bank', 'support', 'champion'), { code: 'not_found' });
  const { entries } = await registry.listAudit('bank', { limit: 3, before: null });
  t.same(
    entries.map(({ action }) => action),
    ['alias.removed', 'alias.moved', 'alias.created'],
  );
});

t.test('versions of before are approved where they were ever stable, and candidates otherwise', async (t) => {
  const dataDir = t.testdir();
  const adapter = (version: number) =>
    `INSERT INTO adapters VALUES ('bank', 'support', ${version}, 'd${version}', 'f', 'b', 8, '[]', 1, ${version})`;
  await makeOldRegistry(dataDir, '0020', [
    ...[1, 2, 3].map(adapter),
    `INSERT INTO deployments (tenant, name, adapter, stable_version, canary_version, canary_weight, has_previous,
      previous_version, instructions, retrieval, created_at, updated_at, revision)
      VALUES ('bank', 'assistant', 'support', 2, 3, 10, 1, 1, '', '{}', 1, 1, 2)`,
    ...[1, 2].map(
      (version) => `INSERT INTO rollout_events (tenant, deployment, revision, type, actor, served, created_at) VALUES
        ('bank', 'assistant', ${version}, 'deployed', 'a', '{"adapter":"support","stableVersion":${version}}', 1)`,
    ),
  ]);
  const registry = await openTestRegistry(dataDir);
  t.teardown(() => registry.close());
  t.same(
    (await registry.listAdapters('bank')).map(({ status }) => status),
    ['approved', 'approved', 'candidate'],
  );
  t.match(await registry.listVersionEvents('bank', 'support', 1), [{ from: null, to: 'approved', actor: 'migration' }]);
  const database = openSqlite(join(dataDir, 'registry.db'));
  t.teardown(() => database.close());
  t.same(database.pragma('foreign_key_check'), []);
});
