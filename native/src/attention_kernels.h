// Attention over KV slots: keys rotated and stored, scores, softmax, weighted values.
#pragma once
#include "lanes.h"

namespace switchyard {

// Rotates (x[i], x[i + half]) by the position's angles, where the layer rotates.
static inline void rotate(const AttentionTask& t, const float* __restrict x, int64_t position, float scale, float* __restrict y) {
  const int half = t.headSize / 2;
  if (!t.cosines) {
    for (int i = 0; i < t.headSize; i++) y[i] = x[i] * scale;
    return;
  }
  const float* __restrict cosines = t.cosines + position * half;
  const float* __restrict sines = t.sines + position * half;
  for (int i = 0; i < half; i++) {
    const float a = x[i], b = x[i + half];
    y[i] = __builtin_fmaf(-b, sines[i], a * cosines[i]) * scale;
    y[i + half] = __builtin_fmaf(a, sines[i], b * cosines[i]) * scale;
  }
}

static inline uint16_t* headAt(const AttentionTask& t, int32_t slot, int valuesNotKeys, int kvHead) {
  return t.kv + ((static_cast<int64_t>(slot) * 2 + valuesNotKeys) * t.kvHeads + kvHead) * t.capacity * t.headSize;
}

template <class L> static void storeTokens(const AttentionTask& t, const AttentionTile& tile, int kvHead) {
  float rotated[kMaxHeadSize];
  uint16_t halves[kMaxHeadSize];
  for (int i = 0; i < tile.tokens; i++) {
    const int64_t token = tile.firstToken + i, position = tile.position + i;
    rotate(t, t.k + token * t.kStride + kvHead * t.headSize, position, 1.f, rotated);
    for (int d = 0; d < t.headSize; d += kLanes) L::storeHalf(halves + d, L::load(rotated + d));
    uint16_t* key = headAt(t, tile.slot, 0, kvHead) + position / kLanes * kLanes * t.headSize + position % kLanes;
    for (int d = 0; d < t.headSize; d++) key[d * kLanes] = halves[d];
    const float* v = t.v + token * t.vStride + kvHead * t.headSize;
    uint16_t* value = headAt(t, tile.slot, 1, kvHead) + position * t.headSize;
    for (int d = 0; d < t.headSize; d += kLanes) L::storeHalf(value + d, L::load(v + d));
  }
}

// scores[row][16 * Blocks] = queries times `Blocks` blocks of 16 keys.
template <class L, int Rows, int Blocks>
static void scoreBlocks(const float* queries, const uint16_t* keys, int headSize, float* scores, int64_t stride) {
  typename L::F sum[Rows][Blocks];
  for (int r = 0; r < Rows; r++) {
    for (int b = 0; b < Blocks; b++) sum[r][b] = L::broadcast(0.f);
  }
  for (int d = 0; d < headSize; d++) {
    typename L::F key[Blocks];
    for (int b = 0; b < Blocks; b++) key[b] = L::loadHalf(keys + (b * headSize + d) * kLanes);
    if constexpr (Rows <= 4) {
      for (int b = 0; b < Blocks; b += 2) L::prefetch(keys + ((Blocks + b / 2) * headSize + d) * kLanes);
    }
    for (int r = 0; r < Rows; r++) {
      const auto q = L::broadcast(queries[r * headSize + d]);
      for (int b = 0; b < Blocks; b++) sum[r][b] = L::fma(q, key[b], sum[r][b]);
    }
  }
  for (int r = 0; r < Rows; r++) {
    for (int b = 0; b < Blocks; b++) L::store(scores + r * stride + b * kLanes, sum[r][b]);
  }
}

// Turns the first `limit` scores into weights e^(score - largest), the rest of the last vector into zeros.
// Returns 1 / sum of the weights.
template <class L> static float softmax(float* scores, int64_t limit) {
  auto largest = L::broadcast(-3.40282347e38f);
  for (int64_t k = 0; k < limit; k += kLanes) {
    const int live = limit - k < kLanes ? static_cast<int>(limit - k) : kLanes;
    largest = L::max(largest, L::firstLanes(L::load(scores + k), live, -3.40282347e38f));
  }
  const auto shift = L::broadcast(L::largest(largest));
  auto sum = L::broadcast(0.f);
  for (int64_t k = 0; k < limit; k += kLanes) {
    const int live = limit - k < kLanes ? static_cast<int>(limit - k) : kLanes;
    const auto weight = L::firstLanes(exponential<L>(L::sub(L::load(scores + k), shift)), live, 0.f);
    L::store(scores + k, weight);
    sum = L::add(sum, weight);
  }
  return 1.f / L::sum(sum);
}

// out[row] = weights times values over 16 * Vectors columns. Row r sees `common` + its token's index positions.
template <class L, int Rows, int Vectors>
static void weighValues(const float* weights, int64_t stride, const uint16_t* values, int headSize, int64_t common,
                        const int64_t* limits, const float* inverses, float* const* out) {
  typename L::F sum[Rows][Vectors];
  for (int r = 0; r < Rows; r++) {
    for (int i = 0; i < Vectors; i++) sum[r][i] = L::broadcast(0.f);
  }
  for (int64_t k = 0; k < common; k++) {
    const uint16_t* value = values + k * headSize;
    typename L::F v[Vectors];
    for (int i = 0; i < Vectors; i++) v[i] = L::loadHalf(value + i * kLanes);
    if constexpr (Rows <= 4) {
      for (int i = 0; i < Vectors; i += 2) L::prefetch(value + 32 * headSize + i * kLanes);
    }
    for (int r = 0; r < Rows; r++) {
      const auto w = L::broadcast(weights[r * stride + k]);
      for (int i = 0; i < Vectors; i++) sum[r][i] = L::fma(w, v[i], sum[r][i]);
    }
  }
  for (int r = 0; r < Rows; r++) {
    for (int64_t k = common; k < limits[r]; k++) {
      const auto w = L::broadcast(weights[r * stride + k]);
      for (int i = 0; i < Vectors; i++) {
        sum[r][i] = L::fma(w, L::loadHalf(values + k * headSize + i * kLanes), sum[r][i]);
      }
    }
    for (int i = 0; i < Vectors; i++) L::store(out[r] + i * kLanes, L::mul(sum[r][i], L::broadcast(inverses[r])));
  }
}

template <class L> static void attend(const AttentionTask& t, const AttentionTile& tile, int kvHead, float* scratch) {
  const int group = t.heads / t.kvHeads, rows = group * tile.tokens;
  // What lies before the window is not seen (a tile has one token then): positions are counted from a block in it on.
  const int64_t firstSeen = tile.position < t.window ? 0 : tile.position - t.window + 1;
  const int64_t start = firstSeen / kLanes * kLanes, unseen = firstSeen - start;
  const int64_t common = tile.position + 1 - start, positions = tile.position + tile.tokens - start;
  const int64_t blocks = ceilDiv(positions, kLanes), stride = blocks * kLanes;
  float* inverses = scratch;
  float* queries = inverses + ceilDiv(rows, kLanes) * kLanes;
  float* scores = queries + static_cast<int64_t>(rows) * t.headSize;
  const auto outputOf = [&](int row) {
    return t.out + ((tile.firstToken + row / group) * t.heads + kvHead * group + row % group) * t.headSize;
  };
  for (int r = 0; r < rows; r++) {
    const int64_t token = tile.firstToken + r / group, position = tile.position + r / group;
    rotate(t, t.q + token * t.qStride + (kvHead * group + r % group) * t.headSize, position, t.scale, queries + r * t.headSize);
  }
  const uint16_t* keys = headAt(t, tile.slot, 0, kvHead) + start * t.headSize;
  const uint16_t* values = headAt(t, tile.slot, 1, kvHead) + start * t.headSize;
  for (int first = 0; first < rows; first += L::kQueryRows) {
    const int n = rows - first < L::kQueryRows ? rows - first : L::kQueryRows;
    withCount<L::kQueryRows>(n, [&](auto count) {
      constexpr int kRows = decltype(count)::value, kBlocks = kRows <= L::kQueryRows / 2 ? 2 * L::kKeyBlocks : L::kKeyBlocks;
      const float* q = queries + first * t.headSize;
      float* s = scores + first * stride;
      int64_t b = 0;
      for (; b + kBlocks <= blocks; b += kBlocks) {
        scoreBlocks<L, kRows, kBlocks>(q, keys + b * kLanes * t.headSize, t.headSize, s + b * kLanes, stride);
      }
      for (; b < blocks; b++) {
        scoreBlocks<L, kRows, 1>(q, keys + b * kLanes * t.headSize, t.headSize, s + b * kLanes, stride);
      }
    });
  }
  for (int r = 0; r < rows; r++) {
    for (int64_t k = 0; k < unseen; k++) scores[r * stride + k] = -3.40282347e38f;
    inverses[r] = softmax<L>(scores + r * stride, common + r / group);
  }
  for (int first = 0; first < rows; first += L::kValueRows) {
    const int n = rows - first < L::kValueRows ? rows - first : L::kValueRows;
    withCount<L::kValueRows>(n, [&](auto count) {
      constexpr int kRows = decltype(count)::value;
      int64_t limits[kRows];
      float* out[kRows];
      for (int r = 0; r < kRows; r++) {
        limits[r] = common - unseen + (first + r) / group;
        out[r] = outputOf(first + r);
      }
      const float* w = scores + first * stride + unseen;
      int d = 0;
      const auto weigh = [&](auto vectors) {
        weighValues<L, kRows, decltype(vectors)::value>(w, stride, values + unseen * t.headSize + d, t.headSize, common - unseen, limits,
                                                        inverses + first, out);
        for (int r = 0; r < kRows; r++) out[r] += decltype(vectors)::value * kLanes;
        d += decltype(vectors)::value * kLanes;
      };
      while (d + L::kValueVectors * kLanes <= t.headSize) weigh(Count<L::kValueVectors>{});
      while (d < t.headSize) weigh(Count<1>{});
    });
  }
}

}  // namespace switchyard
