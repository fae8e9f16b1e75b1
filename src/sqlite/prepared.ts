import type SQLite from 'better-sqlite3';
import { type CompiledQuery, type DatabaseConnection, type Driver, type QueryResult, SqliteDialect } from 'kysely';
import { LRUCache } from 'lru-cache';
import { OneConnectionDriver } from './one-connection.js';

/** Texts whose statements are kept; those with lists of values are many. */
const MOST_STATEMENTS = 256;
/** What one of these sets is set while it is prepared, and not when it runs. */
const SETS_WHEN_PREPARED = /^\s*pragma\b/i;

/** What is done at the end of each transaction, those of one statement too, before it is committed; where it fails the transaction is undone. */
export interface CommitHook {
  before: (() => Promise<void>) | null;
}

/** SQLite on this thread. Each text is prepared once: that takes longer than to run what a request asks (decision 0075). */
export class PreparedSqliteDialect extends SqliteDialect {
  readonly #database: SQLite.Database;
  readonly #hook: CommitHook;

  constructor(database: SQLite.Database, hook: CommitHook = { before: null }) {
    super({ database });
    this.#database = database;
    this.#hook = hook;
  }

  override createDriver(): Driver {
    return new PreparedDriver(this.#database, this.#hook);
  }
}

class PreparedDriver extends OneConnectionDriver {
  protected override readonly connection: DatabaseConnection;
  protected override readonly begin = 'begin';
  readonly #database: SQLite.Database;
  readonly #hook: CommitHook;

  constructor(database: SQLite.Database, hook: CommitHook) {
    super();
    this.#database = database;
    this.#hook = hook;
    this.connection = new PreparedConnection(database, hook);
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#hook.before?.();
    await super.commitTransaction(connection);
  }

  protected override close(): void {
    this.#database.close();
  }
}

class PreparedConnection implements DatabaseConnection {
  readonly #database: SQLite.Database;
  readonly #hook: CommitHook;
  readonly #statements = new LRUCache<string, SQLite.Statement>({ max: MOST_STATEMENTS });

  constructor(database: SQLite.Database, hook: CommitHook) {
    this.#database = database;
    this.#hook = hook;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = this.#prepare(sql);
    const { before } = this.#hook;
    const isAsItIs =
      before === null || statement.readonly || this.#database.inTransaction || SETS_WHEN_PREPARED.test(sql);
    if (isAsItIs) return run<R>(statement, parameters);
    this.#database.exec('begin');
    try {
      const result = run<R>(statement, parameters);
      await before();
      this.#database.exec('commit');
      return result;
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('rollback');
      throw error;
    }
  }

  // biome-ignore lint/correctness/useYield: nobody reads rows that are too many for one list
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('all rows are given at once');
  }

  #prepare(sql: string): SQLite.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    if (!SETS_WHEN_PREPARED.test(sql)) this.#statements.set(sql, statement);
    return statement;
  }
}

function run<R>(statement: SQLite.Statement, parameters: readonly unknown[]): QueryResult<R> {
  if (statement.reader) return { rows: statement.all(parameters) as R[] };
  const { changes, lastInsertRowid } = statement.run(parameters);
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
}
