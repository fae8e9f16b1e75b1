import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type CompiledQuery, type DatabaseConnection, type Driver, type QueryResult, SqliteDialect } from 'kysely';
import { OneConnectionDriver } from './one-connection.js';
import { DRIVER, PRAGMAS } from './open.js';

/** A parameter: bytes of a file, which the thread reads. One a statement. A class, so that no value from outside can be one. */
export class BytesOfFile {
  readonly file: string;
  readonly from: number;
  readonly bytes: number;

  constructor(file: string, from: number, bytes: number) {
    this.file = file;
    this.from = from;
    this.bytes = bytes;
  }
}

export type ToWriter =
  | {
      readonly type: 'run';
      readonly sql: string;
      readonly parameters: readonly unknown[];
      /** Of a parameter that is bytes of a file: its place, and which they are. */
      readonly piece: ({ readonly at: number } & BytesOfFile) | null;
    }
  | { readonly type: 'write'; readonly writes: Writes }
  | { readonly type: 'close' };

/** Statements, and the rows that each is run with; their values by place. Few texts, as each is prepared once and kept. */
export type Writes = readonly { readonly sql: string; readonly rows: readonly (readonly unknown[])[] }[];

/** One for each `run` and `write`, in their order. */
export type FromWriter =
  | { readonly rows: readonly unknown[]; readonly changes: number }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } };

type Row = Record<string, unknown>;

/**
 * SQLite in a thread of its own, for all that writes. What takes seconds there, a transaction over 50,000 rows, its way
 * to the disk and the checkpoint behind it, takes nothing from this thread; whoever only reads has a connection here, and
 * sees what was committed. Transactions follow each other, as there is one connection.
 */
export class ThreadedSqliteDialect extends SqliteDialect {
  readonly #file: string;

  constructor(file: string) {
    super({ database: () => Promise.reject(new Error('the database is open in its thread')) });
    this.#file = file;
  }

  override createDriver(): Driver {
    return new ThreadDriver(new WriterThread(this.#file, PRAGMAS));
  }
}

class ThreadDriver extends OneConnectionDriver {
  protected override readonly connection: WriterThread;
  protected override readonly begin = 'begin immediate';

  constructor(thread: WriterThread) {
    super();
    this.connection = thread;
  }

  protected override close(): Promise<void> {
    return this.connection.close();
  }
}

/** A thread that dies throws here, which ends the process: it is restarted like after any other death. */
export class WriterThread implements DatabaseConnection {
  readonly #worker: Worker;
  /** Answers come in the order of the questions. */
  readonly #waiting: { resolve(answer: QueryResult<unknown>): void; reject(error: Error): void }[] = [];

  /** @param pragmas of its connection */
  constructor(file: string, pragmas: readonly string[]) {
    const workerData = { driver: DRIVER, file, pragmas };
    this.#worker = new Worker(new URL('writer-thread.js', import.meta.url), { workerData });
    this.#worker.on('message', (message: FromWriter) => this.#answer(message));
  }

  executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const at = parameters.findIndex((parameter) => parameter instanceof BytesOfFile);
    const piece = at === -1 ? null : { at, ...(parameters[at] as BytesOfFile) };
    return this.#ask({ type: 'run', sql, parameters, piece }) as Promise<QueryResult<R>>;
  }

  /** All of it in one transaction, or none. */
  async write(writes: Writes): Promise<void> {
    await this.#ask({ type: 'write', writes });
  }

  // biome-ignore lint/correctness/useYield: rows that are too many for one message are read elsewhere
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('a thread gives all rows at once');
  }

  async close(): Promise<void> {
    const exited = once(this.#worker, 'exit');
    this.#worker.postMessage({ type: 'close' } satisfies ToWriter);
    await exited;
  }

  #ask(message: ToWriter): Promise<QueryResult<unknown>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(message);
    });
  }

  #answer(message: FromWriter): void {
    const { resolve, reject } = this.#waiting.shift()!;
    if ('failure' in message) {
      const { message: reason, code } = message.failure;
      reject(Object.assign(new Error(reason), { code }));
    } else {
      const rows = message.rows.map((row) => withBuffers(row as Row));
      resolve({ rows, numAffectedRows: BigInt(message.changes) });
    }
  }
}

/** Crossing over, a buffer becomes plain bytes. */
function withBuffers(row: Row): Row {
  for (const [name, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) row[name] = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  return row;
}
