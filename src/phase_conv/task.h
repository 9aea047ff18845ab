// The loop nests of all algorithms share this: cutting a part into tasks, packing the strip of a task, and storing its
// panels.
#ifndef POLYPHASE_SRC_PHASE_CONV_TASK_H_
#define POLYPHASE_SRC_PHASE_CONV_TASK_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/arena.h"
#include "base/line.h"
#include "exec/store.h"
#include "geometry/split.h"
#include "phase_conv/problem.h"

namespace polyphase::internal {

// A strip holds the inputs that a task reads, after the prologue and in the same order for every layout. Each pixel has
// one line for 16 channels of f32 or 32 of bf16, so that the pixels of a tile are neighbouring lines (planar.cc has
// planes instead):
//   [z][y][channel block][part][x][image]
// Tiles that multiply bf16 have 1, 2 or 3 parts, whose sum is the input; others have one.
struct StripShape {
  int64_t z = 0, y = 0, blocks = 0, x = 0, images = 0;  // each part counts as a block
};

// The steps of a strip count lines. The lines of one channel block of a row, over all x and images, are contiguous.
// Rows follow one another after all blocks of one, or within a block.
struct StripSteps {
  int64_t z, y, block, x;
};

struct Strip {
  Line* lines = nullptr;
  int64_t count = 0;
  float* whole = nullptr;  // where lines are bf16: kSplitPixels pixels of a channel block before they are split
};
// These stay in L1 together with their parts.
constexpr int64_t kSplitPixels = 32;
Strip TakeStrip(const StripShape& shape, Arena& arena);

// A task computes a box of outputs: channels of some tiles of one group, of some images.
struct PhaseTask {
  int64_t group;
  IndexRange tiles, images;
  std::array<IndexRange, kMaxSpatialRank> out;  // the box
  // The inputs that the outputs read, clipped where the strip has nothing outside the input. Winograd's tiles read more
  // than that, and its strips have zeros on all axes.
  std::array<IndexRange, kMaxSpatialRank> in;
};

// Says how one part of the output is cut into tasks.
struct PhaseTasks {
  PhaseTasks(const PhaseProblem& problem, const WeightLayout& layout);

  PhaseTask operator[](int64_t task) const;
  int64_t count() const;

  // Returns the most inputs of an axis that any `outputs` neighbouring outputs need in the strip.
  int64_t StripInputs(int axis, int64_t outputs) const;
  // Returns the largest strip of all tasks, with `channels` channels of each pixel.
  StripShape LargestStrip(int64_t channels) const;

  // A position (qz, qy) of the view has a row of outputs for each phase of z and y that is joined. Calls
  // body(phase, oz, oy) for those that exist, phases counted [z][y].
  template <class Body>
  void ForEachJoinedRow(int64_t qz, int64_t qy, const Body& body) const {
    int64_t phase = 0;
    for (int64_t z = 0; z < view.join[kDepth]; ++z) {
      for (int64_t y = 0; y < view.join[kRow]; ++y, ++phase) {
        const int64_t oz = qz * view.join[kDepth] - view.skip[kDepth] + z;
        const int64_t oy = qy * view.join[kRow] - view.skip[kRow] + y;
        if (oz < 0 || oz >= part[kDepth].count() || oy < 0 || oy >= part[kRow].count()) continue;
        body(phase, oz, oy);
      }
    }
  }

  const PhaseConvOperator& op;
  const PlanTensors& tensors;
  const PhaseView view;
  const WeightLayout layout;  // of the weights
  const std::array<IndexRange, kMaxSpatialRank> part;
  const int64_t group_channels;  // of the output tensor, in one group
  const bool stream;             // the output, which is f32, is written past the caches

