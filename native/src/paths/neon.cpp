// Sixteen lanes in four 128-bit registers; integer dot products by the sdot of Armv8.2.
#include <arm_neon.h>

#include "../kernels.h"

namespace switchyard {
namespace {

struct NeonLanes {
  struct F { float32x4_t v[4]; };
  struct I { int32x4_t v[4]; };
  struct W { uint8x16_t v[4]; };
  static constexpr bool kUnpacks = true;
  static constexpr int kTileRows = 4, kSharedRanks = 1, kLoneRanks = 4;
  static constexpr int kEncoderRows = 4, kEncoderGroups = 1;
  static constexpr int kQueryRows = 4, kKeyBlocks = 1, kValueRows = 3, kValueVectors = 1;

  // sdot multiplies signed bytes. Codes around 128 become signed by a flip of their upper bit, which takes 128 times the sum
  // of the activations away: what the start took away before. Codes on top with a minimum come down and go back up once they
  // are summed.
  template <Format F> struct Dot {
    static constexpr bool kAround128 = !hasMinimum(F);
    static constexpr int kUp = F == Format::q5_1 ? 3 : F == Format::q2 ? 6 : 0;
    I sum;
    [[gnu::always_inline]] void begin(int32_t start) { sum = broadcastInt(kAround128 ? 0 : start); }
    template <int> [[gnu::always_inline]] void add(const W& w, const int8_t* x) {
      int32_t four;
      __builtin_memcpy(&four, x, 4);
      const int8x16_t activations = vreinterpretq_s8_s32(vdupq_n_s32(four));
      for (int i = 0; i < 4; i++) sum.v[i] = vdotq_s32(sum.v[i], signedCodes(w.v[i]), activations);
    }
    [[gnu::always_inline]] I total() const {
      I r;
      for (int i = 0; i < 4; i++) r.v[i] = vshlq_n_s32(sum.v[i], kUp);
      return r;
    }

   private:
    [[gnu::always_inline]] static int8x16_t signedCodes(uint8x16_t w) {
      if constexpr (kAround128) return vreinterpretq_s8_u8(veorq_u8(w, vdupq_n_u8(128)));
      else if constexpr (kUp > 0) return vreinterpretq_s8_u8(vshrq_n_u8(w, kUp));
      else return vreinterpretq_s8_u8(w);
    }
  };

  template <class Fn> [[gnu::always_inline]] static F each(Fn f) { return {{f(0), f(1), f(2), f(3)}}; }
  template <class Fn> [[gnu::always_inline]] static I eachInt(Fn f) { return {{f(0), f(1), f(2), f(3)}}; }
  template <class Fn> [[gnu::always_inline]] static W eachByte(Fn f) { return {{f(0), f(1), f(2), f(3)}}; }

