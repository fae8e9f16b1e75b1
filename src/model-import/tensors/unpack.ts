import { HALF_TO_FLOAT, toHalf } from '../../layouts/half-float.js';
import { foldFactors, type QuantizedMatrix } from './quantized-matrix.js';
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
  Q5_0(bytes, { codes, scales }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 22) {
      scales[firstBlock + i] = halfAt(bytes, p);
      fiveBits(bytes, p + 2, codes, (firstBlock + i) * BLOCK);
    }
  },
  Q5_1(bytes, { codes, scales, minimums }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 24) {
      scales[firstBlock + i] = halfAt(bytes, p);
      minimums![firstBlock + i] = halfAt(bytes, p + 2);
      fiveBits(bytes, p + 4, codes, (firstBlock + i) * BLOCK);
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
      foldPairs(bytes, p, scales, minimums!, firstBlock + block);
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
  /** As Q4_K, with the fifth bits of all blocks in 32 bytes before the lower four: block b in bit b. */
  Q5_K(bytes, { codes, scales, minimums }, firstBlock, count) {
    for (let block = 0, p = 0; block < count; block += 8, p += 176) {
      foldPairs(bytes, p, scales, minimums!, firstBlock + block);
      for (let b = 0; b < 8; b++) {
        const to = (firstBlock + block + b) * BLOCK;
        for (let j = 0; j < BLOCK; j++) {
          const lower = (bytes[p + 48 + (b >> 1) * BLOCK + j]! >> (4 * (b & 1))) & 15;
          codes[to + j] = lower | (((bytes[p + 16 + j]! >> b) & 1) << 4);
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
  /** A code stands for one of sixteen fixed levels. */
  IQ4_NL(bytes, { codes, scales }, firstBlock, count) {
    for (let i = 0, p = 0; i < count; i++, p += 18) {
      scales[firstBlock + i] = halfAt(bytes, p);
      reorderNibbles(bytes, p + 2, codes, (firstBlock + i) * 16);
    }
  },
  /** Common scale, eight signed factors of 6 bits (all their upper twos first), then the codes of eight blocks as in IQ4_NL. */
  IQ4_XS(bytes, { codes, scales }, firstBlock, count) {
    for (let block = 0, p = 0; block < count; block += 8, p += 136) {
      const scale = halfAt(bytes, p);
      const uppers = bytes[p + 2]! | (bytes[p + 3]! << 8);
      for (let b = 0; b < 8; b++) {
        const lower = (bytes[p + 4 + (b >> 1)]! >> (4 * (b & 1))) & 15;
        scales[firstBlock + block + b] = roundToHalf(scale * ((lower | (((uppers >> (2 * b)) & 3) << 4)) - 32));
        reorderNibbles(bytes, p + 8 + b * 16, codes, (firstBlock + block + b) * 16);
      }
    }
  },
  /** A byte of two factors for every 16 weights, the codes of four blocks of 32 in 32 bytes, common scale and minimum. */
  Q2_K(bytes, matrix, firstBlock, count) {
    const { codes } = matrix;
    const { factors, scales, minimums } = matrix.common!;
    for (let block = 0, p = 0; block < count; block += 8, p += 84) {
      const whole = (firstBlock + block) / 8;
      scales[whole] = halfAt(bytes, p + 80);
      minimums[whole] = -halfAt(bytes, p + 82);
      factors.set(bytes.subarray(p, p + 16), whole * 16);
      const to = (firstBlock + block) * BLOCK;
      for (let i = 0; i < SUPER_BLOCK; i++) {
        codes[to + i] = (bytes[p + 16 + (i >> 7) * 32 + (i & 31)]! >> (2 * ((i >> 5) & 3))) & 3;
      }
    }
    foldFactors(matrix, firstBlock * 2, count * 2);
  },
  /**
   * The third bits of all 256 codes, their lower two, 16 signed factors of 6 bits in 12 bytes, the common scale. A third bit
   * that is not set takes 4 away.
   */
  Q3_K(bytes, { codes, scales }, firstBlock, count) {
    for (let block = 0, p = 0; block < count; block += 8, p += 110) {
      const scale = halfAt(bytes, p + 108);
      for (let s = 0; s < 16; s++) {
        const lower = (bytes[p + 96 + (s & 7)]! >> (4 * (s >> 3))) & 15;
        const upper = (bytes[p + 104 + (s & 3)]! >> (2 * (s >> 2))) & 3;
        scales[(firstBlock + block) * 2 + s] = roundToHalf(scale * ((lower | (upper << 4)) - 32));
      }
      const to = (firstBlock + block) * BLOCK;
      for (let i = 0; i < SUPER_BLOCK; i++) {
        const low = (bytes[p + 32 + (i >> 7) * 32 + (i & 31)]! >> (2 * ((i >> 5) & 3))) & 3;
        const third = (bytes[p + (i & 31)]! >> (i >> 5)) & 1;
        codes[to + i] = low + 4 * third;
      }
    }
  },
};

function roundToHalf(value: number): number {
  return HALF_TO_FLOAT[toHalf(value)]!;
}

/** Common scale and minimum with eight pairs of factors, as Q4_K and Q5_K have them at byte `p`. */
function foldPairs(bytes: Buffer, p: number, scales: Float32Array, minimums: Float32Array, first: number): void {
  const scale = halfAt(bytes, p);
  const minimum = -halfAt(bytes, p + 2);
  for (let b = 0; b < 8; b++) {
    const [scaleFactor, minimumFactor] = sixBitPair(bytes, p + 4, b);
    scales[first + b] = roundToHalf(scale * scaleFactor);
    minimums[first + b] = roundToHalf(minimum * minimumFactor);
  }
}

/** The fifth bits of all 32 codes, then the lower four, element j beside j + 16. */
function fiveBits(source: Buffer, from: number, target: Uint8Array, to: number): void {
  const fifths = source.readUInt32LE(from);
  for (let j = 0; j < 16; j++) {
    const pair = source[from + 4 + j]!;
    target[to + j] = (pair & 15) | (((fifths >>> j) & 1) << 4);
    target[to + 16 + j] = (pair >> 4) | (((fifths >>> (16 + j)) & 1) << 4);
  }
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

function halfAt(bytes: Buffer, at: number): number {
  return HALF_TO_FLOAT[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** Factors of block `b`: the first four pairs lie in 6 bits of a byte each, the others in nibbles and the bits left over. */
function sixBitPair(bytes: Buffer, at: number, b: number): [scale: number, minimum: number] {
  if (b < 4) return [bytes[at + b]! & 63, bytes[at + b + 4]! & 63];
  const nibbles = bytes[at + b + 4]!;
  const scale = (nibbles & 15) | ((bytes[at + b - 4]! >> 6) << 4);
  return [scale, (nibbles >> 4) | ((bytes[at + b]! >> 6) << 4)];
}
