#include "event_conversion.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace sconce {

namespace {

Napi::Array dims_to_js(Napi::Env env, const std::vector<int64_t>& dims) {
  Napi::Array list = Napi::Array::New(env, dims.size());
  for (uint32_t i = 0; i < dims.size(); ++i) list[i] = static_cast<double>(dims[i]);
  return list;
}

Napi::Value structure_to_js(Napi::Env env, const OutputNode& node) {
  if (node.kind == OutputNode::Kind::kTensor) return Napi::Number::New(env, node.tensor);
  Napi::Array children = Napi::Array::New(env, node.children.size());
  for (uint32_t i = 0; i < node.children.size(); ++i) {
    const Napi::Value child = structure_to_js(env, node.children[i]);
    if (node.kind == OutputNode::Kind::kFields) {
      Napi::Array entry = Napi::Array::New(env, 2);
      entry[0U] = Napi::String::New(env, node.keys[i]);
      entry[1U] = child;
      children[i] = entry;
    } else {
      children[i] = child;
    }
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set(node.kind == OutputNode::Kind::kFields ? "fields" : "list", children);
  return object;
}

Napi::Object description_to_js(Napi::Env env, const ModelDescription& description) {
  Napi::Array arguments = Napi::Array::New(env, description.arguments.size());
  for (uint32_t i = 0; i < description.arguments.size(); ++i) {
    const Argument& argument = description.arguments[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", argument.name);
    object.Set("type", argument.type);
    if (argument.default_value) object.Set("default", *argument.default_value);
    object.Set("dtype", static_cast<double>(argument.dtype));
    if (argument.index_limit) {
      object.Set("indexLimit", static_cast<double>(*argument.index_limit));
    }
    arguments[i] = object;
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("arguments", arguments);
  object.Set("returns", description.returns);
  object.Set("parameterBytes", static_cast<double>(description.parameter_bytes));
  object.Set("loadMilliseconds", description.load_milliseconds);
  object.Set("frozen", description.frozen);
  object.Set("optimized", description.optimized);
  object.Set("channelsLast", description.channels_last);
  object.Set("straightLine", description.straight_line);
  if (!description.graphs_problem.empty()) {
    object.Set("graphsProblem", description.graphs_problem);
  }
  return object;
}

Napi::Value overflow_to_js(Napi::Env env, BatchEvent& event) {
  uint8_t* memory = event.overflow.release();
  const Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
      env, memory, event.overflow_bytes,
      [](Napi::BasicEnv, void* data) { AlignedDelete{}(static_cast<uint8_t*>(data)); });
  return Napi::Uint8Array::New(env, event.overflow_bytes, buffer, 0);
}

void fill(Napi::Object& object, BatchEvent& event) {
  const Napi::Env env = object.Env();
  object.Set("kind", "batch");
  object.Set("slab", event.slab);
  object.Set("rows", event.rows);
  object.Set("signature", event.signature);
  object.Set("queueMicroseconds", event.queue_microseconds);
  object.Set("computeMicroseconds", event.compute_microseconds);
  if (event.overflow != nullptr) object.Set("overflow", overflow_to_js(env, event));
  if (event.errors.empty()) return;
  Napi::Array errors = Napi::Array::New(env, event.errors.size());
  for (uint32_t i = 0; i < event.errors.size(); ++i) {
    Napi::Object error = Napi::Object::New(env);
    error.Set("row", event.errors[i].row);
    error.Set("rows", event.errors[i].rows);
    error.Set("code", event.errors[i].code);
    error.Set("message", event.errors[i].message);
    errors[i] = error;
  }
  object.Set("errors", errors);
}

Napi::Array numbers_to_js(Napi::Env env, const std::vector<double>& numbers) {
  Napi::Array list = Napi::Array::New(env, numbers.size());
  for (uint32_t i = 0; i < numbers.size(); ++i) list[i] = numbers[i];
  return list;
}

void set_error(Napi::Object& object, const std::optional<FailedEvent>& failure) {
  if (!failure) return;
  Napi::Object error = Napi::Object::New(object.Env());
  error.Set("code", failure->code);
  error.Set("message", failure->message);
  object.Set("error", error);
}

void fill(Napi::Object& object, LoadedEvent& event) {
  object.Set("kind", "loaded");
  object.Set("description", description_to_js(object.Env(), event.description));
  object.Set("loadMilliseconds", numbers_to_js(object.Env(), event.load_milliseconds));
}

void fill(Napi::Object& object, FailedEvent& event) {
  object.Set("kind", "failed");
  object.Set("code", event.code);
  object.Set("message", event.message);
}

Napi::Array graphs_to_js(Napi::Env env, const std::vector<GraphCapture>& graphs) {
  Napi::Array list = Napi::Array::New(env, graphs.size());
  for (uint32_t i = 0; i < graphs.size(); ++i) {
    Napi::Object graph = Napi::Object::New(env);
    graph.Set("rows", graphs[i].rows);
    graph.Set("bytes", static_cast<double>(graphs[i].bytes));
    if (!graphs[i].problem.empty()) graph.Set("problem", graphs[i].problem);
    list[i] = graph;
  }
  return list;
}

void fill(Napi::Object& object, WarmedEvent& event) {
  object.Set("kind", "warmed");
  object.Set("signature", event.signature);
  object.Set("microseconds", numbers_to_js(object.Env(), event.microseconds));
  if (!event.graphs.empty()) object.Set("graphs", graphs_to_js(object.Env(), event.graphs));
  set_error(object, event.error);
}

void fill(Napi::Object& object, TrialEvent& event) {
  object.Set("kind", "trial");
  object.Set("microseconds", numbers_to_js(object.Env(), event.microseconds));
  object.Set("deviation", event.deviation);
  object.Set("prepareMilliseconds", event.prepare_milliseconds);
  set_error(object, event.error);
}

void fill(Napi::Object& object, ScaledEvent& event) {
  object.Set("kind", "scaled");
  object.Set("instances", event.instances);
  object.Set("loadMilliseconds", numbers_to_js(object.Env(), event.load_milliseconds));
  set_error(object, event.error);
}

Napi::Float32Array floats_to_js(Napi::Env env, const std::vector<float>& values) {
  Napi::Float32Array array = Napi::Float32Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

void fill(Napi::Object& object, ExplainedEvent& event) {
  object.Set("kind", "explained");
  object.Set("id", static_cast<double>(event.id));
  object.Set("dims", dims_to_js(object.Env(), event.attributions.dims));
  object.Set("attributions", floats_to_js(object.Env(), event.attributions.values));
  set_error(object, event.error);
}

void fill(Napi::Object& object, LoopEvent& event) {
  object.Set("kind", "loop");
  object.Set("rows", event.rows);
  if (!event.reason.empty()) object.Set("reason", event.reason);
}

void fill(Napi::Object& object, PrintedEvent&) { object.Set("kind", "printed"); }

void fill(Napi::Object& object, DeviceFailedEvent& event) {
  object.Set("kind", "deviceFailed");
  object.Set("device", event.device);
  object.Set("message", event.message);
  object.Set("remaining", event.remaining);
}

void fill(Napi::Object& object, NoticeEvent& event) {
  object.Set("kind", "notice");
  object.Set("message", event.message);
}

void fill(Napi::Object& object, ClosedEvent&) { object.Set("kind", "closed"); }

}  // namespace

Napi::Value event_to_js(Napi::Env env, Event event) {
  Napi::Object object = Napi::Object::New(env);
  std::visit(
      [&](auto& concrete) {
        fill(object, concrete);
        object.Set("model", concrete.model);
      },
      event);
  return object;
}

Napi::Object signature_to_js(Napi::Env env, const Signature& signature) {
  Napi::Array outputs = Napi::Array::New(env, signature.outputs.size());
  for (uint32_t i = 0; i < signature.outputs.size(); ++i) {
    Napi::Object output = Napi::Object::New(env);
    output.Set("dtype", static_cast<double>(signature.outputs[i].dtype));
    output.Set("dims", dims_to_js(env, signature.outputs[i].dims));
    outputs[i] = output;
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("outputs", outputs);
  object.Set("structure", structure_to_js(env, signature.structure));
  return object;
}

}  // namespace sconce
