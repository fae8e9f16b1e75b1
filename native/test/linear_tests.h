// The linear against arithmetic written out plainly, and every path and split of a call against the scalar path.
#pragma once
#include "support.h"

namespace {

constexpr Format kFormats[] = {Format::q2,   Format::q3,   Format::q4_0, Format::q4_1, Format::iq4,
                               Format::q5_0, Format::q5_1, Format::q6,   Format::q8_0};
int bitsOf(Format f) {
  if (f == Format::q2 || f == Format::q3) return f == Format::q2 ? 2 : 3;
  if (f == Format::q4_0 || f == Format::q4_1 || f == Format::iq4) return 4;
  return f == Format::q5_0 || f == Format::q5_1 ? 5 : f == Format::q6 ? 6 : 8;
}
// As ggml-common.h has them.
constexpr int kIq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
int64_t blockOf(Format f) { return f == Format::q2 || f == Format::q3 || f == Format::q6 ? 16 : 32; }
int64_t commonOf(Format f) { return f == Format::q2 ? 256 : blockOf(f); }
int64_t codedOf(Format f) { return f == Format::q6 ? 16 : 32; }

// Weights of one column after the other, unpacked.
struct Weights {
  int64_t inputs, columns, block;
  Format format;
  Array<int> q;         // [column][input]
  Array<uint16_t> d, m;  // [column][block]; of q2 [column][16 blocks]
  Array<int> factors;    // of q2: [column][block], scale and minimum in four bits each
  Weights(Random& random, int64_t k, int64_t n, Format f)
      : inputs(k), columns(n), block(blockOf(f)), format(f), q(k * n), d(k / commonOf(f) * n), m(k / commonOf(f) * n), factors(k / block * n) {
    const int top = (1 << bitsOf(f)) - 1;
    for (int64_t i = 0; i < q.size; i++) q[i] = static_cast<int>(random.below(top + 1));
    const bool extreme = random.chance(10);  // every product at its largest
    if (extreme) for (int64_t i = 0; i < q.size; i++) q[i] = hasMinimum(f) ? top : top * static_cast<int>(random.below(2));
    for (int64_t i = 0; i < d.size; i++) d[i] = floatToHalf(random.uniform() * 0.1f), m[i] = floatToHalf(random.uniform());
    for (int64_t i = 0; i < factors.size; i++) factors[i] = static_cast<int>(random.below(256));
  }
  float scale(int64_t column, int64_t b) const { return folded(d, column, b, 0); }
  float minimum(int64_t column, int64_t b) const { return folded(m, column, b, 4); }
  int level(int64_t column, int64_t k) const {
    const int code = q[column * inputs + k];
    if (format == Format::iq4) return kIq4[code];
    return code - (hasMinimum(format) ? 0 : 1 << (bitsOf(format) - 1));
  }

