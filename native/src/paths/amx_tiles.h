// The few tile operations that the AMX path uses, so that a test can put the plain C++ of amx_tiles_emulated.h in
// their place where no CPU has them.
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

namespace switchyard {
namespace {

// Tiles 0 and 1 hold sums (16 x 16 int32), 2 and 3 activations (16 rows x a block of int8), 4 and 5 weights (rows of four
// inputs x 16 columns, uint8). Loading the configuration zeroes all tiles; releasing it lets the kernel skip saving them.
struct Tiles {
  static void configure(int block) {
    struct alignas(64) Config {
      uint8_t palette, startRow, reserved[14];
      uint16_t rowBytes[16];
      uint8_t rows[16];
    } config;
    memset(&config, 0, sizeof config);
    config.palette = 1;
    for (int t = 0; t < 6; t++) {
      config.rows[t] = t < 4 ? 16 : static_cast<uint8_t>(block / 4);
      config.rowBytes[t] = t == 2 || t == 3 ? static_cast<uint16_t>(block) : 64;
    }
    _tile_loadconfig(&config);
  }
  static void release() { _tile_release(); }
  // sums[16][16] = activations[16][Block] times weights, with the even or the odd tiles (their numbers must be literals).
  template <int Pair, int Block> [[gnu::always_inline]] static void multiply(const int8_t* activations, const uint8_t* weights, int32_t* sums) {
    if constexpr (Pair == 0) {
      _tile_zero(0);
      _tile_loadd(2, activations, Block);
      _tile_loadd(4, weights, 64);
      _tile_dpbsud(0, 2, 4);
      _tile_stored(0, sums, 64);
    } else {
      _tile_zero(1);
      _tile_loadd(3, activations, Block);
      _tile_loadd(5, weights, 64);
      _tile_dpbsud(1, 3, 5);
      _tile_stored(1, sums, 64);
    }
  }
};

}  // namespace
}  // namespace switchyard
