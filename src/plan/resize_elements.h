// ElementTaps: the taps of a resized axis for rows whose pixels are a few floats, float by float, as kernels read them.
#ifndef POLYPHASE_SRC_PLAN_RESIZE_ELEMENTS_H_
#define POLYPHASE_SRC_PLAN_RESIZE_ELEMENTS_H_

#include <cstdint>
#include <vector>

#include "geometry/index_range.h"
#include "geometry/resize.h"

namespace polyphase::internal {

// Output element e is the sum over k < taps of weights[k * stride + e] * row[first[e] + k * pixel]. Taps that a window
// lacks have weight 0. Tables have whole lines of kLineLanes elements; the last line repeats its last element.
struct ElementTaps {
  int64_t pixel = 1, taps = 0;
  int64_t stride = 0;
  std::vector<int32_t> first;
  // base[e / 4], e a multiple of 4, is the least first[] from e to the end of e's line. It is not simply first[e]:
  // neither the channels of pixels with the same sources nor windows without their zeros are in ascending order.
  std::vector<int32_t> base;
  std::vector<float> weights;
  IndexRange periodic{0, 0};  // as in ResizeAxis, in elements
  int64_t period = 0;

  // Returns the most floats from base to the last source of the same tap of `lanes` neighbouring elements.
  int64_t Spread(int64_t lanes) const;
};

// Returns whether a table of elements has sources in int32 and a size that is worth it.
bool HasElementTaps(const ResizeAxis& axis, int64_t pixel);
ElementTaps MakeElementTaps(const ResizeAxis& axis, int64_t pixel);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_RESIZE_ELEMENTS_H_
