// Attention against double precision, and every path and split of a call against the scalar path.
#pragma once
#include "support.h"

namespace {

struct Attention {
  int64_t layers, layer, heads, kvHeads, headSize, slots, capacity, rotate, window;
  bool packed;
  Array<float> cosines, sines;
  explicit Attention(Random& random)
      : layers(random.between(1, 2)), layer(random.below(layers)), heads(0), kvHeads(random.between(1, 3)),
        headSize(16 * (random.chance(60) ? random.between(1, 5) : random.between(6, 16))), slots(random.between(1, 5)),
        capacity(16 * random.between(1, 6)), rotate(random.chance(80)), window(random.chance(60) ? 0 : random.between(1, capacity + 8)), packed(random.chance(70)), cosines(capacity * headSize / 2), sines(capacity * headSize / 2) {
    heads = kvHeads * random.between(1, random.chance(80) ? 4 : 14);
    for (int64_t i = 0; i < cosines.size; i++) {
      const double angle = static_cast<double>(i / (headSize / 2)) * pow(10000, -2.0 * static_cast<double>(i % (headSize / 2)) / static_cast<double>(headSize));
      cosines[i] = static_cast<float>(cos(angle)), sines[i] = static_cast<float>(sin(angle));
    }
  }
  int64_t kvSize() const { return layers * slots * 2 * kvHeads * capacity * headSize; }
  int64_t width() const { return (heads + 2 * kvHeads) * headSize; }
  SlotAttention op() const { return {layer, heads, kvHeads, static_cast<float>(1 / sqrt(static_cast<double>(headSize))), rotate, window}; }
  double cosine(int64_t position, int64_t i) const { return rotate ? cosines[position * headSize / 2 + i] : 1; }
  double sine(int64_t position, int64_t i) const { return rotate ? sines[position * headSize / 2 + i] : 0; }

  std::string call(const Path& path, const ThreadPool& pool, const Array<float>& qkv, const Array<int32_t>& slot,
                   const Array<int32_t>& position, Array<uint16_t>& kv, Array<float>& y) const {
    const int64_t n = slot.size;
    const Tensor s = tensor(slot, {n}), p = tensor(position, {n}), c = tensor(cosines, {capacity, headSize / 2}),
                 si = tensor(sines, {capacity, headSize / 2}), cache = tensor(kv, {layers, slots, 2, kvHeads, capacity, headSize});
    if (packed) return op().run(path, pool, tensor(qkv, {n, width()}), s, p, c, si, cache, {}, {}, &y[0]);
    const int64_t qw = heads * headSize, kw = kvHeads * headSize;
    Array<float> q(n * qw), k(n * kw), v(n * kw);
    for (int64_t i = 0; i < n; i++) {
      memcpy(&q[i * qw], &qkv[i * width()], qw * 4);
      memcpy(&k[i * kw], &qkv[i * width() + qw], kw * 4);
      memcpy(&v[i * kw], &qkv[i * width() + qw + kw], kw * 4);
    }
    return op().run(path, pool, tensor(q, {n, qw}), s, p, c, si, cache, tensor(k, {n, kw}), tensor(v, {n, kw}), &y[0]);
  }

