// Memory, with a hook in the heap: Run allocates nothing when it is given a workspace, and whichever allocation fails,
// in whichever call, that call is kOutOfMemory, leaves nothing behind, and works the next time. A binary of its own.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"
#include "tests/testers/c_defaults.h"
#include "tests/testers/every_op.h"
#include "tests/testers/harness.h"
#include "tests/testers/heap_calls.h"

namespace polyphase::testing {
namespace {

// ---- Run allocates nothing

struct Work {
  std::string name;
  Plan plan;
  PlanMemory memory;
};

// Every op in all pairs of layouts.
std::vector<Work> AllWork(const Runtime& runtime) {
  OperatorOptions options;
  options.runtime = runtime;
  std::vector<Work> work;
  for (const OpCase& op_case : EveryOp()) {
    const Operator op = *op_case.create(options);
    for (const FormatPair& formats : AllFormatPairs()) {
      PlanOptions plan_options;
      plan_options.algorithm = op_case.algorithm;
      plan_options.num_threads = 2;
      plan_options.output = TensorDesc();
      plan_options.output->dtype = op_case.dtype;
      plan_options.output->spatial_rank = op_case.Input().spatial_rank;
      plan_options.output->layout = formats.second.layout;
      plan_options.output->channel_block = formats.second.block;
      const StatusOr<Plan> plan = op.MakePlan(op_case.Input(formats.first), plan_options);
      EXPECT_TRUE(plan.ok()) << op_case.name << ": " << plan.status().message();
      if (!plan.ok()) continue;
      work.push_back(
          {op_case.name + " " + Name(formats.first) + " -> " + Name(formats.second) + ": " + plan->Describe(), *plan,
           PlanMemory(*plan)});
    }
  }
  return work;
}

// Heap calls of `times` runs.
int64_t HeapCallsOfRuns(Work& work, int times) {
  Workspace workspace(work.plan.workspace_bytes());
  RunOptions options = work.memory.Options();
  options.workspace = workspace.data();
  options.workspace_bytes = workspace.bytes();
  bool ok = true;
  const int64_t count = HeapCallsOf([&] {
    for (int i = 0; i < times; ++i) {
      ok = work.plan.Run(work.memory.input.data(), work.memory.output.data(), options).ok() && ok;
    }
  });
  EXPECT_TRUE(ok) << work.name;
  return count;
}

TEST(Allocation, TheHookCounts) {
  // Volatile pointers, so that no allocation is optimised away.
  EXPECT_EQ(HeapCallsOf([] {}), 0);
#ifndef POLYPHASE_TEST_HEAP_OF_SANITIZER
  EXPECT_EQ(HeapCallsOf([] {
              void* volatile p = std::malloc(10);
              std::free(p);
            }),
            2);
#endif
  EXPECT_EQ(HeapCallsOf([] {
              void* volatile p = ::operator new(10);
              ::operator delete(p);
            }),
            2);
  EXPECT_EQ(HeapCallsOf([] {
              void* volatile p = ::operator new (100, std::align_val_t{64});
              ::operator delete (p, std::align_val_t{64});
            }),
            2);
}

TEST(Allocation, TheHookFails) {
  for (const bool forever : {false, true}) {
    bool ok[3] = {};
    const HeapUse use = Heap::Watch(
        [&] {
          for (bool& one : ok) {
            void* volatile p = ::operator new(10, std::nothrow);
            one = p != nullptr;
            ::operator delete(p);
          }
          void* volatile kept = ::operator new (100, std::align_val_t{64}, std::nothrow);
          if (kept != nullptr) ::operator delete (kept, std::align_val_t{64});
        },
        1, forever);
    EXPECT_TRUE(use.failed);
    EXPECT_TRUE(ok[0]);
    EXPECT_FALSE(ok[1]);
    EXPECT_EQ(ok[2], !forever);
    EXPECT_EQ(use.live, 0);
  }
  void* volatile kept = nullptr;
  EXPECT_EQ(Heap::Watch([&] { kept = ::operator new(10); }).live, 1);
  ::operator delete(kept);
}

TEST(Allocation, NoneWithASerialRunner) {
  Runtime runtime;
  runtime.num_threads = 2;
  runtime.parallel_for = [](void*, size_t count, pph_task task, void* task_context) {
    for (size_t i = 0; i < count; ++i) task(task_context, i);
  };
  for (Work& work : AllWork(runtime)) EXPECT_EQ(HeapCallsOfRuns(work, 3), 0) << work.name;
}

// oneTBB may allocate for itself at times, in its workers: what Run itself allocated would be there every time.
TEST(Allocation, NoneWithTheDefaultThreadsOnceTheyAreWarm) {
  const int attempts = std::string(DefaultThreadPool()) == "tbb" ? 20 : 1;
  for (Work& work : AllWork(Runtime())) {
    HeapCallsOfRuns(work, 3);
    int64_t least = INT64_MAX;
    for (int attempt = 0; attempt < attempts && least != 0; ++attempt)
      least = std::min(least, HeapCallsOfRuns(work, 3));
    EXPECT_EQ(least, 0) << work.name;
  }
}

// ---- Failing allocations

// Fails allocations of the process.
struct ProcessHeap {
  static Runtime MakeRuntime() { return {}; }
  template <class Body>
  static HeapUse Watch(const Body& body, int64_t successes, bool forever) {
    return Heap::Watch(body, successes, forever);
  }
};

// Fails allocations of the runtime that operators are made with.
class InjectedHeap {
 public:
  Runtime MakeRuntime() {
    Runtime runtime;
    runtime.context = this;
    runtime.allocate = [](void* context, size_t bytes, size_t alignment) -> void* {
      auto* const self = static_cast<InjectedHeap*>(context);
      ++self->use_.calls;
      if (self->use_.failed ? self->forever_ : self->successes_-- == 0) {
        self->use_.failed = true;
        return nullptr;
      }
      ++self->use_.live;
      return ::operator new (bytes, std::align_val_t{alignment});
    };
    runtime.deallocate = [](void* context, void* pointer, size_t, size_t alignment) {
      --static_cast<InjectedHeap*>(context)->use_.live;
      ::operator delete (pointer, std::align_val_t{alignment});
    };
    return runtime;
  }

