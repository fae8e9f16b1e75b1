import { randomUUID } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { RetrievalObservation } from '../../contracts/retrieval.js';
import type { Lease } from '../../jobs/jobs.js';
import { JobRunner, type Working } from '../../jobs/runner.js';
import { embeddedText } from '../chunking/chunk-file.js';
import type { DocumentStore } from '../documents/document-store.js';
import type { EmbeddedFile } from '../stores/embedded-file.js';
import type { StoredPassage } from '../stores/passages.js';
import { FILES_AT_ONCE } from './ingest.js';
import { type Reading, type VectorOptions, vectorsOfTexts } from './vectors-of-texts.js';

export interface ReembedOptions extends VectorOptions {
  readonly documents: Pick<
    DocumentStore,
    'jobs' | 'isAlone' | 'known' | 'passagesLeft' | 'nextUnembedded' | 'passagesOf' | 'keepVectors' | 'settle'
  >;
  readonly clock: Clock;
  readonly onObservation: (observation: RetrievalObservation) => void;
  readonly onError: (error: unknown, what: string) => void;
}

/** A store keeps the vectors that it has where the process ended that often over one of its files. */
const MAX_ATTEMPTS = 5;
/** Passages that are read at once: more would keep a search waiting. */
const LOT = 200;

const FAILURE = {
  code: 'server_error',
  message:
    'The vectors could not be made because of an error on our side. Those of before answer. Name the embedder again to retry.',
};

/** Gives stores vectors of another model: from the passages that they have, behind everything that somebody waits for. */
export class Reembed {
  readonly #options: ReembedOptions;
  readonly #runner: JobRunner;

  constructor(options: ReembedOptions) {
    this.#options = options;
    const { documents, clock, onError } = options;
    this.#runner = new JobRunner({
      jobs: documents.jobs,
      kind: 'reembed',
      holder: randomUUID(),
      isAlone: documents.isAlone,
      atOnce: FILES_AT_ONCE,
      maxAttempts: MAX_ATTEMPTS,
      work: (lease, working) => this.#work(lease, working),
      onFailed: () => {},
      failure: FAILURE,
      clock,
      onError,
    });
  }

  start(): void {
    this.#runner.start();
  }

  wake(): void {
    this.#runner.wake();
  }

  /** Ends after the batch at hand; what is done of the store stays. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  async #work(lease: Lease, working: Working): Promise<void> {
    const { documents } = this.#options;
    do {
      // What was made before the process ended counts as well.
      const { all, left } = await documents.passagesLeft(lease);
      let made = all - left;
      const progress = (more: number) => working.progress(all === 0 ? 1 : Math.min(1, (made + more) / all));
      progress(0);
      let file = await documents.nextUnembedded(lease, 0);
      while (file) {
        working.signal.throwIfAborted();
        made += await this.#embed(lease, file, { ...working, progress });
        progress(0);
        file = await documents.nextUnembedded(lease, file.seq);
      }
      working.signal.throwIfAborted();
      // Not over where a file was read meanwhile, and while old vectors are left.
    } while (!(await documents.settle(lease)));
  }

  /** @param working whose progress is that in the file, in passages @returns how many it has */
  async #embed(lease: Lease, file: EmbeddedFile, { signal, risk, progress }: Working): Promise<number> {
    const { documents, onObservation } = this.#options;
    const passages: StoredPassage[] = [];
    for (let read = LOT; read === LOT; ) {
      const lot = await documents.passagesOf(file, passages.length, LOT);
      passages.push(...lot);
      read = lot.length;
    }
    const texts = passages.map((passage) => embeddedText(file.filename, passage));
    await risk();
    const known = await documents.known(file);
    const reading: Reading = { precedence: 'behind', signal };
    const vectors = await vectorsOfTexts({ file, texts, known }, reading, this.#options, (share) =>
      progress(share * texts.length),
    );
    const labels = passages.map(({ label }) => label);
    const embeddings = texts.map((text) => vectors.get(text)!);
    const isKept = await documents.keepVectors(lease, file, labels, embeddings);
    if (isKept) onObservation({ type: 'reembed', passages: passages.length });
    return isKept ? passages.length : 0;
  }
}
