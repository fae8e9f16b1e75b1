// What the tests are made with: a repeatable generator, exact heap sizes, pools that order tasks differently, the paths.
#pragma once
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

}  // namespace
