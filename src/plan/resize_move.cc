// Decides the tasks of nearest resizing that moves elements.
#include "plan/resize_move.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "base/format.h"
#include "base/status.h"
#include "geometry/enum_names.h"
#include "geometry/epilogue.h"

namespace polyphase::internal {
namespace {

// Fewer elements than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskElements = 16384;

// Returns the bits of the extrapolation value, rounded towards zero and saturated; a NaN becomes 0.
template <typename T>
uint64_t ElementBits(float value) {
  T element{};
  if constexpr (std::numeric_limits<T>::is_integer) {
    // 2^63 and its kind are exact in double, while the largest T may not be.
    const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
    const double least = std::numeric_limits<T>::is_signed ? -above : 0.0;
    const auto number = static_cast<double>(value);
    if (number >= above) {
      element = std::numeric_limits<T>::max();
    } else if (number > least) {
      element = static_cast<T>(number);
    } else if (number <= least) {
      element = std::numeric_limits<T>::min();
    }
  } else {
    element = static_cast<T>(value);
  }
  uint64_t bits = 0;
  std::memcpy(&bits, &element, sizeof(T));
  return bits;
}

uint64_t OutsideBits(DataType dtype, float value) {
  switch (dtype) {
    case DataType::kI8: return ElementBits<int8_t>(value);
    case DataType::kU16: return ElementBits<uint16_t>(value);
    case DataType::kI16: return ElementBits<int16_t>(value);
    case DataType::kI32: return ElementBits<int32_t>(value);
    case DataType::kF64: return ElementBits<double>(value);
    case DataType::kI64: return ElementBits<int64_t>(value);
    case DataType::kF32:
    case DataType::kF16:
    case DataType::kBF16:
    case DataType::kU8: break;
  }
  return 0;
}

}  // namespace

bool IsMoved(DataType dtype) {
  return dtype != DataType::kF32 && dtype != DataType::kF16 && dtype != DataType::kBF16 && dtype != DataType::kU8;
}

Status MakeResizeMovePlan(const ResizeOperator& op, const TensorDesc& input, const PlanOptions& options, size_t threads,
                          std::unique_ptr<PlanImpl>* result) {
  const ResizeAttributes& a = op.attributes;
  if (op.pointwise()) {
    return Status::Unsupported("resize input dtype = %s: must be kF32 with a pointwise convolution",
                               EnumName(input.dtype).c_str());
  }
  if (a.mode != ResizeMode::kNearest) {
    return Status::Unsupported(
        "resize input dtype = %s: must be kF32, kF16, kBF16 or kU8 for a mode other than kNearest",
        EnumName(input.dtype).c_str());
  }
  if (!IsTrivial(a.epilogue)) {
    return Status::Unsupported("resize input dtype = %s: must be kF32, kF16, kBF16 or kU8 with an epilogue",
                               EnumName(input.dtype).c_str());
  }
  auto owned = std::make_unique<ResizeMovePlan>(op);
  ResizeMovePlan* const plan = owned.get();
  *result = std::move(owned);
  ResizeSizes sizes;
  POLYPHASE_RETURN_IF_ERROR(InferResize(op, input, options, plan, &sizes));
  plan->choice = op.FilterName() + " moved";
  plan->reason = Format("%s is not computed with", TypeName(input.dtype));
  if (input.n == 0) return Status();

  ResizeAxis* const axes[] = {&plan->z, &plan->y, &plan->x};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    POLYPHASE_RETURN_IF_ERROR(MakeResizeAxis(a, axis, input.size[axis], sizes, false, axes[axis]));
  }
  plan->outside = OutsideBits(input.dtype, a.extrapolation_value);
  const int64_t rows = plan->z.out * plan->y.out;
  const double elements = static_cast<double>(rows) * static_cast<double>(plan->x.out) * static_cast<double>(input.c) *
                          static_cast<double>(input.n);
  plan->rows = CutForTasks(rows, WantedTasks(threads, elements / kTaskElements), input.n);
  plan->tasks = input.n * plan->rows.count;
  return Status();
}

}  // namespace polyphase::internal
