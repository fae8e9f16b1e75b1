import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { openPostgres } from '../../../src/postgres/open.js';
import { openPostgresDocuments } from '../../../src/retrieval/documents/postgres.js';
import { type Tables, unaudited } from '../../../src/retrieval/stores/database.js';
import { createFiles } from '../../../src/retrieval/stores/files.js';
import { migratePostgres } from '../../../src/retrieval/stores/postgres/migrate.js';
import { createVectorStores } from '../../../src/retrieval/stores/vector-stores.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { addLines, asking, documentsOptions, MODELS } from '../../fixtures/retrieval/documents.js';
import { DEFAULTS, dataFolder, NEVER } from '../../fixtures/retrieval/retrieval.js';
import { run } from '../cli/cli-app.js';

const TENANTS = ['bank', 'copilot', 'other'];
const GROUPS = ['risk', 'board'];
const CONTENT_TABLES = [
  'files',
  'stores',
  'shelves',
  'shelf_groups',
  'store_files',
  'batches',
  'batch_files',
  'passages',
  'postings',
] as const;

const server = await startPostgres();
t.teardown(() => server.close());

/** Three tenants with the same words in their documents, each with a secret for everybody and one for each group. */
async function setUp(t: Test, exactSearchLimit: number) {
  const { name, url } = await server.createDatabase();
  const { options, clock } = documentsOptions({ exactSearchLimit });
  const settings = { ...DEFAULTS.database, url };
  const documents = await openPostgresDocuments(dataFolder(t), settings, options);
  const raw = openPostgres<Tables>(settings);
  t.teardown(async () => {
    await documents.close();
    await raw.close();
  });
  const stores = new Map<string, string>();
  for (const tenant of TENANTS) {
    const { id } = await documents.createStore(tenant, { name: 's', metadata: {} });
    stores.set(tenant, id);
    const place = { tenant, storeId: id, nowMs: clock.nowMs };
    const lines = (group: string) => Array.from({ length: 20 }, (_, n) => `the secret ${n} of ${tenant} for ${group}`);
    await addLines(documents, place, lines('everybody'));
    for (const group of GROUPS) await addLines(documents, place, lines(group), { allowedGroups: [group] });
    await documents.createBatch(tenant, id, []);
  }
  return { name, url, documents, raw, stores };
}

for (const exactSearchLimit of [1000, 0]) {
  const how = exactSearchLimit === 0 ? 'through the index' : 'by comparing all';
  t.test(`no secret of another tenant or group is found ${how}`, async (t) => {
    const { documents, stores } = await setUp(t, exactSearchLimit);
    for (const tenant of TENANTS) {
      for (const groups of [[], ['risk'], ['risk', 'board'], ['sales']]) {
        const mine = ['everybody', ...groups.filter((group) => GROUPS.includes(group))];
        for (const mode of ['vector', 'lexical', 'hybrid'] as const) {
          for (const asked of ['everybody', 'board']) {
            const storeIds = [...stores.values()];
            const ask = asking(tenant, storeIds, `secret of ${tenant} for ${asked}`, { groups, mode, topK: 50 });
            const { passages } = (await documents.find(ask, NEVER))!;
            t.equal(passages.length, Math.min(50, 20 * mine.length), `${tenant} ${groups} ${mode}`);
            const leaks = passages.filter(
              ({ text }) => !mine.some((group) => text.endsWith(`of ${tenant} for ${group}`)),
            );
            t.same(leaks, []);
          }
        }
      }
    }
  });
}

