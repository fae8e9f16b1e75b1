import { quantizeBlocks } from './quantize.js';
import { emptyMatrix, type QuantizedMatrix } from './quantized-matrix.js';
import { BLOCK } from './tensor.js';

/** The same matrix with 8-bit codes in blocks of 32: exact for symmetric forms with such blocks, to the nearest level for others. */
export function toEightBits(matrix: QuantizedMatrix): QuantizedMatrix {
  const { rows, columns, scaleBlock, minimums } = matrix;
  if (!minimums && scaleBlock === BLOCK) return widened(matrix);
  const wide = emptyMatrix('q8', rows, columns);
  let block = 0;
  for (const values of rowsOf(matrix)) {
    quantizeBlocks(values, wide, block);
    block += columns / BLOCK;
  }
  return wide;
}

/** The values of each row in turn, in an array that the next one takes over. */
export function* rowsOf(matrix: QuantizedMatrix): Generator<Float32Array> {
  const { rows, columns, scaleBlock, scales, minimums, levels } = matrix;
  const codeAt = codesOf(matrix);
  const middle = minimums ? 0 : middleOf(matrix);
  const values = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const block = Math.floor(at / scaleBlock);
      const level = levels ? levels[codeAt(at)]! : codeAt(at) - middle;
      values[column] = scales[block]! * level + (minimums ? minimums[block]! : 0);
    }
    yield values;
  }
}

/** The very weights in 8-bit codes, scale by scale. Codes keep to the middle: what a minimum adds then stays small. */
export function widened(matrix: QuantizedMatrix): QuantizedMatrix {
  const { bits, scales, minimums, levels } = matrix;
  if (bits === 8) return matrix;
  const offset = 128 - middleOf(matrix);
  const codes = new Uint8Array(matrix.rows * matrix.columns);
  if (bits === 4) {
    const codeAt = codesOf(matrix);
    const wide = Uint8Array.from({ length: 16 }, (_, code) => (levels ? levels[code]! + 128 : code + offset));
    for (let i = 0; i < codes.length; i++) codes[i] = wide[codeAt(i)]!;
  } else {
    // The loop that hundreds of millions of weights go through.
    const narrow = matrix.codes;
    for (let i = 0; i < codes.length; i++) codes[i] = narrow[i]! + offset;
  }
  const moved = minimums?.map((minimum, i) => minimum - offset * scales[i]!) ?? null;
  return { ...matrix, bits: 8, codes, minimums: moved, levels: null, common: null };
}

function codesOf({ bits, codes }: QuantizedMatrix): (index: number) => number {
  return bits === 4 ? (i) => (codes[i >> 1]! >> (4 * (i & 1))) & 15 : (i) => codes[i]!;
}

function middleOf({ bits }: QuantizedMatrix): number {
  return 1 << (bits - 1);
}
