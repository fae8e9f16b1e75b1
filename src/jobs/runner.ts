import type { Clock } from '../contracts/clock.js';
import type { JobKind } from '../contracts/jobs.js';
import { AppError } from '../errors/app-error.js';
import { ERRORS } from '../errors/table.js';
import { storageTrouble } from '../sqlite/storage-trouble.js';
import type { JobFailure, JobStore, Lease } from './jobs.js';

/** A job at work. */
export interface Working {
  /** The process stops, or the job was called off or taken over. */
  readonly signal: AbortSignal;
  /** How far it is, 0 … 1. */
  readonly progress: (share: number) => void;
  /** To be awaited before what may end the process; `overcomeRisk` is for what went well of a job that goes on. */
  readonly risk: () => Promise<void>;
}

export interface JobRunnerOptions {
  readonly jobs: JobStore;
  readonly kind: JobKind;
  /** Unlike any other. */
  readonly holder: string;
  /** Nobody else works on jobs of this kind: whoever held leases before is dead. */
  readonly isAlone: boolean;
  /** Jobs at once, each of another tenant. */
  readonly atOnce: number;
  /** A job that ended its process, or failed for a passing reason, that often is given up. */
  readonly maxAttempts: number;
  /** Does the work and completes the job. What it throws fails the job. */
  readonly work: (lease: Lease, working: Working) => Promise<void>;
  /** It failed for good. */
  readonly onFailed: (lease: Lease, durationMs: number) => void;
  /** What a failure is called that is none of the error table. */
  readonly failure: JobFailure;
  readonly clock: Clock;
  readonly onError: (error: unknown, what: string) => void;
}

