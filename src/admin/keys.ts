import { errorResponses } from '../errors/responses.js';
import type { AdminPlugin } from './plugin.js';
import { KeyBody, KeyParams, KeySchema, listOf, NewKeySchema, TenantParams } from './schemas.js';

const route = { config: { scope: 'admin' } } as const;

export const keyRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/keys',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listKeys',
        summary: "List a tenant's API keys",
        params: TenantParams,
        response: { 200: listOf(KeySchema), ...errorResponses },
      },
    },
    async (request) => ({ data: await registry.listKeys(request.params.tenant) }),
  );

  app.post(
    '/tenants/:tenant/keys',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'createKey',
        summary: 'Create an API key',
        description: 'The secret is in this response and never again.',
        params: TenantParams,
        body: KeyBody,
        response: { 201: NewKeySchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      reply.code(201);
      return registry.createKey({ ...request.body, tenant: request.params.tenant });
    },
  );

  app.delete(
    '/tenants/:tenant/keys/:keyId',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'revokeKey',
        summary: 'Revoke an API key',
        description: 'The next request with it is refused. The key stays in the list.',
        params: KeyParams,
        response: { 200: KeySchema, ...errorResponses },
      },
    },
    (request) => registry.revokeKey(request.params.tenant, request.params.keyId),
  );
};
