// fp16 <-> fp32 in integer arithmetic, bit for bit what vcvtph2ps and vcvtps2ph (round to nearest even) do.
#pragma once
#include <stdint.h>
#include <string.h>

namespace switchyard {

static inline float halfToFloat(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
  uint32_t bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0);
  } else if (exponent) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    memcpy(&bits, &magnitude, 4);
    bits |= sign;
  }
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static inline uint16_t floatToHalf(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | (bits >> 13 & 0x3ff));
  if (bits >= 0x477ff000) return sign | 0x7c00;  // 65520 and more round to infinity
  // A result below 2^-14 keeps fewer bits: shift them out and round what was shifted.
  const int exponent = static_cast<int>(bits >> 23) - 127;
  const int shift = exponent >= -14 ? 13 : exponent >= -25 ? -1 - exponent : 25;
  const uint32_t mantissa = exponent >= -14 ? bits - (112u << 23) : (bits & 0x7fffff) | 0x800000;
  if (exponent < -25) return sign;
  const uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), middle = 1u << (shift - 1);
  return static_cast<uint16_t>(sign | (kept + (rest > middle || (rest == middle && (kept & 1)))));
}

}  // namespace switchyard
