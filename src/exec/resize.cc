// Resize: along x into a ring of rows, along z and y into the output. Source rows are rows of the input, or of its 1x1
// convolution.
#include "plan/resize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/checked_math.h"
#include "exec/exec.h"
#include "exec/runner.h"
#include "exec/store.h"

namespace polyphase::internal {
namespace {

// A pixel of `width` floats, over and over. A call of memmove per float took as long as all else for rows of 20 pixels.
void Repeat(const float* pixel, int64_t width, float* begin, float* end) {
  if (width == 1) return std::fill(begin, end, *pixel);
  for (; begin < end; begin += width) std::copy_n(pixel, width, begin);
}

class ResizeTask {
 public:
  ResizeTask(const ResizePlan& plan, const RunContext& context, int64_t index, float* workspace)
      : plan_(plan),
        kernels_(plan.op->kernels),
        element_bytes_(static_cast<int64_t>(ElementSize(plan.input.dtype))),
        lane_(static_cast<int>(plan.fixed ? ResizeLane::kFixed : ResizeLane::kF32)),
        strip_(workspace),
        source_(strip_ + plan.strip_floats),
        batch_(source_ + plan.source_floats),
        ring_(batch_ + plan.batch_floats),
        panel_(ring_ + plan.ring_floats()),
        held_(reinterpret_cast<int64_t*>(panel_ + plan.panel_floats + plan.residual_floats)),
        rows_(reinterpret_cast<const float**>(reinterpret_cast<float*>(held_) + plan.held_floats)),
        weights_(reinterpret_cast<float*>(rows_) + plan.taps_floats),
        store_{kernels_,
               plan.op->epilogue.get(),
               plan.rows,
               plan.conversion,
               plan.stream,
               static_cast<char*>(context.output),
               static_cast<const char*>(context.residual),
               panel_ + plan.panel_floats} {
    const auto next = [&index](int64_t count) {
      const int64_t i = index % count;
      index /= count;
      return i;
    };
    columns_.begin = next(plan.column_tasks) * plan.columns_per_task;
    columns_.end = std::min(columns_.begin + plan.columns_per_task, plan.x.out);
    out_rows_.begin = next(plan.row_tasks) * plan.rows_per_task;
    out_rows_.end = std::min(out_rows_.begin + plan.rows_per_task, plan.z.out * plan.y.out);
    first_channel_ = next(plan.plane_tasks) * plan.blocks * plan.width;
    blocks_ = std::min(plan.blocks, DivCeil(plan.output.c - first_channel_, plan.width));
    image_ = index;
    input_ = static_cast<const char*>(context.input) + image_ * plan.input.stride_n * element_bytes_;
    // Rows behind the last one that this task reads are not worth resizing ahead.
    const int64_t first_y = out_rows_.begin % plan.y.out;
    const bool one_z = first_y + out_rows_.count() <= plan.y.out;
    ahead_end_ = one_z ? plan.y.Sources(first_y, first_y + out_rows_.count()).Clip(plan.y.in).end : plan.y.in;
    std::fill_n(held_, plan.ring_z * plan.ring_y, int64_t{-1});
  }

  void Run() {
    const ResizeAxis& y = plan_.y;
    for (int64_t row = out_rows_.begin; row < out_rows_.end;) {
      const int64_t oz = row / y.out;
      const int64_t oy = row % y.out;
      const bool pair = plan_.direct_y && !plan_.windows_y() && oy + 1 < y.out && row + 1 < out_rows_.end &&
                        y.first[oy + 1] == y.first[oy];
      const int out_rows = pair ? 2 : 1;
      for (block_ = 0; block_ < blocks_; ++block_) {
        channel_ = first_channel_ + block_ * plan_.width;
        channels_ = std::min(plan_.width, plan_.output.c - channel_);
        OutputRows(oz, oy, out_rows);
      }
      row += out_rows;
    }
    if (plan_.stream) kernels_.panel.flush();
  }

 private:
  // ---- Along z and y

