// What the kernels are written over: a class `L` of 16-lane vectors; each file under paths/ supplies one. The order of
// every floating-point operation is fixed by the kernels. Sums that run over a vector's lanes use `L::sum`, which
// adds lane i and i + 8, then i + 4, i + 2, i + 1. No operation may be contracted or reassociated by the compiler
// (-ffp-contract=off, no -ffast-math).
//
// What L provides:
//   F, I, W                 16 floats, 16 int32, 64 bytes of packed weights
//   Dot<format>             16 exact integer dot products: begin(start), add<step>(W, four activations), total()
//   bits, up, select        of each byte: those under a mask; moved up, what comes below is undefined; those under a
//                           mask from the first vector, the others from the second
//   lookUp                  of each byte below 16, that of a table
//   largerLanes             a bit for each of 32 floats whose magnitude is above a limit
//   byteAt                  of each of 16 words of weights, the byte from a bit on
//   gather                  16 floats, a stride apart
//   loadInt8, withSignOf    16 int8 as floats; magnitudes of the first with the signs of the second
//   kEncoderRows, kEncoderGroups  rows and groups of 16 outputs that a pass of the encoder's linear keeps in registers
//   kQueryRows, kKeyBlocks  register blocking of attention (rows of queries, blocks of 16 keys, vectors of values)
//   kValueRows, kValueVectors
//   kTileRows               most rows a pass of the linear keeps in registers
//   kSharedRanks, kLoneRanks  rows of A that share a pass, for four rows of x and for one
#pragma once
#include <type_traits>

#include "path.h"

namespace switchyard {

template <int N> using Count = std::integral_constant<int, N>;

// Calls f with n (1..Max) as a compile-time constant.
template <int Max, class Fn> [[gnu::always_inline]] static inline void withCount(int n, Fn f) {
  if constexpr (Max == 1) {
    f(Count<1>{});
  } else {
    if (n == Max) f(Count<Max>{});
    else withCount<Max - 1>(n, f);
  }
}

// Calls f with 0 .. N - 1, as compile-time constants.
template <int N, int First = 0, class Fn> [[gnu::always_inline]] static inline void repeat(const Fn& f) {
  if constexpr (First < N) {
    f(Count<First>{});
    repeat<N, First + 1>(f);
  }
}

// e^x within 2 ulp (Cephes' polynomial); x is clamped to [-86, 88] so that the result is a normal number.
template <class L> static inline typename L::F exponential(typename L::F x) {
  x = L::min(L::broadcast(88.f), L::max(L::broadcast(-86.f), x));
  const auto n = L::round(L::mul(x, L::broadcast(1.44269504f)));
  const auto whole = L::toFloat(n);
  auto r = L::negatedFma(whole, L::broadcast(0.693359375f), x);
  r = L::negatedFma(whole, L::broadcast(-2.12194440e-4f), r);
  auto p = L::broadcast(1.9875691500e-4f);
  p = L::fma(p, r, L::broadcast(1.3981999507e-3f));
  p = L::fma(p, r, L::broadcast(8.3334519073e-3f));
  p = L::fma(p, r, L::broadcast(4.1665795894e-2f));
  p = L::fma(p, r, L::broadcast(1.6666665459e-1f));
  p = L::fma(p, r, L::broadcast(5.0000001201e-1f));
  p = L::add(L::fma(p, L::mul(r, r), r), L::broadcast(1.f));
  return L::mul(p, L::powerOfTwo(n));
}

}  // namespace switchyard
