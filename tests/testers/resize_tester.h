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
#include "tests/ref/element.h"
#include "tests/ref/epilogue.h"
#include "tests/ref/resize.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

// A mode of PyTorch's interpolate.
struct TorchMode {
  PyTorchMode mode;
  bool align_corners = false;
  bool antialias = false;

  ResizeAttributes Attributes() const { return ResizeAttributes::PyTorch(mode, align_corners, antialias); }
};

// The modes of two axes: kModes have 1, 2 or 4 taps, kWindowModes have windows.
constexpr TorchMode kModes[] = {{PyTorchMode::kNearest},  {PyTorchMode::kNearestExact},
                                {PyTorchMode::kBilinear}, {PyTorchMode::kBilinear, true},
                                {PyTorchMode::kBicubic},  {PyTorchMode::kBicubic, true}};
constexpr TorchMode kWindowModes[] = {{PyTorchMode::kBilinear, false, true},
                                      {PyTorchMode::kBilinear, true, true},
                                      {PyTorchMode::kBicubic, false, true},
                                      {PyTorchMode::kBicubic, true, true},
                                      {PyTorchMode::kLanczos, false, true}};

constexpr DataType kTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8};

// Sets what ONNX's Resize means by a mode, unless something else is said.
inline ResizeAttributes OnnxLike(ResizeMode mode, CoordinateTransformation coordinates) {
  ResizeAttributes a;
  a.mode = mode;
  a.coordinate_transformation = coordinates;
  a.coordinate_precision = CoordinatePrecision::kF64;
  a.copy_unchanged_axes = false;
  a.output_size_rule = OutputSizeRule::kOnnx;
  return a;
}

class ResizeTester {
 public:
  explicit ResizeTester(const TorchMode& mode) : attributes_(mode.Attributes()) {}
  explicit ResizeTester(PyTorchMode mode, bool align_corners = false, bool antialias = false)
      : attributes_(ResizeAttributes::PyTorch(mode, align_corners, antialias)) {}
  explicit ResizeTester(const ResizeAttributes& attributes) : attributes_(attributes) {}

  // Takes one size per spatial axis; their number is the rank.
  template <typename... Sizes>
  ResizeTester& Input(int64_t n, int64_t c, Sizes... sizes) {
    attributes_.spatial_rank = sizeof...(sizes);
    return n_ = n, c_ = c, size_ = ref::ToSize3({sizes...}, sizeof...(sizes)), *this;
  }
  template <typename... Sizes>
  ResizeTester& Size(Sizes... sizes) {
    return attributes_.size = {sizes...}, attributes_.scale = {}, *this;
  }
  template <typename... Scales>
  ResizeTester& Scale(Scales... scales) {
    return attributes_.scale = {static_cast<double>(scales)...}, attributes_.size = {}, *this;
  }
  // For u8.
  ResizeTester& Order(PassOrder order) { return attributes_.pass_order = order, *this; }
  ResizeTester& Rounding(U8Rounding rounding) { return attributes_.u8_rounding = rounding, *this; }
  ResizeTester& Recompute() { return attributes_.recompute_scale_factor = true, *this; }
  ResizeTester& WithEpilogue(const Epilogue& epilogue) { return attributes_.epilogue = epilogue, *this; }
  // Gives every channel a scale and a shift, and a slope for kPRelu.
  ResizeTester& Constants() { return constants_ = true, *this; }
  ResizeTester& Residual(polyphase::Residual residual, bool in_place = false) {
    return attributes_.epilogue.residual = residual, in_place_ = in_place, *this;
  }
  ResizeTester& Type(DataType dtype) { return dtype_ = dtype, *this; }
  ResizeTester& Formats(std::vector<FormatPair> formats) { return formats_ = std::move(formats), *this; }
  ResizeTester& OnlyTargets(std::vector<std::string> targets) { return targets_ = std::move(targets), *this; }
  ResizeTester& Seed(uint32_t seed) { return seed_ = seed, *this; }
  // Adds a 1x1 convolution to this many channels.
  ResizeTester& PointwiseTo(int64_t output_channels, bool bias = true) {
    return oc_ = output_channels, pointwise_bias_ = bias, *this;
  }
  // Takes small whole numbers, whose results must match bit for bit. It is for ratios whose weights are short binary
  // fractions.
  ResizeTester& Exact() { return exact_ = true, *this; }
  // Allows results to be this far from the oracle, besides the bound of f32 arithmetic.
  ResizeTester& Tolerance(double tolerance) { return tolerance_ = tolerance, *this; }

