import { Type } from 'typebox';
import { errorResponses } from '../errors/responses.js';
import type { AdminPlugin } from './plugin.js';
import { DeploymentParams, listOf, TenantParams } from './schemas.js';

const route = { config: { scope: 'admin' } } as const;
const Parameters = Type.Record(Type.String(), Type.Unknown(), {
  description: 'JSON Schema of the arguments, an object.',
});
const ToolBody = Type.Object(
  {
    description: Type.String({ minLength: 1, maxLength: 4096, description: 'Tells the model what it is for.' }),
    parameters: Parameters,
    url: Type.String({ maxLength: 2048, description: 'Its host is one of `tools.allowedHosts`.' }),
    method: Type.Optional(
      Type.Enum(['GET', 'POST'], { default: 'POST', description: 'Arguments are the query, or the body as JSON.' }),
    ),
    secret: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 4096 }), Type.Null()], {
        description:
          'Sent as a bearer token, and never shown. null: none. Left out: the one that is there, unless the host changes.',
      }),
    ),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000, default: 5000 })),
  },
  { additionalProperties: false },
);
const ToolSchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  description: Type.String(),
  parameters: Parameters,
  strict: Type.Boolean(),
  url: Type.String(),
  method: Type.Enum(['GET', 'POST']),
  timeoutMs: Type.Integer(),
  hasSecret: Type.Boolean(),
  createdAt: Type.Integer(),
  updatedAt: Type.Integer(),
});
const oneTool = { tags: ['admin'], params: DeploymentParams, response: { 200: ToolSchema, ...errorResponses } };

export const toolRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/tools',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listTools',
        summary: 'List the functions that the gateway calls for a tenant',
        params: TenantParams,
        response: { 200: listOf(ToolSchema), ...errorResponses },
      },
    },
    async ({ params }) => ({ data: await registry.listTools(params.tenant) }),
  );

  app.put(
    '/tenants/:tenant/tools/:name',
    {
      ...route,
      schema: {
        ...oneTool,
        operationId: 'putTool',
        summary: 'Create or change a function that the gateway calls',
        description: 'Deployments that name it use it from their next request on.',
        body: ToolBody,
      },
    },
    ({ params, body: { method = 'POST', timeoutMs = 5000, ...body } }) =>
      registry.putTool({ ...params, ...body, method, timeoutMs }),
  );

  app.delete(
    '/tenants/:tenant/tools/:name',
    {
      ...route,
      schema: { ...oneTool, operationId: 'removeTool', summary: 'Remove a function that no deployment uses' },
    },
    ({ params }) => registry.removeTool(params.tenant, params.name),
  );
};
