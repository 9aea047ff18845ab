// Runs the cases of tests/golden/pytorch.tsv, which hold what PyTorch and Pillow answered, through the public API.
//
// tools/golden/generate.py writes that file and describes its format. POLYPHASE_GOLDEN_LINE=<number> runs the case of
// that line alone.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/conv.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

constexpr char kPath[] = "tests/golden/pytorch.tsv";

// Every op of the file; each is one test.
constexpr const char* kOps[] = {
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "interpolate", "pillow_resize", "pixel_shuffle",
    "pixel_unshuffle",  "max_pool1d",       "max_pool2d",       "max_pool3d",  "max_unpool1d",  "max_unpool2d",
    "max_unpool3d",     "avg_pool1d",       "avg_pool2d",       "avg_pool3d",  "avg_unpool1d",  "avg_unpool2d",
    "avg_unpool3d",     "conv1d",           "conv2d",           "conv3d",
};

// Thrown for whatever the file says that this test does not understand.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// ---- Elements: the bits of a tensor's elements in the order N, C, spatial axes, whatever the type

using Elements = std::vector<uint64_t>;

uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float FloatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// The value of an element as f32, which holds all of f16, bf16 and u8.
float ToFloat(DataType dtype, uint64_t element) {
  const auto bits = static_cast<uint32_t>(element);
  switch (dtype) {
    case DataType::kF32: return FloatOfBits(bits);
    case DataType::kBF16: return FloatOfBits(bits << 16);
    case DataType::kF16: {
      const uint32_t exponent = bits >> 10 & 31;
      const auto mantissa = static_cast<float>(bits & 1023);
      const float magnitude = exponent == 31  ? (mantissa == 0 ? std::numeric_limits<float>::infinity()
                                                               : std::numeric_limits<float>::quiet_NaN())
                              : exponent == 0 ? std::ldexp(mantissa, -24)
                                              : std::ldexp(mantissa + 1024, static_cast<int>(exponent) - 25);
      return (bits >> 15) != 0 ? -magnitude : magnitude;
    }
    default: return static_cast<float>(bits);
  }
}

// The element of the type with this value, which must have one: all that is generated does.
uint64_t FromFloat(DataType dtype, float value) {
  uint64_t element = 0;
  if (dtype == DataType::kF32) {
    element = Bits(value);
  } else if (dtype == DataType::kBF16) {
    element = Bits(value) >> 16;
  } else if (std::isnan(value)) {
    element = 0x7E00;
  } else {
    const uint32_t sign = Bits(value) >> 16 & 0x8000;
    int exponent = 0;
    const float mantissa = std::frexp(std::abs(value), &exponent);  // [0.5, 1)
    element = sign;
    if (std::isinf(value)) {
      element |= 0x7C00;
    } else if (value != 0) {
      element |= static_cast<uint32_t>((exponent + 14) << 10) | (static_cast<uint32_t>(mantissa * 2048) & 1023);
    }
  }
  const float back = ToFloat(dtype, element);
  if (back != value && !std::isnan(value)) throw Malformed("a generated value that its type does not have");
  return element;
}

// ---- Generated numbers: those of `generated` in tools/golden/generate.py

enum Role : uint32_t {
  kInput = 1,
  kWeights,
  kBias,
  kResidual,
  kSlope,
  kGamma,
  kBeta,
  kMean,
  kVariance,
};

std::vector<uint32_t> States(Role role, int64_t count) {
  uint32_t state = static_cast<uint32_t>(role) * 0x9E3779B9u;
  std::vector<uint32_t> states(static_cast<size_t>(count));
  for (uint32_t& s : states) s = state = state * 1664525u + 1013904223u;
  return states;
}

Elements Generated(Role role, int64_t count, const std::string& fill, DataType dtype) {
  Elements elements;
  for (const uint32_t state : States(role, count)) {
    const int32_t number = static_cast<int32_t>(state >> 23) - 256;
    const int32_t eighth = number & 7;
    const auto value = static_cast<float>(number);
    if (dtype == DataType::kU8) {
      if (fill != "uniform" && fill != "bits") throw Malformed("fill=" + fill + ": u8 has none");
      elements.push_back(state >> 24);
    } else if (fill == "bits") {
      if (dtype != DataType::kF32) throw Malformed("fill=bits: f32 or u8");
      elements.push_back(state);
    } else if (fill == "uniform") {
      elements.push_back(FromFloat(dtype, value / 256));
    } else if (fill == "wide") {
      elements.push_back(FromFloat(dtype, value / 16));
    } else if (fill == "ties") {
      elements.push_back(FromFloat(dtype, std::floor(value / 128)));
    } else if (fill == "nan") {
      elements.push_back(FromFloat(dtype, eighth == 0 ? std::nanf("") : value / 64));
    } else if (fill == "special") {
      const float tie = eighth <= 3 ? -std::numeric_limits<float>::infinity() : std::floor(value / 128);
      elements.push_back(FromFloat(dtype, eighth == 0 ? std::nanf("") : tie));
    } else if (fill == "neginf") {
      elements.push_back(FromFloat(dtype, -std::numeric_limits<float>::infinity()));
    } else {
      throw Malformed("fill=" + fill + " is unknown");
    }
  }
  return elements;
}

