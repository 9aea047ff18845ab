// EveryOp: a small layer of every op and of every kind that gets its memory in another way, for the tests of memory.
#ifndef POLYPHASE_TESTS_TESTERS_EVERY_OP_H_
#define POLYPHASE_TESTS_TESTERS_EVERY_OP_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/c_structs.h"
#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"
#include "tests/ref/tensor.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

struct OpCase {
  std::string name;
  std::function<StatusOr<Operator>(const OperatorOptions&)> create;
  std::function<pph_status(const pph_operator_options*, pph_operator**)> create_c;
  DataType dtype = DataType::kF32;
  Algorithm algorithm = Algorithm::kAuto;

  // A tensor that the op takes: two images, or lines, of 20 channels.
  TensorDesc Input(const Format& format = {Layout::kNchw}) const {
    return one_axis ? MakeDesc(dtype, format, 2, kChannels, ref::Size3{1, 1, 11}, 1)
                    : MakeDesc(dtype, format, 2, kChannels, 9, 11);
  }
  static constexpr int64_t kChannels = 20;
  bool one_axis = false;
};

// The structs that an op's struct points to, which Bind fills and sets where it has them.
struct CNested {
  pph_prologue prologue;
  pph_epilogue epilogue;
  pph_weights weights;
  pph_pointwise pointwise;

  template <class C, class Cpp>
  void Bind(const Cpp&, C*) {}
  template <class C, class Cpp>
  void BindConvolution(const Cpp& cpp, C* c) {
    prologue = internal::ToC<pph_prologue>(cpp.prologue);
    epilogue = internal::ToC<pph_epilogue>(cpp.epilogue);
    c->prologue = &prologue;
    c->epilogue = &epilogue;
  }
  void Bind(const ConvAttributes& cpp, pph_conv_attributes* c) { BindConvolution(cpp, c); }
  void Bind(const ConvTransposeAttributes& cpp, pph_conv_transpose_attributes* c) { BindConvolution(cpp, c); }
  void Bind(const ResizeAttributes& cpp, pph_resize_attributes* c) {
    epilogue = internal::ToC<pph_epilogue>(cpp.epilogue);
    c->epilogue = &epilogue;
    if (cpp.pointwise.output_channels == 0) return;
    weights = internal::ToC<pph_weights>(cpp.pointwise.weights);
    pointwise = internal::ToC<pph_pointwise>(cpp.pointwise);
    pointwise.weights = &weights;
    c->pointwise = &pointwise;
  }
};

// An op without weights in both APIs.
template <class C, class Cpp>
OpCase MakeOpCase(std::string name, const Cpp& attributes,
                  StatusOr<Operator> (*create)(const Cpp&, const OperatorOptions&),
                  pph_status (*create_c)(const C*, const pph_operator_options*, pph_operator**)) {
  OpCase result;
  result.name = std::move(name);
  result.create = [=](const OperatorOptions& options) { return create(attributes, options); };
  result.create_c = [=](const pph_operator_options* options, pph_operator** op) {
    CNested nested;
    C c = internal::ToC<C>(attributes);
    nested.Bind(attributes, &c);
    return create_c(&c, options, op);
  };
  return result;
}

// A convolution in both APIs. `data` is long enough for its weights and its bias.
template <class C, class Cpp>
OpCase MakeOpCase(std::string name, const Cpp& attributes, const float* data,
                  StatusOr<Operator> (*create)(const Cpp&, const Weights&, const float*, const OperatorOptions&),
                  pph_status (*create_c)(const C*, const pph_weights*, const float*, const pph_operator_options*,
                                         pph_operator**)) {
  OpCase result;
  result.name = std::move(name);
  result.create = [=](const OperatorOptions& options) { return create(attributes, data, data, options); };
  result.create_c = [=](const pph_operator_options* options, pph_operator** op) {
    CNested nested;
    C c = internal::ToC<C>(attributes);
    nested.Bind(attributes, &c);
    const pph_weights weights = internal::ToC<pph_weights>(Weights(data));
    return create_c(&c, &weights, data, options, op);
  };
  return result;
}

