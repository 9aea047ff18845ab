// Pooling and its inverses: every convention, layout, element type, size rule and corner case against the oracle.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/pool_tester.h"

namespace polyphase::testing {
namespace {

constexpr DataType kPoolTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8};
constexpr DataType kAvgUnpoolTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16};
constexpr DataType kAllTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8,  DataType::kI8,
                                  DataType::kU16, DataType::kI16, DataType::kI32,  DataType::kF64, DataType::kI64};
constexpr DataType kOneOfEachSize[] = {DataType::kU8, DataType::kF16, DataType::kF32, DataType::kF64};
constexpr DataType kIndexTypes[] = {DataType::kI32, DataType::kI64};
constexpr IndexConvention kConventions[] = {IndexConvention::kPlane, IndexConvention::kTensor,
                                            IndexConvention::kWindow};

PoolWindow WithCeil(PoolWindow w) {
  w.ceil_mode = true;
  return w;
}

PoolWindow WithAutoPad(PoolWindow w, AutoPad auto_pad) {
  w.auto_pad = auto_pad;
  return w;
}

// Different numbers on every axis.
PoolWindow Uneven() {
  PoolWindow w;
  w.spatial_rank = 3;
  w.kernel = {2, 3, 4};
  w.stride = {1, 2, 3};
  w.padding_begin = {1, 0, 2};
  w.padding_end = {0, 1, 1};
  w.dilation = {2, 1, 1};
  return w;
}

// Usual windows, and some that overlap, have gaps, stick out.
std::vector<PoolWindow> Windows2D() {
  return {MakeWindow(2, 2, 2),      MakeWindow(2, 3, 2, 1),
          MakeWindow(2, 3, 1, 1),   MakeWindow(2, 3, 3),
          MakeWindow(2, 1, 2),      MakeWindow(2, 2, 3),
          MakeWindow(2, 5, 1, 4),   MakeWindow(2, 4, 3, 2),
          MakeWindow(2, 2, 1, 0),   WithCeil(MakeWindow(2, 3, 2, 1)),
          MakeWindow(2, 2, 1, 1, 2)};
}

// ---- MaxPool

TEST(MaxPool, WindowsTypesAndConventions) {
  uint32_t seed = 1;
  for (const PoolWindow& window : Windows2D()) {
    for (const DataType type : kPoolTypes) {
      for (const IndexConvention convention : kConventions) {
        for (const DataType index_type : kIndexTypes) {
          MaxPoolTester(window)
              .Input(2, 5, {9, 11})
              .Type(type)
              .Convention(convention)
              .IndexType(index_type)
              .Seed(seed++)
              .Run();
        }
      }
    }
  }
}

TEST(MaxPool, EveryPairOfLayouts) {
  for (const DataType type : kPoolTypes) {
    for (const int64_t channels : {3, 16, 37}) {
      MaxPoolTester(MakeWindow(2, 3, 2, 1)).Input(2, channels, {7, 10}).Type(type).Formats(AllFormatPairs()).Run();
    }
  }
}

TEST(MaxPool, ColumnMajor) {
  for (const IndexConvention convention : kConventions) {
    for (const int32_t rank : {1, 2, 3}) {
      const std::vector<int64_t> size = {5, 6, 7};
      MaxPoolTester(MakeWindow(rank, 3, 2, 1))
          .Input(2, 18, {size.begin(), size.begin() + rank})
          .Convention(convention, true)
          .Run();
    }
  }
}

TEST(MaxPool, OneAndThreeAxes) {
  for (const IndexConvention convention : kConventions) {
    for (int64_t w : {1, 2, 3, 17, 40}) {
      MaxPoolTester(MakeWindow(1, 3, 2, 1)).Input(2, 20, {w}).Convention(convention).Run();
    }
    MaxPoolTester(MakeWindow(1, 7, 3, 3, 2)).Input(1, 3, {57}).Convention(convention).Run();
    MaxPoolTester(MakeWindow(3, 2, 2)).Input(2, 17, {4, 6, 8}).Convention(convention).Run();
    MaxPoolTester(MakeWindow(3, 3, 2, 1)).Input(1, 5, {5, 6, 7}).Convention(convention).Run();
    MaxPoolTester(Uneven()).Input(2, 4, {5, 7, 9}).Convention(convention).Run();
    MaxPoolTester(WithCeil(Uneven())).Input(2, 4, {6, 6, 8}).Convention(convention).Run();
  }
}

TEST(MaxPool, CeilModeAndSizes) {
  for (int64_t in = 1; in <= 12; ++in) {
    for (const int64_t kernel : {1, 2, 3, 5}) {
      for (const int64_t stride : {1, 2, 3, 6}) {
        for (int64_t padding = 0; padding < kernel; padding += 2) {
          PoolWindow window = WithCeil(MakeWindow(1, kernel, stride, padding));
          for (const bool ceil : {false, true}) {
            window.ceil_mode = ceil;
            if (ref::PoolWindows(window, {1, 1, in}).pooled[2] == 0) {
              const StatusOr<Operator> op = CreateMaxPool({window});
              ASSERT_TRUE(op.ok()) << op.status().message();
              EXPECT_FALSE(op->MakePlan(TensorDesc::Make(1, 1, {in})).ok());
            } else {
              MaxPoolTester(window).Input(1, 3, {in}).Formats({{kFormats[in % 5], kFormats[kernel % 5]}}).Run();
            }
          }
        }
      }
    }
  }
}

TEST(MaxPool, PyTorchCeilModeDropsAWindowThatBeginsInThePadding) {
  const StatusOr<Operator> op = CreateMaxPool({WithCeil(MakeWindow(1, 2, 3))});
  ASSERT_TRUE(op.ok());
  EXPECT_EQ(op->MakePlan(TensorDesc::Make(1, 1, {7}))->output().size[0], 3);
  const StatusOr<Operator> padded = CreateMaxPool({WithCeil(MakeWindow(1, 3, 3, 1))});
  ASSERT_TRUE(padded.ok());
  // ceil((5 + 2 - 3) / 3) + 1 = 3, whose last window would begin at 6 - 1 = 5.
  EXPECT_EQ(padded->MakePlan(TensorDesc::Make(1, 1, {5}))->output().size[0], 2);
}

