import {
  type DeviceElement,
  type DeviceHeap,
  type Handle,
  type NameList,
  nameList,
  type OnnxRuntime,
} from '../onnxruntime.js';
import { TensorMemory } from '../tensors.js';
import { rowCopyGraph } from './row-copy-graph.js';
import type { Device } from './start.js';

/**
 * Copies rows of tensors into rows of other tensors, on the device of the targets, a fixed number of pairs at once. A row
 * is a KV slot or a bank slot; the C API itself copies whole tensors only.
 */
export class RowCopies {
  /** Where the targets lie. */
  readonly heap: DeviceHeap;
  readonly #runtime: OnnxRuntime;
  readonly #session: Handle;
  readonly #rows: Readonly<Record<'from' | 'to', TensorMemory<BigInt64Array>>>;
  readonly #inputNames: NameList;
  readonly #outputNames: NameList;

  constructor(runtime: OnnxRuntime, device: Device, element: DeviceElement, pairs: number) {
    const { model, inputs, outputs } = rowCopyGraph(element === Float32Array ? 'float' : 'float16', pairs);
    this.#runtime = runtime;
    this.#session = runtime.createSession(model, { threads: 1, spinUs: 0, device, inputs: inputs.length });
    this.heap = runtime.openHeap(this.#session, device);
    this.#inputNames = nameList(inputs);
    this.#outputNames = nameList(outputs);
    const row = () => new TensorMemory(runtime, new BigInt64Array(1));
    this.#rows = { from: row(), to: row() };
  }

  /** Row `fromRow` of each of `from`, on any device, becomes row `toRow` of its counterpart in `to`. */
  copy(from: BigUint64Array, fromRow: number, to: BigUint64Array, toRow: number): void {
    this.#rows.from.data[0] = BigInt(fromRow);
    this.#rows.to.data[0] = BigInt(toRow);
    const inputs = BigUint64Array.of(this.#rows.from.tensor([1]), this.#rows.to.tensor([1, 1]), ...from, ...to);
    this.#runtime.run(this.#session, this.#inputNames, inputs, this.#outputNames, to);
  }
}
