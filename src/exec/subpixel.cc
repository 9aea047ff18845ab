// A phase convolution as one ordinary convolution per output phase: no zero is inserted, no output is accumulated twice.
#include <algorithm>
#include <cstdint>

#include "exec/conv_task.h"
#include "exec/exec.h"
#include "exec/runner.h"
#include "plan/phase_conv.h"

namespace polyphase::internal {
namespace {

class SubpixelTask {
 public:
  SubpixelTask(const PhaseConvPlan& plan, const ConvTask& task)
      : plan_(plan), task_(task), kernels_(plan.op->kernels.conv) {
    const int64_t pixel = (plan.batched ? task.images : 1) * kLineLanes;
    const int64_t channels = plan.depthwise ? task.tiles.count() * kLineLanes : plan.ic;
    steps_.x = pixel;
    steps_.block = task.in[kColumn].count() * pixel;
    steps_.y = (channels + kLineLanes - 1) / kLineLanes * steps_.block;
    steps_.z = task.in[kRow].count() * steps_.y;
    bias_floats_ = plan.op->weights.BiasFloats(plan.form);
    slots_ = plan.op->weights.slots(plan.form);
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) biases_[axis] = plan.op->weights.biases(plan.form, axis);
  }

  void Run(const float* input) {
    const int64_t first = plan_.depthwise ? task_.tiles.begin * kLineLanes : 0;
    const int64_t last = plan_.depthwise ? std::min(plan_.ic, task_.tiles.end * kLineLanes) : plan_.ic;
    PackStrip(plan_, task_, input, steps_, first, last - first);
    // The tiles that share a panel: one, or all channels of joined phases.
    const int64_t together = plan_.is_joined() ? task_.tiles.count() : 1;
    for (int64_t tile = task_.tiles.begin; tile < task_.tiles.end; tile += together) {
      tiles_ = {tile, tile + together};
      first_channel_ = plan_.tiles.first(tile);
      width_ = plan_.tiles.first(tile + together - 1) + plan_.tiles.width(tile + together - 1) - first_channel_;
      // Rows of one phase together: they read the same weights.
      ForEachPhase(kDepth, [&](int64_t oz0) {
        ForEachPhase(kRow, [&](int64_t oy0) { plan_.batched ? RunBatchedRows(oz0, oy0) : RunRows(oz0, oy0); });
      });
    }
    if (plan_.stream) plan_.op->kernels.panel.flush();
  }

 private:
  // The outputs of one residue on one axis.
  struct Phase {
    AxisPhase taps;
    int64_t bias;  // index of theirs
  };
  // Their taps at one position.
  struct Taps {
    const Phase& phase;
    int64_t position;
    IndexRange valid;
  };

  Phase PhaseOf(int axis, int64_t o) const {
    const int64_t residue = plan_.axes[axis].residue(o);
    return {plan_.axes[axis].phases->Phase(residue), biases_[axis] == 1 ? 0 : residue % biases_[axis]};
  }

  // Calls body(o) for the first output of each phase of the task.
  template <class Body>
  void ForEachPhase(int axis, const Body& body) {
    const IndexRange out = task_.out[axis];
    for (int64_t o = out.begin; o < std::min(out.begin + plan_.axes[axis].phases->stride, out.end); ++o) {
      if (axis != kColumn) phase_[axis] = PhaseOf(axis, o);
      body(o);
    }
  }

  // Calls body(oz, oy) for the rows of the phases whose first rows are (oz0, oy0).
  template <class Body>
  void ForEachRow(int64_t oz0, int64_t oy0, const Body& body) {
    for (int64_t oz = oz0; oz < task_.out[kDepth].end; oz += plan_.axes[kDepth].phases->stride) {
      for (int64_t oy = oy0; oy < task_.out[kRow].end; oy += plan_.axes[kRow].phases->stride) body(oz, oy);
    }
  }

  Taps RowTaps(int axis, int64_t o) const {
    const int64_t position = plan_.axes[axis].position(o);
    return {phase_[axis], position, plan_.axes[axis].ValidTaps(phase_[axis].taps, position)};
  }

