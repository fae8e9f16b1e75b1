import { Type } from 'typebox';
import type { HttpTool, RemoteTool } from '../contracts/http-tools.js';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { DeploymentParams } from './schemas/deployments.js';

const route = { config: { scope: 'admin' } } as const;
const Parameters = Type.Record(Type.String(), Type.Unknown(), {
  description: 'JSON Schema of the arguments, an object.',
});
const Secret = Type.Optional(
  Type.Union([Type.String({ minLength: 1, maxLength: 4096 }), Type.Null()], {
    description:
      'Sent as a bearer token, and never shown. null: none. Left out: the one that is there, unless the host changes.',
  }),
);
const TimeoutMs = Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000, default: 5000 }));
const Url = { maxLength: 2048, description: 'Its host is one of `tools.allowedHosts`.' };
const ToolBody = Type.Object(
  {
    description: Type.String({ minLength: 1, maxLength: 4096, description: 'Tells the model what it is for.' }),
    parameters: Parameters,
    url: Type.String(Url),
    mcpTool: Type.Optional(
      Type.Union([Type.String({ minLength: 1, maxLength: 256 }), Type.Null()], {
        description: 'Its name at the MCP server that `url` is of; null or left out: the address itself is called.',
      }),
    ),
    method: Type.Optional(
      Type.Enum(['GET', 'POST'], { default: 'POST', description: 'Arguments are the query, or the body as JSON.' }),
    ),
    secret: Secret,
    timeoutMs: TimeoutMs,
  },
  { additionalProperties: false },
);
/** Functions of one server: as many as a request may offer. */
const MAX_IMPORTED = 128;
const ImportBody = Type.Object(
  {
    url: Type.String({
      ...Url,
      description: 'Of an MCP server over streamable HTTP. Its host is one of `tools.allowedHosts`.',
    }),
    secret: Secret,
    prefix: Type.Optional(
      Type.String({ pattern: '^[a-zA-Z0-9_-]{0,32}$', description: 'Put before the names of its tools.' }),
    ),
    only: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: 'Of its tools; left out: all of them.' }),
    ),
    timeoutMs: TimeoutMs,
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
  mcpTool: Type.Union([Type.String(), Type.Null()]),
  timeoutMs: Type.Integer(),
  hasSecret: Type.Boolean(),
  createdAt: Type.Integer(),
  updatedAt: Type.Integer(),
});
const oneTool = { tags: ['admin'], params: DeploymentParams, response: { 200: ToolSchema, ...errorResponses } };

export const toolRoutes: AdminPlugin = async (app, { registry, toolCaller }) => {
  app.get(
    '/tenants/:tenant/tools',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listTools',
        summary: 'List the functions that the gateway calls for a tenant',
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(ToolSchema), ...errorResponses },
      },
    },
    async ({ params, query }) => toPage(await registry.listTools(params.tenant), ({ name }) => name, query),
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

  app.post(
    '/tenants/:tenant/tools/import',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'importTools',
        summary: 'Take over the tools of an MCP server as functions that the gateway calls',
        description: 'As they are described now: what the server says of them later changes nothing here.',
        params: TenantParams,
        body: ImportBody,
        response: {
          200: Type.Object({
            data: Type.Array(ToolSchema),
            refused: Type.Array(Type.Object({ name: Type.String(), reason: Type.String() }), {
              description: 'Those that could not be taken over.',
            }),
          }),
          ...errorResponses,
        },
      },
    },
    async ({ params: { tenant }, body, hangUp }) => {
      const { url, secret, prefix = '', only, timeoutMs = 5000 } = body;
      const known = (await registry.listTools(tenant)).find((tool) => tool.url === url && tool.hasSecret);
      const bearer = secret === undefined && known ? await registry.toolSecret(tenant, known.name) : (secret ?? null);
      const remote = chosen(await toolCaller.list(url, bearer, hangUp), only);
      const data: HttpTool[] = [];
      const refused: { name: string; reason: string }[] = [];
      for (const { name: mcpTool, description, parameters } of remote) {
        const name = `${prefix}${mcpTool}`.replace(/[^a-zA-Z0-9_-]/g, '_');
        try {
          if (data.some((one) => one.name === name)) throw new AppError('already_exists', { what: 'Tool', id: name });
          const tool = { tenant, name, description, parameters, url, method: 'POST', mcpTool, timeoutMs } as const;
          data.push(await registry.putTool({ ...tool, secret: bearer }));
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          refused.push({ name: mcpTool, reason: error.message });
        }
      }
      return { data, refused };
    },
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

/** @throws AppError `invalid_value` for names that the server does not have, and for more than can be taken over */
function chosen(tools: readonly RemoteTool[], only: readonly string[] | undefined): readonly RemoteTool[] {
  const missing = only?.find((name) => tools.every((tool) => tool.name !== name));
  if (missing !== undefined) {
    throw new AppError('invalid_value', { param: 'only', reason: `names ${missing}, which this server does not have` });
  }
  const wanted = only === undefined ? tools : tools.filter(({ name }) => only.includes(name));
  if (wanted.length <= MAX_IMPORTED) return wanted;
  const reason = `must name those that are wanted: this server has ${tools.length}, and ${MAX_IMPORTED} can be taken over`;
  throw new AppError('invalid_value', { param: 'only', reason });
}
