import { HALF_TO_FLOAT, toHalf } from '../../layouts/half-float.js';
import type { QuantizedMatrix } from './quantized-matrix.js';
import { BLOCK } from './tensor.js';

/**
 * Rounds floats to the nearest of a block's levels, from block `firstBlock` of the matrix on. 8 bits: 255 levels around
 * zero. 4 bits: the largest magnitude takes the code -8, the one level that has no opposite.
 */
export function quantizeBlocks(values: Float32Array, matrix: QuantizedMatrix, firstBlock: number): void {
  const { bits, codes, scales } = matrix;
  const offset = 1 << (bits - 1);
  const highest = 2 * offset - 1;
  for (let start = 0; start < values.length; start += BLOCK) {
    let extreme = 0;
    let poison = 0;
    for (let j = start; j < start + BLOCK; j++) {
      const value = values[j]!;
      if (Math.abs(value) > Math.abs(extreme)) extreme = value;
      poison += value * 0;
    }
    const block = firstBlock + start / BLOCK;
    const scale = HALF_TO_FLOAT[toHalf(bits === 8 ? Math.abs(extreme) / 127 : extreme / -8)]!;
    // 0 * NaN and 0 * Infinity are NaN: a block that is not finite gets a scale that the reader refuses.
    scales[block] = scale + poison;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let j = 0; j < BLOCK; j++) {
      const code = Math.min(highest, Math.max(0, Math.round(values[start + j]! * inverse) + offset));
      if (bits === 8) codes[block * BLOCK + j] = code;
      else codes[(block * BLOCK + j) >> 1]! |= code << (4 * (j & 1));
    }
  }
}
