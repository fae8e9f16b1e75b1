import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { ScopedDriver, type Scopes } from './scopes.js';

export interface PostgresSettings {
  /** `postgres://role:password@host:port/database` */
  readonly url: string;
  /** Connections at once. Whoever comes when all are in use waits for one. */
  readonly poolSize: number;
  /** What takes longer is called off, in milliseconds. */
  readonly statementTimeoutMs: number;
}

export interface Postgres<T> {
  readonly db: Kysely<T>;
  readonly scopes: Scopes;
  close(): Promise<void>;
}

/** How long an attempt to connect may take, and waiting for a free connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;
/** The server calls a statement off itself; a server that says nothing any more is given up a little later. */
const SILENCE_MS = 2000;
const NUMBERS = new Set<number>([pg.types.builtins.INT8, pg.types.builtins.NUMERIC]);
/** Both come as texts else. Sums of ours stay far below 2 ** 53. */
export const NUMBERS_AS_NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    NUMBERS.has(oid) ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/**
 * Opens a pool of connections; none is made yet. One that breaks leaves the pool, and the next statement has a new one:
 * after a restart of the server nothing has to be done here.
 */
export function openPostgres<T>({ url, poolSize, statementTimeoutMs }: PostgresSettings): Postgres<T> {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    keepAlive: true,
    application_name: 'switchyard',
    types: NUMBERS_AS_NUMBERS,
  });
  // An idle connection that breaks: the next statement finds out whether the server is there.
  pool.on('error', () => {});
  const driver = new ScopedDriver(pool, statementTimeoutMs);
  const db = new Kysely<T>({ dialect: new ScopedDialect(driver) });
  return { db, scopes: driver.scopes, close: () => db.destroy() };
}

class ScopedDialect extends PostgresDialect {
  readonly #driver: ScopedDriver;

  constructor(driver: ScopedDriver) {
    super({ pool: () => Promise.reject(new Error('the driver has the pool')) });
    this.#driver = driver;
  }

  override createDriver(): ScopedDriver {
    return this.#driver;
  }
}
