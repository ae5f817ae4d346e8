// Which model's batch is the next to get cores when there are not enough for all: start-time fair
// queueing (Goyal, Vin, Cheng, 1996) with several batches in service. Knows neither threads nor
// clocks; CorePermits does.
//
// Each model has a virtual time, which runs by the core time of its batches divided by its weight.
// The batch of the model that is furthest behind goes first. A model that had nothing to do begins
// where the others are: it can neither save up nor fall behind.
//
// A batch is not interrupted, but the operating system can run two threads on one core: a short
// batch of a model that is behind goes beside long ones, which would else hold it up for many times
// its own length.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace sconce {

class CoreShare {
 public:
  using Ticket = int64_t;

  // Throws Error when there are no cores.
  explicit CoreShare(int cores);

  // A model begins to take part; returns its number. A batch that takes longer than so many
  // microseconds is overdue. Throws Error unless weight is above 0.
  int join(double weight, double longest = std::numeric_limits<double>::infinity());

  // Withdraws what waits; what holds cores is given back as else.
  void leave(int member);

  // Asks for cores, at most all there are. Throws Error for a member that is not there.
  Ticket ask(int member, int cores);

  // The tickets that hold cores from now on, in the order in which they got them.
  std::vector<Ticket> grant();

  // A batch is over, after so many microseconds.
  void give_back(Ticket ticket, double microseconds);

  // Takes a ticket back, as if it had never been asked for.
  void withdraw(Ticket ticket);

  // True when a batch that has run for so many microseconds may never end: longer than
  // its model allows, or much longer than its batches do.
  [[nodiscard]] bool overdue(Ticket ticket, double microseconds) const;

  // Gives the cores of a batch to others while it goes on.
  void lend_out(Ticket ticket);

  // Counts core time that was taken without asking.
  void charge(int member, double core_microseconds);

 private:
  struct Member {
    double weight;
    double longest;         // microseconds
    double time;            // virtual: core microseconds by weight
    double typical = 0;     // core microseconds of a batch
    int tickets = 0;        // that wait or hold cores
    bool has_left = false;  // goes with its last ticket
  };
  struct Request {
    int member;
    int cores;
    bool holds = false;
    bool lent = false;
    bool beside = false;  // long ones, on cores that are taken
    double charged = 0;   // in advance, when it was granted
    int passed = 0;       // how often a later one was let through
  };

  [[nodiscard]] std::map<Ticket, Request>::iterator next_waiting(int most_cores);
  [[nodiscard]] std::map<Ticket, Request>::iterator next_on_free_cores();
  [[nodiscard]] std::map<Ticket, Request>::iterator next_beside_long_ones();
  void hold(Request& request);
  void release(const Request& request);
  void finish(std::map<Ticket, Request>::iterator request);
  void forget(int member);
  Member& member(int id);
  std::map<Ticket, Request>::iterator request(Ticket ticket);

  const int cores_;
  int free_;
  int beside_ = 0;    // cores of those that run beside long ones
  double floor_ = 0;  // the virtual time at which the latest batch began
  int next_member_ = 1;
  Ticket next_ticket_ = 1;
  std::map<int, Member> members_;
  std::map<Ticket, Request> requests_;
};

}  // namespace sconce
