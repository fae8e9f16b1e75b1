import type { Limits, PastUse, RateStatus, ShareOf } from '../contracts/quota.js';
import { AppError } from '../errors/app-error.js';
import type { Share } from './share.js';
import { MinuteWindow } from './window.js';

/** The tokens of one calendar month. */
interface Month {
  used: number;
  /** Set aside for answers that are under way. */
  held: number;
}

/** Tokens that are set aside, and where. */
export interface Held {
  readonly tokens: number;
  readonly second: number;
  readonly month: Month;
}

/** What one request, or one answer, is about to use. */
export interface Coming {
  readonly requests: number;
  readonly tokens: number;
  readonly concurrent: number;
}

/** What of a limit is this gateway's to use: all of it, where none is shared. */
export type ShareFor = (kind: ShareOf['kind']) => Share | null;

/** What one tenant, or one key, has used. Whoever asks first checks, and then counts, without a pause between the two. */
export class Account {
  limits: Limits;
  /** How many requests a minute it may make is what keys may that nobody limited: in each gateway. */
  isDefault = false;
  /** Requests that compute something, and those that wait to. */
  running = 0;
  waiting = 0;
  /** Answers whose charge is open. */
  charges = 0;
  /** What is about to be used, of all that wait for a share of it: so that it is got for all of them. */
  #coming: Coming = { requests: 0, tokens: 0, concurrent: 0 };
  usedAtMs: number;
  readonly #whose: string;
  readonly #requests = new MinuteWindow();
  readonly #tokens = new MinuteWindow();
  /** This one and the one before: an answer counts for the month in which it began. */
  readonly #months = new Map<string, Month>();

  readonly #shareFor: ShareFor;
  /** Of the month in which it came for the first time. */
  readonly #before: { readonly month: string; readonly tokens: number };

  /** @param whose in messages: `The tenant bank` */
  constructor(
    whose: string,
    limits: Limits,
    past: PastUse,
    nowMs: number,
    dateMs: number,
    shareFor: ShareFor | null = null,
  ) {
    this.#whose = whose;
    this.limits = limits;
    this.usedAtMs = nowMs;
    this.#shareFor = shareFor ?? (() => null);
    this.#before = { month: monthOf(dateMs), tokens: past.monthTokens };
    // What was used before is in somebody's share.
    if (shareFor !== null) return;
    this.#requests.add(nowMs, past.answers);
    this.#tokens.add(nowMs, past.tokens);
    this.#monthAt(dateMs).used = past.monthTokens;
  }

  get isIdle(): boolean {
    return this.running === 0 && this.waiting === 0 && this.charges === 0;
  }

  /** @returns what ends it: what came is counted by then, or does not come */
  expect({ requests, tokens, concurrent }: Coming): () => void {
    const add = (sign: 1 | -1) => {
      const { requests: r, tokens: t, concurrent: c } = this.#coming;
      this.#coming = { requests: r + sign * requests, tokens: t + sign * tokens, concurrent: c + sign * concurrent };
    };
    add(1);
    return () => add(-1);
  }

