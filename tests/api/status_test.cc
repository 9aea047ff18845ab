// Every way to use the C++ API wrongly: the Status names the attribute and its value, and nothing is written.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"
#include "tests/testers/is_error.h"
#include "tests/testers/misuse_tester.h"

namespace polyphase::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int64_t kHuge = int64_t{1} << 62;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr float kOnes[4 * 6 * 3 * 3] = {1, 1, 1, 1, 1, 1};

// ---- One operator of each kind, for kNchw and the like

const TensorDesc kNchw = TensorDesc::Nchw(2, 4, 5, 6);
const TensorDesc kNhwc = TensorDesc::Nhwc(2, 4, 5, 6);
const TensorDesc kNchw8c = TensorDesc::Nchwc(8, 2, 4, 5, 6);

// 3 x 3, stride 2, no padding: 5 x 6 -> 11 x 13.
ConvTransposeAttributes GoodLayer() {
  ConvTransposeAttributes a;
  a.input_channels = 4;
  a.output_channels = 6;
  a.kernel = {3, 3, 1};
  a.stride = {2, 2, 1};
  return a;
}

StatusOr<Operator> CreateLayer(const ConvTransposeAttributes& a, const OperatorOptions& options = {}) {
  return CreateConvTranspose(a, kOnes, nullptr, options);
}

ResizeAttributes GoodResize() {
  ResizeAttributes a;
  a.size = {7, 8, 0};
  return a;
}

ResizeAttributes ResizeBy(double h, double w) {
  ResizeAttributes a;
  a.scale = {h, w, 0};
  return a;
}

Operator ConvTransposeOp() { return *CreateLayer(GoodLayer()); }
Operator ResizeOp() { return *CreateResize(ResizeBy(2, 2)); }
Operator PixelShuffleOp() { return *CreatePixelShuffle({}); }
Operator ConvertOp() { return *CreateConvert(); }
Operator ConvOp() {
  ConvAttributes a;
  a.input_channels = 4;
  a.output_channels = 6;
  a.kernel = {3, 3};
  a.upsample = {1, 2};
  a.padding_begin = {1, 1};
  return *CreateConv(a, kOnes, nullptr);
}

std::vector<Operator> OneOfEach() { return {ConvTransposeOp(), ResizeOp(), PixelShuffleOp(), ConvertOp(), ConvOp()}; }

// For a MisuseTester: CreateResize and the like as a function, and a plan of what is created.
constexpr auto kCreateResize = [](const ResizeAttributes& a) { return CreateResize(a); };

template <typename Create>
auto PlanOf(const Create& create, const TensorDesc& input) {
  return [=](const auto& attributes) -> Status {
    const StatusOr<Operator> op = create(attributes);
    return op.ok() ? op->MakePlan(input).status() : op.status();
  };
}

// A tester of the inputs of `op`.
MisuseTester<TensorDesc> Inputs(const Operator& op, const TensorDesc& right = kNchw) {
  return {right, [op](const TensorDesc& input) { return op.MakePlan(input); }};
}

// A tester of the options of a plan of `op` for `input`.
MisuseTester<PlanOptions> Options(const Operator& op, const TensorDesc& input = kNchw, const PlanOptions& right = {}) {
  return {right, [=](const PlanOptions& options) { return op.MakePlan(input, options); }};
}

// ---- ConvTranspose

using Layer = ConvTransposeAttributes;
constexpr auto kCreateLayer = [](const Layer& a) { return CreateLayer(a); };

