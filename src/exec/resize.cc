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
    const float* rows[kMaxResizeTaps] = {};
    const int taps = plan_.y.taps;
    ResizeYArgs args{};
    args.epilogue = &plan_.op->attributes.epilogue;
    args.count = plan_.x.out * plan_.width;
    args.stream = plan_.stream;
    for (int64_t oy = row_begin_; oy < row_end_;) {
      const bool pair = plan_.direct_y && oy + 1 < row_end_ && plan_.y.first[oy + 1] == plan_.y.first[oy];
      const int out_rows = pair ? 2 : 1;
      for (int k = 0; k < taps; ++k) {
        const int64_t iy = std::clamp<int64_t>(plan_.y.first[oy] + k, 0, plan_.y.in - 1);
        // Neighbouring source rows fall into different slots, as the number of taps, a power of two, is that of the
        // slots.
        const int64_t slot = iy & (taps - 1);
        if (held[slot] != iy) rows[slot] = ResizeSourceRow(iy, ring_ + slot * plan_.row_floats);
        held[slot] = iy;
        args.rows[k] = rows[slot];
        for (int r = 0; r < out_rows && taps > 1; ++r)
          args.weights[r][k] = plan_.y.weights[k * plan_.y.stride + oy + r];
      }
      StoreRows(oy, out_rows, args);
      oy += out_rows;
    }
    if (plan_.stream) kernels_.panel.flush();
  }

 private:
  // The source row resized along x: in `row`, or where it is if nothing changes.
  const float* ResizeSourceRow(int64_t iy, float* row) {
    const TensorDesc& desc = plan_.input;
    const float* input = input_ + iy * desc.stride[kRow];
    if (plan_.width == 1) {
      const float* plane = input + channel_ * desc.stride_c;
      if (plan_.x.identity) return plane;
      ResizeX(plane, plan_.direct_x, row);
    }
    PackAndResizeX(input, {0, plan_.direct_x.begin}, row);
    PackAndResizeX(input, {plan_.direct_x.end, plan_.x.out}, row);
    return row;
  }

  void ResizeX(const float* source, IndexRange outputs, float* row) {
    if (outputs.begin >= outputs.end) return;
    plan_.resize_x({source, plan_.x.first.data(), plan_.x.weights.data(), plan_.x.stride, row, outputs.begin,
                    outputs.end, plan_.x.periodic.begin, plan_.x.periodic.end, plan_.x.period});
  }

  void PackAndResizeX(const float* input, IndexRange outputs, float* row) {
    if (outputs.begin >= outputs.end) return;
    const TensorDesc& desc = plan_.input;
    const int64_t width = plan_.width;
    const IndexRange sources = plan_.x.Sources(outputs.begin, outputs.end);
    // At least one pixel is packed, whose copies stand for those outside.
    const IndexRange inside{std::clamp<int64_t>(sources.begin, 0, desc.size[kColumn] - 1),
                            std::clamp<int64_t>(sources.end, 1, desc.size[kColumn])};
    float* const begin = plan_.x.identity ? row : source_;
    float* const end = begin + sources.count() * width;
    float* const inside_begin = begin + (inside.begin - sources.begin) * width;
    float* const inside_end = inside_begin + inside.count() * width;
    kernels_.panel.pack[2]({ChannelsOf(desc), channel_, channels_, inside.count(), desc.stride[kColumn]},
                           input + inside.begin * desc.stride[kColumn], inside_begin, width, width);
    if (plan_.x.identity) return;
    for (float* pixel = begin; pixel < inside_begin; pixel += width) std::copy_n(inside_begin, width, pixel);
    for (float* pixel = inside_end; pixel < end; pixel += width) std::copy_n(inside_end - width, width, pixel);
    ResizeX(begin - sources.begin * width, outputs, row);
  }

  void StoreRows(int64_t oy, int rows, ResizeYArgs& args) {
    const TensorDesc& desc = plan_.output;
    float* const row = output_ + oy * desc.stride[kRow];
    const int64_t block = channel_ / desc.channel_block * desc.stride_c;
    for (int r = 0; r < rows; ++r) args.outputs[r] = plan_.direct_y ? row + block + r * desc.stride[kRow] : panel_;
    kernels_.resize.y[rows - 1][plan_.y.taps](args);
    if (!plan_.direct_y) {
      kernels_.panel.unpack[2]({ChannelsOf(desc), channel_, channels_, desc.size[kColumn], desc.stride[kColumn]},
                               panel_, plan_.width, ZeroFrom(desc), row);
    } else if (channels_ < plan_.width) {
      // The last block: an activation may have made its empty lanes something else than 0.
      for (int r = 0; r < rows; ++r) {
        for (int64_t p = 0; p < plan_.x.out; ++p) {
          std::fill(args.outputs[r] + p * plan_.width + channels_, args.outputs[r] + (p + 1) * plan_.width, 0.0f);
        }
      }
    }
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
