// Treats the element types of tensors as numbers: rounds to them, and gives their bits.
#ifndef POLYPHASE_TESTS_REF_ELEMENT_H_
#define POLYPHASE_TESTS_REF_ELEMENT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "polyphase/tensor.h"

namespace polyphase::ref {

// A binary floating-point type of 16 bits. `significand` counts bits, the leading one included.
struct FloatFormat {
  int significand, min_exponent, max_exponent;
};

inline FloatFormat FormatOf(DataType dtype) {
  switch (dtype) {
    case DataType::kF16: return {11, -14, 15};
    default: return {8, -126, 127};
  }
}

// Returns the number of type `dtype` next to x, ties to even. Numbers that are too large become infinite in floating
// point and saturate in u8, where a NaN becomes 0.
inline double RoundTo(DataType dtype, double x) {
  if (dtype == DataType::kU8) return x > 0 ? std::nearbyint(std::min(x, 255.0)) : 0;
  if (dtype == DataType::kF32) return static_cast<double>(static_cast<float>(x));
  if (x == 0 || !std::isfinite(x)) return x;
  const FloatFormat format = FormatOf(dtype);
  const double unit = std::ldexp(1.0, std::max(std::ilogb(x), format.min_exponent) - format.significand + 1);
  const double rounded = std::nearbyint(x / unit) * unit;
  const double limit = std::ldexp(1.0, format.max_exponent + 1);
  return std::fabs(rounded) < limit ? rounded : std::copysign(std::numeric_limits<double>::infinity(), x);
}

// Returns the bits of the number next to x.
template <typename T>
T Encode(DataType dtype, double x) {
  const double value = RoundTo(dtype, x);
  if (dtype == DataType::kU8) return static_cast<T>(value);
  uint32_t bits = 0;
  if (dtype == DataType::kF16) {
    const double magnitude = std::fabs(value);
    if (std::isnan(value)) {
      bits = 0x7E00;
    } else if (std::isinf(value)) {
      bits = 0x7C00;
    } else if (magnitude < 0x1p-14) {
      bits = static_cast<uint32_t>(magnitude * 0x1p24);
    } else {
      const int exponent = std::ilogb(magnitude);
      bits = static_cast<uint32_t>(exponent + 15) << 10 |
             (static_cast<uint32_t>(std::ldexp(magnitude, 10 - exponent)) & 0x3FF);
    }
    if (std::signbit(value)) bits |= 0x8000;
  } else {
    const auto f32 = static_cast<float>(value);
    std::memcpy(&bits, &f32, sizeof(bits));
    if (dtype == DataType::kBF16) bits >>= 16;
  }
  T element;
  std::memcpy(&element, &bits, sizeof(element));
  return element;
}

template <typename T>
double Decode(DataType dtype, T element) {
  uint32_t bits = 0;
  std::memcpy(&bits, &element, sizeof(element));
  if (dtype == DataType::kU8) return bits;
  if (dtype == DataType::kF16) {
    const double sign = bits & 0x8000 ? -1 : 1;
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double fraction = bits & 0x3FF;
    if (exponent == 0) return sign * fraction * 0x1p-24;
    if (exponent < 31) return sign * std::ldexp(1024 + fraction, exponent - 25);
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  }
  if (dtype == DataType::kBF16) bits <<= 16;
  float f32;
  std::memcpy(&f32, &bits, sizeof(f32));
  return static_cast<double>(f32);
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_ELEMENT_H_