  // The operands of a tile of channels for the taps of a phase on each axis.
  ConvTileArgs TapArgs(int64_t tile, const Taps& z, const Taps& y, const Taps& x) const {
    const int64_t rows = plan_.depthwise ? 1 : plan_.ic;  // of weights, for each tap
    const int64_t tap_floats = rows * plan_.tiles.width(tile);
    const int64_t channel = plan_.tiles.first(tile);
    ConvTileArgs args;
    args.taps_z = z.valid.count();
    args.taps_y = y.valid.count();
    args.taps_x = x.valid.count();
    args.input = task_.strip + (plan_.depthwise ? (tile - task_.tiles.begin) * steps_.block : 0);
    args.weights = plan_.packed.weights + task_.group * plan_.weights_group_stride + channel * slots_ * rows;
    const int64_t bias = (z.phase.bias * biases_[kRow] + y.phase.bias) * biases_[kColumn] + x.phase.bias;
    args.bias = plan_.packed.bias + bias * bias_floats_ + task_.group * plan_.tiles.padded() + channel;
    // Without taps the pointers are not used, and the inputs need not exist.
    const bool any = args.taps_z > 0 && args.taps_y > 0 && args.taps_x > 0;
    int64_t slot = 0;
    const auto add = [&](int axis, const Taps& taps, int64_t step) {
      const AxisPhases& a = *plan_.axes[axis].phases;
      if (!any) return;
      const int64_t input = taps.position - taps.phase.taps.first_offset - taps.valid.begin * a.offset_step;
      args.input += (input - task_.in[axis].begin) * step;
      slot = slot * a.slots + taps.phase.taps.first_slot + taps.valid.begin * a.slot_step;
    };
    add(kDepth, z, steps_.z);
    add(kRow, y, steps_.y);
    add(kColumn, x, steps_.x);
    args.weights += slot * tap_floats;
    const AxisPhases& az = *plan_.axes[kDepth].phases;
    const AxisPhases& ay = *plan_.axes[kRow].phases;
    const AxisPhases& ax = *plan_.x().phases;
    // Of a single tap the steps are not used, and may be as large as int64.
    const auto step = [](int64_t taps, int64_t step_in_pixels, int64_t floats) {
      return taps > 1 ? step_in_pixels * floats : 0;
    };
    args.input_step_z = -step(args.taps_z, az.offset_step, steps_.z);
    args.input_step_y = -step(args.taps_y, ay.offset_step, steps_.y);
    args.input_step_x = -step(args.taps_x, ax.offset_step, steps_.x);
    args.input_step_block = steps_.block;
    args.weights_step_x = step(args.taps_x, ax.slot_step, tap_floats);
    args.weights_step_y = step(args.taps_y, ay.slot_step, ax.slots * tap_floats);
    args.weights_step_z = step(args.taps_z, az.slot_step, ay.slots * ax.slots * tap_floats);
    args.channels = plan_.ic;
    return args;
  }

  // `count` pixels, kLineLanes floats apart, in tiles of nearly equal size, into a panel whose pixels are panel_step
  // floats apart.
  void RunTiles(const Taps& z, const Taps& y, const Taps& x, int64_t count, float* panel, int64_t panel_step) const {
    for (int64_t tile = tiles_.begin; tile < tiles_.end; ++tile) {
      const ConvTileFn* tile_fns =
          plan_.depthwise ? kernels_.depthwise.data() : kernels_.dense[plan_.tiles.vectors(tile) - 1].data();
      ConvTileArgs args = TapArgs(tile, z, y, x);
      args.output = panel + plan_.tiles.first(tile) - first_channel_;
      args.output_step = panel_step;
      int64_t left = count;
      for (int64_t tiles = (count + kernels_.max_pixels - 1) / kernels_.max_pixels; tiles > 0; --tiles) {
        const int64_t pixels = (left + tiles - 1) / tiles;
        tile_fns[pixels - 1](args);
        args.input += pixels * kLineLanes;
        args.output += pixels * panel_step;
        left -= pixels;
      }
    }
  }

  // Tiles along x. All phases of a chunk of positions meet in the panel, so that the output is written once, in order.
  // Tiles that store into the output themselves gain 0 to 8 % in NHWC, but lose up to 10 % in NCHWc, where neighbouring
  // lines belong to different phases.
  void RunRows(int64_t oz0, int64_t oy0) {
    const Axis& x = plan_.x();
    const int64_t stride = x.phases->stride;
    const int64_t row_end = task_.out[kColumn].end;
    ForEachRow(oz0, oy0, [&](int64_t oz, int64_t oy) {
      const Taps z = RowTaps(kDepth, oz);
      const Taps y = RowTaps(kRow, oy);
      for (int64_t begin = task_.out[kColumn].begin; begin < row_end;) {
        const int64_t last_position = x.position(begin) + plan_.x_chunk - 1;
        const int64_t end =
            last_position >= x.position(row_end - 1) ? row_end : (last_position + 1) * stride - x.origin;
        for (int64_t ox = begin; ox < std::min(begin + stride, end); ++ox) {
          const Phase phase = PhaseOf(kColumn, ox);
          RunTiles(z, y, {phase, x.position(ox), {0, phase.taps.taps}}, (end - ox + stride - 1) / stride,
                   task_.panel + (ox - begin) * width_, stride * width_);
        }
        Store(end - begin, oz, oy, begin);
        begin = end;
      }
    });
  }

