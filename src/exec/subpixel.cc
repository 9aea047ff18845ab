// ConvTranspose as one ordinary convolution per output phase: no zero is inserted, no output is accumulated twice.
#include <algorithm>
#include <cstdint>

#include "exec/conv_task.h"
#include "exec/exec.h"
#include "exec/runner.h"
#include "plan/conv_transpose.h"

namespace polyphase::internal {
namespace {

class SubpixelTask {
 public:
  SubpixelTask(const ConvTransposePlan& plan, const ConvTask& task)
      : plan_(plan), task_(task), kernels_(plan.op->kernels.conv) {
    const int64_t pixel = (plan.batched ? task.images : 1) * kStripBlock;
    const int64_t channels = plan.depthwise ? (task.tiles.end - task.tiles.begin) * kStripBlock : plan.ic;
    steps_.x = pixel;
    steps_.block = task.in[kColumn].count() * pixel;
    steps_.y = (channels + kStripBlock - 1) / kStripBlock * steps_.block;
    steps_.z = task.in[kRow].count() * steps_.y;
  }

  void Run(const float* input) {
    const int64_t first = plan_.depthwise ? task_.tiles.begin * kStripBlock : 0;
    const int64_t last = plan_.depthwise ? std::min(plan_.ic, task_.tiles.end * kStripBlock) : plan_.ic;
    PackStrip(plan_, task_, input, steps_, first, last - first);
    for (int64_t tile = task_.tiles.begin; tile < task_.tiles.end; ++tile) {
      BeginTile(tile);
      // Rows of one phase together: they read the same weights.
      ForEachPhase(kDepth, [&](int64_t oz0) {
        ForEachPhase(kRow, [&](int64_t oy0) { plan_.batched ? RunBatchedRows(oz0, oy0) : RunRows(oz0, oy0); });
      });
    }
    if (plan_.stream) plan_.op->kernels.panel.flush();
  }

 private:
  // The taps of the outputs of one phase on one axis, at one position.
  struct Taps {
    AxisPhase phase;
    int64_t position;
    IndexRange valid;
  };

  // Calls body(o) for the first output of each phase of the task.
  template <class Body>
  void ForEachPhase(int axis, const Body& body) {
    const IndexRange out = task_.out[axis];
    for (int64_t o = out.begin; o < std::min(out.begin + plan_.axes[axis].taps->stride, out.end); ++o) {
      if (axis != kColumn) phase_[axis] = plan_.axes[axis].taps->Phase(plan_.axes[axis].residue(o));
      body(o);
    }
  }

  // Calls body(oz, oy) for the rows of the phases whose first rows are (oz0, oy0).
  template <class Body>
  void ForEachRow(int64_t oz0, int64_t oy0, const Body& body) {
    for (int64_t oz = oz0; oz < task_.out[kDepth].end; oz += plan_.axes[kDepth].taps->stride) {
      for (int64_t oy = oy0; oy < task_.out[kRow].end; oy += plan_.axes[kRow].taps->stride) body(oz, oy);
    }
  }

  Taps RowTaps(int axis, int64_t o) const {
    const int64_t position = plan_.axes[axis].position(o);
    return {phase_[axis], position, plan_.axes[axis].ValidTaps(phase_[axis], position)};
  }

  void BeginTile(int64_t tile) {
    first_channel_ = plan_.tiles.first(tile);
    width_ = plan_.tiles.width(tile);
    channels_ = std::min(width_, plan_.oc - first_channel_);
    tap_floats_ = plan_.depthwise ? kStripBlock : plan_.ic * width_;
    const int64_t row = plan_.depthwise ? 1 : plan_.ic;
    weights_ =
        plan_.weights + task_.group * plan_.weights_group_stride + first_channel_ * plan_.op->weights.taps() * row;
    strip_ = task_.strip + (plan_.depthwise ? (tile - task_.tiles.begin) * steps_.block : 0);
    tile_fns_ = plan_.depthwise ? kernels_.depthwise.data() : kernels_.dense[plan_.tiles.vectors(tile) - 1].data();
  }

