// Choice of algorithm, tiles, tasks and workspace of the dense ops.
#include "plan/phase_conv.h"

#include <algorithm>
#include <cinttypes>
#include <initializer_list>

#include "base/checked_math.h"
#include "base/format.h"
#include "geometry/tensor.h"
#include "plan/streaming.h"

namespace polyphase::internal {
namespace {

// A strip (or column buffer). Each task streams all weights, so that larger ones are better until the strip itself leaves
// L2: against 384 KiB, 2 to 10 % less time with 256 channels and more, 14 to 29 % with 512 and 1280; 1.5 MiB gained
// nothing more (Sapphire Rapids, 2 MiB of L2).
constexpr double kStripBytes = 768 * 1024;
// Output pixels of a row that share a panel: 16 KiB, half of the L1 of every x86 core since 2008.
constexpr double kPanelBytes = 16 * 1024;
// Columns of one worker's GEMM, 4 MiB, above which kAuto does without it.
constexpr int64_t kMaxColumnFloats = 1024 * 1024;
// Tiles of each phase in the rows of the smallest task.
constexpr int64_t kTaskTiles = 4;
// Fewer multiplications than this (10 microseconds of one core) are not worth a task of their own.
constexpr double kTaskMacs = 5e5;

// The share of the peak that a tile reaches. Its multiplications must fill the FMA units' latency (4 cycles, 2 units) and
// the time in which its lines of weights arrive: about 4 cycles each from L2, 7 where all that a tile reads do not stay
// there (tiles of 4 pixels reach 0.6 of the peak, of 6 and 8 then 0.45 and 0.55; Sapphire Rapids, AVX-512).
double TileRate(int64_t pixels, const ColumnTiles& tiles, double weight_floats) {
  const double vectors = static_cast<double>(tiles.vectors(0));
  const double bytes = weight_floats * sizeof(float);
  const double line_cycles = bytes <= kPanelBytes ? 0 : bytes <= kStripBytes ? 4 : 7;
  const double cycles = static_cast<double>(pixels) * vectors / 2;
  return cycles / std::max({cycles, 4.0, line_cycles * vectors * static_cast<double>(tiles.lanes) / kLineLanes});
}

// Pixels of the tiles when `count` pixels are split into equal tiles of at most `max_pixels`.
int64_t BalancedTile(int64_t count, int64_t max_pixels) { return DivCeil(count, DivCeil(count, max_pixels)); }

// Estimated times in vector multiply-adds at full rate.

// One element of a transposition, whatever the lanes: its blocks have 128-bit vectors, and its planes go through L2.
constexpr double kTransposeCost = 2;

// A packed or stored element costs about two vector operations per vector, and four where it is transposed; pixels that
// are images of an NCHW tensor are moved one by one, each from or to a line of its own.
double MoveCost(const TensorDesc& desc, double lanes, bool batched) {
  if (desc.layout != Layout::kNchw) return 2.0 / lanes;
  return batched ? 6.0 : 4.0 / lanes;
}

double Product(const PhaseConvPlan& plan, int64_t Axis::*size) {
  double product = 1;
  for (const Axis& axis : plan.axes) product *= static_cast<double>(axis.*size);
  return product;
}

// Of kSubpixel, whose view of the layer the plan has.
double SubpixelCost(const PhaseConvPlan& plan, bool* batched) {
  const ConvTileKernels& kernels = plan.op->kernels.conv;
  const double lanes = kernels.lanes;
  const double images = static_cast<double>(plan.input.n);
  const double groups = static_cast<double>(plan.groups);
  const Axis& x = plan.x();
  const double in_rows = static_cast<double>(plan.axes[kDepth].in) * static_cast<double>(plan.axes[kRow].in);
  const double row_pairs =
      static_cast<double>(CountPairs(plan.axes[kDepth])) * static_cast<double>(CountPairs(plan.axes[kRow]));
  const double x_pairs = static_cast<double>(CountPairs(x));
  // Vectors of output channels in all tiles, and multiplications per tap and pixel in each.
  const double out_vectors = groups * static_cast<double>(plan.tiles.padded()) / lanes;
  const double macs_per_vector = plan.depthwise ? 1 : static_cast<double>(plan.ic);
  const auto load = [&](bool along_n) {
    return images * MoveCost(plan.input, lanes, along_n) * static_cast<double>(plan.ic) * groups;
  };
  const auto store = [&](bool along_n) {
    return images * Product(plan, &Axis::out) * lanes * out_vectors * MoveCost(plan.output, lanes, along_n);
  };
  double phase_floats = macs_per_vector * static_cast<double>(plan.tiles.width(0));
  for (const Axis& axis : plan.axes) {
    phase_floats *= static_cast<double>(DivCeil(axis.phases->slots, axis.phases->stride));
  }
  // Tiles along x compute every tap of a phase for every pixel, and pack the zeros that those outside read.
  const double x_stride = static_cast<double>(x.phases->stride);
  const double x_slots = static_cast<double>(x.out) * static_cast<double>(x.phases->slots) / x_stride;
  const int64_t row_tile = BalancedTile(DivCeil(x.out, x.phases->stride), kernels.max_pixels);
  const double strip_x = static_cast<double>(x.InputRange({0, x.out}).count());
  const double along_x =
      images * row_pairs * x_slots * macs_per_vector * out_vectors / TileRate(row_tile, plan.tiles, phase_floats) +
      in_rows * strip_x * load(false) + store(false);
  // Tiles along the batch compute no tap in vain.
  const int64_t image_tile = BalancedTile(plan.input.n, kernels.max_pixels);
  const double along_n =
      images * row_pairs * x_pairs * macs_per_vector * out_vectors / TileRate(image_tile, plan.tiles, phase_floats) +
      in_rows * static_cast<double>(x.in) * load(true) + store(true);
  *batched = along_n < 0.97 * along_x;  // same cost: rows, whose stores are contiguous
  return std::min(along_x, along_n);
}

// Of kGemmCol2im, whose view of the layer the plan has: it multiplies each input pixel with every tap, cropped or not;
// then each (output, tap) pair is one addition.
double GemmCost(const PhaseConvPlan& plan) {
  const double lanes = plan.op->kernels.conv.lanes;
  const double ic = static_cast<double>(plan.ic);
  const double padded = static_cast<double>(plan.tiles.padded());
  double pairs = 1;
  for (const Axis& axis : plan.axes) pairs *= static_cast<double>(CountPairs(axis));
  const double in_pixels = Product(plan, &Axis::in);
  const double outputs = Product(plan, &Axis::out);
  const int64_t tile = BalancedTile(static_cast<int64_t>(in_pixels), plan.op->kernels.conv.max_pixels);
  double channels, columns, sums;
  double overlap = 1;
  if (plan.flattened()) {
    // Pixels in lanes, after transpositions of the columns and of the sums. The GEMM takes 1.36 (FSRCNN x2) to 1.6
    // (waifu2x) times as long as its multiplications: small boxes overlap by the kernel, whose columns fill the buffer.
    overlap = 1.4;
    channels = static_cast<double>(plan.oc);
    columns = padded;
    sums = 2 * pairs * channels / lanes + kTransposeCost * (in_pixels * columns + outputs * channels);
  } else {
    channels = padded;
    columns = padded * static_cast<double>(plan.op->weights.slots(plan.form));
    sums = 2 * pairs * channels / lanes;
  }
  const double rate = TileRate(tile, plan.tiles, ic * columns);
  return static_cast<double>(plan.input.n * plan.groups) * (overlap * in_pixels * ic * columns / lanes / rate + sums +
                                                            in_pixels * ic * MoveCost(plan.input, lanes, false) +
                                                            outputs * channels * MoveCost(plan.output, lanes, false));
}

Status FitWorkspace(const PhaseConvPlan& plan, const char* what, std::initializer_list<int64_t> factors,
                    int64_t* floats) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (!CheckedMul(product, factor, &product) || product > (int64_t{1} << 56)) {
      return Status::InvalidArgument("%s workspace: the %s of one worker would exceed 2^56 floats", plan.op->name,
                                     what);
    }
  }
  *floats = RoundUp(product, 16);
  return Status();
}

