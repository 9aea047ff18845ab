// Every way to use the pooling ops wrongly: the Status names the attribute and its value, and nothing is written.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/is_error.h"

namespace polyphase::testing {
namespace {

constexpr int64_t kHuge = int64_t{1} << 62;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

using Change = std::function<void(PoolWindow&)>;

// The four ops with one window.
std::vector<StatusOr<Operator>> CreateAll(const PoolWindow& window) {
  return {CreateMaxPool({window}), CreateAvgPool({window}), CreateMaxUnpool({window}), CreateAvgUnpool({window})};
}

constexpr const char* kNames[] = {"max_pool", "avg_pool", "max_unpool", "avg_unpool"};

// All ops refuse the window, naming themselves and `words`.
void AllRefuse(const Change& change, std::initializer_list<const char*> words) {
  PoolWindow window;
  change(window);
  const std::vector<StatusOr<Operator>> ops = CreateAll(window);
  for (size_t i = 0; i < ops.size(); ++i) {
    EXPECT_TRUE(IsError(ops[i], words));
    EXPECT_TRUE(IsError(ops[i], {kNames[i]}));
  }
}

TEST(PoolStatus, Window) {
  for (const StatusOr<Operator>& op : CreateAll({})) ASSERT_TRUE(op.ok());
  for (const int32_t rank : {-1, 0, 4}) {
    AllRefuse([&](PoolWindow& w) { w.spatial_rank = rank; }, {"spatial_rank", std::to_string(rank).c_str()});
  }
  constexpr const char* kAxes[] = {"D", "H", "W"};
  for (size_t axis = 0; axis < 3; ++axis) {
    const auto refuse = [&](SpatialSizes PoolWindow::*sizes, int64_t value, const char* name) {
      AllRefuse(
          [&](PoolWindow& w) {
            w.spatial_rank = 3;
            (w.*sizes)[axis] = value;
          },
          {name, kAxes[axis], std::to_string(value).c_str()});
    };
    for (const int64_t value : {int64_t{0}, int64_t{-2}, std::numeric_limits<int64_t>::min()}) {
      refuse(&PoolWindow::kernel, value, "kernel");
      refuse(&PoolWindow::stride, value, "stride");
      refuse(&PoolWindow::dilation, value, "dilation");
    }
    refuse(&PoolWindow::padding_begin, -1, "padding_begin");
    refuse(&PoolWindow::padding_end, -3, "padding_end");
  }
  AllRefuse([](PoolWindow& w) { w.auto_pad = static_cast<AutoPad>(4); }, {"auto_pad", "4"});
  AllRefuse([](PoolWindow& w) { w.auto_pad = static_cast<AutoPad>(-1); }, {"auto_pad", "-1"});
  // Axes that the op has not are not looked at.
  PoolWindow window;
  window.kernel[2] = window.stride[2] = window.padding_begin[2] = -7;
  for (const StatusOr<Operator>& op : CreateAll(window)) EXPECT_TRUE(op.ok());
}

TEST(PoolStatus, WindowOfPooling) {
  const auto create = [](const Change& change) {
    PoolWindow w;
    change(w);
    return std::vector<StatusOr<Operator>>{CreateMaxPool({w}), CreateAvgPool({w})};
  };
  for (const StatusOr<Operator>& op : create([](PoolWindow& w) { w.padding_begin[0] = 2; })) {
    EXPECT_TRUE(IsError(op, {"padding_begin", "H", "2", "kernel"}));
  }
  for (const StatusOr<Operator>& op : create([](PoolWindow& w) { w.padding_end[1] = 5; })) {
    EXPECT_TRUE(IsError(op, {"padding_end", "W", "5", "kernel", "2"}));
  }
  for (const StatusOr<Operator>& op : create([](PoolWindow& w) {
         w.padding_begin[0] = 4;
         w.dilation[0] = 4;
       })) {
    EXPECT_TRUE(op.ok()) << op.status().message();
  }
  for (const StatusOr<Operator>& op : create([](PoolWindow& w) {
         w.padding_begin[1] = 1;
         w.auto_pad = AutoPad::kSameUpper;
       })) {
    EXPECT_TRUE(IsError(op, {"padding_begin", "W", "1", "auto_pad"}));
  }
  for (const StatusOr<Operator>& op : create([](PoolWindow& w) {
         w.dilation[1] = kHuge;
         w.kernel[1] = 4;
       })) {
    EXPECT_TRUE(IsError(op, {"dilation", "W", std::to_string(kHuge).c_str()}));
  }
}

TEST(PoolStatus, WindowOfUnpooling) {
  for (const bool max : {false, true}) {
    const auto create = [&](const Change& change) {
      PoolWindow w;
      change(w);
      return max ? CreateMaxUnpool({w}) : CreateAvgUnpool({w});
    };
    EXPECT_TRUE(IsError(create([](PoolWindow& w) { w.dilation[1] = 2; }), {"dilation", "W", "2"}));
    EXPECT_TRUE(IsError(create([](PoolWindow& w) { w.ceil_mode = true; }), {"ceil_mode", "1"}));
    EXPECT_TRUE(IsError(create([](PoolWindow& w) { w.auto_pad = AutoPad::kValid; }), {"auto_pad", "3"}));
  }
}

TEST(PoolStatus, OtherAttributes) {
  EXPECT_TRUE(IsError(CreateMaxPool({{}, static_cast<IndexConvention>(3)}), {"index_convention", "3"}));
  EXPECT_TRUE(IsError(CreateMaxUnpool({{}, static_cast<IndexConvention>(-1)}), {"index_convention", "-1"}));
  EXPECT_TRUE(IsError(CreateAvgPool({{}, true, -1}), {"avg_pool", "divisor_override", "-1"}));
  EXPECT_TRUE(IsError(CreateAvgUnpool({{}, AvgUnpoolMode::kAdjoint, true, -5}), {"divisor_override", "-5"}));
  EXPECT_TRUE(IsError(CreateAvgUnpool({{}, static_cast<AvgUnpoolMode>(2)}), {"mode", "2"}));
  PoolWindow huge;
  huge.kernel = {kHuge, kHuge};
  EXPECT_TRUE(IsError(CreateMaxPool({huge, IndexConvention::kWindow}), {"kernel", std::to_string(kHuge).c_str()}));
  EXPECT_TRUE(CreateMaxPool({huge}).ok());
  OperatorOptions options;
  options.isa = "abacus";
  EXPECT_TRUE(IsError(CreateMaxPool({}, options), {"isa", "abacus"}));
  EXPECT_TRUE(IsError(CreateMaxUnpool({}, options), {"isa", "abacus"}));
}

TEST(PoolStatus, InputTensor) {
  const std::vector<StatusOr<Operator>> ops = CreateAll({});
  for (size_t i = 0; i < ops.size(); ++i) {
    const Operator& op = *ops[i];
    EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Make(1, 3, {8})), {"spatial_rank", "1", "2"}));
    EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Make(1, 3, {8, 8, 8})), {"spatial_rank", "3", "2"}));
    EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 0, 8, 8)), {kNames[i], "input", "c", "0"}));
    EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 3, 0, 8)), {kNames[i], "size", "H", "0"}));
    EXPECT_TRUE(IsError(op.MakePlan(TensorDesc::Nchw(1, 3, 8, 0)), {kNames[i], "size", "W", "0"}));
    EXPECT_TRUE(op.MakePlan(TensorDesc::Nchw(0, 3, 8, 8)).ok());
  }
  for (const DataType dtype :
       {DataType::kI8, DataType::kU16, DataType::kI16, DataType::kI32, DataType::kF64, DataType::kI64, DataType::kU8}) {
    TensorDesc input = TensorDesc::Nchw(1, 3, 8, 8);
    input.dtype = dtype;
    const std::string text = std::to_string(static_cast<int>(dtype));
    EXPECT_EQ(ops[0]->MakePlan(input).ok(), dtype == DataType::kU8);
    EXPECT_EQ(ops[1]->MakePlan(input).ok(), dtype == DataType::kU8);
    EXPECT_TRUE(ops[2]->MakePlan(input).ok());
    EXPECT_TRUE(IsError(ops[3]->MakePlan(input), {"avg_unpool", "dtype", text.c_str()}));
    if (dtype != DataType::kU8) {
      EXPECT_TRUE(IsError(ops[0]->MakePlan(input), {"max_pool", "dtype", text.c_str()}));
    }
  }
}

