// Sixteen lanes in one 512-bit register, integer dot products by AVX-512 VNNI.
#pragma once
#include <immintrin.h>

#include "../kernels.h"

namespace switchyard {
namespace {

struct Avx512Lanes {
  using F = __m512;
  using I = __m512i;
  using W = __m512i;
  static constexpr bool kUnpacks = false;  // its logic runs beside its products
  static constexpr int kTileRows = 8, kSharedRanks = 4, kLoneRanks = 8;
  static constexpr int kEncoderRows = 6, kEncoderGroups = 4;
  static constexpr int kQueryRows = 12, kKeyBlocks = 2, kValueRows = 6, kValueVectors = 4;

  template <Format> struct Dot {
    I sum;
    [[gnu::always_inline]] void begin(int32_t start) { sum = _mm512_set1_epi32(start); }
    template <int> [[gnu::always_inline]] void add(W w, const int8_t* x) {
      int32_t four;
      __builtin_memcpy(&four, x, 4);
      sum = _mm512_dpbusd_epi32(sum, w, _mm512_set1_epi32(four));
    }
    [[gnu::always_inline]] I total() const { return sum; }
  };

  static F broadcast(float x) { return _mm512_set1_ps(x); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F a) { _mm512_storeu_ps(p, a); }
  static F loadHalf(const uint16_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static void storeHalf(uint16_t* p, F a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  static F loadInt8(const int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F gather(const float* p, int stride) {
    const I lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_i32gather_ps(_mm512_mullo_epi32(lanes, _mm512_set1_epi32(stride)), p, 4);
  }
  static F withSignOf(F a, F s) {
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), _mm512_castps_si512(s), _mm512_castps_si512(a), 0xca));
  }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F negatedFma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static F firstLanes(F a, int n, float rest) {
    return _mm512_mask_mov_ps(_mm512_set1_ps(rest), static_cast<__mmask16>((1u << n) - 1), a);
  }
  static float sum(F a) {
    const __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
  }
  static float largest(F a) { return _mm512_reduce_max_ps(a); }
  static float largestMagnitude(F a, F b) {
    const I magnitude = _mm512_set1_epi32(0x7fffffff);
    const I m = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(a), magnitude), _mm512_and_si512(_mm512_castps_si512(b), magnitude));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(_mm512_reduce_max_epi32(m))));
  }
  static uint32_t largerLanes(F a, F b, float limit) {
    const auto larger = [&](F v) -> uint32_t { return _mm512_cmp_ps_mask(_mm512_abs_ps(v), _mm512_set1_ps(limit), _CMP_GT_OQ); };
    return larger(a) | larger(b) << kLanes;
  }

  static I broadcastInt(int32_t x) { return _mm512_set1_epi32(x); }
  static I round(F a) { return _mm512_cvtps_epi32(a); }
  static F toFloat(I a) { return _mm512_cvtepi32_ps(a); }
  static F powerOfTwo(I n) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23)); }
  static I add(I a, I b) { return _mm512_add_epi32(a, b); }
  static int32_t sum(I a) { return _mm512_reduce_add_epi32(a); }
  static void storeInt8(int8_t* p, I a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a)); }

  static W loadWeights(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void storeWeights(uint8_t* p, W w) { _mm512_storeu_si512(p, w); }
  static W lookUp(W w, const uint8_t* table) {
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(table))), w);
  }
  static W highNibbles(W w) { return bits<0x0f>(_mm512_srli_epi16(w, 4)); }
  template <int Mask> static W bits(W w) { return _mm512_and_si512(w, _mm512_set1_epi8(static_cast<char>(Mask))); }
  template <int Bits> static W up(W w) { return _mm512_slli_epi16(w, Bits); }
  template <int Mask> static W select(W a, W b) {
    return _mm512_ternarylogic_epi32(_mm512_set1_epi8(static_cast<char>(Mask)), a, b, 0xca);
  }
  static I byteAt(W w, int shift) {
    return _mm512_and_si512(_mm512_srlv_epi32(w, _mm512_set1_epi32(shift)), _mm512_set1_epi32(255));
  }
  [[gnu::always_inline]] static void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
  [[gnu::always_inline]] static void prefetchFar(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }
};

}  // namespace
}  // namespace switchyard
