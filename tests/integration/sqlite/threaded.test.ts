import { Kysely, sql } from 'kysely';
import t, { type Test } from 'tap';
import { openSqlite } from '../../../src/sqlite/open.js';
import { ThreadedSqliteDialect } from '../../../src/sqlite/threaded.js';

interface Tables {
  things: { id: number; content: Buffer };
}

function open(t: Test) {
  const file = `${t.testdir({})}/things.db`;
  const here = openSqlite(file);
  here.exec('create table things (id integer primary key, content blob not null) strict');
  const there = new Kysely<Tables>({ dialect: new ThreadedSqliteDialect(file) });
  t.teardown(async () => {
    await there.destroy();
    here.close();
  });
  const ids = () => here.prepare('select id from things order by id').pluck().all();
  return { there, ids };
}

const content = Buffer.from([1, 2, 3]);

t.test('what is written in the thread is read there and here, as it was', async (t) => {
  const { there, ids } = open(t);
  const values = [1, 2].map((id) => ({ id, content }));
  const inserted = await there.insertInto('things').values(values).executeTakeFirst();
  t.equal(inserted.numInsertedOrUpdatedRows, 2n);
  t.same(ids(), [1, 2]);
  const rows = await there.selectFrom('things').selectAll().execute();
  t.same(rows, values);
  t.ok(Buffer.isBuffer(rows[0]!.content));
  const deleted = await there.deleteFrom('things').where('id', '=', 1).executeTakeFirst();
  t.equal(deleted.numDeletedRows, 1n);
});

t.test('transactions follow each other; one that fails leaves nothing and says why', async (t) => {
  const { there, ids } = open(t);
  const add = (...wanted: number[]) =>
    there.transaction().execute(async (tx) => {
      for (const id of wanted) {
        await tx.insertInto('things').values({ id, content }).execute();
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  const [first, second, third] = await Promise.allSettled([add(1, 2), add(3, 1), add(4)]);
  t.equal(first!.status, 'fulfilled');
  t.match(second, { status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY', message: /UNIQUE/ } });
  t.equal(third!.status, 'fulfilled');
  t.same(ids(), [1, 2, 4]);
});

t.test(
  'whoever reads here waits for no transaction there, and sees nothing of it before it is committed',
  async (t) => {
    const { there, ids } = open(t);
    await there.transaction().execute(async (tx) => {
      await tx.insertInto('things').values({ id: 1, content }).execute();
      t.same(ids(), []);
      const { rows } = await sql<{ id: number }>`select id from things`.execute(tx);
      t.same(rows, [{ id: 1 }]);
    });
    t.same(ids(), [1]);
  },
);
