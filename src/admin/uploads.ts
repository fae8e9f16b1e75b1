import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import { changedBy } from './conditions.js';
import type { AdminPlugin } from './plugin.js';
import { FORM_BYTES, receiveAdapter } from './receive-adapter.js';
import { TenantParams } from './schemas/common.js';
import { AdapterPolicyBody, AdapterSchema, NewVersionParams, UploadBody } from './schemas/versions.js';
import { toSignature, withoutFile } from './shown-version.js';

/** Each takes the disk of its weights, and compiling goes one by one. */
const MAX_UPLOADS = 4;
const RETRY_AFTER_S = 5;
const MULTIPART = 'multipart/form-data';

export const uploadRoutes: AdminPlugin = async (app, services) => {
  await app.register(formRoutes, services);
  const { registry } = services;

  app.get(
    '/tenants/:tenant/adapter-policy',
    {
      config: { scope: 'release' },
      schema: {
        tags: ['admin'],
        operationId: 'getAdapterPolicy',
        summary: 'Show what a tenant asks of its adapters',
        params: TenantParams,
        response: { 200: AdapterPolicyBody, ...errorResponses },
      },
    },
    ({ params }) => registry.getAdapterPolicy(params.tenant),
  );

  app.put(
    '/tenants/:tenant/adapter-policy',
    {
      config: { scope: 'tenant-admin' },
      schema: {
        tags: ['admin'],
        operationId: 'putAdapterPolicy',
        summary: 'Say whether adapters must be signed',
        params: TenantParams,
        body: AdapterPolicyBody,
        response: { 200: AdapterPolicyBody, ...errorResponses },
      },
    },
    ({ params, body }) => registry.putAdapterPolicy(params.tenant, body),
  );
};

/** Where an upload lay meanwhile is nobody's business. */
function withoutFolder(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'adapter_invalid') throw error;
  throw new AppError('adapter_invalid', { ...error.params, folder: 'the upload' }, { cause: error });
}

const formRoutes: AdminPlugin = async (app, { registry }) => {
  const { uploads } = app;
  // Its limit is that of weights on their way to the disk: no other body may be as large.
  app.removeContentTypeParser('application/json');
  // What a crash left: nobody was told of it.
  await rm(uploads.dir, { recursive: true, force: true });
  const folders = new WeakMap<FastifyRequest, string>();
  let underWay = 0;

  app.addContentTypeParser(MULTIPART, async (request: FastifyRequest, form: Readable) => {
    if (underWay >= MAX_UPLOADS) {
      throw new AppError('queue_full', { limit: `${MAX_UPLOADS} uploads`, retryAfterS: RETRY_AFTER_S });
    }
    underWay += 1;
    try {
      const { folder, body } = await receiveAdapter(request.headers, form, uploads);
      folders.set(request, folder);
      return body;
    } finally {
      underWay -= 1;
    }
  });
  app.addHook('onResponse', async (request) => {
    const folder = folders.get(request);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  app.post(
    '/tenants/:tenant/adapters/:name/versions',
    {
      config: { scope: 'release', streamsBody: true },
      bodyLimit: uploads.maxBytes + FORM_BYTES,
      schema: {
        tags: ['admin'],
        operationId: 'uploadVersion',
        summary: 'Upload an adapter version',
        description:
          'Files of a PEFT folder as a form. They are looked at in this order: sizes, configuration, weights (safetensors alone), record of the training, shapes and values against the base model, signature; the version is there once all of it holds, and otherwise nothing is kept. Content that is there already under this name answers with its version.',
        params: NewVersionParams,
        consumes: [MULTIPART],
        body: UploadBody,
        response: { 201: AdapterSchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const folder = folders.get(request);
      if (folder === undefined) {
        const contentType = request.headers['content-type'] ?? '(none)';
        throw new AppError('unsupported_media_type', { contentType, supported: MULTIPART });
      }
      const { version, lineage, anyBase, signer, signature } = request.body;
      const adapter = {
        ...request.params,
        folder,
        ...(version !== undefined && { version }),
        ...(lineage !== undefined && { lineage }),
        ...(anyBase !== undefined && { anyBase }),
        signature: toSignature(signer, signature),
      };
      const added = await registry.addAdapter(adapter, changedBy(request)).catch(withoutFolder);
      request.logged.result = { adapter: `${added.name}@${added.version}`, digest: added.digest };
      reply.code(201);
      return withoutFile(added);
    },
  );
};
