import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openTestRegistry } from './open.js';

const folders = { a: { weights: 'first' }, b: { weights: 'second' }, 'a-again': { weights: 'first' }, empty: {} };

async function setUp(t: Test) {
  const root = t.testdir({ ...folders, data: {} });
  const registry = await openTestRegistry(join(root, 'data'));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.createTenant({ id: 'copilot', name: 'Copilot' });
  const add = (folder: string, version?: number, tenant = 'bank') =>
    registry.addAdapter({ tenant, name: 'support', folder: join(root, folder), ...(version && { version }) });
  return { root, registry, add };
}

t.test('versions count up, and the same content under the same name is the version it was', async (t) => {
  const { root, registry, add } = await setUp(t);
  const first = await add('a');
  t.match(first, { tenant: 'bank', name: 'support', version: 1, rank: 8, targets: ['q_proj', 'v_proj'] });
  t.equal(first.compiledFile, join(root, 'data', 'adapters', first.digest, 'adapter.bin'));
  t.equal((await add('b')).version, 2);
  t.same(await add('a-again'), first);
  t.same(
    (await registry.listAdapters('bank')).map(({ version }) => version),
    [1, 2],
  );
  t.same(await registry.getAdapterVersion('bank', 'support', 1), first);
});

t.test('an exact version is taken as asked, never given to other content', async (t) => {
  const { add } = await setUp(t);
  t.equal((await add('a', 5)).version, 5);
  t.equal((await add('a', 5)).version, 5);
  await t.rejects(add('b', 5), { code: 'already_exists', message: /support@5/ });
  await t.rejects(add('a', 6), { code: 'invalid_value', message: /support@5 already/ });
  t.equal((await add('b')).version, 6);
});

t.test('adds that race get different versions', async (t) => {
  const { add } = await setUp(t);
  const versions = await Promise.all([add('a'), add('b'), add('a-again')]);
  t.same([...new Set(versions.map(({ version }) => version))].sort(), [1, 2]);
});

t.test('a tenant never sees the adapters of another, and both may hold the same content', async (t) => {
  const { registry, add } = await setUp(t);
  await add('a');
  await t.rejects(registry.getAdapterVersion('copilot', 'support', 1), { code: 'not_found' });
  t.same(await registry.listAdapters('copilot'), []);
  t.equal((await add('a', undefined, 'copilot')).version, 1);
});

t.test('what the compiler refuses is not registered', async (t) => {
  const { registry, add } = await setUp(t);
  await t.rejects(add('empty'), { code: 'adapter_invalid', message: /no weights/ });
  t.same(await registry.listAdapters('bank'), []);
});

t.test('the data folder may move', async (t) => {
  const { root, registry, add } = await setUp(t);
  const { digest } = await add('a');
  await registry.close();
  cpSync(join(root, 'data'), join(root, 'moved'), { recursive: true });
  const moved = await openTestRegistry(join(root, 'moved'));
  const { compiledFile } = await moved.getAdapterVersion('bank', 'support', 1);
  await moved.close();
  t.equal(compiledFile, join(root, 'moved', 'adapters', digest, 'adapter.bin'));
});
