// Every way to use Conv wrongly: the Status names the attribute, its value and the rule, and nothing is written; and
// what Describe() tells.
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"
#include "tests/testers/is_error.h"
#include "tests/testers/misuse_tester.h"

namespace polyphase::testing {
namespace {

using A = ConvAttributes;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kHuge = int64_t{1} << 62;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// Enough for kernels of up to 5 x 5.
const std::vector<float>& Weights() {
  static const std::vector<float> weights(4 * 24 * 5 * 5, 1.0f);
  return weights;
}

// 4 channels to 6: 3 x 3 at 2 times the size, and a pixel shuffle by 2.
A GoodConv() {
  A a;
  a.input_channels = 4;
  a.output_channels = 24;
  a.kernel = {3, 3};
  a.padding_begin = a.padding_end = {1, 1};
  a.upsample = {2, 2};
  a.shuffle = {2, 2};
  return a;
}

constexpr auto kCreate = [](const A& a) { return CreateConv(a, Weights().data(), nullptr); };

StatusOr<Operator> Create(const std::function<void(A&)>& change = [](A&) {}) {
  A a = GoodConv();
  change(a);
  return kCreate(a);
}

const TensorDesc kInput = TensorDesc::Nchw(2, 4, 5, 6);  // of GoodConv: 20 x 24

constexpr auto kPlan = [](const A& a) -> Status {
  const StatusOr<Operator> op = kCreate(a);
  return op.ok() ? op->MakePlan(kInput).status() : op.status();
};

auto PlanOf(const A& a) {
  return [op = *kCreate(a)](const TensorDesc& input) { return op.MakePlan(input); };
}

TEST(ConvStatus, Attributes) {
  MisuseTester<A>(GoodConv(), kCreate)
      .Refuses("spatial_rank", &A::spatial_rank, {-1, 0, 4})
      .Refuses("input_channels", &A::input_channels, {0, -4})
      .Refuses("output_channels", &A::output_channels, {0, -24})
      .Refuses("groups", &A::groups, {0, -2})
      .Refuses("kernel", &A::kernel, {0, -3})
      .Refuses("dilation", &A::dilation, {0, -1})
      .Refuses("padding_begin", &A::padding_begin, {-5})
      .Refuses("padding_end", &A::padding_end, {-5})
      .Refuses("upsample", &A::upsample, {0, -2})
      .Refuses("shuffle", &A::shuffle, {0, -2})
      .Refuses("padding_mode", &A::padding_mode, {4, -1})
      .Refuses("channel_order", &A::channel_order, {3})
      .Refuses("auto_pad", &A::auto_pad, {4})
      .Refuses({{"groups 3 input_channels 4", Set(&A::groups, 3)},
                {"groups 4 output_channels 22",
                 [](A& a) {
                   a.groups = 4, a.output_channels = 22, a.shuffle = {1, 1};
                 }},
                {"output_channels 22 shuffle", Set(&A::output_channels, 22)},
                {"output_channels 24 shuffle", Set(&A::shuffle, {5, 1})},
                {"shuffle", Set(&A::shuffle, {kMax, kMax})},
                {"shuffle", Set(&A::shuffle, {int64_t{1} << 32, int64_t{1} << 32})}})
      .Accepts({Set(&A::shuffle, {4, 3}), Set(&A::shuffle, {24, 1}),
                [](A& a) {  // axes that the rank lacks do not count
                  a.kernel[2] = a.dilation[2] = a.upsample[2] = a.shuffle[2] = 0;
                  a.padding_begin[2] = a.padding_end[2] = -1;
                }});
}

// Also after a change of the groups that the fold of an order of channels needs.
TEST(ConvStatus, GroupsAndShuffleAgreeInEveryOrder) {
  for (const ChannelOrder order : {ChannelOrder::kCrd, ChannelOrder::kDcr, ChannelOrder::kFocus}) {
    const StatusOr<Operator> op = Create([=](A& a) { a.groups = 4, a.channel_order = order; });
    ASSERT_TRUE(op.ok()) << op.status().message();
    EXPECT_EQ(op->MakePlan(kInput)->output().c, 6);
  }
}

TEST(ConvStatus, AutoPadAndPaddings) {
  for (const AutoPad pad : {AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
    A a = GoodConv();
    a.padding_begin = a.padding_end = {};
    a.auto_pad = pad;
    MisuseTester<A>(a, kCreate)
        .Refuses({{"padding_begin 1 auto_pad", Set(&A::padding_begin, {1, 1})},
                  {"padding_end 3 auto_pad", Set(&A::padding_end, {0, 3})}});
    EXPECT_EQ(kCreate(a)->MakePlan(kInput)->output().size[0], pad == AutoPad::kValid ? 16 : 20);
  }
}

TEST(ConvStatus, Weights) { EXPECT_TRUE(IsError(CreateConv(GoodConv(), nullptr, nullptr), "weights null")); }

TEST(ConvStatus, EpiloguesAndPrologues) {
  static const float kConstants[24] = {1};
  const MisuseTester<A> tester(GoodConv(), kCreate);
  // The channels are those after the pixel shuffle.
  for (const int64_t channels : {0, 5, 24}) {
    const std::string words = "channels 6 " + std::to_string(channels);
    tester.Refuses({{words, [=](A& a) { a.epilogue.scale = kConstants, a.epilogue.channels = channels; }},
                    {words, [=](A& a) {
                       a.epilogue.activation = Activation::kPRelu;
                       a.epilogue.slope = kConstants;
                       a.epilogue.channels = channels;
                     }}});
  }
  tester
      .Refuses({{"slope null", [](A& a) { a.epilogue.activation = Activation::kPRelu; }},
                {"activation 11", [](A& a) { a.epilogue.activation = static_cast<Activation>(11); }},
                {"residual 3", [](A& a) { a.epilogue.residual = static_cast<Residual>(3); }},
                {"lower 7 upper 6", [](A& a) { a.epilogue.activation = Activation::kClamp, a.epilogue.lower = 7; }},
                {"prologue 6", [](A& a) { a.prologue.activation = Activation::kTanh; }},
                {"prologue NaN", Set(&A::prologue, {Activation::kLeakyRelu, kNan})}})
      .Accepts({[](A& a) { a.epilogue.shift = kConstants, a.epilogue.channels = 6; }});

  PlanOptions options;
  options.residual = TensorDesc::Nchw(2, 6, 20, 24);
  EXPECT_TRUE(IsError(Create()->MakePlan(kInput, options), "residual"));
  const Operator op = *Create([](A& a) { a.epilogue.residual = Residual::kAfterActivation; });
  EXPECT_TRUE(op.MakePlan(kInput, options).ok()) << op.MakePlan(kInput, options).status().message();
  options.residual = TensorDesc::Nchw(2, 24, 10, 12);  // the shape before the shuffle
  EXPECT_TRUE(IsError(op.MakePlan(kInput, options), "residual c 24 6"));
  const Plan plan = *op.MakePlan(kInput);
  const std::vector<float> input(2 * 4 * 5 * 6, 1.0f);
  std::vector<float> output(2 * 6 * 20 * 24, -7.0f);
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data()), "residual null"));
  EXPECT_EQ(output, std::vector<float>(output.size(), -7.0f));
}

