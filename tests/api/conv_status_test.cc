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

StatusOr<Operator> Create(
    const std::function<void(A&)>& change = [](A&) {}, const OperatorOptions& options = {}) {
  A a = GoodConv();
  change(a);
  return CreateConv(a, Weights().data(), nullptr, options);
}

const TensorDesc kInput = TensorDesc::Nchw(2, 4, 5, 6);  // of GoodConv: 20 x 24

Status PlanOf(const std::function<void(A&)>& change, const TensorDesc& input = kInput) {
  const StatusOr<Operator> op = Create(change);
  return op.ok() ? op->MakePlan(input).status() : op.status();
}

TEST(ConvStatus, Attributes) {
  ASSERT_TRUE(Create().ok()) << Create().status().message();
  for (const int rank : {-1, 0, 4}) {
    EXPECT_TRUE(IsError(Create([=](A& a) { a.spatial_rank = rank; }), {"spatial_rank", std::to_string(rank).c_str()}));
  }
  EXPECT_TRUE(IsError(Create([](A& a) { a.input_channels = 0; }), {"input_channels", "0"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.input_channels = -4; }), {"input_channels", "-4"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.output_channels = 0; }), {"output_channels", "0"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.output_channels = -24; }), {"output_channels", "-24"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.groups = 0; }), {"groups", "0"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.groups = -2; }), {"groups", "-2"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.groups = 3; }), {"groups", "3", "input_channels", "4"}));
  EXPECT_TRUE(IsError(Create([](A& a) {
                        a.groups = 4, a.output_channels = 22, a.shuffle = {1, 1};
                      }),
                      {"groups", "4", "output_channels", "22"}));
  for (const size_t axis : {0, 1}) {
    const char* const letter = axis == 0 ? "H" : "W";
    EXPECT_TRUE(IsError(Create([=](A& a) { a.kernel[axis] = 0; }), {"kernel", letter, "0"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.kernel[axis] = -3; }), {"kernel", letter, "-3"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.dilation[axis] = 0; }), {"dilation", letter, "0"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.dilation[axis] = -1; }), {"dilation", letter, "-1"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.padding_begin[axis] = -5; }), {"padding_begin", letter, "-5"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.padding_end[axis] = -5; }), {"padding_end", letter, "-5"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.upsample[axis] = 0; }), {"upsample", letter, "0"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.upsample[axis] = -2; }), {"upsample", letter, "-2"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.shuffle[axis] = 0; }), {"shuffle", letter, "0"}));
    EXPECT_TRUE(IsError(Create([=](A& a) { a.shuffle[axis] = -2; }), {"shuffle", letter, "-2"}));
  }
  // Axes that the rank has not do not count.
  EXPECT_TRUE(Create([](A& a) {
                a.kernel[2] = a.dilation[2] = a.upsample[2] = a.shuffle[2] = 0;
                a.padding_begin[2] = a.padding_end[2] = -1;
              }).ok());
}

TEST(ConvStatus, Enums) {
  EXPECT_TRUE(IsError(Create([](A& a) { a.padding_mode = static_cast<PaddingMode>(4); }), {"padding_mode", "4"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.padding_mode = static_cast<PaddingMode>(-1); }), {"padding_mode", "-1"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.channel_order = static_cast<ChannelOrder>(3); }), {"channel_order", "3"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.auto_pad = static_cast<AutoPad>(4); }), {"auto_pad", "4"}));
}

TEST(ConvStatus, ChannelsOfThePixelShuffle) {
  EXPECT_TRUE(IsError(Create([](A& a) { a.output_channels = 22; }), {"output_channels", "22", "shuffle"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.shuffle = {5, 1}; }), {"output_channels", "24", "shuffle"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.shuffle = {kMax, kMax}; }), {"shuffle"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.shuffle = {int64_t{1} << 32, int64_t{1} << 32}; }), {"shuffle"}));
  EXPECT_TRUE(Create([](A& a) { a.shuffle = {4, 3}; }).ok());
  EXPECT_TRUE(Create([](A& a) { a.shuffle = {24, 1}; }).ok());
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
    EXPECT_TRUE(IsError(Create([=](A& a) { a.auto_pad = pad; }), {"padding_begin", "1", "auto_pad"}));
    EXPECT_TRUE(IsError(Create([=](A& a) {
                          a.auto_pad = pad, a.padding_begin = {}, a.padding_end = {0, 3};
                        }),
                        {"padding_end", "3", "auto_pad"}));
    const StatusOr<Operator> op = Create([=](A& a) { a.auto_pad = pad, a.padding_begin = a.padding_end = {}; });
    ASSERT_TRUE(op.ok()) << op.status().message();
    EXPECT_EQ(op->MakePlan(kInput)->output().size[0], pad == AutoPad::kValid ? 16 : 20);
  }
}

