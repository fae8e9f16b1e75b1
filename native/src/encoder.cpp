// A sentence encoder's file, and calls over it. One call is one thread's work: texts have nothing to do with each other,
// so that more cores mean more calls at a time.
//
// The file: a header of 64 bytes (below), then in this order, each from a multiple of 64 bytes on:
//   words int8 [vocabulary][hidden], their scales f32 [vocabulary], positionRows f32 [positions][hidden] (a position's row
//   and that of the first token type together), gamma, beta of the first norm; for each layer qkv (q | k | v), o,
//   gamma, beta, up, down, gamma, beta. A linear is its codes, scales and biases, see encoder.h.
#include <string.h>

#include <memory>
#include <thread>

#include "operators.h"

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace switchyard {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int32_t kMagic = 0x31454453;  // "SDE1"
constexpr int64_t kMaxRows = 1 << 20;

struct Header {
  int32_t magic, layers, hidden, heads, mlp, vocabulary, positions, pooling;
  float epsilon;
  int32_t unused[7];
};
static_assert(sizeof(Header) == kAlignment, "the header fills its place");

// Hands out the parts of a file in order; past its end it counts on, and the total tells.
class Parts {
 public:
  explicit Parts(const void* start) : start_(reinterpret_cast<uintptr_t>(start)) {}
  template <class T> const T* take(int64_t count) {
    const uintptr_t place = start_ + static_cast<uintptr_t>(used_);
    used_ += ceilDiv(count * static_cast<int64_t>(sizeof(T)), kAlignment) * kAlignment;
    return reinterpret_cast<const T*>(place);
  }
  EncoderLinear linear(int64_t inputs, int64_t outputs) {
    const auto* codes = take<uint8_t>(inputs * outputs);
    const auto* scales = take<float>(outputs);
    return {codes, scales, take<float>(outputs), inputs, outputs};
  }
  EncoderNorm norm(int64_t columns) {
    const auto* gamma = take<float>(columns);
    return {gamma, take<float>(columns)};
  }
  int64_t used() const { return used_; }

 private:
  uintptr_t start_;  // no pointer: sizes are counted before there is memory
  int64_t used_ = kAlignment;
};

bool isSize(int64_t n, int64_t multiple, int64_t limit) { return n > 0 && n % multiple == 0 && n <= limit; }

// Behind everything that waits for an answer.
void stepBack() {
#if defined(__linux__)
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 10);
#endif
}

}  // namespace

std::string SentenceEncoder::open(const uint8_t* bytes, int64_t length) {
  Header h;
  if (length < kAlignment || reinterpret_cast<uintptr_t>(bytes) % kAlignment) return "it is too short, or not aligned";
  memcpy(&h, bytes, sizeof h);
  if (h.magic != kMagic) return "it is no encoder";
  const bool sound = isSize(h.layers, 1, 256) && isSize(h.hidden, kUnit, 16384) && isSize(h.mlp, kUnit, 65536) &&
                     isSize(h.heads, 1, h.hidden) && h.hidden % h.heads == 0 && isSize(h.hidden / h.heads, kLanes, kMaxHeadSize) &&
                     isSize(h.vocabulary, 1, 1 << 21) && isSize(h.positions, 1, 65536) && (h.pooling == 0 || h.pooling == 1) && h.epsilon >= 0;
  if (!sound) return "its sizes cannot be computed with";
  Encoder& e = encoder;
  e.layers = h.layers, e.hidden = h.hidden, e.heads = h.heads, e.mlp = h.mlp;
  e.vocabulary = h.vocabulary, e.positions = h.positions, e.pooling = static_cast<Pooling>(h.pooling), e.epsilon = h.epsilon;
  Parts parts(bytes);
  e.words = parts.take<int8_t>(e.vocabulary * e.hidden);
  e.wordScales = parts.take<float>(e.vocabulary);
  e.positionRows = parts.take<float>(e.positions * e.hidden);
  e.norm = parts.norm(e.hidden);
  layers.resize(e.layers);
  for (EncoderLayer& layer : layers) {
    layer.qkv = parts.linear(e.hidden, 3 * e.hidden);
    layer.o = parts.linear(e.hidden, e.hidden);
    layer.attentionNorm = parts.norm(e.hidden);
    layer.up = parts.linear(e.hidden, e.mlp);
    layer.down = parts.linear(e.mlp, e.hidden);
    layer.mlpNorm = parts.norm(e.hidden);
  }
  e.layer = layers.data();
  return parts.used() == length ? "" : problem("it has ", length, " bytes instead of ", parts.used());
}

