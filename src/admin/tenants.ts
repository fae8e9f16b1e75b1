import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantBody, TenantSchema } from './schemas.js';

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
        querystring: PageQuery,
        response: { 200: pageOf(TenantSchema), ...errorResponses },
      },
    },
    async ({ query }) => toPage(await registry.listTenants(), ({ id }) => id, query),
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
