import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findFiles } from '../../../src/files/find-files.js';
import { Sqlite } from '../../../src/sqlite/open.js';
import { addText, ask, dataFolder, NEVER, settled, startRetrieval } from '../../fixtures/retrieval/retrieval.js';

const SECRETS = [
  'Überraschungsei-4711',
  'quokkaverzeichnis',
  'Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich',
];
const PRIVATE = `# ${SECRETS[0]}\n\n${Array.from({ length: 30 }, (_, n) => `## Part ${n}\n\n${SECRETS[2]}, said the ${SECRETS[1]} in part ${n}.`).join('\n\n')}`;
const SHARED = 'The opening hours of every branch are from nine to five.';

/** Files of a folder that hold a text or some bytes. */
function holding(folder: string, piece: string | Buffer): string[] {
  return findFiles(folder).filter((name) => readFileSync(join(folder, name)).includes(piece));
}

function vectorsOf(folder: string, fileId: string): Buffer[] {
  const database = new Sqlite(join(folder, 'documents.db'), { readonly: true });
  const rows = database
    .prepare('select embedding from vectors join passages on label = passage where file_id = ?')
    .pluck()
    .all(fileId) as Buffer[];
  database.close();
  return rows;
}

t.test('of what is purged no byte is left in the data folder, and that was looked for', async (t) => {
  const folder = dataFolder(t);
  const retrieval = await startRetrieval(folder, { exactSearchLimit: 2 });
  t.teardown(() => retrieval.close());
  const store = await retrieval.createStore('bank', { name: 's', metadata: {} });
  const add = async (name: string, text: string) => {
    const id = await addText(retrieval, 'bank', store.id, name, text);
    t.match(await settled(retrieval, 'bank', store.id, id), { status: 'completed' });
    return id;
  };
  await add('hours.md', SHARED);
  const id = await add('private.md', `${PRIVATE}\n\n${SHARED}`);
  const again = await add('again.md', PRIVATE.replaceAll('said', 'wrote'));
  const index = join('indexes', 'bank.hnsw');
  const [vector] = vectorsOf(folder, id);
  // Its temporary file comes and goes: it is looked for by its name, and its sidecar is written last.
  while (!existsSync(join(folder, `${index}.json`))) await new Promise((resolve) => setTimeout(resolve, 50));
  t.ok(readFileSync(join(folder, index)).includes(vector!));
  const database = readFileSync(join(folder, 'documents.db-wal'));
  for (const secret of SECRETS) t.ok(database.includes(secret), 'it is there before');

  const report = await retrieval.purgeFiles('bank', [id, again]);
  t.match(report, { files: 2, found: [] });
  t.ok(report.pieces > 20 && report.searchedBytes > 10_000, JSON.stringify(report));
  for (const secret of [...SECRETS, ...SECRETS.map((text) => text.toLowerCase())]) {
    t.same(holding(folder, secret), [], secret);
  }
  t.same(holding(folder, vector!), [], 'nor its vectors');
  t.ok(holding(folder, SHARED).length > 0, 'what others say stays');
  const { passages } = await retrieval.search(ask('opening hours', 'bank'), NEVER);
  t.match(passages, [{ filename: 'hours.md' }]);
  await t.rejects(retrieval.purgeFiles('bank', [id]), { code: 'not_found' });
});

t.test('nor of a large file', async (t) => {
  const folder = dataFolder(t);
  const retrieval = await startRetrieval(folder);
  t.teardown(() => retrieval.close());
  const path = join(dataFolder(t), 'private.txt');
  const lines = Array.from({ length: 20_000 }, (_, n) => `${SECRETS[1]} number ${n} of many`).join('\n');
  writeFileSync(path, lines);
  const content = { path, bytes: lines.length };
  const { id } = await retrieval.createFile('bank', { filename: 'private.txt', purpose: 'assistants', content });
  t.not(holding(folder, SECRETS[1]!).length, 0);
  const report = await retrieval.purgeFiles('bank', [id]);
  t.match(report, { files: 1, found: [] });
  t.ok(report.pieces > 10, JSON.stringify(report));
  t.same(holding(folder, SECRETS[1]!), []);
});

t.test(
  'where something is found the database is written anew, with what an older version left in it, and copies are named',
  async (t) => {
    const folder = dataFolder(t);
    const first = await startRetrieval(folder);
    const store = await first.createStore('bank', { name: 's', metadata: {} });
    const ids: string[] = [];
    for (const name of ['old.md', 'new.md']) {
      ids.push(await addText(first, 'bank', store.id, name, PRIVATE.replaceAll('said', name)));
      await settled(first, 'bank', store.id, ids.at(-1)!);
    }
    await first.close();
    // Deleted without overwriting, as before.
    const database = new Sqlite(join(folder, 'documents.db'));
    database.pragma('secure_delete = OFF');
    database.pragma('foreign_keys = ON');
    database.prepare('delete from files where id = ?').run(ids[0]);
    database.close();
    t.same(holding(folder, 'old.md the quokka'), ['documents.db']);

    const retrieval = await startRetrieval(folder);
    t.teardown(() => retrieval.close());
    mkdirSync(join(folder, 'before-restore-2026'));
    copyFileSync(join(folder, 'documents.db'), join(folder, 'before-restore-2026', 'documents.db'));
    const report = await retrieval.purgeFiles('bank', [ids[1]!]);
    t.same(report.found, ['before-restore-2026/documents.db']);
    t.same(holding(folder, 'old.md the quokka'), ['before-restore-2026/documents.db']);
    t.same(holding(folder, SECRETS[2]!), ['before-restore-2026/documents.db']);
  },
);

/** What `fcntl` locks of a file a process holds, as ranges of bytes. */
function locksOf(pid: number, file: string): string[] {
  const { ino } = statSync(file);
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , owner, where]) => owner === String(pid) && where?.endsWith(`:${ino}`))
    .map(([, , , mode, , , first, last]) => `${mode} ${first}-${last}`);
}

t.test(
  'the search keeps the locks of those who have the database open, so that whoever opens it next leaves the index of its log alone',
  { skip: process.platform !== 'linux' && 'needs /proc/locks' },
  async (t) => {
    const folder = dataFolder(t);
    const retrieval = await startRetrieval(folder);
    t.teardown(() => retrieval.close());
    const store = await retrieval.createStore('bank', { name: 's', metadata: {} });
    const id = await addText(retrieval, 'bank', store.id, 'private.md', PRIVATE);
    await settled(retrieval, 'bank', store.id, id);
    const index = join(folder, 'documents.db-shm');
    const before = locksOf(retrieval.pid()!, index);
    t.ok(before.includes('READ 128-128'), 'it says that somebody uses it');
    await retrieval.purgeFiles('bank', [id]);
    t.ok(locksOf(retrieval.pid()!, index).includes('READ 128-128'), 'and says so afterwards');
  },
);
