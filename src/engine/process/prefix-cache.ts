/** Tokens of a block of the KV layout: what is copied as one. */
export const BLOCK_TOKENS = 16;

/** All that keys and values depend on beside the tokens, and who may see them. */
export interface PrefixRoot {
  readonly tenant: string;
  readonly audience: string;
  /** Digest; null without adapter. */
  readonly adapter: string | null;
  /** Where passages begin that are read by themselves, and where the last one ends; left out, or empty: there are none. */
  readonly passages?: readonly number[];
}

/** The least that a tenant keeps of the places, whoever else fills them. */
const TENANT_SHARE = 1 / 8;

interface Block extends Pick<PrefixRoot, 'tenant' | 'adapter'> {
  /** The block's token ids; in a first block also the root, and where passages begin where the first one does. */
  readonly key: string;
  /** Blocks that share its parent, itself among them. */
  readonly siblings: Map<string, Block>;
  readonly children: Map<string, Block>;
  readonly place: number;
}

/**
 * Which beginnings of prompts have their keys and values kept, and in which places of the arena. Only the index: the
 * arena belongs to the runner.
 *
 * Blocks form chains from a root on. A block is found by its root and all tokens up to its
 * end, compared as they are: no hash that could make one prefix pass for another.
 *
 * When places run out the least recently used block goes that no other block follows, of those whose tenant keeps more
 * than its share: another one's flood takes nobody's prompts. Using a chain marks its blocks from the last to the first,
 * so a block is always marked later than those behind it, and a tenant's first in the order of use is such an end of a
 * chain.
 */
export class PrefixCache {
  readonly #places: number;
  readonly #firstBlocks = new Map<string, Block>();
  /** Least recently used first. */
  readonly #byUse = new Set<Block>();
  readonly #byTenant = new Map<string, number>();
  /** Places given out so far, and those of them that came back. */
  #givenOut = 0;
  readonly #free: number[] = [];

  /** @param places blocks that the arena holds */
  constructor(places: number) {
    this.#places = places;
  }

  /**
   * Places of the longest known beginning of a prompt, a block each, in order. One token at least is left over: its
   * logits give the first token of the answer. Copy the blocks before the next `insert`, which may reuse the places.
   */
  match(root: PrefixRoot, ids: Int32Array): { readonly places: readonly number[] } {
    const chain = this.#find(root, ids, Math.floor((ids.length - 1) / BLOCK_TOKENS));
    return { places: chain.map(({ place }) => place) };
  }

  /**
   * Takes in the whole blocks among the first `upTo` tokens. Returns those that are new, with the places that their
   * keys and values must be copied into at once. A chain longer than the arena keeps its beginning.
   */
  insert(root: PrefixRoot, ids: Int32Array, upTo: number): { readonly block: number; readonly place: number }[] {
    const blocks = Math.min(Math.floor(upTo / BLOCK_TOKENS), this.#places);
    const chain = this.#find(root, ids, blocks);
    const added: { block: number; place: number }[] = [];
    for (let block = chain.length; block < blocks; block++) {
      const siblings = chain.at(-1)?.children ?? this.#firstBlocks;
      const key = keyOf(root, ids, block);
      const { tenant, adapter } = root;
      const created: Block = { tenant, adapter, key, siblings, children: new Map(), place: this.#place(chain) };
      siblings.set(key, created);
      this.#count(tenant, 1);
      chain.push(created);
      added.push({ block, place: created.place });
    }
    this.#use(chain);
    return added;
  }

  /** Gives up what a tenant has kept: all of it, or what was computed with one adapter. */
  forget(tenant: string, adapter?: string): void {
    for (const block of this.#byUse) if (isKeptFor(block, tenant, adapter)) this.#free.push(this.#remove(block));
  }

  #find(root: PrefixRoot, ids: Int32Array, most: number): Block[] {
    const chain: Block[] = [];
    let siblings = this.#firstBlocks;
    while (chain.length < most) {
      const block = siblings.get(keyOf(root, ids, chain.length));
      if (!block) break;
      chain.push(block);
      siblings = block.children;
    }
    this.#use(chain);
    return chain;
  }

  #use(chain: readonly Block[]): void {
    for (const block of chain.toReversed()) {
      this.#byUse.delete(block);
      this.#byUse.add(block);
    }
  }

  /** Called only while blocks outside the chain being inserted are left; that chain was used last. */
  #place(chain: readonly Block[]): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return this.#givenOut < this.#places ? this.#givenOut++ : this.#remove(this.#oldestBeside(chain));
  }

  #remove(block: Block): number {
    this.#byUse.delete(block);
    this.#count(block.tenant, -1);
    block.siblings.delete(block.key);
    return block.place;
  }

  #oldestBeside(chain: readonly Block[]): Block {
    for (const block of this.#byUse) {
      const isBeyondShare = this.#byTenant.get(block.tenant)! > this.#places * TENANT_SHARE;
      if (isBeyondShare && !chain.includes(block)) return block;
    }
    const [oldest] = this.#byUse;
    return oldest!;
  }

  #count(tenant: string, change: number): void {
    const count = (this.#byTenant.get(tenant) ?? 0) + change;
    if (count === 0) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, count);
  }
}

/** What a tenant has kept, of any adapter or of one. */
export function isKeptFor(
  kept: Pick<PrefixRoot, 'tenant' | 'adapter'>,
  tenant: string,
  adapter: string | undefined,
): boolean {
  return kept.tenant === tenant && (adapter === undefined || kept.adapter === adapter);
}

function keyOf({ tenant, audience, adapter, passages }: PrefixRoot, ids: Int32Array, block: number): string {
  const tokens = ids.subarray(block * BLOCK_TOKENS, (block + 1) * BLOCK_TOKENS).join();
  // From the first passage on a token depends on where passages begin, too.
  const isFirstOfPassages = passages?.length && block === Math.floor(passages[0]! / BLOCK_TOKENS);
  const key = isFirstOfPassages ? `${tokens}\n${passages.join()}` : tokens;
  return block === 0 ? `${key}\n${JSON.stringify([tenant, audience, adapter])}` : key;
}
