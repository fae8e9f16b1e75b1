// AVX2 with the VEX-coded vpdpbusd of AVX-VNNI.
#include "avx2_lanes.h"

namespace switchyard {
namespace {

struct AvxVnniLanes : Avx2Lanes {
  template <Format> struct Dot {
    I sum;
    [[gnu::always_inline]] void begin(int32_t start) { sum = broadcastInt(start); }
    template <int> [[gnu::always_inline]] void add(W w, const int8_t* x) {
      const __m256i four = fourActivations(x);
      sum.a = _mm256_dpbusd_epi32(sum.a, w.a, four);
      sum.b = _mm256_dpbusd_epi32(sum.b, w.b, four);
    }
    [[gnu::always_inline]] I total() const { return sum; }
  };
};

}  // namespace

const Path avxVnniPath = pathOf<AvxVnniLanes>("avx_vnni");

}  // namespace switchyard
