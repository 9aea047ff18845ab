// Every way to use the pooling ops wrongly: the Status names the attribute and its value, and nothing is written.
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

constexpr int64_t kHuge = int64_t{1} << 62;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

using W = PoolWindow;
using D = TensorDesc;

// The four ops, made of one window each; their messages name them.
struct Op {
  const char* name;
  StatusOr<Operator> (*create)(const W&);

  Operator Get() const { return *create({}); }
  MisuseTester<W> Windows(const W& right = {}) const { return {right, create, name}; }
};

constexpr Op kMaxPool = {"max_pool", [](const W& w) { return CreateMaxPool({w}); }};
constexpr Op kAvgPool = {"avg_pool", [](const W& w) { return CreateAvgPool({w}); }};
constexpr Op kMaxUnpool = {"max_unpool", [](const W& w) { return CreateMaxUnpool({w}); }};
constexpr Op kAvgUnpool = {"avg_unpool", [](const W& w) { return CreateAvgUnpool({w}); }};
constexpr Op kOps[] = {kMaxPool, kAvgPool, kMaxUnpool, kAvgUnpool};

const D kInput = D::Nchw(1, 3, 8, 8);

// A tester of the options of a plan.
MisuseTester<PlanOptions> Options(const Operator& op, const D& input, const PlanOptions& right = {}) {
  return {right, [=](const PlanOptions& options) { return op.MakePlan(input, options); }};
}

TEST(PoolStatus, Window) {
  W deep;
  deep.spatial_rank = 3;
  for (const Op& op : kOps) {
    op.Windows(deep)
        .Refuses("spatial_rank", &W::spatial_rank, {-1, 0, 4})
        .Refuses("kernel", &W::kernel, {0, -2, kMin})
        .Refuses("stride", &W::stride, {0, -2, kMin})
        .Refuses("dilation", &W::dilation, {0, -2, kMin})
        .Refuses("padding_begin", &W::padding_begin, {-1})
        .Refuses("padding_end", &W::padding_end, {-3})
        .Refuses("auto_pad", &W::auto_pad, {4, -1});
    // Axes that the op lacks are not looked at.
    op.Windows().Accepts({[](W& w) { w.kernel[2] = w.stride[2] = w.padding_begin[2] = -7; }});
  }
}

TEST(PoolStatus, WindowOfPooling) {
  const auto axis = [](SpatialSizes W::*field, size_t axis, int64_t value) {
    return [=](W& w) { (w.*field)[axis] = value; };
  };
  for (const Op& op : {kMaxPool, kAvgPool}) {
    op.Windows()
        .Refuses(
            {{"padding_begin H 2 kernel", axis(&W::padding_begin, 0, 2)},
             {"padding_end W 5 kernel 2", axis(&W::padding_end, 1, 5)},
             {"padding_begin W 1 auto_pad", [](W& w) { w.padding_begin[1] = 1, w.auto_pad = AutoPad::kSameUpper; }},
             {"dilation W " + std::to_string(kHuge), [](W& w) { w.dilation[1] = kHuge, w.kernel[1] = 4; }}})
        .Accepts({[](W& w) { w.padding_begin[0] = w.dilation[0] = 4; }});
    MisuseTester<W>(
        {}, [&](const W& w) { return op.create(w)->MakePlan(kInput); }, op.name)
        .Refuses({{"size W 8 9", axis(&W::kernel, 1, 9)}, {"size H 8 9", axis(&W::dilation, 0, 8)}});
    // Taps at -2, 3 and -1, 4 of an input of 3.
    W far;
    far.dilation[1] = 5;
    far.padding_begin[1] = far.padding_end[1] = 2;
    far.stride[1] = 1;
    EXPECT_TRUE(IsError(op.create(far)->MakePlan(D::Nchw(1, 3, 8, 3)), "dilation W 5 window 0 3"));
  }
}

TEST(PoolStatus, WindowOfUnpooling) {
  for (const Op& op : {kMaxUnpool, kAvgUnpool}) {
    op.Windows()
        .Refuses("dilation", &W::dilation, {2})
        .Refuses("ceil_mode", &W::ceil_mode, {1})
        .Refuses("auto_pad", &W::auto_pad, {3});
  }
}

