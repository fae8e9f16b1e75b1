// kernel-tests [seeds] [first seed]: random calls, every path against arithmetic written out plainly, and against itself:
// a row alone, in a batch, in another order of tasks. Exits 1 at the first difference and names the seed.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "../src/half.h"
#include "../src/operators.h"

using namespace switchyard;

namespace {

uint64_t seed;

[[noreturn]] void fail(const std::string& what) {
  fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed), what.c_str());
  exit(1);
}

void expect(bool condition, const std::string& what) {
  if (!condition) fail(what);
}

struct Random {
  uint64_t state;
  uint64_t next() {  // splitmix64
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  float uniform() { return static_cast<float>(next() >> 40) * 0x1p-23f - 1.f; }
};

// Exact heap sizes, so that AddressSanitizer sees the first byte too far.
template <class T> struct Array {
  std::unique_ptr<T[]> data;
  int64_t size;
  explicit Array(int64_t n) : data(new T[n]()), size(n) {}
  T& operator[](int64_t i) { return data[i]; }
  const T& operator[](int64_t i) const { return data[i]; }
  Array copy() const {
    Array other(size);
    memcpy(other.data.get(), data.get(), size * sizeof(T));
    return other;
  }
};

template <class T> Tensor tensor(const Array<T>& a, std::initializer_list<int64_t> dims) {
  Tensor t;
  t.data = a.data.get();
  for (int64_t d : dims) t.dims[t.rank++] = d;
  return t;
}

// Tasks run backwards, on three threads, or in order: nothing may depend on it.
void backwards(void*, void (*task)(void*, size_t), size_t count, void* user) {
  for (size_t i = count; i-- > 0;) task(user, i);
}
void threads(void*, void (*task)(void*, size_t), size_t count, void* user) {
  std::thread workers[3];
  for (size_t w = 0; w < 3; w++) {
    workers[w] = std::thread([=] {
      for (size_t i = w; i < count; i += 3) task(user, i);
    });
  }
  for (auto& w : workers) w.join();
}
const ThreadPool kBackwards{backwards, nullptr}, kThreads{threads, nullptr};

// Equal bits, or both NaN.
bool same(float a, float b) { return memcmp(&a, &b, 4) == 0 || (a != a && b != b); }

void expectSame(const Array<float>& a, const Array<float>& b, const std::string& what) {
  for (int64_t i = 0; i < a.size; i++) {
    if (!same(a[i], b[i])) fail(what + ": element " + std::to_string(i) + " is " + std::to_string(b[i]) + ", not " + std::to_string(a[i]));
  }
}

std::vector<const Path*> pathsToTest() {
  std::vector<const Path*> paths;
  for (const Path* const* p = availablePaths(); *p; p++) paths.push_back(*p);
#if defined(__x86_64__)
  // In this program AVX-VNNI is coded for AVX-512 and AMX's tiles are plain C++, so both run wherever AVX-512 does.
  for (const Path* p : {&avxVnniPath, &amxPath}) {
    if (findPath(avx512VnniPath.name) && !findPath(p->name)) paths.push_back(p);
  }
#endif
  return paths;
}

// ---- the linear ---------------------------------------------------------------------------------------------------

// Weights of one column after the other, unpacked.
struct Weights {
  int64_t inputs, columns;
  Format format;
  Array<int> q;         // [column][input]
  Array<uint16_t> d, m;  // [column][block]
  Weights(Random& random, int64_t k, int64_t n, Format f)
      : inputs(k), columns(n), format(f), q(k * n), d(k / kBlock * n), m(k / kBlock * n) {
    for (int64_t i = 0; i < q.size; i++) q[i] = static_cast<int>(random.below(f == Format::q4_1 ? 16 : 256));
    const bool extreme = random.chance(10);  // every product at its largest
    if (extreme) for (int64_t i = 0; i < q.size; i++) q[i] = f == Format::q4_1 ? 15 : 255 * static_cast<int>(random.below(2));
    for (int64_t i = 0; i < d.size; i++) d[i] = floatToHalf(random.uniform() * 0.1f), m[i] = floatToHalf(random.uniform());
  }
  int level(int64_t column, int64_t k) const { return q[column * inputs + k] - (format == Format::q4_1 ? 0 : 128); }
};

void packGroup(const Weights& w, int64_t firstColumn, uint8_t* group) {
  const int64_t blocks = w.inputs / kBlock;
  const bool four = w.format == Format::q4_1;
  uint8_t* scales = group + blocks * (four ? 256 : 512);
  for (int64_t c = 0; c < 16 && firstColumn + c < w.columns; c++) {
    for (int64_t k = 0; k < w.inputs; k++) {
      const int q = w.q[(firstColumn + c) * w.inputs + k];
      const int64_t b = k / 32, i = k % 32;
      if (four) group[b * 256 + i / 8 * 64 + 4 * c + i % 4] |= static_cast<uint8_t>(i % 8 < 4 ? q : q << 4);
      else group[b * 512 + i / 4 * 64 + 4 * c + i % 4] = static_cast<uint8_t>(q);
    }
    for (int64_t b = 0; b < blocks; b++) {
      uint8_t* s = scales + b * (four ? 64 : 32) + 2 * c;
      memcpy(s, &w.d[(firstColumn + c) * blocks + b], 2);
      if (four) memcpy(s + 32, &w.m[(firstColumn + c) * blocks + b], 2);
    }
  }
}

Array<uint8_t> pack(const std::vector<const Weights*>& parts) {
  const int64_t stride = groupBytes(parts[0]->format, parts[0]->inputs), groups = ceilDiv(parts[0]->columns, 16);
  Array<uint8_t> bytes(groups * static_cast<int64_t>(parts.size()) * stride);
  int64_t place = 0;
  for (int64_t g = 0; g < groups; g++) {
    for (const Weights* w : parts) packGroup(*w, g * 16, &bytes[place++ * stride]);
  }
  return bytes;
}

// The finite inputs of largest magnitude.
std::vector<int64_t> plainOutliers(const float* x, int64_t inputs) {
  std::vector<int64_t> places;
  for (int64_t k = 0; k < inputs; k++) if (isfinite(x[k])) places.push_back(k);
  std::stable_sort(places.begin(), places.end(), [&](int64_t a, int64_t b) { return fabsf(x[a]) > fabsf(x[b]); });
  places.resize(kOutliers);  // too few are finite only where the result is NaN anyway
  return places;
}

// y of one row and one column, in the order that linear_kernels.h promises.
float plainProduct(const float* x, const Weights& w, int64_t column) {
  const std::vector<int64_t> outliers = plainOutliers(x, w.inputs);
  std::vector<float> rest(x, x + w.inputs);
  for (int64_t k : outliers) rest[k] = 0;
  std::vector<float> kept(w.inputs / kBlock);
  float y = 0, products = 0;
  for (int64_t k : outliers) {
    kept[k / kBlock] += x[k];
    products = fmaf(static_cast<float>(w.level(column, k)), halfToFloat(w.d[column * (w.inputs / kBlock) + k / kBlock]) * x[k], products);
  }
  for (int64_t b = 0; b < w.inputs / kBlock; b++) {
    float largest = 0;
    bool finite = true;
    for (int i = 0; i < 32; i++) {
      finite &= isfinite(rest[b * 32 + i]) != 0;
      largest = fmaxf(largest, fabsf(rest[b * 32 + i]));
    }
    const bool zero = finite && largest < 1e-30f;
    const float scale = zero ? 0.f : finite ? largest / 127.f : NAN;
    int64_t dot = 0, sum = 0;
    for (int i = 0; i < 32; i++) {
      const int64_t q = zero || !finite ? 0 : lrintf(rest[b * 32 + i] * (127.f / largest));
      dot += q * w.level(column, b * 32 + i);
      sum += q;
    }
    const int64_t place = column * (w.inputs / kBlock) + b;
    y = fmaf(static_cast<float>(dot), halfToFloat(w.d[place]) * scale, y);
    if (w.format == Format::q4_1) y = fmaf(halfToFloat(w.m[place]), scale * static_cast<float>(sum) + kept[b], y);
  }
  return y + products;
}

float foldLanes(float* lanes) {
  for (int half = 8; half; half /= 2) {
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

struct Adapters {
  int64_t slots, capacity, targets, columns, firstColumn, totalWidth = 0;
  std::vector<int64_t> widths;
  Array<int32_t> ranks, rowSlots;
  Array<uint16_t> a, b;

  static int64_t sum(const std::vector<int64_t>& v) {
    int64_t s = 0;
    for (int64_t x : v) s += x;
    return s;
  }
  Adapters(Random& random, int64_t rows, int64_t inputs, const std::vector<int64_t>& w)
      : slots(random.between(1, 4)), capacity(random.between(1, 17)), targets(static_cast<int64_t>(w.size())),
        columns(targets + random.below(3)), firstColumn(random.below(columns - targets + 1)), totalWidth(sum(w)), widths(w),
        ranks(slots * columns), rowSlots(rows), a(slots * targets * capacity * inputs), b(slots * capacity * totalWidth) {
    for (int64_t i = 0; i < ranks.size; i++) ranks[i] = random.chance(15) ? 0 : static_cast<int32_t>(random.between(0, capacity));
    for (int64_t i = 0; i < rows; i++) {
      rowSlots[i] = i && random.chance(50) ? rowSlots[i - 1] : static_cast<int32_t>(random.between(-1, slots - 1));
    }
    // What lies behind the panels must never be read: it stays NaN.
    for (int64_t i = 0; i < a.size; i++) a[i] = 0x7e00;
    for (int64_t i = 0; i < b.size; i++) b[i] = 0x7e00;
    for (int64_t s = 0; s < slots; s++) {
      for (int64_t t = 0, before = 0; t < targets; before += widths[t++]) {
        const int64_t r = ranks[s * columns + firstColumn + t];
        for (int64_t i = 0; i < r * inputs; i++) a[(s * targets + t) * capacity * inputs + i] = floatToHalf(random.uniform());
        for (int64_t i = 0; i < r * widths[t]; i++) b[(s * totalWidth + before) * capacity + i] = floatToHalf(random.uniform());
      }
    }
  }
  // What the adapter adds to column c of target t, on top of y.
  float add(float y, int64_t row, const float* x, int64_t inputs, int64_t t, int64_t c) const {
    const int64_t s = rowSlots[row];
    if (s < 0) return y;
    const int64_t r = ranks[s * columns + firstColumn + t];
    int64_t before = 0;
    for (int64_t i = 0; i < t; i++) before += widths[i];
    for (int64_t i = 0; i < r; i++) {
      float lanes[16] = {};
      for (int64_t k = 0; k < inputs; k++) {
        const float av = halfToFloat(a[(s * targets + t) * capacity * inputs + (k / 16 * r + i) * 16 + k % 16]);
        lanes[k % 16] = fmaf(x[k], av, lanes[k % 16]);
      }
      y = fmaf(foldLanes(lanes), halfToFloat(b[(s * totalWidth + before) * capacity + (c / 16 * r + i) * 16 + c % 16]), y);
    }
    return y;
  }
};

Array<float> activations(Random& random, int64_t rows, int64_t inputs) {
  Array<float> x(rows * inputs);
  for (int64_t i = 0; i < x.size; i++) x[i] = random.uniform() * (random.chance(3) ? 30.f : 1.f);
  for (int64_t row = 0; row < rows; row++) {
    float* block = &x[row * inputs + random.below(inputs / 32) * 32];
    if (random.chance(20)) for (int i = 0; i < 32; i++) block[i] = 0;
    if (random.chance(20)) for (int i = 0; i < 32; i++) block[i] = i % 2 ? 30.f : -30.f;  // more equals than outliers
    if (random.chance(10)) for (int i = 0; i < 32; i++) block[i] *= 1e-36f;
    if (random.chance(5)) block[random.below(32)] = random.chance(50) ? NAN : INFINITY;
  }
  return x;
}

void testLinear(Random& random, const std::vector<const Path*>& paths) {
  const bool big = random.chance(15);  // enough work to be cut into tasks
  const int64_t rows = random.between(1, big ? 40 : 18), inputs = 32 * random.between(1, big ? 9 : 5);
  const Format format = random.chance(60) ? Format::q4_1 : Format::q8_0;
  const bool gated = random.chance(30), withLora = random.chance(60), fetchAhead = random.chance(50);
  std::vector<int64_t> widths;
  for (int64_t t = gated ? 2 : random.between(1, 3); t > 0; t--) widths.push_back(16 * random.between(1, big ? 20 : 3));
  if (gated) widths[1] = widths[0];
  const int64_t outputs = gated ? widths[0] : withLora ? Adapters::sum(widths) : random.between(1, big ? 700 : 70);
  const int64_t columns = gated && !withLora ? random.between(1, 70) : outputs;

  const Weights first(random, inputs, columns, format), second(random, inputs, columns, format);
  const Array<uint8_t> packed = gated ? pack({&first, &second}) : pack({&first});
  const Array<float> x = activations(random, rows, inputs);
  Adapters lora(random, rows, inputs, widths);
  QuantizedLinear op{inputs, columns, format, gated, withLora ? static_cast<int>(widths.size()) : 0, {}, lora.firstColumn, lora.firstColumn};
  for (size_t t = 0; withLora && t < widths.size(); t++) op.widths[t] = widths[t];
  expect(op.checkAttributes().empty(), op.checkAttributes());

  const auto run = [&](const Path& path, const ThreadPool& pool, int64_t row, int64_t count) {
    Array<float> y(count * columns);
    Tensor xs = tensor(x, {count, inputs}), slots = tensor(lora.rowSlots, {count});
    xs.data = const_cast<float*>(&x[row * inputs]);
    slots.data = &lora.rowSlots[row];
    LoraInputs in;
    if (withLora) {
      in = {slots, tensor(lora.ranks, {lora.slots, lora.columns}), tensor(lora.a, {lora.slots, lora.targets, lora.capacity, inputs}),
            tensor(lora.b, {lora.slots, lora.capacity, lora.totalWidth}), {}};
      if (fetchAhead) in.nextA = in.a;
    }
    const std::string wrong = op.run(path, pool, xs, tensor(packed, {packed.size}), in, &y[0]);
    expect(wrong.empty(), wrong);
    return y;
  };

  const Array<float> expected = run(scalarPath, kBackwards, 0, rows);
  for (int64_t row = 0; row < rows; row++) {
    const float* xr = &x[row * inputs];
    for (int64_t c = 0, target = 0, before = 0; c < columns; c++) {
      if (withLora && !gated && c == before + widths[target]) before += widths[target++];
      float y = plainProduct(xr, first, c);
      if (withLora) y = lora.add(y, row, xr, inputs, target, c - before);
      if (gated) {
        float up = plainProduct(xr, second, c);
        if (withLora) up = lora.add(up, row, xr, inputs, 1, c);
        const double exact = static_cast<double>(y) * up / (1 + exp(-static_cast<double>(y)));
        const float got = expected[row * columns + c];
        // Below -86 the exponential is clamped; what is left of the gate there is under 1e-35.
        expect(isnan(exact) ? isnan(got) : fabs(got - exact) <= 4e-7 * fabs(exact) + 1e-34 * fabs(up), "silu(gate) * up is " + std::to_string(got) + ", not " + std::to_string(exact));
      } else {
        expect(same(y, expected[row * columns + c]), "the scalar path is not the plain product at row " + std::to_string(row) + ", column " + std::to_string(c));
      }
    }
  }
  for (const Path* path : paths) {
    const std::string name = std::string("linear, ") + path->name;
    expectSame(expected, run(*path, random.chance(50) ? kBackwards : kThreads, 0, rows), name);
    const int64_t row = random.below(rows), count = random.between(1, rows - row);
    const Array<float> part = run(*path, kBackwards, row, count);
    for (int64_t i = 0; i < part.size; i++) expect(same(part[i], expected[row * columns + i]), name + ": rows alone differ from rows in a batch");
  }
}

// ---- attention ----------------------------------------------------------------------------------------------------

struct Attention {
  int64_t layers, layer, heads, kvHeads, headSize, slots, capacity;
  bool packed;
  Array<float> cosines, sines;
  explicit Attention(Random& random)
      : layers(random.between(1, 2)), layer(random.below(layers)), heads(0), kvHeads(random.between(1, 3)),
        headSize(16 * (random.chance(60) ? random.between(1, 5) : random.between(6, 16))), slots(random.between(1, 5)),
        capacity(16 * random.between(1, 6)), packed(random.chance(70)), cosines(capacity * headSize / 2), sines(capacity * headSize / 2) {
    heads = kvHeads * random.between(1, random.chance(80) ? 4 : 14);
    for (int64_t i = 0; i < cosines.size; i++) {
      const double angle = static_cast<double>(i / (headSize / 2)) * pow(10000, -2.0 * static_cast<double>(i % (headSize / 2)) / static_cast<double>(headSize));
      cosines[i] = static_cast<float>(cos(angle)), sines[i] = static_cast<float>(sin(angle));
    }
  }
  int64_t kvSize() const { return layers * slots * 2 * kvHeads * capacity * headSize; }
  int64_t width() const { return (heads + 2 * kvHeads) * headSize; }
  SlotAttention op() const { return {layer, heads, kvHeads, static_cast<float>(1 / sqrt(static_cast<double>(headSize)))}; }

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
  const int64_t half = a.headSize / 2;
  for (int64_t h = 0; h < a.heads; h++) {
    const int64_t kvHead = h / (a.heads / a.kvHeads);
    std::vector<double> q(a.headSize), weight(position + 1);
    for (int64_t i = 0; i < half; i++) {
      const double c = a.cosines[position * half + i], s = a.sines[position * half + i], x = qkv[h * a.headSize + i], z = qkv[h * a.headSize + half + i];
      q[i] = x * c - z * s, q[half + i] = z * c + x * s;
    }
    double largest = -1e300, sum = 0;
    for (int64_t k = 0; k <= position; k++) {
      double dot = 0;
      for (int64_t d = 0; d < a.headSize; d++) dot += q[d] * halfToFloat(a.key(kv, slot, kvHead, k, d));
      weight[k] = dot / sqrt(static_cast<double>(a.headSize));
      largest = fmax(largest, weight[k]);
    }
    for (double& w : weight) sum += w = exp(w - largest);
    for (int64_t d = 0; d < a.headSize; d++) {
      double v = 0;
      for (int64_t k = 0; k <= position; k++) v += weight[k] / sum * halfToFloat(a.value(kv, slot, kvHead, k, d));
      expect(fabs(v - y[h * a.headSize + d]) < 2e-5, "attention is " + std::to_string(y[h * a.headSize + d]) + ", not " + std::to_string(v));
    }
  }
  for (int64_t h = 0; h < a.kvHeads; h++) {
    const float* k = qkv + (a.heads + h) * a.headSize;
    for (int64_t i = 0; i < half; i++) {
      const double c = a.cosines[position * half + i], s = a.sines[position * half + i];
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

// ---- what must be refused -----------------------------------------------------------------------------------------

void testRefusals(Random& random) {
  const Attention a(random);
  Array<uint16_t> kv(a.kvSize());
  const auto refused = [&](const char* what, std::initializer_list<int32_t> slots, std::initializer_list<int32_t> positions) {
    const int64_t n = static_cast<int64_t>(slots.size());
    Array<int32_t> s(n), p(n);
    for (int64_t i = 0; i < n; i++) s[i] = slots.begin()[i], p[i] = positions.begin()[i];
    Array<float> qkv(n * a.width()), y(n * a.heads * a.headSize);
    for (int64_t i = 0; i < qkv.size; i++) qkv[i] = 1;
    expect(!a.call(*availablePaths()[0], kThreads, qkv, s, p, kv, y).empty(), std::string("accepted ") + what);
    for (int64_t i = 0; i < kv.size; i++) expect(kv[i] == 0, std::string("wrote KV although it refused ") + what);
    for (int64_t i = 0; i < y.size; i++) expect(y[i] == 0, std::string("wrote y although it refused ") + what);
  };
  const auto slots = static_cast<int32_t>(a.slots), capacity = static_cast<int32_t>(a.capacity);
  refused("a slot past the end", {0, slots}, {0, 0});
  refused("a negative slot", {0, -1}, {0, 0});
  refused("a position past the end", {0}, {capacity});
  refused("a negative position", {0}, {-1});
  refused("a gap in a slot's positions", {0, 0}, {0, 2});
  refused("a position twice", {0, 0}, {1, 1});
  if (slots > 1) refused("a slot in two places", {0, 1, 0}, {0, 0, 1});

  const int64_t inputs = 64, outputs = 48, rows = 3;
  const Weights weights(random, inputs, outputs, Format::q4_1);
  const Array<uint8_t> packed = pack({&weights});
  const Array<float> x = activations(random, rows, inputs);
  const QuantizedLinear op{inputs, outputs, Format::q4_1, false, 2, {16, 32}, 1, 0};
  Array<int32_t> rowSlots(rows), ranks(2 * 3);
  Array<uint16_t> la(2 * 2 * 4 * inputs), lb(2 * 4 * outputs);
  const auto attempt = [&](const char* what, bool accepted, int64_t xColumns, int64_t bytes, int64_t slotCount, int64_t rankColumns,
                           int64_t aRank, int64_t bRank) {
    Array<float> y(rows * outputs);
    const std::string wrong = op.run(*availablePaths()[0], kBackwards, tensor(x, {rows, xColumns}), tensor(packed, {bytes}),
                                     {tensor(rowSlots, {slotCount}), tensor(ranks, {2, rankColumns}), tensor(la, {2, 2, aRank, inputs}),
                                      tensor(lb, {2, bRank, outputs}), {}}, &y[0]);
    expect(wrong.empty() == accepted, accepted ? wrong : std::string("accepted ") + what);
    for (int64_t i = 0; !accepted && i < y.size; i++) expect(y[i] == 0, std::string("wrote y although it refused ") + what);
  };
  attempt("a right call", true, inputs, packed.size, rows, 3, 4, 4);
  attempt("x too narrow", false, inputs - 32, packed.size, rows, 3, 4, 4);
  attempt("weights too short", false, inputs, packed.size - 1, rows, 3, 4, 4);
  attempt("too few row slots", false, inputs, packed.size, rows - 1, 3, 4, 4);
  attempt("too few rank columns", false, inputs, packed.size, rows, 2, 4, 4);
  attempt("banks of different capacity", false, inputs, packed.size, rows, 3, 4, 3);
  ranks[1] = 5;
  attempt("a rank above the capacity", false, inputs, packed.size, rows, 3, 4, 4);
  ranks[1] = -1;
  attempt("a negative rank", false, inputs, packed.size, rows, 3, 4, 4);
  ranks[1] = 4;
  rowSlots[2] = 2;
  attempt("a bank slot past the end", false, inputs, packed.size, rows, 3, 4, 4);
  rowSlots[2] = -2;
  attempt("a bank slot below -1", false, inputs, packed.size, rows, 3, 4, 4);
  for (const QuantizedLinear& bad : {QuantizedLinear{48, 16, Format::q4_1, false, 0, {}, 0, 0}, QuantizedLinear{32, 0, Format::q4_1, false, 0, {}, 0, 0},
                                     QuantizedLinear{32, 32, Format::q4_1, false, 1, {16}, 0, 0}, QuantizedLinear{32, 16, Format::q4_1, true, 1, {16}, 0, 0},
                                     QuantizedLinear{32, 24, Format::q4_1, false, 1, {24}, 0, 0}}) {
    expect(!bad.checkAttributes().empty(), "accepted bad attributes of a linear");
  }
  for (const SlotAttention& bad : {SlotAttention{0, 4, 3, 1}, SlotAttention{-1, 1, 1, 1}, SlotAttention{0, 0, 0, 1}, SlotAttention{0, 1, 1, NAN}}) {
    expect(!bad.checkAttributes().empty(), "accepted bad attributes of an attention");
  }
}

void testHalves() {
  for (uint32_t h = 0; h < 65536; h++) {
    const auto half = static_cast<uint16_t>(h);
    const float f = halfToFloat(half);
    if (f != f) continue;
    expect(floatToHalf(f) == half, "fp16 does not survive a round trip");
    // Halfway to the next number the even one wins; a little beyond, the next.
    const float next = halfToFloat(static_cast<uint16_t>(half + 1));
    if ((half & 0x7fff) >= 0x7bff) continue;
    const float middle = f + (next - f) / 2;
    expect(floatToHalf(middle) == (half & 1 ? half + 1 : half), "a tie does not go to the even fp16");
    expect(floatToHalf(nextafterf(middle, next)) == half + 1, "fp16 is not rounded to nearest");
    expect(floatToHalf(nextafterf(middle, f)) == half, "fp16 is not rounded to nearest");
  }
  expect(floatToHalf(65519.f) == 0x7bff && floatToHalf(65520.f) == 0x7c00 && floatToHalf(-1e9f) == 0xfc00, "fp16 overflow");
}

}  // namespace

int main(int count, char** arguments) {
  const uint64_t seeds = count > 1 ? strtoull(arguments[1], nullptr, 10) : 200, first = count > 2 ? strtoull(arguments[2], nullptr, 10) : 1;
  const std::vector<const Path*> paths = pathsToTest();
  testHalves();
  for (seed = first; seed < first + seeds; seed++) {
    Random random{seed};
    testLinear(random, paths);
    testAttention(random, paths);
    testRefusals(random);
  }
  printf("%llu seeds, paths:", static_cast<unsigned long long>(seeds));
  for (const Path* p : paths) printf(" %s", p->name);
  printf("\n");
}
