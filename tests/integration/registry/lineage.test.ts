import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeOldRegistry, openTestRegistry } from './open.js';

const DATA = 'a'.repeat(64);

async function setUp(t: Test) {
  const training = {
    dataDigest: DATA,
    trainer: 'train.py',
    hyperparameters: { rank: 8 },
    figures: { final_loss: 0.1 },
  };
  const root = t.testdir({
    a: { weights: '1', training: JSON.stringify(training) },
    b: { weights: '2' },
    data: {},
  });
  const registry = await openTestRegistry(join(root, 'data'));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const add = (folder: string, lineage = {}) =>
    registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder), lineage }, { actor: 'key_1' });
  return { registry, add };
}

t.test('a version keeps what its folder and whoever added it say of where it comes from', async (t) => {
  const { registry, add } = await setUp(t);
  const first = await add('a', { description: 'The first.', license: 'MIT' });
  t.match(first, {
    baseModel: 'small',
    addedBy: 'key_1',
    sources: [{ name: 'adapter_model.safetensors' }],
    lineage: { dataDigest: DATA, trainer: 'train.py', figures: { final_loss: 0.1 }, license: 'MIT', parent: null },
  });
  t.same(await registry.getAdapterVersion('bank', 'support', 1), first);
  const again = await add('a', { description: 'Another text.' });
  t.equal(again.lineage.description, 'The first.', 'it never changes');
  const second = await add('b', { parent: { name: 'support', version: 1 }, dataDigest: DATA });
  t.match(second.lineage, { parent: { version: 1 }, dataDigest: DATA, trainer: null });
});

t.test('what contradicts the folder, names no version or is too much is refused, and nothing is added', async (t) => {
  const { registry, add } = await setUp(t);
  const cases: [string, object, { code: string; message: RegExp }][] = [
    ['a', { dataDigest: 'b'.repeat(64) }, { code: 'invalid_value', message: /training\.json says a{64}/ }],
    ['b', { dataDigest: 'abc' }, { code: 'invalid_value', message: /^lineage\.dataDigest/ }],
    ['b', { parent: { name: 'support', version: 9 } }, { code: 'not_found', message: /support@9/ }],
    ['b', { description: 'x'.repeat(4001) }, { code: 'invalid_value', message: /^lineage\.description/ }],
    [
      'b',
      { hyperparameters: { x: 'x'.repeat(64_000) } },
      { code: 'invalid_value', message: /^lineage\.hyperparameters/ },
    ],
    ['b', { figures: { x: Number.NaN } }, { code: 'invalid_value', message: /^lineage\.figures\.x/ }],
  ];
  for (const [folder, lineage, error] of cases) await t.rejects(add(folder, lineage), error, JSON.stringify(error));
  t.same(await registry.listAdapters('bank'), []);
});

t.test('reports of evaluations are added to a version, and none is changed', async (t) => {
  const { registry, add } = await setUp(t);
  await add('a');
  const report = { name: 'eval', figures: { fact: 0.65 }, dataDigest: null };
  t.match(await registry.addEvaluation('bank', 'support', 1, report, { actor: 'key_2' }), { seq: 1, actor: 'key_2' });
  await registry.addEvaluation('bank', 'support', 1, { ...report, figures: { fact: 0.7 } });
  t.match(await registry.listEvaluations('bank', 'support', 1), [
    { figures: { fact: 0.65 } },
    { figures: { fact: 0.7 } },
  ]);
  for (const [wrong, message] of [
    [{ name: '' }, /^name/],
    [{ figures: {} }, /^figures/],
    [{ figures: { x: Number.POSITIVE_INFINITY } }, /^figures\.x/],
    [{ dataDigest: 'x' }, /^dataDigest/],
  ] as const) {
    const refused = registry.addEvaluation('bank', 'support', 1, { ...report, ...wrong });
    await t.rejects(refused, { code: 'invalid_value', message });
  }
  await t.rejects(registry.addEvaluation('bank', 'support', 2, report), { code: 'not_found' });
  const { entries } = await registry.listAudit('bank', { limit: 1, before: null });
  t.match(entries, [{ action: 'adapter.evaluated', subject: 'support@1', after: { seq: 2 } }]);
});

t.test('of versions of before nothing is known', async (t) => {
  const dataDir = t.testdir();
  await makeOldRegistry(dataDir, '0021', [
    `INSERT INTO adapters VALUES ('bank', 'support', 1, 'd', 'f', 'b', 8, '[]', 1, 1, 'approved')`,
  ]);
  const registry = await openTestRegistry(dataDir);
  t.teardown(() => registry.close());
  const unknown = { baseModel: null, addedBy: null, sources: null, lineage: { parent: null, figures: {} } };
  t.match(await registry.listAdapters('bank'), [unknown]);
});
