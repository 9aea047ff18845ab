// Computes a phase convolution of few output channels as one ordinary convolution per output phase, with pixels instead
// of channels in lanes.
#include <algorithm>
#include <array>
#include <cassert>
#include <cinttypes>
#include <cstdint>

#include "base/checked_math.h"
#include "base/format.h"
#include "phase_conv/algorithm.h"
#include "phase_conv/task.h"
#include "plan/addressing.h"
#include "plan/conversion.h"

namespace polyphase::internal {
namespace {

using Order = WeightFormat::Order;

// The strip holds all inputs between the first and the last tap of an axis, those outside the input as zeros. Longer
// windows would hold mostly what no tap reads.
constexpr int64_t kMaxWindow = 64;

int64_t WindowOf(const AxisPhases& axis) { return (axis.last_read - axis.first_read) / axis.stride + 1; }

bool Applies(const PhaseConvOperator&, const PhaseLayer& layer) {
  return layer.oc <= kMaxPlanarTileColumns &&
         std::all_of(layer.phases.begin(), layer.phases.end(), [](const auto& a) { return WindowOf(a) <= kMaxWindow; });
}

WeightFormat ReadFormat(const PhaseConvOperator& op, const PhaseLayer& layer) {
  return {Order::kChannels, layer.planar_joined.any() ? &layer.planar_joined : nullptr, &op.kernels.planar};
}

// An element that moves from or to a plane costs this many vector operations per vector. Where it is transposed, it
// costs this many whatever the lanes, or more if most of its cache line belongs to other groups.
constexpr double kMoveCost = 2, kTransposeCost = 1, kStridedCost = 6;
// A row of one phase costs this much beside its multiplications: a depthwise layer of 512 channels in 1-D takes 1.4
// microseconds per channel (Zen, AVX2).
constexpr double kRowCost = 600;

double Cost(const PhaseProblem& problem, const WeightLayout& layout) {
  const PlanarTile& tile = problem.op.kernels.planar;
  const PhaseView view(problem, layout.format);
  const PlanTensors& tensors = problem.tensors;
  const double lanes = tile.mr;
  const auto move = [&](const TensorDesc& desc) {
    if (desc.layout == Layout::kNchw) return kMoveCost / lanes;
    return view.groups > 1 && desc.c < 4 * view.groups ? kStridedCost : kTransposeCost;
  };
  const PhaseAxis& x = view.x();
  double rows = 1, row_slots = 1, in_pixels = 1, outputs = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const PhaseAxis& a = view.axes[axis];
    if (axis != kColumn) rows *= static_cast<double>(a.out);
    row_slots *= static_cast<double>(a.phases->slots) / static_cast<double>(a.phases->stride);
    in_pixels *= static_cast<double>(a.InputRange({0, a.out}).count());
    outputs *= static_cast<double>(problem.axes[axis].out);
  }
  const double vectors = static_cast<double>(DivCeil(DivCeil(x.out, x.phases->stride), int64_t{tile.mr}));
  const double macs = rows * row_slots * static_cast<double>(x.phases->stride) * vectors *
                      static_cast<double>(view.ic) * tile.TapCost(layout.tiles.columns);
  const double calls = rows * static_cast<double>(std::min(x.phases->stride, x.out) * layout.tiles.count());
  // A row of a plane comes from a page of its own, once for each tap in y. Outputs are interleaved before they are
  // stored.
  const AxisPhases& y = *view.axes[kRow].phases;
  const double reads = static_cast<double>(DivCeil(y.slots, y.stride));
  return static_cast<double>(view.images * view.groups) *
         (macs + kRowCost * calls +
          in_pixels * static_cast<double>(view.ic) * (move(tensors.input) + reads * WaitCost(tensors.input)) +
          outputs * static_cast<double>(tensors.output.c / view.groups) * (move(tensors.output) + kMoveCost / lanes));
}

// ---- Schedule

class PlanarPart final : public PhasePart {
 public:
  PlanarPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads);
  void Run(int64_t task, Arena arena, const RunContext& context) const override;

  PhaseTasks tasks_;
  SpatialSizes strip_{};      // pixels of one channel
  int64_t plane_floats_ = 0;  // of the strip, from one channel to the next
  int64_t x_chunk_ = 0;       // positions of a row whose sums are in L1
  int64_t row_pixels_ = 0;    // of the panel
  int64_t row_phases_ = 0;    // of x that have sums of their own; joined phases are columns
  int64_t sums_floats_ = 0;   // from one plane of the sums to the next
  int64_t taps_ = 0;          // of the phase that has most
  // Channels that lie side by side are f32 before they are transposed, so many of so many pixels at once.
  int64_t converted_channels_ = 0, converted_pixels_ = 0;
};

