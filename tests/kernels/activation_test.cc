// The activations as vector functions: their errors over the range of f32, their limits, and their bits wherever a
// value lies in a vector, for every target.
//
// POLYPHASE_EVERY_FLOAT=1 takes all 2^32 values instead of a few million, minutes for each activation, and prints the
// largest errors.
#include "kernels/activation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/epilogue.h"
#include "tests/ref/activation.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/kernels/activation_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/activation-inl.h"
#include "kernels/simd.h"

#ifndef POLYPHASE_TESTS_KERNELS_ACTIVATION_TEST_CC_
#define POLYPHASE_TESTS_KERNELS_ACTIVATION_TEST_CC_
namespace polyphase::internal {

// y = activation(x), elementwise, in vectors of up to as many lanes as the name says.
using Apply = void (*)(Activation, const ActivationParameters&, const float* x, const float* slope, float* y, size_t);
struct ApplyKernels {
  Apply lanes1, lanes2, lanes4, lanes8, lanes16;
};

}  // namespace polyphase::internal
#endif  // POLYPHASE_TESTS_KERNELS_ACTIVATION_TEST_CC_

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <size_t kLanes>
void ApplyTo(Activation activation, const ActivationParameters& parameters, const float* x, const float* slope,
             float* y, size_t count) {
  WithActivation(activation, parameters, [&](const auto& f) HWY_ATTR {
    const hn::CappedTag<float, kLanes> d;
    const hn::CappedTag<float, 1> d1;
    size_t i = 0;
    for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
      hn::StoreU(f(d, hn::LoadU(d, x + i), hn::LoadU(d, slope + i)), d, y + i);
    }
    for (; i < count; ++i) hn::StoreU(f(d1, hn::LoadU(d1, x + i), hn::LoadU(d1, slope + i)), d1, y + i);
  });
}

ApplyKernels MakeApplyKernels() { return {&ApplyTo<1>, &ApplyTo<2>, &ApplyTo<4>, &ApplyTo<8>, &ApplyTo<16>}; }

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
namespace {

HWY_EXPORT(MakeApplyKernels);

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kSmallestNormal = std::numeric_limits<float>::min();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr double kAny = std::numeric_limits<double>::infinity();

float FromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

uint32_t Bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}

// Returns whether both have the same bits or are NaNs.
bool Same(float a, float b) { return Bits(a) == Bits(b) || (std::isnan(a) && std::isnan(b)); }

struct TargetKernels {
  std::string name;
  ApplyKernels kernels;
};

// Returns the kernels of every target that is compiled and that this CPU can run.
std::vector<TargetKernels> AllKernels() {
  std::vector<TargetKernels> all;
  const auto targets = static_cast<uint64_t>(hwy::SupportedTargets()) & static_cast<uint64_t>(HWY_TARGETS);
  for (uint64_t left = targets; left != 0; left &= left - 1) {
    const auto target = static_cast<int64_t>(left & ~(left - 1));
    all.push_back({hwy::TargetName(target), POLYPHASE_DISPATCH(MakeApplyKernels, target)()});
  }
  return all;
}

// Says what is promised of an activation. Errors are relative to double.
struct Promise {
  const char* name;
  Activation activation;
  double per_x;     // largest error / |x|
  double relative;  // largest error / |result|, for x >= relative_from and results that are not denormal
  float relative_from;
  float at_minus_infinity, at_infinity;
  ActivationParameters parameters = {};
};

