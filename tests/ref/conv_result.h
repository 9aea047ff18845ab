// ConvResult: what the oracles of the convolutions yield, values and all that their tolerance depends on.
#ifndef POLYPHASE_TESTS_REF_CONV_RESULT_H_
#define POLYPHASE_TESTS_REF_CONV_RESULT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/ref/tensor.h"

namespace polyphase::ref {

struct ConvResult {
  Tensor<double> value;
  // What the error of an f32 sum depends on, for each output: sum of |input * weight| and |bias|, and how many summands
  // there are (the same for all n and c: one value per pixel).
  Tensor<double> magnitude;
  std::vector<int64_t> terms;
  // Whether weights may be summed before they are multiplied.
  bool folded = false;

  // Bound of the error of any order of summation in f32, with or without FMA, before the epilogue; i is an index of
  // value.data. The sum of T weights is off by at most T - 1 roundings of partial sums and one to f32, relative to the
  // sum of their magnitudes; in exchange at least T - 1 products fewer are summed. This is one rounding more than
  // without folding.
  double Bound(size_t i) const {
    return static_cast<double>(terms[i % terms.size()] + (folded ? 5 : 4)) * 0x1p-24 * magnitude.data[i];
  }
};

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_CONV_RESULT_H_
