// Worked examples of PyTorch and ONNX Runtime, with the values that those gave: for the library and for the oracles.
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/conv_transpose.h"
#include "tests/ref/pixel_shuffle.h"
#include "tests/ref/resize.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

using Values = std::vector<float>;

// Runs a dense NCHW tensor of 1 x c x h x w through `op`.
Values RunNchw(const StatusOr<Operator>& op, int64_t c, int64_t h, int64_t w, const Values& input,
               const PlanOptions& options = {}) {
  if (!op.ok()) {
    ADD_FAILURE() << op.status().message();
    return {};
  }
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, c, h, w), options);
  if (!plan.ok()) {
    ADD_FAILURE() << plan.status().message();
    return {};
  }
  const TensorDesc& out = plan->output();
  Values output(static_cast<size_t>(out.c * out.size[0] * out.size[1]), std::nanf(""));
  const Status status = plan->Run(input.data(), output.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return output;
}

template <typename T>
Values ToFloats(const ref::Tensor<T>& tensor) {
  Values values;
  for (const T& v : tensor.data) values.push_back(static_cast<float>(v));
  return values;
}

ref::Tensor<float> Nchw(int64_t c, int64_t h, int64_t w, const Values& values) {
  ref::Tensor<float> tensor(1, c, h, w);
  tensor.data = values;
  return tensor;
}

// ---- ConvTranspose

struct RowExample {
  const char* name;
  Values input, weights;
  float bias;
  int64_t stride, dilation, padding_begin, padding_end, output_padding;
  Values expected;
};

// All examples are one row; each is run along both axes.
const RowExample kRowExamples[] = {
    {"holes", {1, 1, 1}, {1, 1}, 0.5f, 4, 1, 0, 0, 0, {1.5f, 1.5f, 0.5f, 0.5f, 1.5f, 1.5f, 0.5f, 0.5f, 1.5f, 1.5f}},
    // s 4, d 2: the outputs of odd index have no taps.
    {"gcd of stride and dilation", {1, 2}, {1, 10, 100}, 0, 4, 2, 0, 0, 0, {1, 0, 10, 0, 102, 0, 20, 0, 200}},
    // onnxruntime 1.30, output_shape 6 and 4 of a natural 7: the odd unit of the crop at the start, or at the end.
    {"output_shape 6, SAME_LOWER", {1, 2, 3}, {1, 10, 100}, 0, 2, 1, 1, 0, 0, {10, 102, 20, 203, 30, 300}},
    {"output_shape 6, SAME_UPPER", {1, 2, 3}, {1, 10, 100}, 0, 2, 1, 0, 1, 0, {1, 10, 102, 20, 203, 30}},
    {"output_shape 4, SAME_LOWER", {1, 2, 3}, {1, 10, 100}, 0, 2, 1, 2, 1, 0, {102, 20, 203, 30}},
    {"output_shape 4, SAME_UPPER", {1, 2, 3}, {1, 10, 100}, 0, 2, 1, 1, 2, 0, {10, 102, 20, 203}},
    {"not cropped", {1, 2, 3}, {1, 10, 100}, 0, 2, 1, 0, 0, 0, {1, 10, 102, 20, 203, 30, 300}},
    {"crop larger than the kernel", {1, 2, 3}, {1, 10, 100}, 0, 1, 1, 2, 2, 0, {123}},
    {"output_padding appends the bias", {1, 2}, {1, 10}, 0.5f, 2, 1, 0, 0, 1, {1.5f, 10.5f, 2.5f, 20.5f, 0.5f}},
    {"output_padding restores what was cropped",
     {1, 2},
     {1, 10, 100, 1000},
     0,
     2,
     1,
     1,
     1,
     1,
     {10, 102, 1020, 200, 2000}},
    {"one tap, stride 2", {1, 2, 3}, {1}, 0.25f, 2, 1, 0, 0, 0, {1.25f, 0.25f, 2.25f, 0.25f, 3.25f}},
};