  // The strip contains the pixels outside the input on these axes, which taps read as zeros. Everywhere else, taps that
  // read zeros are left out.
  std::array<bool, kMaxSpatialRank> zeros{};
  // Boxes are counted from this many outputs before the part, so that they are whole tiles of Winograd's.
  SpatialSizes lead{};
  Ranges tiles, images;
  std::array<Ranges, kMaxSpatialRank> boxes;
};

// Tells SplitTasks how to weigh its cuts.
struct SplitCosts {
  size_t threads;
  double useful_macs;
  double pixel_bytes;     // of one input pixel in the strip or the column buffer
  SpatialSizes smallest;  // box
  bool split_tiles;       // tasks may have a part of the column tiles
};
double StripBytes(const PhaseTasks& tasks, const SplitCosts& costs, const SpatialSizes& box);
// Sets the boxes and tiles of `tasks`.
void SplitTasks(const SplitCosts& costs, PhaseTasks* tasks);
// Returns the smallest box: one output of each phase, and in x about `x_positions` positions of each.
SpatialSizes SmallestBox(const PhaseView& view, int64_t x_positions);

// A strip larger than this leaves L2. Each task streams all weights, so larger strips are better until then: compared
// with 384 KiB, layers of 256 channels and more took 2 to 10 % less time, those of 512 and 1280 channels 14 to 29 %
// less; 1.5 MiB gained nothing more (Sapphire Rapids, 2 MiB of L2). Where L2 has 512 KiB, 320 and 384 KiB take 0.96 to
// 1.02 of the time (k = s layers, Zen): not enough for a size of its own.
constexpr double kStripBytes = 768 * 1024;
// CPUs that have AMX have 2 MiB of L2, and its tiles read weights faster than they come from L3: 1.5 MiB take 0.82 to
// 0.99 of the time (64 to 1024 channels, Granite Rapids).
inline double LargestStripBytes(const TileFormat& tile) {
  return tile.kr < kSplitChannels ? kStripBytes : 2 * kStripBytes;
}
// A panel holds the output pixels of a row that meet before they are stored. It takes half of the L1 of every x86 core
// since 2008.
constexpr double kPanelBytes = 16 * 1024;
// The smallest task has this many tiles of each phase in its rows.
constexpr int64_t kTaskTiles = 4;

// All estimated times count vector multiply-adds at full rate.
// Returns the share of the peak that tiles reach in a run of `pixels` pixels, if its phase reads `weight_bytes`.
double TileRate(int64_t pixels, const TileFormat& tile, const ColumnTiles& tiles, double weight_bytes);
// A call of a tile takes so long beside its multiplications. This and the other constants of the costs that name
// 600 layers make kAuto's choice best for 500 random layers and the table (bench/peers/algorithms.py, Zen 4, AVX-512).
constexpr double kCallCost = 25;
// Estimates the time to pack or store one element.
double MoveCost(const TensorDesc& desc, double lanes);
// Estimates for how long each element of an input that does not stay in L2 is waited for.
double WaitCost(const TensorDesc& desc);

// Packs channels [channel, channel + channels) of the group for the inputs of the task, and applies the prologue.
void PackStrip(const PhaseTasks& tasks, const PhaseTask& task, const RunContext& context, const Strip& strip,
               const StripSteps& steps, int64_t channel, int64_t channels);

OutputStore MakeStore(const PhaseTasks& tasks, const RunContext& context, float* residual_panel);
// Stores a panel, whose rows are panel_stride floats apart. It has `pixels` pixels of the task's first image from
// output (oz, oy, ox) of the part on, and channels from first_channel of the task's group on.
void StoreTile(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, float* panel,
               int64_t first_channel, int64_t channels, int64_t panel_stride, int64_t pixels, int64_t oz, int64_t oy,
               int64_t ox);

// Stores a panel of joined phases, whose pixels begin with position (qz, qy, qx) of the view. A pixel has the columns
// [phase z][y][x][channel], of which those outside the part do not exist. `columns` is memory for one row of outputs.
void StoreJoined(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, float* panel, float* columns,
                 int64_t panel_stride, int64_t pixels, int64_t qz, int64_t qy, int64_t qx);

// Returns where output (oz, oy, ox) lies if the `width` sums of its channels from first_channel on may be stored there
// as they are: as f32, side by side, without an epilogue, not past the caches. Returns null otherwise. The sums of the
// empty lanes of a block must be zeros.
float* OutputPixels(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, int64_t first_channel,
                    int64_t width, int64_t oz, int64_t oy, int64_t ox);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_TASK_H_
