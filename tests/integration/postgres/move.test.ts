/** Documents that move between a data folder and PostgreSQL, by `switchyard push` and `pull`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import t, { type Test } from 'tap';
import { readPublicKey } from '../../../src/audit/signing-key.js';
import { verifyLogs } from '../../../src/audit/verify.js';
import type { TableDigest } from '../../../src/postgres/table-digests.js';
import type { DocumentStore } from '../../../src/retrieval/documents/document-store.js';
import { openPostgresDocuments } from '../../../src/retrieval/documents/postgres.js';
import { openSqliteDocuments } from '../../../src/retrieval/documents/sqlite.js';
import { COPIED } from '../../../src/retrieval/stores/postgres/copied-tables.js';
import { lockDataDir } from '../../../src/sqlite/data-lock.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { addLines, asking, documentsOptions, readNext } from '../../fixtures/retrieval/documents.js';
import { DEFAULTS, dataFolder, NEVER } from '../../fixtures/retrieval/retrieval.js';
import { run } from '../cli/cli-app.js';

/** What is no document: audit logs stay where they were written, the others say what the rows are, and pieces of a file go as one value. */
const NOT_COPIED = [
  'audit_heads',
  'audit_lines',
  'audit_outbox',
  'embedders',
  'file_pieces',
  'meta',
  'sqlite_sequence',
];
/** More than is read at once. */
const LARGE = Buffer.alloc(9 * 2 ** 20, 'Größe \0');
const QUESTIONS = ['the fee of 3', 'who may see the secret', 'keepAliveTimeout'];

const server = await startPostgres();
t.teardown(() => server.close());

/** An empty database that only its owner knows, and the URL of a gateway's role that is yet to be made. */
async function newDatabase(t: Test) {
  const ownerUrl = await server.createEmptyDatabase();
  const url = ownerUrl.replace('//owner', '//gateway');
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  t.teardown(() => owner.end());
  return { ownerUrl, url, owner };
}

const open = (folder: string) => openSqliteDocuments(folder, documentsOptions().options);
const openShared = (t: Test, url: string) =>
  openPostgresDocuments(dataFolder(t), { ...DEFAULTS.database, url }, documentsOptions().options);

/** A data folder with everything that documents may be in: read, waiting, failed, called off, deleted, for some alone. */
async function filledFolder(t: Test) {
  const folder = dataFolder(t);
  const documents = await open(folder);
  const { nowMs } = documentsOptions().clock;
  const stores: string[] = [];
  for (const tenant of ['bank', 'copilot']) {
    const { id } = await documents.createStore(tenant, { name: `Store of ${tenant} ü`, metadata: { a: '"' } });
    stores.push(id);
    const place = { tenant, storeId: id, nowMs };
    for (let n = 0; n < 8; n++) {
      await addLines(documents, place, [`the fee of ${n} is due`, 'the keepAliveTimeout of 漢'], { path: `${n}.md` });
    }
    await addLines(documents, place, [`the secret of ${tenant}`], {
      allowedGroups: ['board'],
      attributes: { year: 7 },
    });
    await documents.deleteFile(tenant, await addLines(documents, place, ['what is gone']));
  }
  for (const [i, tenant] of ['bank', 'copilot'].entries()) {
    const id = stores[i]!;
    const content = Buffer.from('wait');
    const files = [];
    for (let n = 0; n < 3; n++)
      files.push(await documents.createFile(tenant, { filename: 'w', purpose: 'p', content }));
    const [first, second] = files.map(({ id: fileId }) => ({ fileId, attributes: {} }));
    const batch = await documents.createBatch(tenant, id, [first!]);
    await documents.cancelBatch(tenant, id, batch.id);
    await documents.createBatch(tenant, id, [second!]);
  }
  const path = join(dataFolder(t), 'large');
  writeFileSync(path, LARGE);
  await documents.createFile('bank', { filename: 'large', purpose: 'p', content: { path, bytes: LARGE.length } });
  await documents.createFile('bank', { filename: 'empty', purpose: 'p', content: Buffer.alloc(0) });
  await documents.close();
  return { folder, stores };
}

/** What is found, with all that is said of it; without scores where vectors count, which PostgreSQL keeps in half precision. */
async function foundIn(documents: DocumentStore, stores: readonly string[]) {
  const found = [];
  for (const [i, tenant] of ['bank', 'copilot'].entries()) {
    for (const mode of ['vector', 'lexical', 'hybrid'] as const) {
      for (const groups of [[], ['board']]) {
        for (const text of QUESTIONS) {
          const ask = asking(tenant, [stores[i]!], text, { mode, groups, topK: 20 });
          const { passages, snapshot } = (await documents.find(ask, NEVER))!;
          const rows = passages.map((passage) => ({ ...passage, score: mode === 'lexical' ? passage.score : null }));
          found.push({ tenant, mode, groups, text, snapshot, rows: rows.sort((a, b) => (a.id < b.id ? -1 : 1)) });
        }
      }
    }
  }
  return found;
}

