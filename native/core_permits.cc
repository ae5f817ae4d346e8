#include "core_permits.h"

#include <algorithm>
#include <thread>

namespace sconce {

namespace {

double microseconds(CorePermits::Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

CorePermits& CorePermits::instance() {
  static CorePermits permits;
  return permits;
}

CorePermits::CorePermits()
    : share_(std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {}

CorePermits::Member::Member(double weight, Clock::duration longest)
    : id_([&] {
        CorePermits& permits = instance();
        const std::scoped_lock lock(permits.mutex_);
        return permits.share_.join(weight, microseconds(longest));
      }()) {}

CorePermits::Member::~Member() {
  CorePermits& permits = instance();
  const std::scoped_lock lock(permits.mutex_);
  permits.share_.leave(id_);
}

void CorePermits::Member::charge(Clock::duration taken) const {
  CorePermits& permits = instance();
  const std::scoped_lock lock(permits.mutex_);
  permits.share_.charge(id_, microseconds(taken));
}

CorePermits::Permit::~Permit() {
  if (ticket_) instance().give_back(*ticket_);
}

void CorePermits::Permit::unused() {
  if (ticket_) instance().withdraw(*ticket_);
  ticket_.reset();
}

std::optional<CorePermits::Permit> CorePermits::acquire(const Member& member, int cores,
                                                        Clock::duration patience) {
  std::unique_lock lock(mutex_);
  Waiting waiting;
  const CoreShare::Ticket ticket = share_.ask(member.id_, cores);
  waiting_.emplace(ticket, &waiting);
  grant();
  if (!waiting.granted) {
    lend_out_overdue();
    waiting.wake.wait_for(lock, patience, [&] { return waiting.granted; });
  }
  if (waiting.granted) return Permit(ticket);
  waiting_.erase(ticket);
  share_.withdraw(ticket);
  // It may have been what others waited behind.
  grant();
  return std::nullopt;
}

void CorePermits::give_back(CoreShare::Ticket ticket) {
  const std::scoped_lock lock(mutex_);
  share_.give_back(ticket, microseconds(Clock::now() - held_.at(ticket)));
  held_.erase(ticket);
  grant();
}

void CorePermits::withdraw(CoreShare::Ticket ticket) {
  const std::scoped_lock lock(mutex_);
  share_.withdraw(ticket);
  held_.erase(ticket);
  grant();
}

void CorePermits::grant() {
  for (const CoreShare::Ticket ticket : share_.grant()) {
    held_.emplace(ticket, Clock::now());
    const auto waiting = waiting_.extract(ticket);
    waiting.mapped()->granted = true;
    waiting.mapped()->wake.notify_one();
  }
}

void CorePermits::lend_out_overdue() {
  const Clock::time_point now = Clock::now();
  bool lent = false;
  for (const auto& [ticket, since] : held_) {
    if (!share_.overdue(ticket, microseconds(now - since))) continue;
    share_.lend_out(ticket);
    lent = true;
  }
  if (lent) grant();
}

}  // namespace sconce
