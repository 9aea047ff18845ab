// Runs MaxUnpool by comparison where windows do not overlap, and otherwise by scattering, which also finds the errors.
#include "plan/max_unpool.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cinttypes>
#include <cstdint>
#include <limits>

#include "base/checked_math.h"
#include "exec/runner.h"
#include "exec/store.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

// Some channels of one image.
struct Planes {
  int64_t image = 0, channel = 0, channels = 0;

  // `index` must have only the digits of the channels and of the image left.
  static Planes Next(const MaxUnpoolPlan& plan, TaskIndex* index) {
    const IndexRange channels = index->Next(plan.channels);
    return {index->rest(), channels.begin, channels.count()};
  }
};

// Writes zeros to `pixels` neighbouring pixels, the empty lanes of the last channel block included. `offset` counts
// elements up to channel 0 of the first pixel.
void FillPlanes(const MaxUnpoolPlan& plan, const Planes& planes, void* output, int64_t offset, int64_t pixels) {
  const TensorDesc& desc = plan.output;
  const int64_t end = planes.channel + planes.channels;
  FillZeros(desc, output, offset, pixels,
            {planes.channel, desc.layout == Layout::kNchwc ? RoundUp(end, desc.channel_block) : end});
}

// ---- Comparison

class CompareWorker {
 public:
  // `stray` is set where an index does not name an element of its window; the output is then incomplete.
  CompareWorker(const MaxUnpoolPlan& plan, const RunContext& context, Arena arena, std::atomic<bool>* stray)
      : plan_(plan),
        kernels_(plan.op.kernels),
        context_(context),
        scratch_(plan, arena),
        stray_(*stray),
        planar_(plan.width == 1) {}

  void operator()(int64_t task) {
    if (stray_.load(std::memory_order_relaxed)) return;
    TaskIndex index(task);
    const IndexRange rows = index.Next(plan_.rows);
    tile_ = index.Next(plan_.columns);
    planes_ = Planes::Next(plan_, &index);
    const int64_t kernel = plan_.axes[kColumn].kernel;
    const bool last = tile_.end == plan_.input.size[kColumn];
    columns_ = {tile_.begin * kernel, last ? plan_.output.size[kColumn] : tile_.end * kernel};
    output_in_place_ = planar_ || IsLine(plan_.output, planes_.channel);
    if (!Rows(rows)) stray_.store(true, std::memory_order_relaxed);
  }

 private:
  // Makes the output rows; returns false at the first stray index.
  bool Rows(const IndexRange& rows) {
    int64_t held = -1;  // the input row whose values and taps are in the scratch
    const auto& [depth, row, column] = plan_.axes;
    for (int64_t r = rows.begin; r < rows.end; ++r) {
      const int64_t oz = r / row.full;
      const int64_t oy = r % row.full;
      const int64_t iz = oz / depth.kernel;
      const int64_t iy = oy / row.kernel;
      const int64_t output = PixelOffset(plan_.output, planes_.image, oz, oy, columns_.begin);
      if (iz >= depth.pooled || iy >= row.pooled) {
        FillPlanes(plan_, planes_, context_.output, output, columns_.count());
        continue;
      }
      if (held != iz * row.pooled + iy && !LoadRow(iz, iy)) return false;
      held = iz * row.pooled + iy;
      const int64_t tap = (oz % depth.kernel * row.kernel + oy % row.kernel) * column.kernel;
      StoreRow(output, static_cast<int32_t>(tap));
    }
    return true;
  }

  // Returns the part of a row that a tile needs, either where it is or packed into `buffer`. `*step` becomes the
  // elements from pixel to pixel.
  const void* Fetch(const TensorDesc& desc, const void* tensor, int element_log2, int64_t z, int64_t y, char* buffer,
                    int64_t* step) const {
    const int64_t offset = PixelOffset(desc, planes_.image, z, y, tile_.begin);
    const ChannelMap map = ChannelsOf(desc);
    const char* const first = static_cast<const char*>(tensor) + (offset << element_log2);
    *step = planar_ ? 1 : desc.stride[kColumn];
    if (planar_ || IsLine(desc, planes_.channel)) return first + (ChannelOffset(map, planes_.channel) << element_log2);
    *step = kLineLanes;
    assert(tile_.count() <= plan_.columns.length);
    kernels_.panel.pack[element_log2]({map, planes_.channel, planes_.channels, tile_.count(), desc.stride[kColumn]},
                                      first, buffer, kLineLanes, kLineLanes);
    return buffer;
  }

