// What the threads of POLYPHASE_THREADS=std promise.
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

#include "exec/threads.h"
#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"
#include "tests/testers/runtime_layer.h"

namespace {
std::atomic<bool> no_more_threads{false};
}  // namespace

#ifndef POLYPHASE_TEST_TSAN
// Lets threads run out. The C++ library finds this one before glibc's.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) {
  if (no_more_threads) return EAGAIN;
  static const auto original = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return original(thread, attributes, start, argument);
}
#endif

namespace polyphase::testing {
namespace {

using internal::RunOnThreads;
using internal::ThreadCount;

template <class Body>
void ForEach(size_t count, const Body& body) {
  RunOnThreads(
      count, [](void* context, size_t index) { (*static_cast<const Body*>(context))(index); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

size_t LiveThreads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

// Waits until `count` tasks are in it at once, at most for 20 seconds, and returns whether they were.
class Meeting {
 public:
  explicit Meeting(size_t count) : missing_(count) {}
  bool Wait() {
    --missing_;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (missing_ > 0 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    return missing_ <= 0;
  }

 private:
  std::atomic<int64_t> missing_;
};

// Whether all threads of the pool come to help.
bool AllMeet() {
  Meeting meeting(ThreadCount());
  std::atomic<bool> met{true};
  ForEach(ThreadCount(), [&](size_t) {
    if (!meeting.Wait()) met = false;
  });
  return met;
}

// Returns the exit code of a forked child that runs `body`, or -1 where a signal ended it, of which one comes after 60
// seconds.
template <class Body>
int ExitCodeOfChild(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ThreadsStd : public ::testing::Test {
 protected:
  void SetUp() override { EXPECT_STREQ(DefaultThreadPool(), "std"); }
};
// Of these tests a child is forked, where TSan allows no threads.
class ThreadsStdFork : public ThreadsStd {
 protected:
  void SetUp() override {
    if (kTsan) GTEST_SKIP();
    ThreadsStd::SetUp();
  }
};

TEST_F(ThreadsStd, AsManyAsCpusMayBeUsed) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  EXPECT_EQ(ThreadCount(), static_cast<size_t>(CPU_COUNT(&set)));
  EXPECT_EQ(DefaultThreads(), ThreadCount());
  EXPECT_TRUE(AllMeet());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(AllMeet()) << "after a sleep";
}

TEST_F(ThreadsStdFork, TheAffinityMaskOfTheProcessCounts) {
  EXPECT_EQ(ExitCodeOfChild([] {
              cpu_set_t set;
              CPU_ZERO(&set);
              CPU_SET(sched_getcpu(), &set);
              if (sched_setaffinity(0, sizeof(set), &set) != 0 || ThreadCount() != 1) return false;
              int tasks = 0;
              ForEach(3, [&](size_t) { ++tasks; });
              return tasks == 3 && LiveThreads() == 1;
            }),
            0);
}

// A pool that a thread makes that is bound to one CPU is not bound to it.
TEST_F(ThreadsStdFork, ThePoolHasTheCpusOfTheProcess) {
  EXPECT_EQ(ExitCodeOfChild([] {
              cpu_set_t process;
              sched_getaffinity(0, sizeof(process), &process);
              bool ok = false;
              std::thread([&] {
                cpu_set_t one;
                CPU_ZERO(&one);
                CPU_SET(sched_getcpu(), &one);
                sched_setaffinity(0, sizeof(one), &one);
                const auto bound = std::this_thread::get_id();
                ok = AllMeet();
                std::atomic<bool> free{true};
                Meeting meeting(ThreadCount());
                ForEach(ThreadCount(), [&](size_t) {
                  meeting.Wait();
                  cpu_set_t mine;
                  sched_getaffinity(0, sizeof(mine), &mine);
                  if (std::this_thread::get_id() != bound && !CPU_EQUAL(&mine, &process)) free = false;
                });
                ok = ok && free;
              }).join();
              return ok;
            }),
            0);
}

TEST_F(ThreadsStd, EachIndexIsRunOnceForManyCallersAtATime) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < (kSanitized ? 200 : 2000); ++round) {
        std::vector<std::atomic<int>> runs(static_cast<size_t>(2 + round % 9));
        ForEach(runs.size(), [&](size_t index) { ++runs[index]; });
        for (const std::atomic<int>& count : runs) wrong += count == 1 ? 0 : 1;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ThreadsStd, AreMadeOnce) {
  ASSERT_TRUE(AllMeet());
  const size_t threads = LiveThreads();
  EXPECT_GE(threads, ThreadCount());
  for (int i = 0; i < 100; ++i) ForEach(7, [](size_t) {});
  EXPECT_EQ(LiveThreads(), threads);
}

TEST_F(ThreadsStd, TheCallerWaitsForTasksThatTakeLonger) {
  const std::thread::id caller = std::this_thread::get_id();
  Meeting meeting(ThreadCount());
  std::atomic<size_t> ended{0};
  ForEach(ThreadCount(), [&](size_t) {
    meeting.Wait();
    if (std::this_thread::get_id() != caller) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    ++ended;
  });
  EXPECT_EQ(ended, ThreadCount());
}

TEST_F(ThreadsStd, NestedRunsAreSerial) {
  std::atomic<int> wrong{0};
  std::atomic<int> runs{0};
  ForEach(ThreadCount(), [&](size_t index) {
    if (ThreadCount() != 1) ++wrong;
    if (index != 0) return;  // so that there are threads that could help
    const std::thread::id self = std::this_thread::get_id();
    ForEach(5, [&](size_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ++runs;
      if (std::this_thread::get_id() != self) ++wrong;
    });
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(runs, 5);
}

std::atomic<bool> handled{false};

TEST_F(ThreadsStd, HandleNoSignals) {
  ASSERT_TRUE(AllMeet());
  // A process that has no other threads, so that the signal has nobody but them and its main thread.
  if (LiveThreads() != ThreadCount()) GTEST_SKIP();
  std::signal(SIGUSR1, [](int) { handled = true; });
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &signals, &before), 0);
  ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(handled) << "by a thread of the pool";
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  EXPECT_TRUE(handled);
  std::signal(SIGUSR1, SIG_DFL);
}

// The parent's threads hold its locks, or work, at the moment of the fork, but none of them is only starting: that
// allocates under ASan, whose allocator's locks (GCC 12) stay locked in the child if another thread had one. Then the
// child's thread hangs in pthread_getattr_np, before it runs anything of ours.
TEST_F(ThreadsStdFork, ChildrenMakeThemselvesAPool) {
  ASSERT_TRUE(AllMeet());
  std::atomic<bool> stop{false};
  std::atomic<int> started{0};
  std::vector<std::thread> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back([&] {
      ++started;
      while (!stop) ForEach(4, [](size_t) {});
    });
  }
  while (started < 2) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(ExitCodeOfChild(AllMeet), 0);
  stop = true;
  for (std::thread& thread : busy) thread.join();
  EXPECT_TRUE(AllMeet());
}

#ifndef POLYPHASE_TEST_TSAN
TEST_F(ThreadsStdFork, RunsAreSerialWhereNoThreadCanBeMade) {
  const ConvLayer layer;
  const std::vector<float> expected = layer.Expected();
  PlanOptions options;
  options.num_threads = 4;
  const Plan plan = *layer.Create()->MakePlan(layer.Input(), options);
  EXPECT_EQ(ExitCodeOfChild([&] {
              no_more_threads = true;
              std::vector<float> output = layer.Output();
              return plan.Run(layer.input.data(), output.data()).ok() && output == expected && LiveThreads() == 1;
            }),
            0);
}
#endif

// exit() while a thread is in a run, and runs of objects that are destroyed after the pool.
TEST_F(ThreadsStdFork, TheProcessMayExitDuringARun) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ExitCodeOfChild([] {
                static const struct AtTheEnd {
                  ~AtTheEnd() {
                    std::atomic<int> runs{0};
                    ForEach(3, [&](size_t) { ++runs; });
                    if (runs != 3) _exit(2);
                    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // in which the others go on
                  }
                } at_the_end;
                for (int caller = 0; caller < 2; ++caller) {
                  std::thread([] {
                    for (;;) ForEach(4, [](size_t) {});
                  }).detach();
                }
                if (!AllMeet()) return false;
                std::exit(0);
              }),
              0);
  }
}

}  // namespace
}  // namespace polyphase::testing
