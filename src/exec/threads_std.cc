// A pool of std::thread, one for each CPU that the process may use, less one: the calling thread works as well.
//
// A caller runs its own job and the pool only helps, so that a run always ends: when the pool is busy, when it has no
// threads because none could be made, and in the child of a fork, which has none of its parent's.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "base/try.h"
#include "exec/threads.h"

#ifdef __linux__
#include <sched.h>
#endif
#ifndef _WIN32
#include <signal.h>
#include <unistd.h>
#endif

namespace polyphase::internal {
namespace {

// The CPUs that the process may use, which may be more than those of the calling thread.
class Cpus {
 public:
  size_t count() const noexcept { return count_; }

#ifdef __linux__
  Cpus() noexcept : known_(sched_getaffinity(getpid(), sizeof(set_), &set_) == 0) {
    if (known_) count_ = static_cast<size_t>(CPU_COUNT(&set_));
  }
  // Lets the calling thread use all of them.
  void Bind() const noexcept {
    if (known_) sched_setaffinity(0, sizeof(set_), &set_);
  }

 private:
  cpu_set_t set_;
  bool known_;  // machines with more than 1024 CPUs have larger sets
#else
  void Bind() const noexcept {}

 private:
#endif
  size_t count_ = std::max(1u, std::thread::hardware_concurrency());
};

// While it lives, threads are made that leave the signals of the process to the program's own threads: a handler that
// calls exit() must not run on a thread that exit() waits for. Those that a thread raises itself stay, and profilers'.
class SignalMask {
 public:
#ifdef _WIN32
  SignalMask() noexcept {}
#else
  SignalMask() noexcept {
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGSEGV, SIGSYS, SIGTRAP}) sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalMask() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
#endif
};

#ifdef _WIN32
int Process() noexcept { return 0; }  // there is no fork
#else
pid_t Process() noexcept { return getpid(); }
#endif

// Whether this thread is in a task, whose nested runs are serial.
thread_local bool in_task = false;

// How often a thread that has nothing to do looks again before it sleeps. Layers of a network follow each other within
// microseconds, while waking a sleeper takes tens of them; a look takes about half a microsecond.
constexpr int kLooks = 100;

class Pool {
 public:
  explicit Pool(const Pool* left_by_fork) noexcept : parents(left_by_fork) {
    const Cpus cpus;
    const SignalMask mask;
    const auto make_threads = [&] {
      threads_.reserve(cpus.count() - 1);
      while (threads_.size() + 1 < cpus.count()) {
        threads_.emplace_back([this, cpus] {
          cpus.Bind();
          Work();
        });
      }
    };
    Try(make_threads, [] {});  // no memory for more threads, or a limit is reached: those that there are will do
  }
  ~Pool() { Stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const Pool* const parents;  // what a fork has left behind, if anything, so that leak checkers know it

  bool IsOfThisProcess() const noexcept { return process_ == Process(); }

  void Run(size_t count, pph_task task, void* context) noexcept {
    Job job{task, context, count};
    std::unique_lock<std::mutex> lock(mutex_);
    *Find(nullptr) = &job;
    lock.unlock();
    for (size_t i = 1; i < count && i <= threads_.size(); ++i) wake_.notify_one();

    lock.lock();
    while (job.next < job.count) RunOne(&job, lock);
    for (int look = 0; look < kLooks && job.running > 0; ++look) {
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
    job.done.wait(lock, [&] { return job.running == 0; });
  }

  // Ends the threads. Whoever is in Run goes on alone.
  void Stop() noexcept {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  // A call of Run, on its stack.
  struct Job {
    pph_task task;
    void* context;
    size_t count;
    size_t next = 0;     // the first index that nobody has taken
    size_t running = 0;  // tasks that have not returned
    std::atomic<Job*> later{nullptr};
    std::condition_variable done{};
  };

  // Returns the link to `job`, or the last one if it is null. Only jobs with an index that nobody has taken are linked.
  std::atomic<Job*>* Find(const Job* job) noexcept {
    std::atomic<Job*>* link = &first_;
    while (*link != job) link = &link->load()->later;
    return link;
  }

  // Runs the next index of `job`, without the lock.
  void RunOne(Job* job, std::unique_lock<std::mutex>& lock) noexcept {
    const size_t index = job->next++;
    if (job->next == job->count) *Find(job) = job->later.load();
    ++job->running;
    lock.unlock();
    job->task(job->context, index);
    lock.lock();
    if (--job->running == 0 && job->next == job->count) job->done.notify_one();
  }

  void Work() noexcept {
    in_task = true;
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stop_) {
      if (Job* const job = first_) {
        RunOne(job, lock);
        continue;
      }
      lock.unlock();
      for (int look = 0; look < kLooks && first_ == nullptr; ++look) std::this_thread::yield();
      lock.lock();
      wake_.wait(lock, [this] { return first_ != nullptr || stop_; });
    }
  }

  const decltype(Process()) process_ = Process();
  std::mutex mutex_;  // for all that follows, and the jobs; first_ may be read without it
  std::condition_variable wake_;
  std::atomic<Job*> first_{nullptr};
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

std::atomic<Pool*> pool{nullptr};
std::atomic<size_t> callers{0};  // threads that may be using `pool`
std::atomic<bool> closed{false};

// Ends the pool when the process exits or the library is unloaded.
struct Closer {
  ~Closer() {
    closed = true;
    Pool* const last = pool;
    if (last == nullptr || !last->IsOfThisProcess()) return;
    last->Stop();
    // At exit another thread may still be in a run, which needs the pool's memory until the very end.
    if (callers == 0) delete pool.exchange(nullptr);
  }
};

// Returns the pool of this process, which it makes if there is none, or null where that is impossible.
Pool* ThePool() noexcept {
  Pool* current = pool;
  if (current != nullptr && current->IsOfThisProcess()) return current;
  auto* const made = new (std::nothrow) Pool(current);
  if (made == nullptr) return nullptr;
  if (!pool.compare_exchange_strong(current, made)) {  // another thread was quicker
    delete made;
    return current;
  }
  static const Closer closer;
  return made;
}

}  // namespace

const char* ThreadsName() noexcept { return "std"; }

size_t ThreadCount() noexcept { return in_task ? 1 : Cpus().count(); }

void RunOnThreads(size_t count, pph_task task, void* context) {
  const bool nested = std::exchange(in_task, true);
  ++callers;
  Pool* const helpers = nested || closed ? nullptr : ThePool();
  if (helpers != nullptr) {
    helpers->Run(count, task, context);
  } else {
    for (size_t i = 0; i < count; ++i) task(context, i);
  }
  --callers;
  in_task = nested;
}

}  // namespace polyphase::internal