  // Loads the values and taps of an input row. Returns false where an index has no tap.
  bool LoadRow(int64_t iz, int64_t iy) {
    row_values_ = Fetch(plan_.input, context_.input, plan_.element_log2, iz, iy, scratch_.values, &value_step_);
    int64_t index_step = 0;
    const TensorDesc& desc = *plan_.indices;
    const void* row = Fetch(desc, context_.input_indices, plan_.index_log2, iz, iy, scratch_.indices, &index_step);
    // Only the last pixel may have taps that are cut off.
    const auto& [depth, row_axis, column] = plan_.axes;
    const int64_t whole = std::min(tile_.end, column.full / column.kernel) - tile_.begin;
    return FindTaps(row, index_step, iz, iy, {0, whole}, column.kernel) &&
           FindTaps(row, index_step, iz, iy, {whole, tile_.count()}, column.full % column.kernel);
  }

  // Finds the taps of pixels of the tile whose windows have `width` columns.
  bool FindTaps(const void* row, int64_t index_step, int64_t iz, int64_t iy, const IndexRange& pixels, int64_t width) {
    if (pixels.count() <= 0) return true;
    const IndexMap& map = plan_.index_map;
    const auto& [depth, row_axis, column] = plan_.axes;
    int64_t offsets[kMaxUnpoolTaps];
    int32_t numbers[kMaxUnpoolTaps];
    int64_t count = 0;
    const int64_t height = std::min(row_axis.kernel, row_axis.full - iy * row_axis.kernel);
    const int64_t slices = std::min(depth.kernel, depth.full - iz * depth.kernel);
    for (int64_t z = 0; z < slices; ++z) {
      for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
          offsets[count] = z * map.step[kDepth] + y * map.step[kRow] + x * map.step[kColumn];
          numbers[count++] = static_cast<int32_t>((z * row_axis.kernel + y) * column.kernel + x);
        }
      }
    }
    int64_t first = planes_.image * map.image_step + planes_.channel * map.channel_step;
    const int64_t pixel_step = map.window ? 0 : column.kernel * map.step[kColumn];
    if (!map.window) first += iz * depth.kernel * map.step[kDepth] + iy * row_axis.kernel * map.step[kRow];
    first += (tile_.begin + pixels.begin) * pixel_step;

    const char* const indices = static_cast<const char*>(row) + ((pixels.begin * index_step) << plan_.index_log2);
    int64_t base[kLineLanes];
    for (int lane = 0; lane < kLineLanes; ++lane) base[lane] = first + lane * (planar_ ? pixel_step : map.channel_step);
    UnpoolTapArgs args{indices,        index_step,
                       pixels.count(), planes_.channels,
                       base,           pixel_step,
                       offsets,        numbers,
                       count,          scratch_.taps + pixels.begin * plan_.width};
    const UnpoolTapFn find = plan_.index_log2 == 3 ? kernels_.max_unpool.taps64 : kernels_.max_unpool.taps32;
    if (!planar_) return find(args) == pixels.count() * planes_.channels;
    // Lanes are pixels. The last vector ends with the row and finds some taps of the one before it again.
    args.lanes = args.index_step = kLineLanes;
    args.base_step *= kLineLanes;
    args.pixels = pixels.count() / kLineLanes;
    const int64_t in_vectors = args.pixels * kLineLanes;
    if (find(args) != in_vectors) return false;
    if (in_vectors == pixels.count()) return true;
    const int64_t begin = std::max<int64_t>(pixels.count() - kLineLanes, 0);
    for (int64_t& position : base) position += begin * pixel_step;
    args.indices = indices + (begin << plan_.index_log2);
    args.taps += begin;
    args.lanes = pixels.count() - begin;
    args.pixels = 1;
    return find(args) == args.lanes;
  }

  void StoreRow(int64_t output, int32_t first_tap) {
    const TensorDesc& desc = plan_.output;
    const ChannelMap map = ChannelsOf(desc);
    const int64_t kernel = plan_.axes[kColumn].kernel;
    const int64_t outputs = std::min(columns_.count(), tile_.count() * kernel);
    char* const first = static_cast<char*>(context_.output) + (output << plan_.element_log2);
    UnpoolSpreadArgs args{row_values_, value_step_,    scratch_.taps, first_tap,
                          kernel,      scratch_.panel, kLineLanes,    outputs};
    if (output_in_place_) {
      args.output = first + (ChannelOffset(map, planes_.channel) << plan_.element_log2);
      args.output_step = desc.stride[kColumn];
    }
    const auto& spread = planar_ ? kernels_.max_unpool.planar : kernels_.max_unpool.lanes;
    spread[plan_.element_log2](args);
    if (!output_in_place_) {
      kernels_.panel.unpack[plan_.element_log2]({map, planes_.channel, planes_.channels, outputs, desc.stride[kColumn]},
                                                scratch_.panel, kLineLanes, ZeroFrom(desc), first);
    }
    if (outputs < columns_.count()) {
      FillPlanes(plan_, planes_, context_.output, output + outputs * desc.stride[kColumn], columns_.count() - outputs);
    }
  }

  const MaxUnpoolPlan& plan_;
  const Kernels& kernels_;
  const RunContext& context_;
  const MaxUnpoolScratch scratch_;
  std::atomic<bool>& stray_;
  const bool planar_;
  // These describe the task at work.
  Planes planes_;
  IndexRange tile_{};     // input columns
  IndexRange columns_{};  // output columns
  bool output_in_place_;
  const void* row_values_ = nullptr;
  int64_t value_step_ = 0;
};

