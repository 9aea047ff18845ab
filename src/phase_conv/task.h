// What all algorithms' loop nests share: cutting a part into tasks, packing a task's strip, storing its panels.
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

// A strip holds the inputs that a task reads, the same for every layout, through the prologue. Each pixel has one line
// for kLineLanes channels, so that a tile's pixels are neighbouring lines:
//   [z][y][channel block][x][image]
struct StripShape {
  int64_t z = 0, y = 0, blocks = 0, x = 0, images = 0;
};

// Steps of a strip in lines. The lines of one channel block of a row, all of x and images, are contiguous.
struct StripSteps {
  int64_t z, y, block, x;
};

struct Strip {
  Line* lines = nullptr;
  int64_t count = 0;
};
Strip TakeStrip(const StripShape& shape, Arena* arena);

// One task: a box of outputs, of the channels of some tiles of one group of some images.
struct PhaseTask {
  int64_t group;
  IndexRange tiles, images;
  std::array<IndexRange, kMaxSpatialRank> out;  // the box
  // Inputs of the strip: those that the outputs read, clipped where the strip has nothing that is outside.
  std::array<IndexRange, kMaxSpatialRank> in;
};

// How one part of the output is cut into tasks.
struct PhaseTasks {
  PhaseTasks(const PhaseProblem& problem, const WeightLayout& layout);

  PhaseTask operator[](int64_t task) const;
  int64_t count() const;

  // The most inputs of an axis that any `outputs` neighbouring outputs need in the strip.
  int64_t StripInputs(int axis, int64_t outputs) const;
  // That of any task. `channels` channels of a pixel are in the strip.
  StripShape LargestStrip(int64_t channels) const;

  const PhaseConvOperator& op;
  const PlanTensors& tensors;
  const PhaseView view;
  const WeightLayout layout;  // of the weights
  const std::array<IndexRange, kMaxSpatialRank> part;
  const int64_t group_channels;  // of the output tensor, in one group
  const bool stream;             // the output goes past the caches

  // A tile's pixels are neighbours in x, or, `batched`, images, which serves maps that are small beside the kernel: taps
  // that read zeros are left out then.
  bool batched = false;
  // The strip has the pixels left and right of the input that taps read as zeros. Everywhere else such taps are left out.
  bool zeros_in_x = false;
  Ranges tiles, images;
  std::array<Ranges, kMaxSpatialRank> boxes;
};

// How SplitTasks weighs its cuts.
struct SplitCosts {
  size_t threads;
  double useful_macs;
  double pixel_bytes;     // of one input pixel in the strip or the column buffer
  SpatialSizes smallest;  // box
  bool split_tiles;       // tasks may have a part of the column tiles
};
double StripBytes(const PhaseTasks& tasks, const SplitCosts& costs, const SpatialSizes& box);
// Sets boxes and tiles.
void SplitTasks(const SplitCosts& costs, PhaseTasks* tasks);
// The smallest box: one output of each phase, and in x about `x_positions` positions of each.
SpatialSizes SmallestBox(const PhaseView& view, int64_t x_positions);

// A strip above this leaves L2. Each task streams all weights, so that larger strips are better until then: against 384
// KiB, 2 to 10 % less time with 256 channels and more, 14 to 29 % with 512 and 1280; 1.5 MiB gained nothing more
// (Sapphire Rapids, 2 MiB of L2).
constexpr double kStripBytes = 768 * 1024;
// A panel, the output pixels of a row that meet before they are stored: half of the L1 of every x86 core since 2008.
constexpr double kPanelBytes = 16 * 1024;
// Tiles of each phase in the rows of the smallest task.
constexpr int64_t kTaskTiles = 4;

// Estimated times in vector multiply-adds at full rate.
// The share of the peak that a tile of `pixels` pixels reaches whose phase reads `weight_bytes`.
double TileRate(int64_t pixels, const ColumnTiles& tiles, double weight_bytes);
// Packing or storing one element.
double MoveCost(const TensorDesc& desc, double lanes, bool batched);

// Packs channels [channel, channel + channels) of the group for the task's inputs, through the prologue.
void PackStrip(const PhaseTasks& tasks, const PhaseTask& task, const RunContext& context, const Strip& strip,
               const StripSteps& steps, int64_t channel, int64_t channels);

OutputStore MakeStore(const PhaseTasks& tasks, const RunContext& context, float* residual_panel);
// Stores a panel, rows of which are panel_stride floats apart: `pixels` pixels from output (oz, oy, ox) of the part on,
// neighbours in x or, `batched`, in the batch; channels from first_channel of the task's group on.
void StoreTile(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, float* panel,
               int64_t first_channel, int64_t channels, int64_t panel_stride, int64_t pixels, int64_t oz, int64_t oy,
               int64_t ox);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_TASK_H_
