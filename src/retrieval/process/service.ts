import type { Clock } from '../../contracts/clock.js';
import type { EmbeddingInput, Retrieval, SearchRequest, SearchResult } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import type { JobStore } from '../../jobs/jobs.js';
import { recogniseFile } from '../chunking/file-kinds.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { Method, ProcessOptions } from '../protocol.js';
import { bestPassages, type QueryPart, type SearchSources } from '../search/best-passages.js';
import { queryParts } from '../search/query-parts.js';
import { relevanceFor } from '../search/relevance.js';
import type { FileBatches } from '../stores/file-batches.js';
import type { Files } from '../stores/files.js';
import type { Passages } from '../stores/passages.js';
import type { Postings } from '../stores/postings.js';
import type { Shelf, Shelves } from '../stores/shelves.js';
import type { StoreFiles } from '../stores/store-files.js';
import type { SearchedStore, VectorStores } from '../stores/vector-stores.js';
import type { Embedder, TokenizedText } from './embedder.js';
import type { Housekeeping } from './housekeeping.js';
import { FILES_AT_ONCE, type Ingest, type IngestOptions } from './ingest.js';
import type { WorkQueue } from './queue.js';
import { loadTextOfTokens, type TextOfTokens } from './token-ids.js';

export interface ServiceOptions {
  readonly files: Files;
  readonly stores: VectorStores;
  readonly storeFiles: StoreFiles;
  readonly batches: FileBatches;
  readonly passages: Passages;
  readonly postings: Postings;
  readonly shelves: Shelves;
  readonly indexes: TenantIndexes;
  readonly jobs: JobStore;
  readonly ingest: Pick<Ingest, 'wake'>;
  readonly housekeeping: Pick<Housekeeping, 'forget' | 'purge'>;
  /** Runs reads of a search that see one state of all rows. */
  readonly inSnapshot: <T>(job: () => Promise<T>) => Promise<T>;
  readonly embedder: Embedder;
  /** Vectors of texts as those of documents are made. */
  readonly embedWhole: IngestOptions['embed'];
  readonly embedderId: string;
  readonly queue: WorkQueue;
  readonly config: ProcessOptions['config'];
  readonly clock: Clock;
}

/** Purposes whose files are there to be read into a store. */
const DOCUMENT_PURPOSES = new Set(['assistants', 'user_data']);
/** How stale a store's time of last use may be: writing it with every search would cost a disk flush each. */
const TOUCH_EVERY_S = 60;

