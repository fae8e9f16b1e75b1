import type { Clock } from '../contracts/clock.js';
import type { Caller, Charge, Limits, Quota, RateStatus, ShareOf, Shares } from '../contracts/quota.js';
import type { Registry } from '../contracts/registry.js';
import { Account, type Coming, monthOf } from './account.js';
import { type Accounts, Gate } from './gate.js';
import { holdShares } from './held-shares.js';

export interface QuotaOptions {
  /** As they are now; asked at every request. */
  readonly limitsOf: Registry['limitsOf'];
  readonly pastUse: Registry['pastUse'];
  /** Of a key that has no limit of its own. */
  readonly requestsPerMinute: number;
  readonly clock: Clock;
  /** null, or left out: no other gateway has these limits. */
  readonly shares?: Shares | null;
}

/** A minute, and the second in which it began. */
const WINDOW_MS = 61_000;
const ONE_AT_ONCE: Coming = { requests: 0, tokens: 0, concurrent: 1 };
/** Accounts from which on those are forgotten that nobody used for a while: what they used is read again. */
const MANY_ACCOUNTS = 10_000;

/**
 * The quota of one gateway, in its memory; what was used before its start is read when a caller comes for the first time. Of limits that
 * several gateways have it uses its share. What keys may do that have no limit of their own each gateway counts by itself.
 */
export function createQuota({
  limitsOf,
  pastUse,
  requestsPerMinute,
  clock,
  shares = null,
}: QuotaOptions): Quota & { close(): Promise<void> } {
  const accounts = new Map<string, Promise<Account>>();
  const known = new Map<string, Account>();
  const monotonicMs = () => clock.monotonicMs();
  const neededOf = ({ account, kind }: ShareOf) => known.get(account)?.neededOf(kind, monotonicMs()) ?? 0;
  const held = shares && holdShares(shares, neededOf, monotonicMs);
  const cover = async (both: Accounts, coming: Coming) => {
    for (const account of both) await account.cover(coming, monotonicMs, clock.now());
  };
  const gate = new Gate(monotonicMs, held && ((both) => cover(both, ONE_AT_ONCE)));

  function knownOf(caller: Caller): Accounts | null {
    const [own, key] = [known.get(tenantId(caller.tenant)), known.get(keyIdOf(caller))];
    return own && key ? [own, key] : null;
  }

  /** With the limits of now. */
  async function accountsOf(caller: Caller): Promise<Accounts> {
    const { tenant, keyId } = caller;
    const set = await limitsOf(caller);
    const limits = { tenant: set.tenant, key: withDefault(set.key, requestsPerMinute) };
    const both: Accounts =
      knownOf(caller) ??
      (await Promise.all([
        account(tenantId(tenant), `The tenant ${tenant}`, tenant, null, limits.tenant),
        account(keyIdOf(caller), 'This key', tenant, keyId, limits.key),
      ]));
    [both[0].limits, both[1].limits] = [limits.tenant, limits.key];
    both[1].isDefault = set.key.requestsPerMinute === null;
    return both;
  }

  function account(id: string, whose: string, tenant: string, keyId: string | null, limits: Limits): Promise<Account> {
    const opened = accounts.get(id) ?? open(id, whose, tenant, keyId, limits);
    accounts.set(id, opened);
    return opened;
  }

  async function open(id: string, whose: string, tenant: string, keyId: string | null, limits: Limits) {
    forgetIdle();
    try {
      const dateMs = clock.now();
      const past = await pastUse({ tenant, keyId }, { sinceMs: dateMs - WINDOW_MS, month: monthOf(dateMs) });
      const shareFor = held && ((kind: ShareOf['kind']) => held.of({ account: id, kind }));
      const account = new Account(whose, limits, past, clock.monotonicMs(), dateMs, shareFor);
      known.set(id, account);
      return account;
    } catch (error) {
      accounts.delete(id);
      throw error;
    }
  }

  function forgetIdle(): void {
    if (known.size < MANY_ACCOUNTS) return;
    const before = clock.monotonicMs() - WINDOW_MS;
    for (const [id, { isIdle, usedAtMs, limits }] of known) {
      if (!isIdle || usedAtMs > before) continue;
      // What of its share of a month is used is known here alone.
      if (held && limits.tokensPerMonth !== null) continue;
      known.delete(id);
      accounts.delete(id);
    }
  }

  return {
    async admit(caller, { computes, signal }) {
      const both = await accountsOf(caller);
      const coming: Coming = { requests: 1, tokens: computes ? 1 : 0, concurrent: computes ? 1 : 0 };
      const ends = held === null ? [] : both.map((account) => account.expect(coming));
      try {
        if (held) await cover(both, coming);
        const nowMs = clock.monotonicMs();
        for (const account of both) account.checkRequest(nowMs);
        if (computes) {
          for (const account of both) account.checkTokens(1, nowMs, clock.now());
          gate.check(both);
        }
        for (const account of both) account.countRequest(nowMs);
        return computes ? gate.enter(both, signal) : () => {};
      } finally {
        for (const end of ends) end();
      }
    },

    async open(caller, createdAtMs) {
      // Who was let in has the limits of that moment.
      const both = knownOf(caller) ?? (await accountsOf(caller));
      for (const account of both) account.charges += 1;
      return openCharge(both, createdAtMs, clock, held !== null);
    },

    look(caller) {
      const nowMs = clock.monotonicMs();
      const both = [known.get(tenantId(caller.tenant)), known.get(keyIdOf(caller))];
      return {
        requests: tightest(both.map((account) => account?.requests(nowMs) ?? null)),
        tokens: tightest(both.map((account) => account?.tokens(nowMs) ?? null)),
      };
    },

    close: async () => held?.close(),
  };
}

function openCharge(both: Accounts, createdAtMs: number, clock: Clock, isShared: boolean): Charge {
  const hold = (tokens: number) => both.map((account) => account.hold(tokens, clock.monotonicMs(), createdAtMs));
  let held: ReturnType<typeof hold> | null = null;
  let isOver = false;
  return {
    async reserve(tokens) {
      const coming: Coming = { requests: 0, tokens, concurrent: 0 };
      const ends = isShared ? both.map((account) => account.expect(coming)) : [];
      try {
        if (isShared) for (const account of both) await account.cover(coming, () => clock.monotonicMs(), createdAtMs);
        for (const account of both) account.checkTokens(tokens, clock.monotonicMs(), createdAtMs);
        held = hold(tokens);
      } finally {
        for (const end of ends) end();
      }
    },
    settle(tokens) {
      if (isOver) return;
      isOver = true;
      held ??= hold(tokens);
      for (const [i, account] of both.entries()) {
        account.settle(held[i]!, tokens);
        account.charges -= 1;
        account.usedAtMs = clock.monotonicMs();
      }
    },
  };
}

function withDefault(key: Limits, requestsPerMinute: number): Limits {
  return key.requestsPerMinute === null ? { ...key, requestsPerMinute } : key;
}

const tenantId = (tenant: string): string => `tenant ${tenant}`;
const keyIdOf = ({ tenant, keyId }: Caller): string => `key ${tenant} ${keyId}`;

/** The one with the least left. */
function tightest(statuses: readonly (RateStatus | null)[]): RateStatus | null {
  const limited = statuses.filter((status) => status !== null);
  return limited.reduce<RateStatus | null>(
    (least, one) => (least && least.remaining <= one.remaining ? least : one),
    null,
  );
}
