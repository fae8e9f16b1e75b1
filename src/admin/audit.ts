import { type Static, Type } from 'typebox';
import { errorResponses } from '../errors/responses.js';
import type { AdminPlugin } from './plugin.js';
import { AuditPageSchema, TenantParams } from './schemas.js';

const Page = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'By default 100.' })),
  before: Type.Optional(Type.Integer({ description: 'Lines older than the one of this number.', minimum: 1 })),
});

export const auditRoutes: AdminPlugin = async (app, { registry }) => {
  const list = (tenant: string, { limit = 100, before }: Static<typeof Page>) =>
    registry.listAudit(tenant, { limit, before: before ?? null });

  app.get(
    '/tenants/:tenant/audit',
    {
      config: { scope: 'tenant-admin' },
      schema: {
        tags: ['admin'],
        operationId: 'listAudit',
        summary: "List what was changed of a tenant's configuration, the newest first",
        description:
          'The audit log of the registry: each line holds the hash of the one before it, and `head` is signed.',
        params: TenantParams,
        querystring: Page,
        response: { 200: AuditPageSchema, ...errorResponses },
      },
    },
    ({ params, query }) => list(params.tenant, query),
  );

  app.get(
    '/audit',
    {
      config: { scope: 'admin' },
      schema: {
        tags: ['admin'],
        operationId: 'listGatewayAudit',
        summary: 'List with which settings the gateway ran, the newest first',
        querystring: Page,
        response: { 200: AuditPageSchema, ...errorResponses },
      },
    },
    ({ query }) => list('*', query),
  );
};
