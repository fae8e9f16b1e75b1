import { Kysely, SqliteDialect, sql } from 'kysely';
import t from 'tap';
import { openSqlite } from '../../../src/sqlite/open.js';
import { inSnapshot } from '../../../src/sqlite/snapshot.js';

t.test('reads of one job see one state, whatever is committed meanwhile, and the next job the new one', async (t) => {
  const file = `${t.testdir()}/a.db`;
  const writer = openSqlite(file);
  writer.exec('create table rows (n integer)');
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: openSqlite(file) }) });
  t.teardown(() => db.destroy());
  const count = async () => (await sql<{ n: number }>`select count(*) as n from rows`.execute(db)).rows[0]!.n;
  const counts = await inSnapshot(db, async () => {
    const before = await count();
    writer.exec('insert into rows values (1)');
    return [before, await count()];
  });
  t.same(counts, [0, 0]);
  await t.rejects(
    inSnapshot(db, async () => {
      throw new Error('it fails');
    }),
    { message: 'it fails' },
  );
  t.equal(await count(), 1);
  writer.close();
});
