// Choice of algorithm, tiles, tasks and workspace of ConvTranspose.
#include "plan/conv_transpose.h"

#include <algorithm>
#include <cinttypes>
#include <vector>

#include "base/checked_math.h"
#include "base/format.h"
#include "geometry/tensor.h"
#include "plan/streaming.h"

namespace polyphase::internal {
namespace {

// A strip (or column buffer) of this size leaves room for the weights of two tiles in an L2 of 1 MiB.
constexpr double kStripBytes = 384 * 1024;
// Output pixels of a row that share a panel: 16 KiB, half of the L1 of every x86 core since 2008.
constexpr double kPanelBytes = 16 * 1024;
// Columns of one worker's GEMM, 4 MiB, above which kAuto does without it.
constexpr int64_t kMaxColumnFloats = 1024 * 1024;
// Tiles of each phase in the rows of the smallest task.
constexpr int64_t kTaskTiles = 4;
// Fewer multiplications than this (10 microseconds of one core) are not worth a task of their own.
constexpr double kTaskMacs = 5e5;

// Estimated time in vector multiply-adds at full rate.
struct Cost {
  double subpixel = 0;
  double gemm_col2im = 0;
  bool batched = false;
};

// The share of the peak that a tile reaches whose accumulators do not fill the FMA units' latency (4 cycles, 2 units).
double TileRate(int64_t pixels, int64_t vectors) { return std::min(1.0, static_cast<double>(pixels * vectors) / 8); }

// Pixels of the tiles when `count` pixels are split into equal tiles of at most `max_pixels`.
int64_t BalancedTile(int64_t count, int64_t max_pixels) { return DivCeil(count, DivCeil(count, max_pixels)); }

Cost EstimateCost(const ConvTransposePlan& plan) {
  const ConvTransposeOperator& op = *plan.op;
  const ConvTileKernels& kernels = op.kernels.conv;
  const double lanes = kernels.lanes;
  const double images = static_cast<double>(plan.input.n);
  const double groups = static_cast<double>(plan.groups);
  const double ic = static_cast<double>(plan.ic);
  const Axis& x = plan.x();
  const double in_rows = static_cast<double>(plan.axes[kDepth].in) * static_cast<double>(plan.axes[kRow].in);
  const double in_pixels = in_rows * static_cast<double>(x.in);
  const double row_pairs =
      static_cast<double>(CountPairs(plan.axes[kDepth])) * static_cast<double>(CountPairs(plan.axes[kRow]));
  const double x_pairs = static_cast<double>(CountPairs(x));
  const ColumnTiles tiles = op.weights.OutputTiles();
  const int64_t vectors = std::min<int64_t>(tiles.max_vectors, tiles.padded() / tiles.lanes);
  // Vectors of output channels in all tiles, and multiplications per tap and pixel in each.
  const double out_vectors = plan.depthwise ? static_cast<double>(RoundUp(plan.oc, kStripBlock)) / lanes
                                            : groups * static_cast<double>(tiles.padded()) / lanes;
  const double macs_per_vector = plan.depthwise ? 1 : ic;
  // A packed or stored element costs about two vector operations per vector, and four where it is transposed; pixels
  // that are images of an NCHW tensor are moved one by one, each from or to a line of its own.
  const auto move_cost = [&](const TensorDesc& desc, bool batched) {
    if (desc.layout != Layout::kNchw) return 2.0 / lanes;
    return batched ? 6.0 : 4.0 / lanes;
  };
  const auto load = [&](bool batched) { return images * move_cost(plan.input, batched) * ic * groups; };
  const double stored_channels = std::max(static_cast<double>(plan.oc) * groups, lanes * out_vectors);
  const auto store = [&](bool batched) {
    double pixels = images;
    for (const Axis& axis : plan.axes) pixels *= static_cast<double>(axis.out);
    return pixels * stored_channels * move_cost(plan.output, batched);
  };

  // Tiles along x compute every tap of a phase for every pixel, and pack the zeros that those outside read.
  Cost cost;
  const double x_stride = static_cast<double>(x.taps->stride);
  const double x_slots = static_cast<double>(x.out) * static_cast<double>(x.taps->kernel) / x_stride;
  const int64_t row_tile = BalancedTile(DivCeil(x.out, x.taps->stride), kernels.max_pixels);
  const double strip_x = static_cast<double>(x.InputRange({0, x.out}).count());
  const double along_x = images * row_pairs * x_slots * macs_per_vector * out_vectors / TileRate(row_tile, vectors) +
                         in_rows * strip_x * load(false) + store(false);
  // Tiles along the batch compute no tap in vain.
  const int64_t image_tile = BalancedTile(plan.input.n, kernels.max_pixels);
  const double along_n = images * row_pairs * x_pairs * macs_per_vector * out_vectors / TileRate(image_tile, vectors) +
                         in_pixels * load(true) + store(true);
  cost.batched = along_n < 0.97 * along_x;  // same cost: rows, whose stores are contiguous
  cost.subpixel = std::min(along_x, along_n);

  // The GEMM multiplies each input pixel with every tap, cropped or not; then each (output, tap) pair is one addition.
  const double all_groups = static_cast<double>(op.attributes.groups);
  const double group_ic = static_cast<double>(op.attributes.input_channels) / all_groups;
  const double channels = static_cast<double>(plan.output.c) / all_groups;
  const bool few = op.weights.FewOutputChannels();
  const double columns = few ? static_cast<double>(op.weights.FlattenedTiles().padded())
                             : static_cast<double>(tiles.padded() * op.weights.taps());
  const double add = few ? 1.5 * channels : 2.0 * static_cast<double>(tiles.padded()) / lanes;
  cost.gemm_col2im = images * all_groups * (in_pixels * group_ic * columns / lanes + row_pairs * x_pairs * add) +
                     in_pixels * load(false) + store(false);
  return cost;
}

Status FitWorkspace(const char* what, std::initializer_list<int64_t> factors, int64_t* floats) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (!CheckedMul(product, factor, &product) || product > (int64_t{1} << 56)) {
      return Status::InvalidArgument("conv_transpose workspace: the %s of one worker would exceed 2^56 floats", what);
    }
  }
  *floats = RoundUp(product, 16);
  return Status();
}

