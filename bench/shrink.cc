// Shrunk: knows which sizes of a row are free, how small each may be, and what follows from them.
#include "bench/shrink.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace polyphase::bench {
namespace {

// A size that may be chosen. It stays the same modulo `period` and does not fall below `floor`, a multiple of `period`.
struct FreeSize {
  int64_t* value;
  int64_t floor;
  int64_t period;

  int64_t Half() const {
    const int64_t rest = *value % period;
    return std::min(*value, std::max(*value / 2 / period * period, floor) + rest);
  }
  double Excess() const { return static_cast<double>(*value) / static_cast<double>(floor); }
};

bool IsDense(const Workload& w) {
  const bool convolves = w.op.rfind("conv", 0) == 0 || w.op == "nearest_conv3x3";
  return convolves && (w.groups == 1 || w.groups < w.input_channels);
}

// Pointers into `w`.
std::vector<FreeSize> FreeSizes(Workload& w) {
  std::vector<FreeSize> sizes = {{&w.n, 16, 1}};  // a tile may be up to 14 images
  for (int axis = 0; axis < w.rank; ++axis) {
    const bool width = axis == w.rank - 1;
    const int64_t period = std::lcm<int64_t>(width ? 16 : 2, w.op == "pixel_unshuffle" ? w.factor : 1);
    sizes.push_back({&w.input[axis], std::max<int64_t>(width ? 16 : 4, period), period});
  }
  // Groups of a dense op keep their number. Where channels belong to each other, the fewer ones are free.
  if (IsDense(w) || w.input_channels <= w.output_channels) {
    sizes.push_back({&w.input_channels, 32 * (IsDense(w) ? w.groups : 1), 16 * (IsDense(w) ? w.groups : 1)});
  }
  if (IsDense(w) || w.input_channels > w.output_channels) {
    sizes.push_back({&w.output_channels, 32 * (IsDense(w) ? w.groups : 1), 16 * (IsDense(w) ? w.groups : 1)});
  }
  return sizes;
}

// Sets what follows from the free sizes of `w`, a smaller `original`.
void Complete(const Workload& original, Workload& w) {
  if (!IsDense(original)) {
    if (original.input_channels <= original.output_channels) {
      w.output_channels = w.input_channels * (original.output_channels / original.input_channels);
    } else {
      w.input_channels = w.output_channels * (original.input_channels / original.output_channels);
    }
    if (original.groups > 1) w.groups = w.input_channels;
  }
  for (int axis = 0; axis < w.rank; ++axis) {
    if (w.size[axis] == 0) continue;
    if (w.op == "max_unpool") {
      w.size[axis] = original.size[axis] - (original.input[axis] - w.input[axis]) * w.stride[axis];
    } else {
      const double scale = static_cast<double>(original.size[axis]) / static_cast<double>(original.input[axis]);
      w.size[axis] = std::max<int64_t>(1, std::llround(static_cast<double>(w.input[axis]) * scale));
    }
  }
}

}  // namespace

double Work(const Workload& workload) {
  const Cost cost = CostOf(workload);
  return cost.flop / 2 + cost.bytes / 4;
}

Workload Shrunk(const Workload& workload, double limit) {
  Workload small = workload;
  std::vector<FreeSize> sizes = FreeSizes(small);
  while (Work(small) > limit) {
    const auto done =
        std::remove_if(sizes.begin(), sizes.end(), [](const FreeSize& s) { return s.Half() == *s.value; });
    sizes.erase(done, sizes.end());
    if (sizes.empty()) break;
    const FreeSize& largest = *std::max_element(
        sizes.begin(), sizes.end(), [](const FreeSize& a, const FreeSize& b) { return a.Excess() < b.Excess(); });
    *largest.value = largest.Half();
    Complete(workload, small);
  }
  return small;
}

}  // namespace polyphase::bench
