// What tiles of AMX have that other matrix tiles have not: sums of their own order, sums that are computed again by
// vectors, registers that tasks take and release, and a permission of Linux. Skipped on CPUs without AMX.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/conv.h"
#include "tests/testers/harness.h"

#if defined(__x86_64__) && defined(__linux__) && (defined(__clang__) || __GNUC__ >= 11)
#include <csignal>
#include <cstdlib>

namespace polyphase::testing {
namespace {

constexpr Numerics kWithMatrix[] = {Numerics::kDefault, Numerics::kFast, Numerics::kBf16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

int ProductsOf(Numerics numerics) { return numerics == Numerics::kDefault ? 6 : numerics == Numerics::kFast ? 3 : 1; }

class MatrixAmx : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Bf16Instruction() != std::string("tdpbf16ps")) GTEST_SKIP() << "no AMX";
    best_ = SupportedTargets().front();
  }
  std::string twin() const { return best_; }
  std::string vectors() const { return best_ + "+bf16"; }
  std::string amx() const { return best_ + "+amx"; }

 private:
  std::string best_;
};

// A convolution with normal inputs and weights that keeps the size.
struct Layer {
  Layer(int64_t n, int64_t ic, int64_t oc, int64_t k, int64_t h, int64_t w, uint32_t seed) : input(n, ic, {1, h, w}) {
    attributes.input_channels = ic;
    attributes.output_channels = oc;
    attributes.kernel = {k, k};
    attributes.padding_begin = attributes.padding_end = {k / 2, k / 2};
    weights.resize(static_cast<size_t>(oc * ic * k * k));
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal;
    for (std::vector<float>* values : {&input.data, &weights}) {
      for (float& v : *values) v = normal(rng);
    }
  }

  Plan MakePlan(const std::string& isa, Numerics numerics, Algorithm algorithm = Algorithm::kMatrix,
                const Runtime& runtime = Runtime(), size_t threads = 1) const {
    OperatorOptions options;
    options.isa = isa;
    options.numerics = numerics;
    options.runtime = runtime;
    PlanOptions plan_options;
    plan_options.algorithm = algorithm;
    plan_options.num_threads = threads;
    return *CreateConv(attributes, weights.data(), nullptr, options)
                ->MakePlan(TensorDesc::Nchw(input.n, input.c, input.h, input.w), plan_options);
  }
  std::vector<float> Run(const Plan& plan, const RunOptions& options = {}) const {
    std::vector<float> output(static_cast<size_t>(input.n * attributes.output_channels * input.h * input.w));
    EXPECT_TRUE(plan.Run(input.data.data(), output.data(), options).ok());
    return output;
  }
  std::vector<float> Outputs(const std::string& isa, Numerics numerics,
                             Algorithm algorithm = Algorithm::kMatrix) const {
    return Run(MakePlan(isa, numerics, algorithm));
  }

  ConvAttributes attributes;
  ref::Tensor<float> input;
  std::vector<float> weights;
};

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// ---- Values

// The operands of both are the same parts, so that only roundings of sums differ: t + 4 of f32 sums and 0.06 t + 2 of
// the second one, and one of AMX for each product of a term at most, all relative to magnitudes that are 2 % larger
// with the parts. A product of other parts is off by 2^-8 of its value with one part, and 2^-16 with two.
TEST_F(MatrixAmx, RowsAreThoseOfF32MultiplyAdds) {
  for (const Numerics numerics : kWithMatrix) {
    for (int64_t width = 1; width <= 70; ++width) {
      for (const int64_t oc : {16, 17, 32}) {
        const int64_t ic = width % 3 == 0 ? 1 : width % 3 == 1 ? 33 : 64;
        const Layer layer(1, ic, oc, width % 2 == 0 ? 1 : 3, 2, width, static_cast<uint32_t>(width));
        const ref::ConvResult expected = ref::Conv(layer.attributes, layer.input, layer.weights.data(), nullptr);
        const std::vector<float> tiles = layer.Outputs(amx(), numerics);
        const std::vector<float> f32 = layer.Outputs(twin(), numerics);
        for (size_t i = 0; i < tiles.size(); ++i) {
          const auto t = static_cast<double>(expected.terms[i % expected.terms.size()]);
          const double roundings = t + 4 + 0.06 * t + 2 + ProductsOf(numerics) * t;
          ASSERT_NEAR(tiles[i], f32[i], 1.02 * roundings * 0x1p-24 * expected.magnitude.data[i])
              << "width " << width << " ic " << ic << " oc " << oc << " products " << ProductsOf(numerics) << " at "
              << i;
        }
      }
    }
  }
}

// Where a sum is not finite, all columns of its tile are computed again by vectors, and no column of another tile.
TEST_F(MatrixAmx, SumsThatAreNotFiniteAreThoseOfVectors) {
  constexpr int64_t kIc = 40, kOc = 70, kFirst = 32, kLast = 64;  // the columns of the second tile
  for (const Numerics numerics : {Numerics::kDefault, Numerics::kFast}) {
    for (const int64_t width : {7, 16, 17, 45}) {
      const Layer layer(1, kIc, kOc, 1, 1, width, 5);
      const std::vector<float> finite = layer.Outputs(amx(), numerics);
      for (const float value : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
        for (const int64_t channel : {37, 50}) {  // of either vector of the tile
          Layer with = layer;
          with.weights[static_cast<size_t>(channel * kIc + 3)] = value;
          const std::vector<float> output = with.Outputs(amx(), numerics);
          const std::vector<float> of_vectors = with.Outputs(vectors(), numerics);
          const std::vector<float> direct = with.Outputs(twin(), Numerics::kStrict, Algorithm::kSubpixel);
          for (size_t i = 0; i < output.size(); ++i) {
            const int64_t c = static_cast<int64_t>(i) / width;
            SCOPED_TRACE("width " + std::to_string(width) + " channel " + std::to_string(c) + " value " +
                         std::to_string(value) + " in " + std::to_string(channel));
            if (c != channel) {
              ASSERT_EQ(output[i], kFirst <= c && c < kLast ? of_vectors[i] : finite[i]);
            } else if (std::isnan(direct[i])) {
              ASSERT_TRUE(std::isnan(output[i])) << output[i];
            } else {
              ASSERT_EQ(output[i], direct[i]);
            }
          }
        }
      }
    }
  }
}

