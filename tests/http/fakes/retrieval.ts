import type { Entity } from '../../../src/contracts/entities.js';
import type { Job } from '../../../src/contracts/jobs.js';
import type {
  FileBatch,
  Page,
  PageRequest,
  Retrieval,
  RetrievalObservation,
  ScoredPassage,
  SearchRequest,
  StoredFile,
  VectorStore,
  VectorStoreFile,
} from '../../../src/contracts/retrieval.js';
import { AppError } from '../../../src/errors/app-error.js';
import { contentOf } from '../../../src/files/content-of.js';

export function passage(id: string, text: string, score: number): ScoredPassage {
  return {
    id,
    fileId: `file-${id}`,
    filename: `${id}.md`,
    storeId: 'vs_1',
    headingPath: ['Fees', id],
    text,
    byteStart: 0,
    byteEnd: text.length,
    location: null,
    tokens: 20,
    attributes: {},
    score,
  };
}

/** It knows one person. */
export function annaIn(text: string): Entity[] {
  return Array.from(text.matchAll(/Anna(?: Keller)?/g), ({ 0: name, index }) => ({
    kind: 'name',
    start: index,
    end: index + name.length,
  }));
}

export interface FakeRetrieval extends Retrieval {
  readonly searches: SearchRequest[];
  /** What every search finds, by tenant. */
  readonly passages: Map<string, readonly ScoredPassage[]>;
  /** By id. */
  readonly jobs: Map<string, Job>;
  emit(observation: RetrievalObservation): void;
  ready: boolean;
  /** Where a purge finds copies. */
  kept: string[];
  /** Of the database that documents are in. */
  trouble: string | null;
  ingestTrouble: string | null;
}

