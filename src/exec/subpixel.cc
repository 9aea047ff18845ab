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
  SubpixelTask(const ConvTransposePlan& plan, const ConvTask& task, const RunContext& context)
      : plan_(plan),
        task_(task),
        context_(context),
        kernels_(plan.op->kernels.conv),
        output_(static_cast<float*>(context.output)) {
    const int64_t pixel = (plan.batched ? task.images : 1) * kStripBlock;
    const int64_t channels = plan.depthwise ? (task.tiles.end - task.tiles.begin) * kStripBlock : plan.ic;
    steps_ = {0, plan.strip_x.count() * pixel, pixel};
    steps_.y = (channels + kStripBlock - 1) / kStripBlock * steps_.block;
  }

  void Run(const float* input) {
    const int64_t first = plan_.depthwise ? task_.tiles.begin * kStripBlock : 0;
    const int64_t last = plan_.depthwise ? std::min(plan_.ic, task_.tiles.end * kStripBlock) : plan_.ic;
    PackStrip(plan_, task_, input, steps_, first, last - first);
    for (int64_t tile = task_.tiles.begin; tile < task_.tiles.end; ++tile) {
      BeginTile(tile);
      // Rows of one phase together: they read the same weights.
      const int64_t phases_end = std::min(task_.rows.begin + plan_.y.taps->stride, task_.rows.end);
      for (int64_t oy0 = task_.rows.begin; oy0 < phases_end; ++oy0) {
        phase_y_ = plan_.y.taps->Phase(plan_.y.residue(oy0));
        plan_.batched ? RunBatchedRows(oy0) : RunRows(oy0);
      }
    }
    if (plan_.stream) plan_.op->kernels.panel.flush();
  }

 private:
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

  // The operands of the taps [ty), [tx) of a phase pair at position (qy, qx).
  ConvTileArgs TapArgs(const AxisPhase& phase_x, int64_t qy, int64_t qx, IndexRange ty, IndexRange tx) const {
    const AxisTaps& y = *plan_.y.taps;
    const AxisTaps& x = *plan_.x.taps;
    const int64_t iy = qy - phase_y_.first_offset - ty.begin * y.offset_step;
    const int64_t ix = qx - phase_x.first_offset - tx.begin * x.offset_step;
    const int64_t tap_y = phase_y_.first_tap + ty.begin * y.tap_step;
    const int64_t tap_x = phase_x.first_tap + tx.begin * x.tap_step;
    ConvTileArgs args;
    args.taps_y = ty.count();
    args.taps_x = tx.count();
    // Without taps the pointers are not used, and iy, ix need not exist.
    const bool any = args.taps_y > 0 && args.taps_x > 0;
    args.input = any ? strip_ + (iy - task_.in_rows.begin) * steps_.y + (ix - plan_.strip_x.begin) * steps_.x : strip_;
    args.weights = any ? weights_ + (tap_y * x.kernel + tap_x) * tap_floats_ : weights_;
    args.input_step_y = -y.offset_step * steps_.y;
    args.input_step_x = -x.offset_step * steps_.x;
    args.input_step_block = steps_.block;
    args.weights_step_y = y.tap_step * x.kernel * tap_floats_;
    args.weights_step_x = x.tap_step * tap_floats_;
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
  void RunRows(int64_t oy0) {
    const Axis& x = plan_.x;
    const int64_t stride = x.taps->stride;
    for (int64_t oy = oy0; oy < task_.rows.end; oy += plan_.y.taps->stride) {
      const int64_t qy = plan_.y.position(oy);
      const IndexRange ty = plan_.y.ValidTaps(phase_y_, qy);
      float* row = output_ + task_.image * plan_.output.stride_n + oy * plan_.output.stride[kRow];
      for (int64_t begin = 0; begin < x.out;) {
        const int64_t last_position = x.position(begin) + plan_.x_chunk - 1;
        const int64_t end =
            last_position >= x.position(x.out - 1) ? x.out : (last_position + 1) * stride - x.taps->padding_begin;
        for (int64_t ox = begin; ox < std::min(begin + stride, end); ++ox) {
          const AxisPhase phase_x = x.taps->Phase(x.residue(ox));
          const int64_t count = (end - ox + stride - 1) / stride;
          RunTiles(TapArgs(phase_x, qy, x.position(ox), ty, {0, phase_x.taps}), count,
                   task_.panel + (ox - begin) * width_, stride * width_);
        }
        StoreTile(plan_, task_, context_, first_channel_, channels_, width_, end - begin, plan_.output.stride[kColumn],
                  row + begin * plan_.output.stride[kColumn]);
        begin = end;
      }
    }
  }

  // Tiles along the batch, position by position; positions of one phase together.
  void RunBatchedRows(int64_t oy0) {
    const Axis& x = plan_.x;
    for (int64_t ox0 = 0; ox0 < std::min(x.taps->stride, x.out); ++ox0) {
      const AxisPhase phase_x = x.taps->Phase(x.residue(ox0));
      for (int64_t oy = oy0; oy < task_.rows.end; oy += plan_.y.taps->stride) {
        const int64_t qy = plan_.y.position(oy);
        const IndexRange ty = plan_.y.ValidTaps(phase_y_, qy);
        for (int64_t ox = ox0; ox < x.out; ox += x.taps->stride) {
          const int64_t qx = x.position(ox);
          RunTiles(TapArgs(phase_x, qy, qx, ty, x.ValidTaps(phase_x, qx)), task_.images, task_.panel, width_);
          StoreTile(plan_, task_, context_, first_channel_, channels_, width_, task_.images, plan_.output.stride_n,
                    output_ + task_.image * plan_.output.stride_n + oy * plan_.output.stride[kRow] +
                        ox * plan_.output.stride[kColumn]);
        }
      }
    }
  }

  const ConvTransposePlan& plan_;
  const ConvTask& task_;
  const RunContext& context_;
  const ConvTileKernels& kernels_;
  float* const output_;
  StripSteps steps_;
  // The tile and the phase at work.
  int64_t first_channel_ = 0, channels_ = 0, width_ = 0, tap_floats_ = 0;
  const float* weights_ = nullptr;
  const float* strip_ = nullptr;
  const ConvTileFn* tile_fns_ = nullptr;
  AxisPhase phase_y_;
};

}  // namespace

void RunSubpixel(const ConvTransposePlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.tasks(), context.workers, [&](int64_t index, size_t worker) {
    float* workspace = static_cast<float*>(context.workspace) + static_cast<int64_t>(worker) * plan.worker_floats();
    const ConvTask task = MakeConvTask(plan, index, workspace);
    SubpixelTask(plan, task, context).Run(static_cast<const float*>(context.input));
  });
}

}  // namespace polyphase::internal
