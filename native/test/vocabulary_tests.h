// The vocabulary kernels: every path against plain loops, and bit for bit against the others.
#pragma once
#include "support.h"

namespace {

void testVocabulary(Random& random, const std::vector<const Path*>& paths) {
  const int64_t n = random.chance(20) ? random.between(1, 20) : random.between(1, 3000);
  Array<float> x(n);
  for (int64_t i = 0; i < n; i++) x[i] = random.chance(2) ? NAN : random.chance(2) ? -INFINITY : 30 * random.uniform();
  float largest = -INFINITY;
  for (int64_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  const float factor = 0.1f + static_cast<float>(random.below(40)) / 10;
  const float lower = random.chance(20) ? -INFINITY : 30 * random.uniform(), below = random.chance(50) ? INFINITY : lower + 5;
  std::vector<int32_t> expected;
  double total = 0;
  for (int64_t i = 0; i < n; i++) {
    if (x[i] >= lower && x[i] < below) expected.push_back(static_cast<int32_t>(i));
    if (x[i] == x[i]) total += exp((static_cast<double>(x[i]) - largest) * factor);
  }
  double first = 0;
  for (const Path* path : paths) {
    expect(path->largestLogit(&x[0], n) == largest, std::string("the largest logit differs on ") + path->name);
    Array<int32_t> ids(n);
    const int64_t count = path->idsWithin(&x[0], n, lower, below, &ids[0]);
    bool same = count == static_cast<int64_t>(expected.size());
    for (int64_t i = 0; same && i < count; i++) same = ids[i] == expected[i];
    expect(same, std::string("other ids on ") + path->name);
    if (largest == -INFINITY) continue;
    const double sum = path->sumOfExponentials(&x[0], n, largest, factor);
    if (path == paths[0]) first = sum;
    expect(sum == first, std::string("another sum on ") + path->name);
    expect(fabs(sum - total) <= 2e-5 * total, std::string("a wrong sum on ") + path->name);
  }
}

}  // namespace
