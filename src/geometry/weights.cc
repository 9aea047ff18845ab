// Validation of weights and numerics, for all ops.
#include "geometry/weights.h"

namespace polyphase::internal {
namespace {

// Names a type in messages; null for a value that is not a DataType.
const char* TypeName(DataType type) {
  switch (type) {
    case DataType::kF32: return "f32";
    case DataType::kF16: return "f16";
    case DataType::kBF16: return "bf16";
    case DataType::kU8: return "u8";
    case DataType::kI8: return "i8";
    case DataType::kU16: return "u16";
    case DataType::kI16: return "i16";
    case DataType::kI32: return "i32";
    case DataType::kF64: return "f64";
    case DataType::kI64: return "i64";
  }
  return nullptr;
}

}  // namespace

Status CheckWeights(const char* name, const Weights& weights) {
  const char* const type = TypeName(weights.type);
  if (type == nullptr) {
    return Status::InvalidArgument("%s type = %d: not a DataType", name, static_cast<int>(weights.type));
  }
  if (weights.data == nullptr) return Status::InvalidArgument("%s = null: must point to the weights", name);
  if (weights.type == DataType::kF32) return Status();
  return Status::Unsupported("%s type = %s: this version supports f32", name, type);
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