TEST(ConvStatus, Weights) { EXPECT_TRUE(IsError(CreateConv(GoodConv(), nullptr, nullptr), {"weights", "null"})); }

TEST(ConvStatus, EpiloguesAndPrologues) {
  static const float kConstants[24] = {1};
  // The channels are those behind the pixel shuffle.
  for (const int64_t channels : {0, 5, 24}) {
    const std::string value = std::to_string(channels);
    EXPECT_TRUE(IsError(Create([=](A& a) { a.epilogue.scale = kConstants, a.epilogue.channels = channels; }),
                        {"channels", value.c_str(), "6"}));
    EXPECT_TRUE(IsError(Create([=](A& a) {
                          a.epilogue.activation = Activation::kPRelu;
                          a.epilogue.slope = kConstants;
                          a.epilogue.channels = channels;
                        }),
                        {"channels", value.c_str(), "6"}));
  }
  EXPECT_TRUE(Create([](A& a) { a.epilogue.shift = kConstants, a.epilogue.channels = 6; }).ok());
  EXPECT_TRUE(IsError(Create([](A& a) { a.epilogue.activation = Activation::kPRelu; }), {"slope", "null"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.epilogue.activation = static_cast<Activation>(11); }), {"activation", "11"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.epilogue.residual = static_cast<Residual>(3); }), {"residual", "3"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.epilogue.activation = Activation::kClamp, a.epilogue.lower = 7; }),
                      {"lower", "7", "upper", "6"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.prologue.activation = Activation::kTanh; }), {"prologue", "6"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.prologue = {Activation::kLeakyRelu, kNan}; }), {"prologue", "NaN"}));

  PlanOptions options;
  options.residual = TensorDesc::Nchw(2, 6, 20, 24);
  EXPECT_TRUE(IsError(Create()->MakePlan(kInput, options), {"residual"}));
  const Operator op = *Create([](A& a) { a.epilogue.residual = Residual::kAfterActivation; });
  EXPECT_TRUE(op.MakePlan(kInput, options).ok()) << op.MakePlan(kInput, options).status().message();
  options.residual = TensorDesc::Nchw(2, 24, 10, 12);  // the shape before the shuffle
  EXPECT_TRUE(IsError(op.MakePlan(kInput, options), {"residual", "c", "24", "6"}));
  const Plan plan = *op.MakePlan(kInput);
  const std::vector<float> input(2 * 4 * 5 * 6, 1.0f);
  std::vector<float> output(2 * 6 * 20 * 24, -7.0f);
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data()), {"residual", "null"}));
  EXPECT_EQ(output, std::vector<float>(output.size(), -7.0f));
}

// ---- Plans

