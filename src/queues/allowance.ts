export interface AllowanceLimits {
  /** What a tenant may use at once. */
  readonly burst: number;
  /** What comes back in a millisecond. */
  readonly perMs: number;
}

interface Use {
  used: number;
  atMs: number;
}

/** Tenants that are looked at before a use that is over is forgotten. */
const REMEMBERED_TENANTS = 1024;

/**
 * Tells who uses little from who uses much: each tenant has a leaky bucket of the same size, and is within its allowance
 * until the bucket is full.
 */
export class Allowance {
  readonly #limits: AllowanceLimits;
  readonly #nowMs: () => number;
  readonly #uses = new Map<string, Use>();

  constructor(limits: AllowanceLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  spend(tenant: string, amount: number): void {
    const used = this.#used(tenant) + amount;
    this.#uses.set(tenant, { used, atMs: this.#nowMs() });
    if (this.#uses.size > REMEMBERED_TENANTS) this.#forget();
  }

  isWithin(tenant: string): boolean {
    return this.#used(tenant) <= this.#limits.burst;
  }

  #used(tenant: string): number {
    const use = this.#uses.get(tenant);
    if (!use) return 0;
    // Twice the burst at most: who was greedy for an hour is forgiven as soon as who was for a moment.
    const most = 2 * this.#limits.burst;
    return Math.max(0, Math.min(use.used, most) - (this.#nowMs() - use.atMs) * this.#limits.perMs);
  }

  #forget(): void {
    for (const tenant of this.#uses.keys()) if (this.#used(tenant) === 0) this.#uses.delete(tenant);
  }
}
