/** The retrieval process: documents and embedding model, asked by messages. */
import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { Aborter } from '../../abort/aborter.js';
import { actingAs } from '../../audit/actor.js';
import type { Clock } from '../../contracts/clock.js';
import { AppError } from '../../errors/app-error.js';
import { rightOfWayFile } from '../../layouts/right-of-way.js';
import { waitedForProcessorMs } from '../../machine/machine.js';
import { sendToParent, serveParent } from '../../processes/child.js';
import { storageTrouble } from '../../sqlite/storage-trouble.js';
import type { DocumentsOptions } from '../documents/options.js';
import { openPostgresDocuments } from '../documents/postgres.js';
import { openSqliteDocuments } from '../documents/sqlite.js';
import type { GatewayMessage, Method, ProcessMessage, ProcessOptions, ProcessStatus } from '../protocol.js';
import { relevanceFor } from '../search/relevance.js';
import { createApart } from './apart.js';
import { createEmbedSoon, TOKEN_MS } from './embed-soon.js';
import { embedWhole } from './embed-whole.js';
import type { TokenizedText } from './embedder.js';
import { embedderWarnings } from './embedder-warnings.js';
import { openEmbedders } from './embedders.js';
import { FILES_AT_ONCE, Ingest } from './ingest.js';
import { createPace } from './pace.js';
import { createParsers } from './parsers.js';
import { createWorkQueue } from './queue.js';
import { createRecognise } from './recognise.js';
import { Reembed } from './reembed.js';
import { openRightOfWay } from './right-of-way.js';
import { createService } from './service.js';
import { openShippedVectors } from './shipped-vectors.js';
import type { VectorOptions } from './vectors-of-texts.js';

type Call = Extract<GatewayMessage, { type: 'call' }>;

const STATUS_EVERY_MS = 1000;
const CHANGED = 'vector stores are to have vectors of another embedding model';
const EMBEDDERS = 'not all is well with the embedding models of the configuration';
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
/** What somebody waits for and what takes no longer than a piece of an answer. */
const SHORT: ReadonlySet<Method> = new Set(['search', 'createFile', 'attachFile']);
const clock: Clock = { now: Date.now, monotonicMs: () => performance.now() };

const send = sendToParent<ProcessMessage>;

const reportError = (error: unknown, what: string) => {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  send({ type: 'log', level: 'error', message: what, detail });
};

