import { CompiledQuery, type DatabaseConnection, type Driver } from 'kysely';

/** What SQLite says where it has rolled back by itself, as it does on a full disk. */
const NOTHING_LEFT = /no transaction is active/;

/** A driver with one connection, which is had by one at a time, in the order in which it was asked for. */
export abstract class OneConnectionDriver implements Driver {
  /** Settles when whoever came last is done. */
  #last: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  protected abstract readonly connection: DatabaseConnection;
  /** How a transaction begins. */
  protected abstract readonly begin: 'begin' | 'begin immediate';
  protected abstract close(): void | Promise<void>;

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#last;
    let release: () => void = () => {};
    this.#last = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.#release = release;
    return this.connection;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(this.begin));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  /** Whoever asked should hear what went wrong, and not that there is nothing left to roll back. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback')).catch((error: Error) => {
      if (!NOTHING_LEFT.test(error.message)) throw error;
    });
  }

  async destroy(): Promise<void> {
    await this.#last;
    await this.close();
  }
}
