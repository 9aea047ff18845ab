// Every way to use the C++ API wrongly: the Status names the attribute and its value, and nothing is written.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"
#include "tests/testers/is_error.h"

namespace polyphase::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int64_t kHuge = int64_t{1} << 62;

// ---- ConvTranspose: Create

const std::vector<float>& Weights() {
  static const std::vector<float> weights(4 * 6 * 3 * 3, 1.0f);
  return weights;
}

ConvTransposeAttributes GoodLayer() {
  ConvTransposeAttributes a;
  a.input_channels = 4;
  a.output_channels = 6;
  a.kernel = {3, 3, 1};
  a.stride = {2, 2, 1};
  return a;
}

using LayerChange = std::function<void(ConvTransposeAttributes&)>;

StatusOr<Operator> CreateLayer(
    const LayerChange& change = [](ConvTransposeAttributes&) {}, const OperatorOptions& options = {}) {
  ConvTransposeAttributes a = GoodLayer();
  change(a);
  return CreateConvTranspose(a, Weights().data(), nullptr, options);
}

TEST(Status, ConvTransposeAttributes) {
  ASSERT_TRUE(CreateLayer().ok());
  using A = ConvTransposeAttributes;
  for (const int rank : {-1, 0, 4}) {
    EXPECT_TRUE(
        IsError(CreateLayer([=](A& a) { a.spatial_rank = rank; }), {"spatial_rank", std::to_string(rank).c_str()}));
  }
  EXPECT_EQ(CreateLayer([](A& a) { a.spatial_rank = 4; }).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.input_channels = 0; }), {"input_channels", "0"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.input_channels = -4; }), {"input_channels", "-4"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.output_channels = 0; }), {"output_channels", "0"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.output_channels = -6; }), {"output_channels", "-6"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.groups = 0; }), {"groups", "0"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.groups = -2; }), {"groups", "-2"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.groups = 3; }), {"groups", "3", "input_channels", "4"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.groups = 4; }), {"groups", "4", "output_channels", "6"}));
  for (const size_t axis : {0, 1}) {
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.kernel[axis] = 0; }), {"kernel", "0"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.kernel[axis] = -3; }), {"kernel", "-3"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.stride[axis] = 0; }), {"stride", "0"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.stride[axis] = -2; }), {"stride", "-2"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.dilation[axis] = 0; }), {"dilation", "0"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.dilation[axis] = -1; }), {"dilation", "-1"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.padding_begin[axis] = -5; }), {"padding_begin", "-5"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.padding_end[axis] = -5; }), {"padding_end", "-5"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.output_padding[axis] = -1; }), {"output_padding", "-1"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) { a.output_padding[axis] = 2; }), {"output_padding", "2"}));
    EXPECT_TRUE(IsError(CreateLayer([=](A& a) {
                          a.output_padding[axis] = 7;
                          a.dilation[axis] = 7;
                        }),
                        {"output_padding", "7"}));
    EXPECT_TRUE(CreateLayer([=](A& a) {
                  a.output_padding[axis] = 6;
                  a.dilation[axis] = 7;
                }).ok());
  }
}

TEST(Status, ConvTransposeEpilogue) {
  using A = ConvTransposeAttributes;
  EXPECT_TRUE(
      IsError(CreateLayer([](A& a) { a.epilogue.activation = static_cast<Activation>(77); }), {"activation", "77"}));
  EXPECT_TRUE(
      IsError(CreateLayer([](A& a) { a.epilogue.activation = static_cast<Activation>(-1); }), {"activation", "-1"}));
  const auto clamp = [](float lower, float upper) {
    return CreateLayer([=](A& a) {
      a.epilogue.activation = Activation::kClamp;
      a.epilogue.lower = lower;
      a.epilogue.upper = upper;
    });
  };
  EXPECT_TRUE(IsError(clamp(2, 1), {"lower", "2", "upper", "1"}));
  EXPECT_TRUE(IsError(clamp(kNan, 1), {"lower", "nan"}));
  EXPECT_TRUE(IsError(clamp(0, kNan), {"upper", "nan"}));
  EXPECT_TRUE(clamp(1, 1).ok());
  EXPECT_TRUE(clamp(-kInf, kInf).ok());
}

TEST(Status, ConvTransposeWeights) {
  EXPECT_TRUE(IsError(CreateConvTranspose(GoodLayer(), nullptr, nullptr), {"weights", "null"}));
}

// Attributes whose products do not fit: no sum of them may wrap around into something that looks right.
TEST(Status, ConvTransposeSizesBeyond63Bits) {
  using A = ConvTransposeAttributes;
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.input_channels = kHuge; }), {}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.input_channels = a.output_channels = int64_t{1} << 33; }), {}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.kernel = {int64_t{1} << 40, int64_t{1} << 40, 1}; }), {}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.kernel[0] = std::numeric_limits<int64_t>::max(); }), {}));
  const auto plan = [](const LayerChange& change, const TensorDesc& input) -> Status {
    const StatusOr<Operator> op = CreateLayer(change);
    if (!op.ok()) return op.status();
    return op->MakePlan(input).status();
  };
  const TensorDesc input = TensorDesc::Nchw(1, 4, 5, 5);
  for (const size_t axis : {0, 1}) {
    EXPECT_TRUE(IsError(plan([=](A& a) { a.stride[axis] = kHuge; }, input), {}));
    EXPECT_TRUE(IsError(plan([=](A& a) { a.dilation[axis] = kHuge; }, input), {}));
    EXPECT_TRUE(IsError(plan([=](A& a) { a.stride[axis] = std::numeric_limits<int64_t>::max(); }, input), {}));
    EXPECT_TRUE(IsError(plan([=](A& a) { a.padding_begin[axis] = std::numeric_limits<int64_t>::max(); }, input), {}));
    EXPECT_TRUE(IsError(plan([=](A& a) { a.padding_end[axis] = std::numeric_limits<int64_t>::max(); }, input), {}));
    EXPECT_TRUE(IsError(plan(
                            [=](A& a) {
                              a.padding_begin[axis] = std::numeric_limits<int64_t>::max();
                              a.padding_end[axis] = std::numeric_limits<int64_t>::max();
                            },
                            input),
                        {}));
    // Each axis would fit, the tensor does not.
    EXPECT_TRUE(IsError(plan([=](A& a) { a.stride = {int64_t{1} << 31, int64_t{1} << 31, 1}; }, input), {}));
  }
  EXPECT_TRUE(IsError(plan([](A&) {}, TensorDesc::Nchw(kHuge, 4, 5, 5)), {}));
  EXPECT_TRUE(IsError(plan([](A&) {}, TensorDesc::Nhwc(int64_t{1} << 30, 4, int64_t{1} << 20, int64_t{1} << 20)), {}));
  EXPECT_TRUE(IsError(plan([](A&) {}, TensorDesc::Nchwc(16, 1, 4, kHuge, 1)), {}));
  TensorDesc strided = input;
  strided.n = 3;
  strided.stride_n = kHuge;
  EXPECT_TRUE(IsError(plan([](A&) {}, strided), {}));
}

