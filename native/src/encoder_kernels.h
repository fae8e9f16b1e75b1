// A sentence encoder (BERT) over the rows of all its texts at once: linears of 8 bits, attention of each text over
// itself, normalization. What every row gets depends on its own text alone, in whatever company it stands.
#pragma once
#include <utility>

#include "attention_kernels.h"
#include "encoder.h"
#include "linear_kernels.h"

namespace switchyard {

// For GELU: 1 + erf(x / sqrt 2), by Abramowitz and Stegun 7.1.26 (within 2e-7).
template <class L> static inline typename L::F onePlusErf(typename L::F x) {
  const auto one = L::broadcast(1.f), zero = L::broadcast(0.f);
  const auto magnitude = L::mul(L::max(x, L::sub(zero, x)), L::broadcast(0.70710678f));
  const auto t = L::div(one, L::fma(magnitude, L::broadcast(0.3275911f), one));
  auto p = L::fma(t, L::broadcast(1.061405429f), L::broadcast(-1.453152027f));
  p = L::fma(p, t, L::broadcast(1.421413741f));
  p = L::fma(p, t, L::broadcast(-0.284496736f));
  p = L::fma(p, t, L::broadcast(0.254829592f));
  // What is missing to 1: on the side of the sign.
  const auto rest = L::mul(L::mul(p, t), exponential<L>(L::sub(zero, L::mul(magnitude, magnitude))));
  return L::add(one, L::withSignOf(L::sub(one, rest), x));
}

// ---- Linears with a scale a row and a scale an output -----------------------------------------------------------

// The three largest magnitudes of a row, largest first.
template <class L> static void largestThree(const float* x, int64_t inputs, float (&top)[kOutliers + 1]) {
  typename L::F best[kOutliers + 1];
  for (auto& lane : best) lane = L::broadcast(0.f);
  for (int64_t k = 0; k < inputs; k += kLanes) {
    const auto v = L::load(x + k);
    auto rest = L::max(v, L::sub(L::broadcast(0.f), v));
    for (auto& lane : best) {
      const auto smaller = L::min(lane, rest);
      lane = L::max(lane, rest);
      rest = smaller;
    }
  }
  for (float& t : top) t = 0.f;
  for (auto& lane : best) {
    float values[kLanes];
    L::store(values, lane);
    for (float rest : values) {
      for (float& t : top) {
        if (rest <= t) continue;
        const float smaller = t;
        t = rest, rest = smaller;
      }
    }
  }
}

// One scale a row; its inputs of largest magnitude stay floats, the first ones where several are equal. A NaN or an
// infinity makes its row's results something that is not finite, and no other's.
template <class L> static void quantizeWholeRow(float* x, int64_t inputs, int64_t row, const QuantizedRows& out) {
  float top[kOutliers + 1];
  largestThree<L>(x, inputs, top);
  float* outliers = out.outliers + row * kOutliers;
  int32_t* places = out.places + row * kOutliers;
  int found = 0, equals = 0;
  for (float t : {top[0], top[1]}) equals += t == top[1];
  // Just below the smallest outlier: what is larger is one, or equal to it.
  for (int64_t k = 0; k < inputs && found < kOutliers; k += kUnit) {
    for (uint32_t large = L::largerLanes(L::load(x + k), L::load(x + k + kLanes), __builtin_nextafterf(top[1], -1.f)); large && found < kOutliers;
         large &= large - 1) {
      const int64_t place = k + __builtin_ctz(large);
      if (__builtin_fabsf(x[place]) == top[1] && equals-- <= 0) continue;
      outliers[found] = x[place], places[found++] = static_cast<int32_t>(place);
    }
  }
  for (; found < kOutliers; found++) outliers[found] = 0.f, places[found] = 0;
  const float largest = top[kOutliers];
  const auto inverse = L::broadcast(largest < 1e-30f ? 0.f : 127.f / largest);
  int8_t* q = out.q + row * inputs;
  auto total = L::broadcastInt(0);
  auto notFinite = L::broadcast(0.f);
  for (int i = 0; i < kOutliers; i++) x[places[i]] -= outliers[i];
  for (int64_t k = 0; k < inputs; k += kLanes) {
    const auto v = L::load(x + k);
    notFinite = L::fma(v, L::broadcast(0.f), notFinite);
    const auto whole = L::round(L::mul(v, inverse));
    L::storeInt8(q + k, whole);
    total = L::add(total, whole);
  }
  for (int i = 0; i < kOutliers; i++) x[places[i]] += outliers[i];
  // Zero, or NaN where an input was not finite.
  out.scales[row] = largest / 127.f + L::sum(notFinite);
  out.starts[row] = -128 * L::sum(total);
}

// Of a tile of sums, each named at compile time: an index that is not would keep them in memory.
template <class Dot, int Groups, int... I>
[[gnu::always_inline]] static inline void beginAll(Dot* dot, Count<Groups>, const int32_t* starts, std::integer_sequence<int, I...>) {
  (dot[I].begin(starts[I / Groups]), ...);
}
template <class L, class Dot, int Groups, int... I>
[[gnu::always_inline]] static inline void addAll(Dot* dot, Count<Groups>, const uint8_t* codes, int64_t groupBytes, const int8_t* q,
                                                 int64_t inputs, std::integer_sequence<int, I...>) {
  (dot[I].template add<0>(L::loadWeights(codes + I % Groups * groupBytes), q + I / Groups * inputs), ...);
}
template <class L, class Dot, int... I>
[[gnu::always_inline]] static inline void storeAll(const Dot* dot, float* sums, std::integer_sequence<int, I...>) {
  (L::store(sums + I * kLanes, L::toFloat(dot[I].total())), ...);
}

// GCC's partial redundancy elimination would write all sums to memory in every step: three times slower.
#if defined(__GNUC__) && !defined(__clang__)
#define SWITCHYARD_SUMS_IN_REGISTERS [[gnu::optimize("no-tree-pre")]]
#else
#define SWITCHYARD_SUMS_IN_REGISTERS
#endif

enum class After { nothing, gelu, addToOutput };

// y[row][16 * Groups] of `Rows` rows.
template <class L, int Rows, int Groups, After Then>
SWITCHYARD_SUMS_IN_REGISTERS
static void multiplyTile(const EncoderLinear& w, const QuantizedRows& x, int64_t row, int64_t group, float* y) {
  using Dot = typename L::template Dot<Format::q8_0>;
  using Tile = std::make_integer_sequence<int, Rows * Groups>;
  const int64_t inputs = w.inputs, groupBytes = inputs * kLanes;
  const uint8_t* codes = w.codes + group * groupBytes;
  const int8_t* q = x.q + row * inputs;
  Dot dot[Rows * Groups];
  beginAll(dot, Count<Groups>{}, x.starts + row, Tile{});
  for (int64_t k = 0; k < inputs; k += 4) addAll<L>(dot, Count<Groups>{}, codes + k * kLanes, groupBytes, q + k, inputs, Tile{});
  float sums[Rows * Groups * kLanes];
  storeAll<L>(dot, sums, Tile{});
  for (int g = 0; g < Groups; g++) {
    const int64_t column = (group + g) * kLanes;
    const auto scale = L::load(w.scales + column), bias = L::load(w.bias + column);
    for (int r = 0; r < Rows; r++) {
      auto sum = L::mul(L::load(sums + (r * Groups + g) * kLanes), L::broadcast(x.scales[row + r]));
      for (int i = 0; i < kOutliers; i++) {
        const int64_t place = x.places[(row + r) * kOutliers + i];
        const auto four = L::loadWeights(codes + g * groupBytes + place / 4 * kVector);
        const auto weight = L::sub(L::toFloat(L::byteAt(four, static_cast<int>(place % 4 * 8))), L::broadcast(128.f));
        sum = L::fma(weight, L::broadcast(x.outliers[(row + r) * kOutliers + i]), sum);
      }
      sum = L::fma(sum, scale, bias);
      float* out = y + r * w.outputs + column;
      if constexpr (Then == After::gelu) sum = L::mul(L::mul(sum, L::broadcast(0.5f)), onePlusErf<L>(sum));
      if constexpr (Then == After::addToOutput) sum = L::add(L::load(out), sum);
      L::store(out, sum);
    }
  }
}

// Column groups outside, so that weights stay near while all rows pass.
template <class L, After Then>
static void multiplyAll(const EncoderLinear& w, const QuantizedRows& x, int64_t rows, float* y) {
  const int64_t groups = w.outputs / kLanes;
  for (int64_t group = 0; group < groups;) {
    const int n = groups - group >= L::kEncoderGroups ? L::kEncoderGroups : 1;
    for (int64_t row = 0; row < rows;) {
      // Spread evenly: seven rows are four and three, not six and one.
      const int64_t passes = ceilDiv(rows - row, L::kEncoderRows);
      const int many = static_cast<int>(ceilDiv(rows - row, passes));
      withCount<L::kEncoderRows>(many, [&](auto count) {
        constexpr int kRows = decltype(count)::value;
        float* out = y + row * w.outputs;
        if (n == 1) multiplyTile<L, kRows, 1, Then>(w, x, row, group, out);
        else multiplyTile<L, kRows, L::kEncoderGroups, Then>(w, x, row, group, out);
      });
      row += many;
    }
    group += n;
  }
}

// ---- Normalization --------------------------------------------------------------------------------------------------

// x becomes normalized: mean 0, variance 1, times gamma, plus beta.
template <class L> static void normalizeRow(float* x, int64_t columns, const EncoderNorm& norm, float epsilon) {
  auto sum = L::broadcast(0.f);
  for (int64_t k = 0; k < columns; k += kLanes) sum = L::add(sum, L::load(x + k));
  const auto mean = L::broadcast(L::sum(sum) / static_cast<float>(columns));
  auto squares = L::broadcast(0.f);
  for (int64_t k = 0; k < columns; k += kLanes) {
    const auto centred = L::sub(L::load(x + k), mean);
    squares = L::fma(centred, centred, squares);
  }
  const auto factor = L::broadcast(1.f / __builtin_sqrtf(L::sum(squares) / static_cast<float>(columns) + epsilon));
  for (int64_t k = 0; k < columns; k += kLanes) {
    const auto centred = L::sub(L::load(x + k), mean);
    L::store(x + k, L::fma(L::mul(centred, factor), L::load(norm.gamma + k), L::load(norm.beta + k)));
  }
}

// ---- Attention ------------------------------------------------------------------------------------------------------

// One head of one text. qkv: [tokens][3 * hidden]; out: [tokens][hidden].
template <class L>
static void attendHead(const float* qkv, int64_t tokens, int64_t hidden, int64_t head, int size, const EncoderScratch& s, float* out) {
  const int64_t stride = 3 * hidden, blocks = ceilDiv(tokens, kLanes), padded = blocks * kLanes;
  const auto scale = L::broadcast(1.f / __builtin_sqrtf(static_cast<float>(size)));
  for (int64_t t = 0; t < tokens; t++) {
    const float* row = qkv + t * stride + head * size;
    for (int d = 0; d < size; d += kLanes) {
      L::store(s.queries + t * size + d, L::mul(L::load(row + d), scale));
      L::storeHalf(s.values + t * size + d, L::load(row + 2 * hidden + d));
    }
  }
  // Keys behind the last text's end are room that s.qkv has; what stands there is never weighed.
  for (int64_t t = 0; t < padded; t += kLanes) {
    const float* key = qkv + t * stride + hidden + head * size;
    for (int d = 0; d < size; d++) L::storeHalf(s.keys + t * size + d * kLanes, L::gather(key + d, static_cast<int>(stride)));
  }
  for (int64_t first = 0; first < tokens; first += L::kQueryRows) {
    const int n = tokens - first < L::kQueryRows ? static_cast<int>(tokens - first) : L::kQueryRows;
    withCount<L::kQueryRows>(n, [&](auto count) {
      constexpr int kRows = decltype(count)::value, kBlocks = L::kKeyBlocks;
      const float* q = s.queries + first * size;
      int64_t b = 0;
      for (; b + kBlocks <= blocks; b += kBlocks) {
        scoreBlocks<L, kRows, kBlocks>(q, s.keys + b * kLanes * size, size, s.scores + b * kLanes, padded);
      }
      for (; b < blocks; b++) scoreBlocks<L, kRows, 1>(q, s.keys + b * kLanes * size, size, s.scores + b * kLanes, padded);
      float inverses[kRows];
      for (int r = 0; r < kRows; r++) inverses[r] = softmax<L>(s.scores + r * padded, tokens);
      for (int part = 0; part < kRows; part += L::kValueRows) {
        withCount<L::kValueRows>(kRows - part < L::kValueRows ? kRows - part : L::kValueRows, [&](auto some) {
          constexpr int kSome = decltype(some)::value;
          int64_t limits[kSome];
          float* to[kSome];
          for (int r = 0; r < kSome; r++) limits[r] = tokens, to[r] = out + (first + part + r) * hidden + head * size;
          const auto weigh = [&](int d, auto vectors) {
            weighValues<L, kSome, decltype(vectors)::value>(s.scores + part * padded, padded, s.values + d, size, tokens, limits,
                                                            inverses + part, to);
            for (float*& at : to) at += decltype(vectors)::value * kLanes;
          };
          int d = 0;
          for (; d + 2 * kLanes <= size; d += 2 * kLanes) weigh(d, Count<2>{});
          for (; d < size; d += kLanes) weigh(d, Count<1>{});
        });
      }
    });
  }
}

// ---- The whole ------------------------------------------------------------------------------------------------------

template <class L> static void embedToken(const Encoder& e, int32_t id, int64_t position, float* x) {
  const int8_t* word = e.words + id * e.hidden;
  const auto scale = L::broadcast(e.wordScales[id]);
  for (int64_t k = 0; k < e.hidden; k += kLanes) {
    L::store(x + k, L::fma(L::loadInt8(word + k), scale, L::load(e.positionRows + position * e.hidden + k)));
  }
  normalizeRow<L>(x, e.hidden, e.norm, e.epsilon);
}

template <class L> static void encode(const EncoderTask& t) {
  const Encoder& e = *t.encoder;
  const EncoderScratch& s = t.scratch;
  const int headSize = static_cast<int>(e.hidden / e.heads);
  int64_t rows = 0;
  for (int64_t text = 0; text < t.texts; text++) {
    for (int64_t i = 0; i < t.lengths[text]; i++, rows++) embedToken<L>(e, t.ids[rows], i, s.x + rows * e.hidden);
  }
  const auto quantizeFrom = [&](float* x, int64_t count, int64_t inputs) {
    for (int64_t row = 0; row < count; row++) quantizeWholeRow<L>(x + row * inputs, inputs, row, s.rows);
  };
  const auto normalize = [&](float* x, int64_t count, const EncoderNorm& norm) {
    for (int64_t row = 0; row < count; row++) normalizeRow<L>(x + row * e.hidden, e.hidden, norm, e.epsilon);
  };
  for (int64_t i = 0; i < e.layers; i++) {
    const EncoderLayer& layer = e.layer[i];
    quantizeFrom(s.x, rows, e.hidden);
    multiplyAll<L, After::nothing>(layer.qkv, s.rows, rows, s.qkv);
    for (int64_t text = 0, first = 0; text < t.texts; first += t.lengths[text++]) {
      for (int64_t head = 0; head < e.heads; head++) {
        attendHead<L>(s.qkv + first * 3 * e.hidden, t.lengths[text], e.hidden, head, headSize, s, s.attended + first * e.hidden);
      }
    }
    for (int64_t first = 0; first < rows; first += kMlpRows) {
      const int64_t count = rows - first < kMlpRows ? rows - first : kMlpRows;
      float* x = s.x + first * e.hidden;
      quantizeFrom(s.attended + first * e.hidden, count, e.hidden);
      multiplyAll<L, After::addToOutput>(layer.o, s.rows, count, x);
      normalize(x, count, layer.attentionNorm);
      quantizeFrom(x, count, e.hidden);
      multiplyAll<L, After::gelu>(layer.up, s.rows, count, s.inner);
      quantizeFrom(s.inner, count, e.mlp);
      multiplyAll<L, After::addToOutput>(layer.down, s.rows, count, x);
      normalize(x, count, layer.mlpNorm);
    }
  }
  for (int64_t text = 0, first = 0; text < t.texts; first += t.lengths[text++]) {
    float* vector = t.vectors + text * e.hidden;
    const int64_t pooled = e.pooling == Pooling::first ? 1 : t.lengths[text];
    auto squares = L::broadcast(0.f);
    for (int64_t k = 0; k < e.hidden; k += kLanes) {
      auto sum = L::broadcast(0.f);
      for (int64_t i = 0; i < pooled; i++) sum = L::add(sum, L::load(s.x + (first + i) * e.hidden + k));
      L::store(vector + k, sum);
      squares = L::fma(sum, sum, squares);
    }
    const auto length = L::broadcast(1.f / __builtin_sqrtf(L::sum(squares)));
    for (int64_t k = 0; k < e.hidden; k += kLanes) L::store(vector + k, L::mul(L::load(vector + k), length));
  }
}

}  // namespace switchyard
