import { errorResponses } from '../errors/responses.js';
import type { AdminPlugin } from './plugin.js';
import { listOf, TenantBody, TenantSchema } from './schemas.js';

const route = { config: { scope: 'admin' } } as const;

export const tenantRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listTenants',
        summary: 'List tenants',
        response: { 200: listOf(TenantSchema), ...errorResponses },
      },
    },
    async () => ({ data: await registry.listTenants() }),
  );

  app.post(
    '/tenants',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'createTenant',
        summary: 'Create a tenant',
        body: TenantBody,
        response: { 201: TenantSchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      reply.code(201);
      return registry.createTenant(request.body);
    },
  );
};
