import type { Clock } from '../../contracts/clock.js';
import type { RetrievalObservation } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { chunkFile, type FilePassage } from '../chunking/chunk-file.js';
import type { PassageLimits } from '../chunking/passages.js';
import type { IngestJob, NewPassage, StoreFiles } from '../stores/store-files.js';
import type { Embedder } from './embedder.js';
import type { WorkQueue } from './queue.js';

export interface IngestOptions {
  readonly storeFiles: StoreFiles;
  readonly embedder: Embedder;
  readonly countTokens: (text: string) => number;
  readonly queue: WorkQueue;
  readonly limits: PassageLimits;
  /** Passages embedded between two looks at what else is to be done. */
  readonly batch: number;
  readonly clock: Clock;
  readonly onObservation: (observation: RetrievalObservation) => void;
  /** The file's passages are committed. */
  readonly onCompleted: (tenant: string) => void;
  readonly onError: (error: unknown, what: string) => void;
}

/** A file that ended the process that often while it was read is given up. */
const MAX_ATTEMPTS = 5;

/**
 * Reads the files that wait, one at a time. The queue is the table: what was acknowledged is read after any restart.
 * A file's passages appear all at once, in the transaction that marks it completed.
 */
export class Ingest {
  readonly #options: IngestOptions;
  #wake: () => void = () => {};
  #isStopping = false;
  #loop: Promise<void> | null = null;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run().catch((error) => this.#options.onError(error, 'ingestion stopped'));
  }

  /** There is a new file. */
  wake(): void {
    this.#wake();
  }

  /** Ends after the batch at hand; the file goes back to the queue. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let lastTenant = '';
    while (!this.#isStopping) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const job = await this.#options.storeFiles.next(lastTenant);
      if (job) {
        lastTenant = job.tenant;
        await this.#read(job);
      } else {
        await woken;
      }
    }
  }

  async #read(job: IngestJob): Promise<void> {
    const { storeFiles, clock, onObservation, onCompleted, onError } = this.#options;
    const startedAt = clock.monotonicMs();
    const observe = (outcome: 'completed' | 'failed', passages: number) =>
      onObservation({ type: 'ingest', outcome, passages, durationMs: clock.monotonicMs() - startedAt });
    try {
      if (job.attempt > MAX_ATTEMPTS) throw new Error(`reading it ended the process ${MAX_ATTEMPTS} times`);
      const passages = await this.#passages(job);
      if (!passages) return await storeFiles.release(job);
      if (!(await storeFiles.complete(job, passages, Math.floor(clock.now() / 1000)))) return;
      observe('completed', passages.length);
      onCompleted(job.tenant);
    } catch (error) {
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

  /** Null where it was interrupted. */
  async #passages(job: IngestJob): Promise<NewPassage[] | null> {
    const { countTokens, queue, limits, batch } = this.#options;
    const drafts = chunkFile(job, limits, countTokens);
    const passages: NewPassage[] = [];
    for (let isDone = false; !isDone; ) {
      if (this.#isStopping) return null;
      isDone = await queue.run('background', async () => {
        const some: FilePassage[] = [];
        while (some.length < batch) {
          const next = drafts.next();
          if (next.done) break;
          some.push(next.value);
        }
        if (some.length > 0) passages.push(...(await this.#embed(some)));
        return some.length < batch;
      });
    }
    return passages;
  }

  async #embed(drafts: readonly FilePassage[]): Promise<NewPassage[]> {
    // The headings say what a passage is about where its own words do not.
    const vectors = await this.#options.embedder.embed(
      drafts.map(({ headingPath, text }) => `${headingPath.join(' › ')}\n${text}`),
    );
    return drafts.map((draft, index) => ({ ...draft, embedding: vectors[index]! }));
  }
}