export function createFakeRetrieval(): FakeRetrieval {
  type Owned<T> = Map<string, T & { tenant: string }>;
  const files: Owned<StoredFile & { content: Uint8Array }> = new Map();
  const stores: Owned<VectorStore> = new Map();
  const attached: Owned<VectorStoreFile> = new Map();
  const batches: Owned<Pick<FileBatch, 'id' | 'storeId' | 'createdAt'> & { fileIds: string[] }> = new Map();
  const jobs: Owned<Job> = new Map();
  const polled = new Set<string>();
  const listeners = new Set<(observation: RetrievalObservation) => void>();
  let created = 0;

  function get<T>(map: Owned<T>, tenant: string, id: string, what: string): T & { tenant: string } {
    const item = map.get(id);
    if (item?.tenant !== tenant) throw new AppError('not_found', { what, id });
    return item;
  }
  function list<T>(
    map: Owned<T>,
    tenant: string,
    { limit, after, order }: PageRequest,
    idOf: (item: T) => string,
  ): Page<T> {
    const own = [...map.values()].filter((item) => item.tenant === tenant);
    if (order === 'desc') own.reverse();
    const from = after === null ? 0 : own.findIndex((item) => idOf(item) === after) + 1;
    return { items: own.slice(from, from + limit), hasMore: own.length > from + limit };
  }
  function visibleFile(tenant: string, id: string, groups: readonly string[] | null = null) {
    const file = get(files, tenant, id, 'file');
    const places = [...attached.values()].filter(({ fileId }) => fileId === id);
    const isVisible = places.some(
      ({ allowedGroups: allowed }) => allowed.length === 0 || allowed.some((name) => groups?.includes(name)),
    );
    if (groups === null || isVisible) return file;
    throw new AppError('not_found', { what: 'file', id });
  }
  const nowS = () => Math.floor(Date.now() / 1000);

  const retrieval: FakeRetrieval = {
    jobs,
    searches: [],
    passages: new Map(),
    ready: true,
    kept: [],
    trouble: null,
    ingestTrouble: null,
    emit: (observation) => {
      for (const listener of listeners) listener(observation);
    },
    createFile: async (tenant, { filename, purpose, content: given }, mostBytes = null) => {
      const content = contentOf(given);
      if (mostBytes !== null && content.byteLength > mostBytes) throw new AppError('storage_limit_reached', { tenant });
      if (filename.endsWith('.zip')) throw new AppError('unsupported_file', { filename, reason: 'it is an archive' });
      const id = `file-${++created}`;
      const file = { id, filename, purpose, content, bytes: content.byteLength, createdAt: nowS(), tenant };
      files.set(id, file);
      return file;
    },
    getFile: async (tenant, id, groups) => visibleFile(tenant, id, groups),
    getFileContent: async (tenant, id, groups) => visibleFile(tenant, id, groups).content,
    listFiles: async (tenant, page, purpose) => {
      const wanted = [...files].filter(([, file]) => purpose === null || file.purpose === purpose);
      return list(new Map(wanted), tenant, page, ({ id }) => id);
    },
    deleteFile: async (tenant, id) => {
      get(files, tenant, id, 'file');
      files.delete(id);
    },
    purgeFiles: async (tenant, ids) => {
      for (const id of ids) await retrieval.deleteFile(tenant, id);
      return { files: ids.length, pieces: 9, searchedFiles: 4, searchedBytes: 1000, found: retrieval.kept };
    },
    stored: async (tenant) => {
      const own = [...files.values()].filter((file) => file.tenant === tenant);
      return { bytes: own.reduce((sum, { bytes }) => sum + bytes, 0), passages: 3 };
    },
    createStore: async (
      tenant,
      { name, metadata, expiresAfterDays = null, redaction = 'off', embedder = 'embedder' },
    ) => {
      const id = `vs_${++created}`;
      const fileCounts = { inProgress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 };
      const times = { createdAt: nowS(), lastActiveAt: nowS(), expiresAfterDays, isExpired: false };
      const kind = { redaction, embedder, reembedding: null };
      const store = { id, name, metadata, ...kind, ...times, usageBytes: 0, fileCounts, tenant };
      stores.set(id, store);
      return store;
    },
    getStore: async (tenant, id) => get(stores, tenant, id, 'vector store'),
    listStores: async (tenant, page) => list(stores, tenant, page, ({ id }) => id),
    updateStore: async (tenant, id, change) => {
      const { embedder, ...others } = change;
      const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
      // Others are never made here.
      const reembedding = embedder && ({ embedder, jobId: 'job_1', status: 'running', progress: 0.5 } as const);
      const store = { ...get(stores, tenant, id, 'vector store'), ...given, ...(reembedding && { reembedding }) };
      stores.set(id, store);
      return store;
    },
    deleteStore: async (tenant, id) => {
      get(stores, tenant, id, 'vector store');
      stores.delete(id);
    },
    attachFile: async (tenant, storeId, file) => {
      const { fileId, attributes, allowedGroups = [], path = null, chunking = null, mostPassages = null } = file;
      if (mostPassages === 0) throw new AppError('passage_limit_reached', { tenant, limit: 0, stored: 0 });
      get(stores, tenant, storeId, 'vector store');
      get(files, tenant, fileId, 'file');
      const held: VectorStoreFile = {
        fileId,
        storeId,
        status: 'in_progress',
        error: null,
        createdAt: nowS(),
        usageBytes: 0,
        passages: 0,
        attributes,
        allowedGroups,
        path,
        chunking,
      };
      attached.set(`${storeId}/${fileId}`, { ...held, tenant });
      return held;
    },
    // In progress at the first look, completed at the second.
    getStoreFile: async (tenant, storeId, fileId) => {
      const key = `${storeId}/${fileId}`;
      const file = get(attached, tenant, key, 'file');
      if (file.status !== 'in_progress') return file;
      if (!polled.has(key)) {
        polled.add(key);
        return file;
      }
      const done = { ...file, status: 'completed' as const, passages: 1 };
      attached.set(key, done);
      return done;
    },
    updateStoreFile: async (tenant, storeId, fileId, change) => {
      const key = `${storeId}/${fileId}`;
      const known = get(attached, tenant, key, 'file');
      const { attributes = known.attributes, allowedGroups = known.allowedGroups } = change;
      const file = { ...known, attributes, allowedGroups };
      attached.set(key, file);
      return file;
    },
    listStoreFiles: async (tenant, storeId, page, { batchId, status } = {}) => {
      get(stores, tenant, storeId, 'vector store');
      const ids = batchId === undefined ? null : get(batches, tenant, batchId, 'batch').fileIds;
      const wanted = [...attached].filter(
        ([, file]) =>
          file.storeId === storeId &&
          (ids === null || ids.includes(file.fileId)) &&
          (status === undefined || file.status === status),
      );
      return list(new Map(wanted), tenant, page, ({ fileId }) => fileId);
    },
    createBatch: async (tenant, storeId, some) => {
      for (const file of some) await retrieval.attachFile(tenant, storeId, file);
      const id = `vsfb_${++created}`;
      batches.set(id, { id, storeId, createdAt: nowS(), fileIds: some.map(({ fileId }) => fileId), tenant });
      return retrieval.getBatch(tenant, storeId, id);
    },
    getBatch: async (tenant, storeId, id) => {
      const { fileIds, ...batch } = get(batches, tenant, id, 'batch');
      const own = fileIds.flatMap((fileId) => attached.get(`${storeId}/${fileId}`) ?? []);
      const count = (status: VectorStoreFile['status']) => own.filter((file) => file.status === status).length;
      const [inProgress, completed, cancelled] = [count('in_progress'), count('completed'), count('cancelled')];
      // As `getStoreFile`: done at the second look.
      for (const { fileId } of own) await retrieval.getStoreFile(tenant, storeId, fileId);
      const status = cancelled > 0 ? 'cancelled' : inProgress > 0 ? 'in_progress' : 'completed';
      return { ...batch, status, fileCounts: { inProgress, completed, failed: 0, cancelled, total: own.length } };
    },
    cancelBatch: async (tenant, storeId, id) => {
      for (const fileId of get(batches, tenant, id, 'batch').fileIds) {
        const key = `${storeId}/${fileId}`;
        const file = attached.get(key)!;
        if (file.status === 'in_progress') attached.set(key, { ...file, status: 'cancelled' });
      }
      return retrieval.getBatch(tenant, storeId, id);
    },
    detachFile: async (tenant, storeId, fileId) => {
      get(attached, tenant, `${storeId}/${fileId}`, 'file');
      attached.delete(`${storeId}/${fileId}`);
    },
    listJobs: async (tenant, page, { kind, status } = {}) => {
      const wanted = [...jobs].filter(
        ([, job]) => (kind ?? job.kind) === job.kind && (status ?? job.status) === job.status,
      );
      return list(new Map(wanted), tenant, page, ({ id }) => id);
    },
    getJob: async (tenant, id) => get(jobs, tenant, id, 'job'),
    cancelJob: async (tenant, id) => {
      const job = { ...get(jobs, tenant, id, 'job'), status: 'cancelled' as const };
      jobs.set(id, job);
      return job;
    },
    search: async (request, signal) => {
      signal.throwIfAborted();
      if (!retrieval.ready) throw new AppError('retrieval_unavailable', { reason: 'it is restarting', retryAfterS: 1 });
      retrieval.searches.push(request);
      const passages = (retrieval.passages.get(request.tenant) ?? [])
        .filter(({ score }) => score >= request.minScore)
        .slice(0, request.topK);
      return { passages, timings: { embedMs: 1, searchMs: 0.5 }, snapshot: 'snapshot-1' };
    },
    rerank: async ({ query, documents }) => ({
      scores: documents.map((text) => (text.includes(query) ? 0.9 : 1 / (1 + text.length))),
      tokens: documents.length,
    }),
    embedBehind: async (_tenant, texts) => texts.map(() => Float32Array.of(1, 0, 0)),
    embed: async (_tenant, inputs) => ({
      vectors: inputs.map((input) => Float32Array.from([input.length, 0.5, -1])),
      tokens: inputs.reduce((sum, input) => sum + input.length, 0),
    }),
    recognise: async (_tenant, texts) => texts.map(annaIn),
    embedder: { id: 'embedder', dimensions: 3 },
    recogniser: { id: 'names' },
    status: () => ({
      ready: retrieval.ready,
      reason: retrieval.ready ? null : 'it is restarting',
      passages: 5,
      ingestQueue: 0,
      trouble: retrieval.trouble,
      ingestTrouble: retrieval.ingestTrouble,
      jobs: [{ kind: 'ingest', status: 'queued', jobs: 2 }],
      embedders: [{ id: 'embedder', bytes: 100 }],
      rssBytes: 2000,
    }),
    observe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {},
  };
  return retrieval;
}
