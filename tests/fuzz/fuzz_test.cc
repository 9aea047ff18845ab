// Random layers against the oracle, on all targets, algorithms and layouts.
// POLYPHASE_FUZZ_SEED=n starts at seed n, POLYPHASE_FUZZ_LAYERS=n runs n layers of each op; a failure names the seed
// that repeats it with POLYPHASE_FUZZ_LAYERS=1.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testers/conv_tester.h"
#include "tests/testers/conv_transpose_tester.h"
#include "tests/testers/convex_upsample_tester.h"
#include "tests/testers/move_tester.h"
#include "tests/testers/pool_tester.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? static_cast<uint32_t>(std::strtoul(value, nullptr, 10)) : otherwise;
}

// Calls run(seed, rng) for one seed after the other, up to the first that fails.
template <typename Run>
void ForEachSeed(uint32_t layers, const Run& run) {
  const uint32_t first = FromEnvironment("POLYPHASE_FUZZ_SEED", 1);
  layers = FromEnvironment("POLYPHASE_FUZZ_LAYERS", kSanitized ? layers / 10 : layers);
  std::cout << "seeds " << first << " to " << first + layers - 1 << std::endl;
  for (uint32_t seed = first; seed < first + layers; ++seed) {
    SCOPED_TRACE("POLYPHASE_FUZZ_SEED=" + std::to_string(seed) + " POLYPHASE_FUZZ_LAYERS=1");
    std::mt19937 rng(seed);
    run(seed, rng);
    if (::testing::Test::HasFailure()) return;
  }
}

int64_t Between(int64_t low, int64_t high, std::mt19937& rng) {
  return low + static_cast<int64_t>(rng() % static_cast<uint64_t>(high - low + 1));
}

// Mostly small numbers, at times up to `high`.
int64_t Small(int64_t low, int64_t high, std::mt19937& rng) {
  return rng() % 4 == 0 ? Between(low, high, rng) : Between(low, std::min(low + 3, high), rng);
}

struct Axis {
  int64_t in, kernel, stride, dilation, begin, end, output_padding;

  int64_t Out() const { return (in - 1) * stride + dilation * (kernel - 1) + 1 - begin - end + output_padding; }
};

Axis RandomAxis(std::mt19937& rng) {
  for (;;) {
    Axis a{};
    a.in = Small(1, 20, rng);
    a.kernel = Small(1, 9, rng);
    a.stride = Small(1, 6, rng);
    a.dilation = rng() % 4 == 0 ? Between(1, 4, rng) : 1;
    a.begin = Small(0, a.dilation * (a.kernel - 1) + 3, rng);
    a.end = rng() % 2 == 0 ? a.begin : Small(0, a.dilation * (a.kernel - 1) + 3, rng);
    a.output_padding = rng() % 2 == 0 ? 0 : Between(0, std::max(a.stride, a.dilation) - 1, rng);
    if (a.Out() >= 1 && a.Out() <= 90) return a;
  }
}

Epilogue RandomEpilogue(std::mt19937& rng) {
  Epilogue e;
  if (rng() % 2 == 0) e.activation = static_cast<Activation>(rng() % 11);
  e.negative_slope = 0.25f;
  e.lower = -6.0f;
  e.upper = 6.0f;
  if (rng() % 3 == 0) e.residual = static_cast<Residual>(1 + rng() % 2);
  return e;
}

