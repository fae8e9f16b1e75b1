import type { Page, PageRequest, Retrieval, StoredFile, VectorStoreFile } from '../../../src/contracts/retrieval.js';
import { AppError } from '../../../src/errors/app-error.js';
import { contentOf } from '../../../src/files/content-of.js';

type Documents = Pick<
  Retrieval,
  | 'createFile'
  | 'listFiles'
  | 'deleteFile'
  | 'createStore'
  | 'getStore'
  | 'listStores'
  | 'attachFile'
  | 'listStoreFiles'
  | 'getStoreFile'
  | 'updateStoreFile'
>;

/**
 * The part of retrieval that documents are uploaded through, in memory, counting uploads. Pages hold two items; a file is
 * done at the second look at it, an empty one fails.
 */
export function memoryRetrieval() {
  const files = new Map<string, StoredFile & { tenant: string; text: string }>();
  const attached = new Map<string, VectorStoreFile>();
  const stores = new Map<string, string>();
  let uploads = 0;

  const page = <T>(items: T[], { after }: PageRequest, idOf: (item: T) => string): Page<T> => {
    const start = after === null ? 0 : items.findIndex((item) => idOf(item) === after) + 1;
    if (after !== null && start === 0) throw new AppError('not_found', { what: 'File', id: after });
    return { items: items.slice(start, start + 2), hasMore: items.length > start + 2 };
  };
  const ofTenant = (tenant: string) => [...files.values()].filter((file) => file.tenant === tenant);
  const filesIn = (storeId: string) => [...attached.values()].filter((file) => file.storeId === storeId);
  const store = (tenant: string) => {
    const id = stores.get(tenant)!;
    const inProgress = filesIn(id).filter(({ status }) => status === 'in_progress').length;
    const total = filesIn(id).length;
    const fileCounts = { inProgress, completed: total - inProgress, failed: 0, cancelled: 0, total };
    const times = { createdAt: 0, lastActiveAt: 0, expiresAfterDays: null, isExpired: false };
    const kind = { redaction: 'off' as const, embedder: 'embedder', reembedding: null };
    return { id, name: 'Documents', ...times, metadata: {}, ...kind, usageBytes: 0, fileCounts };
  };

  const documents: Documents = {
    async createFile(tenant, { filename, purpose, content: given }) {
      if (filename.endsWith('.bin')) throw new AppError('unsupported_file', { filename, reason: 'it is not text' });
      const content = contentOf(given);
      const file = { id: `file_${uploads++}`, filename, purpose, bytes: content.length, createdAt: 0 };
      files.set(file.id, { ...file, tenant, text: Buffer.from(content).toString() });
      return file;
    },
    listFiles: async (tenant, request) => page(ofTenant(tenant), request, ({ id }) => id),
    async deleteFile(_tenant, id) {
      files.delete(id);
      attached.delete(id);
    },
    async createStore(tenant) {
      stores.set(tenant, `vs_${tenant}`);
      return store(tenant);
    },
    getStore: async (tenant) => store(tenant),
    listStores: async (tenant) => ({ items: stores.has(tenant) ? [store(tenant)] : [], hasMore: false }),
    async attachFile(_tenant, storeId, { fileId, attributes, allowedGroups = [], path = null }) {
      for (const [id, file] of attached) {
        if (file.storeId === storeId && file.path === path && path !== null) await documents.deleteFile('', id);
      }
      const file = {
        fileId,
        storeId,
        status: 'in_progress',
        error: null,
        createdAt: 0,
        usageBytes: 0,
        passages: 0,
        attributes,
        allowedGroups,
        path,
        chunking: null,
      } as const;
      attached.set(fileId, file);
      return file;
    },
    async getStoreFile(_tenant, _storeId, fileId) {
      const file = attached.get(fileId)!;
      const error = { code: 'unsupported_file', message: 'It holds no text.' };
      const done =
        files.get(fileId)!.text === '' ? { status: 'failed' as const, error } : { status: 'completed' as const };
      attached.set(fileId, { ...file, passages: 2, ...done });
      return file;
    },
    async updateStoreFile(_tenant, _storeId, fileId, { allowedGroups }) {
      const file = { ...attached.get(fileId)!, ...(allowedGroups && { allowedGroups }) };
      attached.set(fileId, file);
      return file;
    },
    listStoreFiles: async (_tenant, storeId, request) => page(filesIn(storeId), request, ({ fileId }) => fileId),
  };

  return {
    retrieval: documents as Retrieval,
    uploads: () => uploads,
    finishIngestion(status: VectorStoreFile['status'] = 'completed') {
      for (const file of attached.values()) attached.set(file.fileId, { ...file, status });
    },
    /** Path, or else filename, and text of what a tenant's store holds. */
    contents: (tenant: string) =>
      Object.fromEntries(
        ofTenant(tenant)
          .filter(({ id }) => attached.has(id))
          .map((file) => [attached.get(file.id)?.path ?? file.filename, file.text]),
      ),
  };
}
