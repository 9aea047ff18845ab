// Validation of tensor descriptors, once, for all ops.
#ifndef POLYPHASE_SRC_GEOMETRY_TENSOR_H_
#define POLYPHASE_SRC_GEOMETRY_TENSOR_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "polyphase/epilogue.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

// Below the API every tensor has three spatial axes, D, H and W; axes that the caller's tensor lacks have size 1. A
// descriptor in this form keeps the caller's spatial_rank, for Collapse and for messages.
constexpr int kDepth = 0, kRow = 1, kColumn = 2;

const char* AxisName(int axis);  // "D", "H" or "W"
const char* LayoutName(Layout layout);
const char* TypeName(DataType type);  // "f32", ...

// Returns whether the type is kF32, kF16 or kBF16, with which ops compute as f32. No op computes with kF64.
inline bool IsFloat(DataType type) {
  return type == DataType::kF32 || type == DataType::kF16 || type == DataType::kBF16;
}

// Moves the first `spatial_rank` values to the last axes and puts `fill` before them. The rank must be valid.
template <typename T>
std::array<T, kMaxSpatialRank> ExpandAxes(const std::array<T, kMaxSpatialRank>& values, int32_t spatial_rank, T fill) {
  std::array<T, kMaxSpatialRank> expanded;
  expanded.fill(fill);
  std::copy_n(values.begin(), spatial_rank, expanded.end() - spatial_rank);
  return expanded;
}

// Sizes that are all 0 mean "not given".
inline bool IsGiven(const SpatialSizes& sizes) { return sizes != SpatialSizes{}; }
inline SpatialSizes ExpandOutputSize(const SpatialSizes& sizes, int32_t spatial_rank) {
  const SpatialSizes expanded = ExpandAxes<int64_t>(sizes, spatial_rank, 0);
  return IsGiven(expanded) ? ExpandAxes<int64_t>(sizes, spatial_rank, 1) : expanded;
}

// Returns how many times stride_c is stepped: once per channel block of a kNchwc tensor, once per channel otherwise.
int64_t ChannelSteps(const TensorDesc& desc);

// Fails unless the spatial rank is 1, 2 or 3.
Status CheckSpatialRank(const char* name, int32_t spatial_rank);
// Fails unless an op of rank `spatial_rank` can take the (normalized) input.
Status CheckInputRank(const char* op, int32_t spatial_rank, const TensorDesc& input);

// Checks dtype, layout, sizes and strides, expands the axes, fills in the strides that are 0, and makes sure that every
// byte offset fits into int64. Messages begin with `name` ("input", "output"). Sizes may be 0; each op checks what it
// forbids.
Status NormalizeTensor(const char* name, TensorDesc* desc);
// Returns the descriptor in the caller's form.
TensorDesc Collapse(const TensorDesc& desc);

// Returns the number of elements from the first to the last that a normalized descriptor touches; 0 for an empty
// tensor.
int64_t ExtentElements(const TensorDesc& desc);
bool IsEmpty(const TensorDesc& desc);

// Infers a tensor whose shape follows from others. Takes `requested` in the caller's form (null means dense, in the
// layout and type of `like`) and fills in what is 0: n of `like`, `c` and `size` (expanded). Fails where `requested`
// asks for something else, and where NormalizeTensor does.
Status InferTensor(const char* name, const TensorDesc& like, const TensorDesc* requested, int64_t c,
                   const SpatialSizes& size, TensorDesc* result);
// Says which types an output or a residual may have.
enum class TypeRule : int {
  kSame,       // that of the input; the residual has that of the output
  kAnyFloats,  // the same, or each of them any float type
};
Status InferOutput(const TensorDesc& input, const TensorDesc* requested, int64_t c, const SpatialSizes& size,
                   TensorDesc* output, TypeRule rule = TypeRule::kSame);
// The tensors of an op's plan, normalized.
struct PlanTensors {
  TensorDesc input, output;
  std::optional<TensorDesc> residual, indices, mask;
};

// Infers the residual of an epilogue that has one: a tensor like the output. Fails where the options have a residual
// that the epilogue does not ask for.
Status InferResidual(const char* op, const Epilogue& epilogue, const std::optional<TensorDesc>& requested,
                     PlanTensors* tensors, TypeRule rule = TypeRule::kSame);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_TENSOR_H_
