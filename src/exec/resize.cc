// Runs Resize: along x into a ring of rows (exec/resize_x), along z and y into the output.
#include "plan/resize.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "exec/resize_ring.h"
#include "exec/resize_source.h"
#include "exec/resize_x.h"
#include "exec/runner.h"
#include "exec/store.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

// A plane of a task.
struct Plane {
  int64_t index, channel, channels;
};

class ResizeWorker {
 public:
  ResizeWorker(const ResizeWorker&) = delete;  // its members refer to each other
  ResizeWorker(const ResizePlan& plan, const RunContext& context, Arena arena)
      : plan_(plan),
        kernels_(plan.op.kernels),
        scratch_(plan, arena),
        source_(plan, part_, context.input, scratch_),
        resize_x_(plan, part_, scratch_, source_),
        ring_(plan, scratch_),
        store_{kernels_,
               plan.op.epilogue.get(),
               plan.stored,
               plan.conversion,
               plan.conversion,
               plan.stream,
               static_cast<char*>(context.output),
               static_cast<const char*>(context.residual),
               scratch_.residual} {}

  void operator()(int64_t task) {
    const ResizeAxis& y = plan_.y;
    part_ = ResizePart(plan_, task);
    ring_.Clear();
    last_source_ = -1;
    // Rows after the last one that this task reads are not worth resizing ahead.
    const int64_t first_y = part_.rows.begin % y.out;
    const bool one_z = first_y + part_.rows.count() <= y.out;
    ahead_end_ = one_z ? y.Sources(first_y, first_y + part_.rows.count()).Clip(y.in).end : y.in;
    const bool pairs = plan_.store != RowStore::kPanel && !plan_.windows_y();
    for (int64_t row = part_.rows.begin; row < part_.rows.end;) {
      const int64_t oz = row / y.out;
      const int64_t oy = row % y.out;
      const bool pair = pairs && oy + 1 < y.out && row + 1 < part_.rows.end && y.first[oy + 1] == y.first[oy];
      const int out_rows = pair ? 2 : 1;
      for (int64_t i = 0; i < part_.planes.count(); ++i) {
        const int64_t channel = (part_.planes.begin + i) * plan_.width;
        OutputRows({i, channel, std::min(plan_.width, plan_.output.c - channel)}, oz, oy, out_rows);
      }
      row += out_rows;
    }
    if (plan_.stream) kernels_.panel.flush();
  }

 private:
  // Computes one row, or two rows with the same sources unless they go through the panel.
  void OutputRows(const Plane& plane, int64_t oz, int64_t oy, int out_rows) {
    if (plan_.store == RowStore::kResized) {
      for (int r = 0; r < out_rows; ++r) ResizedRow(plane, oz, oy + r);
      return;
    }
    const IndexRange& columns = part_.columns;
    if (!plan_.z.inside.Contains(oz) || !plan_.y.inside.Contains(oy)) {
      Extrapolate(columns);
      return Store(plane, oz, oy);
    }
    plan_.windows_y() ? SumWindow(plane, oz, oy) : SumTaps(plane, oz, oy, out_rows);
    if (plan_.store == RowStore::kSummed) return;
    Extrapolate({columns.begin, std::min(columns.end, plan_.x.inside.begin)});
    Extrapolate({std::max(columns.begin, plan_.x.inside.end), columns.end});
    Store(plane, oz, oy);
  }

  int64_t count() const { return part_.columns.count() * plan_.width; }

  // Resizes a row straight into the output. Through a ring, nearest x2 in L2 took 1.3 to 1.5 times as long (256x19x19
  // in kNhwc: 0.074 against 0.049 ms). Streamed, nearest takes 0.68 to 0.88 of the time without one (256x40x40 x2,
  // 64x23x40 x8; Zen, AVX2). A row that was streamed is in no cache to be copied from.
  void ResizedRow(const Plane& plane, int64_t oz, int64_t oy) {
    const int64_t iz = plan_.z.Source(oz, 0);
    const int64_t iy = plan_.y.Source(oy, 0);
    const int64_t source = iz * plan_.y.in + iy;
    float* const row = SumRow(plane, oz, oy);
    if (source == last_source_ && !plan_.stream) {
      kernels_.panel.copy[Log2Size(sizeof(float))](last_row_, 1, row, 1, count());
    } else {
      resize_x_.Row(iz, iy, row);
    }
    last_source_ = source;
    last_row_ = row;
  }

  void SumTaps(const Plane& plane, int64_t oz, int64_t oy, int out_rows) {
    const ResizeAxis& z = plan_.z;
    const ResizeAxis& y = plan_.y;
    const bool direct = plan_.store != RowStore::kPanel;
    ResizeYArgs args;
    args.count = count();
    args.stream = direct && store_.Streams();
    for (int64_t i = 0; i < z.taps; ++i) {
      for (int64_t k = 0; k < y.taps; ++k) {
        const int64_t tap = i * y.taps + k;
        args.rows[tap] = SourceRow(plane, z.Source(oz, i), y.Source(oy, k));
        for (int r = 0; r < out_rows; ++r) args.weights[r][tap] = z.Weight(oz, i) * y.Weight(oy + r, k);
      }
    }
    const auto* const residual = reinterpret_cast<const float*>(store_.residual);
    for (int r = 0; r < out_rows; ++r) {
      args.outputs[r] = SumRow(plane, oz, oy + r);
      args.residuals[r] = direct && plan_.residual ? residual + RowOffset(*plan_.residual, plane, oz, oy + r) : nullptr;
    }
    kernels_.resize.y[out_rows - 1][plan_.taps()](args);
  }

