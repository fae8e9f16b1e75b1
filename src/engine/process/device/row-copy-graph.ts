export interface RowCopyGraph {
  readonly model: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** onnx.proto's TensorProto.DataType. */
const ELEMENT_TYPES = { float: 1, float16: 10 } as const;
const INT64 = 7;
const IR_VERSION = 8;
const OPSET = 17;

/**
 * An ONNX graph that copies row `from_row` of each `from.{i}` into row `to_row` of `to.{i}`, for tensors of any shape.
 * Its outputs are to be bound to the very buffers of `to.{i}`; then only that row is written.
 */
export function rowCopyGraph(element: keyof typeof ELEMENT_TYPES, pairs: number): RowCopyGraph {
  const named = (name: string) => Array.from({ length: pairs }, (_, i) => `${name}.${i}`);
  const [from, rows, to, outputs] = ['from', 'row', 'to', 'out'].map(named) as [string[], string[], string[], string[]];
  const nodes = rows.flatMap((row, i) => [
    node('Gather', [from[i]!, 'from_row'], row),
    node('ScatterND', [to[i]!, 'to_row', row], outputs[i]!),
  ]);
  const inputs = ['from_row', 'to_row', ...from, ...to];
  const values = [
    ...inputs.map((name, i) => field(11, valueInfo(name, i < 2 ? INT64 : ELEMENT_TYPES[element]))),
    ...outputs.map((name) => field(12, valueInfo(name, ELEMENT_TYPES[element]))),
  ];
  const graph = [...nodes.flatMap((bytes) => field(1, bytes)), ...field(2, 'row_copies'), ...values.flat()];
  const model = [...field(1, IR_VERSION), ...field(7, graph), ...field(8, field(2, OPSET))];
  return { model: Uint8Array.from(model), inputs, outputs };
}

/** onnx.proto's NodeProto. */
function node(op: string, inputs: readonly string[], output: string): number[] {
  return [...inputs.flatMap((name) => field(1, name)), ...field(2, output), ...field(4, op)];
}

/** onnx.proto's ValueInfoProto, of a tensor of any shape. */
function valueInfo(name: string, elementType: number): number[] {
  return [...field(1, name), ...field(2, field(1, field(1, elementType)))];
}

/** A field of a protocol buffer: a number as a varint, anything else with its length before it. */
function field(id: number, value: number | string | readonly number[]): number[] {
  if (typeof value === 'number') return [...varint(id << 3), ...varint(value)];
  const bytes = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return [...varint((id << 3) | 2), ...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
