import { HALF_TO_FLOAT } from '../../layouts/half-float.js';
import { quantizeBlocks } from './quantize.js';
import { emptyMatrix, type QuantizedMatrix } from './quantized-matrix.js';
import { decodeFloats } from './read-floats.js';
import { BLOCK, isFloat, TENSOR_TYPES, type TensorEntry, type TensorType, typeName } from './tensor.js';

/** What becomes of a float matrix; one that is quantized in its file is taken over exactly. */
export type FloatPrecision = 'q8' | 'q4';

const CHUNK_BLOCKS = 1 << 18;

/**
 * Reads a matrix of exactly `rows` x `columns`, a few MiB at a time, so that memory holds the quantized form only.
 * @throws AppError `model_invalid` for another shape, a type that is not supported, or values that are not finite
 */
export function readMatrix(
  tensor: TensorEntry,
  rows: number,
  columns: number,
  floats: FloatPrecision,
): QuantizedMatrix {
  const { file, name, shape, type } = tensor;
  if (typeof type !== 'string') {
    const supported = Object.keys(TENSOR_TYPES).join(', ');
    throw file.invalid(`${name} has the type ${typeName(type)}, which is not supported (${supported} are)`);
  }
  if (shape.length !== 2 || shape[0] !== rows || shape[1] !== columns) {
    throw file.invalid(`${name} has shape [${shape.join(', ')}], expected [${rows}, ${columns}]`);
  }
  if (columns % BLOCK !== 0) throw file.invalid(`${name} has ${columns} columns, which is not a multiple of ${BLOCK}`);

  const matrix = emptyMatrix(formOf(type, floats), rows, columns);
  const blockBytes = (TENSOR_TYPES[type].bytes * BLOCK) / TENSOR_TYPES[type].elements;
  const blocks = (rows * columns) / BLOCK;
  for (let first = 0; first < blocks; first += CHUNK_BLOCKS) {
    const count = Math.min(CHUNK_BLOCKS, blocks - first);
    const bytes = file.read(tensor.offset + first * blockBytes, count * blockBytes);
    if (isFloat(type)) quantizeBlocks(decodeFloats(type, bytes), matrix, first);
    else UNPACK[type](bytes, matrix, first, count);
  }
  if (!matrix.scales.every(Number.isFinite) || matrix.minimums?.every(Number.isFinite) === false) {
    throw file.invalid(`${name} holds values that are not finite`);
  }
  return matrix;
}

function formOf(type: TensorType, floats: FloatPrecision): QuantizedMatrix['form'] {
  return isFloat(type) ? floats : (type.toLowerCase() as QuantizedMatrix['form']);
}

type Unpack = (bytes: Buffer, matrix: QuantizedMatrix, firstBlock: number, count: number) => void;

/** GGML's block layouts: fp16 scale (and minimum), then the codes. */
const UNPACK: Record<Exclude<TensorType, 'F32' | 'F16' | 'BF16'>, Unpack> = {
  Q4_0(bytes, { codes, scales }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 18) {
      scales[firstBlock + i] = HALF_TO_FLOAT[bytes.readUInt16LE(p)]!;
      reorderNibbles(bytes, p + 2, codes, (firstBlock + i) * 16);
    }
  },
  Q4_1(bytes, { codes, scales, minimums }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 20) {
      scales[firstBlock + i] = HALF_TO_FLOAT[bytes.readUInt16LE(p)]!;
      minimums![firstBlock + i] = HALF_TO_FLOAT[bytes.readUInt16LE(p + 2)]!;
      reorderNibbles(bytes, p + 4, codes, (firstBlock + i) * 16);
    }
  },
  Q8_0(bytes, { codes, scales }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 34) {
      scales[firstBlock + i] = HALF_TO_FLOAT[bytes.readUInt16LE(p)]!;
      const to = (firstBlock + i) * BLOCK;
      // Signed to offset 128 is a flip of the sign bit.
      for (let j = 0; j < BLOCK; j++) codes[to + j] = bytes[p + 2 + j]! ^ 0x80;
    }
  },
};

/** GGML pairs element j with j + 16 in a byte, MatMulNBits pairs 2j with 2j + 1. */
function reorderNibbles(source: Buffer, from: number, target: Uint8Array, to: number): void {
  for (let i = 0; i < 8; i++) {
    const even = source[from + 2 * i]!;
    const odd = source[from + 2 * i + 1]!;
    target[to + i] = (even & 15) | ((odd & 15) << 4);
    target[to + 8 + i] = (even >> 4) | (odd & 0xf0);
  }
}
