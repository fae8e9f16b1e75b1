import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import cors from '@fastify/cors';
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify, LogController } from 'fastify';
import type { DestinationStream } from 'pino';
import type { Captures } from '../contracts/captures.js';
import type { Engines } from '../contracts/generator.js';
import type { ToolCaller } from '../contracts/http-tools.js';
import type { ModelImports } from '../contracts/model-imports.js';
import type { Registry } from '../contracts/registry.js';
import type { Retrieval } from '../contracts/retrieval.js';
import type { Tracing } from '../tracing/tracing.js';
import type { App, Services } from './app.js';
import { createChecks, type ProcessState } from './checks.js';
import { createListener } from './listener.js';
import { addAuth } from './plugins/auth.js';
import { addBodies } from './plugins/bodies.js';
import { addBodilessRoutes } from './plugins/bodiless.js';
import { createBodyPace } from './plugins/body-pace.js';
import { createClientErrorHandler, MAX_ID_CHARACTERS, toFrameworkError } from './plugins/client-errors.js';
import { addConsole } from './plugins/console.js';
import { addDocs } from './plugins/docs.js';
import { addErrors, addNotFound } from './plugins/errors.js';
import { addHostCheck } from './plugins/host.js';
import { addJsonBodies } from './plugins/json-body.js';
import { addLifecycle, requestId } from './plugins/lifecycle.js';
import { addAdminListener } from './plugins/listeners.js';
import { addMadeIds } from './plugins/log-fields.js';
import { LOG_NET } from './plugins/log-net.js';
import { collectMethods } from './plugins/methods.js';
import { addOverloadCheck } from './plugins/overload.js';
import { addQuota } from './plugins/quota.js';
import { addSecurityHeaders } from './plugins/security-headers.js';
import { addStorageCheck } from './plugins/storage.js';
import { addClosedQueries, addNullIsAbsent, compileValidator, toValidationError } from './plugins/validation.js';
import { addHealth } from './routes/health.js';
import { addInfill } from './routes/infill.js';
import { addMetrics } from './routes/metrics.js';
import { addBatches } from './routes/v1/batches/routes.js';
import { addChat } from './routes/v1/chat.js';
import { addCompletions } from './routes/v1/completions.js';
import { addEmbeddings } from './routes/v1/embeddings.js';
import { addFeedback } from './routes/v1/feedback.js';
import { addFiles } from './routes/v1/files.js';
import { addJobs } from './routes/v1/jobs.js';
import { addKey } from './routes/v1/key.js';
import { addMessages } from './routes/v1/messages/routes.js';
import { addModels } from './routes/v1/models.js';
import { addModerations } from './routes/v1/moderations.js';
import { addReceipts } from './routes/v1/receipts.js';
import { addRerank } from './routes/v1/rerank.js';
import { addResponses } from './routes/v1/responses/routes.js';
import { addTokenize } from './routes/v1/tokenize.js';
import { addUsage } from './routes/v1/usage.js';
import { addVectorStoreBatches } from './routes/v1/vector-store-batches.js';
import { addVectorStoreFiles } from './routes/v1/vector-store-files.js';
import { addVectorStoreSearch } from './routes/v1/vector-store-search.js';
import { addVectorStores } from './routes/v1/vector-stores.js';
import { readTls, reloadTls } from './tls.js';

const SOUND: ProcessState = {
  starting: () => null,
  storageTrouble: async () => null,
  storageLost: async () => null,
};

export interface ServerOptions extends Services {
  /** Routes under /admin; each declares the scope it needs. */
  readonly adminRoutes: FastifyPluginAsyncTypebox<{
    registry: Registry;
    retrieval: Retrieval;
    captures: Captures;
    engines: Engines;
    toolCaller: ToolCaller;
    modelImports: ModelImports;
  }>;
  /** Left out: the start is over, and the data folder is sound. */
  readonly state?: ProcessState;
  /** Left out: nothing is traced. */
  readonly tracing?: Tracing | null;
  /** Where log lines go; standard output by default. */
  readonly logDestination?: DestinationStream;
}

