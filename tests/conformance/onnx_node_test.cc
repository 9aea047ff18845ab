// What ONNX's own cases leave out of its operators: old opsets, asymmetric paddings, output_shape with auto_pad,
// groups; and how nodes that cannot be run are refused.
#include "tests/conformance/onnx_node.h"

#include <cstring>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testers/harness.h"

namespace polyphase::onnx {
namespace {

using ::testing::HasSubstr;

template <typename T>
Tensor TensorOf(ElementType type, std::vector<int64_t> dims, const std::vector<T>& elements) {
  Tensor tensor;
  tensor.type = type;
  tensor.dims = std::move(dims);
  tensor.data.resize(elements.size() * sizeof(T));
  if (!elements.empty()) std::memcpy(tensor.data.data(), elements.data(), tensor.data.size());
  return tensor;
}

Tensor Floats(std::vector<int64_t> dims, const std::vector<float>& elements) {
  return TensorOf(ElementType::kFloat, std::move(dims), elements);
}

Tensor Ints(std::vector<int64_t> dims, const std::vector<int64_t>& elements) {
  return TensorOf(ElementType::kInt64, std::move(dims), elements);
}

// A node, its inputs and what it is to yield.
class Example {
 public:
  Example(const std::string& op_type, int64_t opset) : opset_(opset) {
    node_.op_type = op_type;
    node_.outputs = {"Y"};
  }
  Example& In(Tensor tensor) {
    const std::string name = "input " + std::to_string(node_.inputs.size());
    node_.inputs.push_back(name);
    data_.values[name] = std::move(tensor);
    return *this;
  }
  Example& In(std::nullopt_t) {
    node_.inputs.emplace_back();
    return *this;
  }
  Example& Int(const std::string& name, int64_t value) {
    Add(name, AttributeType::kInt).i = value;
    return *this;
  }
  Example& Ints(const std::string& name, std::vector<int64_t> values) {
    Add(name, AttributeType::kInts).ints = std::move(values);
    return *this;
  }
  Example& Floats(const std::string& name, std::vector<float> values) {
    Add(name, AttributeType::kFloats).floats = std::move(values);
    return *this;
  }
  Example& Text(const std::string& name, const std::string& value) {
    Add(name, AttributeType::kString).s = value;
    return *this;
  }
  Example& Out(Tensor tensor) {
    data_.expected["Y"] = std::move(tensor);
    return *this;
  }
  Example& OutIndices(Tensor tensor) {
    node_.outputs = {"Y", "I"};
    data_.expected["I"] = std::move(tensor);
    return *this;
  }
  Node& node() { return node_; }

  std::optional<Failure> Run(const Setting& setting) const {
    double largest_error = 0.0;
    return RunNode(opset_, node_, data_, setting, &largest_error);
  }

 private:
  Attribute& Add(const std::string& name, AttributeType type) {
    Attribute& attribute = node_.attributes.emplace_back();
    attribute.name = name;
    attribute.type = type;
    return attribute;
  }

  int64_t opset_;
  Node node_;
  DataSet data_;
};

void ExpectPasses(const Example& example) {
  const Runtime runtime;
  for (const std::string& isa : testing::SupportedTargets()) {
    for (const Setting& setting :
         {Setting{isa, PPH_NCHW, 1, &runtime}, {isa, PPH_NHWC, 1, &runtime}, {isa, PPH_NCHWC, 16, &runtime}}) {
      const std::optional<Failure> failure = example.Run(setting);
      EXPECT_FALSE(failure.has_value()) << Name(setting) << ": status " << failure->status << ", " << failure->message;
    }
  }
}

void ExpectFails(const Example& example, pph_status status, const std::string& message) {
  const Runtime runtime;
  const std::optional<Failure> failure = example.Run({"", PPH_NCHW, 1, &runtime});
  ASSERT_TRUE(failure.has_value()) << "instead of: " << message;
  EXPECT_EQ(failure->status, status);
  EXPECT_THAT(failure->message, HasSubstr(message));
}

Example ConvTranspose() {
  return Example("ConvTranspose", 11).In(Floats({1, 1, 3}, {1, 2, 3})).In(Floats({1, 1, 3}, {1, 10, 100}));
}

TEST(OnnxNode, ConvTransposePadsAreAllBeginsAndThenAllEnds) {
  ExpectPasses(
      ConvTranspose().Ints("strides", {2}).Ints("pads", {1, 0}).Out(Floats({1, 1, 6}, {10, 102, 20, 203, 30, 300})));
  ExpectPasses(
      ConvTranspose().Ints("strides", {2}).Ints("pads", {0, 1}).Out(Floats({1, 1, 6}, {1, 10, 102, 20, 203, 30})));
  // The rows of 1, 2 | 3, 4: the first is cropped; of the columns the last.
  ExpectPasses(Example("ConvTranspose", 11)
                   .In(Floats({1, 1, 2, 2}, {1, 2, 3, 4}))
                   .In(Floats({1, 1, 1, 1}, {1}))
                   .Ints("pads", {1, 0, 0, 1})
                   .Out(Floats({1, 1, 1, 1}, {3})));
}

TEST(OnnxNode, ConvTransposeOutputShapeDependsOnAutoPad) {
  const std::vector<float> at_begin = {10, 102, 20, 203, 30, 300};
  const std::vector<float> at_end = {1, 10, 102, 20, 203, 30};
  for (const char* auto_pad : {"NOTSET", "SAME_LOWER", "VALID"}) {
    SCOPED_TRACE(auto_pad);
    ExpectPasses(ConvTranspose()
                     .Ints("strides", {2})
                     .Ints("output_shape", {6})
                     .Text("auto_pad", auto_pad)
                     .Out(Floats({1, 1, 6}, at_begin)));
  }
  ExpectPasses(ConvTranspose()
                   .Ints("strides", {2})
                   .Ints("output_shape", {6})
                   .Text("auto_pad", "SAME_UPPER")
                   .Out(Floats({1, 1, 6}, at_end)));
}

TEST(OnnxNode, ConvTransposeGroupsWithBias) {
  // Two groups of one input and two output channels each.
  ExpectPasses(Example("ConvTranspose", 11)
                   .In(Floats({1, 2, 1}, {1, 2}))
                   .In(Floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}))
                   .In(Floats({4}, {100, 200, 300, 400}))
                   .Int("group", 2)
                   .Out(Floats({1, 4, 2}, {101, 102, 203, 204, 310, 312, 414, 416})));
}

