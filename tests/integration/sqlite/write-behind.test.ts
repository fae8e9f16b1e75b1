import { open } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { openSqlite } from '../../../src/sqlite/open.js';
import { createWriteBehind } from '../../../src/sqlite/write-behind.js';

const FULL = 2;
const ADD = 'insert into things values (?)';

async function setUp(t: Test) {
  const file = `${t.testdir({})}/things.db`;
  const [database, other] = [openSqlite(file), openSqlite(file)];
  database.exec('create table things (id integer primary key) strict');
  const behind = createWriteBehind(database);
  t.teardown(async () => {
    await behind.close();
    database.close();
    other.close();
  });
  const add = (...ids: number[]) => [{ sql: ADD, rows: ids.map((id) => [id]) }];
  const ids = () => other.prepare('select id from things order by id').pluck().all();
  const handle = await open(file);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  return { database, behind, add, ids, prototype };
}

t.test('what is written is found by all, and the disk is waited for apart', async (t) => {
  const { behind, add, ids, prototype } = await setUp(t);
  const synced = t.capture(prototype, 'datasync', prototype.datasync);
  await behind.write(add(1, 2));
  behind.writeHere(add(3));
  t.same(ids(), [1, 2, 3]);
  t.equal(synced().length, 0);
  await behind.onDisk();
  t.equal(synced().length, 1);
});

t.test('a slow disk is asked once for all that is written meanwhile', async (t) => {
  const { behind, add, prototype } = await setUp(t);
  const synced = t.capture(prototype, 'datasync', prototype.datasync);
  behind.writeHere(add(1));
  await Promise.all(Array.from({ length: 10 }, () => behind.onDisk()));
  t.equal(synced().length, 2);
});

t.test('one that fails leaves nothing, and every other commit waits for the disk as before', async (t) => {
  const { database, behind, add, ids } = await setUp(t);
  const level = () => database.pragma('synchronous', { simple: true });
  t.equal(level(), FULL);
  await behind.write(add(1));
  const error = { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' };
  await t.rejects(behind.write(add(2, 1)), error);
  t.throws(() => behind.writeHere(add(2, 1)), error);
  t.equal(level(), FULL);
  t.equal(database.inTransaction, false);
  t.same(ids(), [1]);
  await behind.write(add(2));
  t.same(ids(), [1, 2], 'and the next one is written');
});

t.test('the log goes over into the database in the thread, and does not grow with what is written', async (t) => {
  const { database, behind, add } = await setUp(t);
  const logPages = () => (database.pragma('wal_checkpoint(passive)') as { log: number }[])[0]!.log;
  let next = 0;
  const write = async (groups: number) => {
    for (let group = 0; group < groups; group++) {
      await behind.write(add(...Array.from({ length: 20 }, () => next++)));
      await behind.idle();
    }
  };
  await write(40);
  await write(20);
  t.ok(logPages() < 60, `${logPages()} pages after 60 groups, each of which changes one at least`);
});

t.test('a disk that fails is told', async (t) => {
  const { behind, add, prototype } = await setUp(t);
  const { datasync } = prototype;
  prototype.datasync = async () => {
    throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  await behind.write(add(1));
  await t.rejects(behind.onDisk(), { code: 'EIO' });
  prototype.datasync = datasync;
  await behind.onDisk();
});