TEST(MaxPool, AutoPad) {
  for (const AutoPad auto_pad : {AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
    for (int64_t in = 5; in <= 9; ++in) {
      for (const int64_t stride : {1, 2, 3}) {
        for (const int64_t kernel : {2, 3, 4}) {
          MaxPoolTester(WithAutoPad(MakeWindow(2, kernel, stride), auto_pad)).Input(1, 4, {in, in + 3}).Run();
          AvgPoolTester(WithAutoPad(MakeWindow(2, kernel, stride), auto_pad))
              .Input(1, 4, {in, in + 3})
              .CountIncludePad(in % 2 == 0)
              .Run();
        }
        MaxPoolTester(WithAutoPad(MakeWindow(1, 3, stride, 0, 2), auto_pad)).Input(1, 4, {in}).Run();
      }
    }
  }
}

TEST(MaxPool, TiesNansAndInfinities) {
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16}) {
      MaxPoolTester(MakeWindow(2, 3, 2, 1)).Input(2, 19, {8, 9}).Type(type).Values(Fill::kNonFinite).Seed(seed).Run();
      MaxPoolTester(MakeWindow(2, 2, 2)).Input(1, 3, {8, 9}).Type(type).Values(Fill::kMinInfinity).Seed(seed).Run();
      MaxPoolTester(MakeWindow(2, 3, 2, 2)).Input(1, 3, {8, 9}).Type(type).Values(Fill::kMinInfinity).Seed(seed).Run();
    }
    MaxPoolTester(MakeWindow(2, 3, 1, 1)).Input(1, 3, {8, 9}).Values(Fill::kUniform).Seed(seed).Run();
  }
}

TEST(MaxPool, KnownCases) {
  const float nan = std::nanf("");
  const float inf = std::numeric_limits<float>::infinity();
  const StatusOr<Operator> op = CreateMaxPool({MakeWindow(1, 4, 4)});
  ASSERT_TRUE(op.ok());
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(1, 1, {20}));
  ASSERT_TRUE(plan.ok());
  const std::vector<float> in = {1,    3,    3,     2,    nan,  1,  nan, 5,   -inf, -inf,
                                 -inf, -inf, -0.0f, 0.0f, 0.0f, -1, inf, nan, inf,  2};
  std::vector<float> out(5);
  std::vector<int64_t> indices(5);
  RunOptions run;
  run.output_indices = indices.data();
  ASSERT_TRUE(plan->Run(in.data(), out.data(), run).ok());
  EXPECT_EQ(indices, (std::vector<int64_t>{1, 6, 8, 12, 17}));
  EXPECT_EQ(out[0], 3.0f);
  EXPECT_TRUE(std::isnan(out[1]));
  EXPECT_EQ(out[2], -inf);
  EXPECT_TRUE(std::signbit(out[3]));  // the first of equals
  EXPECT_TRUE(std::isnan(out[4]));
}

TEST(MaxPool, WidthsChannelsAndTails) {
  for (int64_t size = 1; size <= 50; size += kSanitized ? 7 : 1) {
    MaxPoolTester(MakeWindow(2, 3, 1, 1)).Input(1, 17, {2, size}).Seed(static_cast<uint32_t>(size)).Run();
    MaxPoolTester(MakeWindow(2, 2, 2)).Input(1, size, {4, 5}).Seed(static_cast<uint32_t>(size)).Run();
  }
}

// Boxes of more rows and columns than a strip holds.
TEST(Pool, LargeWindows) {
  const PoolWindow global = MakeWindow(2, 1000, 1000, 0);
  PoolWindow padded = MakeWindow(2, 1000, 333, 500);
  const std::vector<FormatPair> formats = {{kFormats[0], kFormats[0]}, {kFormats[4], kFormats[1]}};
  MaxPoolTester(MakeWindow(2, 300, 300)).Input(1, 3, {300, 300}).Values(Fill::kUniform).Formats(formats).Run();
  MaxPoolTester(padded).Input(1, 2, {70, 90}).Values(Fill::kUniform).Formats(formats).Run();
  AvgPoolTester(MakeWindow(2, 300, 300)).Input(1, 3, {300, 300}).Formats(formats).Run();
  AvgPoolTester(padded).Input(1, 2, {70, 90}).CountIncludePad(false).Formats(formats).Run();
  AvgUnpoolTester(MakeWindow(2, 40, 1, 3)).Mode(AvgUnpoolMode::kCopy).Input(1, 2, {70, 40}).Formats(formats).Run();

  const StatusOr<Operator> op = CreateMaxPool({global});
  ASSERT_TRUE(op.ok());
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, 1, 1000, 1000));
  ASSERT_TRUE(plan.ok());
  EXPECT_LT(plan->workspace_bytes(), size_t{2} << 20);
  std::vector<float> in(1000 * 1000);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i * 7919 % in.size());
  float out = 0;
  int64_t index = 0;
  RunOptions run;
  run.output_indices = &index;
  ASSERT_TRUE(plan->Run(in.data(), &out, run).ok());
  EXPECT_EQ(out, static_cast<float>(in.size() - 1));
  EXPECT_EQ(index, std::max_element(in.begin(), in.end()) - in.begin());
}

