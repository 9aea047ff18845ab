// ConvLayerTester: the layer, its data and what is expected of them, and the runs on every target and many layouts,
// which the testers of Conv and ConvTranspose share.
#ifndef POLYPHASE_TESTS_TESTERS_CONV_LAYER_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_CONV_LAYER_TESTER_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polyphase/operator.h"
#include "tests/ref/conv_result.h"
#include "tests/ref/element.h"
#include "tests/ref/epilogue.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

inline const char* Name(Algorithm algorithm) {
  constexpr const char* kNames[] = {"auto", "subpixel", "gemm_col2im", "winograd", "planar", "matrix"};
  return kNames[static_cast<int>(algorithm)];
}

// Returns what a plan says of itself, or why there is none.
inline std::string DescribePlan(const StatusOr<Operator>& op, const TensorDesc& input, Algorithm algorithm) {
  if (!op.ok()) return op.status().message();
  PlanOptions options;
  options.algorithm = algorithm;
  const StatusOr<Plan> plan = op->MakePlan(input, options);
  return plan.ok() ? plan->Describe() : plan.status().message();
}

// The element types of a layer.
struct LayerTypes {
  DataType input, output, residual, weights;
};

constexpr DataType kFloatTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16};

inline LayerTypes RandomTypes(std::mt19937& rng) {
  const auto any = [&] { return kFloatTypes[rng() % 3]; };
  return {any(), any(), any(), any()};
}

inline std::string Name(const LayerTypes& types) {
  constexpr const char* kNames[] = {"f32", "f16", "bf16"};
  const auto name = [&](DataType type) { return std::string(kNames[static_cast<int>(type)]); };
  return name(types.input) + " -> " + name(types.output) + " residual " + name(types.residual) + " weights " +
         name(types.weights);
}

// Calls body with an element of the size of the type. Only bits count: no FPU touches a NaN.
template <typename Body>
auto WithElement(DataType type, const Body& body) {
  return type == DataType::kF32 ? body(uint32_t{}) : body(uint16_t{});
}

template <typename T>
std::vector<T> EncodeAll(DataType type, const std::vector<float>& values) {
  std::vector<T> bits;
  bits.reserve(values.size());
  for (const float value : values) bits.push_back(ref::Encode<T>(type, static_cast<double>(value)));
  return bits;
}

template <typename T>
ref::Tensor<T> EncodeAll(DataType type, const ref::Tensor<float>& values) {
  ref::Tensor<T> bits(values.n, values.c, values.size());
  bits.data = EncodeAll<T>(type, values.data);
  return bits;
}

