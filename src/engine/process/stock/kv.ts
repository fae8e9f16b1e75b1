import type { DecoderShape } from '../../../contracts/model-manifest.js';
import type { Handle, OnnxRuntime } from '../onnxruntime.js';
import { TensorMemory } from '../tensors.js';

/**
 * Keys and values of all slots: one float32 buffer `[slots, kvHeads, contextTokens, headDim]` for K and one for V of
 * each layer. The graph reads and writes them in place. Pages that no token reached cost no memory.
 */
export class StockKv {
  readonly startsAnywhere = true;
  readonly #shape: DecoderShape;
  readonly #contextTokens: number;
  readonly #buffers: readonly TensorMemory<Float32Array>[];
  readonly #ranges = new Map<string, BigUint64Array>();

  constructor(runtime: OnnxRuntime, shape: DecoderShape, slots: number, contextTokens: number) {
    this.#shape = shape;
    this.#contextTokens = contextTokens;
    const length = slots * shape.kvHeads * contextTokens * shape.headDim;
    this.#buffers = Array.from({ length: 2 * shape.layers }, () => new TensorMemory(runtime, new Float32Array(length)));
  }

  /** Tensors k.0, v.0, k.1, v.1, … over the slots `first … first + count - 1`. */
  tensors(first: number, count: number): BigUint64Array {
    const key = `${first}:${count}`;
    let range = this.#ranges.get(key);
    if (!range) {
      const { kvHeads, headDim } = this.#shape;
      const dims = [count, kvHeads, this.#contextTokens, headDim];
      const offset = first * kvHeads * this.#contextTokens * headDim;
      range = BigUint64Array.from(this.#buffers, (buffer): Handle => buffer.tensor(dims, offset));
      this.#ranges.set(key, range);
    }
    return range;
  }
}
