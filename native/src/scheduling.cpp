#include "scheduling.h"

#if defined(__linux__)
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#endif

#if defined(__linux__)
namespace switchyard {
namespace {

// At most so much of the time, so much at once, and in such pieces.
constexpr double kShare = 0.25;
constexpr double kMostNs = 30e6;
constexpr int64_t kPieceNs = 250'000;
// A wish for longer is none: the file holds something else.
constexpr int64_t kLongestWishNs = 1'000'000'000;

// Who waits for processors says until when, in nanoseconds of the monotonic clock. -1: nobody is asked.
int wishes = -1;
double leftNs = kMostNs;
int64_t countedNs = 0;
int64_t givenNs = 0;

int64_t monotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

bool isWished(int64_t now) {
  int64_t until = 0;
  return pread(wishes, &until, sizeof until, 0) == sizeof until && until > now && until - now < kLongestWishNs;
}

}  // namespace

// The thread that computes a step sleeps while somebody else's short work is waited for: its share of the processors is the other's
// then, which no priority gives who may not raise one. The threads of its pool have nothing to do meanwhile.
void giveWay() {
  if (wishes < 0) return;
  int64_t now = monotonicNs();
  while (isWished(now)) {
    leftNs += kShare * static_cast<double>(now - countedNs);
    if (leftNs > kMostNs) leftNs = kMostNs;
    countedNs = now;
    if (leftNs < static_cast<double>(kPieceNs)) return;
    const timespec piece = {0, kPieceNs};
    nanosleep(&piece, nullptr);
    const int64_t woken = monotonicNs();
    leftNs -= static_cast<double>(woken - now);
    givenNs += woken - now;
    countedNs = now = woken;
  }
}

}  // namespace switchyard
#else
namespace switchyard {
void giveWay() {}
}  // namespace switchyard
#endif

extern "C" {

// Asks the scheduler for turns of that length, for this thread and those that it starts from now on (Linux 6.12 and newer,
// 0.1 to 100 ms; before, it is taken and does nothing). The share of the processors stays what it is: whoever wakes up and
// wants a shorter turn has it first (earliest eligible virtual deadline first, Stoica and Abdel-Wahab 1995). False where
// it cannot be asked for.
[[gnu::visibility("default")]] bool SwitchyardTakeTurnsOf(uint64_t nanoseconds) {
#if defined(__linux__) && defined(SYS_sched_setattr)
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {sizeof(attributes), 0, 0, getpriority(PRIO_PROCESS, 0), 0, nanoseconds, 0, 0};
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
#else
  (void)nanoseconds;
  return false;
#endif
}

// The operators give way to wishes in that file from now on. False where it cannot be opened.
[[gnu::visibility("default")]] bool SwitchyardGiveWayTo(const char* file) {
#if defined(__linux__)
  switchyard::wishes = open(file, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
  return switchyard::wishes >= 0;
#else
  (void)file;
  return false;
#endif
}

// Milliseconds that this process gave way so far.
[[gnu::visibility("default")]] double SwitchyardGivenWayMs() {
#if defined(__linux__)
  return static_cast<double>(switchyard::givenNs) / 1e6;
#else
  return 0;
#endif
}

}  // extern "C"
