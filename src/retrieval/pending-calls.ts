import { AppError } from '../errors/app-error.js';
import { bytesOf } from '../queues/bytes-of.js';
import { SharedQueue } from '../queues/shared-queue.js';
import type { Method } from './protocol.js';

export interface PendingCallLimits {
  readonly maxPendingCalls: number;
  readonly maxPendingBytes: number;
  readonly callTimeoutMs: number;
}

interface PendingCall {
  readonly method: Method;
  readonly tenant: string;
  readonly args: readonly unknown[];
  readonly signal: AbortSignal | undefined;
}

interface Settle {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Only these wait in the process and can be left undone; the others are carried out as soon as they are read. */
const INTERRUPTIBLE: ReadonlySet<Method> = new Set(['search', 'rerank', 'embed', 'embedBehind', 'recognise']);
/** Of a call besides its texts and documents. */
const CALL_BYTES = 512;

/** Calls that have been sent and not answered yet: bounded, fair among tenants, each with a deadline. */
export class PendingCalls {
  readonly #calls = new Map<number, Settle>();
  readonly #queue: SharedQueue;
  readonly #timeoutMs: number;
  readonly #onAbort: (id: number) => void;
  #lastId = 0;

  /** @param onAbort tells the process that nobody waits for a call any more */
  constructor({ maxPendingCalls, maxPendingBytes, callTimeoutMs }: PendingCallLimits, onAbort: (id: number) => void) {
    this.#queue = new SharedQueue({ served: 0, waiting: maxPendingCalls, bytes: maxPendingBytes });
    this.#timeoutMs = callTimeoutMs;
    this.#onAbort = onAbort;
  }

  /**
   * Takes a place for the call and has it sent.
   * @throws AppError `queue_full`, `deadline_exceeded`, and what the call is settled with
   */
  add<T>({ method, tenant, args, signal }: PendingCall, send: (id: number) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      const id = ++this.#lastId;
      const giveUp = (error: unknown) => {
        this.#onAbort(id);
        this.reject(id, error);
      };
      const place = this.#queue.enter(tenant, CALL_BYTES + bytesOf(args), giveUp);
      if (!INTERRUPTIBLE.has(method)) place.served();
      const onAbort = () => giveUp(signal?.reason);
      const timer = setTimeout(
        () => giveUp(new AppError('deadline_exceeded', { limitMs: this.#timeoutMs, retryAfterS: 1 })),
        this.#timeoutMs,
      );
      const settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        place.leave();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#calls.set(id, {
        resolve: (value) => {
          settled();
          resolve(value);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      send(id);
    });
  }

  resolve(id: number, value: unknown): void {
    this.#take(id)?.resolve(value as never);
  }

  reject(id: number, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  rejectAll(error: unknown): void {
    for (const id of [...this.#calls.keys()]) this.reject(id, error);
  }

  #take(id: number): Settle | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }
}
