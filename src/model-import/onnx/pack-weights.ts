import { toHalf } from '../../layouts/half-float.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';
import { SUPER_BLOCK } from '../tensors/tensor.js';

/** Outputs in a group, whose weights lie together. */
const LANES = 16;

/** A 32-bit word holds a step: four consecutive weights of one output, a byte each or, of 4 bits, a nibble. */
const WORD = 4;

/** Weights of one output that lie in the same vectors of words; of each scale, halves for it and a minimum (q2: `packFactors`). */
const BLOCKS = {
  q2: { weights: 32, vectors: 2, halves: 0, pack: packTwo },
  q3: { weights: 32, vectors: 3, halves: 1, pack: packThree },
  q4_0: { weights: 32, vectors: 4, halves: 1, pack: packFour },
  q4_1: { weights: 32, vectors: 4, halves: 2, pack: packFour },
  iq4: { weights: 32, vectors: 4, halves: 1, pack: packFour },
  q5_0: { weights: 32, vectors: 5, halves: 1, pack: packFive },
  q5_1: { weights: 32, vectors: 5, halves: 2, pack: packFive },
  q6: { weights: 16, vectors: 3, halves: 1, pack: packSix },
  q8_0: { weights: 32, vectors: 8, halves: 1, pack: packEight },
} as const satisfies Record<string, { weights: number; vectors: number; halves: number; pack: PackBlock }>;

/** Of a group and 256 weights of q2: sixteen factors of each output, then a scale and a minimum. */
const FACTOR_BYTES = 16 * LANES;
const COMMON_BYTES = FACTOR_BYTES + 4 * LANES;

/** A form of the kernels, drawn in native/src/layout.h. */
export type PackedForm = keyof typeof BLOCKS;

/** The form that holds all of these exactly; null where there is none. */
export function packedForm(matrices: readonly QuantizedMatrix[]): PackedForm | null {
  const forms = new Set(matrices.map(formOf));
  if (forms.size === 1) return [...forms][0]!;
  return [...forms].every((form) => form === 'q4_0' || form === 'q4_1') ? 'q4_1' : null;
}

function formOf({ bits, minimums, levels }: QuantizedMatrix): PackedForm {
  if (bits === 4) return levels ? 'iq4' : minimums ? 'q4_1' : 'q4_0';
  if (bits === 5) return minimums ? 'q5_1' : 'q5_0';
  return bits === 8 ? 'q8_0' : `q${bits}`;
}

/**
 * The weights of a linear in a form that holds all its matrices: one after the other, or `interleaved` by groups of 16 outputs, as gate and up are. All but the last have whole groups.
 */
export function packWeights(parts: readonly QuantizedMatrix[], form: PackedForm, interleaved: boolean): Uint8Array {
  const { columns, scaleBlock } = parts[0]!;
  const blocks = columns / scaleBlock;
  const { weights, vectors, halves } = BLOCKS[form];
  const codeBytes = (columns / weights) * vectors * WORD * LANES;
  const scaleBytes = form === 'q2' ? (columns / SUPER_BLOCK) * COMMON_BYTES : blocks * halves * 2 * LANES;
  const groupBytes = Math.ceil((codeBytes + scaleBytes) / 64) * 64;
  const groups = parts.map(({ rows }) => Math.ceil(rows / LANES));
  const packed = new Uint8Array(groups.reduce((sum, count) => sum + count, 0) * groupBytes);
  let firstGroup = 0;
  parts.forEach((part, p) => {
    const groupOf = interleaved
      ? (row: number) => Math.floor(row / LANES) * parts.length + p
      : (row: number) => firstGroup + Math.floor(row / LANES);
    for (let row = 0; row < part.rows; row++) {
      const group = packed.subarray(groupOf(row) * groupBytes, (groupOf(row) + 1) * groupBytes);
      packCodes(part, form, row, group);
      if (form === 'q2') packFactors(part, row, group.subarray(codeBytes));
      else packScales(part, form, row, group.subarray(codeBytes));
    }
    if (!interleaved) firstGroup += groups[p]!;
  });
  return packed;
}

/** Writes the words of a block at `target[at]`, `target[at + LANES]`, …; `source` has its codes from byte `from` on. */
type PackBlock = (source: DataView, from: number, target: Uint32Array, at: number) => void;

function packCodes(matrix: QuantizedMatrix, form: PackedForm, row: number, group: Uint8Array): void {
  const { columns, bits, codes } = matrix;
  const { weights, vectors, pack } = BLOCKS[form];
  const target = new Uint32Array(group.buffer, group.byteOffset, group.byteLength / WORD);
  const codesPerByte = bits === 4 ? 2 : 1;
  const rowBytes = columns / codesPerByte;
  const source = new DataView(codes.buffer, codes.byteOffset + row * rowBytes, rowBytes);
  for (let block = 0; block < columns / weights; block++) {
    pack(source, (block * weights) / codesPerByte, target, block * vectors * LANES + (row % LANES));
  }
}

