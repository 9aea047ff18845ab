// Resize: separable interpolation with the options of torch.nn.functional.interpolate, ONNX Resize and Pillow.
#ifndef POLYPHASE_RESIZE_H_
#define POLYPHASE_RESIZE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "polyphase/epilogue.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

enum class ResizeMode : int32_t {
  kNearest = 0,
  kLinear = 1,
  kCubic = 2,
  // Mean of the inputs [floor(o * in / out), ceil((o + 1) * in / out)), whatever the coordinate transformation, which must
  // not be kTfCropAndResize.
  kArea = 3,
  kLanczos = 4,  // three lobes; needs an antialias of kPillow
};

// Source coordinate x of output index o, with scale = size_out / size_in (see ResizeAttributes::scale). ONNX's names.
enum class CoordinateTransformation : int32_t {
  kHalfPixel = 0,         // (o + 0.5) / scale - 0.5
  kAlignCorners = 1,      // o * (size_in - 1) / (size_out - 1), and 0 where size_out is 1
  kAsymmetric = 2,        // o / scale
  kPytorchHalfPixel = 3,  // kHalfPixel, and 0 where size_out is 1
  kHalfPixelSymmetric =
      4,                  // kHalfPixel about the centre: size_in / 2 * (1 - size_out / (scale * size_in)) + kHalfPixel
  kTfCropAndResize = 5,   // roi_begin * (size_in - 1) + o * (roi_end - roi_begin) * (size_in - 1) / (size_out - 1),
                          // 0.5 * (roi_begin + roi_end) * (size_in - 1) where size_out is 1
  kTfHalfPixelForNn = 6,  // (o + 0.5) / scale
};

// How kNearest turns the coordinate x into an index. ONNX's names.
enum class NearestMode : int32_t {
  kFloor = 0,
  kRoundPreferCeil = 1,   // floor(x + 0.5)
  kRoundPreferFloor = 2,  // ceil(x - 0.5)
  kCeil = 3,
  kSimple = 4,  // Resize-10 in ONNX Runtime: floor, and ceil where scale < 1
  // Pillow: floor(s / 2 + s + s + ...) with s = 1 / scale, summed output by output, whatever the coordinate
  // transformation. Rounding makes it another one than floor((o + 0.5) * s) on one size out of seven.
  kPillow = 5,
};

// What linear, cubic and lanczos do where an axis shrinks. Filters are widened by 1 / scale.
enum class Antialias : int32_t {
  kNone = 0,
  // The window is cut at the edges and its weights divided by their sum; the centre is (o + 0.5) / scale, of
  // kAlignCorners (o + 0.5) * (size_in - 1) / (size_out - 1), whatever the coordinate transformation, which must not be
  // kTfCropAndResize; enlarging uses the same rule. PyTorch's antialias=True, Pillow.
  kPillow = 1,
  // ONNX's antialias: weights divided by their sum, taps outside read the edge (or count as exclude_outside says);
  // enlarging is the plain filter.
  kOnnx = 2,
};

// Where size_out comes from if a scale is given.
enum class OutputSizeRule : int32_t {
  kPyTorch = 0,  // floor(double(size_in) * scale)
  // floor(double(size_in) * double(float(scale))). Wherever `scale`, or a common scale, counts for the coordinates,
  // size_in * scale, which may be a fraction, replaces size_out in kAlignCorners and kTfCropAndResize, as in the ONNX
  // standard's reference.
  kOnnx = 1,
  kOnnxRuntime = 2,  // floor(float(size_in) * float(scale))
};

// ONNX, for `size`: the common scale that the resized axes get.
enum class KeepAspectRatioPolicy : int32_t {
  kStretch = 0,     // none: each axis its own size / size_in
  kNotLarger = 1,   // the smallest of them; size_out = floor(scale * size_in + 0.5)
  kNotSmaller = 2,  // the largest of them
};

// The arithmetic of coordinates.
enum class CoordinatePrecision : int32_t {
  kF32 = 0,  // PyTorch's, which multiplies by a rounded 1 / scale and whose nearest indices it reproduces bit for bit
  kF64 = 1,  // the ONNX standard's reference, which divides by scale; Pillow
};

// How u8 results are rounded.
enum class U8Rounding : int32_t {
  kHalfEven = 0,  // f32 arithmetic, nearest with ties to even (ONNX's reference, torchvision's float path)
  kTruncate = 1,  // f32 arithmetic, towards zero (ONNX Runtime)
  // PyTorch: int16 weights, made in double; W pass and H pass each rounded to 8 bits, unchanged axes skipped. kNearest,
  // which has no weights, is exact in any case.
  kFixed16 = 2,
  kFixed22 = 3,  // Pillow: the same with 22 fractional bits
};

// torch.nn.functional.interpolate's `mode`.
enum class PyTorchMode : int32_t {
  kNearest = 0,
  kNearestExact = 1,
  kBilinear = 2,
  kBicubic = 3,
  kLinear = 4,     // 1-D
  kTrilinear = 5,  // 3-D
  kArea = 6,
  kLanczos = 7,  // with antialias = true
};

struct OnnxResize;

