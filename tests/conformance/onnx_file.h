// Reads ONNX models and tensors from files, which may be broken or hostile: what is wrong comes back as one line.
#ifndef POLYPHASE_TESTS_CONFORMANCE_ONNX_FILE_H_
#define POLYPHASE_TESTS_CONFORMANCE_ONNX_FILE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace polyphase::onnx {

// TensorProto.DataType, as far as elements have a fixed size of whole bytes and are real numbers.
enum class ElementType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};
const char* Name(ElementType type);
size_t ElementBytes(ElementType type);

// Neither is exceeded by any dim, nor by the product of those that are not 0, so that sizes never overflow later.
constexpr int64_t kMaxDim = (int64_t{1} << 31) - 1;
constexpr int64_t kMaxElements = int64_t{1} << 40;
constexpr int64_t kMaxFileBytes = int64_t{1} << 26;

struct Tensor {
  std::string name;
  ElementType type = ElementType::kUndefined;
  std::vector<int64_t> dims;
  std::vector<uint8_t> data;  // ElementBytes(type) times the product of dims, whatever field it came from
};

// AttributeProto.AttributeType.
enum class AttributeType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kFloats = 6,
  kInts = 7,
};

struct Attribute {
  std::string name;
  AttributeType type = AttributeType::kUndefined;  // or another number that the file has
  float f = 0.0f;
  int64_t i = 0;
  std::string s;
  std::optional<Tensor> t;
  std::vector<float> floats;
  std::vector<int64_t> ints;
};

struct Node {
  std::string name;
  std::string op_type;
  std::string domain;                // of ONNX's own operators: ""
  std::vector<std::string> inputs;   // "": not given
  std::vector<std::string> outputs;  // likewise
  std::vector<Attribute> attributes;
};

struct Model {
  int64_t opset = 0;  // of ONNX's own operators
  std::vector<Node> nodes;
  std::map<std::string, Tensor> initializers;
  std::vector<std::string> inputs;  // of the graph; old files list the initializers among them
  std::vector<std::string> outputs;
};

// nullopt: *error is one line without a full stop, "<path>: graph.node[0].attribute[1].ints: what is wrong".
std::optional<Model> ReadModel(const std::string& path, std::string* error);
std::optional<Tensor> ReadTensor(const std::string& path, std::string* error);
// Only the types of the graph's nodes, whatever else the file holds.
std::optional<std::vector<std::string>> ReadOpTypes(const std::string& path, std::string* error);

// Does the same for bytes in memory; `name` stands for the path.
std::optional<Model> ParseModel(const std::string& name, const uint8_t* bytes, size_t size, std::string* error);
std::optional<Tensor> ParseTensor(const std::string& name, const uint8_t* bytes, size_t size, std::string* error);

}  // namespace polyphase::onnx

#endif  // POLYPHASE_TESTS_CONFORMANCE_ONNX_FILE_H_
