import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { openTestRegistry, retrieval } from './open.js';

async function setUp(t: Test) {
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, data: {} });
  const data = join(root, 'data');
  const registry = await openTestRegistry(data);
  t.teardown(() => registry.close());
  for (const id of ['bank', 'shop']) await registry.createTenant({ id, name: id });
  const add = (folder: string, { tenant = 'bank', ...more } = {}) =>
    registry.addAdapter({ tenant, name: 'support', folder: join(root, folder), ...more });
  return { data, registry, add };
}

t.test('a version is deleted with its files, and its number is not given again', async (t) => {
  const { registry, add } = await setUp(t);
  await add('a');
  const { compiledFile } = await add('b');
  await registry.deleteVersion('bank', 'support', 2);
  await t.rejects(registry.getAdapterVersion('bank', 'support', 2), { code: 'not_found' });
  t.notOk(existsSync(compiledFile));
  await t.rejects(add('b', { version: 2 } as object), { code: 'already_exists' });
  t.match(await add('b'), { version: 3 });
  const { entries } = await registry.listAudit('bank', { limit: 2, before: null });
  t.match(entries[1], { action: 'adapter.deleted', subject: 'support@2', before: { version: 2 }, after: null });
  await t.rejects(registry.deleteVersion('shop', 'support', 1), { code: 'not_found' }, "another tenant's");
});

t.test('files that another version has, also of another tenant, stay', async (t) => {
  const { registry, add } = await setUp(t);
  const { compiledFile } = await add('a');
  await add('a', { tenant: 'shop' });
  await registry.deleteVersion('bank', 'support', 1);
  t.ok(existsSync(compiledFile));
  await registry.deleteVersion('shop', 'support', 1);
  t.notOk(existsSync(compiledFile));
});

t.test('what is served, would be gone back to, or has a name is not deleted', async (t) => {
  const { registry, add } = await setUp(t);
  await add('a');
  await add('b');
  const named = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: '', retrieval };
  await registry.putDeployment({ ...named, stableVersion: 1 });
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 1 });
  await registry.putAlias({ tenant: 'bank', adapter: 'support', alias: 'nightly', version: 2 });
  const refused = (version: number, message: RegExp) =>
    t.rejects(registry.deleteVersion('bank', 'support', version), { code: 'version_in_use', message });
  await refused(1, /support@1 is stable of assistant, so it cannot be deleted/);
  await refused(2, /canary of assistant, named nightly/);
  await registry.promote('bank', 'assistant');
  await refused(1, /what assistant would go back to/);
});

t.test('content that was revoked does not come back under another number', async (t) => {
  const { registry, add } = await setUp(t);
  await add('a');
  await registry.setVersionStatus('bank', 'support', 1, 'revoked');
  t.match(await add('a'), { version: 1, status: 'revoked' });
  await registry.deleteVersion('bank', 'support', 1);
  await t.rejects(add('a'), { code: 'invalid_transition', message: /support@1 is revoked/ });
  t.match(await add('a', { tenant: 'shop' }), { status: 'candidate' }, 'another tenant decides for itself');
});

t.test('files that no version names are collected, and those of others are not', async (t) => {
  const { data, registry, add } = await setUp(t);
  const { compiledFile } = await add('a');
  const orphan = join(data, 'adapters', 'f'.repeat(64));
  mkdirSync(orphan);
  t.equal(await registry.collectAdapterFiles(), 1);
  t.notOk(existsSync(orphan));
  t.ok(existsSync(compiledFile));
  t.equal(await registry.collectAdapterFiles(), 0);
  t.ok(existsSync(dirname(compiledFile)));
});
