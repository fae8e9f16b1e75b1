/** The retrieval process: database, indexes and embedding model, asked by messages. */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { actingAs } from '../../audit/actor.js';
import type { Clock } from '../../contracts/clock.js';
import { AppError } from '../../errors/app-error.js';
import { createJobs } from '../../jobs/jobs.js';
import { readEmbedderManifest } from '../../layouts/manifest.js';
import { sendToParent, serveParent } from '../../processes/child.js';
import { inSnapshot } from '../../sqlite/snapshot.js';
import { storageTrouble } from '../../sqlite/storage-trouble.js';
import { TenantIndexes } from '../hnsw/tenant-indexes.js';
import type { GatewayMessage, Method, ProcessMessage, ProcessOptions, ProcessStatus } from '../protocol.js';
import { adoptEmbedder } from '../stores/adopt-embedder.js';
import { createAudited, databaseId, jobTables, openDatabase, openWriter } from '../stores/database.js';
import { createFileBatches } from '../stores/file-batches.js';
import { createFiles } from '../stores/files.js';
import { createPassages } from '../stores/passages.js';
import { createPostings } from '../stores/postings.js';
import { createShelves } from '../stores/shelves.js';
import { createStoreFiles } from '../stores/store-files.js';
import { createVectorStores } from '../stores/vector-stores.js';
import { createApart } from './apart.js';
import { embedWhole } from './embed-whole.js';
import { loadEmbedder, type TokenizedText } from './embedder.js';
import { startHousekeeping } from './housekeeping.js';
import { Ingest, type IngestOptions } from './ingest.js';
import { createPace, waitedForProcessorMs } from './pace.js';
import { createParsers } from './parsers.js';
import { createWorkQueue } from './queue.js';
import { createService } from './service.js';
import { backfillTerms } from './term-backfill.js';

type Call = Extract<GatewayMessage, { type: 'call' }>;

const STATUS_EVERY_MS = 1000;
/** What embedding a token takes of one processor, about. */
const TOKEN_MS = 0.17;
/** Their first argument is the tenant. */
const WRITES: ReadonlySet<Method> = new Set([
  'createFile',
  'deleteFile',
  'createStore',
  'updateStore',
  'deleteStore',
  'attachFile',
  'updateStoreFile',
  'detachFile',
  'createBatch',
  'cancelBatch',
  'cancelJob',
]);
const clock: Clock = { now: Date.now, monotonicMs: () => performance.now() };

const send = sendToParent<ProcessMessage>;

const reportError = (error: unknown, what: string) => {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  send({ type: 'log', level: 'error', message: what, detail });
};