  // The operands of the taps of a phase on each axis.
  ConvTileArgs TapArgs(const Taps& z, const Taps& y, const Taps& x) const {
    ConvTileArgs args;
    args.taps_z = z.valid.count();
    args.taps_y = y.valid.count();
    args.taps_x = x.valid.count();
    args.input = strip_;
    args.weights = weights_;
    // Without taps the pointers are not used, and the inputs need not exist.
    const bool any = args.taps_z > 0 && args.taps_y > 0 && args.taps_x > 0;
    int64_t tap = 0;
    const auto add = [&](int axis, const Taps& taps, int64_t step) {
      const AxisTaps& a = *plan_.axes[axis].taps;
      if (!any) return;
      const int64_t input = taps.position - taps.phase.first_offset - taps.valid.begin * a.offset_step;
      args.input += (input - task_.in[axis].begin) * step;
      tap = tap * a.kernel + taps.phase.first_tap + taps.valid.begin * a.tap_step;
    };
    add(kDepth, z, steps_.z);
    add(kRow, y, steps_.y);
    add(kColumn, x, steps_.x);
    args.weights += tap * tap_floats_;
    const AxisTaps& az = *plan_.axes[kDepth].taps;
    const AxisTaps& ay = *plan_.axes[kRow].taps;
    const AxisTaps& ax = *plan_.x().taps;
    // Of a single tap the steps are not used, and may be as large as int64.
    const auto step = [](int64_t taps, int64_t step_in_pixels, int64_t floats) {
      return taps > 1 ? step_in_pixels * floats : 0;
    };
    args.input_step_z = -step(args.taps_z, az.offset_step, steps_.z);
    args.input_step_y = -step(args.taps_y, ay.offset_step, steps_.y);
    args.input_step_x = -step(args.taps_x, ax.offset_step, steps_.x);
    args.input_step_block = steps_.block;
    args.weights_step_x = step(args.taps_x, ax.tap_step, tap_floats_);
    args.weights_step_y = step(args.taps_y, ay.tap_step, ax.kernel * tap_floats_);
    args.weights_step_z = step(args.taps_z, az.tap_step, ay.kernel * ax.kernel * tap_floats_);
    args.channels = plan_.ic;
    return args;
  }

  // `count` pixels, kStripBlock floats apart, in tiles of nearly equal size.
  void RunTiles(ConvTileArgs args, int64_t count, float* panel, int64_t panel_step) const {
    args.output_step = panel_step;
    for (int64_t tiles = (count + kernels_.max_pixels - 1) / kernels_.max_pixels; tiles > 0; --tiles) {
      const int64_t pixels = (count + tiles - 1) / tiles;
      args.output = panel;
      tile_fns_[pixels - 1](args);
      args.input += pixels * kStripBlock;
      panel += pixels * panel_step;
      count -= pixels;
    }
  }

  // Tiles along x. All phases of a chunk of positions meet in the panel, so that the output is written once, in order.
  void RunRows(int64_t oz0, int64_t oy0) {
    const Axis& x = plan_.x();
    const int64_t stride = x.taps->stride;
    const int64_t row_end = task_.out[kColumn].end;
    ForEachRow(oz0, oy0, [&](int64_t oz, int64_t oy) {
      const Taps z = RowTaps(kDepth, oz);
      const Taps y = RowTaps(kRow, oy);
      for (int64_t begin = task_.out[kColumn].begin; begin < row_end;) {
        const int64_t last_position = x.position(begin) + plan_.x_chunk - 1;
        const int64_t end =
            last_position >= x.position(row_end - 1) ? row_end : (last_position + 1) * stride - x.padding_begin;
        for (int64_t ox = begin; ox < std::min(begin + stride, end); ++ox) {
          const AxisPhase phase = x.taps->Phase(x.residue(ox));
          const int64_t count = (end - ox + stride - 1) / stride;
          RunTiles(TapArgs(z, y, {phase, x.position(ox), {0, phase.taps}}), count, task_.panel + (ox - begin) * width_,
                   stride * width_);
        }
        StoreTile(plan_, task_, first_channel_, channels_, width_, end - begin, oz, oy, begin);
        begin = end;
      }
    });
  }

  // Tiles along the batch, position by position; positions of one phase together.
  void RunBatchedRows(int64_t oz0, int64_t oy0) {
    const Axis& x = plan_.x();
    ForEachPhase(kColumn, [&](int64_t ox0) {
      const AxisPhase phase = x.taps->Phase(x.residue(ox0));
      ForEachRow(oz0, oy0, [&](int64_t oz, int64_t oy) {
        const Taps z = RowTaps(kDepth, oz);
        const Taps y = RowTaps(kRow, oy);
        for (int64_t ox = ox0; ox < task_.out[kColumn].end; ox += x.taps->stride) {
          const int64_t position = x.position(ox);
          RunTiles(TapArgs(z, y, {phase, position, x.ValidTaps(phase, position)}), task_.images, task_.panel, width_);
          StoreTile(plan_, task_, first_channel_, channels_, width_, task_.images, oz, oy, ox);
        }
      });
    });
  }

  const ConvTransposePlan& plan_;
  const ConvTask& task_;
  const ConvTileKernels& kernels_;
  StripSteps steps_;
  // The tile and the phase at work.
  int64_t first_channel_ = 0, channels_ = 0, width_ = 0, tap_floats_ = 0;
  const float* weights_ = nullptr;
  const float* strip_ = nullptr;
  const ConvTileFn* tile_fns_ = nullptr;
  AxisPhase phase_[kColumn];  // of z and y
};

}  // namespace

void RunSubpixel(const ConvTransposePlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.tasks(), context.workers, [&](int64_t index, size_t worker) {
    const ConvTask task = MakeConvTask(plan, context, index, worker);
    SubpixelTask(plan, task).Run(static_cast<const float*>(context.input));
  });
}

}  // namespace polyphase::internal
