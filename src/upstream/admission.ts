import type { Priority } from '../contracts/generator.js';
import type { AppError } from '../errors/app-error.js';
import { SharedQueue, type SharedQueueLimits } from '../queues/shared-queue.js';
import { Turns } from '../queues/turns.js';

interface Waiting {
  readonly tenant: string;
  readonly go: () => void;
  readonly giveUp: (reason: unknown) => void;
}

/** A request's way to a replica. */
export interface Ticket {
  /** Resolves when it is its turn. @throws AppError `queue_full` where it had to give way, what `end` says, the signal's reason after an abort */
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

  /** @throws AppError `queue_full` where one more of the tenant would not get in */
  requireRoom(tenant: string): void {
    this.#queue.requireRoom(tenant);
  }

  /** @throws AppError `queue_full` */
  enter({ tenant, priority }: { tenant: string; priority: Priority }, bytes: number): Ticket {
    let gaveWay: AppError | null = null;
    let giveUp = (_reason: unknown) => {};
    const place = this.#queue.enter(tenant, bytes, (error) => {
      gaveWay = error;
      giveUp(error);
    });
    let isServed = false;
    return {
      turn: async (signal) => {
        signal.throwIfAborted();
        if (gaveWay !== null) throw gaveWay;
        await new Promise<void>((resolve, reject) => {
          const onAbort = () => giveUp(signal.reason);
          const waiting: Waiting = {
            tenant,
            go: () => {
              signal.removeEventListener('abort', onAbort);
              isServed = true;
              place.served();
              resolve();
            },
            giveUp: (reason) => {
              signal.removeEventListener('abort', onAbort);
              if (this.#waiting[priority].remove(waiting)) this.#queued -= 1;
              reject(reason);
            },
          };
          giveUp = waiting.giveUp;
          signal.addEventListener('abort', onAbort, { once: true });
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

  /** Nobody who waits now has a turn. */
  end(reason: AppError): void {
    for (const turns of [this.#waiting.interactive, this.#waiting.batch]) {
      for (let next = turns.take(); next !== undefined; next = turns.take()) {
        this.#queued -= 1;
        next.giveUp(reason);
      }
    }
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
