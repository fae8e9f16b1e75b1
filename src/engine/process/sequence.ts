import type { EngineTimings, FinishReason, GeneratedToken, TokenEvent } from '../../contracts/engine.js';
import type { Job } from '../protocol.js';
import { Detokenizer } from './detokenizer.js';
import { logprobsOf } from './logprobs.js';
import type { AdapterHold } from './lora-bank.js';
import { Sampler, type SamplingScratch } from './sampler.js';
import type { SlotView, WaitingView } from './scheduler.js';
import type { Vocabulary } from './vocabulary.js';

/** What all sequences of a process share. */
export interface SequenceContext {
  readonly vocabulary: Vocabulary;
  readonly eosIds: ReadonlySet<number>;
  readonly scratch: SamplingScratch;
  readonly monotonicMs: () => number;
  /** Seeds requests that name no seed. */
  readonly randomSeed: () => number;
}

/** One request within the engine process, from arrival to its last event. */
export class Sequence implements SlotView, WaitingView {
  readonly job: Job;
  /** Its claim on an adapter; null without adapter, or before the bank had room for it. */
  hold: AdapterHold | null = null;
  admission = 0;
  cachedTokens = 0;
  readonly #context: SequenceContext;
  readonly #sampler: Sampler;
  readonly #detokenizer: Detokenizer;
  readonly #arrivedMs: number;
  #claimedMs: number | null = null;
  #admittedMs: number | null = null;
  #firstTokenMs: number | null = null;
  #adapterLoadMs = 0;
  #lastToken = 0;
  #completionTokens = 0;

  constructor(job: Job, context: SequenceContext) {
    this.job = job;
    this.#context = context;
    this.#sampler = new Sampler(job.sampling, job.promptIds, context.scratch, context.randomSeed());
    this.#detokenizer = new Detokenizer(context.vocabulary, job.stop);
    this.#arrivedMs = context.monotonicMs();
  }

  get id(): number {
    return this.job.id;
  }

  get promptTokens(): number {
    return this.job.promptIds.length;
  }

  get ready(): boolean {
    return this.job.adapter === null || this.hold?.state === 'ready';
  }

  /** The token that the next decode step reads. */
  get lastToken(): number {
    return this.#lastToken;
  }

  claim(hold: AdapterHold): void {
    this.hold = hold;
    this.#claimedMs = hold.state === 'ready' ? null : this.#context.monotonicMs();
  }

  /** The adapter is in the bank. */
  adapterLoaded(): void {
    if (this.#claimedMs !== null) this.#adapterLoadMs = this.#context.monotonicMs() - this.#claimedMs;
  }

  start(admission: number): TokenEvent {
    this.admission = admission;
    this.#admittedMs = this.#context.monotonicMs();
    return { type: 'started', promptTokens: this.promptTokens };
  }

  /** Draws the next token. The last event is `finished` when the answer is over. */
  advance(logits: Float32Array): TokenEvent[] {
    const { vocabulary, eosIds, scratch } = this.#context;
    const id = this.#sampler.sample(logits);
    this.#lastToken = id;
    this.#completionTokens++;
    this.#firstTokenMs ??= this.#context.monotonicMs();
    if (eosIds.has(id)) return [this.#delta(this.#detokenizer.end().text, []), this.#finished('stop')];

    const { topLogprobs } = this.job;
    const logprobs = topLogprobs === null ? [] : [logprobsOf(logits, id, topLogprobs, vocabulary, scratch.candidates)];
    const { text, stopped } = this.#detokenizer.push(id);
    if (stopped) return [this.#delta(text, logprobs), this.#finished('stop')];
    if (this.#completionTokens < this.job.maxTokens) return [this.#delta(text, logprobs)];
    const rest = this.#detokenizer.end();
    return [this.#delta(text + rest.text, logprobs), this.#finished(rest.stopped ? 'stop' : 'length')];
  }

  abort(): TokenEvent {
    return this.#finished('abort');
  }

  #delta(text: string, logprobs: readonly GeneratedToken[]): TokenEvent {
    return { type: 'delta', text, tokenCount: 1, logprobs };
  }

  #finished(reason: FinishReason): TokenEvent {
    return {
      type: 'finished',
      reason,
      promptTokens: this.promptTokens,
      completionTokens: this.#completionTokens,
      timings: this.#timings(),
    };
  }

  #timings(): EngineTimings {
    const endMs = this.#context.monotonicMs();
    const admittedMs = this.#admittedMs ?? endMs;
    const firstTokenMs = this.#firstTokenMs ?? endMs;
    return {
      queueMs: admittedMs - this.#arrivedMs,
      prefillMs: firstTokenMs - admittedMs,
      decodeMs: endMs - firstTokenMs,
      firstTokenMs: this.#firstTokenMs === null ? null : firstTokenMs - this.#arrivedMs,
      adapterLoadMs: this.#adapterLoadMs,
    };
  }
}