  ResizeAttributes& attributes() { return attributes_; }

  std::string Describe() const {
    const ResizeAttributes& a = attributes_;
    std::ostringstream s;
    s << "resize rank " << a.spatial_rank << " mode " << static_cast<int>(a.mode) << " coordinates "
      << static_cast<int>(a.coordinate_transformation) << " precision " << static_cast<int>(a.coordinate_precision)
      << " nearest " << static_cast<int>(a.nearest_mode) << " a " << a.cubic_coeff_a << " antialias "
      << static_cast<int>(a.antialias) << " exclude " << a.exclude_outside << " copy " << a.copy_unchanged_axes
      << " in " << n_ << "x" << c_ << Name(size_) << " size " << Name(a.size) << " scale " << Name(a.scale) << " rule "
      << static_cast<int>(a.output_size_rule) << " policy " << static_cast<int>(a.keep_aspect_ratio_policy)
      << " recompute " << a.recompute_scale_factor << " roi " << Name(a.roi_begin) << " to " << Name(a.roi_end)
      << " dtype " << static_cast<int>(dtype_) << " rounding " << static_cast<int>(a.u8_rounding) << " order "
      << static_cast<int>(a.pass_order) << " activation " << static_cast<int>(a.epilogue.activation) << " constants "
      << constants_ << " residual " << static_cast<int>(a.epilogue.residual) << (in_place_ ? " in place" : "")
      << " pointwise to " << oc_ << (pointwise_bias_ ? " with" : " without") << " bias seed " << seed_;
    return s.str();
  }

  void Run() const {
    SCOPED_TRACE(Describe());
    switch (dtype_) {
      case DataType::kF32: return RunAs<float>();
      case DataType::kU8: return RunAs<uint8_t>();
      default: return RunAs<uint16_t>();
    }
  }

