import type { Retrieval, ScoredPassage, SearchFilter, SearchMode } from '../../contracts/retrieval.js';
import type { JobStore, Lease } from '../../jobs/jobs.js';
import type { FileTerms } from '../lexical/file-terms.js';
import type { QueryPart } from '../search/best-passages.js';
import type { KnownVectors } from '../stores/known-vectors.js';
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

/** What is looked for, embedded already. */
export interface PassageSearch {
  readonly tenant: string;
  /** That `searched` gave. */
  readonly storeIds: readonly string[];
  readonly groups: readonly string[];
  /** The first is the question; without vectors in lexical search. */
  readonly parts: readonly QueryPart[];
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
  /** The passages that fit best, of one state of the rows. */
  find(search: PassageSearch, signal: AbortSignal): Promise<FoundPassages>;
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
  /** Vectors of the file's passages that the tenant has already. */
  known(file: IngestFile): Promise<KnownVectors>;
  /**
   * Ends the job, puts the passages in the place of those that the file had, and the file in the place of those of the
   * same path: all at once. False, and nothing is kept, where the job is no longer held.
   */
  complete(lease: Lease, file: IngestFile, passages: readonly NewPassage[], terms: FileTerms): Promise<boolean>;
  /** Of all tenants. */
  countPassages(): Promise<number>;
  close(): Promise<void>;
}
