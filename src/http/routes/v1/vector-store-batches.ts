import { type Static, Type } from 'typebox';
import type { FileBatch, NewStoreFile } from '../../../contracts/retrieval.js';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { ChunkingStrategy } from './chunking-strategy.js';
import { FILE_STATUSES, listOf, StoreFilesQuery, toList, toPageRequest } from './pagination.js';
import {
  AllowedGroups,
  AttachFile,
  Attributes,
  POLL_AFTER_MS,
  StoreFileSchema,
  toNewStoreFile,
  toStoreFile,
} from './vector-store-files.js';
import { FileCountsSchema, toCounts } from './vector-stores.js';

const MAX_FILES = 500;

const CreateBatch = Type.Object(
  {
    file_ids: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: MAX_FILES })),
    files: Type.Optional(
      Type.Array(AttachFile, { minItems: 1, maxItems: MAX_FILES, description: 'In place of file_ids.' }),
    ),
    attributes: Type.Optional(Attributes),
    allowed_groups: Type.Optional(AllowedGroups),
    chunking_strategy: Type.Optional(ChunkingStrategy),
  },
  { additionalProperties: false },
);

const BatchSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('vector_store.file_batch'),
    created_at: Type.Integer(),
    vector_store_id: Type.String(),
    status: Type.Enum(FILE_STATUSES, { description: 'failed: all of its files failed.' }),
    file_counts: FileCountsSchema,
  },
  { description: 'Files that were put into the vector store together.' },
);

const StoreId = Type.Object({ vector_store_id: Type.String() });
const StoreAndBatchId = Type.Object({ vector_store_id: Type.String(), batch_id: Type.String() });
const config = { scope: 'documents' } as const;
const tags = ['documents'];

export function addVectorStoreBatches(app: App, { registry, retrieval }: Services): void {
  app.post(
    '/v1/vector_stores/:vector_store_id/file_batches',
    {
      config,
      schema: {
        summary: 'Attach several files to a vector store: all of them, or none',
        operationId: 'createVectorStoreFileBatch',
        tags,
        params: StoreId,
        body: CreateBatch,
        response: { 200: BatchSchema, ...errorResponses },
      },
    },
    async ({ principal, params, body }) => {
      const { storedPassages: mostPassages } = (await registry.limitsOf(principal)).tenant;
      const files = toFiles(body).map((file) => ({ ...file, mostPassages }));
      return toWire(await retrieval.createBatch(principal.tenant, params.vector_store_id, files));
    },
  );

  app.get(
    '/v1/vector_stores/:vector_store_id/file_batches/:batch_id',
    {
      config,
      schema: {
        summary: 'How far a batch of files is',
        operationId: 'getVectorStoreFileBatch',
        tags,
        params: StoreAndBatchId,
        response: { 200: BatchSchema, ...errorResponses },
      },
    },
    async ({ principal, params }, reply) => {
      const batch = await retrieval.getBatch(principal.tenant, params.vector_store_id, params.batch_id);
      if (batch.status === 'in_progress') reply.header('openai-poll-after-ms', POLL_AFTER_MS);
      return toWire(batch);
    },
  );

  app.post(
    '/v1/vector_stores/:vector_store_id/file_batches/:batch_id/cancel',
    {
      config,
      schema: {
        summary: 'Call off the files of a batch that were not read yet',
        operationId: 'cancelVectorStoreFileBatch',
        tags,
        params: StoreAndBatchId,
        response: { 200: BatchSchema, ...errorResponses },
      },
    },
    async ({ principal, params }) =>
      toWire(await retrieval.cancelBatch(principal.tenant, params.vector_store_id, params.batch_id)),
  );

  app.get(
    '/v1/vector_stores/:vector_store_id/file_batches/:batch_id/files',
    {
      config,
      schema: {
        summary: 'Files of a batch',
        operationId: 'listFilesInVectorStoreBatch',
        tags,
        params: StoreAndBatchId,
        querystring: StoreFilesQuery,
        response: { 200: listOf(StoreFileSchema), ...errorResponses },
      },
    },
    async ({ principal, params, query: { filter: status, ...page } }) => {
      const { vector_store_id: storeId, batch_id: batchId } = params;
      const files = await retrieval.listStoreFiles(principal.tenant, storeId, toPageRequest(page), { batchId, status });
      return toList(files, toStoreFile);
    },
  );
}

/** @throws AppError `invalid_value` */
function toFiles({ file_ids: fileIds, files, ...shared }: Static<typeof CreateBatch>): NewStoreFile[] {
  if ((fileIds === undefined) === (files === undefined)) {
    throw new AppError('invalid_value', { param: 'file_ids', reason: 'or files must be given, and not both' });
  }
  if (fileIds) return fileIds.map((file_id) => toNewStoreFile({ file_id, ...shared }));
  const [misplaced] = Object.keys(shared);
  if (misplaced !== undefined) {
    throw new AppError('invalid_value', { param: misplaced, reason: 'belongs into each of files' });
  }
  return files!.map((file, index) => toNewStoreFile(file, `files[${index}].`));
}

function toWire({ id, storeId, createdAt, status, fileCounts }: FileBatch) {
  return {
    id,
    object: 'vector_store.file_batch',
    created_at: createdAt,
    vector_store_id: storeId,
    status,
    file_counts: toCounts(fileCounts),
  };
}
