/** `/v1/batches`: many requests from a file, in OpenAI's shape. */
import { randomBytes } from 'node:crypto';
import { type Static, Type } from 'typebox';
import type { Batch, BatchStatus } from '../../../../contracts/batches.js';
import { AppError } from '../../../../errors/app-error.js';
import { errorResponses } from '../../../../errors/responses.js';
import type { App, Services } from '../../../app.js';
import { listOf, PageQuery, toList, toPageRequest } from '../pagination.js';
import { BatchBody, BatchSchema, WINDOW_MS } from './schema.js';
import { createBatchWorker } from './worker.js';

const BatchId = Type.Object({ batch_id: Type.String() });
/** Its files are there for who may read documents; its lines need what their routes need. */
const config = { scope: 'documents' } as const;
const tags = ['batches'];
const response = { 200: BatchSchema, ...errorResponses };

export function addBatches(app: App, services: Services): void {
  const { registry, retrieval, clock } = services;
  const worker = createBatchWorker(app, services);

  app.post(
    '/v1/batches',
    {
      config,
      schema: {
        summary: 'Answer the requests of a file, with what others leave, within a day',
        operationId: 'createBatch',
        tags,
        body: BatchBody,
        response,
      },
    },
    async ({ principal: { tenant, keyId, scopes }, body }) => {
      if (!scopes.includes('inference')) throw new AppError('scope_missing', { scope: 'inference', what: 'a batch' });
      const { purpose } = await retrieval.getFile(tenant, body.input_file_id);
      if (purpose !== 'batch') {
        const reason = `must name a file of the purpose batch, and this is one of ${purpose}`;
        throw new AppError('invalid_value', { param: 'input_file_id', reason });
      }
      const batch = await registry.createBatch({
        id: `batch_${randomBytes(16).toString('hex')}`,
        ...{ tenant, keyId, scopes },
        endpoint: body.endpoint,
        inputFileId: body.input_file_id,
        metadata: body.metadata ?? {},
        createdAt: clock.now(),
        expiresAt: clock.now() + WINDOW_MS,
      });
      worker.wake();
      return toWire(batch);
    },
  );

  app.get(
    '/v1/batches',
    {
      config,
      schema: {
        summary: 'Batches',
        operationId: 'listBatches',
        tags,
        querystring: PageQuery,
        response: { 200: listOf(BatchSchema), ...errorResponses },
      },
    },
    async ({ principal, query }) => toList(await registry.listBatches(principal.tenant, toPageRequest(query)), toWire),
  );

  app.get(
    '/v1/batches/:batch_id',
    {
      config,
      schema: { summary: 'How far a batch is', operationId: 'retrieveBatch', tags, params: BatchId, response },
    },
    async ({ principal, params }) => toWire(await registry.getBatch(principal.tenant, params.batch_id)),
  );

  app.post(
    '/v1/batches/:batch_id/cancel',
    {
      config,
      schema: {
        summary: 'Call off what was not begun of a batch; its files hold what was answered',
        operationId: 'cancelBatch',
        tags,
        params: BatchId,
        response,
      },
    },
    async ({ principal, params }) => {
      const batch = await registry.cancelBatch(principal.tenant, params.batch_id);
      worker.wake();
      return toWire(batch);
    },
  );
}

function toWire(batch: Batch): Static<typeof BatchSchema> {
  const seconds = (ms: number | undefined) => (ms === undefined ? null : Math.floor(ms / 1000));
  const at = (status: BatchStatus) => seconds(batch.reachedAt[status]);
  const errors = batch.errors.map(({ code, message, line }) => ({ code, message, param: null, line }));
  return {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    errors: errors.length === 0 ? null : { object: 'list', data: errors },
    input_file_id: batch.inputFileId,
    completion_window: '24h',
    status: batch.status,
    output_file_id: batch.outputFileId,
    error_file_id: batch.errorFileId,
    created_at: Math.floor(batch.createdAt / 1000),
    in_progress_at: at('in_progress'),
    expires_at: seconds(batch.expiresAt),
    finalizing_at: at('finalizing'),
    completed_at: at('completed'),
    failed_at: at('failed'),
    expired_at: at('expired'),
    cancelling_at: at('cancelling'),
    cancelled_at: at('cancelled'),
    request_counts: batch.counts,
    metadata: batch.metadata,
  };
}
