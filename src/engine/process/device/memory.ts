import type { DeviceElement, DeviceHeap, Handle, OnnxRuntime } from '../onnxruntime.js';

/**
 * Memory that stays on a device, allocated once at its largest size. As with `TensorMemory`, tensors of the shapes in
 * use are views of it; but they all start where the memory starts, because WebGPU knows a buffer only as a whole.
 */
export class DeviceMemory {
  readonly #runtime: OnnxRuntime;
  readonly #heap: DeviceHeap;
  readonly #element: DeviceElement;
  readonly #memory: Handle;
  readonly #tensors = new Map<string, Handle>();

  constructor(runtime: OnnxRuntime, heap: DeviceHeap, element: DeviceElement, length: number) {
    this.#runtime = runtime;
    this.#heap = heap;
    this.#element = element;
    this.#memory = runtime.allocate(heap, element, length);
  }

  tensor(dims: readonly number[]): Handle {
    const key = `${dims}`;
    let tensor = this.#tensors.get(key);
    if (tensor === undefined) {
      tensor = this.#runtime.viewTensor(this.#heap, this.#memory, this.#element, dims);
      this.#tensors.set(key, tensor);
    }
    return tensor;
  }

  /** Gives the memory back; no tensor of it may be used afterwards. */
  release(): void {
    for (const tensor of this.#tensors.values()) this.#runtime.releaseTensor(tensor);
    this.#tensors.clear();
    this.#runtime.releaseTensor(this.#memory);
  }
}