TEST(Golden, ConvTransposeRows) {
  for (const RowExample& example : kRowExamples) {
    for (const int axis : {0, 1}) {
      SCOPED_TRACE(std::string(example.name) + ", axis " + std::to_string(axis));
      ConvTransposeAttributes a;
      a.input_channels = a.output_channels = 1;
      a.kernel[axis] = static_cast<int64_t>(example.weights.size());
      a.stride[axis] = example.stride;
      a.dilation[axis] = example.dilation;
      a.padding_begin[axis] = example.padding_begin;
      a.padding_end[axis] = example.padding_end;
      a.output_padding[axis] = example.output_padding;
      const auto length = static_cast<int64_t>(example.input.size());
      const int64_t h = axis == 0 ? length : 1;
      const int64_t w = axis == 0 ? 1 : length;
      EXPECT_EQ(
          ToFloats(ref::ConvTranspose(a, Nchw(1, h, w, example.input), example.weights.data(), &example.bias).value),
          example.expected);
      for (const std::string& target : SupportedTargets()) {
        for (const Algorithm algorithm : {Algorithm::kAuto, Algorithm::kSubpixel, Algorithm::kGemmCol2im}) {
          SCOPED_TRACE(target + ", algorithm " + std::to_string(static_cast<int>(algorithm)));
          PlanOptions options;
          options.algorithm = algorithm;
          const StatusOr<Operator> op =
              CreateConvTranspose(a, example.weights.data(), &example.bias, OptionsFor(target));
          EXPECT_EQ(RunNchw(op, 1, h, w, example.input, options), example.expected);
        }
      }
    }
  }
}

// ---- Resize

struct ResizeExample {
  const char* name;
  PyTorchMode mode;
  bool align_corners;
  double scale;  // 0: by size
  bool recompute;
  int64_t size_out;
  Values input, expected;
};

const ResizeExample kResizeExamples[] = {
    {"nearest, ratio 1 / 1.3, which copies", PyTorchMode::kNearest, false, 1.3, false, 3, {0, 1, 2}, {0, 1, 2}},
    {"nearest, ratio 1 / 1.3", PyTorchMode::kNearest, false, 1.3, false, 5, {0, 1, 2, 3}, {0, 0, 1, 2, 3}},
    {"nearest, recomputed ratio", PyTorchMode::kNearest, false, 1.3, true, 3, {0, 1, 2}, {0, 1, 2}},
    {"nearest, scale 2.3, which doubles", PyTorchMode::kNearest, false, 2.3, false, 6, {0, 1, 2}, {0, 0, 1, 1, 2, 2}},
    {"nearest, scale 2.6", PyTorchMode::kNearest, false, 2.6, false, 7, {0, 1, 2}, {0, 0, 0, 1, 1, 1, 2}},
    {"nearest x2", PyTorchMode::kNearest, false, 0, false, 6, {5, 6, 7}, {5, 5, 6, 6, 7, 7}},
    {"nearest by half", PyTorchMode::kNearest, false, 0, false, 4, {0, 1, 2, 3, 4, 5, 6, 7}, {0, 2, 4, 6}},
    {"nearest-exact by half", PyTorchMode::kNearestExact, false, 0, false, 4, {0, 1, 2, 3, 4, 5, 6, 7}, {1, 3, 5, 7}},
    {"bilinear keeps an equal size", PyTorchMode::kBilinear, false, 1.3, false, 3, {0, 1, 2}, {0, 1, 2}},
    {"bilinear to the centre", PyTorchMode::kBilinear, false, 0, false, 1, {0, 1, 2, 3}, {1.5f}},
    {"bilinear to the first", PyTorchMode::kBilinear, true, 0, false, 1, {4, 1, 2, 3}, {4}},
    {"bilinear x2", PyTorchMode::kBilinear, false, 2, false, 4, {1, 2}, {1, 1.25f, 1.75f, 2}},
    {"bilinear, aligned corners", PyTorchMode::kBilinear, true, 0, false, 5, {0, 4, 2}, {0, 2, 4, 3, 2}},
    {"bicubic x2",
     PyTorchMode::kBicubic,
     false,
     2,
     false,
     8,
     {1, 4, 9, 16},
     {0.68359375f, 1.50390625f, 2.79296875f, 5.203125f, 7.234375f, 11.11328125f, 14.58984375f, 16.73828125f}},
    {"bicubic to the centre", PyTorchMode::kBicubic, false, 0, false, 1, {1, 2, 3, 4}, {2.5f}},
    {"bicubic of one pixel", PyTorchMode::kBicubic, false, 0, false, 3, {7}, {7, 7, 7}},
    {"linear of one pixel, aligned corners", PyTorchMode::kBilinear, true, 0, false, 3, {7}, {7, 7, 7}},
};

