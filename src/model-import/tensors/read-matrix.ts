import { quantizeBlocks } from './quantize.js';
import { emptyMatrix, type QuantizedMatrix } from './quantized-matrix.js';
import { decodeFloats } from './read-floats.js';
import { BLOCK, isFloat, TENSOR_TYPES, type TensorEntry, type TensorType, typeName } from './tensor.js';
import { UNPACK } from './unpack.js';

/** What becomes of a float matrix; one that is quantized in its file is taken over exactly. */
export type FloatPrecision = 'q8' | 'q4';

/** Whole super-blocks, too. */
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
