// Roofline: the register-only FMA loop and the streaming loops for every SIMD target, and the threads that time them.
#include "bench/roofline.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "polyphase/runtime.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/roofline.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Computes `passes` times a multiply-add on 12 independent vectors and returns the FLOP. With the two operands they fit
// into 16 vector registers, and they keep two FMA units of 4 or 5 cycles' latency busy.
HWY_ATTR double FmaLoop(size_t passes, float factor, float summand, float* result) {
  const hn::ScalableTag<float> d;
  const auto f = hn::Set(d, factor);
  const auto s = hn::Set(d, summand);
  auto a0 = hn::Set(d, 0.f), a1 = hn::Set(d, 1.f), a2 = hn::Set(d, 2.f), a3 = hn::Set(d, 3.f);
  auto a4 = hn::Set(d, 4.f), a5 = hn::Set(d, 5.f), a6 = hn::Set(d, 6.f), a7 = hn::Set(d, 7.f);
  auto a8 = hn::Set(d, 8.f), a9 = hn::Set(d, 9.f), a10 = hn::Set(d, 10.f), a11 = hn::Set(d, 11.f);
  for (size_t i = 0; i < passes; ++i) {
    // This is a * f + s rather than f * s + a: without FMA instructions, the invariant product would move out of the
    // loop.
    a0 = hn::MulAdd(a0, f, s);
    a1 = hn::MulAdd(a1, f, s);
    a2 = hn::MulAdd(a2, f, s);
    a3 = hn::MulAdd(a3, f, s);
    a4 = hn::MulAdd(a4, f, s);
    a5 = hn::MulAdd(a5, f, s);
    a6 = hn::MulAdd(a6, f, s);
    a7 = hn::MulAdd(a7, f, s);
    a8 = hn::MulAdd(a8, f, s);
    a9 = hn::MulAdd(a9, f, s);
    a10 = hn::MulAdd(a10, f, s);
    a11 = hn::MulAdd(a11, f, s);
  }
  const auto sum0 = hn::Add(hn::Add(a0, a1), hn::Add(a2, a3));
  const auto sum1 = hn::Add(hn::Add(a4, a5), hn::Add(a6, a7));
  const auto sum2 = hn::Add(hn::Add(a8, a9), hn::Add(a10, a11));
  *result = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), sum2)));
  return 2.0 * 12 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(passes);
}

// The streaming loops take `count` floats, a multiple of 4 vectors (see kSliceFloats), at vector-aligned pointers.

HWY_ATTR void ReadLoop(const float* HWY_RESTRICT from, float* HWY_RESTRICT result, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  auto a0 = hn::Zero(d), a1 = hn::Zero(d), a2 = hn::Zero(d), a3 = hn::Zero(d);
  for (size_t i = 0; i < count; i += 4 * lanes) {
    a0 = hn::Add(a0, hn::Load(d, from + i));
    a1 = hn::Add(a1, hn::Load(d, from + i + lanes));
    a2 = hn::Add(a2, hn::Load(d, from + i + 2 * lanes));
    a3 = hn::Add(a3, hn::Load(d, from + i + 3 * lanes));
  }
  *result = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a0, a1), hn::Add(a2, a3))));
}

template <bool kNonTemporal, class D, class V>
HWY_ATTR HWY_INLINE void Put(D d, V v, float* to) {
  if constexpr (kNonTemporal) {
    hn::Stream(v, d, to);
  } else {
    hn::Store(v, d, to);
  }
}

template <bool kNonTemporal>
HWY_ATTR HWY_INLINE void Fill(float* HWY_RESTRICT to, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto v = hn::Set(d, 1.f);
  for (size_t i = 0; i < count; i += 4 * lanes) {
    Put<kNonTemporal>(d, v, to + i);
    Put<kNonTemporal>(d, v, to + i + lanes);
    Put<kNonTemporal>(d, v, to + i + 2 * lanes);
    Put<kNonTemporal>(d, v, to + i + 3 * lanes);
  }
  if constexpr (kNonTemporal) hwy::FlushStream();
}

