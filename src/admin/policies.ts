import { Type } from 'typebox';
import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { DeploymentParams } from './schemas/deployments.js';
import { PolicyBody, PolicySchema } from './schemas/policies.js';

const route = { config: { scope: 'tenant-admin' } } as const;
const onePolicy = { tags: ['admin'], params: DeploymentParams, response: { 200: PolicySchema, ...errorResponses } };

export const policyRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/policies',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listPolicies',
        summary: "List a tenant's safety policies, the newest revision of each",
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(PolicySchema), ...errorResponses },
      },
    },
    async ({ params, query }) => toPage(await registry.listPolicies(params.tenant), ({ name }) => name, query),
  );

  app.get(
    '/tenants/:tenant/policies/:name',
    {
      ...route,
      schema: {
        ...onePolicy,
        operationId: 'getPolicy',
        summary: 'Show a safety policy',
        querystring: Type.Object({
          revision: Type.Optional(Type.Integer({ minimum: 1, description: 'The newest where left out.' })),
        }),
      },
    },
    ({ params, query }) => registry.getPolicy(params.tenant, params.name, query.revision ?? null),
  );

  app.put(
    '/tenants/:tenant/policies/:name',
    {
      ...route,
      schema: {
        ...onePolicy,
        operationId: 'putPolicy',
        summary: 'Write the next revision of a safety policy',
        description:
          'No deployment uses it before it names this revision. The same rules as in the newest revision are that one.',
        body: PolicyBody,
      },
    },
    async ({ params, body, logged }) => {
      const policy = await registry.putPolicy({ ...params, rules: body.rules });
      logged.result = { revision: policy.revision };
      return policy;
    },
  );
};
