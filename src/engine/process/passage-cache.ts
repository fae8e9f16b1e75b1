import { isKeptFor, type PrefixRoot } from './prefix-cache.js';

/** What is kept of a passage: where its keys and values lie, block after block. */
export interface KeptPassage {
  readonly places: readonly number[];
}

/** The least that a tenant keeps of the places, whoever else fills them. */
const TENANT_SHARE = 1 / 8;

interface Entry extends KeptPassage, Pick<PrefixRoot, 'tenant' | 'adapter'> {
  readonly key: string;
  /** Grows with its uses, from what was worth least when it came. */
  worth: number;
}

/**
 * Which passages have their keys and values kept, and in which places of the arena. Only the index: the arena belongs to the
 * runner.
 *
 * A passage is found by all that its keys and values depend on, and by who may see it: tenant, audience, adapter, the tokens
 * of the instructions that it is read with and how far they are, and its own, compared as they are (`passageKey`).
 *
 * When places run out the passage goes that is worth least, of those whose tenant keeps more than its share. One is worth
 * what was worth least when it came, and one more with each use (least frequently used, with aging: Arlitt et al., 1999): a
 * use saves as many tokens as it takes places for, so what is worth most to keep is what is used most.
 */
export class PassageCache {
  readonly #places: number;
  readonly #entries = new Map<string, Entry>();
  readonly #byTenant = new Map<string, number>();
  readonly #free: number[];
  #age = 0;

  /** @param places blocks that the arena holds */
  constructor(places: number) {
    this.#places = places;
    this.#free = Array.from({ length: places }, (_, place) => places - 1 - place);
  }

  /** Blocks that are in use, by tenant. */
  get used(): ReadonlyMap<string, number> {
    return this.#byTenant;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Counts as a use. Copy its places before the next `insert`, which may reuse them. */
  find(key: string): KeptPassage | null {
    const entry = this.#entries.get(key);
    if (!entry) return null;
    entry.worth = this.#age + 1 + Math.max(0, entry.worth - this.#age);
    return entry;
  }

  /** Takes in a passage that is not known; null where there is no room for so many blocks beside other tenants' shares. */
  insert(key: string, { tenant, adapter }: Pick<PrefixRoot, 'tenant' | 'adapter'>, blocks: number): KeptPassage | null {
    if (blocks > this.#places * (1 - TENANT_SHARE)) return null;
    while (this.#free.length < blocks) this.#evict();
    const entry: Entry = {
      tenant,
      adapter,
      key,
      places: this.#free.splice(this.#free.length - blocks, blocks).reverse(),
      worth: this.#age + 1,
    };
    this.#entries.set(key, entry);
    this.#count(tenant, blocks);
    return entry;
  }

  /** Gives up what a tenant has kept: all of it, or what was computed with one adapter. */
  forget(tenant: string, adapter?: string): void {
    for (const entry of this.#entries.values()) if (isKeptFor(entry, tenant, adapter)) this.#remove(entry);
  }

  #evict(): void {
    const least = this.#leastWorth();
    this.#age = Math.max(this.#age, least.worth);
    this.#remove(least);
  }

  #remove({ key, places, tenant }: Entry): void {
    this.#entries.delete(key);
    this.#free.push(...places);
    this.#count(tenant, -places.length);
  }

  #leastWorth(): Entry {
    let least: Entry | null = null;
    let leastBeyondShare: Entry | null = null;
    for (const entry of this.#entries.values()) {
      if (least === null || entry.worth < least.worth) least = entry;
      const isBeyondShare = this.#byTenant.get(entry.tenant)! > this.#places * TENANT_SHARE;
      if (isBeyondShare && (leastBeyondShare === null || entry.worth < leastBeyondShare.worth))
        leastBeyondShare = entry;
    }
    return (leastBeyondShare ?? least)!;
  }

  #count(tenant: string, change: number): void {
    const count = (this.#byTenant.get(tenant) ?? 0) + change;
    if (count === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, count);
  }
}

/** All that tells a passage from others, to the last token: no hash that could make one pass for another. */
export function passageKey(
  { tenant, audience, adapter }: PrefixRoot,
  instructions: Int32Array,
  gap: number,
  own: Int32Array,
): string {
  return `${own.join()}\n${instructions.join()}\n${JSON.stringify([gap, tenant, audience, adapter])}`;
}
