// ResizeTester: runs one resize on every target and many layouts and compares with the oracle.
#ifndef POLYPHASE_TESTS_TESTERS_RESIZE_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_RESIZE_TESTER_H_

#include <cmath>
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polyphase/resize.h"
#include "tests/ref/resize.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

class ResizeTester {
 public:
  explicit ResizeTester(PyTorchMode mode, bool align_corners = false)
      : attributes_(ResizeAttributes::PyTorch(mode, align_corners)) {}
  explicit ResizeTester(const ResizeAttributes& attributes) : attributes_(attributes) {}

  ResizeTester& Input(int64_t n, int64_t c, int64_t h, int64_t w) { return input_ = {n, c, h, w}, *this; }
  ResizeTester& Size(int64_t h, int64_t w) {
    attributes_.size = {h, w, 0};
    attributes_.scale = {};
    return *this;
  }
  ResizeTester& Scale(double h, double w) {
    attributes_.scale = {h, w, 0};
    attributes_.size = {};
    return *this;
  }
  ResizeTester& Recompute() { return attributes_.recompute_scale_factor = true, *this; }
  ResizeTester& WithEpilogue(const Epilogue& epilogue) { return attributes_.epilogue = epilogue, *this; }
  ResizeTester& Formats(std::vector<FormatPair> formats) { return formats_ = std::move(formats), *this; }
  ResizeTester& OnlyTargets(std::vector<std::string> targets) { return targets_ = std::move(targets), *this; }
  ResizeTester& Seed(uint32_t seed) { return seed_ = seed, *this; }
  // Small whole numbers, results that must match bit for bit: for ratios whose weights are short binary fractions.
  ResizeTester& Exact() { return exact_ = true, *this; }

  bool by_size() const { return attributes_.size[0] != 0; }

  std::string Describe() const {
    const ResizeAttributes& a = attributes_;
    std::ostringstream s;
    s << "resize mode " << static_cast<int>(a.mode) << " coordinates " << static_cast<int>(a.coordinate_transformation)
      << " nearest " << static_cast<int>(a.nearest_mode) << " a " << a.cubic_coeff_a << " in " << input_.n << "x"
      << input_.c << "x" << input_.h << "x" << input_.w << " size " << a.size[0] << "x" << a.size[1] << " scale "
      << a.scale[0] << "x" << a.scale[1] << " recompute " << a.recompute_scale_factor << " activation "
      << static_cast<int>(a.epilogue.activation);
    return s.str();
  }

  // nearest is exact; linear and cubic have weights in f32, of which each may be wrong by a few 2^-24 of the largest.
  void Run() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    const ref::Tensor<float> input = MakeInput(rng);
    const ref::Tensor<double> expected = ref::Resize(attributes_, input);
    const bool exact = exact_ || attributes_.mode == ResizeMode::kNearest;
    for (const std::string& target : RunTargets()) {
      const Operator op = Create(target);
      for (const FormatPair& formats : RunFormats(rng)) {
        const RunChoice choice = RandomChoice(rng);
        SCOPED_TRACE(target + " " + Name(formats.first) + " -> " + Name(formats.second) + ", " + Name(choice));
        ref::Tensor<float> output;
        ASSERT_TRUE(RunOnce(op, target, PlanOptions(), choice, input, InputDesc(formats.first),
                            OutputDesc(formats.second, expected), output));
        ASSERT_TRUE(CompareTensors(output, expected, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
          const double e = expected(n, c, y, x);
          if (exact) return output(n, c, y, x) == static_cast<float>(e);
          return std::fabs(static_cast<double>(output(n, c, y, x)) - e) <= 2e-6;
        }));
      }
    }
  }

  // The same image at every batch position, with 1, 2, 3 and 7 threads: bitwise equal results everywhere.
  void RunDeterminism() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    ref::Tensor<float> input = MakeInput(rng);
    for (size_t i = 0; i < input.data.size(); ++i) input.data[i] = input.data[i % (input.data.size() / input_.n)];
    const ref::Tensor<double> expected = ref::Resize(attributes_, input);
    for (const std::string& target : RunTargets()) {
      const Operator op = Create(target);
      for (const FormatPair& formats : RunFormats(rng)) {
        SCOPED_TRACE(target + " " + Name(formats.first) + " -> " + Name(formats.second));
        ref::Tensor<float> first;
        for (const size_t threads : {1, 2, 3, 7}) {
          RunChoice choice;
          choice.threads = threads;
          ref::Tensor<float> output;
          ASSERT_TRUE(RunOnce(op, target, PlanOptions(), choice, input, InputDesc(formats.first),
                              OutputDesc(formats.second, expected), output));
          if (first.data.empty()) first = output;
          ASSERT_TRUE(BitwiseEqual(output, first)) << threads << " threads differ from 1";
          ASSERT_TRUE(CompareTensors(output, output, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
            return SameBits(output(n, c, y, x), output(0, c, y, x));
          })) << "differs from batch position 0";
        }
      }
    }
  }

 private:
  struct Shape {
    int64_t n, c, h, w;
  };

  ref::Tensor<float> MakeInput(std::mt19937& rng) const {
    ref::Tensor<float> input(input_.n, input_.c, input_.h, input_.w);
    if (exact_) {
      FillIntegers(input.data, 8, rng);
    } else {
      FillUniform(input.data, rng);
    }
    return input;
  }

  Operator Create(const std::string& target) const {
    StatusOr<Operator> op = CreateResize(attributes_, OptionsFor(target));
    if (!op.ok()) throw std::runtime_error(std::string("CreateResize: ") + op.status().message());
    return *op;
  }

  std::vector<std::string> RunTargets() const { return targets_.empty() ? SupportedTargets() : targets_; }
  std::vector<FormatPair> RunFormats(std::mt19937& rng) const {
    return formats_.empty() ? SomeFormatPairs(2, rng) : Chosen(formats_, rng);
  }
  TensorDesc InputDesc(const Format& format) const {
    return MakeDesc(DataType::kF32, format, input_.n, input_.c, input_.h, input_.w);
  }
  TensorDesc OutputDesc(const Format& format, const ref::Tensor<double>& expected) const {
    return MakeDesc(DataType::kF32, format, expected.n, expected.c, expected.h, expected.w);
  }

  ResizeAttributes attributes_;
  Shape input_{1, 3, 5, 7};
  bool exact_ = false;
  std::vector<std::string> targets_;
  std::vector<FormatPair> formats_;
  uint32_t seed_ = 1;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_RESIZE_TESTER_H_