TEST(PoolStatus, WindowsAndInputs) {
  for (const bool max : {false, true}) {
    const auto plan = [&](const Change& change, const TensorDesc& input) {
      PoolWindow w;
      change(w);
      return (max ? CreateMaxPool({w}) : CreateAvgPool({w}))->MakePlan(input);
    };
    EXPECT_TRUE(
        IsError(plan([](PoolWindow& w) { w.kernel[1] = 9; }, TensorDesc::Nchw(1, 3, 8, 8)), {"size", "W", "8", "9"}));
    EXPECT_TRUE(
        IsError(plan([](PoolWindow& w) { w.dilation[0] = 8; }, TensorDesc::Nchw(1, 3, 8, 8)), {"size", "H", "8", "9"}));
    // Taps at -2, 3 and -1, 4 of an input of 3.
    EXPECT_TRUE(IsError(plan(
                            [](PoolWindow& w) {
                              w.dilation[1] = 5;
                              w.padding_begin[1] = w.padding_end[1] = 2;
                              w.stride[1] = 1;
                            },
                            TensorDesc::Nchw(1, 3, 8, 3)),
                        {"dilation", "W", "5", "window", "0", "3"}));
  }
}

TEST(PoolStatus, OutputSize) {
  for (const bool max : {false, true}) {
    PoolWindow window;
    window.kernel = {3, 2};
    window.stride = {2, 3};
    const StatusOr<Operator> op = max ? CreateMaxUnpool({window}) : CreateAvgUnpool({window});
    const TensorDesc input = TensorDesc::Nchw(1, 3, 4, 5);  // to 9 x 14
    ASSERT_EQ(op->MakePlan(input)->output().size, (SpatialSizes{9, 14, 0}));
    const auto plan = [&](const SpatialSizes& size) {
      PlanOptions options;
      options.output_size = size;
      return op->MakePlan(input, options);
    };
    EXPECT_EQ(plan({8, 12})->output().size, (SpatialSizes{8, 12, 0}));
    EXPECT_EQ(plan({10, 16})->output().size, (SpatialSizes{10, 16, 0}));
    EXPECT_TRUE(IsError(plan({7, 14}), {kNames[max ? 2 : 3], "output_size", "H", "7", "11"}));
    EXPECT_TRUE(IsError(plan({11, 14}), {"output_size", "H", "11", "7"}));
    EXPECT_TRUE(IsError(plan({9, 11}), {"output_size", "W", "11", "17"}));
    EXPECT_TRUE(IsError(plan({9, 17}), {"output_size", "W", "17", "11"}));
    EXPECT_TRUE(IsError(plan({0, 14}), {"output_size", "H", "0"}));
    EXPECT_TRUE(IsError(plan({-9, 14}), {"output_size", "H", "-9"}));
    EXPECT_TRUE(IsError(plan({9, kMax}), {"output_size", "W", std::to_string(kMax).c_str()}));
    EXPECT_TRUE(IsError(plan({std::numeric_limits<int64_t>::min(), 14}), {"output_size", "H"}));

    window.padding_begin = {5, 0};
    window.padding_end = {4, 0};
    const StatusOr<Operator> cropped = max ? CreateMaxUnpool({window}) : CreateAvgUnpool({window});
    EXPECT_TRUE(IsError(cropped->MakePlan(input), {"padding_begin", "H", "5", "0", "1"}));
    PlanOptions options;
    options.output_size = {1, 14};
    EXPECT_TRUE(cropped->MakePlan(input, options).ok());
  }
  MaxUnpoolAttributes attributes;
  attributes.window.padding_begin = {3, 0};
  attributes.window.padding_end = {5, 0};
  attributes.indices_in_default_size = true;
  PlanOptions options;
  options.output_size = {1, 10};
  EXPECT_TRUE(IsError(CreateMaxUnpool(attributes)->MakePlan(TensorDesc::Nchw(1, 3, 4, 5), options),
                      {"indices_in_default_size", "H", "0"}));
  for (const StatusOr<Operator>& op : {CreateMaxPool({}), CreateAvgPool({})}) {
    EXPECT_TRUE(IsError(op->MakePlan(TensorDesc::Nchw(1, 3, 8, 8), options), {"output_size", "1"}));
  }
}

