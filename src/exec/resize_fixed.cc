// Runs u8 resizing on bytes.
#include "plan/resize_fixed.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/checked_math.h"
#include "exec/runner.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

class FixedWorker {
 public:
  FixedWorker(const ResizeFixedPlan& plan, const RunContext& context, Arena arena)
      : plan_(plan),
        kernels_(plan.op.kernels.resize_bytes),
        scratch_(plan, arena),
        input_(static_cast<const uint8_t*>(context.input)),
        output_(static_cast<uint8_t*>(context.output)) {}

  void operator()(int64_t task) {
    TaskIndex index(task);
    const IndexRange rows = index.Next(plan_.rows);
    plane_ = index.Next(plan_.planes);
    image_ = index.rest();
    const int64_t step = plan_.rows_first ? kFixedRows : 1;
    const int64_t out = plan_.y.out;
    for (int64_t row = rows.begin; row < rows.end;) {
      z_ = row / out;
      const IndexRange y{row % out, std::min(out, row % out + rows.end - row)};
      std::fill_n(scratch_.held, plan_.ring_rows, int64_t{-1});
      // Rows after the last one that this task reads are not worth resizing ahead.
      ahead_end_ = plan_.y.identity ? y.end : plan_.y.Sources(y.begin, y.end).end;
      for (int64_t oy = y.begin; oy < y.end; oy += step) {
        plan_.rows_first ? SumFirst({oy, std::min(oy + step, y.end)}) : ResizeFirst(oy);
      }
      row += y.count();
    }
  }

 private:
  const uint8_t* Input(int64_t y) const { return input_ + Offset(plan_.input, y); }
  uint8_t* Output(int64_t y) const { return output_ + Offset(plan_.output, y); }
  int64_t Offset(const TensorDesc& desc, int64_t y) const {
    return PixelOffset(desc, image_, z_, y, 0) + ChannelOffset(ChannelsOf(desc), plane_ * plan_.pixel);
  }
  uint8_t* RingRow(int64_t slot) const { return scratch_.ring + slot * scratch_.row_bytes; }
  int64_t out_bytes() const { return plan_.x.out * plan_.pixel; }

  // Returns source row iy, resized along x.
  const uint8_t* SourceRow(int64_t iy) {
    if (plan_.x.identity) return Input(iy);
    const int64_t slots = plan_.ring_rows;
    if (scratch_.held[iy % slots] != iy) {
      const int64_t rows = std::clamp<int64_t>(ahead_end_ - iy, 1, kFixedRows);
      const uint8_t* sources[kFixedRows];
      uint8_t* outputs[kFixedRows];
      for (int64_t r = 0; r < rows; ++r) {
        sources[r] = Input(iy + r);
        outputs[r] = RingRow((iy + r) % slots);
        scratch_.held[(iy + r) % slots] = iy + r;
      }
      ResizeX(rows, sources, outputs);
    }
    return RingRow(iy % slots);
  }

  void ResizeFirst(int64_t oy) {
    if (plan_.y.identity) {
      std::memcpy(Output(oy), SourceRow(oy), static_cast<size_t>(out_bytes()));
    } else {
      Sum(
          oy, [this](int64_t iy) { return SourceRow(iy); }, Output(oy), out_bytes());
    }
  }

  void SumFirst(IndexRange rows) {
    const int64_t in_bytes = plan_.x.in * plan_.pixel;
    const uint8_t* sources[kFixedRows];
    uint8_t* outputs[kFixedRows];
    for (int64_t r = 0; r < rows.count(); ++r) {
      uint8_t* const sums = scratch_.sums + r * in_bytes;
      Sum(
          rows.begin + r, [this](int64_t iy) { return Input(iy); }, sums, in_bytes);
      sources[r] = sums;
      outputs[r] = RingRow(r);
    }
    ResizeX(rows.count(), sources, outputs);
    for (int64_t r = 0; r < rows.count(); ++r) {
      std::memcpy(Output(rows.begin + r), outputs[r], static_cast<size_t>(out_bytes()));
    }
  }

  // Resizes rows along x. The last one stands for those that the kernel takes but are not there.
  void ResizeX(int64_t rows, const uint8_t* (&sources)[kFixedRows], uint8_t* (&outputs)[kFixedRows]) const {
    const FixedColumns& columns = plan_.columns_x;
    FixedXArgs args;
    for (int64_t r = 0; r < kFixedRows; ++r) {
      args.sources[r] = sources[std::min(r, rows - 1)];
      args.outputs[r] = outputs[std::min(r, rows - 1)];
    }
    args.pixel = plan_.pixel;
    args.blocks = columns.blocks.data();
    args.count = static_cast<int64_t>(columns.blocks.size());
    args.weights = columns.weights.data();
    args.precision = plan_.x.precision;
    kernels_.fixed_x[columns.one_weight ? 1 : 0][columns.parts - 1](args);
  }

  // Sums the rows of output row oy; row(iy) gives them.
  template <class Row>
  void Sum(int64_t oy, const Row& row, uint8_t* output, int64_t bytes) const {
    const FixedRows& table = plan_.rows_y;
    const ResizeAxis& y = plan_.y;
    const int64_t count = y.count[oy];
    for (int64_t k = 0; k < count; ++k) scratch_.tap_rows[k] = row(y.first[oy] + k);
    // The partner of the last row of an odd number has weight 0.
    if (count % 2 == 1) scratch_.tap_rows[count] = scratch_.tap_rows[count - 1];
    kernels_.fixed_y[table.parts - 1](
        {scratch_.tap_rows, &table.weights[oy * table.stride], DivCeil(count, 2), y.precision, output, bytes});
  }

  const ResizeFixedPlan& plan_;
  const ResizeBytesKernels& kernels_;
  const ResizeFixedScratch scratch_;
  const uint8_t* const input_;
  uint8_t* const output_;
  int64_t plane_ = 0, image_ = 0, z_ = 0, ahead_end_ = 0;
};

}  // namespace

Status ResizeFixedPlan::Run(const RunContext& context) const {
  RunWorkers(context, tasks, worker_bytes, [&](const Arena& arena) { return FixedWorker(*this, context, arena); });
  return Status();
}

}  // namespace polyphase::internal