// The most inputs that `outputs` neighbouring outputs read. Clipped to the input, or, where a strip has the zeros
// outside, to what all outputs read.
int64_t StripInputs(const Axis& axis, int64_t outputs, bool with_zeros) {
  const int64_t all = with_zeros ? axis.InputRange({0, axis.out}).count() : axis.in;
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

double StripBytes(const ConvTransposePlan& plan, const Split& split, const SpatialSizes& box) {
  double pixels = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    pixels *= static_cast<double>(StripInputs(plan.axes[axis], box[axis], split.zeros_outside && axis == kColumn));
  }
  return pixels * split.pixel_bytes;
}

// Cuts the work into tasks: first as far as a strip must be small, then until all threads have enough to do, each time
// in the direction that repeats fewer bytes: more boxes read the weights, more tile tasks pack the input once more.
// Boxes are cut along z before y before x: whole rows are read and stored best.
void SplitTasks(ConvTransposePlan* plan, const Split& split) {
  SpatialSizes& box = plan->box;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) box[axis] = plan->axes[axis].out;
  const SpatialSizes whole = box;
  const auto halve = [&] {
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      if (box[axis] <= split.smallest[axis]) continue;
      box[axis] = RoundUp(DivCeil(box[axis], 2), split.smallest[axis]);
      return true;
    }
    return false;
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
    const bool tiles = !plan->flattened && plan->tiles_per_task > 1;
    if (tiles && strip_bytes <= weight_bytes) {
      plan->tiles_per_task = DivCeil(plan->tiles_per_task, 2);
    } else if (!halve()) {
      if (!tiles) return;
      plan->tiles_per_task = DivCeil(plan->tiles_per_task, 2);
    }
  }
}

// The smallest box: one output of each phase, and in x a few whole tiles of each.
SpatialSizes SmallestBox(const ConvTransposePlan& plan, int64_t x_pixels) {
  SpatialSizes box;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis)
    box[axis] = std::min(plan.axes[axis].taps->stride, plan.axes[axis].out);
  const Axis& x = plan.x();
  box[kColumn] = x.out / x.taps->stride <= x_pixels ? x.out : x.taps->stride * x_pixels;
  return box;
}

