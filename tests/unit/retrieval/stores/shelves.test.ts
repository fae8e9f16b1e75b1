import t, { type Test } from 'tap';
import { findTerms } from '../../../../src/retrieval/search/find-terms.js';
import { MIGRATIONS, migrate } from '../../../../src/retrieval/stores/migrations.js';
import { Sqlite } from '../../../../src/sqlite/open.js';
import { dataFolder } from '../../../fixtures/retrieval/retrieval.js';
import { clusteredVectors, openRows } from '../../../fixtures/retrieval/rows.js';

const VECTORS = clusteredVectors(2);
const OPTIONS = { limits: { files: 10, bytes: 1e9 }, nowS: 1 };

async function setUp(t: Test) {
  const rows = await openRows(dataFolder(t));
  t.teardown(() => rows.db.destroy());
  const { id: storeId } = await rows.stores.create('bank', { name: 's', metadata: {} });
  const add = (name: string, ...groups: string[]) =>
    rows.addFile('bank', storeId, VECTORS, (n) => `salary ${name} ${n}`, groups);
  /** What a caller of these groups finds: by words, by vectors, and how much there is. */
  const seen = async (...groups: string[]) => {
    const scope = await rows.scope('bank', [storeId], groups);
    const labels: number[] = [];
    for await (const lot of rows.vectors.vectors(scope)) labels.push(...lot.map(({ label }) => label));
    const worded = (await findTerms(scope.shelves, 'salary', null, rows.postings)).best(99);
    t.same(new Set(worded), new Set(labels), 'words and vectors say the same');
    t.equal(await rows.passages.count(scope), labels.length);
    const loaded = await rows.passages.load(scope, labels);
    return [...new Set([...loaded.values()].map(({ text }) => text.split(' ')[1]))].sort();
  };
  const snapshot = async (...groups: string[]) =>
    (await rows.shelves.visible([storeId], groups)).reduce((sum, { revision }) => sum + revision, 0);
  return { rows, storeId, add, seen, snapshot };
}

t.test('a caller sees what is for everybody, and what one of its groups may see', async (t) => {
  const { rows, storeId, add, seen } = await setUp(t);
  const open = await add('open');
  const shared = await add('shared', 'it', 'hr');
  await add('board', 'board');
  t.same(await seen(), ['open']);
  t.same(await seen('hr'), ['open', 'shared']);
  t.same(await seen('it', 'hr', 'nobody'), ['open', 'shared']);
  t.same(await seen('hr', 'board'), ['board', 'open', 'shared']);
  t.same(await seen('', 'h', 'hr '), ['open']);
  t.match(await rows.storeFiles.get('bank', storeId, shared), { allowedGroups: ['hr', 'it'] });
  t.match(await rows.files.get('bank', open, []), { id: open });
  t.match(await rows.files.get('bank', shared, ['it']), { id: shared });
  await t.rejects(rows.files.get('bank', shared, ['board']), { code: 'not_found' });
  await t.rejects(rows.files.content('bank', shared, []), { code: 'not_found' });
});

t.test('a document moves between groups with its words and vectors, and only who sees it notices', async (t) => {
  const { rows, storeId, add, seen, snapshot } = await setUp(t);
  await add('open');
  const fileId = await add('moved', 'hr');
  const [nobody, hr] = [await snapshot(), await snapshot('hr')];
  await rows.storeFiles.update('bank', storeId, fileId, { allowedGroups: ['board', 'board'] }, 1);
  t.same(await seen('hr'), ['open']);
  t.same(await seen('board'), ['moved', 'open']);
  t.ok((await snapshot('hr')) > hr);
  t.equal(await snapshot(), nobody);
  await rows.storeFiles.update('bank', storeId, fileId, { attributes: { year: 1 } }, 1);
  t.same(await seen('board'), ['moved', 'open'], 'what is not said stays');
  await rows.storeFiles.update('bank', storeId, fileId, { allowedGroups: [] }, 1);
  t.same(await seen(), ['moved', 'open']);
  t.ok((await snapshot()) > nobody);
});

t.test('a document that is attached again stays with its groups, unless others are named', async (t) => {
  const { rows, storeId, add, seen } = await setUp(t);
  const file = { fileId: await add('secret', 'hr'), attributes: {} };
  t.match(await rows.storeFiles.attach('bank', storeId, file, OPTIONS), { allowedGroups: ['hr'] });
  t.same(await seen(), []);
  const opened = { ...file, allowedGroups: [] };
  t.match(await rows.storeFiles.attach('bank', storeId, opened, OPTIONS), { allowedGroups: [] });
  t.same(await seen(), ['secret']);
});

t.test('who may see a document is known before it is read', async (t) => {
  const { rows, storeId, seen } = await setUp(t);
  const upload = { filename: 'a.md', purpose: 'assistants', content: Buffer.from('a') };
  const { id: fileId } = await rows.files.create('bank', upload, 1);
  await rows.storeFiles.attach('bank', storeId, { fileId, attributes: {}, allowedGroups: ['hr'] }, OPTIONS);
  await t.rejects(rows.files.get('bank', fileId, []), { code: 'not_found' });
  await rows.storeFiles.update('bank', storeId, fileId, { allowedGroups: ['board'] }, 1);
  // Reads the oldest of those that wait.
  await rows.addFile('bank', storeId, VECTORS, (n) => `salary late ${n}`);
  t.same(await seen('hr'), []);
  t.same(await seen('board'), ['late']);
});

t.test('of an older database everything is for everybody, and found as before', async (t) => {
  const database = new Sqlite(':memory:');
  for (const step of MIGRATIONS.slice(0, 4)) step(database);
  database.pragma('user_version = 4');
  database.exec(`
    insert into files values (1, 'file-1', 'bank', 'a.md', 'assistants', 1, x'61', 1);
    insert into stores values (7, 'vs_1', 'bank', 's', '{}', 1, 1, 3);
    insert into store_files (seq, tenant, store_id, file_id, status, attributes, created_at)
      values (5, 'bank', 'vs_1', 'file-1', 'completed', '{}', 1);
    insert into postings values (7, 'fee', 5, x'00');
  `);
  migrate(database);
  const shelves = database.prepare('select * from shelves').all();
  t.match(shelves, [{ seq: 7, store_id: 'vs_1', groups: '[]', revision: 3 }]);
  t.match(database.prepare('select shelf, name from shelf_groups').all(), [{ shelf: 7, name: '' }]);
  t.match(database.prepare('select shelf from store_files').all(), [{ shelf: 7 }]);
  t.match(database.prepare('select shelf, term from postings').all(), [{ shelf: 7, term: 'fee' }]);
  database.exec("insert into shelves (store_id, groups) values ('vs_1', '[\"hr\"]')");
  t.equal(database.prepare('select max(seq) from shelves').pluck().get(), 8);
});
