import type { FastifyRequest } from 'fastify';
import type { ApiKeyInfo } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { KeyBody, KeyParams, KeySchema, NewKeySchema, RotateBody, ScopesBody, TenantParams } from './schemas.js';
import { excessOf, type Reach } from './scopes.js';

const route = { config: { scope: 'tenant-admin' } } as const;

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
        description: 'The secret is in this response and never again.',
        params: TenantParams,
        body: KeyBody,
        response: { 201: NewKeySchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const key = { ...request.body, tenant: request.params.tenant };
      await requireNoWider(request, { groups: [], expiresAt: null, ...request.body });
      reply.code(201);
      return registry.createKey(key);
    },
  );

  app.delete(
    '/tenants/:tenant/keys/:keyId',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'revokeKey',
        summary: 'Revoke an API key',
        description: 'The next request with it is refused. The key stays in the list.',
        params: KeyParams,
        response: { 200: KeySchema, ...errorResponses },
      },
    },
    async (request) => {
      const { tenant, keyId } = request.params;
      await requireNoWider(request, await keyOf(tenant, keyId));
      return registry.revokeKey(tenant, keyId);
    },
  );

  app.post(
    '/tenants/:tenant/keys/:keyId/rotate',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'rotateKey',
        summary: 'Give an API key another secret',
        description:
          'The secret is in this response and never again. The key stays the same, with its id, scopes and expiry.',
        params: KeyParams,
        body: RotateBody,
        response: { 200: NewKeySchema, ...errorResponses },
      },
    },
    async (request) => {
      const { tenant, keyId } = request.params;
      await requireNoWider(request, await keyOf(tenant, keyId));
      return registry.rotateKey(tenant, keyId, request.body.graceMs ?? 0);
    },
  );

  app.put(
    '/tenants/:tenant/keys/:keyId/scopes',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'setKeyScopes',
        summary: 'Change what an API key may do',
        description: 'It holds from the next request on. The secret stays the same.',
        params: KeyParams,
        body: ScopesBody,
        response: { 200: KeySchema, ...errorResponses },
      },
    },
    async (request) => {
      const { tenant, keyId } = request.params;
      const key = await keyOf(tenant, keyId);
      await requireNoWider(request, key);
      await requireNoWider(request, { ...key, scopes: request.body.scopes });
      return registry.setKeyScopes(tenant, keyId, request.body.scopes);
    },
  );

  async function keyOf(tenant: string, keyId: string): Promise<ApiKeyInfo> {
    const key = (await registry.listKeys(tenant)).find(({ id }) => id === keyId);
    if (!key) throw new AppError('not_found', { what: 'Key', id: keyId });
    return key;
  }

  /** @throws AppError `key_too_wide` */
  async function requireNoWider({ principal }: FastifyRequest, wanted: Reach): Promise<void> {
    const excess = excessOf(await keyOf(principal.tenant, principal.keyId), wanted);
    if (excess !== null) throw new AppError('key_too_wide', { reason: excess });
  }
};
