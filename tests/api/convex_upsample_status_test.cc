// Every way to use convex_upsample wrongly: the Status names the attribute and its value, and nothing is written.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/is_error.h"
#include "tests/testers/misuse_tester.h"

namespace polyphase::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int64_t kHuge = int64_t{1} << 62;

using A = ConvexUpsampleAttributes;
using D = TensorDesc;

const D kInput = D::Nchw(2, 2, 3, 5);
const D kMask = D::Nchw(2, 36, 3, 5);

A Doubling() {
  A a;
  a.factor = 2;
  return a;
}
Operator Op() { return *CreateConvexUpsample(Doubling()); }

TEST(ConvexUpsampleStatus, Attributes) {
  MisuseTester<A>(
      {}, [](const A& a) { return CreateConvexUpsample(a); }, "convex_upsample")
      .Refuses("factor", &A::factor, {0, -1, kHuge, int64_t{1} << 32, int64_t{1} << 30})
      .Refuses({{"scale inf finite", Set(&A::scale, kInf)},
                {"scale nan", Set(&A::scale, kNan)},
                {"mask_scale -inf", Set(&A::mask_scale, -kInf)},
                {"mask_scale nan", Set(&A::mask_scale, kNan)}})
      .Accepts({Set(&A::factor, 1), Set(&A::factor, 1 << 30 >> 1), Set(&A::scale, -3.0f), Set(&A::mask_scale, 0.0f)});
}

TEST(ConvexUpsampleStatus, Input) {
  const auto plan = [](const D& d) { return Op().MakePlan(d); };
  MisuseTester<D>(kInput, plan)
      .Refuses({{"spatial_rank 1 convex_upsample 2", Be(D::Make(1, 2, {3}))},
                {"spatial_rank 3 convex_upsample 2", Be(D::Make(1, 2, {3, 4, 5}))}});
  for (const DataType dtype : {DataType::kF16, DataType::kBF16, DataType::kU8, DataType::kF64}) {
    D d = kInput;
    d.dtype = dtype;
    EXPECT_EQ(plan(d).status().code(), StatusCode::kUnsupported);
    EXPECT_TRUE(IsError(plan(d), "convex_upsample input dtype kF32"));
  }
}

TEST(ConvexUpsampleStatus, Plan) {
  using O = PlanOptions;
  const auto options = [](const O& o) { return Op().MakePlan(kInput, o); };
  D output = D::Nhwc(2, 2, 6, 10);
  D rank3 = D::Make(2, 2, {1, 6, 10});
  D f16 = output;
  f16.dtype = DataType::kF16;
  MisuseTester<O>({}, options)
      .Refuses({{"output_size 4 convex_upsample", Set(&O::output_size, {4, 0, 0})},
                {"algorithm kWinograd convex_upsample", Set(&O::algorithm, Algorithm::kWinograd)},
                {"indices convex_upsample", Set(&O::indices, D())},
                {"residual convex_upsample", Set(&O::residual, D())},
                {"output spatial_rank 3", Set(&O::output, rank3)},
                {"output dtype kF16", Set(&O::output, f16)},
                {"output c 3 2", [&](O& o) { o.output = output, o.output->c = 3; }},
                {"output size H 5 6", [&](O& o) { o.output = output, o.output->size[0] = 5; }}})
      .Accepts({Set(&O::output, output), Set(&O::mask, kMask), Set(&O::mask, D())});
}

TEST(ConvexUpsampleStatus, Mask) {
  const auto with = [](const D& mask) {
    PlanOptions options;
    options.mask = mask;
    return Op().MakePlan(kInput, options);
  };
  MisuseTester<D>(kMask, with, "mask")
      .Refuses({{"c 9 factor 36", Set(&D::c, 9)},
                {"c 4 36", Set(&D::c, 4)},
                {"n 1 2", Set(&D::n, 1)},
                {"size H 6 3", [](D& d) { d.size[0] = 6; }},
                {"size W 10 5", [](D& d) { d.size[1] = 10; }},
                {"spatial_rank 3", Set(&D::spatial_rank, 3)},
                {"dtype kU8 kF32", Set(&D::dtype, DataType::kU8)},
                {"layout 7", Set(&D::layout, static_cast<Layout>(7))},
                {"channel_block 5", [](D& d) { d.layout = Layout::kNchwc, d.channel_block = 5; }},
                {"stride H 4", [](D& d) { d.stride[0] = 4; }}})
      .Accepts({[](D& d) { d.n = d.c = 0, d.size = {}; }, [](D& d) { d = d.WithLayout(Layout::kNhwc); },
                [](D& d) { d.stride[0] = 9; }});
  // All sizes and strides are filled in, and the layout is the input's where nothing is said.
  D mask;
  mask.layout = Layout::kNhwc;
  EXPECT_EQ(with(mask)->mask()->c, 36);
  EXPECT_EQ(with(mask)->mask()->n, 2);
  EXPECT_EQ(with(mask)->mask()->stride, (SpatialSizes{180, 36, 0}));
  EXPECT_EQ(Op().MakePlan(kInput.WithLayout(Layout::kNchwc, 8))->mask()->layout, Layout::kNchwc);
  EXPECT_EQ(Op().MakePlan(kInput.WithLayout(Layout::kNchwc, 8))->mask()->stride_c, 3 * 5 * 8);
}

