// ConvTranspose as phases: output sizes, and which taps read which inputs for every output.
#ifndef POLYPHASE_SRC_GEOMETRY_CONV_TRANSPOSE_H_
#define POLYPHASE_SRC_GEOMETRY_CONV_TRANSPOSE_H_

#include <algorithm>
#include <cstdint>

#include "base/checked_math.h"
#include "geometry/index_range.h"
#include "polyphase/conv_transpose.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// The taps of one residue r = u mod stride of one axis, where u = o + padding_begin. Tap number m of the phase is
// kernel tap first_tap + m * tap_step and reads input q - first_offset - m * offset_step, where q = u / stride.
struct AxisPhase {
  int64_t first_tap = 0;
  int64_t first_offset = 0;
  int64_t taps = 0;  // may be 0: a hole, the output is the bias
};

// What is known of an axis before the input size is. Closed forms only: stride and dilation may be huge. Derivation: u
// = i * stride + t * dilation, hence t * dilation = r (mod stride), which has solutions only where r is a multiple of
// gcd = gcd(stride, dilation): t = r / gcd * inverse(dilation / gcd) (mod stride / gcd). They are tap_step = stride /
// gcd apart, and one such step moves i by offset_step = dilation / gcd.
struct AxisTaps {
  int64_t kernel, stride, dilation;
  int64_t gcd, tap_step, offset_step;
  int64_t inverse;  // of offset_step modulo tap_step

  AxisPhase Phase(int64_t residue) const;
};

// An axis with its sizes and its padding, which ONNX's auto_pad derives from them.
struct Axis {
  const AxisTaps* taps;
  int64_t in, out, padding_begin;

  int64_t residue(int64_t o) const { return (o + padding_begin) % taps->stride; }
  int64_t position(int64_t o) const { return (o + padding_begin) / taps->stride; }  // q
  // The first output >= begin with that residue (may be >= out).
  int64_t FirstOutput(int64_t residue, int64_t begin) const {
    const int64_t delta = (residue - this->residue(begin)) % taps->stride;
    return begin + (delta < 0 ? delta + taps->stride : delta);
  }
  // The taps of the phase that read inside [0, in) at position q.
  IndexRange ValidTaps(const AxisPhase& phase, int64_t q) const {
    const int64_t i0 = q - phase.first_offset;
    const int64_t begin = std::min(phase.taps, std::max<int64_t>(0, DivCeil(i0 - (in - 1), taps->offset_step)));
    const int64_t end = i0 < 0 ? 0 : std::min(phase.taps, i0 / taps->offset_step + 1);
    return {begin, std::max(begin, end)};
  }
  // How far the taps of one output reach.
  int64_t reach() const { return taps->dilation * (taps->kernel - 1); }
  // The inputs [begin, end) that outputs [o.begin, o.end) read, not clipped to [0, in).
  IndexRange InputRange(const IndexRange& o) const {
    return {DivCeil(o.begin + padding_begin - reach(), taps->stride),
            DivFloor(o.end - 1 + padding_begin, taps->stride) + 1};
  }
  // The most inputs that any `outputs` neighbouring outputs read, not clipped.
  int64_t MaxInputs(int64_t outputs) const { return (outputs - 1 + reach()) / taps->stride + 1; }
};

// How many (output, tap) pairs of the axis meet an input: the axis's factor of the useful multiplications.
int64_t CountPairs(const Axis& axis);

// Expands the axes (see geometry/tensor.h). Error: an invalid spatial rank.
Status ExpandConvTranspose(ConvTransposeAttributes* attributes);
// Checks every attribute that does not depend on the input.
Status ValidateConvTranspose(const ConvTransposeAttributes& attributes);
AxisTaps MakeAxisTaps(const ConvTransposeAttributes& attributes, int axis);

// What the attributes say once the input's size is known.
struct ConvTransposeShape {
  SpatialSizes size, padding_begin;
};

// ONNX's auto_pad and output_shape (see ConvTransposeAttributes), and PyTorch's `output_size` (expanded; all 0: not
// given). Messages name the attribute.
Status ResolveConvTranspose(const ConvTransposeAttributes& attributes, const SpatialSizes& input_size,
                            const SpatialSizes& output_size, ConvTransposeShape* shape);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_CONV_TRANSPOSE_H_
