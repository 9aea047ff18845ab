// The matrix algorithm (products of bf16 numbers) against the oracle, for each number of products; what the numerics
// promise; that its bits do not depend on the instructions. The tests of conv and conv_transpose run it as well.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/conv.h"
#include "tests/ref/conv_transpose.h"
#include "tests/testers/conv_tester.h"
#include "tests/testers/conv_transpose_tester.h"

#if defined(__linux__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace polyphase::testing {
namespace {

constexpr Format kNchw{Layout::kNchw, 1};
constexpr Format kNhwc{Layout::kNhwc, 1};
constexpr Format kNchw16c{Layout::kNchwc, 16};
constexpr Numerics kWithMatrix[] = {Numerics::kDefault, Numerics::kFast, Numerics::kBf16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

ConvTester Layer(Numerics numerics) { return ConvTester().Algorithms({Algorithm::kMatrix}).Promise(numerics); }
ConvTransposeTester Transposed(Numerics numerics) {
  return ConvTransposeTester().Algorithms({Algorithm::kMatrix}).Promise(numerics);
}

// ---- Values

// Pairs and lines of channels that are full and not, tiles of every width.
TEST(Matrix, Channels) {
  for (const Numerics numerics : kWithMatrix) {
    for (const int64_t ic : {1, 2, 3, 15, 16, 31, 32, 33, 64, 71}) {
      if (kSanitized && ic % 16 != 1) continue;
      for (const int64_t oc : {1, 8, 16, 17, 32, 50}) {
        Layer(numerics).Channels(ic, oc).Input(3, 5).Kernel(1, 1).Formats({{kNchw16c, kNhwc}}).Run();
      }
      Transposed(numerics).Channels(ic, 24).Input(3, 4).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
    }
  }
}

// Rows that end at every distance from a whole tile.
TEST(Matrix, RowsOfEveryLength) {
  for (const Numerics numerics : kWithMatrix) {
    for (int64_t width = 1; width <= 70; width += kSanitized ? 9 : 1) {
      Layer(numerics).Channels(5, 33).Input(2, width).Kernel(1, 1).Formats({{kNhwc, kNchw}}).Run();
    }
    Layer(numerics).Channels(20, 17).Input(3, 200).Kernel(3, 3).Padding(1, 1).Formats({{kNchw, kNchw}}).Run();
  }
}

TEST(Matrix, RanksGroupsAndDilations) {
  for (const Numerics numerics : kWithMatrix) {
    Transposed(numerics).Channels(40, 24).Input(50).Kernel(8).Stride(4).Padding(2).Run();
    Transposed(numerics).Channels(33, 18).Input(3, 4, 5).Kernel(2, 2, 2).Stride(2, 2, 2).Run();
    Transposed(numerics).Channels(12, 9).Groups(3).Input(5, 6).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
    Transposed(numerics).Channels(4, 2).Input(5, 9).Kernel(3, 3).Stride(2, 3).Dilation(3, 2).Run();
    Transposed(numerics).Channels(4, 2).Input(3, 4).Kernel(1, 1).Stride(50, 70).Run();
    Layer(numerics).Channels(7, 20).Input(3, 4, 9).Kernel(3, 3, 3).Padding(1, 1, 1).Run();
    Layer(numerics).Channels(4, 2).Input(30, 40).Kernel(3, 3).Dilation(5, 9).Run();
    Layer(numerics).Channels(66, 34).Groups(2).Batch(2).Input(6, 7).Kernel(3, 3).Padding(1, 1).Run();
  }
}

// Maps whose rows follow one another in a tile.
TEST(Matrix, SmallMaps) {
  for (const Numerics numerics : kWithMatrix) {
    Transposed(numerics).Channels(70, 40).Batch(2).Input(8, 6).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
    Transposed(numerics).Channels(33, 35).Input(7, 5).Kernel(3, 2).Stride(2, 3).Padding(1, 0).Run();
    Layer(numerics).Channels(66, 17).Input(5, 7).Kernel(3, 3).Padding(1, 1).Run();
    Layer(numerics).Channels(40, 34).Input(2, 6, 9).Kernel(3, 3, 3).Padding(1, 1, 1).Run();
  }
}

// Phases in lanes, images as the pixels of a tile.
TEST(Matrix, JoinedPhasesAndBatches) {
  for (const Numerics numerics : kWithMatrix) {
    Transposed(numerics).Channels(34, 3).Input(5, 20).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
    Transposed(numerics).Channels(34, 40).Batch(17).Input(2, 2).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
    Transposed(numerics).Channels(18, 3).Batch(33).Input(2, 3).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
    Layer(numerics).Channels(33, 16).Batch(40).Input(1, 1).Kernel(3, 3).Padding(1, 1).Run();
  }
}

TEST(Matrix, FusedForms) {
  for (const Numerics numerics : kWithMatrix) {
    for (const PaddingMode mode :
         {PaddingMode::kZeros, PaddingMode::kReflect, PaddingMode::kReplicate, PaddingMode::kCircular}) {
      Layer(numerics).Channels(35, 20).Input(6, 12).Kernel(3, 3).Padding(1, 1).Upsample(2, 2).Mode(mode).Run();
    }
    Layer(numerics).Channels(6, 36).Input(7, 20).Kernel(3, 3).Padding(1, 1).Shuffle(2, 2).Run();
    Layer(numerics).Channels(3, 20).Input(6, 12).Kernel(3, 3).Padding(2, 2).Dilation(2, 2).Upsample(2, 2).Run();
    Layer(numerics)
        .Channels(40, 20)
        .Input(5, 33)
        .Kernel(3, 3)
        .Prologue(Activation::kLeakyRelu)
        .Residual(polyphase::Residual::kAfterActivation)
        .Scale()
        .Shift()
        .Activate(Activation::kPRelu)
        .Run();
    Transposed(numerics).Channels(40, 33).Input(5, 7).Kernel(2, 2).Stride(2, 2).Relu().Scale().Run();
  }
}

TEST(Matrix, ManyTasks) {
  for (const Numerics numerics : kWithMatrix) {
    if (kSanitized && numerics == Numerics::kFast) continue;
    Layer(numerics).Channels(64, 40).Batch(2).Input(60, 62).Kernel(3, 3).Padding(1, 1).RunDeterminism();
    Transposed(numerics)
        .Channels(70, 40)
        .Batch(2)
        .Input(31, 30)
        .Kernel(4, 4)
        .Stride(2, 2)
        .Padding(1, 1)
        .RunDeterminism();
    Transposed(numerics)
        .Channels(40, 18)
        .Batch(21)
        .Input(4, 4)
        .Kernel(4, 4)
        .Stride(2, 2)
        .Padding(1, 1)
        .RunDeterminism();
    Transposed(numerics)
        .Channels(20, 3)
        .Batch(2)
        .Input(70, 40)
        .Kernel(4, 4)
        .Stride(2, 2)
        .Padding(1, 1)
        .RunDeterminism();
  }
}

TEST(Matrix, NonFinite) {
  for (const Numerics numerics : kWithMatrix) {
    Layer(numerics).Channels(33, 20).Input(6, 8).Kernel(3, 3).Padding(1, 1).RunNonFinite();
    Transposed(numerics).Channels(34, 40).Input(5, 6).Kernel(4, 4).Stride(2, 2).Padding(1, 1).RunNonFinite();
    Transposed(numerics).Channels(3, 40).Input(5, 6).Kernel(2, 2).Stride(2, 2).RunNonFinite();
  }
}

// ---- One layer, on every target

// Returns the targets whose products are of different instructions.
std::vector<std::string> AllTargets() {
  std::vector<std::string> targets = SupportedTargets();
  for (const char* const unit : {"+bf16", "+amx"}) targets.push_back(targets.front() + unit);
  return targets;
}

// Returns whether the products are those of AMX, which sums 32 of them before it adds them to the others.
bool IsAmx(const std::string& isa) { return isa.find("+amx") != std::string::npos; }

struct Sample {
  ConvAttributes attributes;
  ref::Tensor<float> input;
  std::vector<float> weights;
};

Sample MakeSample(int64_t ic, int64_t oc, int64_t k, int64_t h, int64_t w) {
  Sample sample;
  ConvAttributes& a = sample.attributes;
  a.input_channels = ic;
  a.output_channels = oc;
  a.kernel = {k, k};
  a.padding_begin = a.padding_end = {k / 2, k / 2};
  sample.input = ref::Tensor<float>(1, ic, ref::Size3{1, h, w});
  sample.weights.resize(static_cast<size_t>(oc * ic * k * k));
  return sample;
}

void FillNormal(std::vector<float>& values, float scale, std::mt19937& rng) {
  std::normal_distribution<float> normal;
  for (float& v : values) v = scale * normal(rng);
}

std::vector<float> OutputsOf(const Sample& sample, const std::string& isa, Numerics numerics, Algorithm algorithm) {
  OperatorOptions options;
  options.isa = isa;
  options.numerics = numerics;
  const StatusOr<Operator> op = CreateConv(sample.attributes, sample.weights.data(), nullptr, options);
  PlanOptions plan_options;
  plan_options.algorithm = algorithm;
  const ref::Tensor<float>& input = sample.input;
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, input.c, input.h, input.w), plan_options);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  std::vector<float> output(static_cast<size_t>(sample.attributes.output_channels * input.h * input.w));
  EXPECT_TRUE(plan->Run(input.data.data(), output.data()).ok());
  return output;
}

