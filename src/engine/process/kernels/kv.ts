import type { DecoderShape } from '../../../contracts/model-manifest.js';
import type { NativeMemory } from '../../../native/library.js';
import { BLOCK_TOKENS } from '../prefix-cache.js';
import type { KvStore } from '../runner.js';
import type { NativeKernels, Pieces } from './native.js';

const BYTES_PER_ELEMENT = Uint16Array.BYTES_PER_ELEMENT;

/**
 * Keys and values of all slots, half floats `[layers][slots][2][kvHeads][capacity][headDim]`, and of `places` blocks
 * outside them, `[places][layers][2][kvHeads][BLOCK_TOKENS][headDim]`. Keys and values of `BLOCK_TOKENS` tokens of one
 * head lie together in both (native/src/layout.h). Ordinary pages: a slot costs what its tokens take, not its capacity.
 */
export class KernelKv implements KvStore {
  readonly slots: NativeMemory;
  readonly dims: readonly number[];
  readonly places: number;
  readonly tokensPerBlock = BLOCK_TOKENS;
  readonly #kernels: NativeKernels;
  readonly #store: NativeMemory;
  readonly #layers: number;
  /** Of keys and values, in a layer. */
  readonly #heads: number;
  readonly #slotCount: number;
  readonly #headBytes: number;
  readonly #blockBytes: number;

  /** @param storeTokens tokens that the places hold together */
  constructor(kernels: NativeKernels, shape: DecoderShape, slots: number, contextTokens: number, storeTokens: number) {
    const { layers, kvHeads, headDim } = shape;
    const capacity = Math.ceil(contextTokens / BLOCK_TOKENS) * BLOCK_TOKENS;
    this.dims = [layers, slots, 2, kvHeads, capacity, headDim];
    this.#kernels = kernels;
    this.#slotCount = slots;
    this.#layers = layers;
    this.#heads = 2 * kvHeads;
    this.#headBytes = capacity * headDim * BYTES_PER_ELEMENT;
    this.#blockBytes = BLOCK_TOKENS * headDim * BYTES_PER_ELEMENT;
    this.places = Math.floor(storeTokens / BLOCK_TOKENS);
    this.slots = kernels.allocate(layers * slots * this.#heads * this.#headBytes, 'sparse');
    this.#store = kernels.allocate(Math.max(1, this.places) * layers * this.#heads * this.#blockBytes, 'sparse');
  }

  save(slot: number, block: number, place: number): void {
    this.#copy(this.#inStore(place), this.inSlot(slot, block));
  }

  load(place: number, slot: number, block: number): void {
    this.#copy(this.inSlot(slot, block), this.#inStore(place));
  }

  #copy(to: Pieces, from: Pieces): void {
    this.#kernels.copyPieces(to, from, { outer: this.#layers, inner: this.#heads }, this.#blockBytes);
  }

  inSlot(slot: number, block: number): Pieces {
    const slotBytes = this.#heads * this.#headBytes;
    const offset = slot * slotBytes + block * this.#blockBytes;
    return { memory: this.slots, offset, outer: this.#slotCount * slotBytes, inner: this.#headBytes };
  }

  #inStore(place: number): Pieces {
    const outer = this.#heads * this.#blockBytes;
    return { memory: this.#store, offset: place * this.#layers * outer, outer, inner: this.#blockBytes };
  }
}
