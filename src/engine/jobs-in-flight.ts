import type { Clock } from '../contracts/clock.js';
import type { GenerateRequest } from '../contracts/generator.js';
import { AppError } from '../errors/app-error.js';
import { bytesOf } from '../queues/bytes-of.js';
import { type Place, SharedQueue } from '../queues/shared-queue.js';
import { EventStream } from './event-stream.js';
import { FatalJobs } from './fatal-jobs.js';
import type { EngineSettings, Job, JobEvent } from './protocol.js';

interface InFlight {
  readonly events: EventStream;
  readonly place: Place;
  /** Once it is known what is computed. */
  job: Job | null;
  isStarted: boolean;
}

/** Requests between the gateway and the engine, from the moment they are accepted to their last event. */
export class JobsInFlight {
  readonly #jobs = new Map<number, InFlight>();
  readonly #queue: SharedQueue;
  readonly #fatal: FatalJobs;
  readonly #onGiveWay: (id: number) => void;
  #lastId = 0;

  /** @param onGiveWay tells the engine that a request that waits is wanted no more */
  constructor(settings: EngineSettings, clock: Clock, onGiveWay: (id: number) => void) {
    this.#queue = new SharedQueue({
      served: settings.slots + settings.reservedSlots,
      waiting: settings.maxQueued,
      bytes: settings.maxQueuedBytes,
    });
    this.#fatal = new FatalJobs(clock);
    this.#onGiveWay = onGiveWay;
  }

  /** @throws AppError `queue_full` where one more of the tenant would not be accepted */
  requireRoom(tenant: string): void {
    this.#queue.requireRoom(tenant);
  }

  /** @throws AppError `queue_full` */
  accept({ tenant, prompt, grammar }: Pick<GenerateRequest, 'tenant' | 'prompt' | 'grammar'>): {
    id: number;
    events: EventStream;
  } {
    const id = ++this.#lastId;
    const events = new EventStream();
    const place = this.#queue.enter(tenant, bytesOf([prompt, grammar]), (error) => {
      this.#jobs.delete(id);
      events.fail(error);
      this.#onGiveWay(id);
    });
    this.#jobs.set(id, { events, place, job: null, isStarted: false });
    return { id, events };
  }

  /** False where the request is over already. @throws AppError `request_ends_engine` */
  send(job: Job): boolean {
    this.#fatal.check(job);
    const known = this.#jobs.get(job.id);
    if (known) known.job = job;
    return known !== undefined;
  }

  deliver(message: JobEvent): void {
    const known = this.#jobs.get(message.id);
    if (!known) return;
    if ('error' in message) {
      this.leave(message.id);
      known.events.fail(AppError.fromMessage(message.error));
      return;
    }
    const { event } = message;
    if (event.type === 'started') {
      known.isStarted = true;
      known.place.served();
    }
    if (event.type === 'finished') {
      this.leave(message.id);
      if (known.job && event.reason !== 'abort') this.#fatal.survived(known.job);
    }
    known.events.push(event);
  }

  /** The engine died. */
  fail(error: AppError): void {
    const answered = [...this.#jobs.values()].flatMap(({ isStarted, job }) => (isStarted && job ? [job] : []));
    this.#fatal.died(answered);
    for (const [id, { events }] of this.#jobs) {
      this.leave(id);
      events.fail(error);
    }
  }

  /** False where it had left already. */
  leave(id: number): boolean {
    this.#jobs.get(id)?.place.leave();
    return this.#jobs.delete(id);
  }
}
