import type { Clock } from '../../contracts/clock.js';
import type { Retrieval, SearchRequest, SearchResult } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { readFileText } from '../chunking/file-kinds.js';
import type { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { Method, ProcessOptions } from '../protocol.js';
import { bestPassages } from '../search/best-passages.js';
import { queryParts } from '../search/query-parts.js';
import type { Files } from '../stores/files.js';
import type { Passages } from '../stores/passages.js';
import type { StoreFiles } from '../stores/store-files.js';
import type { VectorStores } from '../stores/vector-stores.js';
import type { Embedder } from './embedder.js';
import type { Ingest } from './ingest.js';
import type { WorkQueue } from './queue.js';

export interface ServiceOptions {
  readonly files: Files;
  readonly stores: VectorStores;
  readonly storeFiles: StoreFiles;
  readonly passages: Passages;
  readonly indexes: TenantIndexes;
  readonly ingest: Pick<Ingest, 'wake'>;
  readonly embedder: Embedder;
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
  const { files, stores, storeFiles, passages, indexes, ingest, embedder, queue, config, clock } = options;
  const nowS = () => Math.floor(clock.now() / 1000);
  /** After the answer; where it cannot be written down, the answer was right all the same. */
  const touch = (storeId: string) => setImmediate(() => void stores.touch(storeId, nowS()).catch(() => {}));

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
      indexes.removed(tenant, await files.delete(tenant, fileId));
    },

    createStore: (tenant, store) => stores.create(tenant, store, nowS()),
    getStore: stores.get,
    listStores: stores.list,
    updateStore: (tenant, storeId, change) => stores.update(tenant, storeId, change, nowS()),
    async deleteStore(tenant, storeId) {
      indexes.removed(tenant, await stores.delete(tenant, storeId));
    },

    async attachFile(tenant, storeId, fileId, attributes) {
      await stores.get(tenant, storeId);
      await files.get(tenant, fileId);
      const attached = await storeFiles.attach(tenant, storeId, fileId, attributes, {
        limits: { files: config.maxIngestQueue, bytes: config.maxIngestBytes },
        nowS: nowS(),
      });
      ingest.wake();
      return attached;
    },
    getStoreFile: storeFiles.get,
    updateStoreFile: (tenant, storeId, fileId, attributes) =>
      storeFiles.update(tenant, storeId, fileId, attributes, nowS()),
    async listStoreFiles(tenant, storeId, page) {
      await stores.get(tenant, storeId);
      return storeFiles.list(tenant, storeId, page);
    },
    async detachFile(tenant, storeId, fileId) {
      indexes.removed(tenant, await storeFiles.detach(tenant, storeId, fileId, nowS()));
    },

    async search(request: SearchRequest, signal: AbortSignal): Promise<SearchResult> {
      // Before the model runs, so that a wrong store costs nothing.
      if (!(await stores.searched(request.tenant, request.storeId))) return nothing(0);
      const startedAt = clock.monotonicMs();
      const vectors: Float32Array[] = [];
      const countTokens = (text: string) => embedder.countTokens(text, 'query');
      for (const part of queryParts(request.query, embedder.maxTokens, countTokens)) {
        vectors.push(...(await queue.run('search', request.tenant, () => embedder.embed([part], 'query'), signal)));
      }
      const embeddedAt = clock.monotonicMs();
      const store = await stores.searched(request.tenant, request.storeId);
      if (!store) return nothing(embeddedAt - startedAt);
      const scope = { tenant: request.tenant, storeId: store.id };
      const found = await bestPassages(
        { scope, vectors, topK: request.topK, minScore: request.minScore },
        passages,
        indexes,
        config.exactSearchLimit,
      );
      const searchMs = clock.monotonicMs() - embeddedAt;
      if (nowS() - store.lastActiveAt >= TOUCH_EVERY_S) touch(store.id);
      return {
        passages: found,
        timings: { embedMs: embeddedAt - startedAt, searchMs },
        snapshot: `${store.id}@${store.revision}`,
      };
    },

    async embed(tenant, texts, signal) {
      const vectors: Float32Array[] = [];
      let tokens = 0;
      for (let from = 0; from < texts.length; from += config.ingestBatch) {
        const some = texts.slice(from, from + config.ingestBatch);
        const batch = await queue.run(
          'embed',
          tenant,
          () => {
            tokens += some.reduce((sum, text, index) => sum + tokensWithinLimit(embedder, text, from + index), 0);
            return embedder.embed(some, 'passage');
          },
          signal,
        );
        vectors.push(...batch);
      }
      return { vectors, tokens };
    },
  };
}

/** The tenant has no store: nothing is found, and that changes with its first one. */
function nothing(embedMs: number): SearchResult {
  return { passages: [], timings: { embedMs, searchMs: 0 }, snapshot: 'none' };
}

/** @throws AppError `invalid_value`: a vector of part of a text would pass for one of the whole */
function tokensWithinLimit(embedder: Embedder, text: string, index: number): number {
  const tokens = embedder.countTokens(text, 'passage');
  if (tokens > embedder.maxTokens) {
    throw new AppError('invalid_value', {
      param: `input[${index}]`,
      reason: `it has at least ${tokens} tokens, and the embedding model reads at most ${embedder.maxTokens}. Split the text`,
    });
  }
  return tokens;
}
