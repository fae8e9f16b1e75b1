import { hash } from 'node:crypto';
import type { AdapterRef } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type {
  EngineModel,
  EngineObservation,
  EngineStatus,
  GenerateRequest,
  ReplicaStatus,
  TextGenerator,
  TokenEvent,
  TryOutcome,
} from '../contracts/generator.js';
import type { ModelManifest } from '../contracts/model-manifest.js';
import type { Tokenizer } from '../contracts/tokenizer.js';
import { AppError } from '../errors/app-error.js';
import { NEVER_BEGUN, tokenizePrompt } from '../generation/prompt-tokens.js';
import { bytesOf } from '../queues/bytes-of.js';
import { Admission, type Ticket } from './admission.js';
import { type AnswerSoFar, readAnswer } from './answer.js';
import { conversationOf } from './conversation.js';
import { createDelivery } from './deliver.js';
import type { Dialect, Question } from './dialects/dialect.js';
import { llamaServer } from './dialects/llama-server.js';
import { openai } from './dialects/openai.js';
import { sglang } from './dialects/sglang.js';
import { vllm } from './dialects/vllm.js';
import { ReplicaFailure } from './failure.js';
import { Pool } from './pool.js';
import type { Replica } from './replica.js';
import { RetryBudget } from './retry-budget.js';
import type { UpstreamSettings } from './settings.js';

export interface UpstreamOptions {
  readonly settings: UpstreamSettings;
  /** Bounds of what an answer may hold, where the settings have none, and of what waits. */
  readonly limits: { readonly contextTokens: number; readonly maxQueued: number; readonly maxQueuedBytes: number };
  /** Of the base that the replicas serve. */
  readonly manifest: Pick<ModelManifest, 'id' | 'baseDigest' | 'shape' | 'tokenizer'>;
  readonly tokenizer: Tokenizer;
  readonly clock: Clock;
  readonly log: Record<'info' | 'warn', (fields: object, message: string) => void>;
}

const DIALECTS: Readonly<Record<UpstreamSettings['dialect'], Dialect>> = {
  vllm,
  sglang,
  'llama-server': llamaServer,
  openai,
};
/** Attempts at one answer, the first included. */
const TRIES = 3;
/** Tokens of an answer, where its request sets no limit, for who is how busy. */
const USUAL_ANSWER_TOKENS = 256;
const RETRY_AFTER_S = 1;
/** Letters, digits, signs and several scripts: two vocabularies seldom agree on them all. */
const TELLING_TEXT = 'Größe 1,024 → def f(x): return x**2\n\tНачало 東京 🚀 the quick brown fox';

/** A request on its way, the same at every replica. */
interface Errand {
  readonly request: GenerateRequest;
  readonly question: Question;
  readonly conversation: () => string;
  /** Of the prompt and the answer, as far as it is known. */
  readonly tokens: number;
  readonly arrivedMs: number;
  /** When a place was free. */
  readonly admittedMs: number;
  readonly soFar: AnswerSoFar;
  adapterLoadMs: number;
}

/**
 * A pool of servers in place of an engine of our own. Prompts are tokenized here and sent as tokens, so that they are those
 * that adapters are trained on, and text of others stays text (decision 0046). It starts where no replica can be reached, and
 * is ready as soon as one can. Beside what the contract has, `generate` throws `unsupported_parameter` for what the dialect
 * has no word for.
 */
export async function createUpstream(options: UpstreamOptions): Promise<TextGenerator> {
  const upstream = new Upstream(options);
  await upstream.started;
  return upstream;
}

class Upstream implements TextGenerator {
  readonly model: EngineModel;
  /** Resolves when each replica has been asked what it is. */
  readonly started: Promise<void>;
  readonly #options: UpstreamOptions;
  readonly #dialect: Dialect;
  readonly #pool: Pool;
  readonly #admission: Admission;
  readonly #retries: RetryBudget;
  readonly #listeners = new Set<(observation: EngineObservation) => void>();

