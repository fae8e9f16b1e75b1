// The part of onnxruntime's C API that a custom operator library needs, declared by hand. The API is a table of
// function pointers that only ever grows, so an index is as stable as a symbol; version 20 has every entry used here.
#pragma once
#include <stddef.h>
#include <stdint.h>

extern "C" {
struct OrtStatus;
struct OrtValue;
struct OrtKernelInfo;
struct OrtKernelContext;
struct OrtSessionOptions;
struct OrtCustomOpDomain;
struct OrtTensorTypeAndShapeInfo;
struct OrtApi;

struct OrtApiBase {
  const OrtApi* (*getApi)(uint32_t version);
  const char* (*getVersionString)();
};

// onnxruntime's description of an operator, in the order and at the offsets of its version 20.
struct OrtCustomOp {
  uint32_t version;
  void* (*createKernel)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*);  // superseded by V2
  const char* (*getName)(const OrtCustomOp*);
  const char* (*getExecutionProviderType)(const OrtCustomOp*);
  int (*getInputType)(const OrtCustomOp*, size_t index);
  size_t (*getInputTypeCount)(const OrtCustomOp*);
  int (*getOutputType)(const OrtCustomOp*, size_t index);
  size_t (*getOutputTypeCount)(const OrtCustomOp*);
  void (*kernelCompute)(void* kernel, OrtKernelContext*);  // superseded by V2
  void (*kernelDestroy)(void* kernel);
  int (*getInputCharacteristic)(const OrtCustomOp*, size_t index);
  int (*getOutputCharacteristic)(const OrtCustomOp*, size_t index);
  int (*getInputMemoryType)(const OrtCustomOp*, size_t index);
  int (*getVariadicInputMinArity)(const OrtCustomOp*);
  int (*getVariadicInputHomogeneity)(const OrtCustomOp*);
  int (*getVariadicOutputMinArity)(const OrtCustomOp*);
  int (*getVariadicOutputHomogeneity)(const OrtCustomOp*);
  OrtStatus* (*createKernelV2)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*, void** kernel);
  OrtStatus* (*kernelComputeV2)(void* kernel, OrtKernelContext*);
  OrtStatus* (*inferOutputShape)(const OrtCustomOp*, void* context);
  int (*getStartVersion)(const OrtCustomOp*);
  int (*getEndVersion)(const OrtCustomOp*);
  size_t (*getMayInplace)(int** inputs, int** outputs);
  void (*releaseMayInplace)(int* inputs, int* outputs);
  size_t (*getAliasMap)(int** inputs, int** outputs);
  void (*releaseAliasMap)(int* inputs, int* outputs);
};
}
static_assert(sizeof(void*) != 8 || sizeof(OrtCustomOp) == 208, "OrtCustomOp must have onnxruntime's layout");

namespace switchyard::ort {

constexpr uint32_t kApiVersion = 20;
enum ElementType { kFloat = 1, kUint8 = 2, kInt32 = 6, kFloat16 = 10 };
enum Characteristic { kRequired = 0, kOptional = 1 };
enum ErrorCode { kFail = 1, kInvalidArgument = 2 };

// One entry of the table: a call through it has the types of the C function.
template <size_t Index, class Result, class... Arguments> struct Entry {
  Result operator()(const OrtApi* api, Arguments... arguments) const {
    const auto* table = reinterpret_cast<Result (*const*)(Arguments...)>(api);
    return table[Index](arguments...);
  }
};

constexpr Entry<0, OrtStatus*, ErrorCode, const char*> createStatus;
constexpr Entry<26, OrtStatus*, const char*, OrtCustomOpDomain**> createCustomOpDomain;
constexpr Entry<27, OrtStatus*, OrtCustomOpDomain*, const OrtCustomOp*> customOpDomainAdd;
constexpr Entry<28, OrtStatus*, OrtSessionOptions*, OrtCustomOpDomain*> addCustomOpDomain;
constexpr Entry<51, OrtStatus*, OrtValue*, void**> getTensorMutableData;
constexpr Entry<61, OrtStatus*, const OrtTensorTypeAndShapeInfo*, size_t*> getDimensionsCount;
constexpr Entry<62, OrtStatus*, const OrtTensorTypeAndShapeInfo*, int64_t*, size_t> getDimensions;
constexpr Entry<65, OrtStatus*, const OrtValue*, OrtTensorTypeAndShapeInfo**> getTensorTypeAndShape;
constexpr Entry<85, OrtStatus*, const OrtKernelInfo*, const char*, float*> kernelInfoGetAttributeFloat;
constexpr Entry<86, OrtStatus*, const OrtKernelInfo*, const char*, int64_t*> kernelInfoGetAttributeInt64;
constexpr Entry<88, OrtStatus*, const OrtKernelContext*, size_t*> kernelContextGetInputCount;
constexpr Entry<90, OrtStatus*, const OrtKernelContext*, size_t, const OrtValue**> kernelContextGetInput;
constexpr Entry<91, OrtStatus*, OrtKernelContext*, size_t, const int64_t*, size_t, OrtValue**> kernelContextGetOutput;
constexpr Entry<93, void, OrtStatus*> releaseStatus;
constexpr Entry<99, void, OrtTensorTypeAndShapeInfo*> releaseTensorTypeAndShapeInfo;
constexpr Entry<163, OrtStatus*, const OrtKernelInfo*, const char*, int64_t*, size_t*> kernelInfoGetAttributeArrayInt64;
constexpr Entry<237, OrtStatus*, const OrtSessionOptions*, const char*, int*> hasSessionConfigEntry;
constexpr Entry<238, OrtStatus*, const OrtSessionOptions*, const char*, char*, size_t*> getSessionConfigEntry;
constexpr Entry<274, OrtStatus*, const OrtKernelContext*, void (*)(void*, size_t), size_t, size_t, void*> kernelContextParallelFor;

}  // namespace switchyard::ort
