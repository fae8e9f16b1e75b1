import type { Priority } from '../contracts/generator.js';
import { SharedQueue, type SharedQueueLimits } from '../queues/shared-queue.js';
import { Turns } from '../queues/turns.js';

interface Waiting {
  readonly tenant: string;
  readonly go: () => void;
}

/** A request's way to a replica. */
export interface Ticket {
  /** Resolves when it is its turn. @throws AppError `queue_full` where it had to give way, the signal's reason after an abort */
  turn(signal: AbortSignal): Promise<void>;
  /** It is over. Leaving twice does no harm. */
  leave(): void;
}

/**
 * Who is answered next, for the pool as a whole: as many as the replicas answer at once, tenants in turn, and `batch` requests
 * where no interactive one waits. What waits is bounded by tenant, by count and by bytes (decision 0025).
 */
export class Admission {
  readonly #slots: () => number;
  readonly #queue: SharedQueue;
  readonly #waiting: Readonly<Record<Priority, Turns<Waiting>>> = { interactive: new Turns(), batch: new Turns() };
  #served = 0;
  #queued = 0;

  /** @param slots how many are answered at once, as of now */
  constructor(slots: () => number, limits: SharedQueueLimits) {
    this.#slots = slots;
    this.#queue = new SharedQueue(limits);
  }

  get queued(): number {
    return this.#queued;
  }

  /** @throws AppError `queue_full` */
  enter({ tenant, priority }: { tenant: string; priority: Priority }, bytes: number): Ticket {
    const gaveWay = new AbortController();
    const place = this.#queue.enter(tenant, bytes, (error) => gaveWay.abort(error));
    let isServed = false;
    return {
      turn: async (signal) => {
        const ended = AbortSignal.any([signal, gaveWay.signal]);
        ended.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const waiting: Waiting = {
            tenant,
            go: () => {
              ended.removeEventListener('abort', giveUp);
              isServed = true;
              place.served();
              resolve();
            },
          };
          const giveUp = () => {
            if (this.#waiting[priority].remove(waiting)) this.#queued -= 1;
            reject(ended.reason);
          };
          ended.addEventListener('abort', giveUp, { once: true });
          this.#waiting[priority].add(waiting);
          this.#queued += 1;
          this.next();
        });
      },
      leave: () => {
        place.leave();
        if (isServed) this.#served -= 1;
        isServed = false;
        this.next();
      },
    };
  }

  /** Lets in whoever there is room for; to be called when there may be more. */
  next(): void {
    while (this.#served < this.#slots()) {
      const next = this.#waiting.interactive.take() ?? this.#waiting.batch.take();
      if (!next) return;
      this.#queued -= 1;
      this.#served += 1;
      next.go();
    }
  }
}
