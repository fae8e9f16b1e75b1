/**
 * The generation engine as the pipeline sees it; a remote server fulfils the same contract. Types only.
 */
import type { AdapterRef } from './adapter.js';
import type { GrammarSpec } from './grammar.js';
import type { Prompt } from './prompt.js';

export type Priority = 'interactive' | 'batch';

/** OpenAI's meaning and ranges; `topK` 0 and `minP` 0 are off; penalties are off at 0 (repetition: at 1). */
export interface SamplingParams {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Same seed, prompt, adapter and parameters give the same tokens. */
  readonly seed: number | null;
  /** Added to the logits of these token ids before sampling (OpenAI's `logit_bias`). */
  readonly logitBias: Readonly<Record<number, number>>;
}

export interface GenerateRequest {
  readonly requestId: string;
  /** Isolation and fairness key: caches never cross tenants. */
  readonly tenant: string;
  /** Who within the tenant may see the same: they share caches, and nobody else does. */
  readonly audience: string;
  /** Which of the tenant's deployments is asked, or the base model: to measure by. */
  readonly deployment: string;
  /** Batch requests get what interactive ones leave. */
  readonly priority: Priority;
  readonly prompt: Prompt;
  readonly adapter: AdapterRef | null;
  readonly sampling: SamplingParams;
  /** Upper bound of new tokens; null = as many as the context leaves. */
  readonly maxTokens: number | null;
  /** Whether a bound that the context does not leave is lowered, or the request refused. */
  readonly maxTokensYields: boolean;
  /** Texts that end the answer; they are not part of it. */
  readonly stop: readonly string[];
  /** Number of alternatives with log probabilities for each token; null = none wanted. */
  readonly topLogprobs: number | null;
  /** What the answer is bound to; null = nothing. An answer that `maxTokens` cuts may be a beginning of it. */
  readonly grammar: GrammarSpec | null;
  /** Special tokens that stand in the answer's text, as they are written; of all others nothing is seen. Left out: none. */
  readonly shown?: readonly string[];
  /**
   * Told before the request is queued how many tokens its prompt has, and how many its answer takes at most. What it throws
   * refuses the request. Left out: nobody asks.
   */
  readonly reserve?: (promptTokens: number, answerTokens: number) => Promise<void>;
}

export interface TokenLogprob {
  readonly id: number;
  readonly token: string;
  /** The token's bytes: a token may be part of a character. */
  readonly bytes: readonly number[];
  readonly logprob: number;
}

export interface GeneratedToken extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

export type FinishReason = 'stop' | 'length' | 'abort';

/** Durations in milliseconds, measured in the engine process. */
export interface EngineTimings {
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** From arrival to the first token. */
  readonly firstTokenMs: number | null;
  /** Time to bring the adapter into the bank; 0 when it was there. */
  readonly adapterLoadMs: number;
}

/** How sure the model was: natural logarithms of the probabilities of the tokens that were drawn, before temperature. */
export interface Certainty {
  readonly mean: number;
  readonly least: number;
}

/**
 * Events of one request, in order: `started`, any number of `delta`, one `finished`. `started` comes when the request has
 * left the queue and its adapter is loaded: what can be refused has been refused by then. A reader that falls behind
 * gets the deltas it missed as one.
 */
export type TokenEvent =
  | {
      readonly type: 'started';
      readonly promptTokens: number;
      /** Of the prompt, found in the prefix cache. */
      readonly cachedTokens: number;
    }
  | {
      readonly type: 'delta';
      /** Whole characters only; may be empty while a character or a possible stop text is incomplete. */
      readonly text: string;
      /** Tokens that were sampled since the last delta. Their sum is `completionTokens`, the end token counts. */
      readonly tokenCount: number;
      /**
       * Of the tokens whose text begins in what was shown so far, in order, each once: neither the end token nor what
       * belongs to a stop text alone. Empty where not asked for.
       */
      readonly logprobs: readonly GeneratedToken[];
    }
  | {
      readonly type: 'finished';
      readonly reason: FinishReason;
      readonly promptTokens: number;
      readonly completionTokens: number;
      readonly timings: EngineTimings;
      /** null or left out: not known. */
      readonly certainty?: Certainty | null;
      /** The stop text that ended it; null or left out: none, or not known. */
      readonly stopText?: string | null;
    };

export type ReplicaState = 'up' | 'down' | 'ejected' | 'draining';

/** One of the servers that answer in place of an engine of our own. */
export interface ReplicaStatus {
  readonly url: string;
  readonly state: ReplicaState;
  /** Why it is down. */
  readonly reason: string | null;
  /** Requests that it answers at once, those that it has now from here, and their tokens. */
  readonly slots: number;
  readonly inFlight: number;
  readonly outstandingTokens: number;
  /** Requests that it had from others at the last look, where it says so. */
  readonly others: number;
  /** Digests of those that are loaded. */
  readonly adapters: readonly string[];
}

