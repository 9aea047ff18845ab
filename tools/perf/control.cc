// Never to be changed, nor how much either of them does: the times of old comparisons in the history are divided by
// those of these kernels.
#include "control.h"

#include <cstddef>
#include <memory>

// With FMA instructions where the CPU has them, whatever the compiler was told about it.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define FOR_EVERY_CPU __attribute__((target_clones("fma", "default")))
#else
#define FOR_EVERY_CPU
#endif

namespace polyphase::perf {
namespace {

constexpr size_t kPasses = 250000;
constexpr size_t kFloats = size_t{1} << 20;  // of each of the two arrays

volatile float sink;

// 12 independent sums keep two units of 4 or 5 cycles' latency busy. They are named because GCC leaves arrays of
// vectors in memory.
FOR_EVERY_CPU void MultiplyAdd() {
  typedef float Vector __attribute__((vector_size(8 * sizeof(float))));
  const Vector zero{};
  const Vector f = zero + 0.999f;
  const Vector s = zero + 0.5f;
  Vector a0 = zero, a1 = zero + 1, a2 = zero + 2, a3 = zero + 3, a4 = zero + 4, a5 = zero + 5;
  Vector a6 = zero + 6, a7 = zero + 7, a8 = zero + 8, a9 = zero + 9, a10 = zero + 10, a11 = zero + 11;
  for (size_t pass = 0; pass < kPasses; ++pass) {
    a0 = a0 * f + s;
    a1 = a1 * f + s;
    a2 = a2 * f + s;
    a3 = a3 * f + s;
    a4 = a4 * f + s;
    a5 = a5 * f + s;
    a6 = a6 * f + s;
    a7 = a7 * f + s;
    a8 = a8 * f + s;
    a9 = a9 * f + s;
    a10 = a10 * f + s;
    a11 = a11 * f + s;
  }
  const Vector sum = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11;
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