std::vector<float> GeneratedFloats(Role role, int64_t count) {
  std::vector<float> values;
  for (const uint64_t element : Generated(role, count, "uniform", DataType::kF32)) {
    values.push_back(ToFloat(DataType::kF32, element));
  }
  return values;
}

// ---- The file

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

int64_t ParseInt(const std::string& text) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  const bool starts = !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '-');
  if (!starts || *end != '\0' || text.size() > 18) throw Malformed("'" + text + "' is no whole number");
  return value;
}

double ParseDouble(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool starts = !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '-');
  if (!starts || *end != '\0' || !std::isfinite(value)) throw Malformed("'" + text + "' is no number");
  return value;
}

std::vector<int64_t> ParseInts(const std::string& text, char separator) {
  std::vector<int64_t> values;
  for (const std::string& part : Split(text, separator)) values.push_back(ParseInt(part));
  return values;
}

struct Shape {
  int64_t n = 0, c = 0;
  SpatialSizes size{};
  int rank = 0;

  int64_t plane() const {
    return std::accumulate(size.begin(), size.begin() + rank, int64_t{1}, std::multiplies<int64_t>());
  }
  int64_t count() const { return n * c * plane(); }
};

Shape ParseShape(const std::string& text) {
  const std::vector<int64_t> sizes = ParseInts(text, 'x');
  if (sizes.size() < 3 || sizes.size() > 5) throw Malformed("shape " + text + ": 3 to 5 sizes");
  Shape shape;
  shape.n = sizes[0];
  shape.c = sizes[1];
  shape.rank = static_cast<int>(sizes.size()) - 2;
  std::copy(sizes.begin() + 2, sizes.end(), shape.size.begin());
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 0 || size > 4096; })) {
    throw Malformed("shape " + text + ": sizes of 0 to 4096");
  }
  return shape;
}

// key=value pairs, each of which must be taken once.
class Attributes {
 public:
  explicit Attributes(const std::string& text) {
    if (text == "-") return;
    for (const std::string& pair : Split(text, ' ')) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos || equals == 0) throw Malformed("attribute '" + pair + "': key=value");
      if (!values_.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second) {
        throw Malformed("attribute '" + pair + "' is there twice");
      }
    }
  }

  std::optional<std::string> Take(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    std::string value = found->second;
    values_.erase(found);
    return value;
  }
  std::string Text(const std::string& key, const std::string& otherwise) { return Take(key).value_or(otherwise); }
  int64_t Int(const std::string& key, int64_t otherwise) {
    const std::optional<std::string> value = Take(key);
    return value ? ParseInt(*value) : otherwise;
  }
  bool Bool(const std::string& key, bool otherwise) {
    const int64_t value = Int(key, otherwise ? 1 : 0);
    if (value != 0 && value != 1) throw Malformed(key + " is neither 0 nor 1");
    return value == 1;
  }
  float Float(const std::string& key, float otherwise) {
    const std::optional<std::string> value = Take(key);
    return value ? static_cast<float>(ParseDouble(*value)) : otherwise;
  }
  SpatialSizes Sizes(const std::string& key, int rank, const SpatialSizes& otherwise) {
    const std::optional<std::string> value = Take(key);
    return value ? OfRank(key, ParseInts(*value, ','), rank, otherwise) : otherwise;
  }
  std::array<double, kMaxSpatialRank> Doubles(const std::string& key, int rank) {
    const std::optional<std::string> text = Take(key);
    if (!text) return {};
    std::vector<double> values;
    for (const std::string& part : Split(*text, ',')) values.push_back(ParseDouble(part));
    return OfRank(key, values, rank, std::array<double, kMaxSpatialRank>{});
  }
  void MustBeEmpty() const {
    if (!values_.empty()) throw Malformed("attribute '" + values_.begin()->first + "' is unknown");
  }

 private:
  template <typename Values, typename Array>
  static Array OfRank(const std::string& key, const Values& values, int rank, Array array) {
    if (values.size() != static_cast<size_t>(rank)) {
      throw Malformed("attribute '" + key + "' does not have " + std::to_string(rank) + " values");
    }
    std::copy(values.begin(), values.end(), array.begin());
    return array;
  }

  std::map<std::string, std::string> values_;
};

// One line.
struct Case {
  std::string op;
  std::string attributes;
  Shape input, output;
  std::string values;
  std::optional<std::vector<int64_t>> indices;
};

Case ParseCase(const std::string& line) {
  const std::vector<std::string> fields = Split(line, '\t');
  if (fields.size() != 5 && fields.size() != 6) throw Malformed("not 5 or 6 fields");
  Case c;
  c.op = fields[0];
  if (std::find(std::begin(kOps), std::end(kOps), c.op) == std::end(kOps))
    throw Malformed("op " + c.op + " is unknown");
  c.attributes = fields[1];
  c.input = ParseShape(fields[2]);
  c.output = ParseShape(fields[3]);
  if (c.input.rank != c.output.rank) throw Malformed("input and output of unequal ranks");
  if (fields[4] != "-") c.values = fields[4];
  if (fields.size() == 6) {
    c.indices = fields[5].empty() ? std::vector<int64_t>() : ParseInts(fields[5], ',');
  }
  return c;
}