TEST(Fuzz, ConvTranspose) {
  ForEachSeed(400, [](uint32_t seed, std::mt19937& rng) {
    const int rank = rng() % 2 == 0 ? 2 : static_cast<int>(Between(1, 3, rng));
    Axis axes[3] = {};
    int64_t outputs = 1;
    for (int axis = 0; axis < rank; ++axis) {
      do {
        axes[axis] = RandomAxis(rng);
        // A 3-D layer of the sizes of a 2-D one takes too long.
      } while (outputs * axes[axis].Out() > 4000);
      outputs *= axes[axis].Out();
    }
    int64_t groups = 1;
    int64_t ic = Between(1, rng() % 3 == 0 ? 70 : 20, rng);
    int64_t oc = Between(1, rng() % 3 == 0 ? 70 : 20, rng);
    if (rng() % 4 == 0) {  // groups of a few channels
      groups = Between(1, 9, rng);
      ic = groups * Between(1, 9, rng);
      oc = groups * Between(1, 9, rng);
    } else if (rng() % 6 == 0) {  // depthwise, at times with a multiplier
      groups = ic;
      oc = ic * (rng() % 2 == 0 ? 1 : Between(2, 4, rng));
    }
    const int64_t batch = rng() % 3 == 0 ? Between(2, 5, rng) : 1;
    ConvTransposeAttributes a;
    a.spatial_rank = rank;
    a.input_channels = ic;
    a.output_channels = oc;
    a.groups = groups;
    SpatialSizes input{}, output{};
    bool sized = rng() % 4 == 0;
    for (int axis = 0; axis < rank; ++axis) {
      const Axis& x = axes[axis];
      input[axis] = x.in;
      output[axis] = x.Out();
      a.kernel[axis] = x.kernel;
      a.stride[axis] = x.stride;
      a.dilation[axis] = x.dilation;
      a.padding_begin[axis] = x.begin;
      a.padding_end[axis] = x.end;
      a.output_padding[axis] = x.output_padding;
      sized = sized && x.output_padding < x.stride;
    }
    a.epilogue = RandomEpilogue(rng);
    if (rng() % 4 == 0) a.prologue = {static_cast<Activation>(rng() % 3), 0.5f};
    if (rng() % 8 == 0) {  // ONNX's forms
      a.auto_pad = static_cast<AutoPad>(rng() % 4);
      if (a.auto_pad != AutoPad::kNotSet) a.padding_begin = a.padding_end = {};
      for (int axis = 0; axis < rank && a.auto_pad == AutoPad::kNotSet; ++axis) {
        const Axis& x = axes[axis];
        const int64_t largest = (x.in - 1) * x.stride + x.dilation * (x.kernel - 1) + x.stride;
        a.output_shape[axis] = std::min(x.Out() + Between(0, 2, rng), largest);
      }
    }
    const bool onnx = a.auto_pad != AutoPad::kNotSet || a.output_shape[0] != 0;
    ConvTransposeTester tester(a);
    tester.Batch(batch).InputSize(input);
    if (sized && !onnx) {
      tester.OutputSizes(output);
    }
    if (rng() % 3 == 0) tester.NoBias();
    if (rng() % 4 == 0) tester.Scale();
    if (rng() % 4 == 0) tester.Shift();
    if (rng() % 2 == 0) tester.Residual(a.epilogue.residual, rng() % 2 == 0);
    if (rng() % 4 == 0 && !kSanitized) tester.Formats(AllFormatPairs());
    tester.Seed(seed).Run();
  });
}

// An axis of a Conv whose paddings its mode allows; 0 < out <= 90.
struct ConvAxis {
  int64_t in, kernel, dilation, begin, end, upsample, shuffle;

  int64_t Out() const { return (in * upsample + begin + end - dilation * (kernel - 1)) * shuffle; }
};

ConvAxis RandomConvAxis(PaddingMode mode, bool same, std::mt19937& rng) {
  for (;;) {
    ConvAxis a{};
    a.in = Small(1, 24, rng);
    a.kernel = Small(1, 9, rng);
    a.dilation = rng() % 4 == 0 ? Between(1, 4, rng) : 1;
    a.upsample = rng() % 2 == 0 ? 1 : Small(1, 8, rng);
    a.shuffle = rng() % 2 == 0 ? 1 : Small(1, 8, rng);
    const int64_t reach = a.dilation * (a.kernel - 1);
    a.begin = same ? reach - reach / 2 : rng() % 2 == 0 ? reach / 2 : Small(0, reach + 3, rng);
    a.end = same ? a.begin : rng() % 2 == 0 ? a.begin : Small(0, reach + 3, rng);
    const int64_t size = a.in * a.upsample;
    const int64_t most = std::max(a.begin, a.end);
    if (mode == PaddingMode::kReflect && most >= size) continue;
    if (mode == PaddingMode::kCircular && most > size) continue;
    if (a.Out() >= 1 && a.Out() <= 90) return a;
  }
}

