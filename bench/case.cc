// Problem and Case: goes from the columns of a row to the library's attributes and the oracle's, and compares the two.
#include "bench/case.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/ref/conv.h"
#include "tests/ref/conv_transpose.h"
#include "tests/ref/pixel_shuffle.h"
#include "tests/ref/resize.h"
// tools/perf also builds this with libraries of older revisions, which do not have the op.
#if __has_include("polyphase/convex_upsample.h")
#define POLYPHASE_BENCH_HAS_CONVEX_UPSAMPLE 1
#include "polyphase/convex_upsample.h"
#include "tests/ref/convex_upsample.h"
#endif

namespace polyphase::bench {
namespace {

// The reference may take this many multiply-adds per problem; it does about 1e9 in a second.
constexpr double kReferenceBudget = 1e8;
// The relative error of one f32 rounding.
constexpr double kRounding = 0x1p-24;

bool IsConvTranspose(const Workload& w) { return w.op.rfind("conv_transpose", 0) == 0; }
bool IsResize(const Workload& w) { return w.op == "resize" || w.op == "resize_add"; }
bool IsShuffle(const Workload& w) { return w.op == "pixel_shuffle" || w.op == "pixel_unshuffle"; }

constexpr struct {
  const char* name;
  PyTorchMode mode;
  bool antialias;
} kModes[] = {{"nearest", PyTorchMode::kNearest, false},   {"linear", PyTorchMode::kLinear, false},
              {"bilinear", PyTorchMode::kBilinear, false}, {"trilinear", PyTorchMode::kTrilinear, false},
              {"bicubic", PyTorchMode::kBicubic, false},   {"bilinear_antialias", PyTorchMode::kBilinear, true}};

}  // namespace

ConvTransposeAttributes ConvTransposeOf(const Workload& w) {
  ConvTransposeAttributes a;
  a.spatial_rank = w.rank;
  a.input_channels = w.input_channels;
  a.output_channels = w.output_channels;
  a.groups = w.groups;
  a.kernel = w.kernel;
  a.stride = w.stride;
  a.padding_begin = w.padding_begin;
  a.padding_end = w.padding_end;
  a.output_padding = w.output_padding;
  a.dilation = w.dilation;
  return a;
}

ConvAttributes ConvOf(const Workload& w) {
  ConvAttributes a;
  a.spatial_rank = w.rank;
  a.input_channels = w.input_channels;
  a.output_channels = w.output_channels;
  a.groups = w.groups;
  a.kernel = w.kernel;
  a.padding_begin = w.padding_begin;
  a.padding_end = w.padding_end;
  a.dilation = w.dilation;
  if (w.mode == "reflect") a.padding_mode = PaddingMode::kReflect;
  for (int axis = 0; axis < w.rank; ++axis) {
    (w.op == "nearest_conv3x3" ? a.upsample : a.shuffle)[axis] = w.factor;
    a.output_channels *= a.shuffle[axis];
  }
  return a;
}

ResizeAttributes ResizeOf(const Workload& w) {
  ResizeAttributes a;
  for (const auto& mode : kModes) {
    if (w.mode == mode.name) a = ResizeAttributes::PyTorch(mode.mode, w.align_corners, mode.antialias);
  }
  a.spatial_rank = w.rank;
  a.size = w.size;
  for (int axis = 0; axis < w.rank; ++axis) a.scale[axis] = static_cast<double>(w.factor);
  if (w.op == "resize_add") a.epilogue.residual = Residual::kAfterActivation;
  return a;
}

PixelShuffleAttributes PixelShuffleOf(const Workload& w) {
  PixelShuffleAttributes a;
  a.spatial_rank = w.rank;
  for (int axis = 0; axis < w.rank; ++axis) a.factor[axis] = w.factor;
  a.direction = w.op == "pixel_shuffle" ? ShuffleDirection::kDepthToSpace : ShuffleDirection::kSpaceToDepth;
  if (w.mode == "block-major") a.channel_order = ChannelOrder::kFocus;
  return a;
}

MaxUnpoolAttributes MaxUnpoolOf(const Workload& w) {
  MaxUnpoolAttributes a;
  a.window.spatial_rank = w.rank;
  a.window.kernel = w.kernel;
  a.window.stride = w.stride;
  a.window.padding_begin = w.padding_begin;
  a.window.padding_end = w.padding_end;
  return a;
}

namespace {

#ifdef POLYPHASE_BENCH_HAS_CONVEX_UPSAMPLE
constexpr bool kHasConvexUpsample = true;
StatusOr<Operator> CreateConvexUpsampleOf(const Workload& w, const OperatorOptions& options) {
  return CreateConvexUpsample({w.factor}, options);
}
const TensorDesc* PlannedMask(const Plan& plan) { return plan.mask(); }
void SetMask(const float* mask, RunOptions* options) { options->mask = mask; }
// Returns the value and the bound of the error.
std::pair<ref::Tensor<double>, ref::Tensor<double>> ConvexReference(const Workload& w, const ref::Tensor<float>& input,
                                                                    const ref::Tensor<float>& mask) {
  ref::ConvexUpsampleResult result = ref::ConvexUpsample({w.factor}, input, mask);
  return {std::move(result.value), std::move(result.bound)};
}
#else
constexpr bool kHasConvexUpsample = false;
StatusOr<Operator> CreateConvexUpsampleOf(const Workload&, const OperatorOptions&) {
  return Status::Unsupported("no convex_upsample");
}
const TensorDesc* PlannedMask(const Plan&) { return nullptr; }
void SetMask(const float*, RunOptions*) {}
std::pair<ref::Tensor<double>, ref::Tensor<double>> ConvexReference(const Workload&, const ref::Tensor<float>&,
                                                                    const ref::Tensor<float>&) {
  return {};
}
#endif

void FillRandom(std::vector<float>& values, std::minstd_rand& rng) {
  std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
  for (float& value : values) value = distribution(rng);
}

// Winograd's tiles of 6 inputs amplify the rounding of sums: with few channels, single outputs miss the bound of an f32
// sum by a fifth (2 of 10^6, fcn8s.upscore8).
constexpr float kAmplification = 8;

// Returns the bound with the f32 rounding of the expected value, and its own rounding.
float BoundOf(double value, double bound) {
  return static_cast<float>((bound + kRounding * std::fabs(value)) * (1 + 0x1p-20));
}

// Returns whether the library has the op and mode of the row. An op that is added here is added to Create and Reference
// as well.
bool Supports(const Workload& w) {
  if (IsResize(w)) {
    return std::any_of(std::begin(kModes), std::end(kModes), [&](const auto& mode) { return w.mode == mode.name; });
  }
  if (IsShuffle(w)) return w.mode.empty() || w.mode == "block-major";
  return IsConvTranspose(w) || IsConv(w) || w.op == "max_unpool" || (w.op == "convex_upsample" && kHasConvexUpsample);
}

}  // namespace

int64_t WeightCount(const Workload& w) {
  if (!IsConvTranspose(w) && !IsConv(w)) return 0;
  int64_t count = w.input_channels * ((IsConv(w) ? ConvOf(w).output_channels : w.output_channels) / w.groups);
  for (int axis = 0; axis < w.rank; ++axis) count *= w.kernel[axis];
  return count;
}

Operator CreateOperator(const Workload& w, const float* weights, const float* bias, const OperatorOptions& options) {
  const auto create = [&]() -> StatusOr<Operator> {
    if (!Supports(w)) return Status::Unsupported("the library has no op '%s' of this mode", w.op.c_str());
    if (IsResize(w)) return CreateResize(ResizeOf(w), options);
    if (IsShuffle(w)) return CreatePixelShuffle(PixelShuffleOf(w), options);
    if (w.op == "max_unpool") return CreateMaxUnpool(MaxUnpoolOf(w), options);
    if (w.op == "convex_upsample") return CreateConvexUpsampleOf(w, options);
    if (IsConv(w)) return CreateConv(ConvOf(w), weights, bias, options);
    return CreateConvTranspose(ConvTransposeOf(w), weights, bias, options);
  };
  StatusOr<Operator> op = create();
  if (!op.ok()) throw std::runtime_error("row '" + w.id + "': " + op.status().message());
  return *std::move(op);
}

const TensorDesc* MaskOf(const Plan& plan) { return PlannedMask(plan); }

TensorDesc InputOf(const Workload& w, const LayoutName& layout) {
  TensorDesc desc;
  desc.layout = layout.layout;
  desc.channel_block = layout.channel_block;
  desc.spatial_rank = w.rank;
  desc.n = w.n;
  desc.c = w.input_channels;
  desc.size = w.input;
  return desc;
}

Plan PlanFor(const Operator& op, const Workload& w, const Variant& variant) {
  const TensorDesc input = InputOf(w, variant.layout);
  PlanOptions options;
  options.algorithm = variant.algorithm;
  options.num_threads = variant.threads;
  if (w.op == "max_unpool") {
    options.output_size = w.size;
    options.indices = input;
    options.indices->dtype = DataType::kI32;
  }
  StatusOr<Plan> plan = op.MakePlan(input, options);
  if (!plan.ok()) throw std::runtime_error("row '" + w.id + "': " + plan.status().message());
  return *std::move(plan);
}

Problem::Problem(const Workload& workload)
    : workload_(workload), input_(workload.n, workload.input_channels, ref::ToSize3(workload.input, workload.rank)) {
  if (!Supports(workload)) Fail("the library has no op '" + workload.op + "' of this mode");
  std::minstd_rand rng(1);
  FillRandom(input_.data, rng);
  const ref::Size3 output = ref::ToSize3(OutputSize(workload), workload.rank);
  if (const int64_t weights = WeightCount(workload); weights > 0) {
    weights_.resize(static_cast<size_t>(weights));
    FillRandom(weights_, rng);
    const int64_t channels = IsConv(workload) ? ConvOf(workload).output_channels : workload.output_channels;
    if (workload.bias) bias_.resize(static_cast<size_t>(channels));
    FillRandom(bias_, rng);
  } else if (workload.op == "resize_add") {
    residual_ = ref::Tensor<float>(workload.n, workload.output_channels, output);
    FillRandom(residual_.data, rng);
  } else if (workload.op == "convex_upsample") {
    mask_ = ref::Tensor<float>(workload.n, 9 * workload.factor * workload.factor, input_.size());
    FillRandom(mask_.data, rng);
  } else if (workload.op == "max_unpool") {
    // Indices are as a pooling makes them: each one is a random element of its window.
    const ref::Size3 kernel = ref::ToSize3(workload.kernel, workload.rank);
    const ref::Size3 stride = ref::ToSize3(workload.stride, workload.rank);
    indices_ = ref::Tensor<int32_t>(input_.n, input_.c, input_.size());
    for (size_t i = 0; i < indices_.data.size(); ++i) {
      int64_t pixel = static_cast<int64_t>(i) % input_.plane();
      int64_t index = 0;
      int64_t step = 1;
      for (size_t axis = 3; axis-- > 0;) {
        const int64_t begin = pixel % input_.size()[axis] * stride[axis];
        const int64_t choices = std::min(kernel[axis], output[axis] - begin);
        index += (begin + static_cast<int64_t>(rng()) % choices) * step;
        pixel /= input_.size()[axis];
        step *= output[axis];
      }
      indices_.data[i] = static_cast<int32_t>(index);
    }
  }
}

void Problem::Fail(const std::string& what) const { throw std::runtime_error("row '" + workload_.id + "': " + what); }

Operator Problem::Create(const OperatorOptions& options) const {
  return CreateOperator(workload_, weights_.data(), workload_.bias ? bias_.data() : nullptr, options);
}

namespace {

// Returns `count` channels of one image of a tensor.
ref::Tensor<float> ChannelsOf(const ref::Tensor<float>& tensor, int64_t n, int64_t first, int64_t count) {
  ref::Tensor<float> channels(1, count, tensor.size());
  const auto begin = tensor.data.begin() + static_cast<ptrdiff_t>(tensor.Index(n, first, 0, 0, 0));
  std::copy(begin, begin + static_cast<ptrdiff_t>(channels.data.size()), channels.data.begin());
  return channels;
}

}  // namespace

ref::Tensor<float> Problem::InputChannels(int64_t n, int64_t first, int64_t count) const {
  return ChannelsOf(input_, n, first, count);
}

// The oracle is asked for one channel of one image, which is the whole answer to a smaller problem.
Problem::Plane Problem::Reference(int64_t n, int64_t c) const {
  const Workload& w = workload_;
  Plane plane{n, c, {}, {}, {}};
  const size_t pixels = static_cast<size_t>(ref::Tensor<float>(1, 1, ref::ToSize3(OutputSize(w), w.rank)).plane());
  if (IsConvTranspose(w)) {
    const int64_t group_ic = w.input_channels / w.groups;
    const int64_t group_oc = w.output_channels / w.groups;
    const int64_t taps = static_cast<int64_t>(weights_.size()) / (w.input_channels * group_oc);
    const int64_t first_ic = c / group_oc * group_ic;
    ConvTransposeAttributes a = ConvTransposeOf(w);
    a.input_channels = group_ic;
    a.output_channels = 1;
    a.groups = 1;
    std::vector<float> weights;
    for (int64_t ic = first_ic; ic < first_ic + group_ic; ++ic) {
      const auto begin = weights_.begin() + (ic * group_oc + c % group_oc) * taps;
      weights.insert(weights.end(), begin, begin + taps);
    }
    const ref::ConvResult result = ref::ConvTranspose(a, InputChannels(n, first_ic, group_ic), weights.data(),
                                                      w.bias ? &bias_[static_cast<size_t>(c)] : nullptr);
    for (size_t i = 0; i < pixels; ++i) {
      const double value = result.value.data[i];
      plane.value.push_back(static_cast<float>(value));
      plane.bound.push_back(BoundOf(value, result.Bound(i)));
    }
    plane.terms = result.terms;
  } else if (IsConv(w)) {
    ConvAttributes a = ConvOf(w);
    const int64_t block = a.output_channels / w.output_channels;
    const int64_t group_ic = w.input_channels / w.groups;
    const int64_t first_ic = c / (w.output_channels / w.groups) * group_ic;
    const auto channel_weights = static_cast<int64_t>(weights_.size()) / a.output_channels;
    a.input_channels = group_ic;
    a.output_channels = block;
    a.groups = 1;
    const ref::ConvResult result =
        ref::Conv(a, InputChannels(n, first_ic, group_ic), &weights_[static_cast<size_t>(c * block * channel_weights)],
                  w.bias ? &bias_[static_cast<size_t>(c * block)] : nullptr);
    for (size_t i = 0; i < pixels; ++i) {
      const double value = result.value.data[i];
      plane.value.push_back(static_cast<float>(value));
      plane.bound.push_back(BoundOf(value, result.Bound(i)));
    }
    plane.terms = result.terms;
  } else if (IsResize(w)) {
    ResizeAttributes a = ResizeOf(w);
    a.epilogue = {};
    const ref::Tensor<float> channel = InputChannels(n, c, 1);
    ref::Tensor<double> input(1, 1, channel.size());
    std::copy(channel.data.begin(), channel.data.end(), input.data.begin());
    const ref::ResizeResult result = ref::Resize(a, input);
    const bool add = !residual_.data.empty();
    for (size_t i = 0; i < pixels; ++i) {
      const double value = result.value.data[i] + (add ? residual_.data[residual_.Index(n, c, 0, 0, 0) + i] : 0.0);
      plane.value.push_back(static_cast<float>(value));
      const double sum_rounding = add ? kRounding * std::fabs(value) : 0;
      if (w.mode != "nearest" || add) plane.bound.push_back(BoundOf(value, result.bound.data[i] + sum_rounding));
    }
  } else if (w.op == "convex_upsample") {
    const auto [values, bounds] = ConvexReference(w, InputChannels(n, c, 1), ChannelsOf(mask_, n, 0, mask_.c));
    for (size_t i = 0; i < pixels; ++i) {
      plane.value.push_back(static_cast<float>(values.data[i]));
      plane.bound.push_back(BoundOf(values.data[i], bounds.data[i]));
    }
  } else if (w.op == "max_unpool") {
    plane.value.assign(pixels, 0.0f);
    const size_t first = input_.Index(n, c, 0, 0, 0);
    for (size_t i = first; i < first + static_cast<size_t>(input_.plane()); ++i) {
      plane.value[static_cast<size_t>(indices_.data[i])] = input_.data[i];
    }
  } else {
    const PixelShuffleAttributes a = PixelShuffleOf(w);
    int64_t block = 1;
    for (int axis = 0; axis < w.rank; ++axis) block *= w.factor;
    const bool to_space = w.op == "pixel_shuffle";
    // The input channels that belong to the output channel form a smaller shuffle of one shallow channel.
    ref::Tensor<float> input = InputChannels(n, to_space ? c * block : c / block, to_space ? block : 1);
    int64_t wanted = to_space ? 0 : c % block;
    if (a.channel_order != ChannelOrder::kCrd) {
      const int64_t shallow = to_space ? w.output_channels : w.input_channels;
      wanted = to_space ? 0 : c / shallow;
      input = ref::Tensor<float>(1, to_space ? block : 1, input_.size());
      for (int64_t k = 0; k < input.c; ++k) {
        const ref::Tensor<float> channel = InputChannels(n, to_space ? k * shallow + c : c % shallow, 1);
        std::copy(channel.data.begin(), channel.data.end(), input.data.begin() + k * channel.plane());
      }
    }
    const ref::Tensor<float> result = ref::PixelShuffle(a, input);
    const auto begin = result.data.begin() + static_cast<ptrdiff_t>(result.Index(0, wanted, 0, 0, 0));
    plane.value.assign(begin, begin + result.plane());
  }
  return plane;
}

void Problem::Check(const Plan& plan, const float* output) const {
  const TensorDesc& desc = plan.output();
  const std::string& text = plan.Describe();
  const ref::ProductError product_error(text);
  const float amplification = text.find("winograd") == std::string::npos ? 1 : kAmplification;
  const int64_t total = workload_.n * workload_.output_channels;
  if (planes_.empty()) {
    const std::array<int64_t, 3> size = OutputSize(workload_);
    double outputs = static_cast<double>(total);
    for (int axis = 0; axis < workload_.rank; ++axis) outputs *= static_cast<double>(size[axis]);
    const double steps = std::max(CostOf(workload_).flop / 2, 4.0 * outputs);
    const int64_t count = std::clamp<int64_t>(static_cast<int64_t>(kReferenceBudget / steps * total), 1, total);
    std::minstd_rand rng(1);
    for (int64_t i = 0; i < count; ++i) {  // one plane out of each of `count` equal parts
      const int64_t begin = total * i / count;
      const int64_t end = total * (i + 1) / count;
      const int64_t plane = i == 0           ? 0
                            : i == count - 1 ? total - 1
                                             : begin + static_cast<int64_t>(rng()) % (end - begin);
      planes_.push_back(Reference(plane / workload_.output_channels, plane % workload_.output_channels));
    }
  }

  const int64_t block = desc.channel_block;  // 1 but for kNchwc
  const ref::Size3 size = ref::ToSize3(desc.size, desc.spatial_rank);
  const ref::Size3 stride = ref::ToSize3(desc.stride, desc.spatial_rank);
  int64_t values = 0;
  int64_t wrong = 0;
  std::string first;
  for (const Plane& plane : planes_) {
    const float* const base = output + plane.n * desc.stride_n + plane.c / block * desc.stride_c + plane.c % block;
    size_t i = 0;
    for (int64_t z = 0; z < size[0]; ++z) {
      for (int64_t y = 0; y < size[1]; ++y) {
        for (int64_t x = 0; x < size[2]; ++x, ++i) {
          const float is = base[z * stride[0] + y * stride[1] + x * stride[2]];
          float bound = plane.bound.empty() ? 0.0f : amplification * plane.bound[i];
          if (!plane.terms.empty()) bound *= static_cast<float>(1 + product_error(plane.terms[i]));
          ++values;
          if (std::fabs(is - plane.value[i]) <= bound) continue;
          if (wrong++ == 0) {
            char numbers[96];
            std::snprintf(numbers, sizeof numbers, " is %.9g, the reference %.9g +- %.2g", is, plane.value[i], bound);
            first = "output n " + std::to_string(plane.n) + " c " + std::to_string(plane.c) + " z " +
                    std::to_string(z) + " y " + std::to_string(y) + " x " + std::to_string(x) + numbers;
          }
        }
      }
    }
  }
  if (wrong > 0) Fail(first + "; " + std::to_string(wrong) + " of " + std::to_string(values) + " values are wrong");
}

LayoutName::LayoutName(const std::string& name) : name(name) {
  static const struct {
    const char* name;
    Layout layout;
    int32_t channel_block;
  } kLayouts[] = {{"nchw", Layout::kNchw, 1},
                  {"nhwc", Layout::kNhwc, 1},
                  {"nchwc4", Layout::kNchwc, 4},
                  {"nchwc8", Layout::kNchwc, 8},
                  {"nchwc16", Layout::kNchwc, 16}};
  for (const auto& known : kLayouts) {
    if (name != known.name) continue;
    layout = known.layout;
    channel_block = known.channel_block;
    return;
  }
  throw std::runtime_error("layout '" + name + "' is not one of nchw, nhwc, nchwc4, nchwc8, nchwc16");
}

Algorithm AlgorithmOf(const std::string& name) {
  if (name == "auto") return Algorithm::kAuto;
  if (name == "subpixel") return Algorithm::kSubpixel;
  if (name == "gemm_col2im") return Algorithm::kGemmCol2im;
  if (name == "winograd") return Algorithm::kWinograd;
  if (name == "planar") return Algorithm::kPlanar;
  if (name == "matrix") return Algorithm::kMatrix;
  throw std::runtime_error("algorithm '" + name +
                           "' is not one of auto, subpixel, gemm_col2im, winograd, planar, matrix");
}

Numerics NumericsOf(const std::string& name) {
  if (name == "strict") return Numerics::kStrict;
  if (name == "default") return Numerics::kDefault;
  if (name == "fast") return Numerics::kFast;
  if (name == "bf16") return Numerics::kBf16;
  throw std::runtime_error("numerics '" + name + "' are not one of strict, default, fast, bf16");
}

namespace {

// Returns whether it is what operators take that are not asked for another one.
bool IsChosen(const std::string& name) {
  const std::vector<TargetInfo> targets = Targets();
  return std::any_of(targets.begin(), targets.end(),
                     [&](const TargetInfo& target) { return target.chosen && target.name == name; });
}

Operator CreateFor(const Problem& problem, const Variant& variant) {
  OperatorOptions options;
  if (!IsChosen(variant.target) || variant.only_target) options.isa = variant.target;
  options.numerics = variant.numerics;
  // A hint is planned without plan options, which an unpooling needs.
  if (problem.indices().data.empty()) options.input_hint = InputOf(problem.workload(), variant.layout);
  return problem.Create(options);
}

}  // namespace

void Case::Free::operator()(void* memory) const { ::operator delete (memory, std::align_val_t{kWorkspaceAlignment}); }

template <typename T>
Case::Memory<T> Case::Allocate(size_t count) {
  return Memory<T>(static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kWorkspaceAlignment})));
}

