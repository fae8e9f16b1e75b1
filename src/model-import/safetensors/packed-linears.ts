import { HALF_TO_FLOAT, toHalf } from '../../layouts/half-float.js';
import type { PackedLinears } from '../decoder/checkpoint.js';
import type { JsonFile } from '../files/json-file.js';
import { emptyMatrix, type QuantizedMatrix } from '../tensors/quantized-matrix.js';
import { readFloats } from '../tensors/read-floats.js';
import { BLOCK, type TensorEntry, typeName } from '../tensors/tensor.js';

const CODES = 8;
/** Which output each four bits of a word of AWQ's belong to. */
const AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7];

/**
 * GPTQ's and AWQ's weights are w = scale (q - zero), a scale and a zero for a group of inputs: 4-bit codes as they are. Where
 * every zero is 8 they are exact; elsewhere the block's minimum, -scale · zero, is rounded to a half.
 * @throws AppError `model_invalid` for another method or another shape of these
 */
export function readPacking(config: JsonFile): PackedLinears {
  const method = config.text('quant_method', 'another format');
  const bits = config.number('bits', 4);
  const groupSize = config.number('group_size', 128);
  const refuse = (what: string) =>
    config.invalid(
      `its weights are quantized with ${what}, which is not supported; import the original checkpoint or a GGUF file of it`,
    );
  if (method !== 'gptq' && method !== 'awq') throw refuse(method);
  const version = method === 'awq' ? config.text('version', 'gemm').toLowerCase() : 'gemm';
  if (bits !== 4) throw refuse(`${method} of ${bits} bits (4 bits are)`);
  if (version !== 'gemm') throw refuse(`awq in the version ${version} (gemm is)`);
  if (groupSize !== -1 && (groupSize % BLOCK !== 0 || groupSize <= 0)) {
    throw refuse(`${method} in groups of ${groupSize} (multiples of ${BLOCK} are)`);
  }
  const isAwq = method === 'awq';
  // Older files of GPTQ hold one less than the zero.
  const zeroOffset = isAwq || config.text('checkpoint_format', 'gptq') === 'gptq_v2' ? 0 : 1;
  return {
    partsOf: (weight) => partNames(weight).slice(0, isAwq ? 3 : 4),
    read(weight, tensors, rows, columns) {
      const [codes, zeros, scales, order] = partNames(weight).map((name) => tensors.get(name)!);
      const size = groupSize === -1 ? columns : groupSize;
      const groups = Math.ceil(columns / size);
      if (!isAwq) requireOrder(order!, columns, size);
      const words = readWords(codes!, isAwq ? [columns, rows / CODES] : [columns / CODES, rows]);
      const zeroWords = readWords(zeros!, [groups, rows / CODES]);
      const zeroAt = (group: number, row: number) => {
        const word = zeroWords[(group * rows + row) >> 3]!;
        const place = isAwq ? AWQ_ORDER.indexOf(row % CODES) : row % CODES;
        return ((word >>> (4 * place)) & 15) + zeroOffset;
      };
      const matrix = scaled(readFloats(scales!, [groups, rows]), zeroAt, rows, columns, size);
      if (isAwq) takeAcrossRows(words, matrix);
      else takeAlongRows(words, matrix);
      return matrix;
    },
  };
}

function partNames(weight: string): string[] {
  const stem = weight.replace(/weight$/, '');
  return ['qweight', 'qzeros', 'scales', 'g_idx'].map((part) => stem + part);
}

/** Blocks share their scale along a row, so a group has to be neighbours (`desc_act` puts them in another order). */
function requireOrder(tensor: TensorEntry, columns: number, size: number): void {
  const groups = readWords(tensor, [columns]);
  if (groups.some((group, column) => group !== Math.floor(column / size))) {
    throw tensor.file.invalid(
      `${tensor.name} puts its columns into groups in another order (desc_act), which is not supported`,
    );
  }
}

function readWords({ file, name, type, shape, offset, bytes }: TensorEntry, wanted: readonly number[]): Uint32Array {
  const elements = wanted.reduce((product, length) => product * length, 1);
  if (typeName(type) !== 'I32' || shape.join() !== wanted.join() || bytes !== elements * 4) {
    throw file.invalid(`${name} is ${typeName(type)} [${shape.join(', ')}], expected I32 [${wanted.join(', ')}]`);
  }
  return new Uint32Array(new Uint8Array(file.read(offset, bytes)).buffer);
}

/** The matrix without its codes. */
function scaled(
  scales: Float32Array,
  zeroAt: (group: number, row: number) => number,
  rows: number,
  columns: number,
  size: number,
): QuantizedMatrix {
  const groups = Math.ceil(columns / size);
  const middles = Array.from({ length: groups }, (_, group) => group).every((group) => {
    for (let row = 0; row < rows; row++) if (zeroAt(group, row) !== 8) return false;
    return true;
  });
  const matrix = emptyMatrix(middles ? 'int4' : 'int4_zero', rows, columns);
  const blocks = columns / BLOCK;
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const group = Math.floor((block * BLOCK) / size);
      const scale = scales[group * rows + row]!;
      matrix.scales[row * blocks + block] = scale;
      if (matrix.minimums) {
        matrix.minimums[row * blocks + block] = HALF_TO_FLOAT[toHalf(-scale * zeroAt(group, row))]!;
      }
    }
  }
  return matrix;
}

/** A word of GPTQ's holds eight neighbours of a row, in the order of our bytes. */
function takeAlongRows(words: Uint32Array, { rows, columns, codes }: QuantizedMatrix): void {
  const target = new Uint32Array(codes.buffer);
  const perRow = columns / CODES;
  for (let i = 0; i < perRow; i++) {
    for (let row = 0; row < rows; row++) target[row * perRow + i] = words[i * rows + row]!;
  }
}

/** A word of AWQ's holds one column of eight rows. */
function takeAcrossRows(words: Uint32Array, { rows, columns, codes }: QuantizedMatrix): void {
  const perColumn = rows / CODES;
  for (let column = 0; column < columns; column++) {
    for (let i = 0; i < perColumn; i++) {
      const word = words[column * perColumn + i]!;
      for (const [place, row] of AWQ_ORDER.entries()) {
        const code = (word >>> (4 * place)) & 15;
        codes[((i * CODES + row) * columns + column) >> 1]! |= code << (4 * (column & 1));
      }
    }
  }
}