TEST(Status, ConvTransposeAttributes) {
  const MisuseTester<Layer> tester(GoodLayer(), kCreateLayer);
  tester.Refuses("spatial_rank", &Layer::spatial_rank, {-1, 0, 4})
      .Refuses("input_channels", &Layer::input_channels, {0, -4})
      .Refuses("output_channels", &Layer::output_channels, {0, -6})
      .Refuses("groups", &Layer::groups, {0, -2})
      .Refuses("kernel", &Layer::kernel, {0, -3})
      .Refuses("stride", &Layer::stride, {0, -2})
      .Refuses("dilation", &Layer::dilation, {0, -1})
      .Refuses("padding_begin", &Layer::padding_begin, {-5})
      .Refuses("padding_end", &Layer::padding_end, {-5})
      .Refuses("output_padding", &Layer::output_padding, {-1, 2})
      .Refuses("auto_pad", &Layer::auto_pad, {9})
      .Refuses({{"groups 3 input_channels 4", Set(&Layer::groups, 3)},
                {"groups 4 output_channels 6", Set(&Layer::groups, 4)},
                {"padding_end 3 auto_pad", [](Layer& a) { a.auto_pad = AutoPad::kValid, a.padding_end[1] = 3; }},
                {"output_shape -7", Set(&Layer::output_shape, {-7, 9})},
                {"output_shape W 0", Set(&Layer::output_shape, {9, 0})}});
  for (const size_t axis : {0, 1}) {
    Layer dilated = GoodLayer();
    dilated.dilation[axis] = 7;
    MisuseTester<Layer>(dilated, kCreateLayer)
        .Refuses({{"output_padding 7", [=](Layer& a) { a.output_padding[axis] = 7; }}})
        .Accepts({[=](Layer& a) { a.output_padding[axis] = 6; }});
  }
  Layer deep = GoodLayer();
  deep.spatial_rank = 4;
  EXPECT_EQ(CreateLayer(deep).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(IsError(CreateConvTranspose(GoodLayer(), nullptr, nullptr), "weights null"));
}

TEST(Status, EpiloguesAndPrologues) {
  const auto activation = [](int value) {
    return [=](Layer& a) { a.epilogue.activation = static_cast<Activation>(value); };
  };
  const auto clamp = [](float lower, float upper) {
    return [=](Layer& a) {
      a.epilogue.activation = Activation::kClamp;
      a.epilogue.lower = lower;
      a.epilogue.upper = upper;
    };
  };
  const auto shift = [](int64_t channels) {
    return [=](Layer& a) { a.epilogue.shift = kOnes, a.epilogue.channels = channels; };
  };
  MisuseTester<Layer>(GoodLayer(), kCreateLayer)
      .Refuses({{"activation 77", activation(77)},
                {"activation -1", activation(-1)},
                {"activation 11", activation(11)},
                {"lower 2 upper 1", clamp(2, 1)},
                {"lower nan", clamp(kNan, 1)},
                {"upper nan", clamp(0, kNan)},
                {"slope null", [](Layer& a) { a.epilogue.activation = Activation::kPRelu; }},
                {"channels 0 6", [](Layer& a) { a.epilogue.scale = kOnes; }},
                {"channels 5 6", shift(5)},
                {"residual 3", [](Layer& a) { a.epilogue.residual = static_cast<Residual>(3); }},
                {"prologue 6", [](Layer& a) { a.prologue.activation = Activation::kTanh; }},
                {"prologue NaN", Set(&Layer::prologue, {Activation::kLeakyRelu, kNan})}})
      .Accepts({clamp(1, 1), clamp(-kInf, kInf), shift(6)});
}

// Attributes whose products do not fit: no sum of them may wrap around into something that looks right.
TEST(Status, ConvTransposeSizesBeyond63Bits) {
  MisuseTester<Layer>(GoodLayer(), kCreateLayer)
      .Refuses({{"input_channels", Set(&Layer::input_channels, kHuge)},
                {"input_channels output_channels",
                 [](Layer& a) { a.input_channels = a.output_channels = int64_t{1} << 33; }},
                {"kernel", Set(&Layer::kernel, {int64_t{1} << 40, int64_t{1} << 40, 1})},
                {"kernel", [](Layer& a) { a.kernel[0] = kMax; }}});
  const MisuseTester<Layer> plans(GoodLayer(), PlanOf(kCreateLayer, TensorDesc::Nchw(1, 4, 5, 5)));
  for (const size_t axis : {0, 1}) {
    plans.Refuses({{"stride 4611686018427387904", [=](Layer& a) { a.stride[axis] = kHuge; }},
                   {"stride 9223372036854775807", [=](Layer& a) { a.stride[axis] = kMax; }},
                   {"dilation", [=](Layer& a) { a.dilation[axis] = kHuge; }},
                   {"padding_begin", [=](Layer& a) { a.padding_begin[axis] = kMax; }},
                   {"padding_end", [=](Layer& a) { a.padding_end[axis] = kMax; }},
                   {"padding_begin", [=](Layer& a) { a.padding_begin[axis] = a.padding_end[axis] = kMax; }}});
  }
  // Each axis would fit, the tensor does not.
  plans.Refuses({{"output stride", Set(&Layer::stride, {int64_t{1} << 31, int64_t{1} << 31, 1})}});
  Inputs(ConvTransposeOp(), TensorDesc::Nchw(3, 4, 5, 5))
      .Refuses({{"input stride_n", Set(&TensorDesc::n, kHuge)},
                {"stride_n", Set(&TensorDesc::stride_n, kHuge)},
                {"size", Be(TensorDesc::Nchwc(16, 1, 4, kHuge, 1))},
                {"input stride_n", [](TensorDesc& d) {
                   d = TensorDesc::Nhwc(int64_t{1} << 30, 4, int64_t{1} << 20, int64_t{1} << 20);
                 }}});
}

// Whatever is never stepped may be as large as int64; what crops everything is an error.
TEST(Status, ConvTransposeOfHugeAttributes) {
  Layer a;
  a.spatial_rank = 1;
  a.input_channels = 4;
  a.output_channels = 2;
  a.dilation = {kMax};
  const std::vector<float> weights(8, 1.0f);
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
  a.padding_begin = {kMax - 20};
  a.padding_end = {kMax};
  EXPECT_TRUE(IsError(PlanOf(kCreateLayer, TensorDesc::Make(1, 4, {4}))(a), "padding_end 9223372036854775807"));
}

// A plan of larger tensors takes no longer: sizes may be anything that fits 63 bits.
TEST(Status, PlansOfEndlessAxesAreMadeAtOnce) {
  for (const TensorDesc& input :
       {TensorDesc::Nchw(1, 4, 5, int64_t{1} << 48), TensorDesc::Nhwc(1, 4, int64_t{1} << 48, 5),
        TensorDesc::Nchwc(16, int64_t{1} << 48, 4, 5, 6)}) {
    for (const Algorithm algorithm : {Algorithm::kAuto, Algorithm::kSubpixel, Algorithm::kGemmCol2im}) {
      PlanOptions options;
      options.algorithm = algorithm;
      const std::clock_t begin = std::clock();
      const StatusOr<Plan> plan = ConvTransposeOp().MakePlan(input, options);
      EXPECT_TRUE(plan.ok()) << plan.status().message();
      EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 10.0);
    }
    EXPECT_TRUE(ConvOp().MakePlan(input).ok());
  }
}

