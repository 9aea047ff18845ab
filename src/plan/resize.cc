// Decides how Resize moves rows, its tasks and its scratch.
#include "plan/resize.h"

#include <algorithm>
#include <cassert>
#include <cinttypes>
#include <cmath>
#include <utility>

#include "base/checked_math.h"
#include "base/format.h"
#include "base/status.h"
#include "geometry/enum_names.h"
#include "geometry/epilogue.h"
#include "plan/addressing.h"
#include "plan/conversion.h"
#include "plan/resize_fixed.h"
#include "plan/resize_move.h"
#include "plan/streaming.h"

namespace polyphase::internal {
namespace {

// Fewer output elements than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskElements = 65536;
// The ring of one task has at most this size. Columns are cut where whole rows would need more.
constexpr int64_t kRingFloats = 256 * 1024;
// Floats that are packed along x at a time. Windows read their sources many times, so that these should stay in L1 and
// L2; taps read them once.
constexpr int64_t kWindowSourceFloats = 16 * 1024, kSourceFloats = 128 * 1024;
// A source row of 1-D, or of few rows, is cut into tasks of at least this many columns.
constexpr int64_t kMinColumns = 1024;

// A task computes at most this many blocks of channels from the input pixels that it has packed. With 8, packing takes
// a few percent.
constexpr int64_t kMaxBlocks = 8;
// A task has fewer blocks rather than narrower columns than this, because pixels at the borders of columns are
// multiplied twice.
constexpr int64_t kMinBlockColumns = 256;
// At most this many floats are packed and multiplied at a time, in L2.
constexpr int64_t kPointwiseFloats = 64 * 1024;

// Returns columns, in multiples of `step`, that read only inside of the row when the kernel reads `reach` pixels from
// the first source on.
IndexRange DirectOutputs(const ResizeAxis& axis, int64_t step, int64_t reach) {
  int64_t begin = 0;
  while (begin < axis.out && axis.first[begin] < 0) begin += step;
  int64_t end = axis.out / step * step;
  while (end > begin && axis.first[end - 1] + reach > axis.in) end -= step;
  return begin < end ? IndexRange{begin, end} : IndexRange{0, 0};
}

Status SelectConversion(const ResizeAttributes& a, DataType dtype, ResizePlan* plan) {
  if (HasPointwise(a) && !IsFloat(dtype)) {
    return Status::Unsupported("resize input dtype = %s: must be kF32, kF16 or kBF16 with a pointwise convolution",
                               EnumName(dtype).c_str());
  }
  if (IsFloat(dtype)) {
    plan->conversion = FloatConversion(dtype);
    return Status();
  }
  assert(dtype == DataType::kU8);
  plan->conversion = a.u8_rounding == U8Rounding::kTruncate ? Conversion::kU8Truncated : Conversion::kU8;
  if (!IsFixedPoint(a.u8_rounding)) return Status();
  if (!IsTrivial(a.epilogue)) {
    return Status::InvalidArgument("resize u8_rounding = %s: a fixed-point one has no epilogue for u8",
                                   EnumName(a.u8_rounding).c_str());
  }
  if (a.mode == ResizeMode::kNearest) return Status();  // kNearest has no weights
  plan->lane = ResizeLane::kFixed;
  plan->conversion = Conversion::kU8Integer;
  return Status();
}

// Describes the same memory as one channel.
TensorDesc AsOneChannel(TensorDesc desc) {
  desc.layout = Layout::kNchw;
  desc.size[kColumn] *= desc.c;
  desc.stride[kColumn] = 1;
  desc.c = 1;
  return desc;
}

// Says how many multiplications the 1x1 convolution saves at the input's size.
std::string PointwiseGain(const ResizePlan& plan) {
  double gain = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    gain *= static_cast<double>(plan.output.size[axis]) / static_cast<double>(plan.input.size[axis]);
  }
  return Format("1x1 convolution below the resize: %.2fx %s multiplications", std::max(gain, 1 / gain),
                gain >= 1 ? "fewer" : "more");
}

// Returns whether planes are resized as blocks of channels, which are transposed on their way in and out. Along x that
// is 2 to 5 times faster (and as much slower where it is not preferred) if the rows of a plane are only a few vectors,
// or if they are not whole vectors, so that they end with a partial vector and the next row begins unaligned.
bool PreferBlocks(const ResizePlan& plan) {
  constexpr int64_t kFewColumns = 6 * kLineLanes, kManyColumns = 64 * kLineLanes;
  const int64_t columns = plan.output.size[kColumn];
  const bool full_blocks = DivCeil(plan.input.c, kLineLanes) * kLineLanes * 3 <= plan.input.c * 4;
  return !plan.x.windows && !plan.x.identity && plan.conversion == Conversion::kF32 && full_blocks &&
         (columns < kFewColumns || (columns % kLineLanes != 0 && columns < kManyColumns));
}

// Selects the form of planes. Blocks of few channels would be mostly empty. With more channels, blocks save transposing
// windows. The taps of interleaved pixels of a vector and more are read where they are: blocks of them, at strides of a
// pixel, were 4 times slower. Where x does not change, rows are just copied.
void SelectPlanes(ResizePlan* plan) {
  constexpr int64_t kFewChannels = kLineLanes / 2;
  const ResizeAxis& x = plan->x;
  plan->stored = static_cast<const PlanTensors&>(*plan);
  plan->width = kLineLanes;
  if (plan->op.pointwise()) {
    plan->reason = PointwiseGain(*plan);
    return;
  }
  const bool planar = IsPlanar(plan->input) && IsPlanar(plan->output);
  const bool one_channel = planar && !PreferBlocks(*plan);
  const bool interleaved =
      IsInterleaved(plan->input) && IsInterleaved(plan->output) &&
      (!plan->residual || IsInterleaved(*plan->residual)) && !HasConstants(plan->op.attributes.epilogue) &&
      (x.identity ||
       (x.windows ? plan->input.c <= kFewChannels : plan->input.c >= kLineLanes || HasElementTaps(x, plan->input.c)));
  plan->contiguous = one_channel || interleaved;
  plan->reason = one_channel   ? "planar on both sides"
                 : interleaved ? "channels interleaved on both sides"
                 : planar      ? "planar, rows of few or partial vectors"
                               : "mixed layouts";
  if (!plan->contiguous) return;
  plan->width = one_channel ? 1 : plan->input.c;
  if (one_channel) return;
  plan->stored.input = AsOneChannel(plan->input);
  plan->stored.output = AsOneChannel(plan->output);
  if (plan->residual) plan->stored.residual = AsOneChannel(*plan->residual);
}

// Selects the pass of rows whose pixels are fewer floats than a line, and its kernel.
RowPass SelectElements(ResizePlan* plan) {
  const ResizeRowKernels& kernels = plan->op.kernels.resize;
  const ResizeAxis& x = plan->x;
  if (x.windows && !HasElementTaps(x, plan->width)) return RowPass::kBatchedWindows;
  RowTaps& row = plan->taps_x;
  row.elements = MakeElementTaps(x, plan->width);
  const ElementTaps& e = row.elements;
  const int64_t spread = e.Spread(kernels.lanes);
  const int64_t vectors = DivCeil(spread + 1, kernels.lanes);
  // Windows permute for each of their taps. Out of three and four vectors that takes 1.2 to 4 times as long as batches
  // of 16 rows (512 to 224 pixels; Zen, AVX2), which take as long for a few rows. AVX-512 was not measured.
  const bool many_rows = plan->y.in >= kLineLanes / 2;
  const int64_t most_vectors = x.windows && many_rows && kernels.lanes < kLineLanes ? 2 : kMaxNearVectors;
  if (x.windows && vectors > most_vectors) {
    row.elements = ElementTaps();
    return RowPass::kBatchedWindows;
  }
  row.unit = plan->width;
  row.args = {nullptr, plan->width, e.taps, e.first.data(),   e.base.data(),  e.weights.data(), e.stride,
              nullptr, 0,           0,      e.periodic.begin, e.periodic.end, e.period,         false};
  // Rows that were summed are not where the tensor's are.
  const bool in_place = plan->conversion == Conversion::kF32 && !plan->first_y;
  // Pixel by pixel, RGB takes 0.47 (bicubic to 0.48) and 0.83 (antialias to 0.53) of the time of permutations (Zen,
  // AVX2). Bicubic x4, which permutes single vectors, takes as long. AVX-512 was not measured.
  const bool short_pixels = plan->width >= 3 && plan->width <= kShortPixel && kernels.lanes >= kShortPixel &&
                            kernels.lanes < kLineLanes && vectors > 1;
  if (short_pixels) {
    row.resize = kernels.short_x[x.windows ? 0 : x.taps];
    const int64_t floats = (x.windows ? 2 : 1) * x.taps * plan->width + kShortPixel;
    if (in_place && !x.flipped()) row.direct = DirectOutputs(x, kLineLanes, DivCeil(floats, plan->width));
    return RowPass::kShortPixels;
  }
  if (vectors > kMaxNearVectors) {
    // Gathers want their row in L1, so nothing is direct (18 against 25 ms, when bilinear to half size still gathered).
    row.resize = kernels.far_x[x.taps];
    return RowPass::kGather;
  }
  const int log2_vectors = vectors <= 1 ? 0 : vectors <= 2 ? 1 : 2;
  // A window may begin after the next one, by less than its length.
  const int64_t reach = DivCeil(kLineLanes << log2_vectors, plan->width) + (x.windows ? 2 : 1) * x.taps;
  if (in_place && !x.flipped()) row.direct = DirectOutputs(x, kLineLanes, reach);
  if (!x.windows && spread + (x.taps - 1) * plan->width < kernels.lanes) {
    row.resize = kernels.dense_x[x.taps];
    return RowPass::kPermute;
  }
  row.resize = kernels.near_x[log2_vectors][x.windows ? 0 : x.taps];
  return RowPass::kPermutePerTap;
}

// Selects the pass of rows, and its kernel.
RowPass SelectPass(ResizePlan* plan) {
  const ResizeAxis& x = plan->x;
  const bool f32 = plan->conversion == Conversion::kF32;
  if (x.identity) return plan->contiguous && f32 ? RowPass::kInPlace : RowPass::kCopy;
  if (plan->contiguous && plan->width < kLineLanes) return SelectElements(plan);
  if (x.windows) return RowPass::kWindows;
  RowTaps& row = plan->taps_x;
  row.resize = plan->op.kernels.resize.block_x[x.taps];
  row.unit = 1;
  row.args = {nullptr, plan->width, x.taps, x.first.data(), nullptr, x.weights.data(), x.stride, nullptr, 0, 0,
              0,       0,           0,      false};
  const TensorDesc& input = plan->input;
  const bool whole_blocks = input.channel_block == kLineLanes && input.stride[kColumn] == kLineLanes &&
                            input.c % kLineLanes == 0 && !plan->op.pointwise();
  if (!x.flipped() && f32 && (plan->contiguous || whole_blocks)) row.direct = DirectOutputs(x, 1, x.taps);
  return RowPass::kPixels;
}

// Returns whether the epilogue is only a residual, laid out as the output is, which the sums of rows can add.
bool AddsResidual(const ResizePlan& plan) {
  if (!plan.residual || plan.windows_y()) return false;
  Epilogue rest = plan.op.attributes.epilogue;
  rest.residual = Residual::kNone;
  const TensorDesc& a = *plan.residual;
  const TensorDesc& b = plan.output;
  return IsTrivial(rest) && a.layout == b.layout && a.channel_block == b.channel_block &&
         a.stride[kColumn] == b.stride[kColumn] && (plan.contiguous || b.c % kLineLanes == 0);
}

// Selects how output rows are stored.
void SelectStore(ResizePlan* plan) {
  const ResizeAttributes& a = plan->op.attributes;
  const bool f32 = plan->conversion == Conversion::kF32;
  const bool in_order = f32 && (plan->contiguous || plan->output.channel_block == kLineLanes);
  // The empty lanes of the last block are not zero where a pixel with a NaN was multiplied by their weights.
  const bool empty_lanes = plan->op.pointwise() && plan->output.c % kLineLanes != 0;
  const bool moves = a.mode == ResizeMode::kNearest && !plan->residual && !plan->op.pointwise();
  plan->stream = in_order && ShouldStream(plan->output, moves ? kMoveStreamBytes : kStreamBytes);
  if (!in_order || !(IsTrivial(a.epilogue) || AddsResidual(*plan)) || Extrapolates(a) || empty_lanes) return;
  // Kernels of elements write whole vectors, past the end of the row.
  const bool sums = plan->residual || plan->windows_y() || plan->taps() > 1 || plan->op.pointwise() ||
                    plan->pass != RowPass::kPixels || (plan->stream && plan->width % kLineLanes != 0);
  plan->store = sums ? RowStore::kSummed : RowStore::kResized;
  plan->taps_x.args.stream = plan->stream && plan->store == RowStore::kResized;
}

// Cuts planes, rows and columns into tasks.
void CutTasks(size_t threads, ResizePlan* plan) {
  const ResizeAxis& y = plan->y;
  const int64_t columns = plan->x.out;
  const int64_t rows = plan->z.out * y.out;
  const int64_t planes = DivCeil(plan->output.c, plan->width);
  const double lanes = static_cast<double>(plan->input.n) * static_cast<double>(planes * plan->width);
  double work = lanes * static_cast<double>(rows) * static_cast<double>(columns) / kTaskElements;
  if (plan->op.pointwise()) {
    const double pixels = static_cast<double>(plan->z.in) * static_cast<double>(y.in) * static_cast<double>(plan->x.in);
    work += lanes * pixels * static_cast<double>(plan->input.c) / kTaskMacs;
  }
  const double wanted = WantedTasks(threads, work);
  const int64_t min_rows = LeastRows(y, rows);
  plan->ring_z = plan->z.taps;
  plan->ring_y = y.taps + (plan->batched() ? kLineLanes - 1 : 0);
  int64_t blocks = plan->op.pointwise() ? std::min(planes, kMaxBlocks) : 1;
  const auto others = [&] { return plan->input.n * DivCeil(planes, blocks); };
  const auto ring_columns = [&] { return kRingFloats / (plan->width * blocks * plan->ring_z * plan->ring_y); };
  while (blocks > 1 && (ring_columns() < std::min(columns, kMinBlockColumns) ||
                        static_cast<double>(others() * DivCeil(rows, min_rows)) < wanted)) {
    blocks = DivCeil(blocks, 2);
  }
  blocks = BalancedTile(planes, blocks);
  plan->planes = CutEvery(planes, blocks);
  plan->rows = CutForTasks(rows, wanted, others(), min_rows);

  int64_t length = std::max<int64_t>(kLineLanes, ring_columns() / kLineLanes * kLineLanes);
  if (plan->pass == RowPass::kInPlace) length = columns;
  if (rows <= min_rows) length = std::min(length, CutForTasks(columns, wanted, others(), kMinColumns).length);
  plan->columns = CutEvery(columns, RoundUp(std::min(length, columns), kLineLanes));
  plan->tasks = others() * plan->rows.count * plan->columns.count;
}

// Returns the most pixels that are packed at once for `step` columns, which is at least one.
int64_t MostPixels(const ResizePlan& plan, int64_t step) {
  const IndexRange& direct = plan.taps_x.direct;
  int64_t most = 1;
  for (int64_t task = 0; task < plan.columns.count; ++task) {
    const IndexRange columns = plan.columns[task];
    for (const IndexRange& part : {IndexRange{columns.begin, std::min(direct.begin, columns.end)},
                                   IndexRange{std::max(direct.end, columns.begin), columns.end}}) {
      for (int64_t o = part.begin; o < part.end; o += step) {
        most = std::max(most, plan.x.Sources(o, std::min(o + step, part.end)).count());
      }
    }
  }
  return most;
}

// Cuts the columns of a task into steps, and sets the sizes of what is packed and resized.
void CutSources(ResizePlan* plan) {
  const ResizeAxis& x = plan->x;
  const bool pointwise = plan->op.pointwise();
  const IndexRange direct = plan->taps_x.direct;
  const bool packs = !x.identity && !(direct.begin == 0 && direct.end == x.out);
  const int64_t lanes = plan->width * plan->planes.length * (plan->batched() ? kLineLanes : 1);
  const int64_t y_lanes = plan->width * (plan->rows_packed() + (plan->first_y ? kLineLanes : 0));
  const int64_t step_lanes = (packs ? lanes : 0) + (pointwise ? RoundUp(plan->input.c, kLineLanes) : 0) + y_lanes;
  const bool windows = plan->batched() || plan->pass == RowPass::kWindows;
  const int64_t limit = pointwise ? kPointwiseFloats : windows ? kWindowSourceFloats : kSourceFloats;
  plan->step = plan->columns.length;
  plan->source_pixels = MostPixels(*plan, plan->step);
  while (plan->step > kLineLanes && plan->source_pixels * step_lanes > limit) {
    plan->step = RoundUp(plan->step / 2, kLineLanes);
    plan->source_pixels = MostPixels(*plan, plan->step);
  }
  const int64_t reach = plan->taps_x.elements.taps > 0 ? kMaxNearVectors * kLineLanes + x.taps * plan->width : 0;
  plan->source_floats = packs ? plan->source_pixels * lanes + reach : 0;
  const int64_t row_floats = plan->columns.length * plan->width;
  plan->row_floats = plan->pass == RowPass::kInPlace || plan->store == RowStore::kResized ? 0 : row_floats;
  if (plan->pass == RowPass::kShortPixels) plan->row_floats += kLineLanes;  // the last pixel's vector ends after it
  plan->panel_floats = plan->store == RowStore::kPanel ? row_floats : 0;
}

std::string Choice(const ResizePlan& plan) {
  const ResizeAttributes& a = plan.op.attributes;
  constexpr const char* kConversions[] = {"f32", "f16", "bf16", "u8 half even", "u8 truncated", "u8 fixed point"};
  const char* rounding = plan.lane == ResizeLane::kF32           ? kConversions[static_cast<int>(plan.conversion)]
                         : a.u8_rounding == U8Rounding::kFixed16 ? "u8 fixed16"
                                                                 : "u8 fixed22";
  const char* pixels = plan.contiguous ? "whole_pixels" : "channel_block";
  const char* const passes[] = {"empty",  "copy",         "copy", "permute",       "permute_per_tap",
                                "gather", "short_pixels", pixels, "channel_block", "row_block"};
  return Format("%s %s, %" PRId64 "x%" PRId64 "x%" PRId64 " taps%s, %s, %s stores", plan.op.FilterName().c_str(),
                passes[static_cast<int>(plan.pass)], plan.z.taps, plan.first_y ? plan.first_y->taps : plan.y.taps,
                plan.x.taps, plan.first_y ? " y first" : "", rounding,
                plan.stream                      ? "streaming"
                : plan.store == RowStore::kPanel ? "unpacking"
                                                 : "direct");
}

Status CheckInput(const ResizeOperator& op, const TensorDesc& input) {
  const ResizeAttributes& a = op.attributes;
  POLYPHASE_RETURN_IF_ERROR(CheckInputRank("resize", a.spatial_rank, input));
  if (input.c < 1) return Status::InvalidArgument("resize input c = %" PRId64 ": must be at least 1", input.c);
  if (a.n != 0 && input.n != a.n) {
    return Status::InvalidArgument("resize input n = %" PRId64 ": must be the attribute n, %" PRId64, input.n, a.n);
  }
  if (a.c != 0 && input.c != a.c) {
    return Status::InvalidArgument("resize input c = %" PRId64 ": must be the attribute c, %" PRId64, input.c, a.c);
  }
  if (op.pointwise() && input.c != a.pointwise.input_channels) {
    return Status::InvalidArgument("resize input c = %" PRId64 ": must be pointwise input_channels, %" PRId64, input.c,
                                   a.pointwise.input_channels);
  }
  return Status();
}

}  // namespace

