// What tdpbsud and its companions compute, in plain C++: the AMX path's logic can be tested on any AVX-512 CPU.
#pragma once
#include <stdint.h>

namespace switchyard {
namespace {

struct Tiles {
  static void configure(int) {}
  static void release() {}
  template <int, int Block> static void multiply(const int8_t* activations, const uint8_t* weights, int32_t* sums) {
    for (int row = 0; row < 16; row++) {
      for (int column = 0; column < 16; column++) {
        int32_t sum = 0;
        for (int k = 0; k < Block; k++) sum += activations[row * Block + k] * weights[k / 4 * 64 + column * 4 + k % 4];
        sums[row * 16 + column] = sum;
      }
    }
  }
};

}  // namespace
}  // namespace switchyard
