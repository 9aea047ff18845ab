// Runs the cases of tests/golden/pytorch.tsv, which hold what PyTorch and Pillow answered, through the public API.
//
// tools/golden/generate.py writes that file. POLYPHASE_GOLDEN_LINE=<number> runs the case of that line alone.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/golden/golden_file.h"
#include "tests/ref/conv.h"
#include "tests/ref/element.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

// ---- A case as calls of the library

// An output may differ from that of the file by |difference| <= absolute + relative * |expected|.
struct Tolerance {
  bool bits = false;  // not at all: the same bits
  double absolute = 0;
  double relative = 0;

  bool Holds(double actual, double expected) const {
    return actual == expected || (std::isnan(actual) && std::isnan(expected)) ||
           std::abs(actual - expected) <= absolute + relative * std::abs(expected);
  }
};

struct Trial {
  std::function<StatusOr<Operator>(const OperatorOptions&)> create;
  DataType dtype = DataType::kF32;
  Elements input, expected;
  std::optional<Elements> residual;
  std::optional<ref::Tensor<float>> mask;
  enum { kNoIndices, kTakesIndices, kMakesIndices } indices = kNoIndices;
  std::optional<ref::Tensor<double>> oracle;  // what tests/ref says, where it is asked
  SpatialSizes output_size{};
  std::vector<Algorithm> algorithms = {Algorithm::kAuto};
  Tolerance tolerance;

  double Number(uint32_t element) const {
    return dtype == DataType::kU8 ? element : ref::Decode(DataType::kF32, element);
  }
  double MaxMagnitude(const Elements& elements) const {
    double max = 0;
    for (const uint32_t element : elements) {
      const double magnitude = std::abs(Number(element));
      if (std::isfinite(magnitude)) max = std::max(max, magnitude);
    }
    return max;
  }
  // Rounding to the type once: one unit in the last place of it.
  double UnitInLastPlace() const { return dtype == DataType::kF16 ? 0x1p-10 : dtype == DataType::kBF16 ? 0x1p-7 : 0; }
};

// A tensor as elements of type `dtype`, whose size T has.
template <typename T>
ref::Tensor<T> TensorOf(const Shape& shape, const Elements& elements, DataType dtype) {
  ref::Tensor<T> tensor(shape.n, shape.c, ref::ToSize3(shape.size, shape.rank));
  std::transform(elements.begin(), elements.end(), tensor.data.begin(), [&](uint32_t element) {
    T value;
    if (dtype == DataType::kF16 || dtype == DataType::kBF16) {
      value = ref::Encode<T>(dtype, ref::Decode(DataType::kF32, element));
    } else {  // its bits, whatever NaN they are
      std::memcpy(&value, &element, sizeof(value));
    }
    return value;
  });
  return tensor;
}

Activation TakeActivation(Attributes& attributes, const std::string& key) {
  return attributes.Named<Activation>(key, "none",
                                      {{"none", Activation::kNone},
                                       {"relu", Activation::kRelu},
                                       {"leaky_relu", Activation::kLeakyRelu},
                                       {"hardtanh", Activation::kClamp},
                                       {"prelu", Activation::kPRelu},
                                       {"sigmoid", Activation::kSigmoid},
                                       {"tanh", Activation::kTanh},
                                       {"silu", Activation::kSilu},
                                       {"gelu", Activation::kGelu},
                                       {"gelu_tanh", Activation::kGeluTanh},
                                       {"hardswish", Activation::kHardSwish}});
}

// The epilogue of a case with the constants that it points to, which outlive a call of Create.
struct EpilogueConstants {
  Epilogue epilogue;
  std::vector<float> scale, shift, slope;

  Epilogue Get() const {
    Epilogue e = epilogue;
    e.scale = scale.empty() ? nullptr : scale.data();
    e.shift = shift.empty() ? nullptr : shift.data();
    e.slope = slope.empty() ? nullptr : slope.data();
    return e;
  }
  // Says whether it leaves exact values exact.
  bool none() const {
    return epilogue.activation == Activation::kNone && epilogue.residual == Residual::kNone && scale.empty();
  }
};

