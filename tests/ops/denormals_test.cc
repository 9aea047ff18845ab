// Numbers below 2^-126, and the floating-point settings of the caller's threads.
#include <atomic>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

#if defined(__SSE__) || defined(__aarch64__)
constexpr bool kFlushes = true;
#else
constexpr bool kFlushes = false;
#endif

// What no caller should do to a library: rounding upwards, and on x86 flushing denormals.
void SetHostileMode() {
  std::fesetround(FE_UPWARD);
#if defined(__SSE__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
}

bool IsHostileMode() {
#if defined(__SSE__)
  if ((__builtin_ia32_stmxcsr() & 0x8040) != 0x8040) return false;
#endif
  return std::fegetround() == FE_UPWARD;
}

void SetNormalMode() {
#if defined(__SSE__)
  __builtin_ia32_ldmxcsr(0x1f80);
#endif
  std::fesetround(FE_TONEAREST);
}

void RunHostileThreads(void* restored, size_t count, pph_task task, void* context) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([=] {
      SetHostileMode();
      task(context, i);
      if (!IsHostileMode()) *static_cast<std::atomic<bool>*>(restored) = false;
    });
  }
  for (std::thread& thread : threads) thread.join();
}

using Bytes = std::vector<uint8_t>;
using Make = std::function<StatusOr<Operator>(const OperatorOptions&)>;

// Returns numbers of which many are denormal.
Bytes MakeInput(const TensorDesc& desc) {
  Bytes data(static_cast<size_t>(desc.n * desc.c * desc.size[0] * desc.size[1]) * ElementSize(desc.dtype));
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * 37 + i / 7);
  for (size_t i = 0; desc.dtype == DataType::kF32 && i < data.size() / 4; ++i) {
    const float value = std::ldexp(1.0f + static_cast<float>(i) / 64, i % 3 == 0 ? -132 : -static_cast<int>(i % 7));
    std::memcpy(&data[i * 4], &value, 4);
  }
  for (size_t i = 0; desc.dtype == DataType::kF16 && i < data.size() / 2; ++i) {
    data[i * 2 + 1] = static_cast<uint8_t>(i % 5);  // below 2^-14 for 0 to 3
  }
  return data;
}

Bytes RunOp(const Make& make, const TensorDesc& desc, const Bytes& input, const OperatorOptions& options) {
  const StatusOr<Operator> op = make(options);
  if (!op.ok()) return ADD_FAILURE() << op.status().message(), Bytes();
  const StatusOr<Plan> plan = op->MakePlan(desc);
  if (!plan.ok()) return ADD_FAILURE() << plan.status().message(), Bytes();
  const TensorDesc& out = plan->output();
  Bytes output(static_cast<size_t>(out.n * out.c * out.size[0] * out.size[1]) * ElementSize(out.dtype));
  const Status status = plan->Run(input.data(), output.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return output;
}

StatusOr<Operator> MakeConv(const std::vector<float>& weights, const OperatorOptions& options) {
  ConvAttributes a;
  a.input_channels = 1;
  a.output_channels = static_cast<int64_t>(weights.size());
  a.kernel = {1, 1};
  return CreateConv(a, weights.data(), nullptr, options);
}

StatusOr<Operator> MakeConvTranspose(const std::vector<float>& weights, const OperatorOptions& options) {
  ConvTransposeAttributes a;
  a.input_channels = 1;
  a.output_channels = static_cast<int64_t>(weights.size());
  a.kernel = {1, 1};
  return CreateConvTranspose(a, weights.data(), nullptr, options);
}

StatusOr<Operator> MakePointwise(const std::vector<float>& weights, const OperatorOptions& options) {
  ResizeAttributes a = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  a.scale = {1, 1};
  a.pointwise.weights = weights.data();
  a.pointwise.input_channels = 1;
  a.pointwise.output_channels = static_cast<int64_t>(weights.size());
  return CreateResize(a, options);
}

TEST(Denormals, CountAsZeroUnlessStrict) {
  const std::vector<float> weights = {0x1p-130f, 0x1.8p-128f, 1.0f, 0x1p-100f, 0.0f};
  const std::vector<float> input = {1.0f, 0x1p20f, 0x1p-128f, 0x1p-126f, 0x1p-30f, -3.0f};
  constexpr float kLeast = std::numeric_limits<float>::min();
  for (const auto make : {MakeConv, MakeConvTranspose, MakePointwise}) {
    for (const std::string& target : SupportedTargets()) {
      for (const Numerics numerics : {Numerics::kStrict, Numerics::kDefault, Numerics::kFast, Numerics::kBf16}) {
        OperatorOptions options = OptionsFor(target);
        options.numerics = numerics;
        const StatusOr<Operator> op = make(weights, options);
        ASSERT_TRUE(op.ok()) << op.status().message();
        const auto width = static_cast<int64_t>(input.size());
        std::vector<float> output(weights.size() * input.size());
        ASSERT_TRUE(op->MakePlan(TensorDesc::Nchw(1, 1, 1, width))->Run(input.data(), output.data()).ok());
        const auto flushed = [&](float value) {
          return kFlushes && numerics != Numerics::kStrict && std::abs(value) < kLeast ? 0.0f : value;
        };
        for (size_t i = 0; i < output.size(); ++i) {
          const float weight = weights[i / input.size()];
          const float value = input[i % input.size()];
          EXPECT_EQ(output[i], flushed(flushed(weight) * flushed(value)))
              << target << ", numerics " << static_cast<int>(numerics) << ": " << weight << " * " << value;
        }
      }
    }
  }
}

TEST(Denormals, OtherOpsKeepThem) {
  const std::vector<float> input(8 * 20, 0x1p-130f);
  ResizeAttributes bilinear = ResizeAttributes::PyTorch(PyTorchMode::kBilinear);
  bilinear.scale = {2, 2};
  AvgPoolAttributes pool;
  pool.window.kernel = pool.window.stride = {2, 2};
  for (const std::string& target : SupportedTargets()) {
    OperatorOptions options = OptionsFor(target);
    options.numerics = Numerics::kFast;
    for (const StatusOr<Operator>& op : {CreateResize(bilinear, options), CreateAvgPool(pool, options)}) {
      ASSERT_TRUE(op.ok()) << op.status().message();
      const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, 1, 8, 20));
      std::vector<float> output(static_cast<size_t>(plan->output().size[0] * plan->output().size[1]));
      ASSERT_TRUE(plan->Run(input.data(), output.data()).ok());
      EXPECT_EQ(output, std::vector<float>(output.size(), 0x1p-130f)) << target << ", " << plan->Describe();
    }
  }
}