const Promise kPromises[] = {
    {"None", Activation::kNone, 0, 0, -kInfinity, -kInfinity, kInfinity},
    {"Relu", Activation::kRelu, 0, 0, -kInfinity, 0, kInfinity},
    {"LeakyRelu", Activation::kLeakyRelu, kAny, 0, -kInfinity, -kInfinity, kInfinity},
    {"LeakyReluNegative", Activation::kLeakyRelu, kAny, 0, -kInfinity, kInfinity, kInfinity, {-1.7f, 0, 0}},
    {"Relu6", Activation::kClamp, kAny, 0, -kInfinity, 0, 6},
    {"Clamp", Activation::kClamp, kAny, 0, -kInfinity, -1.75f, 1e10f, {0, -1.75f, 1e10f}},
    {"ClampToInfinity", Activation::kClamp, kAny, 0, -kInfinity, -kInfinity, kInfinity, {0, -kInfinity, kInfinity}},
    {"PRelu", Activation::kPRelu, kAny, 0, -kInfinity, -kInfinity, kInfinity},
    {"Sigmoid", Activation::kSigmoid, kAny, 1.6e-7, -kInfinity, 0, 1},
    {"Tanh", Activation::kTanh, kAny, 2.2e-7, -kInfinity, -1, 1},
    {"Silu", Activation::kSilu, 1.3e-7, 1.9e-7, -87, 0, kInfinity},
    {"Gelu", Activation::kGelu, 1.4e-7, 5.3e-3, -12.9f, 0, kInfinity},
    {"GeluTanh", Activation::kGeluTanh, 1.3e-7, 1.5e-5, -9.9f, 0, kInfinity},
    {"HardSwish", Activation::kHardSwish, 1.4e-7, 1.9e-7, -kInfinity, 0, kInfinity},
};

void PrintTo(const Promise& promise, std::ostream* out) { *out << promise.name; }

class ActivationTest : public ::testing::TestWithParam<Promise> {
 protected:
  // The slopes of kPRelu, one per lane; the first is that of the limits.
  static std::vector<float> Slopes(size_t count) {
    std::vector<float> slopes(count);
    for (size_t i = 0; i < count; ++i) slopes[i] = 0.25f + static_cast<float>(i % 7) * -0.4f;
    return slopes;
  }
};

// Every border of a range or of a rounding inside of the functions, with its neighbours; the ends of every exponent;
// NaNs.
std::vector<float> SpecialValues() {
  std::vector<float> centers = {0,      kSmallest, kSmallestNormal, 1e10f, std::numeric_limits<float>::max(),
                                3,      6,         1.75f,           9.01f, 10,
                                10.06f, 13.06f,    13.07f,          20,    88,
                                89};
  for (int n = 0; n <= 130; ++n) {
    const double rounding = (n + 0.5) * std::log(2.0);
    centers.push_back(static_cast<float>(rounding));      // sigmoid, silu
    centers.push_back(static_cast<float>(rounding / 2));  // tanh
    centers.push_back(static_cast<float>(n) / 10);
  }
  for (int exponent = -148; exponent <= 127; ++exponent) centers.push_back(std::ldexp(1.0f, exponent));
  std::vector<float> values = {kInfinity, -kInfinity};
  for (const float center : centers) {
    for (uint32_t i = 0; i <= 16; ++i) {
      for (const uint32_t sign : {0u, 0x80000000u}) values.push_back(FromBits((Bits(center) + i - 8) ^ sign));
    }
  }
  for (const uint32_t nan : {0x7FC00000u, 0xFFC00000u, 0x7F800001u, 0xFF800001u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    values.push_back(FromBits(nan));
  }
  return values;
}

// Calls body(values) with all that is tried, in pieces.
void ForEachPiece(const std::function<void(const std::vector<float>&)>& body) {
  body(SpecialValues());
  const uint64_t stride = std::getenv("POLYPHASE_EVERY_FLOAT") != nullptr ? 1 : 2039;
  std::vector<float> values;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += stride) {
    values.push_back(FromBits(static_cast<uint32_t>(bits)));
    if (values.size() == 4099 || bits + stride >= uint64_t{1} << 32) {
      body(values);
      values.clear();
    }
  }
}

// The largest of some errors, and where it is.
struct Largest {
  double error = 0;
  float x = 0;
  void Take(double e, float at) {
    if (!(e <= error)) *this = {e, at};  // a NaN is the largest
  }
};