// ---- Options that all ops share

TEST(Status, Isa) {
  OperatorOptions options;
  options.isa = "avx9";
  EXPECT_TRUE(IsError(CreateLayer([](ConvTransposeAttributes&) {}, options), {"isa", "avx9"}));
  EXPECT_TRUE(IsError(CreateConvert(options), {"isa", "avx9"}));
  EXPECT_TRUE(IsError(CreatePixelShuffle({}, options), {"isa", "avx9"}));
  ResizeAttributes resize;
  resize.size = {4, 4, 0};
  EXPECT_TRUE(IsError(CreateResize(resize, options), {"isa", "avx9"}));
}

void* NoMemory(void*, size_t, size_t) { return nullptr; }
void FreeNothing(void*, void*, size_t, size_t) {}

TEST(Status, RuntimeOfAnOperator) {
  OperatorOptions options;
  options.runtime.struct_size = 3;
  EXPECT_TRUE(IsError(CreateConvert(options), {"struct_size", "3"}));
  options.runtime = Runtime();
  options.runtime.allocate = NoMemory;
  EXPECT_TRUE(IsError(CreateConvert(options), {"deallocate"}));
  options.runtime = Runtime();
  options.runtime.deallocate = FreeNothing;
  EXPECT_TRUE(IsError(CreateConvert(options), {"allocate"}));
}

TEST(Status, InputHint) {
  OperatorOptions options;
  const auto same = [](ConvTransposeAttributes&) {};
  options.input_hint = TensorDesc::Nchw(1, 5, 8, 8);
  EXPECT_TRUE(IsError(CreateLayer(same, options), {"5", "4"}));
  options.input_hint = TensorDesc::Nchw(-1, 4, 8, 8);
  EXPECT_TRUE(IsError(CreateLayer(same, options), {"n", "-1"}));
  options.input_hint = TensorDesc::Nchwc(5, 1, 4, 8, 8);
  EXPECT_TRUE(IsError(CreateLayer(same, options), {"channel_block", "5"}));
}

// ---- MakePlan: tensors

using DescChange = std::function<void(TensorDesc&)>;

struct BadTensor {
  const char* name;
  TensorDesc base;
  DescChange change;
  std::initializer_list<const char*> words;
};

const TensorDesc kNchw = TensorDesc::Nchw(2, 4, 5, 6);
const TensorDesc kNhwc = TensorDesc::Nhwc(2, 4, 5, 6);
const TensorDesc kNchw8c = TensorDesc::Nchwc(8, 2, 4, 5, 6);

const BadTensor kBadTensors[] = {
    {"dtype", kNchw, [](TensorDesc& d) { d.dtype = static_cast<DataType>(99); }, {"dtype", "99"}},
    {"layout", kNchw, [](TensorDesc& d) { d.layout = static_cast<Layout>(7); }, {"layout", "7"}},
    {"block 5", kNchw8c, [](TensorDesc& d) { d.channel_block = 5; }, {"channel_block", "5"}},
    {"block 1", kNchw8c, [](TensorDesc& d) { d.channel_block = 1; }, {"channel_block", "1"}},
    {"block 0", kNchw8c, [](TensorDesc& d) { d.channel_block = 0; }, {"channel_block", "0"}},
    {"block -8", kNchw8c, [](TensorDesc& d) { d.channel_block = -8; }, {"channel_block", "-8"}},
    {"block of nchw", kNchw, [](TensorDesc& d) { d.channel_block = 8; }, {"channel_block", "8"}},
    {"block of nhwc", kNhwc, [](TensorDesc& d) { d.channel_block = 4; }, {"channel_block", "4"}},
    {"rank 4", kNchw, [](TensorDesc& d) { d.spatial_rank = 4; }, {"spatial_rank", "4"}},
    {"rank 0", kNchw, [](TensorDesc& d) { d.spatial_rank = 0; }, {"spatial_rank", "0"}},
    {"n -1", kNchw, [](TensorDesc& d) { d.n = -1; }, {"n", "-1"}},
    {"c -4", kNchw, [](TensorDesc& d) { d.c = -4; }, {"c", "-4"}},
    {"h -5", kNchw, [](TensorDesc& d) { d.size[0] = -5; }, {"size", "-5"}},
    {"w -6", kNchw, [](TensorDesc& d) { d.size[1] = -6; }, {"size", "-6"}},
    {"nchw pixel", kNchw, [](TensorDesc& d) { d.stride[1] = 2; }, {"stride", "2"}},
    {"nchw row", kNchw, [](TensorDesc& d) { d.stride[0] = 5; }, {"stride", "5"}},
    {"nchw channel", kNchw, [](TensorDesc& d) { d.stride_c = 29; }, {"stride_c", "29"}},
    {"nchw image", kNchw, [](TensorDesc& d) { d.stride_n = 119; }, {"stride_n", "119"}},
    {"nchw negative", kNchw, [](TensorDesc& d) { d.stride[0] = -6; }, {"stride", "-6"}},
    {"nhwc channel", kNhwc, [](TensorDesc& d) { d.stride_c = 2; }, {"stride_c", "2"}},
    {"nhwc pixel", kNhwc, [](TensorDesc& d) { d.stride[1] = 3; }, {"stride", "3"}},
    {"nhwc row", kNhwc, [](TensorDesc& d) { d.stride[0] = 23; }, {"stride", "23"}},
    {"nhwc image", kNhwc, [](TensorDesc& d) { d.stride_n = 119; }, {"stride_n", "119"}},
    {"nchwc pixel", kNchw8c, [](TensorDesc& d) { d.stride[1] = 9; }, {"stride", "9"}},
    {"nchwc row", kNchw8c, [](TensorDesc& d) { d.stride[0] = 47; }, {"stride", "47"}},
    {"nchwc image", kNchw8c, [](TensorDesc& d) { d.stride_n = 239; }, {"stride_n", "239"}},
    {"nchwc negative", kNchw8c, [](TensorDesc& d) { d.stride_n = -240; }, {"stride_n", "-240"}},
};

// An operator of each kind for kNchw and the like.
std::vector<Operator> OneOfEach() {
  std::vector<Operator> operators;
  operators.push_back(*CreateLayer());
  ResizeAttributes resize;
  resize.scale = {2, 2, 0};
  operators.push_back(*CreateResize(resize));
  operators.push_back(*CreatePixelShuffle({}));
  operators.push_back(*CreateConvert());
  ConvAttributes conv;
  conv.input_channels = 4;
  conv.output_channels = 6;
  conv.kernel = {3, 3};
  conv.upsample = {1, 2};
  conv.padding_begin = {1, 1};
  operators.push_back(*CreateConv(conv, Weights().data(), nullptr));
  return operators;
}

