import { AppError } from '../errors/app-error.js';

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
}

type Measure = 'requests' | 'bytes';

/** How much of a queue one tenant may fill. */
const TENANT_SHARE = 0.5;
const RETRY_AFTER_S = 1;

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
  /** In order of arrival. */
  readonly #entries = new Set<Entry>();

  constructor({ served, waiting, bytes }: SharedQueueLimits) {
    this.#limits = { requests: served + waiting, bytes };
    this.#tenantLimits = { requests: served + tenantLimit(waiting), bytes: tenantLimit(bytes) };
  }

  /**
   * @param giveWay ends the request with the error, where it still waits; it has left the queue then
   * @throws AppError `queue_full`
   */
  enter(tenant: string, bytes: number, giveWay: (error: AppError) => void): Place {
    const entry: Entry = { tenant, bytes, giveWay, isServed: false };
    this.#entries.add(entry);
    const refuse = (limit: number, measure: Measure) => {
      this.#entries.delete(entry);
      return queueFull(limit, measure);
    };
    for (const measure of ['requests', 'bytes'] as const) {
      const own = this.#sizes(measure).get(tenant)!;
      if (own > this.#tenantLimits[measure] && (measure === 'requests' || own > bytes)) {
        throw refuse(this.#tenantLimits[measure], measure);
      }
    }
    for (const measure of ['requests', 'bytes'] as const) {
      while (this.#isOver(measure)) {
        const victim = this.#newestOfLongest(measure, tenant);
        if (victim === entry) throw refuse(this.#limits[measure], measure);
        this.#entries.delete(victim);
        victim.giveWay(queueFull(this.#limits[measure], measure));
      }
    }
    return {
      served: () => {
        entry.isServed = true;
      },
      leave: () => {
        this.#entries.delete(entry);
      },
    };
  }

  #isOver(measure: Measure): boolean {
    const sizes = [...this.#sizes(measure).values()];
    return sizes.reduce((sum, size) => sum + size, 0) > this.#limits[measure] && this.#entries.size > 1;
  }

  #sizes(measure: Measure): Map<string, number> {
    const sizes = new Map<string, number>();
    for (const { tenant, bytes } of this.#entries) {
      sizes.set(tenant, (sizes.get(tenant) ?? 0) + (measure === 'bytes' ? bytes : 1));
    }
    return sizes;
  }

  #newestOfLongest(measure: Measure, newcomer: string): Entry {
    const newest = new Map(
      [...this.#entries].filter(({ isServed }) => !isServed).map((entry) => [entry.tenant, entry]),
    );
    const sizes = new Map([...this.#sizes(measure)].filter(([tenant]) => newest.has(tenant)));
    return newest.get(longestQueue(sizes, newcomer))!;
  }
}
