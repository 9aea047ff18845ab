// PixelShuffleTester, ConvertTester and ResizeMoveTester: run ops that move elements on every target, and compare bit
// for bit.
#ifndef POLYPHASE_TESTS_TESTERS_MOVE_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_MOVE_TESTER_H_

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polyphase/convert.h"
#include "polyphase/pixel_shuffle.h"
#include "polyphase/resize.h"
#include "tests/ref/pixel_shuffle.h"
#include "tests/ref/resize.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

// The part that both testers have in common. Derived has Create(target), Expected(input) and Describe().
template <typename Derived>
class MoveTester {
 public:
  // Takes one size per spatial axis; their number is the rank.
  template <typename... Sizes>
  Derived& Input(int64_t n, int64_t c, Sizes... sizes) {
    rank_ = sizeof...(sizes);
    return n_ = n, c_ = c, size_ = {sizes...}, Self();
  }
  Derived& Type(DataType dtype) { return dtype_ = dtype, Self(); }
  Derived& Formats(std::vector<FormatPair> formats) { return formats_ = std::move(formats), Self(); }
  Derived& Seed(uint32_t seed) { return seed_ = seed, Self(); }

  void Run() const {
    SCOPED_TRACE(static_cast<const Derived*>(this)->Describe() + " dtype " + std::to_string(static_cast<int>(dtype_)) +
                 " in " + ShapeName(ref::Tensor<uint8_t>(n_, c_, ref::ToSize3(size_, rank_))) + " rank " +
                 std::to_string(rank_));
    // Only bits count, so f32 takes part as uint32_t: its NaNs are never touched by the FPU.
    switch (dtype_) {
      case DataType::kU8:
      case DataType::kI8: return RunAs<uint8_t>();
      case DataType::kF16:
      case DataType::kBF16:
      case DataType::kU16:
      case DataType::kI16: return RunAs<uint16_t>();
      case DataType::kF32:
      case DataType::kI32: return RunAs<uint32_t>();
      case DataType::kF64:
      case DataType::kI64: return RunAs<uint64_t>();
    }
  }

 private:
  Derived& Self() { return *static_cast<Derived*>(this); }

  template <typename T>
  void RunAs() const {
    const auto& derived = *static_cast<const Derived*>(this);
    std::mt19937 rng(seed_);
    ref::Tensor<T> input(n_, c_, ref::ToSize3(size_, rank_));
    for (T& value : input.data) value = static_cast<T>(rng() | static_cast<uint64_t>(rng()) << 32);
    if (sizeof(T) >= 4 && input.data.size() > 3) {
      const bool wide = sizeof(T) == 8;
      input.data[0] = static_cast<T>(wide ? 0x7FF0000000000001u : 0x7F800001u);  // signalling NaN
      input.data[1] = static_cast<T>(wide ? 0xFFF8000012345678u : 0xFFC12345u);  // NaN with a payload
      input.data[2] = static_cast<T>(wide ? 0x8000000000000000u : 0x80000000u);  // -0.0
      input.data[3] = static_cast<T>(0x00000001u);                               // denormal
    }
    const ref::Tensor<T> expected = derived.Expected(input);
    for (const std::string& target : SupportedTargets()) {
      const StatusOr<Operator> op = derived.Create(OptionsFor(target));
      if (!op.ok()) throw std::runtime_error(std::string("Create: ") + op.status().message());
      for (const FormatPair& formats : formats_.empty() ? SomeFormatPairs(3, rng) : Chosen(formats_, rng)) {
        const RunChoice choice = RandomChoice(rng);
        SCOPED_TRACE(target + " " + Name(formats.first) + " -> " + Name(formats.second) + ", " + Name(choice));
        ref::Tensor<T> output;
        ASSERT_TRUE(RunOnce(*op, target, PlanOptions(), choice, input, DescOf(dtype_, formats.first, input, rank_),
                            DescOf(dtype_, formats.second, expected, rank_), output));
        ASSERT_TRUE(BitwiseEqual(output, expected));
      }
    }
  }