TEST(Pool, LongRowsAndLargeStrides) {
  const std::vector<FormatPair> formats = {{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[4]}};
  MaxPoolTester(MakeWindow(1, 3, 2, 1)).Input(1, 2, {20001}).Formats(formats).Run();
  MaxPoolTester(MakeWindow(1, 5, 1000)).Input(1, 2, {40001}).Formats(formats).Run();
  MaxPoolTester(MakeWindow(1, 3, 1, 0, 5000)).Input(1, 2, {20001}).Formats(formats).Run();
  AvgPoolTester(MakeWindow(1, 3, 2, 1)).Input(1, 18, {9001}).Formats(formats).Run();
  AvgUnpoolTester(MakeWindow(1, 3, 2, 1)).Input(1, 2, {9001}).Formats(formats).Run();
  AvgUnpoolTester(MakeWindow(1, 3, 1000)).Input(1, 2, {30}).Formats(formats).Run();
  MaxUnpoolTester(MakeWindow(1, 2, 2)).Input(1, 2, {9001}).Formats(formats).Run();
  MaxUnpoolTester(MakeWindow(1, 2, 2)).Input(1, 20, {3001}).Formats(formats).Run();
}

TEST(Pool, StridesUpTo63Bits) {
  for (const int64_t stride : {std::numeric_limits<int64_t>::max() - 1, std::numeric_limits<int64_t>::max()}) {
    for (const PoolWindow& window : {MakeWindow(2, 3, stride), MakeWindow(2, 3, stride, 1)}) {
      MaxPoolTester(window).Input(1, 2, {5, 4}).Run();
      MaxPoolTester(WithCeil(window)).Input(1, 2, {5, 4}).Run();
      AvgPoolTester(window).Input(1, 2, {5, 4}).Run();
    }
  }
}

TEST(Pool, KernelLargerThanTheInput) {
  MaxPoolTester(MakeWindow(2, 5, 1, 2)).Input(1, 4, {1, 2}).Run();
  MaxPoolTester(MakeWindow(2, 9, 4, 8)).Input(1, 4, {3, 1}).Run();
  AvgPoolTester(MakeWindow(2, 5, 1, 2)).Input(1, 4, {1, 2}).Run();
  AvgPoolTester(MakeWindow(2, 5, 1, 2)).Input(1, 4, {1, 2}).CountIncludePad(false).Run();
  MaxPoolTester(WithCeil(MakeWindow(2, 3, 4))).Input(1, 4, {1, 2}).Run();
}

TEST(Pool, OneInput) {
  for (const PoolWindow& window : {MakeWindow(2, 1, 1), MakeWindow(2, 2, 2), MakeWindow(2, 3, 5)}) {
    AvgUnpoolTester(window).Input(1, 3, {1, 1}).Run();
    MaxUnpoolTester(window).Input(1, 3, {1, 1}).Run();
  }
  MaxPoolTester(MakeWindow(2, 1, 1)).Input(1, 3, {1, 1}).Run();
  AvgPoolTester(MakeWindow(2, 3, 1, 1)).Input(1, 3, {1, 1}).Run();
}

// ---- AvgPool

TEST(AvgPool, WindowsTypesAndDivisors) {
  uint32_t seed = 1;
  for (const PoolWindow& window : Windows2D()) {
    for (const DataType type : kPoolTypes) {
      for (const Fill fill : {Fill::kIntegers, Fill::kUniform}) {
        if (type == DataType::kU8 && fill == Fill::kUniform) continue;  // sums of 255s are integers too
        for (const bool include : {false, true}) {
          AvgPoolTester(window)
              .Input(2, 5, {9, 11})
              .Type(type)
              .Values(fill)
              .CountIncludePad(include)
              .Seed(seed++)
              .Run();
        }
        AvgPoolTester(window).Input(1, 20, {9, 11}).Type(type).Values(fill).Divisor(7).Seed(seed++).Run();
      }
    }
  }
}

TEST(AvgPool, EveryPairOfLayouts) {
  for (const DataType type : kPoolTypes) {
    for (const int64_t channels : {3, 16, 37}) {
      AvgPoolTester(MakeWindow(2, 3, 2, 1)).Input(2, channels, {7, 10}).Type(type).Formats(AllFormatPairs()).Run();
    }
  }
}

// Windows of ceil_mode that stick out of the padding count only what is in it (PyTorch).
TEST(AvgPool, CeilMode) {
  for (int64_t in = 2; in <= 10; ++in) {
    for (const int64_t padding : {0, 1, 2}) {
      for (const bool include : {false, true}) {
        AvgPoolTester(WithCeil(MakeWindow(2, 3, 2, padding))).Input(1, 3, {in, in + 1}).CountIncludePad(include).Run();
        AvgPoolTester(WithCeil(MakeWindow(1, 4, 3, padding))).Input(1, 3, {in}).CountIncludePad(include).Run();
      }
    }
  }
}

TEST(AvgPool, OneAndThreeAxesAndDilation) {
  for (const bool include : {false, true}) {
    AvgPoolTester(MakeWindow(1, 3, 2, 1)).Input(2, 20, {15}).CountIncludePad(include).Run();
    AvgPoolTester(MakeWindow(1, 3, 2, 2, 2)).Input(2, 20, {15}).CountIncludePad(include).Run();
    AvgPoolTester(MakeWindow(3, 2, 2)).Input(2, 17, {4, 6, 8}).CountIncludePad(include).Run();
    AvgPoolTester(Uneven()).Input(2, 4, {5, 7, 9}).CountIncludePad(include).Run();
    AvgPoolTester(WithCeil(Uneven())).Input(2, 4, {6, 6, 8}).CountIncludePad(include).Run();
  }
}

TEST(AvgPool, U8RoundsHalfToEven) {
  const StatusOr<Operator> op = CreateAvgPool({MakeWindow(1, 2, 2)});
  ASSERT_TRUE(op.ok());
  TensorDesc desc = TensorDesc::Make(1, 1, {8});
  desc.dtype = DataType::kU8;
  const StatusOr<Plan> plan = op->MakePlan(desc);
  ASSERT_TRUE(plan.ok());
  const std::vector<uint8_t> in = {0, 1, 1, 2, 2, 3, 255, 254};
  std::vector<uint8_t> out(4);
  ASSERT_TRUE(plan->Run(in.data(), out.data()).ok());
  EXPECT_EQ(out, (std::vector<uint8_t>{0, 2, 2, 254}));
}

