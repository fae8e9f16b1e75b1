// Which paths this CPU and operating system can run.
#include "path.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace switchyard {
namespace {

#if defined(__x86_64__)

// Linux gives a process the 8 KiB of tile state only when it asks (ARCH_REQ_XCOMP_PERM, XTILEDATA).
bool tilesPermitted() {
#if defined(__linux__)
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return false;
#endif
}

// Appends the paths of this CPU for which the operating system saves the registers, best first; returns their number.
int detect(const Path** paths) {
  const auto has = [](unsigned word, int bit) { return (word >> bit & 1) != 0; };
  unsigned a = 0, b, c, d, unused;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, 27)) return 0;
  const bool fma = has(c, 12), f16c = has(c, 29);
  unsigned state, high;
  __asm__ volatile("xgetbv" : "=a"(state), "=d"(high) : "c"(0));
  const auto saves = [&](unsigned mask) { return (state & mask) == mask; };
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  const bool avx2 = saves(0x6) && fma && f16c && has(b, 5);
  const bool avx512 = avx2 && saves(0xe6) && has(b, 16) && has(b, 17) && has(b, 30) && has(b, 31) && has(c, 11);
  const bool amx = avx512 && saves(0x60000) && has(d, 24) && has(d, 25) && tilesPermitted();
  const bool vnni = avx2 && a >= 1 && __get_cpuid_count(7, 1, &a, &unused, &unused, &unused) && has(a, 4);
  int n = 0;
  if (amx) paths[n++] = &amxPath;
  if (avx512) paths[n++] = &avx512VnniPath;
  if (vnni) paths[n++] = &avxVnniPath;
  if (avx2) paths[n++] = &avx2Path;
  return n;
}

#elif defined(__aarch64__)

// Of every CPU with these instructions the operating system saves the registers.
int detect(const Path** paths) {
#if defined(__APPLE__)
  int there = 0;
  size_t size = sizeof there;
  const bool dotProducts = sysctlbyname("hw.optional.arm.FEAT_DotProd", &there, &size, nullptr, 0) == 0 && there;
#elif defined(__linux__)
  const bool dotProducts = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  const bool dotProducts = false;
#endif
  if (dotProducts) paths[0] = &neonPath;
  return dotProducts;
}

#else

int detect(const Path**) { return 0; }

#endif

struct Available {
  const Path* paths[6] = {};
  Available() { paths[detect(paths)] = &scalarPath; }
};

}  // namespace

const Path* const* availablePaths() {
  static const Available available;
  return available.paths;
}

const Path* findPath(const char* name) {
  for (const Path* const* p = availablePaths(); *p; p++) {
    if (!*name || !strcmp((*p)->name, name)) return *p;
  }
  return nullptr;
}

}  // namespace switchyard