  // One or, `direct_y` and not extrapolated, two rows of the plane at work.
  void OutputRows(int64_t oz, int64_t oy, int out_rows) {
    const ResizeAxis& y = plan_.y;
    if (oz < plan_.z.inside.begin || oz >= plan_.z.inside.end || oy < y.inside.begin || oy >= y.inside.end) {
      Extrapolate(columns_);
      return Store(oz, oy);
    }
    if (!plan_.summed) {
      for (int r = 0; r < out_rows; ++r) CopyRow(oz, oy + r);
      return;
    }
    plan_.windows_y() ? SumWindow(oz, oy) : SumTaps(oz, oy, out_rows);
    if (plan_.direct_y) return;
    Extrapolate({columns_.begin, std::min(columns_.end, plan_.x.inside.begin)});
    Extrapolate({std::max(columns_.begin, plan_.x.inside.end), columns_.end});
    Store(oz, oy);
  }

  int64_t count() const { return columns_.count() * plan_.width; }

  // Through a ring, nearest x2 in L2 took 1.3 to 1.5 times as long (256x19x19 in kNhwc: 0.074 against 0.049 ms).
  void CopyRow(int64_t oz, int64_t oy) {
    const int64_t iz = plan_.z.Source(oz, 0);
    const int64_t iy = plan_.y.Source(oy, 0);
    float* const row = SumRow(oz, oy);
    if (held_[0] == iz * plan_.y.in + iy) {
      kernels_.panel.copy[2](rows_[0], 1, row, 1, count());
    } else {
      ResizeRow(iz, iy, row);
    }
    held_[0] = iz * plan_.y.in + iy;
    rows_[0] = row;
  }

  void SumTaps(int64_t oz, int64_t oy, int out_rows) {
    const ResizeAxis& z = plan_.z;
    const ResizeAxis& y = plan_.y;
    ResizeYArgs args;
    args.count = count();
    args.stream = plan_.direct_y && store_.Streams();
    for (int64_t i = 0; i < z.taps; ++i) {
      for (int64_t k = 0; k < y.taps; ++k) {
        const int64_t tap = i * y.taps + k;
        args.rows[tap] = SourceRow(z.Source(oz, i), y.Source(oy, k));
        for (int r = 0; r < out_rows; ++r) args.weights[r][tap] = z.Weight(oz, i) * y.Weight(oy + r, k);
      }
    }
    for (int r = 0; r < out_rows; ++r) {
      args.outputs[r] = SumRow(oz, oy + r);
      args.residuals[r] = plan_.direct_y && plan_.residual
                              ? reinterpret_cast<const float*>(store_.residual) + RowOffset(*plan_.residual, oz, oy + r)
                              : nullptr;
    }
    kernels_.resize.y[out_rows - 1][plan_.taps()](args);
  }

  void SumWindow(int64_t oz, int64_t oy) {
    const ResizeAxis& z = plan_.z;
    const ResizeAxis& y = plan_.y;
    int64_t taps = 0;
    for (int64_t i = 0; i < z.Count(oz); ++i) {
      for (int64_t k = 0; k < y.Count(oy); ++k) {
        if (plan_.fixed) {
          std::memcpy(weights_ + taps, &y.fixed_weights[oy * y.stride + k], sizeof(float));
        } else {
          weights_[taps] = z.Weight(oz, i) * y.Weight(oy, k);
          if (weights_[taps] == 0) continue;
        }
        rows_[taps++] = SourceRow(z.Source(oz, i), y.Source(oy, k));
      }
    }
    float* const output = SumRow(oz, oy);
    kernels_.resize.window_y[lane_](
        {reinterpret_cast<const void* const*>(rows_), weights_, taps, y.precision, output, count()});
    if (!plan_.direct_y || channels_ == plan_.width) return;
    // The empty lanes of the last channel block are 0, but the product of two weights may be infinite.
    for (int64_t p = 0; p < columns_.count(); ++p) {
      std::fill(output + p * plan_.width + channels_, output + (p + 1) * plan_.width, 0.0f);
    }
  }

  // Where the sums of an output row go.
  float* SumRow(int64_t oz, int64_t oy) const {
    if (!plan_.direct_y) return panel_;
    return reinterpret_cast<float*>(store_.output) + RowOffset(plan_.output, oz, oy);
  }

  // Where the task's columns of an output row of the plane at work begin.
  int64_t RowOffset(const TensorDesc& desc, int64_t oz, int64_t oy) const {
    return PixelOffset(desc, image_, oz, oy, columns_.begin) + ChannelOffset(ChannelsOf(desc), channel_);
  }

