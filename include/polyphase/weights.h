// Weights and Numerics: in which type weights are given, and how exactly an operator computes with them.
#ifndef POLYPHASE_WEIGHTS_H_
#define POLYPHASE_WEIGHTS_H_

#include <cstdint>

#include "polyphase/polyphase_c.h"
#include "polyphase/tensor.h"

namespace polyphase {

// The weights of a Create function, which states their order. They are copied, so they need not outlive the call. Types
// are kF32, kF16 and kBF16, of which the latter two become f32 at Create; every other DataType is kUnsupported.
struct Weights {
  const void* data = nullptr;
  DataType type = DataType::kF32;

  Weights() = default;
  Weights(const float* values) : data(values) {}  // NOLINT(google-explicit-constructor): f32 weights are a pointer
  Weights(const void* values, DataType values_type) : data(values), type(values_type) {}
};

// How exactly an operator computes its sums of products. Each value permits what the values before it permit, and more;
// a value promises an accuracy, never a speed. An error is the Euclidean norm of the difference from the exact output,
// divided by the norm of the exact output. The bounds hold for tensors and weights that are random numbers around 0 and
// for up to 2048 products per output. Beyond that errors grow with the square root of the number of products, and if
// sums cancel, they grow relative to the output, both as they do for any sum in f32. An output of f16 or bf16 is then
// rounded once, by up to 2^-11 or 2^-8 of its value.
//
// Numbers below 2^-126 (denormals) make a CPU slow. With every value but kStrict they count as 0, as operands of these
// sums and of their epilogues and as results, on x86 and AArch64. All other ops keep them.
//
// Plan::Describe() names the algorithm and, where numbers are multiplied in bf16, by what (Algorithm::kMatrix). With
// every value, results have the same bits for every number of threads, every position in a batch and every run. Between
// targets, and between kernels that lead to different algorithms, they differ within these bounds. Inputs and weights
// that are inf or NaN reach the outputs that depend on them. With Winograd they also make other outputs of the same
// tiles inf or NaN, those of up to 7 neighbouring positions along each axis (a position has one output of every phase).
// Ops without sums of products (shuffles, pooling, conversions) and resize without a 1x1 convolution accept every
// value, and it has no effect on them.
enum class Numerics : int32_t {
  // Permits nothing but sums of f32 multiply-adds, in an order that the algorithm fixes, and keeps denormals. The error
  // is that of such sums, 1e-7 to 9e-7.
  kStrict = PPH_NUMERICS_STRICT,
  // The error is at most 1e-6 (or that of kStrict, where this is larger). Permits algorithms that add first and
  // multiply fewer times (Winograd, tiles of 4 and 6 inputs), and products of several narrower numbers, as long as they
  // are that exact.
  kDefault = PPH_NUMERICS_DEFAULT,
  // The error is at most 1e-5. Permits larger Winograd tiles (8 inputs) and fewer narrower products.
  kFast = PPH_NUMERICS_FAST,
  // The error is at most 3e-3. Permits inputs and weights that are rounded to bf16; sums are f32. CPUs that do not
  // multiply bf16 faster compute in f32.
  kBf16 = PPH_NUMERICS_BF16,
};

}  // namespace polyphase

#endif  // POLYPHASE_WEIGHTS_H_
