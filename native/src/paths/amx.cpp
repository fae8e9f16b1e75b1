// AMX for calls of many rows, AVX-512 VNNI for the rest and for everything that is not a product.
#ifdef SWITCHYARD_EMULATE_TILES
#include "../../test/amx_tiles_emulated.h"
#else
#include "amx_tiles.h"
#endif
#include "avx512_lanes.h"

namespace switchyard {
namespace {

constexpr int kWorthwhileRows = 12;  // below, unpacking weights into tiles costs more than the tiles save
constexpr int64_t kMaxInputs = 4096;  // unpacked group: 64 KiB of weights and 16 KiB of scales on the stack

using Lanes = Avx512Lanes;

// One group of weights, unpacked once: tiles want a byte a weight.
template <class, Format F> struct TileGroup {
  static constexpr int kScaleRows = F == Format::q4_1 ? 2 : 1;
  const uint8_t* group;
  int64_t blocks;
  const uint8_t* weights;  // [block][512]
  alignas(64) uint8_t unpacked[F == Format::q4_1 ? kMaxInputs / kBlock * 512 : 64];
  alignas(64) float scales[kMaxInputs / kBlock * kScaleRows * kLanes];

  TileGroup(const uint8_t* g, int64_t n) : group(g), blocks(n), weights(F == Format::q4_1 ? unpacked : g) {
    const auto* halves = reinterpret_cast<const uint16_t*>(group + n * kBlockBytes<F>);
    for (int64_t i = 0; i < n * kScaleRows; i++) Lanes::store(scales + i * kLanes, Lanes::loadHalf(halves + i * kLanes));
    if constexpr (F == Format::q4_1) {
      for (int64_t j = 0; j < n * 4; j++) {
        const auto bytes = Lanes::loadWeights(group + 64 * j);
        _mm512_store_si512(unpacked + 128 * j, Lanes::lowNibbles(bytes));
        _mm512_store_si512(unpacked + 128 * j + 64, Lanes::highNibbles(bytes));
      }
    }
  }

  // Computes all sixteen rows of a tile; rows that do not exist hold whatever the scratch held and are not used.
  // The tile operations of the next block are issued before the sums of this one are scaled.
  void multiply(const int8_t* q, const BlockScale* s, const Outlier* outliers, int, int rows, float* out) const {
    alignas(64) int32_t sums[2][kMaxTileRows * kLanes];
    Lanes::F total[kMaxTileRows];
    for (auto& t : total) t = Lanes::broadcast(0.f);
    const auto scaled = [&](int64_t b, const int32_t* sum) {
      const auto d = Lanes::load(scales + b * kScaleRows * kLanes);
      const BlockScale* scale = s + b * kMaxTileRows;
#pragma GCC unroll 16
      for (int r = 0; r < kMaxTileRows; r++) {
        auto dot = _mm512_load_si512(sum + r * kLanes);
        if constexpr (F == Format::q8_0) dot = Lanes::add(dot, Lanes::broadcastInt(scale[r].start));
        total[r] = Lanes::fma(Lanes::toFloat(dot), Lanes::mul(d, Lanes::broadcast(scale[r].scale)), total[r]);
        if constexpr (F == Format::q4_1) {
          const auto minimum = Lanes::load(scales + (b * kScaleRows + 1) * kLanes);
          total[r] = Lanes::fma(minimum, Lanes::broadcast(scale[r].weightedSum), total[r]);
        }
      }
    };
    const auto sumsOf = [&](auto pair, int64_t b) {
      Tiles::multiply<decltype(pair)::value>(q + b * kMaxTileRows * kBlock, weights + b * 512, sums[decltype(pair)::value]);
    };
    sumsOf(Count<0>{}, 0);
    for (int64_t b = 0; b < blocks; b += 2) {
      if (b + 1 < blocks) sumsOf(Count<1>{}, b + 1);
      scaled(b, sums[0]);
      if (b + 2 < blocks) sumsOf(Count<0>{}, b + 2);
      if (b + 1 < blocks) scaled(b + 1, sums[1]);
    }
    for (int r = 0; r < rows; r++) {
      Lanes::store(out + r * kLanes, Lanes::add(total[r], outlierProducts<Lanes, F>(group, blocks, outliers + r * kOutliers)));
    }
  }
};

int tileRowsOf(int64_t rows, int64_t inputs) {
  return rows >= kWorthwhileRows && inputs <= kMaxInputs ? kMaxTileRows : tileRows<Lanes>(rows, inputs);
}

void tileProduct(const LinearTask& t, int64_t begin, int64_t end) {
  if (t.tileRows < kMaxTileRows) return product<Lanes>(t, begin, end);
  Tiles::configure();
  if (t.format == Format::q4_1) productOf<Lanes, Format::q4_1, TileGroup>(t, begin, end);
  else productOf<Lanes, Format::q8_0, TileGroup>(t, begin, end);
  Tiles::release();
}

}  // namespace

const Path amxPath = {"amx", tileRowsOf, quantize<Lanes>, loraDown<Lanes>, tileProduct, storeTokens<Lanes>, attend<Lanes>};

}  // namespace switchyard