TEST(AvgPool, NonFiniteInputsReachOnlyTheirOutputs) {
  AvgPoolTester(MakeWindow(2, 2, 2)).Input(1, 18, {6, 8}).Values(Fill::kNonFinite).Run();
  AvgUnpoolTester(MakeWindow(2, 2, 2)).Input(1, 18, {6, 8}).Values(Fill::kNonFinite).Run();
}

// ---- AvgUnpool

TEST(AvgUnpool, WindowsTypesAndModes) {
  uint32_t seed = 1;
  for (PoolWindow window : Windows2D()) {
    window.ceil_mode = false;
    window.dilation = {1, 1, 1};
    for (const DataType type : kAvgUnpoolTypes) {
      for (const bool include : {false, true}) {
        for (const Fill fill : {Fill::kIntegers, Fill::kUniform}) {
          AvgUnpoolTester(window)
              .Input(2, 5, {6, 7})
              .Type(type)
              .Values(fill)
              .CountIncludePad(include)
              .Seed(seed++)
              .Run();
        }
      }
      AvgUnpoolTester(window).Input(1, 20, {6, 7}).Type(type).Divisor(5).Seed(seed++).Run();
      AvgUnpoolTester(window).Input(1, 20, {6, 7}).Type(type).Mode(AvgUnpoolMode::kCopy).Seed(seed++).Run();
    }
  }
}

TEST(AvgUnpool, EveryPairOfLayouts) {
  for (const DataType type : kAvgUnpoolTypes) {
    for (const int64_t channels : {3, 16, 37}) {
      AvgUnpoolTester(MakeWindow(2, 3, 2, 1)).Input(2, channels, {4, 6}).Type(type).Formats(AllFormatPairs()).Run();
      AvgUnpoolTester(MakeWindow(2, 2, 2))
          .Mode(AvgUnpoolMode::kCopy)
          .Input(2, channels, {4, 6})
          .Type(type)
          .Formats(AllFormatPairs())
          .Run();
    }
  }
}

TEST(AvgUnpool, OneAndThreeAxesAndAsymmetricPadding) {
  PoolWindow uneven = Uneven();
  uneven.dilation = {1, 1, 1};
  for (const bool include : {false, true}) {
    AvgUnpoolTester(MakeWindow(1, 3, 2, 1)).Input(2, 20, {15}).CountIncludePad(include).Run();
    AvgUnpoolTester(MakeWindow(3, 2, 2)).Input(2, 17, {2, 3, 4}).CountIncludePad(include).Run();
    AvgUnpoolTester(uneven).Input(2, 4, {5, 4, 3}).CountIncludePad(include).Run();
    // More padding than a window is long.
    AvgUnpoolTester(MakeWindow(1, 2, 2, 5)).Input(2, 3, {9}).CountIncludePad(include).Run();
  }
}

TEST(AvgUnpool, OutputSizesAtBothEnds) {
  for (const int64_t stride : {1, 2, 3}) {
    for (const int64_t kernel : {1, 2, 3, 4}) {
      const PoolWindow window = MakeWindow(1, kernel, stride);
      const int64_t natural = 3 * stride + kernel;
      for (int64_t size = natural - stride + 1; size < natural + stride; ++size) {
        for (const bool include : {false, true}) {
          AvgUnpoolTester(window).Input(1, 3, {4}).OutputSize({size}).CountIncludePad(include).Run();
        }
      }
    }
  }
}

// <pool(x), y> = <x, unpool(y)> in integers: values and sums stay below 2^24.
TEST(AvgUnpool, IsTheAdjointOfAvgPool) {
  for (const int64_t divisor : {0, 4}) {
    for (const bool include : {false, true}) {
      for (const PoolWindow& window : {MakeWindow(2, 2, 2), MakeWindow(2, 3, 2, 1), MakeWindow(2, 3, 1, 2)}) {
        for (const TensorDesc& full : {TensorDesc::Nchw(1, 3, 9, 13), TensorDesc::Nhwc(1, 18, 9, 13)}) {
          const StatusOr<Operator> pool = CreateAvgPool({window, include, divisor});
          const StatusOr<Operator> unpool = CreateAvgUnpool({window, AvgUnpoolMode::kAdjoint, include, divisor});
          ASSERT_TRUE(pool.ok() && unpool.ok());
          const StatusOr<Plan> down = pool->MakePlan(full);
          ASSERT_TRUE(down.ok()) << down.status().message();
          PlanOptions options;
          options.output_size = full.size;
          const StatusOr<Plan> up = unpool->MakePlan(down->output(), options);
          ASSERT_TRUE(up.ok()) << up.status().message();
          const auto elements = [](const TensorDesc& d) {
            return static_cast<size_t>(d.n * d.c * d.size[0] * d.size[1]);
          };
          std::mt19937 rng(1);
          // Multiples of all divisors, so that nothing is rounded.
          std::vector<float> x(elements(full)), y(elements(down->output())), px(y.size()), uy(x.size());
          for (float& v : x) v = static_cast<float>(rng() % 9) * 36 - 144;
          for (float& v : y) v = static_cast<float>(rng() % 9) * 36 - 144;
          ASSERT_TRUE(down->Run(x.data(), px.data()).ok());
          ASSERT_TRUE(up->Run(y.data(), uy.data()).ok());
          double left = 0, right = 0;
          for (size_t i = 0; i < y.size(); ++i) left += static_cast<double>(px[i]) * static_cast<double>(y[i]);
          for (size_t i = 0; i < x.size(); ++i) right += static_cast<double>(x[i]) * static_cast<double>(uy[i]);
          EXPECT_EQ(left, right) << Name(window) << " include " << include << " divisor " << divisor;
          EXPECT_NE(left, 0);
        }
      }
    }
  }
}

