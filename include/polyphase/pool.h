// Pooling and its inverses: MaxPool with indices, MaxUnpool, AvgPool, AvgUnpool, as torch.nn and ONNX define them.
#ifndef POLYPHASE_POOL_H_
#define POLYPHASE_POOL_H_

#include <cstdint>

#include "polyphase/auto_pad.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/polyphase_c.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

// The windows over the full-size tensor. Per axis, window o covers those of the elements o * stride - padding_begin + t
// * dilation, t in [0, kernel), that exist. In the pooling ops the full-size tensor is the input, and
//   size_out = floor((size_in + padding_begin + padding_end - dilation * (kernel - 1) - 1) / stride) + 1.
// ceil_mode rounds up instead, and drops the last window if it would begin past size_in + padding_begin - 1. In the
// unpooling ops the full-size tensor is the output, and size_out = (size_in - 1) * stride + kernel - padding_begin -
// padding_end, unless PlanOptions::output_size is given.
struct PoolWindow {
  int32_t spatial_rank = 2;        // 1, 2 or 3
  SpatialSizes kernel{2, 2, 2};    // >= 1
  SpatialSizes stride{2, 2, 2};    // >= 1
  SpatialSizes padding_begin{};    // >= 0; in the pooling ops less than dilation * (kernel - 1) + 1
  SpatialSizes padding_end{};      // likewise
  SpatialSizes dilation{1, 1, 1};  // >= 1; in the unpooling ops 1
  bool ceil_mode = false;          // pooling ops only
  // ONNX, pooling ops only. kSameUpper and kSameLower give size_out = ceil(size_in / stride); the total padding is
  // max(0, (size_out - 1) * stride + dilation * (kernel - 1) + 1 - size_in), and its odd unit goes to the end
  // (kSameUpper) or the begin (kSameLower). ceil_mode then has no effect.
  AutoPad auto_pad = AutoPad::kNotSet;
};

// The meaning of the indices of MaxPool and MaxUnpool.
enum class IndexConvention : int32_t {
  kPlane = PPH_INDEX_PLANE,    // PyTorch: row-major position in the full-size (n, c) plane, without the padding
  kTensor = PPH_INDEX_TENSOR,  // ONNX: position in the whole full-size tensor in the order N, C, D, H, W
  kWindow = PPH_INDEX_WINDOW,  // row-major number of the tap in its window, 0 .. product of the kernel - 1
};

struct MaxPoolAttributes {
  PoolWindow window;
  IndexConvention index_convention = IndexConvention::kPlane;
  // ONNX's storage_order 1: kPlane and kTensor count the spatial axes in column-major order: D fastest in 3-D, H
  // fastest in 2-D.
  bool column_major = false;
};

struct MaxUnpoolAttributes {
  PoolWindow window;
  IndexConvention index_convention = IndexConvention::kPlane;
  // Matters if PlanOptions::output_size is given. False: indices count in a tensor of that size (PyTorch, ONNX
  // Runtime). True: they count in a tensor of the default size, which becomes the top-left corner of the output (the
  // reference of the ONNX standard).
  bool indices_in_default_size = false;
};

struct AvgPoolAttributes {
  PoolWindow window;
  // Whether the divisor, which is the number of elements of the window that exist, also counts padding.
  bool count_include_pad = true;
  int64_t divisor_override = 0;  // 0: none; else the divisor
};

enum class AvgUnpoolMode : int32_t {
  // The transpose of AvgPool: output[o] = sum over the windows i that cover o of input[i] / divisor(i).
  kAdjoint = PPH_UNPOOL_ADJOINT,
  kCopy = PPH_UNPOOL_COPY,  // the same without the divisor
};

struct AvgUnpoolAttributes {
  PoolWindow window;
  AvgUnpoolMode mode = AvgUnpoolMode::kAdjoint;
  bool count_include_pad = true;  // kAdjoint only
  int64_t divisor_override = 0;   // kAdjoint only
};

// Takes the largest element of each window. The window is scanned in row-major order, and a larger element or a NaN
// replaces what was found: the first of equal elements and the last NaN win, as in PyTorch. Indices are written if
// RunOptions::output_indices is not null. Tensors are f32, f16, bf16 or u8 in any layout; the layouts of input and
// output need not agree. A window that steps over the whole input because of its dilation is an error, here and in
// AvgPool.
POLYPHASE_EXPORT StatusOr<Operator> CreateMaxPool(const MaxPoolAttributes& attributes,
                                                  const OperatorOptions& options = {});

// Writes every input element to the position that its index names, and zeros elsewhere. If indices are equal, the last
// input in row-major order wins. Elements of any DataType are copied bit for bit. Each size in PlanOptions::output_size
// must lie between d - stride and d + stride, both excluded, where d is the default size (PyTorch). Run fails with
// kInvalidArgument if an index is outside its plane (kWindow: outside its window or the plane). The message names the
// first such index in row-major order; nothing outside the output is written, but the output is incomplete.
POLYPHASE_EXPORT StatusOr<Operator> CreateMaxUnpool(const MaxUnpoolAttributes& attributes,
                                                    const OperatorOptions& options = {});

// Takes the mean of each window. Tensors are f32, f16, bf16 or u8 in any layout; the layouts of input and output need
// not agree. Sums are f32, and u8 results are rounded half to even. An input that is not finite reaches the outputs of
// its windows and no others, here and in AvgUnpool.
POLYPHASE_EXPORT StatusOr<Operator> CreateAvgPool(const AvgPoolAttributes& attributes,
                                                  const OperatorOptions& options = {});

// Spreads every input element over its window. Tensors are f32, f16 or bf16 in any layout; the layouts of input and
// output need not agree. PlanOptions::output_size follows MaxUnpool's rule.
POLYPHASE_EXPORT StatusOr<Operator> CreateAvgUnpool(const AvgUnpoolAttributes& attributes,
                                                    const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_POOL_H_