int64_t LeastRows(const ResizeAxis& y, int64_t rows) {
  const double shrinking = y.windows ? static_cast<double>(y.out) / static_cast<double>(y.in) : 1;
  return std::min<int64_t>(rows, static_cast<int64_t>(std::ceil(8 * static_cast<double>(y.taps) * shrinking)));
}

ResizeScratch::ResizeScratch(const ResizePlan& plan, Arena& arena) {
  const int64_t strip_lanes = plan.op.pointwise() ? RoundUp(plan.input.c, kLineLanes) : 0;
  strip = arena.Take<float>("strip", {plan.source_pixels, strip_lanes});
  source = arena.Take<float>("sources", {plan.source_floats});
  y_sources = arena.Take<float>("rows to sum", {plan.rows_packed(), plan.source_pixels, plan.width});
  y_sums = arena.Take<float>("summed rows",
                             {plan.first_y && plan.batched() ? kLineLanes : 0, plan.source_pixels, plan.width});
  batch = arena.Take<float>("batch", {plan.batched() ? plan.step : 0, plan.width, kLineLanes});
  ring = arena.Take<float>("ring", {plan.ring_z, plan.ring_y, plan.planes.length, plan.row_floats});
  panel = arena.Take<float>("panel", {plan.panel_floats});
  residual = arena.Take<float>("residual", {plan.residual ? plan.panel_floats : 0});
  held = arena.Take<int64_t>("held rows", {plan.ring_z, plan.ring_y});
  tap_rows =
      arena.Take<const float*>("tap rows", {plan.first_y ? std::max(plan.first_y->taps, plan.taps()) : plan.taps()});
  tap_weights = arena.Take<float>("tap weights", {plan.taps()});
}

