import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeOldRegistry, openTestRegistry, retrieval } from './open.js';

async function setUp(t: Test) {
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, c: { weights: '3' }, data: {} });
  const registry = await openTestRegistry(join(root, 'data'));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  for (const folder of ['a', 'b', 'c']) {
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  }
  const settings = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: 'Be brief.', retrieval };
  const put = (stableVersion: number | null) => registry.putDeployment({ ...settings, stableVersion });
  return { root, registry, settings, put };
}

t.test('a deployment is created, read, listed, and survives a restart', async (t) => {
  const { root, registry, put } = await setUp(t);
  const created = await put(1);
  t.match(created, {
    adapter: 'support',
    stableVersion: 1,
    canaryVersion: null,
    canaryWeight: 0,
    revision: 1,
    retrieval,
  });
  t.same(await registry.getDeployment('bank', 'assistant'), created);
  await registry.close();
  const reopened = await openTestRegistry(join(root, 'data'));
  t.same(await reopened.listDeployments('bank'), [created]);
  await reopened.close();
});

t.test('a canary is set, weighed, promoted, and rolled back one step', async (t) => {
  const { registry, put } = await setUp(t);
  await put(1);
  t.match(await registry.setCanary('bank', 'assistant', { version: 2, weight: 0 }), {
    canaryVersion: 2,
    canaryWeight: 0,
  });
  t.match(await registry.setCanary('bank', 'assistant', { version: 2, weight: 12.5 }), {
    canaryWeight: 12.5,
    revision: 3,
  });
  t.match(await registry.promote('bank', 'assistant'), { stableVersion: 2, canaryVersion: null, canaryWeight: 0 });
  t.match(
    await registry.promote('bank', 'assistant'),
    { stableVersion: 2, revision: 4 },
    'said again, it does nothing',
  );
  t.match(await registry.rollback('bank', 'assistant'), { stableVersion: 1, revision: 5 });
  await t.rejects(registry.promote('bank', 'assistant'), { code: 'no_canary' });
});

t.test('what it generates by stays where a change does not say it, and is checked', async (t) => {
  const { registry, settings, put } = await setUp(t);
  t.match(await put(1), { generation: {} });
  const said = { ...settings, stableVersion: 1, generation: { temperature: 0.7, maxTokens: 300 } };
  t.match(await registry.putDeployment(said), { generation: said.generation, revision: 2 });
  t.match(await put(2), { generation: said.generation });
  t.same((await registry.putDeployment({ ...said, generation: {} })).generation, {});
  const wrong: [object, RegExp][] = [
    [{ temperature: 3 }, /^generation\.temperature: must be from 0 to 2, got 3/],
    [{ maxTokens: 1.5 }, /^generation\.maxTokens: must be an integer/],
    [{ seed: 1 }, /^generation\.seed: is not known/],
  ];
  for (const [generation, message] of wrong) {
    await t.rejects(registry.putDeployment({ ...said, generation }), { code: 'invalid_value', message });
  }
});

t.test('a rollback drops a canary first and leaves stable alone', async (t) => {
  const { registry, put } = await setUp(t);
  await put(1);
  await put(2);
  await registry.setCanary('bank', 'assistant', { version: 3, weight: 50 });
  const dropped = await registry.rollback('bank', 'assistant');
  t.match(dropped, { stableVersion: 2, canaryVersion: null, canaryWeight: 0 });
  t.same(await registry.rollback('bank', 'assistant'), dropped, 'said again, it does not go back further');
});

t.test('the bare base is a stable version that can be gone back to', async (t) => {
  const { registry, put } = await setUp(t);
  await put(null);
  await registry.setCanary('bank', 'assistant', { version: 1, weight: 10 });
  t.match(await registry.promote('bank', 'assistant'), { stableVersion: 1 });
  t.match(await registry.rollback('bank', 'assistant'), { stableVersion: null });
});

t.test('the revision grows with every change and only then', async (t) => {
  const { registry, put } = await setUp(t);
  const first = await put(1);
  t.same(await put(1), first);
  const second = await put(2);
  t.equal(second.revision, 2);
  t.ok(second.updatedAt > first.updatedAt);
  t.equal(second.createdAt, first.createdAt);
  await registry.setCanary('bank', 'assistant', { version: 3, weight: 1 });
  t.equal((await registry.setCanary('bank', 'assistant', { version: 3, weight: 1 })).revision, 3);
});

t.test('putting the canary as stable ends it, and another adapter starts afresh', async (t) => {
  const { root, registry, settings, put } = await setUp(t);
  await put(1);
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 50 });
  t.match(await put(2), { stableVersion: 2, canaryVersion: null, canaryWeight: 0 });
  await registry.addAdapter({ tenant: 'bank', name: 'other', folder: join(root, 'a') });
  await registry.putDeployment({ ...settings, adapter: 'other', stableVersion: 1 });
  await t.rejects(registry.rollback('bank', 'assistant'), { code: 'nothing_to_roll_back' });
});

t.test('what does not exist or does not fit is refused and changes nothing', async (t) => {
  const { registry, settings, put } = await setUp(t);
  const created = await put(1);
  const canary = (version: number, weight: number) => registry.setCanary('bank', 'assistant', { version, weight });
  await t.rejects(canary(9, 10), { code: 'not_found', message: /support@9/ });
  await t.rejects(canary(1, 10), { code: 'invalid_value', message: /stable version already/ });
  for (const weight of [-1, 100.1, Number.NaN])
    await t.rejects(canary(2, weight), { code: 'invalid_value', params: { param: 'weight' } });
  await t.rejects(put(9), { code: 'not_found' });
  const change = (fields: object) => registry.putDeployment({ ...settings, stableVersion: 1, ...fields });
  await t.rejects(change({ adapter: null }), { code: 'invalid_value', params: { param: 'stableVersion' } });
  await t.rejects(change({ name: 'a@1' }), { code: 'invalid_value', params: { param: 'name' } });
  await t.rejects(change({ tenant: 'nobody' }), { code: 'not_found' });
  await t.rejects(change({ instructions: 'x'.repeat(8001) }), { message: /at most 8000 characters, got 8001/ });
  await t.rejects(change({ retrieval: { ...retrieval, topK: 51 } }), {
    code: 'invalid_value',
    params: { param: 'retrieval.topK' },
  });
  await t.rejects(registry.getDeployment('bank', 'nothing'), { code: 'not_found' });
  t.same(await registry.getDeployment('bank', 'assistant'), created);
});

t.test('least scores that were set for cosines are brought to the scale of shares, once', async (t) => {
  const root = t.testdir({ data: {} });
  const deploy = (name: string, minScore: number) => `INSERT INTO deployments
    (tenant, name, canary_weight, has_previous, instructions, retrieval, created_at, updated_at, revision)
    VALUES ('bank', '${name}', 0, 0, '', '${JSON.stringify({ ...retrieval, minScore })}', 1, 1, 1)`;
  await makeOldRegistry(join(root, 'data'), '0003', [deploy('assistant', 0.2), deploy('all', -1)]);
  for (let start = 0; start < 2; start++) {
    const again = await openTestRegistry(join(root, 'data'));
    t.same((await again.getDeployment('bank', 'assistant')).retrieval, { ...retrieval, minScore: 0.05 });
    t.equal((await again.getDeployment('bank', 'all')).retrieval.minScore, 0);
    await again.close();
  }
});
