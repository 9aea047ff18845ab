// The graph as ONNX Runtime hands it over: nodes, their attributes, values and constants.
#ifndef POLYPHASE_ADAPTERS_ONNXRUNTIME_GRAPH_H_
#define POLYPHASE_ADAPTERS_ONNXRUNTIME_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/onnxruntime/ort_api.h"

namespace polyphase::ort {

class Node;

struct TensorType {
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::vector<int64_t> dims;         // -1: unknown. Empty: a scalar, or an unknown rank
  std::vector<std::string> symbols;  // names of unknown sizes, or ""

  bool IsStatic() const;
  // Whether both have the same shape whatever the unknown sizes are.
  bool SameShape(const TensorType& other) const;
};

// A constant tensor, whose data belongs to the graph.
struct Constant {
  ONNXTensorElementDataType element;
  std::vector<int64_t> dims;
  size_t count;  // of elements
  const void* data;

  // Null if the elements are of another type.
  const float* floats() const;
  const int64_t* ints() const;
};

// An input or output of a node. An optional one that is not given converts to false.
class Value {
 public:
  explicit Value(const OrtValueInfo* info);

  explicit operator bool() const { return !name_.empty(); }
  const std::string& name() const { return name_; }
  TensorType type() const;
  // The value itself, if no run can change it.
  std::optional<Constant> constant() const;
  bool IsGraphOutput() const;
  bool IsFromOuterScope() const;
  // One node for each use as an input. What If and Loop read in their bodies counts as well.
  std::vector<Node> Consumers() const;

 private:
  const OrtValueInfo* info_;
  std::string name_;
};

class Node {
 public:
  explicit Node(const OrtNode* node);

  const OrtNode* handle() const { return node_; }
  bool operator==(const Node& other) const { return node_ == other.node_; }

  // The op's name; of another domain than ONNX's, "domain:name".
  const std::string& op() const { return op_; }
  int since_version() const { return since_version_; }
  // Another provider has it already.
  bool IsTaken() const;
  std::string name() const;

  // A value that is not given if the node has fewer.
  Value input(size_t index) const;
  Value output(size_t index) const;
  const std::vector<Value>& inputs() const { return inputs_; }
  const std::vector<Value>& outputs() const { return outputs_; }

  // nullopt: not given, or of another type.
  std::optional<int64_t> Int(const char* name) const;
  std::optional<float> Float(const char* name) const;
  std::optional<std::string> String(const char* name) const;
  std::optional<std::vector<int64_t>> Ints(const char* name) const;
  std::optional<std::vector<float>> Floats(const char* name) const;

 private:
  template <typename T>
  std::optional<std::vector<T>> Read(const char* name, OrtOpAttrType type) const;

  const OrtNode* node_;
  std::string op_;
  int since_version_ = 0;
  std::vector<Value> inputs_, outputs_;
};

std::vector<Node> NodesOf(const OrtGraph* graph);

}  // namespace polyphase::ort

#endif  // POLYPHASE_ADAPTERS_ONNXRUNTIME_GRAPH_H_
