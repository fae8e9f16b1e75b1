import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { createContents, removeAbandoned } from '../../../src/retrieval/stores/contents.js';
import { createAudited, openDatabase, openWriter } from '../../../src/retrieval/stores/database.js';
import { createFiles } from '../../../src/retrieval/stores/files.js';
import { describeTables, localRows } from '../../../src/retrieval/stores/postgres/copied-tables.js';
import { readStored } from '../../../src/retrieval/stores/stored-content.js';
import { openSqlite } from '../../../src/sqlite/open.js';
import { dataFolder } from '../../fixtures/retrieval/retrieval.js';

const BYTES = 3_000_001;

async function setUp(t: Test) {
  const folder = dataFolder(t);
  const database = join(folder, 'documents.db');
  const [reader, writer] = [openDatabase(database), openWriter(database)];
  t.teardown(async () => {
    await writer.destroy();
    await reader.destroy();
  });
  const files = createFiles(writer, createAudited(folder, { now: () => 1, monotonicMs: () => 1 }));
  const content = randomBytes(BYTES);
  const path = join(folder, 'upload');
  writeFileSync(path, content);
  const large = { filename: 'large.txt', purpose: 'batch', content: { path, bytes: BYTES } };
  const pieces = async () => (await reader.selectFrom('file_pieces').select('file_id').execute()).length;
  return { folder, database, writer, files, content, path, large, pieces };
}

t.test('a large file is what was uploaded, wherever it is read, and goes with all of its pieces', async (t) => {
  const { database, files, content, large, pieces } = await setUp(t);
  const { id, bytes } = await files.create('bank', large, 1);
  const small = await files.create('bank', { ...large, content: Buffer.from('small') }, 1);
  t.equal(bytes, BYTES);
  t.ok((await pieces()) > 10);
  t.same(await files.content('bank', id), content);
  t.same(readStored({ database, fileId: id }), content);
  t.same(readStored({ database, fileId: small.id }), Buffer.from('small'));

  const here = openSqlite(database);
  const columns = ['id', 'content'].map((name) => ({ table: 'files', name, type: 'bytea', isNumbered: false }));
  const table = describeTables(columns).find(({ name }) => name === 'files')!;
  t.same(
    [...localRows(here, table)],
    [
      { id, content },
      { id: small.id, content: Buffer.from('small') },
    ],
  );
  here.close();

  await files.delete('bank', id, 1);
  t.equal(await pieces(), 0);
  await t.rejects(files.content('bank', id), { code: 'not_found' });
  t.throws(() => readStored({ database, fileId: id }), { code: 'not_found' });
});

t.test('while a large file is written, others write, and nobody sees a part of it', async (t) => {
  const { files, large } = await setUp(t);
  const order: string[] = [];
  const done = (name: string) => () => void order.push(name);
  const seen = async () => {
    for (let n = 0; n < 3; n++) {
      const { items } = await files.list('bank', { limit: 10, after: null, order: 'asc' }, null);
      if (!order.includes('large')) t.notOk(items.some(({ filename }) => filename === 'large.txt'));
    }
  };
  const small = { filename: 'small.txt', purpose: 'batch', content: Buffer.from('small') };
  await Promise.all([
    files.create('bank', large, 1).then(done('large')),
    files.create('shop', small, 1).then(done('small')),
    seen(),
  ]);
  t.same(order, ['small', 'large']);
});

t.test('of a file that is not stored after all nothing stays', async (t) => {
  const { writer, files, large, pieces } = await setUp(t);
  await t.rejects(files.create('bank', large, 1, BYTES - 1), { code: 'storage_limit_reached' });
  t.equal(await pieces(), 0);
  const refused = new Error('refused');
  const insertRow = async () => {
    t.ok((await pieces()) > 10);
    throw refused;
  };
  await t.rejects(createContents(writer).write('file-1', large.content, insertRow), refused);
  t.equal(await pieces(), 0);
  const shorter = { ...large, content: { ...large.content, bytes: BYTES + 1 } };
  await t.rejects(files.create('bank', shorter, 1), /ends before it should/);
  t.equal(await pieces(), 0);
});

t.test('what a process that died had written of a file goes at the next start, and nothing else', async (t) => {
  const { writer, files, content, large, pieces } = await setUp(t);
  const { id } = await files.create('bank', large, 1);
  const before = await pieces();
  await writer
    .insertInto('file_pieces')
    .values({ file_id: 'file-of-nobody', ordinal: 0, content: Buffer.from('a') })
    .execute();
  // Nothing can be written: it stays, and nobody is kept from reading.
  await sql`pragma query_only = on`.execute(writer);
  await removeAbandoned(writer);
  t.equal(await pieces(), before + 1);
  await sql`pragma query_only = off`.execute(writer);
  await removeAbandoned(writer);
  t.equal(await pieces(), before);
  t.same(await files.content('bank', id), content);
});
