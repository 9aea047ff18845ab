// IndexRange: a half-open range of indices.
#ifndef POLYPHASE_SRC_GEOMETRY_INDEX_RANGE_H_
#define POLYPHASE_SRC_GEOMETRY_INDEX_RANGE_H_

#include <algorithm>
#include <cstdint>

namespace polyphase::internal {

struct IndexRange {
  int64_t begin, end;

  bool operator==(const IndexRange& other) const { return begin == other.begin && end == other.end; }
  int64_t count() const { return end - begin; }
  bool Contains(int64_t i) const { return i >= begin && i < end; }
  // Returns the part inside [0, size), which is empty where there is none.
  IndexRange Clip(int64_t size) const {
    const int64_t clipped = std::clamp<int64_t>(begin, 0, size);
    return {clipped, std::clamp(end, clipped, size)};
  }
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_INDEX_RANGE_H_
