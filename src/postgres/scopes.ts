import { AsyncLocalStorage } from 'node:async_hooks';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import pg from 'pg';

/**
 * Whose rows statements see: row-level security compares each with what a scope has told the server. All statements within
 * one are a single transaction on one connection, which ends with the scope; a statement outside of any sees no tenant's rows.
 */
export interface Scopes {
  /** Rows of one tenant. Its transactions of several statements follow one another, in whichever process they are. */
  of<T>(tenant: string, job: () => Promise<T>): Promise<T>;
  /** The same for reads alone, which see one state of the database, whatever is committed meanwhile. */
  snapshot<T>(tenant: string, job: () => Promise<T>): Promise<T>;
  /** Rows of every tenant: for what none of them asked for, such as what expires. */
  all<T>(job: () => Promise<T>): Promise<T>;
}

interface Scope {
  readonly connection: Connection;
  /** null: all of them. */
  readonly tenant: string | null;
  isOver: boolean;
}

/** A transaction that another one got in the way of is done again. */
const TRIES = 4;
const CONFLICTS = new Set(['40001', '40P01']);
/** For this transaction alone, so that a pooler in between may give the connection to anybody afterwards. */
const ENTER = `select set_config('app.tenant', $1, true), set_config('app.every_tenant', $2, true),
  set_config('statement_timeout', $3, true)`;
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE']);

/** Statements find their scope by themselves, however deep they stand: nothing in between can forget to hand it on. */
export class ScopedDriver implements Driver {
  readonly #pool: pg.Pool;
  readonly #statementTimeoutMs: number;
  readonly #current = new AsyncLocalStorage<Scope>();

  constructor(pool: pg.Pool, statementTimeoutMs: number) {
    this.#pool = pool;
    this.#statementTimeoutMs = statementTimeoutMs;
  }

  readonly scopes: Scopes = {
    of: (tenant, job) => this.#again('begin', tenant, job),
    snapshot: (tenant, job) => this.#again('begin isolation level repeatable read read only', tenant, job),
    all: (job) => this.#again('begin', null, job),
  };

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Connection> {
    return this.#scope()?.connection ?? new Connection(await this.#pool.connect());
  }

  async releaseConnection(connection: Connection): Promise<void> {
    if (!this.#scope()) connection.release();
  }

  /** Within a scope there is one already; what reads and then writes has the tenant for itself, as it has in SQLite. */
  async beginTransaction(connection: Connection, _settings: TransactionSettings): Promise<void> {
    const scope = this.#scope();
    if (!scope) await connection.run('begin');
    else await connection.run('select pg_advisory_xact_lock(hashtextextended($1, 0))', [scope.tenant ?? '']);
  }

  async commitTransaction(connection: Connection): Promise<void> {
    if (!this.#scope()) await connection.run('commit');
  }

  /** The error that brought this about ends a scope. */
  async rollbackTransaction(connection: Connection): Promise<void> {
    if (!this.#scope()) await connection.run('rollback');
  }

  async destroy(): Promise<void> {
    await this.#pool.end();
  }

  #scope(): Scope | undefined {
    const scope = this.#current.getStore();
    if (scope?.isOver) throw new Error('a statement outlived the scope that it was begun in');
    return scope;
  }

  async #again<T>(begin: string, tenant: string | null, job: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#run(begin, tenant, job);
      } catch (error) {
        if (tries === TRIES || !CONFLICTS.has((error as { code?: string }).code ?? '')) throw error;
      }
    }
  }

  async #run<T>(begin: string, tenant: string | null, job: () => Promise<T>): Promise<T> {
    if (this.#current.getStore()?.isOver === false) throw new Error('scopes do not stand within one another');
    const connection = new Connection(await this.#pool.connect());
    const scope = { connection, tenant, isOver: false };
    try {
      await connection.run(begin);
      await connection.run(ENTER, [tenant ?? '', tenant === null ? 'on' : 'off', String(this.#statementTimeoutMs)]);
      const result = await this.#current.run(scope, job);
      await connection.run('commit');
      return result;
    } catch (error) {
      await connection.run('rollback').catch(() => {});
      throw error;
    } finally {
      scope.isOver = true;
      connection.release();
    }
  }
}

/** Statements that are begun side by side follow one another. */
class Connection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  #last: Promise<unknown> = Promise.resolve();
  /** After anything else than the server's refusal of a statement, nobody knows what the connection is at. */
  #isBroken = false;

  /** It breaks between two statements. Unheard, that would end the process. */
  readonly #onLost = () => {
    this.#isBroken = true;
  };

  constructor(client: pg.PoolClient) {
    this.#client = client;
    client.on('error', this.#onLost);
  }

  run(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult<unknown>> {
    return this.executeQuery(CompiledQuery.raw(sql, [...parameters]));
  }

  executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const result = this.#last.then(() => this.#query<R>(sql, parameters));
    this.#last = result.catch(() => {});
    return result;
  }

  // biome-ignore lint/correctness/useYield: what is too much for one answer is read lot by lot
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('a connection gives all rows at once');
  }

  release(): void {
    this.#client.release(this.#isBroken);
    // After the pool has put its own in the place of it.
    this.#client.off('error', this.#onLost);
  }

  async #query<R>(sql: string, parameters: readonly unknown[]): Promise<QueryResult<R>> {
    if (this.#isBroken) throw new Error('Connection terminated by an earlier error');
    try {
      const { command, rowCount, rows } = await this.#client.query(sql, [...parameters]);
      return { rows, ...(WRITES.has(command) && { numAffectedRows: BigInt(rowCount ?? 0) }) };
    } catch (error) {
      this.#isBroken = !(error instanceof pg.DatabaseError) || error.severity === 'FATAL';
      throw error;
    }
  }
}