TEST(Status, ConvTransposePlan) {
  const auto output_size = [](int64_t h, int64_t w) { return Set(&PlanOptions::output_size, {h, w, 0}); };
  Options(ConvTransposeOp())
      .Refuses("algorithm", &PlanOptions::algorithm, {9})
      .Refuses({{"output_size 10 11 12", output_size(10, 13)},
                {"output_size 13 11 12", output_size(13, 13)},
                {"output_size 0", output_size(11, 0)},
                {"output_size 12", output_size(11, 12)},
                {"output_size 15", output_size(11, 15)},
                {"output_size -1", output_size(11, -1)}});
  for (const Operator& other : {ResizeOp(), PixelShuffleOp(), ConvertOp(), ConvOp()}) {  // none has a choice
    SCOPED_TRACE(other.Describe());
    Options(other).Refuses({{"algorithm 2", Set(&PlanOptions::algorithm, Algorithm::kGemmCol2im)},
                            {"output_size 11", output_size(11, 13)}});
  }
  Inputs(ConvTransposeOp())
      .Refuses({{"c 5 4", Set(&TensorDesc::c, 5)},
                {"size H 0", [](TensorDesc& d) { d.size[0] = 0; }},
                {"size W 0", [](TensorDesc& d) { d.size[1] = 0; }}});
  MisuseTester<Layer>(GoodLayer(), PlanOf(kCreateLayer, kNchw))  // crops that leave 11 - 11 and 13 - 14
      .Refuses(
          {{"output 0", Set(&Layer::padding_begin, {11, 0, 0})}, {"output -1", Set(&Layer::padding_end, {0, 14, 0})}});

  // 5 -> 11 naturally, and 12 is the last size that a convolution takes back to 5.
  Layer shaped = GoodLayer();
  shaped.output_shape = {13, 13};
  const TensorDesc fits = TensorDesc::Nchw(1, 4, 6, 6);
  Inputs(*CreateLayer(shaped), fits).Refuses({{"output_shape H 13 12", Set(&TensorDesc::size, {5, 5, 0})}});
  Options(*CreateLayer(shaped), fits).Refuses({{"output_size 13 output_shape", output_size(13, 13)}});
}

TEST(Status, Residuals) {
  const auto residual = [](const TensorDesc& desc) { return Set(&PlanOptions::residual, desc); };
  TensorDesc right = TensorDesc::Nchw(2, 6, 11, 13);
  Options(ConvTransposeOp()).Refuses({{"residual", residual(right)}});
  Options(ResizeOp()).Refuses({{"residual", residual(TensorDesc::Nchw(0, 0, 0, 0))}});
  Layer a = GoodLayer();
  a.epilogue.residual = Residual::kBeforeActivation;
  PlanOptions with;
  with.residual = right;
  Options(*CreateLayer(a), kNchw, with)
      .Refuses({{"residual size 12 13", [](PlanOptions& o) { o.residual->size[1] = 12; }},
                {"residual dtype kU8 kF32 kF16 kBF16", [](PlanOptions& o) { o.residual->dtype = DataType::kU8; }}})
      .Accepts({[](PlanOptions& o) { o.residual->dtype = DataType::kF16; },
                [](PlanOptions& o) { o.residual->dtype = DataType::kBF16; }});
}

// ---- Options that all ops share

void* NoMemory(void*, size_t, size_t) { return nullptr; }
void* ThrowingMemory(void*, size_t, size_t) { throw std::runtime_error("no memory"); }
void FreeNothing(void*, void*, size_t, size_t) {}

TEST(Status, OptionsOfAnOperator) {
  using O = OperatorOptions;
  const Misuse<O> isa = {"isa avx9", Set(&O::isa, "avx9")};
  MisuseTester<O>({}, [](const O& o) { return CreatePixelShuffle({}, o); }).Refuses({isa});
  MisuseTester<O>({}, [](const O& o) { return CreateResize(GoodResize(), o); }).Refuses({isa});
  MisuseTester<O>({}, [](const O& o) { return CreateConvert(o); })
      .Refuses({isa,
                {"struct_size 3", [](O& o) { o.runtime.struct_size = 3; }},
                {"deallocate", [](O& o) { o.runtime.allocate = NoMemory; }},
                {"allocate", [](O& o) { o.runtime.deallocate = FreeNothing; }}});
  MisuseTester<O>({}, [](const O& o) { return CreateLayer(GoodLayer(), o); })
      .Refuses({isa,
                {"5 4", Set(&O::input_hint, TensorDesc::Nchw(1, 5, 8, 8))},
                {"n -1", Set(&O::input_hint, TensorDesc::Nchw(-1, 4, 8, 8))},
                {"channel_block 5", Set(&O::input_hint, TensorDesc::Nchwc(5, 1, 4, 8, 8))}});
}

// ---- Tensors of a plan

// All ways to describe a tensor of kNchw's shape wrongly; `call` takes any.
template <typename Call>
void RefusesBadTensors(const Call& call) {
  using D = TensorDesc;
  MisuseTester<D>(kNchw, call)
      .Refuses("dtype", &D::dtype, {99})
      .Refuses("layout", &D::layout, {7})
      .Refuses("channel_block", &D::channel_block, {8})
      .Refuses("spatial_rank", &D::spatial_rank, {4, 0})
      .Refuses("n", &D::n, {-1})
      .Refuses("c", &D::c, {-4})
      .Refuses("size", &D::size, {-5, -6})
      .Refuses("stride", &D::stride, {2, 5, -6})
      .Refuses("stride_c", &D::stride_c, {29})
      .Refuses("stride_n", &D::stride_n, {119});
  MisuseTester<D>(kNhwc, call)
      .Refuses("channel_block", &D::channel_block, {4})
      .Refuses("stride_c", &D::stride_c, {2})
      .Refuses("stride", &D::stride, {3})
      .Refuses({{"stride H 23", [](D& d) { d.stride[0] = 23; }}})
      .Refuses("stride_n", &D::stride_n, {119});
  MisuseTester<D>(kNchw8c, call)
      .Refuses("channel_block", &D::channel_block, {5, 1, 0, -8})
      .Refuses("stride", &D::stride, {9, 47})
      .Refuses("stride_n", &D::stride_n, {239, -240});
}

TEST(Status, InputTensor) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    RefusesBadTensors([&](const TensorDesc& input) { return op.MakePlan(input); });
  }
}

TEST(Status, OutputTensor) {
  // Convert keeps sizes, so that the tensors above can be its output.
  RefusesBadTensors([](const TensorDesc& output) {
    PlanOptions options;
    options.output = output;
    return ConvertOp().MakePlan(kNchw, options);
  });
}

