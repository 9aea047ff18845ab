// Resize: separable interpolation with the options of torch.nn.functional.interpolate, ONNX Resize and Pillow.
#ifndef POLYPHASE_RESIZE_H_
#define POLYPHASE_RESIZE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "polyphase/epilogue.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/polyphase_c.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"
#include "polyphase/weights.h"

namespace polyphase {

// The largest size of an axis of the input and the output, 2^31 - 256.
constexpr int64_t kMaxResizeSize = PPH_MAX_RESIZE_SIZE;

enum class ResizeMode : int32_t {
  kNearest = PPH_NEAREST,
  kLinear = PPH_LINEAR,
  kCubic = PPH_CUBIC,
  // The mean of the inputs [floor(o * in / out), ceil((o + 1) * in / out)). The coordinate transformation has no
  // effect, but must not be kTfCropAndResize.
  kArea = PPH_AREA,
  kLanczos = PPH_LANCZOS,  // three lobes; requires Antialias::kPillow
};

// The source coordinate x of output index o, with scale = size_out / size_in (see ResizeAttributes::scale). The names
// are ONNX's.
enum class CoordinateTransformation : int32_t {
  kHalfPixel = PPH_HALF_PIXEL,                 // (o + 0.5) / scale - 0.5
  kAlignCorners = PPH_ALIGN_CORNERS,           // o * (size_in - 1) / (size_out - 1), or 0 if size_out is 1
  kAsymmetric = PPH_ASYMMETRIC,                // o / scale
  kPytorchHalfPixel = PPH_PYTORCH_HALF_PIXEL,  // kHalfPixel, or 0 if size_out is 1
  // kHalfPixel about the centre: size_in / 2 * (1 - size_out / (scale * size_in)) + kHalfPixel.
  kHalfPixelSymmetric = PPH_HALF_PIXEL_SYMMETRIC,
  // roi_begin * (size_in - 1) + o * (roi_end - roi_begin) * (size_in - 1) / (size_out - 1), or, if size_out is 1, 0.5 *
  // (roi_begin + roi_end) * (size_in - 1).
  kTfCropAndResize = PPH_TF_CROP_AND_RESIZE,
  kTfHalfPixelForNn = PPH_TF_HALF_PIXEL_FOR_NN,  // (o + 0.5) / scale
};

// How kNearest turns the coordinate x into an index. The names are ONNX's.
enum class NearestMode : int32_t {
  kFloor = PPH_FLOOR,
  kRoundPreferCeil = PPH_ROUND_PREFER_CEIL,    // floor(x + 0.5)
  kRoundPreferFloor = PPH_ROUND_PREFER_FLOOR,  // ceil(x - 0.5)
  kCeil = PPH_CEIL,
  kSimple = PPH_SIMPLE,  // Resize-10 in ONNX Runtime: floor, but ceil if scale < 1
  // Pillow: floor(s / 2 + s + s + ...) with s = 1 / scale, summed output by output; the coordinate transformation has
  // no effect. Because of rounding it differs from floor((o + 0.5) * s) for one size out of seven.
  kPillow = PPH_NEAREST_PILLOW,
};

// What kLinear, kCubic and kLanczos do if an axis shrinks. Both kinds of antialiasing widen the filter by 1 / scale.
enum class Antialias : int32_t {
  kNone = PPH_ANTIALIAS_NONE,
  // PyTorch's antialias=True and Pillow. The window is cut at the edges and its weights are divided by their sum. Its
  // centre is (o + 0.5) / scale, and for kAlignCorners (o + 0.5) * (size_in - 1) / (size_out - 1); other coordinate
  // transformations have no effect, but kTfCropAndResize is an error. Enlarging follows the same rule.
  kPillow = PPH_ANTIALIAS_PILLOW,
  // ONNX's antialias. The weights are divided by their sum, and taps outside the input read the edge or are treated as
  // exclude_outside says. Enlarging uses the plain filter.
  kOnnx = PPH_ANTIALIAS_ONNX,
};

// How size_out follows from a given scale.
enum class OutputSizeRule : int32_t {
  kPyTorch = PPH_SIZE_PYTORCH,  // floor(double(size_in) * scale)
  // floor(double(size_in) * double(float(scale))). If coordinates use `scale` or a common scale, kAlignCorners and
  // kTfCropAndResize use size_in * scale, which may be a fraction, in place of size_out. So does the reference of the
  // ONNX standard.
  kOnnx = PPH_SIZE_ONNX,
  kOnnxRuntime = PPH_SIZE_ONNX_RUNTIME,  // floor(float(size_in) * float(scale))
};

// ONNX, if `size` is given: the common scale of the resized axes.
enum class KeepAspectRatioPolicy : int32_t {
  kStretch = PPH_STRETCH,         // none: each axis has its own, size / size_in
  kNotLarger = PPH_NOT_LARGER,    // the smallest of them; size_out = floor(scale * size_in + 0.5)
  kNotSmaller = PPH_NOT_SMALLER,  // the largest of them
};

// The arithmetic of coordinates.
enum class CoordinatePrecision : int32_t {
  // PyTorch's, which multiplies by a rounded 1 / scale. Its nearest indices are reproduced bit for bit, also that its
  // mode="nearest" (kAsymmetric, kFloor) in 2-D copies an axis whose size does not change and repeats the elements of
  // one whose size doubles, whatever the scale, if the output has at most 128 rows and columns together. (PyTorch also
  // does so for larger outputs of more than 3 channels in channels_last; here results do not depend on the layout.)
  kF32 = PPH_COORDINATES_F32,
  // That of the ONNX standard's reference, which divides by scale, and of Pillow. Nearest indices are those of exact
  // arithmetic if sizes are given and no scale (except with kTfCropAndResize and NearestMode::kPillow).
  kF64 = PPH_COORDINATES_F64,
};

// How u8 results are computed and rounded.
enum class U8Rounding : int32_t {
  kHalfEven = PPH_HALF_EVEN,  // f32, to nearest with ties to even (ONNX's reference, torchvision's float path)
  kTruncate = PPH_TRUNCATE,   // f32, towards zero (ONNX Runtime)
  // PyTorch: int16 weights, made in double. The W pass and the H pass are each rounded to 8 bits (their order is
  // pass_order), and unchanged axes are skipped. kNearest has no weights and is exact in any case.
  kFixed16 = PPH_FIXED16,
  kFixed22 = PPH_FIXED22,  // Pillow: the same with 22 fractional bits
};

// Which axis the fixed-point u8_rounding resizes and rounds first, if both change. Other roundings round once, and the
// order has no effect.
enum class PassOrder : int32_t {
  kWidthFirst = PPH_WIDTH_FIRST,  // PyTorch, and Pillow before 12.2
  kPillow12_2 = PPH_PILLOW_12_2,  // Pillow 12.2 and 12.3: H if it shrinks and the input's is more than 100 times its W
  kPillow13 = PPH_PILLOW_13,      // Pillow 13.0: H if it shrinks by more than twice as many pixels as W does
};

// The `mode` of torch.nn.functional.interpolate.
enum class PyTorchMode : int32_t {
  kNearest = PPH_PYTORCH_NEAREST,
  kNearestExact = PPH_PYTORCH_NEAREST_EXACT,
  kBilinear = PPH_PYTORCH_BILINEAR,
  kBicubic = PPH_PYTORCH_BICUBIC,
  kLinear = PPH_PYTORCH_LINEAR,        // 1-D
  kTrilinear = PPH_PYTORCH_TRILINEAR,  // 3-D
  kArea = PPH_PYTORCH_AREA,
  kLanczos = PPH_PYTORCH_LANCZOS,  // with antialias = true
};

struct OnnxResize;

// A 1x1 convolution with one group of the resized tensor: bias[o] + sum over i of weights[o][i] * resized[i]. Resize
// and convolution are both linear, so the convolution is computed first, at the input's size, and the bias is added
// last. For finite values the result is the same up to rounding, with fewer multiplications if the resize enlarges.
// Create copies the arrays.
struct Pointwise {
  Weights weights;              // [output_channels][input_channels]
  const float* bias = nullptr;  // [output_channels]; null: 0
  int64_t input_channels = 0;   // >= 1
  int64_t output_channels = 0;  // >= 1
};

struct POLYPHASE_EXPORT ResizeAttributes {
  int32_t spatial_rank = 2;  // 1, 2 or 3; with fixed-point u8_rounding 1 or 2
  ResizeMode mode = ResizeMode::kLinear;
  CoordinateTransformation coordinate_transformation = CoordinateTransformation::kHalfPixel;
  CoordinatePrecision coordinate_precision = CoordinatePrecision::kF32;
  NearestMode nearest_mode = NearestMode::kFloor;  // kNearest only
  float cubic_coeff_a = -0.75f;                    // kCubic only; finite
  Antialias antialias = Antialias::kNone;          // kLinear, kCubic, kLanczos
  // kLinear and kCubic: taps outside the input have the weight 0, and the other weights are divided by their sum.
  // False: taps outside the input read the edge.
  bool exclude_outside = false;
  // kLinear without antialias, and Antialias::kPillow: an axis whose size does not change is copied whatever the scale,
  // as in PyTorch 2, except with kTfCropAndResize.
  bool copy_unchanged_axes = true;
  // Exactly one of size and scale is given. Its values are > 0, or 0 for an axis that is copied (in ONNX, one that is
  // not among `axes`).
  SpatialSizes size{};
  std::array<double, kMaxSpatialRank> scale{};
  OutputSizeRule output_size_rule = OutputSizeRule::kPyTorch;
  KeepAspectRatioPolicy keep_aspect_ratio_policy = KeepAspectRatioPolicy::kStretch;  // if `size` is given
  // If `scale` is given: whether coordinates use size_out / size_in instead of `scale`.
  bool recompute_scale_factor = false;
  // kTfCropAndResize only: the part of each axis that is resized, normalised to [0, 1]; begin > end flips. Output
  // elements with a coordinate outside [0, size_in - 1] on any axis are extrapolation_value.
  std::array<double, kMaxSpatialRank> roi_begin{};
  std::array<double, kMaxSpatialRank> roi_end{1, 1, 1};
  float extrapolation_value = 0.0f;
  U8Rounding u8_rounding = U8Rounding::kHalfEven;
  // The n and c that the input must have, which ONNX's `sizes` state for axes 0 and 1; 0: any.
  int64_t n = 0;
  int64_t c = 0;
  Epilogue epilogue;  // must be the default for u8 with kFixed16 or kFixed22
  // The default is no convolution. It takes f32, f16 and bf16, and output and epilogue then have its output_channels.
  // It excludes kTfCropAndResize, whose extrapolation_value would have to be set between the two.
  Pointwise pointwise;
  PassOrder pass_order = PassOrder::kWidthFirst;

