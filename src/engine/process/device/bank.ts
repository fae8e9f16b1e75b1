import type { DecoderShape } from '../../../contracts/model-manifest.js';
import type { AdapterTensors } from '../../../layouts/adapter-file.js';
import { LORA_SITES } from '../../../layouts/lora.js';
import type { OnnxRuntime } from '../onnxruntime.js';
import { StockBank } from '../stock/bank.js';
import { DeviceMemory } from './memory.js';
import { RowCopies } from './row-copies.js';
import type { Device } from './start.js';

/**
 * The stock bank on a device. An adapter is written to a bank in the process's own memory first, and its slot is copied
 * to the device, where it stays. No rank may be 0: WebGPU's products end the process (segmentation fault, 1.30).
 */
export class DeviceBank {
  readonly startsAnywhere = false;
  readonly names: readonly string[];
  readonly #runtime: OnnxRuntime;
  readonly #copies: RowCopies;
  readonly #host: StockBank;
  readonly #slots: number;
  readonly #written = new Set<number>();
  /** Rows and columns of a slot in each of the memories, which are in the order of `names`. */
  #shapes: ReturnType<StockBank['shapes']> = [];
  #memories: readonly DeviceMemory[] = [];

  constructor(runtime: OnnxRuntime, device: Device, shape: DecoderShape, slots: number) {
    this.#runtime = runtime;
    this.#copies = new RowCopies(runtime, device, Float32Array, 2 * shape.layers);
    this.#host = new StockBank(runtime, shape, slots, 1);
    this.names = this.#host.names;
    this.#slots = slots;
    this.#allocate();
  }

  /** Fills a slot. Call between steps only. */
  write(slot: number, adapter: AdapterTensors): void {
    this.#host.write(slot, adapter);
    this.#written.add(slot);
    const grown = `${this.#host.shapes()}` !== `${this.#shapes}`;
    if (grown) this.#allocate();
    for (const outdated of grown ? this.#written : [slot]) this.#upload(outdated);
  }

  /** Tensors over the slots `0 … count - 1`, in the order of `names`. */
  tensors(_first: number, count: number): BigUint64Array {
    // Devices have no memory without bytes.
    if (count === 0) return this.#host.tensors(0, 0);
    return BigUint64Array.from(this.#memories, (memory, i) => memory.tensor([count, ...this.#shapes[i]!]));
  }

  #allocate(): void {
    for (const memory of this.#memories) memory.release();
    this.#shapes = this.#host.shapes();
    this.#memories = this.#shapes.map(
      ([rank, width]) => new DeviceMemory(this.#runtime, this.#copies.heap, Float32Array, this.#slots * rank * width),
    );
  }

  /** Site by site: its matrices are as many as the copies take at once. */
  #upload(slot: number): void {
    const rows = this.#host.tensors(slot, 1);
    const slots = this.tensors(0, this.#slots);
    LORA_SITES.forEach((_, site) => {
      const ofSite = (_: unknown, i: number) => (i >> 1) % LORA_SITES.length === site;
      this.#copies.copy(rows.filter(ofSite), 0, slots.filter(ofSite), slot);
    });
  }
}