std::string SentenceEncoder::run(const Path& path, const int32_t* ids, const int32_t* lengths, int64_t texts, float* vectors,
                                 bool inBackground) const {
  const Encoder& e = encoder;
  int64_t rows = 0, longest = 0;
  for (int64_t t = 0; t < texts; t++) {
    if (lengths[t] < 1 || lengths[t] > e.positions) return problem("text ", t, " has ", lengths[t], " tokens of ", e.positions);
    rows += lengths[t];
    if (lengths[t] > longest) longest = lengths[t];
  }
  if (rows > kMaxRows) return "too many tokens at once";
  for (int64_t i = 0; i < rows; i++) {
    if (ids[i] < 0 || ids[i] >= e.vocabulary) return problem("token ", ids[i], " of ", e.vocabulary);
  }
  if (!rows) return {};

  const int64_t padded = ceilDiv(longest, kLanes) * kLanes, headSize = e.hidden / e.heads;
  const int64_t mlpRows = rows < kMlpRows ? rows : kMlpRows;
  const int64_t quantized = rows * e.hidden > mlpRows * e.mlp ? rows * e.hidden : mlpRows * e.mlp;
  EncoderTask task{&e, ids, lengths, texts, vectors, {}};
  EncoderScratch& s = task.scratch;
  // Laid out twice: first to know how much it is.
  const auto layOut = [&](uint8_t* memory) {
    Parts parts(memory);
    const auto take = [&](auto*& place, int64_t count) {
      using T = std::remove_reference_t<decltype(*place)>;
      place = const_cast<T*>(parts.take<T>(count));
    };
    take(s.x, rows * e.hidden), take(s.qkv, (rows + kLanes) * 3 * e.hidden), take(s.attended, rows * e.hidden), take(s.inner, mlpRows * e.mlp);
    take(s.rows.q, quantized), take(s.rows.scales, rows), take(s.rows.starts, rows);
    take(s.rows.outliers, rows * kOutliers), take(s.rows.places, rows * kOutliers);
    take(s.queries, longest * headSize), take(s.scores, 16 * padded);
    take(s.keys, padded * headSize), take(s.values, padded * headSize);
    return parts.used();
  };
  auto* memory = static_cast<uint8_t*>(reserveScratch(static_cast<size_t>(layOut(nullptr))));
  if (!memory) return "out of memory";
  layOut(memory);
  if (!inBackground) {
    path.encode(task);
    return {};
  }
  // A thread of its own, since a thread that stepped back may not come forward again: starting one costs a thousandth of
  // what it does.
  std::thread([&] {
    stepBack();
    path.encode(task);
  }).join();
  return {};
}

}  // namespace switchyard

extern "C" {

// Opens an encoder over bytes that must stay where they are, for as long as the process lives. Null, or what is wrong with
// them, valid until the thread's next call.
[[gnu::visibility("default")]] const char* SwitchyardOpenEncoder(const uint8_t* bytes, int64_t length, const void** encoder) {
  using namespace switchyard;
  static thread_local std::string wrong;
  auto opened = std::make_unique<SentenceEncoder>();
  wrong = opened->open(bytes, length);
  if (!wrong.empty()) return wrong.c_str();
  *encoder = opened.release();
  return nullptr;
}

// What is wrong with the call, or null. Valid until the thread's next call.
[[gnu::visibility("default")]] const char* SwitchyardEncode(const void* encoder, const char* path, const int32_t* ids, const int32_t* lengths,
                                                            int64_t texts, float* vectors, int32_t inBackground) {
  using namespace switchyard;
  static thread_local std::string wrong;
  const Path* found = findPath(path);
  wrong = !found ? "the kernel path is not available"
                 : static_cast<const SentenceEncoder*>(encoder)->run(*found, ids, lengths, texts, vectors, inBackground != 0);
  return wrong.empty() ? nullptr : wrong.c_str();
}
}
