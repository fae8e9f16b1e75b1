// The quantized linear: activations made 8 bits, the product, LoRA down and up.
#pragma once
#include "lanes.h"

namespace switchyard {

static constexpr float kLargestFloat = 3.40282347e38f;

// ---- Quantization of activations --------------------------------------------------------------------------------

// Where the weights of input k stand in a group.
template <Format F> static Outlier outlierAt(const float* x, int64_t k) {
  const int64_t block = k / kBlock;
  const int i = k % kBlock;
  const int perVector = F == Format::q4_1 ? 8 : 4;
  return {x[k], static_cast<int32_t>(block * kBlockBytes<F> + i / perVector * 64), i % 4 * 8 + (i % perVector / 4) * 4,
          static_cast<int32_t>(block * kScaleBytes<F> / 2)};
}

// places[] = the inputs of largest magnitude, largest first, equals in order; no infinities, no NaNs.
template <class L> static void findOutliers(const float* x, int64_t inputs, int64_t (&places)[kOutliers]) {
  float magnitudes[kOutliers];
  for (int i = 0; i < kOutliers; i++) magnitudes[i] = -1.f, places[i] = 0;
  const float& smallest = magnitudes[kOutliers - 1];
  for (int64_t k = 0; k < inputs; k += kBlock) {
    for (uint32_t larger = L::largerLanes(L::load(x + k), L::load(x + k + kLanes), smallest); larger; larger &= larger - 1) {
      const int64_t place = k + __builtin_ctz(larger);
      const float magnitude = __builtin_fabsf(x[place]);
      if (magnitude <= smallest || magnitude > kLargestFloat) continue;
      int at = kOutliers - 1;
      for (; at > 0 && magnitude > magnitudes[at - 1]; at--) magnitudes[at] = magnitudes[at - 1], places[at] = places[at - 1];
      magnitudes[at] = magnitude, places[at] = place;
    }
  }
}

// Symmetric, 8 bits, by blocks of 32, without the row's outliers. A block that holds a NaN or an infinity makes the
// row's result NaN.
template <class L> static void quantize(const LinearTask& t, int64_t rowBegin, int64_t rowEnd) {
  const int64_t blocks = t.inputs / kBlock;
  for (int64_t row = rowBegin; row < rowEnd; row++) {
    const int64_t place = row / t.tileRows * t.tileRows * blocks + row % t.tileRows;
    int8_t* q = t.q + place * kBlock;
    BlockScale* scale = t.scales + place;
    const float* x = t.x + row * t.inputs;
    int64_t outliers[kOutliers];
    findOutliers<L>(x, t.inputs, outliers);
    for (int i = 0; i < kOutliers; i++) {
      t.outliers[row * kOutliers + i] =
          t.format == Format::q4_1 ? outlierAt<Format::q4_1>(x, outliers[i]) : outlierAt<Format::q8_0>(x, outliers[i]);
    }
    for (int64_t b = 0; b < blocks; b++, x += kBlock, q += t.tileRows * kBlock, scale += t.tileRows) {
      auto low = L::load(x), high = L::load(x + kLanes);
      float kept = 0.f;
      for (int64_t k : outliers) {
        if (k / kBlock != b) continue;
        kept += x[k % kBlock];
        float rest[kBlock];
        L::store(rest, low), L::store(rest + kLanes, high);
        rest[k % kBlock] = 0.f;
        low = L::load(rest), high = L::load(rest + kLanes);
      }
      const float largest = L::largestMagnitude(low, high);
      const bool finite = largest <= kLargestFloat, tiny = largest < 1e-30f;
      const auto inverse = L::broadcast(finite && !tiny ? 127.f / largest : 0.f);
      const auto zeroed = [&](typename L::F v) { return finite ? L::round(L::mul(v, inverse)) : L::broadcastInt(0); };
      const auto i = zeroed(low), j = zeroed(high);
      L::storeInt8(q, i);
      L::storeInt8(q + kLanes, j);
      const int32_t sum = L::sum(L::add(i, j));
      scale->scale = tiny ? 0.f : finite ? largest / 127.f : __builtin_nanf("");
      if (t.format == Format::q4_1) scale->weightedSum = scale->scale * static_cast<float>(sum) + kept;
      else scale->start = -128 * sum;
    }
  }
}

// ---- Quantized product ------------------------------------------------------------------------------------------

static constexpr int64_t kWeightsAhead = 12288;

// What a row's outliers give to 16 columns; their part of q4_1's minimum is in the weighted sum of their block.
template <class L, Format F>
[[gnu::always_inline]] static inline typename L::F outlierProducts(const uint8_t* group, int64_t blocks, const Outlier* outliers) {
  const auto* scales = reinterpret_cast<const uint16_t*>(group + blocks * kBlockBytes<F>);
  auto total = L::broadcast(0.f);
#pragma GCC unroll 4
  for (int i = 0; i < kOutliers; i++) {
    const Outlier& o = outliers[i];
    auto q = L::toFloat(L::bitsAt(L::loadWeights(group + o.words), o.shift, F == Format::q4_1 ? 15 : 255));
    if constexpr (F == Format::q8_0) q = L::sub(q, L::broadcast(128.f));
    total = L::fma(q, L::mul(L::loadHalf(scales + o.scales), L::broadcast(o.value)), total);
  }
  return total;
}

// out[row][16] = one group of 16 columns for `Rows` rows of a tile.
template <class L, Format F, int Rows>
static void multiplyRows(const uint8_t* group, int64_t blocks, const int8_t* q, const BlockScale* scales,
                         const Outlier* outliers, int tileRows, float* out) {
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
  for (int r = 0; r < Rows; r++) {
    L::store(out + r * kLanes, L::add(total[r], outlierProducts<L, F>(group, blocks, outliers + r * kOutliers)));
  }
}

// One group of weights, ready to be multiplied with tile after tile. AMX has a class of its own that unpacks first.
template <class L, Format F> struct VectorGroup {
  const uint8_t* group;
  int64_t blocks;
  VectorGroup(const uint8_t* g, int64_t n) : group(g), blocks(n) {}
  void multiply(const int8_t* q, const BlockScale* scales, const Outlier* outliers, int tileRows, int rows, float* out) const {
    withCount<L::kTileRows>(rows, [&](auto n) {
      multiplyRows<L, F, decltype(n)::value>(group, blocks, q, scales, outliers, tileRows, out);
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
        group.multiply(t.q + row * t.inputs, t.scales + row * blocks, t.outliers + row * kOutliers, t.tileRows, rows, out[p]);
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

}  // namespace switchyard
