// The operators without onnxruntime: every argument is checked before a byte is written, then the work is cut into
// tasks. All return an empty string, or what is wrong with the call.
#pragma once
#include <string>
#include <type_traits>
#include <vector>

#include "path.h"

namespace switchyard {

// Runs task(user, 0) .. task(user, count - 1), in any order and on any threads, and returns when all are done.
struct ThreadPool {
  void (*run)(void* context, void (*task)(void* user, size_t index), size_t count, void* user);
  void* context;
};

// A tensor as the operators see it. Absent inputs have no data and rank 0.
struct Tensor {
  void* data = nullptr;
  int64_t dims[8] = {};
  int rank = 0;
};

// The LoRA inputs of a linear: all four present, or none.
struct LoraInputs {
  Tensor slots;  // [rows] i32: bank slot of each row, its adapter's first one; -1: none
  Tensor ranks;  // [bank slots, columns] i32
  Tensor a;      // [bank slots, targets, R, inputs] f16
  Tensor b;      // [bank slots, R, sum(widths)] f16
  Tensor nextA;  // the `a` of the linear that runs next, to be fetched meanwhile; may be absent
};

// y = x W (+ B[slot] A[slot] x); gated: y = silu(x gate) * (x up).
struct QuantizedLinear {
  int64_t inputs, outputs;
  Format format;
  bool gated;
  // LoRA, if the operator has it: the output columns of each fused target, and the first one's column of `ranks`.
  int targets;
  int64_t widths[4];
  int64_t firstRankColumn, nextRankColumn;
  // Which of the targets this operator computes, where neighbours in other formats are operators of their own; 0: all.
  int64_t firstTarget = 0, ownTargets = 0;

  int own() const { return static_cast<int>(ownTargets ? ownTargets : targets); }
  std::string checkAttributes() const;
  // x [.., inputs] f32, weights [bytes] u8, y [.., outputs] f32.
  std::string run(const Path&, const ThreadPool&, const Tensor& x, const Tensor& weights, const LoraInputs&, float* y) const;
};

// Causal grouped-query attention over KV slots; new keys and values are written into `kv` in place.
struct SlotAttention {
  int64_t layer, heads, kvHeads;
  float scale;
  int64_t rotate = 1;  // 0: queries and keys stay as they are
  int64_t window = 0;  // tokens that a token sees, itself included; 0: all before it

  std::string checkAttributes() const;
  // q [tokens, (heads + 2 kvHeads) headSize] f32, or [tokens, heads headSize] with k and v [tokens, kvHeads headSize];
  // slots, positions [tokens] i32; cosines, sines [positions, headSize / 2] f32, which set the number of positions;
  // kv [layers, slots, 2, kvHeads, capacity, headSize] f16; y [tokens, heads headSize] f32
  std::string run(const Path&, const ThreadPool&, const Tensor& q, const Tensor& slots, const Tensor& positions,
                  const Tensor& cosines, const Tensor& sines, const Tensor& kv, const Tensor& k, const Tensor& v, float* y) const;
};

// A sentence encoder over bytes that stay the caller's.
struct SentenceEncoder {
  Encoder encoder;
  std::vector<EncoderLayer> layers;

  // Empty, or why the bytes are none.
  std::string open(const uint8_t* bytes, int64_t length);
  // ids: [sum of lengths]; vectors [texts][hidden]. Memory of the call comes from the calling thread.
  std::string run(const Path&, const int32_t* ids, const int32_t* lengths, int64_t texts, float* vectors, bool inBackground) const;
};

// What a path computes differently from the scalar path, over one linear of each format, an attention and an encoder; empty: nothing.
std::string selfTest(const Path&);

// Memory for one call, on a 64-byte boundary, or null. The calling thread keeps it for its next call.
void* reserveScratch(size_t bytes);

// What is wrong, from strings and numbers.
template <class... Parts> std::string problem(const Parts&... parts) {
  std::string text;
  const auto append = [&](const auto& part) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(part)>>) text += std::to_string(part);
    else text += part;
  };
  (append(parts), ...);
  return text;
}

}  // namespace switchyard
