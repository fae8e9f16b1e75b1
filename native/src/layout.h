// Where every byte lies: packed weights, quantized activations, LoRA banks, KV slots.
//
// Everything here is `static` on purpose: the files under paths/ are compiled for different instruction sets, and an
// `inline` function that two of them emit would be merged by the linker into one, perhaps into one this CPU cannot run.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace switchyard {

static constexpr int kLanes = 16;         // columns in a group, and lanes of every vector in this library
static constexpr int kVector = 64;        // bytes of one: four weights of each column
static constexpr int kUnit = 32;          // activations are looked at in so many
static constexpr int kMaxTileRows = 16;   // rows of activations that one pass over a group of weights may serve
static constexpr int kMaxHeadSize = 256;

static constexpr int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- Packed weights -------------------------------------------------------------------------------------------------
// A linear of K inputs and N outputs is ceil(N / 16) groups of 16 columns (missing columns are zero). A gated one (gate
// and up of an MLP, N outputs each) has twice as many: group 2j is gate's group j, group 2j + 1 is up's.
//
//   group:  | block 0 | block 1 | ... | last block | scales 0 | scales 1 | ... | zeros up to a multiple of 64 bytes |
//
// A block is what shares a scale along K: 32 weights of each column, 16 for q2, q3 and q6. Its weights are taken in steps of
// four: step s is k = 4s + i (i = 0..3), and byte 4c + i of a vector belongs to column c. So one 32-bit lane holds four
// consecutive weights of one column: what vpdpbusd and tdpbsud want. Two blocks of q2 and of q3 lie in the same vectors: their
// steps are counted through, and their scales stand one after the other.
//
//   q2, 2 vectors for two blocks; w = d * s * q + m * t, q in 0..3, s and t in 0..15
//     vector j:       from bit 7 down, two bits each of steps 4j .. 4j + 3
//   q3, 3 vectors for two blocks; w = d * (q - 4), q in 0..7
//     vector j:       bits 5..7 step 2j, bits 2..4 step 2j + 1
//     bits 0 and 1:   vector 0 upper two bits of step 6, vector 2 of step 7; vector 1 the lower bits of both
//   q4_1, 4 vectors; w = d * q + m, q in 0..15
//     vector j:       low nibbles step 2j, high nibbles step 2j + 1
//   q4_0, 4 vectors as q4_1's; w = d * (q - 8), q in 0..15
//   iq4, 4 vectors as q4_1's; w = d * (kLevels[q] - 128), q in 0..15
//   q5_0, 5 vectors; w = d * (q - 16), q in 0..31
//     vector 0..4:    bits 3..7 step 0..4
//     bits 0..2:      vector 0 upper three bits of step 5, vector 1 of step 6, vector 2 of step 7;
//                     vector 3 lower two bits of step 5 in bits 0 and 1, bit 1 of step 7 in bit 2;
//                     vector 4 lower two bits of step 6 in bits 0 and 1, bit 0 of step 7 in bit 2
//   q5_1, 5 vectors as q5_0's; w = d * q + m, q in 0..31
//   q6, 3 vectors; w = d * (q - 32), q in 0..63
//     vector 0..2:    bits 2..7 step 0..2
//     bits 0 and 1:   step 3: vector 0 its bits 4 and 5, vector 1 its bits 2 and 3, vector 2 its bits 0 and 1
//   q8_0, 8 vectors; w = d * (q - 128), q in 0..255
//     vector s:       step s
//   scales of a block:  fp16 d[16], and for q4_1 and q5_1 fp16 m[16] behind them
//   scales of q2, for 16 blocks together: 4 vectors, whose byte 4c + i of vector j holds s (low nibble) and t (high) of block
//   4j + i and column c, then fp16 d[16] and m[16]. So it is as large as Q2_K in a file.
//
// Codes of all but q4_1, iq4 and q8_0 are multiplied as bytes with their bits on top, those of 5 bits as 8 q: most take one
// operation to get there, and the middle level is 128 for all forms without a minimum. Those of iq4 are looked up.
enum class Format { q2, q3, q4_0, q4_1, iq4, q5_0, q5_1, q6, q8_0 };