  uint16_t key(const Array<uint16_t>& kv, int64_t slot, int64_t h, int64_t position, int64_t d) const {
    return kv[(((layer * slots + slot) * 2 * kvHeads + h) * capacity + position / 16 * 16) * headSize + d * 16 + position % 16];
  }
  uint16_t value(const Array<uint16_t>& kv, int64_t slot, int64_t h, int64_t position, int64_t d) const {
    return kv[(((layer * slots + slot) * 2 * kvHeads + kvHeads + h) * capacity + position) * headSize + d];
  }
};

// Attention of one token written out in double precision over the KV as it was stored.
void expectAttention(const Attention& a, const Array<uint16_t>& kv, const float* qkv, int64_t slot, int64_t position, const float* y) {
  const int64_t half = a.headSize / 2, first = a.window && position >= a.window ? position - a.window + 1 : 0;
  for (int64_t h = 0; h < a.heads; h++) {
    const int64_t kvHead = h / (a.heads / a.kvHeads);
    std::vector<double> q(a.headSize), weight(position + 1);
    for (int64_t i = 0; i < half; i++) {
      const double c = a.cosine(position, i), s = a.sine(position, i), x = qkv[h * a.headSize + i], z = qkv[h * a.headSize + half + i];
      q[i] = x * c - z * s, q[half + i] = z * c + x * s;
    }
    double largest = -1e300, sum = 0;
    for (int64_t k = first; k <= position; k++) {
      double dot = 0;
      for (int64_t d = 0; d < a.headSize; d++) dot += q[d] * halfToFloat(a.key(kv, slot, kvHead, k, d));
      weight[k] = dot / sqrt(static_cast<double>(a.headSize));
      largest = fmax(largest, weight[k]);
    }
    for (int64_t k = first; k <= position; k++) sum += weight[k] = exp(weight[k] - largest);
    for (int64_t d = 0; d < a.headSize; d++) {
      double v = 0;
      for (int64_t k = first; k <= position; k++) v += weight[k] / sum * halfToFloat(a.value(kv, slot, kvHead, k, d));
      expect(fabs(v - y[h * a.headSize + d]) < 2e-5, "attention is " + std::to_string(y[h * a.headSize + d]) + ", not " + std::to_string(v));
    }
  }
  for (int64_t h = 0; h < a.kvHeads; h++) {
    const float* k = qkv + (a.heads + h) * a.headSize;
    for (int64_t i = 0; i < half; i++) {
      const double c = a.cosine(position, i), s = a.sine(position, i);
      expect(fabs(halfToFloat(a.key(kv, slot, h, position, i)) - (k[i] * c - k[half + i] * s)) < 2e-3, "a stored key is wrong");
      expect(fabs(halfToFloat(a.key(kv, slot, h, position, half + i)) - (k[half + i] * c + k[i] * s)) < 2e-3, "a stored key is wrong");
    }
    for (int64_t d = 0; d < a.headSize; d++) {
      expect(a.value(kv, slot, h, position, d) == floatToHalf(qkv[(a.heads + a.kvHeads + h) * a.headSize + d]), "a stored value is wrong");
    }
  }
}

// Runs of tokens of several slots, given to the operator in random portions, which must not matter.
void testAttention(Random& random, const std::vector<const Path*>& paths) {
  const Attention a(random);
  std::vector<int64_t> length(a.slots);
  for (int64_t& l : length) l = random.chance(20) ? 0 : random.between(1, a.capacity);
  std::vector<Array<float>> inputs;  // [slot][position][width]
  for (int64_t s = 0; s < a.slots; s++) {
    inputs.emplace_back(length[s] * a.width());
    for (int64_t i = 0; i < inputs[s].size; i++) inputs[s][i] = random.uniform();
    // A value that overflows fp16 is infinite for its own token and later ones, and must not touch an earlier one.
    if (length[s] && random.chance(10)) inputs[s][(length[s] - 1) * a.width() + (a.heads + a.kvHeads) * a.headSize] = 1e6f;
  }
  Array<uint16_t> dirty(a.kvSize());
  for (int64_t i = 0; i < dirty.size; i++) dirty[i] = static_cast<uint16_t>(random.next());  // NaNs too: another request's rests

  struct Result {
    Array<uint16_t> kv;
    std::vector<Array<float>> y;
  };
  const auto runInPortions = [&](const Path& path, int64_t longest) {
    Result r{dirty.copy(), {}};
    for (int64_t s = 0; s < a.slots; s++) r.y.emplace_back(length[s] * a.heads * a.headSize);
    std::vector<int64_t> done(a.slots);
    for (;;) {
      std::vector<int32_t> slot, position;
      std::vector<int64_t> order(a.slots);
      for (int64_t s = 0; s < a.slots; s++) order[s] = s;
      for (int64_t s = a.slots - 1; s > 0; s--) std::swap(order[s], order[random.below(s + 1)]);
      bool left = false;
      for (int64_t s : order) {
        const int64_t open = length[s] - done[s], n = open < longest ? open : random.between(0, longest);
        left |= open > 0;
        for (int64_t i = 0; i < n; i++) slot.push_back(static_cast<int32_t>(s)), position.push_back(static_cast<int32_t>(done[s] + i));
        done[s] += n;
      }
      if (!left) break;
      const int64_t n = static_cast<int64_t>(slot.size());
      Array<float> qkv(n * a.width()), y(n * a.heads * a.headSize);
      Array<int32_t> slots(n), positions(n);
      for (int64_t i = 0; i < n; i++) {
        slots[i] = slot[i], positions[i] = position[i];
        memcpy(&qkv[i * a.width()], &inputs[slot[i]][position[i] * a.width()], a.width() * 4);
      }
      const std::string wrong = a.call(path, random.chance(50) ? kBackwards : kThreads, qkv, slots, positions, r.kv, y);
      expect(wrong.empty(), wrong);
      for (int64_t i = 0; i < n; i++) memcpy(&r.y[slot[i]][position[i] * a.heads * a.headSize], &y[i * a.heads * a.headSize], a.heads * a.headSize * 4);
    }
    return r;
  };

  const Result expected = runInPortions(scalarPath, a.capacity);
  for (int64_t s = 0; s < a.slots; s++) {
    for (int64_t p = 0; p + 1 < length[s]; p += 1 + random.below(7)) {
      expectAttention(a, expected.kv, &inputs[s][p * a.width()], s, p, &expected.y[s][p * a.heads * a.headSize]);
    }
  }
  // Nothing but the new positions of this layer may have changed.
  Array<uint16_t> rest = expected.kv.copy();
  for (int64_t s = 0; s < a.slots; s++) {
    for (int64_t h = 0; h < a.kvHeads; h++) {
      for (int64_t p = 0; p < length[s]; p++) {
        for (int64_t d = 0; d < a.headSize; d++) {
          const int64_t head = ((a.layer * a.slots + s) * 2 * a.kvHeads + h) * a.capacity * a.headSize;
          const int64_t k = head + p / 16 * 16 * a.headSize + d * 16 + p % 16;
          const int64_t v = head + a.kvHeads * a.capacity * a.headSize + p * a.headSize + d;
          rest[k] = dirty[k], rest[v] = dirty[v];
        }
      }
    }
  }
  expect(!memcmp(&rest[0], &dirty[0], dirty.size * 2), "KV changed outside of the new positions");
  for (const Path* path : paths) {
    for (int64_t longest : {int64_t{1}, random.between(2, 20)}) {
      const Result r = runInPortions(*path, longest);
      const std::string name = std::string("attention, ") + path->name + ", portions of " + std::to_string(longest);
      for (int64_t s = 0; s < a.slots; s++) expectSame(expected.y[s], r.y[s], name);
      expect(!memcmp(&expected.kv[0], &r.kv[0], r.kv.size * 2), name + ": the KV differs");
    }
  }
}

}  // namespace
