// MaxPoolTester, AvgPoolTester, AvgUnpoolTester and MaxUnpoolTester: run a layer on every target and several layouts
// and views, and compare with the oracle.
#ifndef POLYPHASE_TESTS_TESTERS_POOL_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_POOL_TESTER_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/pool.h"
#include "tests/ref/element.h"
#include "tests/ref/pool.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

inline std::string Name(const SpatialSizes& sizes, int32_t rank) {
  std::string name;
  for (int axis = 0; axis < rank; ++axis) name += (axis > 0 ? "x" : "") + std::to_string(sizes[axis]);
  return name;
}

inline std::string Name(const PoolWindow& w) {
  return "kernel " + Name(w.kernel, w.spatial_rank) + " stride " + Name(w.stride, w.spatial_rank) + " padding " +
         Name(w.padding_begin, w.spatial_rank) + "/" + Name(w.padding_end, w.spatial_rank) + " dilation " +
         Name(w.dilation, w.spatial_rank) + (w.ceil_mode ? " ceil" : "") + " auto_pad " +
         std::to_string(static_cast<int>(w.auto_pad));
}

// Returns a window of equal sizes on `rank` axes.
inline PoolWindow MakeWindow(int32_t rank, int64_t kernel, int64_t stride, int64_t padding = 0, int64_t dilation = 1) {
  PoolWindow w;
  w.spatial_rank = rank;
  for (int axis = 0; axis < rank; ++axis) {
    w.kernel[axis] = kernel;
    w.stride[axis] = stride;
    w.padding_begin[axis] = w.padding_end[axis] = padding;
    w.dilation[axis] = dilation;
  }
  return w;
}

// Says what the input holds.
enum class Fill {
  kIntegers,     // few different ones, so that there are ties
  kUniform,      // from -1 to 1; all values of u8
  kNonFinite,    // integers, infinities, NaNs
  kMinInfinity,  // nothing else
};

inline double Draw(Fill fill, DataType dtype, std::mt19937& rng) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (dtype == DataType::kU8) return fill == Fill::kIntegers ? rng() % 5 : rng() % 256;
  switch (fill) {
    case Fill::kIntegers: break;
    case Fill::kUniform: return ref::RoundTo(dtype, static_cast<double>(rng() % 20001) / 10000.0 - 1.0);
    case Fill::kNonFinite:
      switch (rng() % 6) {
        case 0: return std::nan("");
        case 1: return kInf;
        case 2: return -kInf;
        default: break;
      }
      break;
    case Fill::kMinInfinity: return -kInf;
  }
  return static_cast<double>(rng() % 9) - 4;
}

// The part that all testers have in common. Derived has window(), Describe() and RunAs<T>(op-independent values).
template <typename Derived>
class PoolTesterBase {
 public:
  // Takes as many sizes as the spatial_rank of the window.
  Derived& Input(int64_t n, int64_t c, const std::vector<int64_t>& size) {
    n_ = n, c_ = c, size_ = {1, 1, 1};
    for (size_t i = 0; i < size.size(); ++i) size_[3 - size.size() + i] = size[i];
    return Self();
  }
  Derived& Type(DataType dtype) { return dtype_ = dtype, Self(); }
  Derived& IndexType(DataType dtype) { return index_dtype_ = dtype, Self(); }
  Derived& Formats(std::vector<FormatPair> formats) { return formats_ = std::move(formats), Self(); }
  Derived& Values(Fill fill) { return fill_ = fill, Self(); }
  Derived& OutputSize(const SpatialSizes& size) { return output_size_ = size, Self(); }
  Derived& Seed(uint32_t seed) { return seed_ = seed, Self(); }

 protected:
  Derived& Self() { return *static_cast<Derived*>(this); }

  std::string DescribeInput() const {
    std::string text = " dtype " + std::to_string(static_cast<int>(dtype_)) + " indices " +
                       std::to_string(static_cast<int>(index_dtype_)) + " in " + std::to_string(n_) + "x" +
                       std::to_string(c_);
    for (const int64_t size : size_) text += "x" + std::to_string(size);
    return text + " output_size " + Name(output_size_, kMaxSpatialRank) + " seed " + std::to_string(seed_);
  }

