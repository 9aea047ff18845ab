// Resize: along x into a ring of rows, along y into the output.
#include "plan/resize.h"

#include <algorithm>
#include <cstdint>

#include "exec/exec.h"
#include "exec/runner.h"

namespace polyphase::internal {
namespace {

class ResizeTask {
 public:
  ResizeTask(const ResizePlan& plan, const RunContext& context, int64_t index, float* workspace)
      : plan_(plan),
        kernels_(plan.op->kernels),
        source_(workspace),
        ring_(source_ + plan.source_floats),
        panel_(ring_ + plan.y.taps * plan.row_floats) {
    const int64_t row_task = index % plan.row_tasks;
    index /= plan.row_tasks;
    const int64_t image = index / plan.plane_tasks;
    channel_ = index % plan.plane_tasks * plan.width;
    channels_ = std::min(plan.width, plan.input.c - channel_);
    row_begin_ = row_task * plan.rows_per_task;
    row_end_ = std::min(row_begin_ + plan.rows_per_task, plan.y.out);
    input_ = static_cast<const float*>(context.input) + image * plan.input.stride_n;
    output_ = static_cast<float*>(context.output) + image * plan.output.stride_n;
  }

  void Run() {
    int64_t held[kMaxResizeTaps] = {-1, -1, -1, -1};  // source row in each slot of the ring
    const int taps = plan_.y.taps;
    for (int64_t oy = row_begin_; oy < row_end_; ++oy) {
      ResizeYArgs args{};
      for (int k = 0; k < taps; ++k) {
        const int64_t iy = std::clamp<int64_t>(plan_.y.first[oy] + k, 0, plan_.y.in - 1);
        // Neighbouring source rows fall into different slots, as the number of taps is the number of slots.
        const int64_t slot = iy % taps;
        float* row = ring_ + slot * plan_.row_floats;
        if (held[slot] != iy) ResizeSourceRow(iy, row);
        held[slot] = iy;
        args.rows[k] = row;
        args.weights[k] = taps > 1 ? plan_.y.weights[k * plan_.y.stride + oy] : 1.0f;
      }
      args.epilogue = &plan_.op->attributes.epilogue;
      args.count = plan_.x.out * plan_.width;
      StoreRow(oy, args);
    }
    if (plan_.stream) kernels_.resize.flush();
  }

 private:
  void ResizeSourceRow(int64_t iy, float* row) {
    const TensorDesc& desc = plan_.input;
    const int64_t width = plan_.width;
    float* pixels = plan_.x.identity ? row : source_ + plan_.pad_left * width;
    kernels_.panel.pack[2]({ChannelsOf(desc), channel_, channels_, desc.size[1], desc.stride[1]},
                           input_ + iy * desc.stride[0], pixels, width, width);
    if (plan_.x.identity) return;
    for (int64_t p = 1; p <= plan_.pad_left; ++p) std::copy_n(pixels, width, pixels - p * width);
    const float* last = pixels + (desc.size[1] - 1) * width;
    for (int64_t p = 0; p < plan_.pad_right; ++p) std::copy_n(last, width, pixels + (desc.size[1] + p) * width);
    ResizeXArgs args{pixels, plan_.x.first.data(), plan_.x.weights.data(), plan_.x.stride, row, plan_.x.out};
    plan_.resize_x(args);
  }

  void StoreRow(int64_t oy, ResizeYArgs& args) {
    const TensorDesc& desc = plan_.output;
    const ResizeYFn resize_y = kernels_.resize.y[plan_.y.taps];
    float* row = output_ + oy * desc.stride[0];
    args.output = panel_;
    if (plan_.direct) {
      args.output = row + channel_ / desc.channel_block * desc.stride_c;
      args.stream = plan_.stream;
    }
    resize_y(args);
    if (plan_.direct && channels_ == plan_.width) return;
    if (plan_.direct) {  // the last block: an activation may have made its empty lanes something else than 0
      for (int64_t p = 0; p < plan_.x.out; ++p) {
        std::fill(args.output + p * plan_.width + channels_, args.output + (p + 1) * plan_.width, 0.0f);
      }
      return;
    }
    kernels_.panel.unpack[2]({ChannelsOf(desc), channel_, channels_, desc.size[1], desc.stride[1]}, panel_, plan_.width,
                             ZeroFrom(desc), row);
  }

  const ResizePlan& plan_;
  const Kernels& kernels_;
  float* const source_;
  float* const ring_;
  float* const panel_;
  const float* input_;
  float* output_;
  int64_t channel_, channels_;
  int64_t row_begin_, row_end_;
};

}  // namespace

void RunResize(const ResizePlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.tasks(), context.workers, [&](int64_t index, size_t worker) {
    float* workspace = static_cast<float*>(context.workspace) + static_cast<int64_t>(worker) * plan.worker_floats();
    ResizeTask(plan, context, index, workspace).Run();
  });
}

}  // namespace polyphase::internal