TEST(Fuzz, Conv) {
  ForEachSeed(400, [](uint32_t seed, std::mt19937& rng) {
    const int rank = rng() % 2 == 0 ? 2 : static_cast<int>(Between(1, 3, rng));
    ConvAttributes a;
    a.spatial_rank = rank;
    a.padding_mode = static_cast<PaddingMode>(rng() % 4);
    a.channel_order = static_cast<ChannelOrder>(rng() % 3);
    if (rng() % 6 == 0) a.auto_pad = static_cast<AutoPad>(1 + rng() % 2);
    SpatialSizes input{};
    int64_t shuffled = 0;
    do {  // a 3-D layer of the sizes of a 2-D one takes too long
      int64_t outputs = 1;
      shuffled = 1;
      for (int axis = 0; axis < rank; ++axis) {
        const bool same = a.auto_pad != AutoPad::kNotSet;
        const ConvAxis x = RandomConvAxis(a.padding_mode, same, rng);
        outputs *= x.Out();
        shuffled *= x.shuffle;
        input[axis] = x.in;
        a.kernel[axis] = x.kernel;
        a.dilation[axis] = x.dilation;
        a.upsample[axis] = x.upsample;
        a.shuffle[axis] = x.shuffle;
        a.padding_begin[axis] = same ? 0 : x.begin;
        a.padding_end[axis] = same ? 0 : x.end;
      }
      if (outputs > 4000) shuffled = 1000;
    } while (shuffled > 64);
    // Channels of the output, and what the groups and the shuffle make of them.
    int64_t ic = Between(1, rng() % 3 == 0 ? 70 : 20, rng);
    int64_t oc = Between(1, shuffled > 8 ? 4 : rng() % 3 == 0 ? 70 : 20, rng) * shuffled;
    if (rng() % 4 == 0) {
      a.groups = Between(1, 9, rng);
      ic = a.groups * Between(1, 9, rng);
      oc = a.groups * Between(1, 9, rng) * (a.groups % 2 == 0 && shuffled % 2 == 0 ? shuffled / 2 : shuffled);
    } else if (rng() % 6 == 0) {  // depthwise, at times with a multiplier
      a.groups = ic;
      oc = ic * (rng() % 2 == 0 ? shuffled : shuffled * Between(1, 3, rng));
    }
    a.input_channels = ic;
    a.output_channels = oc;
    a.epilogue = RandomEpilogue(rng);
    if (rng() % 4 == 0) a.prologue = {static_cast<Activation>(rng() % 3), 0.5f};
    ConvTester tester(a);
    tester.Batch(rng() % 3 == 0 ? Between(2, 5, rng) : 1).InputSize(input);
    if (rng() % 3 == 0) tester.NoBias();
    if (rng() % 4 == 0) tester.Scale();
    if (rng() % 4 == 0) tester.Shift();
    if (rng() % 2 == 0) tester.Residual(a.epilogue.residual, rng() % 2 == 0);
    if (rng() % 4 == 0 && !kSanitized) tester.Formats(AllFormatPairs());
    tester.Seed(seed);
    // If the shuffle mixes the groups, a NaN may reach the outputs of all of them.
    const bool mixed =
        a.groups > 1 && shuffled > 1 && (a.channel_order != ChannelOrder::kCrd || oc / shuffled % a.groups != 0);
    rng() % 8 == 0 && !mixed ? tester.RunNonFinite(true) : tester.Run();
  });
}

// Makes attributes agree that contradict each other.
ResizeAttributes RandomResize(int rank, std::mt19937& rng) {
  ResizeAttributes a;
  a.spatial_rank = rank;
  a.mode = static_cast<ResizeMode>(rng() % 5);
  a.coordinate_transformation = static_cast<CoordinateTransformation>(rng() % 7);
  a.coordinate_precision = static_cast<CoordinatePrecision>(rng() % 2);
  a.nearest_mode = static_cast<NearestMode>(rng() % 6);
  if (rng() % 4 == 0) a.cubic_coeff_a = -0.5f;
  a.copy_unchanged_axes = rng() % 2 == 0;
  const bool smooth = a.mode == ResizeMode::kLinear || a.mode == ResizeMode::kCubic;
  if (smooth) a.exclude_outside = rng() % 3 == 0;
  if (smooth) a.antialias = static_cast<Antialias>(rng() % 3);
  if (a.mode == ResizeMode::kLanczos) a.antialias = Antialias::kPillow;
  a.u8_rounding = static_cast<U8Rounding>(rng() % (rank < 3 ? 4 : 2));
  a.output_size_rule = static_cast<OutputSizeRule>(rng() % 3);
  a.pass_order = static_cast<PassOrder>(rng() % 3);
  for (int axis = 0; axis < 3; ++axis) {
    a.roi_begin[axis] = static_cast<double>(Between(-4, 12, rng)) / 8;
    a.roi_end[axis] = static_cast<double>(Between(-4, 12, rng)) / 8;
  }
  a.extrapolation_value = static_cast<float>(Between(-20, 300, rng));
  if (a.mode == ResizeMode::kArea || a.antialias == Antialias::kPillow) {
    a.coordinate_transformation = static_cast<CoordinateTransformation>(rng() % 5);
  }
  return a;
}

