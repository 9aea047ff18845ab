// Loads and stores that convert between the element types of tensors and the 32-bit lanes in which kernels compute.
// Each target includes this file once.
#if defined(POLYPHASE_SRC_KERNELS_CONVERT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_CONVERT_INL_H_
#undef POLYPHASE_SRC_KERNELS_CONVERT_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_CONVERT_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/compat-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Each struct stands for an element type in memory, `Element`, and a lane type in vectors, `Lane`. Load and Store move
// one vector of d's lanes. Both round to nearest, ties to even, unless the struct says otherwise.

struct F32 {
  using Element = float;
  using Lane = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Element* p) {
    return hn::LoadU(d, p);
  }
  template <class D>
  static HWY_INLINE void Store(hn::Vec<D> v, D d, Element* p) {
    hn::StoreU(v, d, p);
  }
};

struct BF16 {
  using Element = uint16_t;
  using Lane = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Element* p) {
    const hn::RebindToUnsigned<D> d32;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(hn::Rebind<uint16_t, D>(), p))));
  }
  template <class D>
  static HWY_INLINE void Store(hn::Vec<D> v, D d, Element* p) {
    (void)d;  // only its type matters
    const hn::Rebind<uint16_t, D> d16;
    const hn::RebindToUnsigned<D> d32;
    const hn::RebindToSigned<D> di;
    const auto bits = hn::BitCast(d32, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7FFF)));
    const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
    // Highway 1.0.3's Ne is ordered on x86, so v != v does not find a NaN.
    const auto magnitude = hn::BitCast(di, hn::And(bits, hn::Set(d32, 0x7FFFFFFF)));
    const auto is_nan = hn::RebindMask(d32, hn::Gt(magnitude, hn::Set(di, 0x7F800000)));
    const auto result = hn::IfThenElse(is_nan, quiet, rounded);
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, hn::ShiftRight<16>(result))), d16, p);
  }
};

// Store saturates and makes a NaN 0.
template <bool kTruncate>
struct U8 {
  using Element = uint8_t;
  using Lane = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Element* p) {
    const hn::RebindToSigned<D> di;
    return hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(hn::Rebind<uint8_t, D>(), p)));
  }
  template <class D>
  static HWY_INLINE void Store(hn::Vec<D> v, D d, Element* p) {
    const hn::RebindToSigned<D> di;
    const hn::Rebind<uint8_t, D> d8;
    const auto positive = hn::IfThenElseZero(hn::Gt(v, hn::Zero(d)), v);
    const auto bounded = hn::Min(positive, hn::Set(d, 255.0f));
    hn::StoreU(hn::DemoteTo(d8, kTruncate ? hn::ConvertTo(di, bounded) : hn::NearestInt(bounded)), d8, p);
  }
};

// Lane is that of fixed-point arithmetic. Store saturates.
struct U8Integer {
  using Element = uint8_t;
  using Lane = int32_t;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Element* p) {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<uint8_t, D>(), p));
  }
  template <class D>
  static HWY_INLINE void Store(hn::Vec<D> v, D d, Element* p) {
    (void)d;  // only its type matters
    const hn::Rebind<uint8_t, D> d8;
    hn::StoreU(hn::DemoteTo(d8, v), d8, p);
  }
};

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
