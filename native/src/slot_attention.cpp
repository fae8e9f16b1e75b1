#include "operators.h"

#include <vector>

namespace switchyard {
namespace {

constexpr int64_t kTaskWork = 60'000;  // multiply-accumulates of scores and values together; see quantized_linear.cpp
constexpr int kRowsPerTile = 12;       // query rows (heads of a group times tokens) that share a pass over keys and values
constexpr int64_t kMaxTasks = 64;

struct Call {
  const Path& path;
  AttentionTask task;
  std::vector<AttentionTile> tiles;
  bool storeFirst;  // some slot has more than one tile, so all must be stored before any is attended to
  int64_t tasks, scratchFloats;
  float* scratch;

  int64_t items() const { return static_cast<int64_t>(tiles.size()) * task.kvHeads; }
  static void store(void* self, size_t index) {
    const auto& c = *static_cast<const Call*>(self);
    c.path.storeTokens(c.task, c.tiles[index / c.task.kvHeads], static_cast<int>(index % c.task.kvHeads));
  }
  // Every task takes each tasks-th item: neighbouring tiles of a prompt, which cost about the same, go to different ones.
  static void attend(void* self, size_t index) {
    const auto& c = *static_cast<const Call*>(self);
    for (int64_t item = static_cast<int64_t>(index); item < c.items(); item += c.tasks) {
      const AttentionTile& tile = c.tiles[item / c.task.kvHeads];
      const int kvHead = static_cast<int>(item % c.task.kvHeads);
      if (!c.storeFirst) c.path.storeTokens(c.task, tile, kvHead);
      c.path.attend(c.task, tile, kvHead, c.scratch + index * c.scratchFloats);
    }
  }
};

}  // namespace

std::string SlotAttention::checkAttributes() const {
  if (kvHeads < 1 || heads < kvHeads || heads % kvHeads || heads > 4096) return "heads must be a multiple of kv_heads";
  if (layer < 0) return "layer must not be negative";
  if (!(scale > 0 && scale <= 1)) return "scale must be in (0, 1]";
  if (rotate != 0 && rotate != 1) return "rotate must be 0 or 1";
  if (window < 0) return "window must not be negative";
  return {};
}

std::string SlotAttention::run(const Path& path, const ThreadPool& pool, const Tensor& q, const Tensor& slots,
                               const Tensor& positions, const Tensor& cosines, const Tensor& sines, const Tensor& kv,
                               const Tensor& k, const Tensor& v, float* y) const {
  if (kv.rank != 6 || kv.dims[2] != 2 || kv.dims[3] != kvHeads) return "kv must have shape [layers, slots, 2, kv_heads, capacity, head size]";
  const int64_t layers = kv.dims[0], slotCount = kv.dims[1], capacity = kv.dims[4], headSize = kv.dims[5];
  if (headSize < kLanes || headSize % kLanes || headSize > kMaxHeadSize) return "the head size must be a multiple of 16 up to 256";
  if (capacity % kLanes) return "the capacity of a KV slot must be a multiple of 16";
  if (layer >= layers) return problem("layer ", layer, " of a kv of ", layers);
  const bool packed = !k.data && !v.data;
  if (!packed && (!k.data || !v.data)) return "give k and v both or neither";
  const int64_t tokens = q.rank == 2 ? q.dims[0] : -1, kvWidth = kvHeads * headSize;
  if (q.rank != 2 || q.dims[1] != heads * headSize + (packed ? 2 * kvWidth : 0)) {
    return problem("q must have ", heads * headSize + (packed ? 2 * kvWidth : 0), " columns");
  }
  for (const Tensor* t : {&k, &v}) {
    if (!packed && (t->rank != 2 || t->dims[0] != tokens || t->dims[1] != kvWidth)) return "k and v must have shape [tokens, kv_heads * head size]";
  }
  for (const Tensor* t : {&slots, &positions}) {
    if (t->rank != 1 || t->dims[0] != tokens) return "slots and positions must have shape [tokens]";
  }
  for (const Tensor* t : {&cosines, &sines}) {
    if (t->rank != 2 || t->dims[1] != headSize / 2 || t->dims[0] != cosines.dims[0]) return "cos and sin must have shape [positions, head size / 2]";
  }

  Call call{path, {}, {}, false, 1, 0, nullptr};
  const auto* slot = static_cast<const int32_t*>(slots.data);
  const auto* position = static_cast<const int32_t*>(positions.data);
  const int64_t group = heads / kvHeads, tileTokens = !window && group < kRowsPerTile ? kRowsPerTile / group : 1;
  const int64_t end = capacity < cosines.dims[0] ? capacity : cosines.dims[0];
  std::vector<char> seen(slotCount);
  int64_t work = 0;
  for (int64_t i = 0; i < tokens; i++) {
    if (slot[i] < 0 || slot[i] >= slotCount) return problem("token ", i, " names KV slot ", slot[i], " of ", slotCount);
    if (position[i] < 0 || position[i] >= end) return problem("token ", i, " has position ", position[i], ", there are ", end);
    const bool continues = i && slot[i] == slot[i - 1];
    if (continues && position[i] != position[i - 1] + 1) return problem("token ", i, ": positions of a slot must be consecutive");
    if (!continues && seen[slot[i]]) return problem("token ", i, ": tokens of a slot must stand together");
    seen[slot[i]] = 1;
    if (continues && call.tiles.back().tokens < tileTokens) {
      call.tiles.back().tokens++;
    } else {
      call.storeFirst |= continues;
      call.tiles.push_back({i, slot[i], position[i], 1});
    }
    const int64_t floats = attentionScratchFloats(group * call.tiles.back().tokens, headSize, position[i] + 1);
    if (floats > call.scratchFloats) call.scratchFloats = floats;
    work += 2 * heads * headSize * (position[i] + 1);
  }
  if (!tokens) return {};

  AttentionTask& t = call.task;
  t.q = static_cast<const float*>(q.data);
  t.k = packed ? t.q + heads * headSize : static_cast<const float*>(k.data);
  t.v = packed ? t.k + kvWidth : static_cast<const float*>(v.data);
  t.qStride = q.dims[1];
  t.kStride = t.vStride = packed ? q.dims[1] : kvWidth;
  t.cosines = rotate ? static_cast<const float*>(cosines.data) : nullptr;
  t.sines = rotate ? static_cast<const float*>(sines.data) : nullptr;
  t.kv = static_cast<uint16_t*>(kv.data) + layer * slotCount * 2 * kvWidth * capacity;
  t.out = y;
  t.heads = static_cast<int>(heads), t.kvHeads = static_cast<int>(kvHeads), t.headSize = static_cast<int>(headSize);
  t.capacity = capacity, t.scale = scale, t.window = window ? window : capacity;

  const int64_t wanted = work / kTaskWork < 1 ? 1 : work / kTaskWork > kMaxTasks ? kMaxTasks : work / kTaskWork;
  call.tasks = wanted < call.items() ? wanted : call.items();
  call.scratchFloats = ceilDiv(call.scratchFloats, kLanes) * kLanes;
  call.scratch = static_cast<float*>(reserveScratch(call.tasks * call.scratchFloats * sizeof(float)));
  if (!call.scratch) return "out of memory";
  const auto forEach = [&](void (*step)(void*, size_t), int64_t count) {
    if (call.tasks > 1) pool.run(pool.context, step, count, &call);
    else for (int64_t i = 0; i < count; i++) step(&call, i);
  };
  if (call.storeFirst) forEach(Call::store, call.items());
  forEach(Call::attend, call.tasks);
  return {};
}

}  // namespace switchyard
