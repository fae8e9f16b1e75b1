#include "operators.h"

#include <algorithm>
#include <vector>

namespace switchyard {
namespace {

// Work is counted in multiply-accumulates of the integer product (tens of them a nanosecond). A task below this is not
// worth a thread: waking one costs 1 us while the pool spins and ten times that when it sleeps.
constexpr int64_t kTaskWork = 320'000;
constexpr int64_t kMaxTasks = 64;
// Quantizing one activation, or one multiply-accumulate of A x, costs about as much as ten of the integer ones.
constexpr int64_t kFloatWork = 10;
constexpr int64_t kRowsToFetchFor = 16;  // with more rows the products take longer than what LoRA must wait for
constexpr int64_t kRowsPerTask = 4;  // rows that share an adapter also share a pass over its A

struct Call {
  const Path& path;
  LinearTask task;
  int64_t groups, productTasks;

  // Task i of the preparation: four rows, and one target of A x for them (the first target's task quantizes them too).
  static void prepare(void* self, size_t index) {
    const auto& c = *static_cast<const Call*>(self);
    const int64_t parts = c.task.lora.adapters ? c.task.lora.targets : 1, i = static_cast<int64_t>(index);
    const int64_t begin = i / parts * kRowsPerTask;
    const int64_t end = begin + kRowsPerTask < c.task.rows ? begin + kRowsPerTask : c.task.rows;
    if (i % parts == 0) c.path.quantize(c.task, begin, end);
    if (c.task.lora.adapters) c.path.loraDown(c.task, begin, end, static_cast<int>(i % parts));
  }
  static void multiply(void* self, size_t index) {
    const auto& c = *static_cast<const Call*>(self);
    const int64_t i = static_cast<int64_t>(index);
    c.path.product(c.task, c.groups * i / c.productTasks, c.groups * (i + 1) / c.productTasks);
  }
};

// Which inputs the rows' outliers stand at, each once. `known`: room for as many numbers as there are inputs.
void listOutlierInputs(LinearTask& task, OutlierInput* list, int32_t* known) {
  const Packing form = packing(task.format);
  std::fill(known, known + task.inputs, -1);
  int32_t count = 0;
  for (int64_t i = 0; i < task.rows * kOutliers; i++) {
    int32_t& input = task.outliers[i].input;
    int32_t& index = known[input];
    if (index < 0) {
      index = count;
      list[count++] = {input / form.coded * form.codedBytes(), input % form.coded / 4, input % 4 * 8, input / form.block};
    }
    input = index;
  }
  task.outlierInputs = list, task.outlierInputCount = count;
}

int64_t sum(const int64_t* widths, int64_t count) {
  int64_t total = 0;
  for (int64_t t = 0; t < count; t++) total += widths[t];
  return total;
}
int64_t bankWidth(const QuantizedLinear& op) { return sum(op.widths, op.targets); }
const int64_t* ownWidths(const QuantizedLinear& op) { return op.widths + op.firstTarget; }

// The ranks of a bank slot from one of its columns on; null for a row without an adapter.
const int32_t* ranksOf(const LoraInputs& in, int64_t row, int64_t column) {
  const int32_t slot = static_cast<const int32_t*>(in.slots.data)[row];
  return slot < 0 ? nullptr : static_cast<const int32_t*>(in.ranks.data) + slot * in.ranks.dims[1] + column;
}

// Where the adapter that begins at a bank slot lies: its first row of the bank, and how many each of its targets has.
struct Place {
  int64_t first, rows;
};
Place placeOf(const LoraInputs& in, int64_t slot, int64_t capacity) {
  const int64_t columns = in.ranks.dims[1];
  const auto* ranks = static_cast<const int32_t*>(in.ranks.data) + slot * columns;
  int32_t largest = 1;
  for (int64_t c = 0; c < columns; c++) largest = ranks[c] > largest ? ranks[c] : largest;
  return {slot * capacity, ceilDiv(largest, capacity) * capacity};
}

std::string checkLora(const QuantizedLinear& op, int64_t rows, const LoraInputs& in) {
  const auto& [slots, ranks, a, b, nextA] = in;
  if (!op.targets) return "LoRA inputs need the attribute lora_widths";
  if (!slots.data || !ranks.data || !a.data || !b.data) return "give all four LoRA inputs or none";
  if (slots.rank != 1 || slots.dims[0] != rows) return problem("lora_slots must have shape [", rows, "]");
  if (ranks.rank != 2 || op.firstRankColumn + op.targets > ranks.dims[1]) {
    return problem("lora_ranks must have shape [bank slots, at least ", op.firstRankColumn + op.targets, "]");
  }
  const int64_t bankSlots = ranks.dims[0];
  if (a.rank != 4 || a.dims[0] != bankSlots || a.dims[1] != op.targets || a.dims[2] < 1 || a.dims[3] != op.inputs) {
    return problem("lora_a must have shape [", bankSlots, ", ", op.targets, ", R, ", op.inputs, "]");
  }
  if (b.rank != 3 || b.dims[0] != bankSlots || b.dims[1] != a.dims[2] || b.dims[2] != bankWidth(op)) {
    return problem("lora_b must have shape [", bankSlots, ", ", a.dims[2], ", ", bankWidth(op), "]");
  }
  if (nextA.data && (nextA.rank != 4 || nextA.dims[0] != bankSlots || nextA.dims[2] != a.dims[2] || op.nextRankColumn + nextA.dims[1] > ranks.dims[1])) {
    return problem("next_lora_a must have shape [", bankSlots, ", targets, ", a.dims[2], ", K], its targets within lora_ranks");
  }
  for (int64_t r = 0; r < rows; r++) {
    const int32_t slot = static_cast<const int32_t*>(slots.data)[r];
    if (slot < -1 || slot >= bankSlots) return problem("row ", r, " names bank slot ", slot, " of ", bankSlots);
    for (int t = 0; slot >= 0 && t < op.targets; t++) {
      const int32_t rank = ranksOf(in, r, op.firstRankColumn)[t];
      if (rank < 0) return problem("bank slot ", slot, " has rank ", rank);
    }
    if (slot < 0) continue;
    const Place place = placeOf(in, slot, a.dims[2]);
    if (place.first + place.rows > bankSlots * a.dims[2]) {
      return problem("the adapter at bank slot ", slot, " takes ", place.rows, " rows, past the bank's ", bankSlots * a.dims[2]);
    }
  }
  return {};
}

// What the rows' adapters are, laid out for the kernels. Valid after checkLora.
struct LoraPlan {
  int64_t work = 0;  // multiply-accumulates of A x
  int32_t largestRank = 0;
  std::vector<Adapter> adapters;
  std::vector<Ahead> ahead;

