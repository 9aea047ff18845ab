// What POLYPHASE_THREADS=none promises.
#include <cstddef>
#include <vector>

#include "exec/threads.h"
#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/runtime_layer.h"

namespace polyphase::testing {
namespace {

TEST(ThreadsNone, RunsAreSerial) {
  EXPECT_STREQ(DefaultThreadPool(), "none");
  EXPECT_EQ(DefaultThreads(), 1u);
  std::vector<size_t> indices;
  internal::RunOnThreads(
      5, [](void* context, size_t index) { static_cast<std::vector<size_t>*>(context)->push_back(index); }, &indices);
  EXPECT_EQ(indices, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

// A plan for several threads does all of its work on one.
TEST(ThreadsNone, PlansForSeveralThreadsRun) {
  const ConvLayer layer;
  PlanOptions options;
  options.num_threads = 4;
  std::vector<float> output = layer.Output();
  ASSERT_TRUE(layer.Create()->MakePlan(layer.Input(), options)->Run(layer.input.data(), output.data()).ok());
  EXPECT_EQ(output, layer.Expected());
}

}  // namespace
}  // namespace polyphase::testing
