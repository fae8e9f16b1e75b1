import { type ChildProcess, fork, type Serializable } from 'node:child_process';
import type { Clock } from '../contracts/clock.js';

/** What every child says of its own life; all else is between it and its client. */
export type LifeMessage =
  | { readonly type: 'ready' }
  /** It cannot do its work, and says why; its channel is closed then, which ends it. */
  | { readonly type: 'failed'; readonly reason: string }
  /** The answer to a `ping`. */
  | { readonly type: 'pong' };

/** Asks a child whether it still reads its messages. */
export interface Ping {
  readonly type: 'ping';
}

export interface SupervisedProcessOptions<In, Out> {
  /** For the log. */
  readonly name: string;
  /** File of the program, which ends itself when its channel closes. */
  readonly main: string;
  /** Added to those of this process. */
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The first message of every process. */
  readonly first: In;
  /** Asks the process to end once it wrote what it holds; without it the channel is closed. */
  readonly last?: In;
  /** A process that was ready and sends nothing for this long, not even the answer to a ping, is ended. */
  readonly hangTimeoutMs: number;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
  readonly onMessage: (message: Out) => void;
  /** The process ended, and what it was asked for is lost. `down` says why. */
  readonly onDown: () => void;
  /** Another one was started. */
  readonly onRestart: () => void;
}

/** Why a process cannot be asked now, and when it may be worth to try again. */
export interface Down {
  readonly reason: string;
  readonly retryAfterS: number;
}

/** Pings that a process may leave unanswered. */
const MAX_UNANSWERED = 10;
/** Reading a model blocks a process for as long as the disk takes; beyond this it is stuck. */
const START_TIMEOUT_MS = 600_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;
/** A process that was ready this long had started well: the next failure is a new one. */
const STABLE_AFTER_MS = 30_000;
/** How long a process may take to write what it holds. */
const STOP_TIMEOUT_MS = 20_000;

/** Pause before the start that follows `failures` failures in a row. */
export function restartDelayMs(failures: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
}

/**
 * Keeps one child process running: forks it, and again with growing pauses when it dies, until `close`. One that lives
 * but does not answer is ended, which is a death like any other.
 */
export class SupervisedProcess<In extends Serializable, Out extends { readonly type: string }> {
  readonly #options: SupervisedProcessOptions<In, Out>;
  #child: ChildProcess;
  #readyAtMs: number | null = null;
  #retryAtMs = 0;
  #failures = 0;
  /** What the last process said when it could not work. */
  #failure: string | null = null;
  /** How the last one ended. */
  #ended: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  /** Counted in beats of our own clock: after a pause of the whole machine neither side is late. */
  #unanswered = 0;
  #closed = false;

  constructor(options: SupervisedProcessOptions<In, Out>) {
    this.#options = options;
    this.#child = this.#fork();
  }

  get ready(): boolean {
    return this.#readyAtMs !== null && !this.#closed;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get down(): Down {
    const { clock, name } = this.#options;
    const waitMs = Math.max(0, this.#retryAtMs - clock.monotonicMs());
    const state = this.#failure ?? this.#ended ?? `the ${name} process is starting`;
    return { reason: this.#closed ? 'the server is shutting down' : state, retryAfterS: Math.max(1, waitMs / 1000) };
  }

  /** A message that cannot be delivered is dropped: the exit that follows ends whatever it was about. */
  send(message: In): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Ends a process that does not answer; another one is started. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Resolves when the process is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    if (this.#options.last !== undefined) this.send(this.#options.last);
    else if (child.connected) child.disconnect();
    const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(deadline);
  }

  #fork(): ChildProcess {
    const { main, execArgv = [], env, first } = this.#options;
    const child = fork(main, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [...process.execArgv, ...execArgv],
      env: { ...process.env, ...env },
    });
    child.on('message', (message: Out) => this.#receive(message));
    child.on('error', (error) => {
      // A process that cannot be created has no exit to wait for.
      if (child.pid === undefined) this.#exited(error.message);
    });
    child.once('exit', (code, signal) => {
      // What it still had to say came too late: what it was asked for has failed.
      child.removeAllListeners('message');
      this.#exited(signal ?? `exit code ${code}`);
    });
    child.send(first, () => {});
    this.#watch(() => setTimeout(() => this.#hangs(child, START_TIMEOUT_MS), START_TIMEOUT_MS));
    return child;
  }

  #watch(start: () => NodeJS.Timeout): void {
    if (this.#heartbeat) clearTimeout(this.#heartbeat);
    this.#heartbeat = start().unref();
  }

  #beat(child: ChildProcess): void {
    const { hangTimeoutMs } = this.#options;
    if (this.#unanswered >= MAX_UNANSWERED) this.#hangs(child, hangTimeoutMs);
    else if (child.connected) child.send({ type: 'ping' } satisfies Ping, () => {});
    this.#unanswered++;
  }

  #hangs(child: ChildProcess, silentMs: number): void {
    this.#failure = `the ${this.#options.name} process did not answer for ${silentMs / 1000} s`;
    child.kill('SIGKILL');
  }

  #receive(message: Out | LifeMessage): void {
    this.#unanswered = 0;
    if (message.type === 'pong') return;
    if (message.type === 'ready') {
      this.#readyAtMs = this.#options.clock.monotonicMs();
      this.#failure = null;
      const child = this.#child;
      this.#watch(() => setInterval(() => this.#beat(child), this.#options.hangTimeoutMs / MAX_UNANSWERED));
    }
    if (message.type === 'failed' && 'reason' in message) {
      this.#failure = message.reason;
      if (this.#child.connected) this.#child.disconnect();
    }
    this.#options.onMessage(message as Out);
  }

  #exited(how: string): void {
    const { name, clock, log, onDown, onRestart } = this.#options;
    const nowMs = clock.monotonicMs();
    const wasStable = this.#readyAtMs !== null && nowMs - this.#readyAtMs >= STABLE_AFTER_MS;
    this.#failures = wasStable ? 1 : this.#failures + 1;
    this.#readyAtMs = null;
    this.#unanswered = 0;
    if (this.#heartbeat) clearTimeout(this.#heartbeat);
    const delayMs = restartDelayMs(this.#failures);
    this.#retryAtMs = nowMs + delayMs;
    this.#ended = `the ${name} process ended (${how})`;
    onDown();
    if (this.#closed) return;
    log.warn({ reason: this.#failure ?? this.#ended, restartInMs: delayMs }, `${name} process ended; restarting`);
    this.#timer = setTimeout(() => {
      this.#child = this.#fork();
      onRestart();
    }, delayMs);
  }
}
