// Weights and Numerics: which are accepted, and what the others' errors say.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

const float kValues[] = {1, 2, 3, 4};

ConvAttributes SmallConv() {
  ConvAttributes a;
  a.input_channels = a.output_channels = 1;
  a.kernel = {2, 2, 1};
  return a;
}

ConvTransposeAttributes SmallConvTranspose() {
  ConvTransposeAttributes a;
  a.input_channels = a.output_channels = 1;
  a.kernel = a.stride = {2, 2, 1};
  return a;
}

ResizeAttributes SmallResize(const Weights& weights) {
  ResizeAttributes a;
  a.size = {4, 4, 0};
  a.pointwise = {weights, nullptr, 2, 2};
  return a;
}

struct WeightsOp {
  const char* name;
  std::function<StatusOr<Operator>(const Weights&, const OperatorOptions&)> create;
};
const WeightsOp kWeightsOps[] = {
    {"conv", [](const Weights& w, const auto& o) { return CreateConv(SmallConv(), w, nullptr, o); }},
    {"conv_transpose",
     [](const Weights& w, const auto& o) { return CreateConvTranspose(SmallConvTranspose(), w, nullptr, o); }},
    {"resize pointwise", [](const Weights& w, const auto& o) { return CreateResize(SmallResize(w), o); }},
};

void ExpectError(const Status& status, StatusCode code, std::initializer_list<const char*> words) {
  EXPECT_EQ(status.code(), code) << status.message();
  for (const char* word : words) EXPECT_TRUE(ContainsWord(status.message(), word)) << word << ": " << status.message();
}

TEST(Weights, TypesOtherThanFloatsAreUnsupported) {
  const struct {
    DataType type;
    const char* name;
  } types[] = {{DataType::kU8, "kU8"},   {DataType::kI8, "kI8"},   {DataType::kU16, "kU16"}, {DataType::kI16, "kI16"},
               {DataType::kI32, "kI32"}, {DataType::kF64, "kF64"}, {DataType::kI64, "kI64"}};
  for (const WeightsOp& op : kWeightsOps) {
    for (const auto& [type, name] : types) {
      ExpectError(op.create({kValues, type}, {}).status(), StatusCode::kUnsupported,
                  {op.name, "weights", name, "kF32", "kF16", "kBF16"});
      ExpectError(op.create({nullptr, type}, {}).status(), StatusCode::kInvalidArgument, {op.name, "weights", "null"});
    }
    const void* const unaligned = reinterpret_cast<const char*>(kValues) + 2;
    ExpectError(op.create({unaligned, DataType::kF32}, {}).status(), StatusCode::kInvalidArgument,
                {op.name, "weights", "aligned", "4"});
    for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16}) {
      EXPECT_TRUE(op.create({kValues, type}, {}).ok());
      ExpectError(op.create({nullptr, type}, {}).status(), StatusCode::kInvalidArgument, {op.name, "weights", "null"});
    }
    const void* const odd = reinterpret_cast<const char*>(kValues) + 1;
    EXPECT_TRUE(op.create({unaligned, DataType::kF16}, {}).ok());
    ExpectError(op.create({odd, DataType::kBF16}, {}).status(), StatusCode::kInvalidArgument,
                {op.name, "weights", "aligned", "2"});
    EXPECT_TRUE(op.create(kValues, {}).ok());
  }
}

// Bias and the constants of epilogues are read as floats.
TEST(Weights, MisalignedConstantsAreErrors) {
  const auto* const unaligned = reinterpret_cast<const float*>(reinterpret_cast<const char*>(kValues) + 1);
  const auto expect_error = [](const StatusOr<Operator>& op, std::initializer_list<const char*> words) {
    ExpectError(op.status(), StatusCode::kInvalidArgument, words);
  };
  expect_error(CreateConv(SmallConv(), kValues, unaligned), {"conv", "bias", "aligned", "4"});
  expect_error(CreateConvTranspose(SmallConvTranspose(), kValues, unaligned), {"conv_transpose", "bias", "aligned"});
  ResizeAttributes pointwise = SmallResize(kValues);
  pointwise.pointwise.bias = unaligned;
  expect_error(CreateResize(pointwise), {"resize", "pointwise", "bias", "aligned"});
  const std::pair<const char*, const float * Epilogue::*> fields[] = {
      {"scale", &Epilogue::scale}, {"shift", &Epilogue::shift}, {"slope", &Epilogue::slope}};
  for (const auto& [name, field] : fields) {
    ConvAttributes conv = SmallConv();
    ConvTransposeAttributes conv_transpose = SmallConvTranspose();
    ResizeAttributes resize = SmallResize({});
    resize.pointwise = {};
    for (Epilogue* epilogue : {&conv.epilogue, &conv_transpose.epilogue, &resize.epilogue}) {
      epilogue->*field = unaligned;
      epilogue->channels = 1;
    }
    expect_error(CreateConv(conv, kValues, nullptr), {"conv", "epilogue", name, "aligned"});
    expect_error(CreateConvTranspose(conv_transpose, kValues, nullptr),
                 {"conv_transpose", "epilogue", name, "aligned"});
    expect_error(CreateResize(resize), {"resize", "epilogue", name, "aligned"});
  }
}