// The most inputs that `outputs` neighbouring outputs read. Clipped to the input, or, where a strip has what is outside,
// to what all outputs read.
int64_t StripInputs(const Axis& axis, int64_t outputs, bool with_zeros) {
  const int64_t all = with_zeros || axis.padded() ? axis.InputRange({0, axis.out}).count() : axis.in;
  return std::min(axis.MaxInputs(std::min(outputs, axis.out)), all);
}

// What the tasks are cut by.
struct Split {
  size_t threads;
  double useful_macs;
  double pixel_bytes;       // of one input pixel in the strip or the column buffer
  bool zeros_outside;       // of the strip in x
  SpatialSizes smallest{};  // box
};

double StripBytes(const PhaseConvPlan& plan, const Split& split, const SpatialSizes& box) {
  double pixels = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    pixels *= static_cast<double>(StripInputs(plan.axes[axis], box[axis], split.zeros_outside && axis == kColumn));
  }
  return pixels * split.pixel_bytes;
}

// Cuts the work into tasks: first as far as a strip must be small, then until all threads have enough to do, each time
// in the direction that repeats fewer bytes: more boxes read the weights, more tile tasks pack the input once more.
// Boxes are cut along z before y before x, as whole rows are read and stored best, unless that packs a fifth more.
void SplitTasks(PhaseConvPlan* plan, const Split& split) {
  SpatialSizes& box = plan->box;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) box[axis] = plan->axes[axis].out;
  const SpatialSizes whole = box;
  const auto halve = [&] {
    int best = -1;
    int64_t best_half = 0;
    double least = 0;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      if (box[axis] <= split.smallest[axis]) continue;
      const int64_t half = RoundUp(DivCeil(box[axis], 2), split.smallest[axis]);
      SpatialSizes halved = box;
      halved[axis] = half;
      const double packed = 2 * StripBytes(*plan, split, halved) / StripBytes(*plan, split, box);
      if (best >= 0 && packed >= least) continue;
      best = axis;
      best_half = half;
      least = packed;
      if (packed <= 1.2) break;
    }
    if (best >= 0) box[best] = best_half;
    return best >= 0;
  };
  while (StripBytes(*plan, split, box) > kStripBytes && halve()) {
  }
  const int64_t tile_count = plan->tiles.count();
  plan->tiles_per_task = tile_count;
  const double wanted =
      split.threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(split.threads), split.useful_macs / kTaskMacs);
  const double weight_bytes = static_cast<double>(plan->op->weights.bytes());
  const double strip_bytes = StripBytes(*plan, split, whole);
  for (;;) {
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) plan->box_tasks[axis] = DivCeil(whole[axis], box[axis]);
    plan->tile_tasks = DivCeil(tile_count, plan->tiles_per_task);
    if (static_cast<double>(plan->tasks()) >= wanted) return;
    const bool tiles = !plan->flattened() && !plan->is_joined() && plan->tiles_per_task > 1;
    if (tiles && strip_bytes <= weight_bytes) {
      plan->tiles_per_task = DivCeil(plan->tiles_per_task, 2);
    } else if (!halve()) {
      if (!tiles) return;
      plan->tiles_per_task = DivCeil(plan->tiles_per_task, 2);
    }
  }
}