struct Scratch {
  Scratch(const PlanarPart& part, Arena& arena) {
    const PhaseView& view = part.tasks_.view;
    const int64_t columns = part.tasks_.layout.tiles.columns;
    strip = arena.Take<float>("strip", {part.strip_[kDepth], part.strip_[kRow], view.ic, part.plane_floats_});
    if (part.converted_pixels_ > 0) {
      converted = arena.Take<float>("converted pixels", {part.converted_pixels_, part.converted_channels_});
    }
    taps = arena.Take<PlanarTap>("taps", {part.taps_});
    rows = arena.Take<ptrdiff_t>("rows of taps", {part.taps_});
    sums = arena.Take<float>("sums", {part.row_phases_, columns, part.sums_floats_});
    const auto take = [&](const char* what) {
      return arena.Take<float>(what, {part.row_pixels_, part.tasks_.group_channels});
    };
    panel = take("panel");
    if (part.tasks_.tensors.residual) residual = take("residual");
  }

  float* strip = nullptr;      // [z][y][channel][x]
  float* converted = nullptr;  // [pixel][channel]; null where the input is f32 or has planes
  PlanarTap* taps = nullptr;
  ptrdiff_t* rows = nullptr;
  float* sums = nullptr;   // [phase of x][column][position]
  float* panel = nullptr;  // a row of one channel, or of all of them, [pixel][channel]
  float* residual = nullptr;
};

// Converted pixels of 64 channels take half of a small L1.
constexpr int64_t kConvertedPixels = 64;

// Planes lie an odd number of lines apart, so that neighbouring ones do not meet in one set of L1, and have room for a
// whole vector past the last pixel.
int64_t PlaneFloats(int64_t pixels, int64_t lanes) { return (DivCeil(pixels + lanes, kLineLanes) | 1) * kLineLanes; }

PlanarPart::PlanarPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads)
    : tasks_(problem, layout) {
  const PlanarTile& tile = problem.op.kernels.planar;
  const PhaseView& view = tasks_.view;
  const PhaseAxis& x = view.x();
  tasks_.zeros[kColumn] = true;
  const auto tile_pixels = int64_t{tile.mr} * tile.vectors[static_cast<size_t>(layout.tiles.nr - 1)];
  SplitTasks({threads, view.UsefulMacs(), static_cast<double>(view.ic) * sizeof(float),
              SmallestBox(view, kTaskTiles * tile_pixels), false},
             &tasks_);
  const int64_t box_x = tasks_.boxes[kColumn].length;
  taps_ = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const PhaseAxis& a = view.axes[axis];
    strip_[axis] = a.MaxInputs(std::min(tasks_.boxes[axis].length, a.out));
    taps_ *= a.phases->slots;
  }
  plane_floats_ = PlaneFloats(strip_[kColumn], tile.mr);
  row_phases_ = std::min(x.phases->stride, box_x);
  const int64_t positions = DivCeil(box_x, x.phases->stride);
  const double position_bytes = static_cast<double>(layout.tiles.columns * row_phases_) * sizeof(float);
  x_chunk_ = std::max<int64_t>(static_cast<int64_t>(kPanelBytes / position_bytes), tile_pixels);
  x_chunk_ = std::min(positions, RoundUp(BalancedTile(positions, x_chunk_), tile_pixels));
  sums_floats_ = PlaneFloats(x_chunk_, tile.mr);
  row_pixels_ = view.join[kColumn] * std::min(x_chunk_ * x.phases->stride, box_x);
  const TensorDesc& input = problem.tensors.input;
  if (const int64_t block = ChannelsOf(input).block; block > 1 && input.dtype != DataType::kF32) {
    converted_channels_ = std::min(view.ic, block);
    converted_pixels_ = std::min(strip_[kColumn], kConvertedPixels);
  }
  Arena arena;
  Scratch(*this, arena);
  tasks = tasks_.count();
  worker_bytes = arena.bytes();
  status = arena.Check(problem.op.name);
  form = layout.format.joined != nullptr ? ", phases together" : "";
  tiles = Format("tiles %" PRId64 "x%" PRId64 " along x", tile_pixels, layout.tiles.nr);
}

// ---- Loop nest