TEST(ConvStatus, Plan) {
  const Operator op = *Create();
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 5, 5, 6)), {"c", "5", "4"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 0, 6)), {"size", "H", "0"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 4, 5, 0)), {"size", "W", "0"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Make(1, 4, {6})), {"input", "spatial_rank", "1", "2"}));
  EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Make(1, 4, {5, 6, 7})), {"input", "spatial_rank", "3", "2"}));
  TensorDesc half = kInput;
  half.dtype = DataType::kF16;
  EXPECT_TRUE(IsError(op.MakePlan(half), {"dtype", "1"}));
  PlanOptions options;
  options.output = TensorDesc::Nchw(2, 24, 10, 12);
  EXPECT_TRUE(IsError(op.MakePlan(kInput, options), {"c", "24", "6"}));
  options.output = TensorDesc::Nchw(2, 6, 20, 12);
  EXPECT_TRUE(IsError(op.MakePlan(kInput, options), {"size", "12", "24"}));
  options.output.reset();
  for (const Algorithm algorithm : {Algorithm::kGemmCol2im, static_cast<Algorithm>(9)}) {
    options.algorithm = algorithm;
    EXPECT_TRUE(
        IsError(op.MakePlan(kInput, options), {"algorithm", std::to_string(static_cast<int>(algorithm)).c_str()}));
  }
  options.algorithm = Algorithm::kSubpixel;
  EXPECT_TRUE(op.MakePlan(kInput, options).ok());
  options.algorithm = Algorithm::kAuto;
  options.output_size = {20, 24};
  EXPECT_TRUE(IsError(op.MakePlan(kInput, options), {"output_size", "20"}));
  options.output_size = {};
  options.indices = TensorDesc::Nchw(2, 6, 20, 24);
  EXPECT_TRUE(IsError(op.MakePlan(kInput, options), {"indices"}));
}

// An output that has no elements, with every way to say so.
TEST(ConvStatus, KernelLargerThanThePaddedInput) {
  const auto plain = [](A& a) { a.padding_begin = a.padding_end = {}, a.upsample = {1, 1}; };
  for (const int64_t h : {1, 2}) {
    EXPECT_TRUE(IsError(PlanOf(plain, TensorDesc::Nchw(1, 4, h, 6)), {"kernel", "H", "3", std::to_string(h).c_str()}));
  }
  EXPECT_TRUE(PlanOf(plain, TensorDesc::Nchw(1, 4, 3, 3)).ok());
  const auto dilated = [](A& a) { a.dilation = {1, 7}; };  // reaches over 15
  EXPECT_TRUE(IsError(PlanOf(dilated, TensorDesc::Nchw(1, 4, 5, 6)), {"W", "dilation", "7", "14"}));
  EXPECT_TRUE(PlanOf(dilated, TensorDesc::Nchw(1, 4, 5, 7)).ok());
}

TEST(ConvStatus, PaddingsThatTheModeForbids) {
  const auto with = [](PaddingMode mode, int64_t begin, int64_t end) {
    return [=](A& a) {
      a.padding_mode = mode;
      a.padding_begin[1] = begin;
      a.padding_end[1] = end;
    };
  };
  // The upsampled input has 12 columns.
  EXPECT_TRUE(PlanOf(with(PaddingMode::kReflect, 11, 11)).ok());
  EXPECT_TRUE(IsError(PlanOf(with(PaddingMode::kReflect, 12, 0)), {"padding_begin", "W", "12", "11"}));
  EXPECT_TRUE(IsError(PlanOf(with(PaddingMode::kReflect, 0, 12)), {"padding_end", "W", "12", "11"}));
  EXPECT_TRUE(PlanOf(with(PaddingMode::kCircular, 12, 12)).ok());
  EXPECT_TRUE(IsError(PlanOf(with(PaddingMode::kCircular, 13, 0)), {"padding_begin", "W", "13", "12"}));
  EXPECT_TRUE(IsError(PlanOf(with(PaddingMode::kCircular, 0, 13)), {"padding_end", "W", "13", "12"}));
  EXPECT_TRUE(PlanOf(with(PaddingMode::kReplicate, 50, 40)).ok());
  EXPECT_TRUE(PlanOf(with(PaddingMode::kZeros, 50, 40)).ok());
  const auto reflect = [](A& a) { a.padding_mode = PaddingMode::kReflect, a.upsample = {1, 1}; };
  EXPECT_TRUE(IsError(PlanOf(reflect, TensorDesc::Nchw(1, 4, 1, 6)), {"padding_begin", "H", "1", "0"}));
  // Those of auto_pad too.
  const auto same = [](A& a) {
    a.padding_mode = PaddingMode::kReflect;
    a.upsample = {1, 1};
    a.padding_begin = a.padding_end = {};
    a.dilation = {5, 1};
    a.auto_pad = AutoPad::kSameUpper;
  };
  EXPECT_TRUE(IsError(PlanOf(same, TensorDesc::Nchw(1, 4, 5, 6)), {"H", "5", "4"}));
  EXPECT_TRUE(PlanOf(same, TensorDesc::Nchw(1, 4, 6, 6)).ok());
}