/**
 * How an attempt at one replica ended: `broken` counts against it, `busy` has its limit reached, `adapter` cannot load it,
 * `stale` has lost it, `refused` is the request's own fault.
 */
export type TryOutcome = 'completed' | 'aborted' | 'broken' | 'busy' | 'adapter' | 'stale' | 'refused';

/** Gauges of an engine, as of its last step. */
export interface EngineStatus {
  readonly ready: boolean;
  /** Why it is not ready, for `/readyz`. */
  readonly reason: string | null;
  readonly slotsTotal: number;
  readonly slotsInUse: number;
  readonly queued: number;
  readonly adaptersResident: readonly string[];
  readonly rssBytes: number;
  /** Of passages that are kept, by tenant; left out where others answer. */
  readonly passageBytes?: Readonly<Record<string, number>>;
  /** Where others answer in its place. */
  readonly replicas?: readonly ReplicaStatus[];
}

/** The base that all engines of a gateway compute. */
export interface BaseModel {
  readonly id: string;
  readonly baseDigest: string;
  readonly vocabSize: number;
  readonly supportsInfill: boolean;
}

export interface EngineModel extends BaseModel {
  /** Tokens that the engine holds of a prompt with its answer. */
  readonly contextTokens: number;
}

/** Raw observations that the engine process reports; only `metrics/` does arithmetic on them. */
export type EngineObservation =
  | {
      readonly type: 'step';
      /** `mixed`: answers went on and prompts were computed in one run. */
      readonly kind: 'prefill' | 'decode' | 'mixed';
      readonly rows: number;
      /** Tokens computed. */
      readonly tokens: number;
      /** Guessed tokens among them, and how many of those turned out right. */
      readonly drafted: number;
      readonly accepted: number;
      readonly durationMs: number;
    }
  /** Tokens of a prompt whose keys and values were looked for in the prefix cache, and how many were found. */
  | { readonly type: 'prefix'; readonly lookupTokens: number; readonly hitTokens: number }
  /** A passage that is read by itself was put in place: as it was kept, or as it was just computed. */
  | {
      readonly type: 'passage';
      readonly tenant: string;
      readonly deployment: string;
      readonly tokens: number;
      readonly wasKnown: boolean;
      /** How far it stands from where its keys say that it was computed. */
      readonly turnedBy: number;
    }
  | { readonly type: 'adapter_load'; readonly durationMs: number }
  /** An attempt at a replica is over. */
  | { readonly type: 'try'; readonly outcome: TryOutcome }
  | { readonly type: 'restart' };

export interface TextGenerator {
  readonly model: EngineModel;
  /**
   * Generates one answer. Ending the iteration early or aborting `signal` frees the slot within one step; after an abort
   * the last event is `finished` with reason `abort` and the counts so far. Everything it throws but
   * `engine_unavailable` and `generation_failed` comes before `started`.
   * @throws AppError `context_length_exceeded`, `invalid_value`, `infill_not_supported`, `queue_full`,
   *   `engine_unavailable`, `adapter_load_failed`, `generation_failed`, and what the tokenizer throws
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<TokenEvent>;
  /**
   * To be asked before anything is done for a request: a flood that finds no room should not cost the searches for its prompts.
   * @throws AppError `queue_full` where the next request of the tenant would find no room, as of now
   */
  requireRoom(tenant: string): void;
  status(): EngineStatus;
  /** Called for every observation until the returned function is called. */
  observe(listener: (observation: EngineObservation) => void): () => void;
  /**
   * A replica that drains gets no further requests; those that it has go on. Only where others answer.
   * @throws AppError `not_found`
   */
  drain?(url: string, isDraining: boolean): ReplicaStatus;
  /**
   * Nothing that was computed of the tenant's prompts and passages is used again, those under way included: all of it, or what
   * was computed with the adapter of this digest. Not where others answer: what they keep is theirs.
   */
  forget?(tenant: string, adapterDigest?: string): void;
  /** Ends the process; requests in flight end with `engine_unavailable`. */
  close(): Promise<void>;
}

/** What generates, by name: `embedded`, `upstream`, or a pool of `engines.pools`. */
export interface Engines {
  readonly base: BaseModel;
  /** The default first. */
  readonly names: readonly string[];
  /** @throws AppError `engine_unavailable` where there is none of the name */
  of(name: string): TextGenerator;
  /** Nothing that any of them computed of the tenant's texts is used again: see `TextGenerator`. */
  forget(tenant: string, adapterDigest?: string): void;
}