// The smallest box: one output of each phase, and in x a few whole tiles of each.
SpatialSizes SmallestBox(const PhaseConvPlan& plan, int64_t x_pixels) {
  SpatialSizes box;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis)
    box[axis] = std::min(plan.axes[axis].phases->stride, plan.axes[axis].out);
  const Axis& x = plan.x();
  box[kColumn] = x.out / x.phases->stride <= x_pixels ? x.out : x.phases->stride * x_pixels;
  return box;
}

// Multiplications that meet an input.
double UsefulMacs(const PhaseConvPlan& plan) {
  double macs = static_cast<double>(plan.input.n) * static_cast<double>(plan.oc) *
                (plan.depthwise ? 1.0 : static_cast<double>(plan.groups) * static_cast<double>(plan.ic));
  for (const Axis& axis : plan.axes) macs *= static_cast<double>(CountPairs(axis));
  return macs;
}

Status PlanSubpixel(PhaseConvPlan* plan, bool batched, size_t threads) {
  const ConvTileKernels& kernels = plan->op->kernels.conv;
  const Axis& x = plan->x();
  plan->batched = batched;
  const int64_t channels = RoundUp(plan->ic, kLineLanes);
  Split split{threads, UsefulMacs(*plan), static_cast<double>(channels) * sizeof(float), !batched, {}};
  split.smallest = SmallestBox(*plan, kTaskTiles * kernels.max_pixels);
  plan->images_per_task = 1;
  if (batched) {
    split.smallest[kColumn] = x.out;
    // As many whole tiles of images as keep the strip of the rows that one row of outputs reads small.
    const int64_t tile = BalancedTile(plan->input.n, kernels.max_pixels);
    const double image_bytes = StripBytes(*plan, split, {plan->axes[kDepth].out, plan->axes[kRow].out, x.out});
    const int64_t fitting = static_cast<int64_t>(kStripBytes / (image_bytes * static_cast<double>(tile)));
    plan->images_per_task = std::min(plan->input.n, tile * std::max<int64_t>(1, fitting));
    split.pixel_bytes *= static_cast<double>(plan->images_per_task);
  }
  plan->image_tasks = DivCeil(plan->input.n, plan->images_per_task);
  SplitTasks(plan, split);

  // Floats of a pixel in the panel: a tile's, or, where phases are joined, those of all tiles.
  const int64_t width = plan->is_joined() ? plan->tiles.padded() : plan->tiles.width(0);
  const int64_t box_x = plan->box[kColumn];
  const int64_t stride = std::min(x.phases->stride, box_x);
  const int64_t positions = std::min(x.position(x.out - 1) - x.position(0) + 1, DivCeil(box_x, x.phases->stride) + 1);
  const double position_bytes = static_cast<double>(width) * static_cast<double>(stride) * sizeof(float);
  const int64_t fitting = std::max<int64_t>(1, static_cast<int64_t>(kPanelBytes / position_bytes));
  plan->x_chunk = BalancedTile(positions, std::max<int64_t>(fitting, kernels.max_pixels));
  const int64_t panel_pixels = batched ? plan->images_per_task : std::min(plan->x_chunk * stride, box_x);

  Status status = FitWorkspace(*plan, "panel", {panel_pixels, width}, &plan->panel_floats);
  if (!status.ok()) return status;
  plan->columns_floats = plan->is_joined() ? plan->panel_floats : 0;
  return FitWorkspace(
      *plan, "strip",
      {StripInputs(plan->axes[kDepth], plan->box[kDepth], false), StripInputs(plan->axes[kRow], plan->box[kRow], false),
       channels, StripInputs(x, box_x, !batched), plan->images_per_task},
      &plan->strip_floats);
}

