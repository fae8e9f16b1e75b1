/**
 * Private documents of tenants: files, vector stores, search and embeddings. Types only.
 * Every call names its tenant; an id of another tenant is `not_found`, never `forbidden`.
 */
import type { Entity } from './entities.js';
import type { JobCount, JobStatus, Jobs } from './jobs.js';
import type { Page, PageRequest } from './paging.js';

export type { Page, PageRequest } from './paging.js';

export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly bytes: number;
  readonly purpose: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
}

/**
 * `mask`: personal data that has a shape is blanked out of what is read from then on; the uploaded files stay as they are.
 * `mask_names`: names and postal addresses of people too.
 */
export type Redaction = 'off' | 'mask' | 'mask_names';

export interface VectorStore {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** Its last change or search, by up to a minute. */
  readonly lastActiveAt: number;
  /** Days after it was active last; null: never. */
  readonly expiresAfterDays: number | null;
  /** Then it holds no files any more, and can only be looked at and deleted. */
  readonly isExpired: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly redaction: Redaction;
  /** Id of the embedding model whose vectors answer; empty: of one that is not here any more and whose name nobody knows. */
  readonly embedder: string;
  /** null: every passage has a vector of that model, or will have with its file. */
  readonly reembedding: Reembedding | null;
  readonly usageBytes: number;
  readonly fileCounts: FileCounts;
}

/** Vectors of another model are being made for a store, whose old ones answer until all are there. */
export interface Reembedding {
  /** Id of that model. */
  readonly embedder: string;
  readonly jobId: string;
  readonly status: JobStatus;
  /** The share that is done, 0 … 1. */
  readonly progress: number;
}

export interface FileCounts {
  readonly inProgress: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly total: number;
}

/** How large passages are made, in tokens of the base model. */
export interface ChunkSizes {
  readonly maxTokens: number;
  /** Shared by neighbours at most; up to half of `maxTokens`. */
  readonly overlapTokens: number;
}

export type FileAttributes = Readonly<Record<string, string | number | boolean>>;

/** A file within a store: `completed` means searchable and durable. */
export interface VectorStoreFile {
  readonly fileId: string;
  readonly storeId: string;
  readonly status: 'in_progress' | 'completed' | 'failed' | 'cancelled';
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly createdAt: number;
  readonly usageBytes: number;
  /** That are found: while it is read again, and where that fails, those of before. */
  readonly passages: number;
  readonly attributes: FileAttributes;
  /** Who may find its passages: callers of one of these groups; none: everybody of the tenant. */
  readonly allowedGroups: readonly string[];
  readonly path: string | null;
  /** null: as the gateway is configured. */
  readonly chunking: ChunkSizes | null;
}

/** A file that is to be read into a store. */
export interface NewStoreFile {
  readonly fileId: string;
  readonly attributes: FileAttributes;
  /** Left out: everybody, or as it was where the file is there already. */
  readonly allowedGroups?: readonly string[] | undefined;
  /**
   * Once it is read it takes the place of the files of the same path, in one moment: a search finds the passages of one or
   * of the other. Those files are deleted, unless another store has them too.
   */
  readonly path?: string | undefined;
  readonly chunking?: ChunkSizes | undefined;
  /** Passages that the tenant may keep, those of this file included; null or left out: no limit. A file that makes more fails. */
  readonly mostPassages?: number | null | undefined;
}

/** What a tenant keeps. */
export interface StoredDocuments {
  /** Of its files. */
  readonly bytes: number;
  /** Of its files in stores. */
  readonly passages: number;
}

/** What is left out stays as it is. */
export interface StoreFileChange {
  readonly attributes?: FileAttributes | undefined;
  readonly allowedGroups?: readonly string[] | undefined;
}

/** What is changed of a store; what is left out stays. */
export interface VectorStoreChange {
  readonly name?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly expiresAfterDays?: number | undefined;
  readonly redaction?: Redaction | undefined;
  /** Of a model that is offered; null: the gateway's own, whichever that is. Vectors are made in the background. */
  readonly embedder?: string | null | undefined;
}

export interface NewVectorStore {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly expiresAfterDays?: number | undefined;
  /** Left out: off. */
  readonly redaction?: Redaction | undefined;
  /** Id of an embedding model that is offered; left out: the gateway's own, whichever that is. */
  readonly embedder?: string | undefined;
}

export interface StoreFilesFilter {
  readonly batchId?: string | undefined;
  readonly status?: VectorStoreFile['status'] | undefined;
}

/** Files that were put into a store together. */
export interface FileBatch {
  readonly id: string;
  readonly storeId: string;
  readonly createdAt: number;
  /** `failed`: all of its files did. */
  readonly status: VectorStoreFile['status'];
  readonly fileCounts: FileCounts;
}

/** Where a passage stands in its document, by the numbers that people look it up by: from 1 on, `last` included. */
export interface PassageLocation {
  readonly type: 'page' | 'slide' | 'row' | 'line';
  readonly first: number;
  readonly last: number;
  /** The name of the worksheet whose rows they are. */
  readonly sheet?: string;
}

