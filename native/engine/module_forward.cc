#include "module_forward.h"

#include <utility>

#include "argument_list.h"
#include "module_tensors.h"
#include "output_reader.h"
#include "precision.h"

namespace sconce {

ModuleForward::ModuleForward(SharedModel& model) : model_(model), module_(model.copies->take()) {}

ModuleForward::~ModuleForward() { model_.copies->give_back(std::move(module_)); }

ForwardResult ModuleForward::run(std::vector<at::Tensor> inputs, int rows) {
  OutputReader reader(rows, model_.converted);
  Signature signature =
      reader.read(module_.forward(make_arguments(std::move(inputs), rows, model_.forms)));
  return {.signature = std::move(signature), .outputs = reader.tensors()};
}

at::Tensor ModuleForward::as_computed_with(const at::Tensor& input, size_t index) const {
  if (!model_.converted && !model_.channels_last) return input;
  const at::ScalarType given = input.scalar_type();
  const bool wide = given == at::kFloat || given == at::kDouble;
  const at::ScalarType type = model_.converted && wide ? *model_.converted : given;
  const bool in_rows =
      index >= model_.input_forms.size() || model_.input_forms[index] == InputForm::kRows;
  if (model_.channels_last && in_rows && input.dim() == 4) {
    return input.to(type, /*non_blocking=*/false, /*copy=*/false, at::MemoryFormat::ChannelsLast);
  }
  return input.to(type);
}

std::string ModuleForward::precision_note() const {
  if (!model_.converted) return {};
  return std::string(" (the model was converted to ") + precision_name(*model_.converted) + ")";
}

std::vector<uint64_t> ModuleForward::parameter_pointers() const {
  const ModuleTensors tensors(module_);
  return {tensors.pointers().begin(), tensors.pointers().end()};
}

}  // namespace sconce