template <bool kNonTemporal>
HWY_ATTR HWY_INLINE void Copy(const float* HWY_RESTRICT from, float* HWY_RESTRICT to, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < count; i += 4 * lanes) {
    const auto v0 = hn::Load(d, from + i);
    const auto v1 = hn::Load(d, from + i + lanes);
    const auto v2 = hn::Load(d, from + i + 2 * lanes);
    const auto v3 = hn::Load(d, from + i + 3 * lanes);
    Put<kNonTemporal>(d, v0, to + i);
    Put<kNonTemporal>(d, v1, to + i + lanes);
    Put<kNonTemporal>(d, v2, to + i + 2 * lanes);
    Put<kNonTemporal>(d, v3, to + i + 3 * lanes);
  }
  if constexpr (kNonTemporal) hwy::FlushStream();
}

HWY_ATTR void FillLoop(const float*, float* to, size_t count) { Fill<false>(to, count); }
HWY_ATTR void FillNtLoop(const float*, float* to, size_t count) { Fill<true>(to, count); }
HWY_ATTR void CopyLoop(const float* from, float* to, size_t count) { Copy<false>(from, to, count); }
HWY_ATTR void CopyNtLoop(const float* from, float* to, size_t count) { Copy<true>(from, to, count); }

}  // namespace HWY_NAMESPACE
}  // namespace polyphase::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::bench {
namespace {

HWY_EXPORT(FmaLoop);
HWY_EXPORT(ReadLoop);
HWY_EXPORT(FillLoop);
HWY_EXPORT(FillNtLoop);
HWY_EXPORT(CopyLoop);
HWY_EXPORT(CopyNtLoop);

// The share of a thread in the footprint is a multiple of this: four vectors of any target and whole pages.
constexpr size_t kSliceFloats = 1024;
// A streaming run passes over at least this many floats: 4 MiB, a tenth of a millisecond in any cache.
constexpr size_t kStreamedFloats = size_t{1} << 20;
// This is about a millisecond of FmaLoop: long compared with the clock, short compared with a neighbour's time slice.
constexpr size_t kFmaPasses = 200 * 1000;

std::string LowerCaseName(int64_t target) {
  std::string name = hwy::TargetName(target);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

// Returns the targets of this file that the CPU runs. A better target is a lower bit.
std::vector<int64_t> TargetBits() {
  std::vector<int64_t> bits;
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) bits.push_back(left & -left);
  return bits;
}

// Returns where the dispatch tables have the target.
size_t TableIndex(const std::string& target) {
  for (const int64_t bit : TargetBits()) {
    if (LowerCaseName(bit) != target) continue;
    if constexpr ((HWY_TARGETS & (HWY_TARGETS - 1)) == 0) return 0;  // HWY_EXPORT made a table of one
    hwy::ChosenTarget chosen;
    chosen.Update(bit);
    return chosen.GetIndex();
  }
  throw std::runtime_error("target '" + target + "' was not compiled into the benchmark or does not run on this CPU");
}

// Lets all threads pass when all have come. It spins, because threads that were asleep would not start together.
class SpinBarrier {
 public:
  explicit SpinBarrier(size_t threads) : threads_(threads) {}

  void Wait() {
    const size_t round = round_.load();
    if (waiting_.fetch_add(1) + 1 == threads_) {
      waiting_.store(0);
      round_.store(round + 1);
    } else {
      while (round_.load() == round) std::this_thread::yield();
    }
  }

