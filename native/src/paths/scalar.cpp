// The reference: sixteen lanes as plain loops. Slow where the machine has no fused multiply-add, right everywhere.
#include <math.h>

#include "../half.h"
#include "../kernels.h"

namespace switchyard {
namespace {

struct ScalarLanes {
  struct F { float v[kLanes]; };
  struct I { int32_t v[kLanes]; };
  struct W { uint8_t v[4 * kLanes]; };
  static constexpr bool kUnpacks = true;
  static constexpr int kTileRows = 2, kSharedRanks = 1, kLoneRanks = 1;
  static constexpr int kEncoderRows = 2, kEncoderGroups = 1;
  static constexpr int kQueryRows = 2, kKeyBlocks = 1, kValueRows = 2, kValueVectors = 1;

  template <Format> struct Dot {
    I sum;
    void begin(int32_t start) { sum = broadcastInt(start); }
    template <int> void add(const W& w, const int8_t* x) {
      for (int i = 0; i < 4 * kLanes; i++) sum.v[i / 4] += w.v[i] * x[i % 4];
    }
    I total() const { return sum; }
  };

  template <class Fn> static F each(Fn f) {
    F r;
    for (int i = 0; i < kLanes; i++) r.v[i] = f(i);
    return r;
  }
  template <class T> static T sumOf(const T* v) {
    T s[kLanes];
    for (int i = 0; i < kLanes; i++) s[i] = v[i];
    for (int half = kLanes / 2; half; half /= 2) {
      for (int i = 0; i < half; i++) s[i] = s[i] + s[i + half];
    }
    return s[0];
  }

  static F broadcast(float x) { return each([&](int) { return x; }); }
  static F load(const float* p) { return each([&](int i) { return p[i]; }); }
  static void store(float* p, const F& a) { memcpy(p, a.v, sizeof a.v); }
  static F loadHalf(const uint16_t* p) { return each([&](int i) { return halfToFloat(p[i]); }); }
  static void storeHalf(uint16_t* p, const F& a) {
    for (int i = 0; i < kLanes; i++) p[i] = floatToHalf(a.v[i]);
  }
  static F loadInt8(const int8_t* p) { return each([&](int i) { return static_cast<float>(p[i]); }); }
  static F gather(const float* p, int stride) { return each([&](int i) { return p[i * stride]; }); }
  static F withSignOf(const F& a, const F& s) { return each([&](int i) { return copysignf(a.v[i], s.v[i]); }); }
  static F add(const F& a, const F& b) { return each([&](int i) { return a.v[i] + b.v[i]; }); }
  static F sub(const F& a, const F& b) { return each([&](int i) { return a.v[i] - b.v[i]; }); }
  static F mul(const F& a, const F& b) { return each([&](int i) { return a.v[i] * b.v[i]; }); }
  static F div(const F& a, const F& b) { return each([&](int i) { return a.v[i] / b.v[i]; }); }
  static F fma(const F& a, const F& b, const F& c) { return each([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); }); }
  static F negatedFma(const F& a, const F& b, const F& c) { return each([&](int i) { return __builtin_fmaf(-a.v[i], b.v[i], c.v[i]); }); }
  // The second operand where either is NaN, as maxps and minps have it.
  static F max(const F& a, const F& b) { return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
  static F min(const F& a, const F& b) { return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
  static F firstLanes(const F& a, int n, float rest) { return each([&](int i) { return i < n ? a.v[i] : rest; }); }
  static float sum(const F& a) { return sumOf(a.v); }
  static float largest(const F& a) {
    float m = a.v[0];
    for (float x : a.v) m = x > m ? x : m;
    return m;
  }
  static float largestMagnitude(const F& a, const F& b) {
    uint32_t m = 0;
    for (int i = 0; i < 2 * kLanes; i++) {
      uint32_t bits;
      memcpy(&bits, i < kLanes ? a.v + i : b.v + i - kLanes, 4);
      bits &= 0x7fffffff;
      m = bits > m ? bits : m;
    }
    float r;
    memcpy(&r, &m, 4);
    return r;
  }
  static uint32_t largerLanes(const F& a, const F& b, float limit) {
    uint32_t bits = 0;
    for (int i = 0; i < kLanes; i++) bits |= (fabsf(a.v[i]) > limit) << i | static_cast<uint32_t>(fabsf(b.v[i]) > limit) << (i + kLanes);
    return bits;
  }

  static I broadcastInt(int32_t x) {
    I r;
    for (int32_t& v : r.v) v = x;
    return r;
  }
  // To nearest, ties to even; INT_MIN where no int32 holds it, as cvtps2dq has it.
  static I round(const F& a) {
    I r;
    for (int i = 0; i < kLanes; i++) r.v[i] = a.v[i] >= -2147483648.f && a.v[i] < 2147483648.f ? static_cast<int32_t>(nearbyintf(a.v[i])) : INT32_MIN;
    return r;
  }
  static F toFloat(const I& a) { return each([&](int i) { return static_cast<float>(a.v[i]); }); }
  static F powerOfTwo(const I& n) {
    return each([&](int i) {
      const uint32_t bits = (static_cast<uint32_t>(n.v[i]) + 127) << 23;
      float f;
      memcpy(&f, &bits, 4);
      return f;
    });
  }
  static I add(const I& a, const I& b) {
    I r;
    for (int i = 0; i < kLanes; i++) r.v[i] = a.v[i] + b.v[i];
    return r;
  }
  static int32_t sum(const I& a) { return sumOf(a.v); }
  static void storeInt8(int8_t* p, const I& a) {
    for (int i = 0; i < kLanes; i++) p[i] = static_cast<int8_t>(a.v[i]);
  }

  static W loadWeights(const uint8_t* p) {
    W w;
    memcpy(w.v, p, sizeof w.v);
    return w;
  }
  static void storeWeights(uint8_t* p, const W& w) { memcpy(p, w.v, sizeof w.v); }
  template <class Fn> static W eachByte(Fn f) {
    W w;
    for (int i = 0; i < 4 * kLanes; i++) w.v[i] = static_cast<uint8_t>(f(i));
    return w;
  }
  static W lookUp(const W& w, const uint8_t* table) { return eachByte([&](int i) { return table[w.v[i]]; }); }
  static W highNibbles(const W& w) { return eachByte([&](int i) { return w.v[i] >> 4; }); }
  template <int Mask> static W bits(const W& w) { return eachByte([&](int i) { return w.v[i] & Mask; }); }
  template <int Bits> static W up(const W& w) { return eachByte([&](int i) { return w.v[i] << Bits; }); }
  template <int Mask> static W select(const W& a, const W& b) {
    return eachByte([&](int i) { return (a.v[i] & Mask) | (b.v[i] & ~Mask); });
  }
  static I byteAt(const W& w, int shift) {
    I r;
    for (int i = 0; i < kLanes; i++) r.v[i] = w.v[4 * i + shift / 8];
    return r;
  }
  static void prefetch(const void*) {}
  static void prefetchFar(const void*) {}
};

}  // namespace

const Path scalarPath = pathOf<ScalarLanes>("scalar");

}  // namespace switchyard
