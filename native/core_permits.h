// The cores of the machine, as the execution threads of all models take them: who runs a batch
// holds a permit for as many cores as the batch has threads. CoreShare says whose turn it is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include "core_share.h"

namespace sconce {

// Process-wide, thread-safe.
class CorePermits {
 public:
  using Clock = std::chrono::steady_clock;

  static CorePermits& instance();

  // A model that takes part, with its weight.
  class Member {
   public:
    // A batch that takes longer than `longest` lends its cores to others.
    Member(double weight, Clock::duration longest);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    // Counts what was run on one core without a permit.
    void charge(Clock::duration taken) const;

   private:
    friend class CorePermits;
    const int id_;
  };

  // Cores, until it is destroyed. It may not outlive its member.
  class Permit {
   public:
    explicit Permit(CoreShare::Ticket ticket) : ticket_(ticket) {}
    ~Permit();
    Permit(Permit&& other) noexcept : ticket_(other.ticket_) { other.ticket_.reset(); }
    Permit& operator=(Permit&&) = delete;

    // There is nothing to run after all: no time was taken.
    void unused();

   private:
    std::optional<CoreShare::Ticket> ticket_;
  };

  // Waits until there are so many cores for the member; none when they do not come in that time.
  std::optional<Permit> acquire(const Member& member, int cores, Clock::duration patience);

 private:
  struct Waiting {
    std::condition_variable wake;
    bool granted = false;
  };

  CorePermits();
  void give_back(CoreShare::Ticket ticket);
  void withdraw(CoreShare::Ticket ticket);
  // With the mutex held.
  void grant();
  void lend_out_overdue();

  std::mutex mutex_;
  CoreShare share_;
  std::map<CoreShare::Ticket, Waiting*> waiting_;
  std::map<CoreShare::Ticket, Clock::time_point> held_;  // since when
};

}  // namespace sconce
