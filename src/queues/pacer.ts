export interface PacerOptions {
  /** What each tenant may use in a millisecond, in the long run. */
  readonly perMs: number;
  /** So much of it at once. */
  readonly burstMs: number;
  /** Nobody waits longer, whatever was used. */
  readonly longestWaitMs: number;
  readonly nowMs: () => number;
}

/** Tenants that are looked at before one whose use is over is forgotten. */
const REMEMBERED_TENANTS = 1024;

/** Spreads what each tenant uses over time, in the order in which it is asked for (the generic cell rate algorithm). */
export class Pacer {
  readonly #options: PacerOptions;
  /** When all that a tenant took would be used up at its rate. */
  readonly #usedUpAt = new Map<string, number>();

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  /** Takes the amount. @returns in how many milliseconds it may be used; 0: at once, as is what a tenant takes first, however much it is */
  take(tenant: string, amount: number): number {
    const { perMs, burstMs, longestWaitMs, nowMs } = this.#options;
    const now = nowMs();
    const startsAt = Math.max(this.#usedUpAt.get(tenant) ?? 0, now - burstMs);
    this.#usedUpAt.set(tenant, Math.min(startsAt + amount / perMs, now + longestWaitMs));
    if (this.#usedUpAt.size > REMEMBERED_TENANTS) this.#forget(now - burstMs);
    return Math.max(0, startsAt - now);
  }

  #forget(beforeMs: number): void {
    for (const [tenant, atMs] of this.#usedUpAt) if (atMs <= beforeMs) this.#usedUpAt.delete(tenant);
  }
}