// What the codes of IQ4_NL and IQ4_XS stand for (kvalues_iq4nl of ggml-common.h), + 128.
alignas(16) static constexpr uint8_t kLevels[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

// Blocks of q2 whose scales lie together, and bytes of those.
static constexpr int kCommonBlocks = 16, kFactorBytes = kCommonBlocks * kLanes, kCommonBytes = kFactorBytes + 4 * kLanes;

struct Packing {
  int block, coded;  // weights that share a scale, and that lie in the same vectors
  int vectors, scaleBytes;  // of coded blocks, and of the scales of one block
  float unit;  // of a code as it is multiplied
  constexpr int steps() const { return block / 4; }
  constexpr int parts() const { return coded / block; }
  constexpr int codedBytes() const { return vectors * kVector; }
  constexpr int64_t codeBytes(int64_t blocks) const { return blocks / parts() * codedBytes(); }
};

static constexpr Packing packing(Format f) {
  return f == Format::q2     ? Packing{16, 32, 2, kCommonBytes / kCommonBlocks, 0.015625f}
         : f == Format::q3   ? Packing{16, 32, 3, 32, 0.03125f}
         : f == Format::q4_0 ? Packing{32, 32, 4, 32, 0.0625f}
         : f == Format::q4_1 ? Packing{32, 32, 4, 64, 1.f}
         : f == Format::iq4  ? Packing{32, 32, 4, 32, 1.f}
         : f == Format::q5_0 ? Packing{32, 32, 5, 32, 0.125f}
         : f == Format::q5_1 ? Packing{32, 32, 5, 64, 0.125f}
         : f == Format::q6   ? Packing{16, 16, 3, 32, 0.25f}
                             : Packing{32, 32, 8, 32, 1.f};
}

static constexpr bool hasMinimum(Format f) { return f == Format::q2 || f == Format::q4_1 || f == Format::q5_1; }

// The inputs of a linear are a multiple of this.
static constexpr int64_t inputUnit(Format f) { return f == Format::q2 ? kCommonBlocks * packing(f).block : kUnit; }

static constexpr int64_t groupBytes(Format f, int64_t inputs) {
  const int64_t blocks = inputs / packing(f).block;
  return ceilDiv(packing(f).codeBytes(blocks) + blocks * packing(f).scaleBytes, kVector) * kVector;
}

// ---- Quantized activations ------------------------------------------------------------------------------------------
// In blocks of the format's size. Rows stand in tiles of `tileRows`; within a tile the rows alternate block by block:
//   q:       int8       [tile][blocks][tileRows][block]
//   scales:  BlockScale [tile][blocks][tileRows]           x = scale / unit * q, q in -127..127
struct BlockScale {
  float scale;
  union {
    float weightedSum;  // with a minimum: the sum of x, quantized, and its outliers, which the block's minimum multiplies
    int32_t start;      // others: -128 * sum(q), which the dot product with codes around 128 starts from
  };
};

// The activations of largest magnitude of each row stay floats, and are zero in q: one of them alone would make its
// whole block coarse (Dettmers et al., LLM.int8(), 2022).
static constexpr int kOutliers = 2;
struct Outlier {
  float value;     // times the format's unit
  int32_t input;   // which it is; once all rows are quantized, where that stands in the call's list of OutlierInput
};
// Where the weights of an input stand in a group. Rows mostly share theirs: their weights are read once for all.
struct OutlierInput {
  int32_t block;   // bytes from the group's start to the vectors of its weights
  int32_t step;
  int32_t shift;   // bits down to them in each word of that step
  int32_t place;   // of its block among those of the row
};

// ---- LoRA banks -----------------------------------------------------------------------------------------------------
// A bank has `slots` places of R rows. An adapter whose largest rank (over all targets of the model) is more than R takes as
// many neighbouring ones as it needs, C rows together, and is known by the first of them. Matrices of r rows (r <= C) are
// stored in panels of 16 columns, so that one adapter is one stream through memory:
//   panels:  [columns / 16][r][16] fp16
// Targets are the linears fused into one operator (q, k, v; gate, up); widths are their output columns.
//   A:  target of a slot at (slot * R * targets + target * C) * K;              panels of target's A    [K / 16][r][16]
//   B:  target of a slot at slot * R * sum(widths) + C * (widths before);       panels of target's B^T  [width / 16][r][16]
// The scale alpha / r belongs into B. What lies behind the panels is never read.

// ---- KV slots -------------------------------------------------------------------------------------------------------
//   kv: fp16 [layers][slots][2][kvHeads][capacity][headSize]
//     keys   ([0]) of a head, in blocks of 16 positions, transposed:  [capacity / 16][headSize][16]
//     values ([1]) of a head:                                         [capacity][headSize]

}  // namespace switchyard
