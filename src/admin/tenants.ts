import { errorResponses } from '../errors/responses.js';
import { ifRevision, RevisionHeaders, withRevision } from './conditions.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { TenantBody, TenantNameBody, TenantSchema } from './schemas/tenants.js';

const route = { config: { scope: 'admin' } } as const;
const oneTenant = { tags: ['admin'], params: TenantParams, response: { 200: TenantSchema, ...errorResponses } };

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
      return withRevision(reply, await registry.createTenant(request.body));
    },
  );

  app.get(
    '/tenants/:tenant',
    {
      config: { scope: 'tenant-admin' },
      schema: { ...oneTenant, operationId: 'getTenant', summary: 'Show a tenant' },
    },
    async ({ params }, reply) => withRevision(reply, await registry.getTenant(params.tenant)),
  );

  app.put(
    '/tenants/:tenant',
    {
      ...route,
      schema: {
        ...oneTenant,
        operationId: 'renameTenant',
        summary: 'Give a tenant another name for people; its id stays',
        headers: RevisionHeaders,
        body: TenantNameBody,
      },
    },
    async ({ params, body, headers }, reply) => {
      const by = { ifRevision: ifRevision(headers) };
      return withRevision(reply, await registry.renameTenant(params.tenant, body.name, by));
    },
  );
};