class PlanarTask {
 public:
  PlanarTask(const PlanarPart& part, const PhaseTask& task, const Scratch& scratch, const OutputStore& store)
      : part_(part),
        tasks_(part.tasks_),
        view_(part.tasks_.view),
        layout_(part.tasks_.layout),
        task_(task),
        scratch_(scratch),
        store_(store),
        step_y_(view_.ic * part.plane_floats_),
        step_z_(part.strip_[kRow] * step_y_) {
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) in_[axis] = view_.axes[axis].InputRange(task.out[axis]);
    weights_ = reinterpret_cast<const float*>(part.weights.weights + task.group * layout_.group_bytes());
    bias_ = part.weights.bias + task.group * layout_.bias_columns;
  }

  void Run(const RunContext& context) const {
    Pack(context);
    for (int64_t oz = task_.out[kDepth].begin; oz < task_.out[kDepth].end; ++oz) {
      for (int64_t oy = task_.out[kRow].begin; oy < task_.out[kRow].end; ++oy) {
        const int64_t chunk = part_.x_chunk_ * view_.x().phases->stride;
        for (int64_t ox = task_.out[kColumn].begin; ox < task_.out[kColumn].end; ox += chunk) {
          const int64_t count = std::min(chunk, task_.out[kColumn].end - ox);
          Multiply(oz, oy, ox, count);
          Store(oz, oy, ox, count);
        }
      }
    }
    if (tasks_.stream) tasks_.op.kernels.panel.flush();
  }

 private:
  // Packs the strip and applies the prologue. Reading NCHW where it is, where no input is outside, gained nothing that
  // shows (DBNet's 2x2, waifu2x; Zen).
  void Pack(const RunContext& context) const {
    const TensorDesc& desc = tasks_.tensors.input;
    const Kernels& kernels = tasks_.op.kernels;
    const Prologue& prologue = tasks_.op.prologue;
    const PhaseAxis &z = view_.axes[kDepth], &y = view_.axes[kRow], &x = view_.x();
    const ChannelMap map = ChannelsOf(desc);
    const int element_log2 = Log2Size(ElementSize(desc.dtype));
    const PackFn pack_as = kernels.panel.pack_as[static_cast<int>(FloatConversion(desc.dtype))];
    const int64_t plane = part_.plane_floats_;
    // Packs channels that lie side by side.
    const auto transpose = [&](const char* pixel, int64_t channel, int64_t channels, int64_t pixels, float* planes) {
      const TransposeFn to_planes = kernels.panel.transpose[kLog2F32];
      if (scratch_.converted == nullptr) {
        const char* const from = pixel + (ChannelOffset(map, channel) << element_log2);
        return to_planes(from, desc.stride[kColumn], planes, plane, pixels, channels);
      }
      ForEachTile(pixels, part_.converted_pixels_, [&](int64_t first, int64_t some) {
        pack_as({map, channel, channels, some, desc.stride[kColumn]},
                pixel + (first * desc.stride[kColumn] << element_log2), scratch_.converted, channels, channels);
        to_planes(scratch_.converted, channels, planes + first, plane, some, channels);
      });
    };
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) assert(in_[axis].count() <= part_.strip_[axis]);
    // `inside` is the part of a row that is a run of input pixels.
    IndexRange inside = in_[kColumn].Clip(x.in);
    if (x.phases->repeat > 1 || inside.count() <= 0) inside = {in_[kColumn].end, in_[kColumn].end};
    for (int64_t iz = in_[kDepth].begin; iz < in_[kDepth].end; ++iz) {
      for (int64_t iy = in_[kRow].begin; iy < in_[kRow].end; ++iy) {
        float* const row = scratch_.strip + (iz - in_[kDepth].begin) * step_z_ + (iy - in_[kRow].begin) * step_y_;
        if (z.IsZero(iz) || y.IsZero(iy)) {
          std::fill_n(row, step_y_, 0.0f);
          continue;
        }
        const char* const input =
            static_cast<const char*>(context.input) +
            (PixelOffset(desc, task_.images.begin, z.Source(iz), y.Source(iy), 0) << element_log2);
        const auto pack = [&](int64_t first, int64_t source, int64_t pixels) {
          int64_t together;
          for (int64_t c = 0; c < view_.ic; c += together) {
            const int64_t channel = task_.group * view_.ic + c;
            const char* const from = input + (source * desc.stride[kColumn] << element_log2);
            float* const to = row + c * plane + first - in_[kColumn].begin;
            together = std::min(view_.ic - c, ContiguousChannels(map, channel));
            if (map.block == 1) {
              pack_as({map, channel, 1, pixels, desc.stride[kColumn]}, from, to, 1, 1);
            } else {
              transpose(from, channel, together, pixels, to);
            }
          }
        };
        const auto pack_one_by_one = [&](int64_t begin, int64_t end) {
          for (int64_t ix = begin; ix < end; ++ix) {
            if (!x.IsZero(ix)) {
              pack(ix, x.Source(ix), 1);
              continue;
            }
            for (int64_t c = 0; c < view_.ic; ++c) row[c * plane + ix - in_[kColumn].begin] = 0.0f;
          }
        };
        pack_one_by_one(in_[kColumn].begin, inside.begin);
        if (inside.count() > 0) pack(inside.begin, inside.begin, inside.count());
        pack_one_by_one(inside.end, in_[kColumn].end);
        if (prologue.activation == Activation::kNone) continue;
        for (int64_t c = 0; c < view_.ic; ++c) {
          kernels.epilogue.activate(prologue.activation, {prologue.negative_slope, 0, 0}, row + c * plane,
                                    in_[kColumn].count());
        }
      }
    }
  }

  // Sums the outputs [ox, ox + count) of a row, of one phase of x after the other.
  void Multiply(int64_t oz, int64_t oy, int64_t ox, int64_t count) const {
    const PlanarTile& tile = tasks_.op.kernels.planar;
    const ColumnTiles& tiles = layout_.tiles;
    const int64_t stride = view_.x().phases->stride;
    for (int64_t i = 0; i < std::min(stride, count); ++i) {
      const int64_t output[] = {oz, oy, ox + i};
      const int64_t vectors = DivCeil(DivCeil(count - i, stride), int64_t{tile.mr});
      for (int64_t t = 0; t < tiles.count(); ++t) {
        const int64_t columns = std::min(tiles.nr, tiles.columns - tiles.first(t));
        PlanarTileArgs args{};
        FindTaps(output, columns, &args);
        args.input = scratch_.strip;
        args.bias += tiles.first(t);
        args.weights = weights_ + tiles.first(t) * view_.ic * layout_.all_slots();
        args.sums = scratch_.sums + (i * tiles.columns + tiles.first(t)) * part_.sums_floats_;
        args.input_step = part_.plane_floats_;
        args.weights_step = layout_.all_slots() * columns;
        args.sums_step = part_.sums_floats_;
        args.channels = view_.ic;
        assert(InScratch(args, columns, vectors * tile.mr));
        const auto& run = tile.run[static_cast<size_t>(columns - 1)];
        ForEachTile(vectors, tile.vectors[static_cast<size_t>(columns - 1)], [&](int64_t first, int64_t some) {
          PlanarTileArgs part = args;
          part.input += first * tile.mr;
          part.sums += first * tile.mr;
          run[static_cast<size_t>(some - 1)](part);
        });
      }
    }
  }

  // Returns whether all floats that `pixels` pixels read are in the strip, and all sums in their planes.
  bool InScratch(const PlanarTileArgs& args, int64_t columns, int64_t pixels) const {
    const float* const sums_end = scratch_.sums + part_.row_phases_ * layout_.tiles.columns * part_.sums_floats_;
    if (args.sums < scratch_.sums || args.sums + (columns - 1) * args.sums_step + pixels > sums_end) return false;
    const int64_t last_channel = (args.channels - 1) * args.input_step;
    return std::all_of(args.taps, args.taps + args.tap_count, [&](const PlanarTap& tap) {
      return tap.input >= 0 && tap.input + last_channel + pixels <= part_.strip_[kDepth] * step_z_;
    });
  }

  // Writes the taps of an output's phase for a tile of `columns` columns, and finds its biases.
  void FindTaps(const int64_t (&output)[kMaxSpatialRank], int64_t columns, PlanarTileArgs* args) const {
    AxisPhase phase[kMaxSpatialRank];
    int64_t input[kMaxSpatialRank];  // of the first tap, counted from the beginning of the strip
    int64_t offset = 0;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      const PhaseAxis& a = view_.axes[axis];
      const int64_t residue = a.residue(output[axis]);
      phase[axis] = a.phases->Phase(residue);
      input[axis] = a.position(output[axis]) - phase[axis].first_offset - in_[axis].begin;
      offset = offset * layout_.biases[axis] + residue % layout_.biases[axis];
    }
    args->bias = bias_ + offset * layout_.bias_floats();
    PlanarTap* tap = scratch_.taps;
    ptrdiff_t* row = scratch_.rows;
    const auto add = [&](int axis, int64_t m, int64_t* at, int64_t* slot) {
      const AxisPhases& phases = *view_.axes[axis].phases;
      *at = input[axis] - m * phases.offset_step;
      *slot = *slot * phases.slots + phase[axis].first_slot + m * phases.slot_step;
    };
    for (int64_t mz = 0; mz < phase[kDepth].taps; ++mz) {
      for (int64_t my = 0; my < phase[kRow].taps; ++my) {
        if (phase[kColumn].taps > 0) *row++ = 0;
        for (int64_t mx = 0; mx < phase[kColumn].taps; ++mx) {
          int64_t iz, iy, ix, slot = 0;
          add(kDepth, mz, &iz, &slot);
          add(kRow, my, &iy, &slot);
          add(kColumn, mx, &ix, &slot);
          *tap++ = {iz * step_z_ + iy * step_y_ + ix, slot * columns};
          row[-1] = tap[-1].input;  // offsets count down, so that the last tap reads the first pixel
        }
      }
    }
    args->taps = scratch_.taps;
    args->tap_count = tap - scratch_.taps;
    args->rows = scratch_.rows;
    args->row_count = row - scratch_.rows;
  }

  // Stores the outputs [ox, ox + count) of a row of the view.
  void Store(int64_t oz, int64_t oy, int64_t ox, int64_t count) const {
    const SpatialSizes& join = view_.join;
    const int64_t phases = join[kColumn] > 1 ? join[kColumn] : std::min(view_.x().phases->stride, count);
    const int64_t first = ox * join[kColumn] - view_.skip[kColumn];
    const int64_t size_x = tasks_.part[kColumn].count();
    const int64_t begin = std::max<int64_t>(0, -first);
    const int64_t end = std::min(count * join[kColumn], size_x - first);
    if (begin >= end) return;
    const int64_t oc = tasks_.group_channels;
    const int64_t planes = phases * oc;
    tasks_.ForEachJoinedRow(oz, oy, [&](int64_t phase, int64_t row_z, int64_t row_y) {
      StoreRow(scratch_.sums + phase * planes * part_.sums_floats_, phases, begin, end, row_z, row_y, first);
    });
  }

  // Stores the outputs [begin, end) of those that interleave `phases` phases, the first of which is (oz, oy, ox).
  void StoreRow(const float* sums, int64_t phases, int64_t begin, int64_t end, int64_t oz, int64_t oy,
                int64_t ox) const {
    const int64_t plane = part_.sums_floats_;
    const int64_t oc = tasks_.group_channels;
    const int64_t count = end - begin;
    const bool planar = tasks_.tensors.output.layout == Layout::kNchw;
    const int64_t channels = planar ? 1 : oc;  // of the panel's pixels
    for (int64_t c = 0; c < oc; c += channels) {
      // The sums of a single row are the panel.
      float* panel = const_cast<float*>(sums) + c * plane;
      if (phases * channels > 1) {
        panel = scratch_.panel;
        Interleave(sums + c * plane, planar ? oc * plane : plane, phases * channels, end, channels);
      }
      StoreTile(tasks_, task_, store_, panel + begin * channels, c, channels, channels, count, oz, oy, ox + begin);
    }
  }

  // Interleaves `rows` planes into the panel, which gets `pixels` pixels of `channels` channels.
  void Interleave(const float* planes, int64_t step, int64_t rows, int64_t pixels, int64_t channels) const {
    const int64_t elements = pixels * channels;
    const int64_t whole = elements / rows;
    tasks_.op.kernels.panel.transpose[kLog2F32](planes, step, scratch_.panel, rows, rows, whole);
    for (int64_t i = whole * rows; i < elements; ++i) scratch_.panel[i] = planes[(i - whole * rows) * step + whole];
  }

  const PlanarPart& part_;
  const PhaseTasks& tasks_;
  const PhaseView& view_;
  const WeightLayout& layout_;
  const PhaseTask& task_;
  const Scratch& scratch_;
  const OutputStore& store_;
  const int64_t step_y_, step_z_;               // of the strip
  std::array<IndexRange, kMaxSpatialRank> in_;  // the strip, which has zeros outside the input
  const float* weights_;
  const float* bias_;
};

void PlanarPart::Run(int64_t task, Arena arena, const RunContext& context) const {
  const PhaseTask box = tasks_[task];
  const Scratch scratch(*this, arena);
  PlanarTask(*this, box, scratch, MakeStore(tasks_, context, scratch.residual)).Run(context);
}

}  // namespace

const PhaseAlgorithm kPlanar = {
    Algorithm::kPlanar,
    "planar",
    "groups of at most 12 output channels, and phases whose taps span at most 64 inputs along an axis",
    Applies,
    ReadFormat,
    Cost,
    MakePart<PlanarPart>,
};

}  // namespace polyphase::internal