  void Extrapolate(IndexRange columns) {
    if (columns.begin >= columns.end) return;
    float* const begin = panel_ + (columns.begin - columns_.begin) * plan_.width;
    const float value = plan_.op->attributes.extrapolation_value;
    if (!plan_.fixed) {
      std::fill_n(begin, columns.count() * plan_.width, value);
    } else {
      // A NaN becomes 0, as in the conversion from f32.
      const auto level = static_cast<int32_t>(std::nearbyint(value > 0 ? std::min(value, 255.0f) : 0.0f));
      std::fill_n(reinterpret_cast<int32_t*>(begin), columns.count() * plan_.width, level);
    }
  }

  void Store(int64_t oz, int64_t oy) const {
    PanelStore run{};
    run.channel = channel_;
    run.channels = plan_.contiguous ? 1 : channels_;
    run.pixels = plan_.contiguous ? count() : columns_.count();
    run.panel = panel_;
    run.panel_stride = plan_.contiguous ? 1 : plan_.width;
    run.output_offset = PixelOffset(plan_.output, image_, oz, oy, columns_.begin);
    run.output_pixel_stride = plan_.rows.output.stride[kColumn];
    if (plan_.residual) {
      run.residual_offset = PixelOffset(*plan_.residual, image_, oz, oy, columns_.begin);
      run.residual_pixel_stride = plan_.rows.residual->stride[kColumn];
    }
    StorePanel(store_, run);
  }

  // ---- Along x

  // The columns of a source row resized along x, of the plane at work: in the ring, or where they are if nothing changes.
  const float* SourceRow(int64_t iz, int64_t iy) {
    if (plan_.in_place_x) {
      return reinterpret_cast<const float*>(RowOf(iz, iy)) + ChannelOffset(ChannelsOf(plan_.input), channel_) +
             columns_.begin * plan_.input.stride[kColumn];
    }
    // Neighbouring source rows fall into different slots, as there are at least as many slots as taps.
    const int64_t slot = Slot(iz, iy);
    if (held_[slot] != iz * plan_.y.in + iy) {
      const int64_t rows = plan_.batched ? std::clamp<int64_t>(ahead_end_ - iy, 1, kLineLanes) : 1;
      plan_.batched ? ResizeRows(iz, iy, rows) : ResizeRow(iz, iy, RingRow(slot));
      for (int64_t i = 0; i < rows; ++i) held_[Slot(iz, iy + i)] = iz * plan_.y.in + iy + i;
    }
    return RingRow(slot) + block_ * plan_.row_floats;
  }

  int64_t Slot(int64_t iz, int64_t iy) const { return iz % plan_.ring_z * plan_.ring_y + iy % plan_.ring_y; }
  // A row of all planes of the task.
  float* RingRow(int64_t slot) const { return ring_ + slot * plan_.blocks * plan_.row_floats; }
  // Channel 0 of a source row.
  const char* RowOf(int64_t iz, int64_t iy) const {
    return input_ + (iz * plan_.input.stride[kDepth] + iy * plan_.input.stride[kRow]) * element_bytes_;
  }

  void ResizeRow(int64_t iz, int64_t iy, float* row) {
    const char* const input = RowOf(iz, iy);
    if (plan_.x.identity) {
      return ForEachStep(columns_, [&](IndexRange outputs) {
        Fetch(input, outputs, row + (outputs.begin - columns_.begin) * plan_.width, plan_.row_floats);
      });
    }
    if (plan_.resize_x == nullptr) {
      return ForEachStep(columns_, [&](IndexRange outputs) {
        const IndexRange sources = plan_.x.Sources(outputs.begin, outputs.end);
        const int64_t block_floats = sources.count() * plan_.width;
        Fetch(input, sources, source_, block_floats);
        for (int64_t b = 0; b < blocks_; ++b) {
          WindowX(source_ + b * block_floats, sources.begin, outputs,
                  row + b * plan_.row_floats - columns_.begin * plan_.width);
        }
      });
    }
    const IndexRange direct{std::clamp(plan_.direct_x.begin, columns_.begin, columns_.end),
                            std::clamp(plan_.direct_x.end, columns_.begin, columns_.end)};
    const auto pack = [&](IndexRange outputs) { PackAndResizeX(input, outputs, row); };
    ForEachStep({columns_.begin, direct.begin}, pack);
    if (direct.begin < direct.end) {
      ResizeX(reinterpret_cast<const float*>(input) + ChannelOffset(ChannelsOf(plan_.input), channel_), direct, row);
    }
    ForEachStep({direct.end, columns_.end}, pack);
  }

