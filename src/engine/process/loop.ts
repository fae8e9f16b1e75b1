import type { AdapterRef } from '../../contracts/adapter.js';
import type { EngineObservation, Priority } from '../../contracts/generator.js';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import { AppError, type ErrorMessage } from '../../errors/app-error.js';
import type { EngineSettings, FromEngine, Gauges, Job, JobEvent } from '../protocol.js';
import { planAdapters } from './adapter-plan.js';
import { AdapterStore } from './adapter-store.js';
import { FairShare } from './fair-share.js';
import type { CompileGrammar } from './grammar/compiler.js';
import { Grammars } from './grammar/grammars.js';
import { LoraBank } from './lora-bank.js';
import { Passages } from './passages.js';
import {
  admit,
  asideFor,
  attendedBy,
  type Contender,
  fairOrder,
  longestStepMs,
  planStep,
  type StepPlan,
} from './plan.js';
import { isKeptFor, PrefixCache } from './prefix-cache.js';
import type { ModelRunner, Segment } from './runner.js';
import { Sequence, type SequenceContext } from './sequence.js';
import type { MeasuredStepCost } from './step-cost.js';

export interface LoopOptions {
  readonly settings: EngineSettings;
  readonly base: Pick<ModelManifest, 'baseDigest' | 'shape'>;
  readonly runner: ModelRunner;
  /** What a step takes: decides how much of a prompt it has, and how much drafting pays. */
  readonly cost: Pick<MeasuredStepCost, 'answersMs' | 'promptsMs' | 'observe'>;
  readonly context: SequenceContext;
  readonly compile: CompileGrammar;
  readonly send: (message: FromEngine) => void;
}

/**
 * The engine's heart: schedule, run, postprocess, one step after another while there is work. The model's run blocks;
 * between two steps the process reads its messages, so an abort frees its slot within one step.
 */
export class EngineLoop {
  readonly #options: LoopOptions;
  readonly #bank: LoraBank;
  readonly #store: AdapterStore;
  /** Null where keys and values must not be reused. */
  readonly #prefixes: PrefixCache | null;
  /** Null where passages are computed in order, as all else. */
  readonly #passages: Passages | null;
  readonly #shares: Readonly<Record<Priority, FairShare>>;
  readonly #slots: (Sequence | null)[];
  readonly #grammars: Grammars;
  #waiting: Sequence[] = [];
  #events: JobEvent[] = [];
  #observations: EngineObservation[] = [];
  #awake = false;