inline std::vector<OpCase> EveryOp() {
  constexpr int64_t kChannels = OpCase::kChannels;
  static const std::array<float, 80 * kChannels* 25> data = [] {
    std::array<float, 80 * kChannels * 25> values{};
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 13) * 0.125f - 0.75f;
    return values;
  }();
  std::vector<OpCase> cases;
  const auto conv_transpose = [&](const std::string& name, const ConvTransposeAttributes& a) -> OpCase& {
    return cases.emplace_back(MakeOpCase(name, a, data.data(), CreateConvTranspose, pph_create_conv_transpose));
  };
  const auto conv = [&](const std::string& name, const ConvAttributes& a) -> OpCase& {
    return cases.emplace_back(MakeOpCase(name, a, data.data(), CreateConv, pph_create_conv));
  };
  const auto resize = [&](const std::string& name, const ResizeAttributes& a) -> OpCase& {
    return cases.emplace_back(MakeOpCase(name, a, CreateResize, pph_create_resize));
  };

  ConvTransposeAttributes transpose;
  transpose.input_channels = kChannels;
  transpose.output_channels = 18;
  transpose.kernel = {4, 4, 1};
  transpose.stride = {2, 2, 1};
  transpose.padding_begin = transpose.padding_end = {1, 1, 0};
  transpose.epilogue.activation = Activation::kRelu;
  const auto by = [](Algorithm algorithm, OpCase& op) { op.algorithm = algorithm; };
  conv_transpose("conv_transpose", transpose);
  by(Algorithm::kSubpixel, conv_transpose("conv_transpose by subpixel", transpose));
  by(Algorithm::kGemmCol2im, conv_transpose("conv_transpose by gemm_col2im", transpose));
  by(Algorithm::kWinograd, conv_transpose("conv_transpose by winograd", transpose));
  ConvTransposeAttributes scaled = transpose;
  scaled.epilogue.activation = Activation::kPRelu;
  scaled.epilogue.scale = scaled.epilogue.shift = scaled.epilogue.slope = data.data();
  scaled.epilogue.channels = scaled.output_channels;
  conv_transpose("conv_transpose with constants", scaled);
  ConvTransposeAttributes few = transpose;
  few.output_channels = 3;
  by(Algorithm::kPlanar, conv_transpose("conv_transpose by planar", few));
  ConvTransposeAttributes line = transpose;
  line.spatial_rank = 1;
  line.kernel = {4, 1, 1};
  line.stride = {2, 1, 1};
  line.padding_begin = line.padding_end = {};
  conv_transpose("conv_transpose 1-D", line).one_axis = true;
  ConvTransposeAttributes depthwise = transpose;
  depthwise.output_channels = depthwise.groups = kChannels;
  by(Algorithm::kSubpixel, conv_transpose("depthwise by subpixel", depthwise));
  by(Algorithm::kGemmCol2im, conv_transpose("depthwise by gemm_col2im", depthwise));

  ConvAttributes plain;
  plain.input_channels = plain.output_channels = kChannels;
  plain.kernel = {3, 3, 1};
  plain.padding_begin = plain.padding_end = {1, 1, 0};
  conv("conv", plain);
  ConvAttributes nearest_conv = plain;
  nearest_conv.upsample = {2, 2, 1};
  nearest_conv.kernel = {5, 5, 1};
  nearest_conv.padding_begin = nearest_conv.padding_end = {2, 2, 0};
  nearest_conv.padding_mode = PaddingMode::kReflect;
  nearest_conv.output_channels = 8;
  conv("nearest conv", nearest_conv);
  ConvAttributes shuffled_conv = plain;
  shuffled_conv.shuffle = {2, 2, 1};
  conv("shuffled conv", shuffled_conv);
  ConvAttributes depthwise_conv = plain;
  depthwise_conv.groups = kChannels;
  conv("depthwise conv", depthwise_conv);

  ResizeAttributes cubic = ResizeAttributes::PyTorch(PyTorchMode::kBicubic);
  cubic.size = {13, 31, 0};
  resize("cubic", cubic);
  ResizeAttributes linear;
  linear.scale = {2, 2, 0};
  resize("linear", linear);
  ResizeAttributes pointwise = linear;
  pointwise.pointwise = {data.data(), data.data(), kChannels, 18};
  resize("pointwise", pointwise);
  ResizeAttributes slopes = linear;
  slopes.epilogue.activation = Activation::kPRelu;
  slopes.epilogue.slope = data.data();
  slopes.epilogue.channels = kChannels;
  resize("linear with constants", slopes);
  ResizeAttributes antialias = ResizeAttributes::Pillow(ResizeMode::kLanczos);
  antialias.scale = {0.4, 0.7, 0};
  resize("antialias", antialias);
  resize("antialias of u8", antialias).dtype = DataType::kU8;
  ResizeAttributes nearest = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  nearest.scale = {2, 2, 0};
  resize("nearest", nearest);
  resize("nearest of i64", nearest).dtype = DataType::kI64;

  cases.push_back(MakeOpCase("pixel_shuffle", PixelShuffleAttributes(), CreatePixelShuffle, pph_create_pixel_shuffle));
  cases.push_back(MakeOpCase("max_pool", MaxPoolAttributes(), CreateMaxPool, pph_create_max_pool));
  cases.push_back(MakeOpCase("max_unpool by comparison", MaxUnpoolAttributes{PoolWindow(), IndexConvention::kWindow},
                             CreateMaxUnpool, pph_create_max_unpool));
  cases.push_back(
      MakeOpCase("max_unpool by scattering", MaxUnpoolAttributes(), CreateMaxUnpool, pph_create_max_unpool));
  cases.push_back(MakeOpCase("avg_pool", AvgPoolAttributes(), CreateAvgPool, pph_create_avg_pool));
  cases.push_back(MakeOpCase("avg_unpool", AvgUnpoolAttributes(), CreateAvgUnpool, pph_create_avg_unpool));
  cases.push_back(
      MakeOpCase("convex_upsample", ConvexUpsampleAttributes(), CreateConvexUpsample, pph_create_convex_upsample));
  cases.push_back(MakeOpCase("convex_upsample by 2", ConvexUpsampleAttributes{2}, CreateConvexUpsample,
                             pph_create_convex_upsample));
  OpCase& convert = cases.emplace_back();
  convert.name = "convert";
  convert.create = [](const OperatorOptions& options) { return CreateConvert(options); };
  convert.create_c = pph_create_convert;
  return cases;
}

// The tensors of a plan. Elements have room for every type. Indices are 0, floats are small numbers, and the output has
// a pattern in it.
struct PlanMemory {
  explicit PlanMemory(const Plan& plan)
      : input(Extent(&plan.input())),
        output(Extent(&plan.output()), 0x5A5A5A5A5A5A5A5A),
        indices(Extent(plan.indices())),
        mask(Extent(plan.mask())) {
    for (std::vector<uint64_t>* const memory : {&input, &mask}) {
      std::vector<float> floats(2 * memory->size());
      for (size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(i % 7) - 3.0f;
      if (!floats.empty()) std::memcpy(memory->data(), floats.data(), floats.size() * sizeof(float));
    }
  }

  RunOptions Options() {
    RunOptions options;
    options.input_indices = options.output_indices = indices.data();
    options.mask = mask.data();
    return options;
  }

  std::vector<uint64_t> input, output;
  std::vector<int64_t> indices;
  std::vector<uint64_t> mask;

 private:
  static size_t Extent(const TensorDesc* desc) { return desc == nullptr ? 0 : static_cast<size_t>(ref::Extent(*desc)); }
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_EVERY_OP_H_
