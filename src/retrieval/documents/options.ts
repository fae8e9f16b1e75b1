import type { Clock } from '../../contracts/clock.js';
import type { RetrievalObservation } from '../../contracts/retrieval.js';
import type { WorkQueue } from '../process/queue.js';
import type { ProcessOptions } from '../protocol.js';
import type { Relevance } from '../search/relevance.js';
import type { Adopted } from '../stores/adopt-embedders.js';
import type { EmbedderModels } from '../stores/embedder-models.js';

/** What a document store is opened with, whichever it is. */
export interface DocumentsOptions {
  readonly config: ProcessOptions['config'];
  /** Whose vectors are kept. */
  readonly models: EmbedderModels;
  /** Of the model with this digest. */
  readonly relevanceOf: (embedder: string) => Relevance;
  readonly queue: WorkQueue;
  /** Files that are read at once. */
  readonly atOnce: number;
  readonly clock: Clock;
  readonly onObservation: (observation: RetrievalObservation) => void;
  readonly onError: (error: unknown, what: string) => void;
  /** Some stores are to have vectors of another model than they have. */
  readonly onAdopted: (adopted: Adopted) => void;
}
