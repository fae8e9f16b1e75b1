#include <stdlib.h>
#include <string.h>

#include "operators.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace switchyard {
namespace {

constexpr size_t kHugePage = 2 << 20;

size_t roundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

struct Buffer {
  void* memory = nullptr;
  size_t bytes = 0;
  ~Buffer() { free(memory); }
  void* reserve(size_t wanted) {
    if (wanted > bytes) {
      free(memory);
      bytes = roundUp(wanted, 65536);
      memory = aligned_alloc(64, bytes);
      if (!memory) bytes = 0;
    }
    return memory;
  }
};

}  // namespace

void* reserveScratch(size_t bytes) {
  static thread_local Buffer buffer;
  return buffer.reserve(bytes);
}

uint8_t* unpackingPlace(int64_t bytes) {
  static thread_local Buffer buffer;
  void* place = buffer.reserve(static_cast<size_t>(bytes));
  if (!place && bytes) abort();  // a task of the pool has no way to fail, and these are a few hundred kilobytes
  return static_cast<uint8_t*>(place);
}

}  // namespace switchyard

extern "C" {

// Zeroed memory; null if there is none. Pages that nothing was written to cost no
// memory, however much is asked for. Huge pages, where the system grants them, make a step that reads eight adapters and
// all weights 10 % faster; for memory that is used here and there they would be mostly waste.
[[gnu::visibility("default")]] void* SwitchyardAllocate(size_t bytes, int hugePages) {
  using namespace switchyard;
#if defined(__linux__)
  const size_t whole = roundUp(bytes, kHugePage);
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* mapped = mmap(nullptr, whole + kHugePage, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  // Huge pages want huge alignment: what is mapped before and after the aligned part is given back.
  auto* start = static_cast<char*>(mapped);
  auto* aligned = reinterpret_cast<char*>(roundUp(reinterpret_cast<size_t>(start), kHugePage));
  if (aligned > start) munmap(start, aligned - start);
  if (const size_t behind = start + kHugePage - aligned) munmap(aligned + whole, behind);
  madvise(aligned, whole, hugePages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return aligned;
#else
  (void)hugePages;
  return calloc(1, bytes);
#endif
}

// Gives memory back that SwitchyardAllocate gave.
[[gnu::visibility("default")]] void SwitchyardRelease(void* memory, size_t bytes) {
#if defined(__linux__)
  munmap(memory, switchyard::roundUp(bytes, switchyard::kHugePage));
#else
  (void)bytes;
  free(memory);
#endif
}

// Copies `outer` times `inner` pieces of `bytes` bytes; the strides, in bytes, say how far apart they lie.
[[gnu::visibility("default")]] void SwitchyardCopyPieces(char* to, int64_t toOuter, int64_t toInner, const char* from, int64_t fromOuter,
                                                         int64_t fromInner, int64_t outer, int64_t inner, int64_t bytes) {
  for (int64_t i = 0; i < outer; i++) {
    for (int64_t j = 0; j < inner; j++) {
      memcpy(to + i * toOuter + j * toInner, from + i * fromOuter + j * fromInner, static_cast<size_t>(bytes));
    }
  }
}
}
