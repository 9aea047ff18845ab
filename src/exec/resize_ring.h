// RowRing: the resized source rows that a task keeps.
#ifndef POLYPHASE_SRC_EXEC_RESIZE_RING_H_
#define POLYPHASE_SRC_EXEC_RESIZE_RING_H_

#include <algorithm>
#include <cstdint>

#include "plan/resize.h"

namespace polyphase::internal {

// Source row (z, y) is in slot (z mod ring_z, y mod ring_y). There are at least as many slots as taps along each axis,
// so that the source rows of an output row are in different slots.
class RowRing {
 public:
  RowRing(const ResizePlan& plan, const ResizeScratch& scratch)
      : ring_z_(plan.ring_z),
        ring_y_(plan.ring_y),
        in_y_(plan.y.in),
        slot_floats_(plan.planes.length * plan.row_floats),
        rows_(scratch.ring),
        held_(scratch.held) {}

  void Clear() { std::fill_n(held_, ring_z_ * ring_y_, int64_t{-1}); }

  int64_t Slot(int64_t z, int64_t y) const { return z % ring_z_ * ring_y_ + y % ring_y_; }
  // Returns how many rows from (z, y) on are in neighbouring slots.
  int64_t Neighbours(int64_t y) const { return ring_y_ - y % ring_y_; }
  // Returns all planes of the row in a slot, row_floats apart.
  float* Row(int64_t slot) const { return rows_ + slot * slot_floats_; }

  bool Holds(int64_t slot, int64_t z, int64_t y) const { return held_[slot] == z * in_y_ + y; }
  void Hold(int64_t slot, int64_t z, int64_t y) { held_[slot] = z * in_y_ + y; }

 private:
  const int64_t ring_z_, ring_y_, in_y_, slot_floats_;
  float* const rows_;
  int64_t* const held_;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RESIZE_RING_H_
