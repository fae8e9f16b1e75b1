// The operators as onnxruntime sees them: domain `switchyard`, version 1, operators QuantizedLinear and SlotAttention.
// The session config entry `switchyard.kernel_path` forces a path by name; without it the best one is taken.
#include <mutex>
#include <new>

#include "operators.h"
#include "ort_api.h"
#include "scheduling.h"

namespace switchyard {
namespace {

using OrtResult = OrtStatus*;  // null: success

// An operator's name, inputs and attributes; the rest of OrtCustomOp is the same for all.
struct Operator : OrtCustomOp {
  const Path* path;
};

template <class Attributes> struct Kernel {
  const OrtApi* api;
  const Path* path;
  Attributes attributes;
};

OrtResult invalid(const OrtApi* api, const std::string& what) { return ort::createStatus(api, ort::kInvalidArgument, what.c_str()); }

// Tensors of a call, with the first failure kept: inputs are fetched one after the other and checked once.
class Call {
 public:
  Call(const OrtApi* api, OrtKernelContext* context) : api_(api), context_(context) {
    keep(ort::kernelContextGetInputCount(api_, context_, &inputs_));
  }
  // Absent optional inputs come back empty.
  Tensor input(size_t index) {
    Tensor t;
    const OrtValue* value = nullptr;
    if (failure_ || index >= inputs_ || !keep(ort::kernelContextGetInput(api_, context_, index, &value)) || !value) return t;
    OrtTensorTypeAndShapeInfo* shape = nullptr;
    if (!keep(ort::getTensorTypeAndShape(api_, value, &shape))) return t;
    size_t rank = 0;
    if (keep(ort::getDimensionsCount(api_, shape, &rank))) {
      if (rank > 8) keep(invalid(api_, "more than eight dimensions"));
      else keep(ort::getDimensions(api_, shape, t.dims, rank));
    }
    ort::releaseTensorTypeAndShapeInfo(api_, shape);
    t.rank = static_cast<int>(rank);
    if (!failure_) keep(ort::getTensorMutableData(api_, const_cast<OrtValue*>(value), &t.data));
    return t;
  }

  // The only output, with x's shape but for the last dimension.
  float* output(const Tensor& x, int64_t columns) {
    if (failure_ || x.rank < 1) return nullptr;
    int64_t dims[8];
    for (int d = 0; d + 1 < x.rank; d++) dims[d] = x.dims[d];
    dims[x.rank - 1] = columns;
    OrtValue* value = nullptr;
    void* data = nullptr;
    if (keep(ort::kernelContextGetOutput(api_, context_, 0, dims, x.rank, &value))) keep(ort::getTensorMutableData(api_, value, &data));
    return static_cast<float*>(data);
  }
  ThreadPool pool() {
    const auto run = [](void* self, void (*task)(void*, size_t), size_t count, void* user) {
      auto& call = *static_cast<Call*>(self);
      call.keep(ort::kernelContextParallelFor(call.api_, call.context_, task, count, 0, user));
    };
    return {run, this};
  }
  OrtResult failure() const { return failure_; }
  OrtResult finish(const std::string& problem) {
    if (!failure_ && !problem.empty()) failure_ = invalid(api_, problem);
    return failure_;
  }

 private:
  bool keep(OrtResult status) {
    if (status && failure_) ort::releaseStatus(api_, status);
    else if (status) failure_ = status;
    return !failure_;
  }

