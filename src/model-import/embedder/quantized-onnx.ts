import { DataType, type DecodedGraph, decodeGraph } from '../../layouts/onnx.js';
import { BinaryFile } from '../files/binary-file.js';
import { quantizeBlocks } from '../tensors/quantize.js';
import { emptyMatrix } from '../tensors/quantized-matrix.js';
import { BLOCK } from '../tensors/tensor.js';
import type { BertWeights } from './bert.js';
import { quantizeChannels } from './channels.js';

type Initializer = DecodedGraph['initializer'][number];

/**
 * Reads a BERT that onnxruntime's dynamic quantization wrote: linears as 8-bit integers `[inputs, outputs]` with a scale
 * an output, tables with one scale, biases and norms as floats. A linear's weights lost their name in the export; the node
 * that multiplies them still has it.
 * @throws AppError `model_invalid`
 */
export function openQuantizedOnnx(path: string): BertWeights {
  const file = new BinaryFile(path);
  let graph: DecodedGraph;
  try {
    graph = decodeGraph(file.read(0, file.size));
  } catch (cause) {
    throw file.invalid(`it is not a readable ONNX model (${cause})`);
  } finally {
    file.close();
  }
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const nodes = new Map(graph.node.map((node) => [node.name, node]));

  const numbers = (name: string, length: number): ArrayLike<number> => {
    const tensor = initializers.get(name);
    if (!tensor) throw file.invalid(`the tensor ${name} is missing`);
    const values = valuesOf(tensor);
    if (values?.length !== length) throw file.invalid(`${name} has not the ${length} values that its use asks for`);
    return values;
  };
  /** @param channels scales, one for each column of the integers */
  const dequantized = (name: string, length: number, channels: number): Float32Array => {
    const codes = numbers(`${name}_quantized`, length);
    const scales = numbers(`${name}_scale`, channels);
    const zeros = numbers(`${name}_zero_point`, channels);
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = (codes[i]! - zeros[i % channels]!) * scales[i % channels]!;
    return values;
  };
  /** Name of a linear's integers, without what is appended to it; null for a table. */
  const linear = (name: string) =>
    nodes.get(`/${nodePath(name)}/MatMul_quant`)?.input[1]?.replace(/_quantized$/, '') ?? null;
  const floats = (name: string, ...shape: number[]): Float32Array => {
    const length = shape.reduce((product, size) => product * size, 1);
    const [rows, columns] = shape;
    const integers = linear(name);
    const values = integers
      ? transposed(dequantized(integers, length, rows!), new Float32Array(length), columns!, rows!)
      : initializers.has(name)
        ? Float32Array.from(numbers(name, length))
        : dequantized(name, length, 1);
    if (!values.every(Number.isFinite)) throw file.invalid(`${name} holds values that are not finite`);
    return values;
  };

  return {
    floats,
    channels(name, rows, columns) {
      const integers = linear(name);
      const isCentred =
        integers !== null && Array.from(numbers(`${integers}_zero_point`, rows)).every((zero) => zero === 0);
      if (!isCentred) return quantizeChannels(floats(name, rows, columns), rows, columns);
      const codes = numbers(`${integers}_quantized`, rows * columns);
      const scales = Float32Array.from(numbers(`${integers}_scale`, rows));
      if (!scales.every(Number.isFinite)) throw file.invalid(`${name} holds values that are not finite`);
      return { codes: transposed(codes, new Int8Array(rows * columns), columns, rows), scales };
    },
    matrix(name, rows, columns) {
      if (columns % BLOCK !== 0)
        throw file.invalid(`${name} has ${columns} columns, which is not a multiple of ${BLOCK}`);
      const matrix = emptyMatrix('q8', rows, columns);
      quantizeBlocks(floats(name, rows, columns), matrix, 0);
      return matrix;
    },
    close() {},
  };
}

/** `encoder.layer.0.output.dense.weight` is multiplied by `encoder/layer.0/output/dense`. */
function nodePath(name: string): string {
  return name
    .replace(/\.weight$/, '')
    .replaceAll('.', '/')
    .replace(/\blayer\/(?=\d)/g, 'layer.');
}

/** Null for a type that is not read. */
function valuesOf({ data_type: type, raw_data: raw, float_data, int32_data }: Initializer): ArrayLike<number> | null {
  switch (type) {
    case DataType.float:
      return raw.length > 0 ? new Float32Array(new Uint8Array(raw).buffer) : float_data;
    case DataType.uint8:
      return raw.length > 0 ? raw : int32_data;
    case DataType.int8:
      return raw.length > 0 ? new Int8Array(raw.buffer, raw.byteOffset, raw.length) : int32_data;
    default:
      return null;
  }
}

function transposed<A extends Float32Array | Int8Array>(
  values: ArrayLike<number>,
  target: A,
  rows: number,
  columns: number,
): A {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) target[column * rows + row] = values[row * columns + column]!;
  }
  return target;
}
