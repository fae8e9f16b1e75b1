// A path is one set of kernels for one instruction set. Every path computes the same bits: integer dot products are
// exact, and floats are added in one order, which the kernels write down once for all.
#pragma once
#include "encoder.h"
#include "layout.h"

namespace switchyard {

// The adapter of one row for one of the linears fused into the operator: panels of its A and B^T, see layout.h.
struct Adapter {
  const uint16_t* a;
  const uint16_t* b;
  int rank;  // 0: none
};

// Memory that the next linear of the graph will read first: fetched while this one's products keep the core busy.
struct Ahead {
  const uint16_t* start;
  int64_t halves, halvesPerGroup;  // of which every output group fetches this many
};

struct LoraTask {
  const Adapter* adapters;     // [rows][targets]; null where no row of the call has an adapter
  float* u;                    // [rows][targets][uStride]: A x, filled by loraDown
  int targets, uStride;
  int64_t panelBefore[4];      // output groups in front of each target
  const Ahead* ahead;          // [aheadCount]
  int64_t aheadCount;
};

struct LinearTask {
  const float* x;          // [rows][inputs]
  const uint8_t* weights;  // packed, see layout.h
  float* y;                // [rows][outputs]
  int64_t rows, inputs, outputs;
  Format format;
  bool gated;              // y = silu(x gate) * (x up)
  int tileRows;
  int8_t* q;               // quantized activations, see layout.h
  BlockScale* scales;
  Outlier* outliers;       // [rows][kOutliers]
  const OutlierInput* outlierInputs;
  int outlierInputCount;
  LoraTask lora;
};

// Consecutive new tokens of one KV slot that share a pass over its keys and values.
struct AttentionTile {
  int64_t firstToken;
  int32_t slot, position, tokens;  // position of the first token
};

struct AttentionTask {
  const float *q, *k, *v;                    // first token's first head; rows are the strides apart
  int64_t qStride, kStride, vStride;
  const float *cosines, *sines;              // [positions][headSize / 2]; null: no rotation
  uint16_t* kv;                              // this layer's part of the KV tensor
  float* out;                                // [tokens][heads * headSize]
  int heads, kvHeads, headSize;
  int64_t capacity;                          // positions of a slot
  float scale;
  int64_t window;                            // tokens that a token sees
};

// The keys of `tokens` tokens of one head, to another position and perhaps another memory.
struct MoveTask {
  const uint16_t* from;  // the head's first position, and so is `to`; they do not overlap
  uint16_t* to;
  int64_t fromPosition, toPosition, tokens;
  int headSize;
  const float *cosines, *sines;  // of the distance, [headSize / 2]; null: the keys stay as they are
};

struct Path {
  const char* name;
  // Height of the tiles in which `rows` rows of activations are laid out.
  int (*tileRows)(int64_t rows);
  void (*quantize)(const LinearTask&, int64_t rowBegin, int64_t rowEnd);
  // u = A x of the rows that have an adapter, for one target.
  void (*loraDown)(const LinearTask&, int64_t rowBegin, int64_t rowEnd, int target);
  // Output groups [begin, end) of all rows, with B u added and, when gated, the activation applied.
  void (*product)(const LinearTask&, int64_t groupBegin, int64_t groupEnd);
  // Rotates and stores keys, stores values.
  void (*storeTokens)(const AttentionTask&, const AttentionTile&, int kvHead);
  // Attention of a tile's tokens for the query heads of one KV head. Scratch: attentionScratchFloats().
  void (*attend)(const AttentionTask&, const AttentionTile&, int kvHead, float* scratch);
  // See moving.cpp.
  void (*moveKeys)(const MoveTask&);
  // What the sampler asks of a row of logits, see vocabulary.cpp.
  float (*largestLogit)(const float* logits, int64_t n);
  double (*sumOfExponentials)(const float* logits, int64_t n, float largest, float factor);
  int64_t (*idsWithin)(const float* logits, int64_t n, float lower, float below, int32_t* ids);
  // Vectors of texts, see encoder.cpp.
  void (*encode)(const EncoderTask&);
};

// Scratch of Path::attend: one over the sum of each row, rotated queries, and the scores.
static inline int64_t attentionScratchFloats(int64_t rows, int64_t headSize, int64_t positions) {
  return ceilDiv(rows, kLanes) * kLanes + rows * (headSize + ceilDiv(positions, kLanes) * kLanes);
}

// Room on a 64-byte boundary for what is read of one group of weights. The calling thread keeps it for its next call.
uint8_t* unpackingPlace(int64_t bytes);

extern const Path scalarPath, avx2Path, avxVnniPath, avx512VnniPath, amxPath, neonPath;

// Paths that this CPU and this operating system can run, best first, ended by null.
const Path* const* availablePaths();
// The path of that name if it can run here, otherwise null; the best one for an empty name.
const Path* findPath(const char* name);

}  // namespace switchyard
