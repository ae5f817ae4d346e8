#include "json_wrap.h"

#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "error.h"
#include "integer_range.h"
#include "json_reader.h"
#include "json_writer.h"
#include "napi_support.h"

namespace sconce {
namespace {

OutputNode read_structure(const Napi::Value& value, int nesting) {
  OutputNode node;
  if (value.IsNumber()) {
    node.tensor =
        static_cast<int>(read_integer(value, "structure", 0, std::numeric_limits<int>::max()));
    return node;
  }
  if (nesting == JsonWriter::kMaxNesting) {
    throw Error("INTERNAL", "the structure of the outputs is too deep");
  }
  const Napi::Object object = read_object(value, "structure");
  const Napi::Value list = object.Get("list");
  if (!list.IsUndefined()) {
    const Napi::Array items = read_array(list, "structure.list");
    node.kind = OutputNode::Kind::kList;
    for (uint32_t i = 0; i < items.Length(); ++i) {
      node.children.push_back(read_structure(items[i], nesting + 1));
    }
    return node;
  }
  const Napi::Array fields = read_array(object.Get("fields"), "structure.fields");
  node.kind = OutputNode::Kind::kFields;
  for (uint32_t i = 0; i < fields.Length(); ++i) {
    const Napi::Array field = read_array(fields[i], "structure.fields");
    node.keys.push_back(read_string(field[uint32_t{0}], "a key of the structure"));
    node.children.push_back(read_structure(field[uint32_t{1}], nesting + 1));
  }
  return node;
}

// Bounds that are undefined are none.
IntegerRange read_range(const Napi::Value& minimum, const Napi::Value& maximum) {
  constexpr int64_t kLargest = (int64_t{1} << 53) - 1;
  IntegerRange range;
  if (!minimum.IsUndefined()) range.minimum = read_integer(minimum, "minimum", -kLargest);
  if (!maximum.IsUndefined()) range.maximum = read_integer(maximum, "maximum", -kLargest);
  return range;
}

class JsonReaderWrap : public Napi::ObjectWrap<JsonReaderWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "JsonReader",
                       {InstanceMethod<&JsonReaderWrap::read>("read"),
                        InstanceMethod<&JsonReaderWrap::store>("store")});
  }

  explicit JsonReaderWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    translate_exceptions(info.Env(), [&] { reader_.emplace(read_fields(info[0])); });
  }

 private:
  static std::vector<JsonField> read_fields(const Napi::Value& value) {
    const Napi::Array array = read_array(value, "fields");
    std::vector<JsonField> fields;
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Object object = read_object(array[i], "a field");
      JsonField field{read_string(object.Get("name"), "name"),
                      read_dtype(object.Get("dtype")),
                      std::nullopt,
                      {}};
      const Napi::Value dims = object.Get("dims");
      if (!dims.IsNull()) field.dims = read_dims(dims, -1);
      field.range = read_range(object.Get("minimum"), object.Get("maximum"));
      fields.push_back(std::move(field));
    }
    return fields;
  }

  void read(const Napi::CallbackInfo& info) {
    translate_exceptions(info.Env(), [&] {
      const std::span<const uint8_t> body = read_bytes(info[0], "body");
      const auto summary =
          read_elements<int32_t>(info[1], napi_int32_array, "summary", "Int32Array");
      reader_->read(body);
      fill(summary);
    });
  }

  void fill(std::span<int32_t> summary) const {
    size_t at = 0;
    const auto put = [&](uint64_t number) {
      if (number > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
        throw Error("INVALID_REQUEST", "the request has too many rows or too large a dimension");
      }
      if (at == summary.size()) throw Error("INTERNAL", "summary is too short");
      summary[at++] = static_cast<int32_t>(number);
    };
    put(static_cast<uint64_t>(reader_->form()));
    put(reader_->rows());
    for (size_t i = 0; i < reader_->fields(); ++i) {
      const std::span<const int64_t> dims = reader_->dims(i);
      put(dims.size());
      for (const int64_t dim : dims) put(static_cast<uint64_t>(dim));
    }
  }

  void store(const Napi::CallbackInfo& info) {
    translate_exceptions(info.Env(), [&] {
      reader_->store(read_bytes(info[0], "target"),
                     read_elements<double>(info[1], napi_float64_array, "offsets", "Float64Array"));
    });
  }

  std::optional<JsonReader> reader_;
};