  ref::Tensor<double> MakeInput(std::mt19937& rng) const {
    ref::Tensor<double> input(n_, c_, size_);
    for (double& value : input.data) value = Draw(fill_, dtype_, rng);
    return input;
  }

  template <typename T>
  ref::Tensor<T> Encoded(const ref::Tensor<double>& values) const {
    ref::Tensor<T> result(values.n, values.c, values.size());
    for (size_t i = 0; i < values.data.size(); ++i) result.data[i] = ref::Encode<T>(dtype_, values.data[i]);
    return result;
  }

  // Calls run(T{}) with the type that holds an element; it has 8 bytes only where elements are not numbers.
  template <typename Run>
  void WithElement(const Run& run) const {
    switch (ElementSize(dtype_)) {
      case 1: return run(uint8_t{});
      case 2: return run(uint16_t{});
      default: return run(uint32_t{});
    }
  }
  template <typename Run>
  void WithElementOfAnySize(const Run& run) const {
    ElementSize(dtype_) == 8 ? run(uint64_t{}) : WithElement(run);
  }

  // Calls run(operator, target, formats, choice) for everything that is to be run.
  template <typename Create, typename Run>
  void ForEachRun(const Create& create, std::mt19937& rng, const Run& run) const {
    for (const std::string& target : SupportedTargets()) {
      const StatusOr<Operator> op = create(OptionsFor(target));
      ASSERT_TRUE(op.ok()) << op.status().message();
      for (const FormatPair& formats : formats_.empty() ? SomeFormatPairs(3, rng) : Chosen(formats_, rng)) {
        const RunChoice choice = RandomChoice(rng);
        SCOPED_TRACE(target + " " + Name(formats.first) + " -> " + Name(formats.second) + ", " + Name(choice));
        run(*op, target, formats, choice);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }

  int64_t n_ = 1, c_ = 3;
  ref::Size3 size_{1, 6, 7};
  DataType dtype_ = DataType::kF32;
  DataType index_dtype_ = DataType::kI64;
  std::vector<FormatPair> formats_;
  Fill fill_ = Fill::kIntegers;
  SpatialSizes output_size_{};
  uint32_t seed_ = 1;
};

class MaxPoolTester : public PoolTesterBase<MaxPoolTester> {
 public:
  explicit MaxPoolTester(const PoolWindow& window) { attributes_.window = window; }
  MaxPoolTester& Convention(IndexConvention convention, bool column_major = false) {
    attributes_.index_convention = convention;
    attributes_.column_major = column_major;
    return *this;
  }

  void Run() const {
    SCOPED_TRACE("max_pool " + Name(attributes_.window) + " convention " +
                 std::to_string(static_cast<int>(attributes_.index_convention)) +
                 (attributes_.column_major ? " column major" : "") + DescribeInput());
    WithElement([&](auto element) {
      index_dtype_ == DataType::kI32 ? RunAs<decltype(element), int32_t>() : RunAs<decltype(element), int64_t>();
    });
  }

 private:
  template <typename T, typename Index>
  void RunAs() const {
    std::mt19937 rng(seed_);
    const ref::Tensor<double> values = MakeInput(rng);
    ref::Tensor<int64_t> expected_indices;
    const ref::Tensor<double> expected = ref::MaxPool(attributes_, values, &expected_indices);
    const ref::Tensor<T> input = Encoded<T>(values);
    const int32_t rank = attributes_.window.spatial_rank;
    const auto create = [&](const OperatorOptions& options) { return CreateMaxPool(attributes_, options); };
    ForEachRun(
        create, rng,
        [&](const Operator& op, const std::string& target, const FormatPair& formats, const RunChoice& choice) {
          Memory<Index> indices(DescOf(index_dtype_, kFormats[rng() % 5], expected, rank), kViews[rng() % 4]);
          PlanOptions options;
          options.indices = indices.desc();
          RunOptions run;
          const bool wanted = rng() % 4 != 0;
          if (wanted) run.output_indices = indices.data();
          ref::Tensor<T> output;
          ASSERT_TRUE(RunOnce(op, target, options, choice, input, DescOf(dtype_, formats.first, input, rank),
                              DescOf(dtype_, formats.second, expected, rank), output, ResidualInput<T>(), run));
          ASSERT_TRUE(CompareTensors(output, expected, [&](size_t i) {
            if (std::isnan(expected.data[i])) return std::isnan(ref::Decode(dtype_, output.data[i]));
            return SameBits(output.data[i], ref::Encode<T>(dtype_, expected.data[i]));
          }));
          if (!wanted) {
            ASSERT_TRUE(indices.Untouched());
            return;
          }
          ASSERT_TRUE(indices.OnlyOwnElementsWritten());
          const ref::Tensor<Index> actual = indices.Read();
          ASSERT_TRUE(CompareTensors(actual, expected_indices,
                                     [&](size_t i) { return int64_t{actual.data[i]} == expected_indices.data[i]; }))
              << "indices "
              << Name(indices.desc().layout == Layout::kNchwc ? Format{Layout::kNchwc, indices.desc().channel_block}
                                                              : Format{indices.desc().layout});
        });
  }

  MaxPoolAttributes attributes_;
};

// The part that both averages have in common. Integers must match bit for bit where every quotient is exact in f32.
template <typename Derived>
class AvgTesterBase : public PoolTesterBase<Derived> {
 protected:
  // `expected` belongs to the values and `magnitude` to their absolute values; a sum has at most `terms` summands.
  template <typename T, typename Create>
  void RunAs(const Create& create, int32_t rank, const ref::Tensor<double>& values, const ref::Tensor<double>& expected,
             const ref::Tensor<double>& magnitude, double terms, std::mt19937& rng) const {
    const ref::Tensor<T> input = this->template Encoded<T>(values);
    const DataType dtype = this->dtype_;
    PlanOptions options;
    options.output_size = this->output_size_;
    this->ForEachRun(
        create, rng,
        [&](const Operator& op, const std::string& target, const FormatPair& formats, const RunChoice& choice) {
          ref::Tensor<T> output;
          ASSERT_TRUE(RunOnce(op, target, options, choice, input, DescOf(dtype, formats.first, input, rank),
                              DescOf(dtype, formats.second, expected, rank), output));
          ASSERT_TRUE(CompareTensors(output, expected, [&](size_t i) {
            const double actual = ref::Decode(dtype, output.data[i]);
            const double value = expected.data[i];
            if (!std::isfinite(value)) return std::isnan(value) ? std::isnan(actual) : actual == value;
            // Each quotient and each sum rounds once; the element type then rounds to a neighbour at most.
            const double error = (terms + 2) * 0x1p-24 * magnitude.data[i];
            return actual >= ref::RoundTo(dtype, value - error) && actual <= ref::RoundTo(dtype, value + error);
          }));
        });
  }

  static ref::Tensor<double> Absolute(ref::Tensor<double> tensor) {
    for (double& value : tensor.data) value = std::fabs(value);
    return tensor;
  }
};

class AvgPoolTester : public AvgTesterBase<AvgPoolTester> {
 public:
  explicit AvgPoolTester(const PoolWindow& window) { attributes_.window = window; }
  AvgPoolTester& CountIncludePad(bool include) { return attributes_.count_include_pad = include, *this; }
  AvgPoolTester& Divisor(int64_t divisor) { return attributes_.divisor_override = divisor, *this; }

  void Run() const {
    SCOPED_TRACE("avg_pool " + Name(attributes_.window) + (attributes_.count_include_pad ? " include_pad" : "") +
                 " divisor " + std::to_string(attributes_.divisor_override) + DescribeInput());
    std::mt19937 rng(seed_);
    const ref::Tensor<double> values = MakeInput(rng);
    const ref::Tensor<double> expected = ref::AvgPool(attributes_, values);
    // Sums of few integers are exact, and so is the result of a single division before it is rounded.
    const bool exact = fill_ == Fill::kIntegers;
    ref::Tensor<double> magnitude = ref::AvgPool(attributes_, Absolute(values));
    if (exact) {
      for (double& m : magnitude.data) m = 0;
    }
    ref::Tensor<double> rounded = expected;
    if (exact) {
      for (double& v : rounded.data) v = ref::RoundTo(DataType::kF32, v);
    }
    double terms = 1;
    for (int axis = 0; axis < attributes_.window.spatial_rank; ++axis) {
      terms *= static_cast<double>(attributes_.window.kernel[axis]);
    }
    WithElement([&](auto element) {
      RunAs<decltype(element)>([&](const OperatorOptions& options) { return CreateAvgPool(attributes_, options); },
                               attributes_.window.spatial_rank, values, rounded, magnitude, terms, rng);
    });
  }

 private:
  AvgPoolAttributes attributes_;
};

class AvgUnpoolTester : public AvgTesterBase<AvgUnpoolTester> {
 public:
  explicit AvgUnpoolTester(const PoolWindow& window) { attributes_.window = window; }
  AvgUnpoolTester& Mode(AvgUnpoolMode mode) { return attributes_.mode = mode, *this; }
  AvgUnpoolTester& CountIncludePad(bool include) { return attributes_.count_include_pad = include, *this; }
  AvgUnpoolTester& Divisor(int64_t divisor) { return attributes_.divisor_override = divisor, *this; }

  void Run() const {
    SCOPED_TRACE("avg_unpool " + Name(attributes_.window) +
                 (attributes_.mode == AvgUnpoolMode::kCopy ? " copy" : " adjoint") +
                 (attributes_.count_include_pad ? " include_pad" : "") + " divisor " +
                 std::to_string(attributes_.divisor_override) + DescribeInput());
    std::mt19937 rng(seed_);
    const ref::Tensor<double> values = MakeInput(rng);
    const int32_t rank = attributes_.window.spatial_rank;
    const ref::Size3 size = output_size_ == SpatialSizes{} ? ref::UnpoolDefaultSize(attributes_.window, size_)
                                                           : ref::ToSize3(output_size_, rank);
    const ref::Tensor<double> expected = ref::AvgUnpool(attributes_, values, size);
    ref::Tensor<double> magnitude = ref::AvgUnpool(attributes_, Absolute(values), size);
    if (attributes_.mode == AvgUnpoolMode::kCopy && fill_ == Fill::kIntegers) {
      for (double& m : magnitude.data) m = 0;  // no quotients
    }
    double terms = 1;
    for (int axis = 0; axis < rank; ++axis) terms *= static_cast<double>(attributes_.window.kernel[axis]);
    WithElement([&](auto element) {
      RunAs<decltype(element)>([&](const OperatorOptions& options) { return CreateAvgUnpool(attributes_, options); },
                               rank, values, expected, magnitude, terms, rng);
    });
  }

 private:
  AvgUnpoolAttributes attributes_;
};

// Says where the indices of a MaxUnpoolTester point.
enum class Indices {
  kWindow,  // anywhere in their own window, if that is in the output
  kStray,   // as kWindow, but for one
  kAny,     // anywhere in the output, so that many are equal
};

class MaxUnpoolTester : public PoolTesterBase<MaxUnpoolTester> {
 public:
  explicit MaxUnpoolTester(const PoolWindow& window) { attributes_.window = window; }
  MaxUnpoolTester& Convention(IndexConvention convention) { return attributes_.index_convention = convention, *this; }
  MaxUnpoolTester& InDefaultSize(bool value) { return attributes_.indices_in_default_size = value, *this; }
  MaxUnpoolTester& IndicesAre(Indices indices) { return indices_ = indices, *this; }

  void Run() const {
    SCOPED_TRACE("max_unpool " + Name(attributes_.window) + " convention " +
                 std::to_string(static_cast<int>(attributes_.index_convention)) +
                 (attributes_.indices_in_default_size ? " in default size" : "") + " indices are " +
                 std::to_string(static_cast<int>(indices_)) + DescribeInput());
    WithElementOfAnySize([&](auto element) {
      index_dtype_ == DataType::kI32 ? RunAs<decltype(element), int32_t>() : RunAs<decltype(element), int64_t>();
    });
  }

 private:
  // Finds a valid index by trial.
  int64_t Pick(const ref::Windows& w, const ref::Size3& size, const ref::Size3& counted, int64_t n, int64_t c,
               const ref::Size3& i, bool own_window, std::mt19937& rng) const {
    const bool by_tap = attributes_.index_convention == IndexConvention::kWindow;
    for (;;) {
      ref::Size3 tap{}, position{};
      bool inside = true;
      for (size_t a = 0; a < 3; ++a) {
        tap[a] = static_cast<int64_t>(rng() % static_cast<uint32_t>(w.kernel[a]));
        position[a] = own_window || by_tap ? i[a] * w.stride[a] - w.begin[a] + tap[a]
                                           : static_cast<int64_t>(rng() % static_cast<uint32_t>(size[a]));
        inside = inside && position[a] >= 0 && position[a] < size[a] && position[a] < counted[a];
      }
      if (inside) {
        return ref::IndexOf(attributes_.index_convention, false, w, counted, c_, n, c, position, tap);
      }
    }
  }

  template <typename T, typename Index>
  void RunAs() const {
    std::mt19937 rng(seed_);
    const PoolWindow& window = attributes_.window;
    const int32_t rank = window.spatial_rank;
    const ref::Windows w = ref::FromAttributes(window);
    const ref::Size3 default_size = ref::UnpoolDefaultSize(window, size_);
    const ref::Size3 size = output_size_ == SpatialSizes{} ? default_size : ref::ToSize3(output_size_, rank);
    const ref::Size3 counted = attributes_.indices_in_default_size ? default_size : size;
    ref::Tensor<T> input(n_, c_, size_);
    for (T& value : input.data) value = static_cast<T>(uint64_t{rng()} << 32 | rng());
    ref::Tensor<int64_t> positions(n_, c_, size_);
    const size_t stray = rng() % positions.data.size();
    ref::ForEachPosition(n_, c_, size_, [&](int64_t n, int64_t c, const ref::Size3& i) {
      const size_t flat = positions.Index(n, c, i[0], i[1], i[2]);
      const bool own = indices_ == Indices::kWindow || (indices_ == Indices::kStray && flat != stray);
      positions.data[flat] = Pick(w, size, counted, n, c, i, own, rng);
    });
    ref::Tensor<T> expected;
    ASSERT_FALSE(ref::MaxUnpool(attributes_, input, positions, size, &expected));
    ref::Tensor<Index> narrow(n_, c_, size_);
    for (size_t i = 0; i < narrow.data.size(); ++i) narrow.data[i] = static_cast<Index>(positions.data[i]);
    const auto create = [&](const OperatorOptions& options) { return CreateMaxUnpool(attributes_, options); };
    bool all_planar = false;
    ForEachRun(create, rng,
               [&](const Operator& op, const std::string& target, const FormatPair& formats, const RunChoice& choice) {
                 // Planes have a path of their own if all three tensors are planar.
                 const bool planar = formats.first.layout == Layout::kNchw && formats.second.layout == Layout::kNchw;
                 all_planar = planar && !all_planar;
                 Memory<Index> indices(
                     DescOf(index_dtype_, all_planar ? kFormats[0] : kFormats[rng() % 5], input, rank),
                     kViews[rng() % 4]);
                 indices.Write(narrow);
                 const Memory<Index> before = indices;
                 PlanOptions options;
                 options.output_size = output_size_;
                 options.indices = indices.desc();
                 RunOptions run;
                 run.input_indices = indices.data();
                 ref::Tensor<T> output;
                 ASSERT_TRUE(RunOnce(op, target, options, choice, input, DescOf(dtype_, formats.first, input, rank),
                                     DescOf(dtype_, formats.second, expected, rank), output, ResidualInput<T>(), run));
                 ASSERT_TRUE(indices == before);
                 ASSERT_TRUE(BitwiseEqual(output, expected));
               });
  }

  MaxUnpoolAttributes attributes_;
  Indices indices_ = Indices::kWindow;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_POOL_TESTER_H_