TEST(OnnxNode, ConvPadsDilationsGroupsAndSame) {
  const auto conv = [] {
    return Example("Conv", 11).In(Floats({1, 1, 4}, {1, 2, 3, 4})).In(Floats({1, 1, 2}, {1, 10}));
  };
  ExpectPasses(conv().Out(Floats({1, 1, 3}, {21, 32, 43})));
  ExpectPasses(conv().Ints("strides", {1}).Ints("pads", {2, 0}).Out(Floats({1, 1, 5}, {0, 10, 21, 32, 43})));
  ExpectPasses(conv().Ints("dilations", {2}).Out(Floats({1, 1, 2}, {31, 42})));
  // The odd unit of padding is at the end, or at the begin.
  ExpectPasses(conv().Text("auto_pad", "SAME_UPPER").Out(Floats({1, 1, 4}, {21, 32, 43, 4})));
  ExpectPasses(conv().Text("auto_pad", "SAME_LOWER").Out(Floats({1, 1, 4}, {10, 21, 32, 43})));
  // Two groups of one input and two output channels each.
  ExpectPasses(Example("Conv", 11)
                   .In(Floats({1, 2, 1}, {1, 2}))
                   .In(Floats({4, 1, 1}, {1, 2, 3, 4}))
                   .In(Floats({4}, {100, 200, 300, 400}))
                   .Int("group", 2)
                   .Out(Floats({1, 4, 1}, {101, 202, 306, 408})));
  ExpectFails(conv().Ints("strides", {2}).Out(Floats({1, 1, 2}, {21, 43})), PPH_UNSUPPORTED, "strides = [2]");
  ExpectFails(conv().Ints("pads", {-1, 0}).Out(Floats({1, 1, 2}, {32, 43})), PPH_INVALID_ARGUMENT, "padding_begin");
}

