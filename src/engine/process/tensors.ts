import type { Handle, OnnxRuntime, TensorData } from './onnxruntime.js';

/**
 * Memory of one graph input or output, allocated once at its largest size. Tensors of the shapes in use are views of
 * it, made on first use and kept: making one costs 2 µs, and a step needs more than a hundred.
 */
export class TensorMemory<T extends TensorData> {
  readonly data: T;
  readonly #runtime: OnnxRuntime;
  readonly #tensors = new Map<string, Handle>();

  constructor(runtime: OnnxRuntime, data: T) {
    this.#runtime = runtime;
    this.data = data;
  }

  /** A tensor of `dims` that starts `offset` elements into the memory. */
  tensor(dims: readonly number[], offset = 0): Handle {
    const key = `${offset}:${dims}`;
    let tensor = this.#tensors.get(key);
    if (tensor === undefined) {
      const length = dims.reduce((product, dim) => product * dim, 1);
      tensor = this.#runtime.createTensor(this.data.subarray(offset, offset + length) as T, dims);
      this.#tensors.set(key, tensor);
    }
    return tensor;
  }

  /** Call before the memory is given up; no tensor of it may be used afterwards. */
  release(): void {
    for (const tensor of this.#tensors.values()) this.#runtime.releaseTensor(tensor);
    this.#tensors.clear();
  }
}