TEST(PoolStatus, OtherAttributes) {
  EXPECT_TRUE(IsError(CreateMaxPool({{}, static_cast<IndexConvention>(3)}), "index_convention 3"));
  EXPECT_TRUE(IsError(CreateMaxUnpool({{}, static_cast<IndexConvention>(-1)}), "index_convention -1"));
  EXPECT_TRUE(IsError(CreateAvgPool({{}, true, -1}), "avg_pool divisor_override -1"));
  EXPECT_TRUE(IsError(CreateAvgUnpool({{}, AvgUnpoolMode::kAdjoint, true, -5}), "divisor_override -5"));
  EXPECT_TRUE(IsError(CreateAvgUnpool({{}, static_cast<AvgUnpoolMode>(2)}), "mode 2"));
  W huge;
  huge.kernel = {kHuge, kHuge};
  EXPECT_TRUE(IsError(CreateMaxPool({huge, IndexConvention::kWindow}), "kernel " + std::to_string(kHuge)));
  EXPECT_TRUE(CreateMaxPool({huge}).ok());
  OperatorOptions options;
  options.isa = "abacus";
  EXPECT_TRUE(IsError(CreateMaxPool({}, options), "isa abacus"));
  EXPECT_TRUE(IsError(CreateMaxUnpool({}, options), "isa abacus"));
}

TEST(PoolStatus, InputTensor) {
  for (const Op& op : kOps) {
    const auto plan = [op = op.Get()](const D& input) { return op.MakePlan(input); };
    MisuseTester<D>(kInput, plan)
        .Refuses({{"spatial_rank 1 2", Be(D::Make(1, 3, {8}))}, {"spatial_rank 3 2", Be(D::Make(1, 3, {8, 8, 8}))}});
    MisuseTester<D>(kInput, plan, op.name)
        .Refuses({{"input c 0", Set(&D::c, 0)}})
        .Refuses("size", &D::size, {0})
        .Accepts({Set(&D::n, 0)});
  }
  const auto plans = [](const Op& op) {
    return MisuseTester<D>(
        kInput, [op = op.Get()](const D& input) { return op.MakePlan(input); }, op.name);
  };
  for (const DataType dtype :
       {DataType::kI8, DataType::kU16, DataType::kI16, DataType::kI32, DataType::kF64, DataType::kI64, DataType::kU8}) {
    const Misuse<D> misuse = {"dtype " + std::to_string(static_cast<int>(dtype)), Set(&D::dtype, dtype)};
    plans(kAvgUnpool).Refuses({misuse});
    plans(kMaxUnpool).Accepts({misuse.change});
    if (dtype == DataType::kU8) {
      plans(kMaxPool).Accepts({misuse.change});
      plans(kAvgPool).Accepts({misuse.change});
    } else {
      plans(kMaxPool).Refuses({misuse});
      plans(kAvgPool).Refuses({misuse});
    }
  }
}

TEST(PoolStatus, OutputSize) {
  const auto to = [](int64_t h, int64_t w) { return Set(&PlanOptions::output_size, {h, w, 0}); };
  const D input = D::Nchw(1, 3, 4, 5);
  for (const Op& op : {kMaxUnpool, kAvgUnpool}) {
    W window;
    window.kernel = {3, 2};
    window.stride = {2, 3};
    EXPECT_EQ(op.create(window)->MakePlan(input)->output().size, (SpatialSizes{9, 14, 0}));
    for (const SpatialSizes& size : {SpatialSizes{8, 12, 0}, SpatialSizes{10, 16, 0}}) {
      PlanOptions options;
      options.output_size = size;
      EXPECT_EQ(op.create(window)->MakePlan(input, options)->output().size, size);
    }
    Options(*op.create(window), input)
        .Refuses({{op.name + std::string(" output_size H 7 11"), to(7, 14)},
                  {"output_size H 11 7", to(11, 14)},
                  {"output_size W 11 17", to(9, 11)},
                  {"output_size W 17 11", to(9, 17)},
                  {"output_size H 0", to(0, 14)},
                  {"output_size H -9", to(-9, 14)},
                  {"output_size W " + std::to_string(kMax), to(9, kMax)},
                  {"output_size H", to(kMin, 14)}});
    window.padding_begin = {5, 0};
    window.padding_end = {4, 0};
    EXPECT_TRUE(IsError(op.create(window)->MakePlan(input), "padding_begin H 5 0 1"));
    PlanOptions options;
    options.output_size = {1, 14};
    EXPECT_TRUE(op.create(window)->MakePlan(input, options).ok());
  }
  MaxUnpoolAttributes attributes;
  attributes.window.padding_begin = {3, 0};
  attributes.window.padding_end = {5, 0};
  attributes.indices_in_default_size = true;
  PlanOptions options;
  options.output_size = {1, 10};
  EXPECT_TRUE(IsError(CreateMaxUnpool(attributes)->MakePlan(input, options), "indices_in_default_size H 0"));
}

