// Decides the tasks of nearest resizing that moves elements.
#include "plan/resize_move.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/status.h"
#include "geometry/enum_names.h"
#include "geometry/epilogue.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

// Fewer elements than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskElements = 16384;
// No row of a picture is as long.
constexpr int64_t kMostBlockBytes = int64_t{1} << 28;

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

// Makes the blocks of rows of `pixel` bytes. Returns none where the sources of a block are too far apart.
std::vector<ByteBlock> MakeBlocks(const ResizeAxis& axis, int64_t pixel) {
  const int64_t in_bytes = axis.in * pixel, out_bytes = axis.out * pixel;
  if (std::min(in_bytes, out_bytes) < kByteLanes || std::max(in_bytes, out_bytes) > kMostBlockBytes) return {};
  std::vector<ByteBlock> blocks;
  for (int64_t e = 0; e < out_bytes; e += kByteLanes) {
    const int64_t begin = std::min(e, out_bytes - kByteLanes);
    int64_t sources[kByteLanes];
    for (int64_t i = 0; i < kByteLanes; ++i) {
      sources[i] = axis.first[(begin + i) / pixel] * pixel + (begin + i) % pixel;
    }
    const auto [least, most] = std::minmax_element(sources, sources + kByteLanes);
    const int64_t base = std::min(*least, in_bytes - kByteLanes);  // nothing is read past the end of the row
    if (*most - base >= kByteLanes) return {};
    ByteBlock block{static_cast<int32_t>(base), static_cast<int32_t>(begin), {}};
    for (int64_t i = 0; i < kByteLanes; ++i) block.index[i] = static_cast<uint8_t>(sources[i] - base);
    blocks.push_back(block);
  }
  return blocks;
}

// Returns the bytes of the pixels of rows that lie in memory without gaps on both sides, or 0.
int64_t DensePixel(const PlanTensors& tensors) {
  const int64_t bytes = static_cast<int64_t>(ElementSize(tensors.input.dtype));
  if (IsPlanar(tensors.input) && IsPlanar(tensors.output)) return bytes;
  return IsInterleaved(tensors.input) && IsInterleaved(tensors.output) ? bytes * tensors.input.c : 0;
}

}  // namespace

bool PrefersMove(const ResizeAttributes& a, const PlanTensors& tensors) {
  const TensorDesc& in = tensors.input;
  const TensorDesc& out = tensors.output;
  return in.dtype != DataType::kF32 && a.mode == ResizeMode::kNearest && IsTrivial(a.epilogue) && !HasPointwise(a) &&
         !Extrapolates(a) && in.layout == out.layout && in.channel_block == out.channel_block;
}

bool IsMoved(DataType dtype) { return !IsFloat(dtype) && dtype != DataType::kU8; }

Status MakeResizeMovePlan(const ResizeOperator& op, const TensorDesc& input, const PlanOptions& options, size_t threads,
                          std::unique_ptr<PlanImpl>* result) {
  const ResizeAttributes& a = op.attributes;
  if (op.pointwise()) {
    return Status::Unsupported("resize input dtype = %s: must be kF32, kF16 or kBF16 with a pointwise convolution",
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
  plan->reason = IsMoved(input.dtype) ? Format("%s is not computed with", TypeName(input.dtype)) : "nothing to compute";
  if (input.n == 0) return Status();

  ResizeAxis* const axes[] = {&plan->z, &plan->y, &plan->x};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    POLYPHASE_RETURN_IF_ERROR(MakeResizeAxis(a, axis, input.size[axis], sizes, false, axes[axis]));
  }
  ResizeAxis& x = plan->x;
  for (int64_t o = 0; o < x.out; ++o) x.first[o] = static_cast<int32_t>(x.Source(o, 0));
  const int64_t pixel = DensePixel(*plan);
  const bool blocks = op.kernels.resize_bytes.permute != nullptr && pixel > 0 && pixel < kByteLanes && !Extrapolates(a);
  if (blocks) plan->blocks = MakeBlocks(x, pixel);
  plan->outside = OutsideBits(input.dtype, a.extrapolation_value);
  const int64_t rows = plan->z.out * plan->y.out;
  const double elements = static_cast<double>(rows) * static_cast<double>(plan->x.out) * static_cast<double>(input.c) *
                          static_cast<double>(input.n);
  plan->rows = CutForTasks(rows, WantedTasks(threads, elements / kTaskElements), input.n);
  plan->tasks = input.n * plan->rows.count;
  return Status();
}

}  // namespace polyphase::internal
