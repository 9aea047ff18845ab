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
  const double in_pixels = static_cast<double>(plan.y.in) * static_cast<double>(plan.x.in);
  const double y_pairs = static_cast<double>(CountPairs(plan.y));
  const double x_pairs = static_cast<double>(CountPairs(plan.x));
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
    return images * static_cast<double>(plan.y.out) * static_cast<double>(plan.x.out) * stored_channels *
           move_cost(plan.output, batched);
  };

  // Tiles along x compute every tap of a phase for every pixel, and pack the zeros that those outside read.
  Cost cost;
  const double x_stride = static_cast<double>(plan.x.taps->stride);
  const double x_slots = static_cast<double>(plan.x.out) * static_cast<double>(plan.x.taps->kernel) / x_stride;
  const int64_t row_tile = BalancedTile(DivCeil(plan.x.out, plan.x.taps->stride), kernels.max_pixels);
  const IndexRange strip_x = plan.x.InputRange(0, plan.x.out);
  const double along_x = images * y_pairs * x_slots * macs_per_vector * out_vectors / TileRate(row_tile, vectors) +
                         static_cast<double>(plan.y.in) * static_cast<double>(strip_x.count()) * load(false) +
                         store(false);
  // Tiles along the batch compute no tap in vain.
  const int64_t image_tile = BalancedTile(plan.input.n, kernels.max_pixels);
  const double along_n = images * y_pairs * x_pairs * macs_per_vector * out_vectors / TileRate(image_tile, vectors) +
                         in_pixels * load(true) + store(true);
  cost.batched = along_n < 0.97 * along_x;  // same cost: rows, whose stores are contiguous
  cost.subpixel = std::min(along_x, along_n);

  // The GEMM multiplies each input pixel with every tap, cropped or not; then each (output, tap) pair is one addition.
  const double channels = static_cast<double>(plan.output.c) / groups;
  const bool few = op.weights.FewOutputChannels();
  const double columns = few ? static_cast<double>(op.weights.FlattenedTiles().padded())
                             : static_cast<double>(tiles.padded() * op.weights.taps());
  const double all_groups = plan.depthwise ? static_cast<double>(plan.oc) : groups;
  const double group_ic = plan.depthwise ? 1 : ic;
  const double add = few ? 1.5 * channels : 2.0 * static_cast<double>(tiles.padded()) / lanes;
  cost.gemm_col2im = images * all_groups * (in_pixels * group_ic * columns / lanes + y_pairs * x_pairs * add) +
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

// The most input rows that `rows` output rows read.
int64_t InputRows(const Axis& axis, int64_t rows) {
  const int64_t reach = axis.taps->dilation * (axis.taps->kernel - 1);
  return std::min(axis.in, (std::min(rows, axis.out) - 1 + reach) / axis.taps->stride + 1);
}

// Cuts the work into tasks: first as far as a strip must be small, then until all threads have enough to do, each time
// in the direction that repeats fewer bytes: more row tasks read the weights, more tile tasks pack the input once more.
void SplitTasks(ConvTransposePlan* plan, size_t threads, double strip_row_bytes, double useful_macs) {
  const int64_t min_rows = std::min(plan->y.taps->stride, plan->y.out);
  plan->rows_per_task = plan->y.out;
  const auto halve_rows = [&] { plan->rows_per_task = RoundUp(DivCeil(plan->rows_per_task, 2), min_rows); };
  while (plan->rows_per_task > min_rows &&
         static_cast<double>(InputRows(plan->y, plan->rows_per_task)) * strip_row_bytes > kStripBytes) {
    halve_rows();
  }
  const int64_t tile_count = plan->tiles.count();
  plan->tiles_per_task = tile_count;
  const double wanted = threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(threads), useful_macs / kTaskMacs);
  const double weight_bytes = static_cast<double>(plan->op->weights.bytes());
  const double strip_bytes = static_cast<double>(plan->y.in) * strip_row_bytes;
  for (;;) {
    plan->row_tasks = DivCeil(plan->y.out, plan->rows_per_task);
    plan->tile_tasks = DivCeil(tile_count, plan->tiles_per_task);
    if (static_cast<double>(plan->tasks()) >= wanted) return;
    const bool rows = plan->rows_per_task > min_rows;
    const bool tiles = !plan->flattened && plan->tiles_per_task > 1;
    if (!rows && !tiles) return;
    if (tiles && (!rows || strip_bytes <= weight_bytes)) {
      plan->tiles_per_task = DivCeil(plan->tiles_per_task, 2);
    } else {
      halve_rows();
    }
  }
}

