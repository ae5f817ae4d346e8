#include "module_preparation.h"

#include <map>
#include <utility>

#include "../error.h"
#include "channels_last.h"
#include "failure.h"
#include "module_tensors.h"
#include "precision.h"

namespace sconce {

namespace {

void convert(torch::jit::Module& module, at::ScalarType type) {
  try {
    convert_module(module, type);
  } catch (const std::exception& error) {
    if (is_out_of_memory(error.what()) || is_device_failure(error)) {
      rethrow("MODEL_LOAD_FAILED", error);
    }
    throw Error("MODEL_LOAD_FAILED", std::string("the module cannot be converted to ") +
                                         precision_name(type) + ": " + first_line(error.what()));
  }
}

bool freeze(torch::jit::Module& module) {
  try {
    module = torch::jit::freeze(module);
    return true;
  } catch (const std::exception&) {
    return false;  // some modules cannot be frozen
  }
}

using NodeKinds = std::map<c10::Symbol, size_t>;

void count_kinds(const torch::jit::Block& block, NodeKinds& kinds) {
  for (const torch::jit::Node* node : block.nodes()) {
    ++kinds[node->kind()];
    for (const torch::jit::Block* inner : node->blocks()) count_kinds(*inner, kinds);
  }
}

NodeKinds count_kinds(const torch::jit::Module& module) {
  NodeKinds kinds;
  count_kinds(*module.get_method("forward").graph()->block(), kinds);
  return kinds;
}

// Changes the graph in place, so a failure may leave it half done. Every rewrite of LibTorch's
// replaces nodes by nodes of another kind.
bool optimize(torch::jit::Module& frozen) {
  const NodeKinds before = count_kinds(frozen);
  frozen = torch::jit::optimize_for_inference(frozen);
  return count_kinds(frozen) != before;
}

}  // namespace

PreparedModule prepare_module(torch::jit::Module module, const EnginePlan& plan) {
  PreparedModule prepared{.module = std::move(module)};
  if (const auto type = converted_type(plan.precision)) convert(prepared.module, *type);
  if (plan.channels_last) prepared.channels_last = order_channels_last(prepared.module);
  prepared.parameter_bytes = ModuleTensors(prepared.module).bytes();
  if (!plan.freeze) return prepared;
  const torch::jit::Module plain = prepared.module;
  prepared.frozen = freeze(prepared.module);
  if (!plan.optimize || !prepared.frozen) return prepared;
  try {
    prepared.optimized = optimize(prepared.module);
  } catch (const std::exception&) {
    prepared.module = plain;
    prepared.frozen = freeze(prepared.module);
  }
  return prepared;
}

}  // namespace sconce
