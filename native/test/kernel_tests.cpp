// kernel-tests [seeds] [first seed]: random calls, every path against arithmetic written out plainly, and against itself:
// a row alone, in a batch, in another order of tasks. Exits 1 at the first difference and names the seed.
#include "attention_tests.h"
#include "encoder_tests.h"
#include "linear_tests.h"
#include "moving_tests.h"
#include "vocabulary_tests.h"

namespace {

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
  attempt("an adapter in two bank slots", true, inputs, packed.size, rows, 3, 4, 4);
  ranks[1] = 9;
  attempt("an adapter that is larger than the bank", false, inputs, packed.size, rows, 3, 4, 4);
  ranks[1] = 4, ranks[3] = 5, rowSlots[2] = 1;
  attempt("an adapter that ends behind the bank", false, inputs, packed.size, rows, 3, 4, 4);
  ranks[3] = 0, rowSlots[2] = 0;
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

void testSelfTest(const std::vector<const Path*>& paths) {
  for (const Path* path : paths) expect(selfTest(*path).empty(), std::string(path->name) + ": " + selfTest(*path));
  const auto found = [](const char* what, const char* named, const auto& breakIt) {
    Path broken = scalarPath;
    breakIt(broken);
    expect(selfTest(broken).find(named) == 0, std::string("the self-test does not see ") + what);
  };
  found("a wrong product", "a linear", [](Path& p) {
    p.product = [](const LinearTask& t, int64_t begin, int64_t end) {
      scalarPath.product(t, begin, end);
      if (t.format == Format::q6 && t.rows > kMaxTileRows) t.y[t.outputs - 1] = nextafterf(t.y[t.outputs - 1], 1e9f);
    };
  });
  found("a wrong vector", "the sentence encoder", [](Path& p) {
    p.encode = [](const EncoderTask& t) {
      scalarPath.encode(t);
      t.vectors[0] = nextafterf(t.vectors[0], 1e9f);
    };
  });
  found("a wrong key", "attention", [](Path& p) {
    p.storeTokens = [](const AttentionTask& t, const AttentionTile& tile, int kvHead) {
      scalarPath.storeTokens(t, tile, kvHead);
      t.kv[0] = 0x3c00;
    };
  });
}

}  // namespace

int main(int count, char** arguments) {
  const uint64_t seeds = count > 1 ? strtoull(arguments[1], nullptr, 10) : 200, first = count > 2 ? strtoull(arguments[2], nullptr, 10) : 1;
  const std::vector<const Path*> paths = pathsToTest();
  testHalves();
  testSelfTest(paths);
  for (seed = first; seed < first + seeds; seed++) {
    Random random{seed};
    testLinear(random, paths);
    testAttention(random, paths);
    testEncoder(random, paths);
    testMoving(random, paths);
    testRefusals(random);
    testVocabulary(random, paths);
  }
  printf("%llu seeds, paths:", static_cast<unsigned long long>(seeds));
  for (const Path* p : paths) printf(" %s", p->name);
  printf("\n");
}
