import { AppError } from '../errors/app-error.js';
import { Roll } from './roll.js';

export interface SharedQueueLimits {
  /** Requests that are being served need no place among those that wait. */
  readonly served: number;
  readonly waiting: number;
  /** Of all requests, served or waiting. */
  readonly bytes: number;
}

/** A request's place in the queue. */
export interface Place {
  /** It is being served: from now on it gives way to nobody. */
  served(): void;
  /** It is over. Leaving twice does no harm. */
  leave(): void;
}

interface Entry {
  readonly tenant: string;
  readonly bytes: number;
  readonly giveWay: (error: AppError) => void;
  isServed: boolean;
  /** False where it had left already. */
  leave: () => boolean;
}

const MEASURES = ['requests', 'bytes'] as const;
type Measure = (typeof MEASURES)[number];

/** How much of a queue one tenant may fill. */
const TENANT_SHARE = 0.5;
const RETRY_AFTER_S = 1;
/** Tenants beyond whom one that has nothing in a queue is forgotten. */
const REMEMBERED_TENANTS = 1024;

/** What one tenant may have of a queue that all tenants share. */
export const tenantLimit = (limit: number): number => Math.ceil(limit * TENANT_SHARE);

/** Whose queue is the longest: who gives way. Among equals the newcomer's, so that nobody is sent away for nothing. */
export function longestQueue(sizes: ReadonlyMap<string, number>, newcomer: string): string {
  const [longest] = [...sizes].reduce((first, next) => {
    const isLonger = next[1] > first[1] || (next[1] === first[1] && next[0] === newcomer);
    return isLonger ? next : first;
  });
  return longest;
}

const queueFull = (limit: number, measure: Measure): AppError =>
  new AppError('queue_full', { limit: `${limit} ${measure}`, retryAfterS: RETRY_AFTER_S });

/**
 * Bounds what waits, by count and by bytes, so that no tenant can keep the others out: each may fill a share of the
 * queue, and where it is full all the same, the longest queue gives way with its newest request. What can wait alone is
 * never too large.
 */
export class SharedQueue {
  readonly #limits: Readonly<Record<Measure, number>>;
  readonly #tenantLimits: Readonly<Record<Measure, number>>;
  readonly #entries = new Roll<Entry>();
  /** Of all entries, and of each tenant's, also of those that have none now: to enter takes no longer where many are in. */
  readonly #total: Record<Measure, number> = { requests: 0, bytes: 0 };
  readonly #own = new Map<string, Record<Measure, number>>();

  constructor({ served, waiting, bytes }: SharedQueueLimits) {
    this.#limits = { requests: served + waiting, bytes };
    this.#tenantLimits = { requests: served + tenantLimit(waiting), bytes: tenantLimit(bytes) };
  }

  /**
   * @param giveWay ends the request with the error, where it still waits; it has left the queue then
   * @throws AppError `queue_full`
   */
  enter(tenant: string, bytes: number, giveWay: (error: AppError) => void): Place {
    const entry = this.#add(tenant, bytes, giveWay);
    try {
      this.#requireOwnRoom(entry);
      for (const measure of MEASURES) {
        for (let victim = this.#victim(measure, entry); victim !== null; victim = this.#victim(measure, entry)) {
          this.#remove(victim);
          victim.giveWay(queueFull(this.#limits[measure], measure));
        }
      }
    } catch (error) {
      this.#remove(entry);
      throw error;
    }
    return {
      served: () => {
        entry.isServed = true;
      },
      leave: () => this.#remove(entry),
    };
  }

  /** For who would otherwise do work for a request that is refused. @throws AppError `queue_full` where the smallest request of the tenant would be */
  requireRoom(tenant: string): void {
    const entry = this.#add(tenant, 0, () => {});
    try {
      this.#requireOwnRoom(entry);
      for (const measure of MEASURES) this.#victim(measure, entry);
    } finally {
      this.#remove(entry);
    }
  }

  /** @throws AppError `queue_full` where the tenant has no room for its newest entry */
  #requireOwnRoom({ tenant, bytes }: Entry): void {
    for (const measure of MEASURES) {
      const own = this.#own.get(tenant)![measure];
      if (own > this.#tenantLimits[measure] && (measure === 'requests' || own > bytes)) {
        throw queueFull(this.#tenantLimits[measure], measure);
      }
    }
  }

  /** Who has to give way for the newest entry; null: there is room. @throws AppError `queue_full` where it is that entry */
  #victim(measure: Measure, newest: Entry): Entry | null {
    if (this.#total[measure] <= this.#limits[measure] || this.#entries.size === 1) return null;
    const victim = this.#newestOfLongest(measure, newest.tenant);
    if (victim === newest) throw queueFull(this.#limits[measure], measure);
    return victim;
  }

  #add(tenant: string, bytes: number, giveWay: Entry['giveWay']): Entry {
    const entry: Entry = { tenant, bytes, giveWay, isServed: false, leave: () => false };
    entry.leave = this.#entries.add(entry);
    this.#count(entry, 1);
    return entry;
  }

  /** Once. */
  #remove(entry: Entry): void {
    if (entry.leave()) this.#count(entry, -1);
  }

  #count({ tenant, bytes }: Entry, sign: 1 | -1): void {
    let own = this.#own.get(tenant);
    if (own === undefined) {
      own = { requests: 0, bytes: 0 };
      this.#own.set(tenant, own);
    }
    for (const sums of [this.#total, own]) {
      sums.requests += sign;
      sums.bytes += sign * bytes;
    }
    if (own.requests === 0 && this.#own.size > REMEMBERED_TENANTS) this.#own.delete(tenant);
  }

  #newestOfLongest(measure: Measure, newcomer: string): Entry {
    const newest = new Map(
      this.#entries
        .all()
        .filter(({ isServed }) => !isServed)
        .map((entry) => [entry.tenant, entry]),
    );
    const sizes = [...this.#own].flatMap(([tenant, own]): [string, number][] =>
      newest.has(tenant) ? [[tenant, own[measure]]] : [],
    );
    return newest.get(longestQueue(new Map(sizes), newcomer))!;
  }
}