  constructor(options: UpstreamOptions) {
    const { clock, limits, log, manifest, settings, tokenizer } = options;
    this.#options = options;
    this.#dialect = DIALECTS[settings.dialect];
    this.#retries = new RetryBudget(settings.retryPercent / 100);
    this.model = {
      id: manifest.id,
      baseDigest: manifest.baseDigest,
      contextTokens: settings.contextTokens || limits.contextTokens,
      vocabSize: manifest.shape.vocabSize,
      supportsInfill: manifest.tokenizer.fim !== null,
    };
    const deliver = createDelivery({
      dialect: this.#dialect,
      base: manifest,
      adapterDir: settings.adapterDir,
      timeoutMs: settings.adapterLoadTimeoutMs,
    });
    this.#pool = new Pool({
      settings,
      dialect: this.#dialect,
      contextTokens: this.model.contextTokens,
      expected: async () => {
        const caller = { tenant: '', signal: new AbortController().signal };
        const ids = await tokenizer.encode({ kind: 'text', text: TELLING_TEXT }, caller);
        return { model: settings.model, text: TELLING_TEXT, ids: [...ids] };
      },
      load: async (server, adapter) => {
        const beganMs = this.#now();
        await deliver(server, adapter);
        this.#observe({ type: 'adapter_load', durationMs: this.#now() - beganMs });
      },
      clock,
      log,
      onChange: () => this.#changed(),
    });
    this.#admission = new Admission(() => this.#pool.slots, {
      served: this.#pool.status().length * settings.slots,
      waiting: limits.maxQueued,
      bytes: limits.maxQueuedBytes,
    });
    this.started = this.#pool.probe();
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<TokenEvent, void, undefined> {
    const arrivedMs = this.#now();
    const { trouble } = this.#pool;
    if (trouble !== null) throw unavailable(trouble);
    const ticket = this.#admission.enter(request, bytesOf(request.prompt));
    try {
      const question = await this.#admit(request, ticket, signal);
      if (question === null) return yield NEVER_BEGUN;
      this.#retries.asked();
      const errand: Errand = {
        request,
        question,
        conversation: () => digestOf(question.cacheKey(), conversationOf(request.prompt)),
        tokens: question.promptIds.length + (request.maxTokens ?? USUAL_ANSWER_TOKENS),
        arrivedMs,
        admittedMs: this.#now(),
        soFar: { completionTokens: 0, cachedTokens: 0, firstTokenAtMs: null },
        adapterLoadMs: 0,
      };
      yield* this.#answer(errand, signal);
    } finally {
      ticket.leave();
    }
  }

  requireRoom(tenant: string): void {
    this.#admission.requireRoom(tenant);
  }

  status(): EngineStatus {
    const replicas = this.#pool.status();
    const { trouble } = this.#pool;
    return {
      ready: trouble === null,
      reason: trouble,
      slotsTotal: this.#pool.slots,
      slotsInUse: replicas.reduce((sum, { inFlight }) => sum + inFlight, 0),
      queued: this.#admission.queued,
      adaptersResident: [...new Set(replicas.flatMap(({ adapters }) => adapters))],
      rssBytes: 0,
      replicas,
    };
  }

  observe(listener: (observation: EngineObservation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  drain(url: string, isDraining: boolean): ReplicaStatus {
    const replica = this.#pool.drain(url, isDraining);
    if (!replica) throw new AppError('not_found', { what: 'Replica', id: url });
    return replica;
  }

  close(): Promise<void> {
    this.#admission.end(unavailable('it is closed'));
    return this.#pool.close();
  }

  /** The question, once it is its turn; null after an abort. */
  async #admit(request: GenerateRequest, ticket: Ticket, signal: AbortSignal): Promise<Question | null> {
    try {
      const question = await this.#toQuestion(request, signal);
      await ticket.turn(signal);
      return question;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  async #toQuestion(request: GenerateRequest, signal: AbortSignal): Promise<Question> {
    const { adapter, audience, grammar, sampling, stop, tenant, topLogprobs } = request;
    const { promptIds, maxTokens } = await tokenizePrompt(request, this.model, this.#options.tokenizer, signal);
    const question: Question = {
      promptIds: listOf(promptIds),
      maxTokens,
      sampling,
      stop,
      topLogprobs,
      shown: request.shown ?? [],
      grammar,
      adapter: adapter?.digest ?? null,
      cacheKey: () => digestOf(tenant, audience, adapter?.digest ?? ''),
    };
    const param = this.#dialect.unsupported(question);
    if (param !== null) {
      throw new AppError('unsupported_parameter', { param, reason: `${this.#dialect.name} servers do not know it` });
    }
    if (adapter !== null && !this.#pool.canServe(adapter.digest)) {
      throw adapterFailed(adapter, this.#dialect.whyNot(adapter.digest));
    }
    return question;
  }

  /** Asks one replica after another until the first token is there: from then on, there is no other. */
  async *#answer(errand: Errand, signal: AbortSignal): AsyncGenerator<TokenEvent, void, undefined> {
    const { conversation, question, request, soFar, tokens } = errand;
    const tried = new Set<Replica>();
    const choose = () => this.#pool.choose({ adapter: question.adapter, conversation, tokens }, tried);
    let failure: ReplicaFailure | null = null;
    let replica = choose();
    for (let tries = 1; replica !== null; tries++) {
      try {
        return yield* this.#ask(replica, errand, signal);
      } catch (error) {
        if (signal.aborted) return yield finished('abort', errand, this.#now());
        if (!(error instanceof ReplicaFailure)) throw error;
        failure = error;
      }
      this.#options.log.warn({ replica: replica.id, reason: failure.message }, 'an attempt at an answer failed');
      if (failure.kind === 'refused' || soFar.firstTokenAtMs !== null || tries === TRIES) break;
      if (failure.kind === 'stale') await replica.relearn();
      else tried.add(replica);
      replica = choose();
      if (replica !== null && !this.#retries.take()) break;
    }
    throw toAppError(failure ?? new ReplicaFailure('busy', 'all that may answer have their slots full'), request);
  }

  async *#ask(replica: Replica, errand: Errand, signal: AbortSignal): AsyncGenerator<TokenEvent, void, undefined> {
    const { question, request, soFar, tokens } = errand;
    const { clock, settings } = this.#options;
    const { firstTokenTimeoutMs } = settings;
    const giveBack = replica.take(question.adapter, tokens);
    let letGo = () => {};
    let outcome: TryOutcome = 'aborted';
    try {
      if (request.adapter !== null) {
        const beganMs = this.#now();
        letGo = await replica.loaded.hold(request.adapter, signal);
        errand.adapterLoadMs += this.#now() - beganMs;
      }
      const attempt = { replica, dialect: this.#dialect, question, firstTokenTimeoutMs, clock };
      const reason = yield* readAnswer(attempt, soFar, signal);
      outcome = 'completed';
      this.#pool.tell(replica, true);
      yield finished(reason, errand, this.#now());
    } catch (error) {
      if (!(error instanceof ReplicaFailure) || signal.aborted) throw error;
      const isStale = question.adapter !== null && this.#dialect.lacksAdapter(error);
      const failure = isStale ? new ReplicaFailure('stale', error.message, { cause: error }) : error;
      outcome = failure.kind;
      this.#pool.tell(replica, failure.kind !== 'broken');
      throw failure;
    } finally {
      letGo();
      giveBack();
      this.#observe({ type: 'try', outcome });
      if (soFar.firstTokenAtMs !== null) {
        this.#observe({ type: 'prefix', lookupTokens: question.promptIds.length, hitTokens: soFar.cachedTokens });
      }
    }
  }

  #changed(): void {
    const { trouble } = this.#pool;
    // When the last replica goes, nobody waits for the next.
    if (trouble !== null) this.#admission.end(unavailable(trouble));
    this.#admission.next();
  }

  #observe(observation: EngineObservation): void {
    for (const listener of this.#listeners) listener(observation);
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }
}

function finished(
  reason: 'stop' | 'length' | 'abort',
  { question, soFar, arrivedMs, admittedMs, adapterLoadMs }: Errand,
  nowMs: number,
): TokenEvent {
  const { completionTokens, firstTokenAtMs } = soFar;
  return {
    type: 'finished',
    reason,
    promptTokens: question.promptIds.length,
    completionTokens,
    timings: {
      queueMs: admittedMs - arrivedMs,
      prefillMs: (firstTokenAtMs ?? nowMs) - admittedMs - adapterLoadMs,
      decodeMs: firstTokenAtMs === null ? 0 : nowMs - firstTokenAtMs,
      firstTokenMs: firstTokenAtMs === null ? null : firstTokenAtMs - arrivedMs,
      adapterLoadMs,
    },
  };
}

/** Names no replica: who asks need not know how many there are, and where. */
function toAppError(failure: ReplicaFailure, { adapter }: GenerateRequest): AppError {
  const { kind, message } = failure;
  const options = { cause: failure };
  if (kind === 'refused') return new AppError('generation_failed', { reason: message }, options);
  if (kind === 'busy') return new AppError('queue_full', { limit: message, retryAfterS: RETRY_AFTER_S }, options);
  if (kind === 'broken' || adapter === null) return unavailable(message, options);
  return adapterFailed(adapter, message, options);
}

function adapterFailed({ name, version }: AdapterRef, reason: string, options?: ErrorOptions): AppError {
  return new AppError('adapter_load_failed', { adapter: `${name}@${version}`, reason }, options);
}

function unavailable(reason: string, options?: ErrorOptions): AppError {
  return new AppError('engine_unavailable', { reason, retryAfterS: RETRY_AFTER_S }, options);
}

/** By their places: the iterator of bytes takes ten times as long. */
function listOf(ids: Int32Array): number[] {
  const list = new Array<number>(ids.length);
  for (let i = 0; i < ids.length; i++) list[i] = ids[i]!;
  return list;
}

function digestOf(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}
