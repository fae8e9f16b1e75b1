import { type Static, Type } from 'typebox';
import { GROUP_PATTERN, MAX_ALLOWED_GROUPS } from '../../../contracts/registry-limits.js';
import type { NewStoreFile, VectorStoreFile } from '../../../contracts/retrieval.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { ChunkingOfFile, ChunkingStrategy, fromChunkSizes, toChunkSizes } from './chunking-strategy.js';
import { deleted, FILE_STATUSES, listOf, StoreFilesQuery, toList, toPageRequest } from './pagination.js';

/** OpenAI's clients wait this long between two polls, instead of five seconds. */
export const POLL_AFTER_MS = 100;

export const Attributes = Type.Record(
  Type.String({ maxLength: 64 }),
  Type.Union([Type.String({ maxLength: 512 }), Type.Number(), Type.Boolean()]),
  { maxProperties: 16 },
);

export const AllowedGroups = Type.Array(Type.String({ pattern: GROUP_PATTERN }), {
  maxItems: MAX_ALLOWED_GROUPS,
  description:
    'Extension. Only callers of one of these groups find its passages; empty: everybody of the tenant. Left out: as it was; of a new file, as that of its path, else everybody.',
});

export const AttachFile = Type.Object(
  {
    file_id: Type.String({ minLength: 1 }),
    attributes: Type.Optional(Attributes),
    allowed_groups: Type.Optional(AllowedGroups),
    chunking_strategy: Type.Optional(ChunkingStrategy),
    path: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          'Extension. Once the file is read it takes the place of those of the same path in the vector store, in one moment; they are deleted unless another vector store has them.',
      }),
    ),
  },
  { additionalProperties: false },
);

const UpdateFile = Type.Object(
  { attributes: Type.Optional(Attributes), allowed_groups: Type.Optional(AllowedGroups) },
  { additionalProperties: false, minProperties: 1 },
);

export const StoreFileSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('vector_store.file'),
    created_at: Type.Integer(),
    vector_store_id: Type.String(),
    status: Type.Enum(FILE_STATUSES, { description: 'completed: searchable and durable.' }),
    last_error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
    usage_bytes: Type.Integer(),
    passages: Type.Integer({ description: 'Extension.' }),
    attributes: Attributes,
    allowed_groups: Type.Array(Type.String(), { description: 'Extension. Who finds its passages; empty: everybody.' }),
    chunking_strategy: ChunkingOfFile,
    path: Type.Union([Type.String(), Type.Null()], { description: 'Extension.' }),
  },
  { description: 'The file, as a part of the vector store.' },
);

const StoreId = Type.Object({ vector_store_id: Type.String() });
const StoreAndFileId = Type.Object({ vector_store_id: Type.String(), file_id: Type.String() });
const config = { scope: 'documents' } as const;
const tags = ['documents'];

export function addVectorStoreFiles(app: App, { registry, retrieval }: Services): void {
  app.post(
    '/v1/vector_stores/:vector_store_id/files',
    {
      config,
      schema: {
        summary: 'Attach a file to a vector store, which makes passages of it',
        operationId: 'createVectorStoreFile',
        tags,
        params: StoreId,
        body: AttachFile,
        response: { 200: StoreFileSchema, ...errorResponses },
      },
    },
    async ({ principal, params, body }) => {
      const { storedPassages: mostPassages } = (await registry.limitsOf(principal)).tenant;
      const file = { ...toNewStoreFile(body), mostPassages };
      return toStoreFile(await retrieval.attachFile(principal.tenant, params.vector_store_id, file));
    },
  );

  app.get(
    '/v1/vector_stores/:vector_store_id/files',
    {
      config,
      schema: {
        summary: 'Files of a vector store',
        operationId: 'listVectorStoreFiles',
        tags,
        params: StoreId,
        querystring: StoreFilesQuery,
        response: { 200: listOf(StoreFileSchema), ...errorResponses },
      },
    },
    async ({ principal, params, query: { filter: status, ...page } }) => {
      const { vector_store_id: storeId } = params;
      const files = await retrieval.listStoreFiles(principal.tenant, storeId, toPageRequest(page), { status });
      return toList(files, toStoreFile);
    },
  );

  app.get(
    '/v1/vector_stores/:vector_store_id/files/:file_id',
    {
      config,
      schema: {
        summary: 'How far a file is',
        operationId: 'getVectorStoreFile',
        tags,
        params: StoreAndFileId,
        response: { 200: StoreFileSchema, ...errorResponses },
      },
    },
    async ({ principal, params }, reply) => {
      const file = await retrieval.getStoreFile(principal.tenant, params.vector_store_id, params.file_id);
      if (file.status === 'in_progress') reply.header('openai-poll-after-ms', POLL_AFTER_MS);
      return toStoreFile(file);
    },
  );

  app.post(
    '/v1/vector_stores/:vector_store_id/files/:file_id',
    {
      config,
      schema: {
        summary: 'Replace the attributes of a file in a vector store, or who may find it',
        description: 'Who may no longer find it does not find it any more once this is answered.',
        operationId: 'updateVectorStoreFile',
        tags,
        params: StoreAndFileId,
        body: UpdateFile,
        response: { 200: StoreFileSchema, ...errorResponses },
      },
    },
    async ({ principal, params, body: { attributes, allowed_groups: allowedGroups } }) => {
      const { vector_store_id: storeId, file_id: fileId } = params;
      const change = { attributes, allowedGroups };
      return toStoreFile(await retrieval.updateStoreFile(principal.tenant, storeId, fileId, change));
    },
  );

  app.delete(
    '/v1/vector_stores/:vector_store_id/files/:file_id',
    {
      config,
      schema: {
        summary: 'Remove a file from a vector store; the file stays',
        operationId: 'deleteVectorStoreFile',
        tags,
        params: StoreAndFileId,
        response: {
          200: deleted('vector_store.file.deleted'),
          ...errorResponses,
        },
      },
    },
    async ({ principal, params }) => {
      await retrieval.detachFile(principal.tenant, params.vector_store_id, params.file_id);
      return { id: params.file_id, object: 'vector_store.file.deleted', deleted: true };
    },
  );
}

/** @param at where the file stands in the request, with a dot behind it, for errors @throws AppError `invalid_value` */
export function toNewStoreFile(file: Static<typeof AttachFile>, at = ''): NewStoreFile {
  const { file_id: fileId, attributes = {}, allowed_groups: allowedGroups, path, chunking_strategy: strategy } = file;
  return { fileId, attributes, allowedGroups, path, chunking: toChunkSizes(strategy, `${at}chunking_strategy`) };
}

export function toStoreFile(file: VectorStoreFile) {
  return {
    id: file.fileId,
    object: 'vector_store.file',
    created_at: file.createdAt,
    vector_store_id: file.storeId,
    status: file.status,
    last_error: file.error,
    usage_bytes: file.usageBytes,
    passages: file.passages,
    attributes: file.attributes,
    allowed_groups: file.allowedGroups,
    chunking_strategy: fromChunkSizes(file.chunking),
    path: file.path,
  };
}
