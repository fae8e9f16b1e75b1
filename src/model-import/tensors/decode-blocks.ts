import { HALF_TO_FLOAT } from '../../layouts/half-float.js';
import { BLOCK, type DecodedType, SUPER_BLOCK, TENSOR_TYPES } from './tensor.js';

/** Writes the weights of one block at `values[to]` and on. */
type Decode = (bytes: Buffer, at: number, values: Float32Array, to: number) => void;

/** GGML's block layouts (ggml-common.h, ggml-quants.c). */
const DECODE: Record<DecodedType, Decode> = {
  /** Scale, minimum, the fifth bits of all 32 codes, then the lower four: element j beside j + 16. */
  Q5_1(bytes, p, values, to) {
    const scale = halfAt(bytes, p);
    const minimum = halfAt(bytes, p + 2);
    const fifths = bytes.readUInt32LE(p + 4);
    for (let j = 0; j < BLOCK; j++) {
      const lower = (bytes[p + 8 + (j & 15)]! >> (4 * (j >> 4))) & 15;
      values[to + j] = scale * (lower | (((fifths >>> j) & 1) << 4)) + minimum;
    }
  },
  /** A byte of two factors for every 16 weights, the codes of four blocks of 32 in 32 bytes, common scale and minimum. */
  Q2_K(bytes, p, values, to) {
    const scale = halfAt(bytes, p + 80);
    const minimum = halfAt(bytes, p + 82);
    for (let i = 0; i < SUPER_BLOCK; i++) {
      const factors = bytes[p + (i >> 4)]!;
      const code = (bytes[p + 16 + (i >> 7) * 32 + (i & 31)]! >> (2 * ((i >> 5) & 3))) & 3;
      values[to + i] = scale * (factors & 15) * code - minimum * (factors >> 4);
    }
  },
  /** As Q4_K, with the fifth bits of all blocks in 32 bytes before the lower four: block b in bit b. */
  Q5_K(bytes, p, values, to) {
    const scale = halfAt(bytes, p);
    const minimum = halfAt(bytes, p + 2);
    for (let b = 0; b < 8; b++) {
      const [scaleFactor, minimumFactor] = sixBitPair(bytes, p + 4, b);
      for (let j = 0; j < BLOCK; j++) {
        const lower = (bytes[p + 48 + (b >> 1) * 32 + j]! >> (4 * (b & 1))) & 15;
        const code = lower | (((bytes[p + 16 + j]! >> b) & 1) << 4);
        values[to + b * BLOCK + j] = scale * scaleFactor * code - minimum * minimumFactor;
      }
    }
  },
};

/** The weights of whole blocks. */
export function decodeBlocks(type: DecodedType, bytes: Buffer): Float32Array {
  const { elements, bytes: blockBytes } = TENSOR_TYPES[type];
  const values = new Float32Array((bytes.length / blockBytes) * elements);
  for (let p = 0, to = 0; p < bytes.length; p += blockBytes, to += elements) DECODE[type](bytes, p, values, to);
  return values;
}

export function halfAt(bytes: Buffer, at: number): number {
  return HALF_TO_FLOAT[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** Factors of block `b`: the first four pairs lie in 6 bits of a byte each, the others in nibbles and the bits left over. */
export function sixBitPair(bytes: Buffer, at: number, b: number): [scale: number, minimum: number] {
  if (b < 4) return [bytes[at + b]! & 63, bytes[at + b + 4]! & 63];
  const nibbles = bytes[at + b + 4]!;
  const scale = (nibbles & 15) | ((bytes[at + b - 4]! >> 6) << 4);
  return [scale, (nibbles >> 4) | ((bytes[at + b]! >> 6) << 4)];
}
