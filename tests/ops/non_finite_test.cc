// An input that is infinite or NaN reaches all outputs that depend on it, and beyond these only what the headers say:
// every op, algorithm and layout, with one such input at random places.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/tensor.h"
#include "tests/testers/every_op.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A layer whose outputs show every input that they depend on: no weight is 0, and no activation hides a change.
struct Case {
  std::string name;
  StatusOr<Operator> op;
  TensorDesc input;
  // How far from outputs that depend on an input others may be that it reaches as well, along each axis, in positions
  // of `block` outputs; 0: not at all.
  SpatialSizes block{1, 1, 1};
  int64_t beside = 0;
};

std::vector<float> Weights() { return std::vector<float>(size_t{1} << 16, 0.125f); }

Case ConvTransposeOf(const std::string& name, const std::string& isa, int64_t ic, int64_t oc, int64_t groups,
                     int64_t kernel, int64_t stride, int rank = 2) {
  ConvTransposeAttributes a;
  a.spatial_rank = rank;
  a.input_channels = ic;
  a.output_channels = oc;
  a.groups = groups;
  TensorDesc input = MakeDesc(DataType::kF32, {Layout::kNchw}, 2, ic, ref::Size3{1, 9, 20}, rank);
  if (rank == 3) input.size = {3, 4, 9};
  for (int axis = 0; axis < rank; ++axis) {
    a.kernel[axis] = kernel;
    a.stride[axis] = stride;
  }
  return {name, CreateConvTranspose(a, Weights().data(), nullptr, OptionsFor(isa)), input, a.stride, 0};
}

Case ConvOf(const std::string& name, const std::string& isa, int64_t ic, int64_t oc, int64_t groups, int64_t kernel,
            int64_t upsample = 1, int64_t shuffle = 1) {
  ConvAttributes a;
  a.input_channels = ic;
  a.output_channels = oc;
  a.groups = groups;
  a.kernel = {kernel, kernel, 1};
  a.padding_begin = a.padding_end = {kernel / 2, kernel / 2, 0};
  a.upsample = {upsample, upsample, 1};
  a.shuffle = {shuffle, shuffle, 1};
  return {name,
          CreateConv(a, Weights().data(), nullptr, OptionsFor(isa)),
          TensorDesc::Nchw(2, ic, 9, 20),
          {upsample * shuffle, upsample * shuffle, 1},
          0};
}

std::vector<Case> Cases(const std::string& isa) {
  std::vector<Case> cases{
      ConvTransposeOf("4x4 s2", isa, 20, 18, 1, 4, 2),
      ConvTransposeOf("2x2 s3", isa, 20, 18, 1, 2, 3),
      ConvTransposeOf("5x5 s1", isa, 20, 18, 1, 5, 1),
      ConvTransposeOf("few outputs", isa, 20, 3, 1, 4, 2),
      ConvTransposeOf("1-D", isa, 20, 18, 1, 7, 3, 1),
      ConvTransposeOf("3-D", isa, 6, 5, 1, 3, 2, 3),
      ConvTransposeOf("depthwise 4x4 s2", isa, 20, 20, 20, 4, 2),
      ConvTransposeOf("groups 3x3 s2", isa, 20, 12, 2, 3, 2),
      ConvOf("conv", isa, 20, 18, 1, 3),
      ConvOf("conv, few outputs", isa, 20, 3, 1, 5),
      ConvOf("depthwise conv", isa, 20, 20, 20, 3),
      ConvOf("nearest conv", isa, 20, 18, 1, 3, 2),
      ConvOf("shuffled conv", isa, 20, 16, 1, 3, 1, 2),
  };
  // Resizes may read an input with the weight 0, next to outputs that it changes.
  constexpr std::pair<const char*, int64_t> kOthers[] = {{"cubic", 2},
                                                         {"linear", 2},
                                                         {"antialias", 2},
                                                         {"nearest", 0},
                                                         {"avg_pool", 0},
                                                         {"avg_unpool", 0},
                                                         {"max_pool", 0},
                                                         {"max_unpool by comparison", 0},
                                                         {"convert", 0},
                                                         {"max_unpool by scattering", 0},
                                                         {"pixel_shuffle", 0},
                                                         {"convex_upsample", 0},
                                                         {"convex_upsample by 2", 0}};
  for (const OpCase& op : EveryOp()) {
    for (const auto& [name, beside] : kOthers) {
      if (op.name == name) cases.push_back({op.name, op.create(OptionsFor(isa)), op.Input(), {1, 1, 1}, beside});
    }
  }
  ResizeAttributes pointwise;
  pointwise.scale = {2, 2, 0};
  const std::vector<float> weights = Weights();
  pointwise.pointwise = {weights.data(), nullptr, 20, 18};
  cases.push_back(
      {"pointwise", CreateResize(pointwise, OptionsFor(isa)), TensorDesc::Nchw(2, 20, 9, 11), {1, 1, 1}, 2});
  return cases;
}

