import { Type } from 'typebox';
import type { ModelImport } from '../contracts/model-imports.js';
import { errorResponses } from '../errors/responses.js';
import { PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { closed, nullable, Time } from './schemas/common.js';

const route = { config: { scope: 'admin' } } as const;
const tags = ['admin'];
const ModelSchema = Type.Object({
  id: Type.String(),
  kind: Type.Enum(['base', 'embedder', 'ner']),
  isImported: Type.Boolean({ description: 'It may be named in the configuration, for the next start.' }),
  bytes: Type.Integer({ description: 'Of its files; 0 where it is not imported.' }),
  isInUse: Type.Boolean({ description: 'This gateway was started with it.' }),
});
const ImportBody = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 500,
      pattern: '^[^\\r\\n]+$',
      description: 'Id of a known model, or `hub:owner/name[:file]`.',
    }),
    as: Type.Optional(
      Type.String({ maxLength: 100, description: 'What one of the Hub will be called. Left out: as its file.' }),
    ),
  },
  closed,
);
const ImportSchema = Type.Object(
  {
    id: Type.String(),
    model: Type.String(),
    as: nullable(Type.String()),
    status: Type.Enum(['queued', 'running', 'completed', 'failed', 'cancelled'], {
      description: 'queued may be one that was interrupted and goes on later; the last three are final.',
    }),
    attempts: Type.Integer({ description: 'How often it was begun.' }),
    progress: Type.Number({ description: 'The share that is done, 0 … 1; of it, 0.9 are the download.' }),
    detail: nullable(Type.String({ description: 'What is done now, and from where.' })),
    bytes: nullable(
      Type.Object({ done: Type.Integer(), total: Type.Integer() }, { description: 'Of the download, while it runs.' }),
    ),
    error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
    createdAt: Time,
    startedAt: nullable(Time),
    finishedAt: nullable(Time),
  },
  { description: 'It is forgotten a week after its end; the model stays.' },
);
const ImportParams = Type.Object({ id: Type.String() });

/** Models of this gateway's data folder. */
export const modelRoutes: AdminPlugin = async (app, { modelImports }) => {
  app.get(
    '/models',
    {
      ...route,
      schema: {
        tags,
        operationId: 'listKnownModels',
        summary: 'List the models that are known or imported, and which of them this gateway runs with',
        querystring: PageQuery,
        response: { 200: pageOf(ModelSchema), ...errorResponses },
      },
    },
    async ({ query }) => toPage(await modelImports.models(), ({ id }) => id, query),
  );

  app.post(
    '/models/imports',
    {
      ...route,
      schema: {
        tags,
        operationId: 'startModelImport',
        summary: 'Fetch and import a model behind the requests, for a later start',
        description:
          'One at a time, in a process of its own that steps back for others. It goes on after a restart. What is in use stays as it is: name the model in the configuration, and start the gateway anew. The same model again, while it waits or runs, begins no second one: it gives this one.',
        body: ImportBody,
        response: { 202: ImportSchema, ...errorResponses },
      },
    },
    async ({ body: { model, as = null }, logged }, reply) => {
      const started = await modelImports.start({ model, as });
      logged.result = { id: started.id };
      return reply.code(202).send(toAnswer(started));
    },
  );

  app.get(
    '/models/imports',
    {
      ...route,
      schema: {
        tags,
        operationId: 'listModelImports',
        summary: 'List imports that wait, run or are over, the newest first',
        querystring: PageQuery,
        response: { 200: pageOf(ImportSchema), ...errorResponses },
      },
    },
    async ({ query }) => toPage((await modelImports.list()).map(toAnswer), ({ id }) => id, query),
  );

  app.get(
    '/models/imports/:id',
    {
      ...route,
      schema: {
        tags,
        operationId: 'getModelImport',
        summary: 'How far an import is',
        params: ImportParams,
        response: { 200: ImportSchema, ...errorResponses },
      },
    },
    async ({ params }) => toAnswer(await modelImports.get(params.id)),
  );

  app.post(
    '/models/imports/:id/cancel',
    {
      ...route,
      schema: {
        tags,
        operationId: 'cancelModelImport',
        summary: 'Call off an import; one that is over stays as it is',
        description: 'What was downloaded stays, and is not downloaded again.',
        params: ImportParams,
        response: { 200: ImportSchema, ...errorResponses },
      },
    },
    async ({ params }) => toAnswer(await modelImports.cancel(params.id)),
  );
};

function toAnswer({ leftMs: _, error, bytes, ...rest }: ModelImport) {
  return { ...rest, error: error && { ...error }, bytes: bytes && { ...bytes } };
}