/** One passage: a contiguous piece of a document; the header of a table may stand before rows that were cut off from it. */
export interface Passage {
  readonly id: string;
  readonly fileId: string;
  readonly filename: string;
  readonly storeId: string;
  /** Headings from the document title down to the passage. */
  readonly headingPath: readonly string[];
  readonly text: string;
  /** Range within the stored file, in bytes; the whole file where that is no text. */
  readonly byteStart: number;
  readonly byteEnd: number;
  readonly location: PassageLocation | null;
  /** Tokens by the base model's tokenizer. */
  readonly tokens: number;
  readonly attributes: FileAttributes;
}

export interface ScoredPassage extends Passage {
  /** How sure it is that the passage answers the query, 0 … 1, in every mode. */
  readonly score: number;
}

/** What passages are looked for by: meaning, words, or both. */
export type SearchMode = 'vector' | 'lexical' | 'hybrid';

/** A condition on the attributes of a passage's file, in OpenAI's grammar. */
export type SearchFilter =
  | {
      readonly type: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte';
      readonly key: string;
      readonly value: string | number | boolean;
    }
  | { readonly type: 'in' | 'nin'; readonly key: string; readonly value: readonly (string | number | boolean)[] }
  | { readonly type: 'and' | 'or'; readonly filters: readonly SearchFilter[] };

export interface SearchRequest {
  readonly tenant: string;
  /** Searched as if they were one. None: the tenant's default store (the oldest). */
  readonly storeIds: readonly string[];
  /** Of the caller. What others alone may see has no part in the search: it is no candidate, and changes no score. */
  readonly groups: readonly string[];
  /** One that is longer than the embedder reads is searched by its question and by some of its parts. */
  readonly query: string;
  /** What was asked before it, which a follow-up leaves out: the two are searched for together too. Empty: nothing. */
  readonly context: string;
  readonly mode: SearchMode;
  /** Passages of other files are no candidates; null: of all files. */
  readonly filter: SearchFilter | null;
  readonly topK: number;
  /** Passages below it are left out. */
  readonly minScore: number;
  /** How much what comes back shall differ from one another, 0 … 1; left out: 0, by relevance alone. The best is always there. */
  readonly diversity?: number;
}

export type EmbeddingInput = string | readonly number[];

export interface SearchResult {
  /** Best first; what repeats another (the same text under several names, or in several formats) is left out. */
  readonly passages: readonly ScoredPassage[];
  /** Stage durations in milliseconds. */
  readonly timings: { readonly embedMs: number; readonly searchMs: number };
  /** Changes whenever what the caller may see of a store does; `none` where the tenant has no store, and then there are no passages. */
  readonly snapshot: string;
}

/** Texts of the caller's own, to be put in order. */
interface RerankRequest {
  readonly tenant: string;
  readonly query: string;
  readonly documents: readonly string[];
}

/** What was looked at after files were purged. */
export interface PurgeReport {
  /** That were purged. */
  readonly files: number;
  /** Of them, that were looked for: of their bytes, their passages' texts and vectors, their terms; of what no other document says. */
  readonly pieces: number;
  /** Of the data folder. */
  readonly searchedFiles: number;
  readonly searchedBytes: number;
  /** Files of the data folder that still hold a piece: none, but for copies that somebody keeps there. */
  readonly found: readonly string[];
}

export interface RetrievalStatus {
  readonly ready: boolean;
  readonly reason: string | null;
  /** Why documents can be neither searched nor changed although the process is ready; it goes on by itself. */
  readonly trouble: string | null;
  readonly passages: number;
  readonly ingestQueue: number;
  /** Why files that wait are not read now; it goes on by itself. */
  readonly ingestTrouble: string | null;
  readonly jobs: readonly JobCount[];
  /** Of the embedding models that stores may name or have. */
  readonly embedders: readonly EmbedderMemory[];
  readonly rssBytes: number;
}

export interface EmbedderMemory {
  readonly id: string;
  /** Its weights; 0: it is loaded when it is needed. */
  readonly bytes: number;
}

export type RetrievalObservation =
  | {
      readonly type: 'ingest';
      readonly outcome: 'completed' | 'failed';
      readonly passages: number;
      readonly durationMs: number;
    }
  /** Passages got vectors of another model. */
  | { readonly type: 'reembed'; readonly passages: number }
  | { readonly type: 'index_rebuild'; readonly durationMs: number }
  | { readonly type: 'restart' };

/** Every call may end with `retrieval_unavailable`, `queue_full` or `deadline_exceeded`. */
/** A file that lies on this machine's disk. */
export interface FileOnDisk {
  readonly path: string;
  readonly bytes: number;
}

export interface NewFile {
  readonly filename: string;
  readonly purpose: string;
  /** What lies on the disk stays there until the call is over. */
  readonly content: Uint8Array | FileOnDisk;
}

