/** In-memory services behind a real server, for tests of the HTTP surface and of the pipeline alone. */
import { adminRoutes } from '../../src/admin/routes.js';
import { assignArm } from '../../src/canary/assign.js';
import { stickyUnit } from '../../src/canary/sticky-unit.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import type { Captures } from '../../src/contracts/captures.js';
import type { Clock } from '../../src/contracts/clock.js';
import type { TextGenerator } from '../../src/contracts/generator.js';
import type { ModelImports } from '../../src/contracts/model-imports.js';
import type { ApiKeyInfo, Registry } from '../../src/contracts/registry.js';
import { createEngines } from '../../src/generation/engines.js';
import type { ProcessState } from '../../src/http/checks.js';
import { createServer } from '../../src/http/server.js';
import { createMetrics } from '../../src/metrics/metrics.js';
import { watchServices } from '../../src/metrics/watch.js';
import { createPipeline } from '../../src/pipeline/pipeline.js';
import type { PipelineServices } from '../../src/pipeline/types.js';
import { createQuality } from '../../src/quality/quality.js';
import { createQuota } from '../../src/quota/quota.js';
import { createSafety } from '../../src/safety/safety.js';
import { createToolCaller } from '../../src/tools/http-tools.js';
import type { Tracing } from '../../src/tracing/tracing.js';
import { openTestRegistry } from '../integration/registry/open.js';
import { createFakeEngine, type FakeEngine } from './fakes/engine.js';
import { createFakeRegistry, KEY } from './fakes/registry.js';
import { createFakeRetrieval } from './fakes/retrieval.js';
import { createFakeTokenizer } from './fakes/tokenizer.js';

export { BASE, createFakeEngine } from './fakes/engine.js';
export {
  ADMIN_KEY,
  createFakeRegistry,
  GROUPS_KEY,
  HR_KEY,
  KEY,
  KEY_WITHOUT_ROUTE,
  METRICS_KEY,
  OTHER_KEY,
  THIRD_KEY,
} from './fakes/registry.js';
export { createFakeRetrieval, passage } from './fakes/retrieval.js';
export { createFakeTokenizer } from './fakes/tokenizer.js';

/** Whatever else were asked of it would fail the test. */
const NO_CAPTURES = { capture: () => {}, forgetDocuments: async () => 0 } as unknown as Captures;

const clock: Clock = { now: () => Date.now(), monotonicMs: () => performance.now() };

export interface TestServerOptions {
  readonly state?: ProcessState;
  readonly demo?: boolean;
  readonly metrics?: Partial<Config['metrics']>;
  readonly tls?: Config['tls'];
  readonly admin?: Config['admin'];
  readonly server?: Partial<Config['server']>;
  readonly retrieval?: Partial<Config['retrieval']>;
  readonly tools?: Partial<Config['tools']>;
  /** Another one than the fake is not for looking into. */
  readonly engine?: TextGenerator;
  /** Beside it, by name. */
  readonly engines?: Readonly<Record<string, TextGenerator>>;
  readonly tracing?: Tracing;
  /** Left out: no texts are kept. */
  readonly captures?: Captures;
  readonly onLogLine?: (line: string) => void;
  readonly dataDir?: string;
  /** Folder in which a real registry keeps texts. */
  readonly keptIn?: string;
}