// Returns the norm of the difference to the oracle, relative to the norm of its outputs or, `of_magnitudes`, of the
// sums of |input * weight|.
double ErrorOf(const Sample& sample, const std::vector<float>& output, bool of_magnitudes = false) {
  const ref::ConvResult expected = ref::Conv(sample.attributes, sample.input, sample.weights.data(), nullptr);
  double difference = 0, norm = 0;
  for (size_t i = 0; i < output.size(); ++i) {
    difference += std::pow(static_cast<double>(output[i]) - expected.value.data[i], 2);
    norm += std::pow(of_magnitudes ? expected.magnitude.data[i] : expected.value.data[i], 2);
  }
  return std::sqrt(difference / norm);
}

// With one product, an operand in [1, 2) is off by an error that is uniform between -2^-8 and 2^-8: its root mean
// square is 2^-8 / sqrt(3) = 2.26e-3, or between 1.13e-3 and 2.26e-3 of the value. Two operands have sqrt(2) times as
// much, 1.6e-3 to 3.2e-3, and 2.4e-3 where their logarithms are spread evenly. The errors of the products of an output
// are independent, so that this is the error of outputs as well, which is never above twice 2^-8.
double Promised(Numerics numerics) {
  return numerics == Numerics::kDefault ? 1e-6 : numerics == Numerics::kFast ? 1e-5 : 3e-3;
}