TEST(PoolStatus, OptionsOfOtherOps) {
  using O = PlanOptions;
  D indices;
  indices.dtype = DataType::kI64;
  for (const Op& op : kOps) {
    Options(op.Get(), kInput)
        .Refuses({{"algorithm 1", Set(&O::algorithm, Algorithm::kSubpixel)}, {"residual", Set(&O::residual, D())}});
  }
  for (const Op& op : {kMaxPool, kMaxUnpool}) Options(op.Get(), kInput).Accepts({Set(&O::indices, indices)});
  for (const Op& op : {kAvgPool, kAvgUnpool}) {
    Options(op.Get(), kInput).Refuses({{"indices", Set(&O::indices, indices)}});
  }
  for (const Op& op : {kMaxPool, kAvgPool}) {
    Options(op.Get(), kInput).Refuses({{"output_size 1", Set(&O::output_size, {1, 10})}});
  }
  Options(*CreateConvert(), kInput).Refuses({{"indices", Set(&O::indices, D())}});
}

TEST(PoolStatus, OutputTensor) {
  for (const Op& op : {kMaxPool, kAvgPool}) {
    PlanOptions options;
    options.output = D::Nchw(1, 3, 4, 4);
    Options(op.Get(), kInput, options)
        .Refuses({{"output n 2", [](PlanOptions& o) { o.output->n = 2; }},
                  {"output c 5", [](PlanOptions& o) { o.output->c = 5; }},
                  {"output size W 5 4", [](PlanOptions& o) { o.output->size[1] = 5; }},
                  {"output dtype 1", [](PlanOptions& o) { o.output->dtype = DataType::kF16; }}});
  }
}

TEST(PoolStatus, IndexTensor) {
  for (const Op& op : {kMaxPool, kMaxUnpool}) {
    const D input = op.name == kMaxPool.name ? D::Nhwc(2, 3, 8, 10) : D::Nhwc(2, 3, 4, 5);
    PlanOptions options;
    options.indices = D();
    options.indices->dtype = DataType::kI32;
    const StatusOr<Plan> good = op.Get().MakePlan(input, options);
    ASSERT_TRUE(good.ok()) << good.status().message();
    ASSERT_NE(good->indices(), nullptr);
    EXPECT_EQ(good->indices()->dtype, DataType::kI32);
    EXPECT_EQ(good->indices()->size, (SpatialSizes{4, 5, 0}));
    EXPECT_EQ(good->indices()->layout, Layout::kNchw);
    const Plan plan = *op.Get().MakePlan(input);
    EXPECT_EQ(plan.indices()->dtype, DataType::kI64);
    EXPECT_EQ(plan.indices()->layout, Layout::kNhwc);
    EXPECT_EQ(plan.indices()->stride, (SpatialSizes{15, 3, 0}));
    const auto with = [&](const D& indices) {
      PlanOptions options;
      options.indices = indices;
      return op.Get().MakePlan(input, options);
    };
    MisuseTester<D>(*options.indices, with, "indices")
        .Refuses(
            "dtype", &D::dtype,
            {static_cast<int>(DataType::kF32), static_cast<int>(DataType::kU8), static_cast<int>(DataType::kF64), 77})
        .Refuses("spatial_rank", &D::spatial_rank, {3})
        .Refuses("stride_n", &D::stride_n, {1})
        .Refuses({{"size W 4 5", Set(&D::size, {4, 4})}, {"c 4 3", Set(&D::c, 4)}});
  }
  EXPECT_EQ(CreateAvgPool({})->MakePlan(kInput)->indices(), nullptr);
}

// i32 where the last position is 2^31 - 1, and i64 beyond.
TEST(PoolStatus, IndicesThatNeedMoreBits) {
  PlanOptions options;
  options.indices = TensorDesc();
  options.indices->dtype = DataType::kI32;
  const auto plan = [&](IndexConvention convention, int64_t n, int64_t h, int64_t w) {
    return CreateMaxPool({PoolWindow(), convention})->MakePlan(TensorDesc::Nchw(n, 1, h, w), options);
  };
  EXPECT_TRUE(plan(IndexConvention::kPlane, 9, 1 << 16, 1 << 15).ok());
  EXPECT_TRUE(IsError(plan(IndexConvention::kPlane, 9, 1 << 16, (1 << 15) + 1), "indices dtype kI32 kI64"));
  EXPECT_TRUE(plan(IndexConvention::kTensor, 2, 1 << 15, 1 << 15).ok());
  EXPECT_TRUE(IsError(plan(IndexConvention::kTensor, 3, 1 << 15, 1 << 15), "indices dtype kI32 kI64"));
  EXPECT_TRUE(plan(IndexConvention::kWindow, 9, 1 << 20, 1 << 20).ok());
  const auto unpool = [&](int64_t h) {
    return CreateMaxUnpool({})->MakePlan(TensorDesc::Nchw(1, 1, h, 1 << 15), options);
  };
  EXPECT_TRUE(unpool(1 << 14).ok());
  EXPECT_TRUE(IsError(unpool((1 << 14) + 1), "indices dtype kI32 kI64"));
  options.indices->dtype = DataType::kI64;
  EXPECT_TRUE(plan(IndexConvention::kTensor, 3, 1 << 20, 1 << 20).ok());
  // Two rows of a window that are 2^31 apart.
  EXPECT_TRUE(IsError(plan(IndexConvention::kPlane, 1, 4, int64_t{1} << 31), "max_pool kernel"));
}