// The tensors above have a single block, whose stride does not count.
TEST(Status, StrideOfChannelBlocks) {
  Inputs(ConvertOp(), TensorDesc::Nchwc(8, 2, 9, 5, 6))
      .Refuses("stride_c", &TensorDesc::stride_c, {239, 8, 1, -240})
      .Accepts({Set(&TensorDesc::stride_c, 240), Set(&TensorDesc::stride_c, 241)});
}

TEST(Status, OutputSizesAreInferredOrRight) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    const TensorDesc right = op.MakePlan(kNchw)->output();
    EXPECT_GT(right.n * right.c * right.size[0] * right.size[1], 0);
    PlanOptions options;
    options.output = TensorDesc::Nhwc(0, 0, 0, 0);  // all inferred
    const StatusOr<Plan> plan = op.MakePlan(kNchw, options);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->output().layout, Layout::kNhwc);
    EXPECT_EQ(plan->output().c, right.c);
    EXPECT_EQ(plan->output().size[1], right.size[1]);

    options.output = TensorDesc::Nchw(right.n, right.c, right.size[0], right.size[1]);
    Options(op, kNchw, options)
        .Refuses({{"n 71 2", [](PlanOptions& o) { o.output->n = 71; }},
                  {"c 71 " + std::to_string(right.c), [](PlanOptions& o) { o.output->c = 71; }},
                  {"size 71 " + std::to_string(right.size[0]), [](PlanOptions& o) { o.output->size[0] = 71; }},
                  {"size 71 " + std::to_string(right.size[1]), [](PlanOptions& o) { o.output->size[1] = 71; }},
                  {"dtype", [](PlanOptions& o) { o.output->dtype = DataType::kU8; }}});
  }
}

TEST(Status, ElementTypes) {
  const auto type = [](DataType type) { return Set(&TensorDesc::dtype, type); };
  for (const Operator& op : {ConvTransposeOp(), ConvOp()}) {
    Inputs(op)
        .Refuses({{"input dtype kU8 3 kF32 kF16 kBF16", type(DataType::kU8)},
                  {"input dtype kF64 kF32 kF16 kBF16", type(DataType::kF64)}})
        .Accepts({type(DataType::kF16), type(DataType::kBF16)});
    PlanOptions options;
    options.output = op.MakePlan(kNchw)->output();
    const auto output = [](DataType type) { return [type](PlanOptions& o) { o.output->dtype = type; }; };
    Options(op, kNchw, options)
        .Refuses({{"output dtype kU8 3 kF32 kF16 kBF16", output(DataType::kU8)},
                  {"output dtype kI32 kF32 kF16 kBF16", output(DataType::kI32)}})
        .Accepts({output(DataType::kF16), output(DataType::kBF16)});
  }
  Inputs(ResizeOp())
      .Refuses({{"dtype kI8 kNearest", type(DataType::kI8)},
                {"dtype kU16 kNearest", type(DataType::kU16)},
                {"dtype kI16 kNearest", type(DataType::kI16)},
                {"dtype kI32 kNearest", type(DataType::kI32)},
                {"dtype kF64 kNearest", type(DataType::kF64)},
                {"dtype kI64 kNearest", type(DataType::kI64)}})
      .Accepts({type(DataType::kF16)});
  ResizeAttributes nearest = GoodResize();
  nearest.mode = ResizeMode::kNearest;
  Inputs(*CreateResize(nearest)).Accepts({type(DataType::kI8), type(DataType::kF64), type(DataType::kF16)});
  nearest.epilogue.activation = Activation::kRelu;
  Inputs(*CreateResize(nearest)).Refuses({{"dtype kI8 epilogue", type(DataType::kI8)}}).Accepts({type(DataType::kF16)});
  Inputs(PixelShuffleOp()).Accepts({type(DataType::kF16)});
  Inputs(ConvertOp()).Accepts({type(DataType::kF16)});
  // Convert between floats, and no other types.
  for (const DataType from : {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8, DataType::kF64}) {
    for (const DataType to : {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8, DataType::kF64}) {
      TensorDesc input = kNchw;
      input.dtype = from;
      PlanOptions options;
      options.output = kNchw;
      options.output->dtype = to;
      const auto is_float = [](DataType t) { return t != DataType::kU8 && t != DataType::kF64; };
      const StatusOr<Plan> plan = ConvertOp().MakePlan(input, options);
      EXPECT_EQ(plan.ok(), from == to || (is_float(from) && is_float(to)));
      if (plan.ok()) continue;
      EXPECT_TRUE(IsError(plan, is_float(from) ? "output dtype kF32 kF16 kBF16" : "output dtype input"));
    }
  }
}

TEST(Status, InputOfAnotherRank) {
  const TensorDesc line = TensorDesc::Make(1, 4, {6});
  for (const Operator& op : {ConvTransposeOp(), ResizeOp(), PixelShuffleOp()}) {
    SCOPED_TRACE(op.Describe());
    Inputs(op).Refuses(
        {{"input spatial_rank 1 2", Be(line)}, {"input spatial_rank 3 2", Be(TensorDesc::Make(1, 4, {5, 6, 7}))}});
  }
  Options(ConvertOp(), line)
      .Refuses({{"output spatial_rank 2", Set(&PlanOptions::output, TensorDesc::Make(1, 4, {6, 1}))}});
}

// ---- Resize

using A = ResizeAttributes;

