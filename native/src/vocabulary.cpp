// The vocabulary kernels of this machine's best path, as the sampler calls them.
#include "path.h"

extern "C" {

// The largest of `n` logits; minus infinity where none is a number.
[[gnu::visibility("default")]] float SwitchyardLargest(const float* logits, int64_t n) {
  return switchyard::findPath("")->largestLogit(logits, n);
}

// The sum of e^((x - largest) factor), each term at least e^-86.
[[gnu::visibility("default")]] double SwitchyardSumOfExponentials(const float* logits, int64_t n, float largest, float factor) {
  return switchyard::findPath("")->sumOfExponentials(logits, n, largest, factor);
}

// Puts the ids of the logits in [lower, below) into `ids`, in order, and returns their number.
[[gnu::visibility("default")]] int64_t SwitchyardIdsWithin(const float* logits, int64_t n, float lower, float below, int32_t* ids) {
  return switchyard::findPath("")->idsWithin(logits, n, lower, below, ids);
}
}
