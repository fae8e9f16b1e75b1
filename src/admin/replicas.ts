import { Type } from 'typebox';
import type { Engines, ReplicaStatus } from '../contracts/generator.js';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';

const route = { config: { scope: 'admin' } } as const;
const ReplicaSchema = Type.Object({
  engine: Type.String({ description: 'The pool that it is of.' }),
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

/** The servers that answer in place of the embedded engine, or beside it. */
export const replicaRoutes: AdminPlugin = async (app, { engines }) => {
  app.get(
    '/replicas',
    {
      ...route,
      schema: {
        tags: ['admin'],
        operationId: 'listReplicas',
        summary: 'List the servers that answer in place of the embedded engine, or beside it',
        description: 'Of all pools, as this gateway sees them.',
        querystring: PageQuery,
        response: { 200: pageOf(ReplicaSchema), ...errorResponses },
      },
    },
    async ({ query }) => toPage(replicasOf(engines).map(shown), ({ url }) => url, query),
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
      const replica = replicasOf(engines).find((one) => one.url === url);
      const drained = replica && engines.of(replica.engine).drain?.(url, draining);
      if (!replica || !drained) throw new AppError('not_found', { what: 'Replica', id: url });
      return shown({ engine: replica.engine, ...drained });
    },
  );
};

type Named = ReplicaStatus & { readonly engine: string };

const replicasOf = (engines: Engines): Named[] =>
  engines.names.flatMap((engine) => (engines.of(engine).status().replicas ?? []).map((one) => ({ engine, ...one })));

const shown = (replica: Named) => ({
  ...replica,
  adapters: [...replica.adapters],
});