TEST(Status, ResizeAttributes) {
  MisuseTester<A>(GoodResize(), kCreateResize)
      .Refuses("spatial_rank", &A::spatial_rank, {0, 4})
      .Refuses("mode", &A::mode, {-1, 9})
      .Refuses("coordinate_transformation", &A::coordinate_transformation, {-1, 9})
      .Refuses("coordinate_precision", &A::coordinate_precision, {-1, 9})
      .Refuses("nearest_mode", &A::nearest_mode, {-1, 9})
      .Refuses("antialias", &A::antialias, {-1, 9})
      .Refuses("output_size_rule", &A::output_size_rule, {-1, 9})
      .Refuses("keep_aspect_ratio_policy", &A::keep_aspect_ratio_policy, {-1, 9})
      .Refuses("u8_rounding", &A::u8_rounding, {-1, 9})
      .Refuses("pass_order", &A::pass_order, {-1, 3})
      .Refuses("n", &A::n, {-3})
      .Refuses("c", &A::c, {-3})
      .Refuses({{"nearest_mode 9",
                 [](A& a) { a.mode = ResizeMode::kNearest, a.nearest_mode = static_cast<NearestMode>(9); }},
                {"residual -1", [](A& a) { a.epilogue.residual = static_cast<Residual>(-1); }},
                {"residual 9", [](A& a) { a.epilogue.residual = static_cast<Residual>(9); }},
                {"activation 99", [](A& a) { a.epilogue.activation = static_cast<Activation>(99); }},
                {"size scale", Set(&A::size, {})},
                {"size scale", Set(&A::scale, {2, 2, 0})},
                {"size -7", Set(&A::size, {-7, 8, 0})},
                {"recompute_scale_factor size", Set(&A::recompute_scale_factor, true)}});
  MisuseTester<A>(ResizeBy(2, 0.5), kCreateResize)
      .Refuses({{"scale -2", [](A& a) { a.scale[0] = -2; }},
                {"scale nan", [](A& a) { a.scale[1] = std::nan(""); }},
                {"scale inf", [](A& a) { a.scale[0] = std::numeric_limits<double>::infinity(); }}})
      .Accepts({[](A& a) { a.scale[1] = 0; }});  // W keeps its size
  MisuseTester<A>(ResizeBy(0, 2), kCreateResize).Refuses({{"size scale", Set(&A::size, {4, 0, 0})}});
  A crop = GoodResize();
  crop.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
  crop.roi_begin[0] = -2;
  crop.roi_end[1] = 3;
  MisuseTester<A>(crop, kCreateResize)
      .Refuses({{"roi_begin H nan", [](A& a) { a.roi_begin[0] = std::nan(""); }},
                {"roi_end W inf", [](A& a) { a.roi_end[1] = -std::numeric_limits<double>::infinity(); }}});
  A cubic = GoodResize();
  cubic.mode = ResizeMode::kCubic;
  for (const float value : {kNan, kInf, -kInf}) {
    MisuseTester<A>(cubic, kCreateResize).Refuses({{"cubic_coeff_a", Set(&A::cubic_coeff_a, value)}});
  }
}

TEST(Status, ResizeOptionsThatContradictEachOther) {
  const MisuseTester<A> tester(GoodResize(), kCreateResize);
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kArea}) {
    for (const Antialias antialias : {Antialias::kPillow, Antialias::kOnnx}) {
      tester.Refuses({{"antialias mode", [=](A& a) { a.mode = mode, a.antialias = antialias; }}});
    }
  }
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kArea, ResizeMode::kLanczos}) {
    tester.Refuses({{"exclude_outside true mode", [=](A& a) {
                       a.mode = mode;
                       a.exclude_outside = true;
                       if (mode == ResizeMode::kLanczos) a.antialias = Antialias::kPillow;
                     }}});
  }
  for (const Antialias antialias : {Antialias::kNone, Antialias::kOnnx}) {
    tester.Refuses({{"antialias kLanczos", [=](A& a) { a.mode = ResizeMode::kLanczos, a.antialias = antialias; }}});
  }
  for (const U8Rounding rounding : {U8Rounding::kFixed16, U8Rounding::kFixed22}) {
    tester.Refuses({{"u8_rounding spatial_rank", [=](A& a) { a.spatial_rank = 3, a.u8_rounding = rounding; }}});
  }
  A crop = GoodResize();
  crop.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
  MisuseTester<A>(crop, kCreateResize)
      .Refuses({{"kTfCropAndResize kArea", Set(&A::mode, ResizeMode::kArea)},
                {"kTfCropAndResize kPillow", Set(&A::antialias, Antialias::kPillow)}});
  MisuseTester<A>(ResizeBy(2, 2), kCreateResize)
      .Refuses(
          {{"keep_aspect_ratio_policy 1 scale", Set(&A::keep_aspect_ratio_policy, KeepAspectRatioPolicy::kNotLarger)}});
}

TEST(Status, MessagesNameValuesAndRules) {
  A shrunk = ResizeBy(2, 2);
  shrunk.scale[1] = static_cast<double>(0.04f);
  const StatusOr<Operator> op = CreateResize(shrunk);
  ASSERT_TRUE(op.ok());
  EXPECT_TRUE(IsError(op->MakePlan(TensorDesc::Nchw(1, 1, 25, 25)),
                      "scale[W] 0.03999999910593033 25 output_size_rule kPyTorch 2147483392"));
  A lanczos = GoodResize();
  lanczos.mode = ResizeMode::kLanczos;
  EXPECT_TRUE(IsError(CreateResize(lanczos), "antialias kNone (0) kPillow kLanczos (4)"));
  A deep = ResizeAttributes::PyTorch(PyTorchMode::kBilinear);
  deep.spatial_rank = 3;
  deep.size = {2, 2, 2};
  EXPECT_TRUE(IsError(CreateResize(deep), "u8_rounding kFixed16 (2) spatial_rank 3 kTrilinear"));
  TensorDesc f64 = TensorDesc::Nchw(1, 1, 4, 4);
  f64.dtype = DataType::kF64;
  EXPECT_TRUE(IsError(CreateResize(GoodResize())->MakePlan(f64), "input dtype kF64 (8) kBF16"));
  static_assert(kMaxResizeSize == (int64_t{1} << 31) - 256);
}

