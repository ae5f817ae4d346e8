#include "embedding_lookup.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>

namespace sconce {

namespace {

using torch::jit::Node;
using torch::jit::Value;

constexpr size_t kIndexOperand = 1;
constexpr size_t kOffsetsOperand = 2;

const std::unordered_set<std::string> kKeepsElements{
    "aten::view",       "aten::reshape", "aten::flatten", "aten::unsqueeze",
    "aten::squeeze",    "aten::permute", "aten::t",       "aten::transpose",
    "aten::contiguous", "aten::clone",   "aten::slice",   "aten::select",
    "aten::narrow",     "aten::expand",  "aten::detach",  "prim::unchecked_cast"};
const std::unordered_set<std::string> kChangesElements{
    "aten::to", "aten::_cast_Long", "aten::add", "aten::sub", "aten::clamp", "aten::masked_fill"};

bool is_bag(const Node& node) {
  return std::string_view(node.kind().toQualString()) == "aten::embedding_bag";
}

bool is_lookup(const Node& node) {
  return is_bag(node) || std::string_view(node.kind().toQualString()) == "aten::embedding";
}

// What the branch of an if that ends here gives to the code after it.
const Value* after_branch(const torch::jit::Use& use) {
  if (use.user->kind() != c10::prim::Return) return nullptr;
  Node* owner = use.user->owningBlock()->owningNode();
  if (owner == nullptr || owner->kind() != c10::prim::If) return nullptr;
  return owner->outputs().at(use.offset);
}

// Every use of the value and of what is computed from it.
class Uses {
 public:
  Uses(const Value* value, bool changed) : changed_(changed) {
    follow(value);
    while (!open_.empty()) {
      const Value* next = open_.back();
      open_.pop_back();
      for (const torch::jit::Use& use : next->uses()) add(use);
    }
  }

  [[nodiscard]] const std::vector<torch::jit::Use>& found() const { return found_; }

 private:
  void follow(const Value* value) {
    if (seen_.insert(value).second) open_.push_back(value);
  }

  void add(const torch::jit::Use& use) {
    found_.push_back(use);
    if (const Value* after = after_branch(use)) follow(after);
    const std::string kind = use.user->kind().toQualString();
    const bool followed =
        kKeepsElements.contains(kind) || (changed_ && kChangesElements.contains(kind));
    if (followed && use.offset == 0 && use.user->outputs().size() == 1) follow(use.user->output());
  }

  bool changed_;
  std::unordered_set<const Value*> seen_;
  std::vector<const Value*> open_;
  std::vector<torch::jit::Use> found_;
};

}  // namespace

std::vector<Node*> embedding_lookups(const Value* value) {
  std::vector<Node*> lookups;
  const Uses uses(value, true);
  for (const torch::jit::Use& use : uses.found()) {
    if (use.offset == kIndexOperand && is_lookup(*use.user)) lookups.push_back(use.user);
  }
  return lookups;
}

bool is_embedding_index(const Value* value) {
  const Uses uses(value, false);
  return std::any_of(uses.found().begin(), uses.found().end(), [](const torch::jit::Use& use) {
    return (use.offset == kIndexOperand && is_lookup(*use.user)) ||
           (use.offset == kOffsetsOperand && is_bag(*use.user));
  });
}

}  // namespace sconce
