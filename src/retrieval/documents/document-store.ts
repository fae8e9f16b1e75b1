import type { Retrieval, ScoredPassage, SearchFilter, SearchMode } from '../../contracts/retrieval.js';
import type { JobStore, Lease } from '../../jobs/jobs.js';
import type { FileTerms } from '../lexical/file-terms.js';
import type { QueryPart } from '../search/best-passages.js';
import type { EmbeddedFile } from '../stores/embedded-file.js';
import type { KnownVectors } from '../stores/known-vectors.js';
import type { StoredPassage } from '../stores/passages.js';
import type { PassagesLeft } from '../stores/reembedding.js';
import type { IngestFile, NewPassage } from '../stores/store-files.js';
import type { StoredContent } from '../stores/stored-content.js';
import type { SearchedStore } from '../stores/vector-stores.js';

/** The part of retrieval that needs no model: it is the document store's alone. */
type DocumentMethods = Omit<
  Retrieval,
  | 'search'
  | 'rerank'
  | 'embed'
  | 'embedBehind'
  | 'recognise'
  | 'embedder'
  | 'recogniser'
  | 'status'
  | 'observe'
  | 'close'
>;

/** What is looked for in stores that have vectors of the same model. */
interface EmbeddedQuery {
  /** Digest of the model. */
  readonly embedder: string;
  /** That `searched` gave. */
  readonly storeIds: readonly string[];
  /** The first is the question; without vectors in lexical search, and where the model is not here. */
  readonly parts: readonly QueryPart[];
}

/** What is looked for, embedded already. */
export interface PassageSearch {
  readonly tenant: string;
  readonly groups: readonly string[];
  /** One for each model that the stores have vectors of. */
  readonly queries: readonly EmbeddedQuery[];
  readonly mode: SearchMode;
  readonly filter: SearchFilter | null;
  readonly topK: number;
  readonly minScore: number;
  readonly diversity: number;
}

export interface FoundPassages {
  readonly passages: readonly ScoredPassage[];
  readonly snapshot: string;
}

/**
 * The documents: files, stores, passages with their vectors and words, and the jobs that read files into stores. What a method
 * promises in `Retrieval` it does here; what it says it has done is durable. SQLite with HNSW indexes does it, and PostgreSQL
 * with pgvector; one suite of tests says what both must do (`tests/fixtures/retrieval/document-store-suite.ts`).
 */
export interface DocumentStore extends DocumentMethods {
  /**
   * The stores that a search takes place in: those named, or the tenant's oldest; none where it has none.
   * @throws AppError `not_found`, `store_expired`
   */
  searched(tenant: string, storeIds: readonly string[]): Promise<readonly SearchedStore[]>;
  /** The passages that fit best, of one state of the rows. null: a store's vectors are of another model by then; ask `searched` again. */
  find(search: PassageSearch, signal: AbortSignal): Promise<FoundPassages | null>;
  /** A store is in use: it does not expire. */
  touch(tenant: string, storeId: string): Promise<void>;

  /** The jobs of all tenants, for who works on them. */
  readonly jobs: JobStore;
  /** Nobody else works on the jobs: whoever held some before is dead. */
  readonly isAlone: boolean;
  /** What a job to read a file is about. @throws AppError `not_found` where the file was removed meanwhile */
  load(lease: Lease): Promise<IngestFile>;
  /** Its bytes, or where a parser finds them. @throws AppError `not_found` where it was removed meanwhile */
  contentOf(file: IngestFile): Promise<Uint8Array | StoredContent>;
  /** Vectors of the file's passages, by its model, that the tenant has already. */
  known(file: Omit<EmbeddedFile, 'filename'>): Promise<KnownVectors>;
  /**
   * Ends the job, puts the passages in the place of those that the file had, and the file in the place of those of the
   * same path: all at once. False, and nothing is kept, where the job is no longer held.
   */
  complete(lease: Lease, file: IngestFile, passages: readonly NewPassage[], terms: FileTerms): Promise<boolean>;

  /** Passages of the job's store, and those that lack vectors of the model that it is to have. */
  passagesLeft(lease: Lease): Promise<PassagesLeft>;
  /** A file whose passages lack vectors of the model that the job's store is to have, with `seq` above `after`; null: none does. */
  nextUnembedded(lease: Lease, after: number): Promise<EmbeddedFile | null>;
  /** The passages that it has now, from the `from`th on, at most `limit`. */
  passagesOf(file: EmbeddedFile, from: number, limit: number): Promise<readonly StoredPassage[]>;
  /** Keeps vectors of all of a file's passages. False, and nothing is kept, where the job, the file or the model is another by now. */
  keepVectors(
    lease: Lease,
    file: EmbeddedFile,
    labels: readonly number[],
    embeddings: readonly Float32Array[],
  ): Promise<boolean>;
  /**
   * Where no vector is missing: from then on the new ones answer, and the old ones go, some at a time. True once the job is over, or is somebody
   * else's; else there is more to do.
   */
  settle(lease: Lease): Promise<boolean>;

  /** Of all tenants. */
  countPassages(): Promise<number>;
  close(): Promise<void>;
}
