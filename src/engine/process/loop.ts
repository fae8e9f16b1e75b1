import type { AdapterRef } from '../../contracts/adapter.js';
import type { EngineObservation } from '../../contracts/engine.js';
import { AppError } from '../../errors/app-error.js';
import type { EngineSettings, FromEngine, Gauges, Job, JobEvent } from '../protocol.js';
import { type AdapterHold, LoraBank } from './lora-bank.js';
import type { ModelRunner } from './runner.js';
import { admit, type StepPlan, schedule } from './scheduler.js';
import { Sequence, type SequenceContext } from './sequence.js';

export interface LoopOptions {
  readonly settings: EngineSettings;
  readonly runner: ModelRunner;
  readonly context: SequenceContext;
  readonly send: (message: FromEngine) => void;
}

/** What a filler row reads; its result is dropped. */
const FILLER_TOKEN = 0;

/**
 * The engine's heart: schedule, run, postprocess, one step after another while there is work. The model's run blocks;
 * between two steps the process reads its messages, so an abort frees its slot within one step.
 */
export class EngineLoop {
  readonly #options: LoopOptions;
  readonly #bank: LoraBank;
  readonly #slots: (Sequence | null)[];
  #waiting: Sequence[] = [];
  #events: JobEvent[] = [];
  #observations: EngineObservation[] = [];
  #previous: StepPlan['kind'] = 'idle';
  #admissions = 0;
  #awake = false;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#slots = new Array<Sequence | null>(options.settings.slots).fill(null);
    this.#bank = new LoraBank({
      slots: options.settings.adapterSlots,
      load: (adapter, slot) => this.#load(adapter, slot),
      onSettled: (hold) => this.#settle(hold),
    });
  }

  submit(job: Job): void {
    this.#waiting.push(new Sequence(job, this.#options.context));
    this.#wake();
  }

  /** Ends a job at once; one that is over already is left alone. */
  abort(id: number): void {
    const sequence = [...this.#waiting, ...this.#slots].find((candidate) => candidate?.id === id);
    if (!sequence) return;
    this.#end(sequence);
    this.#events.push({ id, event: sequence.abort() });
    this.#wake();
  }

  gauges(): Gauges {
    return {
      slotsInUse: this.#slots.filter((sequence) => sequence !== null).length,
      queued: this.#waiting.length,
      adaptersResident: this.#bank.residents(),
      rssBytes: process.memoryUsage.rss(),
    };
  }

  #wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#claimAdapters();
    this.#admit();
    const plan = schedule({ slots: this.#slots, previous: this.#previous }, this.#options.settings.prefillChunkTokens);
    this.#previous = plan.kind;
    if (plan.kind !== 'idle') this.#step(plan);
    this.#report();
    if (plan.kind === 'idle') this.#awake = false;
    else setImmediate(() => this.#turn());
  }

  /** In order of arrival: who waits for room in the bank is not overtaken by another adapter. */
  #claimAdapters(): void {
    for (const sequence of this.#waiting) {
      if (sequence.job.adapter === null || sequence.hold) continue;
      const hold = this.#bank.acquire(sequence.job.adapter);
      if (!hold) return;
      sequence.claim(hold);
    }
  }

  #admit(): void {
    for (const { id, slot } of admit(this.#waiting, this.#slots)) {
      const sequence = this.#waiting.find((candidate) => candidate.id === id)!;
      this.#slots[slot] = sequence;
      this.#events.push({ id, event: sequence.start(this.#admissions++) });
    }
    this.#waiting = this.#waiting.filter((sequence) => !this.#slots.includes(sequence));
  }

  #step(plan: Exclude<StepPlan, { kind: 'idle' }>): void {
    const startedMs = this.#options.context.monotonicMs();
    const tokens = plan.kind === 'prefill' ? this.#prefill(plan) : this.#decode(plan);
    const rows = plan.kind === 'prefill' ? 1 : tokens;
    const durationMs = this.#options.context.monotonicMs() - startedMs;
    this.#observations.push({ type: 'step', kind: plan.kind, rows, tokens, durationMs });
  }

  #prefill({ slot, start, tokens, last }: Extract<StepPlan, { kind: 'prefill' }>): number {
    const sequence = this.#slots[slot]!;
    const [logits] = this.#options.runner.run({
      firstSlot: slot,
      positions: [start],
      tokensPerRow: tokens,
      ids: sequence.job.promptIds.subarray(start, start + tokens),
      adapterSlots: [sequence.hold?.slot ?? null],
      logitsOf: last ? [tokens - 1] : [],
    });
    sequence.cachedTokens += tokens;
    if (logits) this.#advance(sequence, logits);
    return tokens;
  }

  #decode({ firstSlot, rows }: Extract<StepPlan, { kind: 'decode' }>): number {
    const sequences = rows.map(({ id }, row) => (id === null ? null : this.#slots[firstSlot + row]!));
    const active = sequences.flatMap((sequence, row) => (sequence ? [{ sequence, row }] : []));
    const logits = this.#options.runner.run({
      firstSlot,
      positions: rows.map(({ position }) => position),
      tokensPerRow: 1,
      ids: sequences.map((sequence) => sequence?.lastToken ?? FILLER_TOKEN),
      adapterSlots: sequences.map((sequence) => sequence?.hold?.slot ?? null),
      logitsOf: active.map(({ row }) => row),
    });
    active.forEach(({ sequence }, i) => {
      sequence.cachedTokens++;
      this.#advance(sequence, logits[i]!);
    });
    return active.length;
  }

  #advance(sequence: Sequence, logits: Float32Array): void {
    try {
      const events = sequence.advance(logits);
      for (const event of events) this.#events.push({ id: sequence.id, event });
      if (events.at(-1)?.type === 'finished') this.#end(sequence);
    } catch (error) {
      // Finite weights can still overflow: the row that did ends, its neighbours go on.
      this.#fail(sequence, new AppError('generation_failed', { reason: reasonOf(error) }));
    }
  }

  async #load(adapter: AdapterRef, slot: number): Promise<void> {
    const startedMs = this.#options.context.monotonicMs();
    await this.#options.runner.loadAdapter(adapter, slot);
    this.#observations.push({ type: 'adapter_load', durationMs: this.#options.context.monotonicMs() - startedMs });
  }

  #settle(hold: AdapterHold): void {
    for (const sequence of this.#waiting.filter((candidate) => candidate.hold === hold)) {
      sequence.adapterLoaded();
      if (hold.state !== 'failed') continue;
      const { name, version } = sequence.job.adapter!;
      const reason = hold.reason ?? 'unknown';
      this.#fail(sequence, new AppError('adapter_load_failed', { adapter: `${name}@${version}`, reason }));
    }
    this.#wake();
  }

  #fail(sequence: Sequence, error: AppError): void {
    this.#end(sequence);
    this.#events.push({ id: sequence.id, error: error.toMessage() });
  }

  #end(sequence: Sequence): void {
    this.#waiting = this.#waiting.filter((candidate) => candidate !== sequence);
    const slot = this.#slots.indexOf(sequence);
    if (slot !== -1) this.#slots[slot] = null;
    if (sequence.hold) this.#bank.release(sequence.hold);
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

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
