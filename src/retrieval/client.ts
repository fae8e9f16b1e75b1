/** Retrieval as the gateway sees it: every call crosses to the retrieval process, which alone searches and embeds. */
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { currentActor } from '../audit/actor.js';
import type { Clock } from '../contracts/clock.js';
import type { Retrieval, RetrievalObservation } from '../contracts/retrieval.js';
import { AppError } from '../errors/app-error.js';
import { SupervisedProcess } from '../processes/supervised-process.js';
import { PendingCalls } from './pending-calls.js';
import type {
  Arguments,
  GatewayMessage,
  Method,
  ProcessMessage,
  ProcessOptions,
  ProcessStatus,
  Result,
} from './protocol.js';

export interface RetrievalOptions extends ProcessOptions {
  /** Longest time one call may take. */
  readonly callTimeoutMs: number;
  readonly hangTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Record<'warn' | 'error', (fields: object, message: string) => void>;
}

/**
 * Loading two vocabularies and a model takes far more memory for a moment than they need: a small young generation and
 * an allocator that gives blocks back at once keep the process below 220 MB (263 MB without). The embedder's tensors
 * lie in an arena of its own and are not slowed down by it.
 */
const MEMORY_FLAGS = ['--max-semi-space-size=2'];
const MEMORY_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: String(2 ** 18),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 18),
};

const UNKNOWN_STATUS: ProcessStatus = {
  trouble: null,
  passages: 0,
  ingestQueue: 0,
  ingestTrouble: null,
  jobs: [],
  embedders: [],
  rssBytes: 0,
};

/**
 * Starts the retrieval process and resolves when it is ready. A process that dies later is restarted; meanwhile, and
 * for calls that it was asked when it died, there is `retrieval_unavailable`.
 * @throws AppError where it cannot start at all: no model, a damaged or newer database
 */
export async function createRetrieval(
  options: RetrievalOptions,
): Promise<Retrieval & { readonly pid: () => number | undefined }> {
  const { clock, log, callTimeoutMs, hangTimeoutMs, ...start } = options;
  const pending = new PendingCalls({ ...start.config, callTimeoutMs }, (id) => child.send({ type: 'abort', id }));
  const listeners = new Set<(observation: RetrievalObservation) => void>();
  let status = UNKNOWN_STATUS;
  let onStarted: (ready: { dimensions: number }) => void = () => {};
  let onFailed: (error: unknown) => void = () => {};
  const started = new Promise<{ dimensions: number }>((resolve, reject) => {
    onStarted = resolve;
    onFailed = reject;
  });

  const notify = (observation: RetrievalObservation) => {
    for (const listener of listeners) listener(observation);
  };
  const onMessage = (message: ProcessMessage) => {
    switch (message.type) {
      case 'ready':
        status = message.status;
        onStarted(message);
        break;
      case 'failed':
        onFailed(AppError.fromMessage(message.error));
        break;
      case 'result':
        pending.resolve(message.id, message.value);
        break;
      case 'error':
        pending.reject(message.id, AppError.fromMessage(message.error));
        break;
      case 'status':
        status = message.status;
        break;
      case 'observation':
        notify(message.observation);
        break;
      case 'log':
        log[message.level]({ detail: message.detail }, message.message);
        break;
    }
  };

  const child = new SupervisedProcess<GatewayMessage, ProcessMessage>({
    name: 'retrieval',
    main: fileURLToPath(new URL(`process/main${extname(import.meta.url)}`, import.meta.url)),
    execArgv: MEMORY_FLAGS,
    env: MEMORY_ENVIRONMENT,
    first: { type: 'start', options: start },
    last: { type: 'stop' },
    hangTimeoutMs,
    clock,
    log,
    onMessage,
    onDown: () => {
      status = { ...status, rssBytes: 0 };
      const error = unavailable();
      onFailed(error);
      pending.rejectAll(error);
    },
    onRestart: () => notify({ type: 'restart' }),
  });
  const unavailable = () => new AppError('retrieval_unavailable', { ...child.down });

  const call = async <M extends Method>(method: M, args: Arguments<M>, signal?: AbortSignal): Promise<Result<M>> => {
    if (!child.ready) throw unavailable();
    const actor = currentActor();
    const [first] = args;
    const tenant = typeof first === 'string' ? first : first.tenant;
    return pending.add<Result<M>>({ tenant, method, args, signal }, (id) =>
      child.send({ type: 'call', id, method, args, actor }),
    );
  };

  let dimensions: number;
  try {
    ({ dimensions } = await started);
  } catch (error) {
    await child.close();
    throw error;
  }

  return {
    createFile: (...args) => call('createFile', args),
    getFile: (tenant, id, groups = null) => call('getFile', [tenant, id, groups]),
    getFileContent: (tenant, id, groups = null) => call('getFileContent', [tenant, id, groups]),
    listFiles: (...args) => call('listFiles', args),
    deleteFile: (...args) => call('deleteFile', args),
    purgeFiles: (...args) => call('purgeFiles', args),
    stored: (...args) => call('stored', args),
    createStore: (...args) => call('createStore', args),
    getStore: (...args) => call('getStore', args),
    listStores: (...args) => call('listStores', args),
    updateStore: (...args) => call('updateStore', args),
    deleteStore: (...args) => call('deleteStore', args),
    attachFile: (...args) => call('attachFile', args),
    getStoreFile: (...args) => call('getStoreFile', args),
    updateStoreFile: (...args) => call('updateStoreFile', args),
    listStoreFiles: (...args) => call('listStoreFiles', args),
    createBatch: (...args) => call('createBatch', args),
    getBatch: (...args) => call('getBatch', args),
    cancelBatch: (...args) => call('cancelBatch', args),
    detachFile: (...args) => call('detachFile', args),
    listJobs: (...args) => call('listJobs', args),
    getJob: (...args) => call('getJob', args),
    cancelJob: (...args) => call('cancelJob', args),
    search: (request, signal) => call('search', [request], signal),
    rerank: (request, signal) => call('rerank', [request], signal),
    embed: (tenant, inputs, signal) => call('embed', [tenant, inputs], signal),
    embedBehind: (tenant, texts, signal) => call('embedBehind', [tenant, texts], signal),
    recognise: (tenant, texts, precedence, signal) => call('recognise', [tenant, texts, precedence], signal),
    embedder: { id: basename(options.modelDir), dimensions },
    recogniser: options.nerModelDir ? { id: basename(options.nerModelDir) } : null,
    status: () => ({ ...status, ready: child.ready, reason: child.ready ? null : child.down.reason }),
    observe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => child.close(),
    pid: () => child.pid,
  };
}
