/** The composition root: the only place that constructs services and knows every room. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { adminRoutes } from './admin/routes.js';
import { readyText, showIndexing, withoutSamples } from './announce.js';
import { keepBackups } from './backup/scheduled.js';
import { assignArm } from './canary/assign.js';
import { createRolloutController } from './canary/controller.js';
import { stickyUnit } from './canary/sticky-unit.js';
import { openCaptures } from './captures/captures.js';
import { furtherEmbedders } from './config/embedders.js';
import { enginesOf } from './config/engines.js';
import type { Config } from './config/schema.js';
import { settingValues } from './config/settings.js';
import type { Clock } from './contracts/clock.js';
import type { TextGenerator } from './contracts/generator.js';
import { sampleVectorsFile } from './demo/documents.js';
import { NEWER_SAMPLES, UPDATE_SAMPLES } from './demo/newer.js';
import { isDemoFor, seedDemo, waitForDemoDocuments } from './demo/seed.js';
import { DEMO_TENANTS } from './demo/tenants.js';
import { adviseOnDisk, diskNeed } from './doctor/disk.js';
import { manifestsBeside, memoryNeed, requireMemory } from './doctor/memory.js';
import { createEngine } from './engine/client.js';
import { AppError } from './errors/app-error.js';
import { createEvaluationWorker } from './evaluation/worker.js';
import { createEngines } from './generation/engines.js';
import type { App as Server } from './http/app.js';
import { createServer } from './http/server.js';
import { readBaseManifest } from './layouts/manifest.js';
import { rightOfWayFile } from './layouts/right-of-way.js';
import { createLogOutput } from './log-output.js';
import { productVersion } from './machine/machine.js';
import { createMetrics } from './metrics/metrics.js';
import { meterLook, watchDisk, watchServices } from './metrics/watch.js';
import { createModelImports } from './model-import/imports.js';
import { createSeparateCompiler } from './model-import/lora/compile-apart.js';
import { scrubBehind } from './personal-data/scrub.js';
import { createPipeline } from './pipeline/pipeline.js';
import { FENCES } from './pipeline/prompt.js';
import { createQuality } from './quality/quality.js';
import { keepRetention } from './quality/retention.js';
import { createDriftWatch } from './quality/watch-drift.js';
import { createQuota } from './quota/quota.js';
import { openRegistry } from './registry/registry.js';
import { createRetrieval } from './retrieval/client.js';
import { createSafety } from './safety/safety.js';
import { lockDataDir } from './sqlite/data-lock.js';
import { databasesOf } from './sqlite/databases.js';
import { createStorageProbe } from './sqlite/storage-probe.js';
import { createTokenizer } from './tokenizer/client.js';
import { createToolCaller } from './tools/http-tools.js';
import { createTracing } from './tracing/tracing.js';
import { createUpstream } from './upstream/client.js';
import { createWebhookDelivery, webhookOutbound } from './webhooks/deliver.js';

export interface App {
  readonly server: Server;
  /** Listens, seeds the sample tenants where configured, and resolves once every route answers. */
  start(): Promise<void>;
  /** Drains the server, then ends the child processes and closes the database. */
  close(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const clock: Clock = { now: Date.now, monotonicMs: () => performance.now() };

/** Builds every service. What was opened before one fails is closed again. */
export async function createApp(config: Config): Promise<App> {
  const { dataDir } = config;
  const { requestTimeoutMs, hangTimeoutMs } = config.server;
  const configured = enginesOf(config);
  const baseModelDir = join(dataDir, 'models', config.models.base);
  const embedderDir = join(dataDir, 'models', config.models.embedder);
  const logDestination = createLogOutput();
  process.once('exit', logDestination.flush);
  const nerModelDir = config.models.ner === '' ? null : join(dataDir, 'models', config.models.ner);
  const log = pino({ level: config.server.logLevel }, logDestination);

  const stopping = new AbortController();
  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async () => {
    for (const service of opened.reverse()) await service.close();
  };
  const keep = <T extends { close(): Promise<void> }>(service: T): T => {
    opened.push(service);
    return service;
  };
  try {
    keep(lockDataDir(dataDir));
    const compiler = createSeparateCompiler({ modelDir: baseModelDir, dataDir, maxRank: config.engine.maxAdapterRank });
    const safety = createSafety({
      embedderId: config.models.embedder,
      // Opened later than the registry, which checks policies, and before anybody asks.
      embed: async (tenant, texts, signal) => (await retrieval.embed(tenant, texts, signal)).vectors,
      recognise:
        nerModelDir === null ? null : (tenant, texts, signal) => retrieval.recognise(tenant, texts, 'ahead', signal),
    });
    const toolCaller = createToolCaller({ settings: config.tools, clock });
    const registry = keep(
      await openRegistry({
        dataDir,
        compiler,
        clock,
        checkRules: safety.check,
        checkToolUrl: toolCaller.checkUrl,
        checkWebhookUrl: webhookOutbound(config.webhooks).checkUrl,
        // Opened later than the registry, and before anybody changes anything.
        onWebhookJob: () => webhooks.wake(),
        onEvaluationJob: () => evaluations.wake(),
        demo: config.demo,
        engines: configured.names,
        shared:
          config.registry.url === ''
            ? undefined
            : {
                ...{ url: config.registry.url, aheadBytes: config.registry.aheadBytes },
                onError: (error, what) => log.warn({ err: error }, what),
              },
      }),
    );
    const collected = await registry.collectAdapterFiles();
    if (collected > 0) log.info({ adapters: collected }, 'files of adapters that no version names were removed');
    await registry.noteSettings(settingValues(config)).catch((error) => {
      // A gateway that others share the registry with starts without it, on what it knows.
      if (!(error instanceof AppError && error.code === 'registry_unavailable')) throw error;
      log.warn({ err: error }, 'the settings could not be noted');
    });
    const retrieval = keep(
      await createRetrieval({
        dataDir,
        modelDir: embedderDir,
        furtherEmbedders: furtherEmbedders(config.models),
        baseModelDir,
        nerModelDir,
        shippedVectorsFile: config.demo ? join(ROOT, sampleVectorsFile(config.models.embedder)) : null,
        config: config.retrieval,
        database: config.database,
        callTimeoutMs: requestTimeoutMs,
        hangTimeoutMs,
        clock,
        log,
      }),
    );
    adviseOnDisk(await diskNeed(config), (text) => log.warn(text));
    const manifest = await readBaseManifest(baseModelDir);
    const need = memoryNeed(config, [manifest, ...(await manifestsBeside(config))]);
    requireMemory(manifest.id, need, (text) => log.warn(text));
    const tokenizer = keep(
      await createTokenizer({
        modelDir: baseModelDir,
        manifest,
        fences: FENCES,
        settings: config.tokenizer,
        hangTimeoutMs,
        clock,
        log,
      }),
    );
    const startEngine = async (name: string) => {
      const settings = configured.pools.get(name);
      const start = { tokenizer, clock, log: log.child({ engine: name }) };
      const calibrationFile = join(dataDir, 'calibration.json');
      const files = { calibrationFile, rightOfWayFile: rightOfWayFile(dataDir) };
      const ours = { modelDir: baseModelDir, settings: config.engine, ...files, hangTimeoutMs };
      return keep(
        settings
          ? await createUpstream({ ...start, settings, limits: config.engine, manifest })
          : await createEngine({ ...start, ...ours }),
      );
    };
    const named: [string, TextGenerator][] = [];
    // One after the other: where one fails, those before it are closed.
    for (const name of configured.names) named.push([name, await startEngine(name)]);
    const engines = createEngines(named);
    const metrics = createMetrics(config.metrics, clock);
    watchServices(metrics, { engines, tokenizer, retrieval, registry });
    watchDisk(metrics, dataDir);
    const quality = keep(
      createQuality({
        embed: retrieval.embedBehind,
        record: registry.recordSignals,
        watchDrift: createDriftWatch({
          baselines: registry,
          baselineDays: config.quality.baselineDays,
          clock,
          metrics,
          onDrift: (tenant, deployment, of) =>
            log.warn({ tenant, deployment, of }, 'what is asked or answered has changed'),
        }),
        metrics,
        clock,
        ...config.quality,
        onFailed: (error, answerId) => log.warn({ err: error, answerId }, 'an answer could not be judged'),
      }),
    );
    const captures = keep(
      openCaptures({
        dataDir,
        registry,
        scrub: scrubBehind(retrieval),
        metrics,
        clock,
        limits: config.quality,
        onFailed: (error, answerId) => log.warn({ err: error, answerId }, 'the texts of an answer could not be kept'),
      }),
    );
    keep(
      keepRetention({
        expire: async () => {
          await registry.expireAnswers(config.quality);
          await registry.expireResponses(config.responses.retentionDays);
          await registry.expireEvaluationRuns();
          await captures.expire();
        },
        onFailed: (error) => log.error({ err: error }, 'old records of answers could not be deleted'),
      }),
    );
    metrics.set('backup_interval_seconds', {}, config.backup.folder === '' ? 0 : config.backup.everyMinutes * 60);
    if (config.backup.folder !== '') {
      keep(
        keepBackups({
          dataDir,
          databases: databasesOf(config),
          settings: config.backup,
          clock,
          onKnown: (atMs) => metrics.set('backup_last_success_timestamp_seconds', {}, (atMs ?? 0) / 1000),
          onEnd: (outcome, error) => {
            metrics.add('backups_total', { outcome });
            if (outcome === 'failed') log.error({ err: error }, 'a backup could not be made');
            else log.info('a backup was made');
          },
        }),
      );
    }
    const quota = keep(createQuota({ ...registry, requestsPerMinute: config.server.requestsPerMinute, clock }));
    const pipeline = keep(
      createPipeline({
        engines,
        tokenizer,
        retrieval,
        registry,
        quota,
        safety,
        metrics,
        clock,
        assignArm,
        stickyUnit,
        judge: quality.judge,
        capture: captures.capture,
        toolCaller,
        maxToolRounds: config.tools.maxRounds,
        maxShadows: config.rollouts.maxShadows,
        requestTimeoutMs,
        onRecordFailed: (error, answerId) => log.error({ err: error, answerId }, 'an answer could not be recorded'),
      }),
    );
    const webhooks = keep(
      createWebhookDelivery({
        settings: config.webhooks,
        registry,
        metrics,
        clock,
        onError: (error, what) => log.warn({ err: error }, what),
      }),
    );
    const evaluations = keep(
      createEvaluationWorker({
        ...{ registry, pipeline, engines, metrics, clock },
        onError: (error, what) => log.warn({ err: error }, what),
      }),
    );
    const { base, embedder, ner } = config.models;
    const modelImports = createModelImports({
      ...{ registry, dataDir, sourceDir: config.models.sourceDir || null, metrics, clock },
      inUse: [base, embedder, ...furtherEmbedders(config.models), ner],
      onError: (error, what) => log.warn({ err: error }, what),
    });
    keep(modelImports);
    const rollouts = keep(
      createRolloutController({
        registry,
        clock,
        lookEveryMs: config.rollouts.lookEveryMs,
        // Where nobody else has the store, whoever was killed was this one.
        holder: registry.isAlone ? 'gateway' : randomUUID(),
        onLook(look) {
          meterLook(metrics, look);
          const { tenant, name, canaryVersion, canaryWeight } = look.deployment;
          const { action, reason } = look.decision;
          const level = action === 'hold' ? 'debug' : 'info';
          log[level]({ tenant, deployment: name, canaryVersion, canaryWeight, action, reason }, 'a look at a rollout');
        },
        onExperiment({ tenant, name }, { outcome, reason }) {
          const level = outcome === 'running' ? 'debug' : 'info';
          log[level]({ tenant, deployment: name, outcome, reason }, 'a look at an experiment');
        },
        onError: (error) => log.error({ err: error }, 'a rollout could not be looked at'),
      }),
    );
    const seeds = config.demo && isDemoFor(config.models.base, ROOT);
    let starting: string | null = seeds ? 'the sample documents are being read' : null;
    const storage = createStorageProbe(dataDir, databasesOf(config), clock);
    const storageTrouble = async () => {
      const trouble = registry.sharing()?.trouble ?? null;
      return trouble === null ? storage.trouble() : `the registry that gateways share: ${trouble}`;
    };
    const state = { starting: () => starting, storageTrouble, storageLost: storage.lost };
    const { endpoint, sampleShare } = config.tracing;
    const onFailed = (error: unknown) => log.warn({ err: error }, 'traces could not be sent');
    const tracing =
      endpoint === '' ? null : keep(createTracing({ endpoint, sampleShare, version: productVersion(), onFailed }));
    const server = await createServer({
      config,
      engines,
      tokenizer,
      retrieval,
      registry,
      safety,
      quota,
      captures,
      toolCaller,
      modelImports,
      metrics,
      pipeline,
      clock,
      adminRoutes,
      tracing,
      state,
      logDestination,
    });
    opened.push(server);

    return {
      server,
      close() {
        stopping.abort();
        return closeAll();
      },
      async start() {
        if (config.demo && !seeds) log.info(withoutSamples(config.models.base));
        if (seeds) {
          const embedder = config.models.embedder;
          const newer = await seedDemo({ registry, retrieval, base: engines.base, embedder, root: ROOT });
          const tenants = [...new Set(newer.map(({ tenant }) => tenant))];
          if (tenants.length > 0) log.warn({ tenants }, `${NEWER_SAMPLES}: ${UPDATE_SAMPLES}`);
        }
        const address = await server.listen({ host: config.server.host, port: config.server.port });
        await server.listenAdmin();
        if (seeds) await waitForDemoDocuments(retrieval, showIndexing, stopping.signal);
        if (stopping.signal.aborted) return;
        starting = null;
        rollouts.start();
        webhooks.start();
        evaluations.start();
        modelImports.begin();
        process.stdout.write(readyText(address, config.admin, seeds ? DEMO_TENANTS : []));
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
