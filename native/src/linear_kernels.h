// The quantized linear: activations made 8 bits, and the product. Its adapters are in lora_kernels.h.
#pragma once
#include "lora_kernels.h"

namespace switchyard {

static constexpr float kLargestFloat = 3.40282347e38f;

// Calls f with the format as a compile-time constant.
template <Format F> using FormatOf = std::integral_constant<Format, F>;
template <class Fn> [[gnu::always_inline]] static inline void withFormat(Format format, Fn f) {
  switch (format) {
    case Format::q2: return f(FormatOf<Format::q2>{});
    case Format::q3: return f(FormatOf<Format::q3>{});
    case Format::q4_0: return f(FormatOf<Format::q4_0>{});
    case Format::q4_1: return f(FormatOf<Format::q4_1>{});
    case Format::iq4: return f(FormatOf<Format::iq4>{});
    case Format::q5_0: return f(FormatOf<Format::q5_0>{});
    case Format::q5_1: return f(FormatOf<Format::q5_1>{});
    case Format::q6: return f(FormatOf<Format::q6>{});
    case Format::q8_0: return f(FormatOf<Format::q8_0>{});
  }
}

// ---- Weights of a block, as they are multiplied -----------------------------------------------------------------

// Step `Step` of the blocks that lie together: a byte for each of four weights of sixteen columns, see layout.h.
template <class L, Format F, int Step> [[gnu::always_inline]] static inline typename L::W weightsOf(const uint8_t* block) {
  const auto vector = [&](int i) { return L::loadWeights(block + i * kVector); };
  if constexpr (F == Format::q2) {
    return L::template bits<0xc0>(L::template up<Step % 4 * 2>(vector(Step / 4)));
  } else if constexpr (F == Format::q3) {
    if constexpr (Step >= 6) {
      const auto lower = L::template up<Step == 6 ? 4 : 5>(vector(1));
      return L::template bits<0xe0>(L::template select<0xc0>(L::template up<6>(vector(Step == 6 ? 0 : 2)), lower));
    } else if constexpr (Step % 2) return L::template bits<0xe0>(L::template up<3>(vector(Step / 2)));
    else return L::template bits<0xe0>(vector(Step / 2));
  } else if constexpr (F == Format::q4_1) {
    if constexpr (Step % 2) return L::highNibbles(vector(Step / 2));
    else return L::template bits<0x0f>(vector(Step / 2));
  } else if constexpr (F == Format::q4_0) {
    if constexpr (Step % 2) return L::template bits<0xf0>(vector(Step / 2));
    else return L::template bits<0xf0>(L::template up<4>(vector(Step / 2)));
  } else if constexpr (F == Format::iq4) {
    return L::lookUp(weightsOf<L, Format::q4_1, Step>(block), kLevels);
  } else if constexpr (F == Format::q5_0 || F == Format::q5_1) {
    if constexpr (Step < 5) return L::template bits<0xf8>(vector(Step));
    else if constexpr (Step < 7) {
      const auto upper = L::template up<5>(vector(Step - 5)), lower = L::template up<3>(vector(Step - 2));
      return L::template bits<0xf8>(L::template select<0xe0>(upper, lower));
    } else {
      const auto lower = L::template select<0x10>(L::template up<2>(vector(3)), L::template up<1>(vector(4)));
      return L::template bits<0xf8>(L::template select<0xe0>(L::template up<5>(vector(2)), lower));
    }
  } else if constexpr (F == Format::q6) {
    if constexpr (Step < 3) return L::template bits<0xfc>(vector(Step));
    else {
      const auto lower = L::template select<0x30>(L::template up<4>(vector(1)), L::template up<2>(vector(2)));
      return L::template bits<0xfc>(L::template select<0xc0>(L::template up<6>(vector(0)), lower));
    }
  } else {
    return vector(Step);
  }
}

template <class L, Format F, int Step = 0>
[[gnu::always_inline]] static inline typename L::W weightsAt(const uint8_t* block, int step) {
  if constexpr (Step + 1 < packing(F).coded / 4) {
    if (step != Step) return weightsAt<L, F, Step + 1>(block, step);
  }
  return weightsOf<L, F, Step>(block);
}

// What block `b` of sixteen columns multiplies its codes with, and what it adds; `scales`: the group's.
template <class L> struct BlockFactors {
  typename L::F scale, minimum;
};
template <class L, Format F> [[gnu::always_inline]] static inline BlockFactors<L> factorsOf(const uint8_t* scales, int64_t b) {
  if constexpr (F == Format::q2) {
    const uint8_t* common = scales + b / kCommonBlocks * kCommonBytes;
    const auto pairs = L::loadWeights(common + b % kCommonBlocks / 4 * kVector);
    const auto* halves = reinterpret_cast<const uint16_t*>(common + kFactorBytes);
    const int shift = static_cast<int>(b % 4 * 8);
    const auto times = [&](const typename L::W& factors, const uint16_t* of) {
      return L::mul(L::toFloat(L::byteAt(factors, shift)), L::loadHalf(of));
    };
    return {times(L::template bits<0x0f>(pairs), halves), times(L::highNibbles(pairs), halves + kLanes)};
  } else {
    const auto* halves = reinterpret_cast<const uint16_t*>(scales + b * packing(F).scaleBytes);
    if constexpr (hasMinimum(F)) return {L::loadHalf(halves), L::loadHalf(halves + kLanes)};
    else return {L::loadHalf(halves), L::broadcast(0.f)};
  }
}

// ---- Quantization of activations --------------------------------------------------------------------------------

// places[] = the inputs of largest magnitude, largest first, equals in order; no infinities, no NaNs.
template <class L> static void findOutliers(const float* x, int64_t inputs, int64_t (&places)[kOutliers]) {
  float magnitudes[kOutliers];
  for (int i = 0; i < kOutliers; i++) magnitudes[i] = -1.f, places[i] = 0;
  const float& smallest = magnitudes[kOutliers - 1];
  for (int64_t k = 0; k < inputs; k += kUnit) {
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

// Symmetric, 8 bits, by blocks, without the row's outliers. A block that holds a NaN or an infinity makes the row's
// result NaN.
template <class L, Format F> static void quantizeRow(const LinearTask& t, int64_t row) {
  constexpr Packing form = packing(F);
  constexpr int kVectors = form.block / kLanes;
  const int64_t blocks = t.inputs / form.block, place = row / t.tileRows * t.tileRows * blocks + row % t.tileRows;
  int8_t* q = t.q + place * form.block;
  BlockScale* scale = t.scales + place;
  const float* x = t.x + row * t.inputs;
  int64_t outliers[kOutliers];
  findOutliers<L>(x, t.inputs, outliers);
  for (int i = 0; i < kOutliers; i++) t.outliers[row * kOutliers + i] = {x[outliers[i]] * form.unit, static_cast<int32_t>(outliers[i])};
  for (int64_t b = 0; b < blocks; b++, x += form.block, q += t.tileRows * form.block, scale += t.tileRows) {
    typename L::F v[kVectors];
    for (int i = 0; i < kVectors; i++) v[i] = L::load(x + i * kLanes);
    float kept = 0.f;
    for (int64_t k : outliers) {
      if (k / form.block != b) continue;
      kept += x[k % form.block];
      float rest[form.block];
      for (int i = 0; i < kVectors; i++) L::store(rest + i * kLanes, v[i]);
      rest[k % form.block] = 0.f;
      for (int i = 0; i < kVectors; i++) v[i] = L::load(rest + i * kLanes);
    }
    const float largest = L::largestMagnitude(v[0], v[kVectors - 1]);
    const bool finite = largest <= kLargestFloat, tiny = largest < 1e-30f;
    const auto inverse = L::broadcast(finite && !tiny ? 127.f / largest : 0.f);
    auto total = L::broadcastInt(0);
    for (int i = 0; i < kVectors; i++) {
      const auto whole = finite ? L::round(L::mul(v[i], inverse)) : L::broadcastInt(0);
      L::storeInt8(q + i * kLanes, whole);
      total = L::add(total, whole);
    }
    const int32_t sum = L::sum(total);
    const float unit = tiny ? 0.f : finite ? largest / 127.f : __builtin_nanf("");
    scale->scale = unit * form.unit;
    if constexpr (hasMinimum(F)) scale->weightedSum = unit * static_cast<float>(sum) + kept;
    else scale->start = -128 * sum;
  }
}

template <class L> static void quantize(const LinearTask& t, int64_t rowBegin, int64_t rowEnd) {
  withFormat(t.format, [&](auto format) {
    for (int64_t row = rowBegin; row < rowEnd; row++) quantizeRow<L, decltype(format)::value>(t, row);
  });
}

// ---- Quantized product ------------------------------------------------------------------------------------------

static constexpr int64_t kWeightsAhead = 12288;
static constexpr int kSharedBytes = 2 * kVector;
// With more tiles of rows than two, sharing the next group pays, or unpacking this one, and reading outliers' weights once.
static bool hasManyTiles(const LinearTask& t) { return t.rows > 2 * t.tileRows; }

// What 16 columns multiply the value of one input with.
template <class L> struct OutlierWeights {
  typename L::F codes, scales;
};
template <class L, Format F>
[[gnu::always_inline]] static inline OutlierWeights<L> outlierWeightsAt(const uint8_t* group, int64_t blocks, const OutlierInput& at) {
  const auto codes = L::toFloat(L::byteAt(weightsAt<L, F>(group + at.block, at.step), at.shift));
  const auto scales = factorsOf<L, F>(group + packing(F).codeBytes(blocks), at.place).scale;
  return {hasMinimum(F) ? codes : L::sub(codes, L::broadcast(128.f)), scales};
}

// Adds what the outliers of rows give to 16 columns; their part of a minimum is in the weighted sum of their block.
template <class L, class WeightsAt>
[[gnu::always_inline]] static inline void addOutliers(WeightsAt weightsAt, const Outlier* outliers, int rows, float* out) {
  for (int r = 0; r < rows; r++, out += kLanes) {
    auto total = L::broadcast(0.f);
    for (int i = 0; i < kOutliers; i++, outliers++) {
      const OutlierWeights<L> w = weightsAt(outliers->input);
      total = L::fma(w.codes, L::mul(w.scales, L::broadcast(outliers->value)), total);
    }
    L::store(out, L::add(L::load(out), total));
  }
}

// How a tile of rows goes through a group of weights: as one of few, as one of many, or as one of many that find the
// weights as bytes.
enum class Pass { few, shared, unpacked };

// Each block fetches something of what comes later: products and memory overlap, which the hardware's prefetcher alone
// does not bring about. Of few tiles each fetches as much as it uses; many share the next group, two lines a block.
template <class L, Format F, Pass P> [[gnu::always_inline]] static inline void fetchAhead(const uint8_t* ahead, int64_t block) {
  constexpr int kBlock = packing(F).codedBytes() + packing(F).parts() * packing(F).scaleBytes;
  constexpr int kBytes = P == Pass::few ? kBlock : kSharedBytes;
  for (int j = 0; j < kBytes; j += kVector) L::prefetch(ahead + block * kBytes + j);
}

// out[row][16] = one group of 16 columns for `Rows` rows of a tile. `w`: its weights, or a byte for each of them as
// weightsOf gives them, step after step. `s`: its scales. `ahead`: what to fetch meanwhile.
template <class L, Format F, int Rows, Pass P>
static void multiplyRows(const uint8_t* w, const uint8_t* s, const uint8_t* ahead, int64_t blocks, const int8_t* q,
                         const BlockScale* scales, int tileRows, float* out) {
  using Dot = typename L::template Dot<F>;
  constexpr Packing form = packing(F);
  constexpr int kBlock = form.block, kSteps = form.steps(), kParts = form.parts();
  typename L::F total[Rows];
  for (int r = 0; r < Rows; r++) total[r] = L::broadcast(0.f);
  for (int64_t b = 0; b < blocks; b += kParts) {
    fetchAhead<L, F, P>(ahead, b / kParts);
    repeat<kParts>([&](auto part) __attribute__((always_inline)) {
      constexpr int kFirst = decltype(part)::value * kSteps;
      Dot dot[Rows];
      for (int r = 0; r < Rows; r++) dot[r].begin(hasMinimum(F) ? 0 : scales[r].start);
      repeat<kSteps>([&](auto step) __attribute__((always_inline)) {
        constexpr int kStep = decltype(step)::value;
        const auto four = P == Pass::unpacked ? L::loadWeights(w + (kFirst + kStep) * kVector) : weightsOf<L, F, kFirst + kStep>(w);
        for (int r = 0; r < Rows; r++) dot[r].template add<kStep>(four, q + r * kBlock + 4 * kStep);
      });
      const auto factors = factorsOf<L, F>(s, b + decltype(part)::value);
      for (int r = 0; r < Rows; r++) {
        total[r] = L::fma(L::toFloat(dot[r].total()), L::mul(factors.scale, L::broadcast(scales[r].scale)), total[r]);
      }
      if constexpr (hasMinimum(F)) {
        for (int r = 0; r < Rows; r++) {
          total[r] = L::fma(factors.minimum, L::broadcast(scales[r].weightedSum), total[r]);
        }
      }
      q += tileRows * kBlock;
      scales += tileRows;
    });
    w += P == Pass::unpacked ? form.coded / 4 * kVector : form.codedBytes();
  }
  for (int r = 0; r < Rows; r++) L::store(out + r * kLanes, total[r]);
}

// A byte a weight, from a group of `blocks` blocks.
template <class L, Format F> static void unpack(const uint8_t* group, int64_t blocks, uint8_t* bytes) {
  constexpr Packing form = packing(F);
  constexpr int kSteps = form.coded / 4, kBytes = form.codedBytes();
  for (int64_t i = 0; i < blocks / form.parts(); i++, bytes += kSteps * kVector) {
    repeat<kSteps>([&](auto step) {
      constexpr int kStep = decltype(step)::value;
      L::storeWeights(bytes + kStep * kVector, weightsOf<L, F, kStep>(group + i * kBytes));
    });
  }
}

// One group of weights, ready to be multiplied with tile after tile. AMX has a class of its own.
template <class L, Format F> struct VectorGroup {
  const uint8_t *group, *bytes;
  int64_t blocks;
  // `place`: 16 bytes an input, for weights that are unpacked first; null where they are not.
  VectorGroup(const uint8_t* g, int64_t n, uint8_t* place) : group(g), bytes(place), blocks(n) {
    if (place) unpack<L, F>(g, n, place);
  }
  static bool unpacks(const LinearTask& t) { return L::kUnpacks && F != Format::q8_0 && hasManyTiles(t); }
  // The tile of rows from `row` on.
  void multiply(const LinearTask& t, int64_t row, int rows, float* out) const {
    constexpr Pass kMany = L::kUnpacks ? Pass::unpacked : Pass::shared;
    withCount<L::kTileRows>(rows, [&](auto n) {
      constexpr int kRows = decltype(n)::value;
      if (hasManyTiles(t)) pass<kRows, kMany>(t, row, bytes ? bytes : group, nextShare(t, row), out);
      else pass<kRows, Pass::few>(t, row, group, group + kWeightsAhead, out);
    });
  }

 private:
  template <int Rows, Pass P> void pass(const LinearTask& t, int64_t row, const uint8_t* w, const uint8_t* ahead, float* out) const {
    multiplyRows<L, F, Rows, P>(w, group + packing(F).codeBytes(blocks), ahead, blocks, t.q + row * t.inputs, t.scales + row * blocks, t.tileRows, out);
  }
  // What the tile from `row` on fetches of the next group (of gate's or up's); what is there, when all of it is fetched.
  const uint8_t* nextShare(const LinearTask& t, int64_t row) const {
    const int64_t next = groupBytes(F, t.inputs) * (t.gated ? 2 : 1);
    const int64_t fetched = row / t.tileRows * (blocks / packing(F).parts()) * kSharedBytes;
    return group + (fetched < next ? next + fetched : 0);
  }
};

// Output groups [begin, end): for each, all tiles of rows, so that weights come from memory once.
template <class L, Format F, template <class, Format> class Group>
static void productOf(const LinearTask& t, int64_t begin, int64_t end) {
  const int64_t blocks = t.inputs / packing(F).block, stride = groupBytes(F, t.inputs);
  const int parts = t.gated ? 2 : 1;
  float out[2][kMaxTileRows * kLanes];
  const bool hasLora = t.lora.adapters != nullptr;
  const int64_t unpacked = Group<L, F>::unpacks(t) ? t.inputs * kLanes : 0, listed = hasManyTiles(t) ? t.outlierInputCount * 2 * kLanes : 0;
  uint8_t* place = unpackingPlace(parts * (unpacked + listed * static_cast<int64_t>(sizeof(float))));
  auto* list = reinterpret_cast<float*>(place + parts * unpacked);  // [parts][inputs of outliers][codes, scales][16]
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
    const Group<L, F> first(weights, blocks, unpacked ? place : nullptr);
    const Group<L, F> second = t.gated ? Group<L, F>(weights + stride, blocks, unpacked ? place + unpacked : nullptr) : first;
    for (int64_t row = 0; row < t.rows; row += t.tileRows) {
      const int rows = t.rows - row < t.tileRows ? static_cast<int>(t.rows - row) : t.tileRows;
      for (int p = 0; p < parts; p++) {
        const auto& group = p ? second : first;
        group.multiply(t, row, rows, out[p]);
        const Outlier* outliers = t.outliers + row * kOutliers;
        const auto read = [&](int i) { return outlierWeightsAt<L, F>(weights + p * stride, blocks, t.outlierInputs[i]); };
        if (!listed) addOutliers<L>(read, outliers, rows, out[p]);
        else {
          float* listOf = list + p * listed;
          for (int i = 0; !row && i < t.outlierInputCount; i++) {  // the group is in the cache now
            const OutlierWeights<L> w = read(i);
            L::store(listOf + i * 2 * kLanes, w.codes), L::store(listOf + (i * 2 + 1) * kLanes, w.scales);
          }
          const auto known = [&](int i) { return OutlierWeights<L>{L::load(listOf + i * 2 * kLanes), L::load(listOf + (i * 2 + 1) * kLanes)}; };
          addOutliers<L>(known, outliers, rows, out[p]);
        }
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
  withFormat(t.format, [&](auto format) { productOf<L, decltype(format)::value, VectorGroup>(t, begin, end); });
}

// Rows of a call are spread evenly over its tiles: nine rows are five and four, not eight and one.
template <class L> static int tileRows(int64_t rows) {
  return static_cast<int>(ceilDiv(rows, ceilDiv(rows, L::kTileRows)));
}

}  // namespace switchyard