// The elements that the line gives as hex digits: as f32, which must be values of the type, or as u8.
Elements ParseValues(const Case& c, DataType dtype) {
  const size_t digits = dtype == DataType::kU8 ? 2 : 8;
  if (c.values.size() != digits * static_cast<size_t>(c.output.count())) {
    throw Malformed("not " + std::to_string(digits) + " digits for each of " + std::to_string(c.output.count()) +
                    " outputs");
  }
  if (c.values.find_first_not_of("0123456789abcdef") != std::string::npos) throw Malformed("outputs that are not hex");
  Elements elements;
  for (size_t at = 0; at < c.values.size(); at += digits) {
    const auto bits = static_cast<uint32_t>(std::stoul(c.values.substr(at, digits), nullptr, 16));
    const bool as_is = dtype == DataType::kU8 || dtype == DataType::kF32;
    elements.push_back(as_is ? bits : FromFloat(dtype, FloatOfBits(bits)));
  }
  return elements;
}

// ---- A case as calls of the library

// An output may differ from that of the file by |difference| <= absolute + relative * |expected|.
struct Tolerance {
  bool bits = false;  // not at all: the same bits
  double absolute = 0;
  double relative = 0;
};

struct Setup {
  std::function<StatusOr<Operator>(const OperatorOptions&)> create;
  DataType dtype = DataType::kF32;
  Elements input, expected;
  std::optional<Elements> residual, input_indices, output_indices;
  std::optional<Elements> oracle;  // what tests/ref says, where it is asked
  SpatialSizes output_size{};
  std::vector<Algorithm> algorithms = {Algorithm::kAuto};
  Tolerance tolerance;
};

DataType ParseDataType(const std::string& text) {
  if (text == "f32") return DataType::kF32;
  if (text == "f16") return DataType::kF16;
  if (text == "bf16") return DataType::kBF16;
  if (text == "u8") return DataType::kU8;
  throw Malformed("dtype=" + text + " is unknown");
}

double MaxMagnitude(const Elements& elements, DataType dtype) {
  double max = 0;
  for (const uint64_t element : elements) {
    const double value = std::abs(ToFloat(dtype, element));
    if (std::isfinite(value)) max = std::max(max, value);
  }
  return max;
}

// Rounding to a type once: one unit in the last place of it.
double UnitInLastPlace(DataType dtype) {
  return dtype == DataType::kF16 ? std::ldexp(1, -10) : dtype == DataType::kBF16 ? std::ldexp(1, -7) : 0;
}