Status PlanSubpixel(ConvTransposePlan* plan, bool batched, size_t threads, double useful_macs) {
  const ConvTileKernels& kernels = plan->op->kernels.conv;
  const Axis& x = plan->x();
  plan->batched = batched;
  const int64_t channels = RoundUp(plan->ic, kStripBlock);
  Split split{threads, useful_macs, static_cast<double>(channels) * sizeof(float), !batched, {}};
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

  const int64_t width = plan->depthwise ? kStripBlock : plan->tiles.width(0);
  const int64_t box_x = plan->box[kColumn];
  const int64_t stride = std::min(x.taps->stride, box_x);
  const int64_t positions = std::min(x.position(x.out - 1) - x.position(0) + 1, DivCeil(box_x, x.taps->stride) + 1);
  const double position_bytes = static_cast<double>(width) * static_cast<double>(stride) * sizeof(float);
  const int64_t fitting = std::max<int64_t>(1, static_cast<int64_t>(kPanelBytes / position_bytes));
  plan->x_chunk = BalancedTile(positions, std::max<int64_t>(fitting, kernels.max_pixels));
  const int64_t panel_pixels = batched ? plan->images_per_task : std::min(plan->x_chunk * stride, box_x);

  plan->columns_floats = 0;
  Status status = FitWorkspace("panel", {panel_pixels, width}, &plan->panel_floats);
  if (!status.ok()) return status;
  return FitWorkspace(
      "strip",
      {StripInputs(plan->axes[kDepth], plan->box[kDepth], false), StripInputs(plan->axes[kRow], plan->box[kRow], false),
       channels, StripInputs(x, box_x, !batched), plan->images_per_task},
      &plan->strip_floats);
}

Status PlanGemmCol2im(ConvTransposePlan* plan, size_t threads, double useful_macs) {
  plan->batched = false;
  plan->images_per_task = 1;
  plan->image_tasks = plan->input.n;
  plan->x_chunk = 0;
  const bool few = plan->flattened;
  const int64_t channels = RoundUp(plan->ic, kStripBlock);
  // Columns of one input pixel that are in the buffer at once: those of one tile of channels, or all of them.
  const int64_t pixel_columns = few ? plan->tiles.padded() : plan->tiles.width(0) * plan->op->weights.taps();
  Split split{threads, useful_macs, static_cast<double>(std::max(pixel_columns, channels)) * sizeof(float), false, {}};
  // Inputs whose columns fall into two boxes are computed twice: boxes that are long beside the kernel.
  const Axis& x = plan->x();
  const int64_t eighth = std::min(x.in / 8 + 1, DivCeil(x.reach(), x.taps->stride));
  split.smallest = SmallestBox(*plan, std::max(kTaskTiles * plan->op->kernels.conv.max_pixels, 8 * eighth));
  SplitTasks(plan, split);
  const auto inputs = [&](int axis) { return StripInputs(plan->axes[axis], plan->box[axis], false); };
  Status status = FitWorkspace("strip", {inputs(kDepth), inputs(kRow), inputs(kColumn), channels}, &plan->strip_floats);
  if (status.ok()) {
    status =
        FitWorkspace("columns", {inputs(kDepth), inputs(kRow), inputs(kColumn), pixel_columns}, &plan->columns_floats);
  }
  if (status.ok()) {
    status = FitWorkspace("panel", {plan->box[kColumn], few ? plan->oc : plan->tiles.width(0)}, &plan->panel_floats);
  }
  return status;
}

// The scale is in the weights; scale, bias and shift become one shift.
Status InitEpilogue(const float* bias, const Runtime& runtime, ConvTransposeOperator* op) {
  Epilogue epilogue = op->attributes.epilogue;
  std::vector<float> shift;
  if (bias != nullptr || epilogue.shift != nullptr) {
    for (int64_t c = 0; c < op->attributes.output_channels; ++c) {
      double value = bias == nullptr ? 0.0 : static_cast<double>(bias[c]);
      if (epilogue.scale != nullptr) value *= static_cast<double>(epilogue.scale[c]);
      if (epilogue.shift != nullptr) value += static_cast<double>(epilogue.shift[c]);
      shift.push_back(static_cast<float>(value));
    }
    epilogue.shift = shift.data();
  }
  epilogue.scale = nullptr;
  epilogue.channels = op->attributes.output_channels;
  Status status = op->epilogue.Init("conv_transpose", epilogue, runtime);
  op->attributes.epilogue = op->epilogue.get();
  return status;
}

}  // namespace

