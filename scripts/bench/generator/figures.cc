#include "figures.h"

#include <algorithm>
#include <numeric>

namespace bench {
namespace {

double percentile(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(static_cast<double>(sorted.size()) * share);
  return sorted[std::min(at, sorted.size() - 1)];
}

}  // namespace

void print(std::ostream& output, Figures& figures) {
  std::sort(figures.latencies.begin(), figures.latencies.end());
  std::sort(figures.lateness.begin(), figures.lateness.end());
  const auto& latencies = figures.latencies;
  const double sum = std::accumulate(latencies.begin(), latencies.end(), 0.0);
  const auto count = static_cast<double>(latencies.size());
  output << "{\"requests\":" << latencies.size() << ",\"seconds\":" << figures.seconds
         << ",\"throughput\":" << static_cast<double>(figures.withinTime) / figures.seconds
         << ",\"errors\":" << figures.errors << ",\"non2xx\":" << figures.non2xx
         << ",\"wrongLength\":" << figures.wrongLength << ",\"queued\":" << figures.queued
         << ",\"mean\":" << (latencies.empty() ? 0 : sum / count)
         << ",\"p50\":" << percentile(latencies, 0.5) << ",\"p90\":" << percentile(latencies, 0.9)
         << ",\"p99\":" << percentile(latencies, 0.99)
         << ",\"p999\":" << percentile(latencies, 0.999)
         << ",\"latenessP50\":" << percentile(figures.lateness, 0.5)
         << ",\"latenessP99\":" << percentile(figures.lateness, 0.99) << ",\"targets\":[";
  for (std::size_t i = 0; i < figures.ofTargets.size(); ++i) {
    auto& own = figures.ofTargets[i];
    std::sort(own.begin(), own.end());
    output << (i > 0 ? "," : "") << "{\"requests\":" << own.size()
           << ",\"p50\":" << percentile(own, 0.5) << ",\"p99\":" << percentile(own, 0.99) << "}";
  }
  output << "]}\n";
}

}  // namespace bench