Case::Case(const Problem& problem, const Variant& variant)
    : problem_(problem),
      variant_(variant),
      op_(CreateFor(problem, variant)),
      plan_(PlanFor(op_, problem.workload(), variant)),
      output_floats_(static_cast<size_t>(ref::Extent(plan_.output()))),
      input_(Allocate<float>(static_cast<size_t>(ref::Extent(plan_.input())))),
      output_(Allocate<float>(output_floats_)),
      residual_(Allocate<float>(plan_.residual() == nullptr ? 0 : output_floats_)),
      indices_(Allocate<int32_t>(plan_.indices() == nullptr ? 0 : static_cast<size_t>(ref::Extent(*plan_.indices())))),
      mask_(Allocate<float>(MaskOf(plan_) == nullptr ? 0 : static_cast<size_t>(ref::Extent(*MaskOf(plan_))))),
      workspace_(Allocate<unsigned char>(plan_.workspace_bytes())) {
  ref::Pack(problem.input(), plan_.input(), input_.get());
  if (plan_.residual() != nullptr) ref::Pack(problem.residual(), *plan_.residual(), residual_.get());
  if (plan_.indices() != nullptr) ref::Pack(problem.indices(), *plan_.indices(), indices_.get());
  if (MaskOf(plan_) != nullptr) ref::Pack(problem.mask(), *MaskOf(plan_), mask_.get());
  std::fill(output_.get(), output_.get() + output_floats_, 0.0f);
  std::fill(workspace_.get(), workspace_.get() + plan_.workspace_bytes(), 0);
}

void Case::RunOn(const Buffers& buffers) {
  RunOptions options;
  options.workspace = buffers.workspace;
  options.workspace_bytes = plan_.workspace_bytes();
  options.residual = buffers.residual;
  options.input_indices = buffers.indices;
  SetMask(buffers.mask, &options);
  const Status status = plan_.Run(buffers.input, buffers.output, options);
  if (!status.ok()) throw std::runtime_error("row '" + problem_.workload().id + "': " + status.message());
}

void Case::Verify() {
  std::fill(output_.get(), output_.get() + output_floats_, std::numeric_limits<float>::quiet_NaN());
  Run();
  problem_.Check(plan_, output_.get());
}

void Case::CreateOperator() const { CreateFor(problem_, variant_); }

void Case::MakePlan() const { PlanFor(op_, problem_.workload(), variant_); }

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace polyphase::bench
