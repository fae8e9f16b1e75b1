/**
 * What a token costs, in the unit of the counters. A completion token takes a step of its own and a prompt token a share
 * of one; 1 and 2 are the weights of the paper's evaluation.
 */
export const PROMPT_TOKEN_WEIGHT = 1;
export const COMPLETION_TOKEN_WEIGHT = 2;

/** Tenants whose counters are kept while they queue for nothing. */
const REMEMBERED_TENANTS = 1024;

interface Tenant {
  counter: number;
  /** Requests that wait for a slot. */
  queued: number;
}

/**
 * How much service each tenant has had, as virtual token counters: whoever has the smallest goes first. Among tenants
 * that queue all the time service differs by no more than two batches' worth, and no tenant gets ahead of one that
 * queues by cutting its requests, by staying away or by a trickle that keeps it present: who comes back to the queue
 * starts at its level.
 *
 * Counters are comparable among requests that compete, so each priority has a `FairShare` of its own: a batch that has
 * to wait for days would otherwise hold the level down for everybody.
 *
 * Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024, algorithm 2 (arXiv 2401.00588). "In the queue"
 * is meant as there: a request that has its slot queues no more.
 */
export class FairShare {
  readonly #tenants = new Map<string, Tenant>();
  readonly #remembered: number;
  /** The last that left the queue; what it is charged since then counts. */
  #lastToLeave: Tenant = { counter: 0, queued: 0 };
  /** The largest counter that was forgotten. */
  #floor = 0;

  constructor(remembered = REMEMBERED_TENANTS) {
    this.#remembered = remembered;
  }

  /** A request of the tenant joins the queue. */
  arrived(name: string): void {
    const tenant = this.#tenant(name);
    if (tenant.queued === 0) tenant.counter = Math.max(tenant.counter, this.#level());
    tenant.queued++;
  }

  /** A request of the tenant leaves the queue: it has got its slot, or waits no longer. */
  left(name: string): void {
    const tenant = this.#tenant(name);
    tenant.queued--;
    if (tenant.queued === 0) this.#lastToLeave = tenant;
  }

  /** Tokens that the model has computed for the tenant. */
  charge(name: string, promptTokens: number, completionTokens: number): void {
    this.#tenant(name).counter += PROMPT_TOKEN_WEIGHT * promptTokens + COMPLETION_TOKEN_WEIGHT * completionTokens;
  }

  /** Never goes down, not even for a tenant that was forgotten meanwhile. */
  counter(name: string): number {
    return this.#tenants.get(name)?.counter ?? this.#level();
  }

  /** Where a tenant starts that comes to the queue: level with the least served in it. Never goes down. */
  #level(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { queued, counter } of this.#tenants.values()) if (queued > 0 && counter < least) least = counter;
    return Math.max(this.#floor, least === Number.POSITIVE_INFINITY ? this.#lastToLeave.counter : least);
  }

  #tenant(name: string): Tenant {
    let tenant = this.#tenants.get(name);
    if (!tenant) {
      if (this.#tenants.size >= this.#remembered) this.#forgetOne();
      tenant = { counter: this.#level(), queued: 0 };
      this.#tenants.set(name, tenant);
    }
    return tenant;
  }

  /** The least served loses least by it; since the level rises to its counter it gains nothing either. */
  #forgetOne(): void {
    let least: [string, Tenant] | null = null;
    for (const entry of this.#tenants) {
      if (entry[1].queued === 0 && (least === null || entry[1].counter < least[1].counter)) least = entry;
    }
    if (least === null) return;
    this.#tenants.delete(least[0]);
    this.#floor = Math.max(this.#floor, least[1].counter);
  }
}
