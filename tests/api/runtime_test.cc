// Threads, memory and targets: injected runners and allocators, sharing between threads, the choice of the ISA.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"
#include "tests/testers/runtime_layer.h"

namespace polyphase::testing {
namespace {

// Many output channels, few, and one for each input: there are forms of the weights for each.
constexpr int64_t kOutputChannels[] = {20, 2, ConvLayer::kIc};

constexpr Algorithm kAlgorithms[] = {Algorithm::kSubpixel, Algorithm::kGemmCol2im, Algorithm::kMatrix};

// ---- Runners

struct Recorder {
  std::atomic<int> calls{0};
  std::atomic<size_t> most{0};  // the largest count that was asked for
  std::atomic<size_t> tasks{0};
  std::mutex mutex;
  std::set<std::thread::id> threads;

  static void ParallelFor(void* context, size_t count, pph_task task, void* task_context) {
    auto* self = static_cast<Recorder*>(context);
    ++self->calls;
    if (count > self->most) self->most = count;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < count; ++i) {
      threads.emplace_back([=] {
        ++self->tasks;
        {
          const std::lock_guard<std::mutex> lock(self->mutex);
          self->threads.insert(std::this_thread::get_id());
        }
        task(task_context, i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  Runtime MakeRuntime(size_t num_threads) {
    Runtime runtime;
    runtime.context = this;
    runtime.num_threads = num_threads;
    runtime.parallel_for = ParallelFor;
    return runtime;
  }
};

TEST(Runtime, InjectedRunnerRunsTheTasks) {
  const ConvLayer layer;
  for (const Algorithm algorithm : kAlgorithms) {
    Recorder recorder;
    OperatorOptions options;
    options.runtime = recorder.MakeRuntime(4);
    PlanOptions plan_options;
    plan_options.algorithm = algorithm;
    const Plan plan = *layer.Create(options)->MakePlan(layer.Input(), plan_options);
    EXPECT_EQ(recorder.calls, 0);
    std::vector<float> output = layer.Output();
    ASSERT_TRUE(plan.Run(layer.input.data(), output.data()).ok());
    EXPECT_GE(recorder.calls, 1);
    EXPECT_GE(recorder.most, 2u) << "no two tasks at once: " << plan.Describe();
    EXPECT_LE(recorder.most, 4u) << plan.Describe();
    EXPECT_GE(recorder.threads.size(), 2u);
    EXPECT_EQ(output, layer.Expected(plan_options));
  }
}

TEST(Runtime, RunnersOfAllOps) {
  std::vector<std::function<StatusOr<Operator>(const OperatorOptions&)>> creators = {
      [](const OperatorOptions& o) {
        ResizeAttributes a;
        a.scale = {2, 2, 0};
        return CreateResize(a, o);
      },
      [](const OperatorOptions& o) {
        const std::vector<float> weights(32 * 40, 1.0f / 32);  // of ones, one
        ResizeAttributes a;
        a.scale = {2, 2, 0};
        a.pointwise = {weights.data(), nullptr, 32, 40};
        return CreateResize(a, o);
      },
      [](const OperatorOptions& o) { return CreatePixelShuffle({}, o); },
      [](const OperatorOptions& o) {  // each channel its own, a copy
        ConvAttributes a;
        a.input_channels = a.output_channels = a.groups = 32;
        const std::vector<float> weights(32, 1.0f);
        return CreateConv(a, weights.data(), nullptr, o);
      },
      [](const OperatorOptions& o) {
        ConvAttributes a;
        a.input_channels = 32;
        a.output_channels = 16;
        a.upsample = {1, 2};
        a.shuffle = {2, 2};
        const std::vector<float> weights(32 * 16, 1.0f / 32);
        return CreateConv(a, weights.data(), nullptr, o);
      },
      [](const OperatorOptions& o) { return CreateConvert(o); },
      [](const OperatorOptions& o) { return CreateMaxPool({}, o); },
      [](const OperatorOptions& o) { return CreateAvgPool({}, o); },
      [](const OperatorOptions& o) {
        return CreateAvgUnpool({PoolWindow(), AvgUnpoolMode::kCopy}, o);
      },
      [](const OperatorOptions& o) {  // each window has one tap, number 0
        MaxUnpoolAttributes a;
        a.window.kernel = a.window.stride = {1, 1, 1};
        a.index_convention = IndexConvention::kWindow;
        return CreateMaxUnpool(a, o);
      },
      [](const OperatorOptions& o) {  // the mask below has each output take its own pixel
        return CreateConvexUpsample({1, 1.0f, 1.0f}, o);
      }};
  for (const auto& create : creators) {
    Recorder recorder;
    OperatorOptions options;
    options.runtime = recorder.MakeRuntime(3);
    PlanOptions plan_options;
    plan_options.output = TensorDesc::Nhwc(0, 0, 0, 0);
    const Plan plan = *create(options)->MakePlan(TensorDesc::Nchw(2, 32, 120, 110), plan_options);
    std::vector<float> input(2 * 32 * 120 * 110, 1.0f);
    std::vector<float> output(static_cast<size_t>(ref::Extent(plan.output())));
    std::vector<int64_t> indices(plan.indices() != nullptr ? static_cast<size_t>(ref::Extent(*plan.indices())) : 0);
    RunOptions run_options;
    run_options.input_indices = run_options.output_indices = indices.data();
    std::vector<float> mask(plan.mask() != nullptr ? 2 * 9 * 120 * 110 : 0);
    for (size_t i = 0; i < mask.size(); ++i) mask[i] = i / (120 * 110) % 9 == 4 ? 0.0f : -1000.0f;
    run_options.mask = mask.data();
    ASSERT_TRUE(plan.Run(input.data(), output.data(), run_options).ok());
    EXPECT_GE(recorder.most, 2u) << plan.Describe();
    EXPECT_LE(recorder.most, 3u) << plan.Describe();
    EXPECT_EQ(output, std::vector<float>(output.size(), 1.0f));
  }
}

TEST(Runtime, PlanOptionsLimitTheThreads) {
  const ConvLayer layer;
  for (const Algorithm algorithm : kAlgorithms) {
    for (const size_t threads : {1, 2, 5}) {
      Recorder recorder;
      OperatorOptions options;
      options.runtime = recorder.MakeRuntime(4);
      PlanOptions plan_options;
      plan_options.algorithm = algorithm;
      plan_options.num_threads = threads;
      const Plan plan = *layer.Create(options)->MakePlan(layer.Input(), plan_options);
      std::vector<float> output = layer.Output();
      ASSERT_TRUE(plan.Run(layer.input.data(), output.data()).ok());
      EXPECT_LE(recorder.most, threads);
      if (threads == 1) {
        EXPECT_EQ(recorder.calls, 0) << "a single task is run directly";
      } else {
        EXPECT_GE(recorder.most, 2u);
      }
      EXPECT_EQ(output, layer.Expected(plan_options));
    }
  }
}

TEST(Runtime, ARunnerWithoutAThreadCountCountsAsOne) {
  const ConvLayer layer;
  Recorder recorder;
  OperatorOptions options;
  options.runtime = recorder.MakeRuntime(0);
  std::vector<float> output = layer.Output();
  ASSERT_TRUE(layer.Create(options)->MakePlan(layer.Input())->Run(layer.input.data(), output.data()).ok());
  EXPECT_EQ(recorder.calls, 0);
  EXPECT_EQ(output, layer.Expected());
}

TEST(Runtime, RunOptionsReplaceTheRunner) {
  const ConvLayer layer;
  Recorder of_operator;
  Recorder of_run;
  OperatorOptions options;
  options.runtime = of_operator.MakeRuntime(4);
  const Plan plan = *layer.Create(options)->MakePlan(layer.Input());
  RunOptions run_options;
  run_options.runtime = of_run.MakeRuntime(4);
  std::vector<float> output = layer.Output();
  ASSERT_TRUE(plan.Run(layer.input.data(), output.data(), run_options).ok());
  EXPECT_EQ(of_operator.calls, 0);
  EXPECT_GE(of_run.calls, 1);
  EXPECT_EQ(output, layer.Expected());
}

// A runner that has one thread and takes the last index first: order and parallelism must not matter.
TEST(Runtime, SerialRunnerInReverse) {
  const ConvLayer layer;
  OperatorOptions options;
  options.runtime.num_threads = 6;
  options.runtime.parallel_for = [](void*, size_t count, pph_task task, void* task_context) {
    for (size_t i = count; i-- > 0;) task(task_context, i);
  };
  for (const Algorithm algorithm : kAlgorithms) {
    PlanOptions plan_options;
    plan_options.algorithm = algorithm;
    std::vector<float> output = layer.Output();
    const Plan plan = *layer.Create(options)->MakePlan(layer.Input(), plan_options);
    ASSERT_TRUE(plan.Run(layer.input.data(), output.data()).ok());
    EXPECT_EQ(output, layer.Expected(plan_options));
  }
}

// Runners that find no memory for threads, or only for some.
TEST(Runtime, ARunnerMayCallFewer) {
  const ConvLayer layer;
  for (const size_t called : {0, 1, 3}) {
    OperatorOptions options;
    size_t calls = called;
    options.runtime.context = &calls;
    options.runtime.num_threads = 4;
    options.runtime.parallel_for = [](void* context, size_t count, pph_task task, void* task_context) {
      for (size_t i = 0; i < *static_cast<size_t*>(context); ++i) task(task_context, count - 1 - i);
    };
    for (const Algorithm algorithm : kAlgorithms) {
      PlanOptions plan_options;
      plan_options.algorithm = algorithm;
      std::vector<float> output = layer.Output();
      const Plan plan = *layer.Create(options)->MakePlan(layer.Input(), plan_options);
      const Status status = plan.Run(layer.input.data(), output.data());
      EXPECT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(output, layer.Expected(plan_options)) << called << " calls";
    }
  }
}

#ifdef __cpp_exceptions

// What a caller injects may throw, at once or when all that it called has returned: every call has a Status, nothing is
// lost, and the next call works.
TEST(Runtime, WhatIsInjectedMayThrow) {
  struct Injected {
    bool throws = false;
    size_t calls = 0;  // of tasks before parallel_for throws
    int64_t live = 0;
    static void ParallelFor(void* context, size_t count, pph_task task, void* task_context) {
      const auto* self = static_cast<Injected*>(context);
      for (size_t i = 0; i < (self->throws ? self->calls : count); ++i) task(task_context, i);
      if (self->throws) throw std::runtime_error("no threads");
    }
    static void* Allocate(void* context, size_t bytes, size_t alignment) {
      if (static_cast<Injected*>(context)->throws) throw 7;
      ++static_cast<Injected*>(context)->live;
      return ::operator new (bytes, std::align_val_t{alignment});
    }
    static void Deallocate(void* context, void* pointer, size_t, size_t alignment) {
      --static_cast<Injected*>(context)->live;
      ::operator delete (pointer, std::align_val_t{alignment});
    }
  };
  const ConvLayer layer;
  for (const Algorithm algorithm : kAlgorithms) {
    PlanOptions plan_options;
    plan_options.algorithm = algorithm;
    for (const size_t calls : {0, 1, 2}) {
      Injected injected;
      injected.calls = calls;
      OperatorOptions options;
      options.runtime.context = &injected;
      options.runtime.num_threads = 2;
      options.runtime.parallel_for = Injected::ParallelFor;
      const Plan plan = *layer.Create(options)->MakePlan(layer.Input(), plan_options);
      injected.throws = true;
      std::vector<float> output = layer.Output();
      const Status status = plan.Run(layer.input.data(), output.data());
      EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
      EXPECT_TRUE(ContainsWord(status.message(), "parallel_for")) << status.message();
      if (calls == 0) {
        EXPECT_EQ(output, layer.Output());
      }
      injected.throws = false;
      ASSERT_TRUE(plan.Run(layer.input.data(), output.data()).ok());
      EXPECT_EQ(output, layer.Expected(plan_options));
    }
    Injected injected;
    {
      OperatorOptions options;
      options.runtime.context = &injected;
      options.runtime.allocate = Injected::Allocate;
      options.runtime.deallocate = Injected::Deallocate;
      injected.throws = true;
      EXPECT_EQ(layer.Create(options).status().code(), StatusCode::kOutOfMemory);
      injected.throws = false;
      const Operator op = *layer.Create(options);
      injected.throws = true;
      EXPECT_EQ(op.MakePlan(layer.Input(), plan_options).status().code(), StatusCode::kOutOfMemory);
      injected.throws = false;
      const Plan plan = *op.MakePlan(layer.Input(), plan_options);
      injected.throws = true;
      std::vector<float> output = layer.Output();
      EXPECT_EQ(plan.Run(layer.input.data(), output.data()).code(), StatusCode::kOutOfMemory);
      EXPECT_EQ(output, layer.Output());
      injected.throws = false;
      ASSERT_TRUE(plan.Run(layer.input.data(), output.data()).ok());
      EXPECT_EQ(output, layer.Expected(plan_options));
    }
    EXPECT_EQ(injected.live, 0) << "something was not given back";
  }
}

#endif

// ---- Sharing

TEST(Runtime, ManyThreadsOnOnePlan) {
  const ConvLayer layer;
  for (const Algorithm algorithm : kAlgorithms) {
    for (const bool own_workspace : {true, false}) {
      OperatorOptions options;
      PlanOptions plan_options;
      plan_options.algorithm = algorithm;
      plan_options.num_threads = 2;
      const Plan plan = *layer.Create(options)->MakePlan(layer.Input(), plan_options);
      const std::vector<float> expected = layer.Expected(plan_options);
      std::atomic<int> wrong{0};
      std::vector<std::thread> threads;
      // The kernel gives each thread that uses AMX memory for its state.
      const int callers = algorithm == Algorithm::kMatrix ? 64 : 8;
      for (int t = 0; t < callers; ++t) {
        threads.emplace_back([&] {
          Workspace workspace(plan.workspace_bytes());
          RunOptions run_options;
          if (own_workspace) {
            run_options.workspace = workspace.data();
            run_options.workspace_bytes = workspace.bytes();
          }
          for (int i = 0; i < 5; ++i) {
            std::vector<float> output = layer.Output();
            if (!plan.Run(layer.input.data(), output.data(), run_options).ok() || output != expected) ++wrong;
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
      EXPECT_EQ(wrong, 0);
    }
  }
}

// Plans that need different forms of the weights, made at once from an operator that has packed none.
TEST(Runtime, EightThreadsOnOneOperator) {
  for (int round = 0; round < 6; ++round) {
    const ConvLayer layer(kOutputChannels[round % 3]);
    OperatorOptions options;
    const Operator op = *layer.Create(options);
    std::atomic<int> ready{0};
    std::vector<std::vector<float>> outputs(8, layer.Output());
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        PlanOptions plan_options;
        plan_options.algorithm = kAlgorithms[t % 2];
        ++ready;
        while (ready < 8) std::this_thread::yield();
        const StatusOr<Plan> plan = op.MakePlan(layer.Input(), plan_options);
        if (plan.ok() && plan->Run(layer.input.data(), outputs[t].data()).ok() && op.Describe().empty())
          outputs[t].clear();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t t = 0; t < 8; ++t) {
      PlanOptions plan_options;
      plan_options.algorithm = kAlgorithms[t % 2];
      EXPECT_EQ(outputs[t], layer.Expected(plan_options)) << "thread " << t;
    }
  }
}

TEST(Runtime, PlansOutliveTheirOperator) {
  const ConvLayer layer;
  std::optional<Plan> plan;
  {
    std::vector<float> weights = layer.weights;
    std::vector<float> bias = layer.bias;
    const Operator op = *CreateConvTranspose(layer.attributes, weights.data(), bias.data());
    plan = *op.MakePlan(layer.Input());
    // The operator has copies.
    weights.assign(weights.size(), 0.0f);
    bias.assign(bias.size(), 0.0f);
  }
  std::vector<float> output = layer.Output();
  ASSERT_TRUE(plan->Run(layer.input.data(), output.data()).ok());
  EXPECT_EQ(output, layer.Expected());
}

TEST(Runtime, WeightsAreReadDuringCreateAlone) {
  const ConvLayer layer;
  std::vector<float> weights = layer.weights;
  const Operator op = *CreateConvTranspose(layer.attributes, weights.data(), layer.bias.data());
  weights.assign(weights.size(), 0.0f);
  for (const Algorithm algorithm : kAlgorithms) {
    PlanOptions plan_options;
    plan_options.algorithm = algorithm;
    std::vector<float> output = layer.Output();
    ASSERT_TRUE(op.MakePlan(layer.Input(), plan_options)->Run(layer.input.data(), output.data()).ok());
    EXPECT_EQ(output, layer.Expected(plan_options));
  }
}

// ---- Memory

struct Counter {
  std::atomic<int> allocations{0};
  std::atomic<int64_t> live_bytes{0};
  std::atomic<bool> fail{false};
  std::atomic<size_t> last_bytes{0};
  std::atomic<size_t> last_alignment{0};

  static void* Allocate(void* context, size_t bytes, size_t alignment) {
    auto* self = static_cast<Counter*>(context);
    if (self->fail) return nullptr;
    ++self->allocations;
    self->live_bytes += static_cast<int64_t>(bytes);
    self->last_bytes = bytes;
    self->last_alignment = alignment;
    return ::operator new (bytes, std::align_val_t{alignment});
  }
  static void Deallocate(void* context, void* pointer, size_t bytes, size_t alignment) {
    auto* self = static_cast<Counter*>(context);
    self->live_bytes -= static_cast<int64_t>(bytes);
    ::operator delete (pointer, std::align_val_t{alignment});
  }
  Runtime MakeRuntime() {
    Runtime runtime;
    runtime.context = this;
    runtime.allocate = Allocate;
    runtime.deallocate = Deallocate;
    return runtime;
  }
};

TEST(Runtime, InjectedAllocatorGivesTheWorkspaceAtOnce) {
  const ConvLayer layer;
  for (const Algorithm algorithm : kAlgorithms) {
    Counter counter;
    {
      OperatorOptions options;
      options.runtime = counter.MakeRuntime();
      PlanOptions plan_options;
      plan_options.algorithm = algorithm;
      const Plan plan = *layer.Create(options)->MakePlan(layer.Input(), plan_options);
      const int before = counter.allocations;
      const int64_t held = counter.live_bytes;
      std::vector<float> output = layer.Output();
      ASSERT_TRUE(plan.Run(layer.input.data(), output.data()).ok());
      EXPECT_EQ(counter.allocations - before, plan.workspace_bytes() > 0 ? 1 : 0);
      if (plan.workspace_bytes() > 0) {
        EXPECT_GE(counter.last_bytes, plan.workspace_bytes());
        EXPECT_GE(counter.last_alignment, kWorkspaceAlignment);
      }
      EXPECT_EQ(counter.live_bytes, held);

      Workspace workspace(plan.workspace_bytes());
      RunOptions run_options;
      run_options.workspace = workspace.data();
      run_options.workspace_bytes = workspace.bytes();
      const int after = counter.allocations;
      ASSERT_TRUE(plan.Run(layer.input.data(), output.data(), run_options).ok());
      EXPECT_EQ(counter.allocations, after);
      EXPECT_EQ(output, layer.Expected(plan_options));

      counter.fail = true;
      if (plan.workspace_bytes() > 0) {
        output = layer.Output();
        EXPECT_EQ(plan.Run(layer.input.data(), output.data()).code(), StatusCode::kOutOfMemory);
        EXPECT_EQ(output, layer.Output());
      }
      counter.fail = false;
    }
    EXPECT_EQ(counter.live_bytes, 0) << "something was not given back";
  }
}

// Packed weights and the folded bias come from the runtime, and are given back.
TEST(Runtime, PointwiseWeightsComeFromTheRuntime) {
  const std::vector<float> weights(3 * 4, 0.5f);
  ResizeAttributes a;
  a.scale = {2, 2, 0};
  a.pointwise = {weights.data(), weights.data(), 3, 4};
  Counter counter;
  OperatorOptions options;
  options.runtime = counter.MakeRuntime();
  {
    const StatusOr<Operator> op = CreateResize(a, options);
    ASSERT_TRUE(op.ok()) << op.status().message();
    EXPECT_EQ(counter.allocations, 2);
  }
  EXPECT_EQ(counter.live_bytes, 0);
  counter.fail = true;
  const Status status = CreateResize(a, options).status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
  EXPECT_NE(std::string(status.message()).find("pointwise weights"), std::string::npos) << status.message();
}

TEST(Runtime, AnOperatorSurvivesAFailedPacking) {
  int failures = 0;
  for (const int64_t oc : kOutputChannels) {
    const ConvLayer layer(oc);
    Counter counter;
    OperatorOptions options;
    options.runtime = counter.MakeRuntime();
    const Operator op = *layer.Create(options);
    counter.fail = true;
    std::vector<Algorithm> algorithms(std::begin(kAlgorithms), std::end(kAlgorithms));
    if (oc == ConvLayer::kIc) algorithms.pop_back();  // kMatrix is not for depthwise layers
    for (const Algorithm algorithm : algorithms) {
      PlanOptions plan_options;
      plan_options.algorithm = algorithm;
      const Status status = op.MakePlan(layer.Input(), plan_options).status();
      if (status.ok()) continue;  // packed by Create
      EXPECT_EQ(status.code(), StatusCode::kOutOfMemory) << status.message();
      ++failures;
    }
    counter.fail = false;
    for (const Algorithm algorithm : algorithms) {
      PlanOptions plan_options;
      plan_options.algorithm = algorithm;
      const StatusOr<Plan> plan = op.MakePlan(layer.Input(), plan_options);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      std::vector<float> output = layer.Output();
      ASSERT_TRUE(plan->Run(layer.input.data(), output.data()).ok());
      EXPECT_EQ(output, layer.Expected(plan_options));
    }
  }
  EXPECT_GT(failures, 0) << "no form was packed by a plan: nothing was tested";
}

// ---- Targets

TEST(Targets, BestFirstAndOneChosen) {
  const std::vector<TargetInfo> targets = Targets();
  ASSERT_FALSE(targets.empty());
  int chosen = 0;
  std::set<std::string> names;
  for (const TargetInfo& target : targets) {
    EXPECT_TRUE(names.insert(target.name).second) << target.name;
    if (target.chosen) {
      ++chosen;
      EXPECT_TRUE(target.supported) << target.name;
    }
  }
  EXPECT_EQ(chosen, 1);
  if (std::getenv("POLYPHASE_ISA") == nullptr) {
    for (const TargetInfo& target : targets) {
      if (!target.supported) continue;
      EXPECT_TRUE(target.chosen) << "the first supported target is the best: " << target.name;
      break;
    }
  }
}

std::string UsedTarget(const std::string& isa) {
  OperatorOptions options;
  options.isa = isa;
  const StatusOr<Operator> op = CreateConvert(options);
  if (!op.ok()) return std::string("error: ") + op.status().message();
  for (const TargetInfo& target : Targets()) {
    if (ContainsWord(op->Describe(), target.name)) return target.name;
  }
  return "none in: " + op->Describe();
}

TEST(Targets, AnUnsupportedOneCapsAtTheNext) {
  std::string best_below;
  const std::vector<TargetInfo> targets = Targets();
  for (size_t i = targets.size(); i-- > 0;) {
    if (targets[i].supported) best_below = targets[i].name;
    if (best_below.empty()) continue;
    EXPECT_EQ(UsedTarget(targets[i].name), best_below);
  }
}

// This runs in a process of its own, because the environment may be read only once.
TEST(TargetsDeathTest, EnvironmentVariable) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const std::string& name : SupportedTargets()) {
    EXPECT_EXIT(
        {
          setenv("POLYPHASE_ISA", name.c_str(), 1);
          bool chosen = false;
          for (const TargetInfo& target : Targets()) chosen = chosen || (target.chosen && target.name == name);
          // An option goes before the variable.
          const bool option_first = UsedTarget(SupportedTargets().back()) == SupportedTargets().back();
          std::exit(chosen && option_first && UsedTarget("") == name ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "")
        << name;
  }
  EXPECT_EXIT(
      {
        setenv("POLYPHASE_ISA", "avx9", 1);
        const Status status = CreateConvert().status();
        const std::string message = status.message();
        std::exit(status.code() == StatusCode::kInvalidArgument && ContainsWord(message, "POLYPHASE_ISA") &&
                          ContainsWord(message, "avx9")
                      ? 0
                      : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(Describe, SaysWhatWasChosen) {
  const ConvLayer layer;
  const Operator op = *layer.Create();
  for (const Algorithm algorithm : {Algorithm::kSubpixel, Algorithm::kGemmCol2im, Algorithm::kAuto}) {
    PlanOptions plan_options;
    plan_options.algorithm = algorithm;
    const Plan plan = *op.MakePlan(layer.Input(), plan_options);
    const std::string& text = plan.Describe();
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_NE(text.find("conv_transpose"), std::string::npos) << text;
    EXPECT_NE(text.find(std::to_string(plan.workspace_bytes())), std::string::npos) << text;
    if (algorithm == Algorithm::kSubpixel) {
      EXPECT_TRUE(ContainsWord(text, "subpixel")) << text;
    } else if (algorithm == Algorithm::kGemmCol2im) {
      EXPECT_TRUE(ContainsWord(text, "gemm_col2im")) << text;
    } else {
      EXPECT_TRUE(ContainsWord(text, "estimated")) << text;
    }
  }
  EXPECT_EQ(op.Describe().find('\n'), std::string::npos);
  EXPECT_NE(op.Describe().find("conv_transpose"), std::string::npos) << op.Describe();
}

// Results do not show it: the slow path of Resize is not for rows that end in the middle of a vector.
TEST(Describe, ResizeToLargerSizesNeedsNoGathers) {
  for (const std::string& target : SupportedTargets()) {
    for (const PyTorchMode mode : {PyTorchMode::kNearest, PyTorchMode::kBilinear, PyTorchMode::kBicubic}) {
      ResizeAttributes attributes = ResizeAttributes::PyTorch(mode);
      attributes.scale = {2, 2, 0};
      const StatusOr<Operator> op = CreateResize(attributes, OptionsFor(target));
      ASSERT_TRUE(op.ok()) << op.status().message();
      for (int64_t w = 1; w <= 40; ++w) {
        const std::string text = op->MakePlan(TensorDesc::Nchw(1, 1, 2, w))->Describe();
        EXPECT_EQ(text.find("gather"), std::string::npos) << w << " pixels: " << text;
      }
    }
  }
}

TEST(Version, HeaderAndLibraryAgree) { EXPECT_STREQ(Version(), POLYPHASE_VERSION); }

}  // namespace
}  // namespace polyphase::testing
