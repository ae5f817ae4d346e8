#include "core_share.h"

#include <algorithm>
#include <limits>

#include "error.h"

namespace sconce {

namespace {

// How many narrower batches may pass one that waits for more cores than are free: few enough that
// it gets its turn, enough that cores are not kept idle for it.
constexpr int kMostPassed = 8;

// A batch is overdue when it takes so many times as long as usual, and a second at least.
constexpr double kOverdueFactor = 8;
constexpr double kOverdueMicroseconds = 1e6;

// A batch is long from so many microseconds on, and short beside it if it takes a tenth of that.
constexpr double kLongMicroseconds = 20e3;
constexpr double kShortFactor = 10;

// How much of a batch's time goes into what is usual.
constexpr double kLearning = 0.2;

}  // namespace

CoreShare::CoreShare(int cores) : cores_(cores), free_(cores) {
  if (cores < 1) throw Error("INTERNAL", "there are no cores to share");
}

int CoreShare::join(double weight, double longest) {
  if (!(weight > 0) || weight == std::numeric_limits<double>::infinity()) {
    throw Error("INTERNAL", "a weight must be a number above 0");
  }
  members_.emplace(next_member_, Member{.weight = weight, .longest = longest, .time = floor_});
  return next_member_++;
}

void CoreShare::leave(int id) {
  member(id).has_left = true;
  for (auto next = requests_.begin(); next != requests_.end();) {
    const auto request = next++;
    if (request->second.member == id && !request->second.holds) finish(request);
  }
  forget(id);
}

CoreShare::Ticket CoreShare::ask(int id, int cores) {
  Member& asking = member(id);
  if (asking.has_left) throw Error("INTERNAL", "the member has left");
  if (asking.tickets++ == 0) asking.time = std::max(asking.time, floor_);
  requests_.emplace(next_ticket_, Request{.member = id, .cores = std::clamp(cores, 1, cores_)});
  return next_ticket_++;
}

std::vector<CoreShare::Ticket> CoreShare::grant() {
  std::vector<Ticket> granted;
  while (true) {
    auto chosen = next_on_free_cores();
    if (chosen == requests_.end()) {
      chosen = next_beside_long_ones();
      if (chosen == requests_.end()) break;
      chosen->second.beside = true;
    }
    hold(chosen->second);
    granted.push_back(chosen->first);
  }
  return granted;
}

std::map<CoreShare::Ticket, CoreShare::Request>::iterator CoreShare::next_on_free_cores() {
  const auto first = next_waiting(cores_);
  if (first == requests_.end() || first->second.cores <= free_) return first;
  if (free_ == 0 || first->second.passed >= kMostPassed) return requests_.end();
  const auto other = next_waiting(free_);
  if (other != requests_.end()) ++first->second.passed;
  return other;
}

std::map<CoreShare::Ticket, CoreShare::Request>::iterator CoreShare::next_beside_long_ones() {
  const auto first = next_waiting(cores_ - beside_);
  if (first == requests_.end()) return first;
  const Member& asking = member(first->second.member);
  const double usual = asking.typical / first->second.cores;
  const bool fits = std::any_of(requests_.begin(), requests_.end(), [&](const auto& entry) {
    const Request& other = entry.second;
    if (!other.holds || other.beside || other.member == first->second.member) return false;
    const Member& owner = member(other.member);
    return owner.typical / other.cores >= std::max(kLongMicroseconds, kShortFactor * usual) &&
           asking.time <= owner.time;
  });
  return fits ? first : requests_.end();
}

void CoreShare::hold(Request& request) {
  Member& owner = member(request.member);
  floor_ = std::max(floor_, owner.time);
  request.holds = true;
  request.charged = owner.typical;
  owner.time += request.charged / owner.weight;
  (request.beside ? beside_ : free_) += request.beside ? request.cores : -request.cores;
}

void CoreShare::give_back(Ticket ticket, double microseconds) {
  const auto found = request(ticket);
  Member& owner = member(found->second.member);
  const double taken = std::max(0.0, microseconds) * found->second.cores;
  owner.time += (taken - found->second.charged) / owner.weight;
  owner.typical += (owner.typical == 0 ? 1 : kLearning) * (taken - owner.typical);
  finish(found);
}

void CoreShare::withdraw(Ticket ticket) {
  const auto found = request(ticket);
  Member& owner = member(found->second.member);
  owner.time -= found->second.charged / owner.weight;
  finish(found);
}

bool CoreShare::overdue(Ticket ticket, double microseconds) const {
  const auto found = requests_.find(ticket);
  if (found == requests_.end() || !found->second.holds || found->second.lent) return false;
  const Member& owner = members_.at(found->second.member);
  const double usual = owner.typical / found->second.cores;
  return microseconds >
         std::min(owner.longest, std::max(kOverdueMicroseconds, kOverdueFactor * usual));
}

void CoreShare::lend_out(Ticket ticket) {
  Request& lender = request(ticket)->second;
  if (!lender.holds || lender.lent) return;
  release(lender);
  lender.lent = true;
}

void CoreShare::release(const Request& request) {
  if (!request.holds || request.lent) return;
  (request.beside ? beside_ : free_) += request.beside ? -request.cores : request.cores;
}

void CoreShare::charge(int id, double core_microseconds) {
  Member& owner = member(id);
  owner.time = std::max(owner.time, floor_) + std::max(0.0, core_microseconds) / owner.weight;
}

// The one that waits whose model is furthest behind, of those that need no more cores.
std::map<CoreShare::Ticket, CoreShare::Request>::iterator CoreShare::next_waiting(int most_cores) {
  auto best = requests_.end();
  double earliest = std::numeric_limits<double>::infinity();
  for (auto next = requests_.begin(); next != requests_.end(); ++next) {
    if (next->second.holds || next->second.cores > most_cores) continue;
    const double time = member(next->second.member).time;
    if (best != requests_.end() && time >= earliest) continue;
    best = next;
    earliest = time;
  }
  return best;
}

void CoreShare::finish(std::map<Ticket, Request>::iterator request) {
  const int id = request->second.member;
  release(request->second);
  requests_.erase(request);
  --member(id).tickets;
  if (requests_.empty()) {
    // Nobody is ahead of anybody any more.
    for (const auto& [other, state] : members_) floor_ = std::max(floor_, state.time);
  }
  forget(id);
}

void CoreShare::forget(int id) {
  const auto found = members_.find(id);
  if (found != members_.end() && found->second.has_left && found->second.tickets == 0) {
    members_.erase(found);
  }
}

CoreShare::Member& CoreShare::member(int id) {
  const auto found = members_.find(id);
  if (found == members_.end()) throw Error("INTERNAL", "no such member");
  return found->second;
}

std::map<CoreShare::Ticket, CoreShare::Request>::iterator CoreShare::request(Ticket ticket) {
  const auto found = requests_.find(ticket);
  if (found == requests_.end()) throw Error("INTERNAL", "no such ticket");
  return found;
}

}  // namespace sconce