Activation ParseActivation(const std::string& text) {
  static const std::map<std::string, Activation> kNames = {{"none", Activation::kNone},
                                                           {"relu", Activation::kRelu},
                                                           {"leaky_relu", Activation::kLeakyRelu},
                                                           {"hardtanh", Activation::kClamp},
                                                           {"prelu", Activation::kPRelu},
                                                           {"sigmoid", Activation::kSigmoid},
                                                           {"tanh", Activation::kTanh},
                                                           {"silu", Activation::kSilu},
                                                           {"gelu", Activation::kGelu},
                                                           {"gelu_tanh", Activation::kGeluTanh},
                                                           {"hardswish", Activation::kHardSwish}};
  const auto found = kNames.find(text);
  if (found == kNames.end()) throw Malformed("activation " + text + " is unknown");
  return found->second;
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
EpilogueConstants TakeEpilogue(Attributes& attributes, const Shape& output, float slope, Setup& setup) {
  EpilogueConstants constants;
  Epilogue& e = constants.epilogue;
  e.activation = ParseActivation(attributes.Text("act", "none"));
  e.negative_slope = slope;
  e.lower = attributes.Float("lower", 0.0f);
  e.upper = attributes.Float("upper", 6.0f);
  e.channels = output.c;
  if (e.activation == Activation::kPRelu) constants.slope = GeneratedFloats(kSlope, output.c);
  const std::string residual = attributes.Text("residual", "none");
  if (residual != "none") {
    if (residual != "before" && residual != "after") throw Malformed("residual=" + residual + " is unknown");
    e.residual = residual == "before" ? Residual::kBeforeActivation : Residual::kAfterActivation;
    setup.residual = Generated(kResidual, output.count(), "uniform", setup.dtype);
  }
  if (const std::optional<std::string> epsilon = attributes.Take("bn")) {
    const std::vector<float> gamma = GeneratedFloats(kGamma, output.c);
    const std::vector<float> beta = GeneratedFloats(kBeta, output.c);
    const std::vector<float> mean = GeneratedFloats(kMean, output.c);
    std::vector<float> variance = GeneratedFloats(kVariance, output.c);
    for (float& v : variance) v += 257.0f / 256;
    constants.scale.resize(static_cast<size_t>(output.c));
    constants.shift.resize(static_cast<size_t>(output.c));
    const Status status = FoldBatchNorm(gamma.data(), beta.data(), mean.data(), variance.data(), ParseDouble(*epsilon),
                                        output.c, constants.scale.data(), constants.shift.data());
    if (!status.ok()) throw std::runtime_error(std::string("FoldBatchNorm: ") + status.message());
  }
  return constants;
}

struct ConvConstants {
  std::vector<float> weights, bias;
  EpilogueConstants epilogue;

  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

// Reads what conv and conv_transpose have in common: everything but what only one of ConvAttributes and
// ConvTransposeAttributes has.
template <typename ConvLikeAttributes>
ConvConstants TakeConvLayer(const Case& c, Attributes& attributes, ConvLikeAttributes& a, Setup& setup) {
  const int rank = c.input.rank;
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
  a.prologue.activation = ParseActivation(attributes.Text("pre", "none"));
  a.prologue.negative_slope = slope;

  ConvConstants constants;
  int64_t weights_count = a.input_channels * (a.output_channels / a.groups);
  for (int axis = 0; axis < rank; ++axis) weights_count *= a.kernel[static_cast<size_t>(axis)];
  constants.weights = GeneratedFloats(kWeights, weights_count);
  if (attributes.Bool("bias", true)) constants.bias = GeneratedFloats(kBias, a.output_channels);
  setup.input = Generated(kInput, c.input.count(), attributes.Text("fill", "uniform"), setup.dtype);
  constants.epilogue = TakeEpilogue(attributes, c.output, slope, setup);
  // Products of the generated numbers are multiples of 2^-16 and their sums below 2^8: f32 is exact, in whatever order
  // it adds. What comes before or after them is not.
  const bool exact = constants.epilogue.none() && a.prologue.activation != Activation::kLeakyRelu;
  setup.tolerance.absolute = exact ? 0 : 4e-6 * std::max(1.0, MaxMagnitude(setup.expected, setup.dtype));
  return constants;
}

void SetUpConvTranspose(const Case& c, Attributes& attributes, Setup& setup) {
  const int rank = c.input.rank;
  ConvTransposeAttributes a;
  a.stride = attributes.Sizes("s", rank, {1, 1, 1});
  a.output_padding = attributes.Sizes("op", rank, {});
  setup.output_size = attributes.Sizes("output_size", rank, {});
  const ConvConstants constants = TakeConvLayer(c, attributes, a, setup);
  setup.algorithms = {Algorithm::kAuto, Algorithm::kSubpixel, Algorithm::kGemmCol2im};
  setup.create = [a, constants](const OperatorOptions& options) {
    ConvTransposeAttributes complete = a;
    complete.epilogue = constants.epilogue.Get();
    return CreateConvTranspose(complete, constants.weights.data(), constants.bias_or_null(), options);
  };
}

PaddingMode ParsePaddingMode(const std::string& text) {
  static const std::map<std::string, PaddingMode> kNames = {{"constant", PaddingMode::kZeros},
                                                            {"reflect", PaddingMode::kReflect},
                                                            {"replicate", PaddingMode::kReplicate},
                                                            {"circular", PaddingMode::kCircular}};
  const auto found = kNames.find(text);
  if (found == kNames.end()) throw Malformed("mode " + text + " is unknown");
  return found->second;
}

// Asks tests/ref about the same case, which is judged like the library.
Elements OracleOfConv(const Case& c, const ConvAttributes& a, const ConvConstants& constants, const Setup& setup) {
  const auto tensor = [&](const Elements& elements, const Shape& shape) {
    ref::Tensor<float> t(shape.n, shape.c, ref::ToSize3(shape.size, shape.rank));
    std::transform(elements.begin(), elements.end(), t.data.begin(),
                   [&](uint64_t e) { return ToFloat(setup.dtype, e); });
    return t;
  };
  ref::Tensor<double> value =
      ref::Conv(a, tensor(setup.input, c.input), constants.weights.data(), constants.bias_or_null()).value;
  const std::optional<ref::Tensor<float>> residual =
      setup.residual ? std::optional(tensor(*setup.residual, c.output)) : std::nullopt;
  ref::ApplyEpilogue<float>(constants.epilogue.Get(), residual ? &*residual : nullptr, value, nullptr);
  Elements elements;
  for (const double v : value.data) elements.push_back(Bits(static_cast<float>(v)));
  return elements;
}

void SetUpConv(const Case& c, Attributes& attributes, Setup& setup) {
  const int rank = c.input.rank;
  ConvAttributes a;
  const ConvConstants constants = TakeConvLayer(c, attributes, a, setup);
  a.padding_end = attributes.Sizes("p_end", rank, a.padding_end);
  a.padding_mode = ParsePaddingMode(attributes.Text("mode", "constant"));
  a.upsample = attributes.Sizes("up", rank, {1, 1, 1});
  const int64_t shuffle = attributes.Int("shuffle", 1);
  for (int axis = 0; axis < rank; ++axis) a.shuffle[static_cast<size_t>(axis)] = shuffle;
  setup.create = [a, constants](const OperatorOptions& options) {
    ConvAttributes complete = a;
    complete.epilogue = constants.epilogue.Get();
    return CreateConv(complete, constants.weights.data(), constants.bias_or_null(), options);
  };
  setup.oracle = OracleOfConv(c, a, constants, setup);
  if (setup.oracle->size() != setup.expected.size()) throw Malformed("another number of outputs than the layer has");
}

PyTorchMode ParsePyTorchMode(const std::string& text) {
  static const std::map<std::string, PyTorchMode> kNames = {
      {"nearest", PyTorchMode::kNearest}, {"nearest-exact", PyTorchMode::kNearestExact},
      {"linear", PyTorchMode::kLinear},   {"bilinear", PyTorchMode::kBilinear},
      {"bicubic", PyTorchMode::kBicubic}, {"trilinear", PyTorchMode::kTrilinear},
      {"area", PyTorchMode::kArea},       {"lanczos", PyTorchMode::kLanczos}};
  const auto found = kNames.find(text);
  if (found == kNames.end()) throw Malformed("mode " + text + " is unknown");
  return found->second;
}

void SetUpInterpolate(const Case& c, Attributes& attributes, Setup& setup) {
  const int rank = c.input.rank;
  const PyTorchMode mode = ParsePyTorchMode(attributes.Text("mode", ""));
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
  setup.dtype = ParseDataType(attributes.Text("dtype", "f32"));
  setup.expected = ParseValues(c, setup.dtype);
  setup.input = Generated(kInput, c.input.count(), attributes.Text("fill", "uniform"), setup.dtype);
  const float slope = attributes.Float("slope", 0.01f);
  const EpilogueConstants epilogue = TakeEpilogue(attributes, c.output, slope, setup);
  if ((nearest && epilogue.none()) || setup.dtype == DataType::kU8) {
    setup.tolerance.bits = true;
  } else {
    const double magnitude =
        std::max(MaxMagnitude(setup.input, setup.dtype), MaxMagnitude(setup.expected, setup.dtype));
    setup.tolerance = {false, 4e-6 * magnitude, UnitInLastPlace(setup.dtype)};
  }
  setup.create = [a, epilogue](const OperatorOptions& options) {
    ResizeAttributes complete = a;
    complete.epilogue = epilogue.Get();
    return CreateResize(complete, options);
  };
}

void SetUpPillowResize(const Case& c, Attributes& attributes, Setup& setup) {
  static const std::map<std::string, ResizeMode> kNames = {{"nearest", ResizeMode::kNearest},
                                                           {"bilinear", ResizeMode::kLinear},
                                                           {"bicubic", ResizeMode::kCubic},
                                                           {"lanczos", ResizeMode::kLanczos}};
  const std::string mode = attributes.Text("mode", "");
  const auto found = kNames.find(mode);
  if (found == kNames.end() || c.input.rank != 2) throw Malformed("mode " + mode + " is unknown");
  ResizeAttributes a = ResizeAttributes::Pillow(found->second);
  a.size = attributes.Sizes("size", 2, {});
  setup.dtype = DataType::kU8;
  setup.expected = ParseValues(c, setup.dtype);
  setup.input = Generated(kInput, c.input.count(), "uniform", setup.dtype);
  setup.tolerance.bits = true;
  setup.create = [a](const OperatorOptions& options) { return CreateResize(a, options); };
}

void SetUpPixelShuffle(const Case& c, Attributes& attributes, Setup& setup) {
  PixelShuffleAttributes a;
  const int64_t factor = attributes.Int("r", 0);
  a.spatial_rank = c.input.rank;
  a.factor = {factor, factor, factor};
  a.direction = c.op == "pixel_shuffle" ? ShuffleDirection::kDepthToSpace : ShuffleDirection::kSpaceToDepth;
  a.channel_order = ChannelOrder::kCrd;
  setup.dtype = ParseDataType(attributes.Text("dtype", "f32"));
  setup.expected = ParseValues(c, setup.dtype);
  setup.input = Generated(kInput, c.input.count(), "bits", setup.dtype);
  setup.tolerance.bits = true;
  setup.create = [a](const OperatorOptions& options) { return CreatePixelShuffle(a, options); };
}

PoolWindow TakeWindow(Attributes& attributes, int rank) {
  PoolWindow window;
  window.spatial_rank = rank;
  window.kernel = attributes.Sizes("k", rank, {0, 0, 0});
  window.stride = attributes.Sizes("s", rank, {0, 0, 0});
  window.padding_begin = window.padding_end = attributes.Sizes("p", rank, {});
  window.dilation = attributes.Sizes("d", rank, {1, 1, 1});
  window.ceil_mode = attributes.Bool("ceil", false);
  return window;
}

// The indices of the line: one for each element of the pooled tensor.
Elements ParseIndices(const Case& c, const Shape& pooled) {
  if (!c.indices || c.indices->size() != static_cast<size_t>(pooled.count())) {
    throw Malformed("not as many indices as pooled elements");
  }
  return Elements(c.indices->begin(), c.indices->end());
}

void SetUpPool(const Case& c, Attributes& attributes, Setup& setup) {
  const int rank = c.input.rank;
  const std::string kind = c.op.substr(0, c.op.size() - 2);
  if (c.op != kind + std::to_string(rank) + "d") throw Malformed("a shape of another rank than the op's");
  const PoolWindow window = TakeWindow(attributes, rank);
  setup.dtype = ParseDataType(attributes.Text("dtype", "f32"));
  setup.expected = ParseValues(c, setup.dtype);
  setup.input = Generated(kInput, c.input.count(), attributes.Text("fill", "uniform"), setup.dtype);
  setup.output_size = attributes.Sizes("output_size", rank, {});
  // A division by the divisor may be a multiplication with its inverse; sums are exact.
  const double magnitude = MaxMagnitude(setup.expected, setup.dtype);
  const Tolerance averaged = {false, 4e-7 * magnitude, UnitInLastPlace(setup.dtype)};
  if (kind == "max_pool") {
    MaxPoolAttributes a;
    a.window = window;
    setup.output_indices = ParseIndices(c, c.output);
    setup.tolerance.bits = true;
    setup.create = [a](const OperatorOptions& options) { return CreateMaxPool(a, options); };
  } else if (kind == "max_unpool") {
    MaxUnpoolAttributes a;
    a.window = window;
    setup.input_indices = ParseIndices(c, c.input);
    setup.tolerance.bits = true;
    setup.create = [a](const OperatorOptions& options) { return CreateMaxUnpool(a, options); };
  } else if (kind == "avg_pool") {
    AvgPoolAttributes a;
    a.window = window;
    a.count_include_pad = attributes.Bool("include_pad", true);
    a.divisor_override = attributes.Int("divisor", 0);
    setup.tolerance = averaged;
    setup.create = [a](const OperatorOptions& options) { return CreateAvgPool(a, options); };
  } else {
    AvgUnpoolAttributes a;
    a.window = window;
    a.count_include_pad = attributes.Bool("include_pad", true);
    a.divisor_override = attributes.Int("divisor", 0);
    setup.tolerance = averaged;
    setup.create = [a](const OperatorOptions& options) { return CreateAvgUnpool(a, options); };
  }
}

Setup MakeSetup(const Case& c) {
  Attributes attributes(c.attributes);
  Setup setup;
  if (c.op.find("conv_transpose") == 0) {
    if (c.op != "conv_transpose" + std::to_string(c.input.rank) + "d") {
      throw Malformed("a shape of another rank than the op's");
    }
    setup.expected = ParseValues(c, setup.dtype);
    SetUpConvTranspose(c, attributes, setup);
  } else if (c.op.find("conv") == 0) {
    if (c.op != "conv" + std::to_string(c.input.rank) + "d") throw Malformed("a shape of another rank than the op's");
    setup.expected = ParseValues(c, setup.dtype);
    SetUpConv(c, attributes, setup);
  } else if (c.op == "interpolate") {
    SetUpInterpolate(c, attributes, setup);
  } else if (c.op == "pillow_resize") {
    SetUpPillowResize(c, attributes, setup);
  } else if (c.op == "pixel_shuffle" || c.op == "pixel_unshuffle") {
    SetUpPixelShuffle(c, attributes, setup);
  } else {
    SetUpPool(c, attributes, setup);
  }
  attributes.MustBeEmpty();
  if (c.indices && !setup.input_indices && !setup.output_indices) throw Malformed("indices of an op that has none");
  return setup;
}

// ---- Memory

TensorDesc MakeTensorDesc(DataType dtype, const Format& format, const Shape& shape) {
  TensorDesc desc;
  desc.dtype = dtype;
  desc.layout = format.layout;
  desc.channel_block = format.block;
  desc.spatial_rank = shape.rank;
  desc.n = shape.n;
  desc.c = shape.c;
  desc.size = shape.size;
  return desc;
}

// Calls visit(number, offset) for each element in the order N, C, spatial axes; offset is that of `desc`, which has its
// strides.
template <typename Visit>
void ForEachOf(const TensorDesc& desc, const Visit& visit) {
  SpatialSizes size{1, 1, 1};
  SpatialSizes stride{};
  std::copy(desc.size.begin(), desc.size.begin() + desc.spatial_rank, size.begin());
  std::copy(desc.stride.begin(), desc.stride.begin() + desc.spatial_rank, stride.begin());
  size_t number = 0;
  for (int64_t n = 0; n < desc.n; ++n) {
    for (int64_t c = 0; c < desc.c; ++c) {
      const int64_t block = desc.channel_block;
      const int64_t origin = n * desc.stride_n + c / block * desc.stride_c + c % block;
      for (int64_t i = 0; i < size[0]; ++i) {
        for (int64_t j = 0; j < size[1]; ++j) {
          for (int64_t k = 0; k < size[2]; ++k) visit(number++, origin + i * stride[0] + j * stride[1] + k * stride[2]);
        }
      }
    }
  }
}

// A tensor in memory: markers where it holds nothing yet.
class Buffer {
 public:
  explicit Buffer(const TensorDesc& desc) : desc_(desc), element_(ElementSize(desc.dtype)) {
    int64_t elements = 1;
    ForEachOf(desc_, [&](size_t, int64_t offset) { elements = std::max(elements, offset + 1); });
    // Up to the end of the last block of channels.
    elements = (elements + desc.channel_block - 1) / desc.channel_block * desc.channel_block;
    bytes_.assign(static_cast<size_t>(elements) * element_, 0xA5);
  }

  void Write(const Elements& elements) {
    ForEachOf(desc_, [&](size_t number, int64_t offset) { std::memcpy(At(offset), &elements[number], element_); });
  }
  Elements Read() {
    Elements elements;
    ForEachOf(desc_, [&](size_t, int64_t offset) {
      uint64_t element = 0;
      std::memcpy(&element, At(offset), element_);
      elements.push_back(element);
    });
    return elements;
  }
  void* data() { return bytes_.data(); }

 private:
  unsigned char* At(int64_t offset) { return bytes_.data() + static_cast<size_t>(offset) * element_; }

  TensorDesc desc_;
  size_t element_;
  std::vector<unsigned char> bytes_;
};

// ---- One case

// Empty: within the tolerance. Otherwise the first output that is not.
std::string Difference(const Setup& setup, const Elements& actual) {
  for (size_t i = 0; i < actual.size(); ++i) {
    const float a = ToFloat(setup.dtype, actual[i]);
    const float e = ToFloat(setup.dtype, setup.expected[i]);
    const bool both_nan = std::isnan(a) && std::isnan(e);
    const double allowed = setup.tolerance.absolute + setup.tolerance.relative * std::abs(static_cast<double>(e));
    const bool near = a == e || both_nan || std::abs(static_cast<double>(a) - e) <= allowed;
    if (setup.tolerance.bits ? actual[i] == setup.expected[i] : near) continue;
    std::ostringstream text;
    text.precision(9);
    text << "output " << i << " is " << a << " instead of " << e << " (bits " << std::hex << actual[i] << ", "
         << setup.expected[i] << std::dec << "; allowed difference " << (setup.tolerance.bits ? 0 : allowed) << ")";
    return text.str();
  }
  return "";
}

// Empty: as the file says. Otherwise what is not.
std::string RunFormat(const Case& c, const Setup& setup, const Operator& op, const Format& format,
                      Algorithm algorithm) {
  PlanOptions options;
  options.algorithm = algorithm;
  options.output_size = setup.output_size;
  const StatusOr<Plan> plan = op.MakePlan(MakeTensorDesc(setup.dtype, format, c.input), options);
  if (!plan.ok()) return std::string("MakePlan: ") + plan.status().message();
  const TensorDesc& out = plan->output();
  const bool same_size = std::equal(out.size.begin(), out.size.begin() + c.output.rank, c.output.size.begin());
  if (out.spatial_rank != c.output.rank || out.n != c.output.n || out.c != c.output.c || !same_size) {
    std::ostringstream text;
    text << "the output is " << out.n << "x" << out.c;
    for (int axis = 0; axis < out.spatial_rank; ++axis) text << "x" << out.size[static_cast<size_t>(axis)];
    return text.str();
  }
  Buffer input(plan->input());
  Buffer output(out);
  input.Write(setup.input);
  RunOptions run;
  std::optional<Buffer> residual;
  if (setup.residual) {
    if (plan->residual() == nullptr) return "the plan has no residual";
    residual.emplace(*plan->residual());
    residual->Write(*setup.residual);
    run.residual = residual->data();
  }
  std::optional<Buffer> indices;
  if (setup.input_indices || setup.output_indices) {
    if (plan->indices() == nullptr) return "the plan has no indices";
    indices.emplace(*plan->indices());
    if (setup.input_indices) {
      indices->Write(*setup.input_indices);
      run.input_indices = indices->data();
    } else {
      run.output_indices = indices->data();
    }
  }
  const Status status = plan->Run(input.data(), output.data(), run);
  if (!status.ok()) return std::string("Run: ") + status.message();
  std::string difference = Difference(setup, output.Read());
  if (difference.empty() && setup.output_indices) {
    const Elements actual = indices->Read();
    const auto at = std::mismatch(actual.begin(), actual.end(), setup.output_indices->begin());
    if (at.first != actual.end()) {
      difference = "index " + std::to_string(at.first - actual.begin()) + " is " + std::to_string(*at.first) +
                   " instead of " + std::to_string(*at.second);
    }
  }
  return difference.empty() ? "" : difference + "; " + plan->Describe();
}

constexpr Format kGoldenFormats[] = {{Layout::kNchw, 1}, {Layout::kNhwc, 1}, {Layout::kNchwc, 16}};

// Runs a case on `targets` and in every format with every algorithm; the first thing that is not as the file says.
std::string RunCase(const Case& c, const std::vector<std::string>& targets) {
  const Setup setup = MakeSetup(c);
  if (setup.oracle) {
    const std::string difference = Difference(setup, *setup.oracle);
    if (!difference.empty()) return "the oracle: " + difference;
  }
  for (const std::string& target : targets) {
    const StatusOr<Operator> op = setup.create(OptionsFor(target));
    if (!op.ok()) return target + ": Create: " + op.status().message();
    for (const Format& format : kGoldenFormats) {
      for (const Algorithm algorithm : setup.algorithms) {
        const std::string difference = RunFormat(c, setup, *op, format, algorithm);
        if (!difference.empty()) {
          return target + ", " + Name(format) + ", algorithm " + std::to_string(static_cast<int>(algorithm)) + ": " +
                 difference;
        }
      }
    }
  }
  return "";
}

// ---- The file's lines

struct Line {
  int number;
  std::string text;
};

// All cases; a Malformed names a line that is none, a missing or wrong end, or no file.
std::vector<Line> ReadLines() {
  std::ifstream file(kPath);
  if (!file) throw Malformed(std::string("no file ") + kPath + " in the working directory");
  std::vector<Line> lines;
  int number = 0;
  std::string text;
  bool ended = false;
  while (std::getline(file, text)) {
    ++number;
    if (ended) throw Malformed("line " + std::to_string(number) + " is behind the end");
    if (text[0] == '#') continue;
    if (text.find("end\t") == 0) {
      if (ParseInt(text.substr(4)) != static_cast<int64_t>(lines.size())) {
        throw Malformed(text + " behind " + std::to_string(lines.size()) + " cases");
      }
      ended = true;
    } else {
      lines.push_back({number, text});
    }
  }
  if (!ended) throw Malformed("the end is missing");
  return lines;
}

// POLYPHASE_GOLDEN_LINE, or 0.
int OnlyLine() {
  const char* line = std::getenv("POLYPHASE_GOLDEN_LINE");
  return line == nullptr ? 0 : static_cast<int>(ParseInt(line));
}

std::string Where(const Line& line) {
  // This leaves out the outputs, which are the fifth field.
  size_t end = 0;
  for (int field = 0; field < 4 && end != std::string::npos; ++field) end = line.text.find('\t', end + 1);
  return std::string(kPath) + ":" + std::to_string(line.number) + ": " + line.text.substr(0, end) + ": ";
}

class PyTorchGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(PyTorchGolden, Matches) {
  const std::vector<std::string> targets = SupportedTargets();
  ASSERT_FALSE(targets.empty());
  const std::vector<std::string> best(1, targets.front());
  const int only = OnlyLine();
  int cases = 0;
  int failed = 0;
  for (const Line& line : ReadLines()) {
    if (line.text.substr(0, line.text.find('\t')) != GetParam()) continue;
    ++cases;
    if (only != 0 && line.number != only) continue;
    std::string difference;
    try {
      const Case c = ParseCase(line.text);
      // Whole numbers have kernels of their own on every target.
      const bool u8 = MakeSetup(c).dtype == DataType::kU8;
      difference = RunCase(c, u8 ? targets : best);
    } catch (const std::exception& error) {
      difference = error.what();
    }
    if (difference.empty()) continue;
    ++failed;
    ADD_FAILURE() << Where(line) << difference << "; POLYPHASE_GOLDEN_LINE=" << line.number << " runs it alone";
  }
  EXPECT_GT(cases, 0) << kPath << " has no case of " << GetParam();
  EXPECT_EQ(failed, 0) << "of " << cases << " cases";
}

INSTANTIATE_TEST_SUITE_P(Ops, PyTorchGolden, ::testing::ValuesIn(kOps),
                         [](const ::testing::TestParamInfo<const char*>& op) { return std::string(op.param); });

// Lines of an op that no test is made of would not be run.
TEST(PyTorchGoldenFile, EveryLineIsACase) {
  const int only = OnlyLine();
  bool found = only == 0;
  for (const Line& line : ReadLines()) {
    found |= line.number == only;
    try {
      MakeSetup(ParseCase(line.text));
    } catch (const std::exception& error) {
      ADD_FAILURE() << Where(line) << error.what();
    }
  }
  EXPECT_TRUE(found) << "POLYPHASE_GOLDEN_LINE: no case is at line " << only;
}

TEST(PyTorchGoldenFile, WhatIsNoCaseIsRejected) {
  const auto message = [](const std::string& line) -> std::string {
    try {
      MakeSetup(ParseCase(line));
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
      {"interpolate\tmode=quintic size=2\t1x1x1\t1x1x2\t3f8000003f800000", "mode quintic is unknown"},
      {"interpolate\tmode=bilinear size=2\t1x1x1\t1x1x2\t3f8000003f800000", "another rank"},
      {"interpolate\tmode=nearest size=2 dtype=f8\t1x1x1\t1x1x2\t3f8000003f800000", "dtype=f8 is unknown"},
      {"interpolate\tmode=nearest size=2 fill=odd\t1x1x1\t1x1x2\t3f8000003f800000", "fill=odd is unknown"},
      {"interpolate\tmode=nearest size=2 act=elu\t1x1x1\t1x1x2\t3f8000003f800000", "activation elu is unknown"},
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
      {"conv1d\toc=1 k=1 mode=same\t1x1x2\t1x1x2\t3f8000003f800000", "mode same is unknown"},
      {"conv1d\toc=1 k=2\t1x1x2\t1x1x2\t3f8000003f800000", "another number of outputs"},
      {"conv_transpose2d\toc=1 k=1\t1x1x2\t1x1x2\t3f8000003f800000", "another rank"},
  };
  for (const auto& c : cases) {
    EXPECT_NE(message(c.line).find(c.message), std::string::npos) << c.line << ": '" << message(c.line) << "'";
  }
}

}  // namespace
}  // namespace polyphase::testing
