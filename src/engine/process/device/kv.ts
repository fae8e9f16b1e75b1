import type { DecoderShape } from '../../../contracts/model-manifest.js';
import type { DeviceElement, OnnxRuntime } from '../onnxruntime.js';
import { TensorMemory } from '../tensors.js';
import { DeviceMemory } from './memory.js';
import { RowCopies } from './row-copies.js';
import type { Device } from './start.js';

/**
 * Keys and values of all slots as `StockKv` has them, on a device. No tensor can start in the middle of a buffer there:
 * several slots are read from slot 0 on, and one that has a run to itself is moved to a place of its own and back.
 */
export class DeviceKv {
  readonly startsAnywhere = false;
  readonly #shape: DecoderShape;
  readonly #contextTokens: number;
  readonly #copies: RowCopies;
  readonly #slots: readonly DeviceMemory[];
  readonly #place: readonly DeviceMemory[];
  /** All slots, and the place. */
  readonly #all: BigUint64Array;
  readonly #one: BigUint64Array;

  constructor(
    runtime: OnnxRuntime,
    device: Device,
    element: DeviceElement,
    shape: DecoderShape,
    slots: number,
    contextTokens: number,
  ) {
    this.#shape = shape;
    this.#contextTokens = contextTokens;
    this.#copies = new RowCopies(runtime, device, element, 2 * shape.layers);
    const length = shape.kvHeads * contextTokens * shape.headDim;
    const buffers = (rows: number) =>
      Array.from(
        { length: 2 * shape.layers },
        () => new DeviceMemory(runtime, this.#copies.heap, element, rows * length),
      );
    this.#slots = buffers(slots);
    this.#place = buffers(1);
    this.#all = this.#tensors(this.#slots, slots);
    this.#one = this.#tensors(this.#place, 1);
    // Operators multiply what lies past a row's end by zero: it must be finite.
    const zeros = new TensorMemory(runtime, new element(length));
    const row = BigUint64Array.from(this.#one, () => zeros.tensor(this.#dims(1)));
    this.#copies.copy(row, 0, this.#one, 0);
    for (let slot = 0; slot < slots; slot++) this.#copies.copy(row, 0, this.#all, slot);
    zeros.release();
  }

  /** Tensors k.0, v.0, k.1, v.1, … over the slots `first … first + count - 1`: one slot, or several from slot 0 on. */
  tensors(first: number, count: number): BigUint64Array {
    if (first === 0) return this.#tensors(this.#slots, count);
    this.#copies.copy(this.#all, first, this.#one, 0);
    return this.#one;
  }

  /** To be called after each run over `tensors(first, …)`. */
  written(first: number): void {
    if (first !== 0) this.#copies.copy(this.#one, 0, this.#all, first);
  }

  #tensors(memories: readonly DeviceMemory[], count: number): BigUint64Array {
    return BigUint64Array.from(memories, (memory) => memory.tensor(this.#dims(count)));
  }

  #dims(count: number): readonly number[] {
    return [count, this.#shape.kvHeads, this.#contextTokens, this.#shape.headDim];
  }
}
