/** Copies of a shared registry that are no good any more, and a registry that moves. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import t from 'tap';
import { Sqlite } from '../../../src/sqlite/open.js';
import { answerRecord } from '../../fixtures/answer-record.js';
import { answerSignals } from '../../fixtures/answer-signals.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { run } from '../cli/cli-app.js';
import { openTestRegistry, retrieval } from './open.js';
import { agree, eventually, open, openTwo } from './shared.js';

const server = await startPostgres();
t.teardown(() => server.close());

t.test('a copy that does not fit is made anew while it is in use, with the records that wait in it', async (t) => {
  const { url, a, b } = await openTwo(t, server);
  // What nobody else knows: as a disk that forgets would leave it.
  const file = new Sqlite(join(b.dataDir, 'registry.db'));
  file.exec(
    "INSERT INTO tenants (id, name, created_at) VALUES ('shop', 'Wrong', 1); DELETE FROM tenants WHERE id = 'bank'",
  );
  file.close();
  await b.registry.recordAnswer(answerRecord({ id: 'a0' }));
  await a.registry.createTenant({ id: 'shop', name: 'Shop' });
  const names = async () => (await b.registry.listTenants()).map(({ name }) => name);
  await eventually(names, (found) => found.includes('Shop') && found.includes('Bank'));
  await eventually(
    async () => b.registry.sharing()!,
    ({ trouble }) => trouble === null,
  );
  await b.registry.recordAnswer(answerRecord({ id: 'a1' }));
  await b.registry.recordSignals(answerSignals({ answerId: 'a0' }));
  await b.registry.createTenant({ id: 'clinic', name: 'Clinic' });
  for (const id of ['a0', 'a1']) {
    await eventually(
      () => a.registry.getAnswer('bank', id),
      () => true,
    );
  }
  await agree(t, url, a.dataDir, b.dataDir);
  t.match(b.errors, [{ message: 'UNIQUE constraint failed: tenants.id' }, { code: 'registry_unavailable' }]);
});

t.test('a database that was put back to an earlier state is what counts, whatever gateways knew', async (t) => {
  const { root, url, a, b } = await openTwo(t, server);
  const tables = ['head', 'log', 'state', 'origins'];
  const sql = new pg.Client({ connectionString: url });
  await sql.connect();
  t.teardown(() => sql.end());
  await eventually(
    () => b.registry.listTenants(),
    ({ length }) => length === 1,
  );
  await sql.query('create schema earlier');
  for (const table of tables) await sql.query(`create table earlier.${table} as table switchyard_registry.${table}`);
  await a.registry.createTenant({ id: 'lost', name: 'Lost' });
  await b.registry.createTenant({ id: 'lost-too', name: 'Lost too' });
  await eventually(
    () => a.registry.listTenants(),
    ({ length }) => length === 3,
  );
  const restore = tables.map(
    (table) =>
      `truncate switchyard_registry.${table}; insert into switchyard_registry.${table} table earlier.${table};`,
  );
  await sql.query(`begin; ${restore.join(' ')} commit`);

  // The same numbers are given to other changes, before those that are ahead look again.
  const c = await open(t, join(root, 'c'), url);
  for (const id of ['one', 'two', 'three']) await c.registry.createTenant({ id, name: id });
  for (const { registry } of [a, b]) {
    const ids = async () => (await registry.listTenants()).map(({ id }) => id).sort();
    t.same(await eventually(ids, (found) => found.includes('three') && !found.includes('lost')), [
      'bank',
      'one',
      'three',
      'two',
    ]);
  }
  await eventually(
    () => a.registry.createTenant({ id: 'four', name: 'Four' }),
    () => true,
  );
  await agree(t, url, a.dataDir, b.dataDir, c.dataDir);
});

t.test('a registry moves into PostgreSQL and back by one command each, and arrives as it was', async (t) => {
  const root = t.testdir({ one: { weights: '1' }, two: { weights: '2' }, first: {}, other: {} });
  const [first, other, back] = ['first', 'other', 'back'].map((name) => join(root, name)) as [string, string, string];
  const own = await openTestRegistry(first);
  await own.createTenant({ id: 'bank', name: 'Bank\0ü' });
  for (const folder of ['one', 'two']) {
    await own.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  }
  await own.putDeployment({
    ...{ tenant: 'bank', name: 'assistant', adapter: 'support', stableVersion: 2, instructions: '', retrieval },
  });
  await own.recordAnswer(answerRecord({ id: 'a0' }), 'alice');
  await own.recordSignals(answerSignals({ answerId: 'a0' }));
  await own.close();

  const url = await server.createEmptyDatabase();
  const at = (dataDir: string, ...argv: string[]) => cli({ dataDir, url }, ...argv);
  t.match(await at(first, 'pull', back), { code: 1, err: /has no registry/ });
  const pushed = await at(first, '--json', 'push');
  t.equal(pushed.code, 0, pushed.err);
  const tables = JSON.parse(pushed.out) as { table: string; rows: number; digest: string }[];
  t.match(Object.fromEntries(tables.map(({ table, rows }) => [table, rows])), {
    adapters: 2,
    answers: 1,
    answer_signals: 1,
    deployments: 1,
    tenants: 1,
    'files of adapters': 2,
  });
  t.same(JSON.parse((await at(first, '--json', 'push')).out), tables, 'which may be asked for again');

  const pulled = await at(other, '--json', 'pull', back);
  t.same(JSON.parse(pulled.out), tables, 'the same rows and files, wherever they are read');
  t.match(await at(other, 'pull', back), { code: 1, err: /is there already; name a new one/ });

  const strange = await openTestRegistry(other);
  await strange.createTenant({ id: 'shop', name: 'Shop' });
  await strange.close();
  t.match(await at(other, 'push'), { code: 1, err: /has a registry already. Name an empty one/ });

  const shared = await open(t, first, url);
  await shared.registry.createTenant({ id: 'clinic', name: 'Clinic' });
  await shared.close();
  t.match(await at(first, 'push'), { code: 1, err: /is a copy of one that gateways share/ });

  const alone = await openTestRegistry(back);
  t.teardown(() => alone.close());
  t.match(await alone.listTenants(), [{ name: 'Bank\0ü' }], 'as it was then');
  const { compiledFile } = await alone.getAdapterVersion('bank', 'support', 2);
  t.equal(readFileSync(compiledFile, 'utf8'), '2');
  t.equal(await alone.forgetUser('bank', 'alice'), 1, 'by the same key');
  await alone.createTenant({ id: 'shop', name: 'Shop' });

  // What is damaged is not taken over.
  const sql = new pg.Client({ connectionString: url });
  await sql.connect();
  await sql.query(`update switchyard_registry.files set bytes = 'x'`);
  await sql.end();
  const damaged = await at(other, 'pull', join(root, 'damaged'));
  t.match(damaged, { code: 1, err: /damaged/ });
});

/** A command line on a data folder, with a registry that gateways share. */
async function cli({ dataDir, url }: { dataDir: string; url: string }, ...argv: string[]) {
  const urlFile = `${dataDir}.url`;
  mkdirSync(dirname(urlFile), { recursive: true });
  writeFileSync(urlFile, url);
  const before = { ...process.env };
  Object.assign(process.env, { SWITCHYARD_DATA: dataDir, SWITCHYARD_REGISTRY_URL_FILE: urlFile });
  try {
    return await run(...argv);
  } finally {
    process.env = before;
  }
}
