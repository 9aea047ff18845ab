// Validation of weights, other constants and numerics, for all ops.
#include "geometry/weights.h"

#include <cstdint>

#include "geometry/enum_names.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
Status CheckWeights(const char* name, const Weights& weights) {
  if (TypeName(weights.type) == nullptr) {
    return Status::InvalidArgument("%s type = %d: not a DataType", name, static_cast<int>(weights.type));
  }
  if (weights.data == nullptr) return Status::InvalidArgument("%s = null: must point to the weights", name);
  if (reinterpret_cast<uintptr_t>(weights.data) % ElementSize(weights.type) != 0) {
    return Status::InvalidArgument("%s = %p: must be aligned to the %zu bytes of a weight", name, weights.data,
                                   ElementSize(weights.type));
  }
  if (IsFloat(weights.type)) return Status();
  return Status::Unsupported("%s type = %s: must be kF32, kF16 or kBF16", name, EnumName(weights.type).c_str());
}

Status CheckFloats(const char* op, const char* name, const float* values) {
  if (reinterpret_cast<uintptr_t>(values) % alignof(float) == 0) return Status();
  return Status::InvalidArgument("%s %s = %p: must be aligned to the %zu bytes of a value", op, name,
                                 static_cast<const void*>(values), alignof(float));
}

Status CheckNumerics(Numerics numerics) {
  switch (numerics) {
    case Numerics::kStrict:
    case Numerics::kDefault:
    case Numerics::kFast:
    case Numerics::kBf16: return Status();
  }
  return Status::InvalidArgument("numerics = %d: must be kStrict, kDefault, kFast or kBf16",
                                 static_cast<int>(numerics));
}

}  // namespace polyphase::internal
