// Ops that write their channels of a concatenation side by side, as the decoder of a U-Net does: the same bits as in
// tensors of their own, and nothing else of the buffer.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

// A range of channels of a tensor with the same sizes; `first` is a multiple of a block.
struct Range {
  TensorDesc desc;
  int64_t offset;
};

Range ChannelRange(const TensorDesc& whole, int64_t first, int64_t channels) {
  const TensorDesc strided = ref::WithStrides(whole);
  const int64_t block = whole.layout == Layout::kNchwc ? whole.channel_block : 1;
  Range range{strided, first / block * strided.stride_c};
  range.desc.c = channels;
  return range;
}

struct Source {
  std::string name;
  Operator op;
  TensorDesc input;
  int64_t channels;  // of the output
};

std::vector<Source> Sources(const Format& format, const std::string& target, std::mt19937& rng) {
  const OperatorOptions options = OptionsFor(target);
  const auto numbers = [&](int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    FillUniform(values, rng);
    return values;
  };
  const auto input = [&](int64_t c, int64_t h, int64_t w) { return MakeDesc(DataType::kF32, format, 2, c, h, w); };
  // All of them yield 2 x c x 12 x 20.
  ConvTransposeAttributes up;
  up.input_channels = 24;
  up.output_channels = 16;
  up.kernel = up.stride = {2, 2};
  ConvTransposeAttributes overlapping = up;
  overlapping.output_channels = 32;
  overlapping.kernel = {4, 4};
  overlapping.padding_begin = overlapping.padding_end = {1, 1};
  ConvAttributes nearest;
  nearest.input_channels = 24;
  nearest.output_channels = 16;
  nearest.kernel = {3, 3};
  nearest.padding_begin = nearest.padding_end = {1, 1};
  nearest.upsample = {2, 2};
  ConvAttributes shuffled = nearest;
  shuffled.upsample = {1, 1};
  shuffled.shuffle = {2, 2};
  shuffled.output_channels = 4 * 16;
  ConvAttributes skip = nearest;
  skip.upsample = {1, 1};
  skip.output_channels = 32;
  ResizeAttributes bilinear = ResizeAttributes::PyTorch(PyTorchMode::kBilinear);
  bilinear.size = {12, 20};
  ResizeAttributes copied = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  copied.scale = {2, 2};
  const auto conv_transpose = [&](const ConvTransposeAttributes& a) {
    const std::vector<float> weights = numbers(a.input_channels * a.output_channels * a.kernel[0] * a.kernel[1]);
    return *CreateConvTranspose(a, weights.data(), nullptr, options);
  };
  const auto conv = [&](const ConvAttributes& a) {
    const std::vector<float> weights = numbers(a.input_channels * a.output_channels * a.kernel[0] * a.kernel[1]);
    return *CreateConv(a, weights.data(), nullptr, options);
  };
  // The last one has channels that do not fill its last block.
  return {{"conv_transpose 2x2", conv_transpose(up), input(24, 6, 10), 16},
          {"bilinear", *CreateResize(bilinear, options), input(16, 7, 9), 16},
          {"conv of nearest", conv(nearest), input(24, 6, 10), 16},
          {"conv and pixel shuffle", conv(shuffled), input(24, 6, 10), 16},
          {"conv_transpose 4x4", conv_transpose(overlapping), input(24, 6, 10), 32},
          {"conv", conv(skip), input(24, 12, 20), 32},
          {"convex_upsample", *CreateConvexUpsample({2}, options), input(16, 6, 10), 16},
          {"nearest", *CreateResize(copied, options), input(19, 6, 10), 19}};
}