  // interpolate(mode=..., align_corners=..., antialias=...). The caller sets `size`, or `scale` and
  // recompute_scale_factor. spatial_rank is the mode's; for kNearest, kNearestExact and kArea it is 2 and may be
  // changed. Modes without align_corners ignore it.
  static ResizeAttributes PyTorch(PyTorchMode mode, bool align_corners = false, bool antialias = false);
  // PIL.Image.resize of RGB or grey pictures: kNearest, kLinear (BILINEAR), kCubic (BICUBIC), kLanczos. The caller sets
  // `size`. u8 has Pillow's bytes; those of versions differ by the order of the passes.
  static ResizeAttributes Pillow(ResizeMode mode, PassOrder pass_order = PassOrder::kWidthFirst);
  // A Resize node, complete. Errors: contradictory attributes, and axes 0 or 1 that change.
  static StatusOr<ResizeAttributes> Onnx(const OnnxResize& node);
};

// A node of ONNX Resize-11 to -19 with its constant inputs. Axes count as in ONNX: 0 is N, 1 is C. A tensor of rank 2
// has H and W alone, and is resized as one with n = c = 1.
struct OnnxResize {
  int32_t rank = 4;  // of the tensor, 2 to 5
  ResizeMode mode = ResizeMode::kNearest;
  CoordinateTransformation coordinate_transformation = CoordinateTransformation::kHalfPixel;
  NearestMode nearest_mode = NearestMode::kRoundPreferFloor;
  float cubic_coeff_a = -0.75f;
  bool exclude_outside = false;
  bool antialias = false;
  float extrapolation_value = 0.0f;
  KeepAspectRatioPolicy keep_aspect_ratio_policy = KeepAspectRatioPolicy::kStretch;
  OutputSizeRule output_size_rule = OutputSizeRule::kOnnx;
  std::vector<int64_t> axes;  // empty: all; negative axes count from the end
  // Exactly one of scales and sizes has one entry per axis, and the other is empty.
  std::vector<float> scales;
  std::vector<int64_t> sizes;
  std::vector<float> roi;  // empty, or all begins and then all ends
};

// Tensors are f32, f16, bf16 or u8 in any layout; input and output have the same type, but their layouts need not
// agree. Results are computed in f32, except with the fixed-point roundings, and rounded once. kNearest without
// epilogue and pointwise takes all other types as well (i8, u16, i16, i32, i64, f64) and moves elements unchanged;
// extrapolation_value is rounded towards zero for integers, and saturates. An input that is not finite reaches the
// outputs that give it a weight; those that read it with the weight 0 may become NaN, and no others do. Errors of
// Create: kInvalidArgument for a broken rule, kUnsupported for pointwise weights that are not f32, f16 or bf16. Errors
// of MakePlan: an empty input or output, unless n is 0; kUnsupported for a type that the mode, the epilogue or
// pointwise does not take.
POLYPHASE_EXPORT StatusOr<Operator> CreateResize(const ResizeAttributes& attributes,
                                                 const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_RESIZE_H_
