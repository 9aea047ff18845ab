#include "adapters/onnxruntime/graph.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace polyphase::ort {
namespace {

template <typename T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

TensorType TypeOf(const OrtTensorTypeAndShapeInfo* info) {
  TensorType type;
  Check(api->GetTensorElementType(info, &type.element));
  size_t rank = 0;
  Check(api->GetDimensionsCount(info, &rank));
  type.dims.resize(rank);
  Check(api->GetDimensions(info, type.dims.data(), rank));
  std::vector<const char*> symbols(rank);
  Check(api->GetSymbolicDimensions(info, symbols.data(), rank));
  type.symbols.assign(symbols.begin(), symbols.end());
  return type;
}

}  // namespace

// ---- TensorType

bool TensorType::IsStatic() const {
  return !dims.empty() && std::all_of(dims.begin(), dims.end(), [](int64_t dim) { return dim >= 0; });
}

bool TensorType::SameShape(const TensorType& other) const {
  if (dims.empty() || dims != other.dims) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < 0 && (symbols[i].empty() || symbols[i] != other.symbols[i])) return false;
  }
  return true;
}

// ---- Constant

const float* Constant::floats() const {
  return element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ? static_cast<const float*>(data) : nullptr;
}

const int64_t* Constant::ints() const {
  return element == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 ? static_cast<const int64_t*>(data) : nullptr;
}

// ---- Value

Value::Value(const OrtValueInfo* info) : info_(info) {
  if (info == nullptr) return;
  const char* name = nullptr;
  Check(api->GetValueInfoName(info, &name));
  name_ = name;
}

TensorType Value::type() const {
  const OrtTypeInfo* type = nullptr;
  Check(api->GetValueInfoTypeInfo(info_, &type));
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  if (type != nullptr) Check(api->CastTypeInfoToTensorInfo(type, &tensor));
  return tensor == nullptr ? TensorType() : TypeOf(tensor);
}

std::optional<Constant> Value::constant() const {
  bool is_constant = false;
  if (!*this) return std::nullopt;
  Check(api->ValueInfo_IsConstantInitializer(info_, &is_constant));
  const OrtValue* value = nullptr;
  if (is_constant) Check(api->ValueInfo_GetInitializerValue(info_, &value));
  if (value == nullptr) return std::nullopt;

  OrtTensorTypeAndShapeInfo* info = nullptr;
  Check(api->GetTensorTypeAndShape(value, &info));
  const Owned<OrtTensorTypeAndShapeInfo> owner(info, api->ReleaseTensorTypeAndShapeInfo);
  TensorType type = TypeOf(info);
  Constant constant = {type.element, std::move(type.dims), 0, nullptr};
  Check(api->GetTensorShapeElementCount(info, &constant.count));
  Check(api->GetTensorData(value, &constant.data));
  return constant;
}

bool Value::IsGraphOutput() const {
  bool is_output = false;
  Check(api->ValueInfo_IsGraphOutput(info_, &is_output));
  return is_output;
}

bool Value::IsFromOuterScope() const {
  bool is_outside = false;
  Check(api->ValueInfo_IsFromOuterScope(info_, &is_outside));
  return is_outside;
}

std::vector<Node> Value::Consumers() const {
  size_t count = 0;
  Check(api->ValueInfo_GetValueNumConsumers(info_, &count));
  std::vector<const OrtNode*> nodes(count);
  std::vector<int64_t> indices(count);
  if (count > 0) Check(api->ValueInfo_GetValueConsumers(info_, nodes.data(), indices.data(), count));
  return std::vector<Node>(nodes.begin(), nodes.end());
}

// ---- Node

Node::Node(const OrtNode* node) : node_(node) {
  const char *domain = nullptr, *op = nullptr;
  Check(api->Node_GetDomain(node, &domain));
  Check(api->Node_GetOperatorType(node, &op));
  op_ = *domain == 0 ? op : std::string(domain) + ':' + op;
  Check(api->Node_GetSinceVersion(node, &since_version_));

  const auto read = [node](auto get_count, auto get, std::vector<Value>* values) {
    size_t count = 0;
    Check(get_count(node, &count));
    std::vector<const OrtValueInfo*> infos(count);
    Check(get(node, infos.data(), count));
    *values = std::vector<Value>(infos.begin(), infos.end());
  };
  read(api->Node_GetNumInputs, api->Node_GetInputs, &inputs_);
  read(api->Node_GetNumOutputs, api->Node_GetOutputs, &outputs_);
}

std::string Node::name() const {
  const char* name = nullptr;
  Check(api->Node_GetName(node_, &name));
  return name;
}

bool Node::IsTaken() const {
  const char* provider = nullptr;
  Check(api->Node_GetEpName(node_, &provider));
  return provider != nullptr && *provider != 0 && std::strcmp(provider, kProviderName) != 0;
}

Value Node::input(size_t index) const { return index < inputs_.size() ? inputs_[index] : Value(nullptr); }
Value Node::output(size_t index) const { return index < outputs_.size() ? outputs_[index] : Value(nullptr); }

template <typename T>
std::optional<std::vector<T>> Node::Read(const char* name, OrtOpAttrType type) const {
  const OrtOpAttr* attribute = nullptr;
  // A name that the op's version does not have is an error there, and here an attribute that is not given.
  if (Owned<OrtStatus>(api->Node_GetAttributeByName(node_, name, &attribute), api->ReleaseStatus) != nullptr ||
      attribute == nullptr) {
    return std::nullopt;
  }
  OrtOpAttrType actual = ORT_OP_ATTR_UNDEFINED;
  Check(api->OpAttr_GetType(attribute, &actual));
  if (actual != type) return std::nullopt;
  // The first call fails, unless there is nothing to read, and says how many bytes there are.
  size_t bytes = 0;
  Owned<OrtStatus>(api->ReadOpAttr(attribute, type, nullptr, 0, &bytes), api->ReleaseStatus);
  std::vector<T> values(bytes / sizeof(T));
  if (bytes > 0) Check(api->ReadOpAttr(attribute, type, values.data(), bytes, &bytes));
  return values;
}

std::optional<int64_t> Node::Int(const char* name) const {
  const auto values = Read<int64_t>(name, ORT_OP_ATTR_INT);
  return values.has_value() ? std::optional(values->at(0)) : std::nullopt;
}
std::optional<float> Node::Float(const char* name) const {
  const auto values = Read<float>(name, ORT_OP_ATTR_FLOAT);
  return values.has_value() ? std::optional(values->at(0)) : std::nullopt;
}
std::optional<std::string> Node::String(const char* name) const {
  const auto values = Read<char>(name, ORT_OP_ATTR_STRING);
  return values.has_value() ? std::optional(std::string(values->begin(), values->end())) : std::nullopt;
}
std::optional<std::vector<int64_t>> Node::Ints(const char* name) const { return Read<int64_t>(name, ORT_OP_ATTR_INTS); }
std::optional<std::vector<float>> Node::Floats(const char* name) const { return Read<float>(name, ORT_OP_ATTR_FLOATS); }

std::vector<Node> NodesOf(const OrtGraph* graph) {
  size_t count = 0;
  Check(api->Graph_GetNumNodes(graph, &count));
  std::vector<const OrtNode*> nodes(count);
  Check(api->Graph_GetNodes(graph, nodes.data(), count));
  return std::vector<Node>(nodes.begin(), nodes.end());
}

}  // namespace polyphase::ort
