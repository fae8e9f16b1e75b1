// kernel-bench [milliseconds a case] [path ...]: billions of multiply-accumulates a second and core, by processor time,
// so that a busy machine disturbs little. Weights are read from memory, not from a cache: 64 MiB of copies in turn.
// The last line is one JSON object.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "src/operators.h"

using namespace switchyard;

namespace {

double milliseconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

void inOrder(void*, void (*task)(void*, size_t), size_t count, void* user) {
  for (size_t i = 0; i < count; i++) task(user, i);
}
const ThreadPool kOneThread{inOrder, nullptr};

Tensor tensor(const void* data, std::initializer_list<int64_t> dims) {
  Tensor t;
  t.data = const_cast<void*>(data);
  for (int64_t d : dims) t.dims[t.rank++] = d;
  return t;
}

// The lower quartile of the time that `step` takes, called with 0, 1, 2, ...
template <class Step> double quartile(double budget, Step step) {
  std::vector<double> times;
  int64_t i = 0;
  for (const double start = milliseconds(); times.size() < 8 || milliseconds() - start < budget;) {
    const double before = milliseconds();
    step(i++);
    times.push_back(milliseconds() - before);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 4];
}

// The linears of Qwen2.5-Coder-0.5B, with those that a file holds in two forms in both.
struct Shape {
  const char* name;
  int64_t inputs, outputs;
  Format format;
  bool gated;
};
constexpr Shape kShapes[] = {{"qkv", 896, 1152, Format::q5_0, false},        {"qkv_8", 896, 1152, Format::q8_0, false},
                             {"qkv_5_1", 896, 1152, Format::q5_1, false},      {"qkv_iq4", 896, 1152, Format::iq4, false},
                             {"qkv_2", 896, 1152, Format::q2, false},          {"qkv_3", 896, 1152, Format::q3, false},
                             {"qkv_4_0", 896, 1152, Format::q4_0, false},
                             {"o", 896, 896, Format::q5_0, false},           {"gate_up", 896, 4864, Format::q5_0, true},
                             {"gate_up_4", 896, 4864, Format::q4_1, true},   {"down", 4864, 896, Format::q6, false},
                             {"down_4", 4864, 896, Format::q4_1, false},     {"head", 896, 151936, Format::q8_0, false}};

double linear(const Path& path, const Shape& s, int64_t rows, double budget) {
  const int64_t columns = s.outputs * (s.gated ? 2 : 1), bytes = groupBytes(s.format, s.inputs) * columns / kLanes;
  const int64_t copies = std::max<int64_t>(1, (64 << 20) / bytes);
  std::vector<uint8_t> weights(bytes * copies);
  for (size_t i = 0; i < weights.size(); i++) weights[i] = static_cast<uint8_t>(i * 2654435761u >> 13 & 0x3b);
  std::vector<float> x(rows * s.inputs), y(rows * s.outputs);
  for (size_t i = 0; i < x.size(); i++) x[i] = static_cast<float>(i * 2654435761u >> 16 & 1023) * 1e-3f;
  // As in a model, rows have their outliers at inputs that they share.
  for (int64_t r = 0; r < rows; r++) x[r * s.inputs + r % 8 * 97] = 4.f, x[r * s.inputs + 64 + r % 4 * 31] = -3.f;
  const QuantizedLinear op{s.inputs, s.outputs, s.format, s.gated, 0, {}, 0, 0};
  const double ms = quartile(budget, [&](int64_t i) {
    const Tensor w = tensor(weights.data() + i % copies * bytes, {bytes});
    op.run(path, kOneThread, tensor(x.data(), {rows, s.inputs}), w, {}, y.data());
  });
  return static_cast<double>(rows * s.inputs * columns) / ms / 1e6;
}

// Nine query heads and three KV heads of 64, as many slots as rows, `tokens` new ones each behind 250.
double attention(const Path& path, int64_t slots, int64_t tokens, double budget) {
  const int64_t heads = 9, kvHeads = 3, size = 64, capacity = 512, past = 250, n = slots * tokens;
  std::vector<float> qkv(n * (heads + 2 * kvHeads) * size, 0.1f), angles(capacity * size / 2, 0.5f), y(n * heads * size);
  std::vector<uint16_t> kv(slots * 2 * kvHeads * capacity * size, 0x2c00);
  std::vector<int32_t> slot(n), position(n);
  for (int64_t i = 0; i < n; i++) slot[i] = static_cast<int32_t>(i / tokens), position[i] = static_cast<int32_t>(past + i % tokens);
  const SlotAttention op{0, heads, kvHeads, 0.125f};
  const Tensor table = tensor(angles.data(), {capacity, size / 2});
  const double ms = quartile(budget, [&](int64_t) {
    op.run(path, kOneThread, tensor(qkv.data(), {n, (heads + 2 * kvHeads) * size}), tensor(slot.data(), {n}),
           tensor(position.data(), {n}), table, table, tensor(kv.data(), {1, slots, 2, kvHeads, capacity, size}), {}, {}, y.data());
  });
  double work = 0;
  for (int32_t p : position) work += 2.0 * heads * size * (p + 1);
  return work / ms / 1e6;
}

}  // namespace

int main(int count, char** arguments) {
  const double budget = count > 1 ? atof(arguments[1]) : 40;
  std::string json;
  const auto report = [&](const Path& path, const std::string& what, int64_t rows, double gmac) {
    printf("%-12s %-10s %4lld rows %8.1f GMAC/s\n", path.name, what.c_str(), static_cast<long long>(rows), gmac);
    char figure[128];
    snprintf(figure, sizeof figure, "%s\"%s.%s.%lld\": %.1f", json.empty() ? "" : ", ", path.name, what.c_str(), static_cast<long long>(rows), gmac);
    json += figure;
  };
  for (const Path* const* p = availablePaths(); *p; p++) {
    const bool wanted = count < 3 ? *p != &scalarPath : std::any_of(arguments + 2, arguments + count, [&](const char* a) { return !strcmp(a, (*p)->name); });
    if (!wanted) continue;
    for (const Shape& s : kShapes) {
      for (int64_t rows : {1, 2, 4, 8, 16, 64}) {
        if (s.outputs < 100'000 || rows <= 16) report(**p, s.name, rows, linear(**p, s, rows, budget));
      }
    }
    for (int64_t slots : {1, 8}) report(**p, "attention", slots, attention(**p, slots, 1, budget));
    report(**p, "prefill", 64, attention(**p, 1, 64, budget));
  }
  printf("{\"linear_gmac_per_s\": {%s}}\n", json.c_str());
}