class JsonWriterWrap : public Napi::ObjectWrap<JsonWriterWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "JsonWriter", {InstanceMethod<&JsonWriterWrap::write>("write")});
  }

  explicit JsonWriterWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    translate_exceptions(info.Env(), [&] {
      writer_.emplace(read_outputs(info[0]), read_structure(info[1], 0), read_names(info[2]));
    });
  }

 private:
  static std::vector<TensorMeta> read_outputs(const Napi::Value& value) {
    const Napi::Array array = read_array(value, "outputs");
    std::vector<TensorMeta> outputs;
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Object object = read_object(array[i], "an output");
      outputs.push_back({read_dtype(object.Get("dtype")), read_dims(object.Get("dims"), 0)});
    }
    return outputs;
  }

  static std::optional<std::vector<std::string>> read_names(const Napi::Value& value) {
    if (value.IsNull()) return std::nullopt;
    const Napi::Array array = read_array(value, "names");
    std::vector<std::string> names;
    for (uint32_t i = 0; i < array.Length(); ++i) names.push_back(read_string(array[i], "names"));
    return names;
  }

  Napi::Value write(const Napi::CallbackInfo& info) {
    return translate_exceptions(info.Env(), [&]() -> Napi::Value {
      const std::string text = writer_->write(
          read_bytes(info[0], "block"), read_integer(info[1], "batchRows"),
          read_integer(info[2], "firstRow"), read_integer(info[3], "rows"),
          static_cast<RequestForm>(read_integer(info[4], "form", 0, kRequestForms - 1)));
      // The text is ASCII, which V8 takes as Latin-1 without decoding.
      napi_value result = nullptr;
      if (napi_create_string_latin1(info.Env(), text.data(), text.size(), &result) != napi_ok) {
        throw Error("INTERNAL",
                    "the reply of " + std::to_string(text.size()) + " bytes is too long");
      }
      return {info.Env(), result};
    });
  }

  std::optional<JsonWriter> writer_;
};

void copy_bytes(const Napi::CallbackInfo& info) {
  translate_exceptions(info.Env(), [&] {
    const std::span<uint8_t> target = read_bytes(info[0], "target");
    const auto target_offset = static_cast<size_t>(read_integer(info[1], "targetOffset"));
    const std::span<const uint8_t> source = read_bytes(info[2], "source");
    const auto source_offset = static_cast<size_t>(read_integer(info[3], "sourceOffset"));
    const auto length = static_cast<size_t>(read_integer(info[4], "length"));
    if (target_offset > target.size() || length > target.size() - target_offset ||
        source_offset > source.size() || length > source.size() - source_offset) {
      throw Error("INTERNAL", "copyBytes beyond the end of its source or target");
    }
    // The ranges may overlap: both may be views of one slab.
    if (length > 0) {
      std::memmove(target.data() + target_offset, source.data() + source_offset, length);
    }
  });
}

Napi::Value find_outlier(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&]() -> Napi::Value {
    const IntegerRange range = read_range(info[2], info[3]);
    const std::optional<Outlier> outlier =
        find_outlier(read_bytes(info[0], "bytes"), read_dtype(info[1]), range);
    if (!outlier) return info.Env().Undefined();
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("index", static_cast<double>(outlier->index));
    object.Set("value", static_cast<double>(outlier->value));
    object.Set("expected", range.describe());
    return object;
  });
}

}  // namespace

void register_json(Napi::Env env, Napi::Object exports) {
  exports.Set("JsonReader", JsonReaderWrap::define(env));
  exports.Set("JsonWriter", JsonWriterWrap::define(env));
  exports.Set("copyBytes", Napi::Function::New<copy_bytes>(env, "copyBytes"));
  exports.Set("findOutlier", Napi::Function::New<find_outlier>(env, "findOutlier"));
}

}  // namespace sconce
