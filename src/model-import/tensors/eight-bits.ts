import { quantizeBlocks } from './quantize.js';
import { emptyMatrix, type QuantizedMatrix } from './quantized-matrix.js';
import { BLOCK } from './tensor.js';

/** The same matrix with 8-bit codes: exact for symmetric forms, to the nearest level for those with minimums. */
export function toEightBits(matrix: QuantizedMatrix): QuantizedMatrix {
  const { rows, columns, bits, codes, scales, minimums } = matrix;
  if (bits === 8) return matrix;
  const wide = emptyMatrix('q8', rows, columns);
  const codeAt = (i: number) => (codes[i >> 1]! >> (4 * (i & 1))) & 15;
  if (!minimums) {
    wide.scales.set(scales);
    for (let i = 0; i < wide.codes.length; i++) wide.codes[i] = codeAt(i) - 8 + 128;
    return wide;
  }
  const values = new Float32Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const block = Math.floor(at / BLOCK);
      values[column] = scales[block]! * codeAt(at) + minimums[block]!;
    }
    quantizeBlocks(values, wide, (row * columns) / BLOCK);
  }
  return wide;
}