// No other op has a mask.
TEST(ConvexUpsampleStatus, MasksOfOtherOps) {
  PlanOptions options;
  options.mask = D();
  ResizeAttributes resize;
  resize.scale = {2, 2, 0};
  const float weights[4] = {};
  ConvAttributes conv;
  conv.input_channels = conv.output_channels = 2;
  const struct {
    const char* name;
    Operator op;
  } others[] = {{"mask convert", *CreateConvert()},
                {"mask resize", *CreateResize(resize)},
                {"mask max_pool", *CreateMaxPool({})},
                {"mask conv", *CreateConv(conv, weights, nullptr)}};
  for (const auto& other : others) {
    EXPECT_TRUE(IsError(other.op.MakePlan(kInput, options), other.name));
    EXPECT_EQ(other.op.MakePlan(kInput)->mask(), nullptr);
  }
}

TEST(ConvexUpsampleStatus, SizesBeyond63Bits) {
  A a;
  a.factor = int64_t{1} << 29;
  EXPECT_TRUE(IsError(CreateConvexUpsample(a)->MakePlan(D::Nchw(1, 1, int64_t{1} << 36, 1)), "factor 536870912 H"));
  EXPECT_TRUE(IsError(CreateConvexUpsample(a)->MakePlan(D::Nchw(1, 1, 1, int64_t{1} << 36)), "factor 536870912 W"));
  EXPECT_TRUE(IsError(CreateConvexUpsample(a)->MakePlan(D::Nchw(1, 1, 2, 4)), "output 2^63"));
  // 9 * 2^58 floats.
  EXPECT_TRUE(IsError(CreateConvexUpsample(a)->MakePlan(D::Nchw(1, 1, 1, 1)), "mask 2^63"));
  a.factor = 1;
  // The scratch of a worker.
  EXPECT_TRUE(IsError(CreateConvexUpsample(a)->MakePlan(D::Nchw(1, int64_t{1} << 50, 1, 1)), "workspace 2^48"));
  EXPECT_TRUE(IsError(CreateConvexUpsample(a)->MakePlan(D::Nhwc(1, int64_t{1} << 50, 1, 1)), "workspace 2^48"));
}

TEST(ConvexUpsampleStatus, Run) {
  const Plan plan = *Op().MakePlan(D::Nchw(1, 1, 2, 3));
  const std::vector<float> marked(24, 7.0f);
  std::vector<float> input(6), mask(216), output = marked;
  RunOptions run;
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data()), "mask null"));
  run.mask = reinterpret_cast<const char*>(mask.data()) + 2;
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data(), run), "mask aligned 4"));
  run.mask = output.data() + 23;
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data(), run), "mask overlap output"));
  run.mask = mask.data();
  EXPECT_TRUE(IsError(plan.Run(nullptr, output.data(), run), "input null"));
  EXPECT_TRUE(IsError(plan.Run(input.data(), mask.data() + 215, run), "overlap output"));
  std::vector<float> large(4096);
  run.workspace = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(large.data()) + 63) / 64 * 64);
  run.workspace_bytes = 8192;
  run.mask = static_cast<float*>(run.workspace) + 16;
  ASSERT_GT(plan.workspace_bytes(), 64u);
  EXPECT_TRUE(IsError(plan.Run(input.data(), output.data(), run), "workspace overlap mask"));
  EXPECT_EQ(output, marked);
  // The mask and the input are read alone, so they may be one.
  run = {};
  run.mask = mask.data();
  EXPECT_TRUE(plan.Run(mask.data(), output.data(), run).ok());
  EXPECT_NE(output, marked);
}

}  // namespace
}  // namespace polyphase::testing
