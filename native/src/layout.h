// Where every byte lies: packed weights, quantized activations, LoRA banks, KV slots.
//
// Everything here is `static` on purpose: the files under paths/ are compiled for different instruction sets, and an
// `inline` function that two of them emit would be merged by the linker into one, perhaps into one this CPU cannot run.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace switchyard {

static constexpr int kLanes = 16;         // columns in a group, and lanes of every vector in this library
static constexpr int kBlock = 32;         // consecutive weights of one column that share a scale
static constexpr int kMaxTileRows = 16;   // rows of activations that one pass over a group of weights may serve
static constexpr int kMaxHeadSize = 256;

static constexpr int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- Packed weights -------------------------------------------------------------------------------------------------
// A linear of K inputs and N outputs is ceil(N / 16) groups of 16 columns (missing columns are zero). A gated one (gate
// and up of an MLP, N outputs each) has twice as many: group 2j is gate's group j, group 2j + 1 is up's.
//
//   group:  | block 0 | block 1 | ... | block K/32 - 1 | scales 0 | scales 1 | ... | zeros up to a multiple of 64 bytes |
//
//   q4_1 block, 256 bytes = 4 vectors of 64; w = d * q + m, q in 0..15
//     vector j, byte 4c + i (column c = 0..15, i = 0..3):   low nibble k = 8j + i,   high nibble k = 8j + 4 + i
//   q4_1 scales, 64 bytes:  fp16 d[16], fp16 m[16]
//
//   q8_0 block, 512 bytes = 8 vectors of 64; w = d * (q - 128), q in 0..255
//     vector j, byte 4c + i:   k = 4j + i
//   q8_0 scales, 32 bytes:  fp16 d[16]
//
// So one 32-bit lane holds four consecutive weights of one column: what vpdpbusd and tdpbsud want. Q4_0 is q4_1 with
// m = -8 d, exactly.
enum class Format { q4_1, q8_0 };

template <Format F> static constexpr int kBlockBytes = F == Format::q4_1 ? 256 : 512;
template <Format F> static constexpr int kScaleBytes = F == Format::q4_1 ? 64 : 32;

static constexpr int64_t groupBytes(Format f, int64_t inputs) {
  return ceilDiv(inputs / kBlock * (f == Format::q4_1 ? 256 + 64 : 512 + 32), 64) * 64;
}

// ---- Quantized activations ------------------------------------------------------------------------------------------
// Rows stand in tiles of `tileRows`; within a tile the rows alternate block by block:
//   q:       int8       [tile][K / 32][tileRows][32]
//   scales:  BlockScale [tile][K / 32][tileRows]           x = scale * q, q in -127..127
struct BlockScale {
  float scale;
  union {
    float weightedSum;  // q4_1: scale * sum(q) + its outliers, which the block's minimum multiplies
    int32_t start;      // q8_0: -128 * sum(q), which the dot product with q + 128 starts from
  };
};

// The activations of largest magnitude of each row stay floats, and are zero in q: one of them alone would make its
// whole block coarse (Dettmers et al., LLM.int8(), 2022).
static constexpr int kOutliers = 2;
struct Outlier {
  float value;
  int32_t words;   // where its weights stand: bytes from the group's start to their vector,
  int32_t shift;   // bits down from there,
  int32_t scales;  // halves from the group's first scale to those of its block
};

// ---- LoRA banks -----------------------------------------------------------------------------------------------------
// A bank has `slots` places of capacity `rankCapacity` (R). Matrices of r rows (r <= R) are stored in panels of 16
// columns, so that one adapter is one stream through memory:
//   panels:  [columns / 16][r][16] fp16
// Targets are the linears fused into one operator (q, k, v; gate, up); widths are their output columns.
//   A:  place (slot, target) at ((slot * targets + target) * R) * K;            panels of target's A    [K / 16][r][16]
//   B:  place (slot, target) at (slot * sum(widths) + widths before) * R;       panels of target's B^T  [width / 16][r][16]
// The scale alpha / r belongs into B. What lies in a place behind the panels is never read.

// ---- KV slots -------------------------------------------------------------------------------------------------------
//   kv: fp16 [layers][slots][2][kvHeads][capacity][headSize]
//     keys   ([0]) of a head, in blocks of 16 positions, transposed:  [capacity / 16][headSize][16]
//     values ([1]) of a head:                                         [capacity][headSize]

}  // namespace switchyard
