import type { Clock } from '../../contracts/clock.js';
import { createJobs } from '../../jobs/jobs.js';
import { type Audited, type Db, jobTables } from '../stores/database.js';
import type { EmbedderModels } from '../stores/embedder-models.js';
import { createFileBatches } from '../stores/file-batches.js';
import { createFiles } from '../stores/files.js';
import type { IngestLimits } from '../stores/ingest-bounds.js';
import { knownVectors } from '../stores/known-vectors.js';
import { createPassages } from '../stores/passages.js';
import { createReembedding } from '../stores/reembedding.js';
import { createStoreFiles } from '../stores/store-files.js';
import { storedBy } from '../stores/stored.js';
import { createVectorStores } from '../stores/vector-stores.js';
import type { DocumentStore } from './document-store.js';

export interface RowsOptions {
  readonly audit: Audited;
  readonly clock: Clock;
  /** That stores may have. */
  readonly models: EmbedderModels;
  /** Of what waits to be read. */
  readonly limits: IngestLimits;
  /** Files that are read at once. */
  readonly atOnce: number;
  /** Vectors of a tenant's are gone. */
  readonly forget: (tenant: string, keys: readonly number[]) => void;
  /** A tenant has new passages. */
  readonly grown: (tenant: string) => void;
}

export type RowMethods = Omit<
  DocumentStore,
  'find' | 'searched' | 'purgeFiles' | 'contentOf' | 'jobs' | 'isAlone' | 'countPassages' | 'close'
>;

/** The methods that are the same over whichever database has the rows. Each is about the tenant that its first argument names. */
export function createRows(db: Db, { audit, clock, models, limits, atOnce, forget, grown }: RowsOptions): RowMethods {
  const nowS = () => Math.floor(clock.now() / 1000);
  const [files, storeFiles, batches] = [
    createFiles(db, audit),
    createStoreFiles(db, audit),
    createFileBatches(db, audit),
  ];
  const stores = createVectorStores(db, nowS, audit, models);
  const reembedding = createReembedding(db);
  const [jobs, passages] = [createJobs(jobTables(db)), createPassages(db)];

  return {
    createFile: (tenant, file, mostBytes) => files.create(tenant, file, nowS(), mostBytes),
    getFile: files.get,
    getFileContent: files.content,
    listFiles: files.list,
    async deleteFile(tenant, fileId) {
      forget(tenant, await files.delete(tenant, fileId, nowS()));
    },

    stored: (tenant) => storedBy(db, tenant),

    createStore: stores.create,
    getStore: stores.get,
    listStores: stores.list,
    updateStore: stores.update,
    async deleteStore(tenant, storeId) {
      forget(tenant, await stores.delete(tenant, storeId));
    },
    touch: stores.touch,

    async attachFile(tenant, storeId, file) {
      await stores.checkLive(tenant, storeId);
      await files.get(tenant, file.fileId);
      return storeFiles.attach(tenant, storeId, file, { limits, nowS: nowS() });
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

    async createBatch(tenant, storeId, some) {
      await stores.checkLive(tenant, storeId);
      for (const { fileId } of some) await files.get(tenant, fileId);
      return batches.create(tenant, storeId, some, { limits, nowS: nowS() });
    },
    getBatch: batches.get,
    cancelBatch: (tenant, storeId, batchId) => batches.cancel(tenant, storeId, batchId, clock.now()),

    listJobs: (tenant, page, filter = {}) => jobs.list(tenant, page, filter, atOnce),
    getJob: (tenant, jobId) => jobs.get(tenant, jobId, atOnce),
    async cancelJob(tenant, jobId) {
      await jobs.cancel(tenant, jobId, clock.now());
      const job = await jobs.get(tenant, jobId, atOnce);
      if (job.kind === 'reembed' && job.status !== 'completed') {
        forget(tenant, await reembedding.giveUp(tenant, job.subject));
      }
      return job;
    },

    load: storeFiles.load,
    known: (file) => knownVectors(db, file),
    async complete(lease, file, passages, terms) {
      const removed = await storeFiles.complete(lease, file, passages, terms, clock.now());
      if (removed === null) return false;
      if (removed.length > 0) forget(file.tenant, removed);
      grown(file.tenant);
      return true;
    },

    passagesLeft: reembedding.passagesLeft,
    nextUnembedded: reembedding.nextUnembedded,
    passagesOf: passages.ofFile,
    async keepVectors(lease, file, labels, embeddings) {
      const isKept = await reembedding.keepVectors(lease, file, labels, embeddings);
      if (isKept) grown(file.tenant);
      return isKept;
    },
    async settle(lease) {
      const { isOver, removed } = await reembedding.settle(lease, clock.now());
      if (removed.length > 0) forget(lease.tenant, removed);
      return isOver;
    },
  };
}