TEST(OnnxNode, UpsampleAndResize10AreAsymmetricAndFloor) {
  const Tensor input = Floats({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor linear = Floats({1, 1, 4, 4}, {1, 1.5f, 2, 2, 2, 2.5f, 3, 3, 3, 3.5f, 4, 4, 3, 3.5f, 4, 4});
  ExpectPasses(Example("Upsample", 7).In(input).Text("mode", "linear").Floats("scales", {1, 1, 2, 2}).Out(linear));
  for (const char* op_type : {"Upsample", "Resize"}) {
    SCOPED_TRACE(op_type);
    const int64_t opset = std::strcmp(op_type, "Resize") == 0 ? 10 : 9;
    ExpectPasses(Example(op_type, opset).In(input).In(Floats({4}, {1, 1, 2, 2})).Text("mode", "linear").Out(linear));
  }
  // x = 0, 1.33, 2.67; half pixels and round_prefer_floor would take 1, 2, 4.
  ExpectPasses(Example("Resize", 10)
                   .In(Floats({1, 1, 4}, {1, 2, 3, 4}))
                   .In(Floats({3}, {1, 1, 0.75f}))
                   .Text("mode", "nearest")
                   .Out(Floats({1, 1, 3}, {1, 2, 3})));
}

TEST(OnnxNode, ResizeOfOneAxisByItsNumberAndWithEmptyInputs) {
  const Tensor empty = Floats({0}, {});
  ExpectPasses(Example("Resize", 11)
                   .In(Floats({1, 1, 2}, {1, 2}))
                   .In(empty)
                   .In(empty)
                   .In(Ints({3}, {1, 1, 4}))
                   .Out(Floats({1, 1, 4}, {1, 1, 2, 2})));
  ExpectPasses(Example("Resize", 18)
                   .In(Floats({1, 1, 1, 2}, {1, 2}))
                   .In(std::nullopt)
                   .In(Floats({1}, {2}))
                   .Ints("axes", {-1})
                   .Out(Floats({1, 1, 1, 4}, {1, 1, 2, 2})));
}

TEST(OnnxNode, PoolsOfSeveralChannelsAndImagesCountIndicesInTheWholeTensor) {
  const Tensor indices = Ints({2, 1, 1, 2}, {1, 2, 4, 7});
  ExpectPasses(Example("MaxPool", 12)
                   .In(Floats({2, 1, 1, 4}, {1, 2, 4, 3, 8, 7, 5, 6}))
                   .Ints("kernel_shape", {1, 2})
                   .Ints("strides", {1, 2})
                   .Out(Floats({2, 1, 1, 2}, {2, 4, 8, 6}))
                   .OutIndices(indices));
  ExpectPasses(Example("MaxUnpool", 11)
                   .In(Floats({2, 1, 1, 2}, {2, 4, 8, 6}))
                   .In(indices)
                   .Ints("kernel_shape", {1, 2})
                   .Ints("strides", {1, 2})
                   .Out(Floats({2, 1, 1, 4}, {0, 2, 4, 0, 8, 0, 0, 6})));
  // The first column is padding: averages of 1; of 2 and 3, with the padding not counted.
  ExpectPasses(Example("AveragePool", 11)
                   .In(Floats({1, 1, 1, 3}, {1, 2, 3}))
                   .Ints("kernel_shape", {1, 2})
                   .Ints("strides", {1, 2})
                   .Ints("pads", {0, 1, 0, 0})
                   .Out(Floats({1, 1, 1, 2}, {1, 2.5f})));
}

TEST(OnnxNode, RefusesWhatItCannotRun) {
  const Tensor y = Floats({1, 1, 5}, {1, 12, 123, 230, 300});
  ExpectPasses(ConvTranspose().Out(y));
  ExpectFails(ConvTranspose().Out(Floats({1, 1, 5}, {1, 12, 123, 230, 301})), PPH_OK,
              "element 4 is 300, expected 301; 1 of 5 elements differ");
  ExpectFails(ConvTranspose().Out(Floats({1, 5, 1}, {1, 12, 123, 230, 300})), PPH_OK,
              "output 0 has the shape [1, 1, 5], expected [1, 5, 1]");
  ExpectFails(ConvTranspose().Out(Ints({1, 1, 5}, {1, 12, 123, 230, 300})), PPH_OK, "expected INT64");
  ExpectFails(ConvTranspose().Int("mystery", 1).Out(y), PPH_UNSUPPORTED, "attribute mystery");
  ExpectFails(ConvTranspose().Ints("group", {1}).Out(y), PPH_INVALID_ARGUMENT, "group is an attribute of another type");
  ExpectFails(ConvTranspose().Ints("kernel_shape", {4}).Out(y), PPH_INVALID_ARGUMENT, "kernel_shape is not that of W");
  ExpectFails(ConvTranspose().Ints("strides", {2, 2}).Out(y), PPH_INVALID_ARGUMENT, "strides = [2, 2]: must have 1");
  ExpectFails(ConvTranspose().Ints("pads", {1}).Out(y), PPH_INVALID_ARGUMENT, "pads = [1]: must have 2 values");
  ExpectFails(ConvTranspose().Ints("strides", {0}).Out(y), PPH_INVALID_ARGUMENT, "stride[");
  ExpectFails(ConvTranspose().Text("auto_pad", "SOME").Out(y), PPH_UNSUPPORTED, "auto_pad = \"SOME\"");
  ExpectFails(ConvTranspose().In(Floats({2}, {1, 2})).Out(y), PPH_INVALID_ARGUMENT, "B of dims [2]");
  ExpectFails(ConvTranspose().Int("group", int64_t{1} << 62).Out(y), PPH_INVALID_ARGUMENT, "group");
  ExpectFails(Example("ConvTranspose", 11).Out(y), PPH_INVALID_ARGUMENT, "there is no input");
  ExpectFails(Example("ConvTranspose", 11).In(Floats({1, 1}, {1})).Out(y), PPH_UNSUPPORTED, "an input of dims [1, 1]");
  ExpectFails(Example("LRN", 11).In(Floats({1, 1, 1}, {1})).Out(y), PPH_UNSUPPORTED, "no such op");
  ExpectFails(Example("MaxPool", 12).In(Floats({1, 1, 1}, {1})).Out(y), PPH_INVALID_ARGUMENT, "no kernel_shape");
  Example elsewhere = ConvTranspose().Out(y);
  elsewhere.node().domain = "com.example";
  ExpectFails(elsewhere, PPH_UNSUPPORTED, "domain com.example");
  Example unknown = ConvTranspose().Out(y);
  unknown.node().inputs[1] = "nowhere";
  ExpectFails(unknown, PPH_INVALID_ARGUMENT, "there is no value \"nowhere\"");
}

}  // namespace
}  // namespace polyphase::onnx
