// Reads, converts and multiplies source rows.
#include "exec/resize_source.h"

#include <algorithm>
#include <cassert>

namespace polyphase::internal {

void RowSource::ReadBatch(int64_t z, int64_t y, int64_t rows, IndexRange pixels, float* panel) const {
  assert(rows <= kLineLanes && pixels.count() * plan_.width * kLineLanes <= plan_.source_floats);
  const TensorDesc& desc = plan_.input;
  if (plan_.first_y) {
    const int64_t lanes = pixels.count() * plan_.width;
    for (int64_t i = 0; i < rows; ++i) SumRows(z, y + i, pixels, scratch_.y_sums + i * lanes);
    return kernels_.panel.pack[Log2Size(sizeof(float))]({{1, lanes}, 0, rows, lanes, 1}, scratch_.y_sums, panel,
                                                        kLineLanes, kLineLanes);
  }
  const char* const row = Row(z, y) + ChannelOffset(ChannelsOf(desc), first_channel()) * element_bytes_;
  kernels_.panel.pack_as[static_cast<int>(plan_.conversion)](
      {{1, desc.stride[kRow]}, 0, rows, pixels.count() * plan_.width, 1}, Pixel(row, pixels.begin), panel, kLineLanes,
      kLineLanes);
}

void RowSource::Convert(const char* begin, int64_t pixels, float* panel) const {
  const TensorDesc& desc = plan_.input;
  const PackFn pack = kernels_.panel.pack_as[static_cast<int>(plan_.conversion)];
  if (plan_.contiguous) {
    const char* const plane = begin + ChannelOffset(ChannelsOf(desc), first_channel()) * element_bytes_;
    return pack({{1, 0}, 0, 1, pixels * plan_.width, 1}, plane, panel, 1, 1);
  }
  const int64_t channels = std::min(plan_.width, desc.c - first_channel());
  pack({ChannelsOf(desc), first_channel(), channels, pixels, desc.stride[kColumn]}, begin, panel, plan_.width,
       plan_.width);
}

void RowSource::SumRows(int64_t z, int64_t y, IndexRange pixels, float* sums) const {
  const ResizeAxis& axis = *plan_.first_y;
  const int64_t lanes = pixels.count() * plan_.width;
  assert(pixels.count() <= plan_.source_pixels);
  for (int64_t k = 0; k < axis.count[y]; ++k) {
    const int64_t source = axis.first[y] + k;
    if (plan_.rows_packed() == 0) {
      scratch_.tap_rows[k] = InPlace(z, source) + pixels.begin * plan_.width;
      continue;
    }
    float* const row = scratch_.y_sources + k * lanes;
    Convert(Pixel(Row(z, source), pixels.begin), pixels.count(), row);
    scratch_.tap_rows[k] = row;
  }
  const int64_t first = y * axis.stride;
  const bool fixed = plan_.lane == ResizeLane::kFixed;
  const void* const weights =
      fixed ? static_cast<const void*>(axis.fixed_weights.data() + first) : axis.weights.data() + first;
  kernels_.resize.window_y[static_cast<int>(plan_.lane)](
      {reinterpret_cast<const void* const*>(scratch_.tap_rows), weights, axis.count[y], axis.precision, sums, lanes});
}

void RowSource::Multiply(const char* begin, int64_t pixels, float* panel, int64_t plane_step) const {
  assert(pixels <= plan_.source_pixels);
  const TensorDesc& desc = plan_.input;
  PixelRun run{ChannelsOf(desc), 0, 0, pixels, desc.stride[kColumn]};
  for (float* strip = scratch_.strip; run.channel < desc.c; run.channel += kLineLanes, strip += pixels * kLineLanes) {
    run.channels = std::min<int64_t>(kLineLanes, desc.c - run.channel);
    kernels_.panel.pack_as[static_cast<int>(plan_.conversion)](run, begin, strip, kLineLanes, kLineLanes);
  }
  // The weights of a tile of channels stay in L1 while the pixels pass.
  const ConvTile& kernel = kernels_.conv.dense;
  const ColumnTiles& tiles = plan_.op.tiles;
  const int64_t weight_bytes = desc.c * static_cast<int64_t>(ElementSize(kernel.weights));  // of an output channel
  ConvTileArgs args{};
  args.taps_z = args.taps_y = args.taps_x = 1;
  args.input_step_block = pixels * kLineBytes;
  args.channels = desc.c;
  args.bias = kernels_.conv.no_bias;  // the epilogue adds it, after the resize
  args.sums_step = plan_.width * int64_t{sizeof(float)};
  const auto& multiply = kernel.run[tiles.vectors(0) - 1];
  for (int64_t channel = 0; channel < part_.planes.count() * plan_.width; channel += tiles.nr) {
    float* const sums = panel + channel / plan_.width * plane_step + channel % plan_.width;
    args.weights = plan_.op.weights.as<char>() + (first_channel() + channel) * weight_bytes;
    ForEachTile(pixels, kernel.mr, [&](int64_t first, int64_t tile) {
      args.input = scratch_.strip + first * kLineLanes;
      args.sums = sums + first * plan_.width;
      multiply[tile - 1](args);
    });
  }
}

}  // namespace polyphase::internal