// ---- MaxUnpool

TEST(MaxUnpool, WindowsTypesAndConventions) {
  uint32_t seed = 1;
  for (const PoolWindow& window : {MakeWindow(2, 2, 2), MakeWindow(2, 3, 3), MakeWindow(2, 4, 4), MakeWindow(2, 5, 5),
                                   MakeWindow(2, 1, 1), MakeWindow(2, 3, 2, 1), MakeWindow(2, 2, 3)}) {
    for (const DataType type : kAllTypes) {
      for (const IndexConvention convention : kConventions) {
        for (const DataType index_type : kIndexTypes) {
          for (const Indices indices : {Indices::kWindow, Indices::kStray, Indices::kAny}) {
            MaxUnpoolTester(window)
                .Input(2, 5, {4, 6})
                .Type(type)
                .Convention(convention)
                .IndexType(index_type)
                .IndicesAre(indices)
                .Seed(seed++)
                .Run();
          }
        }
      }
    }
    if (kSanitized) break;
  }
}

// Those of NCHW that stay in L1 are scattered into, whatever the windows are.
TEST(MaxUnpool, SmallPlanes) {
  for (const DataType type : kOneOfEachSize) {
    for (const IndexConvention convention : kConventions) {
      for (const DataType index_type : kIndexTypes) {
        for (const Indices indices : {Indices::kWindow, Indices::kStray, Indices::kAny}) {
          const auto run = [&](const PoolWindow& window, const std::vector<int64_t>& size) {
            MaxUnpoolTester(window)
                .Input(2, 5, size)
                .Type(type)
                .Convention(convention)
                .IndexType(index_type)
                .IndicesAre(indices)
                .Formats({{kFormats[0], kFormats[0]}})
                .Run();
          };
          run(MakeWindow(1, 2, 2), {40});
          run(MakeWindow(2, 2, 2), {4, 20});
          run(MakeWindow(2, 3, 2, 1), {3, 33});
          run(MakeWindow(3, 2, 2), {3, 2, 17});
        }
      }
    }
  }
}

TEST(MaxUnpool, EveryPairOfLayouts) {
  for (const DataType type : kOneOfEachSize) {
    for (const int64_t channels : {3, 16, 37}) {
      for (const Indices indices : {Indices::kWindow, Indices::kAny}) {
        MaxUnpoolTester(MakeWindow(2, 2, 2))
            .Input(2, channels, {4, 6})
            .Type(type)
            .IndicesAre(indices)
            .Convention(IndexConvention::kTensor)
            .Formats(AllFormatPairs())
            .Run();
      }
    }
  }
}

TEST(MaxUnpool, WidthsAroundTheVectorLength) {
  for (int64_t w = 1; w <= 70; w += w < 40 ? 1 : 7) {
    for (const DataType type : kOneOfEachSize) {
      for (const int64_t kernel : {1, 2, 3, 4, 5}) {
        MaxUnpoolTester(MakeWindow(2, kernel, kernel))
            .Input(1, 2, {2, w})
            .Type(type)
            .IndexType(w % 2 == 0 ? DataType::kI32 : DataType::kI64)
            .Formats({{kFormats[0], kFormats[0]}})
            .Run();
      }
    }
    if (kSanitized) w += 8;
  }
}

TEST(MaxUnpool, OneAndThreeAxes) {
  for (const IndexConvention convention : kConventions) {
    for (const Indices indices : {Indices::kWindow, Indices::kStray, Indices::kAny}) {
      MaxUnpoolTester(MakeWindow(1, 2, 2)).Input(2, 18, {21}).Convention(convention).IndicesAre(indices).Run();
      MaxUnpoolTester(MakeWindow(3, 2, 2)).Input(2, 3, {3, 4, 5}).Convention(convention).IndicesAre(indices).Run();
      MaxUnpoolTester(MakeWindow(3, 3, 2, 1)).Input(2, 18, {3, 2, 4}).Convention(convention).IndicesAre(indices).Run();
      PoolWindow uneven = MakeWindow(3, 2, 2);
      uneven.kernel = uneven.stride = {3, 1, 4};
      MaxUnpoolTester(uneven).Input(2, 18, {2, 3, 4}).Convention(convention).IndicesAre(indices).Run();
    }
  }
}

TEST(MaxUnpool, OutputSizesAtBothEnds) {
  for (const IndexConvention convention : kConventions) {
    for (const bool in_default_size : {false, true}) {
      for (const Indices indices : {Indices::kWindow, Indices::kStray, Indices::kAny}) {
        for (const int64_t stride : {2, 3}) {
          for (int64_t h = 3 * stride + 1; h < 5 * stride; ++h) {
            for (const int64_t w : {4 * stride + 1, 5 * stride, 6 * stride - 1}) {
              MaxUnpoolTester(MakeWindow(2, stride, stride))
                  .Input(2, 3, {4, 5})
                  .OutputSize({h, w})
                  .Convention(convention)
                  .InDefaultSize(in_default_size)
                  .IndicesAre(indices)
                  .Run();
            }
          }
        }
      }
    }
  }
}