Status PlanGemmCol2im(PhaseConvPlan* plan, size_t threads) {
  plan->batched = false;
  plan->images_per_task = 1;
  plan->image_tasks = plan->input.n;
  plan->x_chunk = 0;
  const bool few = plan->flattened();
  const int64_t channels = RoundUp(plan->ic, kLineLanes);
  // Columns of one input pixel that are in the buffer at once: those of one tile of channels, or all of them.
  const int64_t pixel_columns = few ? plan->tiles.padded() : plan->tiles.width(0) * plan->op->weights.slots(plan->form);
  Split split{
      threads, UsefulMacs(*plan), static_cast<double>(std::max(pixel_columns, channels)) * sizeof(float), false, {}};
  // Inputs whose columns fall into two boxes are computed twice: boxes that are long beside the kernel.
  const Axis& x = plan->x();
  const int64_t eighth = std::min(x.in / 8 + 1, DivCeil(x.phases->dilation * (x.phases->slots - 1), x.phases->stride));
  split.smallest = SmallestBox(*plan, std::max(kTaskTiles * plan->op->kernels.conv.max_pixels, 8 * eighth));
  SplitTasks(plan, split);
  const auto inputs = [&](int axis) { return StripInputs(plan->axes[axis], plan->box[axis], false); };
  Status status =
      FitWorkspace(*plan, "strip", {inputs(kDepth), inputs(kRow), inputs(kColumn), channels}, &plan->strip_floats);
  if (status.ok()) {
    status = FitWorkspace(*plan, "columns", {inputs(kDepth), inputs(kRow), inputs(kColumn), pixel_columns},
                          &plan->columns_floats);
  }
  if (status.ok() && few) {
    // An odd number of lines, so that neighbouring planes do not meet in one set of L1, with room behind the last pixel
    // for whole blocks.
    const auto plane = [](int64_t floats) { return (DivCeil(floats + kTransposeBlock, 16) | 1) * 16; };
    plan->column_plane = plane(inputs(kDepth) * inputs(kRow) * inputs(kColumn));
    plan->sum_plane = plane(DivCeil(plan->box[kColumn], x.phases->stride));
    plan->sum_planes = std::min(x.phases->stride, plan->box[kColumn]) * plan->oc;
    const int64_t row = RoundUp(plan->op->kernels.conv.max_pixels, kTransposeBlock) * pixel_columns;
    plan->columns_floats = pixel_columns * plan->column_plane + plan->sum_planes * plan->sum_plane + RoundUp(row, 16);
  }
  if (status.ok()) {
    status =
        FitWorkspace(*plan, "panel", {plan->box[kColumn], few ? plan->oc : plan->tiles.width(0)}, &plan->panel_floats);
  }
  return status;
}

