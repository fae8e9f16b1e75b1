import { AttributeType, DataType, encodeModel } from '../../layouts/onnx.js';
import type { DataFile, TensorPlace } from './data-file.js';

/** Domain of onnxruntime's contributed operators. */
export const MICROSOFT = 'com.microsoft';
/** Domain of the operators in native/. */
export const SWITCHYARD = 'switchyard';

/** An integer, a string, a list of integers, or `{ float }` (a number alone is an integer). */
type Attribute = number | string | readonly number[] | { readonly float: number };

/** A named axis, or a fixed length. */
export type Axis = string | number;

export interface NodeOptions {
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Names of the outputs; an empty name leaves an optional output out. Without it there is one, named by us. */
  readonly outputs?: readonly string[];
}

type Bytes = Uint8Array | Float32Array | Int32Array | BigInt64Array;

const INLINE_LIMIT_BYTES = 1024;

/**
 * Builds one ONNX graph node by node; large tensors go straight to a data file, so that memory never holds them all.
 * Values are named by strings. With no data file, everything is inline.
 */
export class GraphWriter {
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  readonly #places = new Map<string, TensorPlace>();
  readonly #constants = new Map<string, string>();
  readonly #domains = new Set<string>();
  readonly #data: DataFile | null;
  readonly #shared: DataFile | null;
  #names = 0;

  /** `shared`: what other graphs use as well; the caller closes both. */
  constructor(data: DataFile | null, shared = data) {
    this.#data = data;
    this.#shared = shared;
  }

  input(name: string, type: DataType, shape: readonly Axis[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: DataType, shape: readonly Axis[]): string {
    this.#outputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Adds a node and returns its first output. */
  node(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const { domain = '', outputs = [this.#unique(op)] } = options;
    if (domain !== '') this.#domains.add(domain);
    this.#nodes.push({
      op_type: op,
      domain,
      name: this.#unique(`${op}_node`),
      input: inputs,
      output: outputs,
      attribute: Object.entries(options.attributes ?? {}).map(([name, value]) => attribute(name, value)),
    });
    return outputs[0]!;
  }

  /** Cuts the last axis into pieces of these sizes. */
  split(x: string, sizes: readonly number[]): string[] {
    const outputs = sizes.map((_, i) => `${x}.${i}`);
    this.node('Split', [x, this.integers(sizes)], { attributes: { axis: -1 }, outputs });
    return outputs;
  }

  /** A constant tensor. */
  tensor(name: string, type: DataType, dims: readonly number[], values: Bytes): string {
    return this.#constant(this.#data, name, type, dims, values);
  }

  /** A constant tensor that all graphs with the same shared data file have under this name. */
  sharedTensor(name: string, type: DataType, dims: readonly number[], values: Bytes): string {
    return this.#constant(this.#shared, name, type, dims, values);
  }

  /** A constant tensor over the very bytes of another one, in another shape. */
  alias(name: string, type: DataType, dims: readonly number[], original: string): string {
    this.#initializers.push({ name, data_type: type, dims, ...this.#places.get(original) });
    return name;
  }

  /** A small constant of 64-bit integers; equal ones are written once. */
  integers(values: readonly number[]): string {
    const key = values.join();
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = this.tensor(this.#unique('integers'), DataType.int64, [values.length], BigInt64Array.from(values, BigInt));
      this.#constants.set(key, name);
    }
    return name;
  }

  /** Returns the serialized model. */
  finish(): Uint8Array {
    const [node, initializer, input, output] = [this.#nodes, this.#initializers, this.#inputs, this.#outputs];
    return encodeModel({ name: 'switchyard', node, initializer, input, output }, [...this.#domains]);
  }

  #unique(prefix: string): string {
    return `${prefix}_${this.#names++}`;
  }

  #constant(data: DataFile | null, name: string, type: DataType, dims: readonly number[], values: Bytes): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const inline = data === null || bytes.length <= INLINE_LIMIT_BYTES;
    const place: TensorPlace = inline ? { raw_data: bytes } : data.place(name, bytes);
    this.#places.set(name, place);
    this.#initializers.push({ name, data_type: type, dims, ...place });
    return name;
  }
}

function valueInfo(name: string, type: DataType, shape: readonly Axis[]): object {
  const dim = shape.map((axis) => (typeof axis === 'string' ? { dim_param: axis } : { dim_value: axis }));
  return { name, type: { tensor_type: { elem_type: type, shape: { dim } } } };
}

function attribute(name: string, value: Attribute): object {
  if (typeof value === 'number') return { name, type: AttributeType.int, i: value };
  if (typeof value === 'string') return { name, type: AttributeType.string, s: Buffer.from(value) };
  if ('float' in value) return { name, type: AttributeType.float, f: value.float };
  return { name, type: AttributeType.ints, ints: value };
}