 private:
  float folded(const Array<uint16_t>& of, int64_t column, int64_t b, int shift) const {
    const float value = halfToFloat(of[column * (inputs / commonOf(format)) + b * block / commonOf(format)]);
    return format == Format::q2 ? value * static_cast<float>(factors[column * (inputs / block) + b] >> shift & 15) : value;
  }
};

// Puts four bytes a step into the vectors of a block or two, code by code, as layout.h draws it.
void packCode(Format f, uint8_t* block, int64_t step, int64_t byte, int q) {
  const auto put = [&](int64_t vector, int bits) { block[vector * 64 + byte] |= static_cast<uint8_t>(bits); };
  if (f == Format::q2) {
    put(step / 4, q << (6 - step % 4 * 2));
  } else if (f == Format::q3) {
    if (step < 6) put(step / 2, q << (step % 2 ? 2 : 5));
    else if (step == 6) put(0, q >> 1), put(1, (q & 1) << 1);
    else put(2, q >> 1), put(1, q & 1);
  } else if (bitsOf(f) == 4) {
    put(step / 2, step % 2 ? q << 4 : q);
  } else if (f == Format::q8_0) {
    put(step, q);
  } else if (f == Format::q5_0 || f == Format::q5_1) {
    if (step < 5) put(step, q << 3);
    else {
      put(step - 5, q >> 2);
      if (step < 7) put(step - 2, q & 3);
      else put(3, (q >> 1 & 1) << 2), put(4, (q & 1) << 2);
    }
  } else {
    if (step < 3) put(step, q << 2);
    else put(0, q >> 4), put(1, q >> 2 & 3), put(2, q & 3);
  }
}

void packGroup(const Weights& w, int64_t firstColumn, uint8_t* group) {
  const int64_t blocks = w.inputs / w.block;
  const Packing form = packing(w.format);
  const int64_t coded = codedOf(w.format);
  uint8_t* scales = group + w.inputs / coded * form.codedBytes();
  for (int64_t c = 0; c < 16 && firstColumn + c < w.columns; c++) {
    for (int64_t k = 0; k < w.inputs; k++) {
      const int64_t i = k % coded;
      packCode(w.format, group + k / coded * form.codedBytes(), i / 4, 4 * c + i % 4, w.q[(firstColumn + c) * w.inputs + k]);
    }
    const bool q2 = w.format == Format::q2;
    const int64_t commons = w.inputs / commonOf(w.format);
    for (int64_t b = 0; b < commons; b++) {
      uint8_t* s = scales + (q2 ? b * 320 + 256 : b * form.scaleBytes) + 2 * c;
      memcpy(s, &w.d[(firstColumn + c) * commons + b], 2);
      if (hasMinimum(w.format)) memcpy(s + 32, &w.m[(firstColumn + c) * commons + b], 2);
    }
    for (int64_t b = 0; q2 && b < blocks; b++) {
      scales[b / 16 * 320 + b % 16 / 4 * 64 + 4 * c + b % 4] = static_cast<uint8_t>(w.factors[(firstColumn + c) * blocks + b]);
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
  const int64_t blocks = w.inputs / w.block;
  const float unit = packing(w.format).unit;  // a power of two: it shows only where numbers are too small to be exact
  std::vector<float> kept(blocks);
  float y = 0, products = 0;
  for (int64_t k : outliers) {
    kept[k / w.block] += x[k];
    products = fmaf(static_cast<float>(w.level(column, k)) / unit, w.scale(column, k / w.block) * (x[k] * unit), products);
  }
  for (int64_t b = 0; b < blocks; b++) {
    const float* part = &rest[b * w.block];
    float largest = 0;
    bool finite = true;
    for (int64_t i = 0; i < w.block; i++) {
      finite &= isfinite(part[i]) != 0;
      largest = fmaxf(largest, fabsf(part[i]));
    }
    const bool zero = finite && largest < 1e-30f;
    const float scale = zero ? 0.f : finite ? largest / 127.f : NAN;
    int64_t dot = 0, sum = 0;
    for (int64_t i = 0; i < w.block; i++) {
      const int64_t q = zero || !finite ? 0 : lrintf(part[i] * (127.f / largest));
      dot += q * w.level(column, b * w.block + i);
      sum += q;
    }
    y = fmaf(static_cast<float>(dot) / unit, w.scale(column, b) * (scale * unit), y);
    if (hasMinimum(w.format)) y = fmaf(w.minimum(column, b), scale * static_cast<float>(sum) + kept[b], y);
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
  std::vector<int64_t> firsts;  // slots at which an adapter begins
  Array<uint16_t> a, b;

  static int64_t sum(const std::vector<int64_t>& v) {
    int64_t s = 0;
    for (int64_t x : v) s += x;
    return s;
  }
  Adapters(Random& random, int64_t rows, int64_t inputs, const std::vector<int64_t>& w)
      : slots(random.between(1, 6)), capacity(random.between(1, 17)), targets(static_cast<int64_t>(w.size())),
        columns(targets + random.below(3)), firstColumn(random.below(columns - targets + 1)), totalWidth(sum(w)), widths(w),
        ranks(slots * columns), rowSlots(rows), a(slots * targets * capacity * inputs), b(slots * capacity * totalWidth) {
    for (int64_t s = 0; s < slots; s += rowsOf(s) / capacity) {
      const int64_t most = capacity * random.between(1, random.chance(50) ? slots - s : 1);
      for (int64_t c = 0; c < columns; c++) ranks[s * columns + c] = random.chance(15) ? 0 : static_cast<int32_t>(random.between(0, most));
      firsts.push_back(s);
    }
    for (int64_t i = 0; i < rows; i++) {
      const int64_t pick = random.between(-1, static_cast<int64_t>(firsts.size()) - 1);
      rowSlots[i] = i && random.chance(50) ? rowSlots[i - 1] : pick < 0 ? -1 : static_cast<int32_t>(firsts[pick]);
    }
    // What lies behind the panels must never be read: it stays NaN.
    for (int64_t i = 0; i < a.size; i++) a[i] = 0x7e00;
    for (int64_t i = 0; i < b.size; i++) b[i] = 0x7e00;
    for (int64_t s : firsts) {
      for (int64_t t = 0, before = 0; t < targets; before += widths[t++]) {
        const int64_t r = ranks[s * columns + firstColumn + t];
        for (int64_t i = 0; i < r * inputs; i++) a[placeOfA(s, t, inputs) + i] = floatToHalf(random.uniform());
        for (int64_t i = 0; i < r * widths[t]; i++) b[placeOfB(s, before) + i] = floatToHalf(random.uniform());
      }
    }
  }
  // Of each target of the adapter that begins at slot s.
  int64_t rowsOf(int64_t s) const {
    int64_t largest = 1;
    for (int64_t c = 0; c < columns; c++) largest = std::max<int64_t>(largest, ranks[s * columns + c]);
    return ceilDiv(largest, capacity) * capacity;
  }
  int64_t placeOfA(int64_t s, int64_t t, int64_t inputs) const { return (s * capacity * targets + t * rowsOf(s)) * inputs; }
  int64_t placeOfB(int64_t s, int64_t before) const { return s * capacity * totalWidth + before * rowsOf(s); }
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
        const float av = halfToFloat(a[placeOfA(s, t, inputs) + (k / 16 * r + i) * 16 + k % 16]);
        lanes[k % 16] = fmaf(x[k], av, lanes[k % 16]);
      }
      y = fmaf(foldLanes(lanes), halfToFloat(b[placeOfB(s, before) + (c / 16 * r + i) * 16 + c % 16]), y);
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
  const Format format = kFormats[random.below(std::size(kFormats))];
  const int64_t unit = format == Format::q2 ? 256 : 32;
  const int64_t rows = random.between(1, big ? 40 : 18), inputs = unit * random.between(1, (big ? 288 : 160) / unit + (unit > 32));
  const bool gated = random.chance(30), withLora = random.chance(60), fetchAhead = random.chance(50), apart = random.chance(30);
  std::vector<int64_t> widths;
  for (int64_t t = gated ? 2 : random.between(1, 3); t > 0; t--) widths.push_back(16 * random.between(1, big ? 20 : 3));
  if (gated) widths[1] = widths[0];
  // Some targets of an operator whose other targets are operators of their own.
  const int64_t all = static_cast<int64_t>(widths.size()), from = apart && !gated ? random.below(all) : 0, own = apart && !gated ? random.between(1, all - from) : all;
  const std::vector<int64_t> ownWidths(widths.begin() + from, widths.begin() + from + own);
  const int64_t outputs = gated ? widths[0] : withLora ? Adapters::sum(ownWidths) : random.between(1, big ? 700 : 70);
  const int64_t columns = gated && !withLora ? random.between(1, 70) : outputs;

  const Weights first(random, inputs, columns, format), second(random, inputs, columns, format);
  const Array<uint8_t> packed = gated ? pack({&first, &second}) : pack({&first});
  const Array<float> x = activations(random, rows, inputs);
  Adapters lora(random, rows, inputs, widths);
  QuantizedLinear op{inputs, columns, format, gated, withLora ? static_cast<int>(widths.size()) : 0, {}, lora.firstColumn, lora.firstColumn};
  for (size_t t = 0; withLora && t < widths.size(); t++) op.widths[t] = widths[t];
  if (withLora && own < all) op.firstTarget = from, op.ownTargets = own;
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
      if (withLora && !gated && c == before + ownWidths[target]) before += ownWidths[target++];
      float y = plainProduct(xr, first, c);
      if (withLora) y = lora.add(y, row, xr, inputs, from + target, c - before);
      if (gated) {
        float up = plainProduct(xr, second, c);
        if (withLora) up = lora.add(up, row, xr, inputs, 1, c);
        const double exact = static_cast<double>(y) * up / (1 + exp(-static_cast<double>(y)));
        const float got = expected[row * columns + c];
        // Below -86 the exponential is clamped; what is left of the gate there is under 1e-35.
        expect(isnan(exact) ? isnan(got) : fabs(got - exact) <= 4e-7 * fabs(exact) + 1e-34 * fabs(up) + 1e-37, "silu(gate) * up is " + std::to_string(got) + ", not " + std::to_string(exact));
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

}  // namespace
