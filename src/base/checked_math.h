// Integer arithmetic that reports overflow, and the few integer roundings that everything needs.
#ifndef POLYPHASE_SRC_BASE_CHECKED_MATH_H_
#define POLYPHASE_SRC_BASE_CHECKED_MATH_H_

#include <cstddef>
#include <cstdint>

namespace polyphase::internal {

// Both return false on overflow; *result is then unspecified.
[[nodiscard]] inline bool CheckedMul(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_mul_overflow(a, b, result);
}
[[nodiscard]] inline bool CheckedAdd(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_add_overflow(a, b, result);
}

// All of these require b > 0.
constexpr int64_t DivCeil(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }
constexpr int64_t DivFloor(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
constexpr int64_t RoundUp(int64_t a, int64_t b) { return DivCeil(a, b) * b; }

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_CHECKED_MATH_H_
