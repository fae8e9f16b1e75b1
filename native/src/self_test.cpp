// What a path computes, against the scalar path: a CPU, a hypervisor or a compiler that gets an instruction wrong is found
// before a model runs on it.
#include <string.h>

#include <vector>

#include "operators.h"

namespace switchyard {
namespace {

void inOrder(void*, void (*task)(void*, size_t), size_t count, void* user) {
  for (size_t i = 0; i < count; i++) task(user, i);
}
constexpr ThreadPool kOneThread{inOrder, nullptr};

struct Random {
  uint32_t state = 1;
  uint32_t next() { return state = state * 1664525u + 1013904223u; }
  uint8_t byte() { return static_cast<uint8_t>(next() >> 24); }
  std::vector<float> floats(int64_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = static_cast<float>(next() >> 8) * 0x1p-23f - 1.f;
    return values;
  }
};

template <class T> Tensor tensor(const std::vector<T>& data, std::initializer_list<int64_t> dims) {
  Tensor t;
  t.data = const_cast<T*>(data.data());
  for (int64_t d : dims) t.dims[t.rank++] = d;
  return t;
}

template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) { return !memcmp(a.data(), b.data(), a.size() * sizeof(T)); }

// An odd number of blocks, and rows for one tile and for many.
bool linearDiffers(const Path& path, Format format, int64_t rows) {
  const QuantizedLinear op{160, 48, format, true, 0, {}, 0, 0};
  const int64_t groups = 2 * op.outputs / kLanes, stride = groupBytes(format, op.inputs);
  const int64_t codes = op.inputs / packing(format).block * packing(format).blockBytes();
  Random random;
  std::vector<uint8_t> weights(groups * stride);
  for (int64_t i = 0; i < groups * stride; i++) {
    // Halves below one: their upper byte comes second.
    const bool upper = i % stride >= codes && i % 2;
    weights[i] = upper ? random.byte() & 0x3b : random.byte();
  }
  const std::vector<float> x = random.floats(rows * op.inputs);
  const auto product = [&](const Path& p) {
    std::vector<float> y(rows * op.outputs);
    op.run(p, kOneThread, tensor(x, {rows, op.inputs}), tensor(weights, {groups * stride}), {}, y.data());
    return y;
  };
  return !same(product(path), product(scalarPath));
}

bool attentionDiffers(const Path& path) {
  const SlotAttention op{0, 6, 2, 0.125f};
  const int64_t size = 64, slots = 2, capacity = 64, tokens = 40, width = (op.heads + 2 * op.kvHeads) * size;
  Random random;
  const std::vector<float> qkv = random.floats(tokens * width), angles = random.floats(capacity * size / 2);
  std::vector<int32_t> slot(tokens, 1), position(tokens);
  for (int32_t i = 0; i < tokens; i++) position[i] = 5 + i;
  const auto attend = [&](const Path& p, std::vector<uint16_t>& kv) {
    std::vector<float> y(tokens * op.heads * size);
    const Tensor table = tensor(angles, {capacity, size / 2});
    op.run(p, kOneThread, tensor(qkv, {tokens, width}), tensor(slot, {tokens}), tensor(position, {tokens}), table, table,
           tensor(kv, {1, slots, 2, op.kvHeads, capacity, size}), {}, {}, y.data());
    return y;
  };
  std::vector<uint16_t> kv(slots * 2 * op.kvHeads * capacity * size, 0x2c00), expectedKv = kv;
  const std::vector<float> y = attend(path, kv), expected = attend(scalarPath, expectedKv);
  return !same(y, expected) || !same(kv, expectedKv);
}

}  // namespace

std::string selfTest(const Path& path) {
  constexpr struct { Format format; const char* name; } kFormats[] = {
      {Format::q4_1, "q4_1"}, {Format::q5_0, "q5_0"}, {Format::q6, "q6"}, {Format::q8_0, "q8_0"}};
  for (const auto& [format, name] : kFormats) {
    for (int64_t rows : {5, 21}) {
      if (linearDiffers(path, format, rows)) return problem("a linear of ", name, " weights over ", rows, " rows differs from plain C++");
    }
  }
  return attentionDiffers(path) ? "attention differs from plain C++" : "";
}

}  // namespace switchyard
