// Cuts work into tasks for threads, and pixels into tiles for kernels.
#ifndef POLYPHASE_SRC_GEOMETRY_SPLIT_H_
#define POLYPHASE_SRC_GEOMETRY_SPLIT_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/checked_math.h"
#include "geometry/index_range.h"

namespace polyphase::internal {

// Returns how many tasks `threads` threads should get: four each, because the cores of a shared machine are never
// equally fast, but no more than there is work. `work` counts the smallest tasks that are worth the 10 microseconds a
// task costs.
inline double WantedTasks(size_t threads, double work) {
  return threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(threads), work);
}

// Fewer multiplications than this (10 microseconds of one core) are not worth a task of their own.
constexpr double kTaskMacs = 5e5;

// Cuts [0, size) into ranges of equal length, the last of which may be shorter.
struct Ranges {
  int64_t size = 0, length = 0, count = 0;

  IndexRange operator[](int64_t i) const { return {i * length, std::min((i + 1) * length, size)}; }
};

// Returns ranges of `length`, which is at least 1.
inline Ranges CutEvery(int64_t size, int64_t length) { return {size, length, DivCeil(size, length)}; }

// Returns about `wanted` / `others` ranges of at least `shortest`, each of which stands for `others` tasks.
inline Ranges CutForTasks(int64_t size, double wanted, int64_t others, int64_t shortest = 1) {
  const auto parts = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(wanted / static_cast<double>(others))));
  return CutEvery(size, std::max(shortest, DivCeil(size, parts)));
}

// Takes the number of a task apart into its digits in a mixed radix: Next(count) is the next index below `count`,
// Next(ranges) the next of these ranges.
class TaskIndex {
 public:
  explicit TaskIndex(int64_t task) : rest_(task) {}
  int64_t Next(int64_t count) {
    const int64_t index = rest_ % count;
    rest_ /= count;
    return index;
  }
  IndexRange Next(const Ranges& ranges) { return ranges[Next(ranges.count)]; }
  int64_t rest() const { return rest_; }

 private:
  int64_t rest_;
};

// Returns the largest tile when `count` pixels are split into as few tiles of at most `most` pixels as possible, of
// nearly equal size.
inline int64_t BalancedTile(int64_t count, int64_t most) { return DivCeil(count, DivCeil(count, most)); }

// Calls body(first, pixels) for each of these tiles, whose sizes differ by at most one.
template <class Body>
inline void ForEachTile(int64_t count, int64_t most, const Body& body) {
  int64_t first = 0;
  for (int64_t tiles = DivCeil(count, most); tiles > 0; --tiles) {
    const int64_t pixels = DivCeil(count - first, tiles);
    body(first, pixels);
    first += pixels;
  }
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_SPLIT_H_