TEST(Status, InputTensor) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    for (const BadTensor& bad : kBadTensors) {
      TensorDesc input = bad.base;
      ASSERT_TRUE(op.MakePlan(input).ok()) << bad.name << ": " << op.MakePlan(input).status().message();
      bad.change(input);
      EXPECT_TRUE(IsError(op.MakePlan(input), bad.words)) << bad.name;
    }
  }
}

TEST(Status, OutputTensor) {
  // Convert keeps sizes, so that the tensors above can be its output.
  const StatusOr<Operator> op = CreateConvert();
  ASSERT_TRUE(op.ok());
  for (const BadTensor& bad : kBadTensors) {
    PlanOptions options;
    options.output = bad.base;
    ASSERT_TRUE(op->MakePlan(kNchw, options).ok()) << bad.name;
    bad.change(*options.output);
    EXPECT_TRUE(IsError(op->MakePlan(kNchw, options), bad.words)) << bad.name;
  }
}

// The tensors above have a single block, whose stride does not count.
TEST(Status, StrideOfChannelBlocks) {
  const StatusOr<Operator> op = CreateConvert();
  ASSERT_TRUE(op.ok());
  TensorDesc input = TensorDesc::Nchwc(8, 2, 9, 5, 6);
  for (const int64_t stride : {0, 240, 241}) {
    input.stride_c = stride;
    EXPECT_TRUE(op->MakePlan(input).ok()) << stride;
  }
  for (const int64_t stride : {239, 8, 1, -240}) {
    input.stride_c = stride;
    EXPECT_TRUE(IsError(op->MakePlan(input), {"stride_c", std::to_string(stride).c_str()}));
  }
}

TEST(Status, OutputSizesAreInferredOrRight) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    const StatusOr<Plan> inferred = op.MakePlan(kNchw);
    ASSERT_TRUE(inferred.ok());
    const TensorDesc right = inferred->output();
    EXPECT_GT(right.n * right.c * right.size[0] * right.size[1], 0);
    PlanOptions options;
    options.output = TensorDesc::Nhwc(0, 0, 0, 0);  // all inferred
    const StatusOr<Plan> plan = op.MakePlan(kNchw, options);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->output().layout, Layout::kNhwc);
    EXPECT_EQ(plan->output().c, right.c);
    EXPECT_EQ(plan->output().size[1], right.size[1]);

    const auto with = [&](const DescChange& change) {
      options.output = TensorDesc::Nchw(right.n, right.c, right.size[0], right.size[1]);
      change(*options.output);
      return op.MakePlan(kNchw, options);
    };
    EXPECT_TRUE(with([](TensorDesc&) {}).ok());
    EXPECT_TRUE(IsError(with([](TensorDesc& d) { d.n = 71; }), {"n", "71", "2"}));
    EXPECT_TRUE(IsError(with([](TensorDesc& d) { d.c = 71; }), {"c", "71", std::to_string(right.c).c_str()}));
    EXPECT_TRUE(
        IsError(with([](TensorDesc& d) { d.size[0] = 71; }), {"size", "71", std::to_string(right.size[0]).c_str()}));
    EXPECT_TRUE(
        IsError(with([](TensorDesc& d) { d.size[1] = 71; }), {"size", "71", std::to_string(right.size[1]).c_str()}));
    EXPECT_TRUE(IsError(with([](TensorDesc& d) { d.dtype = DataType::kU8; }), {"dtype"}));
  }
}

TEST(Status, ElementTypes) {
  TensorDesc half = kNchw;
  half.dtype = DataType::kF16;
  EXPECT_TRUE(IsError(OneOfEach()[0].MakePlan(half), {"dtype"}));
  EXPECT_TRUE(OneOfEach()[1].MakePlan(half).ok());
  for (const DataType type : {DataType::kI8, DataType::kU16, DataType::kI32, DataType::kF64, DataType::kI64}) {
    TensorDesc other = kNchw;
    other.dtype = type;
    EXPECT_TRUE(IsError(OneOfEach()[1].MakePlan(other), {"dtype", std::to_string(static_cast<int>(type)).c_str()}));
  }
  EXPECT_TRUE(OneOfEach()[2].MakePlan(half).ok());
  EXPECT_TRUE(OneOfEach()[3].MakePlan(half).ok());
  EXPECT_TRUE(IsError(OneOfEach()[4].MakePlan(half), {"dtype", "1"}));
}

TEST(Status, ConvTransposePlan) {
  using A = ConvTransposeAttributes;
  const Operator op = *CreateLayer();  // k 3, s 2, p 0: 5 x 6 -> 11 x 13
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 5, 5, 6)), {"c", "5", "4"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 0, 6)), {"size", "0"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 5, 0)), {"size", "0"}));
  for (const SpatialSizes& size : {SpatialSizes{10, 13, 0}, SpatialSizes{13, 13, 0}}) {
    PlanOptions options;
    options.output_size = size;
    EXPECT_TRUE(IsError(op.MakePlan(kNchw, options), {"output_size", std::to_string(size[0]).c_str(), "11", "12"}));
  }
  for (const int64_t w : {0, 12, 15, -1}) {
    PlanOptions options;
    options.output_size = {11, w, 0};
    EXPECT_TRUE(IsError(op.MakePlan(kNchw, options), {"output_size", std::to_string(w).c_str()}));
  }
  PlanOptions options;
  options.algorithm = static_cast<Algorithm>(9);
  EXPECT_TRUE(IsError(op.MakePlan(kNchw, options), {"algorithm", "9"}));
  for (const size_t other : {1, 2, 3, 4}) {  // no other op has a choice
    options.algorithm = Algorithm::kGemmCol2im;
    options.output_size = {};
    EXPECT_TRUE(IsError(OneOfEach()[other].MakePlan(kNchw, options), {"algorithm", "2"}));
    options.algorithm = Algorithm::kAuto;
    options.output_size = {11, 13, 0};
    EXPECT_TRUE(IsError(OneOfEach()[other].MakePlan(kNchw, options), {"output_size", "11"}));
  }
  // Crops that leave nothing: 11 - 11 and 13 - 14.
  const Operator nothing_high = *CreateLayer([](A& a) { a.padding_begin = {11, 0, 0}; });
  EXPECT_TRUE(IsError(nothing_high.MakePlan(kNchw), {"output", "0"}));
  const Operator nothing_wide = *CreateLayer([](A& a) { a.padding_end = {0, 14, 0}; });
  EXPECT_TRUE(IsError(nothing_wide.MakePlan(kNchw), {"output", "-1"}));
}

// ---- Resize

using ResizeChange = std::function<void(ResizeAttributes&)>;

