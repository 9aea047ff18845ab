// Many threads for long, and many plans, of every op. Short runs are part of every ctest; long ones are chosen by
//   POLYPHASE_ENDURANCE_SECONDS=600 POLYPHASE_ENDURANCE_THREADS=64   of Endurance.ThreadsShareOperatorsAndPlans
//   POLYPHASE_ENDURANCE_PLANS=100000                                 of Endurance.MemoryStaysFlat
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/every_op.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtoll(value, nullptr, 10) : otherwise;
}

// What a run leaves in memory.
struct Outcome {
  std::vector<uint64_t> output;
  std::vector<int64_t> indices;
  bool operator==(const Outcome& other) const { return output == other.output && indices == other.indices; }
};

// The outcome, which is empty where a call failed.
Outcome OutcomeOf(const StatusOr<Plan>& plan) {
  if (!plan.ok()) return {};
  PlanMemory memory(*plan);
  if (!plan->Run(memory.input.data(), memory.output.data(), memory.Options()).ok()) return {};
  return {std::move(memory.output), std::move(memory.indices)};
}

StatusOr<Plan> MakePlan(const Operator& op, const OpCase& c, const Format& format, size_t threads) {
  PlanOptions options;
  options.algorithm = c.algorithm;
  options.num_threads = threads;
  return op.MakePlan(c.Input(format), options);
}

// What all threads share: an operator that nobody has planned before, so that the first of them pack its weights at
// once, plans of another operator, one in each layout, and what these must give.
struct Shared {
  OpCase op_case;
  StatusOr<Operator> op;
  std::vector<Plan> plans;
  std::vector<Outcome> expected;
};

std::vector<Shared> MakeShared() {
  std::vector<Shared> all;
  for (const OpCase& c : EveryOp()) {
    const Operator other = *c.create({});
    Shared shared{c, c.create({}), {}, {}};
    for (const Format& format : kFormats) {
      shared.expected.push_back(OutcomeOf(MakePlan(other, c, format, 1)));
      shared.plans.push_back(*MakePlan(other, c, format, 3));
      EXPECT_FALSE(shared.expected.back().output.empty()) << c.name;
    }
    all.push_back(std::move(shared));
  }
  return all;
}

TEST(Endurance, ThreadsShareOperatorsAndPlans) {
  const int64_t seconds = FromEnvironment("POLYPHASE_ENDURANCE_SECONDS", 0);
  const int64_t threads = FromEnvironment("POLYPHASE_ENDURANCE_THREADS", 8);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::atomic<int64_t> runs{0}, wrong{0}, rounds{0};
  do {
    const std::vector<Shared> all = MakeShared();
    std::vector<std::thread> workers;
    for (int64_t t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        // All threads begin with the same ops, so that they meet there.
        std::mt19937 rng(static_cast<uint32_t>(rounds * threads + t));
        const int times = kSanitized ? 1 : 2;
        for (size_t i = 0; i < times * all.size(); ++i) {
          const Shared& shared = all[i % all.size()];
          const size_t format = rng() % shared.plans.size();
          const bool plans = rng() % 2 == 0;
          const Outcome outcome = plans
                                      ? OutcomeOf(MakePlan(*shared.op, shared.op_case, kFormats[format], 1 + rng() % 4))
                                      : OutcomeOf(shared.plans[format]);
          ++runs;
          if (!(outcome == shared.expected[format])) ++wrong;
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    ++rounds;
  } while (std::chrono::steady_clock::now() < end && wrong == 0);
  std::cout << runs << " runs of " << threads << " threads" << std::endl;
  EXPECT_EQ(wrong, 0);
}

// Bytes of blocks that are allocated, and of memory that the process has.
std::pair<int64_t, int64_t> MemoryOfProcess() {
  std::ifstream statm("/proc/self/statm");
  int64_t all = 0, resident = 0;
  statm >> all >> resident;
  const struct mallinfo2 info = mallinfo2();
  return {static_cast<int64_t>(info.uordblks + info.hblkhd), resident * sysconf(_SC_PAGESIZE)};
}

TEST(Endurance, MemoryStaysFlat) {
  const int64_t plans = FromEnvironment("POLYPHASE_ENDURANCE_PLANS", kSanitized ? 200 : 4000);
  const std::vector<OpCase> cases = EveryOp();
  const auto make_some = [&](int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const OpCase& c = cases[static_cast<size_t>(i) % cases.size()];
      const Format& format = kFormats[static_cast<size_t>(i) / cases.size() % std::size(kFormats)];
      const Operator op = *c.create({});
      ASSERT_FALSE(OutcomeOf(MakePlan(op, c, format, 2)).output.empty()) << c.name;
    }
  };
  make_some(static_cast<int64_t>(cases.size() * std::size(kFormats)));  // threads and the like are there for good
  const auto [blocks, resident] = MemoryOfProcess();
  make_some(plans);
  const auto [blocks_after, resident_after] = MemoryOfProcess();
  std::cout << plans << " plans: " << blocks_after - blocks << " bytes more in blocks, " << resident_after - resident
            << " bytes more in the process" << std::endl;
  if (kSanitized) return;  // whose heaps are not glibc's; LeakSanitizer looks at the end
  // What oneTBB's threads and glibc's arenas keep does not grow with the plans, of which the smallest take 1 KiB.
  EXPECT_LE(blocks_after - blocks, 64 << 10);
  EXPECT_LE(resident_after - resident, 16 << 20);
}

}  // namespace
}  // namespace polyphase::testing
