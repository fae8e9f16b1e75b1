/** Several registries over one PostgreSQL: each in a data folder of its own, as each gateway has one. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import t, { type Test } from 'tap';
import { JobRunner } from '../../../src/jobs/runner.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { openTestRegistry, retrieval } from './open.js';
import { agree, eventually, open, openTwo as openTwoOn, rowsOf } from './shared.js';

const server = await startPostgres();
t.teardown(() => server.close());
const openTwo = (t: Test) => openTwoOn(t, server);

t.test('what is changed in one is changed in all, and one audit log has it', async (t) => {
  const { root, url, a, b } = await openTwo(t);
  t.equal((await b.registry.listTenants())[0]!.name, 'Bank', 'there before it came');
  const { secret, id } = await b.registry.createKey({ tenant: 'bank', label: 'k', scopes: ['inference'] });
  t.match(
    await eventually(
      () => a.registry.authenticate(secret),
      (found) => found !== null,
    ),
    { keyId: id },
  );
  await a.registry.revokeKey('bank', id);
  await eventually(
    () => b.registry.authenticate(secret),
    (found) => found === null,
  );

  await a.registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, 'one') });
  await a.registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, 'two') });
  await eventually(
    () => b.registry.listAdapters('bank'),
    ({ length }) => length === 2,
  );
  const { compiledFile } = await b.registry.getAdapterVersion('bank', 'support', 1);
  t.equal(readFileSync(compiledFile, 'utf8'), '1', 'fetched where it is asked for');
  t.ok(compiledFile.startsWith(b.dataDir));
  await b.registry.putDeployment({
    ...{ tenant: 'bank', name: 'assistant', adapter: 'support', stableVersion: 2, instructions: '\0ü', retrieval },
  });
  await eventually(
    () => a.registry.getDeployment('bank', 'assistant'),
    ({ stableVersion }) => stableVersion === 2,
  );
  await b.registry.deleteVersion('bank', 'support', 1);
  await eventually(
    async () => existsSync(join(a.dataDir, 'adapters', compiledFile.split('/').at(-2)!)),
    (is) => !is,
  );
  await agree(t, url, a.dataDir, b.dataDir);

  const c = await open(t, join(root, 'c'), url);
  t.equal((await c.registry.getDeployment('bank', 'assistant')).instructions, '\0ü');
  await agree(t, url, a.dataDir, c.dataDir);
  t.same([a.errors, b.errors, c.errors], [[], [], []]);
});

t.test('a change that a gateway was not told of is found when it looks', async (t) => {
  const { url, a, b } = await openTwo(t);
  const sql = new pg.Client({ connectionString: url });
  await sql.connect();
  const listening = `from pg_stat_activity where datname = current_database() and query like 'listen%'`;
  // They begin to listen behind their opening.
  await eventually(
    () => sql.query(`select 1 ${listening}`),
    ({ rowCount }) => rowCount === 2,
  );
  const { rowCount } = await sql.query(`select pg_terminate_backend(pid) ${listening}`);
  await sql.end();
  t.equal(rowCount, 2, 'nobody listens');
  await a.registry.createTenant({ id: 'shop', name: 'Shop' });
  await eventually(
    () => b.registry.listTenants(),
    ({ length }) => length === 2,
  );
});

t.test('of changes that exclude each other one is made, of all others none is lost', async (t) => {
  const { root, url, a, b } = await openTwo(t);
  for (const folder of ['one', 'two']) {
    await a.registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  }
  const plain = { tenant: 'bank', adapter: 'support', instructions: '', retrieval };
  await a.registry.putDeployment({ ...plain, name: 'assistant', stableVersion: 1 });
  await eventually(
    () => b.registry.getDeployment('bank', 'assistant'),
    ({ revision }) => revision === 1,
  );
  const tries = await Promise.allSettled(
    [a, b, a, b].map(({ registry }) =>
      registry.putDeployment({ ...plain, name: 'assistant', stableVersion: 2 }, { actor: 'x', ifRevision: 1 }),
    ),
  );
  const lost = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  t.same(lost, ['revision_mismatch', 'revision_mismatch', 'revision_mismatch']);

  const leases = await Promise.all(
    [a, b].map(({ registry }, i) => registry.takeLease('rollouts', `holder ${i}`, 60_000)),
  );
  t.same([...leases].sort(), [false, true], 'one acts');

  const keys = Array.from({ length: 24 }, (_, i) =>
    [a, b][i % 2]!.registry.createKey({ tenant: 'bank', label: `k${i}`, scopes: ['inference'] }),
  );
  await Promise.all(keys);
  await eventually(
    () => a.registry.listKeys('bank'),
    ({ length }) => length === 24,
  );
  await agree(t, url, a.dataDir, b.dataDir);
  const { entries } = await b.registry.listAudit('bank', { limit: 100, before: null });
  t.equal(entries.filter(({ action }) => action === 'key.created').length, 24);
});

t.test(
  'records of answers come behind them, sums of use are added, and what refers to a record finds it',
  async (t) => {
    const { url, a, b } = await openTwo(t);
    const day = Date.UTC(2026, 10, 27);
    const ids = Array.from({ length: 40 }, (_, i) => `a${i}`);
    await Promise.all(
      ids.map(async (id, i) => {
        const { registry } = [a, b][i % 2]!;
        await registry.recordAnswer(answerRecord({ id, createdAt: day }), i < 4 ? 'alice' : null);
        await registry.recordSignals(answerSignals({ answerId: id }));
      }),
    );
    const rated = await a.registry.addFeedback({ tenant: 'bank', keyId: 'key_1' }, feedbackOn('a0'));
    t.ok(rated.isFirst);
    await eventually(
      () => b.registry.getAnswer('bank', 'a0'),
      ({ durationMs }) => durationMs === 321.5,
    );
    await b.registry.addFeedback({ tenant: 'bank', keyId: 'key_2' }, feedbackOn('a0'));
    const all = { tenant: 'bank', key: null, deployment: null, version: null, from: null, to: null, groupBy: [] };
    for (const { registry } of [a, b]) {
      const { total } = await eventually(
        () => registry.usage(all),
        ({ total }) => total.answers === 40,
      );
      t.match(total, { promptTokens: 8000, cachedTokens: 4800, completionTokens: 800 });
    }
    await agree(t, url, a.dataDir, b.dataDir);
    t.equal(await b.registry.forgetUser('bank', 'alice'), 4, 'of whichever gateway');
    await eventually(
      async () => rowsOf(a.dataDir).answers!.length,
      (rows) => rows === 36,
    );
    await agree(t, url, a.dataDir, b.dataDir);
    t.same(rowsOf(a.dataDir).feedback, []);
  },
);

t.test('while the server is away nothing is changed and everything is read; records arrive later, once', async (t) => {
  const { root, url, a, b } = await openTwo(t);
  const { secret } = await a.registry.createKey({ tenant: 'bank', label: 'k', scopes: ['inference'] });
  await eventually(
    () => b.registry.authenticate(secret),
    (found) => found !== null,
  );
  await server.kill();
  const away = { code: 'registry_unavailable' };
  await t.rejects(b.registry.createTenant({ id: 'shop', name: 'Shop' }), away);
  t.match(await b.registry.authenticate(secret), { tenant: 'bank' });
  for (let i = 0; i < 5; i++) await b.registry.recordAnswer(answerRecord({ id: `b${i}` }));
  await t.rejects(b.registry.addFeedback({ tenant: 'bank', keyId: 'key_1' }, feedbackOn('b0')), away);
  t.match(b.registry.sharing()?.trouble, /does not answer/);
  await b.close();
  const again = await open(t, b.dataDir, url);
  t.match(await again.registry.authenticate(secret), { tenant: 'bank' }, 'started without the server');
  await server.start();
  const shops = async () => {
    // On a slow machine it may have been done, and nobody knows.
    await a.registry.createTenant({ id: 'shop', name: 'Shop' }).catch(() => {});
    return a.registry.listTenants();
  };
  await eventually(shops, ({ length }) => length === 2);
  await eventually(
    () => again.registry.listTenants(),
    ({ length }) => length === 2,
  );
  await eventually(
    () => a.registry.getAnswer('bank', 'b4'),
    () => true,
  );
  await eventually(
    async () => again.registry.sharing()!.trouble,
    (trouble) => trouble === null,
  );
  await agree(t, url, a.dataDir, again.dataDir);

  await again.close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await a.registry.createTenant({ id: 'clinic', name: 'Clinic' });
  await client.query('delete from switchyard_registry.log where seq < (select seq from switchyard_registry.head)');
  await client.query('update switchyard_registry.head set trimmed = seq - 1');
  await client.end();
  const late = await open(t, again.dataDir, url);
  t.equal((await late.registry.listTenants()).length, 3, 'made anew where the log does not reach back');
  await agree(t, url, a.dataDir, late.dataDir);
  await t.rejects(openTestRegistryWith(t, join(root, 'c'), url), {
    code: 'config_invalid',
    message: /has a registry that is not/,
  });
});

t.test('what deployments answer with is fetched ahead, and is there while the server is away', async (t) => {
  const { root, url, a, b } = await openTwo(t);
  const c = await open(t, join(root, 'c'), url, 2);
  for (const folder of ['one', 'two']) {
    await a.registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  }
  const named = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: '', retrieval };
  await a.registry.putDeployment({ ...named, stableVersion: 1 });
  const foldersOf = async ({ dataDir }: { dataDir: string }) => readdirSync(join(dataDir, 'adapters'));
  await eventually(
    () => foldersOf(c),
    (found) => found.length === 1 && !found[0]!.includes('.'),
  );
  // Changed by itself: nobody else tells it.
  await c.registry.setCanary('bank', 'assistant', { version: 2, weight: 0 });
  await eventually(
    () => foldersOf(c),
    (found) => found.length === 2 && !found.some((name) => name.includes('.')),
  );
  await eventually(
    () => b.registry.getDeployment('bank', 'assistant'),
    ({ canaryVersion }) => canaryVersion === 2,
  );
  await server.kill();
  for (const version of [1, 2]) {
    const { compiledFile } = await c.registry.getAdapterVersion('bank', 'support', version);
    t.equal(readFileSync(compiledFile, 'utf8'), String(version));
    await t.rejects(b.registry.getAdapterVersion('bank', 'support', version), { code: 'registry_unavailable' });
  }
  await server.start();
});

t.test(
  'a job whose runner died is done by another gateway, and what the dead one made of it does not count',
  async (t) => {
    const { a, b } = await openTwo(t);
    const owner = { tenant: 'bank', audience: '' };
    const nothing = { previousId: null, input: [], body: {}, task: {}, user: null, added: null };
    await a.registry.saveResponse({ ...owner, ...nothing, id: 'resp_1', status: 'queued', createdAt: Date.now() });
    const turn = { afterTenant: '', except: [], leaseMs: 300, nowMs: Date.now() };
    const lease = await a.registry.jobs.claim('response', { ...turn, holder: 'the dead one' });
    await a.registry.startResponse(lease!);

    const runner = new JobRunner({
      ...{ jobs: b.registry.jobs, kind: 'response', holder: 'the other one', isAlone: b.registry.isAlone },
      ...{ atOnce: 1, maxAttempts: 3, failure: { code: 'failed', message: '' } },
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      work: async (found) => {
        await b.registry.startResponse(found);
        await b.registry.finishResponse(found, { status: 'completed', body: { by: 'the other one' }, added: null });
      },
      onFailed: () => {},
      onError: (error) => t.error(error),
    });
    await eventually(
      () => b.registry.getResponse(owner, 'resp_1'),
      ({ status }) => status === 'in_progress',
    );
    runner.start();
    t.teardown(() => runner.stop());
    await eventually(
      () => a.registry.getResponse(owner, 'resp_1'),
      ({ status }) => status === 'completed',
    );
    await a.registry.finishResponse(lease!, { status: 'failed', body: { by: 'the dead one' }, added: null });
    t.match(await a.registry.getResponse(owner, 'resp_1'), { status: 'completed', body: { by: 'the other one' } });
    t.match(await a.registry.jobs.counts(), []);
  },
);

const feedbackOn = (answerId: string) => ({
  ...{ answerId, rating: 'up' as const, score: null, categories: [], comment: null, correction: null },
});

/** In a folder where a gateway ran on its own. */
async function openTestRegistryWith(t: Test, dataDir: string, url: string) {
  const own = await openTestRegistry(dataDir);
  await own.createTenant({ id: 'own', name: 'Own' });
  await own.close();
  return open(t, dataDir, url);
}
