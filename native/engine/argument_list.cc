#include "argument_list.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/mul.h>

#include <algorithm>
#include <utility>

#include "../error.h"

namespace sconce {

namespace {

c10::IValue list_of_rows(const at::Tensor& input) {
  c10::List<at::Tensor> list;
  list.reserve(static_cast<size_t>(input.size(0)));
  for (at::Tensor& row : input.unbind(0)) list.push_back(std::move(row));
  return list;
}

at::Tensor join_rows(const at::Tensor& input) {
  if (input.dim() < 2) {
    throw Error("INVALID_REQUEST",
                "the rows of this input are joined along their first dimension, and were given "
                "without one: expected a list of elements for each row");
  }
  return input.flatten(0, 1);
}

}  // namespace

std::vector<c10::IValue> make_arguments(std::vector<at::Tensor> inputs, int rows,
                                        std::span<const InputForm> forms) {
  std::vector<c10::IValue> arguments;
  arguments.reserve(std::max(forms.size(), inputs.size()));
  at::Tensor joined;  // [rows, n, …]: the one that offsets are of
  size_t next = 0;
  for (size_t i = 0; i < forms.size() || next < inputs.size(); ++i) {
    const InputForm form = i < forms.size() ? forms[i] : InputForm::kRows;
    if (form == InputForm::kOffsets) {
      if (!joined.defined()) {
        throw Error("INVALID_REQUEST", "offsets need a joined input before them");
      }
      const auto options = at::TensorOptions(at::kLong).device(joined.device());
      arguments.emplace_back(at::mul(at::arange(rows, options), joined.size(1)));
      continue;
    }
    if (next == inputs.size()) continue;  // has a default
    at::Tensor input = std::move(inputs[next++]);
    if (form == InputForm::kJoined) {
      arguments.emplace_back(join_rows(input));
      joined = std::move(input);
    } else if (form == InputForm::kList) {
      arguments.emplace_back(list_of_rows(input));
    } else {
      arguments.emplace_back(std::move(input));
    }
  }
  return arguments;
}

}  // namespace sconce