// Takes act, lower, upper, residual and bn; `slope` has been taken, as the prologue has one too.
EpilogueConstants TakeEpilogue(Attributes& attributes, const Shape& output, float slope, Trial& trial) {
  EpilogueConstants constants;
  Epilogue& e = constants.epilogue;
  e.activation = TakeActivation(attributes, "act");
  e.negative_slope = slope;
  e.lower = attributes.Float("lower", 0.0f);
  e.upper = attributes.Float("upper", 6.0f);
  e.channels = output.c;
  if (e.activation == Activation::kPRelu) constants.slope = GeneratedFloats(kSlope, output.c);
  e.residual = attributes.Named<Residual>(
      "residual", "none",
      {{"none", Residual::kNone}, {"before", Residual::kBeforeActivation}, {"after", Residual::kAfterActivation}});
  if (e.residual != Residual::kNone) {
    trial.residual = Generated(kResidual, output.count(), "uniform", trial.dtype);
  }
  const double epsilon = attributes.Double("bn", 0);
  if (epsilon != 0) {
    std::vector<float> variance = GeneratedFloats(kVariance, output.c);
    for (float& v : variance) v += 257.0f / 256;
    constants.scale.resize(static_cast<size_t>(output.c));
    constants.shift.resize(static_cast<size_t>(output.c));
    const Status status =
        FoldBatchNorm(GeneratedFloats(kGamma, output.c).data(), GeneratedFloats(kBeta, output.c).data(),
                      GeneratedFloats(kMean, output.c).data(), variance.data(), epsilon, output.c,
                      constants.scale.data(), constants.shift.data());
    if (!status.ok()) throw std::runtime_error(std::string("FoldBatchNorm: ") + status.message());
  }
  return constants;
}

struct ConvConstants {
  DataType type = DataType::kF32;  // of the weights
  std::vector<float> weights, bias;
  std::vector<uint16_t> half_weights;  // the same in f16 or bf16
  EpilogueConstants epilogue;

