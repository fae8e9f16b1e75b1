import { dirname } from 'node:path';
import type SQLite from 'better-sqlite3';
import { CamelCasePlugin, Kysely } from 'kysely';
import type { AuditDb } from '../audit/log.js';
import type { AuditChange } from '../contracts/audit.js';
import { makeFolderSync } from '../files/make-folder.js';
import type { JobDb } from '../jobs/table.js';
import { openSqlite } from '../sqlite/open.js';
import { type CommitHook, PreparedSqliteDialect } from '../sqlite/prepared.js';
import type { Writes } from '../sqlite/threaded.js';
import { createVersions } from '../sqlite/versions.js';
import { createWriteBehind } from '../sqlite/write-behind.js';
import { migrate } from './migrations.js';
import type { Database, Tables } from './tables/tables.js';

/** Writes a line of the audit log in the transaction of the change. */
export type Audited = (trx: Database, change: AuditChange) => Promise<void>;

/** The same database, of which the audit log knows its own tables alone. */
export function auditTables(db: Database): AuditDb {
  return db as Kysely<unknown> as AuditDb;
}

/** The same database, of which the jobs know their own table alone, with its names as they are. */
export function jobTables(db: Database): JobDb {
  return db.withoutPlugins() as Kysely<unknown> as JobDb;
}

export interface OpenDatabase {
  readonly db: Database;
  /** The same connection, for whoever has it: within `alone`, or while nobody else uses the database. */
  readonly raw: SQLite.Database;
  /** Another number whenever somebody else has committed something, but for what `writeBehind` writes. */
  readonly outerVersion: () => number;
  readonly prepare: (sql: string) => SQLite.Statement;
  /**
   * One transaction between those of `db`, in a thread where that can be. Resolves when it is on the disk.
   * @param onWritten called once it is found by all
   */
  readonly writeBehind: (writes: Writes, onWritten: () => void) => Promise<void>;
  /** One transaction between those of `db`, for whose way to the disk nobody waits. */
  alone<T>(job: () => T): Promise<T>;
  /** @param before at the end of each transaction of `db`; what it throws undoes it. @param behind after each of `writeBehind` */
  onCommit(hook: { before(): Promise<void>; behind(): void }): void;
  close(): Promise<void>;
}

/** Opens the file, creating it where it is missing. */
export async function openDatabase(file: string): Promise<OpenDatabase> {
  makeFolderSync(dirname(file), 0o700);
  const database = openSqlite(file);
  const hook: CommitHook = { before: null };
  let onBehind = () => {};
  const db = new Kysely<Tables>({
    dialect: new PreparedSqliteDialect(database, hook),
    plugins: [new CamelCasePlugin()],
  });
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  const behind = createWriteBehind(database);
  const versions = createVersions(database, behind.hasWritten);
  hook.before = versions.mark;
  /** What is captured is captured on this connection. */
  let isCaptured = false;
  return {
    db,
    raw: database,
    outerVersion: versions.outer,
    prepare: (sql) => database.prepare(sql),
    async writeBehind(writes, onWritten) {
      await behind.idle();
      // Its turn among the transactions of `db` ends with the commit: others have theirs while this is on its way to the disk.
      await db.connection().execute(async () => (isCaptured ? behind.writeHere(writes) : await behind.write(writes)));
      onWritten();
      await behind.onDisk();
      onBehind();
    },
    alone: (job) => db.connection().execute(async () => behind.now(job)),
    onCommit(given) {
      isCaptured = true;
      hook.before = given.before;
      onBehind = given.behind;
    },
    async close() {
      await db.destroy();
      await behind.close();
    },
  };
}
