import pg from 'pg';
import { AppError } from '../../errors/app-error.js';
import { storageTrouble } from '../../sqlite/storage-trouble.js';

/** Time that one statement may take, and a connection. */
const STATEMENT_MS = 2000;
const CONNECT_MS = 2000;
/** What takes as long as there is data; whoever is not heard of in between loses its locks. */
const BULK_MS = 600_000;
const SILENT_MS = 60_000;
const CONNECTIONS = 4;
const RETRY_AFTER_S = 2;
/** What `append` says. */
const ANOTHER_REGISTRY = 'SY001';
export const REPLACED = 'it was replaced by another one, or another version has taken it over. Restart the gateway';

/**
 * The PostgreSQL that gateways share. Every failure of it or the way to it is an AppError `registry_unavailable`; what was asked for may have
 * been done then.
 */
export class SharedServer {
  readonly #url: string;
  readonly #pool: pg.Pool;
  readonly #listeners = new Map<string, (payload: string) => void>();
  #listening: pg.Client | null = null;
  #trouble: string | null = null;

  constructor(url: string) {
    this.#url = url;
    this.#pool = new pg.Pool({ ...connection(url, STATEMENT_MS), max: CONNECTIONS });
    this.#pool.on('error', () => {});
    // Each says twice that its connection broke, and the pool listens once: unheard, that would end the process.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Why the last statement failed; the next ones fail at once, until `reconnect` has found the server. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** @param listener told what is notified on a channel, while the server can be reached */
  listen(channel: string, listener: (payload: string) => void): void {
    this.#listeners.set(channel, listener);
    this.#listening?.query(`listen ${channel}`).catch(() => {});
  }

  /** Looks whether the server is there, and whether it still tells what is notified. */
  async reconnect(): Promise<void> {
    if (this.#listening === null) await this.#listen();
    if (this.#trouble === null) return;
    try {
      await this.#pool.query('select 1');
      this.#trouble = null;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async query<R extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<pg.QueryResult<R>> {
    if (this.#trouble !== null) throw unavailable(this.#trouble);
    try {
      return await this.#pool.query<R>(sql, [...values]);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** One transaction on a connection of its own, which may take long. */
  async bulk<T>(job: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client(connection(this.#url, BULK_MS));
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('begin');
      const result = await job(client);
      await client.query('commit');
      return result;
    } catch (error) {
      throw error instanceof AppError ? error : this.#failed(error);
    } finally {
      await client.end().catch(() => {});
    }
  }

  async close(): Promise<void> {
    await this.#listening?.end().catch(() => {});
    await this.#pool.end();
  }

  async #listen(): Promise<void> {
    const client = new pg.Client(connection(this.#url, STATEMENT_MS));
    const lose = () => {
      if (this.#listening === client) this.#listening = null;
    };
    client.on('error', lose).on('end', lose);
    client.on('notification', ({ channel, payload = '' }) => this.#listeners.get(channel)?.(payload));
    try {
      await client.connect();
      for (const channel of this.#listeners.keys()) await client.query(`listen ${channel}`);
      this.#listening = client;
    } catch (error) {
      await client.end().catch(() => {});
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): unknown {
    if ((error as { code?: string }).code === ANOTHER_REGISTRY) return unavailable(REPLACED, error);
    const trouble = storageTrouble(error);
    if (trouble === null) return error;
    // A server that answers, if only with a refusal, is there.
    if (!(error instanceof pg.DatabaseError)) this.#trouble = trouble;
    return unavailable(trouble, error);
  }
}

export function unavailable(reason: string, cause?: unknown): AppError {
  return new AppError('registry_unavailable', { reason, retryAfterS: RETRY_AFTER_S }, { cause });
}

function connection(url: string, statementMs: number) {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: statementMs,
    query_timeout: statementMs + 500,
    idle_in_transaction_session_timeout: SILENT_MS,
    keepAlive: true,
    application_name: 'switchyard registry',
  };
}
