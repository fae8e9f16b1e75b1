import { HALF_TO_FLOAT, toHalf } from '../../layouts/half-float.js';
import type { QuantizedMatrix } from './quantized-matrix.js';
import { BLOCK, type FloatType, SUPER_BLOCK, type TensorType } from './tensor.js';

/** Takes `count` blocks of a file over into the matrix, from its block `firstBlock` on. */
export type Unpack = (bytes: Buffer, matrix: QuantizedMatrix, firstBlock: number, count: number) => void;

/** GGML's block layouts (ggml-common.h, ggml-quants.c); where there is no other note: fp16 scale (and minimum), then the codes. */
export const UNPACK: Record<Exclude<TensorType, FloatType>, Unpack> = {
  Q4_0(bytes, { codes, scales }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 18) {
      scales[firstBlock + i] = halfAt(bytes, p);
      reorderNibbles(bytes, p + 2, codes, (firstBlock + i) * 16);
    }
  },
  Q4_1(bytes, { codes, scales, minimums }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 20) {
      scales[firstBlock + i] = halfAt(bytes, p);
      minimums![firstBlock + i] = halfAt(bytes, p + 2);
      reorderNibbles(bytes, p + 4, codes, (firstBlock + i) * 16);
    }
  },
  /** Scale, the fifth bits of all 32 codes, then the lower four as in Q4_0. */
  Q5_0(bytes, { codes, scales }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 22) {
      scales[firstBlock + i] = halfAt(bytes, p);
      const fifths = bytes[p + 2]! | (bytes[p + 3]! << 8) | (bytes[p + 4]! << 16) | (bytes[p + 5]! << 24);
      const to = (firstBlock + i) * BLOCK;
      for (let j = 0; j < 16; j++) {
        const pair = bytes[p + 6 + j]!;
        codes[to + j] = (pair & 15) | (((fifths >>> j) & 1) << 4);
        codes[to + 16 + j] = (pair >> 4) | (((fifths >>> (16 + j)) & 1) << 4);
      }
    }
  },
  Q8_0(bytes, { codes, scales }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 34) {
      scales[firstBlock + i] = halfAt(bytes, p);
      const to = (firstBlock + i) * BLOCK;
      // Signed to offset 128 is a flip of the sign bit.
      for (let j = 0; j < BLOCK; j++) codes[to + j] = bytes[p + 2 + j]! ^ 0x80;
    }
  },
  /**
   * Common scale and minimum, 8 pairs of 6-bit factors in 12 bytes, then the codes of two blocks at a time: one in the
   * low halves of 32 bytes, the next in the high ones. A scale times its factor is rounded to a half.
   */
  Q4_K(bytes, { codes, scales, minimums }, firstBlock, count) {
    for (let block = 0, p = 0; block < count; block += 8, p += 144) {
      const scale = halfAt(bytes, p);
      const minimum = -halfAt(bytes, p + 2);
      for (let b = 0; b < 8; b++) {
        const [scaleFactor, minimumFactor] = sixBitPair(bytes, p + 4, b);
        scales[firstBlock + block + b] = roundToHalf(scale * scaleFactor);
        minimums![firstBlock + block + b] = roundToHalf(minimum * minimumFactor);
      }
      const to = ((firstBlock + block) * BLOCK) / 2;
      for (let pair = 0; pair < 4; pair++) {
        const from = p + 16 + pair * BLOCK;
        for (let j = 0; j < 16; j++) {
          const even = bytes[from + 2 * j]!;
          const odd = bytes[from + 2 * j + 1]!;
          codes[to + pair * BLOCK + j] = (even & 15) | ((odd & 15) << 4);
          codes[to + pair * BLOCK + 16 + j] = (even >> 4) | (odd & 0xf0);
        }
      }
    }
  },
  /**
   * Lower four bits of all 256 codes, their upper two, a signed factor for every 16, the common scale. In each half of
   * 128, element l has its lower bits beside those of l + 64, and its upper two beside those of l + 32, l + 64, l + 96.
   */
  Q6_K(bytes, { codes, scales }, firstBlock, count) {
    for (let block = 0, p = 0; block < count; block += 8, p += 210) {
      const scale = halfAt(bytes, p + 208);
      const firstScale = (firstBlock + block) * 2;
      for (let s = 0; s < 16; s++) scales[firstScale + s] = roundToHalf(scale * bytes.readInt8(p + 192 + s));
      const to = (firstBlock + block) * BLOCK;
      for (let half = 0; half < SUPER_BLOCK; half += 128) {
        const lower = p + half / 2;
        const upper = p + 128 + half / 4;
        for (let l = 0; l < 32; l++) {
          const first = bytes[lower + l]!;
          const second = bytes[lower + 32 + l]!;
          const top = bytes[upper + l]!;
          codes[to + half + l] = (first & 15) | ((top & 3) << 4);
          codes[to + half + 32 + l] = (second & 15) | ((top & 12) << 2);
          codes[to + half + 64 + l] = (first >> 4) | (top & 48);
          codes[to + half + 96 + l] = (second >> 4) | ((top & 192) >> 2);
        }
      }
    }
  },
};

function halfAt(bytes: Buffer, at: number): number {
  return HALF_TO_FLOAT[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

function roundToHalf(value: number): number {
  return HALF_TO_FLOAT[toHalf(value)]!;
}

/** Factors of block `b`: the first four pairs lie in 6 bits of a byte each, the others in nibbles and the bits left over. */
function sixBitPair(bytes: Buffer, at: number, b: number): [scale: number, minimum: number] {
  if (b < 4) return [bytes[at + b]! & 63, bytes[at + b + 4]! & 63];
  const nibbles = bytes[at + b + 4]!;
  const scale = (nibbles & 15) | ((bytes[at + b - 4]! >> 6) << 4);
  return [scale, (nibbles >> 4) | ((bytes[at + b]! >> 6) << 4)];
}

/** GGML pairs element j with j + 16 in a byte, MatMulNBits pairs 2j with 2j + 1. */
function reorderNibbles(source: Buffer, from: number, target: Uint8Array, to: number): void {
  for (let i = 0; i < 8; i++) {
    const even = source[from + 2 * i]!;
    const odd = source[from + 2 * i + 1]!;
    target[to + i] = (even & 15) | ((odd & 15) << 4);
    target[to + 8 + i] = (even >> 4) | (odd & 0xf0);
  }
}
