/** Several registries over one PostgreSQL: each in a data folder of its own, as each gateway has one. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import { readPublicKey } from '../../../src/audit/signing-key.js';
import { verifyLogs } from '../../../src/audit/verify.js';
import { createQuota } from '../../../src/quota/quota.js';
import { verifyDatabase } from '../../../src/sqlite/copy.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { openTestRegistry, retrieval } from './open.js';

const server = await startPostgres();
t.teardown(() => server.close());

/** A registry that others share, and what it said of its troubles. */
async function open(t: Test, dataDir: string, url: string) {
  const errors: unknown[] = [];
  const clock = { now: Date.now, monotonicMs: () => performance.now() };
  const shared = { url, onError: (error: unknown) => void errors.push(error) };
  const registry = await openTestRegistry(dataDir, { clock, shared });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await registry.close();
    isOpen = false;
  };
  t.teardown(close);
  return { dataDir, registry, errors, close };
}

async function openTwo(t: Test) {
  const root = t.testdir({ one: { weights: '1' }, two: { weights: '2' }, a: {}, b: {}, c: {} });
  const url = await server.createEmptyDatabase();
  const a = await open(t, join(root, 'a'), url);
  await a.registry.createTenant({ id: 'bank', name: 'Bank' });
  const b = await open(t, join(root, 'b'), url);
  return { root, url, a, b };
}

async function eventually<T>(look: () => Promise<T>, isIt: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look().catch(() => undefined as T);
    if (found !== undefined && isIt(found)) return found;
    await sleep(10);
  }
}

/** Every row of a data folder's registry, by table. */
function rowsOf(dataDir: string): Record<string, unknown[]> {
  const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  try {
    const sql =
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '*sqlite*' AND name NOT GLOB 'replica*'";
    const names = database.prepare(sql).pluck().all() as string[];
    const rows = (name: string) =>
      database
        .prepare(`SELECT * FROM "${name}"`)
        .all()
        .map((row) => JSON.stringify(row));
    return Object.fromEntries(
      names.filter((name) => !name.startsWith('kysely')).map((name) => [name, rows(name).sort()]),
    );
  } finally {
    database.close();
  }
}

/** Each has what the others have, and the server too; every line of the audit log follows the one before it. */
async function agree(t: Test, url: string, ...dataDirs: readonly string[]) {
  const isSame = () => new Set(dataDirs.map((dir) => JSON.stringify(rowsOf(dir)))).size === 1;
  for (let tries = 0; tries < 200 && !isSame(); tries++) await sleep(20);
  const [first, ...others] = dataDirs.map(rowsOf);
  for (const other of others) t.same(other, first);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ tbl: string; rows: number }>(
    'select tbl, count(*)::int as rows from switchyard_registry.state group by tbl',
  );
  await client.end();
  const counted = Object.entries(first!)
    .filter(([, of]) => of.length > 0)
    .map(([name, of]) => [name, of.length]);
  t.same(Object.fromEntries(rows.map((row) => [row.tbl, row.rows])), Object.fromEntries(counted));
  for (const dir of dataDirs) {
    verifyDatabase(join(dir, 'registry.db'));
    t.same(
      verifyLogs(dir, readPublicKey(dir), []).filter(({ problem }) => problem !== null),
      [],
    );
  }
}

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
  await client.query('delete from switchyard_registry.log');
  await client.query('update switchyard_registry.head set trimmed = seq');
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