StatusOr<Operator> MakeResize(const ResizeChange& change) {
  ResizeAttributes a;
  a.size = {7, 8, 0};
  change(a);
  return CreateResize(a);
}

TEST(Status, ResizeAttributes) {
  using A = ResizeAttributes;
  ASSERT_TRUE(MakeResize([](A&) {}).ok());
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.spatial_rank = 4; }), {"spatial_rank", "4"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.spatial_rank = 0; }), {"spatial_rank", "0"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.mode = static_cast<ResizeMode>(9); }), {"mode", "9"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.coordinate_transformation = static_cast<CoordinateTransformation>(9); }),
                      {"coordinate_transformation", "9"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) {
                        a.mode = ResizeMode::kNearest;
                        a.nearest_mode = static_cast<NearestMode>(9);
                      }),
                      {"nearest_mode", "9"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.size = {}; }), {"size", "scale"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.scale = {2, 2, 0}; }), {"size", "scale"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.recompute_scale_factor = true; }), {"recompute_scale_factor", "size"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.size = {-7, 8, 0}; }), {"size", "-7"}));
  const auto scale = [](double h, double w) {
    return MakeResize([=](A& a) {
      a.size = {};
      a.scale = {h, w, 0};
    });
  };
  ASSERT_TRUE(scale(2, 0.5).ok());
  EXPECT_TRUE(scale(2, 0).ok());  // W keeps its size
  EXPECT_TRUE(IsError(scale(-2, 2), {"scale", "-2"}));
  EXPECT_TRUE(IsError(scale(2, std::nan("")), {"scale", "nan"}));
  EXPECT_TRUE(IsError(scale(std::numeric_limits<double>::infinity(), 2), {"scale", "inf"}));
  const auto roi = [](double begin, double end) {
    return MakeResize([=](A& a) {
      a.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
      a.roi_begin[0] = begin;
      a.roi_end[1] = end;
    });
  };
  ASSERT_TRUE(roi(-2, 3).ok());
  EXPECT_TRUE(IsError(roi(std::nan(""), 1), {"roi_begin", "H", "nan"}));
  EXPECT_TRUE(IsError(roi(0, -std::numeric_limits<double>::infinity()), {"roi_end", "W", "inf"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.n = -3; }), {"n", "-3"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.c = -3; }), {"c", "-3"}));
  for (const float value : {kNan, kInf, -kInf}) {
    EXPECT_TRUE(IsError(MakeResize([=](A& a) {
                          a.mode = ResizeMode::kCubic;
                          a.cubic_coeff_a = value;
                        }),
                        {"cubic_coeff_a"}));
  }
  EXPECT_TRUE(
      IsError(MakeResize([](A& a) { a.epilogue.activation = static_cast<Activation>(99); }), {"activation", "99"}));
}

TEST(Status, ResizeEnums) {
  using A = ResizeAttributes;
  for (const int value : {-1, 9}) {
    const std::string text = std::to_string(value);
    const struct {
      const char* name;
      std::function<void(A&)> set;
    } kEnums[] = {
        {"mode", [=](A& a) { a.mode = static_cast<ResizeMode>(value); }},
        {"coordinate_transformation",
         [=](A& a) { a.coordinate_transformation = static_cast<CoordinateTransformation>(value); }},
        {"coordinate_precision", [=](A& a) { a.coordinate_precision = static_cast<CoordinatePrecision>(value); }},
        {"nearest_mode", [=](A& a) { a.nearest_mode = static_cast<NearestMode>(value); }},
        {"antialias", [=](A& a) { a.antialias = static_cast<Antialias>(value); }},
        {"output_size_rule", [=](A& a) { a.output_size_rule = static_cast<OutputSizeRule>(value); }},
        {"keep_aspect_ratio_policy",
         [=](A& a) { a.keep_aspect_ratio_policy = static_cast<KeepAspectRatioPolicy>(value); }},
        {"u8_rounding", [=](A& a) { a.u8_rounding = static_cast<U8Rounding>(value); }},
        {"residual", [=](A& a) { a.epilogue.residual = static_cast<Residual>(value); }}};
    for (const auto& e : kEnums) EXPECT_TRUE(IsError(MakeResize(e.set), {e.name, text.c_str()}));
  }
}

TEST(Status, ResizeOptionsThatContradictEachOther) {
  using A = ResizeAttributes;
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kArea}) {
    for (const Antialias antialias : {Antialias::kPillow, Antialias::kOnnx}) {
      EXPECT_TRUE(IsError(MakeResize([=](A& a) { a.mode = mode, a.antialias = antialias; }), {"antialias", "mode"}));
    }
  }
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kArea, ResizeMode::kLanczos}) {
    EXPECT_TRUE(IsError(MakeResize([=](A& a) {
                          a.mode = mode;
                          a.exclude_outside = true;
                          if (mode == ResizeMode::kLanczos) a.antialias = Antialias::kPillow;
                        }),
                        {"exclude_outside", "true", "mode"}));
  }
  for (const Antialias antialias : {Antialias::kNone, Antialias::kOnnx}) {
    EXPECT_TRUE(IsError(MakeResize([=](A& a) { a.mode = ResizeMode::kLanczos, a.antialias = antialias; }),
                        {"antialias", "kLanczos"}));
  }
  for (const U8Rounding rounding : {U8Rounding::kFixed16, U8Rounding::kFixed22}) {
    EXPECT_TRUE(IsError(MakeResize([=](A& a) { a.spatial_rank = 3, a.u8_rounding = rounding; }),
                        {"u8_rounding", "spatial_rank"}));
  }
  const auto crop = [](A& a) { a.coordinate_transformation = CoordinateTransformation::kTfCropAndResize; };
  EXPECT_TRUE(IsError(MakeResize([=](A& a) { crop(a), a.mode = ResizeMode::kArea; }), {"kTfCropAndResize", "kArea"}));
  EXPECT_TRUE(
      IsError(MakeResize([=](A& a) { crop(a), a.antialias = Antialias::kPillow; }), {"kTfCropAndResize", "kPillow"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) {
                        a.size = {};
                        a.scale = {2, 2, 0};
                        a.keep_aspect_ratio_policy = KeepAspectRatioPolicy::kNotLarger;
                      }),
                      {"keep_aspect_ratio_policy", "1", "scale"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.size = {4, 0, 0}, a.scale = {0, 2, 0}; }), {"size", "scale"}));
}

