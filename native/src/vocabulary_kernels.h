// What the sampler reads from the logits of one row. A NaN is smaller than everything. Sums are added in one order on
// every path: lane by lane over kSumBlock numbers, then block by block in double precision.
#pragma once
#include "lanes.h"

namespace switchyard {

constexpr int64_t kLookBlock = 4 * kLanes, kSumBlock = 64 * kLanes;

// The largest of 64 numbers, lane by lane; the order of operands lets a NaN lose.
template <class L> [[gnu::always_inline]] static inline typename L::F largestOfBlock(const float* x, typename L::F largest) {
  for (int v = 0; v < 4; v++) largest = L::max(L::load(x + v * kLanes), largest);
  return largest;
}

template <class L> float largestLogit(const float* x, int64_t n) {
  auto lanes = L::broadcast(-__builtin_inff());
  int64_t i = 0;
  for (; i + kLookBlock <= n; i += kLookBlock) lanes = largestOfBlock<L>(x + i, lanes);
  float largest = L::largest(lanes);
  for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

template <class L> double sumOfExponentials(const float* x, int64_t n, float largest, float factor) {
  const auto shift = L::broadcast(-largest), scale = L::broadcast(factor), least = L::broadcast(-86.f);
  const auto terms = [&](const float* p) { return exponential<L>(L::max(L::mul(L::add(L::load(p), shift), scale), least)); };
  double total = 0;
  int64_t i = 0;
  while (i + kLanes <= n) {
    const int64_t end = i + kSumBlock < n ? i + kSumBlock : n;
    auto sum = L::broadcast(0.f);
    for (; i + kLanes <= end; i += kLanes) sum = L::add(sum, terms(x + i));
    total += L::sum(sum);
  }
  if (i < n) {
    float rest[kLanes];
    for (int lane = 0; lane < kLanes; lane++) rest[lane] = i + lane < n ? x[i + lane] : -__builtin_inff();
    total += L::sum(terms(rest));
  }
  return total;
}

template <class L> int64_t idsWithin(const float* x, int64_t n, float lower, float below, int32_t* ids) {
  int64_t found = 0;
  const auto look = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      if (x[i] >= lower && x[i] < below) ids[found++] = static_cast<int32_t>(i);
    }
  };
  int64_t i = 0;
  for (; i + kLookBlock <= n; i += kLookBlock) {
    if (L::largest(largestOfBlock<L>(x + i, L::broadcast(-__builtin_inff()))) >= lower) look(i, i + kLookBlock);
  }
  look(i, n);
  return found;
}

}  // namespace switchyard
