import { Turns } from '../queues/turns.js';

export interface Job {
  readonly tenant: string;
  /** Characters of its texts. */
  readonly characters: number;
}

export interface QueueLimits {
  /** Jobs of one tenant that may wait. */
  readonly maxQueued: number;
  /** Characters of one tenant's jobs that may wait. */
  readonly maxQueuedCharacters: number;
}

/** Tenants beyond whom one that has nothing waiting is forgotten. */
const REMEMBERED_TENANTS = 1024;

/** A short chat takes a few milliseconds; from here on a job may take ten times as long. */
const LONG_CHARACTERS = 16_384;

export const LANES = ['short', 'long'] as const;
export type Lane = (typeof LANES)[number];

/** What waits for a tokenizer process. Each tenant has its own bound, so that none fills another's place; and tenants take turns. */
export class JobQueue<T extends Job> {
  readonly #limits: QueueLimits;
  readonly #lanes = { short: new Turns<T>(), long: new Turns<T>() };
  /** Also of tenants that have nothing waiting now. */
  readonly #loads = new Map<string, { jobs: number; characters: number }>();
  #size = 0;
  #last: Lane = 'short';

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether there was room for it. A tenant that has nothing waiting always has room for one. */
  add(job: T): boolean {
    const load = this.#loads.get(job.tenant);
    const { maxQueued, maxQueuedCharacters } = this.#limits;
    if (load && load.jobs > 0 && (load.jobs >= maxQueued || load.characters + job.characters > maxQueuedCharacters))
      return false;
    this.#lanes[laneOf(job)].add(job);
    this.#account(job, 1);
    return true;
  }

  /** The next job of these lanes, by turns where there are several. */
  take(lanes: readonly Lane[]): T | undefined {
    const others = lanes.filter((lane) => lane !== this.#last);
    for (const lane of new Set([...others, ...lanes])) {
      const job = this.#lanes[lane].take();
      if (job === undefined) continue;
      this.#account(job, -1);
      this.#last = lane;
      return job;
    }
    return undefined;
  }

  /** Whether it was still waiting. */
  remove(job: T): boolean {
    const wasWaiting = this.#lanes[laneOf(job)].remove(job);
    if (wasWaiting) this.#account(job, -1);
    return wasWaiting;
  }

  /** Everything that waits; nothing does afterwards. */
  drain(): T[] {
    const jobs: T[] = [];
    for (let job = this.take(LANES); job !== undefined; job = this.take(LANES)) jobs.push(job);
    return jobs;
  }

  #account({ tenant, characters }: T, sign: 1 | -1): void {
    let load = this.#loads.get(tenant);
    if (load === undefined) {
      load = { jobs: 0, characters: 0 };
      this.#loads.set(tenant, load);
    }
    load.jobs += sign;
    load.characters += sign * characters;
    this.#size += sign;
    if (load.jobs === 0 && this.#loads.size > REMEMBERED_TENANTS) this.#loads.delete(tenant);
  }
}

function laneOf({ characters }: Job): Lane {
  return characters >= LONG_CHARACTERS ? 'long' : 'short';
}
