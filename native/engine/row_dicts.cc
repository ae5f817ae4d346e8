#include "row_dicts.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "../error.h"

namespace sconce {

namespace {

Error wrong(size_t row, const std::string& field, const std::string& why) {
  return {"INVALID_OUTPUT", "the model returned one dict for each row; in row " +
                                std::to_string(row) + " \"" + field + "\" " + why};
}

std::string shape_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

// The tensors of one field, one for each row.
std::vector<at::Tensor> read_field(const c10::List<c10::IValue>& dicts, const c10::IValue& key) {
  std::vector<at::Tensor> tensors;
  for (size_t row = 0; row < dicts.size(); ++row) {
    const auto dict = dicts.get(row).toGenericDict();
    const auto found = dict.find(key);
    if (found == dict.end()) throw wrong(row, key.toStringRef(), "is missing");
    if (!found->value().isTensor() || !found->value().toTensor().defined()) {
      throw wrong(row, key.toStringRef(), "is not a tensor");
    }
    tensors.push_back(found->value().toTensor());
  }
  return tensors;
}

// How many entries each row has: the first dimension of every tensor that has one.
class Lengths {
 public:
  explicit Lengths(size_t rows) : lengths_(rows) {}

  void add(const std::string& field, const std::vector<at::Tensor>& tensors) {
    for (size_t row = 0; row < tensors.size(); ++row) {
      const int64_t length = tensors[row].size(0);
      if (lengths_[row].value_or(length) != length) {
        throw wrong(row, field,
                    "has the shape " + shape_of(tensors[row]) + ", and a field before it has " +
                        std::to_string(*lengths_[row]) + " entries");
      }
      lengths_[row] = length;
    }
  }

  [[nodiscard]] int64_t of(size_t row) const { return lengths_[row].value_or(0); }
  [[nodiscard]] int64_t longest() const {
    int64_t longest = 0;
    for (const std::optional<int64_t>& length : lengths_) {
      longest = std::max(longest, length.value_or(0));
    }
    return longest;
  }
  // int64 [rows].
  [[nodiscard]] at::Tensor tensor() const {
    std::vector<int64_t> values;
    for (size_t row = 0; row < lengths_.size(); ++row) values.push_back(of(row));
    return at::tensor(values, at::kLong);
  }

 private:
  std::vector<std::optional<int64_t>> lengths_;
};

at::Tensor pad(const std::string& field, const std::vector<at::Tensor>& tensors,
               const Lengths& lengths) {
  // Of a row without entries only the length counts: some models return [0] for it.
  const auto filled = std::find_if(tensors.begin(), tensors.end(),
                                   [](const at::Tensor& tensor) { return tensor.numel() > 0; });
  const at::Tensor& pattern = filled == tensors.end() ? tensors.front() : *filled;
  std::vector<int64_t> sizes = pattern.sizes().vec();
  sizes[0] = lengths.longest();
  sizes.insert(sizes.begin(), static_cast<int64_t>(tensors.size()));
  at::Tensor padded = at::zeros(sizes, pattern.options());
  for (size_t row = 0; row < tensors.size(); ++row) {
    if (tensors[row].numel() == 0) continue;
    if (tensors[row].sizes().slice(1) != pattern.sizes().slice(1)) {
      throw wrong(
          row, field,
          "has the shape " + shape_of(tensors[row]) + ", and in another row " + shape_of(pattern));
    }
    padded.select(0, static_cast<int64_t>(row)).narrow(0, 0, lengths.of(row)).copy_(tensors[row]);
  }
  return padded;
}

// One field in all rows, before it is padded.
struct OpenField {
  std::string name;
  std::vector<at::Tensor> tensors;

  [[nodiscard]] bool has_dimension() const { return tensors.front().dim() > 0; }
};

// In the order of the first dict.
std::vector<OpenField> read_fields(const c10::List<c10::IValue>& dicts) {
  std::vector<OpenField> fields;
  const auto first = dicts.get(0).toGenericDict();
  for (const auto& entry : first) {
    if (!entry.key().isString()) {
      throw Error("INVALID_OUTPUT", "the model returned a dict whose keys are not strings");
    }
    fields.push_back({entry.key().toStringRef(), read_field(dicts, entry.key())});
    const OpenField& field = fields.back();
    for (size_t row = 0; row < dicts.size(); ++row) {
      if ((field.tensors[row].dim() > 0) != field.has_dimension()) {
        throw wrong(row, field.name, "is a single number in some rows, and a list in others");
      }
    }
  }
  return fields;
}

}  // namespace

std::vector<RowField> join_row_dicts(const c10::List<c10::IValue>& dicts, int rows) {
  if (dicts.size() != static_cast<size_t>(rows)) {
    throw Error("INVALID_OUTPUT", "a list of dicts must hold one for each row: expected " +
                                      std::to_string(rows) + ", the model returned " +
                                      std::to_string(dicts.size()));
  }
  const std::vector<OpenField> fields = read_fields(dicts);
  Lengths lengths(dicts.size());
  for (const OpenField& field : fields) {
    if (field.has_dimension()) lengths.add(field.name, field.tensors);
  }
  std::vector<RowField> joined;
  bool counts = false;
  for (const OpenField& field : fields) {
    const bool padded = field.has_dimension();
    counts = counts || padded;
    at::Tensor values = padded ? pad(field.name, field.tensors, lengths) : at::stack(field.tensors);
    joined.push_back({field.name, std::move(values), padded});
  }
  if (!counts) return joined;
  for (const RowField& field : joined) {
    if (field.name == kCountField) throw wrong(0, field.name, "has the name of the rows' lengths");
  }
  joined.push_back({kCountField, lengths.tensor(), false});
  return joined;
}

}  // namespace sconce