TEST(Fuzz, Resize) {
  ForEachSeed(300, [](uint32_t seed, std::mt19937& rng) {
    const int rank = rng() % 2 == 0 ? 2 : rng() % 2 == 0 ? 1 : 3;
    ResizeTester tester(RandomResize(rank, rng));
    ResizeAttributes& a = tester.attributes();
    const DataType types[] = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8};
    const DataType type = rng() % 2 == 0 ? DataType::kF32 : types[rng() % 4];
    const bool fixed = a.u8_rounding == U8Rounding::kFixed16 || a.u8_rounding == U8Rounding::kFixed22;
    const bool by_size = rng() % 3 == 0;
    const bool whole = rng() % 2 == 0;
    const int64_t largest = rank == 1 ? 300 : rank == 2 ? 30 : 8;
    int64_t size[3] = {1, 1, 1};
    std::uniform_real_distribution<double> factor(0.2, 4.0);
    for (int axis = 0; axis < rank; ++axis) {
      size[axis] = axis + 1 < rank ? Small(1, largest, rng) : Between(1, largest, rng);
      if (by_size) {
        a.size[axis] = Between(1, 2 * largest, rng);
      } else {
        // Not so small that nothing is left.
        const double least = 1.01 / static_cast<double>(size[axis]);
        a.scale[axis] = whole ? static_cast<double>(Between(1, 4, rng)) : std::max(factor(rng), least);
      }
    }
    if (rank > 1 && rng() % 4 == 0) a.size[rng() % 2] = a.scale[rng() % 2] = 0;
    if (a.size == SpatialSizes{} && a.scale == std::array<double, 3>{}) a.size[0] = 5;
    if (by_size && rng() % 4 == 0) a.keep_aspect_ratio_policy = KeepAspectRatioPolicy::kNotSmaller;
    if (!by_size && rng() % 3 == 0) a.recompute_scale_factor = true;
    if (a.size != SpatialSizes{}) a.scale = {}, a.recompute_scale_factor = false;
    const int64_t n = Between(1, 3, rng);
    const int64_t c = Between(1, rng() % 3 == 0 ? 40 : 5, rng);
    if (rank == 1) tester.Input(n, c, size[0]);
    if (rank == 2) tester.Input(n, c, size[0], size[1]);
    if (rank == 3) tester.Input(n, c, size[0], size[1], size[2]);
    if (!(type == DataType::kU8 && fixed)) {
      if (rng() % 3 == 0) {
        a.epilogue.activation = static_cast<Activation>(rng() % 11);
        a.epilogue.lower = -0.25f;
        a.epilogue.upper = 0.5f;
      }
      if (a.epilogue.activation == Activation::kPRelu || rng() % 4 == 0) tester.Constants();
      if (rng() % 4 == 0) tester.Residual(static_cast<Residual>(1 + rng() % 2), rng() % 2 == 0);
    }
    const bool cropped = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
    if (type == DataType::kF32 && !cropped && rng() % 2 == 0) {
      tester.PointwiseTo(Between(1, rng() % 3 == 0 ? 150 : 20, rng), rng() % 2 == 0);
    }
    if (rng() % 4 == 0 && !kSanitized) tester.Formats(AllFormatPairs());
    tester.Type(type).Tolerance(type == DataType::kU8 && !fixed ? 1e-4 : 0).Seed(seed).Run();
    if (a.mode != ResizeMode::kNearest) return;
    ResizeAttributes moved = a;
    moved.epilogue = {};
    moved.extrapolation_value = 0;
    ResizeMoveTester mover(moved);
    if (rank == 1) mover.Input(n, c, size[0]);
    if (rank == 2) mover.Input(n, c, size[0], size[1]);
    if (rank == 3) mover.Input(n, c, size[0], size[1], size[2]);
    mover.Type(static_cast<DataType>(PPH_I8 + rng() % 6)).Seed(seed).Run();
  });
}

