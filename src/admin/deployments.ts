import { errorResponses } from '../errors/responses.js';
import type { AdminPlugin } from './plugin.js';
import { CanaryBody, DeploymentBody, DeploymentParams, DeploymentSchema, listOf, TenantParams } from './schemas.js';

const route = { config: { scope: 'admin' } } as const;
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
        response: { 200: listOf(DeploymentSchema), ...errorResponses },
      },
    },
    async (request) => ({ data: await registry.listDeployments(request.params.tenant) }),
  );

  app.get(
    '/tenants/:tenant/deployments/:name',
    { ...route, schema: { ...oneDeployment, operationId: 'getDeployment', summary: 'Show a deployment' } },
    ({ params }) => registry.getDeployment(params.tenant, params.name),
  );

  app.put(
    '/tenants/:tenant/deployments/:name',
    {
      ...route,
      schema: {
        ...oneDeployment,
        operationId: 'putDeployment',
        summary: 'Create or change a deployment',
        description:
          'Another stable version leaves the canary alone; another adapter ends it. Every store that is named must be there.',
        body: DeploymentBody,
      },
    },
    async ({ params, body: { adapter = null, stableVersion = null, ...settings } }) => {
      for (const id of settings.retrieval.storeIds ?? []) await retrieval.getStore(params.tenant, id);
      return registry.putDeployment({ ...params, adapter, stableVersion, ...settings });
    },
  );

  app.post(
    '/tenants/:tenant/deployments/:name/canary',
    {
      ...route,
      schema: {
        ...oneDeployment,
        operationId: 'setCanary',
        summary: 'Set the canary version and its share of traffic',
        body: CanaryBody,
      },
    },
    ({ params, body }) => registry.setCanary(params.tenant, params.name, body),
  );

  app.post(
    '/tenants/:tenant/deployments/:name/promote',
    { ...route, schema: { ...oneDeployment, operationId: 'promote', summary: 'Make the canary the stable version' } },
    ({ params }) => registry.promote(params.tenant, params.name),
  );

  app.post(
    '/tenants/:tenant/deployments/:name/rollback',
    {
      ...route,
      schema: {
        ...oneDeployment,
        operationId: 'rollback',
        summary: 'Drop the canary, or go back to the previous stable version',
      },
    },
    ({ params }) => registry.rollback(params.tenant, params.name),
  );
};