// Every index of every input once, where the last windows are cut off: what would be a tap behind the end of a row or a
// slice is a position in the next one.
TEST(MaxUnpool, EveryIndexWhereWindowsAreCutOff) {
  for (const std::string& target : SupportedTargets()) {
    for (const int32_t rank : {1, 2, 3}) {
      for (const int64_t channels : {1, 16}) {
        MaxUnpoolAttributes attributes{MakeWindow(rank, 2, 2)};
        const StatusOr<Operator> op = CreateMaxUnpool(attributes, OptionsFor(target));
        ASSERT_TRUE(op.ok());
        const ref::Size3 in_size = ref::ToSize3({2, 2, 2}, rank);
        const ref::Size3 size = ref::ToSize3({3, 3, 3}, rank);
        ref::Tensor<float> input(1, channels, in_size);
        for (size_t i = 0; i < input.data.size(); ++i) input.data[i] = static_cast<float>(i + 1);
        const Format format = channels == 1 ? kFormats[0] : kFormats[4];
        PlanOptions options;
        options.output_size = {3, 3, rank == 3 ? 3 : 0};
        if (rank == 1) options.output_size = {3};
        const StatusOr<Plan> plan = op->MakePlan(DescOf(DataType::kF32, format, input, rank), options);
        ASSERT_TRUE(plan.ok()) << plan.status().message();
        Memory<float> in(DescOf(DataType::kF32, format, input, rank), View::kDense);
        in.Write(input);
        for (int64_t i = 0; i < input.plane(); ++i) {
          for (int64_t index = -1; index <= size[0] * size[1] * size[2]; ++index) {
            ref::Tensor<int64_t> values(1, channels, in_size);
            ref::ForEachPosition(1, channels, in_size, [&](int64_t n, int64_t c, const ref::Size3& p) {
              values(n, c, p[0], p[1], p[2]) = (p[0] * 2 * size[1] + p[1] * 2) * size[2] + p[2] * 2;
            });
            values.data[static_cast<size_t>(i)] = index;
            ref::Tensor<float> expected;
            const bool wrong = ref::MaxUnpool(attributes, input, values, size, &expected).has_value();
            Memory<int64_t> indices(DescOf(DataType::kI64, format, values, rank), View::kDense);
            indices.Write(values);
            Memory<float> out(DescOf(DataType::kF32, format, expected, rank), View::kDense);
            RunOptions run;
            run.input_indices = indices.data();
            const Status status = plan->Run(in.data(), out.data(), run);
            ASSERT_EQ(status.ok(), !wrong) << status.message();
            if (!wrong) {
              ASSERT_TRUE(BitwiseEqual(out.Read(), expected))
                  << target << " rank " << rank << " input " << i << " index " << index;
            }
          }
        }
      }
    }
  }
}

TEST(MaxUnpool, OddSegNetSizes) {
  for (const int64_t channels : {1, 16, 20}) {
    for (const Indices indices : {Indices::kWindow, Indices::kAny}) {
      MaxUnpoolTester(MakeWindow(2, 2, 2)).Input(2, channels, {12, 15}).OutputSize({23, 30}).IndicesAre(indices).Run();
      MaxUnpoolTester(MakeWindow(2, 2, 2)).Input(2, channels, {12, 15}).OutputSize({24, 29}).IndicesAre(indices).Run();
    }
  }
}

// Windows that do not overlap are compared with their indices, in one parallel call. Scattering, which is a second one,
// would repair what comparing has missed, and no value would tell.
TEST(MaxUnpool, RightIndicesOfDisjointWindowsTakeOneCall) {
  constexpr int64_t kImages = 3, kChannels = 20, kHeight = 32, kWidth = 35;
  for (const TensorDesc& input :
       {TensorDesc::Nchw(kImages, kChannels, kHeight, kWidth), TensorDesc::Nhwc(kImages, kChannels, kHeight, kWidth)}) {
    for (const DataType dtype : {DataType::kI32, DataType::kI64}) {
      int64_t calls = 0;
      OperatorOptions options;
      options.runtime.context = &calls;
      options.runtime.parallel_for = [](void* context, size_t count, pph_task task, void* task_context) {
        ++*static_cast<int64_t*>(context);
        for (size_t i = 0; i < count; ++i) task(task_context, i);
      };
      const StatusOr<Operator> op = CreateMaxUnpool({MakeWindow(2, 2, 2)}, options);
      ASSERT_TRUE(op.ok());
      PlanOptions plan_options;
      plan_options.num_threads = 2;
      plan_options.indices = input;
      plan_options.indices->dtype = dtype;
      const StatusOr<Plan> plan = op->MakePlan(input, plan_options);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      std::vector<float> in(kImages * kChannels * kHeight * kWidth, 1), out(4 * in.size());
      std::vector<int64_t> wide(in.size());
      std::vector<int32_t> narrow(in.size());
      const TensorDesc& indices = *plan->indices();
      for (int64_t n = 0; n < kImages; ++n) {
        for (int64_t c = 0; c < kChannels; ++c) {
          for (int64_t y = 0; y < kHeight; ++y) {
            for (int64_t x = 0; x < kWidth; ++x) {
              const int64_t tap_y = (x + c) / 2 % 2, tap_x = (x + c) % 2;
              const auto at = static_cast<size_t>(n * indices.stride_n + c * indices.stride_c + y * indices.stride[0] +
                                                  x * indices.stride[1]);
              wide[at] = (2 * y + tap_y) * 2 * kWidth + 2 * x + tap_x;
              narrow[at] = static_cast<int32_t>(wide[at]);
            }
          }
        }
      }
      RunOptions run;
      run.input_indices = dtype == DataType::kI64 ? static_cast<const void*>(wide.data()) : narrow.data();
      ASSERT_TRUE(plan->Run(in.data(), out.data(), run).ok());
      EXPECT_EQ(calls, 1) << plan->Describe();
    }
  }
}

// PyTorch: index 5 is row 1, column 1 of 4 columns, and row 1, column 0 of 5.
TEST(MaxUnpool, IndicesCountInTheOutput) {
  const std::vector<float> in = {1, 2, 3, 4};
  const std::vector<int64_t> indices = {5, 7, 13, 15};
  for (const bool in_default_size : {false, true}) {
    MaxUnpoolAttributes attributes{MakeWindow(2, 2, 2)};
    attributes.indices_in_default_size = in_default_size;
    const StatusOr<Operator> op = CreateMaxUnpool(attributes);
    ASSERT_TRUE(op.ok());
    PlanOptions options;
    options.output_size = {5, 5};
    const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, 1, 2, 2), options);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    std::vector<float> out(25, -1);
    RunOptions run;
    run.input_indices = indices.data();
    ASSERT_TRUE(plan->Run(in.data(), out.data(), run).ok());
    std::vector<float> expected(25, 0);
    if (in_default_size) {
      expected[6] = 1, expected[8] = 2, expected[16] = 3, expected[18] = 4;
    } else {
      expected[5] = 1, expected[7] = 2, expected[13] = 3, expected[15] = 4;
    }
    EXPECT_EQ(out, expected);
  }
}

