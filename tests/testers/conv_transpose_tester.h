// ConvTransposeTester: runs one layer on every target, algorithm and many layouts and compares with the oracle.
#ifndef POLYPHASE_TESTS_TESTERS_CONV_TRANSPOSE_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_CONV_TRANSPOSE_TESTER_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polyphase/conv_transpose.h"
#include "tests/ref/conv_transpose.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

inline const char* Name(Algorithm algorithm) {
  constexpr const char* kNames[] = {"auto", "subpixel", "gemm_col2im"};
  return kNames[static_cast<int>(algorithm)];
}

class ConvTransposeTester {
 public:
  ConvTransposeTester& Batch(int64_t n) { return batch_ = n, *this; }
  ConvTransposeTester& Channels(int64_t ic, int64_t oc) {
    attributes_.input_channels = ic;
    attributes_.output_channels = oc;
    return *this;
  }
  ConvTransposeTester& Groups(int64_t groups) { return attributes_.groups = groups, *this; }
  ConvTransposeTester& Input(int64_t h, int64_t w) { return h_ = h, w_ = w, *this; }
  ConvTransposeTester& Kernel(int64_t h, int64_t w) { return attributes_.kernel = {h, w, 1}, *this; }
  ConvTransposeTester& Stride(int64_t h, int64_t w) { return attributes_.stride = {h, w, 1}, *this; }
  ConvTransposeTester& Padding(int64_t h, int64_t w) { return Padding(h, w, h, w); }
  ConvTransposeTester& Padding(int64_t top, int64_t left, int64_t bottom, int64_t right) {
    attributes_.padding_begin = {top, left, 0};
    attributes_.padding_end = {bottom, right, 0};
    return *this;
  }
  ConvTransposeTester& OutputPadding(int64_t h, int64_t w) { return attributes_.output_padding = {h, w, 0}, *this; }
  ConvTransposeTester& OutputSize(int64_t h, int64_t w) { return output_size_ = {h, w, 0}, *this; }
  ConvTransposeTester& Dilation(int64_t h, int64_t w) { return attributes_.dilation = {h, w, 1}, *this; }
  ConvTransposeTester& NoBias() { return bias_ = false, *this; }
  ConvTransposeTester& Relu() { return attributes_.epilogue.activation = Activation::kRelu, *this; }
  ConvTransposeTester& LeakyRelu(float slope) {
    attributes_.epilogue.activation = Activation::kLeakyRelu;
    attributes_.epilogue.negative_slope = slope;
    return *this;
  }
  ConvTransposeTester& Clamp(float lower, float upper) {
    attributes_.epilogue.activation = Activation::kClamp;
    attributes_.epilogue.lower = lower;
    attributes_.epilogue.upper = upper;
    return *this;
  }
  ConvTransposeTester& Algorithms(std::vector<Algorithm> algorithms) {
    return algorithms_ = std::move(algorithms), *this;
  }
  ConvTransposeTester& OnlyTargets(std::vector<std::string> targets) { return targets_ = std::move(targets), *this; }
  // Default: the pairs of equal layouts and two random ones for each target and algorithm.
  ConvTransposeTester& Formats(std::vector<FormatPair> formats) { return formats_ = std::move(formats), *this; }
  ConvTransposeTester& Seed(uint32_t seed) { return seed_ = seed, *this; }

  std::string Describe() const {
    const auto pair = [](const SpatialSizes& s) { return std::to_string(s[0]) + "x" + std::to_string(s[1]); };
    const ConvTransposeAttributes& a = attributes_;
    std::ostringstream s;
    s << "conv_transpose n " << batch_ << " ic " << a.input_channels << " oc " << a.output_channels << " groups "
      << a.groups << " in " << h_ << "x" << w_ << " k " << pair(a.kernel) << " s " << pair(a.stride) << " p "
      << pair(a.padding_begin) << ":" << pair(a.padding_end) << " op " << pair(a.output_padding) << " d "
      << pair(a.dilation) << " out " << pair(output_size_) << " bias " << bias_ << " activation "
      << static_cast<int>(a.epilogue.activation);
    return s.str();
  }

