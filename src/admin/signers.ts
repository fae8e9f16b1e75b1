import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { SignerBody, SignerParams, SignerSchema } from './schemas/tenants.js';

const route = { config: { scope: 'tenant-admin' } } as const;

export const signerRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/signers',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listSigners',
        summary: "List whose tokens say which groups a tenant's callers are in",
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(SignerSchema), ...errorResponses },
      },
    },
    async ({ params, query }) => toPage(await registry.listSigners(params.tenant), ({ name }) => name, query),
  );

  app.post(
    '/tenants/:tenant/signers',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'addSigner',
        summary: 'Add a signer of tokens',
        description:
          'Whoever has the private key tells with a signed token (`x-groups-token`) which groups the caller of a request is in.',
        params: TenantParams,
        body: SignerBody,
        response: { 201: SignerSchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      reply.code(201);
      return registry.addSigner({ ...request.body, tenant: request.params.tenant });
    },
  );

  app.delete(
    '/tenants/:tenant/signers/:name',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'removeSigner',
        summary: 'Remove a signer',
        description: 'The next token of it is refused.',
        params: SignerParams,
        response: { 200: SignerSchema, ...errorResponses },
      },
    },
    (request) => registry.removeSigner(request.params.tenant, request.params.name),
  );
};
