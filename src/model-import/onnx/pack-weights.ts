import { toHalf } from '../../layouts/half-float.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';

/** Outputs in a group, whose weights lie together. */
const LANES = 16;

/** A 32-bit word holds a step: four consecutive weights of one output, a byte each or, of 4 bits, a nibble. */
const WORD = 4;

/** Of a block, the weights of one output that share a scale: vectors of words, and halves for scale and minimum. */
const BLOCKS = {
  4: { vectors: 4, halves: 2, pack: packFour },
  5: { vectors: 5, halves: 1, pack: packFive },
  6: { vectors: 3, halves: 1, pack: packSix },
  8: { vectors: 8, halves: 1, pack: packEight },
} as const;

/**
 * The weights of a linear in the layout of the kernels (drawn in native/src/layout.h): matrices of equally many bits one
 * after the other, or `interleaved` by groups of 16 outputs, as gate and up are. All but the last have whole groups.
 */
export function packWeights(parts: readonly QuantizedMatrix[], interleaved: boolean): Uint8Array {
  const { columns, bits, scaleBlock } = parts[0]!;
  const blocks = columns / scaleBlock;
  const { vectors, halves } = BLOCKS[bits];
  const codeBytes = blocks * vectors * WORD * LANES;
  const groupBytes = Math.ceil((codeBytes + blocks * halves * 2 * LANES) / 64) * 64;
  const groups = parts.map(({ rows }) => Math.ceil(rows / LANES));
  const packed = new Uint8Array(groups.reduce((sum, count) => sum + count, 0) * groupBytes);
  let firstGroup = 0;
  parts.forEach((part, p) => {
    const groupOf = interleaved
      ? (row: number) => Math.floor(row / LANES) * parts.length + p
      : (row: number) => firstGroup + Math.floor(row / LANES);
    for (let row = 0; row < part.rows; row++) {
      const group = packed.subarray(groupOf(row) * groupBytes, (groupOf(row) + 1) * groupBytes);
      packCodes(part, row, group);
      packScales(part, row, group.subarray(codeBytes));
    }
    if (!interleaved) firstGroup += groups[p]!;
  });
  return packed;
}

/** Writes the words of a block at `target[at]`, `target[at + LANES]`, …; `source` has its codes from byte `from` on. */
type PackBlock = (source: DataView, from: number, target: Uint32Array, at: number) => void;

function packCodes({ columns, bits, scaleBlock, codes }: QuantizedMatrix, row: number, group: Uint8Array): void {
  const { vectors, pack }: { vectors: number; pack: PackBlock } = BLOCKS[bits];
  const target = new Uint32Array(group.buffer, group.byteOffset, group.byteLength / WORD);
  const codesPerByte = bits === 4 ? 2 : 1;
  const rowBytes = columns / codesPerByte;
  const source = new DataView(codes.buffer, codes.byteOffset + row * rowBytes, rowBytes);
  for (let block = 0; block < columns / scaleBlock; block++) {
    pack(source, (block * scaleBlock) / codesPerByte, target, block * vectors * LANES + (row % LANES));
  }
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

function packScales(matrix: QuantizedMatrix, row: number, target: Uint8Array): void {
  const { columns, bits, scaleBlock, scales, minimums } = matrix;
  const blocks = columns / scaleBlock;
  const view = new DataView(target.buffer, target.byteOffset);
  for (let block = 0; block < blocks; block++) {
    const scale = scales[row * blocks + block]!;
    const place = block * BLOCKS[bits].halves * 2 * LANES + 2 * (row % LANES);
    view.setUint16(place, toHalf(scale), true);
    if (bits !== 4) continue;
    // The kernel counts 4-bit codes from 0: of a symmetric form the 8 levels below belong to the minimum.
    const minimum = minimums ? minimums[row * blocks + block]! : -8 * scale;
    view.setUint16(place + 2 * LANES, toHalf(minimum), true);
  }
}
