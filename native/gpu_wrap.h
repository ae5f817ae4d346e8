#pragma once

#include <napi.h>

namespace sconce {

// Exports readGpus, what the driver tells of GPUs, and deviceStatistics, what instances did on
// them.
void register_gpus(Napi::Env env, Napi::Object exports);

}  // namespace sconce
