import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../contracts/clock.js';
import type {
  EngineModel,
  EngineObservation,
  EngineStatus,
  GenerateRequest,
  TextGenerator,
  TokenEvent,
} from '../contracts/generator.js';
import type { ModelManifest } from '../contracts/model-manifest.js';
import type { Tokenizer } from '../contracts/tokenizer.js';
import { AppError } from '../errors/app-error.js';
import { NEVER_BEGUN, tokenizePrompt } from '../generation/prompt-tokens.js';
import { readBaseManifest } from '../layouts/manifest.js';
import { SupervisedProcess } from '../processes/supervised-process.js';
import { named } from './grammar/spec.js';
import { holeBetween } from './hole.js';
import { JobsInFlight } from './jobs-in-flight.js';
import type { EngineSettings, FromEngine, Gauges, Job, ToEngine } from './protocol.js';

export interface EngineOptions {
  /** Folder of an imported model. */
  readonly modelDir: string;
  readonly settings: EngineSettings;
  /** The base model's. */
  readonly tokenizer: Tokenizer;
  /** Where measurements of this machine are kept between starts. */
  readonly calibrationFile: string;
  /** Who else wants the processors (layouts/right-of-way.ts); left out: nobody. */
  readonly rightOfWayFile?: string;
  readonly hangTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Record<'info' | 'warn', (fields: object, message: string) => void>;
}

const NO_GAUGES: Gauges = { slotsInUse: 0, queued: 0, adaptersResident: [], rssBytes: 0 };

/**
 * Starts the engine process and resolves when it is ready. Prompts are tokenized before they are sent to it, so that one
 * that is too long costs the engine nothing.
 * @throws AppError `model_unavailable` for a folder that this version cannot serve, `engine_unavailable` when the first
 * start fails
 */
export async function createEngine(options: EngineOptions): Promise<TextGenerator> {
  const manifest = await readBaseManifest(options.modelDir);
  const { contextTokens } = options.settings;
  const { maxPositions } = manifest.shape;
  if (contextTokens > maxPositions) {
    const reason = `engine.contextTokens is ${contextTokens}, but ${manifest.id} covers ${maxPositions} positions`;
    throw new AppError('config_invalid', { reason });
  }
  const client = new EngineClient(options, manifest);
  try {
    await client.started;
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

class EngineClient implements TextGenerator {
  readonly model: EngineModel;
  /** Settles with the first start. */
  readonly started: Promise<void>;
  readonly #settings: EngineSettings;
  readonly #tokenizer: Tokenizer;
  /** What the middle comes behind in an infill prompt. */
  readonly #middleToken: number | null;
  readonly #process: SupervisedProcess<ToEngine, FromEngine>;
  readonly #jobs: JobsInFlight;
  readonly #listeners = new Set<(observation: EngineObservation) => void>();
  #gauges = NO_GAUGES;

  constructor(
    { modelDir, settings, calibrationFile, rightOfWayFile, tokenizer, hangTimeoutMs, clock, log }: EngineOptions,
    manifest: ModelManifest,
  ) {
    this.#settings = settings;
    this.#tokenizer = tokenizer;
    this.#middleToken = manifest.tokenizer.fim?.middle ?? null;
    this.#jobs = new JobsInFlight(settings, clock, (id) => this.#process.send({ type: 'abort', id }));
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
      first: { type: 'init', modelDir, manifest, settings, calibrationFile, rightOfWayFile: rightOfWayFile ?? null },
      hangTimeoutMs,
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
    if (!this.#process.ready) throw this.#unavailable();
    // Its place is taken before its prompt is tokenized, so that no more are accepted meanwhile than there is room for.
    const { id, events } = this.#jobs.accept(request);
    const abort = () => this.#process.send({ type: 'abort', id });
    try {
      const job = await this.#toJob(id, request, signal);
      // The process may have ended meanwhile, and the stream with it.
      if (this.#jobs.send(job)) this.#process.send({ type: 'generate', job });
    } catch (error) {
      this.#jobs.leave(id);
      if (!signal.aborted) throw error;
      return yield NEVER_BEGUN;
    }
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    try {
      yield* events;
    } finally {
      signal.removeEventListener('abort', abort);
      // Still known: the reader left before the end.
      if (this.#jobs.leave(id)) abort();
    }
  }

  requireRoom(tenant: string): void {
    this.#jobs.requireRoom(tenant);
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

  forget(tenant: string, adapterDigest?: string): void {
    this.#process.send({ type: 'forget', tenant, ...(adapterDigest !== undefined && { adapter: adapterDigest }) });
  }

  async close(): Promise<void> {
    await this.#process.close();
  }

  /** Everything that can be wrong with a request is found before it is queued. */
  async #toJob(id: number, request: GenerateRequest, signal: AbortSignal): Promise<Job> {
    const {
      adapter,
      audience,
      deployment,
      grammar,
      priority,
      prompt,
      sampling,
      shown = [],
      stop,
      tenant,
      topLogprobs,
    } = request;
    const { promptIds, passages, maxTokens } = await tokenizePrompt(request, this.model, this.#tokenizer, signal);
    const begunTokens = prompt.kind === 'infill' ? promptIds.length - 1 - promptIds.lastIndexOf(this.#middleToken!) : 0;
    const hole = prompt.kind === 'infill' ? holeBetween(prompt.prefix, prompt.suffix) : null;
    return {
      id,
      tenant,
      audience,
      deployment,
      priority,
      promptIds,
      passages,
      begunTokens,
      adapter,
      sampling,
      maxTokens,
      stop,
      hole,
      shown,
      topLogprobs,
      grammar: grammar && named(grammar),
    };
  }

  #deliver({ events, observations }: Extract<FromEngine, { type: 'step' }>): void {
    for (const message of events) this.#jobs.deliver(message);
    for (const observation of observations) this.#observe(observation);
  }

  #fail(): void {
    this.#gauges = NO_GAUGES;
    this.#jobs.fail(this.#unavailable());
  }

  #unavailable(): AppError {
    return new AppError('engine_unavailable', { ...this.#process.down });
  }

  #observe(observation: EngineObservation): void {
    for (const listener of this.#listeners) listener(observation);
  }
}