// ---- Plans

TEST(ConvStatus, Plan) {
  const Operator op = *Create();
  using D = TensorDesc;
  MisuseTester<D>(kInput, [&](const D& input) { return op.MakePlan(input); })
      .Refuses({{"dtype kU8 kF32 kF16 kBF16", Set(&D::dtype, DataType::kU8)}})
      .Refuses("size", &D::size, {0})
      .Refuses({{"c 5 4", Set(&D::c, 5)},
                {"input spatial_rank 1 2", Be(D::Make(1, 4, {6}))},
                {"input spatial_rank 3 2", Be(D::Make(1, 4, {5, 6, 7}))}});
  using O = PlanOptions;
  MisuseTester<O>({}, [&](const O& options) { return op.MakePlan(kInput, options); })
      .Refuses("algorithm", &O::algorithm, {2, 9})
      .Refuses({{"c 24 6", Set(&O::output, D::Nchw(2, 24, 10, 12))},
                {"size 12 24", Set(&O::output, D::Nchw(2, 6, 20, 12))},
                {"output_size 20", Set(&O::output_size, {20, 24})},
                {"indices", Set(&O::indices, D::Nchw(2, 6, 20, 24))}})
      .Accepts({Set(&O::algorithm, Algorithm::kSubpixel)});
}

