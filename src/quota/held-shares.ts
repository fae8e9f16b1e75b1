import type { ShareOf, Shares } from '../contracts/quota.js';
import { SHARE_MS } from '../contracts/registry-limits.js';
import { Share } from './share.js';

/** Several renewals may fail before a share ends. */
const RENEW_EVERY_MS = SHARE_MS / 6;

export interface HeldShares {
  of(share: ShareOf): Share;
  /** Gives them back. */
  close(): Promise<void>;
}

/** The shares of this gateway: renewed while it lives, and given up to whoever needs them. @param neededOf what is in use of one now, or about to be */
export function holdShares(shares: Shares, neededOf: (of: ShareOf) => number, nowMs: () => number): HeldShares {
  const held = new Map<string, Share>();
  const idOf = ({ account, kind }: ShareOf) => `${kind} ${account}`;

  shares.onWanted((of) => {
    // Who needs it hears of a failure itself.
    held
      .get(idOf(of))
      ?.give(() => neededOf(of))
      .catch(() => {});
  });
  const renew = async () => {
    const askedAtMs = nowMs();
    const kept = new Map((await shares.renew()).map((one) => [idOf(one), one.share]));
    for (const [id, share] of held) {
      if (!share.isBudget) share.renewed(kept.get(id) ?? null, askedAtMs);
    }
  };
  // One that is not renewed ends by itself.
  const timer = setInterval(() => void renew().catch(() => {}), RENEW_EVERY_MS).unref();

  return {
    of(share) {
      const id = idOf(share);
      const known = held.get(id) ?? new Share(share, shares);
      held.set(id, known);
      return known;
    },
    async close() {
      clearInterval(timer);
      // What cannot be given back ends by itself, but for budgets.
      await Promise.allSettled([...held.values()].map((share) => share.leave(() => neededOf(share.of))));
    },
  };
}
