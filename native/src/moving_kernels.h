// Keys and values of tokens taken to other positions: keys are stored rotated, and rotations add.
#pragma once
#include "lanes.h"

namespace switchyard {

static inline uint16_t* keyAt(uint16_t* head, int64_t position, int headSize) {
  return head + position / kLanes * kLanes * headSize + position % kLanes;
}

// Copies `width` halves of each of `rows` rows between two layouts.
static inline void copyRows(uint16_t* to, int64_t toStride, const uint16_t* from, int64_t fromStride, int rows, int width) {
  for (int r = 0; r < rows; r++) __builtin_memcpy(to + r * toStride, from + r * fromStride, static_cast<size_t>(width) * 2);
}

// One head's keys, 16 tokens at a time: out of the blocks they lie in, rotated, and into the blocks that they go to.
template <class L> static void moveKeys(const MoveTask& t) {
  const int half = t.headSize / 2;
  alignas(64) uint16_t rows[kMaxHeadSize * kLanes] = {};
  for (int64_t done = 0; done < t.tokens; done += kLanes) {
    const int count = static_cast<int>(t.tokens - done < kLanes ? t.tokens - done : kLanes);
    const auto eachBlock = [&](int64_t position, const auto& copy) {
      const int here = kLanes - static_cast<int>(position % kLanes), first = here < count ? here : count;
      copy(position, 0, first);
      if (first < count) copy(position + first, first, count - first);
    };
    eachBlock(t.fromPosition + done, [&](int64_t position, int lane, int width) {
      copyRows(rows + lane, kLanes, keyAt(const_cast<uint16_t*>(t.from), position, t.headSize), kLanes, t.headSize, width);
    });
    for (int d = 0; t.cosines && d < half; d++) {
      const auto a = L::loadHalf(rows + d * kLanes), b = L::loadHalf(rows + (d + half) * kLanes);
      const auto cosine = L::broadcast(t.cosines[d]), sine = L::broadcast(t.sines[d]);
      L::storeHalf(rows + d * kLanes, L::negatedFma(b, sine, L::mul(a, cosine)));
      L::storeHalf(rows + (d + half) * kLanes, L::fma(a, sine, L::mul(b, cosine)));
    }
    eachBlock(t.toPosition + done, [&](int64_t position, int lane, int width) {
      copyRows(keyAt(t.to, position, t.headSize), kLanes, rows + lane, kLanes, t.headSize, width);
    });
  }
}

}  // namespace switchyard