// A 1x1 convolution with one group of the resized tensor: bias[o] + sum over i of weights[o][i] * resized[i]. Both are
// linear, so it is computed before the resize, at the input's size, which gives the same up to rounding (for finite
// values) with fewer multiplications where the resize enlarges. The bias is added behind the resize. The arrays are read
// by Create and not kept.
struct Pointwise {
  const float* weights = nullptr;  // [output_channels][input_channels]
  const float* bias = nullptr;     // [output_channels]; null: 0
  int64_t input_channels = 0, output_channels = 0;
};

struct POLYPHASE_EXPORT ResizeAttributes {
  int32_t spatial_rank = 2;  // 1, 2 or 3; the fixed-point roundings: 1 or 2
  ResizeMode mode = ResizeMode::kLinear;
  CoordinateTransformation coordinate_transformation = CoordinateTransformation::kHalfPixel;
  CoordinatePrecision coordinate_precision = CoordinatePrecision::kF32;
  NearestMode nearest_mode = NearestMode::kFloor;  // kNearest only
  float cubic_coeff_a = -0.75f;                    // kCubic only; finite
  Antialias antialias = Antialias::kNone;          // kLinear, kCubic, kLanczos
  // kLinear and kCubic: taps outside of the input count 0 and the others are divided by their sum, instead of reading
  // the edge.
  bool exclude_outside = false;
  // kLinear without antialias, and antialias kPillow: an axis whose size does not change is copied whatever the scale
  // (PyTorch 2), unless it is kTfCropAndResize's.
  bool copy_unchanged_axes = true;
  // Exactly one of size and scale is given (> 0); an axis for which it is 0 is copied (not one of ONNX's `axes`).
  SpatialSizes size{};
  std::array<double, kMaxSpatialRank> scale{};
  OutputSizeRule output_size_rule = OutputSizeRule::kPyTorch;
  KeepAspectRatioPolicy keep_aspect_ratio_policy = KeepAspectRatioPolicy::kStretch;  // with `size`
  // With `scale` given: true, coordinates use size_out / size_in all the same; false, `scale`.
  bool recompute_scale_factor = false;
  // kTfCropAndResize only: the part of each axis that is resized, normalised to [0, 1]; begin > end flips. Output
  // elements with a coordinate outside of [0, size_in - 1] on any axis are extrapolation_value.
  std::array<double, kMaxSpatialRank> roi_begin{};
  std::array<double, kMaxSpatialRank> roi_end{1, 1, 1};
  float extrapolation_value = 0.0f;
  U8Rounding u8_rounding = U8Rounding::kHalfEven;
  // What the input must have, as ONNX's `sizes` say of axes 0 and 1; 0: anything.
  int64_t n = 0, c = 0;
  Epilogue epilogue;  // not of u8 with kFixed16 or kFixed22
  // Left as it is: none. f32 only, and not with kTfCropAndResize: elements that become extrapolation_value come between
  // the two. The output, and with it the epilogue, has output_channels channels.
  Pointwise pointwise;

  // interpolate(mode=..., align_corners=..., antialias=...), everything but the size: set `size`, or `scale` and
  // recompute_scale_factor. spatial_rank is the mode's; of kNearest, kNearestExact and kArea 2, to be changed at will.
  // `align_corners` is ignored by the modes that have none.
  static ResizeAttributes PyTorch(PyTorchMode mode, bool align_corners = false, bool antialias = false);
  // PIL.Image.resize (of RGB or grey pictures): kNearest, kLinear (BILINEAR), kCubic (BICUBIC), kLanczos.
  static ResizeAttributes Pillow(ResizeMode mode);
  // Everything that a Resize node says. Errors: what contradicts itself or asks to resize axes 0 or 1.
  static StatusOr<ResizeAttributes> Onnx(const OnnxResize& node);
};

// A node of ONNX Resize-11 to -19 with its constant inputs. Axes count as in ONNX: 0 is N, 1 is C.
struct OnnxResize {
  int32_t rank = 4;  // of the tensor, 3 to 5
  ResizeMode mode = ResizeMode::kNearest;
  CoordinateTransformation coordinate_transformation = CoordinateTransformation::kHalfPixel;
  NearestMode nearest_mode = NearestMode::kRoundPreferFloor;
  float cubic_coeff_a = -0.75f;
  bool exclude_outside = false;
  bool antialias = false;
  float extrapolation_value = 0.0f;
  KeepAspectRatioPolicy keep_aspect_ratio_policy = KeepAspectRatioPolicy::kStretch;
  OutputSizeRule output_size_rule = OutputSizeRule::kOnnx;
  std::vector<int64_t> axes;  // empty: all; negative ones count from the end
  // Exactly one of scales and sizes is not empty and has one entry per axis.
  std::vector<float> scales;
  std::vector<int64_t> sizes;
  std::vector<float> roi;  // empty, or all begins and then all ends
};

// f32, f16, bf16 or u8, input and output alike, in any layout each. Arithmetic is f32 (but for the fixed-point
// roundings) and rounded once. Errors: kInvalidArgument for a broken rule above; MakePlan: an empty input or output
// other than n == 0.
POLYPHASE_EXPORT StatusOr<Operator> CreateResize(const ResizeAttributes& attributes,
                                                 const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_RESIZE_H_