/** A real server over fakes. */
export async function createTestServer(options: TestServerOptions = {}) {
  const defaults = loadConfig({ env: options.onLogLine ? {} : { SWITCHYARD_SERVER_LOG_LEVEL: 'silent' } });
  const config: Config = {
    ...defaults,
    demo: options.demo ?? defaults.demo,
    dataDir: options.dataDir ?? defaults.dataDir,
    metrics: { ...defaults.metrics, ...options.metrics },
    tls: options.tls ?? defaults.tls,
    admin: options.admin ?? defaults.admin,
    server: { ...defaults.server, ...options.server },
    retrieval: { ...defaults.retrieval, ...options.retrieval },
  };
  const engine = (options.engine ?? createFakeEngine()) as FakeEngine;
  const engines = createEngines([['embedded', engine], ...Object.entries(options.engines ?? {})]);
  const tokenizer = createFakeTokenizer();
  const retrieval = createFakeRetrieval();
  const registry = createFakeRegistry();
  const kept = options.keptIn === undefined ? null : await openTestRegistry(options.keptIn);
  if (kept !== null) Object.assign(registry, await textsOf(kept));
  const captures = options.captures ?? NO_CAPTURES;
  const metrics = createMetrics(config.metrics, clock);
  watchServices(metrics, { engines, tokenizer, retrieval, registry });
  const quota = createQuota({ ...registry, requestsPerMinute: config.server.requestsPerMinute, clock });
  const recordFailures: unknown[] = [];
  const quality = createQuality({
    embed: retrieval.embedBehind,
    record: registry.recordSignals,
    watchDrift: async () => null,
    metrics,
    clock,
    ...config.quality,
    onFailed: (error) => recordFailures.push(error),
  });
  const safety = createSafety({
    embedderId: 'bge-small-en-v1.5-qa',
    embed: async (tenant, texts, signal) => (await retrieval.embed(tenant, texts, signal)).vectors,
    recognise: (tenant, texts, signal) => retrieval.recognise(tenant, texts, 'ahead', signal),
  });
  const toolCaller = createToolCaller({ settings: { ...config.tools, ...options.tools }, clock });
  const services: PipelineServices = {
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
    requestTimeoutMs: config.server.requestTimeoutMs,
    onRecordFailed: (error) => recordFailures.push(error),
  };
  const pipeline = createPipeline(services);
  const { onLogLine } = options;
  const app = await createServer({
    config,
    engines,
    tokenizer,
    retrieval,
    registry,
    quota,
    safety,
    captures,
    toolCaller,
    modelImports: {} as ModelImports,
    metrics,
    clock,
    pipeline,
    adminRoutes,
    tracing: options.tracing ?? null,
    ...(options.state && { state: options.state }),
    ...(onLogLine && { logDestination: { write: onLogLine } }),
  });
  app.addHook('onClose', async () => {
    await pipeline.close();
    await kept?.close();
  });
  return { app, engine, tokenizer, retrieval, registry, metrics, quality, pipeline, recordFailures };
}

/** Of the tenants of the fakes, the part that keeps texts. */
async function textsOf(kept: Registry): Promise<Partial<Registry>> {
  const known = (await kept.listTenants()).map(({ id }) => id);
  for (const id of ['bank', 'other']) if (!known.includes(id)) await kept.createTenant({ id, name: id });
  const { saveResponse, getResponse, listTurns, deleteResponse, cancelResponse } = kept;
  const { sealText, openText, startResponse, finishResponse, failResponse, jobs, getDataPolicy, putDataPolicy } = kept;
  const { createConversation, getConversation, changeConversation, deleteConversation } = kept;
  const { addItems, itemsOf, listItems, getItem, deleteItem } = kept;
  const items = { addItems, itemsOf, listItems, getItem, deleteItem };
  const conversations = { createConversation, getConversation, changeConversation, deleteConversation, ...items };
  const { createBatch, getBatch, listBatches, cancelBatch, changeBatch, addBatchResult } = kept;
  const { listBatchResults, finishBatch } = kept;
  return {
    ...{ createBatch, getBatch, listBatches, cancelBatch, changeBatch, addBatchResult, listBatchResults, finishBatch },
    // Of the keys of the fakes.
    listKeys: async () => [{ id: 'key-1', revokedAt: null }] as unknown as readonly ApiKeyInfo[],
    ...{ saveResponse, getResponse, listTurns, deleteResponse, cancelResponse },
    ...conversations,
    ...{ sealText, openText, startResponse, finishResponse, failResponse, jobs, getDataPolicy, putDataPolicy },
  };
}

export const bearer = (key = KEY) => ({ authorization: `Bearer ${key}` });

/** The data of each event of a stream, parsed where it is JSON. */
export function readEvents(body: string): unknown[] {
  return body
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => frame.slice('data: '.length))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)));
}
