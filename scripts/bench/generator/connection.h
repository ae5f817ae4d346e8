// One keep-alive connection with at most one request in flight.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

struct Answer {
  int status = 0;
  std::size_t bodyBytes = 0;
};

class Connection {
 public:
  // Connects at once. Throws std::system_error.
  Connection(const std::string& host, std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return descriptor_; }
  // True while bytes of the request wait until the socket takes more.
  bool wantsToWrite() const { return !unsent_.empty(); }

  // Sends as much as the socket takes; `request` must outlive the answer. False: the connection
  // broke.
  bool send(std::string_view request);
  bool sendRest();

  // Reads what is there. The answer, when it is whole; `broken()` says whether there will be none.
  std::optional<Answer> receive();
  bool broken() const { return broken_; }

 private:
  bool readHead(std::string_view bytes);

  int descriptor_;
  bool broken_ = false;
  std::string_view unsent_;
  std::string head_;  // of an answer whose head has not come whole
  bool headRead_ = false;
  Answer answer_;
  std::size_t bodyLeft_ = 0;
};

}  // namespace bench
