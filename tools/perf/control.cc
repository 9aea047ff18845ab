// Never to be changed, nor how much either of them does: the times of old comparisons in the history are divided by those
// of these kernels.
#include "control.h"

#include <cstddef>
#include <memory>

// The best of these that the CPU runs, whatever the compiler was told about it.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define FOR_EVERY_CPU __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define FOR_EVERY_CPU
#endif

namespace polyphase::perf {
namespace {

constexpr size_t kAccumulators = 12;
constexpr size_t kLanes = 16;
constexpr size_t kPasses = 250000;
constexpr size_t kFloats = size_t{1} << 20;  // of each of the two arrays

volatile float sink;

FOR_EVERY_CPU void MultiplyAdd() {
  typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
  Vector sums[kAccumulators];
  const Vector factor = Vector{} + 0.999f;
  const Vector summand = Vector{} + 0.5f;
  for (size_t i = 0; i < kAccumulators; ++i) sums[i] = Vector{} + static_cast<float>(i);
  for (size_t pass = 0; pass < kPasses; ++pass) {
#pragma GCC unroll 12
    for (size_t i = 0; i < kAccumulators; ++i) sums[i] = sums[i] * factor + summand;
  }
  Vector sum{};
  for (size_t i = 0; i < kAccumulators; ++i) sum += sums[i];
  sink = sum[0];
}

}  // namespace

void ControlCompute() { MultiplyAdd(); }

void ControlMemory() {
  static const std::unique_ptr<float[]> from(new float[kFloats]());
  static const std::unique_ptr<float[]> to(new float[kFloats]());
  for (size_t i = 0; i < kFloats; ++i) to[i] = from[i] + 1.0f;
  sink = to[kFloats / 2];
}

}  // namespace polyphase::perf