TEST(PoolStatus, OptionsOfOtherOps) {
  const std::vector<StatusOr<Operator>> ops = CreateAll({});
  for (size_t i = 0; i < ops.size(); ++i) {
    PlanOptions options;
    options.algorithm = Algorithm::kSubpixel;
    EXPECT_TRUE(IsError(ops[i]->MakePlan(TensorDesc::Nchw(1, 3, 8, 8), options), {"algorithm", "1"}));
    options = {};
    options.residual = TensorDesc();
    EXPECT_TRUE(IsError(ops[i]->MakePlan(TensorDesc::Nchw(1, 3, 8, 8), options), {"residual"}));
    options = {};
    options.indices = TensorDesc();
    options.indices->dtype = DataType::kI64;
    EXPECT_EQ(ops[i]->MakePlan(TensorDesc::Nchw(1, 3, 8, 8), options).ok(), i % 2 == 0);
    if (i % 2 == 1) {
      EXPECT_TRUE(IsError(ops[i]->MakePlan(TensorDesc::Nchw(1, 3, 8, 8), options), {"indices"}));
    }
  }
  EXPECT_TRUE(IsError(CreateConvert()->MakePlan(TensorDesc::Nchw(1, 3, 8, 8),
                                                [] {
                                                  PlanOptions options;
                                                  options.indices = TensorDesc();
                                                  return options;
                                                }()),
                      {"indices"}));
}

