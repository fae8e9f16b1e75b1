import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../contracts/clock.js';
import type {
  Engine,
  EngineModel,
  EngineObservation,
  EngineStatus,
  GenerateRequest,
  Prompt,
  TokenEvent,
} from '../contracts/engine.js';
import type { ModelManifest } from '../contracts/model-manifest.js';
import { AppError } from '../errors/app-error.js';
import { SupervisedProcess } from '../processes/supervised-process.js';
import { EventStream } from './event-stream.js';
import type { EngineSettings, FromEngine, Gauges, Job, ToEngine } from './protocol.js';
import { loadTokenizer, type PromptTokenizer } from './tokenizer.js';

export interface EngineOptions {
  /** Folder of an imported model. */
  readonly modelDir: string;
  readonly settings: EngineSettings;
  readonly clock: Clock;
  readonly log: Record<'info' | 'warn', (fields: object, message: string) => void>;
}

const NO_GAUGES: Gauges = { slotsInUse: 0, queued: 0, adaptersResident: [], rssBytes: 0 };
const QUEUE_RETRY_S = 1;

/**
 * Starts the engine process and resolves when it is ready. Prompts are tokenized here, in the gateway, so that one
 * that is too long costs the engine nothing.
 * @throws AppError `model_invalid` for a folder that this version cannot serve, `engine_unavailable` when the first
 * start fails
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const manifest = await readManifest(options.modelDir);
  const { contextTokens } = options.settings;
  const { maxPositions } = manifest.shape;
  if (contextTokens > maxPositions) {
    const reason = `engine.contextTokens is ${contextTokens}, but ${manifest.id} covers ${maxPositions} positions`;
    throw new AppError('config_invalid', { reason });
  }
  const client = new EngineClient(options, manifest, await loadTokenizer(options.modelDir, manifest));
  try {
    await client.started;
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

class EngineClient implements Engine {
  readonly model: EngineModel;
  /** Settles with the first start. */
  readonly started: Promise<void>;
  readonly #settings: EngineSettings;
  readonly #tokenizer: PromptTokenizer;
  readonly #process: SupervisedProcess<ToEngine, FromEngine>;
  readonly #jobs = new Map<number, EventStream>();
  readonly #listeners = new Set<(observation: EngineObservation) => void>();
  #gauges = NO_GAUGES;
  #lastJobId = 0;

  constructor({ modelDir, settings, clock, log }: EngineOptions, manifest: ModelManifest, tokenizer: PromptTokenizer) {
    this.#settings = settings;
    this.#tokenizer = tokenizer;
    this.model = {
      id: manifest.id,
      baseDigest: manifest.baseDigest,
      contextTokens: settings.contextTokens,
      vocabSize: manifest.shape.vocabSize,
      supportsInfill: manifest.tokenizer.fim !== null,
    };
    let startSettled: { resolve: () => void; reject: (error: AppError) => void };
    this.started = new Promise((resolve, reject) => {
      startSettled = { resolve, reject };
    });
    this.#process = new SupervisedProcess<ToEngine, FromEngine>({
      name: 'engine',
      main: fileURLToPath(new URL(`process/main${path.extname(import.meta.url)}`, import.meta.url)),
      first: { type: 'init', modelDir, manifest, settings },
      clock,
      log,
      onMessage: (message) => {
        if (message.type !== 'failed') this.#gauges = message.gauges;
        if (message.type === 'ready') {
          log.info({ runtime: message.runtime }, 'the engine is ready');
          startSettled.resolve();
        }
        if (message.type === 'step') this.#deliver(message);
      },
      onDown: () => {
        this.#fail();
        startSettled.reject(this.#unavailable());
      },
      onRestart: () => this.#observe({ type: 'restart' }),
    });
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<TokenEvent, void, undefined> {
    const job = this.#accept(request);
    const events = new EventStream();
    const abort = () => this.#process.send({ type: 'abort', id: job.id });
    this.#jobs.set(job.id, events);
    this.#process.send({ type: 'generate', job });
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    try {
      yield* events;
    } finally {
      signal.removeEventListener('abort', abort);
      // Still known: the reader left before the end.
      if (this.#jobs.delete(job.id)) abort();
    }
  }

  countTokens(text: string): number {
    return this.#tokenizer.countTokens(text);
  }

  neutralize(text: string, extra?: readonly string[]): string {
    return this.#tokenizer.neutralize(text, extra);
  }

  status(): EngineStatus {
    const { ready } = this.#process;
    return {
      ready,
      reason: ready ? null : this.#process.down.reason,
      slotsTotal: this.#settings.slots + this.#settings.reservedSlots,
      ...this.#gauges,
    };
  }

  observe(listener: (observation: EngineObservation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#process.close();
  }

  /** Everything that can be wrong with a request is found before it is queued. */
  #accept(request: GenerateRequest): Job {
    if (!this.#process.ready) throw this.#unavailable();
    const limit = this.#settings.slots + this.#settings.maxQueued;
    if (this.#jobs.size >= limit) {
      throw new AppError('queue_full', { limit: this.#settings.maxQueued, retryAfterS: QUEUE_RETRY_S });
    }
    const promptIds = Int32Array.from(this.#encode(request));
    const { adapter, priority, sampling, stop, tenant, topLogprobs } = request;
    const maxTokens = request.maxTokens ?? this.#settings.contextTokens - promptIds.length;
    return { id: ++this.#lastJobId, tenant, priority, promptIds, adapter, sampling, maxTokens, stop, topLogprobs };
  }

  #encode({ prompt, maxTokens, sampling }: GenerateRequest): readonly number[] {
    const { contextTokens, vocabSize } = this.model;
    const wanted = maxTokens ?? 1;
    const tooLong = (promptTokens: number | string) =>
      new AppError('context_length_exceeded', { promptTokens, maxTokens: wanted, contextTokens });
    // A megabyte of text takes the tokenizer most of a second; one that cannot fit is not worth it.
    const least = this.#tokenizer.leastTokens(charactersOf(prompt));
    if (least + wanted > contextTokens) throw tooLong(`at least ${least}`);

    const ids = this.#tokenizer.encode(prompt);
    if (ids.length + wanted > contextTokens) throw tooLong(ids.length);
    if (ids.length === 0) throw new AppError('invalid_value', { param: 'prompt', reason: 'must not be empty' });
    const known = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabSize;
    const reason = `token ids are 0 to ${vocabSize - 1}`;
    if (!ids.every(known)) throw new AppError('invalid_value', { param: 'prompt', reason });
    if (!Object.keys(sampling.logitBias).map(Number).every(known)) {
      throw new AppError('invalid_value', { param: 'logit_bias', reason });
    }
    return ids;
  }

  #deliver({ events, observations }: Extract<FromEngine, { type: 'step' }>): void {
    for (const message of events) {
      const stream = this.#jobs.get(message.id);
      if ('error' in message || message.event.type === 'finished') this.#jobs.delete(message.id);
      if ('error' in message) stream?.fail(AppError.fromMessage(message.error));
      else stream?.push(message.event);
    }
    for (const observation of observations) this.#observe(observation);
  }

  #fail(): void {
    this.#gauges = NO_GAUGES;
    for (const stream of this.#jobs.values()) stream.fail(this.#unavailable());
    this.#jobs.clear();
  }

  #unavailable(): AppError {
    return new AppError('engine_unavailable', { ...this.#process.down });
  }

  #observe(observation: EngineObservation): void {
    for (const listener of this.#listeners) listener(observation);
  }
}

function charactersOf(prompt: Prompt): number {
  switch (prompt.kind) {
    case 'chat':
      return prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
    case 'text':
      return prompt.text.length;
    case 'infill':
      return prompt.prefix.length + prompt.suffix.length;
    case 'tokens':
      return 0;
  }
}

async function readManifest(modelDir: string): Promise<ModelManifest> {
  const file = path.join(modelDir, 'manifest.json');
  const invalid = (reason: string) => new AppError('model_invalid', { file, reason });
  let manifest: ModelManifest;
  try {
    manifest = JSON.parse(await readFile(file, 'utf8')) as ModelManifest;
  } catch (error) {
    throw invalid(`it is not readable; run "switchyard models pull" (${(error as Error).message})`);
  }
  if (manifest.format === 'switchyard-decoder-2') return manifest;
  throw invalid('its format is not switchyard-decoder-2; import it again');
}