  void SumWindow(const Plane& plane, int64_t oz, int64_t oy) {
    const ResizeAxis& z = plan_.z;
    const ResizeAxis& y = plan_.y;
    const float** const rows = scratch_.tap_rows;
    float* const weights = scratch_.tap_weights;
    int64_t taps = 0;
    for (int64_t i = 0; i < z.Count(oz); ++i) {
      for (int64_t k = 0; k < y.Count(oy); ++k) {
        if (plan_.lane == ResizeLane::kFixed) {
          std::memcpy(weights + taps, &y.fixed_weights[oy * y.stride + k], sizeof(float));
        } else {
          weights[taps] = z.Weight(oz, i) * y.Weight(oy, k);
          if (weights[taps] == 0) continue;
        }
        rows[taps++] = SourceRow(plane, z.Source(oz, i), y.Source(oy, k));
      }
    }
    float* const output = SumRow(plane, oz, oy);
    kernels_.resize.window_y[static_cast<int>(plan_.lane)](
        {reinterpret_cast<const void* const*>(rows), weights, taps, y.precision, output, count()});
    if (plan_.store == RowStore::kPanel || plane.channels == plan_.width) return;
    // The empty lanes of the last channel block must be 0, but the product of two weights may be infinite.
    for (int64_t p = 0; p < part_.columns.count(); ++p) {
      std::fill(output + p * plan_.width + plane.channels, output + (p + 1) * plan_.width, 0.0f);
    }
  }

  // The memory that an output row is summed into.
  float* SumRow(const Plane& plane, int64_t oz, int64_t oy) const {
    assert(plan_.store != RowStore::kPanel || count() <= plan_.panel_floats);
    if (plan_.store == RowStore::kPanel) return scratch_.panel;
    return reinterpret_cast<float*>(store_.output) + RowOffset(plan_.output, plane, oz, oy);
  }

  // The offset of the task's columns in a plane's row.
  int64_t RowOffset(const TensorDesc& desc, const Plane& plane, int64_t oz, int64_t oy) const {
    return PixelOffset(desc, part_.image, oz, oy, part_.columns.begin) + ChannelOffset(ChannelsOf(desc), plane.channel);
  }

  // Returns the columns of the task of a source row, resized along x, either in the ring or where they are.
  const float* SourceRow(const Plane& plane, int64_t iz, int64_t iy) {
    if (plan_.pass == RowPass::kInPlace) {
      return source_.InPlace(iz, iy) + part_.columns.begin * plan_.input.stride[kColumn];
    }
    const int64_t slot = ring_.Slot(iz, iy);
    if (!ring_.Holds(slot, iz, iy)) {
      int64_t rows = 1;
      if (plan_.batched()) {
        rows = std::clamp<int64_t>(ahead_end_ - iy, 1, kLineLanes);
        resize_x_.Batch(iz, iy, rows, ring_);
      } else {
        resize_x_.Row(iz, iy, ring_.Row(slot));
      }
      for (int64_t i = 0; i < rows; ++i) ring_.Hold(ring_.Slot(iz, iy + i), iz, iy + i);
    }
    return ring_.Row(slot) + plane.index * plan_.row_floats;
  }

  // Replaces columns of the panel by the extrapolation value.
  void Extrapolate(IndexRange columns) {
    if (columns.begin >= columns.end) return;
    float* const begin = scratch_.panel + (columns.begin - part_.columns.begin) * plan_.width;
    const int64_t lanes = columns.count() * plan_.width;
    const float value = plan_.op.attributes.extrapolation_value;
    if (plan_.lane == ResizeLane::kF32) {
      std::fill_n(begin, lanes, value);
    } else {
      // A NaN becomes 0, as in the conversion from f32.
      const auto level = static_cast<int32_t>(std::nearbyint(value > 0 ? std::min(value, 255.0f) : 0.0f));
      std::fill_n(reinterpret_cast<int32_t*>(begin), lanes, level);
    }
  }

  void Store(const Plane& plane, int64_t oz, int64_t oy) const {
    const auto offset = [&](const TensorDesc& desc) {
      return PixelOffset(desc, part_.image, oz, oy, part_.columns.begin);
    };
    PanelRun run{};
    run.channel = plane.channel;
    run.channels = plan_.contiguous ? 1 : plane.channels;
    run.pixels = plan_.contiguous ? count() : part_.columns.count();
    run.panel = scratch_.panel;
    run.panel_stride = plan_.contiguous ? 1 : plan_.width;
    run.output_offset = offset(plan_.output);
    run.output_pixel_stride = plan_.stored.output.stride[kColumn];
    if (plan_.residual) {
      run.residual_offset = offset(*plan_.residual);
      run.residual_pixel_stride = plan_.stored.residual->stride[kColumn];
    }
    StorePanel(store_, run);
  }

  const ResizePlan& plan_;
  const Kernels& kernels_;
  const ResizeScratch scratch_;
  ResizePart part_;  // the part at work
  const RowSource source_;
  ResizeX resize_x_;
  RowRing ring_;
  const OutputStore store_;
  int64_t ahead_end_ = 0;
  // For kResized: the source row of the output row that was made last, and where it is.
  int64_t last_source_ = -1;
  const float* last_row_ = nullptr;
};

}  // namespace

Status ResizePlan::Run(const RunContext& context) const {
  RunWorkers(context, tasks, worker_bytes, [&](const Arena& arena) { return ResizeWorker(*this, context, arena); });
  return Status();
}

}  // namespace polyphase::internal