  constructor(options: LoopOptions) {
    const { settings, runner, base } = options;
    this.#options = options;
    const { monotonicMs } = options.context;
    this.#shares = { interactive: new FairShare(monotonicMs), batch: new FairShare(monotonicMs) };
    this.#slots = new Array<Sequence | null>(settings.slots + settings.reservedSlots).fill(null);
    this.#store = new AdapterStore(base, settings.adapterCacheBytes);
    this.#prefixes = runner.kvStore ? new PrefixCache(runner.kvStore.places) : null;
    const observe = (observation: EngineObservation) => this.#observations.push(observation);
    this.#passages = runner.passageStore ? new Passages(runner.passageStore, observe) : null;
    this.#bank = new LoraBank({
      slots: settings.adapterSlots,
      load: (adapter, slot) => this.#load(adapter, slot),
      onSettled: (digest, failure) => this.#settle(digest, failure),
    });
    this.#grammars = new Grammars({
      ...options.context,
      compile: options.compile,
      onSettled: (digest, failure) => this.#settleGrammar(digest, failure),
    });
  }

  submit(job: Job): void {
    const passages = this.#passages ? job.passages : [];
    this.#waiting.push(new Sequence({ ...job, passages }, this.#options.context));
    this.#shares[job.priority].arrived(job.tenant);
    this.#wake();
  }

  /** Ends a job at once; one that is over already is left alone. */
  abort(id: number): void {
    const sequence = [...this.#waiting, ...this.#slots].find((candidate) => candidate?.id === id);
    if (!sequence) return;
    // Whoever goes on typing asks for nearly the same again, and may hang up before a long prompt is computed.
    if (this.#slots.includes(sequence)) this.#keepPrefix(sequence);
    this.#end(sequence);
    this.#events.push({ id, event: sequence.abort() });
    this.#wake();
  }

  /** Nothing that was computed for the tenant so far is used again: all of it, or what was computed with one adapter. */
  forget(tenant: string, adapter?: string): void {
    this.#prefixes?.forget(tenant, adapter);
    this.#passages?.forget(tenant, adapter);
    for (const sequence of [...this.#waiting, ...this.#slots]) {
      if (sequence && isKeptFor(sequence, tenant, adapter)) sequence.keeps = false;
    }
  }

  gauges(): Gauges {
    return {
      slotsInUse: this.#slots.filter((sequence) => sequence !== null).length,
      queued: this.#waiting.length,
      adaptersResident: this.#bank.residents.flatMap((view) => (view?.state === 'ready' ? [view.digest] : [])),
      rssBytes: process.memoryUsage.rss(),
      passageBytes: this.#passages?.bytes() ?? {},
    };
  }

  #wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    if (this.#waiting.length > 0) this.#admit();
    this.#passages?.settle(this.#slots);
    const plan = this.#plan();
    const isIdle = plan.decode.length === 0 && plan.prefill.length === 0;
    // Before the model runs: should that end the process, the gateway knows what was being answered.
    if (this.#events.length > 0) this.#report();
    if (!isIdle) this.#step(plan);
    this.#report();
    if (isIdle) this.#awake = false;
    else setImmediate(() => this.#turn());
  }

  readonly #counterOf = ({ priority, tenant }: Contender): number => this.#shares[priority].counter(tenant);

  /** Adapters are fetched for those who wait, and who can start does. */
  #admit(): void {
    const { adapterSlots } = this.#options.settings;
    const order = fairOrder(this.#waiting, this.#counterOf).filter((sequence) => this.#isBound(sequence));
    const { loads, draining } = planAdapters(order, this.#bank.residents, adapterSlots);
    for (const { digest, slot } of loads) {
      this.#bank.load(order.find(({ adapter }) => adapter === digest)!.job.adapter!, slot);
    }
    for (const sequence of order.slice(0, adapterSlots)) {
      if (sequence.adapter !== null && !this.#bank.isReady(sequence.adapter)) sequence.adapterMissed();
    }
    const isReady = (digest: string) => this.#bank.isReady(digest) && !draining.has(digest);
    for (const { id, slot } of admit(order, this.#slots, this.#options.settings, isReady)) {
      const sequence = order.find((candidate) => candidate.id === id)!;
      const hold = sequence.adapter === null ? null : this.#bank.acquire(sequence.adapter);
      this.#dequeue(sequence);
      this.#slots[slot] = sequence;
      const grammar = sequence.job.grammar && this.#grammars.matcher(sequence.job.grammar.digest);
      const cachedTokens = this.#reusePrefix(sequence, slot);
      const areInPlace = cachedTokens >= (sequence.passages.at(-1) ?? 0);
      const knownTokens = areInPlace ? 0 : this.#passages!.begin(sequence);
      this.#events.push({ id, event: sequence.start(hold, { cachedTokens, knownTokens }, grammar) });
    }
  }

  /** Whether what it asks for is compiled; else it lets others pass until it is. */
  #isBound({ job: { grammar, tenant } }: Sequence): boolean {
    if (grammar === null || this.#grammars.isReady(grammar.digest)) return true;
    this.#grammars.want(grammar, tenant);
    return false;
  }

  #plan(): StepPlan {
    const { runner, settings, cost } = this.#options;
    if (runner.exact && settings.drafting) {
      const answering = this.#slots.filter((sequence) => sequence !== null).filter((sequence) => sequence.isAnswering);
      const longestMs = answering.length === 0 ? 0 : longestStepMs(answering.length, settings.stepMs, cost);
      // What a prompt ahead of them waits for is one token of each, and no guesses.
      const aside = asideFor(this.#slots, this.#counterOf);
      for (const sequence of answering) {
        if (!aside.has(sequence)) sequence.draft(answering.length, cost, longestMs);
      }
    }
    return planStep(this.#slots, this.#counterOf, settings, cost);
  }

  #step({ decode, prefill }: StepPlan): void {
    const { runner, context, cost } = this.#options;
    const startedMs = context.monotonicMs();
    const segments: Segment[] = [
      ...decode.map(({ slot }) => this.#slots[slot]!.decodeSegment(slot)),
      ...prefill.map(({ slot, tokens, last }) => this.#slots[slot]!.prefillSegment(slot, tokens, last)),
    ];
    const results = runner.run(segments);
    let drafted = 0;
    let accepted = 0;
    decode.forEach(({ slot }, i) => {
      const sequence = this.#slots[slot]!;
      drafted += sequence.drafted;
      accepted += Math.max(0, this.#advance(sequence, results[i]!) - 1);
    });
    prefill.forEach(({ slot, tokens, last }, i) => {
      const sequence = this.#slots[slot]!;
      this.#shares[sequence.priority].charge(sequence.tenant, tokens, 0);
      sequence.prefilled(tokens);
      this.#passages?.computed(sequence, slot);
      if (!last) return;
      this.#keepPrefix(sequence);
      this.#advance(sequence, results[decode.length + i]!);
    });
    const durationMs = context.monotonicMs() - startedMs;
    const rows = new Set([...decode, ...prefill].map(({ slot }) => slot));
    this.#slots.forEach((sequence, slot) => {
      if (sequence) sequence.stoodAsideMs = rows.has(slot) ? 0 : durationMs;
    });
    const sum = (parts: StepPlan['decode' | 'prefill']) => parts.reduce((total, { tokens }) => total + tokens, 0);
    const attended = prefill.reduce((total, { start, tokens }) => total + attendedBy(start, tokens), 0);
    cost.observe({ answerTokens: sum(decode), promptTokens: sum(prefill), attended }, durationMs);
    this.#observations.push({
      type: 'step',
      kind: decode.length === 0 ? 'prefill' : prefill.length === 0 ? 'decode' : 'mixed',
      rows: segments.length,
      tokens: sum(decode) + sum(prefill),
      drafted,
      accepted,
      durationMs,
    });
  }

  /** Returns the number of tokens drawn. */
  #advance(sequence: Sequence, logits: readonly Float32Array[]): number {
    const before = sequence.completionTokens;
    try {
      const events = sequence.advance(logits);
      for (const event of events) this.#events.push({ id: sequence.id, event });
      if (events.at(-1)?.type === 'finished') {
        this.#keepPrefix(sequence);
        this.#end(sequence);
      }
    } catch (error) {
      // Finite weights can still overflow: the row that did ends, its neighbours go on.
      const reason = error instanceof Error ? error.message : String(error);
      this.#fail(sequence, new AppError('generation_failed', { reason }));
    }
    const drawn = sequence.completionTokens - before;
    this.#shares[sequence.priority].charge(sequence.tenant, 0, drawn);
    return drawn;
  }

  /** Copies what is known of the prompt into the slot; returns its number of tokens. */
  #reusePrefix(sequence: Sequence, slot: number): number {
    if (!this.#prefixes) return 0;
    const kvStore = this.#options.runner.kvStore!;
    const { tokensPerBlock } = kvStore;
    const known = this.#prefixes.match(sequence, sequence.promptIds).places;
    // Up to within the passages is of no use: they are put in place one by one.
    const [instructionTokens = 0] = sequence.passages;
    const isWhole = known.length * tokensPerBlock >= (sequence.passages.at(-1) ?? 0);
    const places = isWhole ? known : known.slice(0, Math.floor(instructionTokens / tokensPerBlock));
    places.forEach((place, block) => {
      kvStore.load(place, slot, block);
    });
    const hitTokens = places.length * tokensPerBlock;
    this.#observations.push({ type: 'prefix', lookupTokens: sequence.promptTokens, hitTokens });
    return hitTokens;
  }

  /** Keeps the keys and values of a slot for a later request that begins alike. */
  #keepPrefix(sequence: Sequence): void {
    // Between passages the instructions may lie there turned.
    if (!this.#prefixes || !sequence.keeps || sequence.reading?.turnedBy) return;
    const slot = this.#slots.indexOf(sequence);
    for (const { block, place } of this.#prefixes.insert(sequence, sequence.ids(), sequence.cachedTokens)) {
      this.#options.runner.kvStore!.save(slot, block, place);
    }
  }

  async #load(adapter: AdapterRef, slot: number): Promise<void> {
    const startedMs = this.#options.context.monotonicMs();
    this.#options.runner.writeAdapter(slot, await this.#store.get(adapter));
    this.#observations.push({ type: 'adapter_load', durationMs: this.#options.context.monotonicMs() - startedMs });
  }

  #settle(digest: string, failure: string | null): void {
    for (const sequence of this.#waiting.filter(({ adapter }) => adapter === digest)) {
      sequence.adapterSettled();
      if (failure === null) continue;
      const { name, version } = sequence.job.adapter!;
      this.#fail(sequence, new AppError('adapter_load_failed', { adapter: `${name}@${version}`, reason: failure }));
    }
    this.#wake();
  }

  #settleGrammar(digest: string, failure: ErrorMessage | null): void {
    if (failure !== null) {
      for (const sequence of this.#waiting.filter(({ job }) => job.grammar?.digest === digest)) {
        this.#fail(sequence, AppError.fromMessage(failure));
      }
    }
    this.#wake();
  }

  #fail(sequence: Sequence, error: AppError): void {
    this.#end(sequence);
    this.#events.push({ id: sequence.id, error: error.toMessage() });
  }

  #end(sequence: Sequence): void {
    const slot = this.#slots.indexOf(sequence);
    if (slot === -1) this.#dequeue(sequence);
    else this.#slots[slot] = null;
    if (sequence.hold) this.#bank.release(sequence.hold);
    // What it was computing is another's to compute.
    sequence.reading = null;
  }

  #dequeue(sequence: Sequence): void {
    this.#waiting = this.#waiting.filter((candidate) => candidate !== sequence);
    this.#shares[sequence.priority].left(sequence.tenant);
  }

  #report(): void {
    if (this.#events.length === 0 && this.#observations.length === 0) return;
    this.#options.send({
      type: 'step',
      events: this.#events,
      observations: this.#observations,
      gauges: this.gauges(),
    });
    this.#events = [];
    this.#observations = [];
  }
}