/** The contract's methods, in the process that has the database, the indexes and the model. */
export function createService(options: ServiceOptions): Pick<Retrieval, Method> {
  const { files, stores, storeFiles, batches, passages, postings, shelves, indexes, ingest, embedder, embedderId } =
    options;
  const { queue, config, clock, jobs, inSnapshot, embedWhole } = options;
  const { forget, purge } = options.housekeeping;
  const ingestLimits = { files: config.maxIngestQueue, bytes: config.maxIngestBytes };
  const sources: SearchSources = {
    passages,
    postings,
    indexes,
    exactLimit: config.exactSearchLimit,
    relevance: relevanceFor(embedderId),
  };
  const nowS = () => Math.floor(clock.now() / 1000);
  /** After the answer; where it cannot be written down, the answer was right all the same. */
  const touch = (storeId: string) => setImmediate(() => void stores.touch(storeId).catch(() => {}));
  const searchedStores = async ({ tenant, storeIds }: SearchRequest): Promise<readonly SearchedStore[]> => {
    if (storeIds.length > 0) return Promise.all(storeIds.map((id) => stores.searched(tenant, id)));
    const oldest = await stores.oldest(tenant);
    return oldest === null ? [] : [oldest];
  };
  let textOfTokens: Promise<TextOfTokens> | null = null;
  /** @throws AppError `invalid_value`: a vector of part of a text would pass for one of the whole */
  const tokenized = async (input: EmbeddingInput, at: string): Promise<TokenizedText> => {
    textOfTokens ??= typeof input === 'string' ? null : loadTextOfTokens();
    const text = typeof input === 'string' ? input : (await textOfTokens!)(input, at);
    const read = embedder.tokenize(text, 'passage');
    if (read.tokens > embedder.maxTokens) {
      throw new AppError('invalid_value', {
        param: at,
        reason: `it has at least ${read.tokens} tokens, and the embedding model reads at most ${embedder.maxTokens}. Split the text`,
      });
    }
    return read;
  };

  return {
    async createFile(tenant, file) {
      const bytes = file.content.byteLength;
      if (bytes > config.maxFileBytes) throw new AppError('file_too_large', { bytes, limitBytes: config.maxFileBytes });
      if (DOCUMENT_PURPOSES.has(file.purpose)) recogniseFile(file.filename, file.content);
      return files.create(tenant, file, nowS());
    },
    getFile: files.get,
    getFileContent: files.content,
    listFiles: files.list,
    async deleteFile(tenant, fileId) {
      forget(tenant, await files.delete(tenant, fileId, nowS()));
    },
    purgeFiles: purge,

    createStore: stores.create,
    getStore: stores.get,
    listStores: stores.list,
    updateStore: stores.update,
    async deleteStore(tenant, storeId) {
      forget(tenant, await stores.delete(tenant, storeId));
    },

    async attachFile(tenant, storeId, file) {
      await stores.checkLive(tenant, storeId);
      await files.get(tenant, file.fileId);
      const attached = await storeFiles.attach(tenant, storeId, file, { limits: ingestLimits, nowS: nowS() });
      ingest.wake();
      return attached;
    },
    async createBatch(tenant, storeId, some) {
      await stores.checkLive(tenant, storeId);
      for (const { fileId } of some) await files.get(tenant, fileId);
      const batch = await batches.create(tenant, storeId, some, { limits: ingestLimits, nowS: nowS() });
      ingest.wake();
      return batch;
    },
    getBatch: batches.get,
    async cancelBatch(tenant, storeId, batchId) {
      const batch = await batches.cancel(tenant, storeId, batchId, clock.now());
      ingest.wake();
      return batch;
    },
    getStoreFile: storeFiles.get,
    updateStoreFile: (tenant, storeId, fileId, change) => storeFiles.update(tenant, storeId, fileId, change, nowS()),
    async listStoreFiles(tenant, storeId, page, filter = {}) {
      await stores.get(tenant, storeId);
      if (filter.batchId) await batches.get(tenant, storeId, filter.batchId);
      return storeFiles.list(tenant, storeId, page, filter);
    },
    async detachFile(tenant, storeId, fileId) {
      forget(tenant, await storeFiles.detach(tenant, storeId, fileId, nowS()));
    },

    listJobs: (tenant, page, filter = {}) => jobs.list(tenant, page, filter, FILES_AT_ONCE),
    getJob: (tenant, jobId) => jobs.get(tenant, jobId, FILES_AT_ONCE),
    async cancelJob(tenant, jobId) {
      await jobs.cancel(tenant, jobId, clock.now());
      ingest.wake();
      return jobs.get(tenant, jobId, FILES_AT_ONCE);
    },

    async search(request: SearchRequest, signal: AbortSignal): Promise<SearchResult> {
      const { tenant, groups, mode, filter, topK, minScore } = request;
      // Before the model runs, so that a wrong store costs nothing.
      if ((await searchedStores(request)).length === 0) return nothing(0);
      const startedAt = clock.monotonicMs();
      const parts: QueryPart[] = [];
      const countTokens = (text: string) => embedder.tokenize(text, 'query').tokens;
      for (const text of queryParts(request, embedder.maxTokens, countTokens)) {
        const embed = () => embedder.embed([embedder.tokenize(text, 'query')]);
        parts.push({
          text,
          vector: mode === 'lexical' ? null : (await queue.run('search', tenant, embed, signal))[0]!,
        });
      }
      const embeddedAt = clock.monotonicMs();
      const searched = await searchedStores(request);
      if (searched.length === 0) return nothing(embeddedAt - startedAt);
      const storeIds = searched.map(({ id }) => id);
      const find = async () => {
        const visible = await shelves.visible(storeIds, groups);
        const seqs = visible.map(({ seq }) => seq);
        const files = filter && (await storeFiles.passing(seqs, filter));
        const scope = { tenant, storeIds, shelves: seqs, files };
        const best = await bestPassages({ scope, parts, mode, topK, minScore }, sources);
        return { passages: best, snapshot: storeIds.map((id) => `${id}@${revisionOf(id, visible)}`).join() };
      };
      const found = await queue.run('search', tenant, () => inSnapshot(find), signal);
      const searchMs = clock.monotonicMs() - embeddedAt;
      for (const { id, lastActiveAt } of searched) if (nowS() - lastActiveAt >= TOUCH_EVERY_S) touch(id);
      return { ...found, timings: { embedMs: embeddedAt - startedAt, searchMs } };
    },

    async embed(tenant, inputs, signal) {
      const vectors: Float32Array[] = [];
      let tokens = 0;
      for (let from = 0; from < inputs.length; from += config.ingestBatch) {
        const some = inputs.slice(from, from + config.ingestBatch);
        const embed = async () => {
          const texts: TokenizedText[] = [];
          for (const [index, input] of some.entries()) texts.push(await tokenized(input, `input[${from + index}]`));
          tokens += texts.reduce((sum, text) => sum + text.tokens, 0);
          return embedder.embed(texts);
        };
        vectors.push(...(await queue.run('embed', tenant, embed, signal)));
      }
      return { vectors, tokens };
    },
    embedBehind: (tenant, texts, signal) => embedWhole(tenant, texts, { precedence: 'behind', signal }),
  };
}

/** Of what can be seen of a store: each of its shelves' grows with every change. */
function revisionOf(storeId: string, visible: readonly Shelf[]): number {
  return visible.reduce((sum, shelf) => (shelf.storeId === storeId ? sum + shelf.revision : sum), 0);
}

/** The tenant has no store: nothing is found, and that changes with its first one. */
function nothing(embedMs: number): SearchResult {
  return { passages: [], timings: { embedMs, searchMs: 0 }, snapshot: 'none' };
}