  template <class Body>
  HeapUse Watch(const Body& body, int64_t successes, bool forever) {
    use_ = HeapUse();
    successes_ = successes;
    forever_ = forever;
    body();
    const HeapUse use = use_;
    use_ = HeapUse();
    successes_ = kNoFailure;
    return use;
  }

 private:
  HeapUse use_;
  int64_t successes_ = kNoFailure;
  bool forever_ = false;
};

const Status& StatusOf(const Status& status) { return status; }
template <class T>
const Status& StatusOf(const StatusOr<T>& result) {
  return result.status();
}

// Lets the n-th allocation of `call` fail, alone and with all later ones, for n = 1, 2, ... until the call asks for
// less than n. A call that fails must be kOutOfMemory; some succeed without, as std::stable_sort does. `prepare` is
// called before each call, `check` after it with its Status or StatusOr, `finish` at last, and then nothing may be
// left. Adds the number of failures to `count`.
template <class AnyHeap, class Prepare, class Call, class Check, class Finish>
void FailEachAllocation(AnyHeap& heap, const Prepare& prepare, const Call& call, const Check& check,
                        const Finish& finish, int64_t* count) {
  for (const bool forever : {false, true}) {
    bool failed = true;
    for (int64_t successes = 0; failed && !::testing::Test::HasFailure(); ++successes) {
      SCOPED_TRACE(std::to_string(successes) + " allocations succeed, the next one " +
                   (forever ? "and all later ones fail" : "fails"));
      int64_t live = heap.Watch(prepare, kNoFailure, false).live;
      std::optional<decltype(call())> result;
      const HeapUse use = heap.Watch([&] { result.emplace(call()); }, successes, forever);
      failed = use.failed;
      live += use.live;
      const auto check_and_finish = [&] {
        const Status& status = StatusOf(*result);
        EXPECT_EQ(status.code(), status.ok() ? StatusCode::kOk : StatusCode::kOutOfMemory) << status.message();
        EXPECT_TRUE(failed || status.ok()) << status.message();
        EXPECT_NE(status.ok(), *status.message() != 0);
        check(*result);
        result.reset();
        finish();
      };
      live += heap.Watch(check_and_finish, kNoFailure, false).live;
      EXPECT_EQ(live, 0) << "blocks were not given back";
      *count += failed;
    }
  }
}

using Output = std::vector<uint64_t>;

Output RunIt(const Plan& plan) {
  PlanMemory memory(plan);
  const Status status = plan.Run(memory.input.data(), memory.output.data(), memory.Options());
  EXPECT_TRUE(status.ok()) << status.message();
  return memory.output;
}

void ExpectOutput(const StatusOr<Plan>& plan, const Output& expected) {
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(RunIt(*plan), expected);
}

// The allocations of Create, of MakePlan, and of Run without a workspace. `runtime` is of the heap. Returns how many
// failed.
template <class AnyHeap>
int64_t FailEverywhere(AnyHeap& heap, const Runtime& runtime) {
  int64_t count = 0;
  for (const OpCase& op_case : EveryOp()) {
    SCOPED_TRACE(op_case.name);
    OperatorOptions options;
    options.runtime = runtime;
    PlanOptions plan_options;
    plan_options.algorithm = op_case.algorithm;
    plan_options.num_threads = 2;
    const TensorDesc input = op_case.Input();
    const Output expected = RunIt(*op_case.create({})->MakePlan(input, plan_options));
    const auto nothing = [] {};

    for (const bool hint : {false, true}) {
      SCOPED_TRACE(hint ? "Create with a hint" : "Create");
      options.input_hint.reset();
      if (hint) options.input_hint = input;
      const auto check = [&](const StatusOr<Operator>& op) {
        if (op.ok()) ExpectOutput(op->MakePlan(input, plan_options), expected);
      };
      FailEachAllocation(
          heap, nothing, [&] { return op_case.create(options); }, check, nothing, &count);
    }
    options.input_hint.reset();
    {
      SCOPED_TRACE("MakePlan");
      std::optional<Operator> op;
      const auto check = [&](const StatusOr<Plan>& plan) {
        if (plan.ok()) ExpectOutput(plan, expected);
        ExpectOutput(op->MakePlan(input, plan_options), expected);
      };
      FailEachAllocation(
          heap, [&] { op = *op_case.create(options); }, [&] { return op->MakePlan(input, plan_options); }, check,
          [&] { op.reset(); }, &count);
    }
    {
      SCOPED_TRACE("Run");
      const Plan plan = *op_case.create(options)->MakePlan(input, plan_options);
      PlanMemory memory(plan);
      const Output before = memory.output;
      const auto check = [&](const Status& status) {
        EXPECT_EQ(memory.output, status.ok() ? expected : before);
        EXPECT_EQ(RunIt(plan), expected);
        memory.output = before;
      };
      FailEachAllocation(
          heap, nothing, [&] { return plan.Run(memory.input.data(), memory.output.data(), memory.Options()); }, check,
          nothing, &count);
    }
    if (::testing::Test::HasFailure()) break;
  }
  return count;
}

// One thread has no races, and TSan needs minutes.
#define SKIP_UNDER_TSAN() \
  if (kTsan) GTEST_SKIP() << "a single thread"

TEST(FailingAllocation, OfTheRuntime) {
  SKIP_UNDER_TSAN();
  InjectedHeap heap;
  EXPECT_GT(FailEverywhere(heap, heap.MakeRuntime()), 100);
}

#ifdef __cpp_exceptions  // a failed operator new ends a program without them

// Runs the tasks in the calling thread.
Runtime SerialRuntime() {
  Runtime runtime;
  runtime.num_threads = 2;
  runtime.parallel_for = [](void*, size_t count, pph_task task, void* task_context) {
    for (size_t i = 0; i < count; ++i) task(task_context, i);
  };
  return runtime;
}

TEST(FailingAllocation, OfTheProcess) {
  SKIP_UNDER_TSAN();
  ProcessHeap heap;
  EXPECT_GT(FailEverywhere(heap, SerialRuntime()), 2000);
}

// What threads need is no part of a run: where it is missing there are fewer of them.
TEST(FailingAllocation, OfTheDefaultThreads) {
  for (const OpCase& op_case : EveryOp()) {
    SCOPED_TRACE(op_case.name);
    PlanOptions plan_options;
    plan_options.algorithm = op_case.algorithm;
    plan_options.num_threads = 4;
    const Plan plan = *op_case.create({})->MakePlan(op_case.Input(), plan_options);
    const Output expected = RunIt(plan);
    Workspace workspace(plan.workspace_bytes());
    for (const bool forever : {false, true}) {
      for (int64_t successes = 0; successes < 20; ++successes) {
        PlanMemory memory(plan);
        RunOptions options = memory.Options();
        options.workspace = workspace.data();
        options.workspace_bytes = workspace.bytes();
        Status status;
        Heap::Watch([&] { status = plan.Run(memory.input.data(), memory.output.data(), options); }, successes, forever);
        ASSERT_TRUE(status.ok()) << status.message();
        ASSERT_EQ(memory.output, expected);
      }
    }
  }
}

Status ToStatus(pph_status status) {
  return status == PPH_OK ? Status() : Status::Make(static_cast<StatusCode>(status), "%s", pph_last_error());
}

TEST(FailingAllocation, OfTheCApi) {
  SKIP_UNDER_TSAN();
  ProcessHeap heap;
  int64_t count = 0;
  const std::string isa = SupportedTargets().back();
  for (const OpCase& op_case : EveryOp()) {
    SCOPED_TRACE(op_case.name);
    const pph_tensor_desc input = internal::ToC<pph_tensor_desc>(op_case.Input());
    pph_operator_options options = Defaults(pph_operator_options_init);
    options.isa = isa.c_str();
    options.input_hint = &input;
    const Runtime runtime = SerialRuntime();
    options.runtime = &runtime;
    pph_plan_options plan_options = Defaults(pph_plan_options_init);
    plan_options.algorithm = static_cast<int32_t>(op_case.algorithm);
    plan_options.num_threads = 2;

    const auto nothing = [] {};
    pph_operator* op = nullptr;
    const auto create = [&] { return ToStatus(op_case.create_c(&options, &op)); };
    FailEachAllocation(
        heap, nothing, create, [&](const Status& status) { EXPECT_EQ(op != nullptr, status.ok()); },
        [&] { pph_operator_destroy(op); }, &count);
    pph_plan* plan = nullptr;
    FailEachAllocation(
        heap, [&] { EXPECT_TRUE(create().ok()); },
        [&] { return ToStatus(pph_make_plan(op, &input, &plan_options, &plan)); },
        [&](const Status& status) { EXPECT_EQ(plan != nullptr, status.ok()); },
        [&] {
          pph_plan_destroy(plan);
          pph_operator_destroy(op);
        },
        &count);
    ASSERT_TRUE(create().ok());
    ASSERT_EQ(pph_make_plan(op, &input, &plan_options, &plan), PPH_OK) << pph_last_error();

    PlanMemory memory(*op_case.create({})->MakePlan(op_case.Input()));
    pph_run_options run = Defaults(pph_run_options_init);
    run.input_indices = run.output_indices = memory.indices.data();
    run.mask = memory.mask.data();
    FailEachAllocation(
        heap, nothing, [&] { return ToStatus(pph_run(plan, memory.input.data(), memory.output.data(), &run)); },
        [](const Status&) {}, nothing, &count);

    char text[512];
    const size_t length = pph_operator_describe(op, text, sizeof(text));
    EXPECT_GT(length, 0u);
    size_t described = 0;
    Heap::Watch([&] { described = pph_operator_describe(op, text, sizeof(text)); }, 0, true);
    EXPECT_EQ(described, 0u) << "the description is longer than a std::string holds in itself";
    EXPECT_EQ(pph_operator_describe(op, text, sizeof(text)), length);
    pph_plan_destroy(plan);
    pph_operator_destroy(op);
  }

  pph_onnx_resize node = Defaults(pph_onnx_resize_init);
  const float scales[] = {1, 1, 2, 2}, roi[] = {0, 0, 0, 0, 1, 1, 1, 1};
  const int64_t axes[] = {0, 1, 2, 3};
  node.scales = scales;
  node.roi = roi;
  node.axes = axes;
  node.scales_count = node.axes_count = 4;
  node.roi_count = 8;
  pph_resize_attributes attributes;
  FailEachAllocation(
      heap, [&] { attributes = Defaults(pph_resize_attributes_init); },
      [&] { return ToStatus(pph_resize_onnx(&node, &attributes)); },
      [&](const Status& status) { EXPECT_EQ(attributes.scale[0], status.ok() ? 2.0 : 0.0); }, [] {}, &count);
  EXPECT_GT(count, 2000);

  const std::string target = pph_target(0, nullptr, nullptr);
  const char* name = nullptr;
  Heap::Watch([&] { name = pph_target(0, nullptr, nullptr); }, 0, true);
  EXPECT_EQ(name, nullptr);
  EXPECT_STREQ(pph_target(0, nullptr, nullptr), target.c_str());
}

// What a process does once may fail as well, such as to make threads. Each child of a process that has not done it yet,
// which this is where ctest runs it, sees another failure.
TEST(FailingAllocation, InTheFirstCallsOfAProcess) {
  enum Outcome { kWorked = 0, kAllWorked = 1, kWrong = 2 };
  const auto first_calls = [](const OpCase& op_case) {
    const StatusOr<Operator> op = op_case.create({});
    if (!op.ok()) return op.status();
    PlanOptions options;
    options.num_threads = 4;
    const StatusOr<Plan> plan = op->MakePlan(op_case.Input(), options);
    if (!plan.ok()) return plan.status();
    static uint64_t input[1 << 16], output[1 << 16], mask[1 << 16];
    static int64_t indices[1 << 16];
    RunOptions run_options;
    run_options.input_indices = run_options.output_indices = indices;
    run_options.mask = mask;
    return plan->Run(input, output, run_options);
  };
  const std::vector<OpCase> cases = EveryOp();
  for (const size_t at : {size_t{0}, cases.size() - 1}) {
    int outcome = kWorked;
    for (int64_t successes = 0; outcome == kWorked; ++successes) {
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        Status status;
        const HeapUse use = Heap::Watch([&] { status = first_calls(cases[at]); }, successes);
        const bool right = status.ok() || (use.failed && status.code() == StatusCode::kOutOfMemory);
        _exit(!right || !first_calls(cases[at]).ok() ? kWrong : use.failed ? kWorked : kAllWorked);
      }
      int exit_status = 0;
      ASSERT_EQ(waitpid(child, &exit_status, 0), child);
      ASSERT_TRUE(WIFEXITED(exit_status)) << "after " << successes << " allocations: signal " << WTERMSIG(exit_status);
      outcome = WEXITSTATUS(exit_status);
    }
    EXPECT_EQ(outcome, kAllWorked) << cases[at].name;
  }
}

#endif

}  // namespace
}  // namespace polyphase::testing
