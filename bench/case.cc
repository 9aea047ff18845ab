// Problem and Case: from a row's columns to the library's attributes and the oracle's, and the comparison of the two.
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

#include "polyphase/conv_transpose.h"
#include "polyphase/pixel_shuffle.h"
#include "polyphase/resize.h"
#include "tests/ref/conv_transpose.h"
#include "tests/ref/pixel_shuffle.h"
#include "tests/ref/resize.h"

namespace polyphase::bench {
namespace {

// Multiply-adds of the reference per problem; it does about 1e9 in a second.
constexpr double kReferenceBudget = 3e8;
// Relative error of one f32 rounding.
constexpr double kRounding = 0x1p-24;

bool IsShuffle(const Workload& w) { return w.op == "pixel_shuffle" || w.op == "pixel_unshuffle"; }

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

ResizeAttributes ResizeOf(const Workload& w) {
  const PyTorchMode mode = w.mode == "nearest"    ? PyTorchMode::kNearest
                           : w.mode == "bilinear" ? PyTorchMode::kBilinear
                                                  : PyTorchMode::kBicubic;
  ResizeAttributes a = ResizeAttributes::PyTorch(mode, w.align_corners);
  a.spatial_rank = w.rank;
  a.size = w.size;
  for (int axis = 0; axis < w.rank; ++axis) a.scale[axis] = static_cast<double>(w.factor);
  return a;
}

PixelShuffleAttributes PixelShuffleOf(const Workload& w) {
  PixelShuffleAttributes a;
  a.spatial_rank = w.rank;
  a.factor = w.factor;
  a.direction = w.op == "pixel_shuffle" ? ShuffleDirection::kDepthToSpace : ShuffleDirection::kSpaceToDepth;
  return a;
}

void FillRandom(std::vector<float>& values, std::minstd_rand& rng) {
  std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
  for (float& value : values) value = distribution(rng);
}

// f32 rounding of what is expected is part of the bound, and the bound's own rounding too.
float BoundOf(double value, double bound) {
  return static_cast<float>((bound + kRounding * std::fabs(value)) * (1 + 0x1p-20));
}

}  // namespace

bool Problem::Supports(const Workload& w) {
  if (w.rank != 2) return false;
  if (w.op == "resize") return w.mode == "nearest" || w.mode == "bilinear" || w.mode == "bicubic";
  if (IsShuffle(w)) return w.mode.empty();
  return w.op == "conv_transpose2d";
}

Problem::Problem(const Workload& workload)
    : workload_(workload), input_(workload.n, workload.input_channels, workload.input[0], workload.input[1]) {
  if (!Supports(workload)) Fail("the library has no op '" + workload.op + "' of this rank and mode");
  std::minstd_rand rng(1);
  FillRandom(input_.data, rng);
  if (workload.op == "conv_transpose2d") {
    weights_.resize(static_cast<size_t>(workload.input_channels * (workload.output_channels / workload.groups) *
                                        workload.kernel[0] * workload.kernel[1]));
    FillRandom(weights_, rng);
    if (workload.bias) bias_.resize(static_cast<size_t>(workload.output_channels));
    FillRandom(bias_, rng);
  }
}

void Problem::Fail(const std::string& what) const { throw std::runtime_error("row '" + workload_.id + "': " + what); }

Operator Problem::Create(const OperatorOptions& options) const {
  StatusOr<Operator> op = workload_.op == "resize" ? CreateResize(ResizeOf(workload_), options)
                          : IsShuffle(workload_)
                              ? CreatePixelShuffle(PixelShuffleOf(workload_), options)
                              : CreateConvTranspose(ConvTransposeOf(workload_), weights_.data(),
                                                    workload_.bias ? bias_.data() : nullptr, options);
  if (!op.ok()) Fail(op.status().message());
  return *std::move(op);
}

ref::Tensor<float> Problem::InputChannels(int64_t n, int64_t first, int64_t count) const {
  ref::Tensor<float> channels(1, count, input_.h, input_.w);
  const auto begin = input_.data.begin() + static_cast<ptrdiff_t>(input_.Index(n, first, 0, 0));
  std::copy(begin, begin + static_cast<ptrdiff_t>(channels.data.size()), channels.data.begin());
  return channels;
}

// The oracle is asked for one channel of one image, which is the whole answer to a smaller problem.
Problem::Plane Problem::Reference(int64_t n, int64_t c) const {
  const Workload& w = workload_;
  Plane plane{n, c, {}, {}};
  if (w.op == "conv_transpose2d") {
    const int64_t group_ic = w.input_channels / w.groups;
    const int64_t group_oc = w.output_channels / w.groups;
    const int64_t taps = w.kernel[0] * w.kernel[1];
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
    const ref::ConvTransposeResult result = ref::ConvTranspose(a, InputChannels(n, first_ic, group_ic), weights.data(),
                                                               w.bias ? &bias_[static_cast<size_t>(c)] : nullptr);
    for (int64_t y = 0; y < result.value.h; ++y) {
      for (int64_t x = 0; x < result.value.w; ++x) {
        const double value = result.value(0, 0, y, x);
        plane.value.push_back(static_cast<float>(value));
        plane.bound.push_back(BoundOf(value, result.Bound(a.epilogue, 0, 0, y, x)));
      }
    }
  } else if (w.op == "resize") {
    const ref::Tensor<double> result = ref::Resize(ResizeOf(w), InputChannels(n, c, 1));
    for (const double value : result.data) plane.value.push_back(static_cast<float>(value));
    // Inputs are at most 1. In units of kRounding: a linear weight is off by 1, and two passes over two taps round 6
    // times; the Horner form of a cubic weight has terms up to 6 and is off by 30 at most, so that the 4 + 4 weights of
    // an output, each times the other axis's sum of |weights| (1.4), give 2 * (7 + 30) * 2 * 1.4, and their sums 20.
    // A wrong tap is off by a thousand times as much.
    const double roundings = w.mode == "bilinear" ? 16 : 256;
    if (w.mode != "nearest") plane.bound.assign(plane.value.size(), static_cast<float>(roundings * kRounding));
  } else {
    const int64_t block = w.factor * w.factor;
    const bool to_space = w.op == "pixel_shuffle";
    const ref::Tensor<float> result = ref::PixelShuffle(
        PixelShuffleOf(w), to_space ? InputChannels(n, c * block, block) : InputChannels(n, c / block, 1));
    const auto begin = result.data.begin() + static_cast<ptrdiff_t>(result.Index(0, to_space ? 0 : c % block, 0, 0));
    plane.value.assign(begin, begin + result.h * result.w);
  }
  return plane;
}

void Problem::Check(const TensorDesc& desc, const float* output) const {
  const int64_t total = workload_.n * workload_.output_channels;
  if (planes_.empty()) {
    const std::array<int64_t, 3> size = OutputSize(workload_);
    const double steps = std::max(CostOf(workload_).flop / 2, 4.0 * total * size[0] * size[1]);
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
  int64_t values = 0;
  int64_t wrong = 0;
  std::string first;
  for (const Plane& plane : planes_) {
    const float* const base = output + plane.n * desc.stride_n + plane.c / block * desc.stride_c + plane.c % block;
    for (int64_t y = 0; y < desc.size[0]; ++y) {
      for (int64_t x = 0; x < desc.size[1]; ++x) {
        const size_t i = static_cast<size_t>(y * desc.size[1] + x);
        const float is = base[y * desc.stride[0] + x * desc.stride[1]];
        const float bound = plane.bound.empty() ? 0.0f : plane.bound[i];
        ++values;
        if (std::fabs(is - plane.value[i]) <= bound) continue;
        if (wrong++ == 0) {
          char numbers[96];
          std::snprintf(numbers, sizeof numbers, " is %.9g, the reference %.9g +- %.2g", is, plane.value[i], bound);
          first = "output n " + std::to_string(plane.n) + " c " + std::to_string(plane.c) + " y " + std::to_string(y) +
                  " x " + std::to_string(x) + numbers;
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

namespace {

Plan MakePlan(const Problem& problem, const Variant& variant) {
  const ref::Tensor<float>& input = problem.input();
  const TensorDesc desc = TensorDesc::Nchw(input.n, input.c, input.h, input.w)
                              .WithLayout(variant.layout.layout, variant.layout.channel_block);
  OperatorOptions options;
  options.isa = variant.target;
  options.input_hint = desc;
  PlanOptions plan_options;
  plan_options.algorithm = variant.algorithm;
  plan_options.num_threads = variant.threads;
  StatusOr<Plan> plan = problem.Create(options).MakePlan(desc, plan_options);
  if (!plan.ok()) throw std::runtime_error("row '" + problem.workload().id + "': " + plan.status().message());
  return *std::move(plan);
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
      plan_(MakePlan(problem, variant)),
      output_floats_(static_cast<size_t>(ref::Extent(plan_.output()))),
      input_(Allocate<float>(static_cast<size_t>(ref::Extent(plan_.input())))),
      output_(Allocate<float>(output_floats_)),
      workspace_(Allocate<unsigned char>(plan_.workspace_bytes())) {
  ref::Pack(problem.input(), plan_.input(), input_.get());
  std::fill(output_.get(), output_.get() + output_floats_, 0.0f);
  std::fill(workspace_.get(), workspace_.get() + plan_.workspace_bytes(), 0);
}

void Case::Run() {
  RunOptions options;
  options.workspace = workspace_.get();
  options.workspace_bytes = plan_.workspace_bytes();
  const Status status = plan_.Run(input_.get(), output_.get(), options);
  if (!status.ok()) throw std::runtime_error("row '" + problem_.workload().id + "': " + status.message());
}

void Case::Verify() {
  std::fill(output_.get(), output_.get() + output_floats_, std::numeric_limits<float>::quiet_NaN());
  Run();
  problem_.Check(plan_.output(), output_.get());
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace polyphase::bench
