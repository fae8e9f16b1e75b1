import { join } from 'node:path';
import { type Dialect, Kysely, sql } from 'kysely';
import t from 'tap';
import { openSqlite } from '../../../src/sqlite/open.js';
import { PreparedSqliteDialect } from '../../../src/sqlite/prepared.js';
import { ThreadedSqliteDialect } from '../../../src/sqlite/threaded.js';

const PAGES = 4;

t.test('a full disk in the middle of a transaction is what is heard of, here and in a thread', async (t) => {
  const dialects: Record<string, (file: string) => Dialect> = {
    here: (file) => new PreparedSqliteDialect(openSqlite(file)),
    thread: (file) => new ThreadedSqliteDialect(file),
  };
  const folder = t.testdir({});
  for (const [name, dialect] of Object.entries(dialects)) {
    const file = join(folder, `${name}.db`);
    // A thread makes none: it is another connection to what is there.
    openSqlite(file).close();
    const db = new Kysely<{ things: { content: Buffer } }>({ dialect: dialect(file) });
    t.teardown(() => db.destroy());
    await sql`create table things (content blob)`.execute(db);
    await sql.raw(`pragma max_page_count = ${PAGES}`).execute(db);
    const add = (bytes: number) =>
      db.transaction().execute((tx) =>
        tx
          .insertInto('things')
          .values({ content: Buffer.alloc(bytes) })
          .execute(),
      );
    await t.rejects(add(100_000), { code: 'SQLITE_FULL' }, name);
    await add(10);
    t.equal((await db.selectFrom('things').selectAll().execute()).length, 1, 'and it goes on');
  }
});
