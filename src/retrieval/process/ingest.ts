import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../contracts/clock.js';
import type { RecogniseEntities } from '../../contracts/entities.js';
import type { Redaction, RetrievalObservation } from '../../contracts/retrieval.js';
import type { Lease } from '../../jobs/jobs.js';
import { JobRunner, type Working } from '../../jobs/runner.js';
import { createScrub, type Scrub } from '../../personal-data/scrub.js';
import { embeddedText, type FilePassage } from '../chunking/chunk-file.js';
import type { DocumentStore } from '../documents/document-store.js';
import { FileTerms } from '../lexical/file-terms.js';
import type { IngestFile, NewPassage } from '../stores/store-files.js';
import type { Precedence } from './encoder.js';
import type { ParseFile } from './parsers.js';
import type { RightOfWay } from './right-of-way.js';
import { type Reading, type VectorOptions, vectorsOfTexts } from './vectors-of-texts.js';

export interface IngestOptions extends VectorOptions {
  readonly documents: Pick<DocumentStore, 'jobs' | 'isAlone' | 'load' | 'contentOf' | 'known' | 'complete'>;
  readonly parse: ParseFile;
  readonly recognise: RecogniseEntities;
  /** The tenant has used little of late. */
  readonly isWithinAllowance: (tenant: string) => boolean;
  readonly rightOfWay: Pick<RightOfWay, 'take'>;
  readonly clock: Clock;
  readonly onObservation: (observation: RetrievalObservation) => void;
  readonly onError: (error: unknown, what: string) => void;
}

/** A file that takes no longer to read than a search or two: some ten passages. */
const SHORT_FILE_BYTES = 8192;

/** A file that ended the process that often while it was embedded is given up. Parsers are processes of their own. */
const MAX_ATTEMPTS = 5;

/** Files that are read at once, each of another tenant: a long one keeps its own tenant waiting and hardly the others. */
export const FILES_AT_ONCE = 4;

const FAILURE = {
  code: 'server_error',
  message: 'The file could not be read because of an error on our side. Attach it again to retry.',
};

/** Reads the files that wait, one a tenant. A file's passages appear all at once, in the transaction that completes its job. */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #runner: JobRunner;
  readonly #scrubs: Readonly<Record<Exclude<Redaction, 'off'>, Scrub>>;

  constructor(options: IngestOptions) {
    this.#options = options;
    const { documents, recognise, clock, onError } = options;
    this.#scrubs = { mask: createScrub(null), mask_names: createScrub(recognise) };
    this.#runner = new JobRunner({
      jobs: documents.jobs,
      kind: 'ingest',
      holder: randomUUID(),
      isAlone: documents.isAlone,
      atOnce: FILES_AT_ONCE,
      maxAttempts: MAX_ATTEMPTS,
      work: (lease, working) => this.#read(lease, working),
      onFailed: (_, durationMs) =>
        options.onObservation({ type: 'ingest', outcome: 'failed', passages: 0, durationMs }),
      failure: FAILURE,
      clock,
      onError,
    });
  }

  start(): void {
    this.#runner.start();
  }

  /** Why files wait although nothing is wrong with them. */
  get trouble(): string | null {
    return this.#runner.trouble;
  }

  /** There is a new file, or one was called off. */
  wake(): void {
    this.#runner.wake();
  }

  /** Ends after the batch at hand; the file goes back to the queue. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  async #read(lease: Lease, working: Working): Promise<void> {
    const { documents, isWithinAllowance, rightOfWay, clock, onObservation } = this.#options;
    const startedAt = clock.monotonicMs();
    const file = await documents.load(lease);
    // A note that somebody adds goes before the answers and files of who floods; bulk goes behind everything.
    const isAhead = file.bytes <= SHORT_FILE_BYTES && isWithinAllowance(file.tenant);
    const leave = isAhead ? rightOfWay.take(file.tenant) : () => {};
    try {
      const terms = new FileTerms();
      const passages = await this.#passages(file, isAhead ? 'ahead' : 'behind', terms, working);
      if (!(await documents.complete(lease, file, passages, terms))) return;
      const durationMs = clock.monotonicMs() - startedAt;
      onObservation({ type: 'ingest', outcome: 'completed', passages: passages.length, durationMs });
    } finally {
      leave();
    }
  }

  async #passages(
    file: IngestFile,
    precedence: Precedence,
    terms: FileTerms,
    { signal, progress, risk }: Working,
  ): Promise<NewPassage[]> {
    const { documents, parse, batch } = this.#options;
    const reading: Reading = { precedence, signal };
    const { filename, chunking } = file;
    const parsed = await parse({ filename, chunking, content: await documents.contentOf(file) }, reading);
    await risk();
    const drafts = await this.#masked(parsed, file, signal);
    const embedded = {
      file,
      texts: drafts.map((draft) => embeddedText(filename, draft)),
      known: await documents.known(file),
    };
    const vectors = await vectorsOfTexts(embedded, reading, this.#options, progress);
    for (const [index, draft] of drafts.entries()) {
      terms.add(filename, draft);
      // The words of a long file keep no search waiting.
      if (index % batch === 0) await setImmediate();
      signal.throwIfAborted();
    }
    return drafts.map((draft) => ({ ...draft, embedding: vectors.get(embeddedText(filename, draft))! }));
  }

  /** Before anything is made of them: neither vectors nor words nor what is stored has what is blanked out. */
  async #masked(
    drafts: readonly FilePassage[],
    { tenant, redaction }: IngestFile,
    signal: AbortSignal,
  ): Promise<readonly FilePassage[]> {
    if (redaction === 'off') return drafts;
    const passages: FilePassage[] = [];
    for (const draft of drafts) {
      const { texts } = await this.#scrubs[redaction](tenant, [draft.text, ...draft.headingPath], signal);
      const [text, ...headingPath] = texts;
      passages.push({ ...draft, headingPath, text: text! });
      // A long file keeps no search waiting.
      await setImmediate();
    }
    return passages;
  }
}
