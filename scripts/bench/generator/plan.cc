#include "plan.h"

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

std::string contentsOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::invalid_argument("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Target readTarget(std::istringstream& line) {
  Target target;
  std::string path;
  line >> target.weight >> target.shortest >> target.longest >> path;
  target.bytes = contentsOf(path);
  return target;
}

void check(const Plan& plan) {
  if (plan.port == 0 || plan.targets.empty()) throw std::invalid_argument("no address or request");
  if (plan.connections < 1 || plan.connections > 10000 || !(plan.seconds > 0) || !(plan.rate >= 0))
    throw std::invalid_argument("connections, seconds or rate out of range");
  double weights = 0;
  for (const Target& target : plan.targets) {
    if (!(target.weight >= 0)) throw std::invalid_argument("a weight below 0");
    weights += target.weight;
  }
  if (!(weights > 0)) throw std::invalid_argument("all weights are 0");
}

}  // namespace

Plan readPlan(std::istream& input) {
  Plan plan;
  for (std::string text; std::getline(input, text);) {
    std::istringstream line(text);
    std::string key;
    line >> key;
    if (key == "address") {
      line >> plan.host >> plan.port;
    } else if (key == "connections") {
      line >> plan.connections;
    } else if (key == "seconds") {
      line >> plan.seconds;
    } else if (key == "rate") {
      line >> plan.rate;
    } else if (key == "bound") {
      line >> plan.bound;
    } else if (key == "seed") {
      line >> plan.seed;
    } else if (key == "request") {
      plan.targets.push_back(readTarget(line));
    } else {
      throw std::invalid_argument("unknown key " + key);
    }
    if (line.fail()) throw std::invalid_argument("not understood: " + text);
  }
  check(plan);
  return plan;
}

}  // namespace bench
