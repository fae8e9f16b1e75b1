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

// An odd number of blocks where the format has any, and rows for one tile and for many.
bool linearDiffers(const Path& path, Format format, int64_t rows) {
  const QuantizedLinear op{ceilDiv(160, inputUnit(format)) * inputUnit(format), 48, format, true, 0, {}, 0, 0};
  const int64_t groups = 2 * op.outputs / kLanes, stride = groupBytes(format, op.inputs);
  const int64_t codes = packing(format).codeBytes(op.inputs / packing(format).block);
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

// Texts of several lengths, over weights and norms of any size: what they mean is nothing, but it is the same everywhere.
bool encoderDiffers(const Path& path) {
  constexpr int32_t kVocabulary = 40, kPositions = 32, kHidden = 96, kMlp = 160;
  const int32_t header[16] = {0x31454453, 2, kHidden, 3, kMlp, kVocabulary, kPositions, 0, 0x3a83126f};
  const auto rounded = [](int64_t bytes) { return ceilDiv(bytes, 64) * 64; };
  const auto linear = [&](int64_t inputs, int64_t outputs) { return rounded(inputs * outputs) + 2 * rounded(4 * outputs); };
  const int64_t norm = 2 * rounded(4 * kHidden);
  const int64_t bytes = 64 + rounded(kVocabulary * kHidden) + rounded(4 * kVocabulary) + rounded(4 * kPositions * kHidden) + norm +
                        2 * (linear(kHidden, 3 * kHidden) + linear(kHidden, kHidden) + linear(kHidden, kMlp) + linear(kMlp, kHidden) + 2 * norm);
  Random random;
  std::vector<uint8_t> memory(bytes + 64);
  uint8_t* file = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
  for (int64_t i = 0; i < bytes; i++) file[i] = i % 4 == 3 ? (random.byte() & 0x80) | 0x3d : random.byte();
  memcpy(file, header, sizeof header);
  SentenceEncoder encoder;
  if (!encoder.open(file, bytes).empty()) return true;
  const int32_t lengths[] = {1, 19, 7, 32};
  std::vector<int32_t> ids(1 + 19 + 7 + 32);
  for (int32_t& id : ids) id = static_cast<int32_t>(random.next() % kVocabulary);
  const auto encode = [&](const Path& p) {
    std::vector<float> vectors(4 * kHidden);
    if (!encoder.run(p, ids.data(), lengths, 4, vectors.data(), false).empty()) vectors.clear();
    return vectors;
  };
  const std::vector<float> expected = encode(scalarPath);
  return expected.empty() || !same(encode(path), expected);
}

}  // namespace

std::string selfTest(const Path& path) {
  constexpr struct { Format format; const char* name; } kFormats[] = {
      {Format::q2, "q2"},     {Format::q3, "q3"},     {Format::q4_0, "q4_0"}, {Format::q4_1, "q4_1"}, {Format::iq4, "iq4"},
      {Format::q5_0, "q5_0"}, {Format::q5_1, "q5_1"}, {Format::q6, "q6"},     {Format::q8_0, "q8_0"}};
  for (const auto& [format, name] : kFormats) {
    for (int64_t rows : {5, 21}) {
      if (linearDiffers(path, format, rows)) return problem("a linear of ", name, " weights over ", rows, " rows differs from plain C++");
    }
  }
  if (attentionDiffers(path)) return "attention differs from plain C++";
  return encoderDiffers(path) ? "the sentence encoder differs from plain C++" : "";
}

}  // namespace switchyard
