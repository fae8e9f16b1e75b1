import type { Clock } from '../../contracts/clock.js';
import type {
  EmbeddingInput,
  Retrieval,
  ScoredPassage,
  SearchRequest,
  SearchResult,
} from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import type { JobStore } from '../../jobs/jobs.js';
import { readFileText } from '../chunking/file-kinds.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { Method, ProcessOptions } from '../protocol.js';
import { bestPassages, mergeLists, type QueryPart, type SearchSources } from '../search/best-passages.js';
import { queryMapFor } from '../search/query-map.js';
import { queryParts } from '../search/query-parts.js';
import { relevanceFor } from '../search/relevance.js';
import type { FileBatches } from '../stores/file-batches.js';
import type { Files } from '../stores/files.js';
import type { Passages } from '../stores/passages.js';
import type { Postings } from '../stores/postings.js';
import type { StoreFiles } from '../stores/store-files.js';
import type { SearchedStore, VectorStores } from '../stores/vector-stores.js';
import type { Embedder, TokenizedText } from './embedder.js';
import type { Housekeeping } from './housekeeping.js';
import { FILES_AT_ONCE, type Ingest } from './ingest.js';
import type { WorkQueue } from './queue.js';
import { loadTextOfTokens, type TextOfTokens } from './token-ids.js';

export interface ServiceOptions {
  readonly files: Files;
  readonly stores: VectorStores;
  readonly storeFiles: StoreFiles;
  readonly batches: FileBatches;
  readonly passages: Passages;
  readonly postings: Postings;
  readonly indexes: TenantIndexes;
  readonly jobs: JobStore;
  readonly ingest: Pick<Ingest, 'wake'>;
  readonly housekeeping: Pick<Housekeeping, 'forget' | 'purge'>;
  /** Runs reads of a search that see one state of all rows. */
  readonly inSnapshot: <T>(job: () => Promise<T>) => Promise<T>;
  readonly embedder: Embedder;
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
  const { files, stores, storeFiles, batches, passages, postings, indexes, ingest, embedder, embedderId } = options;
  const { queue, config, clock, jobs, inSnapshot } = options;
  const { forget, purge } = options.housekeeping;
  const ingestLimits = { files: config.maxIngestQueue, bytes: config.maxIngestBytes };
  const sources: SearchSources = {
    passages,
    postings,
    indexes,
    exactLimit: config.exactSearchLimit,
    relevance: relevanceFor(embedderId),
  };
  const toQuery = queryMapFor(embedderId);
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
      if (DOCUMENT_PURPOSES.has(file.purpose)) readFileText(file.filename, file.content);
      return files.create(tenant, file, nowS());
    },
    getFile: files.get,
    getFileContent: files.content,
    listFiles: files.list,
    async deleteFile(tenant, fileId) {
      forget(tenant, await files.delete(tenant, fileId));
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
    updateStoreFile: (tenant, storeId, fileId, attributes) =>
      storeFiles.update(tenant, storeId, fileId, attributes, nowS()),
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
      const { tenant, mode, filter, topK, minScore } = request;
      // Before the model runs, so that a wrong store costs nothing.
      if ((await searchedStores(request)).length === 0) return nothing(0);
      const startedAt = clock.monotonicMs();
      const parts: QueryPart[] = [];
      const countTokens = (text: string) => embedder.tokenize(text, 'query').tokens;
      for (const text of queryParts(request, embedder.maxTokens, countTokens)) {
        const embed = () => embedder.embed([embedder.tokenize(text, 'query')]);
        parts.push({
          text,
          vector: mode === 'lexical' ? null : toQuery((await queue.run('search', tenant, embed, signal))[0]!),
        });
      }
      const embeddedAt = clock.monotonicMs();
      const searched = await searchedStores(request);
      if (searched.length === 0) return nothing(embeddedAt - startedAt);
      const lists: ScoredPassage[][] = [];
      for (const store of searched) {
        const find = async () => {
          const files = filter && (await storeFiles.passing(tenant, store.id, filter));
          return bestPassages({ tenant, store, parts, mode, files, topK, minScore }, sources);
        };
        lists.push(await queue.run('search', tenant, () => inSnapshot(find), signal));
      }
      const searchMs = clock.monotonicMs() - embeddedAt;
      for (const { id, lastActiveAt } of searched) if (nowS() - lastActiveAt >= TOUCH_EVERY_S) touch(id);
      return {
        passages: mergeLists(lists, topK),
        timings: { embedMs: embeddedAt - startedAt, searchMs },
        snapshot: searched.map(({ id, revision }) => `${id}@${revision}`).join(),
      };
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
  };
}

/** The tenant has no store: nothing is found, and that changes with its first one. */
function nothing(embedMs: number): SearchResult {
  return { passages: [], timings: { embedMs, searchMs: 0 }, snapshot: 'none' };
}
