#include "integrated_gradients.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/autograd.h>

#ifdef SCONCE_CUDA
#include <c10/cuda/CUDAFunctions.h>

#include "tf32.h"
#endif

#include <algorithm>
#include <map>
#include <utility>

#include "../error.h"
#include "device_error.h"
#include "embedding_cut.h"
#include "explained_forward.h"
#include "failure.h"
#include "forward_signature.h"
#include "gauss_legendre.h"
#include "module_file.h"
#include "tensor_memory.h"

namespace sconce {

namespace {

// Points that go through the model at once: a bound for the memory of their activations.
constexpr int64_t kMostPoints = 16;
constexpr int64_t kMostPointBytes = 2 << 20;

int points_at_once(const at::Tensor& point) {
  const int64_t bytes = std::max<int64_t>(static_cast<int64_t>(point.nbytes()), 1);
  return static_cast<int>(std::clamp<int64_t>(kMostPointBytes / bytes, 1, kMostPoints));
}

// The straight line from the baseline to the input: vectors, of the input or of its embedding.
struct Line {
  at::Tensor from;
  at::Tensor to;
};

// One explanation, on a module that is ready for it.
class Explanation {
 public:
  Explanation(ExplainedForward& forward, std::span<const InputForm> forms,
              const ExplanationRequest& request, c10::Device device,
              const std::atomic<bool>& cancelled)
      : forward_(forward), forms_(forms), request_(request), cancelled_(cancelled) {
    for (const ExplanationInput& input : request.inputs) {
      rows_.push_back(wrap_memory(input.data.data(), 1, input.dims, input.dtype).to(device));
    }
    const at::Tensor& row = rows_[request.input];
    baseline_ = at::zeros_like(row);
    if (request.baseline) {
      const ExplanationInput& input = request.inputs[request.input];
      baseline_.copy_(wrap_memory(request.baseline->data(), 1, input.dims, input.dtype));
    }
  }

  Attributions run() {
    const bool cuts = !rows_[request_.input].is_floating_point();
    const Line line =
        cuts ? line_of_embedding() : Line{baseline_.squeeze(0), rows_[request_.input].squeeze(0)};
    const int points = cuts && !axis_ ? 1 : std::min(points_at_once(line.to), request_.steps);
    at::Tensor attributions;
    try {
      attributions = integrate(line, points);
    } catch (const std::exception& error) {
      if (points == 1 || !may_succeed_alone(error)) throw;
      attributions = integrate(line, 1);  // a model that does not take batches
    }
    if (cuts && one_vector_for_each_row()) {
      const int64_t axis = axis_.value_or(0);
      if (attributions.dim() > axis && attributions.size(axis) == 1) {
        attributions = attributions.squeeze(axis);
      }
    }
    attributions = attributions.to(at::kCPU, at::kFloat).contiguous();
    const float* values = attributions.const_data_ptr<float>();
    return {.dims = attributions.sizes().vec(), .values = {values, values + attributions.numel()}};
  }

 private:
  static bool may_succeed_alone(const std::exception& error) {
    const auto* known = dynamic_cast<const Error*>(&error);
    return known == nullptr || known->code() == "MODEL_FAILED" || known->code() == "INVALID_OUTPUT";
  }

  [[nodiscard]] bool one_vector_for_each_row() const {
    const size_t argument = argument_of_input(forms_, request_.input);
    const InputForm form = argument < forms_.size() ? forms_[argument] : InputForm::kRows;
    return forward_.bag() || form == InputForm::kRows;
  }

  // Every input repeated, the explained one replaced. Copies: a model may write to its inputs.
  [[nodiscard]] std::vector<at::Tensor> inputs_of(int64_t count,
                                                  const at::Tensor& explained) const {
    std::vector<at::Tensor> inputs;
    for (size_t i = 0; i < rows_.size(); ++i) {
      inputs.push_back(i == request_.input ? explained : repeat(rows_[i], count));
    }
    return inputs;
  }

  static at::Tensor repeat(const at::Tensor& row, int64_t count) {
    std::vector<int64_t> sizes = row.sizes().vec();
    sizes[0] = count;
    return row.expand(sizes).clone(at::MemoryFormat::Contiguous);
  }

  // What is looked up for some rows of the explained input.
  [[nodiscard]] at::Tensor look_up(const at::Tensor& ids) {
    const at::NoGradGuard no_grad;
    const EmbeddingCut cut(std::nullopt);
    const int64_t count = ids.size(0);
    forward_.run(inputs_of(count, ids), static_cast<int>(count));
    if (cut.lookups() != 1) {
      throw Error("EXPLANATION_UNSUPPORTED",
                  "the embedding of the input is used " + std::to_string(cut.lookups()) +
                      " times; only one that is used once can be explained");
    }
    return cut.embedded().detach();
  }

  Line line_of_embedding() {
    const at::Tensor& ids = rows_[request_.input];
    Line line{.from = look_up(repeat(baseline_, 1)), .to = look_up(repeat(ids, 1))};
    if (line.from.sizes() != line.to.sizes()) {
      throw Error("EXPLANATION_UNSUPPORTED",
                  "the embedding of the baseline has another shape than that of the input");
    }
    axis_ = find_axis(ids, line.to);
    return line;
  }