TEST(MatrixNumerics, ErrorsKeepThePromise) {
  std::mt19937 rng(3);
  for (const int64_t ic : {16, 64, 200}) {
    for (const float mean : {0.0f, 4.0f}) {
      Sample sample = MakeSample(ic, 17, 3, 9, 10);
      FillNormal(sample.input.data, 1, rng);
      for (float& v : sample.input.data) v = std::max(0.0f, v + mean);
      FillNormal(sample.weights, 1, rng);
      for (const std::string& isa : AllTargets()) {
        const double strict = ErrorOf(sample, OutputsOf(sample, isa, Numerics::kStrict, Algorithm::kSubpixel));
        for (const Numerics numerics : kWithMatrix) {
          SCOPED_TRACE(isa + " ic " + std::to_string(ic) + " numerics " + std::to_string(static_cast<int>(numerics)));
          const double error = ErrorOf(sample, OutputsOf(sample, isa, numerics, Algorithm::kMatrix));
          EXPECT_LT(error, Promised(numerics));
          // Six products are as exact as f32, and fewer are not.
          if (numerics == Numerics::kDefault) {
            EXPECT_LT(error, 1.3 * strict);
          } else {
            EXPECT_GT(error, numerics == Numerics::kFast ? 1e-6 : 1e-3);
          }
        }
      }
    }
  }
}

// Where products cancel, the error is relative to what cancels, as that of f32 sums is.
TEST(MatrixNumerics, Cancellation) {
  std::mt19937 rng(4);
  Sample sample = MakeSample(128, 16, 1, 6, 20);
  FillNormal(sample.input.data, 1, rng);
  FillNormal(sample.weights, 1, rng);
  const size_t plane = static_cast<size_t>(sample.input.plane());
  for (size_t c = 1; c < 128; c += 2) {
    for (size_t i = 0; i < plane; ++i) {
      sample.input.data[c * plane + i] = sample.input.data[(c - 1) * plane + i] * (1 + 1e-4f);
    }
    for (size_t o = 0; o < 16; ++o) sample.weights[o * 128 + c] = -sample.weights[o * 128 + c - 1];
  }
  for (const std::string& isa : AllTargets()) {
    const double strict = ErrorOf(sample, OutputsOf(sample, isa, Numerics::kStrict, Algorithm::kSubpixel));
    EXPECT_LT(ErrorOf(sample, OutputsOf(sample, isa, Numerics::kDefault, Algorithm::kMatrix)), 2 * strict) << isa;
    for (const Numerics numerics : kWithMatrix) {
      EXPECT_LT(ErrorOf(sample, OutputsOf(sample, isa, numerics, Algorithm::kMatrix), true), Promised(numerics)) << isa;
    }
  }
}