  template <class Body>
  void ForEachStep(IndexRange outputs, const Body& body) const {
    for (int64_t o = outputs.begin; o < outputs.end; o += plan_.x_step) {
      body(IndexRange{o, std::min(o + plan_.x_step, outputs.end)});
    }
  }

  // Pixels of a source row, [pixel][width] for each plane of the task, block_floats apart.
  void Fetch(const char* input, IndexRange pixels, float* panel, int64_t block_floats) const {
    if (!HasPointwise(plan_.op->attributes)) return Pack(input, pixels, panel);
    const TensorDesc& desc = plan_.input;
    PixelRun run{ChannelsOf(desc), 0, 0, pixels.count(), desc.stride[kColumn]};
    float* strip = strip_;
    for (; run.channel < desc.c; run.channel += kLineLanes, strip += pixels.count() * kLineLanes) {
      run.channels = std::min<int64_t>(kLineLanes, desc.c - run.channel);
      kernels_.panel.pack[2](run, input + pixels.begin * desc.stride[kColumn] * element_bytes_, strip, kLineLanes,
                             kLineLanes);
    }
    Multiply(pixels.count(), panel, block_floats);
  }

  // The 1x1 convolution of the strip's pixels. The weights of a tile stay in L1 while the pixels pass.
  void Multiply(int64_t pixels, float* panel, int64_t block_floats) const {
    const ConvTileKernels& kernels = kernels_.conv;
    const ColumnTiles& tiles = plan_.op->tiles;
    const int64_t width = tiles.width(0);
    ConvTileArgs args{};
    args.taps_z = args.taps_y = args.taps_x = 1;
    args.input_step_block = pixels * kLineLanes;
    args.channels = plan_.input.c;
    args.bias = kernels.no_bias;  // the epilogue's, behind the resize
    args.output_step = plan_.width;
    for (int64_t channel = 0; channel < blocks_ * plan_.width; channel += width) {
      args.input = strip_;
      args.weights = plan_.op->weights.as<float>() + (first_channel_ + channel) * plan_.input.c;
      args.output = panel + channel / plan_.width * block_floats + channel % plan_.width;
      for (int64_t left = pixels; left > 0;) {
        const int64_t count = DivCeil(left, DivCeil(left, kernels.max_pixels));
        kernels.dense[tiles.vectors(0) - 1][count - 1](args);
        args.input += count * kLineLanes;
        args.output += count * plan_.width;
        left -= count;
      }
    }
  }

  // Pixels of the input, converted.
  void Pack(const char* input, IndexRange pixels, float* panel) const {
    const TensorDesc& desc = plan_.input;
    const PackFn pack = kernels_.panel.pack_as[static_cast<int>(plan_.conversion)];
    const char* const begin = input + pixels.begin * desc.stride[kColumn] * element_bytes_;
    if (plan_.contiguous) {
      const char* const plane = begin + ChannelOffset(ChannelsOf(desc), channel_) * element_bytes_;
      return pack({{1, 0}, 0, 1, pixels.count() * plan_.width, 1}, plane, panel, 1, 1);
    }
    pack({ChannelsOf(desc), channel_, channels_, pixels.count(), desc.stride[kColumn]}, begin, panel, plan_.width,
         plan_.width);
  }

  void ResizeX(const float* source, IndexRange outputs, float* row) const {
    const ResizeAxis& x = plan_.x;
    const ElementTaps& e = plan_.elements;
    const int64_t width = plan_.width;
    if (e.taps > 0) {
      return plan_.resize_x({source, width, e.taps, e.first.data(), e.base.data(), e.weights.data(), e.stride,
                             row - columns_.begin * width, outputs.begin * width, outputs.end * width, e.periodic.begin,
                             e.periodic.end, e.period});
    }
    plan_.resize_x({source, width, x.taps, x.first.data(), nullptr, x.weights.data(), x.stride,
                    row - columns_.begin * width, outputs.begin, outputs.end, 0, 0, 0});
  }