// Attributes are those of the op. Derived has, next to builders of its own:
//   std::string DescribeOwn() const;                     what is not in Attributes of every op
//   int64_t OutputChannels() const;                      of the output tensor
//   ref::Size3 OutputSize(const ref::Size3& in) const;
//   ref::ConvResult Expected(const Attributes&, const ref::Tensor<float>& input, const float* weights,
//                            const float* bias) const;  before the epilogue
//   StatusOr<Operator> Create(const Attributes&, const Weights& weights, const float* bias,
//                             const OperatorOptions&) const;
template <typename Derived, typename Attributes>
class ConvLayerTester {
 public:
  Derived& Batch(int64_t n) { return batch_ = n, derived(); }
  Derived& Channels(int64_t ic, int64_t oc) {
    attributes_.input_channels = ic;
    attributes_.output_channels = oc;
    return derived();
  }
  Derived& Groups(int64_t groups) { return attributes_.groups = groups, derived(); }
  // Takes one value per spatial axis; their number is the rank.
  template <typename... Sizes>
  Derived& Input(Sizes... sizes) {
    attributes_.spatial_rank = sizeof...(sizes);
    return input_ = {sizes...}, derived();
  }
  Derived& InputSize(const SpatialSizes& sizes) { return input_ = sizes, derived(); }
  template <typename... Sizes>
  Derived& Kernel(Sizes... sizes) {
    return attributes_.kernel = {sizes...}, derived();
  }
  template <typename... Sizes>
  Derived& Dilation(Sizes... sizes) {
    return attributes_.dilation = {sizes...}, derived();
  }
  Derived& Pad(AutoPad auto_pad) { return attributes_.auto_pad = auto_pad, derived(); }
  Derived& Padding(const SpatialSizes& begin, const SpatialSizes& end) {
    attributes_.padding_begin = begin;
    attributes_.padding_end = end;
    return derived();
  }
  Derived& Padding(int64_t both) { return Padding({both}, {both}); }
  Derived& Padding(int64_t h, int64_t w) { return Padding({h, w}, {h, w}); }
  Derived& Padding(int64_t d, int64_t h, int64_t w) { return Padding({d, h, w}, {d, h, w}); }
  Derived& Padding(int64_t top, int64_t left, int64_t bottom, int64_t right) {
    return Padding({top, left}, {bottom, right});
  }
  Derived& NoBias() { return bias_ = false, derived(); }
  Derived& Prologue(Activation activation, float slope = 0.5f) {
    attributes_.prologue = {activation, slope};
    return derived();
  }
  Derived& Activate(Activation activation) { return attributes_.epilogue.activation = activation, derived(); }
  Derived& Relu() { return Activate(Activation::kRelu); }
  Derived& LeakyRelu(float slope) {
    attributes_.epilogue.negative_slope = slope;
    return Activate(Activation::kLeakyRelu);
  }
  Derived& Clamp(float lower, float upper) {
    attributes_.epilogue.lower = lower;
    attributes_.epilogue.upper = upper;
    return Activate(Activation::kClamp);
  }
  // Gives the epilogue these constants per channel. kPRelu always has its slopes.
  Derived& Scale() { return scale_ = true, derived(); }
  Derived& Shift() { return shift_ = true, derived(); }
  Derived& Residual(polyphase::Residual residual, bool in_place = false) {
    attributes_.epilogue.residual = residual;
    in_place_ = in_place;
    return derived();
  }
  Derived& Algorithms(std::vector<Algorithm> algorithms) {
    return algorithms_ = std::move(algorithms), only_these_ = true, derived();
  }
  Derived& Promise(Numerics numerics) { return numerics_ = numerics, derived(); }
  Derived& OnlyTargets(std::vector<std::string> targets) { return targets_ = std::move(targets), derived(); }
  // Without this call, the pairs of equal layouts and two random ones run for each target and algorithm.
  Derived& Formats(std::vector<FormatPair> formats) { return formats_ = std::move(formats), derived(); }
  // Without this call, a third of the variants has random types.
  Derived& Types(const LayerTypes& types) { return types_ = types, derived(); }
  Derived& Seed(uint32_t seed) { return seed_ = seed, derived(); }

  std::string Describe() const {
    const Attributes& a = attributes_;
    std::ostringstream s;
    s << "n " << batch_ << " ic " << a.input_channels << " oc " << a.output_channels << " groups " << a.groups << " in "
      << Sizes(input_) << " k " << Sizes(a.kernel) << " p " << Sizes(a.padding_begin) << ":" << Sizes(a.padding_end)
      << " d " << Sizes(a.dilation) << " auto_pad " << static_cast<int>(a.auto_pad) << " " << derived().DescribeOwn()
      << " bias " << bias_ << " prologue " << static_cast<int>(a.prologue.activation) << " activation "
      << static_cast<int>(a.epilogue.activation) << " scale " << scale_ << " shift " << shift_ << " residual "
      << static_cast<int>(a.epilogue.residual) << (in_place_ ? " in place" : "") << " seed " << seed_;
    return s.str();
  }