// The layer as an algorithm sees it: axes, channels, tiles.
void SetView(Algorithm algorithm, const PhaseShape& shape, PhaseConvPlan* plan) {
  const PhaseConvOperator& op = *plan->op;
  plan->algorithm = algorithm;
  plan->form = op.weights.phase_form();
  if (algorithm == Algorithm::kGemmCol2im) {
    plan->form = op.weights.FewOutputChannels() ? WeightForm::kColumns : WeightForm::kTaps;
  }
  plan->join = plan->is_joined() ? op.join : SpatialSizes{1, 1, 1};
  int64_t phases = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    plan->axes[axis] = {&op.phases[axis], plan->input.size[axis] * op.phases[axis].repeat, shape.size[axis],
                        shape.origin[axis]};
    const Axis all = plan->axes[axis];
    if (plan->join[axis] == 1) continue;
    phases *= plan->join[axis];
    const int64_t first = all.position(0);
    plan->join_skip[axis] = all.residue(0);
    plan->axes[axis] = {&op.joined[axis], all.in, all.position(all.out - 1) - first + 1, first};
  }
  plan->depthwise = plan->form == WeightForm::kDepthwise;
  plan->multiplier = plan->depthwise ? op.output_channels / op.groups : 1;
  plan->groups = plan->depthwise ? 1 : op.groups;
  plan->oc = op.output_channels / plan->groups * phases;
  plan->ic = plan->depthwise ? plan->oc : op.input_channels / plan->groups;
  plan->tiles = op.weights.Tiles(plan->form);
}

Status Resolve(const ConvTransposeAttributes& a, const SpatialSizes& input_size, const SpatialSizes& output_size,
               PhaseShape* shape) {
  return ResolveConvTranspose(a, input_size, output_size, shape);
}
Status Resolve(const ConvAttributes& a, const SpatialSizes& input_size, const SpatialSizes&, PhaseShape* shape) {
  return ResolveConv(a, input_size, shape);
}

// Plans the part of the output. The plan has its operator and tensors.
Status PlanPart(const std::array<IndexRange, kMaxSpatialRank>& part, const SpatialSizes& origin,
                const PlanOptions& options, size_t threads, PhaseConvPlan* plan, std::string* reason) {
  const PhaseConvOperator& op = *plan->op;
  PhaseShape shape{};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    plan->part_begin[axis] = part[axis].begin;
    plan->part_size[axis] = shape.size[axis] = part[axis].count();
    shape.origin[axis] = origin[axis] + part[axis].begin;
  }
  Status status;
  Algorithm algorithm = options.algorithm == Algorithm::kAuto ? op.algorithm : options.algorithm;
  if (algorithm == Algorithm::kAuto && !op.gemm) algorithm = Algorithm::kSubpixel;
  const bool free_choice = algorithm == Algorithm::kAuto;
  *reason = options.algorithm != Algorithm::kAuto ? "as requested"
            : op.algorithm != Algorithm::kAuto    ? "decided at Create for every length"
                                                  : "the only one";
  double gemm_cost = 0;
  if (free_choice) {
    SetView(Algorithm::kGemmCol2im, shape, plan);
    gemm_cost = GemmCost(*plan);
  }
  bool batched = false;
  SetView(Algorithm::kSubpixel, shape, plan);
  const double subpixel_cost = SubpixelCost(*plan, &batched);
  if (free_choice) {
    algorithm = subpixel_cost <= gemm_cost ? Algorithm::kSubpixel : Algorithm::kGemmCol2im;
    *reason = Format("estimated %.3g against %.3g of %s in 10^6 vector operations",
                     std::min(subpixel_cost, gemm_cost) * 1e-6, std::max(subpixel_cost, gemm_cost) * 1e-6,
                     algorithm == Algorithm::kSubpixel ? "gemm_col2im" : "subpixel");
  }
  switch (algorithm) {
    case Algorithm::kGemmCol2im:
      SetView(algorithm, shape, plan);
      status = PlanGemmCol2im(plan, threads);
      if (!free_choice || (status.ok() && plan->columns_floats <= kMaxColumnFloats)) break;
      // kAuto takes the other algorithm where a kernel that is long beside its stride would need much memory.
      *reason = "the column buffer of gemm_col2im would be too large";
      SetView(Algorithm::kSubpixel, shape, plan);
      status = PlanSubpixel(plan, batched, threads);
      break;
    case Algorithm::kSubpixel: status = PlanSubpixel(plan, batched, threads); break;
    default: return Status::InvalidArgument("algorithm = %d: not an Algorithm", static_cast<int>(options.algorithm));
  }
  if (!status.ok()) return status;
  plan->weights_group_stride = plan->ic * plan->tiles.padded() * (plan->flattened() ? 1 : op.weights.slots(plan->form));
  plan->packed = op.weights.Get(plan->form);
  if (plan->packed.weights == nullptr) {
    return Status::Make(StatusCode::kOutOfMemory, "%s weights: the allocator returned null", op.name);
  }
  return Status();
}

}  // namespace

