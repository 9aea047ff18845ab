// Makes the tables of ElementTaps.
#include "plan/resize_elements.h"

#include <algorithm>
#include <limits>

#include "base/checked_math.h"
#include "base/line.h"

namespace polyphase::internal {
namespace {

constexpr int64_t kBaseStep = 4;

}  // namespace

int64_t ElementTaps::Spread(int64_t lanes) const {
  int64_t spread = 0;
  for (int64_t e = 0; e < stride; ++e) {
    spread = std::max<int64_t>(spread, first[e] - base[e / lanes * lanes / kBaseStep]);
  }
  return spread;
}

bool HasElementTaps(const ResizeAxis& axis, int64_t pixel) {
  // With more taps, windows are faster. With more entries, 1 GiB of weights, a table is a mistake.
  constexpr int64_t kMostTaps = 32, kMostEntries = int64_t{1} << 28;
  return axis.taps <= kMostTaps && axis.fixed_weights.empty() &&
         axis.in < std::numeric_limits<int32_t>::max() / pixel && axis.out <= kMostEntries / kMostTaps / pixel;
}

ElementTaps MakeElementTaps(const ResizeAxis& axis, int64_t pixel) {
  ElementTaps table;
  table.pixel = pixel;
  table.taps = axis.taps;
  table.stride = RoundUp(axis.out * pixel, kLineLanes);
  table.periodic = {axis.periodic.begin * pixel, axis.periodic.end * pixel};
  table.period = axis.period * pixel;
  table.first.resize(table.stride);
  table.base.resize(table.stride / kBaseStep);
  const bool weighted = axis.windows || axis.taps > 1;
  // Kernels that compute a pixel in a vector read past the last one.
  table.weights.resize(weighted ? table.taps * table.stride + kLineLanes : 0);
  for (int64_t e = 0; e < table.stride; ++e) {
    const int64_t inside = std::min(e, axis.out * pixel - 1);
    const int64_t o = inside / pixel;
    table.first[e] = static_cast<int32_t>(axis.first[o] * pixel + inside % pixel);
    for (int64_t k = 0; k < axis.Count(o) && weighted; ++k) table.weights[k * table.stride + e] = axis.Weight(o, k);
  }
  for (int64_t e = 0; e < table.stride; e += kBaseStep) {
    const auto begin = table.first.begin();
    table.base[e / kBaseStep] = *std::min_element(begin + e, begin + RoundUp(e + 1, kLineLanes));
  }
  return table;
}

}  // namespace polyphase::internal
