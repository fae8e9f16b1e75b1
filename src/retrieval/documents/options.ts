import type { Clock } from '../../contracts/clock.js';
import type { RetrievalObservation } from '../../contracts/retrieval.js';
import type { WorkQueue } from '../process/queue.js';
import type { ProcessOptions } from '../protocol.js';
import type { Relevance } from '../search/relevance.js';

/** What a document store is opened with, whichever it is. */
export interface DocumentsOptions {
  readonly config: ProcessOptions['config'];
  /** Whose vectors are kept. Those of another one go at the start, and their files are read again. */
  readonly embedder: { readonly digest: string; readonly dimensions: number };
  readonly relevance: Relevance;
  readonly queue: WorkQueue;
  /** Files that are read at once. */
  readonly atOnce: number;
  readonly clock: Clock;
  readonly onObservation: (observation: RetrievalObservation) => void;
  readonly onError: (error: unknown, what: string) => void;
  /** That many files are read again, because the embedder is another one. */
  readonly onReread: (files: number) => void;
}
