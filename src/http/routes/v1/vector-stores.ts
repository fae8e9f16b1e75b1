import { Type } from 'typebox';
import type { FileCounts, Reembedding, VectorStore } from '../../../contracts/retrieval.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';
import { ChunkingStrategy, toChunkSizes } from './chunking-strategy.js';
import { deleted, listOf, PageQuery, toList, toPageRequest } from './pagination.js';

const ExpiresAfter = Type.Object(
  { anchor: Type.Literal('last_active_at'), days: Type.Integer({ minimum: 1, maximum: 365 }) },
  {
    additionalProperties: false,
    description: 'The vector store loses its files that many days after its last search or change.',
  },
);
const Metadata = Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), { maxProperties: 16 });
const Name = Type.String({ maxLength: 256 });

const Redaction = Type.Enum(['off', 'mask', 'mask_names'], {
  description:
    'Extension. `mask`: e-mail addresses, phone and card numbers and other personal data that has a shape are blanked out of what is read from now on; the uploaded files stay as they are. `mask_names`: names and postal addresses of people too, as far as a model finds them; for where one is configured.',
});

const EMBEDDER =
  "Extension. Id of the embedding model that the store's vectors are of: the gateway's own, or one of those that its configuration offers (`models.embedders`). `auto`: the gateway's own, whichever that is; so it is where the store was created without.";
/** Names none. null would stand for what is not given. */
const AUTO = 'auto';

const CreateStore = Type.Object(
  {
    name: Type.Optional(Name),
    file_ids: Type.Optional(Type.Array(Type.String(), { maxItems: 500 })),
    metadata: Type.Optional(Metadata),
    chunking_strategy: Type.Optional(ChunkingStrategy),
    expires_after: Type.Optional(ExpiresAfter),
    redaction: Type.Optional(Redaction),
    embedder: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: EMBEDDER })),
  },
  { additionalProperties: false },
);
const ModifyStore = Type.Object(
  {
    name: Type.Optional(Name),
    metadata: Type.Optional(Metadata),
    expires_after: Type.Optional(ExpiresAfter),
    redaction: Type.Optional(Redaction),
    embedder: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: `${EMBEDDER} With another one, vectors are made in the background from the passages that are there, and those of before answer until all are made.`,
      }),
    ),
  },
  { additionalProperties: false },
);

const ReembeddingSchema = Type.Object(
  {
    embedder: Type.String({ description: 'Whose vectors are being made.' }),
    job_id: Type.String({
      description: 'GET /v1/jobs/{job_id} says how long it takes; cancelled, the vectors of before stay.',
    }),
    status: Type.Enum(['queued', 'running', 'failed', 'cancelled']),
    progress: Type.Number({ description: 'The share that is done, 0 to 1.' }),
  },
  { description: 'Vectors of another model are being made; those of before answer meanwhile.' },
);

export const FileCountsSchema = Type.Object({
  in_progress: Type.Integer(),
  completed: Type.Integer(),
  failed: Type.Integer(),
  cancelled: Type.Integer(),
  total: Type.Integer(),
});

const StoreSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('vector_store'),
    created_at: Type.Integer(),
    last_active_at: Type.Integer(),
    expires_after: Type.Union([ExpiresAfter, Type.Null()]),
    expires_at: Type.Union([Type.Integer(), Type.Null()]),
    name: Type.String(),
    status: Type.Enum(['in_progress', 'completed', 'expired']),
    usage_bytes: Type.Integer(),
    file_counts: FileCountsSchema,
    metadata: Metadata,
    redaction: Redaction,
    embedder: Type.String({ description: 'Extension. Id of the embedding model whose vectors answer.' }),
    reembedding: Type.Union([ReembeddingSchema, Type.Null()], { description: 'Extension.' }),
  },
  { description: 'The vector store.' },
);

const StoreId = Type.Object({ vector_store_id: Type.String() });
const config = { scope: 'documents' } as const;
const tags = ['documents'];
const DAY_S = 86_400;