async function start(options: ProcessOptions) {
  const { dataDir, modelDir, baseModelDir, nerModelDir = null, shippedVectorsFile = null, config, database } = options;
  const { furtherEmbedders = [] } = options;
  const embedders = await openEmbedders({
    folder: dirname(modelDir),
    standard: basename(modelDir),
    further: furtherEmbedders,
    threads: config.threads,
  });
  const nameOf = new Map(embedders.imported.map(({ id, digest }) => [digest, id]));
  const relevances = new Map([...nameOf].map(([digest, id]) => [digest, relevanceFor(id)]));
  const relevanceOf = (digest: string) => relevances.get(digest) ?? relevanceFor('');
  const parsers = createParsers({
    baseModelDir,
    limits: { budgetTokens: config.passageTokens, overlapTokens: config.overlapTokens },
    parseTimeoutMs: config.parseTimeoutMs,
    parseMemoryBytes: config.parseMemoryBytes,
    maxPassages: config.maxPassagesPerFile,
  });
  const pace = createPace({ nowMs: clock.monotonicMs, waitedMs: waitedForProcessorMs });
  const queue = createWorkQueue(pace, clock.monotonicMs);
  const rightOfWay = openRightOfWay(rightOfWayFile(dataDir));
  const recognise = await createRecognise(nerModelDir, config.threads, queue);
  const warn = (message: string, detail: string) => send({ type: 'log', level: 'warn', message, detail });
  for (const detail of embedderWarnings(embedders, furtherEmbedders)) warn(EMBEDDERS, detail);
  const documentsOptions: DocumentsOptions = {
    config,
    models: embedders,
    relevanceOf,
    queue,
    atOnce: FILES_AT_ONCE,
    clock,
    onObservation: (observation) => send({ type: 'observation', observation }),
    onError: reportError,
    onAdopted({ changed, lost }) {
      if (changed > 0)
        warn(CHANGED, `${changed} vector stores get its vectors in the background; those of before answer meanwhile`);
      if (lost > 0)
        warn(
          CHANGED,
          `${lost} vector stores had vectors of a model that is gone: words alone find what they hold until it has others`,
        );
    },
  };
  const documents =
    database.url === ''
      ? await openSqliteDocuments(dataDir, documentsOptions)
      : await openPostgresDocuments(dataDir, database, documentsOptions);
  const apart = { ahead: createApart(1), behind: createApart(Math.min(config.threads, availableParallelism())) };
  const embed: VectorOptions['embed'] = async (tenant, digest, texts, { precedence, signal }) => {
    const embedder = await embedders.load(digest);
    const tokenize = () => texts.map((text) => embedder.tokenize(text, 'passage'));
    const embedApart =
      embedder.embedApart && ((some: readonly TokenizedText[]) => embedder.embedApart!(some, precedence));
    const work = () => {
      const tokenized = tokenize();
      if (embedApart) pace.charge(tenant, TOKEN_MS * tokenized.reduce((sum, { tokens }) => sum + tokens, 0), true);
      return embedWhole(tokenized, embedder.maxTokens, embedApart ?? embedder.embed);
    };
    if (!embedApart) return queue.run('background', tenant, work, signal);
    return apart[precedence].run(tenant, work, signal);
  };
  const making = { shipped: openShippedVectors(shippedVectorsFile), embed, batch: config.ingestBatch };
  const reembed = new Reembed({
    ...making,
    documents,
    clock,
    onObservation: documentsOptions.onObservation,
    onError: reportError,
  });
  const ingest = new Ingest({
    ...making,
    documents,
    parse: parsers.parse,
    recognise: (tenant, texts, signal) => recognise(tenant, texts, 'behind', signal),
    isWithinAllowance: pace.isWithin,
    rightOfWay,
    clock,
    onObservation: documentsOptions.onObservation,
    onError: reportError,
  });
  const soon = createApart(1);
  const service = createService({
    documents,
    ingest,
    reembed,
    embedders,
    embedSoonBy: (embedder) => createEmbedSoon({ embedder, queue, apart: soon, pace }),
    embedWhole: embed,
    recognise,
    findsNames: nerModelDir !== null,
    relevance: relevanceOf(embedders.standard.digest),
    queue,
    config,
    clock,
  });
  const queued = async () => {
    const counts = await documents.jobs.counts();
    const ingestQueue = counts.filter(({ kind }) => kind === 'ingest').reduce((sum, { jobs }) => sum + jobs, 0);
    return { jobs: counts, ingestQueue };
  };
  const known = async () => ({ passages: await documents.countPassages(), ...(await queued()) });
  let last = await known();
  const status = async (): Promise<ProcessStatus> => {
    let trouble: string | null = null;
    try {
      last = await known();
    } catch (error) {
      trouble = storageTrouble(error);
      if (trouble === null) throw error;
    }
    const { rss } = process.memoryUsage;
    return { ...last, trouble, ingestTrouble: ingest.trouble, embedders: embedders.memory(), rssBytes: rss() };
  };

  send({ type: 'ready', dimensions: embedders.standard.dimensions, status: await status() });
  ingest.start();
  reembed.start();
  const tell = async () => send({ type: 'status', status: await status() });
  const ticking = setInterval(() => void tell().catch((error) => reportError(error, 'status')), STATUS_EVERY_MS);

  const calls = new Map<number, AbortController>();
  return {
    async call({ id, method, args, actor }: Call): Promise<void> {
      const controller = new Aborter();
      calls.set(id, controller);
      const leave = SHORT.has(method) ? rightOfWay.take(tenantOf(args)) : () => {};
      try {
        const work = service[method] as (...args: unknown[]) => Promise<unknown>;
        const run = () => actingAs(actor, () => work(...args, controller.signal));
        send({ type: 'result', id, value: await (WRITES.has(method) ? queue.write(tenantOf(args), run) : run()) });
      } catch (error) {
        if (controller.signal.aborted) return;
        if (!(error instanceof AppError)) reportError(error, `${method} failed`);
        send({ type: 'error', id, error: toAppError(error).toMessage() });
      } finally {
        leave();
        calls.delete(id);
      }
    },
    abort: (id: number) => calls.get(id)?.abort(),
    async stop(): Promise<void> {
      clearInterval(ticking);
      await Promise.all([ingest.stop(), reembed.stop()]);
      parsers.close();
      await documents.close();
      rightOfWay.close();
    },
  };
}

/** Whose call it is: the first argument, or a member of it. */
function tenantOf([first]: readonly unknown[]): string {
  return typeof first === 'string' ? first : (first as { readonly tenant: string }).tenant;
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const reason = storageTrouble(error);
  return reason === null ? new AppError('internal') : new AppError('storage_unavailable', { reason, retryAfterS: 5 });
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
