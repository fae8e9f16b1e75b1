#include <stdint.h>

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
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

}  // extern "C"