export function addVectorStores(app: App, { registry, retrieval }: Services): void {
  app.post(
    '/v1/vector_stores',
    {
      config,
      schema: {
        summary: 'Create a vector store; the oldest one of a tenant is its default',
        operationId: 'createVectorStore',
        tags,
        body: CreateStore,
        response: { 200: StoreSchema, ...errorResponses },
      },
    },
    async ({ principal, body }) => {
      const { tenant } = principal;
      const { name = '', metadata = {}, file_ids: fileIds = [], expires_after: expiry, redaction } = body;
      const embedder = body.embedder === AUTO ? undefined : body.embedder;
      const chunking = toChunkSizes(body.chunking_strategy, 'chunking_strategy');
      // A file that does not exist is found out before there is a store to clean up.
      for (const fileId of fileIds) await retrieval.getFile(tenant, fileId);
      const expiresAfterDays = expiry?.days;
      const store = await retrieval.createStore(tenant, { name, metadata, expiresAfterDays, redaction, embedder });
      const { storedPassages: mostPassages } = (await registry.limitsOf(principal)).tenant;
      for (const fileId of fileIds) {
        await retrieval.attachFile(tenant, store.id, { fileId, attributes: {}, chunking, mostPassages });
      }
      return toWire(await retrieval.getStore(tenant, store.id));
    },
  );

  app.get(
    '/v1/vector_stores',
    {
      config,
      schema: {
        summary: 'Vector stores',
        operationId: 'listVectorStores',
        tags,
        querystring: PageQuery,
        response: { 200: listOf(StoreSchema), ...errorResponses },
      },
    },
    async ({ principal, query }) => toList(await retrieval.listStores(principal.tenant, toPageRequest(query)), toWire),
  );

  app.get(
    '/v1/vector_stores/:vector_store_id',
    {
      config,
      schema: {
        summary: 'One vector store',
        operationId: 'getVectorStore',
        tags,
        params: StoreId,
        response: { 200: StoreSchema, ...errorResponses },
      },
    },
    async ({ principal, params }) => toWire(await retrieval.getStore(principal.tenant, params.vector_store_id)),
  );

  app.post(
    '/v1/vector_stores/:vector_store_id',
    {
      config,
      schema: {
        summary: 'Rename a vector store, replace its metadata, or change when it expires or its embedding model',
        operationId: 'modifyVectorStore',
        tags,
        params: StoreId,
        body: ModifyStore,
        response: { 200: StoreSchema, ...errorResponses },
      },
    },
    async ({ principal, params, body }) => {
      const { name, metadata, expires_after: expiry, redaction } = body;
      const embedder = body.embedder === AUTO ? null : body.embedder;
      const change = { name, metadata, expiresAfterDays: expiry?.days, redaction, embedder };
      return toWire(await retrieval.updateStore(principal.tenant, params.vector_store_id, change));
    },
  );

  app.delete(
    '/v1/vector_stores/:vector_store_id',
    {
      config,
      schema: {
        summary: 'Delete a vector store and its passages; the files stay',
        operationId: 'deleteVectorStore',
        tags,
        params: StoreId,
        response: {
          200: deleted('vector_store.deleted'),
          ...errorResponses,
        },
      },
    },
    async ({ principal, params }) => {
      await retrieval.deleteStore(principal.tenant, params.vector_store_id);
      return { id: params.vector_store_id, object: 'vector_store.deleted', deleted: true };
    },
  );
}

function toWire(store: VectorStore) {
  const days = store.expiresAfterDays;
  return {
    id: store.id,
    object: 'vector_store',
    created_at: store.createdAt,
    last_active_at: store.lastActiveAt,
    expires_after: days === null ? null : { anchor: 'last_active_at', days },
    expires_at: days === null ? null : store.lastActiveAt + days * DAY_S,
    name: store.name,
    status: store.isExpired ? 'expired' : store.fileCounts.inProgress > 0 ? 'in_progress' : 'completed',
    usage_bytes: store.usageBytes,
    file_counts: toCounts(store.fileCounts),
    metadata: store.metadata,
    redaction: store.redaction,
    embedder: store.embedder,
    reembedding: store.reembedding && toWireReembedding(store.reembedding),
  };
}

function toWireReembedding({ embedder, jobId, status, progress }: Reembedding) {
  return { embedder, job_id: jobId, status, progress };
}

export function toCounts({ inProgress, ...counts }: FileCounts) {
  return { in_progress: inProgress, ...counts };
}