// An input counts as 0 if it is denormal, and so do parts and products that are.
TEST_F(MatrixAmx, DenormalNumbersAreZeros) {
  for (const Numerics numerics : kWithMatrix) {
    Layer layer(1, 2, 16, 1, 1, 20, 1);
    std::fill(layer.weights.begin(), layer.weights.end(), 1.0f);
    std::fill(layer.input.data.begin(), layer.input.data.end(), 0x1.8p-127f);
    for (const float v : layer.Outputs(amx(), numerics)) ASSERT_EQ(v, 0.0f);
    std::fill(layer.weights.begin(), layer.weights.end(), 0x1p-70f);
    std::fill(layer.input.data.begin(), layer.input.data.end(), 0x1p-60f);
    for (const float v : layer.Outputs(amx(), numerics)) ASSERT_EQ(v, 0.0f);
    // The largest numbers of this kind that are not.
    std::fill(layer.input.data.begin(), layer.input.data.end(), 0x1p-56f);
    for (const float v : layer.Outputs(amx(), numerics)) ASSERT_EQ(v, 0x1p-125f);
  }
}

// Tiles read whole: what is beyond a row of images, of joined phases or of the strip has no effect.
TEST_F(MatrixAmx, OldWorkspaceHasNoEffect) {
  for (const Layer& layer : {Layer(17, 34, 20, 3, 1, 1, 1), Layer(3, 34, 40, 3, 3, 2, 2), Layer(1, 20, 2, 3, 5, 37, 3),
                             Layer(2, 96, 33, 3, 9, 15, 4)}) {
    for (const Numerics numerics : kWithMatrix) {
      const Plan plan = layer.MakePlan(amx(), numerics);
      std::vector<std::vector<float>> outputs;
      for (const unsigned char byte : {0x00, 0xFF, 0x7F}) {  // zeros, NaNs, huge numbers
        std::vector<unsigned char> memory(plan.workspace_bytes() + kWorkspaceAlignment, byte);
        void* workspace = memory.data();
        size_t bytes = memory.size();
        RunOptions options;
        options.workspace = std::align(kWorkspaceAlignment, plan.workspace_bytes(), workspace, bytes);
        options.workspace_bytes = plan.workspace_bytes();
        outputs.push_back(layer.Run(plan, options));
      }
      EXPECT_TRUE(SameBits(outputs[0], outputs[1])) << plan.Describe();
      EXPECT_TRUE(SameBits(outputs[0], outputs[2])) << plan.Describe();
    }
  }
}

// ---- State

// Returns the palette of the calling thread's tile registers, 0 where they are not in use.
__attribute__((target("amx-tile"))) int TilePalette() {
  alignas(64) unsigned char config[64] = {0xFF};
  __asm__ volatile("sttilecfg %0" : "=m"(config));
  return config[0];
}

// Tasks that run in the calling thread, and in those of a runner.
TEST_F(MatrixAmx, TasksReleaseTheRegisters) {
  struct Runner {
    int tasks = 0, held = 0;
  } runner;
  Runtime runtime;
  runtime.context = &runner;
  runtime.num_threads = 4;
  runtime.parallel_for = [](void* context, size_t count, pph_task task, void* task_context) {
    auto* const self = static_cast<Runner*>(context);
    for (size_t i = 0; i < count; ++i) {
      task(task_context, i);
      ++self->tasks;
      self->held += TilePalette() != 0;
    }
  };
  const Layer layer(1, 64, 64, 3, 40, 64, 2);
  for (const Numerics numerics : kWithMatrix) {
    const Plan plan = layer.MakePlan(amx(), numerics, Algorithm::kMatrix, runtime, 4);
    EXPECT_TRUE(SameBits(layer.Run(plan), layer.Outputs(amx(), numerics)));
    EXPECT_EQ(TilePalette(), 0);
  }
  EXPECT_GE(runner.tasks, 6);
  EXPECT_EQ(runner.held, 0);
}

// Linux refuses the registers where a thread has a signal stack that is too small for them, and vectors are used. The
// process must not have asked before, so that this test has no fixture; without AMX there is nothing to refuse.
TEST(MatrixAmxDeathTest, SmallSignalStacks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  static char stack[8192];  // enough for AVX-512
  EXPECT_EXIT(
      {
        stack_t signals{};
        signals.ss_sp = stack;
        signals.ss_size = sizeof(stack);
        if (sigaltstack(&signals, nullptr) != 0) std::exit(3);
        const Layer layer(1, 64, 32, 1, 2, 20, 1);
        const std::vector<float> output = layer.Outputs("", Numerics::kDefault);
        const bool refused = Bf16Instruction() != std::string("tdpbf16ps");
        std::exit(refused && SameBits(output, layer.Outputs(SupportedTargets().front(), Numerics::kDefault)) ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace polyphase::testing
#endif
