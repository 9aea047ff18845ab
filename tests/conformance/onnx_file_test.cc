// The reader of ONNX files: every field that it knows, and what it says of broken and hostile bytes.
#include "tests/conformance/onnx_file.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/onnx_cases.h"

namespace polyphase::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Protobuf's wire format, written by hand.
class Message {
 public:
  Message& Varint(uint32_t field, uint64_t value) { return Tag(field, 0).RawVarint(value); }
  Message& Fixed32(uint32_t field, const void* value) { return Tag(field, 5).Raw(value, 4); }
  Message& Fixed64(uint32_t field, const void* value) { return Tag(field, 1).Raw(value, 8); }
  Message& Float(uint32_t field, float value) { return Fixed32(field, &value); }
  Message& Bytes(uint32_t field, const std::string& bytes) {
    return Tag(field, 2).RawVarint(bytes.size()).Raw(bytes.data(), bytes.size());
  }
  Message& Sub(uint32_t field, const Message& message) { return Bytes(field, message.bytes_); }
  Message& Dims(std::initializer_list<int64_t> dims) {
    for (const int64_t dim : dims) Varint(1, static_cast<uint64_t>(dim));
    return *this;
  }
  Message& Tag(uint32_t field, uint32_t wire) { return RawVarint(field << 3 | wire); }
  Message& RawVarint(uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value % 128 + 128);
    bytes_ += static_cast<char>(value);
    return *this;
  }
  Message& Raw(const void* bytes, size_t size) {
    bytes_.append(static_cast<const char*>(bytes), size);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Numbers of the fields of TensorProto.
constexpr uint32_t kDataType = 2, kFloatData = 4, kInt32Data = 5, kInt64Data = 7, kTensorName = 8, kRawData = 9,
                   kDoubleData = 10, kUint64Data = 11;

Message TensorOf(ElementType type, std::initializer_list<int64_t> dims) {
  return Message().Dims(dims).Varint(kDataType, static_cast<uint64_t>(type));
}

// Parses a copy of exactly this length, so that a sanitizer sees reads past its end.
template <typename T>
std::optional<T> ParseExactly(std::optional<T> (*parse)(const std::string&, const uint8_t*, size_t, std::string*),
                              const std::string& bytes, size_t size, std::string* error) {
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
  std::memcpy(copy.get(), bytes.data(), size);
  error->clear();
  std::optional<T> result = parse("a file", copy.get(), size, error);
  if (result.has_value()) {
    EXPECT_EQ(*error, "");
  } else {
    EXPECT_THAT(*error, StartsWith("a file: "));
    EXPECT_EQ(error->find('\n'), std::string::npos) << *error;
    EXPECT_GT(error->size(), std::strlen("a file: "));
  }
  return result;
}

// Returns what the reader says of a tensor, or "" if it takes it.
std::string TensorError(const Message& message) {
  std::string error;
  (void)ParseExactly(&ParseTensor, message.bytes(), message.bytes().size(), &error);
  return error;
}

std::string ModelError(const Message& message) {
  std::string error;
  (void)ParseExactly(&ParseModel, message.bytes(), message.bytes().size(), &error);
  return error;
}

Tensor TensorFrom(const Message& message) {
  std::string error;
  const std::optional<Tensor> tensor = ParseExactly(&ParseTensor, message.bytes(), message.bytes().size(), &error);
  EXPECT_TRUE(tensor.has_value()) << error;
  return tensor.value_or(Tensor());
}

template <typename T>
std::vector<T> Elements(const Tensor& tensor) {
  std::vector<T> elements(tensor.data.size() / sizeof(T));
  if (!elements.empty()) std::memcpy(elements.data(), tensor.data.data(), elements.size() * sizeof(T));
  return elements;
}

std::string RawOf(const std::vector<float>& values) {
  return Message().Raw(values.data(), values.size() * sizeof(float)).bytes();
}

// A model with everything that is read, and something of everything that is skipped.
Message WholeModel() {
  Message opset, other_opset;
  opset.Bytes(1, "").Varint(2, 13);
  other_opset.Bytes(1, "com.example").Varint(2, 99);
  Message ints, i, f, floats, text, tensor;
  ints.Bytes(1, "pads").Varint(20, 7).Varint(8, 1).Varint(8, static_cast<uint64_t>(-2));
  i.Bytes(1, "group").Varint(3, 3).Varint(20, 2);
  f.Bytes(1, "cubic_coeff_a").Float(2, -0.5f).Varint(20, 1);
  floats.Bytes(1, "scales").Varint(20, 6).Bytes(7, RawOf({1.5f, 2.5f}));
  text.Bytes(1, "mode").Bytes(4, "cubic").Varint(20, 3);
  tensor.Bytes(1, "value").Varint(20, 4).Sub(5, TensorOf(ElementType::kFloat, {2}).Bytes(kRawData, RawOf({7, 8})));
  Message node;
  node.Bytes(1, "X").Bytes(1, "").Bytes(1, "scales").Bytes(2, "Y").Bytes(3, "a node").Bytes(4, "Resize");
  for (const Message* attribute : {&ints, &i, &f, &floats, &text, &tensor}) node.Sub(5, *attribute);
  node.Bytes(6, "documentation\nof two lines").Bytes(7, "ai.onnx");
  Message graph;
  graph.Sub(1, node).Bytes(2, "graph");
  graph.Sub(5, TensorOf(ElementType::kFloat, {1, 2}).Bytes(kTensorName, "scales").Bytes(kRawData, RawOf({3, 4})));
  graph.Sub(11, Message().Bytes(1, "X").Sub(2, Message().Varint(1, 1))).Sub(12, Message().Bytes(1, "Y"));
  Message model;
  model.Varint(1, 7).Bytes(2, "producer").Fixed64(100, "01234567").Sub(7, graph).Sub(8, other_opset).Sub(8, opset);
  return model;
}

TEST(OnnxFile, ReadsEveryFieldOfAModel) {
  std::string error;
  const std::string bytes = WholeModel().bytes();
  const std::optional<Model> model = ParseExactly(&ParseModel, bytes, bytes.size(), &error);
  ASSERT_TRUE(model.has_value()) << error;
  EXPECT_EQ(model->opset, 13);
  EXPECT_THAT(model->inputs, ElementsAre("X"));
  EXPECT_THAT(model->outputs, ElementsAre("Y"));
  ASSERT_EQ(model->initializers.count("scales"), 1u);
  EXPECT_THAT(model->initializers.at("scales").dims, ElementsAre(1, 2));
  EXPECT_THAT(Elements<float>(model->initializers.at("scales")), ElementsAre(3, 4));
  ASSERT_EQ(model->nodes.size(), 1u);
  const Node& node = model->nodes[0];
  EXPECT_EQ(node.name, "a node");
  EXPECT_EQ(node.op_type, "Resize");
  EXPECT_EQ(node.domain, "");
  EXPECT_THAT(node.inputs, ElementsAre("X", "", "scales"));
  EXPECT_THAT(node.outputs, ElementsAre("Y"));
  ASSERT_EQ(node.attributes.size(), 6u);
  EXPECT_EQ(node.attributes[0].name, "pads");
  EXPECT_EQ(node.attributes[0].type, AttributeType::kInts);
  EXPECT_THAT(node.attributes[0].ints, ElementsAre(1, -2));
  EXPECT_EQ(node.attributes[1].i, 3);
  EXPECT_EQ(node.attributes[2].f, -0.5f);
  EXPECT_THAT(node.attributes[3].floats, ElementsAre(1.5f, 2.5f));
  EXPECT_EQ(node.attributes[4].s, "cubic");
  ASSERT_TRUE(node.attributes[5].t.has_value());
  EXPECT_THAT(Elements<float>(*node.attributes[5].t), ElementsAre(7, 8));
}

TEST(OnnxFile, ReadsEveryElementTypeFromEveryField) {
  const auto minus_one = static_cast<uint64_t>(-1);
  const auto packed = [](std::initializer_list<uint64_t> values) {
    Message message;
    for (const uint64_t value : values) message.RawVarint(value);
    return message.bytes();
  };
  EXPECT_THAT(Elements<float>(TensorFrom(TensorOf(ElementType::kFloat, {2}).Float(kFloatData, 1).Float(kFloatData, 2))),
              ElementsAre(1, 2));
  EXPECT_THAT(Elements<float>(TensorFrom(TensorOf(ElementType::kFloat, {2}).Bytes(kFloatData, RawOf({1, 2})))),
              ElementsAre(1, 2));
  const double pi = 3.25;
  EXPECT_THAT(Elements<double>(TensorFrom(TensorOf(ElementType::kDouble, {1}).Fixed64(kDoubleData, &pi))),
              ElementsAre(pi));
  const auto int32_data = [&](ElementType type, std::initializer_list<uint64_t> values) {
    return TensorFrom(TensorOf(type, {static_cast<int64_t>(values.size())}).Bytes(kInt32Data, packed(values)));
  };
  EXPECT_THAT(Elements<uint8_t>(int32_data(ElementType::kUint8, {0, 255})), ElementsAre(0, 255));
  EXPECT_THAT(Elements<int8_t>(int32_data(ElementType::kInt8, {minus_one, 127})), ElementsAre(-1, 127));
  EXPECT_THAT(Elements<uint16_t>(int32_data(ElementType::kUint16, {0, 65535})), ElementsAre(0, 65535));
  EXPECT_THAT(Elements<int16_t>(int32_data(ElementType::kInt16, {minus_one, 32767})), ElementsAre(-1, 32767));
  EXPECT_THAT(Elements<int32_t>(int32_data(ElementType::kInt32, {minus_one, 7})), ElementsAre(-1, 7));
  EXPECT_THAT(Elements<uint8_t>(int32_data(ElementType::kBool, {0, 1})), ElementsAre(0, 1));
  EXPECT_THAT(Elements<uint16_t>(int32_data(ElementType::kFloat16, {0x3C00})), ElementsAre(0x3C00));
  EXPECT_THAT(Elements<uint16_t>(int32_data(ElementType::kBfloat16, {0x3F80})), ElementsAre(0x3F80));
  EXPECT_THAT(Elements<int64_t>(TensorFrom(
                  TensorOf(ElementType::kInt64, {2}).Varint(kInt64Data, minus_one).Varint(kInt64Data, 1ull << 40))),
              ElementsAre(-1, int64_t{1} << 40));
  EXPECT_THAT(Elements<uint64_t>(TensorFrom(TensorOf(ElementType::kUint64, {1}).Varint(kUint64Data, minus_one))),
              ElementsAre(minus_one));
  EXPECT_THAT(Elements<uint32_t>(TensorFrom(TensorOf(ElementType::kUint32, {1}).Varint(kUint64Data, UINT32_MAX))),
              ElementsAre(UINT32_MAX));
  // Dims packed, a scalar, and tensors without elements.
  EXPECT_THAT(TensorFrom(Message().Bytes(1, packed({2, 0})).Varint(kDataType, 1)).dims, ElementsAre(2, 0));
  EXPECT_THAT(Elements<float>(TensorFrom(TensorOf(ElementType::kFloat, {}).Float(kFloatData, 5))), ElementsAre(5));
  EXPECT_EQ(TensorFrom(TensorOf(ElementType::kFloat, {0, kMaxDim})).data.size(), 0u);
  EXPECT_EQ(TensorFrom(TensorOf(ElementType::kFloat, {0}).Bytes(kRawData, "")).data.size(), 0u);
}

TEST(OnnxFile, SaysWhatIsWrongWithATensor) {
  const std::string raw = RawOf({1, 2});
  const auto bad_float = [](std::initializer_list<int64_t> dims) {
    return TensorError(TensorOf(ElementType::kFloat, dims).Bytes(kRawData, RawOf({1, 2})));
  };
  EXPECT_EQ(bad_float({2}), "");
  EXPECT_EQ(bad_float({2, -1}), "a file: dims[1] = -1: must be from 0 to 2147483647");
  EXPECT_EQ(bad_float({kMaxDim + 1}), "a file: dims[0] = 2147483648: must be from 0 to 2147483647");
  EXPECT_EQ(bad_float({1 << 30, 1 << 30}), "a file: dims[1] = 1073741824: more than 1099511627776 elements");
  EXPECT_THAT(bad_float({0, 1 << 30, 1 << 30}), HasSubstr("more than"));  // 0 does not hide it
  EXPECT_EQ(bad_float({3}), "a file: 8 bytes of data, but dims and FLOAT ask for 3 times 4");
  EXPECT_EQ(bad_float({0}), "a file: 8 bytes of data, but dims and FLOAT ask for 0 times 4");
  EXPECT_EQ(TensorError(TensorOf(ElementType::kFloat, {1}).Bytes(kRawData, "12345")),
            "a file: 5 bytes of data, but dims and FLOAT ask for 1 times 4");
  for (const int type : {0, 8, 14, 15, 17, 22, 1000, -1}) {  // undefined, string, complex, float8, int4, ...
    EXPECT_EQ(TensorError(TensorOf(static_cast<ElementType>(type), {2}).Bytes(kRawData, raw)),
              "a file: data_type " + std::to_string(type) + " is not one that is read");
  }
  EXPECT_EQ(TensorError(Message().Dims({2}).Bytes(kRawData, raw)), "a file: data_type 0 is not one that is read");
  EXPECT_EQ(TensorError(TensorOf(ElementType::kFloat, {2}).Bytes(kRawData, raw).Bytes(kFloatData, raw)),
            "a file: raw_data is not the only field with data");
  EXPECT_EQ(TensorError(TensorOf(ElementType::kFloat, {1}).Varint(kInt64Data, 1)),
            "a file: int64_data holds data, which FLOAT has not there");
  EXPECT_EQ(TensorError(TensorOf(ElementType::kUint8, {2}).Varint(kInt32Data, 1).Varint(kInt32Data, 256)),
            "a file: element 1 is 256, which is not a value of UINT8");
  EXPECT_EQ(TensorError(TensorOf(ElementType::kBool, {1}).Varint(kInt32Data, 2)),
            "a file: element 0 is 2, which is not a value of BOOL");
  EXPECT_EQ(TensorError(TensorOf(ElementType::kFloat, {2}).Varint(14, 1)),
            "a file: data_location: data in other files is not read");
  EXPECT_THAT(TensorError(TensorOf(ElementType::kFloat, {2}).Bytes(3, "")), HasSubstr("tensors in parts"));
}

TEST(OnnxFile, SaysWhereTheBytesAreWrong) {
  EXPECT_EQ(TensorError(TensorOf(ElementType::kFloat, {2}).Tag(kRawData, 2).RawVarint(1000).Raw("1234", 4)),
            "a file: raw_data: a length of 1000 at byte 7, where only 4 bytes are left");
  EXPECT_EQ(TensorError(Message().Tag(kRawData, 2).RawVarint(UINT64_MAX)),
            "a file: raw_data: a length of 18446744073709551615 at byte 11, where only 0 bytes are left");
  EXPECT_EQ(TensorError(Message().Tag(kRawData, 2).Raw("\xff\xff", 2)),
            "a file: raw_data: the length is cut off at byte 3");
  EXPECT_EQ(TensorError(Message().Varint(kRawData, 1)),
            "a file: raw_data: wire type 0 before byte 1 where 2 is expected");
  EXPECT_EQ(TensorError(Message().Fixed32(1, "1234")), "a file: dims: wire type 5 before byte 1 where 2 is expected");
  EXPECT_EQ(TensorError(Message().Bytes(kFloatData, "12345")), "a file: float_data: the value is cut off at byte 7");
  EXPECT_EQ(TensorError(Message().Raw("\0", 1)), "a file: there is no field at byte 0");
  EXPECT_EQ(TensorError(Message().Tag(50, 3)), "a file: field[50]: wire type 3 before byte 2, which ONNX does not use");
  EXPECT_EQ(TensorError(Message().Bytes(kTensorName, "a\nb")), "a file: name: a text with the control character 10");

  EXPECT_EQ(ModelError(Message()), "a file: there is no graph");
  EXPECT_EQ(ModelError(Message().Sub(7, Message())),
            "a file: opset_import: there is no version of ONNX's own operators");
  EXPECT_EQ(ModelError(Message().Sub(7, Message().Sub(1, Message().Bytes(4, "Resize")).Sub(1, Message()))),
            "a file: graph.node[1]: there is no op_type");
  const Message negative = TensorOf(ElementType::kFloat, {-1});
  const Message attribute = Message().Bytes(1, "value").Sub(5, negative);
  EXPECT_EQ(ModelError(Message().Sub(7, Message().Sub(1, Message().Sub(5, attribute)))),
            "a file: graph.node[0].attribute[0].t: dims[0] = -1: must be from 0 to 2147483647");
  EXPECT_EQ(ModelError(Message().Sub(7, Message().Sub(5, negative))),
            "a file: graph.initializer[0]: dims[0] = -1: must be from 0 to 2147483647");
  EXPECT_EQ(ModelError(Message().Sub(7, Message().Sub(1, Message().Sub(5, Message())))),
            "a file: graph.node[0].attribute[0]: there is no name");
  const Message named = TensorOf(ElementType::kFloat, {0}).Bytes(kTensorName, "w");
  EXPECT_EQ(ModelError(Message().Sub(7, Message().Sub(5, named).Sub(5, named))),
            "a file: graph.initializer[1]: a second \"w\"");
  // A length that is right for the file, but not for the message around it.
  const std::string inside = Message().Tag(1, 2).RawVarint(5).bytes();
  EXPECT_EQ(ModelError(Message().Bytes(7, inside).Raw("12345", 5)),
            "a file: graph.node[0]: a length of 5 at byte 4, where only 0 bytes are left");
}

TEST(OnnxFile, SaysWhatIsWrongWithAFile) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("onnx_file_test." + std::to_string(std::random_device()()));
  std::filesystem::create_directories(folder);
  std::string error;
  const std::string missing = (folder / "missing.pb").string();
  EXPECT_FALSE(ReadTensor(missing, &error).has_value());
  EXPECT_EQ(error, missing + ": No such file or directory");
  EXPECT_FALSE(ReadModel(folder.string(), &error).has_value());
  EXPECT_THAT(error, StartsWith(folder.string() + ": "));

  const std::string path = (folder / "huge.pb").string();
  std::ofstream(path).close();
  std::filesystem::resize_file(path, static_cast<uintmax_t>(kMaxFileBytes) + 1);  // a hole, not bytes
  EXPECT_FALSE(ReadTensor(path, &error).has_value());
  EXPECT_EQ(error, path + ": 67108865 bytes: must be at most 67108864");
  std::filesystem::resize_file(path, 0);
  EXPECT_FALSE(ReadTensor(path, &error).has_value());
  EXPECT_EQ(error, path + ": data_type 0 is not one that is read");
  std::filesystem::remove_all(folder);
}

