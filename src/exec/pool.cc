// Runs MaxPool, AvgPool and AvgUnpool: packs the input rows that an output row reads, reduces them, and stores the row.
#include "plan/pool.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "exec/runner.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

class PoolWorker {
 public:
  PoolWorker(const PoolPlan& plan, const RunContext& context, Arena arena)
      : plan_(plan), kernels_(plan.op.kernels), context_(context), scratch_(plan, arena) {}

  void operator()(int64_t task) {
    TaskIndex index(task);
    const IndexRange rows = index.Next(plan_.rows);
    tile_ = index.Next(plan_.columns);
    const IndexRange channels = index.Next(plan_.channels);
    channel_ = channels.begin;
    channels_ = channels.count();
    image_ = index.rest();

    const bool f32 = plan_.conversion == Conversion::kF32;
    input_in_place_ = f32 && !plan_.divide_inputs && IsLine(plan_.input, channel_);
    output_in_place_ = f32 && IsLine(plan_.output, channel_);
    columns_ = plan_.InputRange(kColumn, tile_);
    pixel_step_ = input_in_place_ ? plan_.input.stride[kColumn] : kLineLanes;
    std::fill_n(scratch_.held, plan_.slots, int64_t{-1});
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const int64_t out_rows = plan_.output.size[kRow];
      Reduce(row / out_rows, row % out_rows);
    }
  }

 private:
  bool finds_positions() const { return context_.output_indices != nullptr; }

  // Computes and stores the part of output row (oz, oy) that is in the tile.
  void Reduce(int64_t oz, int64_t oy) {
    const AxisElements z = plan_.Inputs(kDepth, oz);
    const AxisElements y = plan_.Inputs(kRow, oy);
    const int64_t count = z.count * y.count;
    const TensorDesc& out = plan_.output;
    const int64_t output = PixelOffset(out, image_, oz, oy, tile_.begin);
    PoolArgs args{};
    args.rows = scratch_.rows;
    args.row_positions = scratch_.row_positions;
    args.tap_position = static_cast<int32_t>(PositionStep(kColumn));
    args.values = scratch_.values;
    args.value_step = kLineLanes;
    if (output_in_place_) {
      args.values = static_cast<float*>(context_.output) + output + ChannelOffset(ChannelsOf(out), channel_);
      args.value_step = out.stride[kColumn];
    }
    // The first part may be empty, because an empty box is a sum as well.
    for (int64_t begin = 0; begin == 0 || begin < count; begin += plan_.box_rows) {
      args.row_count = std::min(plan_.box_rows, count - begin);
      args.resume = begin > 0;
      for (int64_t r = 0; r < args.row_count; ++r) {
        const int64_t dz = (begin + r) / y.count;
        const int64_t dy = (begin + r) % y.count;
        scratch_.rows[r] = InputRow(z.first + dz * z.step, y.first + dy * y.step, r);
        scratch_.row_positions[r] = static_cast<int32_t>(dz * PositionStep(kDepth) + dy * PositionStep(kRow));
      }
      ReduceRows(args, oz, oy, begin + args.row_count >= count);
    }
    if (!output_in_place_) {
      kernels_.panel.unpack_as[static_cast<int>(plan_.conversion)](
          {ChannelsOf(out), channel_, channels_, tile_.count(), out.stride[kColumn]}, scratch_.values, kLineLanes,
          ZeroFrom(out), static_cast<char*>(context_.output) + output * static_cast<int64_t>(ElementSize(out.dtype)));
    }
    if (finds_positions()) StoreIndices(oz, oy);
  }

  void ReduceRows(PoolArgs args, int64_t oz, int64_t oy, bool last) {
    float* const values = args.values;
    const int64_t value_step = args.value_step;
    const auto reduce = [&](const PoolRun& run) {
      args.source = (run.inputs.first - columns_.begin) * pixel_step_;
      // A stride or a dilation that is never stepped may be as large as int64.
      args.source_step = run.outputs > 1 ? run.input_step * pixel_step_ : 0;
      args.taps = run.inputs.count;
      args.tap_step = run.inputs.count > 1 ? run.inputs.step * pixel_step_ : 0;
      args.pixels = run.outputs;
      args.values = values + (run.output - tile_.begin) * value_step;
      args.value_step = run.outputs > 1 ? run.output_step * value_step : 0;
      if (plan_.op.kind == PoolKind::kMax) {
        args.positions = scratch_.positions + (run.output - tile_.begin) * kLineLanes;
        return (finds_positions() ? kernels_.pool.max_position : kernels_.pool.max)(args);
      }
      args.divisor = last && !plan_.divide_inputs ? SumDivisor(oz, oy, run.output) : 1.0f;
      kernels_.pool.sum(args);
    };
    const PoolAxis& axis = plan_.axes[kColumn];
    plan_.unpool() ? ForEachRunOfElements(axis, tile_, reduce) : ForEachRunOfWindows(axis, tile_, reduce);
  }

  // Returns the divisor of window (z, y, x).
  float Divisor(int64_t z, int64_t y, int64_t x) const {
    const PoolOperator& op = plan_.op;
    if (!op.divide) return 1.0f;
    if (op.divisor_override != 0) return static_cast<float>(op.divisor_override);
    const bool pad = op.count_include_pad;
    // Doubles cannot overflow. A window in which nothing counts covers nothing, and its divisor is never used.
    const double count = static_cast<double>(plan_.axes[kDepth].Count(z, pad)) *
                         static_cast<double>(plan_.axes[kRow].Count(y, pad)) *
                         static_cast<double>(plan_.axes[kColumn].Count(x, pad));
    return static_cast<float>(std::max(count, 1.0));
  }
  // Returns the divisor of output (oz, oy, ox). In AvgUnpool all windows have the same one where sums are divided.
  float SumDivisor(int64_t oz, int64_t oy, int64_t ox) const {
    return plan_.unpool() ? Divisor(0, 0, 0) : Divisor(oz, oy, ox);
  }

  // Returns columns `columns_` of an input row, either where they are or packed into a slot of the strip.
  const float* InputRow(int64_t z, int64_t y, int64_t ordinal) {
    const TensorDesc& in = plan_.input;
    const int64_t offset = PixelOffset(in, image_, z, y, columns_.begin);
    if (input_in_place_) {
      return static_cast<const float*>(context_.input) + offset + ChannelOffset(ChannelsOf(in), channel_);
    }
    const int64_t slot = plan_.ring_y > 0 ? z % plan_.ring_z * plan_.ring_y + y % plan_.ring_y : ordinal;
    assert(slot < plan_.slots && columns_.count() <= plan_.tile_inputs);
    float* const packed = scratch_.strip + slot * plan_.tile_inputs * kLineLanes;
    const int64_t id = z * in.size[kRow] + y;
    if (scratch_.held[slot] == id) return packed;
    scratch_.held[slot] = id;
    kernels_.panel.pack_as[static_cast<int>(plan_.conversion)](
        {ChannelsOf(in), channel_, channels_, columns_.count(), in.stride[kColumn]},
        static_cast<const char*>(context_.input) + offset * static_cast<int64_t>(ElementSize(in.dtype)), packed,
        kLineLanes, kLineLanes);
    if (plan_.divide_inputs) DivideRow(z, y, packed);
    return packed;
  }

  // Divides the windows of a packed row by their divisors, neighbours with the same divisor at once.
  void DivideRow(int64_t z, int64_t y, float* packed) {
    for (int64_t begin = columns_.begin; begin < columns_.end;) {
      const float divisor = Divisor(z, y, begin);
      int64_t end = begin + 1;
      while (end < columns_.end && Divisor(z, y, end) == divisor) ++end;
      kernels_.pool.divide(packed + (begin - columns_.begin) * kLineLanes, (end - begin) * kLineLanes, divisor);
      begin = end;
    }
  }

  // Returns how far a tap of a window is from its neighbour along an axis, in the unit of the indices.
  int64_t PositionStep(int axis) const {
    // The dilation of a single tap may be as large as int64.
    const bool single = plan_.axes[axis].kernel == 1;
    return plan_.index_map.step[axis] * (plan_.index_map.window || single ? 1 : plan_.axes[axis].dilation);
  }
  // Returns the share of an axis in the position of the first tap of a window that exists.
  int64_t FirstPosition(int axis, int64_t window) const {
    const PoolAxis& a = plan_.axes[axis];
    return plan_.index_map.step[axis] * (plan_.index_map.window ? a.Taps(window).begin : a.Elements(window).first);
  }

  void StoreIndices(int64_t oz, int64_t oy) {
    const TensorDesc& desc = *plan_.indices;
    const IndexMap& map = plan_.index_map;
    const bool wide = desc.dtype == DataType::kI64;
    const int element_log2 = Log2Size(wide ? sizeof(int64_t) : sizeof(int32_t));
    const bool in_place = IsLine(desc, channel_);
    const int64_t offset = PixelOffset(desc, image_, oz, oy, tile_.begin);
    char* const output = static_cast<char*>(context_.output_indices) + (offset << element_log2);
    char* const panel = in_place ? output + (ChannelOffset(ChannelsOf(desc), channel_) << element_log2)
                                 : reinterpret_cast<char*>(scratch_.indices);
    const int64_t row =
        image_ * map.image_step + channel_ * map.channel_step + FirstPosition(kDepth, oz) + FirstPosition(kRow, oy);
    int64_t base[kLineLanes];
    PoolIndexArgs args{};
    args.base = base;
    const bool single = plan_.axes[kColumn].pooled == 1;
    args.base_step = map.window || single ? 0 : plan_.axes[kColumn].stride * map.step[kColumn];
    args.index_step = in_place ? desc.stride[kColumn] : kLineLanes;
    ForEachRunOfWindows(plan_.axes[kColumn], tile_, [&](const PoolRun& run) {
      const int64_t first = row + FirstPosition(kColumn, run.output);
      for (int c = 0; c < kLineLanes; ++c) base[c] = first + c * map.channel_step;
      args.positions = scratch_.positions + (run.output - tile_.begin) * kLineLanes;
      args.pixels = run.outputs;
      args.indices = panel + (((run.output - tile_.begin) * args.index_step) << element_log2);
      (wide ? kernels_.pool.index64 : kernels_.pool.index32)(args);
    });
    if (in_place) return;
    kernels_.panel.unpack[element_log2]({ChannelsOf(desc), channel_, channels_, tile_.count(), desc.stride[kColumn]},
                                        panel, kLineLanes, ZeroFrom(desc), output);
  }

  const PoolPlan& plan_;
  const Kernels& kernels_;
  const RunContext& context_;
  const PoolScratch scratch_;
  // The task at work has these:
  int64_t image_, channel_, channels_;
  IndexRange tile_{};     // output columns
  IndexRange columns_{};  // input columns that they read
  bool input_in_place_, output_in_place_;
  int64_t pixel_step_;  // floats between neighbouring columns of an input row
};

}  // namespace

Status PoolPlan::Run(const RunContext& context) const {
  RunWorkers(context, tasks, worker_bytes, [&](const Arena& arena) { return PoolWorker(*this, context, arena); });
  return Status();
}

}  // namespace polyphase::internal