/** The HTTP surface. Closing it drains it: see `plugins/lifecycle.ts`. */
export async function createServer({
  adminRoutes,
  logDestination,
  state = SOUND,
  tracing = null,
  ...services
}: ServerOptions): Promise<App> {
  const { config, metrics, clock, engines, registry, retrieval, captures, toolCaller, modelImports } = services;
  const { maxBodyBytes, drainTimeoutMs, logLevel } = config.server;
  const tls = readTls(config.tls);
  const create = (handler: RequestListener) => createListener(handler, config.server, tls);
  const app: App = fastify({
    logger: {
      level: logLevel,
      ...LOG_NET,
      ...(logDestination && { stream: logDestination }),
    },
    // One line a request, written by the lifecycle, which also knows of those that were hung up.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: maxBodyBytes,
    serverFactory: create,
    // For the address that it says it listens on.
    ...((tls && { https: tls }) as object | null),
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_ID_CHARACTERS },
    frameworkErrors: toFrameworkError(() => lifecycle),
    clientErrorHandler: createClientErrorHandler(metrics, () => app.log),
    schemaErrorFormatter: toValidationError,
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.removeContentTypeParser('text/plain');
  app.decorate('bodyPace', createBodyPace(config.server.bodyBytesPerSecond, clock));
  addJsonBodies(app, config.server);
  app.setValidatorCompiler(compileValidator);
  // Response schemas document; they never drop or coerce what a route returns.
  app.setSerializerCompiler(() => JSON.stringify);
  addErrors(app);
  const methodsOf = collectMethods(app);
  const lifecycle = addLifecycle(app, { metrics, clock, drainTimeoutMs, tracing });
  const servers = addAdminListener(app, config.admin, create);
  const endReload = reloadTls(servers, config.tls, app.log);
  app.addHook('onClose', async () => endReload());
  if (config.demo) addHostCheck(app);
  addSecurityHeaders(app);
  await app.register(cors, {
    // Pages of this machine only: any other page a user visits could otherwise call a local gateway with a demo key.
    origin: /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/,
    exposedHeaders: [
      ...['x-request-id', 'x-adapter', 'x-adapter-digest', 'x-canary-arm', 'retry-after'],
      'x-ignored-parameters',
      ...['limit', 'remaining', 'reset'].flatMap((what) => [
        `x-ratelimit-${what}-requests`,
        `x-ratelimit-${what}-tokens`,
      ]),
    ],
  });
  addNotFound(app, methodsOf);
  app.decorate('uploads', { dir: join(config.dataDir, 'uploads'), maxBytes: config.server.maxAdapterBytes });
  addBodilessRoutes(app);
  addMadeIds(app);
  await addDocs(app);
  await addConsole(app);
  addHealth(app, { look: createChecks(services, state), starting: state.starting }, lifecycle);
  addMetrics(app, services);

  await app.register(async (api: App) => {
    // Before anything is looked up; who operates must get in all the same.
    addOverloadCheck(api, config.server);
    addAuth(api, registry);
    addClosedQueries(api);
    api.addHook('onRequest', (_request, _reply, done) => {
      lifecycle.refuseWhileDraining();
      done();
    });
    addQuota(api, services.quota);
    addBodies(api, config.server);
    addStorageCheck(api, state);
    await api.register(adminRoutes, { registry, retrieval, captures, engines, toolCaller, modelImports });
    await api.register(async (v1: App) => addV1Routes(v1, services));
  });
  return app;
}

async function addV1Routes(app: App, services: Services): Promise<void> {
  addNullIsAbsent(app);
  addChat(app, services);
  addCompletions(app, services);
  addInfill(app, services);
  addEmbeddings(app, services);
  addBatches(app, services);
  addMessages(app, services);
  addResponses(app, services);
  addRerank(app, services);
  addTokenize(app, services);
  addModerations(app, services);
  addModels(app, services);
  addKey(app);
  addUsage(app, services);
  addFeedback(app, services);
  addReceipts(app, services);
  // Apart, because only uploads may be multipart.
  await app.register(async (files: App) => addFiles(files, services));
  addVectorStores(app, services);
  addVectorStoreFiles(app, services);
  addVectorStoreBatches(app, services);
  addVectorStoreSearch(app, services);
  addJobs(app, services);
}