TEST(MatrixNumerics, HugeAndTinyScales) {
  std::mt19937 rng(5);
  for (const auto& [inputs, weights] : {std::pair(1e30f, 1.0f), std::pair(1e-30f, 1.0f), std::pair(1.0f, 1e30f),
                                        std::pair(1.0f, 1e-30f), std::pair(1e30f, 1e-30f), std::pair(1e-18f, 1e-12f)}) {
    Sample sample = MakeSample(40, 17, 3, 6, 7);
    FillNormal(sample.input.data, inputs, rng);
    FillNormal(sample.weights, weights, rng);
    for (const std::string& isa : AllTargets()) {
      for (const Numerics numerics : kWithMatrix) {
        const double error = ErrorOf(sample, OutputsOf(sample, isa, numerics, Algorithm::kMatrix));
        EXPECT_LT(error, Promised(numerics)) << isa << " " << inputs << " " << weights;
      }
    }
  }
}

// AMX reads whole tiles of lines, also past the end of a row and of the strip. What is there must not matter.
TEST(MatrixNumerics, MemoryAfterTheStripDoesNotMatter) {
  std::mt19937 rng(7);
  for (const int64_t width : {1, 3, 15, 16, 17, 31, 33, 47}) {
    Sample sample = MakeSample(35, 20, 3, 2, width);
    FillNormal(sample.input.data, 1, rng);
    FillNormal(sample.weights, 1, rng);
    for (const std::string& isa : AllTargets()) {
      OperatorOptions options;
      options.isa = isa;
      const StatusOr<Operator> op = CreateConv(sample.attributes, sample.weights.data(), nullptr, options);
      PlanOptions plan_options;
      plan_options.algorithm = Algorithm::kMatrix;
      const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, 35, 2, width), plan_options);
      std::vector<std::vector<float>> outputs;
      for (const int fill : {0x00, 0xFF, 0x7F}) {  // bytes: zeros, NaNs, huge numbers
        std::vector<unsigned char> memory(plan->workspace_bytes() + kWorkspaceAlignment,
                                          static_cast<unsigned char>(fill));
        RunOptions run_options;
        void* workspace = memory.data();
        size_t bytes = memory.size();
        run_options.workspace = std::align(kWorkspaceAlignment, plan->workspace_bytes(), workspace, bytes);
        run_options.workspace_bytes = plan->workspace_bytes();
        outputs.emplace_back(static_cast<size_t>(20 * 2 * width));
        ASSERT_TRUE(plan->Run(sample.input.data.data(), outputs.back().data(), run_options).ok());
      }
      EXPECT_EQ(outputs[1], outputs[0]) << isa << " width " << width;
      EXPECT_EQ(outputs[2], outputs[0]) << isa << " width " << width;
    }
  }
}

// An infinity changes the outputs that read it, and no bit of the others, although AMX computes 32 pixels at once.
TEST(MatrixNumerics, InfinitiesStayInTheirOutputs) {
  std::mt19937 rng(8);
  Sample sample = MakeSample(33, 20, 1, 1, 50);
  FillNormal(sample.input.data, 1, rng);
  FillNormal(sample.weights, 1, rng);
  const std::string isa = SupportedTargets().front() + "+amx";
  for (const Numerics numerics : kWithMatrix) {
    const std::vector<float> before = OutputsOf(sample, isa, numerics, Algorithm::kMatrix);
    for (const int64_t pixel : {0, 15, 16, 31, 32, 49}) {
      Sample with = sample;
      with.input.data[static_cast<size_t>(7 * 50 + pixel)] = kInfinity;
      const std::vector<float> output = OutputsOf(with, isa, numerics, Algorithm::kMatrix);
      for (size_t i = 0; i < output.size(); ++i) {
        if (static_cast<int64_t>(i) % 50 == pixel) {
          EXPECT_EQ(std::fabs(output[i]), kInfinity) << pixel << " " << i;
          EXPECT_EQ(output[i] > 0, sample.weights[i / 50 * 33 + 7] > 0) << pixel << " " << i;
        } else {
          EXPECT_EQ(output[i], before[i]) << pixel << " " << i;
        }
      }
    }
  }
}