Status InferResize(const ResizeOperator& op, const TensorDesc& input, const PlanOptions& options, PlanTensors* tensors,
                   ResizeSizes* sizes) {
  const ResizeAttributes& a = op.attributes;
  const int64_t channels = OutputChannels(a, input.c);
  tensors->input = input;
  POLYPHASE_RETURN_IF_ERROR(CheckInput(op, input));
  POLYPHASE_RETURN_IF_ERROR(ValidateEpilogue(op.name, a.epilogue, channels));
  POLYPHASE_RETURN_IF_ERROR(ResizeOutput(a, input.size, sizes));
  POLYPHASE_RETURN_IF_ERROR(
      InferOutput(input, options.output ? &*options.output : nullptr, channels, sizes->output, &tensors->output));
  return InferResidual(op.name, a.epilogue, options.residual, tensors);
}

Status ResizeOperator::MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                                std::unique_ptr<PlanImpl>* result) const {
  if (IsMoved(input.dtype)) return MakeResizeMovePlan(*this, input, options, threads, result);
  const ResizeAttributes& a = attributes;
  auto owned = std::make_unique<ResizePlan>(*this);
  ResizePlan* const plan = owned.get();
  *result = std::move(owned);
  POLYPHASE_RETURN_IF_ERROR(SelectConversion(a, input.dtype, plan));
  ResizeSizes sizes;
  POLYPHASE_RETURN_IF_ERROR(InferResize(*this, input, options, plan, &sizes));
  if (PrefersMove(a, *plan)) return MakeResizeMovePlan(*this, input, options, threads, result);
  if (input.n == 0) {
    plan->choice = Choice(*plan);
    plan->reason = "nothing to do for n = 0";
    return Status();
  }
  ResizeAxis* const axes[] = {&plan->z, &plan->y, &plan->x};
  const bool fixed = plan->lane == ResizeLane::kFixed;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    POLYPHASE_RETURN_IF_ERROR(MakeResizeAxis(a, axis, input.size[axis], sizes, fixed, axes[axis]));
  }
  SelectPlanes(plan);
  // Rows that must be converted first would be converted for each sum that they are in.
  const bool sums_rows = fixed || (plan->contiguous && plan->conversion == Conversion::kF32 && plan->z.identity);
  if (plan->x.windows && plan->y.windows && sums_rows && SumsRowsFirst(a, fixed, input.size, sizes.output)) {
    plan->first_y = std::move(plan->y);
    plan->y = IdentityAxis(sizes.output[kRow]);
    plan->y.inside = plan->first_y->inside;
  }
  if (std::unique_ptr<PlanImpl> of_bytes = MakeResizeFixedPlan(*plan, threads)) {
    *result = std::move(of_bytes);
    return Status();
  }
  plan->pass = SelectPass(plan);
  SelectStore(plan);
  plan->choice = Choice(*plan);

  const int64_t y_taps = plan->first_y ? plan->first_y->taps : plan->y.taps;
  // Sizes are below 2^31 each. A ring whose size overflows int64 is far beyond any memory.
  const auto too_large = [&] {
    return Status::Make(StatusCode::kOutOfMemory,
                        "resize: %" PRId64 "x%" PRId64 "x%" PRId64 " taps need a workspace beyond 2^40 bytes",
                        plan->z.taps, y_taps, plan->x.taps);
  };
  constexpr int64_t kMost = int64_t{1} << 40;
  if (plan->width > kMost / (kLineLanes * int64_t{sizeof(float)})) return too_large();
  const int64_t plane_bytes = kLineLanes * std::max<int64_t>(plan->width, kLineLanes) * int64_t{sizeof(float)};
  if (y_taps + kLineLanes > kMost / plane_bytes / plan->z.taps) return too_large();
  CutTasks(threads, plan);
  CutSources(plan);
  Arena arena;
  ResizeScratch(*plan, arena);
  plan->worker_bytes = arena.bytes();
  return arena.Check(name).ok() && arena.bytes() <= kMost ? Status() : too_large();
}

}  // namespace polyphase::internal
