// Pooling and its inverses: MaxPool with indices, MaxUnpool, AvgPool, AvgUnpool, as torch.nn and ONNX define them.
#ifndef POLYPHASE_POOL_H_
#define POLYPHASE_POOL_H_

#include <cstdint>

#include "polyphase/auto_pad.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

// The windows over the full-size tensor, per axis: window o covers the elements o * stride - padding_begin + t *
// dilation, t in [0, kernel), that exist. In the pooling ops
//   size_out = floor((size_in + padding_begin + padding_end - dilation * (kernel - 1) - 1) / stride) + 1,
// with ceil_mode rounded up, less one if the last window would begin behind size_in + padding_begin - 1. In the
// unpooling ops the full-size tensor is the output and size_out = (size_in - 1) * stride + kernel - padding_begin -
// padding_end, unless PlanOptions::output_size is given.
struct PoolWindow {
  int32_t spatial_rank = 2;        // 1, 2 or 3
  SpatialSizes kernel{2, 2, 2};    // >= 1
  SpatialSizes stride{2, 2, 2};    // >= 1
  SpatialSizes padding_begin{};    // >= 0; the pooling ops: less than dilation * (kernel - 1) + 1
  SpatialSizes padding_end{};      // likewise
  SpatialSizes dilation{1, 1, 1};  // >= 1; the unpooling ops: 1
  bool ceil_mode = false;          // the pooling ops
  // ONNX, pooling ops: size_out = ceil(size_in / stride) for kSame..., padding in all max(0, (size_out - 1) * stride +
  // dilation * (kernel - 1) + 1 - size_in), whose odd unit is at the end (kSameUpper) or the begin. ceil_mode then has no
  // effect.
  AutoPad auto_pad = AutoPad::kNotSet;
};

// What an index of MaxPool and MaxUnpool counts.
enum class IndexConvention : int32_t {
  kPlane = 0,   // PyTorch: row-major position in the full-size (n, c) plane, the padding not counted
  kTensor = 1,  // ONNX: position in the whole full-size tensor in the order N, C, D, H, W
  kWindow = 2,  // row-major number of the tap within its window, 0 .. product of the kernel - 1
};

struct MaxPoolAttributes {
  PoolWindow window;
  IndexConvention index_convention = IndexConvention::kPlane;
  // ONNX's storage_order 1: positions of kPlane and kTensor count the spatial axes in column-major order (H fastest in
  // 2-D: D, H, W with D fastest).
  bool column_major = false;
};

struct MaxUnpoolAttributes {
  PoolWindow window;
  IndexConvention index_convention = IndexConvention::kPlane;
  // With PlanOptions::output_size: false, indices count in a tensor of that size (PyTorch, ONNX Runtime); true, in one
  // of the default size, which becomes the top-left corner of the output (the ONNX standard's reference).
  bool indices_in_default_size = false;
};

struct AvgPoolAttributes {
  PoolWindow window;
  // The divisor is the number of elements of the window that exist or (true) that are padding or exist.
  bool count_include_pad = true;
  int64_t divisor_override = 0;  // 0: none; else the divisor
};

enum class AvgUnpoolMode : int32_t {
  kAdjoint = 0,  // the transpose of AvgPool: output[o] = sum over the windows i that cover o of input[i] / divisor(i)
  kCopy = 1,     // output[o] = sum over the windows i that cover o of input[i]
};

struct AvgUnpoolAttributes {
  PoolWindow window;
  AvgUnpoolMode mode = AvgUnpoolMode::kAdjoint;
  bool count_include_pad = true;  // kAdjoint
  int64_t divisor_override = 0;   // kAdjoint
};

// The largest element of each window: scanned in row-major order, a larger one or a NaN replaces what was found, so that
// the first of equal elements and the last NaN win (PyTorch). Where RunOptions::output_indices is null, no indices are
// written. f32, f16, bf16 or u8 in any layout, input and output independently. A dilation by which a window steps over
// all of the input is an error, here and in AvgPool.
POLYPHASE_EXPORT StatusOr<Operator> CreateMaxPool(const MaxPoolAttributes& attributes,
                                                  const OperatorOptions& options = {});

// Writes every input element to the position that its index names, and zeros elsewhere. Of equal indices the last input
// in row-major order wins. Any DataType, moved bit for bit. PlanOptions::output_size: each size must be within (d -
// stride, d + stride), both ends excluded, of the default size d (PyTorch). Run fails with kInvalidArgument where an
// index is outside of its plane (kWindow: outside of its window or of the plane); nothing outside of the output is
// written, but the output is then incomplete. The message names the first such index in row-major order.
POLYPHASE_EXPORT StatusOr<Operator> CreateMaxUnpool(const MaxUnpoolAttributes& attributes,
                                                    const OperatorOptions& options = {});

// f32, f16, bf16 or u8 in any layout, input and output independently; sums are f32, u8 rounds half to even.
POLYPHASE_EXPORT StatusOr<Operator> CreateAvgPool(const AvgPoolAttributes& attributes,
                                                  const OperatorOptions& options = {});

// f32, f16 or bf16 in any layout, input and output independently. PlanOptions::output_size as for MaxUnpool.
POLYPHASE_EXPORT StatusOr<Operator> CreateAvgUnpool(const AvgUnpoolAttributes& attributes,
                                                    const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_POOL_H_
