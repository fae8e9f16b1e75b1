import { type Static, Type } from 'typebox';
import type { AuditEntry, AuditPage } from '../contracts/audit.js';
import { errorResponses } from '../errors/responses.js';
import { numberCursor, pageOf, pageQuery, readPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { AuditHeadSchema, AuditLineSchema } from './schemas/audit.js';
import { TenantParams } from './schemas/common.js';

const LINES = 100;
const Page = pageQuery(LINES);
const AuditPageSchema = Type.Object({ ...pageOf(AuditLineSchema).properties, head: AuditHeadSchema });
const bySeq = numberCursor(({ seq }: AuditEntry) => seq);

export const auditRoutes: AdminPlugin = async (app, { registry }) => {
  async function list(tenant: string, query: Static<typeof Page>) {
    let head: AuditPage['head'] = null;
    const page = await readPage(LINES, query, bySeq, async (limit, before) => {
      const read = await registry.listAudit(tenant, { limit, before });
      head = read.head;
      return read.entries;
    });
    return { ...page, head };
  }

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
