// The pooling ops and their inverses: validation, sizes, and which elements each window covers.
#ifndef POLYPHASE_SRC_GEOMETRY_POOL_H_
#define POLYPHASE_SRC_GEOMETRY_POOL_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "geometry/index_range.h"
#include "geometry/tensor.h"
#include "polyphase/pool.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// Some elements of a tensor along one axis.
struct AxisElements {
  int64_t first, step, count;
};

// The windows along one axis, over the `full` elements of the full-size tensor.
struct PoolAxis {
  int64_t full = 1, pooled = 1;
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t padding_begin = 0, padding_end = 0;

  int64_t Begin(int64_t window) const { return window * stride - padding_begin; }
  int64_t EffectiveKernel() const { return dilation * (kernel - 1) + 1; }

  // Returns the taps of a window that are at positions in [-before, full + after).
  IndexRange TapsWithin(int64_t window, int64_t before, int64_t after) const {
    const int64_t begin = Begin(window);
    const int64_t first = begin >= -before ? 0 : (-before - begin - 1) / dilation + 1;
    const int64_t last = begin >= full + after ? 0 : (full + after - 1 - begin) / dilation + 1;
    return IndexRange{first, last}.Clip(kernel);
  }
  IndexRange Taps(int64_t window) const { return TapsWithin(window, 0, 0); }
  // Counts the taps that exist or, with include_pad, those that exist or are padding.
  int64_t Count(int64_t window, bool include_pad) const {
    return include_pad ? TapsWithin(window, padding_begin, padding_end).count() : Taps(window).count();
  }

  AxisElements Elements(int64_t window) const {
    const IndexRange taps = Taps(window);
    return {Begin(window) + taps.begin * dilation, dilation, taps.count()};
  }
  // Returns the windows that cover an element; dilation must be 1.
  AxisElements Windows(int64_t element) const {
    const int64_t u = element + padding_begin;
    const IndexRange covering = IndexRange{u < kernel ? 0 : (u - kernel) / stride + 1, u / stride + 1}.Clip(pooled);
    return {covering.begin, 1, covering.count()};
  }

  // These are the most elements that a window covers, and the most windows that cover an element.
  int64_t MaxElements() const { return std::min(kernel, (full - 1) / dilation + 1); }
  int64_t MaxWindows() const { return std::min(pooled, (kernel - 1) / stride + 1); }
};
using PoolAxes = std::array<PoolAxis, kMaxSpatialRank>;

// A run of outputs, `output_step` apart, each of which reads `inputs.count` inputs. The first input moves by input_step
// from one output to the next.
struct PoolRun {
  int64_t output, output_step, outputs;
  AxisElements inputs;
  int64_t input_step;
};

// Calls body(run) for disjoint runs that make up the windows [range.begin, range.end): one for the inside, and one for
// each window at an edge.
template <class Body>
void ForEachRunOfWindows(const PoolAxis& axis, const IndexRange& range, const Body& body) {
  for (int64_t o = range.begin; o < range.end;) {
    const AxisElements elements = axis.Elements(o);
    int64_t outputs = 1;
    if (elements.count == axis.kernel) {
      outputs = std::min(range.end - o, (axis.full - axis.EffectiveKernel() - axis.Begin(o)) / axis.stride + 1);
    }
    body(PoolRun{o, 1, outputs, elements, axis.stride});
    o += outputs;
  }
}

// Does the same for elements, each of which reads the windows that cover it. The runs of one phase follow those of
// another.
template <class Body>
void ForEachRunOfElements(const PoolAxis& axis, const IndexRange& range, const Body& body) {
  const int64_t phases = std::min(range.end, range.begin + axis.stride);
  for (int64_t phase = range.begin; phase < phases; ++phase) {
    for (int64_t o = phase; o < range.end;) {
      const AxisElements windows = axis.Windows(o);
      const int64_t u = o + axis.padding_begin;
      const int64_t last = u / axis.stride;
      int64_t outputs = 1;
      if (u >= axis.kernel - 1 && last < axis.pooled) {  // no window is missing
        outputs = std::min((range.end - 1 - o) / axis.stride + 1, axis.pooled - last);
      }
      body(PoolRun{o, axis.stride, outputs, windows, 1});
      o += outputs * axis.stride;
    }
  }
}

// Says what an index counts: image * image_step + channel * channel_step + the sum over the axes of step * position in
// the full-size tensor (kWindow: step * number of the tap).
struct IndexMap {
  bool window;
  int64_t image_step, channel_step;
  SpatialSizes step;
  int64_t count;  // number of positions; of those in a plane where channel_step is 0
};

// Expands the axes (see geometry/tensor.h). Fails on an invalid spatial rank.
Status ExpandPoolWindow(const char* op, PoolWindow* window);

// `unpool` is true for the unpooling ops, which have no dilation, ceil_mode or auto_pad.
Status ValidatePoolWindow(const char* op, const PoolWindow& window, bool unpool);
Status ValidateIndexConvention(const char* op, const PoolWindow& window, IndexConvention convention);
Status ValidateDivisor(const char* op, int64_t divisor_override);

// Sets the windows over an input of the full size. Every window covers an element.
Status MakePoolAxes(const char* op, const PoolWindow& window, const TensorDesc& input, PoolAxes* axes);
// Sets the windows over an output. `output_size` is expanded; `default_size` may be null.
Status MakeUnpoolAxes(const char* op, const PoolWindow& window, const TensorDesc& input,
                      const SpatialSizes& output_size, PoolAxes* axes, SpatialSizes* default_size);

// `size` is that of the full-size tensor, `n` and `c` those of both.
IndexMap MakeIndexMap(IndexConvention convention, bool column_major, const PoolWindow& window, int64_t n, int64_t c,
                      const SpatialSizes& size);
// Infers the tensor of the indices of `pooled`, a tensor of windows. Fails also where the type cannot hold them.
Status InferIndices(const char* op, const IndexMap& map, const TensorDesc& pooled, const TensorDesc* requested,
                    TensorDesc* indices);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_POOL_H_
