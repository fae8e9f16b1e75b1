/** An adapter in the bank. */
export interface ResidentView {
  readonly slot: number;
  readonly digest: string;
  readonly state: 'loading' | 'ready';
  /** Running requests that use it. */
  readonly holders: number;
  /** When it was last used; the smallest is the longest ago. */
  readonly usedAt: number;
}

export interface AdapterPlan {
  /** What to load now, and where. */
  readonly loads: readonly { readonly digest: string; readonly slot: number }[];
  /**
   * The adapter whose slot an earlier request waits for, if any: no request of its own may be admitted any more, or the
   * slot would never become free.
   */
  readonly draining: ReadonlySet<string>;
}

/**
 * Which adapters to bring into the bank for the first of the waiting, ahead of their admission.
 *
 * In their order each takes an empty slot, or the slot of the adapter that is needed latest by the others, and of those
 * that nobody needs the one that was used longest ago (Belady's rule as far as the queue tells the future). It never
 * takes one that is running, loading or needed by a request before it: so the first in the order keeps its adapter
 * until it is admitted. Where nothing can be taken, the adapter with the fewest running requests drains for it, and
 * those behind that need room wait too; the other adapters go on being shared.
 *
 * Draining comes to an end: the adapter that drains for the first in the order gets no more requests, so the fewest
 * running requests, and among equals the lowest slot, never grow; and they all end.
 *
 * @param waiting in fair order
 * @param residents by slot of the bank, null = empty
 * @param lookAhead how many of the waiting are considered
 */
export function planAdapters(
  waiting: readonly { readonly adapter: string | null }[],
  residents: readonly (ResidentView | null)[],
  lookAhead: number,
): AdapterPlan {
  const wanted = [...new Set(waiting.slice(0, lookAhead).flatMap(({ adapter }) => adapter ?? []))];
  const ranks = new Map(wanted.map((digest, rank) => [digest, rank]));
  const rankOf = ({ digest }: ResidentView) => ranks.get(digest) ?? wanted.length;

  /** By slot, as it will be; what is on its way in belongs to the request that it was called for. */
  const bank: (ResidentView | null)[] = [...residents];
  const loads: { digest: string; slot: number }[] = [];
  for (const [rank, digest] of wanted.entries()) {
    if (bank.some((resident) => resident?.digest === digest)) continue;
    const others = bank.filter((resident) => resident !== null).filter((resident) => rankOf(resident) > rank);
    const [idle] = others
      .filter(({ state, holders }) => state === 'ready' && holders === 0)
      .sort((a, b) => rankOf(b) - rankOf(a) || a.usedAt - b.usedAt);
    const empty = bank.indexOf(null);
    const slot = empty === -1 ? idle?.slot : empty;
    if (slot === undefined) {
      const [soonest] = others.sort((a, b) => a.holders - b.holders || a.slot - b.slot);
      return { loads, draining: new Set(soonest ? [soonest.digest] : []) };
    }
    bank[slot] = { slot, digest, state: 'loading', holders: 0, usedAt: 0 };
    loads.push({ digest, slot });
  }
  return { loads, draining: new Set() };
}