TEST(Status, ResizePointwise) {
  A a = GoodResize();
  a.pointwise = {kOnes, nullptr, 4, 6};
  const auto scale = [](int64_t channels) {  // the epilogue is that of the output
    return [=](A& a) { a.epilogue.scale = kOnes, a.epilogue.channels = channels; };
  };
  MisuseTester<A>(a, kCreateResize, "pointwise")
      .Refuses({{"weights null", [](A& a) { a.pointwise.weights = nullptr; }},
                {"input_channels 0", [](A& a) { a.pointwise.input_channels = 0; }},
                {"input_channels -4", [](A& a) { a.pointwise.input_channels = -4; }},
                {"output_channels 0", [](A& a) { a.pointwise.output_channels = 0; }},
                {"output_channels -6", [](A& a) { a.pointwise.output_channels = -6; }},
                {"input_channels 0", Set(&A::pointwise, {nullptr, kOnes, 0, 0})},
                {"input_channels", [](A& a) { a.pointwise.input_channels = kHuge; }},
                {"output_channels", [](A& a) { a.pointwise.output_channels = INT64_MAX; }},
                {"kTfCropAndResize extrapolation_value",
                 Set(&A::coordinate_transformation, CoordinateTransformation::kTfCropAndResize)}});
  MisuseTester<A>(a, kCreateResize)
      .Refuses({{"c 6 input_channels 4", Set(&A::c, 6)}, {"epilogue channels 4 6", scale(4)}})
      .Accepts({Set(&A::c, 4), scale(6)});

  const Operator op = *CreateResize(a);
  EXPECT_EQ(op.MakePlan(kNchw)->output().c, 6);
  Inputs(op).Refuses({{"c 6 input_channels 4", Set(&TensorDesc::c, 6)}});
  Options(op).Refuses({{"output c 4 6", Set(&PlanOptions::output, TensorDesc::Nchw(0, 4, 7, 8))}});
  Inputs(op).Accepts({Set(&TensorDesc::dtype, DataType::kF16), Set(&TensorDesc::dtype, DataType::kBF16)});
  for (const DataType type : {DataType::kU8, DataType::kI32}) {
    TensorDesc desc = kNchw;
    desc.dtype = type;
    const Status status = op.MakePlan(desc).status();
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_NE(std::string(status.message()).find("pointwise"), std::string::npos) << status.message();
  }
}

TEST(Status, ResizePlan) {
  Inputs(*CreateResize(GoodResize()))
      .Refuses({{"c 0", Set(&TensorDesc::c, 0)},
                {"size 0", [](TensorDesc& d) { d.size[0] = 0; }},
                {"size 0", [](TensorDesc& d) { d.size[1] = 0; }},
                {"spatial_rank 1 2", Be(TensorDesc::Make(1, 4, {5}))}});
  MisuseTester<A>(GoodResize(), PlanOf(kCreateResize, kNchw))
      .Refuses({{"n 3", Set(&A::n, 3)},
                {"c 5", Set(&A::c, 5)},
                {"channels 5", [](A& a) { a.epilogue.scale = kOnes, a.epilogue.channels = 5; }},
                {"output 0", Be(ResizeBy(0.1, 1))},
                {"scale W", Be(ResizeBy(1, 1e300))},
                {"scale H", Be(ResizeBy(1e12, 1e12))},
                {"size H", Set(&A::size, {kHuge, kHuge, 0})}});
  TensorDesc levels = kNchw;
  levels.dtype = DataType::kU8;
  MisuseTester<A>(GoodResize(), PlanOf(kCreateResize, levels))
      .Refuses({{"u8_rounding 2 epilogue",
                 [](A& a) { a.u8_rounding = U8Rounding::kFixed16, a.epilogue.activation = Activation::kRelu; }},
                {"cubic_coeff_a u8_rounding", [](A& a) {
                   a.mode = ResizeMode::kCubic;
                   a.u8_rounding = U8Rounding::kFixed22;
                   a.cubic_coeff_a = -1e4f;
                 }}});
}

// ---- PixelShuffle

TEST(Status, PixelShuffle) {
  using S = PixelShuffleAttributes;
  const auto create = [](const S& a) { return CreatePixelShuffle(a); };
  MisuseTester<S>({}, create)
      .Refuses("spatial_rank", &S::spatial_rank, {4})
      .Refuses("factor", &S::factor, {0, -2})
      .Refuses("direction", &S::direction, {5})
      .Refuses("channel_order", &S::channel_order, {5})
      .Refuses({{"factor D 0", [](S& a) { a.spatial_rank = 3, a.factor[0] = 0; }}});
  const auto shuffle = [](ShuffleDirection direction, int64_t factor) {
    return [=](S& a) { a.direction = direction, a.factor = {factor, factor}; };
  };
  // r * r and c * r * r that wrap around.
  MisuseTester<S>({}, PlanOf(create, TensorDesc::Nchw(1, 4, 2, 2)))
      .Refuses({{"c 4", shuffle(ShuffleDirection::kDepthToSpace, 3)},
                {"size 2", shuffle(ShuffleDirection::kSpaceToDepth, 3)},
                {"factor", shuffle(ShuffleDirection::kDepthToSpace, int64_t{1} << 32)},
                {"factor", shuffle(ShuffleDirection::kDepthToSpace, kHuge)}});
  S deep;
  shuffle(ShuffleDirection::kSpaceToDepth, int64_t{1} << 32)(deep);
  const TensorDesc huge = TensorDesc::Nchw(1, 4, int64_t{1} << 32, int64_t{1} << 32);
  EXPECT_TRUE(IsError(PlanOf(create, huge)(deep), "factor"));
  shuffle(ShuffleDirection::kSpaceToDepth, 3)(deep);
  Inputs(*CreatePixelShuffle(deep), TensorDesc::Nchw(1, 2, 6, 6))
      .Refuses({{"size 7", [](TensorDesc& d) { d.size[0] = 7; }}, {"size 8", [](TensorDesc& d) { d.size[1] = 8; }}});
}

