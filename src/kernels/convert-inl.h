// Loads and stores that convert between the element types of tensors and the 32-bit lanes in which kernels compute.
// Included once per target.
#if defined(POLYPHASE_SRC_KERNELS_CONVERT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_CONVERT_INL_H_
#undef POLYPHASE_SRC_KERNELS_CONVERT_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_CONVERT_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

// One struct per element type and lane type: `Element` in memory, `Lane` in vectors. Load and Store move one vector of
// d's lanes; both round to nearest, ties to even, unless said otherwise.

struct F32 {
  using Element = float;
  using Lane = float;
  template <class D>
  static HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> Load(D d, const Element* p) {
    return hwy::HWY_NAMESPACE::LoadU(d, p);
  }
  template <class D>
  static HWY_INLINE void Store(hwy::HWY_NAMESPACE::Vec<D> v, D d, Element* p) {
    hwy::HWY_NAMESPACE::StoreU(v, d, p);
  }
};

// Highway 1.0.3 truncates where it has no instruction, hence integers there (after F. Giesen's public domain half.c).
struct F16 {
  using Element = uint16_t;
  using Lane = float;
  template <class D>
  static HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> Load(D d, const Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::Rebind<uint16_t, D> d16;
    const hn::RebindToUnsigned<D> d32;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
    (void)d32;
    return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), hn::LoadU(d16, p)));
#else
    const auto half = hn::PromoteTo(d32, hn::LoadU(d16, p));
    const auto magnitude = hn::ShiftLeft<13>(hn::And(half, hn::Set(d32, 0x7FFF)));
    const auto exponent = hn::And(magnitude, hn::Set(d32, 0x7C00u << 13));
    const auto rebiased = hn::Add(magnitude, hn::Set(d32, (127u - 15) << 23));
    const auto infinite = hn::Add(rebiased, hn::Set(d32, (128u - 16) << 23));
    const auto tiny =
        hn::BitCast(d32, hn::Sub(hn::BitCast(d, hn::Add(rebiased, hn::Set(d32, 1u << 23))), hn::Set(d, 0x1p-14f)));
    auto bits = hn::IfThenElse(hn::Eq(exponent, hn::Set(d32, 0x7C00u << 13)), infinite, rebiased);
    bits = hn::IfThenElse(hn::Eq(exponent, hn::Zero(d32)), tiny, bits);
    return hn::BitCast(d, hn::Or(bits, hn::ShiftLeft<16>(hn::And(half, hn::Set(d32, 0x8000)))));
#endif
  }
  template <class D>
  static HWY_INLINE void Store(hwy::HWY_NAMESPACE::Vec<D> v, D d, Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::Rebind<uint16_t, D> d16;
    const hn::RebindToUnsigned<D> d32;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
    (void)d32;
    hn::StoreU(hn::BitCast(d16, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), v)), d16, p);
#else
    const hn::RebindToSigned<D> di;
    const auto all = hn::BitCast(d32, v);
    const auto sign = hn::And(all, hn::Set(d32, 0x80000000u));
    const auto bits = hn::Xor(all, sign);
    const auto odd = hn::And(hn::ShiftRight<13>(bits), hn::Set(d32, 1));
    const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(bits, odd), hn::Set(d32, 0xFFFu - ((127u - 15) << 23))));
    const auto half = hn::Set(d, 0.5f);
    const auto tiny = hn::Sub(hn::BitCast(d32, hn::Add(hn::BitCast(d, bits), half)), hn::BitCast(d32, half));
    const auto less = [&](uint32_t limit) HWY_ATTR {
      return hn::RebindMask(d32, hn::Lt(hn::BitCast(di, bits), hn::Set(di, static_cast<int32_t>(limit))));
    };
    auto result = hn::IfThenElse(less(113u << 23), tiny, normal);
    const auto special = hn::IfThenElse(less(0x7F800001u), hn::Set(d32, 0x7C00), hn::Set(d32, 0x7E00));
    result = hn::IfThenElse(less((127u + 16) << 23), result, special);
    result = hn::Or(result, hn::ShiftRight<16>(sign));
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, result)), d16, p);
#endif
  }
};

struct BF16 {
  using Element = uint16_t;
  using Lane = float;
  template <class D>
  static HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> Load(D d, const Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::RebindToUnsigned<D> d32;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(hn::Rebind<uint16_t, D>(), p))));
  }
  template <class D>
  static HWY_INLINE void Store(hwy::HWY_NAMESPACE::Vec<D> v, D d, Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    (void)d;  // its type says all
    const hn::Rebind<uint16_t, D> d16;
    const hn::RebindToUnsigned<D> d32;
    const hn::RebindToSigned<D> di;
    const auto bits = hn::BitCast(d32, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7FFF)));
    const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
    const auto result = hn::IfThenElse(hn::RebindMask(d32, hn::Ne(v, v)), quiet, rounded);
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, hn::ShiftRight<16>(result))), d16, p);
  }
};

// Saturates; a NaN becomes 0.
template <bool kTruncate>
struct U8 {
  using Element = uint8_t;
  using Lane = float;
  template <class D>
  static HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> Load(D d, const Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::RebindToSigned<D> di;
    return hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(hn::Rebind<uint8_t, D>(), p)));
  }
  template <class D>
  static HWY_INLINE void Store(hwy::HWY_NAMESPACE::Vec<D> v, D d, Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::RebindToSigned<D> di;
    const hn::Rebind<uint8_t, D> d8;
    const auto positive = hn::IfThenElseZero(hn::Gt(v, hn::Zero(d)), v);
    const auto bounded = hn::Min(positive, hn::Set(d, 255.0f));
    hn::StoreU(hn::DemoteTo(d8, kTruncate ? hn::ConvertTo(di, bounded) : hn::NearestInt(bounded)), d8, p);
  }
};

// The lanes of fixed-point arithmetic; Store saturates.
struct U8Integer {
  using Element = uint8_t;
  using Lane = int32_t;
  template <class D>
  static HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> Load(D d, const Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<uint8_t, D>(), p));
  }
  template <class D>
  static HWY_INLINE void Store(hwy::HWY_NAMESPACE::Vec<D> v, D d, Element* p) {
    namespace hn = hwy::HWY_NAMESPACE;
    (void)d;  // its type says all
    const hn::Rebind<uint8_t, D> d8;
    hn::StoreU(hn::DemoteTo(d8, v), d8, p);
  }
};

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
