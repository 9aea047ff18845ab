// FloatMode: rounding and denormal numbers of the thread that computes.
#ifndef POLYPHASE_SRC_BASE_FLOAT_MODE_H_
#define POLYPHASE_SRC_BASE_FLOAT_MODE_H_

#include <cstdint>

namespace polyphase::internal {

// What happens to numbers below 2^-126. On many CPUs each of them costs more than a hundred cycles.
enum class Denormals {
  kKeep,
  kFlush,  // operands and results count as 0, where the CPU can do that: x86 and AArch64
};

// Sets the mode of the calling thread, rounding to nearest and no traps, and restores what was set before. Results do
// not depend on the caller's mode, which would reach his own thread but not all of the others.
class FloatMode {
 public:
  explicit FloatMode(Denormals denormals) : saved_(Read()) {
    const Control mode = denormals == Denormals::kFlush ? kDefault | kFlush : kDefault;
    if (saved_ != mode) Write(mode);
    changed_ = saved_ != mode;
  }
  ~FloatMode() {
    if (changed_) Write(saved_);
  }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
#if defined(__SSE__)
  using Control = uint32_t;                    // MXCSR
  static constexpr Control kDefault = 0x1f80;  // all exceptions masked
  static constexpr Control kFlush = 0x8040;    // FTZ, DAZ
  static Control Read() { return __builtin_ia32_stmxcsr(); }
  static void Write(Control mode) { __builtin_ia32_ldmxcsr(mode); }
#elif defined(__aarch64__)
  using Control = uint64_t;  // FPCR
  static constexpr Control kDefault = 0;
  static constexpr Control kFlush = 1 << 24;  // FZ; f16 has a bit of its own
  static Control Read() {
    Control mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void Write(Control mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
  using Control = uint32_t;
  static constexpr Control kDefault = 0, kFlush = 0;
  static Control Read() { return kDefault; }
  static void Write(Control) {}
#endif

  Control saved_;
  bool changed_;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_FLOAT_MODE_H_