  const OrtApi* api_;
  OrtKernelContext* context_;
  size_t inputs_ = 0;
  OrtResult failure_ = nullptr;
};

OrtResult compute(const Kernel<QuantizedLinear>& kernel, Call& call) {
  giveWay();
  const Tensor x = call.input(0), weights = call.input(1);
  const LoraInputs lora{call.input(2), call.input(3), call.input(4), call.input(5), call.input(6)};
  float* y = call.output(x, kernel.attributes.outputs);
  if (call.failure()) return call.failure();
  return call.finish(kernel.attributes.run(*kernel.path, call.pool(), x, weights, lora, y));
}

OrtResult compute(const Kernel<SlotAttention>& kernel, Call& call) {
  giveWay();
  Tensor in[8];
  for (size_t i = 0; i < 8; i++) in[i] = call.input(i);
  float* y = call.output(in[0], kernel.attributes.heads * in[5].dims[5]);
  if (call.failure()) return call.failure();
  return call.finish(kernel.attributes.run(*kernel.path, call.pool(), in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], y));
}

OrtResult read(const OrtApi* api, const OrtKernelInfo* info, QuantizedLinear* op) {
  int64_t bits = 0, gated = 0;
  for (auto [name, value] : {std::pair{"K", &op->inputs}, {"N", &op->outputs}, {"bits", &bits}, {"gated", &gated}}) {
    if (OrtResult wrong = ort::kernelInfoGetAttributeInt64(api, info, name, value)) return wrong;
  }
  // Models of earlier importers name neither.
  int64_t minimum = bits == 4, levels = 0, factors = 0;
  for (auto [name, value] : {std::pair{"minimum", &minimum}, {"levels", &levels}, {"factors", &factors}}) {
    if (OrtResult absent = ort::kernelInfoGetAttributeInt64(api, info, name, value)) ort::releaseStatus(api, absent);
  }
  if (bits == 2 && !factors) return invalid(api, "weights of 2 bits are kept in another way now: import the model again");
  switch (bits) {
    case 2: op->format = Format::q2; break;
    case 3: op->format = Format::q3; break;
    case 4: op->format = levels ? Format::iq4 : minimum ? Format::q4_1 : Format::q4_0; break;
    case 5: op->format = minimum ? Format::q5_1 : Format::q5_0; break;
    case 6: op->format = Format::q6; break;
    case 8: op->format = Format::q8_0; break;
    default: return invalid(api, "bits must be 2 (q2), 3 (q3), 4 (q4_0, q4_1, iq4), 5 (q5_0, q5_1), 6 (q6) or 8 (q8_0)");
  }
  op->gated = gated != 0;
  size_t targets = 0;
  if (OrtResult none = ort::kernelInfoGetAttributeArrayInt64(api, info, "lora_widths", nullptr, &targets)) {
    ort::releaseStatus(api, none);
    return nullptr;
  }
  if (targets > 4) return invalid(api, "lora_widths has more than four targets");
  op->targets = static_cast<int>(targets);
  if (OrtResult wrong = ort::kernelInfoGetAttributeArrayInt64(api, info, "lora_widths", op->widths, &targets)) return wrong;
  int64_t part[2] = {};
  size_t numbers = 2;
  if (OrtResult whole = ort::kernelInfoGetAttributeArrayInt64(api, info, "lora_part", part, &numbers)) ort::releaseStatus(api, whole);
  op->firstTarget = part[0], op->ownTargets = part[1];
  if (OrtResult wrong = ort::kernelInfoGetAttributeInt64(api, info, "lora_column", &op->firstRankColumn)) return wrong;
  return ort::kernelInfoGetAttributeInt64(api, info, "next_lora_column", &op->nextRankColumn);
}

OrtResult read(const OrtApi* api, const OrtKernelInfo* info, SlotAttention* op) {
  for (auto [name, value] : {std::pair{"layer", &op->layer}, {"heads", &op->heads}, {"kv_heads", &op->kvHeads}}) {
    if (OrtResult wrong = ort::kernelInfoGetAttributeInt64(api, info, name, value)) return wrong;
  }
  for (auto [name, value] : {std::pair{"rotate", &op->rotate}, {"window", &op->window}}) {
    if (OrtResult absent = ort::kernelInfoGetAttributeInt64(api, info, name, value)) ort::releaseStatus(api, absent);
  }
  return ort::kernelInfoGetAttributeFloat(api, info, "scale", &op->scale);
}

template <class Attributes>
OrtResult createKernel(const OrtCustomOp* op, const OrtApi* api, const OrtKernelInfo* info, void** out) {
  Attributes attributes{};
  if (OrtResult wrong = read(api, info, &attributes)) return wrong;
  if (std::string wrong = attributes.checkAttributes(); !wrong.empty()) return invalid(api, wrong);
  *out = new (std::nothrow) Kernel<Attributes>{api, static_cast<const Operator*>(op)->path, attributes};
  return *out ? nullptr : ort::createStatus(api, ort::kFail, "out of memory");
}

template <class Attributes, size_t Required, int... InputTypes>
Operator operatorOf(const Path* path, const char* (*name)(const OrtCustomOp*)) {
  static constexpr int types[] = {InputTypes...};
  Operator op{};
  op.path = path;
  op.version = ort::kApiVersion;
  op.getName = name;
  op.getExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };  // CPU
  op.getInputType = [](const OrtCustomOp*, size_t i) { return types[i]; };
  op.getInputTypeCount = [](const OrtCustomOp*) { return sizeof...(InputTypes); };
  op.getOutputType = [](const OrtCustomOp*, size_t) -> int { return ort::kFloat; };
  op.getOutputTypeCount = [](const OrtCustomOp*) -> size_t { return 1; };
  op.getInputCharacteristic = [](const OrtCustomOp*, size_t i) -> int { return i < Required ? ort::kRequired : ort::kOptional; };
  op.getOutputCharacteristic = [](const OrtCustomOp*, size_t) -> int { return ort::kRequired; };
  op.getInputMemoryType = [](const OrtCustomOp*, size_t) { return 0; };
  op.getVariadicInputMinArity = op.getVariadicInputHomogeneity = [](const OrtCustomOp*) { return 1; };
  op.getVariadicOutputMinArity = op.getVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 1; };
  op.getStartVersion = [](const OrtCustomOp*) { return 1; };
  op.getEndVersion = [](const OrtCustomOp*) { return 0x7fffffff; };
  op.getMayInplace = op.getAliasMap = [](int** inputs, int** outputs) -> size_t {
    *inputs = *outputs = nullptr;
    return 0;
  };
  op.releaseMayInplace = op.releaseAliasMap = [](int*, int*) {};
  op.createKernelV2 = createKernel<Attributes>;
  op.kernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
    const auto& k = *static_cast<const Kernel<Attributes>*>(kernel);
    Call call(k.api, context);
    return compute(k, call);
  };
  op.kernelDestroy = [](void* kernel) { delete static_cast<Kernel<Attributes>*>(kernel); };
  return op;
}

