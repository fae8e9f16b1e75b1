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

using Lanes = Avx512Lanes;

// One group of weights, unpacked once: tiles want a byte a weight.
template <class, Format F> struct TileGroup {
  static constexpr Packing kForm = packing(F);
  static constexpr int kBlock = kForm.block, kBytes = kBlock * kLanes;
  const uint8_t *group, *bytes;
  int64_t blocks;

  TileGroup(const uint8_t* g, int64_t n, uint8_t* place) : group(g), bytes(place ? place : g), blocks(n) {
    if (place) unpack<Lanes, F>(g, n, place);
  }
  static bool unpacks(const LinearTask&) { return F != Format::q8_0; }

  // Computes all sixteen rows of a tile; rows that do not exist hold whatever the scratch held and are not used.
  // The tile operations of the next block are issued before the sums of this one are scaled.
  void multiply(const LinearTask& t, int64_t row, int rows, float* out) const {
    const int8_t* q = t.q + row * t.inputs;
    const BlockScale* s = t.scales + row * blocks;
    alignas(64) int32_t sums[2][kMaxTileRows * kLanes];
    Lanes::F total[kMaxTileRows];
    for (auto& sum : total) sum = Lanes::broadcast(0.f);
    const uint8_t* scales = group + kForm.codeBytes(blocks);
    const auto scaled = [&](int64_t b, const int32_t* sum) {
      const auto factors = factorsOf<Lanes, F>(scales, b);
      const BlockScale* scale = s + b * kMaxTileRows;
#pragma GCC unroll 16
      for (int r = 0; r < kMaxTileRows; r++) {
        auto dot = _mm512_load_si512(sum + r * kLanes);
        if constexpr (!hasMinimum(F)) dot = Lanes::add(dot, Lanes::broadcastInt(scale[r].start));
        total[r] = Lanes::fma(Lanes::toFloat(dot), Lanes::mul(factors.scale, Lanes::broadcast(scale[r].scale)), total[r]);
        if constexpr (hasMinimum(F)) {
          total[r] = Lanes::fma(factors.minimum, Lanes::broadcast(scale[r].weightedSum), total[r]);
        }
      }
    };
    const auto sumsOf = [&](auto pair, int64_t b) {
      constexpr int kPair = decltype(pair)::value;
      Tiles::multiply<kPair, kBlock>(q + b * kMaxTileRows * kBlock, bytes + b * kBytes, sums[kPair]);
    };
    sumsOf(Count<0>{}, 0);
    for (int64_t b = 0; b < blocks; b += 2) {
      if (b + 1 < blocks) sumsOf(Count<1>{}, b + 1);
      scaled(b, sums[0]);
      if (b + 2 < blocks) sumsOf(Count<0>{}, b + 2);
      if (b + 1 < blocks) scaled(b + 1, sums[1]);
    }
    for (int r = 0; r < rows; r++) Lanes::store(out + r * kLanes, total[r]);
  }
};

int tileRowsOf(int64_t rows) { return rows >= kWorthwhileRows ? kMaxTileRows : avx512VnniPath.tileRows(rows); }

void tileProduct(const LinearTask& t, int64_t begin, int64_t end) {
  if (t.tileRows < kMaxTileRows) return avx512VnniPath.product(t, begin, end);
  Tiles::configure(packing(t.format).block);
  withFormat(t.format, [&](auto format) { productOf<Lanes, decltype(format)::value, TileGroup>(t, begin, end); });
  Tiles::release();
}

}  // namespace

const Path amxPath = {
    "amx",
    tileRowsOf,
    [](const LinearTask& t, int64_t begin, int64_t end) { avx512VnniPath.quantize(t, begin, end); },
    [](const LinearTask& t, int64_t begin, int64_t end, int target) { avx512VnniPath.loraDown(t, begin, end, target); },
    tileProduct,
    [](const AttentionTask& t, const AttentionTile& tile, int kvHead) { avx512VnniPath.storeTokens(t, tile, kvHead); },
    [](const AttentionTask& t, const AttentionTile& tile, int kvHead, float* scratch) { avx512VnniPath.attend(t, tile, kvHead, scratch); },
    [](const MoveTask& t) { avx512VnniPath.moveKeys(t); },
    [](const float* logits, int64_t n) { return avx512VnniPath.largestLogit(logits, n); },
    [](const float* logits, int64_t n, float largest, float factor) {
      return avx512VnniPath.sumOfExponentials(logits, n, largest, factor);
    },
    [](const float* logits, int64_t n, float lower, float below, int32_t* ids) {
      return avx512VnniPath.idsWithin(logits, n, lower, below, ids);
    },
    [](const EncoderTask& t) { avx512VnniPath.encode(t); },
};

}  // namespace switchyard