TEST(Fuzz, PixelShuffle) {
  ForEachSeed(300, [](uint32_t seed, std::mt19937& rng) {
    const auto direction = static_cast<ShuffleDirection>(rng() % 2);
    const int rank = static_cast<int>(Between(1, 3, rng));
    SpatialSizes factor{1, 1, 1};
    SpatialSizes size{1, 1, 1};
    int64_t product = 1;
    for (int axis = 0; axis < rank; ++axis) {
      factor[axis] = Small(1, rank == 3 ? 3 : 8, rng);
      product *= factor[axis];
      size[axis] = axis + 1 < rank ? Small(1, rank == 3 ? 4 : 12, rng) : Between(1, 24, rng);
    }
    const int64_t n = Between(1, 3, rng);
    int64_t c = Between(1, rng() % 3 == 0 ? 35 : 6, rng);
    if (direction == ShuffleDirection::kDepthToSpace) {
      c *= product;
    } else {
      for (int axis = 0; axis < rank; ++axis) size[axis] *= factor[axis];
    }
    PixelShuffleTester tester(direction, static_cast<ChannelOrder>(rng() % 3), factor);
    if (rank == 1) tester.Input(n, c, size[0]);
    if (rank == 2) tester.Input(n, c, size[0], size[1]);
    if (rank == 3) tester.Input(n, c, size[0], size[1], size[2]);
    tester.Type(static_cast<DataType>(rng() % 10)).Seed(seed).Run();
  });
}

// A window of the pooling ops that fits over `size` at least once; of the unpooling ops one whose output is not empty.
PoolWindow RandomWindow(bool unpool, int rank, std::vector<int64_t>& size, std::mt19937& rng) {
  for (;;) {
    PoolWindow w;
    w.spatial_rank = rank;
    size.assign(static_cast<size_t>(rank), 1);
    const bool disjoint = rng() % 3 == 0;
    for (int axis = 0; axis < rank; ++axis) {
      size[static_cast<size_t>(axis)] = Small(1, rank == 3 ? 6 : 25, rng);
      w.kernel[axis] = Small(1, rank == 3 ? 4 : 9, rng);
      w.stride[axis] = disjoint ? w.kernel[axis] : Small(1, 6, rng);
      w.dilation[axis] = !unpool && rng() % 4 == 0 ? Between(1, 4, rng) : 1;
      const int64_t most = w.dilation[axis] * (w.kernel[axis] - 1);
      if (!disjoint) {
        w.padding_begin[axis] = Small(0, most, rng);
        w.padding_end[axis] = rng() % 2 == 0 ? w.padding_begin[axis] : Small(0, most, rng);
      }
    }
    if (!unpool) {
      w.ceil_mode = rng() % 3 == 0;
      if (rng() % 5 == 0) {
        w.auto_pad = static_cast<AutoPad>(1 + rng() % 3);
        w.padding_begin = w.padding_end = {};
      }
    }
    ref::Size3 in{1, 1, 1};
    for (int axis = 0; axis < rank; ++axis) in[static_cast<size_t>(3 - rank + axis)] = size[static_cast<size_t>(axis)];
    const ref::Size3 out = unpool ? ref::UnpoolDefaultSize(w, in) : ref::PoolWindows(w, in).pooled;
    // Windows that step over the whole input are refused.
    bool good = true;
    for (int axis = 0; axis < rank; ++axis) good = good && w.dilation[axis] <= size[static_cast<size_t>(axis)];
    for (const int64_t o : out) good = good && o >= 1;
    if (good && out[0] * out[1] * out[2] <= 10000) return w;
  }
}

TEST(Fuzz, MaxPool) {
  ForEachSeed(400, [](uint32_t seed, std::mt19937& rng) {
    std::vector<int64_t> size;
    const PoolWindow window = RandomWindow(false, static_cast<int>(Between(1, 3, rng)), size, rng);
    MaxPoolTester(window)
        .Input(Between(1, 3, rng), Between(1, rng() % 3 == 0 ? 40 : 6, rng), size)
        .Type(static_cast<DataType>(rng() % 4))
        .Convention(static_cast<IndexConvention>(rng() % 3), rng() % 3 == 0)
        .IndexType(rng() % 2 == 0 ? DataType::kI32 : DataType::kI64)
        .Values(static_cast<Fill>(rng() % 4))
        .Seed(seed)
        .Run();
  });
}

