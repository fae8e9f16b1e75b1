import { Kysely, sql } from 'kysely';
import t, { type Test } from 'tap';
import { openSqlite, Sqlite } from '../../../src/sqlite/open.js';
import { PreparedSqliteDialect } from '../../../src/sqlite/prepared.js';

interface Tables {
  things: { id: number; name: string };
}

function open(t: Test) {
  const database = openSqlite(`${t.testdir({})}/things.db`);
  database.exec('create table things (id integer primary key, name text not null) strict');
  const db = new Kysely<Tables>({ dialect: new PreparedSqliteDialect(database) });
  t.teardown(() => db.destroy());
  const add = (...ids: number[]) =>
    db.transaction().execute(async (tx) => {
      for (const id of ids) {
        await tx.insertInto('things').values({ id, name: 'a' }).execute();
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  const ids = async () => (await db.selectFrom('things').select('id').orderBy('id').execute()).map(({ id }) => id);
  return { database, db, add, ids };
}

t.test('a text is prepared once, and those that were not used for long are forgotten', async (t) => {
  const { db, ids } = open(t);
  const prepared = t.capture(Sqlite.prototype, 'prepare', Sqlite.prototype.prepare);
  await ids();
  t.equal(prepared().length, 1);
  for (let i = 0; i < 300; i++) {
    await ids();
    await db
      .selectFrom('things')
      .select('id')
      .limit(i)
      .where('id', 'in', Array(i + 1).fill(0))
      .execute();
  }
  t.equal(prepared().length, 300, 'what is used all the time stays');
  await db.selectFrom('things').select('id').limit(0).where('id', 'in', [0]).execute();
  t.equal(prepared().length, 1);
});

t.test('statements tell what they changed, and follow a change of the tables', async (t) => {
  const { database, db, add } = open(t);
  const inserted = await db.insertInto('things').values({ id: 7, name: 'a' }).executeTakeFirstOrThrow();
  t.match(inserted, { insertId: 7n, numInsertedOrUpdatedRows: 1n });
  await add(1, 2);
  const updated = await db.updateTable('things').set({ name: 'b' }).where('id', '<', 3).executeTakeFirstOrThrow();
  t.equal(updated.numUpdatedRows, 2n);
  const all = () => db.selectFrom('things').selectAll().where('id', '=', 7).execute();
  t.same(await all(), [{ id: 7, name: 'a' }]);
  database.exec('alter table things add column size integer');
  t.same(await all(), [{ id: 7, name: 'a', size: null }]);
});

t.test('a setting is set each time', async (t) => {
  const { database, db } = open(t);
  for (let i = 0; i < 2; i++) {
    for (const waitMs of [0, 5000]) {
      await sql.raw(`pragma busy_timeout = ${waitMs}`).execute(db);
      t.equal(database.pragma('busy_timeout', { simple: true }), waitMs);
    }
  }
});

t.test('transactions follow each other, and one that fails leaves nothing', async (t) => {
  const { add, ids } = open(t);
  const [first, second, third] = await Promise.allSettled([add(1, 2), add(3, 1), add(4)]);
  t.equal(first!.status, 'fulfilled');
  t.match(second, { status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' } });
  t.equal(third!.status, 'fulfilled');
  t.same(await ids(), [1, 2, 4]);
});