// An output that has no elements, with every way to say so.
TEST(ConvStatus, KernelLargerThanThePaddedInput) {
  A plain = GoodConv();
  plain.padding_begin = plain.padding_end = {};
  plain.upsample = {1, 1};
  MisuseTester<TensorDesc>(TensorDesc::Nchw(1, 4, 3, 3), PlanOf(plain))
      .Refuses({{"kernel H 3 1", [](TensorDesc& d) { d.size[0] = 1; }},
                {"kernel H 3 2", [](TensorDesc& d) { d.size[0] = 2; }}});
  A dilated = GoodConv();
  dilated.dilation = {1, 7};  // reaches over 15
  MisuseTester<TensorDesc>(TensorDesc::Nchw(1, 4, 5, 7), PlanOf(dilated))
      .Refuses({{"W dilation 7 14", [](TensorDesc& d) { d.size[1] = 6; }}});
}

TEST(ConvStatus, PaddingsThatTheModeForbids) {
  const auto with = [](PaddingMode mode, int64_t begin, int64_t end) {
    return [=](A& a) { a.padding_mode = mode, a.padding_begin[1] = begin, a.padding_end[1] = end; };
  };
  // The upsampled input has 12 columns.
  MisuseTester<A>(GoodConv(), kPlan)
      .Refuses({{"padding_begin W 12 11", with(PaddingMode::kReflect, 12, 0)},
                {"padding_end W 12 11", with(PaddingMode::kReflect, 0, 12)},
                {"padding_begin W 13 12", with(PaddingMode::kCircular, 13, 0)},
                {"padding_end W 13 12", with(PaddingMode::kCircular, 0, 13)}})
      .Accepts({with(PaddingMode::kReflect, 11, 11), with(PaddingMode::kCircular, 12, 12),
                with(PaddingMode::kReplicate, 50, 40), with(PaddingMode::kZeros, 50, 40)});
  A reflect = GoodConv();
  reflect.padding_mode = PaddingMode::kReflect;
  reflect.upsample = {1, 1};
  MisuseTester<TensorDesc>(kInput, PlanOf(reflect)).Refuses({{"padding_begin H 1 0", [](TensorDesc& d) {
                                                                d.size[0] = 1;
                                                              }}});
  // The paddings of auto_pad count too.
  A same = reflect;
  same.padding_begin = same.padding_end = {};
  same.dilation = {5, 1};
  same.auto_pad = AutoPad::kSameUpper;
  MisuseTester<TensorDesc>(TensorDesc::Nchw(1, 4, 6, 6), PlanOf(same)).Refuses({{"H 5 4", [](TensorDesc& d) {
                                                                                   d.size[0] = 5;
                                                                                 }}});
}

// Attributes whose products do not fit: no sum of them may wrap around into something that looks right.
TEST(ConvStatus, SizesBeyond63Bits) {
  MisuseTester<A>(GoodConv(), kCreate)
      .Refuses({{"input_channels", Set(&A::input_channels, kHuge)},
                {"input_channels", [](A& a) { a.input_channels = a.output_channels = int64_t{1} << 33; }},
                {"kernel", Set(&A::kernel, {int64_t{1} << 40, int64_t{1} << 40})},
                {"kernel", [](A& a) { a.kernel[0] = kMax; }}});
  const MisuseTester<A> plans(GoodConv(), kPlan);
  for (const size_t axis : {0, 1}) {
    for (const int64_t value : {kHuge, kMax}) {
      plans.Refuses({{"dilation", [=](A& a) { a.dilation[axis] = value; }},
                     {"upsample", [=](A& a) { a.upsample[axis] = value; }},
                     {"shuffle", [=](A& a) { a.shuffle[axis] = value; }},
                     {"padding_begin", [=](A& a) { a.padding_begin[axis] = value; }},
                     {"padding_end", [=](A& a) { a.padding_end[axis] = value; }},
                     {"padding_begin", [=](A& a) { a.padding_begin[axis] = a.padding_end[axis] = value; }}});
    }
  }
  // Each axis would fit, the tensor does not.
  plans.Refuses({{"output", [](A& a) { a.padding_begin = a.padding_end = {int64_t{1} << 40, int64_t{1} << 40}; }}});
  MisuseTester<TensorDesc>(kInput, PlanOf(GoodConv()))
      .Refuses({{"input", Set(&TensorDesc::n, kHuge)},
                {"input", Be(TensorDesc::Nhwc(1, 4, int64_t{1} << 30, int64_t{1} << 30))},
                {"input", Be(TensorDesc::Nchwc(16, 1, 4, kHuge, 1))}});
}

