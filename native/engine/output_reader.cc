#include "output_reader.h"

#include <sstream>
#include <utility>

#include "../error.h"
#include "row_dicts.h"
#include "scalar_type.h"

namespace sconce {

namespace {

Error unsupported(const c10::IValue& value, const std::string& why) {
  return {"INVALID_OUTPUT", "the model returned " + value.type()->annotation_str() + ": " + why};
}

bool is_empty(const c10::IValue& value) {
  if (value.isTuple()) return value.toTupleRef().elements().empty();
  if (value.isList()) return value.toListRef().empty();
  return value.isGenericDict() && value.toGenericDict().empty();
}

}  // namespace

OutputReader::OutputReader(int rows, std::optional<at::ScalarType> converted)
    : rows_(rows), converted_(converted) {}

Signature OutputReader::read(const c10::IValue& value) {
  Signature signature{.outputs = {}, .structure = read_node(value, 0)};
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const at::Tensor& tensor = tensors_[i];
    const std::optional<DType> dtype = from_scalar_type(tensor.scalar_type());
    if (!dtype) {
      throw Error("INVALID_OUTPUT", std::string("the model returned elements of type ") +
                                        c10::toString(tensor.scalar_type()) +
                                        ", which no reply can carry");
    }
    signature.outputs.push_back(
        {.dtype = *dtype, .dims = tensor.sizes().slice(1).vec(), .padded = padded_[i]});
  }
  return signature;
}

OutputNode OutputReader::read_node(const c10::IValue& value, int depth) {
  if (value.isTensor()) {
    OutputNode node;
    node.tensor = add(value.toTensor(), false);
    return node;
  }
  if (depth > 1) throw unsupported(value, "nested more than one level deep");
  if (is_empty(value)) throw unsupported(value, "empty");
  if (value.isTuple()) return read_tuple(value, depth);
  if (value.isList()) return read_list(value, depth);
  if (value.isGenericDict()) return read_dict(value, depth);
  throw unsupported(value, "not a tensor, a tuple or list of tensors, or a Dict[str, Tensor]");
}

OutputNode OutputReader::read_tuple(const c10::IValue& value, int depth) {
  std::vector<c10::IValue> parts;
  const auto& elements = value.toTupleRef().elements();
  for (const c10::IValue& element : elements) {
    if (!is_empty(element)) parts.push_back(element);
  }
  if (parts.empty()) throw unsupported(value, "empty");
  if (parts.size() == 1 && elements.size() > 1) return read_node(parts.front(), depth);
  OutputNode node;
  node.kind = OutputNode::Kind::kList;
  for (const c10::IValue& part : parts) node.children.push_back(read_node(part, depth + 1));
  return node;
}

OutputNode OutputReader::read_list(const c10::IValue& value, int depth) {
  if (value.toListRef().front().isGenericDict()) return read_rows(value.toList());
  OutputNode node;
  node.kind = OutputNode::Kind::kList;
  for (const c10::IValue& element : value.toListRef()) {
    node.children.push_back(read_node(element, depth + 1));
  }
  return node;
}

OutputNode OutputReader::read_dict(const c10::IValue& value, int depth) {
  OutputNode node;
  node.kind = OutputNode::Kind::kFields;
  for (const auto& entry : value.toGenericDict()) {
    if (!entry.key().isString()) throw unsupported(value, "a dict whose keys are not strings");
    node.keys.push_back(entry.key().toStringRef());
    node.children.push_back(read_node(entry.value(), depth + 1));
  }
  return node;
}

OutputNode OutputReader::read_rows(const c10::List<c10::IValue>& dicts) {
  OutputNode node;
  node.kind = OutputNode::Kind::kFields;
  for (RowField& field : join_row_dicts(dicts, rows_)) {
    OutputNode child;
    child.tensor = add(field.values, field.padded);
    node.keys.push_back(std::move(field.name));
    node.children.push_back(std::move(child));
  }
  if (node.children.empty()) throw Error("INVALID_OUTPUT", "the model returned empty dicts");
  return node;
}

int OutputReader::add(const at::Tensor& tensor, bool padded) {
  if (!tensor.defined() || tensor.dim() == 0 || tensor.size(0) != rows_) {
    std::ostringstream given;
    if (tensor.defined()) given << tensor.sizes();
    throw Error("INVALID_OUTPUT",
                "the first dimension of every output must be the batch: expected " +
                    std::to_string(rows_) + " rows, the model returned the shape " + given.str());
  }
  if (tensor.layout() != at::kStrided) {
    throw Error("INVALID_OUTPUT", "the model returned a tensor that is not dense");
  }
  tensors_.push_back(tensor.scalar_type() == converted_ ? tensor.to(at::kFloat) : tensor);
  padded_.push_back(padded);
  return static_cast<int>(tensors_.size()) - 1;
}

}  // namespace sconce
