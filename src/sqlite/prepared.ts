import type SQLite from 'better-sqlite3';
import { type CompiledQuery, type DatabaseConnection, type Driver, type QueryResult, SqliteDialect } from 'kysely';
import { OneConnectionDriver } from './one-connection.js';

/** Texts whose statements are kept; those with lists of values are many. */
const MOST_STATEMENTS = 256;
/** What one of these sets is set while it is prepared, and not when it runs. */
const SETS_WHEN_PREPARED = /^\s*pragma\b/i;

/** SQLite on this thread. Each text is prepared once: that takes longer than to run what a request asks (decision 0075). */
export class PreparedSqliteDialect extends SqliteDialect {
  readonly #database: SQLite.Database;

  constructor(database: SQLite.Database) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new PreparedDriver(this.#database);
  }
}

class PreparedDriver extends OneConnectionDriver {
  protected override readonly connection: DatabaseConnection;
  protected override readonly begin = 'begin';
  readonly #database: SQLite.Database;

  constructor(database: SQLite.Database) {
    super();
    this.#database = database;
    this.connection = new PreparedConnection(database);
  }

  protected override close(): void {
    this.#database.close();
  }
}

class PreparedConnection implements DatabaseConnection {
  readonly #database: SQLite.Database;
  /** The one that was used longest ago first. */
  readonly #statements = new Map<string, SQLite.Statement>();

  constructor(database: SQLite.Database) {
    this.#database = database;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = this.#prepare(sql);
    if (statement.reader) return { rows: statement.all(parameters) as R[] };
    const { changes, lastInsertRowid } = statement.run(parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  // biome-ignore lint/correctness/useYield: nobody reads rows that are too many for one list
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('all rows are given at once');
  }

  #prepare(sql: string): SQLite.Statement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    if (SETS_WHEN_PREPARED.test(sql)) return statement;
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > MOST_STATEMENTS) this.#statements.delete(this.#statements.keys().next().value!);
    return statement;
  }
}
