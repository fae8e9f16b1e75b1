import { setTimeout as sleep } from 'node:timers/promises';
import type { ShareOf, Shares } from '../contracts/quota.js';
import { SHARE_MS } from '../contracts/registry-limits.js';

/** Taken beyond what is needed now, of the limit: so that the next requests need not ask. Of a budget it is gone where the process is killed. */
const AHEAD = 1 / 16;
const AHEAD_OF_BUDGET = 1 / 256;
/** Others give what they do not use within these. */
const PAUSES_MS = [0, 15, 30, 60, 120];
/** After it was asked for in vain, it is not asked for again. */
const IN_VAIN_MS = 200;

export interface Need {
  /** What is in use now, and what is to come, of all who ask at this moment; the limit at most. */
  readonly need: () => number;
  readonly used: () => number;
  /** Whether who asks could be let through at all: nobody is asked for what can never be. */
  readonly fits: () => boolean;
  /** The limit. */
  readonly most: number;
  /** Used before anybody had a share. */
  readonly before: number;
  readonly nowMs: () => number;
}

/** What this gateway may use of one limit that others use, too. */
export class Share {
  readonly of: ShareOf;
  readonly #shares: Shares;
  #share = 0;
  #most = 0;
  #untilMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Others asked while all of it was in use. */
  #isOwed = false;
  /** What changes it follows one another. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(of: ShareOf, shares: Shares) {
    this.of = of;
    this.#shares = shares;
  }

  /** It never ends by itself. */
  get isBudget(): boolean {
    return this.of.kind.startsWith('month');
  }

  /** What may be used now. */
  left(nowMs: number): number {
    return nowMs < this.#untilMs ? this.#share : 0;
  }

  /** Sees to it that what is needed may be used, where that is possible at all. @throws what the store throws */
  async cover({ need, used, fits, most, before, nowMs }: Need): Promise<void> {
    // The others do the same with their next request: until then nobody gets more.
    if (most < this.#most) await this.leave(used);
    this.#most = most;
    const isCovered = () => need() <= this.left(nowMs());
    for (const pauseMs of PAUSES_MS) {
      if (isCovered() || !fits() || nowMs() < this.#notBeforeMs) return;
      if (pauseMs > 0) await sleep(pauseMs);
      await this.#next(async () => {
        if (isCovered()) return;
        const askedAtMs = nowMs();
        const ahead = this.isBudget ? AHEAD_OF_BUDGET : AHEAD;
        const wanted = Math.min(most, need() + Math.ceil(most * ahead));
        this.#hold(await this.#shares.take(this.of, { most, wanted, used: before }), askedAtMs);
      });
    }
    if (!isCovered()) this.#notBeforeMs = nowMs() + IN_VAIN_MS;
  }

  /** Gives others half of what is not used. */
  give(used: () => number): Promise<void> {
    this.#isOwed = used() >= this.#share;
    return this.#lower(() => this.#share - Math.ceil((this.#share - used()) / 2));
  }

  /** Something of it is in use no more: where others asked in vain it is theirs, and nobody here begins by it. */
  async pay(used: () => number): Promise<void> {
    if (!this.#isOwed || used() >= this.#share) return;
    this.#isOwed = false;
    this.#share = used();
    await this.#next(() => this.#shares.give(this.of, this.#share));
  }

  /** Gives others all that is not used. */
  leave(used: () => number): Promise<void> {
    return this.#lower(used);
  }

  /** @param share null: it is gone */
  renewed(share: number | null, askedAtMs: number): void {
    if (share === null) this.#share = 0;
    else this.#hold(Math.min(this.#share, share), askedAtMs);
  }

  #lower(to: () => number): Promise<void> {
    return this.#next(async () => {
      const share = to();
      if (share >= this.#share) return;
      // Before anybody else may use it.
      this.#share = share;
      await this.#shares.give(this.of, share);
    });
  }

  #next(job: () => Promise<void>): Promise<void> {
    const done = this.#last.then(job);
    this.#last = done.catch(() => {});
    return done;
  }

  #hold(share: number, askedAtMs: number): void {
    this.#share = share;
    const untilMs = this.isBudget ? Number.POSITIVE_INFINITY : askedAtMs + SHARE_MS;
    this.#untilMs = Math.max(this.#untilMs, untilMs);
  }
}
