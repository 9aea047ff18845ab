// Makes up for what Highway 1.0 lacks: the only kernel code that depends on its version or uses raw intrinsics. Each
// target includes this file once.
#if defined(POLYPHASE_SRC_KERNELS_COMPAT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_COMPAT_INL_H_
#undef POLYPHASE_SRC_KERNELS_COMPAT_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_COMPAT_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Permutes the lanes of two vectors; `lane` is modulo twice their number. Highway 1.0 has no TwoTablesLookupLanes.
template <class D>
HWY_INLINE hn::Vec<D> PermuteTwo(D d, hn::Vec<D> lower, hn::Vec<D> upper, hn::Vec<hn::RebindToSigned<D>> lane) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  (void)d;
  return hn::Vec<D>{_mm512_permutex2var_ps(lower.raw, lane.raw, upper.raw)};
#else
  const hn::RebindToSigned<D> di;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  const auto index = hn::IndicesFromVec(d, hn::And(lane, hn::Set(di, lanes - 1)));
  const auto is_upper = hn::RebindMask(d, hn::Ne(hn::And(lane, hn::Set(di, lanes)), hn::Zero(di)));
  return hn::IfThenElse(is_upper, hn::TableLookupLanes(upper, index), hn::TableLookupLanes(lower, index));
#endif
}

// Gathers source[index], where indices may be negative. Highway's GatherIndex for RVV takes them for unsigned ones.
template <class D>
HWY_INLINE hn::Vec<D> Gather(D d, const float* source, hn::Vec<hn::RebindToSigned<D>> index) {
#if HWY_TARGET == HWY_RVV
  constexpr int32_t kBias = 1 << 28;
  const auto base = reinterpret_cast<const float*>(reinterpret_cast<uintptr_t>(source) - kBias * sizeof(float));
  return hn::GatherIndex(d, base, hn::Add(index, hn::Set(hn::RebindToSigned<D>(), kBias)));
#else
  return hn::GatherIndex(d, source, index);
#endif
}

#if HWY_TARGET != HWY_SCALAR  // which has no blocks of 16 bytes

// Multiplies 16-bit lanes and adds neighbouring products as 32-bit lanes. Highway 1.0 has no WidenMulPairwiseAdd.
template <class D32>
HWY_INLINE hn::Vec<D32> MulPairs(D32 d32, hn::Vec<hn::Repartition<int16_t, D32>> a,
                                 hn::Vec<hn::Repartition<int16_t, D32>> b) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  (void)d32;
  if constexpr (sizeof(hn::Vec<D32>) == 16) return hn::Vec<D32>{_mm_madd_epi16(a.raw, b.raw)};
#if HWY_TARGET <= HWY_AVX2
  if constexpr (sizeof(hn::Vec<D32>) == 32) return hn::Vec<D32>{_mm256_madd_epi16(a.raw, b.raw)};
#endif
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(hn::Vec<D32>) == 64) return hn::Vec<D32>{_mm512_madd_epi16(a.raw, b.raw)};
#endif
#else
  const auto even = [&](auto v) HWY_ATTR { return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d32, v))); };
  const auto odd = [&](auto v) HWY_ATTR { return hn::ShiftRight<16>(hn::BitCast(d32, v)); };
  return hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b)));
#endif
}

// Clamps 32-bit lanes to 0..255 and puts the four vectors side by side within each block of 16 bytes: the reverse of
// InterleaveLower and InterleaveUpper with zeros. Highway 1.0 has no ReorderDemote2To for bytes.
template <class D8, class V32>
HWY_INLINE hn::Vec<D8> DemoteFour(D8 d8, V32 a, V32 b, V32 c, V32 d) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  const hn::Repartition<int16_t, D8> d16;
  const auto lower = hn::ReorderDemote2To(d16, a, b), upper = hn::ReorderDemote2To(d16, c, d);
  (void)d8;
  if constexpr (sizeof(hn::Vec<D8>) == 16) return hn::Vec<D8>{_mm_packus_epi16(lower.raw, upper.raw)};
#if HWY_TARGET <= HWY_AVX2
  if constexpr (sizeof(hn::Vec<D8>) == 32) return hn::Vec<D8>{_mm256_packus_epi16(lower.raw, upper.raw)};
#endif
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(hn::Vec<D8>) == 64) return hn::Vec<D8>{_mm512_packus_epi16(lower.raw, upper.raw)};
#endif
#elif HWY_MAX_BYTES > 16
  // A lane of the sum has a byte of each vector. Only this stays within blocks, of which a vector has any number.
  const hn::Repartition<int32_t, D8> d32;
  const auto byte = [&](V32 v) HWY_ATTR { return hn::Min(hn::Max(v, hn::Zero(d32)), hn::Set(d32, 255)); };
  const auto lower = hn::Or(byte(a), hn::ShiftLeft<8>(byte(b))), upper = hn::Or(byte(c), hn::ShiftLeft<8>(byte(d)));
  alignas(16) static constexpr uint8_t kOrder[] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  return hn::TableLookupBytes(hn::BitCast(d8, hn::Or(lower, hn::ShiftLeft<16>(upper))), hn::LoadDup128(d8, kOrder));
#else
  const hn::Half<D8> d_half;
  const hn::Half<hn::Half<D8>> d_quarter;
  const auto two = [&](V32 x, V32 y)
                       HWY_ATTR { return hn::Combine(d_half, hn::DemoteTo(d_quarter, y), hn::DemoteTo(d_quarter, x)); };
  return hn::Combine(d8, two(c, d), two(a, b));
#endif
}

#endif  // HWY_SCALAR

// Converts f16 to and from f32 for kernels/convert-inl.h, which says what the members mean. Highway 1.0.3 truncates
// where the CPU has no instruction for it, so integer arithmetic rounds there (after F. Giesen's public domain half.c).
struct F16 {
  using Element = uint16_t;
  using Lane = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Element* p) {
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
  static HWY_INLINE void Store(hn::Vec<D> v, D d, Element* p) {
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

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