TEST(MaxUnpool, TheLastOfEqualIndicesWins) {
  for (const int64_t index : {0, 3, 11}) {
    for (const size_t threads : {1, 2, 3, 7}) {
      const StatusOr<Operator> op = CreateMaxUnpool({MakeWindow(1, 2, 2)}, OptionsFor(""));
      ASSERT_TRUE(op.ok());
      PlanOptions options;
      options.num_threads = threads;
      const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(1, 1, {6}), options);
      ASSERT_TRUE(plan.ok());
      const std::vector<float> in = {1, 2, 3, 4, 5, 6};
      const std::vector<int64_t> indices(6, index);
      std::vector<float> out(12, -1);
      RunOptions run;
      run.input_indices = indices.data();
      ASSERT_TRUE(plan->Run(in.data(), out.data(), run).ok());
      std::vector<float> expected(12, 0);
      expected[static_cast<size_t>(index)] = 6;
      EXPECT_EQ(out, expected);
    }
  }
}

struct WrongIndex {
  IndexConvention convention;
  int64_t index;
};

// The first wrong index in raster order is reported, whatever the threads are, and nothing outside is written.
TEST(MaxUnpool, IndicesOutsideOfTheOutput) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  // Rows of 20 pixels are scattered into whole planes.
  for (const int64_t width : {5, 20}) {
    const int64_t plane = 8 * 2 * width;
    const WrongIndex wrong[] = {{IndexConvention::kPlane, -1},
                                {IndexConvention::kPlane, plane},
                                {IndexConvention::kPlane, kMax},
                                {IndexConvention::kPlane, kMin},
                                {IndexConvention::kTensor, 0},
                                {IndexConvention::kTensor, -1},
                                {IndexConvention::kTensor, 4 * plane},
                                {IndexConvention::kTensor, kMax},
                                {IndexConvention::kTensor, kMin},
                                {IndexConvention::kWindow, 4},
                                {IndexConvention::kWindow, -1},
                                {IndexConvention::kWindow, kMax},
                                {IndexConvention::kWindow, int64_t{1} << 32}};
    for (const std::string& target : SupportedTargets()) {
      for (const WrongIndex& w : wrong) {
        for (const Format& format : kFormats) {
          for (const size_t threads : {1, 2, 5}) {
            MaxUnpoolAttributes attributes{MakeWindow(2, 2, 2), w.convention};
            const StatusOr<Operator> op = CreateMaxUnpool(attributes, OptionsFor(target));
            ASSERT_TRUE(op.ok());
            Memory<uint32_t> in(MakeDesc(DataType::kF32, format, 2, 2, 4, width), View::kRows);
            Memory<uint32_t> out(MakeDesc(DataType::kF32, format, 2, 2, 8, 2 * width), View::kConcat);
            Memory<int64_t> indices(MakeDesc(DataType::kI64, format, 2, 2, 4, width), View::kMisaligned);
            ref::Tensor<int64_t> values(2, 2, 4, width);
            const ref::Windows windows = ref::FromAttributes(attributes.window);
            const ref::Size3 size = {1, 8, 2 * width};
            ref::ForEachPosition(2, 2, {1, 4, width}, [&](int64_t n, int64_t c, const ref::Size3& i) {
              values(n, c, i[1], i[2]) =
                  ref::IndexOf(w.convention, false, windows, size, 2, n, c, {0, i[1] * 2, i[2] * 2 + 1}, {0, 0, 1});
            });
            values(1, 0, 2, 3) = values(1, 0, 2, 4) = values(1, 1, 0, 1) = w.index;
            in.Write(ref::Tensor<uint32_t>(2, 2, 4, width, 7));
            indices.Write(values);
            PlanOptions options;
            options.output = out.desc();
            options.indices = indices.desc();
            options.num_threads = threads;
            const StatusOr<Plan> plan = op->MakePlan(in.desc(), options);
            ASSERT_TRUE(plan.ok()) << plan.status().message();
            RunOptions run;
            run.input_indices = indices.data();
            const Status status = plan->Run(in.data(), out.data(), run);
            ASSERT_EQ(status.code(), StatusCode::kInvalidArgument);
            const std::string message = status.message();
            EXPECT_TRUE(ContainsWord(message, "input_indices"));
            EXPECT_NE(message.find(" = " + std::to_string(w.index) + " at n = 1, c = 0, z = 0, y = 2, x = 3:"),
                      std::string::npos)
                << message;
            EXPECT_TRUE(out.OnlyOwnElementsWritten()) << message;
          }
        }
      }
    }
  }
}

// ---- Both ways, batches, threads

