// The structs of the C API and their C++ counterparts: one list of fields per pair, which converts both ways. The
// defaults of the C structs are those of the C++ structs, converted.
#ifndef POLYPHASE_SRC_API_C_STRUCTS_H_
#define POLYPHASE_SRC_API_C_STRUCTS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/status.h"
#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"

namespace polyphase::internal {

// ---- Lists of fields

// A field of both structs of a pair.
template <class C, class Cpp>
struct Field {
  const char* name;
  C& c;
  Cpp& cpp;
};
template <class C, class Cpp>
Field(const char*, C&, Cpp&) -> Field<C, Cpp>;

// A field that is a pointer and a count in C and a vector in C++.
template <class C, class Count, class Cpp>
struct ArrayField {
  const char* name;
  C& c;
  Count& count;
  Cpp& cpp;
};
template <class C, class Count, class Cpp>
ArrayField(const char*, C&, Count&, Cpp&) -> ArrayField<C, Count, Cpp>;

// The counterpart of a C struct: the struct Cpp, its name in C, its exported function, and Fields, which lists every
// field but struct_size. The fields of a struct inside Cpp are a list inside the list.
template <class C>
struct Pair;

#define PPH_PAIR(CStruct, CppStruct, ...)         \
  template <>                                     \
  struct Pair<CStruct> {                          \
    using Cpp = CppStruct;                        \
    static constexpr char kStruct[] = #CStruct;   \
    static constexpr auto kInit = CStruct##_init; \
    template <class A, class B>                   \
    static auto Fields(A& c, B& cpp) {            \
      return std::tuple(__VA_ARGS__);             \
    }                                             \
  };
#define FIELD(field) \
  Field { #field, c.field, cpp.field }
#define ARRAY(field) \
  ArrayField { #field, c.field, c.field##_count, cpp.field }
#define WINDOW(field) \
  Field { #field, c.field, cpp.window.field }
#define POOL_WINDOW                                                                                            \
  std::tuple(WINDOW(spatial_rank), WINDOW(kernel), WINDOW(stride), WINDOW(padding_begin), WINDOW(padding_end), \
             WINDOW(dilation), WINDOW(ceil_mode), WINDOW(auto_pad))

PPH_PAIR(pph_runtime, Runtime, FIELD(context), FIELD(num_threads), FIELD(parallel_for), FIELD(allocate),
         FIELD(deallocate))
PPH_PAIR(pph_tensor_desc, TensorDesc, FIELD(dtype), FIELD(layout), FIELD(channel_block), FIELD(spatial_rank), FIELD(n),
         FIELD(c), FIELD(size), FIELD(stride_n), FIELD(stride_c), FIELD(stride))
PPH_PAIR(pph_weights, Weights, FIELD(data), FIELD(type))
PPH_PAIR(pph_epilogue, Epilogue, FIELD(activation), FIELD(negative_slope), FIELD(lower), FIELD(upper), FIELD(residual),
         FIELD(scale), FIELD(shift), FIELD(slope), FIELD(channels))
PPH_PAIR(pph_prologue, Prologue, FIELD(activation), FIELD(negative_slope))
PPH_PAIR(pph_operator_options, OperatorOptions, FIELD(isa), FIELD(runtime), FIELD(input_hint), FIELD(numerics))
PPH_PAIR(pph_plan_options, PlanOptions, FIELD(output), FIELD(output_size), FIELD(algorithm), FIELD(num_threads),
         FIELD(residual), FIELD(indices), FIELD(mask))
PPH_PAIR(pph_run_options, RunOptions, FIELD(workspace), FIELD(workspace_bytes), FIELD(runtime), FIELD(residual),
         FIELD(input_indices), FIELD(output_indices), FIELD(mask))
PPH_PAIR(pph_conv_transpose_attributes, ConvTransposeAttributes, FIELD(spatial_rank), FIELD(input_channels),
         FIELD(output_channels), FIELD(groups), FIELD(kernel), FIELD(stride), FIELD(padding_begin), FIELD(padding_end),
         FIELD(output_padding), FIELD(dilation), FIELD(auto_pad), FIELD(output_shape), FIELD(prologue), FIELD(epilogue))
PPH_PAIR(pph_conv_attributes, ConvAttributes, FIELD(spatial_rank), FIELD(input_channels), FIELD(output_channels),
         FIELD(groups), FIELD(kernel), FIELD(padding_begin), FIELD(padding_end), FIELD(dilation), FIELD(padding_mode),
         FIELD(auto_pad), FIELD(upsample), FIELD(shuffle), FIELD(channel_order), FIELD(prologue), FIELD(epilogue))
PPH_PAIR(pph_pointwise, Pointwise, FIELD(weights), FIELD(bias), FIELD(input_channels), FIELD(output_channels))
PPH_PAIR(pph_resize_attributes, ResizeAttributes, FIELD(spatial_rank), FIELD(mode), FIELD(coordinate_transformation),
         FIELD(coordinate_precision), FIELD(nearest_mode), FIELD(cubic_coeff_a), FIELD(antialias),
         FIELD(exclude_outside), FIELD(copy_unchanged_axes), FIELD(size), FIELD(scale), FIELD(output_size_rule),
         FIELD(keep_aspect_ratio_policy), FIELD(recompute_scale_factor), FIELD(roi_begin), FIELD(roi_end),
         FIELD(extrapolation_value), FIELD(u8_rounding), FIELD(n), FIELD(c), FIELD(epilogue), FIELD(pointwise),
         FIELD(pass_order))
PPH_PAIR(pph_onnx_resize, OnnxResize, FIELD(rank), FIELD(mode), FIELD(coordinate_transformation), FIELD(nearest_mode),
         FIELD(cubic_coeff_a), FIELD(exclude_outside), FIELD(antialias), FIELD(extrapolation_value),
         FIELD(keep_aspect_ratio_policy), FIELD(output_size_rule), ARRAY(axes), ARRAY(scales), ARRAY(sizes), ARRAY(roi))
PPH_PAIR(pph_pixel_shuffle_attributes, PixelShuffleAttributes, FIELD(spatial_rank), FIELD(factor), FIELD(direction),
         FIELD(channel_order))
PPH_PAIR(pph_max_pool_attributes, MaxPoolAttributes, POOL_WINDOW, FIELD(index_convention), FIELD(column_major))
PPH_PAIR(pph_max_unpool_attributes, MaxUnpoolAttributes, POOL_WINDOW, FIELD(index_convention),
         FIELD(indices_in_default_size))
PPH_PAIR(pph_avg_pool_attributes, AvgPoolAttributes, POOL_WINDOW, FIELD(count_include_pad), FIELD(divisor_override))
PPH_PAIR(pph_avg_unpool_attributes, AvgUnpoolAttributes, POOL_WINDOW, FIELD(mode), FIELD(count_include_pad),
         FIELD(divisor_override))
PPH_PAIR(pph_convex_upsample_attributes, ConvexUpsampleAttributes, FIELD(factor), FIELD(scale), FIELD(mask_scale))

// Every struct of the C API.
#define PPH_STRUCTS                                                                                              \
  pph_runtime, pph_tensor_desc, pph_weights, pph_epilogue, pph_prologue, pph_operator_options, pph_plan_options, \
      pph_run_options, pph_conv_transpose_attributes, pph_conv_attributes, pph_pointwise, pph_resize_attributes, \
      pph_onnx_resize, pph_pixel_shuffle_attributes, pph_max_pool_attributes, pph_max_unpool_attributes,         \
      pph_avg_pool_attributes, pph_avg_unpool_attributes, pph_convex_upsample_attributes

#undef POOL_WINDOW
#undef WINDOW
#undef ARRAY
#undef FIELD
#undef PPH_PAIR

// Calls visit(field) for every field of a list.
template <class Item, class Visit>
void ForEachField(const Item& field, const Visit& visit) {
  visit(field);
}
template <class... Items, class Visit>
void ForEachField(const std::tuple<Items...>& list, const Visit& visit) {
  std::apply([&](const auto&... items) { (ForEachField(items, visit), ...); }, list);
}

// ---- No field is missing: the lengths of a list are those of the structs

// Converts to the type of any member.
struct Anything {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

template <size_t>
using AnythingAt = Anything;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-braces"  // arrays are meant to take their values without braces
template <class T, size_t... kIndex>
constexpr auto CanHold(std::index_sequence<kIndex...>) -> decltype(T{AnythingAt<kIndex>()...}, bool()) {
  return true;
}
#pragma GCC diagnostic pop
template <class T>
constexpr bool CanHold(...) {
  return false;
}

// Says whether exactly this many values initialize a T: scalars for a C struct, whose arrays take one value per
// element, and members for a C++ struct.
template <class T, size_t kCount>
constexpr bool kHoldsExactly = CanHold<T>(std::make_index_sequence<kCount>()) &&
                               !CanHold<T>(std::make_index_sequence<kCount + 1>());

// Counts the scalars of a list of fields in C.
template <class Item>
constexpr size_t kScalars = 1;
template <class T, size_t kLength, class Cpp>
constexpr size_t kScalars<Field<T[kLength], Cpp>> = kLength;
template <class C, class Count, class Cpp>
constexpr size_t kScalars<ArrayField<C, Count, Cpp>> = 2;
template <class... Items>
constexpr size_t kScalars<std::tuple<Items...>> = (kScalars<Items> + ...);

// ---- Conversion

Status NullError(const char* name);
Status CheckAlignment(const char* c_struct, const char* name, const void* pointer, size_t alignment);
Status CheckFlag(const char* c_struct, const char* name, int32_t value);
// Checks the size of a caller's struct. `first` and `known` are the sizes of its first version and of this one. That of
// any version is a multiple of `step`, its alignment.
Status CheckStruct(const char* name, const char* c_struct, const void* c, size_t first, size_t known, size_t step);

// The size of the first version of a C struct. A struct that has grown specializes this with the offset of the first
// field that its first version did not have.
template <class C>
constexpr size_t kFirstSize = sizeof(C);
template <>
inline constexpr size_t kFirstSize<pph_plan_options> = offsetof(pph_plan_options, mask);
template <>
inline constexpr size_t kFirstSize<pph_run_options> = offsetof(pph_run_options, mask);

template <class C>
Status CheckStruct(const char* name, const C* c) {
  POLYPHASE_RETURN_IF_ERROR(CheckAlignment(Pair<C>::kStruct, name, c, alignof(C)));
  return CheckStruct(name, Pair<C>::kStruct, c, kFirstSize<C>, sizeof(C), alignof(C));
}

// Converts fields of all kinds. Pointers to structs and strings are left null, which is their default.
template <class C, class Cpp>
void ToC(const Field<C, Cpp>& field) {
  if constexpr (std::is_array_v<C>) {
    std::copy(field.cpp.begin(), field.cpp.end(), field.c);
  } else if constexpr (std::is_same_v<const C, Cpp>) {
    field.c = field.cpp;
  } else if constexpr (!std::is_pointer_v<C>) {
    field.c = static_cast<C>(field.cpp);  // an enum or a flag
  }
}
template <class C, class Count, class Cpp>
void ToC(const ArrayField<C, Count, Cpp>& field) {
  field.c = field.cpp.data();
  field.count = field.cpp.size();
}

// Converts a struct without other structs in it.
template <class C>
C ToC(const typename Pair<C>::Cpp& cpp) {
  C c = {};
  c.struct_size = sizeof(C);
  auto fields = Pair<C>::Fields(c, cpp);
  static_assert(kHoldsExactly<C, 1 + kScalars<decltype(fields)>>, "a field of the C struct is missing");
  // A Runtime is no aggregate; its fields are those of pph_runtime.
  static_assert(
      std::is_same_v<C, pph_runtime> || kHoldsExactly<typename Pair<C>::Cpp, std::tuple_size_v<decltype(fields)>>,
      "a field of the C++ struct is missing");
  ForEachField(fields, [](const auto& field) { ToC(field); });
  return c;
}

// Fills a caller's struct of any size with the defaults. Bytes beyond this version's struct become zeros.
template <class C>
void Init(C* c, size_t struct_size) {
  if (c == nullptr || struct_size < sizeof(size_t)) return;
  C defaults = ToC<C>({});
  defaults.struct_size = struct_size;
  std::memset(static_cast<void*>(c), 0, struct_size);
  std::memcpy(static_cast<void*>(c), &defaults, std::min(struct_size, sizeof(C)));
}

// Overwrites what a caller's struct and this version's have in common.
template <class C>
Status ToC(const char* name, const typename Pair<C>::Cpp& cpp, C* c) {
  if (c == nullptr) return NullError(name);
  POLYPHASE_RETURN_IF_ERROR(CheckStruct(name, c));
  C full = ToC<C>(cpp);
  full.struct_size = c->struct_size;
  std::memcpy(c, &full, std::min(c->struct_size, sizeof(C)));
  return Status();
}

template <class C>
Status FromC(const char* name, const C* given, typename Pair<C>::Cpp* cpp);

// Converts a struct that is optional in C: if it is null, `cpp` keeps its default.
template <class C, class Cpp>
Status FromOptionalC(const char* name, const C* c, Cpp* cpp) {
  return c == nullptr ? Status() : FromC(name, c, cpp);
}
template <class C, class Cpp>
Status FromOptionalC(const char* name, const C* c, std::optional<Cpp>* cpp) {
  return c == nullptr ? Status() : FromC(name, c, &cpp->emplace());
}

template <class C, class Cpp>
Status FromC(const char* c_struct, const Field<const C, Cpp>& field) {
  if constexpr (std::is_array_v<C>) {
    std::copy(std::begin(field.c), std::end(field.c), field.cpp.begin());
  } else if constexpr (std::is_same_v<C, Cpp>) {
    field.cpp = field.c;
  } else if constexpr (std::is_same_v<Cpp, bool>) {
    field.cpp = field.c != 0;
    return CheckFlag(c_struct, field.name, field.c);
  } else if constexpr (std::is_enum_v<Cpp>) {
    field.cpp = static_cast<Cpp>(field.c);
  } else if constexpr (std::is_same_v<Cpp, std::string>) {
    if (field.c != nullptr) field.cpp = field.c;
  } else {
    return FromOptionalC(field.name, field.c, &field.cpp);
  }
  return Status();
}
template <class C, class Count, class Cpp>
Status FromC(const char* c_struct, const ArrayField<C, Count, Cpp>& field) {
  // The arrays of ONNX, of which none is longer than two values per axis.
  constexpr size_t kMost = 2 * (2 + PPH_MAX_SPATIAL_RANK);
  if (field.count > kMost) {
    return Status::InvalidArgument("%s %s_count = %zu: must be at most %zu", c_struct, field.name, field.count, kMost);
  }
  if (field.c == nullptr && field.count > 0) {
    return Status::InvalidArgument("%s %s = null: must not be null for %s_count = %zu", c_struct, field.name,
                                   field.name, field.count);
  }
  const Status status = CheckAlignment(c_struct, field.name, field.c, alignof(decltype(*field.c)));
  if (status.ok()) field.cpp.assign(field.c, field.c + field.count);
  return status;
}

// Converts a caller's struct of any size that CheckStruct accepts. Fields that it lacks have their defaults.
template <class C>
Status FromC(const char* name, const C* given, typename Pair<C>::Cpp* cpp) {
  if (given == nullptr) return NullError(name);
  POLYPHASE_RETURN_IF_ERROR(CheckStruct(name, given));
  C full = ToC<C>({});
  std::memcpy(&full, given, std::min(given->struct_size, sizeof(C)));
  const C& c = full;
  Status status;
  ForEachField(Pair<C>::Fields(c, *cpp), [&](const auto& field) {
    if (status.ok()) status = FromC(Pair<C>::kStruct, field);
  });
  return status;
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_API_C_STRUCTS_H_