Status PlanSubpixel(ConvTransposePlan* plan, bool batched, size_t threads, double useful_macs) {
  const ConvTileKernels& kernels = plan->op->kernels.conv;
  plan->batched = batched;
  plan->strip_x = plan->x.InputRange(0, plan->x.out);
  if (batched) {
    plan->strip_x = plan->strip_x.Clip(plan->x.in);
  }
  const double row_bytes =
      static_cast<double>(plan->strip_x.count()) * static_cast<double>(RoundUp(plan->ic, kStripBlock)) * sizeof(float);
  plan->images_per_task = 1;
  if (batched) {
    // As many whole tiles of images as keep the strip of the rows that one row of outputs reads small.
    const int64_t tile = BalancedTile(plan->input.n, kernels.max_pixels);
    const double image_bytes = row_bytes * static_cast<double>(InputRows(plan->y, plan->y.out));
    const int64_t fitting = static_cast<int64_t>(kStripBytes / (image_bytes * static_cast<double>(tile)));
    plan->images_per_task = std::min(plan->input.n, tile * std::max<int64_t>(1, fitting));
  }
  plan->image_tasks = DivCeil(plan->input.n, plan->images_per_task);
  SplitTasks(plan, threads, row_bytes * static_cast<double>(plan->images_per_task), useful_macs);

  const int64_t width = plan->depthwise ? kStripBlock : plan->tiles.width(0);
  const int64_t stride = plan->x.taps->stride;
  const int64_t positions = plan->x.position(plan->x.out - 1) - plan->x.position(0) + 1;
  const double position_bytes =
      static_cast<double>(width) * static_cast<double>(std::min(stride, plan->x.out)) * sizeof(float);
  const int64_t fitting = std::max<int64_t>(1, static_cast<int64_t>(kPanelBytes / position_bytes));
  plan->x_chunk = BalancedTile(positions, std::max<int64_t>(fitting, kernels.max_pixels));
  const int64_t panel_pixels =
      batched ? plan->images_per_task : std::min(plan->x_chunk * std::min(stride, plan->x.out), plan->x.out);

  plan->columns_floats = 0;
  Status status = FitWorkspace("panel", {panel_pixels, width}, &plan->panel_floats);
  if (!status.ok()) return status;
  return FitWorkspace("strip",
                      {InputRows(plan->y, plan->rows_per_task), RoundUp(plan->ic, kStripBlock), plan->strip_x.count(),
                       plan->images_per_task},
                      &plan->strip_floats);
}

Status PlanGemmCol2im(ConvTransposePlan* plan, size_t threads, double useful_macs) {
  plan->batched = false;
  plan->images_per_task = 1;
  plan->image_tasks = plan->input.n;
  plan->strip_x = {0, plan->x.in};
  const bool few = plan->flattened;
  // Columns of one input pixel that are in the buffer at once: those of one tile of channels, or all of them.
  const int64_t pixel_columns = few ? plan->tiles.padded() : plan->tiles.width(0) * plan->op->weights.taps();
  const double row_bytes = static_cast<double>(plan->x.in) * sizeof(float) *
                           static_cast<double>(std::max(pixel_columns, RoundUp(plan->ic, kStripBlock)));
  SplitTasks(plan, threads, row_bytes, useful_macs);
  plan->x_chunk = 0;
  const int64_t rows = InputRows(plan->y, plan->rows_per_task);
  Status status = FitWorkspace("strip", {rows, RoundUp(plan->ic, kStripBlock), plan->x.in}, &plan->strip_floats);
  if (status.ok()) status = FitWorkspace("columns", {rows, plan->x.in, pixel_columns}, &plan->columns_floats);
  if (status.ok())
    status = FitWorkspace("panel", {plan->x.out, few ? plan->oc : plan->tiles.width(0)}, &plan->panel_floats);
  return status;
}

}  // namespace