async function start({ dataDir, modelDir, baseModelDir, config }: ProcessOptions) {
  const folder = join(dataDir, 'indexes');
  mkdirSync(folder, { recursive: true });
  const file = join(dataDir, 'documents.db');
  const reader = openDatabase(file);
  const writer = openWriter(file);
  const nowS = () => Math.floor(clock.now() / 1000);
  const audit = createAudited(dataDir, clock);
  const [files, storeFiles] = [createFiles(writer, audit), createStoreFiles(writer, audit)];
  const stores = createVectorStores(writer, nowS, audit);
  const jobs = createJobs(jobTables(writer));
  // All that a search reads.
  const [searched, passing] = [
    createVectorStores(reader, nowS, audit).searched,
    createStoreFiles(reader, audit).passing,
  ];
  const [passages, postings] = [createPassages(reader), createPostings(reader)];
  const manifest = await readEmbedderManifest(modelDir);
  const embedder = await orUnavailable(modelDir, loadEmbedder(modelDir, manifest, config.threads));
  const parsers = createParsers({
    baseModelDir,
    limits: { budgetTokens: config.passageTokens, overlapTokens: config.overlapTokens },
    parseTimeoutMs: config.parseTimeoutMs,
    parseMemoryBytes: config.parseMemoryBytes,
    maxPassages: config.maxPassagesPerFile,
  });
  const pace = createPace({ nowMs: clock.monotonicMs, waitedMs: waitedForProcessorMs });
  const queue = createWorkQueue(pace, clock.monotonicMs);
  const changed = await adoptEmbedder(writer, embedder.digest, clock.now());
  if (changed > 0) {
    const detail = `${changed} files are read again, and found once they are`;
    send({ type: 'log', level: 'warn', message: 'the embedding model is another one than before', detail });
  }
  const apart = { ahead: createApart(1), behind: createApart(Math.min(config.threads, availableParallelism())) };
  const embed: IngestOptions['embed'] = (tenant, texts, { precedence, signal }) => {
    const tokenize = () => texts.map((text) => embedder.tokenize(text, 'passage'));
    const embedApart =
      embedder.embedApart && ((some: readonly TokenizedText[]) => embedder.embedApart!(some, precedence));
    const work = () => {
      const tokenized = tokenize();
      if (embedApart) pace.charge(tenant, TOKEN_MS * tokenized.reduce((sum, { tokens }) => sum + tokens, 0));
      return embedWhole(tokenized, embedder.maxTokens, embedApart ?? embedder.embed);
    };
    if (!embedApart) return queue.run('background', tenant, work, signal);
    return apart[precedence].run(tenant, work, signal);
  };
  const indexes = new TenantIndexes({
    folder,
    databaseId: await databaseId(reader),
    params: {
      dimensions: embedder.dimensions,
      links: config.indexM,
      efConstruction: config.efConstruction,
      efSearch: config.efSearch,
    },
    exactSearchLimit: config.exactSearchLimit,
    memoryBytes: config.indexMemoryBytes,
    passages,
    clock,
    inBackground: (tenant, job) => queue.run('background', tenant, job),
    onRebuilt: (durationMs) => send({ type: 'observation', observation: { type: 'index_rebuild', durationMs } }),
    onError: reportError,
  });
  const housekeeping = startHousekeeping({
    dataDir,
    writer,
    files,
    stores,
    jobs,
    indexes,
    queue,
    clock,
    onError: reportError,
  });
  const ingest = new Ingest({
    jobs,
    storeFiles,
    parse: parsers.parse,
    embed,
    isWithinAllowance: pace.isWithin,
    batch: config.ingestBatch,
    clock,
    onObservation: (observation) => send({ type: 'observation', observation }),
    onCompleted(tenant, removed) {
      if (removed.length > 0) housekeeping.forget(tenant, removed);
      indexes.grown(tenant);
    },
    onError: reportError,
  });
  const service = createService({
    files,
    stores: { ...stores, searched },
    storeFiles: { ...storeFiles, passing },
    batches: createFileBatches(writer),
    passages,
    postings,
    shelves: createShelves(reader),
    indexes,
    jobs,
    ingest,
    inSnapshot: (job) => inSnapshot(reader, job),
    housekeeping,
    embedder,
    embedWhole: embed,
    embedderId: basename(modelDir),
    queue,
    config,
    clock,
  });
  const queued = async () => {
    const counts = await jobs.counts();
    const ingestQueue = counts.filter(({ kind }) => kind === 'ingest').reduce((sum, { jobs }) => sum + jobs, 0);
    return { jobs: counts, ingestQueue };
  };
  const status = async (): Promise<ProcessStatus> => ({
    passages: await passages.count(),
    ...(await queued()),
    ingestTrouble: ingest.trouble,
    rssBytes: process.memoryUsage.rss(),
  });

  send({ type: 'ready', dimensions: embedder.dimensions, status: await status() });
  ingest.start();
  const stopping = new AbortController();
  const backfill = backfillTerms({
    postings: createPostings(writer),
    passages,
    queue,
    signal: stopping.signal,
    onError: reportError,
  });
  const tell = async () => send({ type: 'status', status: await status() });
  const ticking = setInterval(() => void tell().catch((error) => reportError(error, 'status')), STATUS_EVERY_MS);

  const calls = new Map<number, AbortController>();
  return {
    async call({ id, method, args, actor }: Call): Promise<void> {
      const controller = new AbortController();
      calls.set(id, controller);
      try {
        const work = service[method] as (...args: unknown[]) => Promise<unknown>;
        const run = () => actingAs(actor, () => work(...args, controller.signal));
        send({ type: 'result', id, value: await (WRITES.has(method) ? queue.write(String(args[0]), run) : run()) });
      } catch (error) {
        if (controller.signal.aborted) return;
        if (!(error instanceof AppError)) reportError(error, `${method} failed`);
        send({ type: 'error', id, error: toAppError(error).toMessage() });
      } finally {
        calls.delete(id);
      }
    },
    abort: (id: number) => calls.get(id)?.abort(),
    async stop(): Promise<void> {
      clearInterval(ticking);
      housekeeping.stop();
      stopping.abort();
      await ingest.stop();
      await backfill;
      parsers.close();
      indexes.close();
      await writer.destroy();
      await reader.destroy();
    },
  };
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const reason = storageTrouble(error);
  return reason === null ? new AppError('internal') : new AppError('storage_unavailable', { reason, retryAfterS: 5 });
}

async function orUnavailable<T>(folder: string, loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    throw new AppError(
      'model_unavailable',
      { model: basename(folder), reason: (error as Error).message },
      { cause: error },
    );
  }
}

let running: ReturnType<typeof start> | null = null;

serveParent(async (message: GatewayMessage) => {
  switch (message.type) {
    case 'start':
      running = start(message.options);
      await running.catch((error) => {
        const known =
          error instanceof AppError ? error : new AppError('config_invalid', { reason: (error as Error).message });
        send({ type: 'failed', reason: known.message, error: known.toMessage() });
      });
      break;
    case 'call':
      await (await running)?.call(message);
      break;
    case 'abort':
      (await running)?.abort(message.id);
      break;
    case 'stop':
      await (await running)?.stop();
      process.exit(0);
  }
});
