import { existsSync, readFileSync, statSync } from 'node:fs';
import { Kysely, SqliteDialect } from 'kysely';
import t from 'tap';
import { emptyLog, rewrite } from '../../../src/sqlite/compact.js';
import { openSqlite, Sqlite } from '../../../src/sqlite/open.js';

t.test(
  'what is deleted is overwritten, and out of the log once that is emptied, which waits for readers',
  async (t) => {
    const file = `${t.testdir()}/a.db`;
    const database = openSqlite(file);
    database.exec('create table rows (text text)');
    const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
    t.teardown(() => db.destroy());
    const secret = 'a distinctive text '.repeat(500);
    database.prepare('insert into rows values (?)').run(secret);
    t.equal(await emptyLog(db), true);
    database.exec('delete from rows');
    const reader = new Sqlite(file, { readonly: true });
    reader.exec('begin');
    reader.prepare('select count(*) from rows').get();
    database.exec("insert into rows values ('x')");
    t.equal(await emptyLog(db), false);
    reader.exec('commit');
    t.equal(await emptyLog(db), true);
    reader.close();
    t.equal(statSync(`${file}-wal`).size, 0);
    t.notOk(readFileSync(file).includes('a distinctive text'));
    t.equal(database.pragma('busy_timeout', { simple: true }), 5000, 'as before');
    const before = statSync(file).size;
    await rewrite(db);
    await emptyLog(db);
    t.ok(statSync(file).size < before);
    t.ok(existsSync(file));
  },
);