t.test('documents move into PostgreSQL and back by one command each, and are found as before', async (t) => {
  const { folder, stores } = await filledFolder(t);
  const { ownerUrl, url } = await newDatabase(t);
  const own = await open(folder);
  const before = await foundIn(own, stores);
  await own.close();
  t.ok(before.filter(({ rows }) => rows.length > 0).length > before.length / 2);

  const cli = (...argv: string[]) => commandLine({ folder, url, ownerUrl }, ...argv);
  const digests = async (...argv: string[]) => {
    const { code, out, err } = await cli('--json', ...argv);
    t.equal(code, 0, err);
    return JSON.parse(out) as TableDigest[];
  };
  const pushed = await digests('push');
  t.match(Object.fromEntries(pushed.map(({ table, rows }) => [table, rows])), {
    ...{ files: 26, stores: 2, shelves: 4, shelf_groups: 4, store_files: 22, batches: 4, batch_files: 4, jobs: 22 },
    ...{ passages: 34, vectors: 34 },
  });
  t.same(
    pushed.map(({ table }) => table),
    [...COPIED].sort(),
    'nothing of it was empty',
  );
  t.same(await digests('push'), pushed, 'which may be asked for again');
  const back = join(dataFolder(t), 'back');
  t.same(await digests('pull', back), pushed, 'the same rows, wherever they are read');
  t.same(await digests('push', '--remove'), pushed);
  for (const name of readdirSync(folder)) {
    t.notOk(readFileSync(join(folder, name)).includes('keepAliveTimeout'), `no document is left in ${name}`);
  }
  const logs = verifyLogs(folder, readPublicKey(folder), []);
  t.ok(logs.length === 2 && logs.every(({ lines, problem }) => lines > 10 && problem === null), 'its audit log is');

  const shared = await openShared(t, url);
  t.same(await foundIn(shared, stores), before);
  const large = (await shared.listFiles('bank', { limit: 50, after: null, order: 'desc' }, null)).items[1]!;
  t.ok(LARGE.equals(await shared.getFileContent('bank', large.id)));
  const { nowMs } = documentsOptions().clock;
  while (await readNext(shared, nowMs)) {}
  const added = await addLines(shared, { tenant: 'bank', storeId: stores[0]!, nowMs }, ['the fee of 99 is due']);
  t.match(await shared.getStoreFile('bank', stores[0]!, added), { status: 'completed' }, 'numbers go on');
  const later = await foundIn(shared, stores);
  await shared.close();

  const returned = await digests('pull', folder);
  t.notSame(returned, pushed);
  for (const [place, expected] of [
    [back, before],
    [folder, later],
  ] as const) {
    const alone = await open(place);
    t.same(await foundIn(alone, stores), expected, 'nothing is read anew, and all of it is found');
    const { id } = await alone.createFile('bank', { filename: 'a', purpose: 'p', content: Buffer.from('a') });
    t.ok(LARGE.equals(await alone.getFileContent('bank', large.id)) && id !== large.id);
    await alone.close();
  }
});