// Every maximum returns to where it was, and all else is zero.
TEST(Pool, MaxUnpoolOfMaxPool) {
  for (const IndexConvention convention : kConventions) {
    for (const DataType index_type : kIndexTypes) {
      for (const PoolWindow& window : {MakeWindow(2, 2, 2), MakeWindow(2, 3, 3), MakeWindow(2, 3, 2, 1)}) {
        for (const TensorDesc& full : {TensorDesc::Nchw(2, 3, 24, 30), TensorDesc::Nhwc(2, 18, 23, 29)}) {
          const StatusOr<Operator> pool = CreateMaxPool({window, convention});
          const StatusOr<Operator> unpool = CreateMaxUnpool({window, convention});
          ASSERT_TRUE(pool.ok() && unpool.ok());
          PlanOptions down_options;
          down_options.indices = full.WithLayout(Layout::kNchw);
          down_options.indices->dtype = index_type;
          down_options.indices->size = {};
          const StatusOr<Plan> down = pool->MakePlan(full, down_options);
          ASSERT_TRUE(down.ok()) << down.status().message();
          PlanOptions up_options;
          up_options.indices = *down->indices();
          up_options.output_size = full.size;
          const StatusOr<Plan> up = unpool->MakePlan(down->output(), up_options);
          if (!up.ok()) continue;  // floor dropped a stride or more of the input
          const auto elements = [](const TensorDesc& d) {
            return static_cast<size_t>(d.n * d.c * d.size[0] * d.size[1]);
          };
          std::vector<float> x(elements(full)), pooled(elements(down->output())), y(x.size(), -5);
          // Different, and positive: a permutation of 1 .. count.
          for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7919 % x.size() + 1);
          std::vector<int64_t> indices(pooled.size());
          RunOptions run;
          run.output_indices = indices.data();
          ASSERT_TRUE(down->Run(x.data(), pooled.data(), run).ok());
          run.input_indices = indices.data();
          const Status status = up->Run(pooled.data(), y.data(), run);
          ASSERT_TRUE(status.ok()) << status.message();
          std::vector<bool> is_max(x.size() + 1);
          for (const float v : pooled) is_max[static_cast<size_t>(v)] = true;
          for (size_t i = 0; i < x.size(); ++i) {
            ASSERT_EQ(y[i], is_max[static_cast<size_t>(x[i])] ? x[i] : 0.0f) << i;
          }
        }
      }
    }
  }
}

TEST(Pool, NothingIsReadOrWrittenForAnEmptyBatch) {
  const StatusOr<Operator> ops[] = {CreateMaxPool({}), CreateAvgPool({}), CreateAvgUnpool({}), CreateMaxUnpool({})};
  for (const StatusOr<Operator>& op : ops) {
    ASSERT_TRUE(op.ok());
    const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(0, 3, 4, 6));
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->output().n, 0);
    EXPECT_TRUE(plan->Run(nullptr, nullptr).ok());
  }
}

// The bits must be the same for every number of threads. Tasks have several rows, tiles and bands.
TEST(Pool, SameBitsForEveryThreadCount) {
  std::mt19937 rng(3);
  for (const bool wide : {false, true}) {
    for (const TensorDesc& desc :
         {TensorDesc::Nchw(1, 3, wide ? 4 : 300, wide ? 40000 : 210), TensorDesc::Nhwc(2, 40, wide ? 2 : 70, 81)}) {
      const PoolWindow window = MakeWindow(2, 2, 2);
      const PoolWindow overlapping = MakeWindow(2, 3, 2, 1);
      const auto elements = [](const TensorDesc& d) { return static_cast<size_t>(d.n * d.c * d.size[0] * d.size[1]); };
      std::vector<float> x(elements(desc));
      FillUniform(x, rng);
      const StatusOr<Operator> ops[] = {
          CreateMaxPool({overlapping}, OptionsFor("")), CreateAvgPool({overlapping, false}, OptionsFor("")),
          CreateAvgUnpool({overlapping, AvgUnpoolMode::kAdjoint, false}, OptionsFor("")),
          CreateMaxUnpool({window}, OptionsFor("")), CreateMaxUnpool({overlapping}, OptionsFor(""))};
      int number = 0;
      for (const StatusOr<Operator>& op : ops) {
        SCOPED_TRACE(number++);
        ASSERT_TRUE(op.ok());
        std::vector<float> first;
        std::vector<int64_t> first_indices;
        for (const size_t threads : {1, 2, 3, 7, 64}) {
          PlanOptions options;
          options.num_threads = threads;
          const StatusOr<Plan> plan = op->MakePlan(desc, options);
          ASSERT_TRUE(plan.ok()) << plan.status().message();
          std::vector<float> y(elements(plan->output()), -9);
          std::vector<int64_t> indices(plan->indices() != nullptr ? elements(*plan->indices()) : 0);
          // MaxUnpool gets many equal indices.
          std::mt19937 index_rng(4);
          const auto plane = static_cast<uint32_t>(plan->output().size[0] * plan->output().size[1]);
          for (int64_t& i : indices) i = index_rng() % plane;
          RunOptions run;
          run.input_indices = run.output_indices = indices.data();
          const Status status = plan->Run(x.data(), y.data(), run);
          ASSERT_TRUE(status.ok()) << status.message();
          if (threads == 1) {
            first = y;
            first_indices = indices;
          }
          ASSERT_EQ(y.size(), first.size());
          ASSERT_EQ(std::memcmp(y.data(), first.data(), y.size() * sizeof(float)), 0) << threads;
          ASSERT_EQ(indices, first_indices) << threads;
        }
      }
    }
  }
}

TEST(Pool, RealLayers) {
  MaxPoolTester(MakeWindow(2, 3, 2, 1)).Input(1, 64, {40, 44}).Values(Fill::kUniform).Run();  // ResNet stem
  MaxPoolTester(MakeWindow(2, 5, 1, 2)).Input(1, 32, {20, 20}).Values(Fill::kUniform).Run();  // SPPF
  MaxPoolTester(MakeWindow(2, 2, 2)).Input(2, 24, {46, 60}).Values(Fill::kUniform).Run();     // SegNet
  AvgPoolTester(MakeWindow(2, 7, 1)).Input(2, 48, {7, 7}).Values(Fill::kUniform).Run();       // ResNet head
  AvgPoolTester(MakeWindow(2, 3, 1, 1)).Input(1, 40, {17, 17}).Values(Fill::kUniform).CountIncludePad(false).Run();
  MaxUnpoolTester(MakeWindow(2, 2, 2)).Input(1, 40, {45, 60}).Run();
  AvgUnpoolTester(MakeWindow(2, 2, 2)).Input(1, 40, {30, 40}).Mode(AvgUnpoolMode::kCopy).Run();
}

}  // namespace
}  // namespace polyphase::testing
