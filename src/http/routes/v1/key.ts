import { Type } from 'typebox';
import { SCOPES } from '../../../contracts/registry-limits.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App } from '../../app.js';

const Key = Type.Object(
  {
    object: Type.Literal('key'),
    id: Type.String(),
    tenant: Type.String(),
    scopes: Type.Array(Type.Enum([...SCOPES])),
    groups: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: 'What is found is limited to what these may see; null: to what everybody may.',
    }),
  },
  { description: 'The key that asks.' },
);

/** What a client needs to know before it offers something: whose key it has, and what it may do. */
export function addKey(app: App): void {
  app.get(
    '/v1/key',
    {
      config: { scope: null },
      schema: {
        summary: 'Show whose key this is, and what it may do',
        operationId: 'getKey',
        tags: ['operations'],
        response: { 200: Key, ...errorResponses },
      },
    },
    async ({ principal: { keyId: id, tenant, scopes, groups } }) => ({
      object: 'key' as const,
      id,
      tenant,
      scopes: [...scopes],
      groups: groups && [...groups],
    }),
  );
}