TEST(Golden, ResizeRows) {
  for (const ResizeExample& example : kResizeExamples) {
    for (const int axis : {0, 1}) {
      SCOPED_TRACE(std::string(example.name) + ", axis " + std::to_string(axis));
      ResizeAttributes a = ResizeAttributes::PyTorch(example.mode, example.align_corners);
      if (example.scale > 0) {
        a.scale = {1, 1, 0};
        a.scale[axis] = example.scale;
      } else {
        a.size = {1, 1, 0};
        a.size[axis] = example.size_out;
      }
      a.recompute_scale_factor = example.recompute;
      const auto length = static_cast<int64_t>(example.input.size());
      const int64_t h = axis == 0 ? length : 1;
      const int64_t w = axis == 0 ? 1 : length;
      const auto expect_near = [&](const Values& actual) {
        ASSERT_EQ(actual.size(), example.expected.size());
        for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], example.expected[i], 1e-5) << "output " << i;
      };
      ref::Tensor<double> numbers(1, 1, h, w);
      std::copy(example.input.begin(), example.input.end(), numbers.data.begin());
      expect_near(ToFloats(ref::Resize(a, numbers).value));
      for (const std::string& target : SupportedTargets()) {
        SCOPED_TRACE(target);
        expect_near(RunNchw(CreateResize(a, OptionsFor(target)), 1, h, w, example.input));
      }
    }
  }
}

// f32 coordinates decide these: exact maths would give the next pixel.
TEST(Golden, NearestIndicesAreThoseOfF32) {
  struct {
    PyTorchMode mode;
    int64_t in, out, at, index;
  } cases[] = {
      {PyTorchMode::kNearest, 2, 82, 41, 0},
      {PyTorchMode::kNearest, 6, 74, 37, 2},
      {PyTorchMode::kNearestExact, 2, 41, 20, 0},
  };
  for (const auto& c : cases) {
    for (const int axis : {0, 1}) {
      ResizeAttributes a = ResizeAttributes::PyTorch(c.mode);
      a.size = {1, 1, 0};
      a.size[axis] = c.out;
      Values input;
      for (int64_t i = 0; i < c.in; ++i) input.push_back(static_cast<float>(i));
      for (const std::string& target : SupportedTargets()) {
        SCOPED_TRACE(target + " " + std::to_string(c.in) + " -> " + std::to_string(c.out));
        const Values output =
            RunNchw(CreateResize(a, OptionsFor(target)), 1, axis == 0 ? c.in : 1, axis == 0 ? 1 : c.in, input);
        ASSERT_EQ(output.size(), static_cast<size_t>(c.out));
        EXPECT_EQ(output[static_cast<size_t>(c.at)], static_cast<float>(c.index));
      }
    }
  }
}

// ---- PixelShuffle

struct ShuffleExample {
  const char* name;
  ShuffleDirection direction;
  ChannelOrder order;
  int64_t c, h, w;
  Values expected;
};

const ShuffleExample kShuffleExamples[] = {
    {"DCR", ShuffleDirection::kDepthToSpace, ChannelOrder::kDcr, 8, 1, 1, {1, 3, 5, 7, 2, 4, 6, 8}},
    {"CRD", ShuffleDirection::kDepthToSpace, ChannelOrder::kCrd, 8, 1, 1, {1, 2, 3, 4, 5, 6, 7, 8}},
    {"SpaceToDepth", ShuffleDirection::kSpaceToDepth, ChannelOrder::kDcr, 2, 2, 2, {1, 5, 2, 6, 3, 7, 4, 8}},
    {"PixelUnshuffle", ShuffleDirection::kSpaceToDepth, ChannelOrder::kCrd, 2, 2, 2, {1, 2, 3, 4, 5, 6, 7, 8}},
    {"PixelShuffle of two pixels",
     ShuffleDirection::kDepthToSpace,
     ChannelOrder::kCrd,
     4,
     1,
     2,
     {1, 3, 2, 4, 5, 7, 6, 8}},
};

TEST(Golden, PixelShuffle) {
  const Values input = {1, 2, 3, 4, 5, 6, 7, 8};
  for (const ShuffleExample& example : kShuffleExamples) {
    SCOPED_TRACE(example.name);
    PixelShuffleAttributes a;
    a.direction = example.direction;
    a.channel_order = example.order;
    EXPECT_EQ(ToFloats(ref::PixelShuffle(a, Nchw(example.c, example.h, example.w, input))), example.expected);
    for (const std::string& target : SupportedTargets()) {
      EXPECT_EQ(RunNchw(CreatePixelShuffle(a, OptionsFor(target)), example.c, example.h, example.w, input),
                example.expected)
          << target;
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