t.test(
  'a statement that forgets to ask for its tenant sees the rows of its scope alone, and outside of any none',
  async (t) => {
    const { raw, stores } = await setUp(t, 1000);
    const count = async (table: (typeof CONTENT_TABLES)[number]) => {
      const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table)}`.execute(raw.db);
      return rows[0]!.rows;
    };
    for (const table of CONTENT_TABLES) {
      t.equal(await count(table), 0, `${table} without a tenant`);
      const all = await raw.scopes.all(() => count(table));
      const own = await Promise.all(TENANTS.map((tenant) => raw.scopes.of(tenant, () => count(table))));
      t.equal(
        own.reduce((sum, rows) => sum + rows, 0),
        all,
        table,
      );
      if (table !== 'batch_files')
        t.ok(
          own.every((rows) => rows > 0),
          table,
        );
      t.equal(await raw.scopes.of('nobody', () => count(table)), 0);
    }
    await raw.scopes.of('bank', async () => {
      const deleted = await raw.db.deleteFrom('files').executeTakeFirst();
      t.equal(deleted.numDeletedRows, 3n, 'nor does it delete others');
    });
    t.equal(await raw.scopes.of('copilot', () => count('files')), 3);
    const row = {
      id: 'vs_x',
      tenant: 'copilot',
      name: 's',
      metadata: '{}',
      created_at: 1,
      last_active_at: 1,
      expires_after_days: null,
      redaction: 'off' as const,
      embedder: 1,
      next_embedder: null,
      embedder_name: null,
    };
    await t.rejects(
      raw.scopes.of('bank', () => raw.db.insertInto('stores').values(row).execute()),
      { code: '42501' },
      'nor writes into another’s rows',
    );
    await t.rejects(
      raw.scopes.snapshot('bank', () =>
        createVectorStores(raw.db, () => 1, unaudited, MODELS).create('bank', { name: 's', metadata: {} }),
      ),
      { code: '25006' },
      'what only reads cannot write',
    );
    t.ok(stores.size);
  },
);

t.test('what outlives its scope is refused, and scopes do not mix', async (t) => {
  const { raw } = await setUp(t, 1000);
  const files = createFiles(raw.db, unaudited);
  const page = { limit: 10, after: null, order: 'asc' } as const;
  let late: Promise<unknown> = Promise.resolve();
  await raw.scopes.of('bank', async () => {
    late = new Promise((resolve) => setTimeout(resolve, 50)).then(() => files.list('bank', page, null));
    late.catch(() => {});
  });
  await t.rejects(late, /outlived the scope/);
  await t.rejects(
    raw.scopes.of('bank', () => raw.scopes.of('copilot', async () => {})),
    /within one another/,
  );
  const side = await Promise.all(
    TENANTS.flatMap((tenant) =>
      Array.from({ length: 20 }, () => raw.scopes.of(tenant, () => files.list(tenant, page, null))),
    ),
  );
  t.ok(side.every(({ items }) => items.length === 3));
});

t.test(
  'a role that row-level security does not bind, tables that are missing or newer: the start says what to do',
  async (t) => {
    const { name, url } = await server.createDatabase();
    const { options } = documentsOptions();
    const open = (url: string) => openPostgresDocuments(dataFolder(t), { ...DEFAULTS.database, url }, options);
    await t.rejects(open(`${server.ownerUrl(name)}?options=-c%20search_path%3Dswitchyard,public`), {
      code: 'config_invalid',
      message: /the role "owner" of database.url is a superuser or has BYPASSRLS/,
    });
    await t.rejects(open(url.replace('gateway', 'stranger')), {
      message: /role "stranger" does not exist.*database migrate/,
    });
    await t.rejects(open(url.replace(/:\d+\//, ':1/')), {
      message: /127.0.0.1:1 cannot be used: the database server does not answer/,
    });
    await t.rejects(open(url.replace(name, 'postgres')), {
      message: /has no tables of ours\. Run "switchyard database migrate"/,
    });
    process.env.SWITCHYARD_DATABASE_URL = url;
    t.teardown(() => delete process.env.SWITCHYARD_DATABASE_URL);
    const again = await run('database', 'migrate', '--owner-url', server.ownerUrl(name));
    t.match(again, { code: 0, out: /APPLIED\s+0/ }, 'a second time changes nothing');
    t.match(await run('database', 'migrate', '--owner-url', 'mysql://x'), { code: 2, err: /must look like postgres:/ });
    const owner = openPostgres<Tables>({ ...DEFAULTS.database, url: server.ownerUrl(name) });
    t.teardown(() => owner.close());
    await sql`update switchyard.meta set value = '99' where key = 'schema'`.execute(owner.db);
    await t.rejects(open(url), { message: /written by a newer version \(schema 99/ });
    await t.rejects(migratePostgres(server.ownerUrl(name), url), { code: 'config_invalid' });
  },
);
