import { toHalf } from '../../layouts/half-float.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';
import { BLOCK } from '../tensors/tensor.js';

/** Outputs in a group, whose weights lie together. */
const LANES = 16;

/** A 32-bit word holds four consecutive weights of one output; a block of 4 bits has 4 vectors of words, one of 8 bits 8. */
const WORD = 4;

/**
 * The weights of a linear in the layout of the kernels (drawn in native/src/layout.h): matrices of equally many bits one
 * after the other, or `interleaved` by groups of 16 outputs, as gate and up are. All but the last have whole groups.
 */
export function packWeights(parts: readonly QuantizedMatrix[], interleaved: boolean): Uint8Array {
  const { columns, bits } = parts[0]!;
  const blocks = columns / BLOCK;
  const blockBytes = (LANES * BLOCK * bits) / 8;
  const scaleBytes = bits === 4 ? 4 * LANES : 2 * LANES;
  const groupBytes = Math.ceil((blocks * (blockBytes + scaleBytes)) / 64) * 64;
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
      packScales(part, row, group.subarray(blocks * blockBytes), scaleBytes);
    }
    if (!interleaved) firstGroup += groups[p]!;
  });
  return packed;
}

function packCodes({ columns, bits, codes }: QuantizedMatrix, row: number, group: Uint8Array): void {
  const target = new Uint32Array(group.buffer, group.byteOffset, group.byteLength / WORD);
  const rowBytes = (columns * bits) / 8;
  const vectors = rowBytes / WORD;
  const lane = row % LANES;
  const source = new DataView(codes.buffer, codes.byteOffset + row * rowBytes, rowBytes);
  for (let vector = 0; vector < vectors; vector++) {
    const word = source.getUint32(vector * WORD, true);
    target[vector * LANES + lane] = bits === 8 ? word : pairByFour(word);
  }
}

/** Eight 4-bit codes: neighbours share a byte in the source, codes `i` and `i + 4` in the target. */
function pairByFour(word: number): number {
  const low = (word & 0xf) | ((word & 0xf0) << 4) | ((word & 0xf00) << 8) | ((word & 0xf000) << 12);
  const rest = word >>> 16;
  const high = (rest & 0xf) | ((rest & 0xf0) << 4) | ((rest & 0xf00) << 8) | ((rest & 0xf000) << 12);
  return (low | (high << 4)) >>> 0;
}

function packScales(
  { columns, bits, scales, minimums }: QuantizedMatrix,
  row: number,
  target: Uint8Array,
  bytes: number,
) {
  const blocks = columns / BLOCK;
  const view = new DataView(target.buffer, target.byteOffset);
  for (let block = 0; block < blocks; block++) {
    const scale = scales[row * blocks + block]!;
    const place = block * bytes + 2 * (row % LANES);
    view.setUint16(place, toHalf(scale), true);
    if (bits === 8) continue;
    // The kernel counts 4-bit codes from 0: of a symmetric form the 8 levels below belong to the minimum.
    const minimum = minimums ? minimums[row * blocks + block]! : -8 * scale;
    view.setUint16(place + 2 * LANES, toHalf(minimum), true);
  }
}