// The arithmetic is the same everywhere but with AMX: that of AVX512_BF16. Where denormal numbers are not flushed,
// numbers are not so small that it matters here.
TEST(MatrixNumerics, EveryTargetHasTheSameBits) {
  std::mt19937 rng(6);
  for (const int64_t ic : {1, 2, 31, 64, 97}) {
    for (const int64_t oc : {5, 16, 40}) {
      for (const int64_t k : {1, 3}) {
        Sample sample = MakeSample(ic, oc, k, 5, 33);
        FillNormal(sample.input.data, 1, rng);
        FillNormal(sample.weights, 1, rng);
        for (const Numerics numerics : kWithMatrix) {
          const std::vector<float> expected = OutputsOf(sample, "scalar", numerics, Algorithm::kMatrix);
          for (const std::string& isa : AllTargets()) {
            if (IsAmx(isa)) continue;
            EXPECT_EQ(OutputsOf(sample, isa, numerics, Algorithm::kMatrix), expected)
                << isa << " ic " << ic << " oc " << oc << " k " << k;
          }
        }
      }
    }
  }
}

// ---- Special values

// An infinity times a weight whose lower parts are 0, or have the other sign, is an infinity. The weights, and the
// largest numbers, are rounded up to bf16 or become infinities of bf16, and are not.
TEST(MatrixNumerics, InfinitiesAndTheLargestNumbers) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  const std::vector<float> weights = {0.5f, -0.5f, 1.0f / 3, 0.7f, -0.1f, 0x1.FEp-1f, 0x1.FFp-1f, 1.0f};
  const std::vector<float> inputs = {kInfinity, -kInfinity, kNan, kLargest, -kLargest, 3.39e38f, 1.0f, 0x1.FFFFFEp0f};
  Sample sample = MakeSample(1, static_cast<int64_t>(weights.size()), 1, 1, static_cast<int64_t>(inputs.size()));
  sample.weights = weights;
  sample.input.data = inputs;
  for (const std::string& isa : AllTargets()) {
    for (const Numerics numerics : kWithMatrix) {
      const std::vector<float> output = OutputsOf(sample, isa, numerics, Algorithm::kMatrix);
      for (size_t i = 0; i < output.size(); ++i) {
        const float product = weights[i / inputs.size()] * inputs[i % inputs.size()];
        SCOPED_TRACE(isa + " " + std::to_string(weights[i / inputs.size()]) + " * " +
                     std::to_string(inputs[i % inputs.size()]));
        if (std::isnan(product)) {
          EXPECT_TRUE(std::isnan(output[i])) << output[i];
        } else if (std::isinf(product)) {
          EXPECT_EQ(output[i], product);
        } else {
          // What is cut instead of rounded is off by 2^-7 of its value at most.
          const double most = numerics == Numerics::kBf16 ? 0x1p-6 : numerics == Numerics::kFast ? 0x1p-13 : 0x1p-21;
          EXPECT_NEAR(output[i], product, most * std::fabs(static_cast<double>(product)));
        }
      }
    }
  }
}

// Infinities and NaNs as weights.
TEST(MatrixNumerics, WeightsThatAreNotFinite) {
  const std::vector<float> weights = {kInfinity, -kInfinity, kNan};
  const std::vector<float> inputs = {1.0f / 3, -0.7f, 0.0f, 2.0f};
  Sample sample = MakeSample(1, 3, 1, 1, 4);
  sample.weights = weights;
  sample.input.data = inputs;
  for (const std::string& isa : AllTargets()) {
    for (const Numerics numerics : kWithMatrix) {
      const std::vector<float> output = OutputsOf(sample, isa, numerics, Algorithm::kMatrix);
      for (size_t i = 0; i < output.size(); ++i) {
        const float product = weights[i / 4] * inputs[i % 4];
        if (std::isnan(product)) {
          EXPECT_TRUE(std::isnan(output[i])) << isa << " " << i << " " << output[i];
        } else {
          EXPECT_EQ(output[i], product) << isa << " " << i;
        }
      }
    }
  }
}

