import { DataType } from '../../layouts/onnx.js';
import { widened } from '../tensors/eight-bits.js';
import { middleLevels, type QuantizedMatrix, stackRows } from '../tensors/quantized-matrix.js';
import { type GraphWriter, MICROSOFT } from './graph-writer.js';

/** A linear layer as it is fused: matrices stacked along their rows, and the bias of all rows. */
export interface LinearWeight {
  /** Name of its tensors in the graph. */
  readonly name: string;
  readonly parts: readonly QuantizedMatrix[];
  readonly bias: Float32Array | null;
}

/** Adds a low-rank update to a linear layer's output; see `decoder/grouped-lora.ts`. */
export type LoraUpdate = (x: string, y: string) => string;

/** int8 products with int32 sums: five times the speed of float accumulation on VNNI. */
const ACCURACY_LEVEL = 4;

/**
 * The one way a linear layer is written: y[N, rows] = x[N, columns] · Wᵀ (+ bias) (+ low-rank update).
 *
 * Weights stay as they are: MatMulNBits for the symmetric part, and where blocks have a minimum its product with the sum
 * of x over the block, through a Gemm that is K/32 wide. Parts that hold weights differently become neighbours in a Concat.
 */
export function writeLinear(graph: GraphWriter, x: string, weight: LinearWeight, lora: LoraUpdate | null): string {
  const parts = stackRows(weight.parts.map(asStockHoldsIt));
  const pieces = parts.map((part, i) => {
    const name = parts.length === 1 ? weight.name : `${weight.name}.${i}`;
    return writePart(graph, x, name, part);
  });
  let y = pieces.length === 1 ? pieces[0]! : graph.node('Concat', pieces, { attributes: { axis: -1 } });
  if (weight.bias) {
    const bias = graph.tensor(`${weight.name}.bias`, DataType.float, [weight.bias.length], weight.bias);
    y = graph.node('Add', [y, bias]);
  }
  return lora ? lora(x, y) : y;
}

const WIDENED = new WeakMap<QuantizedMatrix, QuantizedMatrix>();

/**
 * onnxruntime's quantized operators know 4 and 8 bits in even steps: all others become 8, which is exact. Worked out once, since more than
 * one graph asks.
 */
export function asStockHoldsIt(matrix: QuantizedMatrix): QuantizedMatrix {
  if (matrix.bits === 8 || (matrix.bits === 4 && !matrix.levels)) return matrix;
  const wide = WIDENED.get(matrix) ?? widened(matrix);
  WIDENED.set(matrix, wide);
  return wide;
}

/** The names of a matrix's tensors, when they are in the graph already (a head tied to the embedding). */
export interface MatrixTensors {
  readonly codes: string;
  readonly scales: string;
}

/** The same product over tensors that were written before. Only for forms without minimums. */
export function writeMatMul(graph: GraphWriter, x: string, matrix: QuantizedMatrix, tensors: MatrixTensors): string {
  return graph.node('MatMulNBits', [x, tensors.codes, tensors.scales], {
    domain: MICROSOFT,
    attributes: {
      K: matrix.columns,
      N: matrix.rows,
      bits: matrix.bits,
      block_size: matrix.scaleBlock,
      accuracy_level: ACCURACY_LEVEL,
    },
  });
}

function writePart(graph: GraphWriter, x: string, name: string, matrix: QuantizedMatrix): string {
  const { rows, columns, bits, scaleBlock, codes, scales, minimums } = matrix;
  const blocks = columns / scaleBlock;
  const symmetric = writeMatMul(graph, x, matrix, {
    codes: graph.tensor(`${name}.codes`, DataType.uint8, [rows, blocks, (scaleBlock * bits) / 8], codes),
    scales: graph.tensor(`${name}.scales`, DataType.float, [rows * blocks], scales),
  });
  if (!minimums) return symmetric;
  const byBlock = graph.node('Reshape', [x, graph.integers([-1, blocks, scaleBlock])]);
  const sums = graph.node('ReduceSum', [byBlock, graph.integers([2])], { attributes: { keepdims: 0 } });
  const middles = transpose(middleLevels(matrix, minimums), rows, blocks);
  const table = graph.tensor(`${name}.minimums`, DataType.float, [blocks, rows], middles);
  return graph.node('Gemm', [sums, table, symmetric]);
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const transposed = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      transposed[column * rows + row] = values[row * columns + column]!;
    }
  }
  return transposed;
}