  // Tiles along the batch, position by position; positions of one phase together.
  void RunBatchedRows(int64_t oz0, int64_t oy0) {
    const Axis& x = plan_.x();
    ForEachPhase(kColumn, [&](int64_t ox0) {
      const Phase phase = PhaseOf(kColumn, ox0);
      ForEachRow(oz0, oy0, [&](int64_t oz, int64_t oy) {
        const Taps z = RowTaps(kDepth, oz);
        const Taps y = RowTaps(kRow, oy);
        for (int64_t ox = ox0; ox < task_.out[kColumn].end; ox += x.phases->stride) {
          const int64_t position = x.position(ox);
          RunTiles(z, y, {phase, position, x.ValidTaps(phase.taps, position)}, task_.images, task_.panel, width_);
          Store(task_.images, oz, oy, ox);
        }
      });
    });
  }

  // Stores the panel, whose pixels begin with (oz, oy, ox) of the plan's axes.
  void Store(int64_t pixels, int64_t oz, int64_t oy, int64_t ox) const {
    if (plan_.is_joined()) return StoreJoined(pixels, oz, oy, ox);
    const int64_t channels = std::min(width_, plan_.oc - first_channel_);
    StoreTile(plan_, task_, task_.panel, first_channel_, channels, width_, pixels, oz, oy, ox);
  }

  // Each of the panel's pixels is a block of outputs [phase z][y][x][channel], of which those outside do not exist.
  void StoreJoined(int64_t pixels, int64_t qz, int64_t qy, int64_t qx) const {
    const SpatialSizes& size = plan_.part_size;
    const SpatialSizes& join = plan_.join;
    const int64_t oc = plan_.tensor_oc();
    const int64_t run = join[kColumn] * oc;
    const int64_t ox = qx * join[kColumn] - plan_.join_skip[kColumn];
    float* columns = task_.panel;
    for (int64_t z = 0; z < join[kDepth]; ++z) {
      for (int64_t y = 0; y < join[kRow]; ++y, columns += run) {
        const int64_t oz = qz * join[kDepth] - plan_.join_skip[kDepth] + z;
        const int64_t oy = qy * join[kRow] - plan_.join_skip[kRow] + y;
        if (oz < 0 || oz >= size[kDepth] || oy < 0 || oy >= size[kRow]) continue;
        if (plan_.batched) {
          for (int64_t x = std::max<int64_t>(0, -ox); x < std::min(join[kColumn], size[kColumn] - ox); ++x) {
            StoreTile(plan_, task_, columns + x * oc, 0, oc, width_, pixels, oz, oy, ox + x);
          }
          continue;
        }
        // Together, so that a row leaves in one piece: cheaper than storing every phase with a stride.
        float* row = columns;
        if (run != width_) {
          row = task_.columns;
          plan_.op->kernels.panel.pack[2]({{run, 0}, 0, run, pixels, width_}, columns, row, run, run);
        }
        const int64_t begin = std::max<int64_t>(0, -ox);
        const int64_t end = std::min(pixels * join[kColumn], size[kColumn] - ox);
        if (begin < end) StoreTile(plan_, task_, row + begin * oc, 0, oc, oc, end - begin, oz, oy, ox + begin);
      }
    }
  }

  const PhaseConvPlan& plan_;
  const ConvTask& task_;
  const ConvTileKernels& kernels_;
  StripSteps steps_;
  // Of the weights' form: what is constant in a task, whose tiles may be smaller than the calls that tell it.
  int64_t bias_floats_ = 0, slots_ = 0;
  SpatialSizes biases_{};
  // The tiles whose channels are in the panel, and the phase at work.
  IndexRange tiles_{};
  int64_t first_channel_ = 0, width_ = 0;
  Phase phase_[kColumn];  // of z and y
};

}  // namespace

void RunSubpixel(const PhaseConvPlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.part_tasks(), context.workers, [&](int64_t index, size_t worker) {
    const ConvTask task = MakeConvTask(plan, context, index, worker);
    SubpixelTask(plan, task).Run(static_cast<const float*>(context.input));
  });
  for (const PhaseConvPlan& other : plan.others) RunSubpixel(other, context);
}

}  // namespace polyphase::internal