TEST(Status, ResizePointwise) {
  using A = ResizeAttributes;
  static const float kWeights[4 * 6] = {};
  const auto make = [](const ResizeChange& change) {
    return MakeResize([&](A& a) {
      a.pointwise = {kWeights, nullptr, 4, 6};
      change(a);
    });
  };
  ASSERT_TRUE(make([](A&) {}).ok());
  EXPECT_TRUE(IsError(make([](A& a) { a.pointwise.weights = nullptr; }), {"pointwise", "weights", "null"}));
  EXPECT_TRUE(IsError(make([](A& a) { a.pointwise.input_channels = 0; }), {"pointwise", "input_channels", "0"}));
  EXPECT_TRUE(IsError(make([](A& a) { a.pointwise.input_channels = -4; }), {"pointwise", "input_channels", "-4"}));
  EXPECT_TRUE(IsError(make([](A& a) { a.pointwise.output_channels = 0; }), {"pointwise", "output_channels", "0"}));
  EXPECT_TRUE(IsError(make([](A& a) { a.pointwise.output_channels = -6; }), {"pointwise", "output_channels", "-6"}));
  EXPECT_TRUE(IsError(make([](A& a) {
                        a.pointwise = {nullptr, kWeights, 0, 0};
                      }),
                      {"pointwise", "input_channels", "0"}));
  EXPECT_TRUE(IsError(make([](A& a) { a.pointwise.input_channels = kHuge; }), {"pointwise", "input_channels"}));
  EXPECT_TRUE(IsError(make([](A& a) { a.pointwise.output_channels = INT64_MAX; }), {"pointwise", "output_channels"}));
  EXPECT_TRUE(IsError(make([](A& a) { a.coordinate_transformation = CoordinateTransformation::kTfCropAndResize; }),
                      {"pointwise", "kTfCropAndResize", "extrapolation_value"}));
  EXPECT_TRUE(make([](A& a) { a.c = 4; }).ok());
  EXPECT_TRUE(IsError(make([](A& a) { a.c = 6; }), {"c", "6", "input_channels", "4"}));
  // The epilogue is that of the output.
  const auto scaled = [&](int64_t channels) {
    return make([=](A& a) { a.epilogue.scale = kWeights, a.epilogue.channels = channels; });
  };
  EXPECT_TRUE(scaled(6).ok());
  EXPECT_TRUE(IsError(scaled(4), {"epilogue", "channels", "4", "6"}));

  const Operator op = *make([](A&) {});
  const StatusOr<Plan> plan = op.MakePlan(kNchw);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->output().c, 6);
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 6, 5, 6)), {"c", "6", "input_channels", "4"}));
  PlanOptions options;
  options.output = TensorDesc::Nchw(0, 4, 7, 8);
  EXPECT_TRUE(IsError(op.MakePlan(kNchw, options), {"output", "c", "4", "6"}));
  for (const DataType type : {DataType::kF16, DataType::kBF16, DataType::kU8, DataType::kI32}) {
    TensorDesc desc = kNchw;
    desc.dtype = type;
    const Status status = op.MakePlan(desc).status();
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_NE(std::string(status.message()).find("pointwise"), std::string::npos) << status.message();
  }
}

TEST(Status, ResizePlan) {
  const Operator op = *MakeResize([](ResizeAttributes&) {});
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 0, 5, 6)), {"c", "0"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 0, 6)), {"size", "0"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 5, 0)), {"size", "0"}));
  const auto scale = [](double h, double w) {
    return *MakeResize([=](ResizeAttributes& a) {
      a.size = {};
      a.scale = {h, w, 0};
    });
  };
  EXPECT_TRUE(IsError(scale(0.1, 1).MakePlan(kNchw), {"output", "0"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Make(1, 4, {5})), {"spatial_rank", "1", "2"}));
  using A = ResizeAttributes;
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.n = 3; })->MakePlan(kNchw), {"n", "3"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) { a.c = 5; })->MakePlan(kNchw), {"c", "5"}));
  const float ones[5] = {1, 1, 1, 1, 1};
  const auto scaled = [&](A& a) { a.epilogue.scale = ones, a.epilogue.channels = 5; };
  EXPECT_TRUE(IsError(MakeResize(scaled)->MakePlan(kNchw), {"channels", "5"}));
  TensorDesc levels = kNchw;
  levels.dtype = DataType::kU8;
  EXPECT_TRUE(IsError(MakeResize([](A& a) {
                        a.u8_rounding = U8Rounding::kFixed16;
                        a.epilogue.activation = Activation::kRelu;
                      })->MakePlan(levels),
                      {"u8_rounding", "2", "epilogue"}));
  EXPECT_TRUE(IsError(MakeResize([](A& a) {
                        a.mode = ResizeMode::kCubic;
                        a.u8_rounding = U8Rounding::kFixed22;
                        a.cubic_coeff_a = -1e4f;
                      })->MakePlan(levels),
                      {"cubic_coeff_a", "u8_rounding"}));
  PlanOptions unwanted;
  unwanted.residual = TensorDesc::Nchw(0, 0, 0, 0);
  EXPECT_TRUE(IsError(op.MakePlan(kNchw, unwanted), {"residual"}));
  EXPECT_TRUE(IsError(scale(1, 1e300).MakePlan(kNchw), {}));
  EXPECT_TRUE(IsError(scale(1e12, 1e12).MakePlan(kNchw), {}));
  const Operator huge = *MakeResize([](ResizeAttributes& a) { a.size = {kHuge, kHuge, 0}; });
  EXPECT_TRUE(IsError(huge.MakePlan(kNchw), {}));
}

// ---- PixelShuffle and Convert

// Whatever is never stepped may be as large as int64; what crops everything is an error.
TEST(Status, ConvTransposeOfHugeAttributes) {
  const std::vector<float> weights(8, 1.0f);
  ConvTransposeAttributes a;
  a.spatial_rank = 1;
  a.input_channels = 4;
  a.output_channels = 2;
  a.dilation = {std::numeric_limits<int64_t>::max()};
  for (const Algorithm algorithm : {Algorithm::kSubpixel, Algorithm::kGemmCol2im}) {
    PlanOptions options;
    options.algorithm = algorithm;
    const Plan plan = *CreateConvTranspose(a, weights.data(), nullptr)->MakePlan(TensorDesc::Make(1, 4, {5}), options);
    const std::vector<float> input(20, 1.0f);
    std::vector<float> output(10);
    ASSERT_TRUE(plan.Run(input.data(), output.data()).ok());
    EXPECT_EQ(output, std::vector<float>(10, 4.0f));
  }
  a.dilation = {1};
  a.padding_begin = {std::numeric_limits<int64_t>::max() - 20};
  a.padding_end = {std::numeric_limits<int64_t>::max()};
  const StatusOr<Operator> cropped = CreateConvTranspose(a, weights.data(), nullptr);
  EXPECT_TRUE(IsError(cropped.ok() ? cropped->MakePlan(TensorDesc::Make(1, 4, {4})).status() : cropped.status(),
                      {"padding_end", "9223372036854775807"}));
}