// A dilation that is never stepped may be as large as int64.
TEST(ConvStatus, DilationOfOneTap) {
  A a;
  a.input_channels = 4;
  a.output_channels = 2;
  a.dilation = {kMax, kMax};
  const StatusOr<Operator> op = CreateConv(a, Weights().data(), nullptr);
  ASSERT_TRUE(op.ok()) << op.status().message();
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, 4, 2, 3));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const std::vector<float> input(4 * 6, 1.0f);
  std::vector<float> output(2 * 6);
  ASSERT_TRUE(plan->Run(input.data(), output.data()).ok());
  EXPECT_EQ(output, std::vector<float>(2 * 6, 4.0f));

  // Outputs that read the padding alone.
  a.padding_end = {0, 5};
  const StatusOr<Plan> padded = CreateConv(a, Weights().data(), nullptr)->MakePlan(TensorDesc::Nchw(1, 4, 2, 3));
  ASSERT_TRUE(padded.ok()) << padded.status().message();
  std::vector<float> long_output(2 * 16, -1.0f);
  ASSERT_TRUE(padded->Run(input.data(), long_output.data()).ok());
  for (size_t i = 0; i < long_output.size(); ++i) EXPECT_EQ(long_output[i], i % 8 < 3 ? 4.0f : 0.0f) << i;
}

// With a shuffle the reach of the taps is multiplied.
TEST(ConvStatus, ReachOfTheTaps) {
  MisuseTester<A>(GoodConv(), kCreate).Refuses({{"dilation W 2^48", [](A& attributes) {
                                                   attributes.dilation[1] = int64_t{1} << 48;
                                                 }}});
}

void* NoMemory(void*, size_t, size_t) { return nullptr; }
void FreeNothing(void*, void*, size_t, size_t) {}

TEST(ConvStatus, OptionsOfAnOperator) {
  using O = OperatorOptions;
  MisuseTester<O>({}, [](const O& options) { return CreateConv(GoodConv(), Weights().data(), nullptr, options); })
      .Refuses({{"isa avx9", Set(&O::isa, "avx9")},
                {"5 4", Set(&O::input_hint, TensorDesc::Nchw(1, 5, 8, 8))},
                {"deallocate", [](O& o) { o.runtime.allocate = NoMemory; }}});
  O options;
  options.runtime.allocate = NoMemory;
  options.runtime.deallocate = FreeNothing;
  const StatusOr<Operator> op = CreateConv(GoodConv(), Weights().data(), nullptr, options);
  const Status status = op.ok() ? op->MakePlan(kInput).status() : op.status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory) << status.message();
}

TEST(ConvStatus, Buffers) {
  const Plan plan = *Create()->MakePlan(kInput);
  std::vector<float> memory(2 * 4 * 5 * 6 + 2 * 6 * 20 * 24, -7.0f);
  const std::vector<float> before = memory;
  EXPECT_TRUE(IsError(plan.Run(nullptr, memory.data()), "input null"));
  EXPECT_TRUE(IsError(plan.Run(memory.data(), nullptr), "output null"));
  EXPECT_TRUE(IsError(plan.Run(memory.data(), memory.data()), "overlap"));
  EXPECT_TRUE(IsError(plan.Run(memory.data(), memory.data() + 239), "overlap"));
  EXPECT_EQ(memory, before);
  EXPECT_TRUE(plan.Run(memory.data(), memory.data() + 240).ok());
}

