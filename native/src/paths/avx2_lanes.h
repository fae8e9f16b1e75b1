// Sixteen lanes in two 256-bit registers; integer dot products by 16-bit multiplications that cannot overflow.
#pragma once
#include <immintrin.h>

#include "../kernels.h"

namespace switchyard {
namespace {

struct Avx2Lanes {
  struct F { __m256 a, b; };
  struct I { __m256i a, b; };
  using W = I;
  static constexpr bool kUnpacks = true;
  static constexpr int kTileRows = 4, kSharedRanks = 1, kLoneRanks = 4;
  static constexpr int kEncoderRows = 4, kEncoderGroups = 1;
  static constexpr int kQueryRows = 4, kKeyBlocks = 1, kValueRows = 3, kValueVectors = 2;

  [[gnu::always_inline]] static __m256i fourActivations(const int8_t* x) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return _mm256_set1_epi32(four);
  }

  template <Format F> struct Dot;

  static F broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void store(float* p, F v) {
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
  }
  static F loadHalf(const uint16_t* p) {
    const auto* q = reinterpret_cast<const __m128i*>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(q)), _mm256_cvtph_ps(_mm_loadu_si128(q + 1))};
  }
  static void storeHalf(uint16_t* p, F v) {
    auto* q = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(q, _mm256_cvtps_ph(v.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(q + 1, _mm256_cvtps_ph(v.b, _MM_FROUND_TO_NEAREST_INT));
  }
  static F loadInt8(const int8_t* p) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return toFloat({_mm256_cvtepi8_epi32(v), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(v, v))});
  }
  static F gather(const float* p, int stride) {
    const __m256i lanes = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(stride));
    return {_mm256_i32gather_ps(p, lanes, 4), _mm256_i32gather_ps(p + 8 * stride, lanes, 4)};
  }
  static F withSignOf(F x, F s) {
    const __m256 sign = _mm256_set1_ps(-0.f);
    const auto signedAs = [&](__m256 v, __m256 w) { return _mm256_or_ps(_mm256_andnot_ps(sign, v), _mm256_and_ps(sign, w)); };
    return {signedAs(x.a, s.a), signedAs(x.b, s.b)};
  }
  static F add(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
  static F sub(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
  static F mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
  static F div(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
  static F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
  static F negatedFma(F x, F y, F z) { return {_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)}; }
  static F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
  static F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
  static F firstLanes(F x, int n, float rest) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256 fill = _mm256_set1_ps(rest);
    const auto blend = [&](__m256 v, int live) {
      return _mm256_blendv_ps(fill, v, _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(live), lane)));
    };
    return {blend(x.a, n), blend(x.b, n - 8)};
  }
  static float sum(F x) {
    const __m256 b = _mm256_add_ps(x.a, x.b);
    const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
  }
  static float largest(F x) {
    const __m256 b = _mm256_max_ps(x.a, x.b);
    const __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    const __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
  }
  static float largestMagnitude(F x, F y) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    const auto bits = [&](__m256 v) { return _mm256_and_si256(_mm256_castps_si256(v), magnitude); };
    const __m256i m = _mm256_max_epi32(_mm256_max_epi32(bits(x.a), bits(x.b)), _mm256_max_epi32(bits(y.a), bits(y.b)));
    const __m128i c = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    const __m128i d = _mm_max_epi32(c, _mm_shuffle_epi32(c, _MM_SHUFFLE(1, 0, 3, 2)));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_max_epi32(d, _mm_shuffle_epi32(d, _MM_SHUFFLE(2, 3, 0, 1)))));
  }
  static uint32_t largerLanes(F x, F y, float limit) {
    const __m256 sign = _mm256_set1_ps(-0.f), least = _mm256_set1_ps(limit);
    const auto larger = [&](__m256 v) {
      return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_andnot_ps(sign, v), least, _CMP_GT_OQ)));
    };
    return larger(x.a) | larger(x.b) << 8 | larger(y.a) << 16 | larger(y.b) << 24;
  }

  static I broadcastInt(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static I round(F x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
  static F toFloat(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
  static F powerOfTwo(I n) {
    const auto power = [](__m256i v) {
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(127)), 23));
    };
    return {power(n.a), power(n.b)};
  }
  static I add(I x, I y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
  static int32_t sum(I x) {
    const __m256i b = _mm256_add_epi32(x.a, x.b);
    const __m128i c = _mm_add_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
    const __m128i d = _mm_add_epi32(c, _mm_shuffle_epi32(c, _MM_SHUFFLE(1, 0, 3, 2)));
    return _mm_cvtsi128_si32(_mm_add_epi32(d, _mm_shuffle_epi32(d, _MM_SHUFFLE(2, 3, 0, 1))));
  }
  static void storeInt8(int8_t* p, I x) {
    const __m128i low = _mm_packs_epi32(_mm256_castsi256_si128(x.a), _mm256_extracti128_si256(x.a, 1));
    const __m128i high = _mm_packs_epi32(_mm256_castsi256_si128(x.b), _mm256_extracti128_si256(x.b, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(low, high));
  }

  static W loadWeights(const uint8_t* p) {
    const auto* q = reinterpret_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
  }
  static void storeWeights(uint8_t* p, W w) {
    auto* q = reinterpret_cast<__m256i*>(p);
    _mm256_storeu_si256(q, w.a);
    _mm256_storeu_si256(q + 1, w.b);
  }
  static W lookUp(W w, const uint8_t* table) {
    const __m256i levels = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
    return {_mm256_shuffle_epi8(levels, w.a), _mm256_shuffle_epi8(levels, w.b)};
  }
  static W highNibbles(W w) { return bits<0x0f>({_mm256_srli_epi16(w.a, 4), _mm256_srli_epi16(w.b, 4)}); }
  template <int Mask> static W bits(W w) {
    const __m256i mask = _mm256_set1_epi8(static_cast<char>(Mask));
    return {_mm256_and_si256(w.a, mask), _mm256_and_si256(w.b, mask)};
  }
  template <int Bits> static W up(W w) { return {_mm256_slli_epi16(w.a, Bits), _mm256_slli_epi16(w.b, Bits)}; }
  template <int Mask> static W select(W x, W y) {
    const auto [u, v] = bits<Mask>(x);
    const auto [s, t] = bits<~Mask & 0xff>(y);
    return {_mm256_or_si256(u, s), _mm256_or_si256(v, t)};
  }
  static I byteAt(W w, int shift) {
    const __m128i down = _mm_cvtsi32_si128(shift);
    const __m256i byte = _mm256_set1_epi32(255);
    return {_mm256_and_si256(_mm256_srl_epi32(w.a, down), byte), _mm256_and_si256(_mm256_srl_epi32(w.b, down), byte)};
  }
  [[gnu::always_inline]] static void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
  [[gnu::always_inline]] static void prefetchFar(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }
};

// Products of two neighbours fit 16 bits: for weights of 0..15 the sums of a whole block of eight steps, 16 * 15 * 127 =
// 30,480 in magnitude; for 0..31 of four steps, 8 * 31 * 127 = 31,496; for 0..63 of two, 4 * 63 * 127 = 32,004. So they are
// widened that often. Codes that come with their bits on top go back there once they are summed.
template <int WidenAfter, int Up> struct PairSums {
  Avx2Lanes::I sum, pairs;
  [[gnu::always_inline]] void begin(int32_t start) { sum = Avx2Lanes::broadcastInt(start); }
  template <int Step> [[gnu::always_inline]] void add(Avx2Lanes::W w, const int8_t* x) {
    const __m256i four = Avx2Lanes::fourActivations(x);
    const auto products = [&](__m256i v) { return _mm256_maddubs_epi16(_mm256_srli_epi16(v, Up), four); };
    const __m256i a = products(w.a), b = products(w.b);
    pairs = Step % WidenAfter ? Avx2Lanes::I{_mm256_add_epi16(pairs.a, a), _mm256_add_epi16(pairs.b, b)} : Avx2Lanes::I{a, b};
    if constexpr (Step % WidenAfter == WidenAfter - 1) {
      const __m256i ones = _mm256_set1_epi16(1);
      const auto widened = [&](__m256i v) { return _mm256_slli_epi32(_mm256_madd_epi16(v, ones), Up); };
      sum = Avx2Lanes::add(sum, {widened(pairs.a), widened(pairs.b)});
    }
  }
  [[gnu::always_inline]] Avx2Lanes::I total() const { return sum; }
};
template <> struct Avx2Lanes::Dot<Format::q2> : PairSums<4, 6> {};
template <> struct Avx2Lanes::Dot<Format::q3> : PairSums<4, 5> {};
template <> struct Avx2Lanes::Dot<Format::q4_0> : PairSums<8, 4> {};
template <> struct Avx2Lanes::Dot<Format::q4_1> : PairSums<8, 0> {};
template <> struct Avx2Lanes::Dot<Format::q5_0> : PairSums<4, 3> {};
template <> struct Avx2Lanes::Dot<Format::q5_1> : PairSums<4, 3> {};
template <> struct Avx2Lanes::Dot<Format::q6> : PairSums<2, 2> {};

// Weights of 0..255 would saturate maddubs: even and odd bytes are widened to 16 bits and multiplied apart.
struct WidenedSums {
  Avx2Lanes::I sum;
  [[gnu::always_inline]] void begin(int32_t start) { sum = Avx2Lanes::broadcastInt(start); }
  template <int> [[gnu::always_inline]] void add(Avx2Lanes::W w, const int8_t* x) {
    const __m256i four = Avx2Lanes::fourActivations(x), evenBytes = _mm256_set1_epi16(255);
    const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(four, 8), 8), odd = _mm256_srai_epi16(four, 8);
    const auto products = [&](__m256i v) {
      return _mm256_add_epi32(_mm256_madd_epi16(_mm256_and_si256(v, evenBytes), even),
                              _mm256_madd_epi16(_mm256_srli_epi16(v, 8), odd));
    };
    sum.a = _mm256_add_epi32(sum.a, products(w.a));
    sum.b = _mm256_add_epi32(sum.b, products(w.b));
  }
  [[gnu::always_inline]] Avx2Lanes::I total() const { return sum; }
};
template <> struct Avx2Lanes::Dot<Format::iq4> : WidenedSums {};
template <> struct Avx2Lanes::Dot<Format::q8_0> : WidenedSums {};

}  // namespace
}  // namespace switchyard
