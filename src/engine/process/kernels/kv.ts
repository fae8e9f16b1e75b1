import type { DecoderShape } from '../../../contracts/model-manifest.js';
import { BLOCK_TOKENS } from '../prefix-cache.js';
import type { KvStore } from '../runner.js';
import type { NativeKernels } from './native.js';

/**
 * Keys and values of all slots, half floats `[layers][slots][2][kvHeads][capacity][headDim]`, and of `places` blocks
 * outside them. Keys and values of `BLOCK_TOKENS` tokens of one head lie together in both (native/src/layout.h).
 */
export class KernelKv implements KvStore {
  readonly data: Uint16Array;
  readonly dims: readonly number[];
  readonly places: number;
  readonly tokensPerBlock = BLOCK_TOKENS;
  readonly #store: Uint16Array;
  /** Heads of keys and values of all layers. */
  readonly #heads: number;
  readonly #headsPerLayer: number;
  readonly #slots: number;
  readonly #headElements: number;
  readonly #blockElements: number;

  constructor(kernels: NativeKernels, shape: DecoderShape, slots: number, contextTokens: number, storeBytes: number) {
    const { layers, kvHeads, headDim } = shape;
    const capacity = Math.ceil(contextTokens / BLOCK_TOKENS) * BLOCK_TOKENS;
    this.dims = [layers, slots, 2, kvHeads, capacity, headDim];
    this.#slots = slots;
    this.#headsPerLayer = 2 * kvHeads;
    this.#heads = layers * this.#headsPerLayer;
    this.#headElements = capacity * headDim;
    this.#blockElements = BLOCK_TOKENS * headDim;
    this.data = new Uint16Array(kernels.allocate(2 * slots * this.#heads * this.#headElements));
    const placeBytes = 2 * this.#heads * this.#blockElements;
    this.places = Math.floor(storeBytes / placeBytes);
    // Ordinary pages: what no block was saved to costs no memory.
    this.#store = new Uint16Array((this.places * placeBytes) / 2);
  }

  save(slot: number, block: number, place: number): void {
    this.#eachHead(slot, block, place, (inSlot, inStore) => {
      this.#store.set(this.data.subarray(inSlot, inSlot + this.#blockElements), inStore);
    });
  }

  load(place: number, slot: number, block: number): void {
    this.#eachHead(slot, block, place, (inSlot, inStore) => {
      this.data.set(this.#store.subarray(inStore, inStore + this.#blockElements), inSlot);
    });
  }

  #eachHead(slot: number, block: number, place: number, copy: (inSlot: number, inStore: number) => void): void {
    for (let head = 0; head < this.#heads; head++) {
      const layer = Math.floor(head / this.#headsPerLayer);
      const row = (layer * this.#slots + slot) * this.#headsPerLayer + (head % this.#headsPerLayer);
      copy(row * this.#headElements + block * this.#blockElements, (place * this.#heads + head) * this.#blockElements);
    }
  }
}