// Attributes whose products do not fit: no sum of them may wrap around into something that looks right.
TEST(ConvStatus, SizesBeyond63Bits) {
  EXPECT_TRUE(IsError(Create([](A& a) { a.input_channels = kHuge; }), {"input_channels"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.input_channels = a.output_channels = int64_t{1} << 33; }), {}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.kernel = {int64_t{1} << 40, int64_t{1} << 40}; }), {"kernel"}));
  EXPECT_TRUE(IsError(Create([](A& a) { a.kernel[0] = kMax; }), {"kernel"}));
  for (const size_t axis : {0, 1}) {
    for (const int64_t value : {kHuge, kMax}) {
      EXPECT_TRUE(IsError(PlanOf([=](A& a) { a.dilation[axis] = value; }), {"dilation"}));
      EXPECT_TRUE(IsError(PlanOf([=](A& a) { a.upsample[axis] = value; }), {"upsample"}));
      EXPECT_TRUE(IsError(PlanOf([=](A& a) { a.shuffle[axis] = value; }), {"shuffle"}));
      EXPECT_TRUE(IsError(PlanOf([=](A& a) { a.padding_begin[axis] = value; }), {"padding_begin"}));
      EXPECT_TRUE(IsError(PlanOf([=](A& a) { a.padding_end[axis] = value; }), {"padding_end"}));
      EXPECT_TRUE(IsError(PlanOf([=](A& a) { a.padding_begin[axis] = a.padding_end[axis] = value; }), {}));
    }
  }
  const auto paddings = [](A& a) { a.padding_begin = a.padding_end = {int64_t{1} << 40, int64_t{1} << 40}; };
  EXPECT_TRUE(IsError(PlanOf(paddings), {})) << "each axis would fit, the tensor does not";
  EXPECT_TRUE(IsError(PlanOf([](A&) {}, TensorDesc::Nchw(kHuge, 4, 5, 5)), {}));
  EXPECT_TRUE(IsError(PlanOf([](A&) {}, TensorDesc::Nhwc(1, 4, int64_t{1} << 30, int64_t{1} << 30)), {}));
  EXPECT_TRUE(IsError(PlanOf([](A&) {}, TensorDesc::Nchwc(16, 1, 4, kHuge, 1)), {}));
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
}

void* NoMemory(void*, size_t, size_t) { return nullptr; }
void FreeNothing(void*, void*, size_t, size_t) {}

TEST(ConvStatus, OptionsOfAnOperator) {
  OperatorOptions options;
  options.isa = "avx9";
  const auto same = [](A&) {};
  EXPECT_TRUE(IsError(Create(same, options), {"isa", "avx9"}));
  options.isa.clear();
  options.input_hint = TensorDesc::Nchw(1, 5, 8, 8);
  EXPECT_TRUE(IsError(Create(same, options), {"5", "4"}));
  options.input_hint.reset();
  options.runtime.allocate = NoMemory;
  EXPECT_TRUE(IsError(Create(same, options), {"deallocate"}));
  options.runtime.deallocate = FreeNothing;
  const StatusOr<Operator> op = Create(same, options);
  const Status status = op.ok() ? op->MakePlan(kInput).status() : op.status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory) << status.message();
}

TEST(ConvStatus, Buffers) {
  const Plan plan = *Create()->MakePlan(kInput);
  std::vector<float> memory(2 * 4 * 5 * 6 + 2 * 6 * 20 * 24, -7.0f);
  const std::vector<float> before = memory;
  EXPECT_TRUE(IsError(plan.Run(nullptr, memory.data()), {"input", "null"}));
  EXPECT_TRUE(IsError(plan.Run(memory.data(), nullptr), {"output", "null"}));
  EXPECT_TRUE(IsError(plan.Run(memory.data(), memory.data()), {"overlap"}));
  EXPECT_TRUE(IsError(plan.Run(memory.data(), memory.data() + 239), {"overlap"}));
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
    EXPECT_NE(text.find(padding == 1 ? " 1 tasks" : " 5 tasks"), std::string::npos) << text;
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