TEST(Denormals, ModeOfTheCallerHasNoEffect) {
  const std::vector<float> weights = {0x1p-130f, 0x1.8p-128f, 1.1f, 0x1p-100f, 0.3f};
  TensorDesc f32 = TensorDesc::Nchw(1, 1, 24, 40);
  TensorDesc u8 = TensorDesc::Nhwc(1, 3, 24, 40), f16 = f32;
  u8.dtype = DataType::kU8;
  f16.dtype = DataType::kF16;
  const auto resize = [](ResizeAttributes a, int64_t h, int64_t w) {
    a.size = {h, w};
    return [a](const OperatorOptions& options) { return CreateResize(a, options); };
  };
  const auto strict = [&](auto make) {
    return [=](OperatorOptions options) {
      options.numerics = Numerics::kStrict;
      return make(weights, options);
    };
  };
  const auto usual = [&](auto make) { return [=](const OperatorOptions& options) { return make(weights, options); }; };
  const auto pillow = ResizeAttributes::Pillow(ResizeMode::kCubic);
  const auto bilinear = ResizeAttributes::PyTorch(PyTorchMode::kBilinear);
  const struct {
    const char* name;
    TensorDesc input;
    Make make;
  } kOps[] = {
      {"conv", f32, usual(MakeConv)},
      {"conv strict", f32, strict(MakeConv)},
      {"conv_transpose strict", f32, strict(MakeConvTranspose)},
      {"pointwise strict", f32, strict(MakePointwise)},
      {"bilinear", f32, resize(bilinear, 37, 61)},
      {"bilinear f16", f16, resize(bilinear, 37, 61)},
      {"u8 in f32", u8, resize(ResizeAttributes(), 37, 61)},
      // Whole numbers in 32-bit lanes are denormal as floats.
      {"fixed point of columns", u8, resize(pillow, 24, 17)},
      {"fixed point of rows", u8, resize(pillow, 11, 40)},
      {"fixed point", u8, resize(pillow, 37, 61)},
      {"max_pool", f32,
       [](const OperatorOptions& options) {
         MaxPoolAttributes a;
         a.window.kernel = a.window.stride = {2, 2};
         return CreateMaxPool(a, options);
       }},
      {"avg_pool", f32,
       [](const OperatorOptions& options) {
         AvgPoolAttributes a;
         a.window.kernel = a.window.stride = {2, 2};
         return CreateAvgPool(a, options);
       }},
      {"convert", f32, [](const OperatorOptions& options) { return CreateConvert(options); }},
  };
  for (const auto& op : kOps) {
    const Bytes input = MakeInput(op.input);
    for (const std::string& target : SupportedTargets()) {
      SCOPED_TRACE(std::string(op.name) + ", " + target);
      OperatorOptions options = OptionsFor(target);
      options.runtime.num_threads = 1;
      const Bytes expected = RunOp(op.make, op.input, input, options);
      for (const size_t threads : {1, 3}) {
        std::atomic<bool> restored{true};
        options.runtime.num_threads = threads;
        options.runtime.parallel_for = RunHostileThreads;
        options.runtime.context = &restored;
        SetHostileMode();
        const Bytes output = RunOp(op.make, op.input, input, options);
        const bool kept = IsHostileMode();
        SetNormalMode();
        EXPECT_TRUE(kept && restored) << "the mode of a thread was not restored";
        EXPECT_EQ(output, expected) << threads << " threads";
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
