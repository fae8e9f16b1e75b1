// Tokens moved to other positions: what arrives against arithmetic written out plainly, every path against the scalar one.
#pragma once
#include "support.h"

namespace {

void testMoving(Random& random, const std::vector<const Path*>& paths) {
  const int headSize = static_cast<int>(16 * random.between(1, 16)), half = headSize / 2;
  const int64_t tokens = random.between(1, 70), fromPosition = random.below(40), toPosition = random.below(40);
  const auto blocksFor = [](int64_t positions) { return ceilDiv(positions, 16) * 16; };
  const int64_t fromCapacity = blocksFor(fromPosition + tokens), toCapacity = blocksFor(toPosition + tokens);
  const bool turns = random.chance(80);
  Array<uint16_t> from(fromCapacity * headSize), dirty(toCapacity * headSize);
  Array<float> cosines(half), sines(half);
  for (int64_t i = 0; i < from.size; i++) from[i] = random.chance(1) ? static_cast<uint16_t>(random.next()) : floatToHalf(8 * random.uniform());
  for (int64_t i = 0; i < dirty.size; i++) dirty[i] = static_cast<uint16_t>(random.next());
  for (int i = 0; i < half; i++) {
    const double angle = 1000.0 * static_cast<double>(random.uniform());
    cosines[i] = static_cast<float>(cos(angle)), sines[i] = static_cast<float>(sin(angle));
  }
  const auto move = [&](const Path& path) {
    Array<uint16_t> to = dirty.copy();
    path.moveKeys({&from[0], &to[0], fromPosition, toPosition, tokens, headSize, turns ? &cosines[0] : nullptr, turns ? &sines[0] : nullptr});
    return to;
  };
  const auto at = [&](int64_t position, int d) { return position / 16 * 16 * headSize + d * 16 + position % 16; };
  Array<uint16_t> expected = dirty.copy();
  for (int64_t i = 0; i < tokens; i++) {
    for (int d = 0; d < half; d++) {
      const uint16_t a = from[at(fromPosition + i, d)], b = from[at(fromPosition + i, d + half)];
      const float x = halfToFloat(a), z = halfToFloat(b);
      const float low = fmaf(-z, sines[d], x * cosines[d]), high = fmaf(x, sines[d], z * cosines[d]);
      expected[at(toPosition + i, d)] = turns ? floatToHalf(low) : a;
      expected[at(toPosition + i, d + half)] = turns ? floatToHalf(high) : b;
    }
  }
  for (const Path* path : paths) {
    const Array<uint16_t> to = move(*path);
    for (int64_t i = 0; i < to.size; i++) {
      const float wanted = halfToFloat(expected[i]), is = halfToFloat(to[i]);
      expect(to[i] == expected[i] || (wanted != wanted && is != is), std::string("keys were moved wrongly on ") + path->name);
    }
  }
}

}  // namespace
