// The protobuf messages of ONNX, field by field over a CodedInputStream, and all checks of what they hold.
#include "tests/conformance/onnx_file.h"

#include <google/protobuf/io/coded_stream.h>

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace polyphase::onnx {
namespace {

// ---- Element types

// The fields of a TensorProto that can hold its elements, as bits.
enum Source : uint32_t {
  kRawData = 1,
  kFloatData = 2,
  kInt32Data = 4,
  kInt64Data = 8,
  kDoubleData = 16,
  kUint64Data = 32,
};

struct SourceName {
  Source source;
  const char* name;
};
constexpr SourceName kSources[] = {{kRawData, "raw_data"},       {kFloatData, "float_data"},
                                   {kInt32Data, "int32_data"},   {kInt64Data, "int64_data"},
                                   {kDoubleData, "double_data"}, {kUint64Data, "uint64_data"}};

struct TypeInfo {
  ElementType type;
  const char* name;
  size_t bytes;
  Source source;  // besides raw_data
  // Of kInt32Data and kUint64Data, whose numbers may be wider than the elements. Half floats are there as their bits.
  int64_t lowest;
  int64_t largest;
};
constexpr TypeInfo kTypes[] = {
    {ElementType::kFloat, "FLOAT", 4, kFloatData, 0, 0},
    {ElementType::kUint8, "UINT8", 1, kInt32Data, 0, UINT8_MAX},
    {ElementType::kInt8, "INT8", 1, kInt32Data, INT8_MIN, INT8_MAX},
    {ElementType::kUint16, "UINT16", 2, kInt32Data, 0, UINT16_MAX},
    {ElementType::kInt16, "INT16", 2, kInt32Data, INT16_MIN, INT16_MAX},
    {ElementType::kInt32, "INT32", 4, kInt32Data, INT32_MIN, INT32_MAX},
    {ElementType::kInt64, "INT64", 8, kInt64Data, 0, 0},
    {ElementType::kBool, "BOOL", 1, kInt32Data, 0, 1},
    {ElementType::kFloat16, "FLOAT16", 2, kInt32Data, 0, UINT16_MAX},
    {ElementType::kDouble, "DOUBLE", 8, kDoubleData, 0, 0},
    {ElementType::kUint32, "UINT32", 4, kUint64Data, 0, UINT32_MAX},
    {ElementType::kUint64, "UINT64", 8, kUint64Data, 0, 0},
    {ElementType::kBfloat16, "BFLOAT16", 2, kInt32Data, 0, UINT16_MAX},
};

const TypeInfo* FindType(ElementType type) {
  for (const TypeInfo& info : kTypes) {
    if (info.type == type) return &info;
  }
  return nullptr;
}

bool IsOnnxDomain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

// ---- Messages

enum Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number;
  uint32_t wire;
};

// Every method that returns bool leaves error() when that is false.
class Parser {
 public:
  Parser(const uint8_t* bytes, int size) : in_(bytes, size) { in_.PushLimit(size); }

  const std::string& error() const { return error_; }

  bool ParseModel(Model* model) {
    bool has_graph = false;
    const bool ok = Fields([&](Field field) {
      switch (field.number) {
        case 7:
          has_graph = true;
          return Message(field, "graph", kNoIndex, [&](Field f) { return GraphField(f, model); });
        case 8: return OpsetImport(field, &model->opset);
        default: return Skip(field);
      }
    });
    if (!ok) return false;
    if (!has_graph) return Fail("there is no graph");
    if (model->opset < 1) return Fail("opset_import: there is no version of ONNX's own operators");
    return true;
  }

  bool ParseTensor(Tensor* tensor) {
    TensorFields fields;
    return Fields([&](Field f) { return TensorField(f, tensor, &fields); }) && FinishTensor(tensor, &fields);
  }

  bool ParseOpTypes(std::vector<std::string>* op_types) {
    const auto node = [&](Field field) { return field.number == 4 ? TextOf(field, "op_type", op_types) : Skip(field); };
    const auto graph = [&](Field field) {
      return field.number == 1 ? Message(field, "node", op_types->size(), node) : Skip(field);
    };
    return Fields(
        [&](Field field) { return field.number == 7 ? Message(field, "graph", kNoIndex, graph) : Skip(field); });
  }

 private:
  static constexpr size_t kNoIndex = SIZE_MAX;

  // Where the parser is, for error(): "graph", "node[3]", "attribute[0]".
  class Scope {
   public:
    Scope(Parser* parser, const char* name, size_t index) : parser_(parser) {
      parser_->path_.emplace_back(name, index);
    }
    ~Scope() { parser_->path_.pop_back(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Parser* parser_;
  };

  struct TensorFields {
    uint32_t sources = 0;           // those that hold anything
    std::vector<uint8_t> bytes;     // of raw_data, float_data, double_data
    std::vector<uint64_t> numbers;  // of the others
    bool external = false;
  };

  __attribute__((format(printf, 2, 3))) bool Fail(const char* format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    std::vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    error_.clear();
    for (const auto& [name, index] : path_) {
      if (!error_.empty()) error_ += '.';
      error_ += name;
      if (index != kNoIndex) error_ += '[' + std::to_string(index) + ']';
    }
    if (!error_.empty()) error_ += ": ";
    error_ += text;
    return false;
  }

  // ---- Wire format

  int Left() const { return in_.BytesUntilLimit(); }

  template <typename OnField>
  bool Fields(const OnField& on_field) {
    while (Left() > 0) {
      const int at = in_.CurrentPosition();
      const uint32_t tag = in_.ReadTag();
      if (tag >> 3 == 0) return Fail("there is no field at byte %d", at);
      if (!on_field(Field{tag >> 3, tag & 7})) return false;
    }
    return true;
  }

  bool Expect(Field field, Wire wire) {
    return field.wire == wire || Fail("wire type %u before byte %d where %u is expected", field.wire,
                                      in_.CurrentPosition(), static_cast<uint32_t>(wire));
  }

  bool Length(int* length) {
    uint64_t value = 0;
    if (!in_.ReadVarint64(&value)) return Fail("the length is cut off at byte %d", in_.CurrentPosition());
    if (value > static_cast<uint64_t>(Left())) {
      return Fail("a length of %" PRIu64 " at byte %d, where only %d bytes are left", value, in_.CurrentPosition(),
                  Left());
    }
    *length = static_cast<int>(value);
    return true;
  }

  bool Number(Wire wire, uint64_t* value) {
    uint32_t narrow = 0;
    bool ok = false;
    switch (wire) {
      case kVarint: ok = in_.ReadVarint64(value); break;
      case kFixed64: ok = in_.ReadLittleEndian64(value); break;
      case kFixed32:
        ok = in_.ReadLittleEndian32(&narrow);
        *value = narrow;
        break;
      case kBytes: break;
    }
    return ok || Fail("the value is cut off at byte %d", in_.CurrentPosition());
  }

  bool Skip(Field field) {
    const Scope scope(this, "field", field.number);
    uint64_t ignored = 0;
    int length = 0;
    switch (field.wire) {
      case kVarint:
      case kFixed64:
      case kFixed32: return Number(static_cast<Wire>(field.wire), &ignored);
      case kBytes: return Length(&length) && (in_.Skip(length) || Fail("cut off"));
      default: return Fail("wire type %u before byte %d, which ONNX does not use", field.wire, in_.CurrentPosition());
    }
  }

  bool Value(Field field, const char* name, Wire wire, uint64_t* value) {
    const Scope scope(this, name, kNoIndex);
    return Expect(field, wire) && Number(wire, value);
  }

  bool Bytes(Field field, const char* name, size_t index, std::string* bytes) {
    const Scope scope(this, name, index);
    int length = 0;
    return Expect(field, kBytes) && Length(&length) && (in_.ReadString(bytes, length) || Fail("cut off"));
  }

  // For error messages and test names: no control characters, and no zero.
  bool Text(Field field, const char* name, size_t index, std::string* text) {
    if (!Bytes(field, name, index, text)) return false;
    const Scope scope(this, name, index);
    for (const char c : *text) {
      if (static_cast<unsigned char>(c) < ' ') return Fail("a text with the control character %d", c);
    }
    return true;
  }

  // One more of a repeated field.
  bool TextOf(Field field, const char* name, std::vector<std::string>* texts) {
    const size_t index = texts->size();
    return Text(field, name, index, &texts->emplace_back());
  }

  template <typename OnField>
  bool Message(Field field, const char* name, size_t index, const OnField& on_field) {
    const Scope scope(this, name, index);
    int length = 0;
    if (!Expect(field, kBytes) || !Length(&length)) return false;
    const auto limit = in_.PushLimit(length);
    if (!Fields(on_field)) return false;
    in_.PopLimit(limit);
    return true;
  }

  // Either one value, or many of them packed.
  template <typename OnNumber>
  bool Repeated(Field field, const char* name, Wire wire, const OnNumber& on_number) {
    const Scope scope(this, name, kNoIndex);
    uint64_t value = 0;
    if (field.wire == wire) {
      if (!Number(wire, &value)) return false;
      on_number(value);
      return true;
    }
    int length = 0;
    if (!Expect(field, kBytes) || !Length(&length)) return false;
    const auto limit = in_.PushLimit(length);
    while (Left() > 0) {
      if (!Number(wire, &value)) return false;
      on_number(value);
    }
    in_.PopLimit(limit);
    return true;
  }

  template <typename T>
  static T FromBits(uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }

  static void AppendBytes(uint64_t bits, size_t count, std::vector<uint8_t>* bytes) {
    for (size_t i = 0; i < count; ++i) bytes->push_back(static_cast<uint8_t>(bits >> (8 * i)));
  }

  // ---- ONNX

  bool OpsetImport(Field field, int64_t* opset) {
    std::string domain;
    uint64_t version = 0;
    const bool ok = Message(field, "opset_import", kNoIndex, [&](Field f) {
      switch (f.number) {
        case 1: return Text(f, "domain", kNoIndex, &domain);
        case 2: return Value(f, "version", kVarint, &version);
        default: return Skip(f);
      }
    });
    if (ok && IsOnnxDomain(domain)) *opset = static_cast<int64_t>(version);
    return ok;
  }

  bool GraphField(Field field, Model* model) {
    switch (field.number) {
      case 1: return NodeMessage(field, &model->nodes);
      case 5: {
        Tensor tensor;
        if (!TensorMessage(field, "initializer", model->initializers.size(), &tensor)) return false;
        const std::string name = tensor.name;
        const Scope scope(this, "initializer", model->initializers.size());
        if (name.empty()) return Fail("there is no name");
        return model->initializers.emplace(name, std::move(tensor)).second || Fail("a second \"%s\"", name.c_str());
      }
      case 11: return ValueInfo(field, "input", &model->inputs);
      case 12: return ValueInfo(field, "output", &model->outputs);
      default: return Skip(field);
    }
  }

  bool ValueInfo(Field field, const char* kind, std::vector<std::string>* names) {
    std::string name;
    const bool ok = Message(field, kind, names->size(),
                            [&](Field f) { return f.number == 1 ? Text(f, "name", kNoIndex, &name) : Skip(f); });
    if (!ok) return false;
    const Scope scope(this, kind, names->size());
    if (name.empty()) return Fail("there is no name");
    names->push_back(std::move(name));
    return true;
  }

  bool NodeMessage(Field field, std::vector<Node>* nodes) {
    const size_t index = nodes->size();
    Node& node = nodes->emplace_back();
    const bool ok = Message(field, "node", index, [&](Field f) {
      switch (f.number) {
        case 1: return TextOf(f, "input", &node.inputs);
        case 2: return TextOf(f, "output", &node.outputs);
        case 3: return Text(f, "name", kNoIndex, &node.name);
        case 4: return Text(f, "op_type", kNoIndex, &node.op_type);
        case 5: return AttributeMessage(f, &node.attributes);
        case 7: return Text(f, "domain", kNoIndex, &node.domain);
        default: return Skip(f);
      }
    });
    if (!ok) return false;
    const Scope scope(this, "node", index);
    if (node.op_type.empty()) return Fail("there is no op_type");
    if (IsOnnxDomain(node.domain)) node.domain.clear();
    return true;
  }

  bool AttributeMessage(Field field, std::vector<Attribute>* attributes) {
    const size_t index = attributes->size();
    Attribute& attribute = attributes->emplace_back();
    uint64_t bits = 0;
    const bool ok = Message(field, "attribute", index, [&](Field f) {
      switch (f.number) {
        case 1: return Text(f, "name", kNoIndex, &attribute.name);
        case 2:
          if (!Value(f, "f", kFixed32, &bits)) return false;
          attribute.f = FromBits<float>(bits);
          return true;
        case 3:
          if (!Value(f, "i", kVarint, &bits)) return false;
          attribute.i = static_cast<int64_t>(bits);
          return true;
        case 4: return Bytes(f, "s", kNoIndex, &attribute.s);
        case 5: return TensorMessage(f, "t", kNoIndex, &attribute.t.emplace());
        case 7:
          return Repeated(f, "floats", kFixed32,
                          [&](uint64_t value) { attribute.floats.push_back(FromBits<float>(value)); });
        case 8:
          return Repeated(f, "ints", kVarint,
                          [&](uint64_t value) { attribute.ints.push_back(static_cast<int64_t>(value)); });
        case 20:
          if (!Value(f, "type", kVarint, &bits)) return false;
          attribute.type = static_cast<AttributeType>(static_cast<int32_t>(bits));
          return true;
        default: return Skip(f);
      }
    });
    if (!ok) return false;
    const Scope scope(this, "attribute", index);
    return !attribute.name.empty() || Fail("there is no name");
  }

  bool TensorMessage(Field field, const char* name, size_t index, Tensor* tensor) {
    TensorFields fields;
    if (!Message(field, name, index, [&](Field f) { return TensorField(f, tensor, &fields); })) return false;
    const Scope scope(this, name, index);
    return FinishTensor(tensor, &fields);
  }

  bool TensorField(Field field, Tensor* tensor, TensorFields* fields) {
    const auto add_float = [&](uint64_t bits) { AppendBytes(bits, 4, &fields->bytes); };
    const auto add_double = [&](uint64_t bits) { AppendBytes(bits, 8, &fields->bytes); };
    const auto add_number = [&](uint64_t number) { fields->numbers.push_back(number); };
    const auto repeated = [&](Source source, const char* name, Wire wire, const auto& add) {
      if (Left() > 0) fields->sources |= source;
      return Repeated(field, name, wire, add);
    };
    uint64_t bits = 0;
    std::string raw;
    switch (field.number) {
      case 1:
        return Repeated(field, "dims", kVarint,
                        [&](uint64_t value) { tensor->dims.push_back(static_cast<int64_t>(value)); });
      case 2:
        if (!Value(field, "data_type", kVarint, &bits)) return false;
        tensor->type = static_cast<ElementType>(static_cast<int32_t>(bits));
        return true;
      case 3: return Fail("segment: tensors in parts are not read");
      case 4: return repeated(kFloatData, "float_data", kFixed32, add_float);
      case 5: return repeated(kInt32Data, "int32_data", kVarint, add_number);
      case 7: return repeated(kInt64Data, "int64_data", kVarint, add_number);
      case 8: return Text(field, "name", kNoIndex, &tensor->name);
      case 9:
        if (!Bytes(field, "raw_data", kNoIndex, &raw)) return false;
        if (!raw.empty()) fields->sources |= kRawData;
        fields->bytes.insert(fields->bytes.end(), raw.begin(), raw.end());
        return true;
      case 10: return repeated(kDoubleData, "double_data", kFixed64, add_double);
      case 11: return repeated(kUint64Data, "uint64_data", kVarint, add_number);
      case 14:
        if (!Value(field, "data_location", kVarint, &bits)) return false;
        fields->external = bits != 0;
        return true;
      default: return Skip(field);
    }
  }

  bool FinishTensor(Tensor* tensor, TensorFields* fields) {
    const TypeInfo* type = FindType(tensor->type);
    if (type == nullptr) return Fail("data_type %d is not one that is read", static_cast<int32_t>(tensor->type));
    if (fields->external) return Fail("data_location: data in other files is not read");

    int64_t elements = 1;
    int64_t nonzero = 1;
    for (size_t i = 0; i < tensor->dims.size(); ++i) {
      const int64_t dim = tensor->dims[i];
      if (dim < 0 || dim > kMaxDim) return Fail("dims[%zu] = %" PRId64 ": must be from 0 to %" PRId64, i, dim, kMaxDim);
      if (dim != 0 && nonzero > kMaxElements / dim) {
        return Fail("dims[%zu] = %" PRId64 ": more than %" PRId64 " elements", i, dim, kMaxElements);
      }
      nonzero *= dim == 0 ? 1 : dim;
      elements *= dim;  // 0 from some dim on, or the same as `nonzero`
    }

    for (const SourceName& source : kSources) {
      if ((fields->sources & source.source) == 0) continue;
      if (fields->sources != source.source) return Fail("%s is not the only field with data", source.name);
      if (source.source != kRawData && source.source != type->source) {
        return Fail("%s holds data, which %s has not there", source.name, type->name);
      }
    }
    for (size_t i = 0; i < fields->numbers.size(); ++i) {
      const auto number = static_cast<int64_t>(fields->numbers[i]);
      const bool fits = type->lowest == type->largest || (type->lowest <= number && number <= type->largest);
      if (!fits) return Fail("element %zu is %" PRId64 ", which is not a value of %s", i, number, type->name);
      AppendBytes(fields->numbers[i], type->bytes, &fields->bytes);
    }
    tensor->data = std::move(fields->bytes);
    if (tensor->data.size() != static_cast<size_t>(elements) * type->bytes) {
      return Fail("%zu bytes of data, but dims and %s ask for %" PRId64 " times %zu", tensor->data.size(), type->name,
                  elements, type->bytes);
    }
    return true;
  }

  google::protobuf::io::CodedInputStream in_;
  std::vector<std::pair<const char*, size_t>> path_;
  std::string error_;
};

// ---- Files

template <typename T>
std::optional<T> Parse(const std::string& name, const uint8_t* bytes, size_t size, bool (Parser::*parse)(T*),
                       std::string* error) {
  if (size > static_cast<size_t>(kMaxFileBytes)) {
    *error = name + ": " + std::to_string(size) + " bytes: must be at most " + std::to_string(kMaxFileBytes);
    return std::nullopt;
  }
  Parser parser(bytes, static_cast<int>(size));
  T result;
  if ((parser.*parse)(&result)) return result;
  *error = name + ": " + parser.error();
  return std::nullopt;
}

template <typename T>
std::optional<T> Read(const std::string& path, bool (Parser::*parse)(T*), std::string* error) {
  std::error_code code;
  const uintmax_t size = std::filesystem::file_size(path, code);
  if (code) {
    *error = path + ": " + code.message();
    return std::nullopt;
  }
  if (size > static_cast<uintmax_t>(kMaxFileBytes)) {
    *error = path + ": " + std::to_string(size) + " bytes: must be at most " + std::to_string(kMaxFileBytes);
    return std::nullopt;
  }
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes(size);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    *error = path + ": cannot be read";
    return std::nullopt;
  }
  return Parse(path, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), parse, error);
}

}  // namespace

const char* Name(ElementType type) {
  const TypeInfo* info = FindType(type);
  return info == nullptr ? "UNDEFINED" : info->name;
}

size_t ElementBytes(ElementType type) {
  const TypeInfo* info = FindType(type);
  return info == nullptr ? 0 : info->bytes;
}

std::optional<Model> ParseModel(const std::string& name, const uint8_t* bytes, size_t size, std::string* error) {
  return Parse(name, bytes, size, &Parser::ParseModel, error);
}

std::optional<Tensor> ParseTensor(const std::string& name, const uint8_t* bytes, size_t size, std::string* error) {
  return Parse(name, bytes, size, &Parser::ParseTensor, error);
}

std::optional<Model> ReadModel(const std::string& path, std::string* error) {
  return Read(path, &Parser::ParseModel, error);
}

std::optional<Tensor> ReadTensor(const std::string& path, std::string* error) {
  return Read(path, &Parser::ParseTensor, error);
}

std::optional<std::vector<std::string>> ReadOpTypes(const std::string& path, std::string* error) {
  return Read(path, &Parser::ParseOpTypes, error);
}

}  // namespace polyphase::onnx