TEST(Status, ConvTransposePaddingFromTheInput) {
  using A = ConvTransposeAttributes;
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.auto_pad = static_cast<AutoPad>(9); }), {"auto_pad", "9"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.auto_pad = AutoPad::kValid, a.padding_end[1] = 3; }),
                      {"padding_end", "3", "auto_pad"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.output_shape = {-7, 9}; }), {"output_shape", "-7"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.output_shape = {9, 0}; }), {"output_shape", "W", "0"}));
  // 3 x 3, stride 2: 5 -> 11 naturally, and 12 is the last size that a convolution takes back to 5.
  const Operator shaped = *CreateLayer([](A& a) { a.output_shape = {13, 13}; });
  EXPECT_TRUE(IsError(shaped.MakePlan(TensorDesc::Nchw(1, 4, 5, 5)), {"output_shape", "H", "13", "12"}));
  EXPECT_TRUE(shaped.MakePlan(TensorDesc::Nchw(1, 4, 6, 6)).ok());
  PlanOptions options;
  options.output_size = {13, 13};
  EXPECT_TRUE(IsError(shaped.MakePlan(TensorDesc::Nchw(1, 4, 6, 6), options), {"output_size", "13", "output_shape"}));
}

TEST(Status, EpiloguesAndPrologues) {
  using A = ConvTransposeAttributes;
  static const float kConstants[6] = {1, 1, 1, 1, 1, 1};
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.epilogue.activation = Activation::kPRelu; }), {"slope", "null"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.epilogue.scale = kConstants; }), {"channels", "0", "6"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.epilogue.shift = kConstants, a.epilogue.channels = 5; }),
                      {"channels", "5", "6"}));
  EXPECT_TRUE(CreateLayer([](A& a) { a.epilogue.shift = kConstants, a.epilogue.channels = 6; }).ok());
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.epilogue.residual = static_cast<Residual>(3); }), {"residual", "3"}));
  EXPECT_TRUE(
      IsError(CreateLayer([](A& a) { a.epilogue.activation = static_cast<Activation>(11); }), {"activation", "11"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.prologue.activation = Activation::kTanh; }), {"prologue", "6"}));
  EXPECT_TRUE(IsError(CreateLayer([](A& a) { a.prologue = {Activation::kLeakyRelu, kNan}; }), {"prologue", "NaN"}));

  PlanOptions options;
  options.residual = TensorDesc::Nchw(1, 6, 11, 13);
  EXPECT_TRUE(IsError(CreateLayer()->MakePlan(TensorDesc::Nchw(1, 4, 5, 6), options), {"residual"}));
  const Operator op = *CreateLayer([](A& a) { a.epilogue.residual = Residual::kBeforeActivation; });
  EXPECT_TRUE(op.MakePlan(TensorDesc::Nchw(1, 4, 5, 6), options).ok());
  options.residual->size[1] = 12;
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 5, 6), options), {"residual", "size", "12", "13"}));
  options.residual = TensorDesc::Nchw(1, 6, 11, 13);
  options.residual->dtype = DataType::kF16;
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 5, 6), options), {"residual", "dtype", "1"}));
}

TEST(Status, ResidualBuffers) {
  const Operator op =
      *CreateLayer([](ConvTransposeAttributes& a) { a.epilogue.residual = Residual::kAfterActivation; });
  const Plan plan = *op.MakePlan(TensorDesc::Nchw(1, 4, 5, 6));
  const std::vector<float> input(4 * 5 * 6, 1.0f);
  std::vector<float> output(2 * 6 * 11 * 13, -7.0f);
  const std::vector<float> before = output;
  RunOptions options;
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data(), options), {"residual", "null"}));
  options.residual = output.data() + 1;
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data(), options), {"residual", "overlap", "output"}));
  EXPECT_EQ(output, before);
  options.residual = output.data();
  EXPECT_TRUE(plan.Run(input.data(), output.data(), options).ok()) << "in place";
  // The same memory as another view would be read after it was written.
  PlanOptions views;
  views.residual = TensorDesc::Nhwc(1, 6, 11, 13);
  const Plan nhwc = *op.MakePlan(TensorDesc::Nchw(1, 4, 5, 6), views);
  EXPECT_TRUE(IsError(nhwc.Run(input.data(), output.data(), options), {"residual", "overlap", "output"}));
}

TEST(Status, FoldBatchNorm) {
  const float ones[2] = {1, 1};
  const float bad[2] = {1, -1};
  float scale[2], shift[2];
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, nullptr, ones, 0, 2, scale, shift), {"mean", "null"}));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, nullptr, 0, 2, scale, shift), {"variance", "null"}));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, ones, 0, 2, nullptr, shift), {"scale", "null"}));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, ones, 0, 0, scale, shift), {"channels", "0"}));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, bad, 0.5, 2, scale, shift), {"variance", "-1", "epsilon"}));
  const float mean[2] = {2, 3};
  const float variance[2] = {3, 15};
  ASSERT_TRUE(FoldBatchNorm(nullptr, nullptr, mean, variance, 1, 2, scale, shift).ok());
  EXPECT_EQ(scale[0], 0.5f);
  EXPECT_EQ(shift[0], -1.0f);
  EXPECT_EQ(scale[1], 0.25f);
  EXPECT_EQ(shift[1], -0.75f);
}

TEST(Status, InputOfAnotherRank) {
  const TensorDesc line = TensorDesc::Make(1, 4, {6});
  const TensorDesc volume = TensorDesc::Make(1, 4, {5, 6, 7});
  ResizeAttributes resize;
  resize.size = {4, 4};
  for (const Operator& op : {*CreateLayer(), *CreateResize(resize), *CreatePixelShuffle({})}) {
    EXPECT_TRUE(IsError(op.MakePlan(line), {"input", "spatial_rank", "1", "2"})) << op.Describe();
    EXPECT_TRUE(IsError(op.MakePlan(volume), {"input", "spatial_rank", "3", "2"})) << op.Describe();
  }
  PlanOptions options;
  options.output = TensorDesc::Make(1, 4, {6, 1});
  EXPECT_TRUE(IsError(CreateConvert()->MakePlan(line, options), {"output", "spatial_rank", "2"}));
}

TEST(Status, PixelShuffleAttributes) {
  const auto create = [](const std::function<void(PixelShuffleAttributes&)>& change) {
    PixelShuffleAttributes a;
    change(a);
    return CreatePixelShuffle(a);
  };
  using A = PixelShuffleAttributes;
  EXPECT_TRUE(IsError(create([](A& a) { a.spatial_rank = 4; }), {"spatial_rank", "4"}));
  EXPECT_TRUE(IsError(create([](A& a) { a.factor[0] = 0; }), {"factor", "H", "0"}));
  EXPECT_TRUE(IsError(create([](A& a) { a.factor[1] = -2; }), {"factor", "W", "-2"}));
  EXPECT_TRUE(IsError(create([](A& a) { a.spatial_rank = 3, a.factor[0] = 0; }), {"factor", "D", "0"}));
  EXPECT_TRUE(IsError(create([](A& a) { a.direction = static_cast<ShuffleDirection>(5); }), {"direction", "5"}));
  EXPECT_TRUE(IsError(create([](A& a) { a.channel_order = static_cast<ChannelOrder>(5); }), {"channel_order", "5"}));
}