// The weights and the bias are the caller's again after Create.
TEST(ConvStatus, WeightsAndBiasAreCopied) {
  std::vector<float> weights = Weights();
  std::vector<float> bias(24, 2.0f);
  std::vector<float> scale(6, 3.0f);
  A a = GoodConv();
  a.epilogue.scale = scale.data();
  a.epilogue.channels = 6;
  const Operator op = *CreateConv(a, weights.data(), bias.data());
  for (std::vector<float>* values : {&weights, &bias, &scale}) values->assign(values->size(), 0.0f);
  const Plan plan = *op.MakePlan(TensorDesc::Nchw(1, 4, 5, 6));
  const std::vector<float> input(4 * 5 * 6, 1.0f);
  std::vector<float> output(6 * 20 * 24);
  ASSERT_TRUE(plan.Run(input.data(), output.data()).ok());
  EXPECT_EQ(output[0], 3.0f * (4 * 4 + 2)) << "a corner reads 2 x 2 taps of 4 channels";
  EXPECT_EQ(output[2 * 24 + 2], 3.0f * (4 * 9 + 2));
}

// ---- Describe

TEST(ConvDescribe, SaysWhatWasChosenAndWhatIsSaved) {
  const struct {
    int64_t kernel, upsample;
    const char* saving;  // multiplications of the unfused chain for each of the fused op
  } cases[] = {{3, 1, nullptr}, {3, 2, "2.25"}, {3, 4, "4"}, {5, 2, "2.78"}, {1, 2, nullptr}, {2, 2, "1.78"}};
  for (const auto& c : cases) {
    const StatusOr<Operator> op = Create([&](A& a) {
      a.kernel = {c.kernel, c.kernel};
      a.upsample = {c.upsample, c.upsample};
    });
    ASSERT_TRUE(op.ok()) << op.status().message();
    const Plan plan = *op->MakePlan(kInput);
    for (const std::string& text : {op->Describe(), plan.Describe()}) {
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
      EXPECT_TRUE(ContainsWord(text, "conv")) << text;
      EXPECT_EQ(text.find("multiplications") != std::string::npos, c.saving != nullptr) << text;
      const std::string saving = c.saving == nullptr ? "" : std::string(" ") + c.saving + " times";
      EXPECT_NE(text.find(saving), std::string::npos) << text;
    }
    EXPECT_NE(plan.Describe().find(std::to_string(plan.workspace_bytes())), std::string::npos) << plan.Describe();
  }
}

// A border that reflects more than a pixel is computed without sums; the rest is not.
TEST(ConvDescribe, AReflectedBorderHasTasksOfItsOwn) {
  const auto reflected = [](int64_t padding) {
    const StatusOr<Operator> op = Create([&](A& a) {
      a.kernel = {5, 5};
      a.upsample = {2, 2};
      a.padding_begin = a.padding_end = {padding, padding};
      a.padding_mode = PaddingMode::kReflect;
    });
    return op
        ->MakePlan(TensorDesc::Nchw(1, 4, 20, 20),
                   [] {
                     PlanOptions options;
                     options.num_threads = 1;
                     return options;
                   }())
        ->Describe();
  };
  for (const int64_t padding : {1, 2}) {
    const std::string text = reflected(padding);
    EXPECT_NE(text.find(" 2.78 times fewer multiplications"), std::string::npos) << text;
    EXPECT_NE(text.find(padding == 1 ? " 1 task " : " 5 tasks "), std::string::npos) << text;
  }
}

// The intermediate tensors never exist: not in the workspace either.
TEST(ConvDescribe, TheWorkspaceDoesNotGrowWithTheMap) {
  for (const std::string& target : SupportedTargets()) {
    for (const bool shuffled : {false, true}) {
      A a;
      a.input_channels = 16;
      a.output_channels = shuffled ? 64 : 16;
      a.kernel = {3, 3};
      a.padding_begin = a.padding_end = {1, 1};
      a.upsample = shuffled ? SpatialSizes{1, 1} : SpatialSizes{2, 2};
      a.shuffle = shuffled ? SpatialSizes{2, 2} : SpatialSizes{1, 1};
      const std::vector<float> weights(static_cast<size_t>(a.output_channels * 16 * 9), 1.0f);
      const StatusOr<Operator> op = CreateConv(a, weights.data(), nullptr, OptionsFor(target));
      ASSERT_TRUE(op.ok()) << op.status().message();
      for (const int64_t size : {128, 1024}) {
        PlanOptions options;
        options.num_threads = 1;
        const Plan plan = *op->MakePlan(TensorDesc::Nchw(1, 16, size, size), options);
        EXPECT_LE(plan.workspace_bytes(), size_t{2} << 20) << plan.Describe();
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
