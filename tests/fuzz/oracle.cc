#include "tests/fuzz/oracle.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <type_traits>
#include <variant>

#include "api/c_structs.h"
#include "tests/ref/conv.h"
#include "tests/ref/conv_transpose.h"
#include "tests/ref/convex_upsample.h"
#include "tests/ref/element.h"
#include "tests/ref/epilogue.h"
#include "tests/ref/pixel_shuffle.h"
#include "tests/ref/pool.h"
#include "tests/ref/resize.h"
#include "tests/ref/tensor.h"

namespace polyphase::fuzz {
namespace {

// Numbers up to here are compared; what larger ones become is not the oracle's matter.
constexpr double kMost = 1000;

bool IsModerate(double value) { return std::fabs(value) <= kMost; }  // no NaN is

template <class T>
ref::Tensor<T> Read(const View& view) {
  return ref::Unpack(*view.desc, reinterpret_cast<const T*>(view.data));
}

// Calls visit(T{}) with an unsigned type that has the size of an element.
template <class Visit>
bool WithElement(DataType dtype, const Visit& visit) {
  switch (ElementSize(dtype)) {
    case 1: return visit(uint8_t{});
    case 2: return visit(uint16_t{});
    case 4: return visit(uint32_t{});
    default: return visit(uint64_t{});
  }
}

bool IsNumber(DataType dtype) {
  return dtype == DataType::kF32 || dtype == DataType::kF16 || dtype == DataType::kBF16 || dtype == DataType::kU8;
}

ref::Tensor<double> ReadNumbers(const View& view) {
  ref::Tensor<double> numbers;
  WithElement(view.desc->dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (sizeof(T) <= 4) {
      const ref::Tensor<T> tensor = Read<T>(view);
      numbers = ref::Tensor<double>(tensor.n, tensor.c, tensor.size());
      std::transform(tensor.data.begin(), tensor.data.end(), numbers.data.begin(),
                     [&](T e) { return ref::Decode(view.desc->dtype, e); });
    }
    return true;
  });
  return numbers;
}

bool AreModerate(const ref::Tensor<double>& numbers) {
  return std::all_of(numbers.data.begin(), numbers.data.end(), IsModerate);
}

template <class T>
ref::Tensor<float> ToFloat(const ref::Tensor<T>& numbers) {
  ref::Tensor<float> floats(numbers.n, numbers.c, numbers.size());
  std::transform(numbers.data.begin(), numbers.data.end(), floats.data.begin(),
                 [](T number) { return static_cast<float>(number); });
  return floats;
}

// Compares with the numbers that may be what a value within `bound` of the right one is rounded to.
void ExpectNear(const Values& values, const ref::Tensor<double>& expected, const ref::Tensor<double>& bound,
                double more = 0, bool truncates = false) {
  const ref::Tensor<double> actual = ReadNumbers(values.output);
  const DataType dtype = values.output.desc->dtype;
  Expect(actual.data.size() == expected.data.size(), "an output has another size than the oracle says");
  const auto rounded = [&](double x) {
    if (dtype == DataType::kU8 && truncates) return x > 0 ? std::trunc(std::min(x, 255.0)) : 0;
    return ref::RoundTo(dtype, x);
  };
  for (size_t i = 0; i < actual.data.size(); ++i) {
    const double value = expected.data[i], error = bound.data[i] + more;
    if (actual.data[i] >= rounded(value - error) && actual.data[i] <= rounded(value + error)) continue;
    std::fprintf(stderr, "element %zu is %.9g; it should be %.9g, within %.3g\n%s\n", i, actual.data[i], value, error,
                 values.plan);
    Expect(false, "a value is wrong");
  }
}

template <class T>
void ExpectSame(const Values& values, const ref::Tensor<T>& expected) {
  const ref::Tensor<T> actual = Read<T>(values.output);
  Expect(actual.data == expected.data, "an element is not where it should be");
}

// ---- The ops. `a` is what Create was given, with its pointers.

template <class Attributes>
bool CompareConvolution(const Attributes& a, const Constants& constants, const Values& values,
                        ref::ConvResult (*convolve)(const Attributes&, const ref::Tensor<float>&, const float*,
                                                    const float*)) {
  const ref::Tensor<double> input = ReadNumbers(values.input);
  ref::Tensor<double> residual;
  if (values.residual.desc != nullptr) residual = ReadNumbers(values.residual);
  if (!AreModerate(input) || !AreModerate(residual)) return false;
  ref::ConvResult result = convolve(a, ToFloat(input), constants.weights, constants.bias);
  ref::Tensor<double> bound = ref::BoundWithConstants(result, a.epilogue);
  ref::ApplyEpilogue(a.epilogue, residual.data.empty() ? nullptr : &residual, result.value, &bound);
  const double largest = bound.data.empty() ? 0 : *std::max_element(bound.data.begin(), bound.data.end());
  const ref::ProductError product_error(values.plan);
  for (size_t i = 0; i < bound.data.size(); ++i) {
    bound.data[i] *= 1 + product_error(result.terms[i % result.terms.size()]);
  }
  ExpectNear(values, result.value, bound, ref::Amplification(values.plan) * largest);
  return true;
}

bool Compare(const ConvAttributes& a, const Constants& constants, const Values& values) {
  return CompareConvolution(a, constants, values, ref::Conv);
}

bool Compare(ConvTransposeAttributes a, const Constants& constants, const Values& values) {
  if (a.auto_pad != AutoPad::kNotSet || a.output_shape != SpatialSizes{}) return false;
  // What is asked for beyond the default size is an output padding.
  for (int axis = 0; axis < a.spatial_rank; ++axis) {
    a.output_padding[axis] +=
        values.output.desc->size[axis] - ref::ConvTransposeOutputSize(a, axis, values.input.desc->size[axis]);
  }
  return CompareConvolution(a, constants, values, ref::ConvTranspose);
}

bool Compare(const ResizeAttributes& a, const Constants&, const Values& values) {
  const DataType dtype = values.input.desc->dtype;
  for (size_t axis = 0; axis < 3; ++axis) {
    if (!IsModerate(a.roi_begin[axis]) || !IsModerate(a.roi_end[axis])) return false;
    if (a.scale[axis] != 0 && (a.scale[axis] < 1 / kMost || a.scale[axis] > kMost)) return false;
  }
  if (!IsModerate(a.extrapolation_value) || !IsModerate(a.cubic_coeff_a) || !IsNumber(dtype)) return false;
  const ref::Tensor<double> input = ReadNumbers(values.input);
  ref::Tensor<double> residual;
  if (values.residual.desc != nullptr) residual = ReadNumbers(values.residual);
  if (!AreModerate(input) || !AreModerate(residual)) return false;
  const bool fixed = dtype == DataType::kU8 && a.mode != ResizeMode::kNearest &&
                     (a.u8_rounding == U8Rounding::kFixed16 || a.u8_rounding == U8Rounding::kFixed22);
  ref::ResizeResult result = ref::Resize(a, input);
  if (fixed) {
    result.value = ref::ResizeFixed(a, input);
    std::fill(result.bound.data.begin(), result.bound.data.end(), 0.0);
  }
  if (a.pointwise.output_channels > 0) result = ref::PointwiseConv(a.pointwise, result);
  const Epilogue& e = a.epilogue;
  if (e.activation != Activation::kNone || e.scale != nullptr || e.shift != nullptr || !residual.data.empty()) {
    ref::ApplyEpilogue(e, residual.data.empty() ? nullptr : &residual, result.value, &result.bound);
  }
  ExpectNear(values, result.value, result.bound, 0, a.u8_rounding == U8Rounding::kTruncate);
  return true;
}

bool Compare(const PixelShuffleAttributes& a, const Constants&, const Values& values) {
  return WithElement(values.input.desc->dtype, [&](auto element) {
    ExpectSame(values, ref::PixelShuffle(a, Read<decltype(element)>(values.input)));
    return true;
  });
}

bool Compare(const NoAttributes&, const Constants&, const Values& values) {
  if (values.input.desc->dtype != values.output.desc->dtype) return false;
  return WithElement(values.input.desc->dtype, [&](auto element) {
    ExpectSame(values, Read<decltype(element)>(values.input));
    return true;
  });
}

bool Compare(const MaxPoolAttributes& a, const Constants&, const Values& values) {
  const ref::Tensor<double> input = ReadNumbers(values.input);
  if (!AreModerate(input)) return false;
  ref::Tensor<int64_t> indices;
  const ref::Tensor<double> expected = ref::MaxPool(a, input, &indices);
  ExpectNear(values, expected, ref::Tensor<double>(expected.n, expected.c, expected.size()));
  if (values.output_indices.desc == nullptr) return true;
  if (values.output_indices.desc->dtype == DataType::kI64) {
    Expect(Read<int64_t>(values.output_indices).data == indices.data, "an index is wrong");
  } else {
    const ref::Tensor<int32_t> actual = Read<int32_t>(values.output_indices);
    Expect(std::equal(actual.data.begin(), actual.data.end(), indices.data.begin(), indices.data.end(),
                      [](int32_t x, int64_t y) { return int64_t{x} == y; }),
           "an index is wrong");
  }
  return true;
}

bool Compare(const MaxUnpoolAttributes& a, const Constants&, const Values& values) {
  ref::Tensor<int64_t> indices;
  if (values.indices.desc->dtype == DataType::kI64) {
    indices = Read<int64_t>(values.indices);
  } else {
    const ref::Tensor<int32_t> narrow = Read<int32_t>(values.indices);
    indices = ref::Tensor<int64_t>(narrow.n, narrow.c, narrow.size());
    std::copy(narrow.data.begin(), narrow.data.end(), indices.data.begin());
  }
  const ref::Size3 size = ref::ToSize3(values.output.desc->size, values.output.desc->spatial_rank);
  return WithElement(values.input.desc->dtype, [&](auto element) {
    ref::Tensor<decltype(element)> expected;
    Expect(!ref::MaxUnpool(a, Read<decltype(element)>(values.input), indices, size, &expected),
           "an index that is outside was taken");
    ExpectSame(values, expected);
    return true;
  });
}

// `average` is the oracle; it is linear in the magnitudes, too.
template <class Average>
bool CompareAverage(const PoolWindow& window, const Values& values, const Average& average) {
  const ref::Tensor<double> input = ReadNumbers(values.input);
  if (!AreModerate(input)) return false;
  ref::Tensor<double> magnitude = input;
  for (double& value : magnitude.data) value = std::fabs(value);
  ref::Tensor<double> bound = average(magnitude);
  const ref::Size3 kernel = ref::ToSize3(window.kernel, window.spatial_rank);
  const auto terms = static_cast<double>(kernel[0] * kernel[1] * kernel[2]);
  // Each quotient and each sum rounds once.
  for (double& value : bound.data) value = std::fabs(value) * (terms + 2) * 0x1p-24;
  ExpectNear(values, average(input), bound);
  return true;
}
bool Compare(const AvgPoolAttributes& a, const Constants&, const Values& values) {
  return CompareAverage(a.window, values, [&](const ref::Tensor<double>& x) { return ref::AvgPool(a, x); });
}
bool Compare(const AvgUnpoolAttributes& a, const Constants&, const Values& values) {
  const ref::Size3 size = ref::ToSize3(values.output.desc->size, values.output.desc->spatial_rank);
  return CompareAverage(a.window, values, [&](const ref::Tensor<double>& x) { return ref::AvgUnpool(a, x, size); });
}

bool Compare(const ConvexUpsampleAttributes& a, const Constants&, const Values& values) {
  const ref::Tensor<double> input = ReadNumbers(values.input), mask = ReadNumbers(values.mask);
  if (!AreModerate(input) || !AreModerate(mask) || !IsModerate(a.scale) || !IsModerate(a.mask_scale)) return false;
  ref::ConvexUpsampleResult result = ref::ConvexUpsample(a, ToFloat(input), ToFloat(mask));
  for (size_t i = 0; i < result.bound.data.size(); ++i) {
    result.bound.data[i] += 0x1p-24 * std::fabs(result.value.data[i]);
  }
  ExpectNear(values, result.value, result.bound);
  return true;
}

// ---- The structs with all that they point to

// Returns what the library makes of a struct that it took. Of a larger one it takes what it knows.
template <class C>
typename internal::Pair<C>::Cpp Taken(C c) {
  c.struct_size = std::min(c.struct_size, sizeof(C));
  typename internal::Pair<C>::Cpp cpp;
  Expect(internal::FromC("struct", &c, &cpp).ok(), "a struct was taken and is refused");
  return cpp;
}

template <class Attributes>
bool CompleteEpilogue(const Layer& made, const Constants& constants, Attributes* a) {
  if (made.epilogue) a->epilogue = Taken(*made.epilogue);
  a->epilogue.scale = constants.scale;
  a->epilogue.shift = constants.shift;
  a->epilogue.slope = constants.slope;
  const Epilogue& e = a->epilogue;
  const bool clamps = e.activation == Activation::kClamp;
  return IsModerate(e.negative_slope) && (!clamps || (IsModerate(e.lower) && IsModerate(e.upper)));
}

template <class Attributes>
bool CompletePrologue(const Layer& made, Attributes* a) {
  if (made.prologue) a->prologue = Taken(*made.prologue);
  return IsModerate(a->prologue.negative_slope);
}

bool Complete(const Layer& made, const Constants& constants, ConvAttributes* a) {
  return CompleteEpilogue(made, constants, a) && CompletePrologue(made, a);
}
bool Complete(const Layer& made, const Constants& constants, ConvTransposeAttributes* a) {
  return CompleteEpilogue(made, constants, a) && CompletePrologue(made, a);
}
bool Complete(const Layer& made, const Constants& constants, ResizeAttributes* a) {
  if (made.pointwise) {
    a->pointwise = Taken(*made.pointwise);
    a->pointwise.weights = constants.weights;
    a->pointwise.bias = constants.bias;
  }
  return CompleteEpilogue(made, constants, a);
}
template <class Attributes>
bool Complete(const Layer&, const Constants&, Attributes*) {
  return true;
}

}  // namespace

bool CompareWithOracle(const Layer& made, const Constants& constants, const Values& values) {
  // Sums of products whose factors have 8 bits are no f32 sums.
  if (made.operator_options && made.operator_options->numerics > PPH_NUMERICS_DEFAULT) return false;
  return std::visit(
      [&](const auto& c) {
        using C = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<C, NoAttributes>) {
          return Compare(c, constants, values);
        } else {
          auto a = Taken(c);
          return Complete(made, constants, &a) && Compare(a, constants, values);
        }
      },
      made.attributes);
}

}  // namespace polyphase::fuzz
