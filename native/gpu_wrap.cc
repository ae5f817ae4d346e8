#include "gpu_wrap.h"

#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/cuda.h"
#include "execution_thread.h"
#include "napi_support.h"
#include "nvml.h"

namespace sconce {

namespace {

Napi::Value percent(Napi::Env env, const std::optional<unsigned>& value) {
  return value ? Napi::Value(Napi::Number::New(env, *value)) : env.Null();
}

Napi::Object to_js(Napi::Env env, const Gpu& gpu) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("index", gpu.index);
  object.Set("deviceId",
             gpu.device ? Napi::Value(Napi::Number::New(env, *gpu.device)) : env.Null());
  object.Set("name", gpu.name);
  object.Set("memoryUsedBytes", static_cast<double>(gpu.memory_used));
  object.Set("memoryTotalBytes", static_cast<double>(gpu.memory_total));
  object.Set("utilization", percent(env, gpu.utilization));
  object.Set("memoryUtilization", percent(env, gpu.memory_utilization));
  return object;
}

Napi::Object to_js(Napi::Env env, const GpuReading& reading) {
  Napi::Array gpus = Napi::Array::New(env, reading.gpus.size());
  for (uint32_t i = 0; i < reading.gpus.size(); ++i) gpus[i] = to_js(env, reading.gpus[i]);
  Napi::Object object = Napi::Object::New(env);
  object.Set("gpus", gpus);
  if (!reading.problem.empty()) object.Set("problem", reading.problem);
  return object;
}

GpuReading read_or_explain() noexcept {
  try {
    return read_gpus();
  } catch (const std::exception&) {
    return {};  // no memory for a text that says so
  }
}

// The way back to one environment, for threads that may outlive it: it is not to be touched any
// more once it is torn down, not even through a ThreadSafeFunction that was acquired.
class Answers {
 public:
  // For the thread of the environment.
  static std::shared_ptr<Answers> open(Napi::Env env) {
    auto answers = std::make_shared<Answers>();
    answers->wake_ = Napi::ThreadSafeFunction::New(env, Napi::Function(), "sconce gpus", 0, 1);
    answers->wake_.Unref(env);
    // Runs before the function's own hook because it is added after it: hooks run in reverse.
    env.AddCleanupHook([answers] { answers->close(); });
    return answers;
  }

  // From any thread; without effect when the environment is gone.
  void resolve(const Napi::Promise::Deferred& answer, std::shared_ptr<const GpuReading> reading) {
    const std::scoped_lock lock(mutex_);
    if (!is_open_) return;
    wake_.NonBlockingCall([answer, reading = std::move(reading)](Napi::Env env, Napi::Function) {
      const Napi::HandleScope scope(env);
      answer.Resolve(to_js(env, *reading));
    });
  }

 private:
  void close() {
    const std::scoped_lock lock(mutex_);
    is_open_ = false;
    wake_.Release();
  }

  std::mutex mutex_;
  bool is_open_ = true;
  Napi::ThreadSafeFunction wake_;
};

// A driver that hangs holds a thread that nobody else needs. It is not joined: the process can end
// without it.
Napi::Value start_reading(Napi::Env env, const std::shared_ptr<Answers>& answers) {
  const auto answer = Napi::Promise::Deferred::New(env);
  try {
    std::thread([answer, answers] {
      become_background_thread("sconce-gpus");
      answers->resolve(answer, std::make_shared<const GpuReading>(read_or_explain()));
    }).detach();
  } catch (const std::system_error& error) {
    GpuReading none;
    none.problem = std::string("no thread can be started: ") + error.what();
    answer.Resolve(to_js(env, none));
  }
  return answer.Promise();
}

Napi::Value list_statistics(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const Napi::Env env = info.Env();
    const auto devices = device_statistics();
    Napi::Array list = Napi::Array::New(env, devices.size());
    for (uint32_t i = 0; i < devices.size(); ++i) {
      const DeviceStatistics& device = devices[i];
      Napi::Object row = Napi::Object::New(env);
      row.Set("device", "cuda:" + std::to_string(device.device));
      row.Set("batches", static_cast<double>(device.batches));
      row.Set("graphBatches", static_cast<double>(device.graph_batches));
      row.Set("busySeconds", device.busy_seconds);
      row.Set("copyInSeconds", device.copy_in_seconds);
      row.Set("computeSeconds", device.compute_seconds);
      row.Set("copyOutSeconds", device.copy_out_seconds);
      row.Set("allocatedBytes", static_cast<double>(device.allocated_bytes));
      row.Set("reservedBytes", static_cast<double>(device.reserved_bytes));
      row.Set("graphBytes", static_cast<double>(device.graph_bytes));
      list[i] = row;
    }
    return list;
  });
}

}  // namespace

void register_gpus(Napi::Env env, Napi::Object exports) {
  const auto read = [answers = std::shared_ptr<Answers>()](
                        const Napi::CallbackInfo& info) mutable -> Napi::Value {
    return translate_exceptions(info.Env(), [&] {
      if (answers == nullptr) answers = Answers::open(info.Env());
      return start_reading(info.Env(), answers);
    });
  };
  exports.Set("readGpus", Napi::Function::New(env, read, "readGpus"));
  exports.Set("deviceStatistics", Napi::Function::New<list_statistics>(env));
}

}  // namespace sconce