// ---- Scatter

// Returns the flat position in the output plane that an index names, or -1.
int64_t Locate(const MaxUnpoolPlan& plan, int64_t n, int64_t c, const SpatialSizes& input, int64_t index) {
  const IndexMap& map = plan.index_map;
  SpatialSizes position;
  if (map.window) {
    if (index < 0 || index >= map.count) return -1;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      position[axis] = plan.axes[axis].Begin(input[axis]) + index / map.step[axis];
      index %= map.step[axis];
      if (position[axis] < 0 || position[axis] >= plan.output.size[axis]) return -1;
    }
  } else {
    const SpatialSizes& size = plan.index_size;
    // The arithmetic is unsigned, so that any index wraps around instead of overflowing.
    const uint64_t plane = static_cast<uint64_t>(size[kDepth]) * static_cast<uint64_t>(size[kRow] * size[kColumn]);
    const uint64_t local =
        static_cast<uint64_t>(index) - static_cast<uint64_t>(n * map.image_step + c * map.channel_step);
    if (local >= plane) return -1;
    const auto flat = static_cast<int64_t>(local);
    if (size == plan.output.size) return flat;
    position = {flat / (size[kRow] * size[kColumn]), flat / size[kColumn] % size[kRow], flat % size[kColumn]};
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      if (position[axis] >= plan.output.size[axis]) return -1;
    }
  }
  return (position[kDepth] * plan.output.size[kRow] + position[kRow]) * plan.output.size[kColumn] + position[kColumn];
}

// Keeps the smallest flat (n, c, pixel) whose index is outside, or kNoError if there is none.
constexpr int64_t kNoError = std::numeric_limits<int64_t>::max();
void KeepFirst(std::atomic<int64_t>& first, int64_t candidate) {
  int64_t held = first.load(std::memory_order_relaxed);
  while (candidate < held && !first.compare_exchange_weak(held, candidate, std::memory_order_relaxed)) {
  }
}

