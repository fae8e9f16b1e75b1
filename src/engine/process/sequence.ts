import type { EngineTimings, FinishReason, Priority, TokenEvent } from '../../contracts/generator.js';
import type { Job } from '../protocol.js';
import { BegunText } from './begun-text.js';
import { CertaintySum } from './certainty.js';
import { type DecodedText, Detokenizer } from './detokenizer.js';
import { DraftControl } from './drafting.js';
import type { Matcher } from './grammar/matcher.js';
import { HeldTokens } from './held-tokens.js';
import { logprobsOf } from './logprobs.js';
import type { AdapterHold } from './lora-bank.js';
import { NgramIndex } from './ngram-index.js';
import type { PassageReading } from './passage-reading.js';
import type { Piece, SlotView, WaitingView } from './plan.js';
import type { Segment } from './runner.js';
import { Sampler, type SamplingScratch } from './sampler.js';
import type { StepCost } from './step-cost.js';
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

/** How often the longest tokens of a forced text are those that the model takes. */
const FORCED_ACCEPTANCE = 0.9;

/** One request within the engine process, from arrival to its last event. */
export class Sequence implements SlotView, WaitingView {
  readonly job: Job;
  /** The job's, but for those that the answer spells again. */
  readonly promptIds: Int32Array;
  /** Its claim on an adapter; null without adapter, or before it has a slot. */
  hold: AdapterHold | null = null;
  cachedTokens = 0;
  stoodAsideMs = 0;
  /** Whether what is computed of it may be kept for others. */
  keeps = true;
  /** Passages that are not in place yet; null: none. */
  reading: PassageReading | null = null;
  readonly #context: SequenceContext;
  readonly #sampler: Sampler;
  readonly #detokenizer: Detokenizer;
  readonly #begun: BegunText;
  readonly #heldTokens = new HeldTokens();
  readonly #certainty: CertaintySum;
  readonly #arrivedMs: number;
  /** Prompt and answer, as many as `#length`. */
  readonly #ids: Int32Array;
  #length: number;
  /** Looked up in only once there is an answer to draft. */
  #ngrams: NgramIndex | null = null;
  readonly #guesses = new DraftControl();
  /** Of text that the grammar leaves no choice in: only how it is cut into tokens is a guess. */
  readonly #certainties = new DraftControl(FORCED_ACCEPTANCE);
  #draftControl = this.#guesses;
  #grammar: Matcher | null = null;
  #draft: readonly number[] = [];
  #missedMs: number | null = null;
  #admittedMs: number | null = null;
  #firstTokenMs: number | null = null;
  #adapterLoadMs = 0;