// ---- FoldBatchNorm

TEST(Status, FoldBatchNorm) {
  const float ones[2] = {1, 1};
  const float bad[2] = {1, -1};
  float scale[2], shift[2];
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, nullptr, ones, 0, 2, scale, shift), "mean null"));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, nullptr, 0, 2, scale, shift), "variance null"));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, ones, 0, 2, nullptr, shift), "scale null"));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, ones, 0, 0, scale, shift), "channels 0"));
  const auto* const unaligned = reinterpret_cast<const float*>(reinterpret_cast<const char*>(ones) + 2);
  EXPECT_TRUE(IsError(FoldBatchNorm(unaligned, ones, ones, ones, 0, 1, scale, shift), "gamma aligned 4"));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, unaligned, 0, 1, scale, shift), "variance aligned 4"));
  EXPECT_TRUE(IsError(FoldBatchNorm(ones, ones, ones, bad, 0.5, 2, scale, shift), "variance -1 epsilon"));
  const float mean[2] = {2, 3};
  const float variance[2] = {3, 15};
  ASSERT_TRUE(FoldBatchNorm(nullptr, nullptr, mean, variance, 1, 2, scale, shift).ok());
  EXPECT_EQ(scale[0], 0.5f);
  EXPECT_EQ(shift[0], -1.0f);
  EXPECT_EQ(scale[1], 0.25f);
  EXPECT_EQ(shift[1], -0.75f);
}

// ---- Run

struct RunFixture {
  explicit RunFixture(const Operator& op, const PlanOptions& options = {})
      : plan(*op.MakePlan(kNchw, options)),
        input(static_cast<size_t>(ref::Extent(plan.input())), 1.0f),
        output(static_cast<size_t>(ref::Extent(plan.output())), -7.0f) {}

  // Runs and says whether it fails with these words and `output` is as it was.
  ::testing::AssertionResult Fails(const std::string& words, const void* in, void* out,
                                   const RunOptions& options = {}) const {
    const std::vector<float> before = output;
    const Status status = plan.Run(in, out, options);
    if (output != before) return ::testing::AssertionFailure() << "output was written: " << status.message();
    return IsError(status, words);
  }
  ::testing::AssertionResult Fails(const std::string& words, const RunOptions& options) {
    return Fails(words, input.data(), output.data(), options);
  }

  Plan plan;
  std::vector<float> input, output;
};

// A plan that needs workspace.
RunFixture GemmFixture() {
  PlanOptions options;
  options.algorithm = Algorithm::kGemmCol2im;
  RunFixture f(ConvTransposeOp(), options);
  EXPECT_GT(f.plan.workspace_bytes(), 0u);
  return f;
}

TEST(Status, RunPointers) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    RunFixture f(op);
    float* const in = f.input.data();
    float* const out = f.output.data();
    EXPECT_TRUE(f.Fails("input null", nullptr, out));
    EXPECT_TRUE(f.Fails("output null", in, nullptr));
    EXPECT_TRUE(f.Fails("input 4", reinterpret_cast<char*>(in) + 1, out));
    EXPECT_TRUE(f.Fails("output 4", in, reinterpret_cast<char*>(out) + 2));
    EXPECT_TRUE(f.plan.Run(in, out).ok());
    EXPECT_NE(f.output, std::vector<float>(f.output.size(), -7.0f));
  }
}

TEST(Status, RunOverlap) {
  for (const Operator& op : OneOfEach()) {
    SCOPED_TRACE(op.Describe());
    RunFixture f(op);
    // One buffer that has room for both, one after the other, the output at its start.
    const size_t in = f.input.size();
    const size_t out = f.output.size();
    f.output.assign(out + in, -7.0f);
    float* base = f.output.data();
    EXPECT_TRUE(f.Fails("overlap", base, base));
    EXPECT_TRUE(f.Fails("overlap", base + out - 1, base));
    EXPECT_TRUE(f.Fails("overlap", base, base + in - 1));
    EXPECT_TRUE(f.plan.Run(base + out, base).ok());
    EXPECT_TRUE(f.plan.Run(base, base + in).ok());
  }
}

// A view reaches up to its last element, over the gaps between its rows.
TEST(Status, RunOverlapOfViews) {
  for (const Format& format : kFormats) {
    TensorDesc input = MakeDesc(DataType::kF32, format, 2, 19, 4, 5);
    TensorDesc output = input;
    for (TensorDesc* view : {&input, &output}) {  // one of them, then both
      SCOPED_TRACE(Name(format) + (view == &input ? ", view to dense" : ", view to view"));
      view->stride[0] = ref::WithStrides(*view).stride[0] + 3;
      PlanOptions options;
      options.output = output;
      const Plan plan = *ConvertOp().MakePlan(input, options);
      const int64_t in = ref::Extent(input);
      const int64_t out = ref::Extent(output);
      std::vector<float> memory(static_cast<size_t>(in + out));
      float* base = memory.data();
      EXPECT_TRUE(IsError(plan.Run(base, base + in - 1), "overlap"));
      EXPECT_TRUE(IsError(plan.Run(base + out - 1, base), "overlap"));
      EXPECT_TRUE(plan.Run(base, base + in).ok());
      EXPECT_TRUE(plan.Run(base + out, base).ok());
    }
  }
}

