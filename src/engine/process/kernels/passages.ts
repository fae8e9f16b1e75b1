import type { DecoderShape } from '../../../contracts/model-manifest.js';
import type { NativeMemory } from '../../../native/library.js';
import { BLOCK_TOKENS } from '../prefix-cache.js';
import type { PassageStore } from '../runner.js';
import type { KernelKv } from './kv.js';
import type { NativeKernels, Pieces } from './native.js';
import type { RotaryTables } from './rotary.js';

export interface KernelPassagesOptions {
  readonly kernels: NativeKernels;
  readonly kv: KernelKv;
  readonly shape: DecoderShape;
  readonly rotary: RotaryTables;
  readonly slots: number;
  readonly contextTokens: number;
  readonly bytes: number;
}

/**
 * Keys and values of passages outside the slots, `[places][layers][2][kvHeads][BLOCK_TOKENS][headDim]` in half floats, as
 * they were computed. Keys turn when they are put into a slot, always from what was computed, so that the bits do not depend
 * on where a passage stood before.
 */
export class KernelPassages implements PassageStore {
  readonly places: number;
  readonly placeBytes: number;
  readonly longestTurn: number;
  readonly #options: KernelPassagesOptions;
  readonly #memory: NativeMemory;
  readonly #blockBytes: number;
  /** Blocks of a slot. */
  readonly #longest: number;

  constructor(options: KernelPassagesOptions) {
    const { kernels, shape, slots, contextTokens, bytes } = options;
    this.#options = options;
    this.#blockBytes = BLOCK_TOKENS * shape.headDim * Uint16Array.BYTES_PER_ELEMENT;
    this.placeBytes = shape.layers * 2 * shape.kvHeads * this.#blockBytes;
    this.places = Math.floor(bytes / this.placeBytes);
    this.longestTurn = contextTokens - 1;
    this.#longest = Math.ceil(contextTokens / BLOCK_TOKENS);
    this.#memory = kernels.allocate((this.places + (1 + slots) * this.#longest) * this.placeBytes, 'sparse');
  }

  spare(n: number): readonly number[] {
    return Array.from({ length: this.#longest }, (_, i) => this.places + n * this.#longest + i);
  }

  take(slot: number, position: number, tokens: number, places: readonly number[]): void {
    this.#eachBlock(tokens, places, (place, from, count) => {
      this.#move(
        { ...this.#inPlace(place), position: 0 },
        { ...this.#inSlot(slot), position: position + from },
        count,
        0,
      );
    });
  }

  put(places: readonly number[], tokens: number, from: number, slot: number, position: number): void {
    this.#eachBlock(tokens, places, (place, start, count) => {
      const to = { ...this.#inSlot(slot), position: position + start };
      this.#move(to, { ...this.#inPlace(place), position: 0 }, count, position - from);
    });
  }

  #move(to: Pieces & { position: number }, from: Pieces & { position: number }, tokens: number, turn: number): void {
    const { kernels, shape, rotary } = this.#options;
    const angles = turn === 0 ? null : anglesOf(rotary, turn);
    kernels.moveTokens(to, from, { layers: shape.layers, heads: shape.kvHeads, size: shape.headDim, tokens }, angles);
  }

  #eachBlock(
    tokens: number,
    places: readonly number[],
    move: (place: number, from: number, count: number) => void,
  ): void {
    for (let from = 0; from < tokens; from += BLOCK_TOKENS) {
      move(places[from / BLOCK_TOKENS]!, from, Math.min(BLOCK_TOKENS, tokens - from));
    }
  }

  #inSlot(slot: number): Pieces {
    return this.#options.kv.inSlot(slot, 0);
  }

  #inPlace(place: number): Pieces {
    const { layers, kvHeads } = this.#options.shape;
    const outer = 2 * kvHeads * this.#blockBytes;
    return { memory: this.#memory, offset: place * layers * outer, outer, inner: this.#blockBytes };
  }
}

function anglesOf({ half, cos, sin }: RotaryTables, turn: number): { cos: Float32Array; sin: Float32Array } {
  const row = (table: Float32Array) => table.subarray(Math.abs(turn) * half, (Math.abs(turn) + 1) * half);
  return { cos: row(cos), sin: turn < 0 ? row(sin).map((value) => -value) : row(sin) };
}
