// Says how elements and weights become the f32 lanes in which kernels compute.
#ifndef POLYPHASE_SRC_PLAN_CONVERSION_H_
#define POLYPHASE_SRC_PLAN_CONVERSION_H_

#include <cassert>
#include <cstdint>
#include <vector>

#include "geometry/tensor.h"
#include "kernels/panel.h"
#include "polyphase/weights.h"

namespace polyphase::internal {

// Returns the conversion of a float type.
inline Conversion FloatConversion(DataType dtype) {
  assert(IsFloat(dtype));
  return dtype == DataType::kF16 ? Conversion::kF16 : dtype == DataType::kBF16 ? Conversion::kBF16 : Conversion::kF32;
}

// Returns `count` valid weights as f32: the caller's own, or a copy in `converted`.
inline const float* FloatWeights(const Weights& weights, int64_t count, const PanelKernels& kernels,
                                 std::vector<float>* converted) {
  if (weights.type == DataType::kF32) return static_cast<const float*>(weights.data);
  converted->resize(static_cast<size_t>(count));
  kernels.pack_as[static_cast<int>(FloatConversion(weights.type))]({{1, 0}, 0, 1, count, 1}, weights.data,
                                                                   converted->data(), 1, 1);
  return converted->data();
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_CONVERSION_H_