 protected:
  int32_t rank_ = 2;

 private:
  int64_t n_ = 1, c_ = 4;
  SpatialSizes size_{3, 5};
  DataType dtype_ = DataType::kF32;
  std::vector<FormatPair> formats_;
  uint32_t seed_ = 1;
};

class PixelShuffleTester : public MoveTester<PixelShuffleTester> {
 public:
  PixelShuffleTester(ShuffleDirection direction, ChannelOrder order, int64_t factor)
      : PixelShuffleTester(direction, order, {factor, factor, factor}) {}
  PixelShuffleTester(ShuffleDirection direction, ChannelOrder order, const SpatialSizes& factor) {
    attributes_.direction = direction;
    attributes_.channel_order = order;
    attributes_.factor = factor;
  }

  std::string Describe() const {
    const bool to_space = attributes_.direction == ShuffleDirection::kDepthToSpace;
    return std::string(to_space ? "depth_to_space" : "space_to_depth") + " order " +
           std::to_string(static_cast<int>(attributes_.channel_order)) + " factor " +
           std::to_string(attributes_.factor[0]) + "x" + std::to_string(attributes_.factor[1]) + "x" +
           std::to_string(attributes_.factor[2]);
  }
  StatusOr<Operator> Create(const OperatorOptions& options) const { return CreatePixelShuffle(Attributes(), options); }
  template <typename T>
  ref::Tensor<T> Expected(const ref::Tensor<T>& input) const {
    return ref::PixelShuffle(Attributes(), input);
  }

 private:
  PixelShuffleAttributes Attributes() const {
    PixelShuffleAttributes attributes = attributes_;
    attributes.spatial_rank = rank_;
    return attributes;
  }

  PixelShuffleAttributes attributes_;
};

class ConvertTester : public MoveTester<ConvertTester> {
 public:
  std::string Describe() const { return "convert"; }
  StatusOr<Operator> Create(const OperatorOptions& options) const { return CreateConvert(options); }
  template <typename T>
  ref::Tensor<T> Expected(const ref::Tensor<T>& input) const {
    return input;
  }
};

// Nearest resizing that moves elements.
class ResizeMoveTester : public MoveTester<ResizeMoveTester> {
 public:
  explicit ResizeMoveTester(const ResizeAttributes& attributes) : attributes_(attributes) {}
  // Sets the bits that extrapolated elements must have.
  ResizeMoveTester& Outside(uint64_t bits) { return outside_ = bits, *this; }

  std::string Describe() const {
    return "resize coordinates " + std::to_string(static_cast<int>(attributes_.coordinate_transformation)) +
           " nearest " + std::to_string(static_cast<int>(attributes_.nearest_mode)) + " size " +
           std::to_string(attributes_.size[0]) + "x" + std::to_string(attributes_.size[1]) + "x" +
           std::to_string(attributes_.size[2]);
  }
  StatusOr<Operator> Create(const OperatorOptions& options) const { return CreateResize(Attributes(), options); }
  // Resizes the positions of elements.
  template <typename T>
  ref::Tensor<T> Expected(const ref::Tensor<T>& input) const {
    ref::Tensor<double> positions(input.n, input.c, input.size());
    std::iota(positions.data.begin(), positions.data.end(), 0.0);
    ResizeAttributes attributes = Attributes();
    attributes.extrapolation_value = -1;
    const ref::Tensor<double> sources = ref::Resize(attributes, positions).value;
    ref::Tensor<T> output(sources.n, sources.c, sources.size());
    for (size_t i = 0; i < output.data.size(); ++i) {
      const double source = sources.data[i];
      output.data[i] = source < 0 ? static_cast<T>(outside_) : input.data[static_cast<size_t>(source)];
    }
    return output;
  }

 private:
  ResizeAttributes Attributes() const {
    ResizeAttributes attributes = attributes_;
    attributes.spatial_rank = rank_;
    return attributes;
  }

  ResizeAttributes attributes_;
  uint64_t outside_ = 0;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_MOVE_TESTER_H_