  LoraPlan(const QuantizedLinear& op, int64_t rows, int64_t groups, const LoraInputs& in) : adapters(rows * op.own()) {
    const auto* slots = static_cast<const int32_t*>(in.slots.data);
    const int64_t width = bankWidth(op), first = sum(op.widths, op.firstTarget);
    const int own = op.own();
    for (int64_t r = 0; r < rows; r++) {
      const int32_t* ranks = ranksOf(in, r, op.firstRankColumn + op.firstTarget);
      if (!ranks) continue;
      const Place place = placeOf(in, slots[r], in.a.dims[2]);
      for (int64_t t = 0, before = first; t < own; before += ownWidths(op)[t++]) {
        if (!ranks[t]) continue;
        const int64_t target = op.firstTarget + t;
        adapters[r * own + t] = {static_cast<const uint16_t*>(in.a.data) + (place.first * op.targets + target * place.rows) * op.inputs,
                                        static_cast<const uint16_t*>(in.b.data) + place.first * width + before * place.rows, ranks[t]};
        work += ranks[t] * op.inputs;
        if (ranks[t] > largestRank) largestRank = ranks[t];
      }
      const bool changes = !r || slots[r] != slots[r - 1];
      if (in.nextA.data && changes && rows <= kRowsToFetchFor) fetchAhead(place, ranksOf(in, r, op.nextRankColumn), groups, in.nextA);
    }
  }