std::string ConvTransposeOperator::Describe() const {
  const ConvTransposeAttributes& a = attributes;
  const auto sizes = [&](const SpatialSizes& values) {
    std::string text;
    for (int axis = kMaxSpatialRank - a.spatial_rank; axis < kMaxSpatialRank; ++axis) {
      text += (text.empty() ? "" : "x") + std::to_string(values[axis]);
    }
    return text;
  };
  return Format("conv_transpose %s stride %s %" PRId64 " -> %" PRId64 " channels, groups %" PRId64
                "; target %s; %zu bytes of weights held",
                sizes(a.kernel).c_str(), sizes(a.stride).c_str(), a.input_channels, a.output_channels, a.groups,
                kernels.target.name, weights.bytes());
}

Status CreateConvTransposeOperator(const ConvTransposeAttributes& attributes, const float* weights, const float* bias,
                                   const OperatorOptions& options,
                                   std::shared_ptr<const ConvTransposeOperator>* result) {
  auto op = std::make_shared<ConvTransposeOperator>();
  op->attributes = attributes;
  Status status = ExpandConvTranspose(&op->attributes);
  if (status.ok()) status = ValidateConvTranspose(op->attributes);
  if (!status.ok()) return status;
  if (weights == nullptr) return Status::InvalidArgument("conv_transpose weights = null: must point to the weights");
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) op->taps[axis] = MakeAxisTaps(op->attributes, axis);
  status = SelectKernels(options.isa, &op->kernels);
  if (!status.ok()) return status;
  status =
      op->weights.Init(op->attributes, weights, options.runtime, op->kernels.conv.lanes, op->kernels.conv.max_vectors);
  if (!status.ok()) return status;
  status = InitEpilogue(bias, options.runtime, op.get());
  if (!status.ok()) return status;
  if (attributes.spatial_rank == 1 && op->weights.HasForms()) {
    // The length decides nothing but the last percents; this one is about a second of speech.
    TensorDesc input = TensorDesc::Make(1, attributes.input_channels, {1024});
    ConvTransposePlan plan;
    std::string reason;
    status = NormalizeTensor("input", &input);
    if (status.ok()) status = MakeConvTransposePlan(op, input, {}, 1, &plan, &reason);
    if (status.code() == StatusCode::kOutOfMemory) return status;
    if (status.ok()) op->algorithm = plan.algorithm;  // otherwise the layer has no output of this length
  }
  *result = std::move(op);
  return Status();
}