  // Whole numbers must match exactly (unless the activation has no exact values), random ones within the bound of an
  // f32 sum. A third of the variants runs in other types as well, where outputs must be the expected ones rounded.
  void Run() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_), type_rng(seed_ + 1);
    const Data integers = MakeData(true, rng);
    const Data reals = MakeData(false, rng);
    const Data halves = RoundedToHalves(reals);
    const bool exact = attributes_.epilogue.activation <= Activation::kPRelu;
    for (const std::string& target : RunTargets()) {
      const Operator whole = MakeOperator(integers, target, rng);
      const Operator rounded = MakeOperator(reals, target, rng);
      const LayerTypes target_types = types_ ? *types_ : RandomTypes(type_rng);
      const Operator typed_whole = MakeOperator(integers, target, type_rng, target_types.weights);
      const Operator typed_rounded = MakeOperator(halves, target, type_rng, target_types.weights);
      ForEachVariant(rounded, target, rng, [&](const PlanOptions& options, const FormatPair& formats) {
        SCOPED_TRACE(target + " " + Name(options.algorithm) + " " + Name(formats.first) + " -> " +
                     Name(formats.second));
        const std::string plan = PlanText(rounded, options, formats, reals);
        const double amplification = ref::Amplification(plan);
        const ref::ProductError product_error(plan);
        const auto bound_of = [&](const Data& data, bool own) {
          // Whole numbers are exact unless tiles have 6 inputs or more: the factors of smaller ones are 1, 1/2 and 1/4.
          const double factor = own || amplification >= 1 ? amplification : 0;
          const double all = factor * *std::max_element(data.bound.data.begin(), data.bound.data.end());
          return [&data, &product_error, own, all](size_t i) {
            return all + (own ? OwnBound(data, product_error, i) : 0);
          };
        };
        const auto near = [&](const Data& data, bool own) {
          return [&data, bound = bound_of(data, own)](float v, size_t i) {
            return std::fabs(static_cast<double>(v) - data.value.data[i]) <= bound(i);
          };
        };
        if (exact) {
          SCOPED_TRACE("whole numbers");
          ASSERT_TRUE(RunAndCompare(whole, target, options, formats, integers, rng, near(integers, false)));
        }
        SCOPED_TRACE("random numbers");
        ASSERT_TRUE(RunAndCompare(rounded, target, options, formats, reals, rng, near(reals, true)));
        if (!types_ && type_rng() % 3 != 0) return;
        LayerTypes types = types_ ? *types_ : RandomTypes(type_rng);
        types.weights = target_types.weights;
        if (in_place_) types.residual = types.output;
        SCOPED_TRACE(Name(types));
        // Rounding is monotonic, so an output is between the rounded ends of what its f32 sum may be.
        const auto between = [&](const Data& data, bool own) {
          return [&data, type = types.output, bound = bound_of(data, own)](double v, size_t i) {
            const double e = data.value.data[i];
            return ref::RoundTo(type, e - bound(i)) <= v && v <= ref::RoundTo(type, e + bound(i));
          };
        };
        const bool integer = exact && type_rng() % 2 == 0;
        const Data& data = integer ? integers : halves;
        ASSERT_TRUE(RunTyped(integer ? typed_whole : typed_rounded, PlainTarget(target), options, formats, types, data,
                             type_rng, between(data, !integer)));
      });
    }
  }

  // Puts a NaN and an Inf into the input: they must reach the outputs that depend on them, and no others. Where several
  // taps read an Inf, their weights are positive, because the Inf would become a NaN in some sums and not in others.
  // `spreads` says that phases of different windows may be computed together, so that a zero of one multiplies what
  // another one reads; outputs of the same block of phases may then be NaN as well. With Winograd, those of 7
  // neighbouring positions may be NaN or Inf.
  void RunNonFinite(bool spreads = false) const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    Data data = MakeData(false, rng);
    const size_t image = data.input.data.size() / static_cast<size_t>(batch_);
    const size_t plane = static_cast<size_t>(data.input.plane());
    data.input.data[data.input.data.size() - image + plane / 2] = std::numeric_limits<float>::quiet_NaN();
    data.input.data[image - plane + static_cast<size_t>(data.input.w) - 1] = -std::numeric_limits<float>::infinity();
    if (Expect(data).folded) {
      for (float& w : data.weights) w = std::fabs(w);
      Expect(data);
    }
    for (const std::string& target : RunTargets()) {
      const Operator op = MakeOperator(data, target, rng);
      ForEachVariant(op, target, rng, [&](const PlanOptions& options, const FormatPair& formats) {
        SCOPED_TRACE(target + " " + Name(options.algorithm) + " " + Name(formats.first) + " -> " +
                     Name(formats.second));
        const std::string plan = PlanText(op, options, formats, data);
        const bool winograd = ref::Amplification(plan) > 0;
        const ref::ProductError product_error(plan);
        ASSERT_TRUE(RunAndCompare(op, target, options, formats, data, rng, [&](float value, size_t i) {
          const double e = data.value.data[i];
          const auto v = static_cast<double>(value);
          if (std::isnan(e)) return std::isnan(v);
          if (winograd && !std::isfinite(v) && IsNearNonFinite(data.bound, i, 8)) return true;
          if (spreads && std::isnan(v) && IsNearNonFinite(data.bound, i, 1)) return true;
          if (std::isinf(e)) return v == e;
          // An Inf that the activation made a number is exact, before a residual is added to it.
          const double bound = OwnBound(data, product_error, i);
          return std::fabs(v - e) <= (std::isfinite(bound) ? bound : 0x1p-24 * std::max(1.0, std::fabs(e)));
        }));
      });
    }
  }

  // Puts the same image at every batch position and runs with 1, 2, 3 and 7 threads: all results must be equal bit for
  // bit.
  void RunDeterminism() const {
    SCOPED_TRACE(Describe());
    std::mt19937 rng(seed_);
    Data reals = MakeData(false, rng);
    for (std::vector<float>* data : {&reals.input.data, &reals.residual.data}) {
      const size_t image = data->size() / static_cast<size_t>(batch_);
      for (size_t i = image; i < data->size(); ++i) (*data)[i] = (*data)[i - image];
    }
    for (const std::string& target : RunTargets()) {
      const Operator op = MakeOperator(reals, target, rng);
      ForEachVariant(op, target, rng, [&](const PlanOptions& options, const FormatPair& formats) {
        SCOPED_TRACE(target + " " + Name(options.algorithm) + " " + Name(formats.first) + " -> " +
                     Name(formats.second));
        ref::Tensor<float> first;
        for (const size_t threads : {1, 2, 3, 7}) {
          SCOPED_TRACE(std::to_string(threads) + " threads");
          RunChoice choice;
          choice.threads = threads;
          ref::Tensor<float> output;
          ASSERT_TRUE(RunOnce(op, PlainTarget(target), options, choice, reals.input, InputDesc(formats.first),
                              OutputDesc(formats.second, reals), output, ResidualOf(reals, formats.second, choice)));
          if (first.data.empty()) first = output;
          ASSERT_TRUE(BitwiseEqual(output, first)) << "differs from 1 thread";
          ASSERT_TRUE(ImagesEqual(output)) << "differs from batch position 0";
        }
      });
    }
  }

 protected:
  ConvLayerTester(const Attributes& attributes, std::vector<Algorithm> algorithms)
      : attributes_(attributes), algorithms_(std::move(algorithms)) {}

  // Formats one number per axis of the layer.
  std::string Sizes(const SpatialSizes& values) const {
    std::string text;
    for (int axis = 0; axis < attributes_.spatial_rank; ++axis)
      text += (axis ? "x" : "") + std::to_string(values[axis]);
    return text;
  }

  Attributes attributes_;
  SpatialSizes input_{5, 7};
  SpatialSizes output_size_{};  // of PlanOptions

 private:
  // Returns whether an output that is not finite is so near to output i that it may be in the same block of phases of
  // so many positions along each axis.
  bool IsNearNonFinite(const ref::Tensor<double>& bound, size_t i, int64_t positions) const {
    ref::Size3 block = ref::ToSize3(derived().Block(), attributes_.spatial_rank);
    for (int64_t& outputs : block) outputs *= positions;
    const ref::Size3 size = bound.size();
    auto pixel = static_cast<int64_t>(i) % bound.plane();
    const int64_t plane = static_cast<int64_t>(i) - pixel;
    int64_t o[3];
    for (size_t axis = 3; axis-- > 0; pixel /= size[axis]) o[axis] = pixel % size[axis];
    for (int64_t z = o[0] - block[0] + 1; z < o[0] + block[0]; ++z) {
      for (int64_t y = o[1] - block[1] + 1; y < o[1] + block[1]; ++y) {
        for (int64_t x = o[2] - block[2] + 1; x < o[2] + block[2]; ++x) {
          // Outputs that would be outside may be computed as well.
          if (z < 0 || z >= size[0] || y < 0 || y >= size[1] || x < 0 || x >= size[2]) return true;
          if (!std::isfinite(bound.data[static_cast<size_t>(plane + (z * size[1] + y) * size[2] + x)])) return true;
        }
      }
    }
    return false;
  }

  struct Data {
    ref::Tensor<float> input, residual;
    std::vector<float> weights, bias, scale, shift, slope;
    ref::Tensor<double> value, bound;
    std::vector<int64_t> terms;  // for each pixel
  };

  static double OwnBound(const Data& data, const ref::ProductError& product_error, size_t i) {
    return data.bound.data[i] * (1 + product_error(data.terms[i % data.terms.size()]));
  }

  Attributes AttributesOf(const Data& data) const {
    const auto pointer = [](const std::vector<float>& v) { return v.empty() ? nullptr : v.data(); };
    Attributes a = attributes_;
    a.epilogue.scale = pointer(data.scale);
    a.epilogue.shift = pointer(data.shift);
    a.epilogue.slope = pointer(data.slope);
    a.epilogue.channels = derived().OutputChannels();
    return a;
  }

  TensorDesc InputDesc(const Format& format, DataType type = DataType::kF32) const {
    return MakeDesc(type, format, batch_, attributes_.input_channels, ref::ToSize3(input_, attributes_.spatial_rank),
                    attributes_.spatial_rank);
  }

  // Returns what the plan says of itself. The algorithm of kAuto depends on both layouts.
  std::string PlanText(const Operator& op, const PlanOptions& options, const FormatPair& formats,
                       const Data& data) const {
    PlanOptions both = options;
    both.output = OutputDesc(formats.second, data);
    const StatusOr<Plan> plan = op.MakePlan(InputDesc(formats.first), both);
    if (!plan.ok()) throw std::runtime_error(std::string("MakePlan: ") + plan.status().message());
    return plan->Describe();
  }

  TensorDesc OutputDesc(const Format& format, const Data& data, DataType type = DataType::kF32) const {
    return DescOf(type, format, data.value, attributes_.spatial_rank);
  }

  // Returns a residual in the format of the output, or in another one.
  Format ResidualFormat(const Format& output_format, const RunChoice& choice) const {
    return choice.threads % 2 == 1 ? output_format : kFormats[choice.threads % 5];
  }
  ResidualInput<float> ResidualOf(const Data& data, const Format& output_format, const RunChoice& choice) const {
    if (attributes_.epilogue.residual == polyphase::Residual::kNone) return {};
    return {&data.residual, OutputDesc(ResidualFormat(output_format, choice), data), choice.input_view, in_place_};
  }

  template <typename Same>
  ::testing::AssertionResult RunAndCompare(const Operator& op, const std::string& target, const PlanOptions& options,
                                           const FormatPair& formats, const Data& data, std::mt19937& rng,
                                           const Same& same) const {
    const RunChoice choice = RandomChoice(rng);
    ref::Tensor<float> output;
    ::testing::AssertionResult result =
        RunOnce(op, PlainTarget(target), options, choice, data.input, InputDesc(formats.first),
                OutputDesc(formats.second, data), output, ResidualOf(data, formats.second, choice));
    if (result) result = CompareTensors(output, data.value, [&](size_t i) { return same(output.data[i], i); });
    return result ? result : result << "; " << Name(choice);
  }

  // Does what RunAndCompare does with elements of these types; `same` gets an output as a double.
  template <typename Same>
  ::testing::AssertionResult RunTyped(const Operator& op, const std::string& target, const PlanOptions& options,
                                      const FormatPair& formats, const LayerTypes& types, const Data& data,
                                      std::mt19937& rng, const Same& same) const {
    const RunChoice choice = RandomChoice(rng);
    const auto run = [&](auto in, auto out, auto added) {
      using In = decltype(in);
      using Out = decltype(out);
      using Added = decltype(added);
      const ref::Tensor<Added> residual_data = EncodeAll<Added>(types.residual, data.residual);
      ResidualInput<Added> residual;
      if (!residual_data.data.empty()) {
        const Format format = ResidualFormat(formats.second, choice);
        residual = {&residual_data, OutputDesc(format, data, types.residual), choice.input_view, in_place_};
      }
      ref::Tensor<Out> output;
      ::testing::AssertionResult result = RunOnce(op, target, options, choice, EncodeAll<In>(types.input, data.input),
                                                  InputDesc(formats.first, types.input),
                                                  OutputDesc(formats.second, data, types.output), output, residual);
      if (!result) return result << "; " << Name(choice);
      ref::Tensor<double> values(output.n, output.c, output.size());
      for (size_t i = 0; i < values.data.size(); ++i) values.data[i] = ref::Decode(types.output, output.data[i]);
      result = CompareTensors(values, data.value, [&](size_t i) { return same(values.data[i], i); });
      return result ? result : result << "; " << Name(choice);
    };
    return WithElement(types.input, [&](auto in) {
      return WithElement(types.output, [&](auto out) {
        return WithElement(types.residual, [&](auto added) { return run(in, out, added); });
      });
    });
  }

  // Returns the data with tensors and weights that f16 and bf16 have.
  Data RoundedToHalves(Data data) const {
    for (std::vector<float>* values : {&data.input.data, &data.weights, &data.residual.data}) {
      for (float& value : *values) {
        const double rounded = ref::RoundTo(DataType::kBF16, static_cast<double>(value));
        value = static_cast<float>(ref::RoundTo(DataType::kF16, rounded));  // has no more bits than before
      }
    }
    Expect(data);
    return data;
  }

  Data MakeData(bool integers, std::mt19937& rng) const {
    const Attributes& a = attributes_;
    Data data;
    data.input = ref::Tensor<float>(batch_, a.input_channels, ref::ToSize3(input_, a.spatial_rank));
    int64_t weights = a.input_channels * (a.output_channels / a.groups);
    for (int axis = 0; axis < a.spatial_rank; ++axis) weights *= a.kernel[axis];
    data.weights.resize(static_cast<size_t>(weights));
    const auto channels = static_cast<size_t>(derived().OutputChannels());
    if (bias_) data.bias.resize(static_cast<size_t>(a.output_channels));
    if (scale_) data.scale.resize(channels);
    if (shift_) data.shift.resize(channels);
    if (a.epilogue.activation == Activation::kPRelu) data.slope.resize(channels);
    if (a.epilogue.residual != polyphase::Residual::kNone) {
      data.residual = ref::Tensor<float>(batch_, derived().OutputChannels(), derived().OutputSize(data.input.size()));
    }
    for (std::vector<float>* values :
         {&data.input.data, &data.weights, &data.bias, &data.scale, &data.shift, &data.slope, &data.residual.data}) {
      // terms * 8 * 8 (* 2) < 2^24 holds for all layers below 125 thousand terms.
      integers ? FillIntegers(*values, values == &data.scale ? 2 : 8, rng) : FillUniform(*values, rng);
    }
    if (integers) {
      for (float& slope : data.slope) slope /= 4;
    }
    Expect(data);
    return data;
  }

  // Fills in value and bound, and returns what the oracle yields.
  ref::ConvResult Expect(Data& data) const {
    const Attributes a = AttributesOf(data);
    const ref::ConvResult result =
        derived().Expected(a, data.input, data.weights.data(), bias_ ? data.bias.data() : nullptr);
    for (const int64_t terms : result.terms) EXPECT_LT(terms * (scale_ ? 128 : 64), int64_t{1} << 24);
    data.bound = ref::BoundWithConstants(result, a.epilogue);
    data.value = result.value;
    data.terms = result.terms;
    ref::ApplyEpilogue(a.epilogue, data.residual.data.empty() ? nullptr : &data.residual, data.value, &data.bound);
    return result;
  }

  Operator MakeOperator(const Data& data, const std::string& target, std::mt19937& rng,
                        DataType weights = DataType::kF32) const {
    OperatorOptions options = OptionsFor(target);
    options.numerics = numerics_;
    // With a hint the weights are packed here, and without it by the first plan. Both must work. A hint has no
    // output_size.
    if (rng() % 2 == 0 && output_size_[0] == 0) options.input_hint = InputDesc(kFormats[rng() % 5]);
    StatusOr<Operator> op = WithElement(weights, [&](auto element) {
      const std::vector<decltype(element)> bits = EncodeAll<decltype(element)>(weights, data.weights);
      return derived().Create(AttributesOf(data), Weights(bits.data(), weights), bias_ ? data.bias.data() : nullptr,
                              options);
    });
    if (!op.ok()) throw std::runtime_error(std::string("Create: ") + op.status().message());
    return *op;
  }

  // The best target comes once more with each of the CPU's instructions for bf16, which kMatrix alone uses.
  std::vector<std::string> RunTargets() const {
    if (!targets_.empty()) return targets_;
    std::vector<std::string> targets = SupportedTargets();
    const std::string best = targets.front();
    for (const char* const unit : {"+bf16", "+amx"}) targets.push_back(best + unit);
    return targets;
  }
  static std::string PlainTarget(const std::string& target) { return target.substr(0, target.find('+')); }

  // Stops at the first variant that fails.
  template <typename Visit>
  void ForEachVariant(const Operator& op, const std::string& target, std::mt19937& rng, const Visit& visit) const {
    const bool bf16 = PlainTarget(target) != target;
    std::vector<Algorithm> algorithms = bf16 ? std::vector<Algorithm>() : algorithms_;
    for (const Algorithm algorithm : {Algorithm::kPlanar, Algorithm::kMatrix}) {
      if (only_these_ ? !bf16 || algorithms_[0] != algorithm : bf16 && algorithm != Algorithm::kMatrix) continue;
      PlanOptions options;
      options.algorithm = algorithm;
      options.output_size = output_size_;
      const StatusOr<Plan> plan = op.MakePlan(InputDesc(kFormats[0]), options);
      if (!plan.ok() || (bf16 && plan->Describe().find("f32 multiply-adds") != std::string::npos)) continue;
      algorithms.push_back(algorithm);
    }
    for (const Algorithm algorithm : algorithms) {
      if (kSanitized && algorithm == Algorithm::kAuto && algorithms_.size() > 1)
        continue;  // kAuto is one of the others
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

  const Derived& derived() const { return static_cast<const Derived&>(*this); }
  Derived& derived() { return static_cast<Derived&>(*this); }

  std::vector<Algorithm> algorithms_;
  bool only_these_ = false;
  Numerics numerics_ = Numerics::kDefault;
  int64_t batch_ = 1;
  bool bias_ = true;
  bool scale_ = false;
  bool shift_ = false;
  bool in_place_ = false;
  std::vector<std::string> targets_;
  std::vector<FormatPair> formats_;
  std::optional<LayerTypes> types_;
  uint32_t seed_ = 1;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_CONV_LAYER_TESTER_H_