  constructor(job: Job, context: SequenceContext) {
    this.job = job;
    this.#context = context;
    const { promptIds, begunTokens } = job;
    this.#begun = new BegunText(context.vocabulary, promptIds.subarray(promptIds.length - begunTokens));
    this.promptIds = promptIds.subarray(0, promptIds.length - this.#begun.tokens);
    this.#certainty = new CertaintySum(context.scratch.scan);
    this.#sampler = new Sampler(job.sampling, this.promptIds, context.scratch, context.randomSeed());
    this.#detokenizer = new Detokenizer(context.vocabulary, job.stop, job.hole, job.shown);
    this.#arrivedMs = context.monotonicMs();
    this.#ids = new Int32Array(this.promptIds.length + job.maxTokens);
    this.#ids.set(this.promptIds);
    this.#length = this.promptIds.length;
  }

  get id(): number {
    return this.job.id;
  }

  get promptTokens(): number {
    return this.promptIds.length;
  }

  get tenant(): string {
    return this.job.tenant;
  }

  get audience(): string {
    return this.job.audience;
  }

  get priority(): Priority {
    return this.job.priority;
  }

  /** Ids of a client grow with time. */
  get arrival(): number {
    return this.job.id;
  }

  get adapter(): string | null {
    return this.job.adapter?.digest ?? null;
  }

  get passages(): readonly number[] {
    return this.job.passages;
  }

  get piece(): Piece | null {
    return this.reading?.piece(this.cachedTokens) ?? null;
  }

  get drafted(): number {
    return this.#draft.length;
  }

  get completionTokens(): number {
    return this.#length - this.promptTokens;
  }

  /** The prompt is computed, and the answer has begun. */
  get isAnswering(): boolean {
    return this.completionTokens > 0;
  }

  /** Prompt and answer. */
  ids(): Int32Array {
    return this.#ids.subarray(0, this.#length);
  }

  /** It is its turn, and its adapter is not there. */
  adapterMissed(): void {
    this.#missedMs ??= this.#context.monotonicMs();
  }

  /** The adapter is in the bank, or will never be. */
  adapterSettled(): void {
    if (this.#missedMs !== null) this.#adapterLoadMs = this.#context.monotonicMs() - this.#missedMs;
  }

  /**
   * @param cachedTokens tokens of the prompt that lie in its slot
   * @param knownTokens and those of passages that need not be computed either
   * @param grammar where the answer stands in what it is bound to
   */
  start(
    hold: AdapterHold | null,
    { cachedTokens, knownTokens }: { readonly cachedTokens: number; readonly knownTokens: number },
    grammar: Matcher | null,
  ): TokenEvent {
    this.hold = hold;
    this.#grammar = grammar;
    this.cachedTokens = cachedTokens;
    this.#admittedMs = this.#context.monotonicMs();
    return { type: 'started', promptTokens: this.promptTokens, cachedTokens: cachedTokens + knownTokens };
  }

  /** Guesses tokens for the next step, as many as pay. @param rows answers that go on in that step */
  draft(rows: number, cost: StepCost, longestMs: number): void {
    const left = this.job.maxTokens - this.completionTokens;
    const lengthOf = (control: DraftControl) => Math.min(control.length(rows, cost, longestMs), left - 1);
    const forced = this.#grammar === null || left < 2 ? [] : this.#grammar.forced(lengthOf(this.#certainties));
    this.#draftControl = forced.length > 0 ? this.#certainties : this.#guesses;
    this.#draft = forced.length > 0 ? forced : this.#guess(lengthOf(this.#guesses));
  }

  #guess(length: number): readonly number[] {
    if (length <= 0) return [];
    this.#ngrams ??= indexOf(this.ids());
    const draft = this.#ngrams.propose(length);
    return this.#grammar === null ? draft : draft.slice(0, this.#grammar.fitting(draft));
  }

  /** The answer's last token and the draft behind it. */
  decodeSegment(slot: number): Segment {
    const ids = [this.#ids[this.#length - 1]!, ...this.#draft];
    return { slot, start: this.cachedTokens, ids, adapterSlot: this.hold?.slot ?? null, logits: ids.length };
  }

  /** The next tokens of the prompt. */
  prefillSegment(slot: number, tokens: number, last: boolean): Segment {
    const { from, start } = this.piece ?? { from: this.cachedTokens, start: this.cachedTokens };
    const ids = this.promptIds.subarray(from, from + tokens);
    return { slot, start, ids, adapterSlot: this.hold?.slot ?? null, logits: Number(last) };
  }

  /** Tokens of `piece` are computed. */
  prefilled(tokens: number): void {
    if (this.reading !== null && this.cachedTokens >= this.reading.instructionTokens) this.reading.computed(tokens);
    else this.cachedTokens += tokens;
    this.#endReading();
  }

  /** The next passage is in place. */
  passagePlaced(): void {
    this.reading!.placed();
    this.#endReading();
  }

  /** Passages that are known may be in place before the instructions are. */
  #endReading(): void {
    const { reading } = this;
    if (!reading?.isOver || this.cachedTokens < reading.instructionTokens) return;
    this.cachedTokens = reading.end;
    this.reading = null;
  }

  /**
   * Draws the next token, and one more for each drafted token that proves right. The last event is `finished` when the
   * answer is over.
   * @param logits behind the last token, and behind each drafted one
   */
  advance(logits: readonly Float32Array[]): TokenEvent[] {
    const draft = this.#draft;
    const wasAnswering = this.isAnswering;
    const events: TokenEvent[] = [];
    let drawn = 0;
    do {
      events.push(...this.#drawNext(logits[drawn]!));
      drawn++;
    } while (events.at(-1)!.type !== 'finished' && draft[drawn - 1] === this.#ids[this.#length - 1]);
    // Of what the step computed, the last token and the right part of the draft are in place.
    if (wasAnswering) this.cachedTokens += drawn;
    this.#draftControl.verified(draft.length, drawn - 1);
    this.#draft = [];
    return events;
  }

  #drawNext(logits: Float32Array): TokenEvent[] {
    const { vocabulary, eosIds, scratch } = this.#context;
    const id = this.#sampler.sample(logits, this.#begun.candidates(), this.#grammar?.mask());
    this.#certainty.add(logits, id);
    this.#ids[this.#length++] = id;
    this.#ngrams?.push(id);
    this.#firstTokenMs ??= this.#context.monotonicMs();
    if (eosIds.has(id)) return [this.#delta(this.#detokenizer.end()), this.#finished('stop')];

    this.#grammar?.accept(id);
    const begunBytes = this.#begun.take(id);
    const { topLogprobs } = this.job;
    if (topLogprobs !== null && begunBytes < vocabulary.bytes(id).length) {
      const token = logprobsOf(logits, id, topLogprobs, vocabulary, scratch);
      this.#heldTokens.push(token, this.#detokenizer.decodedLength);
    }
    const decoded = this.#detokenizer.push(id, begunBytes);
    if (decoded.stopped) return [this.#delta(decoded), this.#finished('stop')];
    const isComplete = this.#grammar?.isComplete ?? false;
    if (this.completionTokens < this.job.maxTokens && !isComplete) return [this.#delta(decoded)];
    const rest = this.#detokenizer.end();
    const whole = { text: decoded.text + rest.text, stopped: rest.stopped };
    return [this.#delta(whole), this.#finished(rest.stopped || isComplete ? 'stop' : 'length')];
  }

  abort(): TokenEvent {
    return this.#finished('abort');
  }

  #delta({ text }: DecodedText): TokenEvent {
    return { type: 'delta', text, tokenCount: 1, logprobs: this.#heldTokens.shown(text.length) };
  }

  #finished(reason: FinishReason): TokenEvent {
    return {
      type: 'finished',
      reason,
      promptTokens: this.promptTokens,
      completionTokens: this.completionTokens,
      timings: this.#timings(),
      certainty: this.#certainty.value(),
      stopText: this.#detokenizer.stopText,
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

function indexOf(ids: Int32Array): NgramIndex {
  const index = new NgramIndex();
  for (const id of ids) index.push(id);
  return index;
}