TEST(Fuzz, AvgPool) {
  ForEachSeed(300, [](uint32_t seed, std::mt19937& rng) {
    std::vector<int64_t> size;
    const PoolWindow window = RandomWindow(false, static_cast<int>(Between(1, 3, rng)), size, rng);
    AvgPoolTester(window)
        .Input(Between(1, 3, rng), Between(1, rng() % 3 == 0 ? 40 : 6, rng), size)
        .Type(static_cast<DataType>(rng() % 4))
        .Values(Fill::kIntegers)
        .CountIncludePad(rng() % 2 == 0)
        .Divisor(rng() % 4 == 0 ? Between(1, 9, rng) : 0)
        .Seed(seed)
        .Run();
  });
}

TEST(Fuzz, AvgUnpool) {
  ForEachSeed(300, [](uint32_t seed, std::mt19937& rng) {
    std::vector<int64_t> size;
    const PoolWindow window = RandomWindow(true, static_cast<int>(Between(1, 3, rng)), size, rng);
    AvgUnpoolTester(window)
        .Input(Between(1, 3, rng), Between(1, rng() % 3 == 0 ? 40 : 6, rng), size)
        .Type(static_cast<DataType>(rng() % 3))
        .Mode(static_cast<AvgUnpoolMode>(rng() % 2))
        .CountIncludePad(rng() % 2 == 0)
        .Divisor(rng() % 4 == 0 ? Between(1, 9, rng) : 0)
        .Seed(seed)
        .Run();
  });
}

TEST(Fuzz, MaxUnpool) {
  ForEachSeed(400, [](uint32_t seed, std::mt19937& rng) {
    std::vector<int64_t> size;
    const PoolWindow window = RandomWindow(true, static_cast<int>(Between(1, 3, rng)), size, rng);
    const bool disjoint = window.kernel == window.stride && window.padding_begin == SpatialSizes{} &&
                          window.padding_end == SpatialSizes{};
    MaxUnpoolTester tester(window);
    tester.Input(Between(1, 3, rng), Between(1, rng() % 3 == 0 ? 40 : 6, rng), size)
        .Type(static_cast<DataType>(rng() % 10))
        .IndexType(rng() % 2 == 0 ? DataType::kI32 : DataType::kI64)
        .Seed(seed);
    if (disjoint) {  // every window is in the output
      tester.Convention(static_cast<IndexConvention>(rng() % 3)).IndicesAre(static_cast<Indices>(rng() % 3));
      if (rng() % 2 == 0) {
        SpatialSizes output{};
        for (int axis = 0; axis < window.spatial_rank; ++axis) {
          const int64_t stride = window.stride[axis];
          output[axis] = size[static_cast<size_t>(axis)] * stride + Between(1 - stride, stride - 1, rng);
        }
        tester.OutputSize(output).InDefaultSize(rng() % 2 == 0);
      }
    } else {
      tester.Convention(static_cast<IndexConvention>(rng() % 2)).IndicesAre(Indices::kAny);
    }
    tester.Run();
  });
}

TEST(Fuzz, ConvexUpsample) {
  ForEachSeed(200, [](uint32_t seed, std::mt19937& rng) {
    const int64_t factor = Small(1, 9, rng);
    ConvexUpsampleTester tester(factor);
    tester.Input(Between(1, 3, rng), Between(1, rng() % 3 == 0 ? 40 : 4, rng), Small(1, 9, rng), Between(1, 40, rng));
    if (rng() % 2 == 0) tester.Scale(static_cast<float>(Between(-16, 16, rng)) / 4);
    if (rng() % 2 == 0) tester.MaskScale(static_cast<float>(Between(-16, 16, rng)) / 8);
    if (rng() % 3 == 0) tester.Magnitude(static_cast<float>(int64_t{1} << Between(0, 12, rng)));
    // Infinite masks times a scale of 0, and infinite inputs with weights that f32 does not have, differ.
    if (rng() % 6 == 0) tester = ConvexUpsampleTester(factor).Input(1, 2, 4, Between(1, 40, rng)).NonFinite(30);
    tester.Seed(seed).Run();
  });
}

}  // namespace
}  // namespace polyphase::testing
