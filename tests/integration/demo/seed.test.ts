import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isDemoFor, seedDemo, waitForDemoDocuments } from '../../../src/demo/seed.js';
import { openTestRegistry } from '../registry/open.js';
import { memoryRetrieval } from './memory-retrieval.js';

const POLICY = readFileSync(new URL('../../../indexes/policies/northwind-bank.json', import.meta.url), 'utf8');

async function setUp(t: Test) {
  const root = t.testdir({
    data: {},
    adapters: {
      base: {
        'northwind-bank-1': { 'adapter_model.safetensors': 'b1' },
        'northwind-bank-2': { 'adapter_model.safetensors': 'b2' },
        'copilot-1': { 'adapter_model.safetensors': 'c1' },
      },
    },
    indexes: {
      policies: { 'northwind-bank.json': POLICY },
      'northwind-bank': { 'fees.md': '# Fees', 'cards.md': '# Cards', 'loans.md': '# Loans', 'notes.txt': '-' },
    },
    node_modules: {
      fastify: { 'package.json': '{}', docs: { 'index.md': '# Fastify', Reference: { 'Hooks.md': '# Hooks' } } },
      undici: { 'package.json': '{}', docs: { 'index.md': '# Undici' } },
      pino: { 'package.json': '{}', docs: { 'api.md': '# Pino' } },
    },
  });
  const registry = await openTestRegistry(join(root, 'data'), { demo: true });
  t.teardown(() => registry.close());
  const memory = memoryRetrieval();
  const seed = (base = { id: 'base', baseDigest: 'base' }, embedder = 'bge-small-en-v1.5-qa') =>
    seedDemo({ registry, retrieval: memory.retrieval, base, embedder, root });
  return { root, registry, memory, seed };
}

t.test('an empty gateway gets both sample tenants with keys, adapters, deployments and documents', async (t) => {
  const { registry, memory, seed } = await setUp(t);
  await seed();
  const scopes = ['inference', 'documents', 'route'];
  t.match(await registry.authenticate('sk-demo-northwind-bank'), { tenant: 'northwind-bank', scopes });
  t.match(await registry.authenticate('sk-demo-copilot'), { tenant: 'copilot', scopes });
  t.match(await registry.authenticate('sk-demo-admin'), { tenant: 'admin', scopes: [...scopes, 'admin'] });
  t.match(await registry.getDeployment('northwind-bank', 'assistant'), {
    adapter: 'northwind-bank',
    stableVersion: 1,
    canaryVersion: 2,
    canaryWeight: 0,
    retrieval: { enabled: true, topK: 4 },
    policy: { name: 'bank', revision: 1 },
  });
  t.same((await registry.getPolicy('northwind-bank', 'bank', 1)).rules, JSON.parse(POLICY));
  t.match(await registry.getDeployment('copilot', 'assistant'), {
    adapter: 'copilot',
    stableVersion: 1,
    canaryVersion: null,
    policy: null,
  });
  t.same(Object.keys(memory.contents('northwind-bank')), ['cards.md', 'fees.md', 'loans.md']);
  t.same(memory.contents('copilot'), {
    'fastify/Reference/Hooks.md': '# Hooks',
    'fastify/index.md': '# Fastify',
    'undici/index.md': '# Undici',
    'pino/api.md': '# Pino',
  });
});

t.test('a second start changes nothing, not even what a person has changed', async (t) => {
  const { registry, memory, seed } = await setUp(t);
  await seed();
  memory.finishIngestion();
  const promoted = await registry.promote('northwind-bank', 'assistant');
  const [key] = await registry.listKeys('copilot');
  await registry.revokeKey('copilot', key!.id);
  const uploads = memory.uploads();
  await seed();
  t.same(await registry.getDeployment('northwind-bank', 'assistant'), promoted);
  t.equal(await registry.authenticate('sk-demo-copilot'), null);
  t.equal(memory.uploads(), uploads);
});

t.test(
  'a data folder keeps the sample adapters that it was seeded with, and it is said that there are newer ones',
  async (t) => {
    const { root, registry, seed } = await setUp(t);
    t.same(await seed(), [], 'the first start has the newest');
    const folder = join(root, 'adapters/base/northwind-bank-2');
    writeFileSync(join(folder, 'adapter_model.safetensors'), 'trained better');
    t.same(await seed(), [{ tenant: 'northwind-bank', folder, place: 'canary' }]);
    t.equal((await registry.listAdapters('northwind-bank')).length, 2, 'and nothing is added');
    await registry.addAdapter({ tenant: 'northwind-bank', name: 'northwind-bank', folder });
    t.same(await seed(), []);
  },
);