 private:
  void fetchAhead(Place place, const int32_t* ranks, int64_t groups, const Tensor& a) {
    const int64_t targets = a.dims[1], inputs = a.dims[3];
    for (int64_t t = 0; t < targets; t++) {
      const int64_t halves = ranks[t] < 0 ? 0 : ranks[t] * inputs;
      const uint16_t* start = static_cast<const uint16_t*>(a.data) + (place.first * targets + t * place.rows) * inputs;
      if (halves) ahead.push_back({start, halves, ceilDiv(ceilDiv(halves, groups), 32) * 32});
    }
  }
};

}  // namespace

std::string QuantizedLinear::checkAttributes() const {
  const int64_t unit = inputUnit(format);
  if (inputs < unit || inputs % unit || inputs > 1 << 20) return problem("K must be a multiple of ", unit, " up to 1048576");
  if (outputs < 1 || outputs > 1 << 24) return "N must be between 1 and 16777216";
  for (int64_t column : {firstRankColumn, nextRankColumn}) {
    if (column < 0 || column > 1 << 20) return "a column of lora_ranks is out of range";
  }
  if (targets < 0 || targets > 4) return "lora_widths must name one to four targets";
  for (int t = 0; t < targets; t++) {
    if (widths[t] < kLanes || widths[t] % kLanes || widths[t] > 1 << 24) return "lora_widths must be multiples of 16";
  }
  if (firstTarget < 0 || ownTargets < 0 || firstTarget + own() > targets) return "lora_part must name targets of lora_widths";
  const bool split = gated ? targets == 2 && own() == 2 && widths[0] == outputs && widths[1] == outputs : sum(ownWidths(*this), own()) == outputs;
  if (targets && !split) return gated ? "a gated linear needs lora_widths [N, N]" : "the lora_widths of its targets must add up to N";
  return {};
}

std::string QuantizedLinear::run(const Path& path, const ThreadPool& pool, const Tensor& x, const Tensor& weights,
                                 const LoraInputs& in, float* y) const {
  if (x.rank < 1 || x.dims[x.rank - 1] != inputs) return problem("x must have ", inputs, " columns");
  int64_t rows = 1;
  for (int d = 0; d + 1 < x.rank; d++) rows *= x.dims[d];
  const int64_t groups = ceilDiv(outputs, kLanes), bytes = groups * (gated ? 2 : 1) * groupBytes(format, inputs);
  if (weights.rank != 1 || weights.dims[0] != bytes) return problem("packed weights must be ", bytes, " bytes");
  const bool hasLora = in.slots.data || in.ranks.data || in.a.data || in.b.data;
  if (hasLora && rows) {
    if (std::string wrong = checkLora(*this, rows, in); !wrong.empty()) return wrong;
  }
  if (!rows) return {};
  const LoraPlan plan(*this, hasLora ? rows : 0, groups, in);

  Call call{path, {}, groups, 1};
  LinearTask& task = call.task;
  task.x = static_cast<const float*>(x.data);
  task.weights = static_cast<const uint8_t*>(weights.data);
  task.y = y;
  task.rows = rows, task.inputs = inputs, task.outputs = outputs;
  task.format = format, task.gated = gated;
  task.tileRows = path.tileRows(rows);
  LoraTask& lora = task.lora;
  if (plan.largestRank) {
    lora.adapters = plan.adapters.data();
    lora.targets = own(), lora.uStride = plan.largestRank;
    for (int t = 1; !gated && t < own(); t++) lora.panelBefore[t] = lora.panelBefore[t - 1] + ownWidths(*this)[t - 1] / kLanes;
  }
  lora.ahead = plan.ahead.data(), lora.aheadCount = static_cast<int64_t>(plan.ahead.size());

  const int64_t paddedRows = ceilDiv(rows, task.tileRows) * task.tileRows, blocks = inputs / packing(format).block;
  const size_t qBytes = paddedRows * inputs, scaleBytes = ceilDiv(paddedRows * blocks * sizeof(BlockScale), 64) * 64;
  const size_t outlierBytes = rows * kOutliers * sizeof(Outlier), outlierInputBytes = rows * kOutliers * sizeof(OutlierInput);
  const size_t uBytes = rows * lora.targets * lora.uStride * sizeof(float);
  auto* memory = static_cast<char*>(reserveScratch(qBytes + scaleBytes + outlierBytes + outlierInputBytes + uBytes + inputs * sizeof(int32_t)));
  if (!memory) return "out of memory";
  task.q = reinterpret_cast<int8_t*>(memory);
  task.scales = reinterpret_cast<BlockScale*>(memory + qBytes);
  task.outliers = reinterpret_cast<Outlier*>(memory + qBytes + scaleBytes);
  auto* outlierInputs = reinterpret_cast<OutlierInput*>(memory + qBytes + scaleBytes + outlierBytes);
  lora.u = reinterpret_cast<float*>(memory + qBytes + scaleBytes + outlierBytes + outlierInputBytes);
  auto* known = reinterpret_cast<int32_t*>(memory + qBytes + scaleBytes + outlierBytes + outlierInputBytes + uBytes);

  const auto forEach = [&](void (*step)(void*, size_t), int64_t count, bool parallel) {
    if (parallel) pool.run(pool.context, step, count, &call);
    else for (int64_t i = 0; i < count; i++) step(&call, i);
  };
  const int64_t preparations = ceilDiv(rows, kRowsPerTask) * (lora.adapters ? own() : 1);
  forEach(Call::prepare, preparations, preparations > 1 && kFloatWork * (rows * inputs + plan.work) >= 2 * kTaskWork);
  listOutlierInputs(task, outlierInputs, known);
  // Fewer rows than four are bound by the weights' way from memory, so they cost no less.
  const int64_t work = (rows < 4 ? 4 : rows) * inputs * outputs * (gated ? 2 : 1) / kTaskWork;
  call.productTasks = work < 1 ? 1 : work > kMaxTasks ? kMaxTasks : work;
  if (call.productTasks > groups) call.productTasks = groups;
  forEach(Call::multiply, call.productTasks, call.productTasks > 1);
  return {};
}

}  // namespace switchyard
