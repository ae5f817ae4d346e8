// Sends requests over keep-alive connections, and measures. Open loop: requests are due at random
// times (a Poisson process), whether or not earlier ones have been answered, and a latency begins
// when its request was due. Closed loop: each connection sends the next request when it has its
// answer. Reads a plan from stdin and writes one line of JSON. Linux only.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <exception>
#include <iostream>
#include <memory>
#include <random>
#include <system_error>

#include "connection.h"
#include "figures.h"
#include "plan.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
using Moment = Clock::time_point;

constexpr auto kPatience = std::chrono::seconds(10);

float millisecondsBetween(Moment from, Moment to) {
  return std::chrono::duration<float, std::milli>(to - from).count();
}

class Generator {
 public:
  explicit Generator(const Plan& plan)
      : plan_(plan),
        random_(plan.seed),
        gap_(plan.rate > 0 ? plan.rate : 1),
        choice_(weights(plan)) {
    figures_.ofTargets.resize(plan.targets.size());
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    for (int i = 0; i < plan.connections; ++i) open(i);
  }

  // One request on each connection first, so that both sides have what a connection needs.
  Figures run() {
    exchangeOnce();
    figures_ = {};
    figures_.ofTargets.resize(plan_.targets.size());
    begin_ = Clock::now();
    end_ = begin_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(plan_.seconds));
    measuring_ = true;
    if (plan_.rate > 0) {
      next_ = begin_ + gap();
    } else {
      while (!idle_.empty()) start(idle_.back(), begin_, targetOf(idle_.back()));
    }
    const Moment last = end_ + kPatience;
    for (Moment now = Clock::now(); now < last; now = Clock::now()) {
      if (plan_.rate > 0) arrive(now);
      if (now >= end_ && inFlight_ == 0 && waiting_.empty()) break;
      wait(std::min(plan_.rate > 0 && next_ < end_ ? next_ : last, now < end_ ? end_ : last));
    }
    figures_.errors += static_cast<std::uint64_t>(inFlight_) + waiting_.size();
    figures_.seconds = plan_.seconds;
    return std::move(figures_);
  }

 private:
  struct Exchange {
    Moment due;
    std::size_t target;
  };

  static std::discrete_distribution<std::size_t> weights(const Plan& plan) {
    std::vector<double> shares;
    for (const Target& target : plan.targets) shares.push_back(target.weight);
    return {shares.begin(), shares.end()};
  }

  Clock::duration gap() {
    return std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(gap_(random_)));
  }

  std::size_t targetOf(int connection) {
    if (plan_.bound) return static_cast<std::size_t>(connection) % plan_.targets.size();
    return choice_(random_);
  }

  void open(int i) {
    const auto at = static_cast<std::size_t>(i);
    if (connections_.size() <= at) {
      connections_.resize(at + 1);
      exchanges_.resize(at + 1);
    }
    connections_[at] = std::make_unique<Connection>(plan_.host, plan_.port);
    watch(EPOLL_CTL_ADD, i, EPOLLIN);
    idle_.push_back(i);
  }

  void watch(int operation, int i, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = static_cast<std::uint32_t>(i);
    epoll_ctl(epoll_, operation, connections_[static_cast<std::size_t>(i)]->descriptor(), &event);
  }

  void exchangeOnce() {
    const Moment last = Clock::now() + kPatience;
    while (!idle_.empty()) start(idle_.back(), Clock::now(), targetOf(idle_.back()));
    while (inFlight_ > 0 && Clock::now() < last) wait(last);
    if (inFlight_ > 0) throw std::runtime_error("the first requests were not answered");
  }

  // Takes note of the requests that are due, and sends those that find a connection.
  void arrive(Moment now) {
    for (; next_ <= now && next_ < end_; next_ += gap()) {
      figures_.lateness.push_back(millisecondsBetween(next_, now));
      if (idle_.empty()) ++figures_.queued;
      waiting_.push_back({next_, choice_(random_)});
    }
    sendWaiting();
  }

  void sendWaiting() {
    while (!waiting_.empty() && !idle_.empty()) {
      const Exchange exchange = waiting_.front();
      waiting_.pop_front();
      start(idle_.back(), exchange.due, exchange.target);
    }
  }

  // The connection is the one that was used last: few stay in use at a low rate, as in a pool.
  void start(int i, Moment due, std::size_t target) {
    idle_.pop_back();
    const auto at = static_cast<std::size_t>(i);
    exchanges_[at] = {due, target};
    ++inFlight_;
    if (!connections_[at]->send(plan_.targets[target].bytes)) return replace(i);
    if (connections_[at]->wantsToWrite()) watch(EPOLL_CTL_MOD, i, EPOLLIN | EPOLLOUT);
  }

  void wait(Moment until) {
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    epoll_event events[64];
    const int count = epoll_pwait2(epoll_, events, 64, &timeout, nullptr);
    for (int k = 0; k < count; ++k) handle(static_cast<int>(events[k].data.u32), events[k].events);
  }

  void handle(int i, std::uint32_t events) {
    Connection& connection = *connections_[static_cast<std::size_t>(i)];
    if ((events & EPOLLOUT) != 0) {
      if (!connection.sendRest()) return replace(i);
      if (!connection.wantsToWrite()) watch(EPOLL_CTL_MOD, i, EPOLLIN);
    }
    if ((events & ~EPOLLOUT) == 0) return;
    const auto answer = connection.receive();
    if (connection.broken()) return replace(i);
    if (answer) finish(i, *answer);
  }

  void finish(int i, const Answer& answer) {
    const Exchange exchange = exchanges_[static_cast<std::size_t>(i)];
    const Target& target = plan_.targets[exchange.target];
    const Moment now = Clock::now();
    --inFlight_;
    idle_.push_back(i);
    if (answer.status > 299) ++figures_.non2xx;
    if (answer.bodyBytes < target.shortest || answer.bodyBytes > target.longest)
      ++figures_.wrongLength;
    const float latency = millisecondsBetween(exchange.due, now);
    figures_.latencies.push_back(latency);
    figures_.ofTargets[exchange.target].push_back(latency);
    if (!measuring_) return;
    if (now < end_) ++figures_.withinTime;
    if (plan_.rate > 0) {
      sendWaiting();
    } else if (now < end_) {
      start(i, now, targetOf(i));
    }
  }

  // A server may close what is idle; one that closes in mid-request has failed.
  void replace(int i) {
    const auto unused = std::find(idle_.begin(), idle_.end(), i);
    if (unused != idle_.end()) {
      idle_.erase(unused);
      return open(i);
    }
    ++figures_.errors;
    --inFlight_;
    open(i);
    if (measuring_ && plan_.rate == 0 && Clock::now() < end_) start(i, Clock::now(), targetOf(i));
  }

  const Plan& plan_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_;
  std::discrete_distribution<std::size_t> choice_;
  int epoll_ = -1;  // closed when the process ends
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Exchange> exchanges_;  // what each connection is at
  std::vector<int> idle_;
  std::deque<Exchange> waiting_;
  int inFlight_ = 0;
  bool measuring_ = false;
  Moment begin_, end_, next_;
  Figures figures_;
};

}  // namespace
}  // namespace bench

int main() {
  try {
    // As if on a machine of its own: what is due is sent before servers go on. Root may have it.
    setpriority(PRIO_PROCESS, 0, -15);
    prctl(PR_SET_TIMERSLACK, 1UL);  // else the kernel may wake 50 µs late to save power
    const bench::Plan plan = bench::readPlan(std::cin);
    bench::Figures figures = bench::Generator(plan).run();
    bench::print(std::cout, figures);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