// Denormal numbers count as zeros where the CPU can flush them, or as what they are.
TEST(MatrixNumerics, Denormals) {
  const std::vector<float> weights = {1.0f, 0x1p-130f, 0x1p20f};
  const std::vector<float> inputs = {0x1p-130f, 0x1.234p-127f, 1.0f, 0x1p-100f};
  Sample sample = MakeSample(1, 3, 1, 1, 4);
  sample.weights = weights;
  sample.input.data = inputs;
  for (const std::string& isa : AllTargets()) {
    for (const Numerics numerics : kWithMatrix) {
      const std::vector<float> output = OutputsOf(sample, isa, numerics, Algorithm::kMatrix);
      for (size_t i = 0; i < output.size(); ++i) {
        const float weight = weights[i / 4], input = inputs[i % 4];
        const bool denormal = weight < 0x1p-126f || input < 0x1p-126f || weight * input < 0x1p-126f;
        if (denormal && output[i] == 0) continue;
        EXPECT_NEAR(output[i], weight * input, weight * input * 0x1p-8) << isa << " " << weight << " * " << input;
      }
    }
  }
}

// ---- State

#if defined(__x86_64__) && defined(__linux__) && (defined(__clang__) || __GNUC__ >= 11)
// Returns the palette of the calling thread's tile registers: 0 where they are not in use.
__attribute__((target("amx-tile"))) int TilePalette() {
  alignas(64) unsigned char config[64] = {0xFF};
  __asm__ volatile("sttilecfg %0" : "=m"(config));
  return config[0];
}

TEST(MatrixState, TileRegistersAreReleased) {
  if (Bf16Instruction() != std::string("tdpbf16ps")) GTEST_SKIP() << "no AMX";
  Sample sample = MakeSample(64, 32, 1, 4, 40);
  for (const Numerics numerics : kWithMatrix) {
    const std::vector<float> output = OutputsOf(sample, "", numerics, Algorithm::kMatrix);
    EXPECT_EQ(TilePalette(), 0);
  }
}

