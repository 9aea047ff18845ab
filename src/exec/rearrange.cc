// Runs PixelShuffle and Convert: moves elements, bit for bit, or converts them between float types.
#include "plan/rearrange.h"

#include <algorithm>
#include <cstdint>

#include "base/arena.h"
#include "exec/runner.h"
#include "exec/store.h"
#include "plan/addressing.h"
#include "plan/conversion.h"

namespace polyphase::internal {
namespace {

constexpr int64_t kStridedPixels = 32;

struct Rows {
  int64_t image;
  IndexRange range;  // of rows (z, y) of the deep tensor
};

// Every row takes one call for each stretch of channels that lies together on one side. That side is then a panel as it
// is.
void ConvertRows(const RearrangePlan& plan, const char* input, char* output, const Rows& rows) {
  const PanelKernels& kernels = plan.op.kernels.panel;
  const TensorDesc& in = plan.input;
  const TensorDesc& out = plan.output;
  const int element_log2 = plan.element_log2;
  const bool pack = out.layout != Layout::kNchw;
  const TensorDesc& panel = pack ? out : in;
  const int64_t block = ChannelsOf(panel).block;
  for (int64_t c = 0; c < in.c; c += block) {
    const int64_t channels = std::min(block, in.c - c);
    const int64_t panel_channel = ChannelOffset(ChannelsOf(panel), c);
    for (int64_t row = rows.range.begin; row < rows.range.end; ++row) {
      const int64_t in_row = PixelOffset(in, rows.image, row / in.size[kRow], row % in.size[kRow], 0);
      const int64_t out_row = PixelOffset(out, rows.image, row / in.size[kRow], row % in.size[kRow], 0);
      if (pack) {
        kernels.pack[element_log2]({ChannelsOf(in), c, channels, in.size[kColumn], in.stride[kColumn]},
                                   input + (in_row << element_log2),
                                   output + ((out_row + panel_channel) << element_log2), out.stride[kColumn], block);
      } else {
        kernels.unpack[element_log2]({ChannelsOf(out), c, channels, out.size[kColumn], out.stride[kColumn]},
                                     input + ((in_row + panel_channel) << element_log2), in.stride[kColumn], kNoFill,
                                     output + (out_row << element_log2));
      }
    }
  }
}

// Converts float types. Some channels of some pixels of a row become a panel of f32 in `buffer`, from which they leave
// in the other type.
void ConvertTypes(const RearrangePlan& plan, const char* input, char* output, float* buffer, const Rows& rows) {
  const PanelKernels& kernels = plan.op.kernels.panel;
  const TensorDesc& in = plan.input;
  const TensorDesc& out = plan.output;
  const PackFn pack = kernels.pack_as[static_cast<int>(FloatConversion(in.dtype))];
  const UnpackFn unpack = kernels.unpack_as[static_cast<int>(FloatConversion(out.dtype))];
  const auto convert = [&](const PixelRun& from, int64_t from_offset, const PixelRun& to, int64_t to_offset) {
    pack(from, input + (from_offset << Log2Size(ElementSize(in.dtype))), buffer, from.channels, from.channels);
    unpack(to, buffer, from.channels, ZeroFrom(out), output + (to_offset << Log2Size(ElementSize(out.dtype))));
  };
  const ChannelMap from = ChannelsOf(in), to = ChannelsOf(out);
  const int64_t width = in.size[kColumn];
  // Where a stretch of channels is whole pixels on both sides, its elements are pixels of one channel.
  const bool whole = from.block == to.block && in.stride[kColumn] == from.block && out.stride[kColumn] == from.block;
  int64_t channels;
  for (int64_t c = 0; c < in.c; c += channels) {
    channels = std::min(in.c - c, whole ? from.block : plan.convert_channels);
    const bool one_channel = whole && channels == from.block;
    for (int64_t row = rows.range.begin; row < rows.range.end; ++row) {
      const int64_t in_row = PixelOffset(in, rows.image, row / in.size[kRow], row % in.size[kRow], 0);
      const int64_t out_row = PixelOffset(out, rows.image, row / in.size[kRow], row % in.size[kRow], 0);
      if (one_channel) {
        ForEachTile(width * from.block, plan.convert_elements, [&](int64_t first, int64_t count) {
          convert({{1, 0}, 0, 1, count, 1}, in_row + ChannelOffset(from, c) + first, {{1, 0}, 0, 1, count, 1},
                  out_row + ChannelOffset(to, c) + first);
        });
        continue;
      }
      ForEachTile(width, std::max<int64_t>(1, plan.convert_elements / channels), [&](int64_t first, int64_t count) {
        convert({from, c, channels, count, in.stride[kColumn]}, in_row + first * in.stride[kColumn],
                {to, c, channels, count, out.stride[kColumn]}, out_row + first * out.stride[kColumn]);
      });
    }
  }
}

// Row (c, z * rz + h, y * ry + i) of the shallow tensor holds rx rows (z, y) of the deep one, interleaved. This moves
// its first `width` pixels from the given offsets on.
void ShuffleRow(const RearrangePlan& plan, const char* input, char* output, int64_t shallow_row, int64_t deep_row,
                int64_t deep_channel, int64_t width) {
  const PanelKernels& kernels = plan.op.kernels.panel;
  const TensorDesc& deep = plan.deep();
  const TensorDesc& shallow = plan.shallow();
  const int element_log2 = plan.element_log2;
  const int64_t r = plan.factor[kColumn];
  if (plan.path == ShufflePath::kInterleave) {
    const int64_t step = plan.offset_step[kColumn] * deep.stride_c;
    const int64_t deep_first = deep_row + deep_channel * deep.stride_c;
    const TransposeFn transpose = kernels.transpose[element_log2];
    if (plan.to_space) {
      transpose(input + (deep_first << element_log2), step, output + (shallow_row << element_log2), r, r, width);
    } else {
      transpose(input + (shallow_row << element_log2), r, output + (deep_first << element_log2), step, width, r);
    }
    return;
  }
  const CopyFn copy = kernels.copy[element_log2];
  for (int64_t j = 0; j < r; ++j) {
    const int64_t from = deep_row + ChannelOffset(ChannelsOf(deep), deep_channel + j * plan.offset_step[kColumn]);
    const int64_t to = shallow_row + j * shallow.stride[kColumn];
    if (plan.to_space) {
      copy(input + (from << element_log2), deep.stride[kColumn], output + (to << element_log2),
           r * shallow.stride[kColumn], width);
    } else {
      copy(input + (to << element_log2), r * shallow.stride[kColumn], output + (from << element_log2),
           deep.stride[kColumn], width);
    }
  }
}

// Does the same for all channels of NHWC tensors at once. `deep_channel` is that of shallow channel 0.
void ShufflePixels(const RearrangePlan& plan, const char* input, char* output, int64_t shallow_row, int64_t deep_row,
                   int64_t deep_channel, int64_t width) {
  const PanelKernels& kernels = plan.op.kernels.panel;
  const TensorDesc& deep = plan.deep();
  const TensorDesc& shallow = plan.shallow();
  const int element_log2 = plan.element_log2;
  const int64_t r = plan.factor[kColumn];
  const int64_t step = shallow.stride[kColumn];
  if (plan.path == ShufflePath::kChannels) {
    for (int64_t j = 0; j < r; ++j) {
      const int64_t deep_first = deep_row + deep_channel + j * plan.offset_step[kColumn];
      const int64_t shallow_first = shallow_row + j * step;
      const int64_t from = plan.to_space ? deep_first : shallow_first;
      const int64_t to = plan.to_space ? shallow_first : deep_first;
      const int64_t from_stride = plan.to_space ? deep.stride[kColumn] : r * step;
      const int64_t to_stride = plan.to_space ? r * step : deep.stride[kColumn];
      kernels.pack[element_log2]({{shallow.c, 0}, 0, shallow.c, width, from_stride}, input + (from << element_log2),
                                 output + (to << element_log2), to_stride, shallow.c);
    }
    return;
  }
  // Pixel x is a matrix [c][j] on one side and [j][c] on the other.
  const TransposeFn transpose = kernels.transpose[element_log2];
  for (int64_t x = 0; x < width; ++x) {
    const int64_t from = deep_row + deep_channel + x * deep.stride[kColumn];
    const int64_t to = shallow_row + x * r * step;
    if (plan.to_space) {
      transpose(input + (from << element_log2), plan.channel_step, output + (to << element_log2), step, shallow.c, r);
    } else {
      transpose(input + (to << element_log2), step, output + (from << element_log2), plan.channel_step, r, shallow.c);
    }
  }
}

void ShuffleRows(const RearrangePlan& plan, const char* input, char* output, char* buffer, const Rows& rows) {
  const TensorDesc& deep = plan.deep();
  const TensorDesc& shallow = plan.shallow();
  const int64_t rz = plan.factor[kDepth];
  const int64_t ry = plan.factor[kRow];
  const int64_t rx = plan.factor[kColumn];
  const int64_t width = deep.size[kColumn];
  // Elements that are moved one by one share lines with those of other channels. So all channels of some pixels, which
  // stay in L1, are moved together instead of channel by channel (24 channels of 544 x 960 in NCHWc16: 3.5 times
  // faster).
  const bool strided = plan.path == ShufflePath::kElements;
  const bool pixels = plan.path == ShufflePath::kChannels || plan.path == ShufflePath::kTranspose;
  const bool stream = plan.stream_pixels > 0;
  const int64_t x_step = strided ? kStridedPixels : stream ? plan.stream_pixels : width;
  const int64_t c_step = strided ? shallow.c : 1;
  const auto shuffle = pixels ? &ShufflePixels : &ShuffleRow;
  const auto shuffle_stretch = [&](int64_t row, int64_t c, int64_t x) {
    const int64_t z = row / deep.size[kRow];
    const int64_t y = row % deep.size[kRow];
    const int64_t shallow_first =
        PixelOffset(shallow, rows.image, z * rz, y * ry, x * rx) + ChannelOffset(ChannelsOf(shallow), c);
    const int64_t deep_first = PixelOffset(deep, rows.image, z, y, x);
    const int64_t count = std::min(x_step, width - x);
    for (int64_t h = 0; h < rz; ++h) {
      for (int64_t i = 0; i < ry; ++i) {
        const int64_t shallow_row = shallow_first + h * shallow.stride[kDepth] + i * shallow.stride[kRow];
        const int64_t deep_c = c * plan.channel_step + h * plan.offset_step[kDepth] + i * plan.offset_step[kRow];
        if (stream) {
          shuffle(plan, input, buffer, 0, deep_first, deep_c, count);
          plan.op.kernels.panel.stream_copy(buffer, output + (shallow_row << plan.element_log2),
                                            (count * rx) << plan.element_log2);
        } else {
          shuffle(plan, input, output, shallow_row, deep_first, deep_c, count);
        }
      }
    }
  };
  for (int64_t first = 0; first < (pixels ? 1 : shallow.c); first += c_step) {
    for (int64_t row = rows.range.begin; row < rows.range.end; ++row) {
      for (int64_t x = 0; x < width; x += x_step) {
        for (int64_t c = first; c < first + c_step; ++c) shuffle_stretch(row, c, x);
      }
    }
  }
}

// Fills the empty lanes of the last channel block, which ShuffleRows does not reach.
void FillTail(const RearrangePlan& plan, char* output, const Rows& rows) {
  const TensorDesc& out = plan.output;
  if (out.c % out.channel_block == 0) return;
  const auto [rz, ry, rx] = plan.to_space ? plan.factor : SpatialSizes{1, 1, 1};
  const int64_t deep_rows = plan.deep().size[kRow];
  for (int64_t row = rows.range.begin; row < rows.range.end; ++row) {
    for (int64_t k = 0; k < rz * ry; ++k) {
      const int64_t offset =
          PixelOffset(out, rows.image, row / deep_rows * rz + k / ry, row % deep_rows * ry + k % ry, 0);
      FillZeros(out, output, offset, out.size[kColumn], {out.c, RoundUp(out.c, out.channel_block)});
    }
  }
}

}  // namespace

Status RearrangePlan::Run(const RunContext& context) const {
  const char* input_data = static_cast<const char*>(context.input);
  char* output_data = static_cast<char*>(context.output);
  RunTasks(context, tasks, worker_bytes, [&](int64_t task, Arena arena) {
    char* const buffer = arena.Take<char>("buffer", {buffer_bytes});
    TaskIndex index(task);
    const IndexRange range = index.Next(rows);
    const int64_t image = index.rest();
    if (input.dtype != output.dtype) {
      return ConvertTypes(*this, input_data, output_data, reinterpret_cast<float*>(buffer), {image, range});
    }
    if (!op.shuffle) return ConvertRows(*this, input_data, output_data, {image, range});
    if (output.layout != Layout::kNchwc) {
      ShuffleRows(*this, input_data, output_data, buffer, {image, range});
      if (stream_pixels > 0) op.kernels.panel.flush();
      return;
    }
    for (int64_t row = range.begin; row < range.end; ++row) {  // each row is still in L2 when its tail is filled
      const Rows one{image, {row, row + 1}};
      ShuffleRows(*this, input_data, output_data, buffer, one);
      FillTail(*this, output_data, one);
    }
  });
  return Status();
}

}  // namespace polyphase::internal
