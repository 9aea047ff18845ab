// ConvResult: the values that the oracles of the convolutions yield, and all that their tolerance depends on.
#ifndef POLYPHASE_TESTS_REF_CONV_RESULT_H_
#define POLYPHASE_TESTS_REF_CONV_RESULT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/ref/tensor.h"

namespace polyphase::ref {

struct ConvResult {
  Tensor<double> value;
  // The error of an f32 sum depends on these, for each output: the sum of |input * weight| and |bias|, and the number
  // of summands (the same for all n and c, so one value per pixel).
  Tensor<double> magnitude;
  std::vector<int64_t> terms;
  // Says whether weights may be summed before they are multiplied.
  bool folded = false;

  // Bounds the error of any order of summation in f32, with or without FMA, before the epilogue; i is an index of
  // value.data. The sum of T weights is off by at most T - 1 roundings of partial sums and one to f32, relative to the
  // sum of their magnitudes; in exchange, at least T - 1 products fewer are summed. This is one rounding more than
  // without folding.
  double Bound(size_t i) const {
    return static_cast<double>(terms[i % terms.size()] + (folded ? 5 : 4)) * 0x1p-24 * magnitude.data[i];
  }
};

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_CONV_RESULT_H_
