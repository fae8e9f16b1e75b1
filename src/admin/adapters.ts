import type { AdapterVersion } from '../contracts/registry.js';
import { errorResponses } from '../errors/responses.js';
import type { AdminPlugin } from './plugin.js';
import { AdapterBody, AdapterSchema, listOf, TenantParams } from './schemas.js';

const route = { config: { scope: 'admin' } } as const;

export const adapterRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/adapters',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listAdapters',
        summary: "List the versions of a tenant's adapters",
        params: TenantParams,
        response: { 200: listOf(AdapterSchema), ...errorResponses },
      },
    },
    async (request) => ({ data: (await registry.listAdapters(request.params.tenant)).map(withoutFile) }),
  );

  app.post(
    '/tenants/:tenant/adapters',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'addAdapter',
        summary: 'Add an adapter version',
        description:
          'Validates a PEFT folder and keeps it as the next version (or the one asked for). Content that is there already under this name answers with its version.',
        params: TenantParams,
        body: AdapterBody,
        response: { 201: AdapterSchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      reply.code(201);
      const added = await registry.addAdapter({ ...request.body, tenant: request.params.tenant });
      request.logged.result = { adapter: `${added.name}@${added.version}`, digest: added.digest };
      return withoutFile(added);
    },
  );
};

/** Where the gateway keeps its files is nobody's business. */
function withoutFile({ compiledFile: _, ...version }: AdapterVersion) {
  return version;
}
