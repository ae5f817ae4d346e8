#include "connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace bench {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::string_view kContentLength = "\r\ncontent-length:";
constexpr std::size_t kLongestHead = 64 * 1024;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// The number after Content-Length; answers without one are not read here.
std::optional<std::size_t> contentLength(std::string_view head) {
  for (std::size_t at = head.find('\r'); at != std::string_view::npos;
       at = head.find('\r', at + 1)) {
    const std::string_view line = head.substr(at);
    if (line.size() < kContentLength.size() ||
        strncasecmp(line.data(), kContentLength.data(), kContentLength.size()) != 0)
      continue;
    std::string_view digits = line.substr(kContentLength.size());
    while (!digits.empty() && digits.front() == ' ') digits.remove_prefix(1);
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), length);
    if (error == std::errc() && end != digits.begin()) return length;
  }
  return std::nullopt;
}

}  // namespace

Connection::Connection(const std::string& host, std::uint16_t port)
    : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (descriptor_ < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const int on = 1;
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 ||
      connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
      fcntl(descriptor_, F_SETFL, O_NONBLOCK) != 0) {
    const int error = errno;
    close(descriptor_);
    errno = error;
    fail("connect");
  }
}

Connection::~Connection() { close(descriptor_); }

bool Connection::send(std::string_view request) {
  unsent_ = request;
  return sendRest();
}

bool Connection::sendRest() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      broken_ = errno != EAGAIN && errno != EWOULDBLOCK;
      return !broken_;
    }
    unsent_.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<Answer> Connection::receive() {
  static std::array<char, 256 * 1024> buffer;
  const ssize_t count = recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return std::nullopt;
  if (count <= 0) {
    broken_ = true;
    return std::nullopt;
  }
  std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  if (!headRead_) {
    if (!head_.empty()) bytes = head_.append(bytes);
    const std::size_t end = bytes.find(kEndOfHead);
    if (end == std::string_view::npos) {
      if (head_.empty()) head_ = bytes;
      broken_ = head_.size() > kLongestHead;
      return std::nullopt;
    }
    if (!readHead(bytes.substr(0, end + kEndOfHead.size()))) return std::nullopt;
    bytes.remove_prefix(end + kEndOfHead.size());
  }
  if (bytes.size() > bodyLeft_) {
    broken_ = true;  // bytes that nobody has asked for
    return std::nullopt;
  }
  bodyLeft_ -= bytes.size();
  if (bodyLeft_ > 0) {
    head_.clear();
    return std::nullopt;
  }
  headRead_ = false;
  head_.clear();
  return answer_;
}

bool Connection::readHead(std::string_view head) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  const auto length = contentLength(head);
  int status = 0;
  if (head.starts_with(kVersion))
    std::from_chars(head.begin() + kVersion.size(), head.end(), status);
  if (status < 200 || !length) {
    broken_ = true;
    return false;
  }
  headRead_ = true;
  answer_ = {status, *length};
  bodyLeft_ = *length;
  return true;
}

}  // namespace bench
