import { errorResponses } from '../errors/responses.js';
import { changedBy, RevisionHeaders, withRevision } from './conditions.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { AliasBody, AliasParams, AliasSchema } from './schemas/versions.js';

const route = { config: { scope: 'release' } } as const;
const changing = {
  tags: ['admin'],
  params: AliasParams,
  headers: RevisionHeaders,
  response: { 200: AliasSchema, ...errorResponses },
};

export const aliasRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/aliases',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listAliases',
        summary: "List the aliases of a tenant's adapter versions",
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(AliasSchema), ...errorResponses },
      },
    },
    async ({ params, query }) =>
      toPage(await registry.listAliases(params.tenant), ({ adapter, alias }) => `${adapter}@${alias}`, query),
  );

  app.put(
    '/tenants/:tenant/adapters/:name/aliases/:alias',
    {
      ...route,
      schema: {
        ...changing,
        operationId: 'putAlias',
        summary: 'Point an alias at an adapter version',
        description:
          'From the next request on, `deployment@alias` is answered by it, for every deployment of the adapter; what a deployment serves by itself does not change.',
        body: AliasBody,
      },
    },
    async (request, reply) => {
      const { tenant, name: adapter, alias } = request.params;
      const moved = { tenant, adapter, alias, version: request.body.version };
      const pointed = await registry.putAlias(moved, changedBy(request));
      request.logged.result = { version: pointed.version, revision: pointed.revision };
      return withRevision(reply, pointed);
    },
  );

  app.delete(
    '/tenants/:tenant/adapters/:name/aliases/:alias',
    { ...route, schema: { ...changing, operationId: 'removeAlias', summary: 'Remove an alias' } },
    (request) => {
      const { tenant, name: adapter, alias } = request.params;
      return registry.removeAlias({ tenant, adapter, alias }, changedBy(request));
    },
  );
};