Status MakeConvTransposePlan(std::shared_ptr<const ConvTransposeOperator> shared_op, const TensorDesc& input,
                             const PlanOptions& options, size_t threads, ConvTransposePlan* plan, std::string* reason) {
  const ConvTransposeOperator& op = *shared_op;
  const ConvTransposeAttributes& a = op.attributes;
  if (input.dtype != DataType::kF32) {
    return Status::Unsupported("conv_transpose input dtype = %d: this version supports f32",
                               static_cast<int>(input.dtype));
  }
  Status status = CheckInputRank("conv_transpose", a.spatial_rank, input);
  if (!status.ok()) return status;
  if (input.c != a.input_channels) {
    return Status::InvalidArgument("conv_transpose input c = %" PRId64 ": must be input_channels = %" PRId64, input.c,
                                   a.input_channels);
  }
  ConvTransposeShape shape{};
  status = ResolveConvTranspose(a, input.size, ExpandOutputSize(options.output_size, a.spatial_rank), &shape);
  if (!status.ok()) return status;
  plan->input = input;
  status =
      InferOutput(input, options.output ? &*options.output : nullptr, a.output_channels, shape.size, &plan->output);
  if (status.ok()) status = InferResidual("conv_transpose", a.epilogue, options.residual, plan);
  if (!status.ok()) return status;

  plan->op = std::move(shared_op);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    plan->axes[axis] = {&op.taps[axis], input.size[axis], shape.size[axis], shape.padding_begin[axis]};
  }
  plan->depthwise = op.weights.Depthwise();
  plan->multiplier = plan->depthwise ? a.output_channels / a.groups : 1;
  plan->groups = plan->depthwise ? 1 : a.groups;
  plan->oc = a.output_channels / plan->groups;
  plan->ic = plan->depthwise ? plan->oc : a.input_channels / plan->groups;

  if (input.n == 0) {
    plan->algorithm = options.algorithm == Algorithm::kAuto ? Algorithm::kSubpixel : options.algorithm;
    *reason = "nothing to do for n = 0";
    return Status();
  }
  plan->stream = ShouldStream(plan->output);
  const Cost cost = EstimateCost(*plan);
  switch (options.algorithm) {
    case Algorithm::kAuto:
      if (op.algorithm != Algorithm::kAuto) {
        plan->algorithm = op.algorithm;
        *reason = "decided at Create for every length";
        break;
      }
      plan->algorithm = cost.subpixel <= cost.gemm_col2im ? Algorithm::kSubpixel : Algorithm::kGemmCol2im;
      *reason =
          Format("estimated %.3g against %.3g of %s in 10^6 vector operations",
                 std::min(cost.subpixel, cost.gemm_col2im) * 1e-6, std::max(cost.subpixel, cost.gemm_col2im) * 1e-6,
                 plan->algorithm == Algorithm::kSubpixel ? "gemm_col2im" : "subpixel");
      break;
    case Algorithm::kSubpixel:
    case Algorithm::kGemmCol2im:
      plan->algorithm = options.algorithm;
      *reason = "as requested";
      break;
    default: return Status::InvalidArgument("algorithm = %d: not an Algorithm", static_cast<int>(options.algorithm));
  }

  double useful_macs = static_cast<double>(input.n) * static_cast<double>(a.input_channels) *
                       static_cast<double>(a.output_channels / a.groups);
  for (const Axis& axis : plan->axes) useful_macs *= static_cast<double>(CountPairs(axis));
  // kAuto takes the other algorithm where a kernel that is long beside its stride would need much memory.
  const bool free_choice = options.algorithm == Algorithm::kAuto && op.algorithm == Algorithm::kAuto;
  if (plan->algorithm == Algorithm::kGemmCol2im) {
    ConvTransposePlan gemm = *plan;
    gemm.depthwise = false;
    gemm.multiplier = 1;
    gemm.groups = a.groups;
    gemm.ic = a.input_channels / a.groups;
    gemm.oc = a.output_channels / a.groups;
    gemm.flattened = op.weights.FewOutputChannels();
    gemm.tiles = gemm.flattened ? op.weights.FlattenedTiles() : op.weights.OutputTiles();
    status = PlanGemmCol2im(&gemm, threads, useful_macs);
    if (free_choice && (!status.ok() || gemm.columns_floats > kMaxColumnFloats)) {
      plan->algorithm = Algorithm::kSubpixel;
      *reason = "the column buffer of gemm_col2im would be too large";
    } else {
      *plan = gemm;
    }
  }
  WeightForm form = plan->flattened ? WeightForm::kColumns : WeightForm::kTaps;
  if (plan->algorithm == Algorithm::kSubpixel) {
    plan->tiles = op.weights.OutputTiles();
    if (plan->depthwise) {
      form = WeightForm::kDepthwise;
      plan->tiles = {plan->oc, kStripBlock, 1};
    }
    status = PlanSubpixel(plan, cost.batched, threads, useful_macs);
  }
  if (!status.ok()) return status;
  plan->weights_group_stride = plan->ic * plan->tiles.padded() * (form == WeightForm::kTaps ? op.weights.taps() : 1);
  plan->weights = op.weights.Get(form);
  if (plan->weights == nullptr) {
    return Status::Make(StatusCode::kOutOfMemory, "conv_transpose weights: the allocator returned null");
  }
  return Status();
}

}  // namespace polyphase::internal
