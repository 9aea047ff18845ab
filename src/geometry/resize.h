// Resize: output sizes, and per axis the table of source indices and weights.
#ifndef POLYPHASE_SRC_GEOMETRY_RESIZE_H_
#define POLYPHASE_SRC_GEOMETRY_RESIZE_H_

#include <cstdint>
#include <vector>

#include "geometry/index_range.h"
#include "polyphase/resize.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// output[o] = sum over k < taps of weights[k * stride + o] * input[clamp(first[o] + k, 0, in - 1)].
// Entries [out, stride) repeat first[out - 1] and have weight 0, so that vectors may run past the end.
struct ResizeAxis {
  int64_t in = 0, out = 0;
  int taps = 1;           // 1 (weight 1), 2 or 4
  bool identity = false;  // out == in and output[o] = input[o]
  int64_t stride = 0;
  std::vector<int32_t> first;  // does not decrease
  std::vector<float> weights;
  // Outputs o in [periodic.begin, periodic.end) have the weights, and up to a constant the first[], of output o -
  // period where that is in the range too. All multiples of 16; empty where no short period was found.
  IndexRange periodic{0, 0};
  int64_t period = 0;

  // The sources of outputs [begin, end), those outside of the input included.
  IndexRange Sources(int64_t begin, int64_t end) const { return {first[begin], int64_t{first[end - 1]} + taps}; }
};

// Expands the axes (see geometry/tensor.h). Error: an invalid spatial rank.
Status ExpandResize(ResizeAttributes* attributes);
// Checks every attribute that does not depend on the input.
Status ValidateResize(const ResizeAttributes& attributes);
Status ResizeOutputSize(const ResizeAttributes& attributes, const SpatialSizes& input_size, SpatialSizes* result);
ResizeAxis MakeResizeAxis(const ResizeAttributes& attributes, int axis, int64_t in, int64_t out);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_RESIZE_H_
