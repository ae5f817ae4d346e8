#include "cuda_statistics.h"

#include <c10/cuda/CUDACachingAllocator.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "busy_time.h"
#include "cuda.h"

namespace sconce {

namespace {

// CUDA tells the time between two events as a float of milliseconds, which is exact to a
// microsecond for as long as this.
constexpr double kLongestStretch = 8;

// Times of the device's events, in seconds since its first batch.
class DeviceClock {
 public:
  // Takes the event, in exchange for another one, when it is far from the one that time is counted
  // from.
  double time_of(CudaEvent& event) {
    if (!origin_) {
      origin_.emplace();
      swap(*origin_, event);
      return 0;
    }
    const double since = event.seconds_since(*origin_);
    const double time = origin_time_ + since;
    if (since > kLongestStretch) {
      swap(*origin_, event);
      origin_time_ = time;
    }
    return time;
  }

 private:
  std::optional<CudaEvent> origin_;
  double origin_time_ = 0;
};

struct Counts {
  DeviceStatistics sums;
  BusyTime busy;
  DeviceClock clock;
};

struct Statistics {
  std::mutex mutex;
  std::map<int, Counts> of_device;
};

// Never destroyed: its events must not be when the process ends.
Statistics& statistics() {
  static Statistics& instance = *std::make_unique<Statistics>().release();
  return instance;
}

void add_allocator_bytes(DeviceStatistics& sums) {
  const auto stats =
      c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(sums.device));
  constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  sums.allocated_bytes = static_cast<size_t>(stats.allocated_bytes[kAll].current);
  sums.reserved_bytes = static_cast<size_t>(stats.reserved_bytes[kAll].current);
}

}  // namespace

void count_device(int device) {
  Statistics& all = statistics();
  const std::scoped_lock lock(all.mutex);
  all.of_device[device].sums.device = device;
}

void count_batch(int device, CudaMarks& marks, bool by_graph) noexcept {
  try {
    const double copy_in = marks.in_end.seconds_since(marks.in_begin);
    const double compute = marks.compute_end.seconds_since(marks.compute_begin);
    const double copy_out = marks.out_end.seconds_since(marks.out_begin);
    Statistics& all = statistics();
    const std::scoped_lock lock(all.mutex);
    Counts& counts = all.of_device[device];
    const double begin = counts.clock.time_of(marks.compute_begin);
    counts.busy.add(begin, begin + compute);
    ++counts.sums.batches;
    counts.sums.graph_batches += by_graph ? 1 : 0;
    counts.sums.copy_in_seconds += copy_in;
    counts.sums.compute_seconds += compute;
    counts.sums.copy_out_seconds += copy_out;
  } catch (const std::exception&) {
    (void)cudaGetLastError();
  }
}

GraphMemory::GraphMemory(int device, size_t bytes) : device_(device), bytes_(bytes) {
  Statistics& all = statistics();
  const std::scoped_lock lock(all.mutex);
  all.of_device[device_].sums.graph_bytes += bytes_;
}

GraphMemory::~GraphMemory() {
  Statistics& all = statistics();
  const std::scoped_lock lock(all.mutex);
  all.of_device[device_].sums.graph_bytes -= bytes_;
}

std::vector<DeviceStatistics> device_statistics() {
  std::vector<DeviceStatistics> result;
  Statistics& all = statistics();
  const std::scoped_lock lock(all.mutex);
  for (const auto& [device, counts] : all.of_device) {
    DeviceStatistics& sums = result.emplace_back(counts.sums);
    sums.busy_seconds = counts.busy.seconds();
    try {
      add_allocator_bytes(sums);
    } catch (const std::exception&) {
      // An allocator that keeps no statistics.
    }
  }
  return result;
}

}  // namespace sconce