  // Puts the same image at every batch position and runs with 1, 2, 3 and 7 threads: all results must be equal bit for
  // bit.
  void RunDeterminism() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    Data<float> data = MakeData<float>(rng);
    for (std::vector<float>* values : {&data.input.data, &data.residual.data}) {
      const size_t image = values->size() / static_cast<size_t>(n_);
      for (size_t i = image; i < values->size(); ++i) (*values)[i] = (*values)[i - image];
    }
    for (const std::string& target : RunTargets()) {
      const Operator op = Create(data, target);
      for (const FormatPair& formats : RunFormats(rng)) {
        SCOPED_TRACE(target + " " + testing::Name(formats.first) + " -> " + testing::Name(formats.second));
        ref::Tensor<float> first;
        for (const size_t threads : {1, 2, 3, 7}) {
          RunChoice choice;
          choice.threads = threads;
          ref::Tensor<float> output;
          ASSERT_TRUE(RunOnce(op, target, PlanOptions(), choice, data.input, InputDesc(formats.first, data),
                              OutputDesc(formats.second, data), output, ResidualOf(data, formats.second, choice, rng)));
          if (first.data.empty()) first = output;
          ASSERT_TRUE(BitwiseEqual(output, first)) << threads << " threads differ from 1";
          ASSERT_TRUE(ImagesEqual(output));
        }
      }
    }
  }

 private:
  template <typename T>
  struct Data {
    ref::Tensor<T> input, residual;
    std::vector<float> scale, shift, slope, weights, bias;
    ref::Tensor<double> value, bound;  // what the output must be, and how far it may be off before it is rounded
  };

  template <typename Sizes>
  static std::string Name(const Sizes& sizes) {
    std::ostringstream s;
    for (const auto size : sizes) s << "x" << size;
    return s.str();
  }

  bool fixed() const {
    return dtype_ == DataType::kU8 && attributes_.mode != ResizeMode::kNearest &&
           (attributes_.u8_rounding == U8Rounding::kFixed16 || attributes_.u8_rounding == U8Rounding::kFixed22);
  }

  template <typename T>
  void Fill(ref::Tensor<T>& tensor, std::mt19937& rng) const {
    std::uniform_real_distribution<double> real(-1, 1);
    for (T& element : tensor.data) {
      // Values cover whole ranges and often take the extremes.
      const double level = rng() % 4 == 0 ? static_cast<double>(rng() % 2 * 255) : static_cast<double>(rng() % 256);
      const double whole = static_cast<double>(rng() % 17) - 8;
      const double value = dtype_ == DataType::kU8 ? level : exact_ ? whole : real(rng);
      element = ref::Encode<T>(dtype_, value);
    }
  }

  template <typename T>
  ref::Tensor<double> Decoded(const ref::Tensor<T>& tensor) const {
    ref::Tensor<double> numbers(tensor.n, tensor.c, tensor.size());
    std::transform(tensor.data.begin(), tensor.data.end(), numbers.data.begin(),
                   [&](T element) { return ref::Decode(dtype_, element); });
    return numbers;
  }

  template <typename T>
  Data<T> MakeData(std::mt19937& rng) const {
    Data<T> data;
    data.input = ref::Tensor<T>(n_, c_, size_);
    Fill(data.input, rng);
    const ref::Tensor<double> input = Decoded(data.input);
    ref::ResizeResult result = ref::Resize(attributes_, input);
    if (fixed()) result.value = ref::ResizeFixed(attributes_, input);
    if (oc_ > 0) {
      data.weights.resize(static_cast<size_t>(oc_ * c_));
      if (pointwise_bias_) data.bias.resize(static_cast<size_t>(oc_));
      for (std::vector<float>* values : {&data.weights, &data.bias}) {
        exact_ ? FillIntegers(*values, 8, rng) : FillUniform(*values, rng);
      }
      result = ref::PointwiseConv(PointwiseOf(data), result);
    }
    if (exact_ || fixed()) std::fill(result.bound.data.begin(), result.bound.data.end(), 0.0);
    data.value = std::move(result.value);
    data.bound = std::move(result.bound);
    for (double& bound : data.bound.data) bound += tolerance_;
    if (constants_) {
      for (std::vector<float>* values : {&data.scale, &data.shift, &data.slope}) {
        values->resize(static_cast<size_t>(data.value.c));
        FillUniform(*values, rng);
      }
    }
    if (attributes_.epilogue.residual != polyphase::Residual::kNone) {
      data.residual = ref::Tensor<T>(data.value.n, data.value.c, data.value.size());
      Fill(data.residual, rng);
    }
    const Epilogue epilogue = EpilogueOf(data);
    const bool trivial = epilogue.activation == Activation::kNone && !constants_ && data.residual.data.empty();
    if (trivial) return data;
    const ref::Tensor<double> residual = Decoded(data.residual);
    ref::ApplyEpilogue(epilogue, data.residual.data.empty() ? nullptr : &residual, data.value, &data.bound);
    return data;
  }

  // The pointers of the result are those of `data`.
  template <typename T>
  Epilogue EpilogueOf(const Data<T>& data) const {
    Epilogue epilogue = attributes_.epilogue;
    if (!constants_) return epilogue;
    epilogue.scale = data.scale.data();
    epilogue.shift = data.shift.data();
    epilogue.slope = data.slope.data();
    epilogue.channels = data.value.c;
    return epilogue;
  }

  template <typename T>
  Pointwise PointwiseOf(const Data<T>& data) const {
    if (oc_ == 0) return {};
    return {data.weights.data(), data.bias.empty() ? nullptr : data.bias.data(), c_, oc_};
  }

  template <typename T>
  void RunAs() const {
    std::mt19937 rng(seed_);
    const Data<T> data = MakeData<T>(rng);
    for (const std::string& target : RunTargets()) {
      const Operator op = Create(data, target);
      for (const FormatPair& formats : RunFormats(rng)) {
        const RunChoice choice = RandomChoice(rng);
        SCOPED_TRACE(target + " " + testing::Name(formats.first) + " -> " + testing::Name(formats.second) + ", " +
                     testing::Name(choice));
        ref::Tensor<T> output;
        ASSERT_TRUE(RunOnce(op, target, PlanOptions(), choice, data.input, InputDesc(formats.first, data),
                            OutputDesc(formats.second, data), output, ResidualOf(data, formats.second, choice, rng)));
        const ref::Tensor<double> numbers = Decoded(output);
        ASSERT_TRUE(CompareTensors(numbers, data.value, [&](size_t i) {
          return Right(numbers.data[i], data.value.data[i], data.bound.data[i]);
        }));
      }
    }
  }

  // Returns a residual in any format.
  template <typename T>
  ResidualInput<T> ResidualOf(const Data<T>& data, const Format& output_format, const RunChoice& choice,
                              std::mt19937& rng) const {
    if (data.residual.data.empty()) return {};
    const Format format = in_place_ ? output_format : kFormats[rng() % 5];
    return {&data.residual, OutputDesc(format, data), choice.input_view, in_place_};
  }

  // Returns whether a number within `bound` of `expected` may be rounded to `actual`.
  bool Right(double actual, double expected, double bound) const {
    const auto rounded = [&](double x) {
      if (dtype_ != DataType::kU8 || attributes_.u8_rounding != U8Rounding::kTruncate) return ref::RoundTo(dtype_, x);
      return x > 0 ? std::trunc(std::min(x, 255.0)) : 0;
    };
    return actual >= rounded(expected - bound) && actual <= rounded(expected + bound);
  }

  template <typename T>
  Operator Create(const Data<T>& data, const std::string& target) const {
    ResizeAttributes attributes = attributes_;
    attributes.epilogue = EpilogueOf(data);
    attributes.pointwise = PointwiseOf(data);
    StatusOr<Operator> op = CreateResize(attributes, OptionsFor(target));
    if (!op.ok()) throw std::runtime_error(std::string("CreateResize: ") + op.status().message());
    return *op;
  }

  std::vector<std::string> RunTargets() const { return targets_.empty() ? SupportedTargets() : targets_; }
  std::vector<FormatPair> RunFormats(std::mt19937& rng) const {
    return formats_.empty() ? SomeFormatPairs(2, rng) : Chosen(formats_, rng);
  }
  template <typename T>
  TensorDesc InputDesc(const Format& format, const Data<T>& data) const {
    return DescOf(dtype_, format, data.input, attributes_.spatial_rank);
  }
  template <typename T>
  TensorDesc OutputDesc(const Format& format, const Data<T>& data) const {
    return DescOf(dtype_, format, data.value, attributes_.spatial_rank);
  }

  ResizeAttributes attributes_;
  int64_t n_ = 1, c_ = 3;
  ref::Size3 size_{1, 5, 7};
  DataType dtype_ = DataType::kF32;
  bool exact_ = false, constants_ = false, in_place_ = false;
  int64_t oc_ = 0;  // output channels of a 1x1 convolution; 0 if there is none
  bool pointwise_bias_ = false;
  double tolerance_ = 0;
  std::vector<std::string> targets_;
  std::vector<FormatPair> formats_;
  uint32_t seed_ = 1;
};

// For three axes, which PyTorch's rounding, fixed point, does not have.
inline ResizeTester DeepTester(const TorchMode& mode) { return ResizeTester(mode).Rounding(U8Rounding::kHalfEven); }

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_RESIZE_TESTER_H_
