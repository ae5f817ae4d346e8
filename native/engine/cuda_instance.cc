#include "cuda_instance.h"

#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "../error.h"
#include "capture_lock.h"
#include "cuda_statistics.h"
#include "device_error.h"
#include "device_health.h"
#include "output_block.h"
#include "tf32.h"

namespace sconce {

namespace {

constexpr size_t kStages = 3;  // copy in, compute, copy out

// Makes the device of a model current for the calling thread, and returns its index.
int enter_device(c10::Device device) {
  c10::cuda::set_device(device.index());
  return device.index();
}

}  // namespace

// A batch that is queued. The instance outlives it.
class CudaInstance::DeviceRun : public Run {
 public:
  DeviceRun(const SharedModel& model, CudaSlot& slot) : model_(model), slot_(slot) {
    slot_.busy = true;
  }

  // A batch that nobody waits for any more still reads the slot and writes to the batch's memory.
  ~DeviceRun() override {
    const int device = model_.device.index();
    if (!ended_ && !has_device_failed(device) && !slot_.wait()) {
      mark_device_failed(device, "CUDA error: a batch could not be ended");
    }
    if (has_device_failed(device)) {
      keep_for_good(std::make_shared<std::vector<at::Tensor>>(std::move(outputs)));
    } else {
      slot_.busy = false;
    }
  }

  bool ready() override {
    if (ended_) return true;
    try {
      if (!slot_.reached()) return false;
    } catch (const std::exception& error) {
      rethrow_from(model_.device, "MODEL_FAILED", error);
    }
    count_batch(model_.device.index(), slot_.marks(), by_graph);
    end();
    return true;
  }

  BatchResult take_result() override { return std::move(result); }

  // Nothing of it is queued any more.
  void end() {
    ended_ = true;
    outputs.clear();
  }

  BatchResult result;
  // On the device, until they have been copied: LibTorch would give their memory to the next batch.
  std::vector<at::Tensor> outputs;
  bool by_graph = false;

 private:
  const SharedModel& model_;
  CudaSlot& slot_;
  bool ended_ = false;
};

CudaInstance::Parts::Parts(SharedModel& model)
    : lease(enter_device(model.device)), forward(model), graphs(forward, lease.streams()) {
  for (size_t i = 0; i < kStages; ++i) slots.emplace_back(lease.streams());
  // A module that remembers something was copied on the stream that is current.
  c10::cuda::getCurrentCUDAStream().synchronize();
}

CudaInstance::CudaInstance(SharedModel& model) : model_(model) {
  require_working(model.device);
  try {
    parts_ = std::make_unique<Parts>(model);
    count_device(model.device.index());
  } catch (const std::exception& error) {
    rethrow_from(model.device, "MODEL_LOAD_FAILED", error);
  }
}

CudaInstance::~CudaInstance() {
  if (!device_failed() && !parts_->lease.streams().drain()) {
    mark_device_failed(model_.device.index(), "CUDA error: its streams could not be ended");
  }
  if (device_failed()) keep_for_good(std::move(parts_));
}

size_t CudaInstance::max_in_flight() const { return kStages; }

bool CudaInstance::device_failed() const { return has_device_failed(model_.device.index()); }

std::vector<uint64_t> CudaInstance::parameter_pointers() const {
  return parts_->forward.parameter_pointers();
}

std::unique_ptr<Run> CudaInstance::submit(const Batch& batch) {
  require_working(model_.device);
  const c10::InferenceMode inference_mode(true);
  CudaSlot& slot = free_slot();
  auto run = std::make_unique<DeviceRun>(model_, slot);
  try {
    queue(batch, slot, *run);
  } catch (const std::exception& error) {
    // What was queued before the failure ends first. If it cannot, rethrow_from() finds out why.
    (void)parts_->lease.streams().drain();
    run->end();
    fail(error);
  }
  return run;
}

CudaSlot& CudaInstance::free_slot() {
  const auto found = std::find_if(parts_->slots.begin(), parts_->slots.end(),
                                  [](const CudaSlot& slot) { return !slot.busy; });
  if (found == parts_->slots.end()) {
    throw Error("INTERNAL", "more batches are under way than an instance takes");
  }
  return *found;
}

void CudaInstance::queue(const Batch& batch, CudaSlot& slot, DeviceRun& run) {
  std::vector<at::Tensor> inputs = slot.copy_in(batch);
  const c10::cuda::CUDAStreamGuard on_compute(parts_->lease.streams().compute);
  slot.begin_compute();
  ForwardResult computed;
  if (CapturedForward* graph = parts_->graphs.find(batch)) {
    computed = graph->run(inputs, batch.rows);
    run.by_graph = true;
  } else {
    for (size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = parts_->forward.as_computed_with(inputs[i], i);
    }
    std::optional<DrawLock> draws;
    if (model_.draws_numbers) draws.emplace();
    const TF32Pass pass(model_.tf32);
    computed = parts_->forward.run(std::move(inputs), batch.rows);
  }
  place(batch, std::move(computed), slot, run);
}

void CudaInstance::place(const Batch& batch, ForwardResult computed, CudaSlot& slot,
                         DeviceRun& run) {
  bool on_host = false;
  for (at::Tensor& output : computed.outputs) {
    on_host = on_host || output.is_cpu();
    if (!output.is_cpu()) output = output.to(model_.device).contiguous();
  }
  slot.end_compute();
  run.result.signature = std::move(computed.signature);
  run.result.rows = batch.rows;
  const OutputBlock block(batch, run.result);
  // The module may have queued the copy to the host.
  if (on_host) parts_->lease.streams().compute.synchronize();
  for (size_t i = 0; i < computed.outputs.size(); ++i) {
    at::Tensor output = std::move(computed.outputs[i]);
    if (output.nbytes() == 0) continue;
    if (output.is_cpu()) {
      output = output.contiguous();
      std::memcpy(block.at(i), output.const_data_ptr(), output.nbytes());
      continue;
    }
    slot.copy_out(output, block.at(i));
    run.outputs.push_back(std::move(output));
  }
  slot.finish();
}

std::optional<GraphCapture> CudaInstance::capture(const Batch& batch, size_t budget) {
  if (!model_.graphs) return std::nullopt;
  require_working(model_.device);
  const c10::InferenceMode inference_mode(true);
  GraphCapture capture{.rows = batch.rows, .bytes = 0, .problem = {}};
  if (parts_->graphs.has(batch)) return capture;
  try {
    const std::vector<at::Tensor> inputs = free_slot().copy_in(batch);
    capture.bytes = parts_->graphs.capture(batch, inputs, budget);
  } catch (const std::exception& error) {
    (void)parts_->lease.streams().drain();
    try {
      fail(error);
    } catch (const Error& translated) {
      if (translated.code() == "DEVICE_FAILED") throw;
      capture.problem = translated.what();
    }
  }
  return capture;
}

void CudaInstance::fail(const std::exception& error) {
  rethrow_from(model_.device, "MODEL_FAILED", error, parts_->forward.precision_note());
}

}  // namespace sconce