  void PackAndResizeX(const char* input, IndexRange outputs, float* row) const {
    const int64_t width = plan_.width;
    const IndexRange sources = plan_.x.Sources(outputs.begin, outputs.end);
    // At least one pixel is packed, whose copies stand for those outside.
    const IndexRange inside{std::clamp<int64_t>(sources.begin, 0, plan_.x.in - 1),
                            std::clamp<int64_t>(sources.end, 1, plan_.x.in)};
    const int64_t block_floats = sources.count() * width;
    const int64_t before = std::clamp<int64_t>(inside.begin - sources.begin, 0, sources.count() - 1) * width;
    Fetch(input, inside, source_ + before, block_floats);
    for (int64_t b = 0; b < blocks_; ++b) {
      float* const begin = source_ + b * block_floats;
      float* const end = begin + block_floats;
      float* const inside_begin = begin + before;
      float* const inside_end = inside_begin + inside.count() * width;
      Repeat(inside_begin, width, begin, inside_begin);
      Repeat(inside_end - width, width, inside_end, end);
      ResizeX(begin - sources.begin * width, outputs, row + b * plan_.row_floats);
    }
  }

  // Windows of what `source` has from pixel `first` on.
  void WindowX(const float* source, int64_t first, IndexRange outputs, float* row) const {
    const ResizeAxis& x = plan_.x;
    const int64_t vectors = plan_.contiguous ? plan_.width : 1;
    const void* weights = plan_.fixed ? static_cast<const void*>(x.fixed_weights.data()) : x.weights.data();
    kernels_.resize.window_x[lane_]({source - first * vectors * kLineLanes, vectors, x.first.data(), x.count.data(),
                                     weights, x.stride, x.precision, row, outputs.begin, outputs.end});
  }

  // Source rows [iy, iy + rows) of a contiguous plane side by side, and from there into the ring.
  void ResizeRows(int64_t iz, int64_t iy, int64_t rows) {
    const TensorDesc& desc = plan_.input;
    const int64_t width = plan_.width;
    const char* const input = RowOf(iz, iy) + ChannelOffset(ChannelsOf(desc), channel_) * element_bytes_;
    ForEachStep(columns_, [&](IndexRange outputs) {
      const IndexRange sources = plan_.x.Sources(outputs.begin, outputs.end);
      kernels_.panel.pack_as[static_cast<int>(plan_.conversion)](
          {{1, desc.stride[kRow]}, 0, rows, sources.count() * width, 1}, input + sources.begin * width * element_bytes_,
          source_, kLineLanes, kLineLanes);
      WindowX(source_, sources.begin, outputs, batch_ - outputs.begin * width * kLineLanes);
      // The slots of neighbouring rows lie next to each other up to the end of the ring.
      for (int64_t done = 0; done < rows;) {
        const int64_t slot = Slot(iz, iy + done);
        const int64_t piece = std::min(rows - done, plan_.ring_y - (iy + done) % plan_.ring_y);
        kernels_.panel.unpack[2]({{1, plan_.row_floats}, 0, piece, outputs.count() * width, 1}, batch_ + done,
                                 kLineLanes, kNoFill, RingRow(slot) + (outputs.begin - columns_.begin) * width);
        done += piece;
      }
    });
  }

  const ResizePlan& plan_;
  const Kernels& kernels_;
  const int64_t element_bytes_;
  const int lane_;
  float* const strip_;
  float* const source_;
  float* const batch_;
  float* const ring_;
  float* const panel_;
  int64_t* const held_;
  const float** const rows_;
  float* const weights_;
  const OutputStore store_;
  const char* input_;
  int64_t image_;
  int64_t first_channel_, blocks_;                  // of the task's planes
  int64_t block_ = 0, channel_ = 0, channels_ = 0;  // the plane at work
  IndexRange columns_{0, 0}, out_rows_{0, 0};
  int64_t ahead_end_;
};

}  // namespace

void RunResize(const ResizePlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.tasks(), context.workers, [&](int64_t index, size_t worker) {
    float* workspace = static_cast<float*>(context.workspace) + static_cast<int64_t>(worker) * plan.worker_floats();
    ResizeTask(plan, context, index, workspace).Run();
  });
}

}  // namespace polyphase::internal
