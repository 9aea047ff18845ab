// The activations as vector functions, for every kernel that ends in an epilogue. Included once per target.
#if defined(POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_
#undef POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/activation.h"
#include "polyphase/epilogue.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

// Calls body(activation), where activation(d, x) is the epilogue's. A NaN stays a NaN: each compares in the direction
// in which a NaN selects x.
template <class Body>
HWY_INLINE void WithActivation(Activation activation, const ActivationParameters& epilogue, const Body& body) {
  namespace hn = hwy::HWY_NAMESPACE;
  switch (activation) {
    default:
    case Activation::kNone: return body([](auto, auto x, auto) HWY_ATTR { return x; });
    case Activation::kRelu:
      return body([](auto d, auto x, auto) HWY_ATTR { return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x); });
    case Activation::kLeakyRelu:
      return body([slope = epilogue.negative_slope](auto d, auto x, auto)
                      HWY_ATTR { return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(x, hn::Set(d, slope)), x); });
    case Activation::kClamp:
      return body([lo = epilogue.lower, hi = epilogue.upper](auto d, auto x, auto) HWY_ATTR {
        const auto y = hn::IfThenElse(hn::Lt(x, hn::Set(d, lo)), hn::Set(d, lo), x);
        return hn::IfThenElse(hn::Gt(y, hn::Set(d, hi)), hn::Set(d, hi), y);
      });
  }
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
