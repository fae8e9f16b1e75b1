/** The composition root: the only place that constructs services and knows every room. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { adminRoutes } from './admin/routes.js';
import { readyText, showIndexing } from './announce.js';
import { assignArm } from './canary/assign.js';
import { stickyUnit } from './canary/sticky-unit.js';
import type { Config } from './config/schema.js';
import { settingValues } from './config/settings.js';
import type { Clock } from './contracts/clock.js';
import { seedDemo, waitForDemoDocuments } from './demo/seed.js';
import { DEMO_TENANTS } from './demo/tenants.js';
import { createEngine } from './engine/client.js';
import type { App as Server } from './http/app.js';
import { createServer } from './http/server.js';
import { readBaseManifest } from './layouts/manifest.js';
import { createMetrics } from './metrics/metrics.js';
import { watchServices } from './metrics/watch.js';
import { createSeparateCompiler } from './model-import/lora/compile-apart.js';
import { createPipeline } from './pipeline/pipeline.js';
import { FENCES } from './pipeline/prompt.js';
import { createQuality } from './quality/quality.js';
import { keepRetention } from './quality/retention.js';
import { createDriftWatch } from './quality/watch-drift.js';
import { openRegistry } from './registry/registry.js';
import { createRetrieval } from './retrieval/client.js';
import { createSafety } from './safety/safety.js';
import { lockDataDir } from './sqlite/data-lock.js';
import { createStorageProbe } from './sqlite/storage-probe.js';
import { createTokenizer } from './tokenizer/client.js';

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
  const baseModelDir = join(dataDir, 'models', config.models.base);
  const embedderDir = join(dataDir, 'models', config.models.embedder);
  const log = pino({ level: config.server.logLevel });

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
    });
    const registry = keep(
      await openRegistry({ dataDir, compiler, clock, checkRules: safety.check, demo: config.demo }),
    );
    await registry.noteSettings(settingValues(config));
    const retrieval = keep(
      await createRetrieval({
        dataDir,
        modelDir: embedderDir,
        baseModelDir,
        config: config.retrieval,
        callTimeoutMs: requestTimeoutMs,
        hangTimeoutMs,
        clock,
        log,
      }),
    );
    const tokenizer = keep(
      await createTokenizer({
        modelDir: baseModelDir,
        manifest: await readBaseManifest(baseModelDir),
        fences: FENCES,
        settings: config.tokenizer,
        hangTimeoutMs,
        clock,
        log,
      }),
    );
    const engine = keep(
      await createEngine({
        modelDir: baseModelDir,
        settings: config.engine,
        calibrationFile: join(dataDir, 'calibration.json'),
        tokenizer,
        hangTimeoutMs,
        clock,
        log,
      }),
    );
    const metrics = createMetrics(config.metrics, clock);
    watchServices(metrics, { engine, tokenizer, retrieval, registry });
    const quality = keep(
      createQuality({
        embed: retrieval.embedBehind,
        record: registry.recordSignals,
        watchDrift: createDriftWatch({
          baselines: registry,
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
    keep(
      keepRetention({
        expire: registry.expireAnswers,
        limits: config.quality,
        onFailed: (error) => log.error({ err: error }, 'old records of answers could not be deleted'),
      }),
    );
    const pipeline = createPipeline({
      engine,
      tokenizer,
      retrieval,
      registry,
      safety,
      metrics,
      clock,
      assignArm,
      stickyUnit,
      judge: quality.judge,
      requestTimeoutMs,
      onRecordFailed: (error, answerId) => log.error({ err: error, answerId }, 'an answer could not be recorded'),
    });
    let starting: string | null = config.demo ? 'the sample documents are being read' : null;
    const storage = createStorageProbe(dataDir, ['registry.db', 'documents.db'], clock);
    const state = { starting: () => starting, storageTrouble: storage.trouble, storageLost: storage.lost };
    const server = await createServer({
      config,
      engine,
      tokenizer,
      retrieval,
      registry,
      metrics,
      pipeline,
      clock,
      adminRoutes,
      state,
    });
    opened.push(server);

    return {
      server,
      close() {
        stopping.abort();
        return closeAll();
      },
      async start() {
        if (config.demo) await seedDemo({ registry, retrieval, base: engine.model, root: ROOT });
        const address = await server.listen({ host: config.server.host, port: config.server.port });
        if (config.demo) await waitForDemoDocuments(retrieval, showIndexing, stopping.signal);
        if (stopping.signal.aborted) return;
        starting = null;
        process.stdout.write(readyText(address, config.demo ? DEMO_TENANTS : []));
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