TEST(Status, RunWorkspace) {
  RunFixture f = GemmFixture();
  const size_t bytes = f.plan.workspace_bytes();
  Workspace workspace(bytes + kWorkspaceAlignment);
  RunOptions options;
  options.workspace = workspace.data();
  options.workspace_bytes = bytes - 1;
  EXPECT_TRUE(f.Fails("workspace_bytes " + std::to_string(bytes), options));
  options.workspace_bytes = 0;
  EXPECT_TRUE(f.Fails("workspace_bytes 0", options));
  options.workspace_bytes = bytes;
  for (const size_t offset : {1, 4, 16, 32}) {
    options.workspace = static_cast<char*>(workspace.data()) + offset;
    EXPECT_TRUE(f.Fails("workspace 64", options));
  }
  options.workspace = workspace.data();
  EXPECT_TRUE(f.plan.Run(f.input.data(), f.output.data(), options).ok());

  // The pointer is in the middle of either tensor.
  Workspace shared(bytes + (f.input.size() + f.output.size()) * sizeof(float));
  options.workspace = shared.data();
  float* const middle = static_cast<float*>(shared.data()) + 16;
  EXPECT_TRUE(IsError(f.plan.Run(f.input.data(), middle, options), "workspace"));
  EXPECT_TRUE(IsError(f.plan.Run(middle, f.output.data(), options), "workspace"));
}

// Where a plan needs no workspace, that of the caller may be anything.
TEST(Status, RunWorkspaceThatIsNotNeeded) {
  RunFixture f(ConvertOp());
  ASSERT_EQ(f.plan.workspace_bytes(), 0u);
  RunOptions options;
  for (const uintptr_t address : {8, 64}) {
    options.workspace = reinterpret_cast<void*>(address);
    EXPECT_TRUE(f.plan.Run(f.input.data(), f.output.data(), options).ok());
  }
}

TEST(Status, RunRuntime) {
  RunFixture f = GemmFixture();
  RunOptions options;
  Runtime& runtime = options.runtime.emplace();
  runtime.struct_size = 3;
  EXPECT_TRUE(f.Fails("struct_size 3", options));
  runtime = Runtime();
  runtime.allocate = NoMemory;
  EXPECT_TRUE(f.Fails("deallocate", options));
  runtime.deallocate = FreeNothing;
  runtime.allocate = ThrowingMemory;
  EXPECT_EQ(f.plan.Run(f.input.data(), f.output.data(), options).code(), StatusCode::kOutOfMemory);
  runtime.allocate = NoMemory;
  const std::vector<float> before = f.output;
  const Status status = f.plan.Run(f.input.data(), f.output.data(), options);
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
  EXPECT_TRUE(ContainsWord(status.message(), std::to_string(f.plan.workspace_bytes()))) << status.message();
  EXPECT_EQ(f.output, before);
}

TEST(Status, RunResidual) {
  Layer a = GoodLayer();
  a.epilogue.residual = Residual::kAfterActivation;
  RunFixture f(*CreateLayer(a));
  f.output.resize(f.output.size() + 1, -7.0f);
  RunOptions options;
  EXPECT_TRUE(f.Fails("residual null", options));
  options.residual = f.output.data() + 1;
  EXPECT_TRUE(f.Fails("residual overlap output", options));
  options.residual = f.output.data();
  EXPECT_TRUE(f.plan.Run(f.input.data(), f.output.data(), options).ok()) << "in place";
  // The same memory, seen as another view, would be read after it was written.
  PlanOptions views;
  views.residual = TensorDesc::Nhwc(2, 6, 11, 13);
  RunFixture nhwc(*CreateLayer(a), views);
  options.residual = nhwc.output.data();
  EXPECT_TRUE(nhwc.Fails("residual overlap output", options));
  // So would elements of another size or type.
  views.residual = TensorDesc::Nchw(2, 6, 11, 13);
  views.residual->dtype = DataType::kBF16;
  RunFixture bf16(*CreateLayer(a), views);
  options.residual = bf16.output.data();
  EXPECT_TRUE(bf16.Fails("residual overlap output", options));
}

TEST(Status, OutOfMemoryWhilePacking) {
  OperatorOptions options;
  options.runtime.allocate = NoMemory;
  options.runtime.deallocate = FreeNothing;
  for (const bool hint : {false, true}) {
    if (hint) options.input_hint = kNchw;
    const Status status = PlanOf([&](const Layer& a) { return CreateLayer(a, options); }, kNchw)(GoodLayer());
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
  const std::pair<DataType, size_t> sizes[] = {
      {DataType::kF32, 4}, {DataType::kI32, 4}, {DataType::kF16, 2}, {DataType::kBF16, 2},          {DataType::kU16, 2},
      {DataType::kI16, 2}, {DataType::kU8, 1},  {DataType::kI8, 1},  {static_cast<DataType>(99), 0}};
  for (const auto& [type, size] : sizes) EXPECT_EQ(ElementSize(type), size) << static_cast<int>(type);
}

// Along an axis of one element nothing is stepped over; frameworks leave any number there.
TEST(Tensor, StridesOfSizeOneAreNotUsed) {
  const Operator op = ConvertOp();
  for (const Format& format : kFormats) {
    TensorDesc desc = MakeDesc(DataType::kF32, format, 1, 1, 3, 1);
    desc.stride_n = desc.stride_c = 1;
    desc.stride[0] = format.block;
    desc.stride[1] = 100;
    if (format.layout == Layout::kNhwc) std::swap(desc.stride_c, desc.stride[1]);
    PlanOptions options;
    options.output = MakeDesc(DataType::kF32, format, 1, 1, 3, 1);
    const StatusOr<Plan> plan = op.MakePlan(desc, options);
    ASSERT_TRUE(plan.ok()) << Name(format) << ": " << plan.status().message();
    EXPECT_EQ(ref::Extent(plan->input()), 3 * format.block) << Name(format);
  }
}

TEST(Tensor, PlansFillInStrides) {
  const Operator op = ConvertOp();
  for (const Format& in : kFormats) {
    for (const Format& out : kFormats) {
      PlanOptions options;
      options.output = MakeDesc(DataType::kU8, out, 2, 19, 4, 5);
      const StatusOr<Plan> plan = op.MakePlan(MakeDesc(DataType::kU8, in, 2, 19, 4, 5), options);
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
