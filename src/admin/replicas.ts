import { Type } from 'typebox';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';

const route = { config: { scope: 'admin' } } as const;
const ReplicaSchema = Type.Object({
  url: Type.String(),
  state: Type.Enum(['up', 'down', 'ejected', 'draining']),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it is down.' }),
  slots: Type.Integer({ description: 'Requests that it answers at once.' }),
  inFlight: Type.Integer({ description: 'Those that it has from this gateway now.' }),
  outstandingTokens: Type.Integer({ description: 'Of these requests, prompts and answers.' }),
  others: Type.Integer({ description: 'Requests that it had from others at the last look, where it says so.' }),
  adapters: Type.Array(Type.String(), { description: 'Digests of those that are loaded.' }),
});
const DrainBody = Type.Object(
  {
    url: Type.String({ maxLength: 2048, description: 'As it is listed.' }),
    draining: Type.Boolean({ description: 'false: it takes traffic again.' }),
  },
  { additionalProperties: false },
);

/** The servers that answer in place of the engine. */
export const replicaRoutes: AdminPlugin = async (app, { engine }) => {
  app.get(
    '/replicas',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listReplicas',
        summary: 'List the servers that answer in place of the engine',
        description: 'As this gateway sees them. None where the engine answers.',
        querystring: PageQuery,
        response: { 200: pageOf(ReplicaSchema), ...errorResponses },
      },
    },
    async ({ query }) => toPage((engine.status().replicas ?? []).map(shown), ({ url }) => url, query),
  );

  app.post(
    '/replicas/drain',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'drainReplica',
        summary: 'Let a server end what it has, and give it nothing new',
        description: 'Of this gateway, until it is told otherwise or starts anew.',
        body: DrainBody,
        response: { 200: ReplicaSchema, ...errorResponses },
      },
    },
    async ({ body: { url, draining } }) => {
      if (engine.drain === undefined) throw new AppError('not_found', { what: 'Replica', id: url });
      return shown(engine.drain(url, draining));
    },
  );
};

const shown = <T extends { readonly adapters: readonly string[] }>(replica: T) => ({
  ...replica,
  adapters: [...replica.adapters],
});