TEST(Status, PixelShufflePlan) {
  PixelShuffleAttributes a;
  a.factor = {3, 3};
  EXPECT_TRUE(IsError(CreatePixelShuffle(a)->MakePlan(TensorDesc::Nchw(1, 10, 2, 2)), {"c", "10"}));
  a.direction = ShuffleDirection::kSpaceToDepth;
  EXPECT_TRUE(IsError(CreatePixelShuffle(a)->MakePlan(TensorDesc::Nchw(1, 2, 7, 6)), {"size", "7"}));
  EXPECT_TRUE(IsError(CreatePixelShuffle(a)->MakePlan(TensorDesc::Nhwc(1, 2, 6, 8)), {"size", "8"}));
  // r * r and c * r * r that wrap around.
  const auto plan = [](ShuffleDirection direction, int64_t factor, const TensorDesc& input) -> Status {
    PixelShuffleAttributes attributes;
    attributes.direction = direction;
    attributes.factor = {factor, factor};
    const StatusOr<Operator> op = CreatePixelShuffle(attributes);
    return op.ok() ? op->MakePlan(input).status() : op.status();
  };
  EXPECT_TRUE(IsError(plan(ShuffleDirection::kDepthToSpace, int64_t{1} << 32, TensorDesc::Nchw(1, 4, 2, 2)), {}));
  EXPECT_TRUE(IsError(plan(ShuffleDirection::kDepthToSpace, kHuge, TensorDesc::Nchw(1, 4, 2, 2)), {}));
  EXPECT_TRUE(IsError(plan(ShuffleDirection::kSpaceToDepth, int64_t{1} << 32,
                           TensorDesc::Nchw(1, 4, int64_t{1} << 32, int64_t{1} << 32)),
                      {}));
}

// ---- Run

struct RunFixture {
  explicit RunFixture(const Operator& op)
      : plan(*op.MakePlan(kNchw)),
        input(static_cast<size_t>(ref::Extent(plan.input())), 1.0f),
        output(static_cast<size_t>(ref::Extent(plan.output())), -7.0f) {}

  // Runs and says whether `output` is as it was.
  ::testing::AssertionResult Fails(const void* in, void* out, const RunOptions& options,
                                   std::initializer_list<const char*> words) const {
    const std::vector<float> before = output;
    const Status status = plan.Run(in, out, options);
    if (output != before) return ::testing::AssertionFailure() << "output was written: " << status.message();
    return IsError(status, words);
  }

  Plan plan;
  std::vector<float> input, output;
};

TEST(Status, RunPointers) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    RunFixture f(op);
    EXPECT_TRUE(f.Fails(nullptr, f.output.data(), {}, {"input", "null"}));
    EXPECT_TRUE(f.Fails(f.input.data(), nullptr, {}, {"output", "null"}));
    EXPECT_TRUE(f.Fails(reinterpret_cast<char*>(f.input.data()) + 1, f.output.data(), {}, {"input", "4"}));
    EXPECT_TRUE(f.Fails(f.input.data(), reinterpret_cast<char*>(f.output.data()) + 2, {}, {"output", "4"}));
    EXPECT_TRUE(f.plan.Run(f.input.data(), f.output.data()).ok());
    EXPECT_NE(f.output, std::vector<float>(f.output.size(), -7.0f));
  }
}

TEST(Status, RunOverlap) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    RunFixture f(op);
    // One buffer that has room for both behind each other, the output at its start.
    const size_t in = f.input.size();
    const size_t out = f.output.size();
    f.output.assign(out + in, -7.0f);
    float* base = f.output.data();
    EXPECT_TRUE(f.Fails(base, base, {}, {"overlap"}));
    EXPECT_TRUE(f.Fails(base + out - 1, base, {}, {"overlap"}));
    EXPECT_TRUE(f.Fails(base, base + in - 1, {}, {"overlap"}));
    EXPECT_TRUE(f.plan.Run(base + out, base).ok());
    EXPECT_TRUE(f.plan.Run(base, base + in).ok());
  }
}

// A view reaches up to its last element, over the gaps between its rows.
TEST(Status, RunOverlapOfViews) {
  const Operator op = *CreateConvert();
  for (const Format& format : kFormats) {
    TensorDesc input = MakeDesc(DataType::kF32, format, 2, 19, 4, 5);
    TensorDesc output = input;
    for (TensorDesc* view : {&input, &output}) {  // one of them, then both
      SCOPED_TRACE(Name(format) + (view == &input ? ", view to dense" : ", view to view"));
      view->stride[0] = ref::WithStrides(*view).stride[0] + 3;
      PlanOptions options;
      options.output = output;
      const Plan plan = *op.MakePlan(input, options);
      const int64_t in = ref::Extent(input);
      const int64_t out = ref::Extent(output);
      std::vector<float> memory(static_cast<size_t>(in + out));
      float* base = memory.data();
      EXPECT_TRUE(IsError(plan.Run(base, base + in - 1), {"overlap"}));
      EXPECT_TRUE(IsError(plan.Run(base + out - 1, base), {"overlap"}));
      EXPECT_TRUE(plan.Run(base, base + in).ok());
      EXPECT_TRUE(plan.Run(base + out, base).ok());
    }
  }
}

TEST(Status, RunWorkspace) {
  PlanOptions gemm;
  gemm.algorithm = Algorithm::kGemmCol2im;
  RunFixture f(*CreateLayer());
  f.plan = *CreateLayer()->MakePlan(kNchw, gemm);
  const size_t bytes = f.plan.workspace_bytes();
  ASSERT_GT(bytes, 0u);
  Workspace workspace(bytes + kWorkspaceAlignment);
  RunOptions options;
  options.workspace = workspace.data();
  options.workspace_bytes = bytes - 1;
  EXPECT_TRUE(f.Fails(f.input.data(), f.output.data(), options, {"workspace_bytes", std::to_string(bytes).c_str()}));
  options.workspace_bytes = 0;
  EXPECT_TRUE(f.Fails(f.input.data(), f.output.data(), options, {"workspace_bytes", "0"}));
  for (const size_t offset : {1, 4, 16, 32}) {
    options.workspace = static_cast<char*>(workspace.data()) + offset;
    options.workspace_bytes = bytes;
    EXPECT_TRUE(f.Fails(f.input.data(), f.output.data(), options, {"workspace", "64"}));
  }
  options.workspace = workspace.data();
  EXPECT_TRUE(f.plan.Run(f.input.data(), f.output.data(), options).ok());

  // In the middle of either tensor.
  Workspace shared(bytes + (f.input.size() + f.output.size()) * sizeof(float));
  options.workspace = shared.data();
  EXPECT_TRUE(IsError(f.plan.Run(f.input.data(), static_cast<float*>(shared.data()) + 16, options), {"workspace"}));
  EXPECT_TRUE(IsError(f.plan.Run(static_cast<float*>(shared.data()) + 16, f.output.data(), options), {"workspace"}));
}

