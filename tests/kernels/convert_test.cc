// The conversions of panels between element types and f32 lanes: exact in, rounded to the nearest even out, on every
// target.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/panel.h"
#include "kernels/target.h"
#include "polyphase/tensor.h"
#include "tests/ref/element.h"

namespace polyphase::internal {
namespace {

// All halfway points between neighbours of the type, what is next to them, and the type's own values.
std::vector<float> HardValues(DataType type) {
  std::vector<float> values;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double value = ref::Decode(type, static_cast<uint16_t>(bits));
    const double next = ref::Decode(type, static_cast<uint16_t>(bits + 1));
    if (!std::isfinite(value)) continue;
    values.push_back(static_cast<float>(value));
    if (!std::isfinite(next) || (bits & 0x7FFF) == 0x7FFF) continue;
    const auto middle = static_cast<float>((value + next) / 2);
    for (const float direction : {0.0f, -1.0f, 1.0f}) {
      values.push_back(direction == 0 ? middle : std::nextafter(middle, direction * 1e38f));
    }
  }
  for (const float value : {65519.0f, 65520.0f, 65536.0f, 1e10f, std::numeric_limits<float>::infinity()}) {
    values.push_back(value);
    values.push_back(-value);
  }
  values.resize(values.size() / 64 * 64);
  return values;
}

const PixelRun kRow = {{1, 0}, 0, 1, 0, 1};

TEST(Convert, HalvesRoundToTheNearestEven) {
  const TargetList targets = CompiledTargets();
  for (int t = 0; t < targets.count; ++t) {
    if (!targets.targets[t].supported) continue;
    const PanelKernels kernels = GetPanelKernels(targets.targets[t].bit);
    for (const auto& [type, conversion] :
         {std::pair(DataType::kF16, Conversion::kF16), std::pair(DataType::kBF16, Conversion::kBF16)}) {
      const std::vector<float> values = HardValues(type);
      PixelRun run = kRow;
      run.pixels = static_cast<int64_t>(values.size());
      std::vector<uint16_t> stored(values.size());
      kernels.unpack_as[static_cast<int>(conversion)](run, values.data(), 1, kNoFill, stored.data());
      for (size_t i = 0; i < values.size(); ++i) {
        const auto expected = ref::Encode<uint16_t>(type, static_cast<double>(values[i]));
        ASSERT_EQ(stored[i], expected) << targets.targets[t].name << " " << values[i];
      }
      // And back, which is exact.
      std::vector<float> loaded(values.size());
      kernels.pack_as[static_cast<int>(conversion)](run, stored.data(), loaded.data(), 1, 1);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(static_cast<double>(loaded[i]), ref::Decode(type, stored[i])) << targets.targets[t].name;
      }
    }
  }
}

// Rounding the bits of a NaN as if they were a number would make an infinity of some, and 0 of others.
TEST(Convert, HalvesKeepNaN) {
  std::vector<float> values;
  for (const uint32_t bits : {0x7FC00000u, 0x7F800001u, 0xFF800001u, 0x7FFFFFFFu, 0xFFFFFFFFu, 0x7F808000u}) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    values.insert(values.end(), 16, value);
  }
  const TargetList targets = CompiledTargets();
  for (int t = 0; t < targets.count; ++t) {
    if (!targets.targets[t].supported) continue;
    const PanelKernels kernels = GetPanelKernels(targets.targets[t].bit);
    for (const auto& [type, conversion] :
         {std::pair(DataType::kF16, Conversion::kF16), std::pair(DataType::kBF16, Conversion::kBF16)}) {
      PixelRun run = kRow;
      run.pixels = static_cast<int64_t>(values.size());
      std::vector<uint16_t> stored(values.size());
      kernels.unpack_as[static_cast<int>(conversion)](run, values.data(), 1, kNoFill, stored.data());
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_TRUE(std::isnan(ref::Decode(type, stored[i])))
            << targets.targets[t].name << " " << static_cast<int>(type) << ": value " << i << " became " << stored[i];
      }
    }
  }
}

TEST(Convert, BytesSaturateAndRound) {
  std::vector<float> values = {std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               1e10f,
                               -1e10f,
                               -0.0f};
  for (int i = -8; i < 1040; ++i) values.push_back(static_cast<float>(i) * 0.25f);
  const TargetList targets = CompiledTargets();
  for (int t = 0; t < targets.count; ++t) {
    if (!targets.targets[t].supported) continue;
    const PanelKernels kernels = GetPanelKernels(targets.targets[t].bit);
    PixelRun run = kRow;
    run.pixels = static_cast<int64_t>(values.size());
    for (const Conversion conversion : {Conversion::kU8, Conversion::kU8Truncated}) {
      std::vector<uint8_t> stored(values.size());
      kernels.unpack_as[static_cast<int>(conversion)](run, values.data(), 1, kNoFill, stored.data());
      for (size_t i = 0; i < values.size(); ++i) {
        const double bounded = std::isnan(values[i]) ? 0 : std::fmin(std::fmax(static_cast<double>(values[i]), 0), 255);
        const double expected = conversion == Conversion::kU8 ? std::nearbyint(bounded) : std::trunc(bounded);
        ASSERT_EQ(static_cast<double>(stored[i]), expected) << targets.targets[t].name << " " << values[i];
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::internal
