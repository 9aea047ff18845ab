// ConvResult: the values that the oracles of the convolutions yield, and all that their tolerance depends on.
#ifndef POLYPHASE_TESTS_REF_CONV_RESULT_H_
#define POLYPHASE_TESTS_REF_CONV_RESULT_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "polyphase/epilogue.h"
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
  double Bound(size_t i) const { return Bound(i, magnitude.data[i]); }
  // The same where the magnitudes of output i have another sum.
  double Bound(size_t i, double sum) const {
    return static_cast<double>(terms[i % terms.size()] + (folded ? 5 : 4)) * 0x1p-24 * sum;
  }
};

// Bounds the error of every output before the epilogue, whose scale and shift the library folds into weights and bias.
inline Tensor<double> BoundWithConstants(const ConvResult& result, const Epilogue& e) {
  Tensor<double> bound = result.magnitude;
  for (size_t i = 0; i < bound.data.size(); ++i) {
    // A shift is summed with the bias and the products, before it is scaled here.
    const auto c = i / result.terms.size() % static_cast<size_t>(bound.c);
    const double scale = e.scale == nullptr ? 1.0 : std::fabs(static_cast<double>(e.scale[c]));
    const double shift = e.shift == nullptr || scale == 0 ? 0.0 : std::fabs(static_cast<double>(e.shift[c])) / scale;
    const double magnitude = result.magnitude.data[i] + shift;
    // A scale is rounded into each weight.
    bound.data[i] = result.Bound(i, magnitude) + (e.scale == nullptr ? 0.0 : 2 * 0x1p-24 * magnitude);
  }
  return bound;
}

// Returns how far the results of a plan may be from the oracle beyond their own bounds, in the largest bound of an f32
// sum: 0 but for Winograd's algorithm. Its tiles of 6 and 8 inputs add and subtract multiples of up to 5.25 of all
// inputs of a tile. Those of 4 inputs add and subtract the inputs themselves, and products by up to four inputs that an
// output does not depend on cancel: a small output among large ones had 1.3 times its own bound, and none of 58 layers
// more than 0.09 of the largest. They are less than 1 here. `plan` is what the plan says of itself.
constexpr double kAmplificationOf4 = 0.25;
inline double Amplification(const std::string& plan) {
  constexpr char kForm[] = "winograd F(";
  double most = 0;  // the borders may have another form
  for (size_t form = plan.find(kForm); form != std::string::npos; form = plan.find(kForm, form + 1)) {
    double amplification = kAmplificationOf4;
    size_t at = form + std::string(kForm).size();
    for (size_t r = plan.find(", ", at) + 2;; ++at, ++r) {
      const int n = (plan[at] - '0') + (plan[r] - '0') - 1;  // every m and r has one digit
      if (n > 4) amplification = std::max(amplification, 1.0) * (n == 6 ? 8 : 24);
      ++at, ++r;
      if (plan[at] != 'x') break;
    }
    most = std::max(most, amplification);
  }
  return most;
}

// Returns by how many times its own bound the result of an output of `terms` products may be farther from the oracle
// where the plan multiplies parts of numbers in bf16: 0 elsewhere. With M the sum of |input * weight| and u = 2^-8, the
// most that rounding to bf16 changes a number, relative to it:
// - One product has operands that are off by u each, and its error is 2u + u^2 of M.
// - Three leave out lower * lower, u^2, and what two parts do not have of each operand, u^2 each.
// - Six leave out three products of at most u^3, u^3 and u^4, and what three parts do not have, u^3 each.
// Sums are rounded besides. The one of the products of the first parts is an f32 sum as others are, of magnitudes up to
// (1 + u)^2 of M. The second one has at most 5 products for each term, of magnitudes that are 2u + 3u^2 of M together:
// it loses 0.05 roundings of M for each term. The two are added, and the last rounding to f32 of M is one more.
//
// AMX has one sum. An instruction rounds a sum of 32 products, and adds it to the others, which is one rounding of M
// more for each product of every 32 channels of each tap: of every term, if there is one channel.
class ProductError {
 public:
  // `plan` is its description.
  explicit ProductError(const std::string& plan) {
    const auto has = [&](const char* text) { return plan.find(text) != std::string::npos; };
    for (const int products : {1, 3, 6}) {
      if (has((" " + std::to_string(products) + " bf16 product").c_str())) products_ = products;
    }
    amx_ = has("tdpbf16ps");
  }

  // Returns the error of a sum of `terms` products, relative to the bound of an f32 sum.
  double operator()(int64_t terms) const {
    constexpr double u = 0x1p-8, kRounding = 0x1p-24;
    const auto t = static_cast<double>(terms);
    double error = 0;  // relative to M
    if (products_ == 1) error = 2.1 * u + 0.01 * t * kRounding;
    if (products_ == 3) error = 3.1 * u * u + (0.06 * t + 2) * kRounding;
    if (products_ == 6) error = 4.1 * u * u * u + (0.06 * t + 2) * kRounding;
    if (amx_) error += products_ * t * kRounding;
    return error / ((t + 4) * kRounding);  // the bound of an f32 sum is at least that
  }

 private:
  int products_ = 0;
  bool amx_ = false;
};

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_CONV_RESULT_H_