// The outputs of a plan for inputs of 1 with another value at one place, in logical order.
ref::Tensor<float> OutputsOf(const Plan& plan, int64_t place, float value) {
  PlanMemory memory(plan);
  ref::Tensor<float> input(plan.input().n, plan.input().c, ref::ToSize3(plan.input().size, plan.input().spatial_rank),
                           1.0f);
  // Max pooling must not choose the other ones.
  for (size_t i = 0; i < input.data.size(); ++i) input.data[i] += static_cast<float>(i % 5) * 0.25f;
  input.data[static_cast<size_t>(place)] = value;
  std::vector<float> buffer(static_cast<size_t>(ref::Extent(plan.input())));
  ref::Pack(input, plan.input(), buffer.data());
  std::memcpy(memory.input.data(), buffer.data(), buffer.size() * sizeof(float));
  // Each element has its own index.
  if (plan.indices() != nullptr) {
    const TensorDesc& desc = *plan.indices();
    ref::Tensor<int64_t> indices(desc.n, desc.c, ref::ToSize3(desc.size, desc.spatial_rank));
    const bool in_windows = plan.Describe().find("window") != std::string::npos;
    for (size_t i = 0; i < indices.data.size(); ++i) {
      indices.data[i] = in_windows ? 0 : static_cast<int64_t>(i) % indices.plane();
    }
    ref::Pack(indices, desc, memory.indices.data());
  }
  const Status status = plan.Run(memory.input.data(), memory.output.data(), memory.Options());
  EXPECT_TRUE(status.ok()) << status.message();
  return ref::Unpack(plan.output(), reinterpret_cast<const float*>(memory.output.data()));
}

bool SameValue(float a, float b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

// The outputs that lie at most `reach` from one of `marked` along each axis, in the same plane.
std::vector<bool> Near(const ref::Tensor<float>& shape, const std::vector<bool>& marked, const ref::Size3& reach) {
  std::vector<bool> near(marked.size());
  const ref::Size3 size = shape.size();
  for (int64_t nc = 0; nc < shape.n * shape.c; ++nc) {
    for (int64_t z = 0; z < size[0]; ++z) {
      for (int64_t y = 0; y < size[1]; ++y) {
        for (int64_t x = 0; x < size[2]; ++x) {
          if (!marked[shape.Index(0, nc, z, y, x)]) continue;
          for (int64_t k = std::max<int64_t>(0, z - reach[0]); k <= std::min(size[0] - 1, z + reach[0]); ++k) {
            for (int64_t i = std::max<int64_t>(0, y - reach[1]); i <= std::min(size[1] - 1, y + reach[1]); ++i) {
              for (int64_t j = std::max<int64_t>(0, x - reach[2]); j <= std::min(size[2] - 1, x + reach[2]); ++j) {
                near[shape.Index(0, nc, k, i, j)] = true;
              }
            }
          }
        }
      }
    }
  }
  return near;
}

void Check(const Case& c, const Plan& plan, std::mt19937& rng) {
  SCOPED_TRACE(plan.Describe());
  constexpr int64_t kTileReach = 7;  // of Winograd: in positions along each axis
  const bool tiles = plan.Describe().find("winograd") != std::string::npos;
  ref::Size3 reach{};
  const int32_t rank = c.input.spatial_rank;
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t positions = tiles ? kTileReach + 1 : 1;
    reach[static_cast<size_t>(3 - rank + axis)] = std::max(c.block[axis] * positions - 1, c.beside);
  }
  const ref::Tensor<float> shape(c.input.n, c.input.c, ref::ToSize3(c.input.size, rank));
  for (int i = 0; i < (kSanitized ? 1 : 2); ++i) {
    const auto place = static_cast<int64_t>(rng() % shape.data.size());
    SCOPED_TRACE("input " + std::to_string(place));
    const ref::Tensor<float> clean = OutputsOf(plan, place, 2.0f);
    std::vector<bool> depends(clean.data.size());
    // Winograd's sums of tiles round differently where an input changes: a dependent output moves much more.
    for (const float other : {66.0f, -66.0f}) {
      const ref::Tensor<float> changed = OutputsOf(plan, place, other);
      for (size_t o = 0; o < depends.size(); ++o) {
        if (std::fabs(changed.data[o] - clean.data[o]) > (tiles ? 0.01f : 0.0f)) depends[o] = true;
      }
    }
    const std::vector<bool> may = Near(clean, depends, reach);
    for (const float value : {kNan, kInfinity, -kInfinity}) {
      const ref::Tensor<float> marked = OutputsOf(plan, place, value);
      int missing = 0, spread = 0;
      for (size_t o = 0; o < depends.size(); ++o) {
        if (std::isnan(value) && depends[o] && !std::isnan(marked.data[o])) ++missing;
        if (!may[o] && !SameValue(marked.data[o], clean.data[o])) ++spread;
      }
      EXPECT_EQ(missing, 0) << "outputs depend on a NaN and are none";
      EXPECT_EQ(spread, 0) << "outputs were changed by " << value << " that do not depend on it";
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(NonFinite, InputsReachWhatTheHeadersSay) {
  std::mt19937 rng(1);
  for (const std::string& target : SupportedTargets()) {
    for (const Case& c : Cases(target)) {
      SCOPED_TRACE(target + " " + c.name);
      ASSERT_TRUE(c.op.ok()) << c.op.status().message();
      for (const Algorithm algorithm : {Algorithm::kAuto, Algorithm::kSubpixel, Algorithm::kGemmCol2im,
                                        Algorithm::kWinograd, Algorithm::kPlanar, Algorithm::kMatrix}) {
        for (const FormatPair& formats : SomeFormatPairs(3, rng)) {
          const TensorDesc input = c.input.WithLayout(formats.first.layout, formats.first.block);
          PlanOptions options;
          options.algorithm = algorithm;
          options.num_threads = 1;
          options.output = TensorDesc();
          options.output->layout = formats.second.layout;
          options.output->channel_block = formats.second.block;
          options.output->spatial_rank = input.spatial_rank;
          const StatusOr<Plan> plan = c.op->MakePlan(input, options);
          if (!plan.ok() && algorithm != Algorithm::kAuto) continue;  // a form that the layer does not have
          ASSERT_TRUE(plan.ok()) << plan.status().message();
          Check(c, *plan, rng);
          if (HasFailure()) return;
        }
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