// The operators bound to one path. onnxruntime keeps pointers to them, so they live as long as the process.
struct Domain {
  const Path* path;
  Operator linear, attention;
  OrtCustomOpDomain* handle = nullptr;

  explicit Domain(const Path* p)
      : path(p),
        linear(operatorOf<QuantizedLinear, 2, ort::kFloat, ort::kUint8, ort::kInt32, ort::kInt32, ort::kFloat16, ort::kFloat16, ort::kFloat16>(
            p, [](const OrtCustomOp*) { return "QuantizedLinear"; })),
        attention(operatorOf<SlotAttention, 6, ort::kFloat, ort::kInt32, ort::kInt32, ort::kFloat, ort::kFloat, ort::kFloat16,
                             ort::kFloat, ort::kFloat>(p, [](const OrtCustomOp*) { return "SlotAttention"; })) {}

  OrtResult create(const OrtApi* api) {
    if (OrtResult wrong = ort::createCustomOpDomain(api, "switchyard", &handle)) return wrong;
    if (OrtResult wrong = ort::customOpDomainAdd(api, handle, &linear)) return wrong;
    return ort::customOpDomainAdd(api, handle, &attention);
  }
};

OrtResult addDomain(const OrtApi* api, OrtSessionOptions* options, const Path* path) {
  static std::mutex mutex;
  static Domain* domains[8] = {};
  const std::lock_guard lock(mutex);
  Domain** domain = domains;
  while (*domain && (*domain)->path != path) domain++;
  if (!*domain) {
    auto* created = new (std::nothrow) Domain(path);
    if (!created) return ort::createStatus(api, ort::kFail, "out of memory");
    if (OrtResult wrong = created->create(api)) return wrong;
    *domain = created;
  }
  return ort::addCustomOpDomain(api, options, (*domain)->handle);
}

std::string pathNames() {
  std::string names;
  for (const Path* const* p = availablePaths(); *p; p++) names += (names.empty() ? "" : " ") + std::string((*p)->name);
  return names;
}

}  // namespace
}  // namespace switchyard

extern "C" {

// onnxruntime calls this by name when the library is registered with session options.
[[gnu::visibility("default")]] OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  using namespace switchyard;
  const OrtApi* api = base->getApi(ort::kApiVersion);
  char name[32] = "";
  int forced = 0;
  if (OrtResult wrong = ort::hasSessionConfigEntry(api, options, "switchyard.kernel_path", &forced)) return wrong;
  size_t size = sizeof name;
  if (forced) {
    if (OrtResult wrong = ort::getSessionConfigEntry(api, options, "switchyard.kernel_path", name, &size)) return wrong;
  }
  const Path* path = findPath(name);
  if (!path) return invalid(api, problem("kernel path ", name, " is not available; this CPU has ", pathNames()));
  return addDomain(api, options, path);
}

// Names of the paths this machine can run, best first, separated by spaces.
[[gnu::visibility("default")]] const char* SwitchyardKernelPaths() {
  static const std::string names = switchyard::pathNames();
  return names.c_str();
}

// What one of those paths computes differently from the scalar path; empty: nothing. Valid until the thread's next call.
[[gnu::visibility("default")]] const char* SwitchyardSelfTest(const char* path) {
  using namespace switchyard;
  static thread_local std::string fault;
  const Path* found = findPath(path);
  fault = found ? selfTest(*found) : "it is not available";
  return fault.c_str();
}
}
