import { errorResponses } from '../errors/responses.js';
import { changedBy, changingDeployment, withEtag } from './conditions.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { CanaryBody, DeploymentBody, DeploymentParams, DeploymentSchema } from './schemas/deployments.js';

const route = { config: { scope: 'release' } } as const;
const oneDeployment = {
  tags: ['admin'],
  params: DeploymentParams,
  response: { 200: DeploymentSchema, ...errorResponses },
};

export const deploymentRoutes: AdminPlugin = async (app, { registry, retrieval }) => {
  app.get(
    '/tenants/:tenant/deployments',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listDeployments',
        summary: "List a tenant's deployments",
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(DeploymentSchema), ...errorResponses },
      },
    },
    async ({ params, query }) => toPage(await registry.listDeployments(params.tenant), ({ name }) => name, query),
  );

  app.get(
    '/tenants/:tenant/deployments/:name',
    { ...route, schema: { ...oneDeployment, operationId: 'getDeployment', summary: 'Show a deployment' } },
    async ({ params }, reply) => withEtag(reply, await registry.getDeployment(params.tenant, params.name)),
  );

  app.put(
    '/tenants/:tenant/deployments/:name',
    {
      ...route,
      schema: {
        ...changingDeployment,
        operationId: 'putDeployment',
        summary: 'Create or change a deployment',
        description:
          'Another stable version leaves the canary alone; another adapter ends it. Every store that is named must be there.',
        body: DeploymentBody,
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const { adapter = null, stableVersion = null, ...settings } = body;
      for (const id of settings.retrieval.storeIds ?? []) await retrieval.getStore(params.tenant, id);
      const deployment = { ...params, adapter, stableVersion, ...settings };
      return withEtag(reply, await registry.putDeployment(deployment, changedBy(request)));
    },
  );

  app.post(
    '/tenants/:tenant/deployments/:name/canary',
    {
      ...route,
      schema: {
        ...changingDeployment,
        operationId: 'setCanary',
        summary: 'Set the canary version and its share of traffic',
        description: '`groups` and `shadowWeight` that are left out stay as they are where the version stays.',
        body: CanaryBody,
      },
    },
    async (request, reply) => {
      const { tenant, name } = request.params;
      return withEtag(reply, await registry.setCanary(tenant, name, request.body, changedBy(request)));
    },
  );

  for (const [action, summary] of [
    ['promote', 'Make the canary the stable version; said again, it does nothing more'],
    ['rollback', 'Drop the canary, or go back to the previous stable version; said again, it does nothing more'],
  ] as const) {
    app.post(
      `/tenants/:tenant/deployments/:name/${action}`,
      { ...route, schema: { ...changingDeployment, operationId: action, summary } },
      async (request, reply) => {
        const { tenant, name } = request.params;
        return withEtag(reply, await registry[action](tenant, name, changedBy(request)));
      },
    );
  }
};