t.test('nothing is mixed: what holds documents already, or is in use, is refused with what to do', async (t) => {
  const { folder } = await filledFolder(t);
  const other = dataFolder(t);
  const documents = await open(other);
  await documents.createStore('bank', { name: 's', metadata: {} });
  await documents.close();
  const { ownerUrl, url } = await newDatabase(t);
  const at = (where: Partial<Place>, ...argv: string[]) => commandLine({ folder, url, ownerUrl, ...where }, ...argv);

  t.match(await at({ url: '' }, 'push'), { code: 1, err: /registry\.url and database\.url are empty/ });
  t.match(await at({ url: '', ownerUrl: '' }, 'push', '--remove'), { code: 1, err: /empty/ });
  t.match(await at({ ownerUrl: '' }, 'push'), { code: 1, err: /Add --owner-url/ });
  t.match(await at({ folder: dataFolder(t) }, 'push'), { code: 1, err: /holds nothing to move.*SWITCHYARD_DATA/ });
  t.match(await at({ ownerUrl: ownerUrl.replace(/:\d+\//, ':1/') }, 'push'), {
    code: 1,
    err: /127\.0\.0\.1:1 cannot be used: the database server does not answer/,
  });
  const lock = lockDataDir(folder);
  t.match(await at({}, 'push'), { code: 1, err: /another gateway is running on/ });
  await lock.close();
  t.match(await at({}, 'push'), { code: 0, err: /still in .* --remove/ });
  t.match(await at({ folder: other }, 'push'), { code: 1, err: /has documents already\. Name an empty one/ });
  t.match(await at({}, 'pull', other), { code: 1, err: /has documents already\. Name a folder without/ });
  t.match(await at({ url: (await newDatabase(t)).url }, 'pull', dataFolder(t)), { code: 1, err: /database migrate/ });
});

t.test('what is killed in the middle leaves nothing behind, and is begun again', async (t) => {
  const { folder } = await filledFolder(t);
  const { ownerUrl, url, owner } = await newDatabase(t);
  const place = { folder, url, ownerUrl };
  const waiting = async (on: string) => {
    const { rows } = await owner.query('select 1 from pg_locks where not granted and locktype = $1', [on]);
    return rows.length > 0;
  };
  /** Begins a command, and kills it when it waits for this connection. */
  const killed = async (on: string, ...argv: string[]) => {
    const child = spawn(process.execPath, [resolve('dist/cli/main.js'), ...argv], {
      env: { ...process.env, ...environment(place) },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const exited = once(child, 'exit');
    while (!(await waiting(on)) && child.exitCode === null) await sleep(20);
    child.kill('SIGKILL');
    t.same(await exited, [null, 'SIGKILL']);
  };
  process.env.SWITCHYARD_DATABASE_URL = url;
  t.equal((await run('database', 'migrate', '--owner-url', ownerUrl)).code, 0);
  delete process.env.SWITCHYARD_DATABASE_URL;

  // It stops at the last row that has a vector.
  await owner.query(`
    create function public.wait() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock(1); return new; end $$;
    create trigger wait before insert on switchyard.postings for each row execute function public.wait();
    select pg_advisory_lock(1)`);
  await killed('advisory', 'push');
  await owner.query('select pg_advisory_unlock(1)');
  await owner.query('drop function public.wait cascade');
  for (const name of COPIED) {
    t.equal((await owner.query(`select 1 from switchyard."${name}"`)).rowCount, 0, `${name} is empty`);
  }
  t.equal((await commandLine(place, 'push')).code, 0);

  const target = join(dataFolder(t), 'back');
  await owner.query('begin; lock table switchyard.postings in access exclusive mode');
  await killed('relation', 'pull', target);
  await owner.query('rollback');
  t.ok(existsSync(join(target, 'documents.db')));
  const left = new Sqlite(join(target, 'documents.db'));
  for (const name of COPIED) t.equal(left.prepare(`select count(*) from "${name}"`).pluck().get(), 0, name);
  left.close();
  t.equal((await commandLine(place, 'pull', target)).code, 0);
});

t.test('every table of documents is copied, in either place', async (t) => {
  const folder = dataFolder(t);
  await (await open(folder)).close();
  const { ownerUrl, url, owner } = await newDatabase(t);
  t.match(await commandLine({ folder, url, ownerUrl }, 'push'), { code: 1, err: /nothing to move/ });
  const local = new Sqlite(join(folder, 'documents.db'), { readonly: true });
  t.teardown(() => local.close());
  const here = local.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
  const { rows } = await owner.query(
    "select relname as name from pg_class where relkind = 'r' and relnamespace = 'switchyard'::regnamespace",
  );
  const there = rows.map(({ name }) => name as string);
  t.same([...new Set([...here, ...there])].sort(), [...COPIED, ...NOT_COPIED].sort());
  for (const name of COPIED) {
    const columns = (local.pragma(`table_info(${name})`) as { name: string }[]).map((column) => column.name);
    const sql =
      "select column_name as name from information_schema.columns where table_schema = 'switchyard' and table_name = $1";
    const shared = (await owner.query(sql, [name])).rows.map((column) => column.name as string);
    t.same(new Set(shared), new Set([...columns, 'tenant']), name);
  }
});

interface Place {
  readonly folder: string;
  readonly url: string;
  readonly ownerUrl: string;
}

function environment({ folder, url, ownerUrl }: Place): Record<string, string> {
  return {
    SWITCHYARD_DATA: folder,
    SWITCHYARD_DATABASE_URL: url,
    ...(ownerUrl !== '' && { SWITCHYARD_DATABASE_OWNER_URL: ownerUrl }),
  };
}

async function commandLine(place: Place, ...argv: string[]) {
  const before = { ...process.env };
  Object.assign(process.env, environment(place));
  try {
    return await run(...argv);
  } finally {
    process.env = before;
  }
}