// ---- Broken copies of whole files: they may be refused or not, but must be read without a fault

struct Sample {
  std::string name;
  std::string bytes;
  bool is_model;
};

std::vector<Sample> Samples() {
  std::vector<Sample> samples = {
      {"made model", WholeModel().bytes(), true},
      {"made tensor",
       TensorOf(ElementType::kFloat, {1, 2}).Bytes(kTensorName, "x").Bytes(kRawData, RawOf({1, 2})).bytes(), false}};
  const std::filesystem::path real = std::filesystem::path(kDebianFolder) / "node";
  for (const char* file : {"test_resize_downsample_sizes_nearest_tf_half_pixel_for_nn/model.onnx",
                           "test_convtranspose_with_kernel/model.onnx", "test_upsample_nearest/model.onnx",
                           "test_maxpool_2d_uint8/test_data_set_0/input_0.pb",
                           "test_maxunpool_export_with_output_shape/test_data_set_0/input_1.pb",
                           "test_convtranspose_1d/test_data_set_0/input_1.pb"}) {
    std::ifstream stream(real / file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    EXPECT_FALSE(bytes.empty()) << real / file << ": cannot be read; tools/setup.sh test installs libonnx-testdata";
    samples.push_back({file, bytes, std::filesystem::path(file).extension() == ".onnx"});
  }
  return samples;
}

// Returns whether the first `size` bytes are taken. What is taken must be consistent.
bool Takes(const Sample& sample, const std::string& bytes, size_t size) {
  std::string error;
  const auto consistent = [](const Tensor& tensor) {
    size_t elements = 1;
    for (const int64_t dim : tensor.dims) elements *= static_cast<size_t>(dim);
    EXPECT_EQ(tensor.data.size(), elements * ElementBytes(tensor.type));
  };
  if (!sample.is_model) {
    const std::optional<Tensor> tensor = ParseExactly(&ParseTensor, bytes, size, &error);
    if (tensor.has_value()) consistent(*tensor);
    return tensor.has_value();
  }
  const std::optional<Model> model = ParseExactly(&ParseModel, bytes, size, &error);
  if (!model.has_value()) return false;
  EXPECT_GE(model->opset, 1);
  for (const auto& [name, tensor] : model->initializers) consistent(tensor);
  for (const Node& node : model->nodes) {
    EXPECT_NE(node.op_type, "");
    for (const Attribute& attribute : node.attributes) {
      if (attribute.t.has_value()) consistent(*attribute.t);
    }
  }
  return true;
}

TEST(OnnxFile, RefusesEveryTruncatedFile) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    EXPECT_TRUE(Takes(sample, sample.bytes, sample.bytes.size()));
    for (size_t size = 0; size < sample.bytes.size(); ++size) {
      EXPECT_FALSE(Takes(sample, sample.bytes, size)) << size << " of " << sample.bytes.size() << " bytes";
    }
  }
}

TEST(OnnxFile, ReadsFilesWithWrongBytesWithoutAFault) {
  std::mt19937 rng(1);
  size_t refused = 0;
  size_t taken = 0;
  const auto count = [&](bool takes) { ++(takes ? taken : refused); };
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    std::string bytes = sample.bytes;
    for (char& byte : bytes) {
      const char right = byte;
      for (int bit = 0; bit < 8; ++bit) {
        byte = static_cast<char>(right ^ (1 << bit));
        count(Takes(sample, bytes, bytes.size()));
      }
      for (const int value : {0x00, 0x7F, 0x80, 0xFF}) {
        byte = static_cast<char>(value);
        count(Takes(sample, bytes, bytes.size()));
      }
      byte = right;
    }
    for (int trial = 0; trial < 2000; ++trial) {
      bytes = sample.bytes;
      for (int i = 0; i < 4; ++i) bytes[rng() % bytes.size()] = static_cast<char>(rng());
      count(Takes(sample, bytes, bytes.size()));
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(taken, 1000u);  // bytes of names and data
}

}  // namespace
}  // namespace polyphase::onnx