t.test('a policy that was taken away stays away, and none is screened by thresholds of another embedder', async (t) => {
  const { registry, seed } = await setUp(t);
  await seed(undefined, 'another-embedder');
  t.match(await registry.getDeployment('northwind-bank', 'assistant'), { stableVersion: 1, policy: null });
  await seed();
  t.match(await registry.getDeployment('northwind-bank', 'assistant'), { policy: null });
});

t.test('a base model without sample adapters answers alone', async (t) => {
  const { registry, seed } = await setUp(t);
  await seed({ id: 'foreign', baseDigest: 'foreign' });
  t.match(await registry.getDeployment('northwind-bank', 'assistant'), { adapter: null, stableVersion: null });
  t.same(await registry.listAdapters('northwind-bank'), []);
});

t.test('the samples are for the bases that have adapters of theirs', async (t) => {
  const { root } = await setUp(t);
  t.equal(isDemoFor('base', root), true);
  t.equal(isDemoFor('my-model', root), false);
});

t.test('after a change of the base model the deployments follow to the adapters made for it', async (t) => {
  const { root, registry, seed } = await setUp(t);
  await registry.createTenant({ id: 'northwind-bank', name: 'Northwind Bank' });
  mkdirSync(join(root, 'old'));
  writeFileSync(join(root, 'old/weights'), 'other base: trained before');
  await registry.addAdapter({ tenant: 'northwind-bank', name: 'northwind-bank', folder: join(root, 'old') });
  const retrieval = { enabled: true, topK: 3, minScore: 0.2, budgetTokens: 600 };
  const old = { tenant: 'northwind-bank', name: 'assistant', adapter: 'northwind-bank', stableVersion: 1 };
  await registry.putDeployment({ ...old, instructions: '', retrieval });
  await seed();
  t.match(await registry.getDeployment('northwind-bank', 'assistant'), { stableVersion: 2, canaryVersion: 3 });
  await seed();
  t.equal((await registry.listAdapters('northwind-bank')).length, 3);
});

t.test('a changed document is replaced, a failed one is tried again, others are left alone', async (t) => {
  const { root, memory, seed } = await setUp(t);
  await seed();
  memory.finishIngestion();
  const uploads = memory.uploads();
  writeFileSync(join(root, 'indexes/northwind-bank/fees.md'), '# New fees');
  await seed();
  t.equal(memory.uploads(), uploads + 1);
  t.equal(memory.contents('northwind-bank')['fees.md'], '# New fees');
  memory.finishIngestion('failed');
  await seed();
  t.equal(memory.uploads(), 2 * uploads + 1);
});

t.test('a file that was uploaded but not attached does not stay behind', async (t) => {
  const { memory, seed } = await setUp(t);
  const half = { filename: 'fees.md', purpose: 'assistants', content: Buffer.from('# Fees') };
  const { id } = await memory.retrieval.createFile('northwind-bank', half);
  await seed();
  const { items } = await memory.retrieval.listFiles('northwind-bank', { limit: 100, after: null, order: 'asc' }, null);
  t.notOk(items.some((file) => file.id === id));
});

t.test('waiting ends when every document is searchable, and can be broken off', async (t) => {
  const { memory, seed } = await setUp(t);
  await seed();
  const progress: string[] = [];
  await waitForDemoDocuments(
    memory.retrieval,
    (done, total) => {
      progress.push(`${done}/${total}`);
      if (progress.length === 2) memory.finishIngestion();
    },
    new AbortController().signal,
  );
  t.same(progress, ['0/7', '0/7', '7/7']);
  await waitForDemoDocuments(memory.retrieval, () => t.fail('it looked again'), AbortSignal.abort());
});

t.test('without the sample documents the demo says what to do', async (t) => {
  const { root, seed } = await setUp(t);
  rmSync(join(root, 'node_modules/fastify/docs'), { recursive: true });
  await t.rejects(seed(), { code: 'config_invalid', message: /SWITCHYARD_DEMO=false/ });
});
