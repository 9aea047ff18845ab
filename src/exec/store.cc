// Applies the epilogue to a panel and stores it.
#include "exec/store.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "geometry/epilogue.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

// Applies the epilogue to a part of the panel, either `in_place` or into the output, in which the channels of the part
// are together.
void ApplyEpilogue(const OutputStore& store, const PanelRun& part, bool in_place) {
  const Epilogue& e = store.epilogue;
  const bool planar = part.channels == 1 && part.panel_stride == 1;
  const auto constants = [&](const float* values) { return values == nullptr ? nullptr : values + part.channel; };
  EpilogueArgs args{};
  args.activation = e.activation;
  args.parameters = {e.negative_slope, e.lower, e.upper};
  args.scale = constants(e.scale);
  args.shift = constants(e.shift);
  args.slope = constants(e.slope);
  args.constant_step = planar ? 0 : 1;
  args.panel = part.panel;
  args.panel_stride = part.panel_stride;
  args.pixels = planar ? 1 : part.pixels;
  args.count = planar ? part.pixels : part.channels;
  args.output = part.panel;
  args.output_stride = part.panel_stride;
  args.residual_mode = e.residual;
  // Without a residual, any address that may be stepped will do.
  args.residual = part.panel;
  args.residual_stride = part.panel_stride;
  if (e.residual != Residual::kNone) {
    const TensorDesc& desc = *store.tensors.residual;
    const ChannelMap map = ChannelsOf(desc);
    const bool direct =
        store.residual_conversion == Conversion::kF32 &&
        (planar ? part.residual_pixel_stride == 1 : part.channels <= ContiguousChannels(map, part.channel));
    if (direct) {
      args.residual =
          reinterpret_cast<const float*>(store.residual) + part.residual_offset + ChannelOffset(map, part.channel);
      args.residual_stride = part.residual_pixel_stride;
    } else {
      args.residual = store.residual_panel;
      args.residual_stride = planar ? 1 : part.channels;
      store.kernels.panel.pack_as[static_cast<int>(store.residual_conversion)](
          {map, part.channel, part.channels, part.pixels, part.residual_pixel_stride},
          store.residual + part.residual_offset * static_cast<int64_t>(ElementSize(desc.dtype)), store.residual_panel,
          args.residual_stride, part.channels);
    }
  }
  if (!in_place) {
    args.output = reinterpret_cast<float*>(store.output) + part.output_offset +
                  ChannelOffset(ChannelsOf(store.tensors.output), part.channel);
    args.output_stride = part.output_pixel_stride;
    args.stream = store.Streams();
  }
  // Rows that follow one another are treated as one where all channels have the same constants, because a few channels
  // do not fill a vector. Where they do fill it, separate rows are faster (1.3 to 1.5 times, 16 channels).
  const bool dense =
      args.panel_stride == args.count && args.output_stride == args.count && args.residual_stride == args.count;
  const bool constants_differ = args.scale != nullptr || args.shift != nullptr || args.slope != nullptr;
  if (dense && !constants_differ && args.count % kLineLanes != 0) args.count *= std::exchange(args.pixels, 1);
  store.kernels.epilogue.epilogue(args);
}

// Returns whether all elements of the run are in the tensor.
[[maybe_unused]] bool IsInside(const TensorDesc& desc, const PanelRun& run) {
  const ChannelMap map = ChannelsOf(desc);
  const int64_t last = run.channel + run.channels - 1;
  const int64_t last_pixel = run.output_offset + (run.pixels - 1) * run.output_pixel_stride;
  return run.pixels > 0 && run.channel >= 0 && run.channels > 0 && run.output_offset >= 0 &&
         last_pixel + ChannelOffset(map, last) < ExtentElements(desc);
}

}  // namespace

void StorePanel(const OutputStore& store, const PanelRun& run) {
  const TensorDesc& desc = store.tensors.output;
  const ChannelMap map = ChannelsOf(desc);
  assert(IsInside(desc, run));
  const bool planar = run.channels == 1 && run.panel_stride == 1;
  if (!IsTrivial(store.epilogue)) {
    const bool f32 = store.conversion == Conversion::kF32;
    // Unpack takes care of the lanes past the last channel.
    const bool tail = desc.layout == Layout::kNchwc && (run.channel + run.channels) % map.block != 0;
    if (f32 && !tail && (planar ? run.output_pixel_stride == 1 : map.block > 1)) {
      for (int64_t c = 0; c < run.channels;) {
        PanelRun part = run;
        part.channel += c;
        part.channels = std::min(ContiguousChannels(map, part.channel), run.channels - c);
        part.panel += c;
        ApplyEpilogue(store, part, false);
        c += part.channels;
      }
      return;
    }
    ApplyEpilogue(store, run, true);
  }
  const PanelKernels& kernels = store.kernels.panel;
  const UnpackFn unpack =
      store.Streams() ? kernels.unpack_streaming : kernels.unpack_as[static_cast<int>(store.conversion)];
  unpack({map, run.channel, run.channels, run.pixels, run.output_pixel_stride}, run.panel, run.panel_stride,
         ZeroFrom(desc), store.output + run.output_offset * static_cast<int64_t>(ElementSize(desc.dtype)));
}

void FillZeros(const TensorDesc& desc, void* tensor, int64_t offset, int64_t pixels, const IndexRange& channels) {
  const ChannelMap map = ChannelsOf(desc);
  const auto element = static_cast<int64_t>(ElementSize(desc.dtype));
  for (int64_t c = channels.begin; c < channels.end;) {
    const int64_t length = std::min(ContiguousChannels(map, c), channels.end - c);
    char* const first = static_cast<char*>(tensor) + (offset + ChannelOffset(map, c)) * element;
    const auto bytes = static_cast<size_t>(length * element);
    if (length == desc.stride[kColumn]) {
      std::memset(first, 0, bytes * static_cast<size_t>(pixels));
    } else {
      for (int64_t p = 0; p < pixels; ++p) std::memset(first + p * desc.stride[kColumn] * element, 0, bytes);
    }
    c += length;
  }
}

}  // namespace polyphase::internal
