// f16 and bf16: conv, conv_transpose and convert, where tensors and weights have types of their own.
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/element.h"
#include "tests/testers/conv_tester.h"
#include "tests/testers/conv_transpose_tester.h"

namespace polyphase::testing {
namespace {

template <typename Visit>
void ForEachTypes(const Visit& visit) {
  for (const DataType input : kFloatTypes) {
    for (const DataType output : kFloatTypes) {
      for (const DataType residual : kFloatTypes) {
        for (const DataType weights : kFloatTypes) visit(LayerTypes{input, output, residual, weights});
      }
    }
  }
}

// The testers of all other tests draw types at random. Here every combination meets every loop nest: rows of tiles,
// joined phases, depthwise rows, images as pixels, few channels, Winograd, columns.
TEST(FloatTypes, EveryCombination) {
  uint32_t seed = 1;
  ForEachTypes([&](const LayerTypes& types) {
    if (++seed % 7 != 0 && kSanitized) return;
    const auto transposed = [&] {
      return ConvTransposeTester().Types(types).Seed(seed).OnlyTargets({SupportedTargets().front()});
    };
    const auto plain = [&] { return ConvTester().Types(types).Seed(seed).OnlyTargets({SupportedTargets().front()}); };
    transposed()
        .Channels(17, 19)
        .Kernel(4, 4)
        .Stride(2, 2)
        .Padding(1)
        .Residual(Residual::kBeforeActivation)
        .Relu()
        .Run();
    transposed().Channels(18, 3).Kernel(2, 2).Stride(2, 2).Run();
    transposed().Channels(20, 20).Groups(20).Kernel(3, 3).Stride(2, 2).Run();
    transposed().Batch(9).Channels(6, 5).Input(2, 3).Kernel(3, 3).Stride(2, 2).Padding(1).Run();
    plain().Channels(16, 33).Kernel(3, 3).Padding(1).Residual(Residual::kAfterActivation).Scale().Shift().Run();
    plain().Channels(5, 2).Input(6, 70).Kernel(3, 5).Padding(1, 2).Prologue(Activation::kLeakyRelu).Run();
    plain().Channels(7, 9).Kernel(3, 3).Padding(1).Upsample(2, 2).Mode(PaddingMode::kReplicate).Run();
  });
}

TEST(FloatTypes, EveryPairOfLayouts) {
  const LayerTypes types[] = {{DataType::kF16, DataType::kBF16, DataType::kF32, DataType::kF16},
                              {DataType::kBF16, DataType::kF32, DataType::kF16, DataType::kBF16},
                              {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kF32}};
  for (const LayerTypes& some : types) {
    ConvTransposeTester()
        .Types(some)
        .Channels(19, 21)
        .Kernel(4, 4)
        .Stride(2, 2)
        .Padding(1)
        .Formats(AllFormatPairs())
        .Run();
    ConvTransposeTester()
        .Types(some)
        .Channels(9, 4)
        .Input(3, 4, 5)
        .Kernel(2, 2, 2)
        .Stride(2, 2, 2)
        .Residual(Residual::kBeforeActivation)
        .Formats(AllFormatPairs())
        .Run();
    ConvTester().Types(some).Channels(6, 1).Input(77).Kernel(5).Padding(2).Formats(AllFormatPairs()).Run();
    ConvTester().Types(some).Channels(8, 12).Kernel(3, 3).Padding(1).Shuffle(2, 2).Formats(AllFormatPairs()).Run();
  }
}

// ---- Bits

// A layer that takes bits of any type.
struct Layer {
  std::string name;
  int64_t n, c, out_c;
  SpatialSizes size, out_size;
  int32_t rank;
  int64_t weights;
  bool residual;
  std::function<StatusOr<Operator>(const Weights&, const OperatorOptions&)> create;
  std::vector<Algorithm> algorithms;
};

// Returns numbers of all magnitudes that the type has, and now and then one of its special values.
std::vector<uint32_t> RandomBits(DataType type, size_t count, bool special, std::mt19937& rng) {
  std::normal_distribution<double> normal;
  std::vector<uint32_t> bits(count);
  for (uint32_t& element : bits) {
    const double value = std::ldexp(normal(rng), static_cast<int>(rng() % 12) - 6);
    element = type == DataType::kF32 ? ref::Encode<uint32_t>(type, value) : ref::Encode<uint16_t>(type, value);
    if (!special || rng() % 50 != 0) continue;
    constexpr uint16_t kF16[] = {0x7C00, 0xFC00, 0x7E01, 0x7C01, 0x0001, 0x83FF, 0x8000, 0x7BFF};
    constexpr uint16_t kBF16[] = {0x7F80, 0xFF80, 0x7FC1, 0x7F81, 0x0001, 0x807F, 0x8000, 0x7F7F};
    element = type == DataType::kF16 ? kF16[rng() % 8] : kBF16[rng() % 8];
    if (type == DataType::kF32) element <<= 16;
  }
  return bits;
}

template <typename T>
ref::Tensor<T> TensorOf(const std::vector<uint32_t>& bits, int64_t n, int64_t c, const ref::Size3& size) {
  ref::Tensor<T> tensor(n, c, size);
  for (size_t i = 0; i < bits.size(); ++i) tensor.data[i] = static_cast<T>(bits[i]);
  return tensor;
}

// Returns the elements as f32, which has all numbers of the type.
std::vector<uint32_t> AsF32(DataType type, const std::vector<uint32_t>& bits) {
  std::vector<uint32_t> result;
  for (const uint32_t element : bits) {
    const double value =
        type == DataType::kF32 ? ref::Decode(type, element) : ref::Decode(type, static_cast<uint16_t>(element));
    result.push_back(type == DataType::kF32 ? element : ref::Encode<uint32_t>(DataType::kF32, value));
  }
  return result;
}

struct Operands {
  LayerTypes types;
  std::vector<uint32_t> input, residual, weights;
};

StatusOr<Operator> Create(const Layer& layer, const Operands& operands, const std::string& target, Numerics numerics) {
  OperatorOptions options = OptionsFor(target);
  options.numerics = numerics;
  return WithElement(operands.types.weights, [&](auto element) {
    const std::vector<decltype(element)> weights(operands.weights.begin(), operands.weights.end());
    return layer.create({weights.data(), operands.types.weights}, options);
  });
}

::testing::AssertionResult RunBits(const Layer& layer, const Operator& op, const Operands& operands,
                                   const std::string& target, Algorithm algorithm, const FormatPair& formats,
                                   const RunChoice& choice, std::vector<double>* values) {
  const LayerTypes& types = operands.types;
  const ref::Size3 in_size = ref::ToSize3(layer.size, layer.rank), out_size = ref::ToSize3(layer.out_size, layer.rank);
  PlanOptions options;
  options.algorithm = algorithm;
  const auto run = [&](auto in, auto out, auto added) {
    const auto input = TensorOf<decltype(in)>(operands.input, layer.n, layer.c, in_size);
    const auto residual_data = TensorOf<decltype(added)>(operands.residual, layer.n, layer.out_c, out_size);
    ResidualInput<decltype(added)> residual;
    const auto out_desc = [&](DataType type) {
      return MakeDesc(type, formats.second, layer.n, layer.out_c, out_size, layer.rank);
    };
    if (layer.residual) residual = {&residual_data, out_desc(types.residual), choice.input_view, false};
    ref::Tensor<decltype(out)> output;
    ::testing::AssertionResult result = RunOnce(
        op, target, options, choice, input, MakeDesc(types.input, formats.first, layer.n, layer.c, in_size, layer.rank),
        out_desc(types.output), output, residual);
    values->clear();
    for (const auto element : output.data) values->push_back(ref::Decode(types.output, element));
    return result;
  };
  return WithElement(types.input, [&](auto in) {
    return WithElement(types.output, [&](auto out) {
      return WithElement(types.residual, [&](auto added) { return run(in, out, added); });
    });
  });
}

Layer Transposed(const char* name, int64_t n, int64_t ic, int64_t oc, int64_t groups, int64_t kernel,
                 const SpatialSizes& size, Residual residual) {
  ConvTransposeAttributes a;
  a.input_channels = ic;
  a.output_channels = oc;
  a.groups = groups;
  a.kernel = {kernel, kernel, 0};
  a.stride = {2, 2, 0};
  a.padding_begin = a.padding_end = {(kernel - 2) / 2, (kernel - 2) / 2, 0};
  a.epilogue.residual = residual;
  const int64_t odd = kernel % 2;
  Layer layer{name,
              n,
              ic,
              oc,
              size,
              {size[0] * 2 + odd, size[1] * 2 + odd, 0},
              2,
              ic * (oc / groups) * kernel * kernel,
              residual != Residual::kNone,
              [a](const Weights& w, const OperatorOptions& o) { return CreateConvTranspose(a, w, nullptr, o); },
              {Algorithm::kSubpixel, Algorithm::kGemmCol2im}};
  if (oc / groups <= 12) layer.algorithms.push_back(Algorithm::kPlanar);
  if (groups == 1 && kernel > 2) layer.algorithms.push_back(Algorithm::kWinograd);
  return layer;
}

Layer Convolution(const char* name, int64_t upsample) {
  ConvAttributes a;
  a.input_channels = 19;
  a.output_channels = 33;
  a.kernel = {3, 3, 0};
  a.padding_begin = a.padding_end = {1, 1, 0};
  a.upsample = {upsample, upsample, 0};
  return {name,
          1,
          19,
          33,
          {8, 13, 0},
          {8 * upsample, 13 * upsample, 0},
          2,
          19 * 33 * 9,
          false,
          [a](const Weights& w, const OperatorOptions& o) { return CreateConv(a, w, nullptr, o); },
          {Algorithm::kSubpixel, Algorithm::kWinograd}};
}

std::vector<Layer> Layers() {
  return {Transposed("4x4", 1, 18, 20, 1, 4, {9, 20, 0}, Residual::kBeforeActivation),
          Transposed("2x2", 2, 17, 5, 1, 2, {5, 7, 0}, Residual::kNone),
          Transposed("depthwise", 1, 37, 37, 37, 3, {6, 11, 0}, Residual::kNone),
          Transposed("few channels", 1, 16, 3, 1, 4, {7, 40, 0}, Residual::kAfterActivation),
          Transposed("small maps", 16, 24, 16, 1, 3, {2, 2, 0}, Residual::kNone),
          Convolution("3x3", 1),
          Convolution("nearest + 3x3", 2)};
}

// Runs a layer in the types of the operands, and in f32 with the same numbers: the output must be that of f32, rounded.
void CompareWithF32(const Layer& layer, const Operands& operands, const std::string& target, Numerics numerics,
                    Algorithm algorithm, const FormatPair& formats, std::mt19937& rng) {
  const LayerTypes& types = operands.types;
  const Operands f32{{},
                     AsF32(types.input, operands.input),
                     AsF32(types.residual, operands.residual),
                     AsF32(types.weights, operands.weights)};
  const StatusOr<Operator> typed_op = Create(layer, operands, target, numerics);
  const StatusOr<Operator> op = Create(layer, f32, target, numerics);
  ASSERT_TRUE(typed_op.ok()) << typed_op.status().message();
  ASSERT_TRUE(op.ok()) << op.status().message();
  std::vector<double> expected, actual;
  ASSERT_TRUE(RunBits(layer, *op, f32, target, algorithm, formats, RandomChoice(rng), &expected));
  ASSERT_TRUE(RunBits(layer, *typed_op, operands, target, algorithm, formats, RandomChoice(rng), &actual));
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    const double rounded = ref::RoundTo(types.output, expected[i]);
    const bool same = std::isnan(rounded) ? std::isnan(actual[i]) : actual[i] == rounded;
    ASSERT_TRUE(same) << "element " << i << " is " << actual[i] << ", f32 has " << expected[i];
  }
}

// Any types give the bits that f32 gives with the same numbers, rounded to the type of the output: the type changes
// packing and storing and nothing between. That includes inf, NaN, denormals, and outputs that are too large.
TEST(FloatTypes, BitsAreThoseOfF32Rounded) {
  std::mt19937 rng(1);
  for (const Layer& layer : Layers()) {
    for (const std::string& target : SupportedTargets()) {
      for (int turn = 0; turn < (kSanitized ? 1 : 5); ++turn) {
        const LayerTypes types = RandomTypes(rng);
        const bool special = turn % 2 == 0;
        const auto count = [](int64_t n, int64_t c, const SpatialSizes& size) {
          return static_cast<size_t>(n * c * size[0] * size[1]);
        };
        const Operands operands{types, RandomBits(types.input, count(layer.n, layer.c, layer.size), special, rng),
                                RandomBits(types.residual, count(layer.n, layer.out_c, layer.out_size), special, rng),
                                RandomBits(types.weights, static_cast<size_t>(layer.weights), false, rng)};
        const Numerics numerics = turn % 3 == 0 ? Numerics::kStrict : Numerics::kDefault;
        for (const Algorithm algorithm : layer.algorithms) {
          if (algorithm == Algorithm::kWinograd && numerics == Numerics::kStrict) continue;
          for (const FormatPair& formats : SomeFormatPairs(1, rng)) {
            SCOPED_TRACE(layer.name + " " + target + " " + Name(algorithm) + " " + Name(formats.first) + " -> " +
                         Name(formats.second) + " " + Name(types));
            CompareWithF32(layer, operands, target, numerics, algorithm, formats, rng);
            if (::testing::Test::HasFailure()) return;
          }
        }
      }
    }
  }
}

// f32 outputs of this size are written past the caches.
TEST(FloatTypes, LargeOutputs) {
  if (kSanitized) GTEST_SKIP() << "takes long";
  std::mt19937 rng(3);
  const std::string target = SupportedTargets().front();
  for (const Residual residual : {Residual::kNone, Residual::kBeforeActivation}) {
    const Layer layer = Transposed("large", 1, 6, 16, 1, 2, {200, 512, 0}, residual);
    for (const LayerTypes& types : {LayerTypes{DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kF32},
                                    LayerTypes{DataType::kF16, DataType::kBF16, DataType::kF32, DataType::kBF16},
                                    LayerTypes{DataType::kBF16, DataType::kF32, DataType::kF16, DataType::kF16}}) {
      const auto count = static_cast<size_t>(200 * 512);
      const Operands operands{types, RandomBits(types.input, 6 * count, false, rng),
                              RandomBits(types.residual, 64 * count, false, rng),
                              RandomBits(types.weights, static_cast<size_t>(layer.weights), false, rng)};
      for (const Format& format : {kFormats[0], kFormats[1], kFormats[4]}) {
        SCOPED_TRACE(Name(types) + " " + Name(format));
        CompareWithF32(layer, operands, target, Numerics::kDefault, Algorithm::kSubpixel, {format, format}, rng);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

// A 1x1 convolution with the weight 1 returns what it gets, rounded to the type of the output: all numbers of 16 bits,
// and the numbers of f32 between the largest of f16 and what becomes infinite.
TEST(FloatTypes, EveryElementPassesAWeightOfOne) {
  ConvAttributes a;
  a.input_channels = a.output_channels = 3;
  a.groups = 3;
  a.kernel = {1, 1, 0};
  ConvAttributes one = a;
  one.input_channels = one.output_channels = one.groups = 1;
  const std::vector<uint16_t> weights = {0x3C00, 0x3C00, 0x3C00};
  for (const std::string& target : SupportedTargets()) {
    for (const ConvAttributes& attributes : {a, one}) {
      OperatorOptions options = OptionsFor(target);
      options.numerics = Numerics::kStrict;  // keeps denormals
      const StatusOr<Operator> op = CreateConv(attributes, {weights.data(), DataType::kF16}, nullptr, options);
      ASSERT_TRUE(op.ok()) << op.status().message();
      const Layer layer{"1x1", 1, attributes.groups, attributes.groups, {64, 1024, 0}, {64, 1024, 0}, 2, 0, false,
                        {},    {}};
      std::mt19937 rng(7);
      for (const DataType input : kFloatTypes) {
        std::vector<uint32_t> bits(static_cast<size_t>(layer.c) * 65536);
        for (size_t i = 0; i < bits.size(); ++i) {
          const double around = 65504 + static_cast<double>(i % 64) / 2;
          bits[i] = input != DataType::kF32 ? static_cast<uint32_t>(i % 65536)
                    : i % 65536 < 1024      ? ref::Encode<uint32_t>(input, i % 2 == 0 ? around : -around)
                                            : static_cast<uint32_t>(rng());
        }
        for (const DataType output : kFloatTypes) {
          for (const Algorithm algorithm : {Algorithm::kSubpixel, Algorithm::kPlanar}) {
            const FormatPair formats{kFormats[rng() % 5], kFormats[rng() % 5]};
            SCOPED_TRACE(target + " " + Name(algorithm) + " " + Name(formats.first) + " -> " + Name(formats.second) +
                         " " + Name(LayerTypes{input, output, output, DataType::kF16}));
            std::vector<double> actual;
            ASSERT_TRUE(RunBits(layer, *op, {{input, output, output, DataType::kF16}, bits, {}, {}}, target, algorithm,
                                formats, RandomChoice(rng), &actual));
            const std::vector<uint32_t> values = AsF32(input, bits);
            for (size_t i = 0; i < actual.size(); ++i) {
              const double rounded = ref::RoundTo(output, ref::Decode(DataType::kF32, values[i]));
              const bool same = std::isnan(rounded) ? std::isnan(actual[i]) : actual[i] == rounded;
              ASSERT_TRUE(same) << "element " << i << " is " << actual[i] << ", expected " << rounded;
            }
          }
        }
      }
    }
  }
}

// ---- Convert

void RunConvert(int64_t n, int64_t c, const SpatialSizes& size, int32_t rank, const std::vector<FormatPair>& pairs,
                std::mt19937& rng) {
  for (const std::string& target : SupportedTargets()) {
    const StatusOr<Operator> op = CreateConvert(OptionsFor(target));
    ASSERT_TRUE(op.ok());
    for (const DataType from : kFloatTypes) {
      for (const DataType to : kFloatTypes) {
        if (from == to) continue;  // moves bits, which other tests check
        const Layer layer{"convert", n, c, c, size, size, rank, 0, false, {}, {}};
        int64_t count = n * c;
        for (int axis = 0; axis < rank; ++axis) count *= size[axis];
        std::vector<uint32_t> bits(static_cast<size_t>(count));
        for (uint32_t& element : bits) element = static_cast<uint32_t>(rng()) >> (from == DataType::kF32 ? 0 : 16);
        const std::vector<uint32_t> values = AsF32(from, bits);
        for (const FormatPair& formats : Chosen(pairs, rng)) {
          SCOPED_TRACE(target + " " + Name(formats.first) + " -> " + Name(formats.second) + " " +
                       Name(LayerTypes{from, to, to, to}));
          std::vector<double> actual;
          ASSERT_TRUE(RunBits(layer, *op, {{from, to, to, to}, bits, {}, {}}, target, Algorithm::kAuto, formats,
                              count > 0 ? RandomChoice(rng) : RunChoice(), &actual));
          for (size_t i = 0; i < actual.size(); ++i) {
            const double rounded = ref::RoundTo(to, ref::Decode(DataType::kF32, values[i]));
            const bool same = std::isnan(rounded) ? std::isnan(actual[i]) : actual[i] == rounded;
            ASSERT_TRUE(same) << "element " << i << " is " << actual[i] << ", expected " << rounded;
          }
        }
      }
    }
  }
}

TEST(FloatTypes, ConvertsBetweenFloats) {
  std::mt19937 rng(1);
  for (const int64_t c : {1, 3, 16, 19, 70, 150}) RunConvert(2, c, {5, 7, 0}, 2, AllFormatPairs(), rng);
  RunConvert(1, 3, {2, 1500, 0}, 2, AllFormatPairs(), rng);  // rows of several pieces
  RunConvert(1, 1, {5001, 0, 0}, 1, AllFormatPairs(), rng);
  RunConvert(1, 5, {3, 4, 5}, 3, AllFormatPairs(), rng);
  RunConvert(2, 0, {5, 7, 0}, 2, AllFormatPairs(), rng);
}

}  // namespace
}  // namespace polyphase::testing