  // The dimension of the embedding along which more rows make it longer; none when the model does
  // not take two rows.
  std::optional<int64_t> find_axis(const at::Tensor& ids, const at::Tensor& single) {
    at::Tensor both;
    try {
      both = look_up(repeat(ids, 2));
    } catch (const std::exception&) {
      return std::nullopt;
    }
    if (both.dim() != single.dim()) return std::nullopt;
    std::optional<int64_t> axis;
    for (int64_t i = 0; i < both.dim(); ++i) {
      if (both.size(i) == single.size(i)) continue;
      if (axis || both.size(i) != 2 * single.size(i)) return std::nullopt;
      axis = i;
    }
    return axis;
  }

  // The target for some points of the line: [count].
  at::Tensor target_at(const at::Tensor& points) {
    const int64_t count = points.size(0);
    const auto rows = static_cast<int>(count);
    if (rows_[request_.input].is_floating_point()) {
      return forward_.target(inputs_of(count, points.clone()), rows, request_.output,
                             request_.target);
    }
    const at::Tensor embedded = axis_ ? at::cat(points.unbind(0), *axis_) : points.squeeze(0);
    const EmbeddingCut cut(embedded);
    return forward_.target(inputs_of(count, repeat(rows_[request_.input], count)), rows,
                           request_.output, request_.target);
  }

  at::Tensor gradient_at(const at::Tensor& points) {
#ifdef SCONCE_CUDA
    std::optional<TF32Pass> pass;
    if (points.is_cuda()) pass.emplace(/*tf32=*/false);
#endif
    const at::Tensor target = target_at(points).sum();
    if (!target.requires_grad()) throw no_path();
    const at::Tensor gradient = torch::autograd::grad({target}, {points}, {}, std::nullopt,
                                                      /*create_graph=*/false,
                                                      /*allow_unused=*/true)
                                    .front();
    if (!gradient.defined()) throw no_path();
    return gradient;
  }

  static Error no_path() {
    return {
        "EXPLANATION_UNSUPPORTED",
        "no gradient leads from the output to the input: the model computes it without, or from "
        "other inputs"};
  }

  // (to − from) · Σ weight · gradient.
  at::Tensor integrate(const Line& line, int points_each) {
    const Quadrature rule = gauss_legendre(request_.steps);
    const at::Tensor difference = line.to - line.from;
    at::Tensor sum = at::zeros_like(difference);
    std::vector<int64_t> shape(static_cast<size_t>(difference.dim()) + 1, 1);
    for (int first = 0; first < request_.steps; first += points_each) {
      if (cancelled_) throw Error("MODEL_CLOSED", "the model was unloaded");
      const int count = std::min(points_each, request_.steps - first);
      shape[0] = count;
      const auto part = [&](const std::vector<double>& values) {
        return at::tensor(at::ArrayRef<double>(values).slice(first, count), at::kDouble)
            .to(difference.options())
            .view(shape);
      };
      const at::Tensor points =
          (line.from + part(rule.points) * difference).detach().requires_grad_();
      sum += (gradient_at(points) * part(rule.weights)).sum(0);
    }
    return sum * difference;
  }

  ExplainedForward& forward_;
  std::span<const InputForm> forms_;
  const ExplanationRequest& request_;
  const std::atomic<bool>& cancelled_;
  std::vector<at::Tensor> rows_;  // [1, …]
  at::Tensor baseline_;           // [1, …]
  std::optional<int64_t> axis_;   // of an embedding
};

class TorchScriptExplainer : public EngineExplainer {
 public:
  explicit TorchScriptExplainer(const EngineOptions& options)
      : device_(parse_device(options.device)),
        module_(read_module(options.path, device_)),
        forms_(argument_forms(module_, options.input_forms)) {
#ifdef SCONCE_CUDA
    if (device_.is_cuda()) c10::cuda::set_device(device_.index());
#endif
    for (const at::Tensor& parameter : module_.parameters()) parameter.set_requires_grad(false);
  }

  Attributions explain(const ExplanationRequest& request,
                       const std::atomic<bool>& cancelled) override {
    try {
      const bool cuts = !at::isFloatingType(to_scalar_type(request.inputs[request.input].dtype));
      Explanation explanation(forward_of(request.input, cuts), forms_, request, device_, cancelled);
      return explanation.run();
    } catch (const std::exception& error) {
      rethrow_from(device_, "MODEL_FAILED", error);
    }
  }

 private:
  ExplainedForward& forward_of(size_t input, bool cuts) {
    const std::optional<size_t> cut_input = cuts ? std::optional(input) : std::nullopt;
    const auto found = forwards_.find(cut_input);
    if (found != forwards_.end()) return found->second;
    return forwards_.try_emplace(cut_input, module_, forms_, cut_input).first->second;
  }

  c10::Device device_;
  torch::jit::Module module_;
  std::vector<InputForm> forms_;
  // By the input whose embedding is cut off.
  std::map<std::optional<size_t>, ExplainedForward> forwards_;
};

}  // namespace

std::unique_ptr<EngineExplainer> load_explainer(const EngineOptions& options) {
  try {
    return std::make_unique<TorchScriptExplainer>(options);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    rethrow("MODEL_LOAD_FAILED", error);
  }
}

}  // namespace sconce