// Scatters into one dense plane, which is too small to be cut into bands.
template <typename T, typename Index>
void ScatterPlane(const MaxUnpoolPlan& plan, const RunContext& context, int64_t image, int64_t channel,
                  std::atomic<int64_t>& first_error) {
  const TensorDesc& in = plan.input;
  const TensorDesc& indices = *plan.indices;
  const int64_t plane = plan.output.size[kDepth] * plan.output.size[kRow] * plan.output.size[kColumn];
  T* const y = static_cast<T*>(context.output) + PixelOffset(plan.output, image, 0, 0, 0) +
               ChannelOffset(ChannelsOf(plan.output), channel);
  std::fill_n(y, plane, T{0});
  const auto first = static_cast<uint64_t>(image * plan.index_map.image_step + channel * plan.index_map.channel_step);
  const int64_t in_plane = in.size[kDepth] * in.size[kRow] * in.size[kColumn];
  int64_t pixel = (image * in.c + channel) * in_plane;
  // Planes without gaps are one row.
  const SpatialSizes size = HasDensePlanes(in) && HasDensePlanes(indices) ? SpatialSizes{1, 1, in_plane} : in.size;
  for (int64_t iz = 0; iz < size[kDepth]; ++iz) {
    for (int64_t iy = 0; iy < size[kRow]; ++iy, pixel += size[kColumn]) {
      const T* const x = static_cast<const T*>(context.input) + PixelOffset(in, image, iz, iy, 0) +
                         ChannelOffset(ChannelsOf(in), channel);
      const Index* const index = static_cast<const Index*>(context.input_indices) +
                                 PixelOffset(indices, image, iz, iy, 0) + ChannelOffset(ChannelsOf(indices), channel);
      for (int64_t ix = 0; ix < size[kColumn]; ++ix) {
        // The arithmetic is unsigned, so that any index wraps around instead of overflowing.
        const uint64_t position = static_cast<uint64_t>(index[ix]) - first;
        if (position < static_cast<uint64_t>(plane)) {
          y[position] = x[ix];
        } else {
          KeepFirst(first_error, pixel + ix);
        }
      }
    }
  }
}

template <typename T, typename Index>
void Scatter(const MaxUnpoolPlan& plan, const RunContext& context, int64_t task, std::atomic<int64_t>& first_error) {
  const TensorDesc& in = plan.input;
  const TensorDesc& out = plan.output;
  const TensorDesc& indices = *plan.indices;
  TaskIndex task_index(task);
  const IndexRange band = task_index.Next(plan.bands);
  const Planes planes = Planes::Next(plan, &task_index);
  if (plan.flat) {
    for (int64_t c = planes.channel; c < planes.channel + planes.channels; ++c) {
      ScatterPlane<T, Index>(plan, context, planes.image, c, first_error);
    }
    return;
  }

  const int64_t width = out.size[kColumn];
  for (int64_t p = band.begin; p < band.end;) {
    const int64_t row = p / width;
    const int64_t pixels = std::min(band.end, (row + 1) * width) - p;
    FillPlanes(plan, planes, context.output,
               PixelOffset(out, planes.image, row / out.size[kRow], row % out.size[kRow], p % width), pixels);
    p += pixels;
  }

  const bool dense = HasDensePlanes(out);
  const T* const x = static_cast<const T*>(context.input) + planes.image * in.stride_n;
  const Index* const index = static_cast<const Index*>(context.input_indices) + planes.image * indices.stride_n;
  T* const y = static_cast<T*>(context.output) + planes.image * out.stride_n;
  int64_t in_channel[kLineLanes], index_channel[kLineLanes], out_channel[kLineLanes];
  for (int64_t c = 0; c < planes.channels; ++c) {
    in_channel[c] = ChannelOffset(ChannelsOf(in), planes.channel + c);
    index_channel[c] = ChannelOffset(ChannelsOf(indices), planes.channel + c);
    out_channel[c] = ChannelOffset(ChannelsOf(out), planes.channel + c);
  }
  int64_t pixel = 0;
  for (int64_t iz = 0; iz < in.size[kDepth]; ++iz) {
    for (int64_t iy = 0; iy < in.size[kRow]; ++iy) {
      const T* x_pixel = x + PixelOffset(in, 0, iz, iy, 0);
      const Index* index_pixel = index + PixelOffset(indices, 0, iz, iy, 0);
      for (int64_t ix = 0; ix < in.size[kColumn];
           ++ix, ++pixel, x_pixel += in.stride[kColumn], index_pixel += indices.stride[kColumn]) {
        for (int64_t c = 0; c < planes.channels; ++c) {
          const int64_t channel = planes.channel + c;
          const int64_t flat = Locate(plan, planes.image, channel, {iz, iy, ix}, index_pixel[index_channel[c]]);
          if (flat < 0) {
            const int64_t plane = in.size[kDepth] * in.size[kRow] * in.size[kColumn];
            KeepFirst(first_error, (planes.image * in.c + channel) * plane + pixel);
          } else if (flat >= band.begin && flat < band.end) {
            const int64_t offset =
                dense ? flat * out.stride[kColumn]
                      : PixelOffset(out, 0, flat / width / out.size[kRow], flat / width % out.size[kRow], flat % width);
            y[offset + out_channel[c]] = x_pixel[in_channel[c]];
          }
        }
      }
    }
  }
}

