// Proves with a hook in malloc that Run allocates nothing when it is given a workspace. A binary of its own.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"

// Sanitizers have allocators of their own.
#if !defined(POLYPHASE_TEST_ASAN) && !defined(POLYPHASE_TEST_TSAN) && defined(__GLIBC__)
#define POLYPHASE_TEST_MALLOC_HOOK 1
#include "tests/testers/heap_calls.h"
#endif

namespace polyphase::testing {
namespace {

#ifndef POLYPHASE_TEST_MALLOC_HOOK
template <class Body>
int64_t HeapCallsOf(const Body&) {
  return 0;  // the tests are skipped
}
#endif

struct Work {
  std::string name;
  Plan plan;
  std::vector<float> input, output;
  std::vector<int64_t> indices;  // all 0
  std::vector<float> mask;
};

// Every op, algorithm and layout with each input and output.
std::vector<Work> AllWork(const Runtime& runtime) {
  OperatorOptions options;
  options.runtime = runtime;
  ConvTransposeAttributes conv;
  conv.input_channels = 20;
  conv.output_channels = 18;
  conv.kernel = {4, 4, 1};
  conv.stride = {2, 2, 1};
  conv.padding_begin = conv.padding_end = {1, 1, 0};
  conv.epilogue.activation = Activation::kRelu;
  const std::vector<float> weights(20 * 18 * 16, 0.5f);
  ConvTransposeAttributes depthwise = conv;
  depthwise.output_channels = depthwise.groups = 20;
  ConvAttributes plain;
  plain.input_channels = plain.output_channels = 20;
  plain.kernel = {3, 3};
  plain.padding_begin = plain.padding_end = {1, 1};
  ConvAttributes nearest_conv = plain;
  nearest_conv.upsample = {2, 2};
  nearest_conv.kernel = {5, 5};
  nearest_conv.padding_begin = nearest_conv.padding_end = {2, 2};
  nearest_conv.padding_mode = PaddingMode::kReflect;
  nearest_conv.output_channels = 8;
  ConvAttributes shuffled_conv = plain;
  shuffled_conv.shuffle = {2, 2};
  ConvAttributes depthwise_conv = plain;
  depthwise_conv.groups = 20;
  ResizeAttributes cubic = ResizeAttributes::PyTorch(PyTorchMode::kBicubic);
  cubic.size = {13, 31, 0};
  ResizeAttributes linear;
  linear.scale = {2, 2, 0};
  ResizeAttributes antialias = ResizeAttributes::Pillow(ResizeMode::kLanczos);
  antialias.scale = {0.4, 0.7, 0};
  ResizeAttributes nearest = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  nearest.scale = {2, 2, 0};
  ResizeAttributes pointwise = linear;
  pointwise.pointwise = {weights.data(), weights.data(), 20, 18};
  const std::vector<std::pair<std::string, Operator>> operators = {
      {"conv_transpose", *CreateConvTranspose(conv, weights.data(), nullptr, options)},
      {"depthwise", *CreateConvTranspose(depthwise, weights.data(), nullptr, options)},
      {"conv", *CreateConv(plain, weights.data(), nullptr, options)},
      {"nearest conv", *CreateConv(nearest_conv, weights.data(), nullptr, options)},
      {"shuffled conv", *CreateConv(shuffled_conv, weights.data(), nullptr, options)},
      {"depthwise conv", *CreateConv(depthwise_conv, weights.data(), nullptr, options)},
      {"cubic", *CreateResize(cubic, options)},
      {"linear", *CreateResize(linear, options)},
      {"nearest", *CreateResize(nearest, options)},
      {"pointwise", *CreateResize(pointwise, options)},
      {"antialias", *CreateResize(antialias, options)},
      {"pixel_shuffle", *CreatePixelShuffle({}, options)},
      {"convert", *CreateConvert(options)},
      {"max_pool", *CreateMaxPool({}, options)},
      {"avg_pool", *CreateAvgPool({}, options)},
      {"avg_unpool", *CreateAvgUnpool({}, options)},
      {"max_unpool by comparison", *CreateMaxUnpool({PoolWindow(), IndexConvention::kWindow}, options)},
      {"max_unpool by scattering", *CreateMaxUnpool({}, options)},
      {"convex_upsample", *CreateConvexUpsample({}, options)},
      {"convex_upsample by 2", *CreateConvexUpsample({2}, options)},
  };
  std::vector<Work> work;
  for (const auto& [name, op] : operators) {
    for (const FormatPair& formats : AllFormatPairs()) {
      for (const Algorithm algorithm : {Algorithm::kAuto, Algorithm::kSubpixel, Algorithm::kGemmCol2im}) {
        const bool has_choice = name == "conv_transpose" || name == "depthwise";
        if (!has_choice && algorithm != Algorithm::kAuto) continue;
        PlanOptions plan_options;
        plan_options.algorithm = algorithm;
        plan_options.num_threads = 2;
        plan_options.output = MakeDesc(DataType::kF32, formats.second, 0, 0, 0, 0);
        const Plan plan = *op.MakePlan(MakeDesc(DataType::kF32, formats.first, 2, 20, 9, 11), plan_options);
        work.push_back(
            {name + " " + Name(formats.first) + " -> " + Name(formats.second) + ": " + plan.Describe(), plan,
             std::vector<float>(static_cast<size_t>(ref::Extent(plan.input()))),
             std::vector<float>(static_cast<size_t>(ref::Extent(plan.output()))),
             std::vector<int64_t>(plan.indices() != nullptr ? static_cast<size_t>(ref::Extent(*plan.indices())) : 0),
             std::vector<float>(plan.mask() != nullptr ? static_cast<size_t>(ref::Extent(*plan.mask())) : 0)});
      }
    }
  }
  return work;
}

// Heap calls of `times` runs.
int64_t HeapCallsOfRuns(Work& work, int times) {
  Workspace workspace(work.plan.workspace_bytes());
  RunOptions options;
  options.workspace = workspace.data();
  options.workspace_bytes = workspace.bytes();
  options.input_indices = options.output_indices = work.indices.data();
  options.mask = work.mask.data();
  bool ok = true;
  const int64_t count = HeapCallsOf([&] {
    for (int i = 0; i < times; ++i) ok = work.plan.Run(work.input.data(), work.output.data(), options).ok() && ok;
  });
  EXPECT_TRUE(ok) << work.name;
  return count;
}

class Allocation : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef POLYPHASE_TEST_MALLOC_HOOK
    GTEST_SKIP() << "no malloc hook in this build";
#endif
  }
};

