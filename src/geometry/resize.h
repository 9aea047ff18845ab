// Resize: output sizes, and per axis the table of source indices and weights.
#ifndef POLYPHASE_SRC_GEOMETRY_RESIZE_H_
#define POLYPHASE_SRC_GEOMETRY_RESIZE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "geometry/index_range.h"
#include "polyphase/resize.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// The sources and weights of every output of one axis, in one of two forms.
//   Taps:    1 (weight 1), 2 or 4 of them, which read the edge where they are outside the input:
//            output[o] = sum over k < taps of weights[k * stride + o] * input[clamp(first[o] + k, 0, in - 1)].
//            Entries [out, stride) repeat first[out - 1] and have weight 0, so that vectors may run past the end.
//   Windows: any number of taps, all inside the input:
//            output[o] = sum over k < count[o] of weights[o * stride + k] * input[first[o] + k]; `taps` is the largest
//            count. In fixed point the weights are fixed_weights, and the sum is rounded by (+ 2^(precision - 1)) >>
//            precision and clamped to 0..255.
struct ResizeAxis {
  int64_t in = 1, out = 1;
  int64_t taps = 1;
  bool identity = false;  // out == in and output[o] = input[o]; taps = 1
  bool windows = false;
  int64_t stride = 0;
  std::vector<int32_t> first;  // does not decrease; or, of a flipped axis, does not increase
  std::vector<int32_t> count;  // windows only
  std::vector<float> weights;
  std::vector<int32_t> fixed_weights;
  int precision = 0;
  // The coordinates of these outputs are inside the input; the others are extrapolated.
  IndexRange inside{0, 1};
  // For taps only: outputs o in [periodic.begin, periodic.end) have the weights and, up to a constant, the first[] of
  // output o - period where that is in the range too. All three are multiples of 16. The range is empty where no short
  // period was found.
  IndexRange periodic{0, 0};
  int64_t period = 0;

  bool flipped() const { return first[out - 1] < first[0]; }
  int64_t Count(int64_t o) const { return windows ? count[o] : taps; }
  int64_t Source(int64_t o, int64_t k) const { return std::clamp<int64_t>(first[o] + k, 0, in - 1); }
  float Weight(int64_t o, int64_t k) const {
    return windows ? weights[o * stride + k] : taps == 1 ? 1.0f : weights[k * stride + o];
  }
  // The sources of outputs [begin, end), including those outside of the input. Sources of taps go one way; a window may
  // begin or end on either side of its neighbour, because zeros are left out.
  IndexRange Sources(int64_t begin, int64_t end) const {
    IndexRange sources{first[begin], first[begin] + Count(begin)};
    for (int64_t o = windows ? begin + 1 : end - 1; o < end; ++o) {
      sources.begin = std::min<int64_t>(sources.begin, first[o]);
      sources.end = std::max<int64_t>(sources.end, first[o] + Count(o));
    }
    return sources;
  }
};

// The sizes and scales that follow from the attributes and the input's sizes.
struct ResizeSizes {
  SpatialSizes output{};
  // The scale that coordinates use; 0 stands for size_out / size_in.
  std::array<double, kMaxSpatialRank> scale{};
};

// Expands the axes (see geometry/tensor.h). Fails on an invalid spatial rank.
Status ExpandResize(ResizeAttributes* attributes);
// Checks every attribute that does not depend on the input.
Status ValidateResize(const ResizeAttributes& attributes);
Status ResizeOutput(const ResizeAttributes& attributes, const SpatialSizes& input_size, ResizeSizes* sizes);

inline bool IsFixedPoint(U8Rounding rounding) {
  return rounding == U8Rounding::kFixed16 || rounding == U8Rounding::kFixed22;
}

// Returns whether coordinates may be outside of the input, where outputs are the extrapolation value.
inline bool Extrapolates(const ResizeAttributes& a) {
  return a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
}

// Returns whether windows of both axes sum rows before they are resized along x. In fixed point, where the sums are
// rounded, the attributes say it; otherwise it is the order that multiplies less.
bool SumsRowsFirst(const ResizeAttributes& attributes, bool fixed, const SpatialSizes& input_size,
                   const SpatialSizes& output_size);

// Returns whether the resize has a 1x1 convolution.
inline bool HasPointwise(const ResizeAttributes& a) {
  const Pointwise& p = a.pointwise;
  return p.weights.data != nullptr || p.weights.type != DataType::kF32 || p.bias != nullptr || p.input_channels != 0 ||
         p.output_channels != 0;
}
// Returns the number of channels of the output.
inline int64_t OutputChannels(const ResizeAttributes& a, int64_t input_channels) {
  return HasPointwise(a) ? a.pointwise.output_channels : input_channels;
}

// Returns whether an axis has neither size nor scale.
inline bool KeepsItsSize(const ResizeAttributes& a, int axis) { return a.size[axis] == 0 && a.scale[axis] == 0; }

// Makes the table of an axis. With `fixed` it has the weights of a fixed-point u8_rounding, from coordinates in double
// whatever the attributes say. Fails with kOutOfMemory for a table that is too large, and with kInvalidArgument for
// weights that fixed point has no room for.
Status MakeResizeAxis(const ResizeAttributes& attributes, int axis, int64_t in, const ResizeSizes& sizes, bool fixed,
                      ResizeAxis* table);
// Returns the table of an axis that copies.
ResizeAxis IdentityAxis(int64_t size);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_RESIZE_H_
