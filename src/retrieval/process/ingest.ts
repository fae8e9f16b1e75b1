import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../contracts/clock.js';
import type { RetrievalObservation } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { storageTrouble } from '../../sqlite/storage-trouble.js';
import type { FilePassage } from '../chunking/chunk-file.js';
import { FileTerms } from '../lexical/file-terms.js';
import type { IngestJob, NewPassage, StoreFiles } from '../stores/store-files.js';
import type { Precedence } from './encoder.js';
import type { ParseFile } from './parsers.js';

/** How a file is read. */
export interface Reading {
  readonly precedence: Precedence;
  readonly signal: AbortSignal;
}

export interface IngestOptions {
  readonly storeFiles: StoreFiles;
  readonly parse: ParseFile;
  /** Vectors of passages. */
  readonly embed: (tenant: string, texts: readonly string[], how: Reading) => Promise<readonly Float32Array[]>;
  /** The tenant has used little of late. */
  readonly isWithinAllowance: (tenant: string) => boolean;
  /** Passages embedded between two looks at what else is to be done. */
  readonly batch: number;
  readonly clock: Clock;
  readonly onObservation: (observation: RetrievalObservation) => void;
  /** The file's passages are committed. */
  readonly onCompleted: (tenant: string) => void;
  readonly onError: (error: unknown, what: string) => void;
}

/** A file that takes no longer to read than a search or two: some ten passages. */
const SHORT_FILE_BYTES = 8192;

/** A file that ended the process that often while it was read is given up. */
const MAX_ATTEMPTS = 5;
/** Pauses while the database cannot be used. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Files that are read at once, each of another tenant: a long one keeps its own tenant waiting and hardly the others. */
const FILES_AT_ONCE = 4;

/**
 * Reads the files that wait, one a tenant. The queue is the table: what was acknowledged is read after any restart.
 * A file's passages appear all at once, in the transaction that marks it completed.
 */
export class Ingest {
  readonly #options: IngestOptions;
  #wake: () => void = () => {};
  readonly #stopping = new AbortController();
  #loop: Promise<void> | null = null;
  #trouble: string | null = null;
  #failures = 0;
  #isPaused = false;
  /** Begun, and not to be counted as attempts: the database failed, not their content. */
  readonly #interrupted = new Set<IngestJob>();

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Why files wait although nothing is wrong with them. It is tried again, with growing pauses. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** There is a new file. */
  wake(): void {
    this.#wake();
  }

  /** Ends after the batch at hand; the file goes back to the queue. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const reading = new Map<string, Promise<void>>();
    let lastTenant = '';
    while (!this.#stopping.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const isFree = reading.size < FILES_AT_ONCE && !this.#isPaused;
      const job = isFree ? await this.#next(lastTenant, [...reading.keys()]) : null;
      if (job) {
        lastTenant = job.tenant;
        const read = this.#read(job).finally(() => {
          reading.delete(job.tenant);
          this.#wake();
        });
        reading.set(job.tenant, read);
      } else {
        await woken;
      }
    }
    await Promise.all(reading.values());
  }

  /** Null where nothing waits, and where the database cannot be used. */
  async #next(lastTenant: string, reading: readonly string[]): Promise<IngestJob | null> {
    const { storeFiles } = this.#options;
    try {
      for (const job of this.#interrupted) {
        await storeFiles.release(job);
        this.#interrupted.delete(job);
      }
      const job = await storeFiles.next(lastTenant, reading);
      if (job === null) this.#recover();
      return job;
    } catch (error) {
      this.#stall(error);
      return null;
    }
  }

  async #read(job: IngestJob): Promise<void> {
    try {
      await this.#readOnce(job);
      this.#recover();
    } catch (error) {
      this.#interrupted.add(job);
      this.#stall(error);
    }
  }

  #recover(): void {
    this.#trouble = null;
    this.#failures = 0;
  }

  #stall(error: unknown): void {
    if (this.#trouble === null) this.#options.onError(error, 'ingestion waits for its database');
    this.#trouble = storageTrouble(error) ?? 'the database reports errors';
    const delayMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    // By a flag, not by the clock's time: a timer may fire a little before its time is up, and nobody would wake it again.
    this.#isPaused = true;
    setTimeout(() => {
      this.#isPaused = false;
      this.#wake();
    }, delayMs).unref();
  }

  /** @throws the error of a database that cannot be used */
  async #readOnce(job: IngestJob): Promise<void> {
    const { storeFiles, clock, onObservation, onCompleted, onError } = this.#options;
    const startedAt = clock.monotonicMs();
    const observe = (outcome: 'completed' | 'failed', passages: number) =>
      onObservation({ type: 'ingest', outcome, passages, durationMs: clock.monotonicMs() - startedAt });
    try {
      if (job.attempt > MAX_ATTEMPTS) throw new Error(`reading it ended the process ${MAX_ATTEMPTS} times`);
      const terms = new FileTerms();
      const passages = await this.#passages(job, terms);
      if (!(await storeFiles.complete(job, passages, terms, Math.floor(clock.now() / 1000)))) return;
      observe('completed', passages.length);
      onCompleted(job.tenant);
    } catch (error) {
      if (this.#stopping.signal.aborted) return await storeFiles.release(job);
      if (storageTrouble(error) !== null) throw error;
      if (!(error instanceof AppError)) onError(error, `file ${job.fileId} could not be read`);
      const failure =
        error instanceof AppError
          ? { code: error.code, message: error.message }
          : {
              code: 'server_error',
              message: 'The file could not be read because of an error on our side. Attach it again to retry.',
            };
      await storeFiles.fail(job, failure);
      observe('failed', 0);
    }
  }

  async #passages(job: IngestJob, terms: FileTerms): Promise<NewPassage[]> {
    const { parse, batch, isWithinAllowance } = this.#options;
    // A note that somebody adds goes before the answers and files of who floods; bulk goes behind everything.
    const isAhead = job.content.byteLength <= SHORT_FILE_BYTES && isWithinAllowance(job.tenant);
    const reading: Reading = { precedence: isAhead ? 'ahead' : 'behind', signal: this.#stopping.signal };
    const drafts = await parse(job, reading);
    const batches = Array.from({ length: Math.ceil(drafts.length / batch) }, (_, i) =>
      drafts.slice(i * batch, (i + 1) * batch),
    );
    const passages = await Promise.all(batches.map((some) => this.#embed(job.tenant, some, reading)));
    for (const some of batches) {
      for (const draft of some) terms.add(job.filename, draft);
      // The words of a long file keep no search waiting.
      await setImmediate();
      this.#stopping.signal.throwIfAborted();
    }
    return passages.flat();
  }

  async #embed(tenant: string, drafts: readonly FilePassage[], reading: Reading): Promise<NewPassage[]> {
    // The headings say what a passage is about where its own words do not.
    const vectors = await this.#options.embed(
      tenant,
      drafts.map(({ headingPath, text }) => `${headingPath.join(' › ')}\n${text}`),
      reading,
    );
    return drafts.map((draft, index) => ({ ...draft, embedding: vectors[index]! }));
  }
}