  Weights typed_weights() const {
    return half_weights.empty() ? Weights(weights.data()) : Weights(half_weights.data(), type);
  }
  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

// Reads what conv and conv_transpose have in common: everything but what only one of ConvAttributes and
// ConvTransposeAttributes has.
template <typename ConvLikeAttributes>
ConvConstants TakeConvLayer(const Case& c, Attributes& attributes, ConvLikeAttributes& a, Trial& trial) {
  const int rank = c.input.rank;
  trial.dtype = attributes.Type();
  if (trial.dtype == DataType::kU8) throw Malformed("a convolution of u8");
  a.spatial_rank = rank;
  a.input_channels = c.input.c;
  a.output_channels = attributes.Int("oc", 0);
  a.groups = attributes.Int("g", 1);
  a.kernel = attributes.Sizes("k", rank, {0, 0, 0});
  a.padding_begin = a.padding_end = attributes.Sizes("p", rank, {});
  a.dilation = attributes.Sizes("d", rank, {1, 1, 1});
  if (a.groups < 1 || a.output_channels < 1 || a.input_channels % a.groups != 0 || a.output_channels % a.groups != 0) {
    throw Malformed("channels that the groups do not divide");
  }
  const float slope = attributes.Float("slope", 0.01f);
  a.prologue.activation = TakeActivation(attributes, "pre");
  a.prologue.negative_slope = slope;

  ConvConstants constants;
  const Shape weights{a.input_channels, a.output_channels / a.groups, a.kernel, rank};
  constants.type = trial.dtype;
  constants.weights = GeneratedFloats(kWeights, weights.count());
  for (const float w : constants.weights) {
    if (trial.dtype == DataType::kF32) break;
    constants.half_weights.push_back(ref::Encode<uint16_t>(trial.dtype, static_cast<double>(w)));
  }
  if (attributes.Bool("bias", true)) constants.bias = GeneratedFloats(kBias, a.output_channels);
  trial.input = Generated(kInput, c.input.count(), attributes.Text("fill", "uniform"), trial.dtype);
  trial.expected = c.Expected(trial.dtype);
  constants.epilogue = TakeEpilogue(attributes, c.output, slope, trial);
  // Products of the generated numbers are multiples of 2^-16 and their sums below 2^8: f32 is exact, in whatever order
  // it adds, and other types round once. What comes before or after them is not exact.
  const bool exact = constants.epilogue.none() && a.prologue.activation != Activation::kLeakyRelu;
  trial.tolerance.absolute = exact ? 0 : 4e-6 * std::max(1.0, trial.MaxMagnitude(trial.expected));
  return constants;
}

void SetUpConvTranspose(const Case& c, Attributes& attributes, Trial& trial) {
  const int rank = c.input.rank;
  ConvTransposeAttributes a;
  a.stride = attributes.Sizes("s", rank, {1, 1, 1});
  a.output_padding = attributes.Sizes("op", rank, {});
  trial.output_size = attributes.Sizes("output_size", rank, {});
  trial.algorithms = {Algorithm::kAuto, Algorithm::kSubpixel, Algorithm::kGemmCol2im};
  const ConvConstants constants = TakeConvLayer(c, attributes, a, trial);
  trial.create = [a, constants](const OperatorOptions& options) {
    ConvTransposeAttributes complete = a;
    complete.epilogue = constants.epilogue.Get();
    return CreateConvTranspose(complete, constants.typed_weights(), constants.bias_or_null(), options);
  };
}

// Asks tests/ref about the same case, which is judged like the library.
ref::Tensor<double> OracleOfConv(const Case& c, const ConvAttributes& a, const ConvConstants& constants,
                                 const Trial& trial) {
  const auto input = TensorOf<float>(c.input, trial.input, DataType::kF32);
  ref::Tensor<double> value = ref::Conv(a, input, constants.weights.data(), constants.bias_or_null()).value;
  if (value.data.size() != trial.expected.size()) throw Malformed("another number of outputs than the layer has");
  const auto residual = TensorOf<float>(c.output, trial.residual.value_or(Elements()), DataType::kF32);
  ref::ApplyEpilogue<float>(constants.epilogue.Get(), trial.residual ? &residual : nullptr, value, nullptr);
  for (double& v : value.data) v = ref::RoundTo(trial.dtype, v);
  return value;
}

void SetUpConv(const Case& c, Attributes& attributes, Trial& trial) {
  const int rank = c.input.rank;
  ConvAttributes a;
  const ConvConstants constants = TakeConvLayer(c, attributes, a, trial);
  a.padding_end = attributes.Sizes("p_end", rank, a.padding_end);
  a.padding_mode = attributes.Named<PaddingMode>("mode", "constant",
                                                 {{"constant", PaddingMode::kZeros},
                                                  {"reflect", PaddingMode::kReflect},
                                                  {"replicate", PaddingMode::kReplicate},
                                                  {"circular", PaddingMode::kCircular}});
  a.upsample = attributes.Sizes("up", rank, {1, 1, 1});
  const int64_t shuffle = attributes.Int("shuffle", 1);
  std::fill_n(a.shuffle.begin(), rank, shuffle);
  trial.create = [a, constants](const OperatorOptions& options) {
    ConvAttributes complete = a;
    complete.epilogue = constants.epilogue.Get();
    return CreateConv(complete, constants.typed_weights(), constants.bias_or_null(), options);
  };
  trial.oracle = OracleOfConv(c, a, constants, trial);
}

void SetUpInterpolate(const Case& c, Attributes& attributes, Trial& trial) {
  const int rank = c.input.rank;
  const auto mode = attributes.Named<PyTorchMode>("mode", "",
                                                  {{"nearest", PyTorchMode::kNearest},
                                                   {"nearest-exact", PyTorchMode::kNearestExact},
                                                   {"linear", PyTorchMode::kLinear},
                                                   {"bilinear", PyTorchMode::kBilinear},
                                                   {"bicubic", PyTorchMode::kBicubic},
                                                   {"trilinear", PyTorchMode::kTrilinear},
                                                   {"area", PyTorchMode::kArea},
                                                   {"lanczos", PyTorchMode::kLanczos}});
  const bool align_corners = attributes.Bool("align_corners", false);
  const bool antialias = attributes.Bool("antialias", false);
  ResizeAttributes a = ResizeAttributes::PyTorch(mode, align_corners, antialias);
  const bool nearest = mode == PyTorchMode::kNearest || mode == PyTorchMode::kNearestExact;
  if (nearest || mode == PyTorchMode::kArea) {
    a.spatial_rank = rank;
  } else if (a.spatial_rank != rank) {
    throw Malformed("a mode of another rank than the input's");
  }
  a.size = attributes.Sizes("size", rank, {});
  a.scale = attributes.Doubles("scale", rank);
  a.recompute_scale_factor = attributes.Bool("recompute", false);
  const EpilogueConstants epilogue = TakeEpilogue(attributes, c.output, attributes.Float("slope", 0.01f), trial);
  const double magnitude = std::max(trial.MaxMagnitude(trial.input), trial.MaxMagnitude(trial.expected));
  trial.tolerance = {(nearest && epilogue.none()) || trial.dtype == DataType::kU8, 4e-6 * magnitude,
                     trial.UnitInLastPlace()};
  trial.create = [a, epilogue](const OperatorOptions& options) {
    ResizeAttributes complete = a;
    complete.epilogue = epilogue.Get();
    return CreateResize(complete, options);
  };
}

void SetUpPillowResize(Attributes& attributes, Trial& trial) {
  ResizeAttributes a = ResizeAttributes::Pillow(attributes.Named<ResizeMode>("mode", "",
                                                                             {{"nearest", ResizeMode::kNearest},
                                                                              {"bilinear", ResizeMode::kLinear},
                                                                              {"bicubic", ResizeMode::kCubic},
                                                                              {"lanczos", ResizeMode::kLanczos}}));
  a.size = attributes.Sizes("size", 2, {});
  trial.tolerance.bits = true;
  trial.create = [a](const OperatorOptions& options) { return CreateResize(a, options); };
}

void SetUpPixelShuffle(const Case& c, Attributes& attributes, Trial& trial) {
  PixelShuffleAttributes a;
  const int64_t factor = attributes.Int("r", 0);
  a.spatial_rank = c.input.rank;
  a.factor = {factor, factor, factor};
  a.direction = c.op == "pixel_shuffle" ? ShuffleDirection::kDepthToSpace : ShuffleDirection::kSpaceToDepth;
  a.channel_order = ChannelOrder::kCrd;
  trial.tolerance.bits = true;
  trial.create = [a](const OperatorOptions& options) { return CreatePixelShuffle(a, options); };
}

void SetUpPool(const Case& c, Attributes& attributes, Trial& trial) {
  const int rank = c.input.rank;
  const std::string op = c.OpWithoutRank();
  PoolWindow window;
  window.spatial_rank = rank;
  window.kernel = attributes.Sizes("k", rank, {0, 0, 0});
  window.stride = attributes.Sizes("s", rank, {0, 0, 0});
  window.padding_begin = window.padding_end = attributes.Sizes("p", rank, {});
  window.dilation = attributes.Sizes("d", rank, {1, 1, 1});
  window.ceil_mode = attributes.Bool("ceil", false);
  trial.output_size = attributes.Sizes("output_size", rank, {});
  if (op == "max_pool" || op == "max_unpool") {
    const bool pool = op == "max_pool";
    trial.indices = pool ? Trial::kMakesIndices : Trial::kTakesIndices;
    if (!c.indices || c.indices->size() != static_cast<size_t>((pool ? c.output : c.input).count())) {
      throw Malformed("not as many indices as pooled elements");
    }
    trial.tolerance.bits = true;
    trial.create = [=](const OperatorOptions& options) {
      return pool ? CreateMaxPool({window}, options) : CreateMaxUnpool({window}, options);
    };
  } else {
    const bool pool = op == "avg_pool";
    const bool include_pad = attributes.Bool("include_pad", true);
    const int64_t divisor = attributes.Int("divisor", 0);
    // A division by the divisor may be a multiplication with its inverse; sums are exact.
    trial.tolerance = {false, 4e-7 * trial.MaxMagnitude(trial.expected), trial.UnitInLastPlace()};
    trial.create = [=](const OperatorOptions& options) {
      return pool ? CreateAvgPool({window, include_pad, divisor}, options)
                  : CreateAvgUnpool({window, AvgUnpoolMode::kAdjoint, include_pad, divisor}, options);
    };
  }
}

void SetUpConvexUpsample(const Case& c, Attributes& attributes, Trial& trial) {
  ConvexUpsampleAttributes a;
  a.factor = attributes.Int("factor", 8);
  a.scale = attributes.Float("scale", 0);
  a.mask_scale = attributes.Float("mask_scale", 1);
  if (c.input.rank != 2 || a.factor < 1) throw Malformed("no input of rank 2 or no factor");
  Shape mask = c.input;
  mask.c = 9 * a.factor * a.factor;
  trial.mask = TensorOf<float>(
      mask, Generated(kMask, mask.count(), attributes.Text("mask_fill", "uniform"), trial.dtype), trial.dtype);
  // Both round about as often as there are taps. Logits of 16 and a scale that is no power of 2 add 32 units to that.
  trial.tolerance = {false, 1e-6 * trial.MaxMagnitude(trial.expected), 0};
  trial.create = [a](const OperatorOptions& options) { return CreateConvexUpsample(a, options); };
}

Trial MakeTrial(const Case& c) {
  Attributes attributes(c.attributes);
  Trial trial;
  const bool convex = c.op == "convex_upsample";
  if (c.op.find("conv") == 0 && !convex) {
    (c.OpWithoutRank() == "conv" ? SetUpConv : SetUpConvTranspose)(c, attributes, trial);
  } else {
    const bool pillow = c.op == "pillow_resize";
    const bool shuffle = c.op == "pixel_shuffle" || c.op == "pixel_unshuffle";
    trial.dtype = pillow ? DataType::kU8 : attributes.Type();
    trial.expected = c.Expected(trial.dtype);
    const std::string fill = shuffle ? "bits" : attributes.Text("fill", "uniform");
    trial.input = Generated(kInput, c.input.count(), fill, trial.dtype);
    if (pillow) {
      SetUpPillowResize(attributes, trial);
    } else if (c.op == "interpolate") {
      SetUpInterpolate(c, attributes, trial);
    } else if (convex) {
      SetUpConvexUpsample(c, attributes, trial);
    } else {
      (shuffle ? SetUpPixelShuffle : SetUpPool)(c, attributes, trial);
    }
  }
  attributes.MustBeEmpty();
  if (c.indices && trial.indices == Trial::kNoIndices) throw Malformed("indices of an op that has none");
  return trial;
}

// ---- One case

template <typename T>
::testing::AssertionResult RunPlan(const Case& c, const Trial& trial, const Operator& op, const std::string& target,
                                   const Format& format, Algorithm algorithm) {
  const auto input = TensorOf<T>(c.input, trial.input, trial.dtype);
  const auto expected = TensorOf<T>(c.output, trial.expected, trial.dtype);
  const int rank = c.input.rank;
  PlanOptions options;
  options.algorithm = algorithm;
  options.output_size = trial.output_size;
  RunOptions run;
  const bool takes = trial.indices == Trial::kTakesIndices;
  ref::Tensor<int64_t> index_values(takes ? c.input.n : c.output.n, takes ? c.input.c : c.output.c,
                                    takes ? input.size() : expected.size());
  Memory<int64_t> indices(DescOf(DataType::kI64, format, index_values, rank), View::kDense);
  if (trial.indices != Trial::kNoIndices) {
    index_values.data = *c.indices;
    options.indices = indices.desc();
    if (takes) {
      indices.Write(index_values);
      run.input_indices = indices.data();
    } else {
      run.output_indices = indices.data();
    }
  }
  std::optional<Memory<float>> mask;
  if (trial.mask) {
    mask.emplace(DescOf(DataType::kF32, format, *trial.mask, rank), View::kDense);
    mask->Write(*trial.mask);
    options.mask = mask->desc();
    run.mask = mask->data();
  }
  ref::Tensor<T> residual, output;
  ResidualInput<T> added;
  if (trial.residual) {
    residual = TensorOf<T>(c.output, *trial.residual, trial.dtype);
    added.tensor = &residual;
    added.dense = DescOf(trial.dtype, format, residual, rank);
  }
  ::testing::AssertionResult result =
      RunOnce(op, target, options, RunChoice(), input, DescOf(trial.dtype, format, input, rank),
              DescOf(trial.dtype, format, expected, rank), output, added, run);
  if (result && trial.tolerance.bits) result = BitwiseEqual(output, expected);
  if (result && !trial.tolerance.bits) {
    result = CompareTensors(output, expected, [&](size_t i) {
      return trial.tolerance.Holds(ref::Decode(trial.dtype, output.data[i]),
                                   ref::Decode(trial.dtype, expected.data[i]));
    });
  }
  if (result && trial.indices == Trial::kMakesIndices)
    result = BitwiseEqual(indices.Read(), index_values) << " (indices)";
  return result;
}

// Runs a case on `targets` and in every format with every algorithm, until something is not as the file says.
::testing::AssertionResult RunCase(const Case& c, const Trial& trial, const std::vector<std::string>& targets) {
  if (trial.oracle) {
    const auto expected = TensorOf<float>(c.output, trial.expected, DataType::kF32);
    const ::testing::AssertionResult same = CompareTensors(*trial.oracle, expected, [&](size_t i) {
      return trial.tolerance.Holds(trial.oracle->data[i], expected.data[i]);
    });
    if (!same) return ::testing::AssertionFailure() << "the oracle: " << same.message();
  }
  const auto run = trial.dtype == DataType::kF32  ? RunPlan<float>
                   : trial.dtype == DataType::kU8 ? RunPlan<uint8_t>
                                                  : RunPlan<uint16_t>;
  for (const std::string& target : targets) {
    const StatusOr<Operator> op = trial.create(OptionsFor(target));
    if (!op.ok()) return ::testing::AssertionFailure() << target << ": Create: " << op.status().message();
    for (const Format& format : {Format{Layout::kNchw}, Format{Layout::kNhwc}, Format{Layout::kNchwc, 16}}) {
      for (const Algorithm algorithm : trial.algorithms) {
        const ::testing::AssertionResult result = run(c, trial, *op, target, format, algorithm);
        if (result) continue;
        return ::testing::AssertionFailure() << target << ", " << Name(format) << ", algorithm "
                                             << static_cast<int>(algorithm) << ": " << result.message();
      }
    }
  }
  return ::testing::AssertionSuccess();
}

// ---- All cases

// POLYPHASE_GOLDEN_LINE, or 0.
int OnlyLine() {
  const char* line = std::getenv("POLYPHASE_GOLDEN_LINE");
  return line == nullptr ? 0 : std::atoi(line);
}

class PyTorchGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(PyTorchGolden, Matches) {
  const std::vector<std::string> targets = SupportedTargets();
  ASSERT_FALSE(targets.empty());
  const std::vector<std::string> best(1, targets.front());
  const int only = OnlyLine();
  int cases = 0;
  int failed = 0;
  for (const GoldenLine& line : ReadGoldenFile()) {
    if (line.text.substr(0, line.text.find('\t')) != GetParam()) continue;
    ++cases;
    if (only != 0 && line.number != only) continue;
    ::testing::AssertionResult result = ::testing::AssertionFailure();
    try {
      const Case c = ParseCase(line.text);
      const Trial trial = MakeTrial(c);
      // Whole numbers have kernels of their own on every target.
      result = RunCase(c, trial, trial.dtype == DataType::kU8 ? targets : best);
    } catch (const std::exception& error) {
      result << error.what();
    }
    failed += !result;
    EXPECT_TRUE(result) << line.Where() << "; POLYPHASE_GOLDEN_LINE=" << line.number << " runs it alone";
  }
  EXPECT_GT(cases, 0) << kGoldenPath << " has no case of " << GetParam();
  EXPECT_EQ(failed, 0) << "of " << cases << " cases";
}

INSTANTIATE_TEST_SUITE_P(Ops, PyTorchGolden, ::testing::ValuesIn(kGoldenOps),
                         [](const ::testing::TestParamInfo<const char*>& op) { return std::string(op.param); });

// Lines of an op that no test is made of would not be run.
TEST(PyTorchGoldenFile, EveryLineIsACase) {
  const int only = OnlyLine();
  bool found = only == 0;
  for (const GoldenLine& line : ReadGoldenFile()) {
    found |= line.number == only;
    try {
      MakeTrial(ParseCase(line.text));
    } catch (const std::exception& error) {
      ADD_FAILURE() << line.Where() << error.what();
    }
  }
  EXPECT_TRUE(found) << "POLYPHASE_GOLDEN_LINE: no case is at line " << only;
}

TEST(PyTorchGoldenFile, WhatIsNoCaseIsRejected) {
  const auto message = [](const std::string& line) -> std::string {
    try {
      MakeTrial(ParseCase(line));
    } catch (const Malformed& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("interpolate\tmode=nearest size=2\t1x1x1\t1x1x2\t3f8000003f800000"), "");
  const struct {
    const char* line;
    const char* message;
  } cases[] = {
      {"", "fields"},
      {"interpolate\tmode=nearest size=2\t1x1x1\t1x1x2", "fields"},
      {"deconv\t-\t1x1x1\t1x1x1\t3f800000", "op deconv is unknown"},
      {"interpolate\tmode=nearest size=2 zoom=2\t1x1x1\t1x1x2\t3f8000003f800000", "attribute 'zoom' is unknown"},
      {"interpolate\tmode=nearest size=2 size=2\t1x1x1\t1x1x2\t3f8000003f800000", "is there twice"},
      {"interpolate\tmode=nearest size\t1x1x1\t1x1x2\t3f8000003f800000", "key=value"},
      {"interpolate\tmode=nearest size=2,2\t1x1x1\t1x1x2\t3f8000003f800000", "'size' does not have 1 values"},
      {"interpolate\tmode=nearest size=two\t1x1x1\t1x1x2\t3f8000003f800000", "'two' is no whole number"},
      {"interpolate\tmode=nearest scale=2x\t1x1x1\t1x1x2\t3f8000003f800000", "'2x' is no number"},
      {"interpolate\tmode=quintic size=2\t1x1x1\t1x1x2\t3f8000003f800000", "mode=quintic is unknown"},
      {"interpolate\tmode=bilinear size=2\t1x1x1\t1x1x2\t3f8000003f800000", "another rank"},
      {"interpolate\tmode=nearest size=2 dtype=f8\t1x1x1\t1x1x2\t3f8000003f800000", "dtype=f8 is unknown"},
      {"interpolate\tmode=nearest size=2 fill=odd\t1x1x1\t1x1x2\t3f8000003f800000", "fill=odd is unknown"},
      {"interpolate\tmode=nearest size=2 act=elu\t1x1x1\t1x1x2\t3f8000003f800000", "act=elu is unknown"},
      {"interpolate\tmode=nearest size=2\t1x1\t1x1x2\t3f8000003f800000", "3 to 5 sizes"},
      {"interpolate\tmode=nearest size=2\t1x1x1\t1x1x1x2\t3f8000003f800000", "unequal ranks"},
      {"interpolate\tmode=nearest size=2\t1x1x1\t1x1x2\t3f8000003f8000", "not 8 digits"},
      {"interpolate\tmode=nearest size=2\t1x1x1\t1x1x2\t3f8000003f80000g", "not hex"},
      {"interpolate\tmode=nearest size=2 dtype=f16\t1x1x1\t1x1x2\t3f8000003f800001", "its type does not have"},
      {"interpolate\tmode=nearest size=2\t1x1x1\t1x1x2\t3f8000003f800000\t0,0", "indices of an op that has none"},
      {"max_pool1d\tk=2 s=2\t1x1x2\t1x1x1\t3f800000", "indices"},
      {"max_pool1d\tk=2 s=2\t1x1x2\t1x1x1\t3f800000\t0,1", "indices"},
      {"max_pool2d\tk=2 s=2\t1x1x2\t1x1x1\t3f800000\t0", "another rank"},
      {"conv2d\toc=1 k=1\t1x1x2\t1x1x2\t3f8000003f800000", "another rank"},
      {"conv1d\toc=1 k=1 mode=same\t1x1x2\t1x1x2\t3f8000003f800000", "mode=same is unknown"},
      {"conv1d\toc=1 k=2\t1x1x2\t1x1x2\t3f8000003f800000", "another number of outputs"},
      {"convex_upsample\tfactor=1\t1x1x2\t1x1x2\t3f8000003f800000", "rank 2"},
      {"convex_upsample\tfactor=1 mask_fill=odd\t1x1x1x1\t1x1x1x1\t3f800000", "fill=odd is unknown"},
      {"conv_transpose2d\toc=1 k=1\t1x1x2\t1x1x2\t3f8000003f800000", "another rank"},
  };
  for (const auto& c : cases) {
    EXPECT_NE(message(c.line).find(c.message), std::string::npos) << c.line << ": '" << message(c.line) << "'";
  }
}

}  // namespace
}  // namespace polyphase::testing