// A child has the permission of its parent.
TEST(MatrixState, ChildrenOfAFork) {
  std::mt19937 rng(9);
  Sample sample = MakeSample(64, 32, 1, 4, 40);
  FillNormal(sample.input.data, 1, rng);
  FillNormal(sample.weights, 1, rng);
  const std::vector<float> expected = OutputsOf(sample, "", Numerics::kDefault, Algorithm::kMatrix);
  OperatorOptions options;
  const StatusOr<Operator> op = CreateConv(sample.attributes, sample.weights.data(), nullptr, options);
  PlanOptions plan_options;
  plan_options.algorithm = Algorithm::kMatrix;
  plan_options.num_threads = 1;
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, 64, 4, 40), plan_options);
  const pid_t child = fork();
  if (child == 0) {
    std::vector<float> output(expected.size());
    _exit(plan->Run(sample.input.data.data(), output.data()).ok() && output == expected ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}
#endif

// ---- Choice

StatusOr<Operator> Create(const Sample& sample, const std::string& isa, Numerics numerics) {
  OperatorOptions options;
  options.isa = isa;
  options.numerics = numerics;
  return CreateConv(sample.attributes, sample.weights.data(), nullptr, options);
}

TEST(MatrixChoice, IsWhatPlansSay) {
  const Sample sample = MakeSample(64, 64, 1, 32, 32);
  const TensorDesc input = TensorDesc::Nchw(1, 64, 32, 32);
  const auto describe = [&](Numerics numerics, Algorithm algorithm) {
    return DescribePlan(Create(sample, SupportedTargets().front(), numerics), input, algorithm);
  };
  constexpr const char* kTwin = "bf16 products by f32 multiply-adds";
  EXPECT_NE(describe(Numerics::kDefault, Algorithm::kMatrix).find(std::string("matrix, 6 ") + kTwin),
            std::string::npos);
  EXPECT_NE(describe(Numerics::kFast, Algorithm::kMatrix).find(std::string("matrix, 3 ") + kTwin), std::string::npos);
  EXPECT_NE(describe(Numerics::kBf16, Algorithm::kMatrix).find("matrix, 1 bf16 product by f32"), std::string::npos);
  // Without an instruction for it, f32 is quicker.
  for (const Numerics numerics : kWithMatrix) {
    EXPECT_NE(describe(numerics, Algorithm::kAuto).find("subpixel"), std::string::npos);
  }
}

// The name of a target excludes instructions that multiply bf16, unless it says otherwise. Without a name they are
// used.
TEST(MatrixChoice, InstructionsAreThoseOfTheIsa) {
  const Sample sample = MakeSample(64, 64, 1, 32, 32);
  const TensorDesc input = TensorDesc::Nchw(1, 64, 32, 32);
  const std::string instruction = Bf16Instruction();
  const std::string native = " 1 bf16 product by " + (instruction.empty() ? "f32 multiply-adds" : instruction);
  const auto describe = [&](const std::string& isa) {
    return DescribePlan(Create(sample, isa, Numerics::kBf16), input, Algorithm::kMatrix);
  };
  const std::string best = SupportedTargets().front();
  if (std::getenv("POLYPHASE_ISA") == nullptr) {
    EXPECT_NE(describe("").find(native), std::string::npos) << describe("");
    EXPECT_NE(describe(best + "+amx").find(native), std::string::npos) << describe(best + "+amx");
    EXPECT_NE(describe(best + "+AMX").find(native), std::string::npos);
    // AMX comes with AVX512_BF16.
    const std::string vectors = instruction == "tdpbf16ps" ? " 1 bf16 product by vdpbf16ps" : native;
    EXPECT_NE(describe(best + "+bf16").find(vectors), std::string::npos) << describe(best + "+bf16");
    EXPECT_NE(describe(best + "+BF16").find(vectors), std::string::npos);
  }
  EXPECT_NE(describe(best).find("f32 multiply-adds"), std::string::npos);
  EXPECT_NE(describe("scalar+bf16").find("f32 multiply-adds"), std::string::npos);
  EXPECT_NE(describe(best + "+bf17").find("must be one of the compiled targets"), std::string::npos);
}

// The CPU's instructions make one product worthwhile, and no more.
TEST(MatrixChoice, TakesNativeProducts) {
  const Sample sample = MakeSample(64, 64, 1, 32, 32);
  const TensorDesc input = TensorDesc::Nchw(1, 64, 32, 32);
  const std::string isa = SupportedTargets().front() + "+bf16";
  const std::string native = DescribePlan(Create(sample, isa, Numerics::kBf16), input, Algorithm::kMatrix);
  if (native.find("f32 multiply-adds") != std::string::npos) GTEST_SKIP() << "this CPU does not multiply bf16";
  EXPECT_NE(DescribePlan(Create(sample, isa, Numerics::kBf16), input, Algorithm::kAuto).find("matrix, 1 bf16 product"),
            std::string::npos);
  for (const Numerics numerics : {Numerics::kStrict, Numerics::kDefault, Numerics::kFast}) {
    EXPECT_NE(DescribePlan(Create(sample, isa, numerics), input, Algorithm::kAuto).find("subpixel"), std::string::npos);
  }
}

TEST(MatrixChoice, AppliesToWhatItSays) {
  const Sample sample = MakeSample(64, 64, 1, 32, 32);
  const TensorDesc input = TensorDesc::Nchw(1, 64, 32, 32);
  const std::string strict = DescribePlan(Create(sample, "", Numerics::kStrict), input, Algorithm::kMatrix);
  EXPECT_NE(strict.find("algorithm = kMatrix (5): must be one that this conv has: auto, subpixel; kMatrix (5) needs "
                        "numerics other than kStrict"),
            std::string::npos)
      << strict;
  Sample depthwise = MakeSample(64, 64, 3, 32, 32);
  depthwise.attributes.groups = 64;
  EXPECT_NE(DescribePlan(Create(depthwise, "", Numerics::kBf16), input, Algorithm::kMatrix).find("must be one"),
            std::string::npos);
}

// Weights for it are made when a plan asks for them, also where those of f32 are the only ones that were kept.
TEST(MatrixChoice, WeightsAreMadeOnDemand) {
  const Sample sample = MakeSample(64, 64, 1, 32, 32);
  const TensorDesc input = TensorDesc::Nchw(1, 64, 32, 32);
  const StatusOr<Operator> op = Create(sample, SupportedTargets().front(), Numerics::kDefault);
  const auto held = [&] {
    const std::string text = op->Describe();
    const size_t end = text.find(" bytes of weights held");
    return std::stoll(text.substr(text.rfind(' ', end - 1) + 1));
  };
  const long long before = held();
  EXPECT_LT(before, 64 * 64 * 4 + 1024);
  ASSERT_NE(DescribePlan(op, input, Algorithm::kMatrix).find("matrix"), std::string::npos);
  EXPECT_GE(held(), before + 64 * 64 * 6);
}

}  // namespace
}  // namespace polyphase::testing