TEST(Status, RunRuntime) {
  PlanOptions gemm;
  gemm.algorithm = Algorithm::kGemmCol2im;
  RunFixture f(*CreateLayer());
  f.plan = *CreateLayer()->MakePlan(kNchw, gemm);
  ASSERT_GT(f.plan.workspace_bytes(), 0u);
  RunOptions options;
  Runtime& runtime = options.runtime.emplace();
  runtime.struct_size = 3;
  EXPECT_TRUE(f.Fails(f.input.data(), f.output.data(), options, {"struct_size", "3"}));
  runtime = Runtime();
  runtime.allocate = NoMemory;
  EXPECT_TRUE(f.Fails(f.input.data(), f.output.data(), options, {"deallocate"}));
  runtime.deallocate = FreeNothing;
  const std::vector<float> before = f.output;
  const Status status = f.plan.Run(f.input.data(), f.output.data(), options);
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
  EXPECT_TRUE(ContainsWord(status.message(), std::to_string(f.plan.workspace_bytes()))) << status.message();
  EXPECT_EQ(f.output, before);
}

TEST(Status, OutOfMemoryWhilePacking) {
  OperatorOptions options;
  options.runtime.allocate = NoMemory;
  options.runtime.deallocate = FreeNothing;
  for (const bool hint : {false, true}) {
    options.input_hint.reset();
    if (hint) options.input_hint = kNchw;
    const StatusOr<Operator> op = CreateLayer([](ConvTransposeAttributes&) {}, options);
    const Status status = op.ok() ? op->MakePlan(kNchw).status() : op.status();
    EXPECT_EQ(status.code(), StatusCode::kOutOfMemory) << status.message();
  }
}

// ---- Status itself

TEST(Status, MessagesAreCut) {
  const Status status = Status::InvalidArgument("%s", std::string(1000, 'x').c_str());
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(std::strlen(status.message()), static_cast<size_t>(Status::kMaxMessage));
  EXPECT_EQ(Status::Make(StatusCode::kOutOfMemory, "%d bytes", 5).code(), StatusCode::kOutOfMemory);
  EXPECT_STREQ(Status::Make(StatusCode::kOutOfMemory, "%d bytes", 5).message(), "5 bytes");
  EXPECT_EQ(Status::Unsupported("x").code(), StatusCode::kUnsupported);
  EXPECT_TRUE(Status().ok());
  EXPECT_STREQ(Status().message(), "");
}

TEST(Tensor, DescriptorsOfTheFactories) {
  const TensorDesc d = TensorDesc::Nchwc(16, 2, 3, 4, 5);
  EXPECT_EQ(d.layout, Layout::kNchwc);
  EXPECT_EQ(d.channel_block, 16);
  EXPECT_EQ(d.n, 2);
  EXPECT_EQ(d.c, 3);
  EXPECT_EQ(d.size[0], 4);
  EXPECT_EQ(d.size[1], 5);
  EXPECT_EQ(d.dtype, DataType::kF32);
  EXPECT_EQ(TensorDesc::Nhwc(2, 3, 4, 5).layout, Layout::kNhwc);
  TensorDesc strided = TensorDesc::Nchw(2, 3, 4, 5);
  strided.dtype = DataType::kU8;
  strided.stride_n = 1000;
  const TensorDesc other = strided.WithLayout(Layout::kNchwc, 8);
  EXPECT_EQ(other.channel_block, 8);
  EXPECT_EQ(other.dtype, DataType::kU8);
  EXPECT_EQ(other.c, 3);
  // Dense, whether as zeros or spelled out.
  EXPECT_EQ(ref::WithStrides(other).stride_n, 1 * 4 * 5 * 8);
  EXPECT_EQ(ElementSize(DataType::kF32), 4u);
  EXPECT_EQ(ElementSize(DataType::kI32), 4u);
  EXPECT_EQ(ElementSize(DataType::kF16), 2u);
  EXPECT_EQ(ElementSize(DataType::kBF16), 2u);
  EXPECT_EQ(ElementSize(DataType::kU16), 2u);
  EXPECT_EQ(ElementSize(DataType::kI16), 2u);
  EXPECT_EQ(ElementSize(DataType::kU8), 1u);
  EXPECT_EQ(ElementSize(DataType::kI8), 1u);
  EXPECT_EQ(ElementSize(static_cast<DataType>(99)), 0u);
}

// Along an axis of one element nothing is stepped over; frameworks leave any number there.
TEST(Tensor, StridesOfSizeOneAreNotUsed) {
  const StatusOr<Operator> op = CreateConvert();
  for (const Format& format : kFormats) {
    TensorDesc desc = MakeDesc(DataType::kF32, format, 1, 1, 3, 1);
    desc.stride_n = desc.stride_c = 1;
    desc.stride[0] = format.block;
    desc.stride[1] = 100;
    if (format.layout == Layout::kNhwc) std::swap(desc.stride_c, desc.stride[1]);
    PlanOptions options;
    options.output = MakeDesc(DataType::kF32, format, 1, 1, 3, 1);
    const StatusOr<Plan> plan = op->MakePlan(desc, options);
    ASSERT_TRUE(plan.ok()) << Name(format) << ": " << plan.status().message();
    EXPECT_EQ(ref::Extent(plan->input()), 3 * format.block) << Name(format);
  }
}

TEST(Tensor, PlansFillInStrides) {
  const StatusOr<Operator> op = CreateConvert();
  for (const Format& in : kFormats) {
    for (const Format& out : kFormats) {
      PlanOptions options;
      options.output = MakeDesc(DataType::kU8, out, 2, 19, 4, 5);
      const StatusOr<Plan> plan = op->MakePlan(MakeDesc(DataType::kU8, in, 2, 19, 4, 5), options);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      for (const auto& [actual, format] : {std::pair{plan->input(), in}, std::pair{plan->output(), out}}) {
        const TensorDesc expected = ref::WithStrides(MakeDesc(DataType::kU8, format, 2, 19, 4, 5));
        EXPECT_EQ(actual.stride_n, expected.stride_n) << Name(format);
        EXPECT_EQ(actual.stride_c, expected.stride_c) << Name(format);
        EXPECT_EQ(actual.stride[0], expected.stride[0]) << Name(format);
        EXPECT_EQ(actual.stride[1], expected.stride[1]) << Name(format);
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