/** Four steps from the top of a vector down. */
function packTwo(source: DataView, from: number, target: Uint32Array, at: number): void {
  for (let vector = 0; vector < 2; vector++) {
    let word = 0;
    for (let s = 0; s < 4; s++) word |= source.getUint32(from + (4 * vector + s) * WORD, true) << (6 - 2 * s);
    target[at + vector * LANES] = word;
  }
}

/** Two steps on top of each of three vectors; the bits below take the other two. */
function packThree(source: DataView, from: number, target: Uint32Array, at: number): void {
  const step = (s: number) => source.getUint32(from + s * WORD, true);
  const below = [bitsOf(step(6), 1, 3), (bitsOf(step(6), 0, 1) << 1) | bitsOf(step(7), 0, 1), bitsOf(step(7), 1, 3)];
  below.forEach((rest, vector) => {
    target[at + vector * LANES] = (step(2 * vector) << 5) | (step(2 * vector + 1) << 2) | rest;
  });
}

function packFour(source: DataView, from: number, target: Uint32Array, at: number): void {
  for (let vector = 0; vector < 4; vector++) {
    target[at + vector * LANES] = pairByFour(source.getUint32(from + vector * WORD, true));
  }
}

/** Eight 4-bit codes: neighbours share a byte in the source, codes `i` and `i + 4` in the target. */
function pairByFour(word: number): number {
  const low = (word & 0xf) | ((word & 0xf0) << 4) | ((word & 0xf00) << 8) | ((word & 0xf000) << 12);
  const rest = word >>> 16;
  const high = (rest & 0xf) | ((rest & 0xf0) << 4) | ((rest & 0xf00) << 8) | ((rest & 0xf000) << 12);
  return (low | (high << 4)) >>> 0;
}

/** The first five steps on top of five vectors; what is left there takes the other three, bits apart. */
function packFive(source: DataView, from: number, target: Uint32Array, at: number): void {
  const step = (s: number) => source.getUint32(from + s * WORD, true);
  const [a, b, c] = [step(5), step(6), step(7)];
  const below = [
    bitsOf(a, 2, 7),
    bitsOf(b, 2, 7),
    bitsOf(c, 2, 7),
    bitsOf(a, 0, 3) | (bitsOf(c, 1, 1) << 2),
    bitsOf(b, 0, 3) | (bitsOf(c, 0, 1) << 2),
  ];
  below.forEach((rest, vector) => {
    target[at + vector * LANES] = (step(vector) << 3) | rest;
  });
}

/** The first three steps on top of three vectors, two bits of the fourth below each. */
function packSix(source: DataView, from: number, target: Uint32Array, at: number): void {
  const last = source.getUint32(from + 3 * WORD, true);
  for (let vector = 0; vector < 3; vector++) {
    const word = source.getUint32(from + vector * WORD, true);
    target[at + vector * LANES] = (word << 2) | bitsOf(last, 4 - 2 * vector, 3);
  }
}

function packEight(source: DataView, from: number, target: Uint32Array, at: number): void {
  for (let step = 0; step < 8; step++) target[at + step * LANES] = source.getUint32(from + step * WORD, true);
}

/** Of each of four bytes, the bits under a mask from a bit on. */
function bitsOf(word: number, bit: number, mask: number): number {
  return (word >>> bit) & (mask * 0x01010101);
}

function packScales(matrix: QuantizedMatrix, form: PackedForm, row: number, target: Uint8Array): void {
  const { columns, scaleBlock, scales, minimums } = matrix;
  const blocks = columns / scaleBlock;
  const { halves } = BLOCKS[form];
  const view = new DataView(target.buffer, target.byteOffset);
  for (let block = 0; block < blocks; block++) {
    const scale = scales[row * blocks + block]!;
    const place = block * halves * 2 * LANES + 2 * (row % LANES);
    view.setUint16(place, toHalf(scale), true);
    if (halves === 1) continue;
    // Beside one with a minimum: codes count from 0 there, and the 8 levels below belong to the minimum.
    const minimum = minimums ? minimums[row * blocks + block]! : -8 * scale;
    view.setUint16(place + 2 * LANES, toHalf(minimum), true);
  }
}

/** The factors of four blocks lie in one word of their output, as four weights do. */
function packFactors({ columns, common }: QuantizedMatrix, row: number, target: Uint8Array): void {
  const { factors, scales, minimums } = common!;
  const view = new DataView(target.buffer, target.byteOffset);
  const wholes = columns / SUPER_BLOCK;
  for (let whole = 0; whole < wholes; whole++) {
    const place = whole * COMMON_BYTES;
    const lane = row % LANES;
    for (let block = 0; block < 16; block++) {
      const factor = factors[(row * wholes + whole) * 16 + block]!;
      target[place + ((block >> 2) * LANES + lane) * WORD + (block & 3)] = factor;
    }
    view.setUint16(place + FACTOR_BYTES + 2 * lane, toHalf(scales[row * wholes + whole]!), true);
    view.setUint16(place + FACTOR_BYTES + 2 * LANES + 2 * lane, toHalf(minimums[row * wholes + whole]!), true);
  }
}