std::string ConvTransposeOperator::Describe() const {
  const ConvTransposeAttributes& a = attributes;
  return Format("conv_transpose %" PRId64 "x%" PRId64 " stride %" PRId64 "x%" PRId64 " %" PRId64 " -> %" PRId64
                " channels, groups %" PRId64 "; target %s; %zu bytes of weights held",
                a.kernel[kRow], a.kernel[kColumn], a.stride[kRow], a.stride[kColumn], a.input_channels,
                a.output_channels, a.groups, kernels.target.name, weights.bytes());
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
  op->taps_y = MakeAxisTaps(op->attributes, kRow);
  op->taps_x = MakeAxisTaps(op->attributes, kColumn);
  status = SelectKernels(options.isa, &op->kernels);
  if (!status.ok()) return status;
  status =
      op->weights.Init(op->attributes, weights, options.runtime, op->kernels.conv.lanes, op->kernels.conv.max_vectors);
  if (!status.ok()) return status;
  // The scale goes into the weights, scale, bias and shift into one shift.
  Epilogue epilogue = op->attributes.epilogue;
  std::vector<float> shift;
  if (bias != nullptr || epilogue.shift != nullptr) {
    for (int64_t c = 0; c < attributes.output_channels; ++c) {
      const double value = bias == nullptr ? 0.0 : static_cast<double>(bias[c]);
      const double scaled = epilogue.scale == nullptr ? value : value * static_cast<double>(epilogue.scale[c]);
      shift.push_back(
          static_cast<float>(epilogue.shift == nullptr ? scaled : scaled + static_cast<double>(epilogue.shift[c])));
    }
    epilogue.shift = shift.data();
  }
  epilogue.scale = nullptr;
  epilogue.channels = attributes.output_channels;
  status = op->epilogue.Init("conv_transpose", epilogue, options.runtime);
  if (!status.ok()) return status;
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
  if (input.c != a.input_channels) {
    return Status::InvalidArgument("conv_transpose input c = %" PRId64 ": must be input_channels = %" PRId64, input.c,
                                   a.input_channels);
  }
  SpatialSizes size{};
  Status status = ConvTransposeOutputSize(a, input.size, ExpandOutputSize(options.output_size, a.spatial_rank), &size);
  if (!status.ok()) return status;
  plan->input = input;
  status = InferOutput(input, options.output ? &*options.output : nullptr, a.output_channels, size, &plan->output);
  if (status.ok()) status = InferResidual("conv_transpose", a.epilogue, options.residual, plan);
  if (!status.ok()) return status;

  plan->op = std::move(shared_op);
  plan->y = {&op.taps_y, input.size[kRow], size[kRow]};
  plan->x = {&op.taps_x, input.size[kColumn], size[kColumn]};
  plan->depthwise = op.weights.Depthwise();
  plan->groups = plan->depthwise ? 1 : a.groups;
  plan->ic = a.input_channels / plan->groups;
  plan->oc = a.output_channels / plan->groups;

  if (input.n == 0) {
    plan->algorithm = options.algorithm == Algorithm::kAuto ? Algorithm::kSubpixel : options.algorithm;
    *reason = "nothing to do for n = 0";
    return Status();
  }
  plan->stream = ShouldStream(plan->output);
  const Cost cost = EstimateCost(*plan);
  switch (options.algorithm) {
    case Algorithm::kAuto:
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

  const double useful_macs = static_cast<double>(input.n) * static_cast<double>(CountPairs(plan->y)) *
                             static_cast<double>(CountPairs(plan->x)) * static_cast<double>(a.input_channels) *
                             static_cast<double>(a.output_channels / a.groups);
  WeightForm form = WeightForm::kTaps;
  plan->tiles = op.weights.OutputTiles();
  if (plan->algorithm == Algorithm::kSubpixel) {
    if (plan->depthwise) {
      form = WeightForm::kDepthwise;
      plan->tiles = {plan->oc, kStripBlock, 1};
    }
    status = PlanSubpixel(plan, cost.batched, threads, useful_macs);
  } else {
    plan->depthwise = false;
    plan->groups = a.groups;
    plan->ic = a.input_channels / a.groups;
    plan->oc = a.output_channels / a.groups;
    plan->flattened = op.weights.FewOutputChannels();
    if (plan->flattened) {
      form = WeightForm::kColumns;
      plan->tiles = op.weights.FlattenedTiles();
    }
    status = PlanGemmCol2im(plan, threads, useful_macs);
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