TEST(PoolStatus, OutputTensor) {
  for (const StatusOr<Operator>& op : {CreateMaxPool({}), CreateAvgPool({})}) {
    const auto plan = [&](const std::function<void(TensorDesc&)>& change) {
      PlanOptions options;
      options.output = TensorDesc::Nchw(1, 3, 4, 4);
      change(*options.output);
      return op->MakePlan(TensorDesc::Nchw(1, 3, 8, 8), options);
    };
    EXPECT_TRUE(plan([](TensorDesc&) {}).ok());
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.n = 2; }), {"output", "n", "2"}));
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.c = 5; }), {"output", "c", "5"}));
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.size[1] = 5; }), {"output", "size", "W", "5", "4"}));
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.dtype = DataType::kF16; }), {"output", "dtype", "1"}));
  }
}

TEST(PoolStatus, IndexTensor) {
  for (const bool unpool : {false, true}) {
    const StatusOr<Operator> op = unpool ? CreateMaxUnpool({}) : CreateMaxPool({});
    const TensorDesc input = unpool ? TensorDesc::Nhwc(2, 3, 4, 5) : TensorDesc::Nhwc(2, 3, 8, 10);
    const auto plan = [&](const std::function<void(TensorDesc&)>& change) {
      PlanOptions options;
      options.indices = TensorDesc();
      options.indices->dtype = DataType::kI32;
      change(*options.indices);
      return op->MakePlan(input, options);
    };
    const StatusOr<Plan> good = plan([](TensorDesc&) {});
    ASSERT_TRUE(good.ok()) << good.status().message();
    ASSERT_NE(good->indices(), nullptr);
    EXPECT_EQ(good->indices()->dtype, DataType::kI32);
    EXPECT_EQ(good->indices()->size, (SpatialSizes{4, 5, 0}));
    EXPECT_EQ(good->indices()->layout, Layout::kNchw);
    EXPECT_EQ(op->MakePlan(input)->indices()->dtype, DataType::kI64);
    EXPECT_EQ(op->MakePlan(input)->indices()->layout, Layout::kNhwc);
    EXPECT_EQ(op->MakePlan(input)->indices()->stride, (SpatialSizes{15, 3, 0}));
    for (const DataType dtype : {DataType::kF32, DataType::kU8, DataType::kF64, static_cast<DataType>(77)}) {
      EXPECT_TRUE(IsError(plan([&](TensorDesc& d) { d.dtype = dtype; }),
                          {"indices", "dtype", std::to_string(static_cast<int>(dtype)).c_str()}));
    }
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.size = {4, 4}; }), {"indices", "size", "W", "4", "5"}));
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.c = 4; }), {"indices", "c", "4", "3"}));
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.spatial_rank = 3; }), {"indices", "spatial_rank", "3"}));
    EXPECT_TRUE(IsError(plan([](TensorDesc& d) { d.stride_n = 1; }), {"indices", "stride_n", "1"}));
  }
  EXPECT_EQ(CreateAvgPool({})->MakePlan(TensorDesc::Nchw(1, 3, 8, 8))->indices(), nullptr);
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
  EXPECT_TRUE(IsError(plan(IndexConvention::kPlane, 9, 1 << 16, (1 << 15) + 1), {"indices", "dtype", "kI32", "kI64"}));
  EXPECT_TRUE(plan(IndexConvention::kTensor, 2, 1 << 15, 1 << 15).ok());
  EXPECT_TRUE(IsError(plan(IndexConvention::kTensor, 3, 1 << 15, 1 << 15), {"indices", "dtype", "kI32", "kI64"}));
  EXPECT_TRUE(plan(IndexConvention::kWindow, 9, 1 << 20, 1 << 20).ok());
  const auto unpool = [&](int64_t h) {
    return CreateMaxUnpool({})->MakePlan(TensorDesc::Nchw(1, 1, h, 1 << 15), options);
  };
  EXPECT_TRUE(unpool(1 << 14).ok());
  EXPECT_TRUE(IsError(unpool((1 << 14) + 1), {"indices", "dtype", "kI32", "kI64"}));
  options.indices->dtype = DataType::kI64;
  EXPECT_TRUE(plan(IndexConvention::kTensor, 3, 1 << 20, 1 << 20).ok());
  // Two rows of a window that are 2^31 apart.
  EXPECT_TRUE(IsError(plan(IndexConvention::kPlane, 1, 4, int64_t{1} << 31), {"max_pool", "kernel"}));
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
                for (const StatusOr<Operator>& op : CreateAll(w)) {
                  if (!op.ok()) {
                    EXPECT_TRUE(IsError(op, {}));
                    continue;
                  }
                  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(1, 1, {size}));
                  if (!plan.ok()) {
                    EXPECT_TRUE(IsError(plan, {}));
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
  EXPECT_TRUE(IsError(CreateMaxUnpool({w})->MakePlan(TensorDesc::Make(1, 1, {2})), {"max_unpool", "size", "W", "2"}));
  EXPECT_TRUE(CreateMaxPool({w})->MakePlan(TensorDesc::Make(1, 1, {20})).ok());
  w.stride[0] = 1;
  w.kernel[0] = kMax;
  EXPECT_TRUE(IsError(CreateMaxPool({w})->MakePlan(TensorDesc::Make(1, 1, {20})), {"max_pool", "size", "W", "20"}));
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
  EXPECT_TRUE(IsError(pool->Run(large.data(), small.data(), run), {"output_indices", "aligned"}));
  run.output_indices = large.data() + 2;
  EXPECT_TRUE(IsError(pool->Run(large.data(), small.data(), run), {"output_indices", "overlap", "input"}));
  std::vector<int64_t> shared(8, 0);
  run.output_indices = shared.data();
  EXPECT_TRUE(IsError(pool->Run(large.data(), shared.data(), run), {"output_indices", "overlap", "output"}));
  EXPECT_EQ(shared, std::vector<int64_t>(8, 0));

  EXPECT_TRUE(IsError(unpool->Run(small.data(), large.data()), {"input_indices", "null"}));
  run = {};
  run.input_indices = reinterpret_cast<char*>(indices.data()) + 4;
  EXPECT_TRUE(IsError(unpool->Run(small.data(), large.data(), run), {"input_indices", "aligned"}));
  run.input_indices = large.data();
  EXPECT_TRUE(IsError(unpool->Run(small.data(), large.data(), run), {"input_indices", "overlap", "output"}));
  EXPECT_EQ(large, std::vector<float>(32, 1.0f));
  EXPECT_EQ(small, std::vector<float>(8, -7.0f));
}

}  // namespace
}  // namespace polyphase::testing
