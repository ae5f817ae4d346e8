// What every execution thread does first.
#pragma once

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#endif

namespace sconce {

// Names the calling thread, at most 15 characters, and lets it yield to the main loop: a thread
// that is woken preempts the one that woke it when all cores are busy, and the main loop would
// stand still for a whole batch at every bell. Batch scheduling keeps the thread's share of the
// cores and takes that away. The threads that LibTorch starts from it inherit both.
inline void become_execution_thread([[maybe_unused]] const char* name) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), name);
  const sched_param parameters{};
  pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
#endif
}

// The same for work that nobody waits for as long as there are batches: its share of a core that is
// wanted elsewhere is a tenth. On Linux the priority belongs to the thread.
inline void become_background_thread(const char* name) {
  become_execution_thread(name);
#ifdef __linux__
  constexpr int kNice = 10;
  setpriority(PRIO_PROCESS, 0, kNice);
#endif
}

}  // namespace sconce
