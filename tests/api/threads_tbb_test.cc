// What the threads of POLYPHASE_THREADS=tbb promise.
#include <atomic>
#include <chrono>
#include <vector>

#include "gtest/gtest.h"
#include "oneapi/tbb/global_control.h"
#include "oneapi/tbb/parallel_for.h"
#include "oneapi/tbb/task_arena.h"
#include "oneapi/tbb/task_group.h"
#include "oneapi/tbb/task_scheduler_observer.h"
#include "polyphase/polyphase.h"
#include "tests/testers/runtime_layer.h"

namespace polyphase::testing {
namespace {

class Arrivals : public tbb::task_scheduler_observer {
 public:
  explicit Arrivals(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) { observe(true); }
  ~Arrivals() override { observe(false); }
  void on_scheduler_entry(bool is_worker) override { count += is_worker ? 1 : 0; }
  std::atomic<int> count{0};
};

TEST(ThreadsTbb, UseTheArenaAndAreSerialInsideATask) {
  EXPECT_STREQ(DefaultThreadPool(), "tbb");
  const tbb::global_control two(tbb::global_control::max_allowed_parallelism, 2);
  const ConvLayer layer;
  PlanOptions plan_options;
  plan_options.num_threads = 2;
  const Plan plan = *layer.Create()->MakePlan(layer.Input(), plan_options);
  const std::vector<float> expected = layer.Expected();
  const auto run = [&] {
    std::vector<float> output = layer.Output();
    EXPECT_TRUE(plan.Run(layer.input.data(), output.data()).ok());
    EXPECT_EQ(output, expected);
  };

  {
    tbb::task_arena arena(2);
    Arrivals arrivals(arena);
    arena.execute([&] {
      EXPECT_EQ(DefaultThreads(), 2u);
      tbb::task_group group;
      group.run_and_wait([&] {
        for (int i = 0; i < 200; ++i) run();
      });
    });
    EXPECT_EQ(arrivals.count, 0) << "a worker came to help inside somebody's task";
  }
  {
    tbb::task_arena arena(2);
    Arrivals arrivals(arena);
    arena.execute([&] {
      const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (arrivals.count == 0 && std::chrono::steady_clock::now() < give_up) run();
    });
    EXPECT_GT(arrivals.count, 0) << "no worker ever came";
  }
  tbb::task_arena(1).execute([] { EXPECT_EQ(DefaultThreads(), 1u); });
  tbb::parallel_for(0, 16, [&](int) { run(); });
}

}  // namespace
}  // namespace polyphase::testing
