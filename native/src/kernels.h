// The kernels, written once over a class of 16-lane vectors (`L`); each file under paths/ supplies one such class.
// The order of every floating-point operation is fixed here. Sums that run over a vector's lanes use `L::sum`, which
// adds lane i and i + 8, then i + 4, i + 2, i + 1. No operation may be contracted or reassociated by the compiler
// (-ffp-contract=off, no -ffast-math).
//
// What L provides:
//   F, I, W                 16 floats, 16 int32, 64 bytes of packed weights
//   Dot<format>             16 exact integer dot products: Dot(start), add(W, four activations), total()
//   kQueryRows, kKeyBlocks  register blocking of attention (rows of queries, blocks of 16 keys, vectors of values)
//   kValueRows, kValueVectors
//   kTileRows               most rows a pass of the linear keeps in registers
//   kSharedRanks, kLoneRanks  rows of A that share a pass, for four rows of x and for one
#pragma once
#include <type_traits>

#include "path.h"

namespace switchyard {

template <int N> using Count = std::integral_constant<int, N>;

// Calls f with n (1..Max) as a compile-time constant.
template <int Max, class Fn> [[gnu::always_inline]] static inline void withCount(int n, Fn f) {
  if constexpr (Max == 1) {
    f(Count<1>{});
  } else {
    if (n == Max) f(Count<Max>{});
    else withCount<Max - 1>(n, f);
  }
}

// e^x within 2 ulp (Cephes' polynomial); x is clamped to [-86, 88] so that the result is a normal number.
template <class L> static inline typename L::F exponential(typename L::F x) {
  x = L::min(L::broadcast(88.f), L::max(L::broadcast(-86.f), x));
  const auto n = L::round(L::mul(x, L::broadcast(1.44269504f)));
  const auto whole = L::toFloat(n);
  auto r = L::negatedFma(whole, L::broadcast(0.693359375f), x);
  r = L::negatedFma(whole, L::broadcast(-2.12194440e-4f), r);
  auto p = L::broadcast(1.9875691500e-4f);
  p = L::fma(p, r, L::broadcast(1.3981999507e-3f));
  p = L::fma(p, r, L::broadcast(8.3334519073e-3f));
  p = L::fma(p, r, L::broadcast(4.1665795894e-2f));
  p = L::fma(p, r, L::broadcast(1.6666665459e-1f));
  p = L::fma(p, r, L::broadcast(5.0000001201e-1f));
  p = L::add(L::fma(p, L::mul(r, r), r), L::broadcast(1.f));
  return L::mul(p, L::powerOfTwo(n));
}

// ---- Quantization of activations --------------------------------------------------------------------------------

// Symmetric, 8 bits, by blocks of 32. A block that holds a NaN or an infinity makes the row's result NaN.
template <class L> static void quantize(const LinearTask& t, int64_t rowBegin, int64_t rowEnd) {
  const int64_t blocks = t.inputs / kBlock;
  for (int64_t row = rowBegin; row < rowEnd; row++) {
    const int64_t place = row / t.tileRows * t.tileRows * blocks + row % t.tileRows;
    int8_t* q = t.q + place * kBlock;
    BlockScale* scale = t.scales + place;
    const float* x = t.x + row * t.inputs;
    for (int64_t b = 0; b < blocks; b++, x += kBlock, q += t.tileRows * kBlock, scale += t.tileRows) {
      const auto low = L::load(x), high = L::load(x + kLanes);
      const float largest = L::largestMagnitude(low, high);
      const bool finite = largest <= 3.40282347e38f, tiny = largest < 1e-30f;
      const auto inverse = L::broadcast(finite && !tiny ? 127.f / largest : 0.f);
      const auto zeroed = [&](typename L::F v) { return finite ? L::round(L::mul(v, inverse)) : L::broadcastInt(0); };
      const auto i = zeroed(low), j = zeroed(high);
      L::storeInt8(q, i);
      L::storeInt8(q + kLanes, j);
      const int32_t sum = L::sum(L::add(i, j));
      scale->scale = tiny ? 0.f : finite ? largest / 127.f : __builtin_nanf("");
      if (t.format == Format::q4_1) scale->weightedSum = scale->scale * static_cast<float>(sum);
      else scale->start = -128 * sum;
    }
  }
}

// ---- Quantized product ------------------------------------------------------------------------------------------

static constexpr int64_t kWeightsAhead = 12288;

// out[row][16] = one group of 16 columns for `Rows` rows of a tile.
template <class L, Format F, int Rows>
static void multiplyRows(const uint8_t* group, int64_t blocks, const int8_t* q, const BlockScale* scales, int tileRows,
                         float* out) {
  using Dot = typename L::template Dot<F>;
  constexpr int kBytes = kBlockBytes<F> + kScaleBytes<F>;
  typename L::F total[Rows];
  for (int r = 0; r < Rows; r++) total[r] = L::broadcast(0.f);
  const uint8_t* w = group;
  const uint8_t* s = group + blocks * kBlockBytes<F>;
  for (int64_t b = 0; b < blocks; b++, w += kBlockBytes<F>, s += kScaleBytes<F>) {
    // Each block fetches its share of what comes two groups later: products and memory overlap, which the hardware's
    // prefetcher alone does not bring about.
    for (int j = 0; j < kBytes; j += 64) L::prefetch(group + kWeightsAhead + b * kBytes + j);
    Dot dot[Rows];
    for (int r = 0; r < Rows; r++) dot[r].begin(F == Format::q8_0 ? scales[r].start : 0);
    for (int j = 0; j < kBlockBytes<F> / 64; j++) {
      const auto bytes = L::loadWeights(w + 64 * j);
      if constexpr (F == Format::q4_1) {
        const auto low = L::lowNibbles(bytes), high = L::highNibbles(bytes);
        for (int r = 0; r < Rows; r++) {
          dot[r].add(low, q + r * kBlock + 8 * j);
          dot[r].add(high, q + r * kBlock + 8 * j + 4);
        }
      } else {
        for (int r = 0; r < Rows; r++) dot[r].add(bytes, q + r * kBlock + 4 * j);
      }
    }
    const auto* halves = reinterpret_cast<const uint16_t*>(s);
    const auto d = L::loadHalf(halves);
    for (int r = 0; r < Rows; r++) {
      total[r] = L::fma(L::toFloat(dot[r].total()), L::mul(d, L::broadcast(scales[r].scale)), total[r]);
    }
    if constexpr (F == Format::q4_1) {
      const auto minimum = L::loadHalf(halves + kLanes);
      for (int r = 0; r < Rows; r++) {
        total[r] = L::fma(minimum, L::broadcast(scales[r].weightedSum), total[r]);
      }
    }
    q += tileRows * kBlock;
    scales += tileRows;
  }
  for (int r = 0; r < Rows; r++) L::store(out + r * kLanes, total[r]);
}

// One group of weights, ready to be multiplied with tile after tile. AMX has a class of its own that unpacks first.
template <class L, Format F> struct VectorGroup {
  const uint8_t* group;
  int64_t blocks;
  VectorGroup(const uint8_t* g, int64_t n) : group(g), blocks(n) {}
  void multiply(const int8_t* q, const BlockScale* scales, int tileRows, int rows, float* out) const {
    withCount<L::kTileRows>(rows, [&](auto n) {
      multiplyRows<L, F, decltype(n)::value>(group, blocks, q, scales, tileRows, out);
    });
  }
};

// Adds B u to 16 columns of the rows of a tile: column group `panel` of `target`.
template <class L>
static void loraUp(const LoraTask& t, int target, int64_t panel, int64_t firstRow, int rows, float* out) {
  for (int r = 0; r < rows; r++) {
    const int64_t place = (firstRow + r) * t.targets + target;
    const Adapter& adapter = t.adapters[place];
    if (!adapter.rank) continue;
    const uint16_t* b = adapter.b + panel * adapter.rank * kLanes;
    const float* u = t.u + place * t.uStride;
    auto sum = L::load(out + r * kLanes);
#pragma GCC unroll 4
    for (int i = 0; i < adapter.rank; i++) sum = L::fma(L::broadcast(u[i]), L::loadHalf(b + i * kLanes), sum);
    L::store(out + r * kLanes, sum);
  }
}

// Output groups [begin, end): for each, all tiles of rows, so that weights come from memory once.
template <class L, Format F, template <class, Format> class Group>
static void productOf(const LinearTask& t, int64_t begin, int64_t end) {
  const int64_t blocks = t.inputs / kBlock, stride = groupBytes(F, t.inputs);
  const int parts = t.gated ? 2 : 1;
  float out[2][kMaxTileRows * kLanes];
  const bool hasLora = t.lora.adapters != nullptr;
  int target = 0;
  for (int64_t g = begin; g < end; g++) {
    const uint8_t* weights = t.weights + g * parts * stride;
    // q, k and v stand one after the other, gate and up side by side.
    while (!t.gated && target + 1 < t.lora.targets && g >= t.lora.panelBefore[target + 1]) target++;
    const int64_t panel = t.gated ? g : g - t.lora.panelBefore[target];
    for (int64_t i = 0; i < t.lora.aheadCount; i++) {
      const Ahead& ahead = t.lora.ahead[i];
      const int64_t first = g * ahead.halvesPerGroup, last = first + ahead.halvesPerGroup;
      for (int64_t h = first; h < (last < ahead.halves ? last : ahead.halves); h += 32) L::prefetchFar(ahead.start + h);
    }
    const int columns = t.outputs - g * kLanes < kLanes ? static_cast<int>(t.outputs - g * kLanes) : kLanes;
    const Group<L, F> first(weights, blocks), second(weights + (parts - 1) * stride, blocks);
    for (int64_t row = 0; row < t.rows; row += t.tileRows) {
      const int rows = t.rows - row < t.tileRows ? static_cast<int>(t.rows - row) : t.tileRows;
      for (int p = 0; p < parts; p++) {
        const auto& group = p ? second : first;
        group.multiply(t.q + row * t.inputs, t.scales + row * blocks, t.tileRows, rows, out[p]);
        if (hasLora) loraUp<L>(t.lora, target + p, panel, row, rows, out[p]);
      }
      for (int r = 0; r < rows; r++) {
        float* y = t.y + (row + r) * t.outputs + g * kLanes;
        auto v = L::load(out[0] + r * kLanes);
        if (t.gated) {
          const auto up = L::load(out[1] + r * kLanes);
          const auto one = L::broadcast(1.f);
          v = L::div(L::mul(v, up), L::add(one, exponential<L>(L::sub(L::broadcast(0.f), v))));
        }
        if (columns == kLanes) {
          L::store(y, v);
        } else {
          L::store(out[0] + r * kLanes, v);
          for (int c = 0; c < columns; c++) y[c] = out[0][r * kLanes + c];
        }
      }
    }
  }
}

template <class L> static void product(const LinearTask& t, int64_t begin, int64_t end) {
  if (t.format == Format::q4_1) productOf<L, Format::q4_1, VectorGroup>(t, begin, end);
  else productOf<L, Format::q8_0, VectorGroup>(t, begin, end);
}

// Rows of a call are spread evenly over its tiles: nine rows are five and four, not eight and one.
template <class L> static int tileRows(int64_t rows, int64_t) {
  return static_cast<int>(ceilDiv(rows, ceilDiv(rows, L::kTileRows)));
}

// ---- LoRA, the way down -----------------------------------------------------------------------------------------

// u[row][i] = A's row i times x's row, for `Rows` rows of x that share an adapter and `Ranks` rows of A.
template <class L, int Rows, int Ranks>
static void dotPanels(const float* x, int64_t inputs, const uint16_t* a, int rank, const uint16_t* next, float* u,
                      int64_t uRowStride) {
  typename L::F sum[Rows][Ranks];
  for (int r = 0; r < Rows; r++) {
    for (int i = 0; i < Ranks; i++) sum[r][i] = L::broadcast(0.f);
  }
  for (int64_t k = 0; k < inputs; k += kLanes, a += rank * kLanes, next += rank * kLanes) {
    for (int i = 0; i < Ranks; i += 2) L::prefetch(next + i * kLanes);
    typename L::F xs[Rows];
    for (int r = 0; r < Rows; r++) xs[r] = L::load(x + r * inputs + k);
    for (int i = 0; i < Ranks; i++) {
      const auto row = L::loadHalf(a + i * kLanes);
      for (int r = 0; r < Rows; r++) sum[r][i] = L::fma(xs[r], row, sum[r][i]);
    }
  }
  for (int r = 0; r < Rows; r++) {
    for (int i = 0; i < Ranks; i++) u[r * uRowStride + i] = L::sum(sum[r][i]);
  }
}

template <class L, int Rows, int Ranks>
static void dotAllPanels(const float* x, int64_t inputs, const uint16_t* a, int rank, const uint16_t* next, float* u,
                         int64_t uRowStride) {
  int i = 0;
  for (; i + Ranks <= rank; i += Ranks) {
    dotPanels<L, Rows, Ranks>(x, inputs, a + i * kLanes, rank, next + i * kLanes, u + i, uRowStride);
  }
  for (; i < rank; i++) dotPanels<L, Rows, 1>(x, inputs, a + i * kLanes, rank, next + i * kLanes, u + i, uRowStride);
}

template <class L> static void loraDown(const LinearTask& task, int64_t rowBegin, int64_t rowEnd, int target) {
  const LoraTask& t = task.lora;
  const int64_t uRowStride = static_cast<int64_t>(t.targets) * t.uStride;
  const auto at = [&](int64_t row) -> const Adapter& { return t.adapters[row * t.targets + target]; };
  for (int64_t row = rowBegin; row < rowEnd;) {
    const Adapter& adapter = at(row);
    const uint16_t* a = adapter.a;
    const bool four = row + 4 <= rowEnd && at(row + 1).a == a && at(row + 2).a == a && at(row + 3).a == a;
    const int64_t after = row + (four ? 4 : 1);
    if (adapter.rank) {
      // While one adapter's A is used, the next one's is fetched.
      const uint16_t* next = after < rowEnd && at(after).rank ? at(after).a : a;
      const float* x = task.x + row * task.inputs;
      float* u = t.u + row * uRowStride + target * t.uStride;
      if (four) dotAllPanels<L, 4, L::kSharedRanks>(x, task.inputs, a, adapter.rank, next, u, uRowStride);
      else dotAllPanels<L, 1, L::kLoneRanks>(x, task.inputs, a, adapter.rank, next, u, uRowStride);
    }
    row = after;
  }
}

// ---- Attention --------------------------------------------------------------------------------------------------

// Rotates (x[i], x[i + half]) by the position's angles.
static inline void rotate(const float* __restrict x, const float* __restrict cosines, const float* __restrict sines,
                          int half, float scale, float* __restrict y) {
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
  const int half = t.headSize / 2;
  float rotated[kMaxHeadSize];
  uint16_t halves[kMaxHeadSize];
  for (int i = 0; i < tile.tokens; i++) {
    const int64_t token = tile.firstToken + i, position = tile.position + i;
    rotate(t.k + token * t.kStride + kvHead * t.headSize, t.cosines + position * half, t.sines + position * half, half,
           1.f, rotated);
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
  const int group = t.heads / t.kvHeads, rows = group * tile.tokens, half = t.headSize / 2;
  const int64_t common = tile.position + 1, positions = tile.position + tile.tokens;
  const int64_t blocks = ceilDiv(positions, kLanes), stride = blocks * kLanes;
  float* inverses = scratch;
  float* queries = inverses + ceilDiv(rows, kLanes) * kLanes;
  float* scores = queries + static_cast<int64_t>(rows) * t.headSize;
  const auto outputOf = [&](int row) {
    return t.out + ((tile.firstToken + row / group) * t.heads + kvHead * group + row % group) * t.headSize;
  };
  for (int r = 0; r < rows; r++) {
    const int64_t token = tile.firstToken + r / group, position = tile.position + r / group;
    rotate(t.q + token * t.qStride + (kvHead * group + r % group) * t.headSize, t.cosines + position * half,
           t.sines + position * half, half, t.scale, queries + r * t.headSize);
  }
  const uint16_t* keys = headAt(t, tile.slot, 0, kvHead);
  const uint16_t* values = headAt(t, tile.slot, 1, kvHead);
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
  for (int r = 0; r < rows; r++) inverses[r] = softmax<L>(scores + r * stride, common + r / group);
  for (int first = 0; first < rows; first += L::kValueRows) {
    const int n = rows - first < L::kValueRows ? rows - first : L::kValueRows;
    withCount<L::kValueRows>(n, [&](auto count) {
      constexpr int kRows = decltype(count)::value;
      int64_t limits[kRows];
      float* out[kRows];
      for (int r = 0; r < kRows; r++) {
        limits[r] = common + (first + r) / group;
        out[r] = outputOf(first + r);
      }
      const float* w = scores + first * stride;
      int d = 0;
      const auto weigh = [&](auto vectors) {
        weighValues<L, kRows, decltype(vectors)::value>(w, stride, values + d, t.headSize, common, limits,
                                                        inverses + first, out);
        for (int r = 0; r < kRows; r++) out[r] += decltype(vectors)::value * kLanes;
        d += decltype(vectors)::value * kLanes;
      };
      while (d + L::kValueVectors * kLanes <= t.headSize) weigh(Count<L::kValueVectors>{});
      while (d < t.headSize) weigh(Count<1>{});
    });
  }
}

template <class L> static constexpr Path pathOf(const char* name) {
  return {name, tileRows<L>, quantize<L>, loraDown<L>, product<L>, storeTokens<L>, attend<L>};
}

}  // namespace switchyard