TEST_F(Allocation, TheHookCounts) {
  // Volatile pointers, so that no allocation is optimised away.
  EXPECT_EQ(HeapCallsOf([] {}), 0);
  EXPECT_EQ(HeapCallsOf([] {
              void* volatile p = std::malloc(10);
              std::free(p);
            }),
            2);
  EXPECT_GE(HeapCallsOf([] {
              void* volatile p = ::operator new(10);
              ::operator delete(p);
            }),
            1);
  EXPECT_GE(HeapCallsOf([] {
              void* volatile p = ::operator new (100, std::align_val_t{64});
              ::operator delete (p, std::align_val_t{64});
            }),
            1);
}

TEST_F(Allocation, NoneWithASerialRunner) {
  Runtime runtime;
  runtime.num_threads = 2;
  runtime.parallel_for = [](void*, size_t count, pph_task task, void* task_context) {
    for (size_t i = 0; i < count; ++i) task(task_context, i);
  };
  for (Work& work : AllWork(runtime)) EXPECT_EQ(HeapCallsOfRuns(work, 3), 0) << work.name;
}

// oneTBB may allocate for itself at times, in its workers: what Run itself allocated would be there every time.
TEST_F(Allocation, NoneWithTheDefaultThreadsOnceTheyAreWarm) {
  const int attempts = std::string(DefaultThreadPool()) == "tbb" ? 20 : 1;
  for (Work& work : AllWork(Runtime())) {
    HeapCallsOfRuns(work, 3);
    int64_t least = INT64_MAX;
    for (int attempt = 0; attempt < attempts && least != 0; ++attempt)
      least = std::min(least, HeapCallsOfRuns(work, 3));
    EXPECT_EQ(least, 0) << work.name;
  }
}

}  // namespace
}  // namespace polyphase::testing