TEST(Weights, TypesThatDoNotExistAreInvalid) {
  for (const WeightsOp& op : kWeightsOps) {
    for (const int32_t type : {-1, 10, 77}) {
      ExpectError(op.create({kValues, static_cast<DataType>(type)}, {}).status(), StatusCode::kInvalidArgument,
                  {op.name, "weights", "type", std::to_string(type).c_str(), "DataType"});
    }
  }
}

// A resize without weights and channels has no 1x1 convolution; any other type asks for one.
TEST(Weights, APointwiseTypeWithoutDataIsAnError) {
  ResizeAttributes a;
  a.size = {4, 4, 0};
  EXPECT_TRUE(CreateResize(a).ok());
  a.pointwise.weights.type = DataType::kBF16;
  EXPECT_EQ(CreateResize(a).status().code(), StatusCode::kInvalidArgument);
}

// These layers have few channels, which are computed alike.
TEST(Numerics, AllComputeInF32) {
  const std::vector<float> input = {0.3f, 1.7f, -2.9f, 1e-3f, 5.3f, 0.7f, -1.1f, 8.9f};
  for (const WeightsOp& op : kWeightsOps) {
    SCOPED_TRACE(op.name);
    std::vector<float> expected;
    for (const Numerics numerics : {Numerics::kDefault, Numerics::kStrict, Numerics::kFast, Numerics::kBf16}) {
      OperatorOptions options;
      options.numerics = numerics;
      const StatusOr<Operator> created = op.create(kValues, options);
      ASSERT_TRUE(created.ok()) << created.status().message();
      const Plan plan =
          *created->MakePlan(TensorDesc::Nchw(1, op.name == std::string("resize pointwise") ? 2 : 1, 2, 2));
      std::vector<float> output(static_cast<size_t>(ref::Extent(plan.output())));
      ASSERT_TRUE(plan.Run(input.data(), output.data()).ok());
      if (expected.empty()) expected = output;
      EXPECT_EQ(output, expected);
    }
  }
}

TEST(Numerics, EveryOpRefusesOthers) {
  for (const int32_t value : {-1, 4, 77}) {
    OperatorOptions o;
    o.numerics = static_cast<Numerics>(value);
    ResizeAttributes resize;
    resize.size = {4, 4, 0};
    const StatusOr<Operator> operators[] = {kWeightsOps[0].create(kValues, o),
                                            kWeightsOps[1].create(kValues, o),
                                            kWeightsOps[2].create(kValues, o),
                                            CreateResize(resize, o),
                                            CreatePixelShuffle({}, o),
                                            CreateMaxPool({}, o),
                                            CreateMaxUnpool({}, o),
                                            CreateAvgPool({}, o),
                                            CreateAvgUnpool({}, o),
                                            CreateConvexUpsample({}, o),
                                            CreateConvert(o)};
    for (const StatusOr<Operator>& op : operators) {
      ExpectError(op.status(), StatusCode::kInvalidArgument, {"numerics", std::to_string(value).c_str(), "kStrict"});
    }
  }
  for (const Numerics numerics : {Numerics::kStrict, Numerics::kFast, Numerics::kBf16}) {
    OperatorOptions o;
    o.numerics = numerics;
    EXPECT_TRUE(CreateConvert(o).ok() && CreateMaxPool({}, o).ok() && CreatePixelShuffle({}, o).ok());
  }
}

}  // namespace
}  // namespace polyphase::testing