TEST_P(ActivationTest, IsAccurate) {
  const Promise& promise = GetParam();
  const std::vector<TargetKernels> targets = AllKernels();
  ASSERT_FALSE(targets.empty());
  std::vector<Largest> per_x(targets.size()), relative(targets.size());
  std::vector<double> expected;
  std::vector<float> y;
  ForEachPiece([&](const std::vector<float>& x) {
    const std::vector<float> slopes = Slopes(x.size());
    Epilogue epilogue;
    epilogue.activation = promise.activation;
    epilogue.negative_slope = promise.parameters.negative_slope;
    epilogue.lower = promise.parameters.lower;
    epilogue.upper = promise.parameters.upper;
    epilogue.slope = slopes.data();
    expected.resize(x.size());
    y.resize(x.size());
    for (size_t i = 0; i < x.size(); ++i) expected[i] = ref::Activate(epilogue, x[i], static_cast<int64_t>(i));
    for (size_t t = 0; t < targets.size(); ++t) {
      targets[t].kernels.lanes16(promise.activation, promise.parameters, x.data(), slopes.data(), y.data(), x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        const auto nearest = static_cast<float>(expected[i]);
        if (y[i] == nearest || Same(y[i], nearest)) continue;
        const double error = std::abs(y[i] - expected[i]);
        if (std::abs(expected[i]) < kSmallestNormal) {
          // A denormal may be off by one of its units; one that a large x gives may be 0 instead.
          if (!(error <= (std::abs(x[i]) < 1 ? kSmallest : kSmallestNormal))) relative[t].Take(kAny, x[i]);
          continue;
        }
        per_x[t].Take(error / std::abs(static_cast<double>(x[i])), x[i]);
        if (x[i] >= promise.relative_from) relative[t].Take(error / std::abs(expected[i]), x[i]);
      }
    }
  });
  for (size_t t = 0; t < targets.size(); ++t) {
    if (promise.per_x != kAny) {
      EXPECT_LE(per_x[t].error, promise.per_x) << targets[t].name << " at " << per_x[t].x;
    }
    EXPECT_LE(relative[t].error, promise.relative) << targets[t].name << " at " << relative[t].x;
    if (std::getenv("POLYPHASE_EVERY_FLOAT") != nullptr) {
      std::printf("%-10s %-6s largest error / |x| %.3g at %.9g, relative %.3g at %.9g\n", promise.name,
                  targets[t].name.c_str(), per_x[t].error, per_x[t].x, relative[t].error, relative[t].x);
    }
  }
}

TEST_P(ActivationTest, HasItsLimitsAndKeepsNans) {
  const Promise& promise = GetParam();
  for (const TargetKernels& target : AllKernels()) {
    for (const Apply apply : {target.kernels.lanes1, target.kernels.lanes4, target.kernels.lanes16}) {
      const std::vector<float> slopes = Slopes(1);
      const auto at = [&](float x) {
        float y[16], xs[16], s[16];
        std::fill_n(xs, 16, x);
        std::fill_n(s, 16, slopes[0]);
        apply(promise.activation, promise.parameters, xs, s, y, 16);
        return y[0];
      };
      EXPECT_EQ(at(-kInfinity), promise.at_minus_infinity) << target.name;
      EXPECT_EQ(at(kInfinity), promise.at_infinity) << target.name;
      for (const uint32_t nan : {0x7FC00000u, 0xFFC00000u, 0x7F800001u, 0xFF800001u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
        EXPECT_TRUE(std::isnan(at(FromBits(nan)))) << target.name << std::hex << nan;
      }
    }
  }
}

TEST_P(ActivationTest, HasTheSameBitsInEveryLane) {
  const Promise& promise = GetParam();
  std::vector<float> x = SpecialValues();
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 65521) x.push_back(FromBits(static_cast<uint32_t>(bits)));
  const size_t count = x.size();
  const std::vector<float> slopes = Slopes(count);
  for (const TargetKernels& target : AllKernels()) {
    const ApplyKernels& k = target.kernels;
    std::vector<float> expected(count), y(count);
    k.lanes1(promise.activation, promise.parameters, x.data(), slopes.data(), expected.data(), count);
    for (const Apply apply : {k.lanes2, k.lanes4, k.lanes8, k.lanes16}) {
      for (size_t shift = 0; shift < 16; ++shift) {  // moves every value through every lane, the first ones to the tail
        apply(promise.activation, promise.parameters, x.data() + shift, slopes.data() + shift, y.data() + shift,
              count - shift);
        for (size_t i = shift; i < count; ++i) {
          ASSERT_TRUE(Same(y[i], expected[i])) << target.name << " of " << x[i] << ": " << y[i] << ", " << expected[i];
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ActivationTest, ::testing::ValuesIn(kPromises),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace polyphase::internal
#endif  // HWY_ONCE