Status MakePhaseConvPlan(std::shared_ptr<const PhaseConvOperator> shared_op, const TensorDesc& input,
                         const PlanOptions& options, size_t threads, PhaseConvPlan* plan, std::string* reason) {
  const PhaseConvOperator& op = *shared_op;
  if (input.dtype != DataType::kF32) {
    return Status::Unsupported("%s input dtype = %d: this version supports f32", op.name,
                               static_cast<int>(input.dtype));
  }
  Status status = CheckInputRank(op.name, op.spatial_rank, input);
  if (!status.ok()) return status;
  if (input.c != op.input_channels) {
    return Status::InvalidArgument("%s input c = %" PRId64 ": must be input_channels = %" PRId64, op.name, input.c,
                                   op.input_channels);
  }
  PhaseShape shape{{}, op.origin};
  const SpatialSizes output_size = ExpandOutputSize(options.output_size, op.spatial_rank);
  status = std::visit([&](const auto& a) { return Resolve(a, input.size, output_size, &shape); }, op.attributes);
  if (!status.ok()) return status;
  plan->input = input;
  status =
      InferOutput(input, options.output ? &*options.output : nullptr, op.output_channels, shape.size, &plan->output);
  if (status.ok()) status = InferResidual(op.name, op.epilogue.get(), options.residual, plan);
  if (!status.ok()) return status;
  plan->op = std::move(shared_op);
  if (input.n == 0) {
    plan->algorithm = options.algorithm == Algorithm::kAuto ? Algorithm::kSubpixel : options.algorithm;
    *reason = "nothing to do for n = 0";
    return Status();
  }
  plan->stream = ShouldStream(plan->output);
  std::array<IndexRange, kMaxSpatialRank> part;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) part[axis] = {0, shape.size[axis]};
  if (op.border == nullptr) return PlanPart(part, shape.origin, options, threads, plan, reason);

  // Slabs along the outputs that read beyond the input, axis by axis, and what is left between them.
  PhaseConvPlan other;
  static_cast<PlanTensors&>(other) = *plan;
  other.op = op.border;
  other.stream = plan->stream;
  const auto add = [&](const std::array<IndexRange, kMaxSpatialRank>& slab) {
    plan->others.push_back(other);
    std::string unused;
    return PlanPart(slab, op.border->origin, options, threads, &plan->others.back(), &unused);
  };
  const ConvAttributes& a = std::get<ConvAttributes>(op.attributes);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (!NeedsBorder(MakeConvAxis(a, axis))) continue;
    const IndexRange inner{a.padding_begin[axis] * a.shuffle[axis],
                           shape.size[axis] - a.padding_end[axis] * a.shuffle[axis]};
    if (inner.count() <= 0) {
      *plan = std::move(other);
      for (int i = 0; i < kMaxSpatialRank; ++i) part[i] = {0, shape.size[i]};
      return PlanPart(part, op.border->origin, options, threads, plan, reason);
    }
    for (const IndexRange& outside : {IndexRange{0, inner.begin}, IndexRange{inner.end, shape.size[axis]}}) {
      part[axis] = outside;
      if (outside.count() > 0) status = add(part);
      if (!status.ok()) return status;
    }
    part[axis] = inner;
  }
  return PlanPart(part, shape.origin, options, threads, plan, reason);
}

}  // namespace polyphase::internal
