/** Several registries over one PostgreSQL: each in a data folder of its own, as each gateway has one. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import { JobRunner } from '../../../src/jobs/runner.js';
import { createQuota } from '../../../src/quota/quota.js';
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
  const { rowCount } = await sql.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen%'`,
  );
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

t.test('a limit holds for all together, and is used up by whichever is asked', async (t) => {
  const { a, b } = await openTwo(t);
  for (const tenant of ['shop', 'clinic']) await a.registry.createTenant({ id: tenant, name: tenant });
  const limits = { tokensPerMinute: 1000, tokensPerMonth: 1600 };
  for (const tenant of ['bank', 'shop']) await a.registry.putLimits({ tenant, keyId: null, limits });
  await a.registry.putLimits({ tenant: 'clinic', keyId: null, limits: { tokensPerMinute: 100 } });
  await eventually(
    () => b.registry.getLimits('clinic', null),
    ({ revision }) => revision === 1,
  );
  let laterMs = 0;
  const clock = { now: Date.now, monotonicMs: () => performance.now() + laterMs };
  const quotas = [a, b].map(({ registry }) => createQuota({ ...registry, requestsPerMinute: 1e6, clock }));
  t.teardown(() => Promise.all(quotas.map((quota) => quota.close())));
  /** Answers of 20 tokens, one after the other, until no more may be; how many tokens that came to. */
  const useUp = async (which: number, tenant: string, atMost = Number.POSITIVE_INFINITY) => {
    for (let used = 0; ; used += 20) {
      if (used >= atMost) return { used, code: null };
      const charge = await quotas[which]!.open({ tenant, keyId: 'key_1' }, clock.now());
      try {
        await charge.reserve(20);
      } catch (error) {
        charge.settle(0);
        return { used, code: (error as { code: string }).code };
      }
      charge.settle(20);
    }
  };
  t.same(await useUp(0, 'bank'), { used: 1000, code: 'token_rate_limited' }, 'by one, while the other needs nothing');
  t.same(await useUp(1, 'bank'), { used: 0, code: 'token_rate_limited' });
  laterMs += 62_000;
  const rest = await Promise.all([useUp(0, 'bank'), useUp(1, 'bank')]);
  t.match(rest[0], { code: 'insufficient_quota' });
  const used = rest[0].used + rest[1].used;
  t.ok(used <= 600 && used >= 560, `${used} of what was left of the month`);

  await useUp(1, 'shop', 200);
  let others = 0;
  while (others < 760) {
    others += (await useUp(0, 'shop')).used;
    await sleep(200);
  }
  t.ok(others <= 800, `${others} of what the other did not use`);
  await useUp(0, 'clinic', 40);
  await server.kill();
  t.match((await useUp(0, 'clinic')).code, /token_rate_limited|registry_unavailable/, 'what it has it may use');
  t.match(await useUp(1, 'clinic'), { used: 0, code: 'registry_unavailable' }, 'and no more without the server');
  await server.start();
});

t.test('requests a minute hold for all together', async (t) => {
  const { a, b } = await openTwo(t);
  const limits = { requestsPerMinute: 60 };
  await a.registry.putLimits({ tenant: 'bank', keyId: null, limits });
  await eventually(
    () => b.registry.getLimits('bank', null),
    ({ revision }) => revision === 1,
  );
  const clock = { now: Date.now, monotonicMs: () => performance.now() };
  const quotas = [a, b].map(({ registry }) => createQuota({ ...registry, requestsPerMinute: 1e6, clock }));
  t.teardown(() => Promise.all(quotas.map((quota) => quota.close())));
  const { signal } = new AbortController();
  const codes: string[] = [];
  const ask = async (which: number) => {
    try {
      const end = await quotas[which]!.admit({ tenant: 'bank', keyId: 'key_1' }, { computes: false, signal });
      end();
      return 1;
    } catch (error) {
      codes.push((error as { code: string }).code);
      return 0;
    }
  };
  let admitted = 0;
  for (let i = 0; i < 50; i++) admitted += (await ask(0)) + (await ask(1));
  t.ok(admitted <= 60 && admitted >= 50, `${admitted} of 100`);
  t.same([...new Set(codes)], ['rate_limited']);
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
