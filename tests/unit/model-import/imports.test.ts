import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { AppError } from '../../../src/errors/app-error.js';
import { IMPORTER_VERSION } from '../../../src/layouts/manifest.js';
import { createMetrics } from '../../../src/metrics/metrics.js';
import { createModelImports } from '../../../src/model-import/imports.js';
import { type PullApart, pullApart } from '../../../src/model-import/pull-apart.js';
import { openTestRegistry } from '../../integration/registry/open.js';

const clock = { now: Date.now, monotonicMs: () => performance.now() };
const hub = (name: string, as: string | null = null) => ({ model: `hub:owner/${name}`, as });

/** With the model `tiny`, imported. */
function dataDirOf(t: Test): string {
  const sha256 = createHash('sha256').update('weights').digest('hex');
  const manifest = {
    ...{ format: 'switchyard-decoder-2', id: 'tiny', importer: { version: IMPORTER_VERSION } },
    files: { 'model.onnx': { bytes: 7, sha256 } },
  };
  return t.testdir({ models: { tiny: { 'manifest.json': JSON.stringify(manifest), 'model.onnx': 'weights' } } });
}

async function setUp(t: Test) {
  const dataDir = dataDirOf(t);
  const registry = await openTestRegistry(dataDir, { clock });
  t.teardown(() => registry.close());
  const metrics = createMetrics(loadConfig({ env: {} }).metrics, clock);
  const open = (pull: PullApart, isAlone = true) => {
    const imports = createModelImports({
      ...{ registry: { ...registry, isAlone }, dataDir, sourceDir: null, inUse: ['tiny'], metrics, clock, pull },
      onError: (error) => t.error(error),
    });
    imports.begin();
    t.teardown(() => imports.close());
    const until = async (id: string, isSo: (one: Awaited<ReturnType<typeof imports.get>>) => boolean) => {
      for (;;) {
        const one = await imports.get(id);
        if (isSo(one)) return one;
        await sleep(5);
      }
    };
    return { imports, until };
  };
  return { registry, metrics, open };
}

t.test('a model is fetched behind the requests, one at a time, and what goes on is told', async (t) => {
  const { registry, metrics, open } = await setUp(t);
  const tasks: string[] = [];
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const { imports, until } = open(async ({ model, as }, report) => {
    tasks.push(model);
    const of = { model: 'x', detail: 'Hugging Face Hub', bytesTotal: 100 };
    report({ ...of, stage: 'download', bytesDone: 50 });
    await gate;
    return as ?? 'x';
  });
  const first = await imports.start(hub('a', 'mine'));
  t.match(first, { model: 'hub:owner/a', as: 'mine', status: 'queued', progress: 0, bytes: null });
  t.equal((await imports.start(hub('a', 'mine'))).id, first.id, 'the same one');
  const second = await imports.start(hub('b'));
  const running = await until(first.id, ({ bytes }) => bytes !== null);
  t.match(running, { status: 'running', detail: 'Hugging Face Hub', bytes: { done: 50, total: 100 } });
  t.match(await imports.get(second.id), { status: 'queued' });
  t.same(tasks, ['hub:owner/a']);
  go();
  t.match(await until(first.id, ({ status }) => status === 'completed'), { progress: 1, bytes: null });
  await until(second.id, ({ status }) => status === 'completed');
  t.match(await imports.list(), [{ id: second.id }, { id: first.id }]);
  t.match(await metrics.render(), /jobs_ended_total\{kind="model_import",outcome="completed"\} 2/);
  const { entries } = await registry.listAudit('*', { limit: 10, before: null });
  t.match(
    entries.filter(({ subject }) => subject === 'mine' || subject === first.id),
    [{ action: 'model.imported', after: { model: 'hub:owner/a' } }, { action: 'model.import_started' }],
  );
});

t.test('one that is called off stops, and one that was interrupted goes on', async (t) => {
  const { open } = await setUp(t);
  let stopped = 0;
  const stuck: PullApart = async (_task, _report, signal) => {
    await sleep(60_000, undefined, { signal }).finally(() => stopped++);
    return 'x';
  };
  const { imports, until } = open(stuck);
  const off = await imports.start(hub('a'));
  await until(off.id, ({ status }) => status === 'running');
  t.match(await imports.cancel(off.id), { status: 'cancelled' });
  while (stopped === 0) await sleep(20);
  const next = await imports.start(hub('b'));
  await until(next.id, ({ status }) => status === 'running');
  await imports.close();
  t.equal(stopped, 2);
  t.match(await imports.get(next.id), { status: 'queued', attempts: 0 });
  const later = open(async () => 'x');
  t.match(await later.until(next.id, ({ status }) => status === 'completed'), { attempts: 1 });
  t.match(await later.imports.cancel(next.id), { status: 'completed' }, 'as it is');
});

t.test('why it failed is told; what is no model, or somebody else its place, is refused at once', async (t) => {
  const { open } = await setUp(t);
  const { imports, until } = open(async ({ model }) => {
    throw new AppError('model_unavailable', { model, reason: 'nobody has it' });
  });
  const { id } = await imports.start(hub('a'));
  t.match(await until(id, ({ status }) => status === 'failed'), {
    error: { code: 'model_unavailable', message: /nobody has it/ },
  });
  await t.rejects(imports.start({ model: 'nothing', as: null }), { message: /^model: nothing is not known/ });
  await t.rejects(imports.start({ model: 'tiny', as: 'x' }), { message: /^as: is for models of the Hub/ });
  await t.rejects(imports.start(hub('a', '../x')), { message: /^as: must be letters/ });
  await t.rejects(imports.start(hub('a', 'tiny')), { message: /^as: tiny is in use/ });
  t.match(
    (await imports.models()).filter((one) => one.id === 'tiny'),
    [{ kind: 'base', isImported: true, isInUse: true, bytes: 7 }],
  );
  const shared = open(async () => 'x', false);
  await t.rejects(shared.imports.start(hub('b')), { message: /share a registry/ });
});

t.test('the process of its own says what there is, why not, and ends when it is called off', async (t) => {
  const dataDir = dataDirOf(t);
  const task = { model: 'tiny', as: null, dataDir, sourceDir: null };
  const never = new AbortController().signal;
  t.equal(await pullApart(task, () => {}, never), 'tiny');
  await t.rejects(
    pullApart({ ...task, model: 'nothing' }, () => {}, never),
    { code: 'model_unavailable' },
  );
  const stop = new AbortController();
  const pulled = pullApart({ ...task, model: 'hub:owner/x' }, () => {}, stop.signal);
  stop.abort(new Error('called off'));
  await t.rejects(pulled, { message: 'called off' });
});
