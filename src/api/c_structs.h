// The structs of the C API to those of the C++ API and back. Errors: null, another struct_size, flags that are not 0 or 1.
// Everything else is the C++ API's to check.
#ifndef POLYPHASE_SRC_API_C_STRUCTS_H_
#define POLYPHASE_SRC_API_C_STRUCTS_H_

#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"

namespace polyphase::internal {

Status NullError(const char* name);
Status CheckFlag(const char* name, int32_t value);

template <class T>
Status CheckStruct(const char* name, const T* value) {
  if (value == nullptr) return NullError(name);
  if (value->struct_size == sizeof(T)) return Status();
  return Status::InvalidArgument("%s struct_size = %zu: must be %zu; use the matching PPH_..._INIT", name,
                                 value->struct_size, sizeof(T));
}

template <class T>
Status CheckOptional(const char* name, const T* value) {
  return value == nullptr ? Status() : CheckStruct(name, value);
}

inline SpatialSizes Sizes(const int64_t (&values)[PPH_MAX_SPATIAL_RANK]) { return {values[0], values[1], values[2]}; }

TensorDesc FromC(const pph_tensor_desc& c);
Status ToC(const TensorDesc& desc, pph_tensor_desc* c);
Status FromC(const pph_operator_options* c, OperatorOptions* options);
Status FromC(const pph_conv_transpose_attributes* c, ConvTransposeAttributes* a);
Status FromC(const pph_conv_attributes* c, ConvAttributes* a);
Status FromC(const pph_resize_attributes* c, ResizeAttributes* a);
void ToC(const ResizeAttributes& a, pph_resize_attributes* c);  // of a preset, which has no epilogue
Status FromC(const pph_onnx_resize* c, OnnxResize* node);
Status FromC(const pph_pixel_shuffle_attributes* c, PixelShuffleAttributes* a);
Status FromC(const pph_max_pool_attributes* c, MaxPoolAttributes* a);
Status FromC(const pph_max_unpool_attributes* c, MaxUnpoolAttributes* a);
Status FromC(const pph_avg_pool_attributes* c, AvgPoolAttributes* a);
Status FromC(const pph_avg_unpool_attributes* c, AvgUnpoolAttributes* a);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_API_C_STRUCTS_H_
