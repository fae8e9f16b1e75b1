// LoRA beside a quantized linear, in floats: the way down before the product, the way up behind it.
#pragma once
#include "lanes.h"

namespace switchyard {

// Adds B u to 16 columns of the rows of a tile: column group `panel` of `target`.
template <class L>
static void loraUp(const LoraTask& t, int target, int64_t panel, int64_t firstRow, int rows, float* out) {
  for (int r = 0; r < rows; r++) {
    const int64_t place = (firstRow + r) * t.targets + target;
    const Adapter& adapter = t.adapters[place];
    if (!adapter.rank) continue;
    const uint16_t* b = adapter.b + panel * adapter.rank * kLanes;
    const float* u = t.u + place * t.uStride;
    auto sum = L::load(out + r * kLanes);
#pragma GCC unroll 4
    for (int i = 0; i < adapter.rank; i++) sum = L::fma(L::broadcast(u[i]), L::loadHalf(b + i * kLanes), sum);
    L::store(out + r * kLanes, sum);
  }
}

// u[row][i] = A's row i times x's row, for `Rows` rows of x that share an adapter and `Ranks` rows of A.
template <class L, int Rows, int Ranks>
static void dotPanels(const float* x, int64_t inputs, const uint16_t* a, int rank, const uint16_t* next, float* u,
                      int64_t uRowStride) {
  typename L::F sum[Rows][Ranks];
  for (int r = 0; r < Rows; r++) {
    for (int i = 0; i < Ranks; i++) sum[r][i] = L::broadcast(0.f);
  }
  for (int64_t k = 0; k < inputs; k += kLanes, a += rank * kLanes, next += rank * kLanes) {
    for (int i = 0; i < Ranks; i += 2) L::prefetch(next + i * kLanes);
    typename L::F xs[Rows];
    for (int r = 0; r < Rows; r++) xs[r] = L::load(x + r * inputs + k);
    for (int i = 0; i < Ranks; i++) {
      const auto row = L::loadHalf(a + i * kLanes);
      for (int r = 0; r < Rows; r++) sum[r][i] = L::fma(xs[r], row, sum[r][i]);
    }
  }
  for (int r = 0; r < Rows; r++) {
    for (int i = 0; i < Ranks; i++) u[r * uRowStride + i] = L::sum(sum[r][i]);
  }
}

template <class L, int Rows, int Ranks>
static void dotAllPanels(const float* x, int64_t inputs, const uint16_t* a, int rank, const uint16_t* next, float* u,
                         int64_t uRowStride) {
  int i = 0;
  for (; i + Ranks <= rank; i += Ranks) {
    dotPanels<L, Rows, Ranks>(x, inputs, a + i * kLanes, rank, next + i * kLanes, u + i, uRowStride);
  }
  for (; i < rank; i++) dotPanels<L, Rows, 1>(x, inputs, a + i * kLanes, rank, next + i * kLanes, u + i, uRowStride);
}

template <class L> static void loraDown(const LinearTask& task, int64_t rowBegin, int64_t rowEnd, int target) {
  const LoraTask& t = task.lora;
  const int64_t uRowStride = static_cast<int64_t>(t.targets) * t.uStride;
  const auto at = [&](int64_t row) -> const Adapter& { return t.adapters[row * t.targets + target]; };
  for (int64_t row = rowBegin; row < rowEnd;) {
    const Adapter& adapter = at(row);
    const uint16_t* a = adapter.a;
    const bool four = row + 4 <= rowEnd && at(row + 1).a == a && at(row + 2).a == a && at(row + 3).a == a;
    const int64_t after = row + (four ? 4 : 1);
    if (adapter.rank) {
      // While one adapter's A is used, the next one's is fetched.
      const uint16_t* next = after < rowEnd && at(after).rank ? at(after).a : a;
      const float* x = task.x + row * task.inputs;
      float* u = t.u + row * uRowStride + target * t.uStride;
      if (four) dotAllPanels<L, 4, L::kSharedRanks>(x, task.inputs, a, adapter.rank, next, u, uRowStride);
      else dotAllPanels<L, 1, L::kLoneRanks>(x, task.inputs, a, adapter.rank, next, u, uRowStride);
    }
    row = after;
  }
}

}  // namespace switchyard
