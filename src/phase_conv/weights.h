// Packs the weights of a phase convolution for each format that an algorithm reads.
#ifndef POLYPHASE_SRC_PHASE_CONV_WEIGHTS_H_
#define POLYPHASE_SRC_PHASE_CONV_WEIGHTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <mutex>
#include <optional>

#include "base/aligned_buffer.h"
#include "geometry/phases.h"
#include "kernels/conv_tile.h"
#include "kernels/winograd.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// The phases of some axes as one phase with more output channels [phase z][y][x][channel]. They fill vectors that the
// channels of one output leave empty. An axis that is not joined has count 1 and no phases here.
struct JoinedPhases {
  SpatialSizes count{1, 1, 1};
  std::array<AxisPhases, kMaxSpatialRank> phases;

  bool any() const { return count != SpatialSizes{1, 1, 1}; }
  int64_t all() const { return count[0] * count[1] * count[2]; }
};

// What the phases of each axis read together: one phase, see JoinPhases. An axis of many phases has none.
using AxisWindows = std::array<std::optional<AxisPhases>, kMaxSpatialRank>;

// Weights and biases in the order of phases. All sizes are those of one group.
struct WeightSource {
  int64_t groups = 0, ic = 0, oc = 0;
  const std::array<AxisPhases, kMaxSpatialRank>* phases = nullptr;
  const AxisWindows* windows = nullptr;
  const float* weights = nullptr;  // [group][input channel][output channel][slot z][slot y][slot x]
  // [offset z][y][x][group][output channel]: a phase of residue r has the biases of offset r mod `biases`. Null means
  // zeros.
  const float* bias = nullptr;
  SpatialSizes biases{1, 1, 1};
};

// Says how an algorithm wants weights packed: for which tile, and in which order its blocks of [row][column] follow one
// another.
struct WeightFormat {
  enum class Order : int {
    kSlots,      // [group][tile of output channels][slot], rows are input channels: a phase's taps select slots
    kColumns,    // [group][tile of (slot, output channel)], rows are input channels: one GEMM over all taps
    kDepthwise,  // [tile of all groups' output channels], rows are slots: each group has one input channel
    kWinograd,   // as kSlots; the slots of an axis are [phase][component of `transform`]
    kChannels,   // [group][tile of output channels][input channel][slot], blocks of one row
  };
  Order order;
  const JoinedPhases* joined;  // not for kColumns, kDepthwise: null, or columns and slots are those of these phases
  const TileFormat* tile;
  std::array<WinogradAxis, kMaxSpatialRank> transform{};  // r is the length of the axis's window

  bool operator==(const WeightFormat& other) const {
    return order == other.order && joined == other.joined && tile == other.tile && transform == other.transform;
  }
};

// Says where the weights and biases of a format lie.
struct WeightLayout {
  WeightLayout() = default;
  WeightLayout(const WeightSource& source, const WeightFormat& format);

  bool IsDepthwise() const { return format.order == WeightFormat::Order::kDepthwise; }
  bool IsFlattened() const { return format.order == WeightFormat::Order::kColumns; }
  int64_t all_slots() const { return slots[0] * slots[1] * slots[2]; }
  // A column of a tile has this many bytes in one slot, and in all blocks.
  int64_t slot_column_bytes() const {  // kChannels: in one channel
    return IsDepthwise() ? element_bytes : block_column_bytes;
  }
  int64_t column_bytes() const { return blocks * block_column_bytes; }
  int64_t group_bytes() const { return tiles.padded() * column_bytes(); }
  int64_t bias_floats() const { return groups * bias_columns; }  // of one offset
  int64_t bias_bytes() const {
    return RoundUp(bias_floats() * biases[0] * biases[1] * biases[2] * int64_t{sizeof(float)}, kLineBytes);
  }
  int64_t bytes() const { return bias_bytes() + groups * group_bytes(); }

  WeightFormat format{};
  int64_t groups = 0;    // 1 for kDepthwise
  ColumnTiles tiles;     // of one group
  SpatialSizes slots{};  // along each axis
  int64_t blocks = 0, rows = 0;
  int64_t element_bytes = 0, block_column_bytes = 0;
  // The offsets along each axis that have biases of their own, and the biases of a group from one offset to the next:
  // [offset z][y][x][group][bias_columns].
  SpatialSizes biases{};
  int64_t bias_columns = 0;
};

// Weights and biases in a format, placed as its layout says.
struct PackedWeights {
  const char* weights = nullptr;
  const float* bias = nullptr;
};

// The weights of one layer. Each format is packed the first time that it is asked for.
class PhaseWeights {
 public:
  // `formats` are all that kAuto will ask for; the phases of the source and of the formats must outlive this object. A
  // single format is packed here, and the source is not kept. For several formats the source is copied.
  Status Init(const char* op, const WeightSource& source, const Runtime& runtime,
              const std::forward_list<WeightFormat>& formats);

  WeightLayout Layout(const WeightFormat& format) const { return WeightLayout(source_, format); }
  // Thread-safe. Fails if memory runs out; the next call then tries again. The pointers live as long as this object.
  // Where a single format was packed, another one must differ from it by the kind of tile alone: its weights are made
  // of those that are packed.
  Status Get(const WeightFormat& format, PackedWeights* packed) const;
  size_t bytes() const;
  // Returns whether there is more than one format.
  bool HasChoice() const { return copy_.bytes() > 0; }

 private:
  struct Form {
    WeightFormat format;
    AlignedBuffer memory;  // biases, then weights
  };

  Status Pack(const WeightLayout& layout) const;

  const char* op_ = "";
  Runtime runtime_;
  WeightSource source_;
  AlignedBuffer copy_;  // of the source's weights and biases
  mutable std::mutex mutex_;
  mutable std::forward_list<Form> forms_;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_WEIGHTS_H_