 private:
  const size_t threads_;
  std::atomic<size_t> waiting_{0};
  std::atomic<size_t> round_{0};
};

// Calls body(thread) on all threads at once, `repetitions` times. Returns the shortest time in seconds from the start
// of the first thread to the end of the last.
template <class Body>
double BestSeconds(size_t threads, int repetitions, const Body& body) {
  using Clock = std::chrono::steady_clock;
  struct alignas(128) Span {  // a cache line pair of its own
    Clock::time_point begin, end;
  };
  std::vector<Span> spans(threads);
  SpinBarrier barrier(threads);
  double best = 0;
  const auto work = [&](size_t thread) {
    for (int i = 0; i < repetitions; ++i) {
      barrier.Wait();
      spans[thread].begin = Clock::now();
      body(thread);
      spans[thread].end = Clock::now();
      barrier.Wait();
      if (thread != 0) continue;
      Span all = spans[0];
      for (const Span& span : spans) {
        all.begin = std::min(all.begin, span.begin);
        all.end = std::max(all.end, span.end);
      }
      const double seconds = std::chrono::duration<double>(all.end - all.begin).count();
      if (i == 0 || seconds < best) best = seconds;
    }
  };
  std::vector<std::thread> others;
  for (size_t thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
  work(0);
  for (std::thread& other : others) other.join();
  return best;
}

// Keeps results that nobody wants from being optimised away.
std::atomic<float> sink;

}  // namespace

double StreamingSpeeds::Best() const { return std::max({read, fill, fill_nt, copy, copy_nt}); }

Roofline::Roofline()
    : floats_(std::max<size_t>(4 * Caches().l3, size_t{256} << 20) / sizeof(float) / (2 * kSliceFloats) *
              (2 * kSliceFloats)),
      memory_(static_cast<float*>(::operator new[](floats_ * sizeof(float), std::align_val_t{4096})),
              [](float* memory) { ::operator delete[](memory, std::align_val_t{4096}); }) {
  std::fill(memory_.get(), memory_.get() + floats_, 1.0f);
}

std::vector<std::string> Roofline::Targets() {
  std::vector<std::string> names;
  for (const int64_t bit : TargetBits()) names.push_back(LowerCaseName(bit));
  return names;
}

double Roofline::FmaFlops(const std::string& target, size_t threads, int repetitions) const {
  const auto loop = HWY_DISPATCH_TABLE(FmaLoop)[TableIndex(target)];
  std::atomic<double> flop{0};
  const double seconds = BestSeconds(threads, repetitions, [&](size_t) {
    float result;
    flop.store(loop(kFmaPasses, 0.5f, 1.0f, &result));
    sink.store(result);
  });
  return static_cast<double>(threads) * flop.load() / seconds;
}

StreamingSpeeds Roofline::Streaming(const std::string& target, size_t threads, size_t bytes, int repetitions) const {
  const size_t index = TableIndex(target);
  // The floats per thread of one tensor, and of each of the two tensors of a copy, are slices of whole pages.
  const size_t most = floats_ / threads;
  const auto slice = [](size_t floats) { return std::max(floats / kSliceFloats, size_t{1}) * kSliceFloats; };
  const size_t all = slice(std::min(bytes / sizeof(float), most));
  const size_t half = slice(std::min(bytes / sizeof(float), most) / 2);
  const size_t passes = std::max<size_t>(1, kStreamedFloats / all);
  float* const base = memory_.get();
  float* const upper = base + floats_ / 2;

  const auto rate = [&](size_t count, int tensors, const auto& body) {
    const double seconds = BestSeconds(threads, repetitions, [&](size_t thread) {
      for (size_t pass = 0; pass < passes; ++pass) body(thread * count, count);
    });
    return static_cast<double>(passes * threads * count * sizeof(float)) * tensors / seconds;
  };
  const auto write = [&](auto loop) {
    return rate(all, 1, [&](size_t begin, size_t count) { loop(nullptr, base + begin, count); });
  };
  const auto copy = [&](auto loop) {
    return rate(half, 2, [&](size_t begin, size_t count) { loop(base + begin, upper + begin, count); });
  };
  StreamingSpeeds speeds;
  speeds.read = rate(all, 1, [&](size_t begin, size_t count) {
    float result;
    HWY_DISPATCH_TABLE(ReadLoop)[index](base + begin, &result, count);
    sink.store(result);
  });
  speeds.fill = write(HWY_DISPATCH_TABLE(FillLoop)[index]);
  speeds.fill_nt = write(HWY_DISPATCH_TABLE(FillNtLoop)[index]);
  speeds.copy = copy(HWY_DISPATCH_TABLE(CopyLoop)[index]);
  speeds.copy_nt = copy(HWY_DISPATCH_TABLE(CopyNtLoop)[index]);
  return speeds;
}

Peaks Roofline::Now(const std::string& target, size_t threads) const {
  return {FmaFlops(target, threads, 10), Streaming(target, threads, footprint(), 3).Best()};
}

void Roofline::EvictCaches(size_t threads) const {
  const auto fill = HWY_DISPATCH_TABLE(FillLoop)[TableIndex(Targets().front())];
  const size_t part = floats_ / threads / kSliceFloats * kSliceFloats;
  for (size_t turn = 0; turn < threads; ++turn) {  // each thread passes over all parts, none over another's
    BestSeconds(threads, 1,
                [&](size_t thread) { fill(nullptr, memory_.get() + (thread + turn) % threads * part, part); });
  }
}

}  // namespace polyphase::bench
#endif  // HWY_ONCE
