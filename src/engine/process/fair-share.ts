/**
 * What a token costs, in the unit of the counters. A completion token takes a step of its own and a prompt token a share
 * of one; 1 and 2 are the weights of the paper's evaluation.
 */
export const PROMPT_TOKEN_WEIGHT = 1;
export const COMPLETION_TOKEN_WEIGHT = 2;

/**
 * How far behind the least served of those that queue a tenant may come back: a question with its passages and an answer.
 * Who asks now and then goes ahead of a flood with it, and a flood is never further behind than that.
 */
const CREDIT = 2048;

/** What the level rises in a second in which nobody queues: what is used of an idle machine takes nothing from anybody. */
const IDLE_TOKENS_PER_S = 500;

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
 * starts at its level, but for a bounded credit of service that it has not used (the paper has none).
 *
 * Counters are comparable among requests that compete, so each priority has a `FairShare` of its own: a batch that has
 * to wait for days would otherwise hold the level down for everybody.
 *
 * Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024, algorithm 2 (arXiv 2401.00588). "In the queue"
 * is meant as there: a request that has its slot queues no more.
 */
export class FairShare {
  readonly #tenants = new Map<string, Tenant>();
  readonly #credit: number;
  readonly #remembered: number;
  readonly #nowMs: () => number;
  /** The last that left the queue; what it is charged since then counts. */
  #lastToLeave: Tenant = { counter: 0, queued: 0 };
  #queued = 0;
  /** Since when nobody queues. */
  #idleSinceMs: number;
  /** The highest level so far: who comes back with a credit does not take it down for the next one. */
  #reached = 0;
  /** The largest counter that was forgotten. */
  #floor = 0;

  constructor(nowMs: () => number, { credit = CREDIT, remembered = REMEMBERED_TENANTS } = {}) {
    this.#credit = credit;
    this.#remembered = remembered;
    this.#nowMs = nowMs;
    this.#idleSinceMs = nowMs();
  }

  /** A request of the tenant joins the queue. */
  arrived(name: string): void {
    const tenant = this.#tenant(name);
    if (tenant.queued === 0) tenant.counter = Math.max(tenant.counter, this.#start());
    tenant.queued++;
    this.#queued++;
  }

  /** A request of the tenant leaves the queue: it has got its slot, or waits no longer. */
  left(name: string): void {
    const tenant = this.#tenant(name);
    tenant.queued--;
    this.#queued--;
    if (tenant.queued === 0) this.#lastToLeave = tenant;
    if (this.#queued === 0) this.#idleSinceMs = this.#nowMs();
  }

  /** Tokens that the model has computed for the tenant. */
  charge(name: string, promptTokens: number, completionTokens: number): void {
    this.#tenant(name).counter += PROMPT_TOKEN_WEIGHT * promptTokens + COMPLETION_TOKEN_WEIGHT * completionTokens;
  }

  /** Never goes down, not even for a tenant that was forgotten meanwhile. */
  counter(name: string): number {
    return this.#tenants.get(name)?.counter ?? this.#start();
  }

  /** Where a tenant starts that comes to the queue. Never goes down. */
  #start(): number {
    return Math.max(this.#floor, this.#level() - this.#credit);
  }

  /** What the least served in the queue has had. Never goes down. */
  #level(): number {
    if (this.#queued === 0) {
      const nowMs = this.#nowMs();
      const risen = this.#reached + ((nowMs - this.#idleSinceMs) / 1000) * IDLE_TOKENS_PER_S;
      this.#idleSinceMs = nowMs;
      this.#reached = Math.max(risen, this.#lastToLeave.counter);
    } else {
      const queued = [...this.#tenants.values()].filter((tenant) => tenant.queued > 0);
      this.#reached = Math.max(this.#reached, Math.min(...queued.map(({ counter }) => counter)));
    }
    return this.#reached;
  }

  #tenant(name: string): Tenant {
    let tenant = this.#tenants.get(name);
    if (!tenant) {
      if (this.#tenants.size >= this.#remembered) this.#forgetOne();
      tenant = { counter: this.#start(), queued: 0 };
      this.#tenants.set(name, tenant);
    }
    return tenant;
  }

  /** The least served loses least by it; since newcomers start no lower than its counter it gains nothing either. */
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
