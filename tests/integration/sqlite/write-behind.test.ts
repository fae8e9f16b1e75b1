import { open } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { openSqlite } from '../../../src/sqlite/open.js';
import { createWriteBehind } from '../../../src/sqlite/write-behind.js';

const FULL = 2;

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
  const add = database.prepare('insert into things values (?)');
  const ids = () => other.prepare('select id from things order by id').pluck().all();
  const handle = await open(file);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  return { database, behind, add, ids, prototype };
}

t.test('what is written is found at once, and the disk is waited for elsewhere', async (t) => {
  const { behind, add, ids, prototype } = await setUp(t);
  const synced = t.capture(prototype, 'datasync', prototype.datasync);
  const onDisk = behind.run(() => {
    for (const id of [1, 2]) add.run(id);
  });
  t.same(ids(), [1, 2]);
  t.equal(synced().length, 0);
  await onDisk;
  t.equal(synced().length, 1);
});

t.test('a slow disk is asked once for all that is written meanwhile', async (t) => {
  const { behind, add, ids, prototype } = await setUp(t);
  const synced = t.capture(prototype, 'datasync', prototype.datasync);
  const written = Array.from({ length: 10 }, (_, id) => behind.run(() => void add.run(id)));
  t.equal(ids().length, 10);
  await Promise.all(written);
  t.equal(synced().length, 2);
});

t.test('one that fails leaves nothing, and every other commit waits for the disk as before', async (t) => {
  const { database, behind, add, ids } = await setUp(t);
  const level = () => database.pragma('synchronous', { simple: true });
  t.equal(level(), FULL);
  await behind.run(() => void add.run(1));
  t.equal(level(), FULL);
  const failed = behind.run(() => {
    add.run(2);
    add.run(1);
  });
  await t.rejects(failed, { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' });
  t.equal(level(), FULL);
  t.equal(database.inTransaction, false);
  t.same(ids(), [1]);
});

t.test('a disk that fails is told', async (t) => {
  const { behind, add, prototype } = await setUp(t);
  const { datasync } = prototype;
  prototype.datasync = async () => {
    throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  const failed = behind.run(() => void add.run(1));
  await t.rejects(failed, { code: 'EIO' });
  prototype.datasync = datasync;
  await behind.run(() => void add.run(2));
});
