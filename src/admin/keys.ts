import type { FastifyRequest } from 'fastify';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import { ConditionHeaders, changedBy, ifRevision, MakingHeaders, RevisionHeaders, withRevision } from './conditions.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { TenantParams } from './schemas/common.js';
import { KeyBody, KeyParams, KeySchema, NewKeySchema, RotateBody, ScopesBody } from './schemas/tenants.js';
import { excessOf, type Reach } from './scopes.js';

const route = { config: { scope: 'tenant-admin' } } as const;
const oneKey = { tags: ['admin'], params: KeyParams };

export const keyRoutes: AdminPlugin = async (app, { registry }) => {
  app.get(
    '/tenants/:tenant/keys',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listKeys',
        summary: "List a tenant's API keys",
        params: TenantParams,
        querystring: PageQuery,
        response: { 200: pageOf(KeySchema), ...errorResponses },
      },
    },
    async ({ params, query }) => toPage(await registry.listKeys(params.tenant), ({ id }) => id, query),
  );

  app.post(
    '/tenants/:tenant/keys',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'createKey',
        summary: 'Create an API key',
        description:
          'The secret is in this response and never again. Where the response was lost, the same request with the same `idempotency-key` gives the same key another secret.',
        params: TenantParams,
        headers: MakingHeaders,
        body: KeyBody,
        response: { 201: NewKeySchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const key = { ...request.body, tenant: request.params.tenant };
      await requireNoWider(request, { groups: [], expiresAt: null, ...request.body });
      reply.code(201);
      return withRevision(reply, await registry.createKey(key, changedBy(request)));
    },
  );

  app.get(
    '/tenants/:tenant/keys/:keyId',
    {
      ...route,
      schema: {
        ...oneKey,
        operationId: 'getTenantKey',
        summary: 'Show an API key, without its secret',
        response: { 200: KeySchema, ...errorResponses },
      },
    },
    async ({ params }, reply) => withRevision(reply, await registry.getKey(params.tenant, params.keyId)),
  );

  app.delete(
    '/tenants/:tenant/keys/:keyId',
    {
      ...route,
      schema: {
        ...oneKey,
        operationId: 'revokeKey',
        summary: 'Revoke an API key',
        description: 'The next request with it is refused. The key stays in the list.',
        headers: RevisionHeaders,
        response: { 200: KeySchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { tenant, keyId } = request.params;
      await requireNoWider(request, await registry.getKey(tenant, keyId));
      return withRevision(reply, await registry.revokeKey(tenant, keyId, { ifRevision: ifRevision(request.headers) }));
    },
  );

  app.post(
    '/tenants/:tenant/keys/:keyId/rotate',
    {
      ...route,
      schema: {
        ...oneKey,
        operationId: 'rotateKey',
        summary: 'Give an API key another secret',
        description:
          'The secret is in this response and never again. The key stays the same, with its id, scopes and expiry. Where the response was lost, the same request with the same `idempotency-key` gives another secret in its place, and the one that was there before opens as long as it was to.',
        headers: ConditionHeaders,
        body: RotateBody,
        response: { 200: NewKeySchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { tenant, keyId } = request.params;
      await requireNoWider(request, await registry.getKey(tenant, keyId));
      const { graceMs = 0 } = request.body;
      return withRevision(reply, await registry.rotateKey(tenant, keyId, graceMs, changedBy(request)));
    },
  );

  app.put(
    '/tenants/:tenant/keys/:keyId/scopes',
    {
      ...route,
      schema: {
        ...oneKey,
        operationId: 'setKeyScopes',
        summary: 'Change what an API key may do',
        description: 'It holds from the next request on. The secret stays the same.',
        headers: RevisionHeaders,
        body: ScopesBody,
        response: { 200: KeySchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { tenant, keyId } = request.params;
      const { scopes } = request.body;
      const key = await registry.getKey(tenant, keyId);
      await requireNoWider(request, key);
      await requireNoWider(request, { ...key, scopes });
      const by = { ifRevision: ifRevision(request.headers) };
      return withRevision(reply, await registry.setKeyScopes(tenant, keyId, scopes, by));
    },
  );

  /** @throws AppError `key_too_wide` */
  async function requireNoWider({ principal }: FastifyRequest, wanted: Reach): Promise<void> {
    const excess = excessOf(await registry.getKey(principal.tenant, principal.keyId), wanted);
    if (excess !== null) throw new AppError('key_too_wide', { reason: excess });
  }
};
