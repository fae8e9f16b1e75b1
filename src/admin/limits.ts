import { Type } from 'typebox';
import { KEY_LIMITS, LIMITS, TENANT_LIMITS } from '../contracts/registry-limits.js';
import { errorResponses } from '../errors/responses.js';
import { ifRevision, RevisionHeaders, withRevision } from './conditions.js';
import type { AdminPlugin } from './plugin.js';
import { nullable, TenantParams, Time } from './schemas/common.js';
import { KeyParams } from './schemas/tenants.js';

const route = { config: { scope: 'admin' } } as const;
type Name = (typeof TENANT_LIMITS)[number];

const limit = (name: Name) => nullable(Type.Integer(LIMITS[name]));
const bodyOf = <N extends Name>(names: readonly N[]) =>
  Type.Object(
    Object.fromEntries(names.map((name) => [name, Type.Optional(limit(name))])) as Record<
      N,
      Type.TOptional<ReturnType<typeof limit>>
    >,
    { additionalProperties: false, description: 'What is null or left out is not limited.' },
  );
const TenantLimitsBody = bodyOf(TENANT_LIMITS);
const KeyLimitsBody = bodyOf(KEY_LIMITS);

const SetLimitsSchema = Type.Object({
  tenant: Type.String(),
  keyId: nullable(Type.String({ description: 'null: of all keys of the tenant together.' })),
  limits: Type.Object(Object.fromEntries(TENANT_LIMITS.map((name) => [name, limit(name)]))),
  revision: Type.Integer({ description: '0: never set. Grows by one with every change.' }),
  updatedAt: nullable(Time),
});
const response = { 200: SetLimitsSchema, ...errorResponses };

export const limitRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/limits',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'getTenantLimits',
        summary: 'Show what a tenant may use',
        params: TenantParams,
        response,
      },
    },
    async ({ params }, reply) => withRevision(reply, await registry.getLimits(params.tenant, null)),
  );

  app.put(
    '/tenants/:tenant/limits',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'putTenantLimits',
        summary: 'Set what a tenant may use',
        description: 'All of its keys together. They hold from the next request on; what is under way goes on.',
        params: TenantParams,
        headers: RevisionHeaders,
        body: TenantLimitsBody,
        response,
      },
    },
    async ({ params, body, headers }, reply) => {
      const change = { tenant: params.tenant, keyId: null, limits: body };
      return withRevision(reply, await registry.putLimits(change, { ifRevision: ifRevision(headers) }));
    },
  );

  app.get(
    '/tenants/:tenant/keys/:keyId/limits',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'getKeyLimits',
        summary: 'Show what may be used with a key',
        params: KeyParams,
        response,
      },
    },
    async ({ params }, reply) => withRevision(reply, await registry.getLimits(params.tenant, params.keyId)),
  );

  app.put(
    '/tenants/:tenant/keys/:keyId/limits',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'putKeyLimits',
        summary: 'Set what may be used with a key',
        description:
          "Beside the limits of its tenant; without requests a minute of its own, the gateway's setting holds.",
        params: KeyParams,
        headers: RevisionHeaders,
        body: KeyLimitsBody,
        response,
      },
    },
    async ({ params, body, headers }, reply) => {
      const change = { ...params, limits: body };
      return withRevision(reply, await registry.putLimits(change, { ifRevision: ifRevision(headers) }));
    },
  );
};