  /** Gets what is missing of this gateway's shares for what was said to come, where others leave it. */
  async cover(coming: Coming, nowMs: () => number, dateMs: number): Promise<void> {
    const { requestsPerMinute, tokensPerMinute, tokensPerMonth, concurrentRequests } = this.limits;
    const month = monthOf(dateMs);
    const past = this.#before.month === month ? this.#before.tokens : 0;
    const cover = (kind: ShareOf['kind'], what: keyof Coming, most: number | null, before = 0) => {
      const more = coming[what];
      const used = () => this.usedOf(kind, nowMs());
      if (most === null || more === 0) return;
      const fits = () => used() + more <= most;
      const need = () => Math.min(most, used() + Math.max(more, this.#coming[what]));
      return this.#shareOf(kind)?.cover({ need, used, fits, most, before, nowMs });
    };
    await cover('requests', 'requests', requestsPerMinute);
    await cover('tokens', 'tokens', tokensPerMinute);
    await cover(`month ${month}`, 'tokens', tokensPerMonth, past);
    await cover('concurrent', 'concurrent', concurrentRequests);
  }

  /** Whether no more may be computed at once. */
  isFull(nowMs: number): boolean {
    const { concurrentRequests: limit } = this.limits;
    return limit !== null && this.running >= this.#mostOf('concurrent', limit, nowMs);
  }

  /** Something that was computed has ended: what others asked for meanwhile is theirs. */
  pay(): void {
    if (this.limits.concurrentRequests === null) return;
    // It ends by itself where nobody can be told.
    this.#shareOf('concurrent')
      ?.pay(() => this.running)
      .catch(() => {});
  }

  /** Of what is limited, in use now. */
  usedOf(kind: ShareOf['kind'], nowMs: number): number {
    if (kind === 'requests') return this.#requests.used(nowMs);
    if (kind === 'tokens') return this.#tokens.used(nowMs);
    if (kind === 'concurrent') return this.running;
    const month = this.#months.get(kind.slice('month '.length));
    return month === undefined ? 0 : month.used + month.held;
  }

  /** In use now, or about to be. */
  neededOf(kind: ShareOf['kind'], nowMs: number): number {
    const what = kind === 'requests' || kind === 'concurrent' ? kind : 'tokens';
    return this.usedOf(kind, nowMs) + this.#coming[what];
  }

  /** @throws AppError `rate_limited` where one more request would be too many */
  checkRequest(nowMs: number): void {
    const { requestsPerMinute: limit } = this.limits;
    const most = this.#mostOf('requests', limit, nowMs);
    if (limit === null || this.#requests.used(nowMs) < most) return;
    throw new AppError('rate_limited', {
      whose: this.#whose,
      limit,
      retryAfterS: inSeconds(this.#requests.untilAtMost(nowMs, most - 1)),
    });
  }

  countRequest(nowMs: number): void {
    this.usedAtMs = nowMs;
    this.#requests.add(nowMs, 1);
  }

  /** @throws AppError where so many tokens more would be too many */
  checkTokens(tokens: number, nowMs: number, dateMs: number): void {
    const { tokensPerMinute: limit, tokensPerMonth: budget } = this.limits;
    const whose = this.#whose;
    if (limit !== null && tokens > limit) throw new AppError('request_exceeds_limit', { whose, tokens, limit });
    const month = this.#monthAt(dateMs);
    const ofMonth = this.#mostOf(`month ${monthOf(dateMs)}`, budget, nowMs);
    if (budget !== null && month.used + month.held + tokens > ofMonth) {
      throw new AppError('insufficient_quota', { whose, tokens, left: Math.max(0, ofMonth - month.used - month.held) });
    }
    const most = this.#mostOf('tokens', limit, nowMs);
    if (limit !== null && this.#tokens.used(nowMs) + tokens > most) {
      const retryAfterS = inSeconds(this.#tokens.untilAtMost(nowMs, most - tokens));
      throw new AppError('token_rate_limited', { whose, tokens, limit, retryAfterS });
    }
  }

  hold(tokens: number, nowMs: number, dateMs: number): Held {
    const month = this.#monthAt(dateMs);
    month.held += tokens;
    return { tokens, second: this.#tokens.add(nowMs, tokens), month };
  }

  /** What was set aside became so many tokens. */
  settle({ tokens, second, month }: Held, used: number): void {
    month.held -= tokens;
    month.used += used;
    this.#tokens.change(second, used - tokens);
  }

  /** Where it stands; null, here and below: no such limit. */
  requests(nowMs: number): RateStatus | null {
    return statusOf(this.#requests, this.limits.requestsPerMinute, nowMs);
  }

  tokens(nowMs: number): RateStatus | null {
    return statusOf(this.#tokens, this.limits.tokensPerMinute, nowMs);
  }

  #shareOf(kind: ShareOf['kind']): Share | null {
    return kind === 'requests' && this.isDefault ? null : this.#shareFor(kind);
  }

  /** What this gateway may use of a limit. */
  #mostOf(kind: ShareOf['kind'], limit: number | null, nowMs: number): number {
    if (limit === null) return Number.POSITIVE_INFINITY;
    return Math.min(limit, this.#shareOf(kind)?.left(nowMs) ?? limit);
  }

  #monthAt(dateMs: number): Month {
    const id = monthOf(dateMs);
    const known = this.#months.get(id);
    if (known) return known;
    const month = { used: 0, held: 0 };
    this.#months.set(id, month);
    if (this.#months.size > 2) this.#months.delete([...this.#months.keys()].sort()[0]!);
    return month;
  }
}

function statusOf(window: MinuteWindow, limit: number | null, nowMs: number): RateStatus | null {
  if (limit === null) return null;
  const remaining = Math.max(0, limit - window.used(nowMs));
  return { limit, remaining, resetMs: window.untilAtMost(nowMs, 0) };
}

const inSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** The month that was asked for last: a request asks for it ten times. */
let last = { id: '', fromMs: 0, untilMs: 0 };

/** 2026-11 */
export function monthOf(dateMs: number): string {
  if (dateMs < last.fromMs || dateMs >= last.untilMs) {
    const date = new Date(dateMs);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    const id = date.toISOString().slice(0, 7);
    last = { id, fromMs: Date.UTC(year, month), untilMs: Date.UTC(year, month + 1) };
  }
  return last.id;
}
