/** How much tenants and keys may use, and what they did. Types only. */
import type { USAGE_DIMENSIONS } from './registry-limits.js';

/** What is limited; null: not at all (of a key: by its tenant's limit alone). */
export interface Limits {
  readonly requestsPerMinute: number | null;
  /** Of prompts and answers, in any 60 seconds. */
  readonly tokensPerMinute: number | null;
  /** Of prompts and answers, in a calendar month (UTC). */
  readonly tokensPerMonth: number | null;
  /** Requests that compute something at once. */
  readonly concurrentRequests: number | null;
  /** Further ones that wait for one of those to end; null: none, they are refused. Only beside `concurrentRequests`. */
  readonly queuedRequests: number | null;
}

/** Of all keys of a tenant together. */
export interface TenantLimits extends Limits {
  /** Of the files that it keeps. */
  readonly storedBytes: number | null;
  /** Of its documents in vector stores. */
  readonly storedPassages: number | null;
}

/** Limits as they are set; a key's hold beside its tenant's. */
export interface SetLimits<L extends Limits = TenantLimits> {
  readonly tenant: string;
  /** null: of the tenant. */
  readonly keyId: string | null;
  readonly limits: L;
  /** 0: never set. Grows by one with every change. */
  readonly revision: number;
  readonly updatedAt: number | null;
}

/** Who uses something. */
export interface Caller {
  readonly tenant: string;
  readonly keyId: string;
}

/** What is known of earlier use, when somebody is met for the first time. */
export interface PastUse {
  /** Answers that began since a moment, and their tokens. */
  readonly answers: number;
  readonly tokens: number;
  /** Tokens of the month so far. */
  readonly monthTokens: number;
}

/** Where a caller stands with the tightest of its limits. */
export interface RateStatus {
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is there again. */
  readonly resetMs: number;
}

/** A limit of a tenant or a key: requests and tokens are those of any 60 seconds, `concurrent` what is computed at once, `month 2026-11` is a budget. */
export interface ShareOf {
  readonly account: string;
  readonly kind: 'requests' | 'tokens' | 'concurrent' | `month ${string}`;
}

/** Where several gateways keep one limit, each has a share of it that it uses without asking; together they are never more than the limit. */
export interface Shares {
  /**
   * Raises this gateway's share where the others leave room; they are asked for what they do not use.
   * @param used before anybody had a share
   * @returns what it may use from now on, for `SHARE_MS` from the beginning of the call, or for ever of a budget
   */
  take(of: ShareOf, limit: { readonly most: number; readonly wanted: number; readonly used: number }): Promise<number>;
  /** What is not used is others' from now on. */
  give(of: ShareOf, share: number): Promise<void>;
  /** Keeps all shares that end; those that are still there. */
  renew(): Promise<readonly (ShareOf & { readonly share: number })[]>;
  /** Another gateway needs more. */
  onWanted(listener: (of: ShareOf) => void): void;
}

/** The tokens of one answer. */
export interface Charge {
  /**
   * Sets aside the most that the answer may take. At most once.
   * @throws AppError `token_rate_limited`, `request_exceeds_limit`, `insufficient_quota`; nothing is set aside then
   */
  reserve(tokens: number): Promise<void>;
  /** What it took in the end; the rest is given back. Ends the charge, whether anything was reserved or not. */
  settle(tokens: number): void;
}

/**
 * Keeps tenants and keys within their limits: nothing is let through that might exceed one. Only who comes in is asked; what
 * goes on is never cut. Asynchronous, so that one quota can be shared by several gateways.
 */
export interface Quota {
  /**
   * Counts a request, by its headers alone. One that computes something may have to wait for another one's end.
   * @returns what ends it; ending twice does no harm
   * @throws AppError `rate_limited`, and where it computes something `token_rate_limited`, `insufficient_quota`,
   *   `too_many_concurrent`; the signal's reason after an abort
   */
  admit(caller: Caller, request: { readonly computes: boolean; readonly signal: AbortSignal }): Promise<() => void>;
  /** @param createdAtMs of the answer: what it counts for is the month in which it began */
  open(caller: Caller, createdAtMs: number): Promise<Charge>;
  /** Whoever was admitted; null: there is no such limit. */
  look(caller: Caller): { readonly requests: RateStatus | null; readonly tokens: RateStatus | null };
}

/** What usage can be told apart by. */
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

export interface UsageQuery {
  /** null, here and below: of all. */
  readonly tenant: string | null;
  readonly key: string | null;
  readonly deployment: string | null;
  /** `support@2`, or `base`. */
  readonly version: string | null;
  /** Days (UTC) as 2026-11-27, both included; null: from the first, to the last. */
  readonly from: string | null;
  readonly to: string | null;
  readonly groupBy: readonly UsageDimension[];
}

export interface UsageSums {
  /** Answers asked for, those that failed or were aborted too. */
  readonly answers: number;
  readonly promptTokens: number;
  /** Of the prompts, found in the prefix cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export type UsageRow = UsageSums & { readonly [D in UsageDimension]?: string };

export interface UsageReport {
  /** In the order of the dimensions. */
  readonly rows: readonly UsageRow[];
  readonly total: UsageSums;
}
