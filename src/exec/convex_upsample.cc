// Runs ConvexUpsample: a kernel call makes one phase of a row, or all phases of a pixel, which are then interleaved.
#include "plan/convex_upsample.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "exec/runner.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

class ConvexUpsampleWorker {
 public:
  ConvexUpsampleWorker(const ConvexUpsamplePlan& plan, const RunContext& context, Arena arena)
      : plan_(plan),
        panel_kernels_(plan.op.kernels.panel),
        input_(static_cast<const float*>(context.input)),
        mask_(static_cast<const float*>(context.mask)),
        output_(static_cast<float*>(context.output)),
        scratch_(plan, arena),
        factor_(plan.factor()),
        phases_(plan.phases()),
        channels_(plan.input.c) {}

  void operator()(int64_t task) {
    TaskIndex index(task);
    const IndexRange rows = index.Next(plan_.rows);
    tile_ = index.Next(plan_.columns);
    image_ = index.rest();
    LoadRow(rows.begin - 1);
    LoadRow(rows.begin);
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      LoadRow(y + 1);
      ConvexUpsampleArgs args{};
      for (int64_t k = 0; k < 3; ++k) args.rows[k] = Row(y - 1 + k);
      args.row_channel_step = scratch_.row_step;
      args.channels = channels_;
      args.scale = plan_.op.attributes.scale;
      args.mask_scale = plan_.op.attributes.mask_scale;
      if (plan_.lanes_are_pixels) {
        MakePhases(args, y, y + 1 < rows.end);
      } else {
        MakePixels(args, y);
      }
    }
  }

 private:
  float* Row(int64_t y) const { return scratch_.values + (y + 1) % 3 * channels_ * scratch_.row_step; }

  // Makes planes of all channels of `columns` of a row. They are `step` apart.
  void PackPlanes(const TensorDesc& desc, const float* tensor, int64_t y, const IndexRange& columns, float* planes,
                  int64_t step) const {
    const ChannelMap map = ChannelsOf(desc);
    const float* const first = tensor + PixelOffset(desc, image_, 0, y, columns.begin);
    for (int64_t c = 0; c < desc.c; c += map.block) {
      if (desc.layout == Layout::kNchw) {
        panel_kernels_.pack[kLog2F32]({map, c, 1, columns.count(), 1}, first, planes + c * step, 1, 1);
      } else {
        panel_kernels_.unpack[kLog2F32]({{1, step}, c, std::min(map.block, desc.c - c), columns.count(), 1},
                                        first + ChannelOffset(map, c), desc.stride[kColumn], kNoFill, planes);
      }
    }
  }

  // Loads an input row, which may be one outside of the input, with the pixels on either side of the tile.
  void LoadRow(int64_t y) {
    float* const row = Row(y);
    const int64_t step = scratch_.row_step;
    const TensorDesc& desc = plan_.input;
    assert(tile_.count() + 2 <= step);
    if (y < 0 || y >= desc.size[kRow]) {
      std::fill_n(row, channels_ * step, 0.0f);
      return;
    }
    const IndexRange columns{std::max<int64_t>(tile_.begin - 1, 0), std::min(tile_.end + 1, desc.size[kColumn])};
    PackPlanes(desc, input_, y, columns, row + (columns.begin - (tile_.begin - 1)), step);
    for (int64_t c = 0; c < channels_; ++c) {
      if (tile_.begin == 0) row[c * step] = 0;
      if (tile_.end == desc.size[kColumn]) row[c * step + tile_.count() + 1] = 0;
    }
  }

  // Makes a row of each phase, [phase x][channel][column], and interleaves those of one row of outputs.
  void MakePhases(ConvexUpsampleArgs& args, int64_t y, bool has_next) {
    const TensorDesc& desc = *plan_.mask;
    const int64_t tile = plan_.columns.length;
    const float* mask = mask_ + PixelOffset(desc, image_, 0, y, tile_.begin);
    int64_t step = desc.stride_c;
    if (!plan_.mask_in_place) {
      PackPlanes(desc, mask_, y, tile_, scratch_.mask, tile);
      mask = scratch_.mask;
      step = tile;
    }
    args.mask_step = phases_ * step;
    args.output_channel_step = tile;
    args.lanes = tile_.count();
    for (int64_t i = 0; i < factor_; ++i) {
      for (int64_t j = 0; j < factor_; ++j) {
        const int64_t phase = i * factor_ + j;
        args.mask = mask + phase * step;
        args.output = scratch_.panel + j * channels_ * tile;
        const bool last = phase + 1 == phases_;
        args.next_mask = !plan_.mask_in_place ? nullptr
                         : !last              ? args.mask + step
                         : has_next           ? mask + desc.stride[kRow]
                                              : nullptr;
        plan_.op.kernels.convex_upsample.pixels(args);
      }
      StoreRow(y, i, [&](int64_t c, float* row) {
        const float* const panel = scratch_.panel + c * tile;
        // A transposition of a single row would move single elements.
        if (factor_ == 1) return panel_kernels_.copy[kLog2F32](panel, 1, row, 1, tile_.count());
        panel_kernels_.transpose[kLog2F32](panel, channels_ * tile, row, factor_, factor_, tile_.count());
      });
    }
  }

  // Makes all phases of each pixel, [column][channel][phase], and puts together those of one row of outputs.
  void MakePixels(ConvexUpsampleArgs& args, int64_t y) {
    const TensorDesc& desc = *plan_.mask;
    const int64_t group = plan_.group;
    // The masks of a group are together, and the groups of a tap are neighbours, unless they are channel blocks.
    const bool blocks = plan_.mask_in_place && desc.layout == Layout::kNchwc;
    const int64_t group_step = blocks ? desc.stride_c : phases_;
    args.mask_step = phases_ / group * group_step;
    args.output_channel_step = phases_;
    args.lanes = group;
    for (int64_t x = 0; x < tile_.count(); ++x) {
      const float* mask = mask_ + PixelOffset(desc, image_, 0, y, tile_.begin + x);
      if (!plan_.mask_in_place) {
        panel_kernels_.pack[kLog2F32]({ChannelsOf(desc), 0, desc.c, 1, desc.stride[kColumn]}, mask, scratch_.mask,
                                      desc.c, desc.c);
        mask = scratch_.mask;
      }
      for (int64_t g = 0; g < phases_ / group; ++g) {
        args.mask = mask + g * group_step;
        args.next_mask = plan_.mask_in_place && x + 1 < tile_.count() ? args.mask + desc.stride[kColumn] : nullptr;
        args.output = scratch_.panel + x * channels_ * phases_ + g * group;
        plan_.op.kernels.convex_upsample.outputs(args);
      }
      for (const float*& row : args.rows) ++row;
    }
    for (int64_t i = 0; i < factor_; ++i) {
      StoreRow(y, i, [&](int64_t c, float* row) {
        panel_kernels_.pack[kLog2F32]({{factor_, 0}, 0, factor_, tile_.count(), channels_ * phases_},
                                      scratch_.panel + c * phases_ + i * factor_, row, factor_, factor_);
      });
    }
  }

  // Stores row i of the outputs of input row y. `make(c, row)` makes that of a channel.
  template <class Make>
  void StoreRow(int64_t y, int64_t i, const Make& make) const {
    const TensorDesc& desc = plan_.output;
    float* const first = output_ + PixelOffset(desc, image_, 0, y * factor_ + i, tile_.begin * factor_);
    if (desc.layout == Layout::kNchw) {
      for (int64_t c = 0; c < channels_; ++c) make(c, first + c * desc.stride_c);
      return;
    }
    const int64_t step = plan_.columns.length * factor_;
    const int64_t pixels = tile_.count() * factor_;
    for (int64_t c = 0; c < channels_; ++c) make(c, scratch_.line + c * step);
    const ChannelMap map = ChannelsOf(desc);
    for (int64_t c = 0; c < channels_; c += map.block) {
      panel_kernels_.pack[kLog2F32]({{1, step}, c, std::min(map.block, channels_ - c), pixels, 1}, scratch_.line,
                                    first + ChannelOffset(map, c), desc.stride[kColumn], map.block);
    }
  }

  const ConvexUpsamplePlan& plan_;
  const PanelKernels& panel_kernels_;
  const float* const input_;
  const float* const mask_;
  float* const output_;
  const ConvexUpsampleScratch scratch_;
  const int64_t factor_, phases_, channels_;
  // These describe the task at work.
  int64_t image_ = 0;
  IndexRange tile_{};
};

}  // namespace

Status ConvexUpsamplePlan::Run(const RunContext& context) const {
  RunWorkers(context, tasks, worker_bytes,
             [&](const Arena& arena) { return ConvexUpsampleWorker(*this, context, arena); });
  return Status();
}

}  // namespace polyphase::internal
