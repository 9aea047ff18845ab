// Resize: separable nearest, linear and cubic interpolation with the options of torch.nn.functional.interpolate.
#ifndef POLYPHASE_RESIZE_H_
#define POLYPHASE_RESIZE_H_

#include <array>
#include <cstdint>

#include "polyphase/epilogue.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

enum class ResizeMode : int32_t { kNearest = 0, kLinear = 1, kCubic = 2 };

// Source coordinate x of output index o, with the ratio r = size_in / size_out (see ResizeAttributes::scale). ONNX's
// names.
enum class CoordinateTransformation : int32_t {
  kHalfPixel = 0,     // (o + 0.5) * r - 0.5
  kAlignCorners = 1,  // o * (size_in - 1) / (size_out - 1), and 0 where size_out is 1
  kAsymmetric = 2,    // o * r
};

// How kNearest turns the coordinate x into an index. ONNX's names.
enum class NearestMode : int32_t {
  kFloor = 0,
  kRoundPreferCeil = 1,  // floor(x + 0.5)
};

// torch.nn.functional.interpolate's `mode`.
enum class PyTorchMode : int32_t { kNearest = 0, kNearestExact = 1, kBilinear = 2, kBicubic = 3 };

struct POLYPHASE_EXPORT ResizeAttributes {
  int32_t spatial_rank = 2;  // this version: 2
  ResizeMode mode = ResizeMode::kLinear;
  CoordinateTransformation coordinate_transformation = CoordinateTransformation::kHalfPixel;
  NearestMode nearest_mode = NearestMode::kFloor;  // kNearest only
  float cubic_coeff_a = -0.75f;                    // kCubic only; finite
  // Exactly one of size and scale is given (all of its axes > 0), the other is all 0.
  SpatialSizes size{};
  // size_out = floor(size_in * scale), in double.
  std::array<double, kMaxSpatialRank> scale{};
  // With `scale` given: true, the ratio is size_in / size_out all the same; false, it is 1 / scale.
  bool recompute_scale_factor = false;
  Epilogue epilogue;

  // interpolate(mode=..., align_corners=...). `align_corners` is ignored by the nearest modes.
  static ResizeAttributes PyTorch(PyTorchMode mode, bool align_corners = false);
};

// Coordinates are f32 as in PyTorch (nearest indices agree with it bit for bit); taps outside read the edge. Linear
// keeps an axis whose size does not change as it is. Tensors are f32 in any layout, input and output independently.
// Errors: kInvalidArgument for a broken rule above; MakePlan: an empty input or output other than n == 0.
POLYPHASE_EXPORT StatusOr<Operator> CreateResize(const ResizeAttributes& attributes,
                                                 const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_RESIZE_H_