/** Long enough for a process that is busy, or stopped for a while, to renew it. */
const LEASE_MS = 30_000;
const RENEW_EVERY_MS = 2000;
/** Pauses while the database cannot be used. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Works on the jobs of one kind, a few at once, the tenants in turns. The queue is the table: what was acknowledged is done after any restart. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #stopping = new AbortController();
  readonly #working = new Map<number, { readonly lease: Lease; readonly stop: AbortController; share: number }>();
  /** Begun, and not to be counted as attempts: the database failed, not they. */
  readonly #interrupted = new Set<Lease>();
  #wake: () => void = () => {};
  #loop: Promise<void> | null = null;
  #renewing: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #trouble: string | null = null;
  #failures = 0;
  #isPaused = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#renewing = setInterval(() => void this.#renew(), RENEW_EVERY_MS).unref();
    this.#loop = this.#run();
  }

  /** Why jobs wait although nothing is wrong with them. It is tried again, with growing pauses. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** There is a new job, or one was called off. */
  wake(): void {
    this.#wake();
  }

  /** Stops all work; it goes back to the queue. */
  async stop(): Promise<void> {
    clearInterval(this.#renewing);
    clearTimeout(this.#pause);
    this.#stopping.abort();
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { jobs, kind, holder, isAlone, clock, atOnce } = this.#options;
    const running = new Map<string, Promise<void>>();
    let lastTenant = '';
    if (isAlone) await this.#whenPossible(() => jobs.reclaim(kind, holder, clock.now()));
    while (!this.#stopping.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const isFree = running.size < atOnce && !this.#isPaused;
      const lease = isFree ? await this.#next(lastTenant, [...running.keys()]) : null;
      if (lease) {
        lastTenant = lease.tenant;
        const done = this.#work(lease).finally(() => {
          running.delete(lease.tenant);
          this.#wake();
        });
        running.set(lease.tenant, done);
      } else {
        const alarm = isFree && !this.#isPaused ? await this.#alarm([...running.keys()]) : undefined;
        await woken;
        clearTimeout(alarm);
      }
    }
    await Promise.all(running.values());
  }

  /** Null where nothing waits, and where the database cannot be used. */
  async #next(afterTenant: string, except: readonly string[]): Promise<Lease | null> {
    const { jobs, kind, holder, clock } = this.#options;
    return this.#whenPossible(async () => {
      for (const lease of this.#interrupted) {
        await jobs.release(lease);
        this.#interrupted.delete(lease);
      }
      const lease = await jobs.claim(kind, { holder, afterTenant, except, leaseMs: LEASE_MS, nowMs: clock.now() });
      if (lease === null) this.#recover();
      return lease;
    });
  }

  /** Wakes for a job that waits after a failure, or whose lease runs out; where others work too, also for one that somebody left behind. */
  async #alarm(except: readonly string[]): Promise<NodeJS.Timeout | undefined> {
    const { jobs, kind, isAlone, clock } = this.#options;
    const atMs = await this.#whenPossible(() => jobs.nextStartMs(kind, except));
    const mostMs = isAlone ? Number.POSITIVE_INFINITY : LEASE_MS;
    const waitMs = Math.min(mostMs, atMs === null ? Number.POSITIVE_INFINITY : atMs - clock.now());
    return Number.isFinite(waitMs) ? setTimeout(() => this.#wake(), waitMs).unref() : undefined;
  }

  async #work(lease: Lease): Promise<void> {
    const stop = new AbortController();
    const working = { lease, stop, share: 0 };
    const signal = AbortSignal.any([stop.signal, this.#stopping.signal]);
    this.#working.set(lease.seq, working);
    try {
      await this.#workOnce(lease, {
        signal,
        progress: (share) => {
          working.share = share;
        },
        risk: () => this.#options.jobs.risk(lease),
      });
      this.#recover();
    } catch (error) {
      this.#interrupted.add(lease);
      this.#stall(error);
    } finally {
      this.#working.delete(lease.seq);
    }
  }

  /** @throws the error of a database that cannot be used */
  async #workOnce(lease: Lease, working: Working): Promise<void> {
    const { jobs, clock, maxAttempts, work, onError, onFailed, failure } = this.#options;
    const startedAt = clock.monotonicMs();
    const fail = async (reason: JobFailure) => {
      if (await jobs.fail(lease, reason, clock.now())) onFailed(lease, clock.monotonicMs() - startedAt);
    };
    if (lease.deaths >= maxAttempts) {
      const message = `The process ended ${maxAttempts} times while it worked on this, which is not tried again. Change it, or report it.`;
      onError(new Error(message), `job ${lease.subject} is given up`);
      return fail({ code: failure.code, message });
    }
    try {
      await work(lease, working);
    } catch (error) {
      if (this.#stopping.signal.aborted) return jobs.release(lease);
      // It is not ours any more: whoever took it away knows what becomes of it.
      if (working.signal.aborted) return;
      if (storageTrouble(error) !== null) throw error;
      if (!(error instanceof AppError)) {
        onError(error, `job ${lease.subject} failed`);
        return fail(failure);
      }
      const reason = { code: error.code, message: error.message };
      if (ERRORS[error.code].retryable && lease.attempt < maxAttempts) await jobs.retry(lease, reason, clock.now());
      else await fail(reason);
    }
  }

  /** Stops the work on jobs that are not held any more. */
  async #renew(): Promise<void> {
    const working = [...this.#working.values()];
    if (working.length === 0) return;
    const { jobs, holder, clock } = this.#options;
    const progress = new Map(working.map(({ lease, share }) => [lease.seq, share]));
    const held = await this.#whenPossible(() => jobs.renew(holder, progress, clock.now() + LEASE_MS));
    if (held === null) return;
    for (const { lease, stop } of working) if (!held.has(lease.seq)) stop.abort();
  }

  async #whenPossible<T>(action: () => Promise<T>): Promise<T | null> {
    try {
      return await action();
    } catch (error) {
      this.#stall(error);
      return null;
    }
  }

  #recover(): void {
    this.#trouble = null;
    this.#failures = 0;
  }

  #stall(error: unknown): void {
    if (this.#trouble === null) this.#options.onError(error, `${this.#options.kind} waits for its database`);
    this.#trouble = storageTrouble(error) ?? 'the database reports errors';
    const delayMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    // By a flag, not by the clock's time: a timer may fire a little before its time is up, and nobody would wake it again.
    this.#isPaused = true;
    // One pause at a time: were each failure to wake it, each waking would fail twice.
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#isPaused = false;
      this.#wake();
    }, delayMs).unref();
  }
}