  // Whole numbers must match exactly, random ones within the bound of an f32 sum.
  void Run() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    const Data integers = MakeData(true, rng);
    const Data reals = MakeData(false, rng);
    for (const std::string& target : RunTargets()) {
      const Operator exact = Create(integers, target, rng);
      const Operator rounded = Create(reals, target, rng);
      ForEachVariant(rng, [&](const PlanOptions& options, const FormatPair& formats) {
        SCOPED_TRACE(target + " " + Name(options.algorithm) + " " + Name(formats.first) + " -> " +
                     Name(formats.second));
        ref::Tensor<float> output;
        {
          const RunChoice choice = RandomChoice(rng);
          SCOPED_TRACE("whole numbers, " + Name(choice));
          ASSERT_TRUE(RunOnce(exact, target, options, choice, integers.input, InputDesc(formats.first),
                              OutputDesc(formats.second), output));
          ASSERT_TRUE(CompareTensors(output, integers.expected.value, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
            return output(n, c, y, x) == static_cast<float>(integers.expected.value(n, c, y, x));
          }));
        }
        const RunChoice choice = RandomChoice(rng);
        SCOPED_TRACE("random numbers, " + Name(choice));
        ASSERT_TRUE(RunOnce(rounded, target, options, choice, reals.input, InputDesc(formats.first),
                            OutputDesc(formats.second), output));
        ASSERT_TRUE(CompareTensors(output, reals.expected.value, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
          const double bound = reals.expected.Bound(attributes_.epilogue, n, c, y, x);
          return std::fabs(static_cast<double>(output(n, c, y, x)) - reals.expected.value(n, c, y, x)) <= bound;
        }));
      });
    }
  }

  // A NaN and an Inf in the input: they must reach the outputs that depend on them, and no others.
  void RunNonFinite() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    Data data = MakeData(false, rng);
    data.input(batch_ - 1, 0, h_ / 2, w_ / 2) = std::numeric_limits<float>::quiet_NaN();
    data.input(0, attributes_.input_channels - 1, 0, w_ - 1) = -std::numeric_limits<float>::infinity();
    Expect(data);
    for (const std::string& target : RunTargets()) {
      const Operator op = Create(data, target, rng);
      ForEachVariant(rng, [&](const PlanOptions& options, const FormatPair& formats) {
        const RunChoice choice = RandomChoice(rng);
        SCOPED_TRACE(target + " " + Name(options.algorithm) + " " + Name(formats.first) + " -> " +
                     Name(formats.second) + ", " + Name(choice));
        ref::Tensor<float> output;
        ASSERT_TRUE(RunOnce(op, target, options, choice, data.input, InputDesc(formats.first),
                            OutputDesc(formats.second), output));
        ASSERT_TRUE(CompareTensors(output, data.expected.value, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
          const double e = data.expected.value(n, c, y, x);
          const double v = static_cast<double>(output(n, c, y, x));
          if (std::isnan(e)) return std::isnan(v);
          const double bound = data.expected.Bound(attributes_.epilogue, n, c, y, x);
          return std::isfinite(bound) ? std::fabs(v - e) <= bound : v == e;
        }));
      });
    }
  }

  // The same image at every batch position, with 1, 2, 3 and 7 threads: bitwise equal results everywhere.
  void RunDeterminism() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    Data reals = MakeData(false, rng);
    const size_t image = reals.input.data.size() / static_cast<size_t>(batch_);
    for (int64_t n = 1; n < batch_; ++n) {
      std::copy_n(reals.input.data.begin(), image, reals.input.data.begin() + static_cast<int64_t>(image) * n);
    }
    for (const std::string& target : RunTargets()) {
      const Operator op = Create(reals, target, rng);
      ForEachVariant(rng, [&](const PlanOptions& options, const FormatPair& formats) {
        SCOPED_TRACE(target + " " + Name(options.algorithm) + " " + Name(formats.first) + " -> " +
                     Name(formats.second));
        ref::Tensor<float> first;
        for (const size_t threads : {1, 2, 3, 7}) {
          SCOPED_TRACE(std::to_string(threads) + " threads");
          RunChoice choice;
          choice.threads = threads;
          ref::Tensor<float> output;
          ASSERT_TRUE(RunOnce(op, target, options, choice, reals.input, InputDesc(formats.first),
                              OutputDesc(formats.second), output));
          if (first.data.empty()) first = output;
          ASSERT_TRUE(BitwiseEqual(output, first)) << "differs from 1 thread";
          ASSERT_TRUE(CompareTensors(output, output, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
            return SameBits(output(n, c, y, x), output(0, c, y, x));
          })) << "differs from batch position 0";
        }
      });
    }
  }

 private:
  struct Data {
    ref::Tensor<float> input;
    std::vector<float> weights;
    std::vector<float> bias;
    ref::ConvTransposeResult expected;
  };

  // With the output padding that output_size stands for.
  ConvTransposeAttributes EffectiveAttributes() const {
    ConvTransposeAttributes a = attributes_;
    if (output_size_[0] == 0) return a;
    a.output_padding = {};
    const int64_t in[] = {h_, w_};
    for (int axis = 0; axis < 2; ++axis) {
      a.output_padding[axis] = output_size_[axis] - ref::ConvTransposeOutputSize(a, axis, in[axis]);
    }
    return a;
  }

  TensorDesc InputDesc(const Format& format) const {
    return MakeDesc(DataType::kF32, format, batch_, attributes_.input_channels, h_, w_);
  }

  TensorDesc OutputDesc(const Format& format) const {
    const ConvTransposeAttributes a = EffectiveAttributes();
    return MakeDesc(DataType::kF32, format, batch_, a.output_channels, ref::ConvTransposeOutputSize(a, 0, h_),
                    ref::ConvTransposeOutputSize(a, 1, w_));
  }

  Data MakeData(bool integers, std::mt19937& rng) const {
    const ConvTransposeAttributes& a = attributes_;
    Data data;
    data.input = ref::Tensor<float>(batch_, a.input_channels, h_, w_);
    data.weights.resize(
        static_cast<size_t>(a.input_channels * (a.output_channels / a.groups) * a.kernel[0] * a.kernel[1]));
    if (bias_) data.bias.resize(static_cast<size_t>(a.output_channels));
    if (integers) {
      // terms * 8 * 8 < 2^24 holds for all layers below 250 thousand terms.
      FillIntegers(data.input.data, 8, rng);
      FillIntegers(data.weights, 8, rng);
      FillIntegers(data.bias, 8, rng);
    } else {
      FillUniform(data.input.data, rng);
      FillUniform(data.weights, rng);
      FillUniform(data.bias, rng);
    }
    Expect(data);
    if (integers) {
      for (const int64_t terms : data.expected.terms.data) EXPECT_LT(terms * 64, int64_t{1} << 24);
    }
    return data;
  }

  void Expect(Data& data) const {
    data.expected =
        ref::ConvTranspose(EffectiveAttributes(), data.input, data.weights.data(), bias_ ? data.bias.data() : nullptr);
  }

  Operator Create(const Data& data, const std::string& target, std::mt19937& rng) const {
    OperatorOptions options = OptionsFor(target);
    // With a hint the weights are packed here, without it by the first plan: both must do. A hint has no output_size.
    if (rng() % 2 == 0 && output_size_[0] == 0) options.input_hint = InputDesc(kFormats[rng() % 5]);
    StatusOr<Operator> op =
        CreateConvTranspose(attributes_, data.weights.data(), bias_ ? data.bias.data() : nullptr, options);
    if (!op.ok()) throw std::runtime_error(std::string("CreateConvTranspose: ") + op.status().message());
    return *op;
  }

  std::vector<std::string> RunTargets() const { return targets_.empty() ? SupportedTargets() : targets_; }

  // Stops at the first variant that fails.
  template <typename Visit>
  void ForEachVariant(std::mt19937& rng, const Visit& visit) const {
    for (const Algorithm algorithm : algorithms_) {
      if (kSanitized && algorithm == Algorithm::kAuto && algorithms_.size() > 1) continue;  // one of the others
      for (const FormatPair& pair : formats_.empty() ? SomeFormatPairs(2, rng) : Chosen(formats_, rng)) {
        PlanOptions options;
        options.algorithm = algorithm;
        options.output_size = output_size_;
        const int failures = FailureCount();
        visit(options, pair);
        if (FailureCount() != failures) return;
      }
    }
  }

  ConvTransposeAttributes attributes_;
  SpatialSizes output_size_{};
  int64_t batch_ = 1;
  int64_t h_ = 5;
  int64_t w_ = 7;
  bool bias_ = true;
  std::vector<Algorithm> algorithms_ = {Algorithm::kSubpixel, Algorithm::kGemmCol2im, Algorithm::kAuto};
  std::vector<std::string> targets_;
  std::vector<FormatPair> formats_;
  uint32_t seed_ = 1;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_CONV_TRANSPOSE_TESTER_H_
