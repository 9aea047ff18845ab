// Vectors that are numbered like the elements of an array. Each target includes this file once.
#if defined(POLYPHASE_SRC_KERNELS_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_VECTORS_INL_H_
#undef POLYPHASE_SRC_KERNELS_VECTORS_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_VECTORS_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

// POLYPHASE_VECTORS(V, v, [4][2]) stands for V v[4][2], and Vectors<V, 4> for the type V[4]. A lambda that uses v from
// outside has POLYPHASE_VECTORS_ATTR instead of HWY_ATTR.
#undef POLYPHASE_VECTORS
#undef POLYPHASE_VECTORS_ATTR

// Highway 1.4 does not count the two as scalable, but their vectors have the same types without a size.
#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SVE_256 || HWY_TARGET == HWY_SVE2_128

// A vector without a size cannot be an element of an array or a member, but its address can. Each vector is a variable
// with a name of its own, and v has their addresses. Once the loops over v are unrolled, nothing is left of these, nor
// of the variables that are not used. A call, which GCC 12 makes per tap of a dense tile, would keep all of them.
template <class V, class Shape>
struct NamedVectors;

template <class V, int kCount>
struct NamedVectors<V, char[kCount]> {
  HWY_INLINE V& operator[](int i) const { return *at[i]; }
  V* const* at;
};

template <class V, int kRows, int kCount>
struct NamedVectors<V, char[kRows][kCount]> {
  HWY_INLINE NamedVectors<V, char[kCount]> operator[](int i) const { return {at + i * kCount}; }
  V* const* at;
};

template <class V, int kCount>
using Vectors = NamedVectors<V, char[kCount]>;

#define POLYPHASE_VECTORS(V, v, shape)                                                                          \
  V v##0, v##1, v##2, v##3, v##4, v##5, v##6, v##7, v##8, v##9, v##10, v##11, v##12, v##13;                     \
  V v##14, v##15, v##16, v##17, v##18, v##19, v##20, v##21, v##22, v##23, v##24, v##25, v##26, v##27;           \
  V* const v##_at[] = {&v##0,  &v##1,  &v##2,  &v##3,  &v##4,  &v##5,  &v##6,  &v##7,  &v##8,  &v##9,           \
                       &v##10, &v##11, &v##12, &v##13, &v##14, &v##15, &v##16, &v##17, &v##18, &v##19,          \
                       &v##20, &v##21, &v##22, &v##23, &v##24, &v##25, &v##26, &v##27};                         \
  static_assert(sizeof(char shape) <= sizeof(v##_at) / sizeof(v##_at[0]), "there are more vectors than names"); \
  const NamedVectors<V, char shape> v { v##_at }
#define POLYPHASE_VECTORS_ATTR HWY_ATTR __attribute__((always_inline))

#else

template <class V, int kCount>
using Vectors = V[kCount];

#define POLYPHASE_VECTORS(V, v, shape) V v shape
#define POLYPHASE_VECTORS_ATTR HWY_ATTR

#endif

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