export interface Retrieval extends Jobs {
  /**
   * Durable when it resolves. The content is looked at for the purposes `assistants` and `user_data`.
   * @param mostBytes that the tenant may keep, this file included; null: no limit
   * @throws AppError `file_too_large`, `unsupported_file`, `storage_limit_reached`
   */
  createFile(tenant: string, file: NewFile, mostBytes?: number | null): Promise<StoredFile>;
  /** @param groups `not_found` where these may see it in no store; null: not asked */
  getFile(tenant: string, fileId: string, groups?: readonly string[] | null): Promise<StoredFile>;
  getFileContent(tenant: string, fileId: string, groups?: readonly string[] | null): Promise<Uint8Array>;
  /** @param purpose null: of every purpose */
  listFiles(tenant: string, page: PageRequest, purpose: string | null): Promise<Page<StoredFile>>;
  /** Deletes the file and every passage made from it. */
  deleteFile(tenant: string, fileId: string): Promise<void>;
  /** Deletes files, takes what is left of them off the disk and looks for it; without `purgeFiles` that is done a while later. */
  purgeFiles(tenant: string, fileIds: readonly string[]): Promise<PurgeReport>;

  stored(tenant: string): Promise<StoredDocuments>;

  /** @throws AppError `invalid_value` for `mask_names` where no model finds names, and for an embedder that is not offered */
  createStore(tenant: string, store: NewVectorStore): Promise<VectorStore>;
  getStore(tenant: string, storeId: string): Promise<VectorStore>;
  listStores(tenant: string, page: PageRequest): Promise<Page<VectorStore>>;
  /** @throws AppError `store_expired`, as all that puts something into a store, changes it or searches it */
  updateStore(tenant: string, storeId: string, change: VectorStoreChange): Promise<VectorStore>;
  deleteStore(tenant: string, storeId: string): Promise<void>;

  /**
   * Queues the file for ingestion; poll `getStoreFile` until it is no longer `in_progress`. A file that is attached
   * already keeps its state and takes the new attributes; one that failed, was cancelled or is to be chunked in another way
   * is read again.
   * @throws AppError `ingest_queue_full`, `passage_limit_reached` where there is no room for a single passage more
   */
  attachFile(tenant: string, storeId: string, file: NewStoreFile): Promise<VectorStoreFile>;
  getStoreFile(tenant: string, storeId: string, fileId: string): Promise<VectorStoreFile>;
  listStoreFiles(
    tenant: string,
    storeId: string,
    page: PageRequest,
    filter?: StoreFilesFilter,
  ): Promise<Page<VectorStoreFile>>;
  /** Replaces what a file in a store has. Who may no longer see it finds it no more once this resolves. */
  updateStoreFile(tenant: string, storeId: string, fileId: string, change: StoreFileChange): Promise<VectorStoreFile>;
  /** Removes the file's passages from the store; the file stays. */
  detachFile(tenant: string, storeId: string, fileId: string): Promise<void>;

  /** Attaches all of the files, or none. @throws AppError `ingest_queue_full`, `passage_limit_reached` */
  createBatch(tenant: string, storeId: string, files: readonly NewStoreFile[]): Promise<FileBatch>;
  getBatch(tenant: string, storeId: string, batchId: string): Promise<FileBatch>;
  /** Calls off what was not read yet; what was stays in the store. */
  cancelBatch(tenant: string, storeId: string, batchId: string): Promise<FileBatch>;

  /** The query is embedded once, however many stores are searched. */
  search(request: SearchRequest, signal: AbortSignal): Promise<SearchResult>;
  /**
   * Scores texts as a search would that has them, and nothing else, for its candidates: how near each of them is depends on
   * the others. One score a document, 0 … 1, and the tokens that the embedder read.
   */
  rerank(request: RerankRequest, signal: AbortSignal): Promise<{ scores: readonly number[]; tokens: number }>;
  /**
   * Normalised embeddings, one Float32Array an input, and the tokens they took.
   * @param inputs texts, or token ids of OpenAI's cl100k_base
   * @throws AppError `invalid_value` for an input longer than the model reads, or an id that is no token
   */
  embed(
    tenant: string,
    inputs: readonly EmbeddingInput[],
    signal: AbortSignal,
  ): Promise<{ vectors: readonly Float32Array[]; tokens: number }>;
  /**
   * Vectors of texts of any length, behind everything else that the model is wanted for: documents that are read and
   * searches go first.
   */
  embedBehind(tenant: string, texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
  /**
   * Names and postal addresses in texts of any length. The model is loaded with the first call.
   * @param precedence `behind`: after everything that somebody waits for
   * @throws AppError `model_unavailable` where there is no model for it, or it cannot be loaded
   */
  recognise(
    tenant: string,
    texts: readonly string[],
    precedence: 'ahead' | 'behind',
    signal: AbortSignal,
  ): Promise<readonly (readonly Entity[])[]>;
  readonly embedder: { readonly id: string; readonly dimensions: number };
  /** Finds names; null: none is configured. */
  readonly recogniser: { readonly id: string } | null;
  status(): RetrievalStatus;
  observe(listener: (observation: RetrievalObservation) => void): () => void;
  close(): Promise<void>;
}
