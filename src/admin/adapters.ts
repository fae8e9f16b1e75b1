import { errorResponses } from '../errors/responses.js';
import { aliasRoutes } from './aliases.js';
import { changedBy } from './conditions.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { AdapterBody, AdapterSchema } from './schemas/versions.js';
import { toSignature, withoutFile } from './shown-version.js';
import { uploadRoutes } from './uploads.js';
import { versionRoutes } from './versions.js';

const route = { config: { scope: 'release' } } as const;

export const adapterRoutes: AdminPlugin = async (app, services) => {
  const { registry } = services;
  for (const routes of [uploadRoutes, versionRoutes, aliasRoutes])
    await app.register(routes, { ...services, prefix: '' });

  app.get(
    '/tenants/:tenant/adapters',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listAdapters',
        summary: "List the versions of a tenant's adapters",
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(AdapterSchema), ...errorResponses },
      },
    },
    async ({ params, query }) => {
      const versions = await registry.listAdapters(params.tenant);
      return toPage(versions.map(withoutFile), ({ name, version }) => `${name}@${version}`, query);
    },
  );

  app.post(
    '/tenants/:tenant/adapters',
    {
      config: { scope: 'admin' },
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
      const { signer, signature, ...body } = request.body;
      const adapter = { ...body, tenant: request.params.tenant, signature: toSignature(signer, signature) };
      const added = await registry.addAdapter(adapter, changedBy(request));
      request.logged.result = { adapter: `${added.name}@${added.version}`, digest: added.digest };
      return withoutFile(added);
    },
  );
};