TEST(PoolStatus, SizesBeyond63Bits) {
  const int64_t values[] = {kMax, kHuge, int64_t{1} << 40, int64_t{1} << 31};
  // None aborts, hangs or overflows, whether it is refused or not.
  for (const int64_t kernel : values) {
    for (const int64_t stride : values) {
      for (const int64_t padding : {int64_t{0}, int64_t{1}, kernel / 2, kernel - 1}) {
        for (const int64_t dilation : {int64_t{1}, int64_t{3}, kHuge}) {
          for (const int64_t size : {int64_t{1}, int64_t{5}, int64_t{1} << 40, kHuge}) {
            PoolWindow w;
            w.spatial_rank = 1;
            w.kernel[0] = kernel;
            w.stride[0] = stride;
            w.padding_begin[0] = w.padding_end[0] = padding;
            w.dilation[0] = dilation;
            for (const bool ceil : {false, true}) {
              w.ceil_mode = ceil;
              for (const AutoPad auto_pad : {AutoPad::kNotSet, AutoPad::kSameLower}) {
                w.auto_pad = auto_pad;
                for (const Op& op : kOps) {
                  const StatusOr<Operator> made = op.create(w);
                  const Status status = made.ok() ? made->MakePlan(D::Make(1, 1, {size})).status() : made.status();
                  if (!status.ok()) {
                    EXPECT_TRUE(IsError(status, ""));
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  PoolWindow w;
  w.spatial_rank = 1;
  w.stride[0] = kMax;
  EXPECT_TRUE(IsError(CreateMaxUnpool({w})->MakePlan(TensorDesc::Make(1, 1, {2})), "max_unpool size W 2"));
  EXPECT_TRUE(CreateMaxPool({w})->MakePlan(TensorDesc::Make(1, 1, {20})).ok());
  w.stride[0] = 1;
  w.kernel[0] = kMax;
  EXPECT_TRUE(IsError(CreateMaxPool({w})->MakePlan(TensorDesc::Make(1, 1, {20})), "max_pool size W 20"));
}

// ---- Run

TEST(PoolStatus, RunBuffers) {
  const StatusOr<Plan> pool = CreateMaxPool({})->MakePlan(TensorDesc::Nchw(1, 2, 4, 4));
  const StatusOr<Plan> unpool = CreateMaxUnpool({})->MakePlan(TensorDesc::Nchw(1, 2, 2, 2));
  ASSERT_TRUE(pool.ok() && unpool.ok());
  std::vector<float> large(32, 1.0f), small(8, -7.0f);
  std::vector<int64_t> indices(9, 0);
  RunOptions run;
  run.output_indices = reinterpret_cast<char*>(indices.data()) + 4;
  EXPECT_TRUE(IsError(pool->Run(large.data(), small.data(), run), "output_indices aligned"));
  run.output_indices = large.data() + 2;
  EXPECT_TRUE(IsError(pool->Run(large.data(), small.data(), run), "output_indices overlap input"));
  std::vector<int64_t> shared(8, 0);
  run.output_indices = shared.data();
  EXPECT_TRUE(IsError(pool->Run(large.data(), shared.data(), run), "output_indices overlap output"));
  EXPECT_EQ(shared, std::vector<int64_t>(8, 0));

  EXPECT_TRUE(IsError(unpool->Run(small.data(), large.data()), "input_indices null"));
  run = {};
  run.input_indices = reinterpret_cast<char*>(indices.data()) + 4;
  EXPECT_TRUE(IsError(unpool->Run(small.data(), large.data(), run), "input_indices aligned"));
  run.input_indices = large.data();
  EXPECT_TRUE(IsError(unpool->Run(small.data(), large.data(), run), "input_indices overlap output"));
  EXPECT_EQ(large, std::vector<float>(32, 1.0f));
  EXPECT_EQ(small, std::vector<float>(8, -7.0f));
}

}  // namespace
}  // namespace polyphase::testing