  static F broadcast(float x) { return each([&](int) { return vdupq_n_f32(x); }); }
  static F load(const float* p) { return each([&](int i) { return vld1q_f32(p + 4 * i); }); }
  static void store(float* p, const F& a) {
    for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, a.v[i]);
  }
  static F loadHalf(const uint16_t* p) {
    return each([&](int i) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i))); });
  }
  static void storeHalf(uint16_t* p, const F& a) {
    for (int i = 0; i < 4; i++) vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(a.v[i])));
  }
  static F loadInt8(const int8_t* p) {
    const int8x16_t bytes = vld1q_s8(p);
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    return toFloat({{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}});
  }
  static F gather(const float* p, int stride) {
    float lanes[kLanes];
    for (int i = 0; i < kLanes; i++) lanes[i] = p[i * stride];
    return load(lanes);
  }
  static F withSignOf(const F& a, const F& s) {
    return each([&](int i) { return vbslq_f32(vdupq_n_u32(0x80000000u), s.v[i], a.v[i]); });
  }
  static F add(const F& a, const F& b) { return each([&](int i) { return vaddq_f32(a.v[i], b.v[i]); }); }
  static F sub(const F& a, const F& b) { return each([&](int i) { return vsubq_f32(a.v[i], b.v[i]); }); }
  static F mul(const F& a, const F& b) { return each([&](int i) { return vmulq_f32(a.v[i], b.v[i]); }); }
  static F div(const F& a, const F& b) { return each([&](int i) { return vdivq_f32(a.v[i], b.v[i]); }); }
  static F fma(const F& a, const F& b, const F& c) { return each([&](int i) { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); }); }
  static F negatedFma(const F& a, const F& b, const F& c) { return each([&](int i) { return vfmsq_f32(c.v[i], a.v[i], b.v[i]); }); }
  // The second operand where either is NaN, which fmax and fmin are not.
  static F max(const F& a, const F& b) { return each([&](int i) { return vbslq_f32(vcgtq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]); }); }
  static F min(const F& a, const F& b) { return each([&](int i) { return vbslq_f32(vcltq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]); }); }
  static F firstLanes(const F& a, int n, float rest) {
    const int32_t lanes[] = {0, 1, 2, 3};
    return each([&](int i) {
      return vbslq_f32(vcltq_s32(vld1q_s32(lanes), vdupq_n_s32(n - 4 * i)), a.v[i], vdupq_n_f32(rest));
    });
  }
  static float sum(const F& a) {
    const float32x4_t four = vaddq_f32(vaddq_f32(a.v[0], a.v[2]), vaddq_f32(a.v[1], a.v[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  static float largest(const F& a) {
    const auto larger = [](float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); };
    return vmaxvq_f32(larger(larger(a.v[0], a.v[1]), larger(a.v[2], a.v[3])));
  }
  static float largestMagnitude(const F& a, const F& b) {
    uint32x4_t most = vdupq_n_u32(0);
    for (int i = 0; i < 4; i++) most = vmaxq_u32(most, vmaxq_u32(magnitude(a.v[i]), magnitude(b.v[i])));
    const uint32_t bits = vmaxvq_u32(most);
    float r;
    __builtin_memcpy(&r, &bits, 4);
    return r;
  }
  static uint32_t largerLanes(const F& a, const F& b, float limit) {
    const uint32_t places[] = {1, 2, 4, 8};
    const auto larger = [&](float32x4_t v) {
      return vaddvq_u32(vandq_u32(vcgtq_f32(vabsq_f32(v), vdupq_n_f32(limit)), vld1q_u32(places)));
    };
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++) bits |= larger(a.v[i]) << 4 * i | larger(b.v[i]) << (4 * i + kLanes);
    return bits;
  }

  static I broadcastInt(int32_t x) { return eachInt([&](int) { return vdupq_n_s32(x); }); }
  // INT_MIN where no int32 holds it, as on other CPUs.
  static I round(const F& a) {
    return eachInt([&](int i) {
      const uint32x4_t fits = vandq_u32(vcgeq_f32(a.v[i], vdupq_n_f32(-2147483648.f)), vcltq_f32(a.v[i], vdupq_n_f32(2147483648.f)));
      return vbslq_s32(fits, vcvtnq_s32_f32(a.v[i]), vdupq_n_s32(INT32_MIN));
    });
  }
  static F toFloat(const I& a) { return each([&](int i) { return vcvtq_f32_s32(a.v[i]); }); }
  static F powerOfTwo(const I& n) {
    return each([&](int i) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n.v[i], vdupq_n_s32(127)), 23)); });
  }
  static I add(const I& a, const I& b) { return eachInt([&](int i) { return vaddq_s32(a.v[i], b.v[i]); }); }
  static int32_t sum(const I& a) { return vaddvq_s32(vaddq_s32(vaddq_s32(a.v[0], a.v[2]), vaddq_s32(a.v[1], a.v[3]))); }
  static void storeInt8(int8_t* p, const I& a) {
    const int16x8_t low = vcombine_s16(vmovn_s32(a.v[0]), vmovn_s32(a.v[1])), high = vcombine_s16(vmovn_s32(a.v[2]), vmovn_s32(a.v[3]));
    vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
  }

  static W loadWeights(const uint8_t* p) { return eachByte([&](int i) { return vld1q_u8(p + 16 * i); }); }
  static void storeWeights(uint8_t* p, const W& w) {
    for (int i = 0; i < 4; i++) vst1q_u8(p + 16 * i, w.v[i]);
  }
  static W lookUp(const W& w, const uint8_t* table) { return eachByte([&](int i) { return vqtbl1q_u8(vld1q_u8(table), w.v[i]); }); }
  static W highNibbles(const W& w) { return eachByte([&](int i) { return vshrq_n_u8(w.v[i], 4); }); }
  template <int Mask> static W bits(const W& w) { return eachByte([&](int i) { return vandq_u8(w.v[i], vdupq_n_u8(Mask)); }); }
  template <int Bits> static W up(const W& w) { return eachByte([&](int i) { return vshlq_n_u8(w.v[i], Bits); }); }
  template <int Mask> static W select(const W& a, const W& b) {
    return eachByte([&](int i) { return vbslq_u8(vdupq_n_u8(Mask), a.v[i], b.v[i]); });
  }
  static I byteAt(const W& w, int shift) {
    return eachInt([&](int i) {
      const uint32x4_t moved = vshlq_u32(vreinterpretq_u32_u8(w.v[i]), vdupq_n_s32(-shift));
      return vreinterpretq_s32_u32(vandq_u32(moved, vdupq_n_u32(255)));
    });
  }
  [[gnu::always_inline]] static void prefetch(const void* p) { __builtin_prefetch(p, 0, 3); }
  [[gnu::always_inline]] static void prefetchFar(const void* p) { __builtin_prefetch(p, 0, 2); }

 private:
  static uint32x4_t magnitude(float32x4_t a) { return vandq_u32(vreinterpretq_u32_f32(a), vdupq_n_u32(0x7fffffff)); }
};

}  // namespace

const Path neonPath = pathOf<NeonLanes>("neon");

}  // namespace switchyard
