/** Tokens of a block of the KV layout: what is copied as one. */
export const BLOCK_TOKENS = 16;

interface Block {
  /** The block's token ids; in a first block also the root. */
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
 * Blocks form chains from a root on, which stands for all that keys and values depend on beside the tokens, and for
 * who may see them: the tenant and the digest of the adapter. A block is found by its root and all tokens up to its
 * end, compared as they are: no hash that could make one prefix pass for another.
 *
 * When places run out the least recently used block goes that no other block follows. Using a chain marks its blocks
 * from the last to the first, so a block is always marked later than those behind it, and the first in the order of
 * use is such an end of a chain.
 */
export class PrefixCache {
  readonly #places: number;
  readonly #firstBlocks = new Map<string, Block>();
  /** Least recently used first. */
  readonly #byUse = new Set<Block>();

  /** @param places blocks that the arena holds */
  constructor(places: number) {
    this.#places = places;
  }

  /**
   * Places of the longest known beginning of a prompt, a block each, in order. One token at least is left over: its
   * logits give the first token of the answer. Copy the blocks before the next `insert`, which may reuse the places.
   */
  match(root: string, ids: Int32Array): { readonly places: readonly number[] } {
    const chain = this.#find(root, ids, Math.floor((ids.length - 1) / BLOCK_TOKENS));
    return { places: chain.map(({ place }) => place) };
  }

  /**
   * Takes in the whole blocks among the first `upTo` tokens. Returns those that are new, with the places that their
   * keys and values must be copied into at once. A chain longer than the arena keeps its beginning.
   */
  insert(root: string, ids: Int32Array, upTo: number): { readonly block: number; readonly place: number }[] {
    const blocks = Math.min(Math.floor(upTo / BLOCK_TOKENS), this.#places);
    const chain = this.#find(root, ids, blocks);
    const added: { block: number; place: number }[] = [];
    for (let block = chain.length; block < blocks; block++) {
      const siblings = chain.at(-1)?.children ?? this.#firstBlocks;
      const key = keyOf(root, ids, block);
      const taken = this.#byUse.size + added.length;
      const place = taken < this.#places ? taken : this.#evict();
      const created: Block = { key, siblings, children: new Map(), place };
      siblings.set(key, created);
      chain.push(created);
      added.push({ block, place });
    }
    this.#use(chain);
    return added;
  }

  #find(root: string, ids: Int32Array, most: number): Block[] {
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
  #evict(): number {
    const [oldest] = this.#byUse;
    this.#byUse.delete(oldest!);
    oldest!.siblings.delete(oldest!.key);
    return oldest!.place;
  }
}

function keyOf(root: string, ids: Int32Array, block: number): string {
  const tokens = ids.subarray(block * BLOCK_TOKENS, (block + 1) * BLOCK_TOKENS).join();
  return block === 0 ? `${tokens}\n${root}` : tokens;
}