using ScatterFn = void (*)(const MaxUnpoolPlan&, const RunContext&, int64_t, std::atomic<int64_t>&);
template <typename Index>
constexpr ScatterFn kScatter[4] = {&Scatter<uint8_t, Index>, &Scatter<uint16_t, Index>, &Scatter<uint32_t, Index>,
                                   &Scatter<uint64_t, Index>};

Status OutsideError(const MaxUnpoolPlan& plan, const RunContext& context, int64_t at) {
  const SpatialSizes& in = plan.input.size;
  const int64_t plane = in[kDepth] * in[kRow] * in[kColumn];
  const int64_t n = at / plane / plan.input.c;
  const int64_t c = at / plane % plan.input.c;
  const int64_t x = at % in[kColumn];
  const int64_t y = at % plane / in[kColumn] % in[kRow];
  const int64_t z = at % plane / in[kColumn] / in[kRow];
  const TensorDesc& desc = *plan.indices;
  const int64_t offset = PixelOffset(desc, n, z, y, x) + ChannelOffset(ChannelsOf(desc), c);
  const int64_t index = desc.dtype == DataType::kI64 ? static_cast<const int64_t*>(context.input_indices)[offset]
                                                     : static_cast<const int32_t*>(context.input_indices)[offset];
  const SpatialSizes& size = plan.index_map.window ? plan.op.attributes.window.kernel : plan.index_size;
  const int64_t first = n * plan.index_map.image_step + c * plan.index_map.channel_step;
  return Status::InvalidArgument("max_unpool input_indices = %" PRId64 " at n = %" PRId64 ", c = %" PRId64
                                 ", z = %" PRId64 ", y = %" PRId64 ", x = %" PRId64 ": must be in [%" PRId64
                                 ", %" PRId64 ") and inside of the %s of %" PRId64 "x%" PRId64 "x%" PRId64,
                                 index, n, c, z, y, x, first, first + size[kDepth] * size[kRow] * size[kColumn],
                                 plan.index_map.window ? "output, a tap" : "output, in a plane", size[kDepth],
                                 size[kRow], size[kColumn]);
}

}  // namespace

Status MaxUnpoolPlan::Run(const RunContext& context) const {
  if (disjoint) {
    std::atomic<bool> stray{false};
    RunWorkers(context, compare_tasks(), worker_bytes,
               [&](const Arena& arena) { return CompareWorker(*this, context, arena, &stray); });
    if (!stray.load(std::memory_order_relaxed)) return Status();
  }
  std::atomic<int64_t> first_error{kNoError};
  const ScatterFn scatter = (index_log2 == 3 ? kScatter<int64_t> : kScatter<int32_t>)[element_log2];
  RunTasks(context, scatter_tasks(), worker_bytes,
           [&](int64_t task, const Arena&) { scatter(*this, context, task, first_error); });
  const int64_t at = first_error.load(std::memory_order_relaxed);
  return at == kNoError ? Status() : OutsideError(*this, context, at);
}

}  // namespace polyphase::internal