TEST(Concat, EveryOpWritesItsChannelsAlone) {
  for (const std::string& target : SupportedTargets()) {
    for (const Format& format : kFormats) {
      SCOPED_TRACE(target + " " + Name(format));
      std::mt19937 rng(3);
      std::vector<Source> sources = Sources(format, target, rng);
      std::shuffle(sources.begin(), sources.end() - 1, rng);
      int64_t channels = 0;
      for (const Source& source : sources) channels += source.channels;
      const TensorDesc whole = MakeDesc(DataType::kF32, format, 2, channels, 12, 20);
      std::vector<float> memory(static_cast<size_t>(ref::Extent(whole)), Marker<float>());

      ref::Tensor<float> expected(2, channels, 12, 20, Marker<float>());
      int64_t first = 0;
      for (const Source& source : sources) {
        SCOPED_TRACE(source.name);
        const Plan alone = *source.op.MakePlan(source.input);
        std::vector<float> input(static_cast<size_t>(ref::Extent(source.input)));
        FillUniform(input, rng);
        std::vector<float> mask(alone.mask() == nullptr ? 0 : static_cast<size_t>(ref::Extent(*alone.mask())));
        FillUniform(mask, rng);
        RunOptions run;
        run.mask = mask.data();
        std::vector<float> output(static_cast<size_t>(ref::Extent(alone.output())));
        ASSERT_TRUE(alone.Run(input.data(), output.data(), run).ok());
        const ref::Tensor<float> part = ref::Unpack(alone.output(), output.data());
        ASSERT_EQ(part.c, source.channels);
        for (int64_t n = 0; n < 2; ++n) {
          std::copy_n(&part.data[part.Index(n, 0, 0, 0)], part.c * part.plane(),
                      &expected.data[expected.Index(n, first, 0, 0)]);
        }

        const Range range = ChannelRange(whole, first, source.channels);
        PlanOptions options;
        options.output = range.desc;
        const StatusOr<Plan> plan = source.op.MakePlan(source.input, options);
        ASSERT_TRUE(plan.ok()) << plan.status().message();
        const Status status = plan->Run(input.data(), memory.data() + range.offset, run);
        ASSERT_TRUE(status.ok()) << status.message();
        first += source.channels;
        // Those of the ops before it, its own, and markers.
        const ref::Tensor<float> actual = ref::Unpack(whole, memory.data());
        ASSERT_TRUE(BitwiseEqual(actual, expected)) << plan->Describe();
      }
      ref::ForEachElement(whole, [&](int64_t offset, int64_t, int64_t c, int64_t, int64_t, int64_t) {
        EXPECT_TRUE(c < channels || memory[static_cast<size_t>(offset)] == 0.0f) << "tail lane " << c;
      });
    }
  }
}

// And the next op reads the concatenation, or a range of it, where it is.
TEST(Concat, TheNextOpReadsARange) {
  for (const std::string& target : SupportedTargets()) {
    for (const Format& format : kFormats) {
      SCOPED_TRACE(target + " " + Name(format));
      std::mt19937 rng(4);
      ConvAttributes a;
      a.input_channels = 19;
      a.output_channels = 18;
      a.kernel = {3, 3};
      a.padding_begin = a.padding_end = {1, 1};
      std::vector<float> weights(19 * 18 * 9);
      FillUniform(weights, rng);
      const Operator op = *CreateConv(a, weights.data(), nullptr, OptionsFor(target));
      const TensorDesc whole = MakeDesc(DataType::kF32, format, 2, 48 + 19, 6, 7);
      ref::Tensor<float> tensor(2, 48 + 19, 6, 7);
      FillUniform(tensor.data, rng);
      std::vector<float> memory(static_cast<size_t>(ref::Extent(whole)), Marker<float>());
      ref::Pack(tensor, whole, memory.data(), Marker<float>());
      const Range range = ChannelRange(whole, 48, 19);
      const Plan plan = *op.MakePlan(range.desc);
      std::vector<float> output(static_cast<size_t>(ref::Extent(plan.output())));
      ASSERT_TRUE(plan.Run(memory.data() + range.offset, output.data()).ok());

      ref::Tensor<float> part(2, 19, 6, 7);
      for (int64_t n = 0; n < 2; ++n) {
        std::copy_n(&tensor.data[tensor.Index(n, 48, 0, 0)], 19 * 42, &part.data[part.Index(n, 0, 0, 0)]);
      }
      const Plan dense = *op.MakePlan(MakeDesc(DataType::kF32, format, 2, 19, 6, 7));
      std::vector<float> input(static_cast<size_t>(ref::Extent(dense.input())));
      ref::Pack(part, dense.input(), input.data());
      std::vector<float> expected(output.size());
      ASSERT_TRUE(dense.Run(input.data(), expected.data()).ok());
      EXPECT_EQ(output, expected) << plan.Describe();
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
