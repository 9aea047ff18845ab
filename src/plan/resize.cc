// Choice of path, tasks and workspace of Resize.
#include "plan/resize.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <vector>

#include "base/checked_math.h"
#include "base/format.h"
#include "geometry/epilogue.h"
#include "geometry/tensor.h"
#include "plan/streaming.h"

namespace polyphase::internal {
namespace {

// Fewer output elements than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskElements = 65536;
// The ring of one task; columns are cut where whole rows would need more.
constexpr int64_t kRingFloats = 256 * 1024;
// What is packed at a time along x: for windows, whose sources are read many times, in L1 and L2; otherwise much.
constexpr int64_t kWindowSourceFloats = 16 * 1024, kSourceFloats = 128 * 1024;
// A source row of 1-D, or of few rows, is cut into tasks of at least so many columns.
constexpr int64_t kMinColumns = 1024;

// With a 1x1 convolution: so many multiplications are worth a task of their own (about 10 microseconds).
constexpr double kTaskMacs = 5e5;
// Blocks of channels that a task computes of the input pixels that it has packed; 8 make of packing a few percent.
constexpr int64_t kMaxBlocks = 8;
// Fewer blocks rather than narrower columns, at whose borders pixels are multiplied twice.
constexpr int64_t kMinBlockColumns = 256;
// What is packed and multiplied at a time, in L2.
constexpr int64_t kPointwiseFloats = 64 * 1024;

// Vectors of `step` outputs that read only inside of the row; `reach`: pixels that the kernel reads from the first source
// on.
IndexRange DirectOutputs(const ResizeAxis& axis, int64_t step, int64_t reach) {
  int64_t begin = 0;
  while (begin < axis.out && axis.first[begin] < 0) begin += step;
  int64_t end = axis.out / step * step;
  while (end > begin && axis.first[end - 1] + reach > axis.in) end -= step;
  return begin < end ? IndexRange{begin, end} : IndexRange{0, 0};
}

bool IsPlanar(const TensorDesc& desc) {
  return desc.layout == Layout::kNchw || (desc.layout == Layout::kNhwc && desc.c == 1 && desc.stride[kColumn] == 1);
}

const char* ModeName(ResizeMode mode) {
  constexpr const char* kNames[] = {"nearest", "linear", "cubic", "area", "lanczos"};
  return kNames[static_cast<int>(mode)];
}

const char* AntialiasName(Antialias antialias) {
  constexpr const char* kNames[] = {"", " antialias", " antialias (ONNX)"};
  return kNames[static_cast<int>(antialias)];
}

Status SelectConversion(const ResizeAttributes& a, DataType dtype, ResizePlan* plan) {
  if (HasPointwise(a) && dtype != DataType::kF32) {
    return Status::Unsupported("resize input dtype = %d: with a pointwise convolution this version supports f32",
                               static_cast<int>(dtype));
  }
  switch (dtype) {
    case DataType::kF32: plan->conversion = Conversion::kF32; return Status();
    case DataType::kF16: plan->conversion = Conversion::kF16; return Status();
    case DataType::kBF16: plan->conversion = Conversion::kBF16; return Status();
    case DataType::kU8: break;
    default:
      return Status::Unsupported("resize input dtype = %d: must be kF32, kF16, kBF16 or kU8", static_cast<int>(dtype));
  }
  plan->conversion = a.u8_rounding == U8Rounding::kTruncate ? Conversion::kU8Truncated : Conversion::kU8;
  if (!IsFixedPoint(a.u8_rounding)) return Status();
  if (!IsTrivial(a.epilogue)) {
    return Status::InvalidArgument("resize u8_rounding = %d: a fixed-point one has no epilogue for u8",
                                   static_cast<int>(a.u8_rounding));
  }
  // Nearest has no weights.
  plan->fixed = a.mode != ResizeMode::kNearest;
  if (plan->fixed) plan->conversion = Conversion::kU8Integer;
  return Status();
}

// Whether the rows of all channels lie in memory without gaps.
bool IsInterleaved(const TensorDesc& desc) { return desc.layout == Layout::kNhwc && desc.stride[kColumn] == desc.c; }

// The same memory as one channel.
TensorDesc AsOneChannel(TensorDesc desc) {
  desc.layout = Layout::kNchw;
  desc.size[kColumn] *= desc.c;
  desc.stride[kColumn] = 1;
  desc.c = 1;
  return desc;
}

// How many multiplications the 1x1 convolution needs at the input's size.
std::string PointwiseGain(const ResizePlan& plan) {
  double gain = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    gain *= static_cast<double>(plan.output.size[axis]) / static_cast<double>(plan.input.size[axis]);
  }
  return Format("1x1 convolution below the resize: %.2fx %s multiplications", std::max(gain, 1 / gain),
                gain >= 1 ? "fewer" : "more");
}

// Whether planes are resized as blocks of channels, which are transposed on their way in and out. Along x that is 2 to 5
// times quicker (and as much slower where it is not preferred) if the rows of a plane are no whole vectors, so that they
// end with a partial one and the next begins unaligned, or only a few.
bool PreferBlocks(const ResizePlan& plan) {
  constexpr int64_t kFewColumns = 6 * kResizeLanes, kManyColumns = 64 * kResizeLanes;
  const int64_t columns = plan.output.size[kColumn];
  const bool full_blocks = DivCeil(plan.input.c, kResizeLanes) * kResizeLanes * 3 <= plan.input.c * 4;
  return !plan.x.windows && !plan.x.identity && plan.conversion == Conversion::kF32 && full_blocks &&
         (columns < kFewColumns || (columns % kResizeLanes != 0 && columns < kManyColumns));
}

// The form of planes. Of few channels blocks would be mostly empty; where they are more, blocks save windows from being
// transposed. The taps of interleaved pixels of a vector and more are read where they are: blocks of them, at strides of
// a pixel, were 4 times slower. Where x does not change, rows are just copied.
void SelectPlanes(ResizePlan* plan, std::string* reason) {
  constexpr int64_t kFewChannels = kResizeLanes / 2;
  const ResizeAxis& x = plan->x;
  plan->rows = *plan;
  if (HasPointwise(plan->op->attributes)) {
    plan->width = kResizeLanes;
    *reason = PointwiseGain(*plan);
    return;
  }
  const bool planar = IsPlanar(plan->input) && IsPlanar(plan->output);
  const bool one_channel = planar && !PreferBlocks(*plan);
  const bool interleaved =
      IsInterleaved(plan->input) && IsInterleaved(plan->output) &&
      (!plan->residual || IsInterleaved(*plan->residual)) && !HasConstants(plan->op->attributes.epilogue) &&
      (x.identity ||
       (x.windows ? plan->input.c <= kFewChannels : plan->input.c >= kResizeLanes || HasElementTaps(x, plan->input.c)));
  plan->contiguous = one_channel || interleaved;
  plan->width = one_channel ? 1 : interleaved ? plan->input.c : kResizeLanes;
  *reason = one_channel   ? "planar on both sides"
            : interleaved ? "channels interleaved on both sides"
            : planar      ? "planar, rows of few or partial vectors"
                          : "mixed layouts";
  if (one_channel || !interleaved) return;
  plan->rows.input = AsOneChannel(plan->input);
  plan->rows.output = AsOneChannel(plan->output);
  if (plan->residual) plan->rows.residual = AsOneChannel(*plan->residual);
}

// Rows of contiguous planes of few channels, float by float.
void SelectElements(const ResizeRowKernels& kernels, ResizePlan* plan) {
  const ResizeAxis& x = plan->x;
  const bool f32 = plan->conversion == Conversion::kF32;
  if (!x.windows || HasElementTaps(x, plan->width)) plan->elements = MakeElementTaps(x, plan->width);
  const ElementTaps& elements = plan->elements;
  const int64_t spread = elements.Spread(kernels.lanes);
  const int64_t vectors = DivCeil(spread + 1, kernels.lanes);
  if (elements.taps == 0 || (x.windows && vectors > kMaxNearVectors)) {
    plan->elements = ElementTaps();
    plan->batched = true;
    plan->path = "row_block";
    return;
  }
  if (vectors > kMaxNearVectors) {
    // Gathers want their row in L1: no direct_x (18 against 25 ms, when bilinear to half size still gathered).
    plan->resize_x = kernels.far_x[x.taps];
    plan->path = "gather";
    return;
  }
  const int log2_vectors = vectors <= 1 ? 0 : vectors <= 2 ? 1 : 2;
  const bool dense = !x.windows && spread + (x.taps - 1) * plan->width < kernels.lanes;
  plan->resize_x = dense ? kernels.dense_x[x.taps] : kernels.near_x[log2_vectors][x.windows ? 0 : x.taps];
  plan->path = dense ? "permute" : "permute_per_tap";
  // A window may begin behind the next one, by less than its length.
  const int64_t reach = DivCeil(kResizeLanes << log2_vectors, plan->width) + (x.windows ? 2 : 1) * x.taps;
  if (f32 && !x.flipped()) plan->direct_x = DirectOutputs(x, kResizeLanes, reach);
}

// Whether the epilogue is only a residual that lies as the output does, which the sums of rows can add.
bool AddsResidual(const ResizePlan& plan) {
  if (!plan.residual || plan.windows_y()) return false;
  Epilogue rest = plan.op->attributes.epilogue;
  rest.residual = Residual::kNone;
  const TensorDesc& a = *plan.residual;
  const TensorDesc& b = plan.output;
  return IsTrivial(rest) && a.layout == b.layout && a.channel_block == b.channel_block &&
         a.stride[kColumn] == b.stride[kColumn] && (plan.contiguous || b.c % kResizeLanes == 0);
}

// Which kernel resizes rows.
void SelectPath(const ResizeRowKernels& kernels, ResizePlan* plan) {
  const ResizeAxis& x = plan->x;
  if (x.identity) {
    plan->path = "copy";
    plan->in_place_x = plan->contiguous && plan->conversion == Conversion::kF32;
  } else if (!plan->contiguous || plan->width >= kResizeLanes) {
    if (!x.windows) plan->resize_x = kernels.block_x[x.taps];
    plan->path = plan->contiguous ? "whole_pixels" : "channel_block";
    const TensorDesc& input = plan->input;
    const bool whole_blocks = input.channel_block == kResizeLanes && input.stride[kColumn] == kResizeLanes &&
                              input.c % kResizeLanes == 0 && !HasPointwise(plan->op->attributes);
    if (!x.windows && !x.flipped() && plan->conversion == Conversion::kF32 && (plan->contiguous || whole_blocks)) {
      plan->direct_x = DirectOutputs(x, 1, x.taps);
    }
  } else {
    SelectElements(kernels, plan);
  }
}

// Rows, columns and planes of a task.
void CutTasks(size_t threads, ResizePlan* plan) {
  const int64_t columns = plan->x.out;
  const int64_t rows = plan->z.out * plan->y.out;
  const ResizeAttributes& a = plan->op->attributes;
  const auto images = static_cast<double>(plan->input.n);
  const int64_t all_blocks = DivCeil(plan->output.c, plan->width);
  const double channels = images * static_cast<double>(all_blocks * plan->width);
  double work = channels * static_cast<double>(rows) * static_cast<double>(columns) / kTaskElements;
  if (HasPointwise(a)) {
    const double pixels =
        static_cast<double>(plan->z.in) * static_cast<double>(plan->y.in) * static_cast<double>(plan->x.in);
    work += channels * pixels * static_cast<double>(a.pointwise.input_channels) / kTaskMacs;
  }
  const double wanted = threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(threads), work);
  // Every further row task resizes a few source rows once more, hence not too short ones.
  // Windows of a shrinking axis overlap by less than their length.
  const double shrinking = plan->y.windows ? static_cast<double>(plan->y.out) / static_cast<double>(plan->y.in) : 1;
  const auto min_rows =
      std::min<int64_t>(rows, static_cast<int64_t>(std::ceil(8 * static_cast<double>(plan->y.taps) * shrinking)));
  plan->ring_z = plan->z.taps;
  plan->ring_y = plan->y.taps + (plan->batched ? kResizeLanes - 1 : 0);
  const auto block_tasks = [&] { return images * static_cast<double>(DivCeil(all_blocks, plan->blocks)); };
  const auto column_floats = [&] { return plan->width * plan->blocks * plan->ring_z * plan->ring_y; };
  if (HasPointwise(a)) {
    plan->blocks = std::min(all_blocks, kMaxBlocks);
    while (plan->blocks > 1 && (kRingFloats / column_floats() < std::min(columns, kMinBlockColumns) ||
                                block_tasks() * static_cast<double>(DivCeil(rows, min_rows)) < wanted)) {
      plan->blocks = DivCeil(plan->blocks, 2);
    }
  }
  plan->plane_tasks = DivCeil(all_blocks, plan->blocks);
  plan->blocks = DivCeil(all_blocks, plan->plane_tasks);
  const auto tasks_per_plane = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(wanted / block_tasks())));
  plan->rows_per_task = std::max(min_rows, DivCeil(rows, tasks_per_plane));
  plan->row_tasks = DivCeil(rows, plan->rows_per_task);

  int64_t chunk = std::max<int64_t>(kResizeLanes, kRingFloats / column_floats() / kResizeLanes * kResizeLanes);
  if (plan->in_place_x) chunk = RoundUp(columns, kResizeLanes);
  if (rows <= min_rows) {
    chunk = std::min(chunk, std::max(kMinColumns, RoundUp(DivCeil(columns, tasks_per_plane), kResizeLanes)));
  }
  plan->columns_per_task = std::min(chunk, RoundUp(columns, kResizeLanes));
  plan->column_tasks = DivCeil(columns, plan->columns_per_task);
}

// Sources of the outputs [begin, end) that must be packed; at least one.
int64_t PackedPixels(const ResizePlan& plan, int64_t begin, int64_t end) {
  return begin < end ? plan.x.Sources(begin, end).count() : 1;
}

// Outputs that are packed at a time, and what they need.
void CutSources(ResizePlan* plan) {
  const ResizeAxis& x = plan->x;
  const bool pointwise = HasPointwise(plan->op->attributes);
  const int64_t lanes = plan->width * plan->blocks * (plan->batched ? kResizeLanes : 1);
  const int64_t strip_lanes = pointwise ? RoundUp(plan->input.c, kStripBlock) : 0;
  const IndexRange direct = plan->direct_x;
  const bool packs = !x.identity && !(direct.begin == 0 && direct.end == x.out);
  const int64_t step_lanes = (packs ? lanes : 0) + strip_lanes;
  const auto most_pixels = [&](int64_t step) {
    int64_t most = 1;
    for (int64_t task = 0; task < x.out; task += plan->columns_per_task) {
      const int64_t task_end = std::min(task + plan->columns_per_task, x.out);
      for (const IndexRange& part :
           {IndexRange{task, std::min(direct.begin, task_end)}, IndexRange{std::max(direct.end, task), task_end}}) {
        for (int64_t o = part.begin; o < part.end; o += step) {
          most = std::max(most, PackedPixels(*plan, o, std::min(o + step, part.end)));
        }
      }
    }
    return most;
  };
  const int64_t limit = pointwise ? kPointwiseFloats : plan->resize_x == nullptr ? kWindowSourceFloats : kSourceFloats;
  plan->x_step = plan->columns_per_task;
  int64_t pixels = most_pixels(plan->x_step);
  while (plan->x_step > kResizeLanes && pixels * step_lanes > limit) {
    plan->x_step = RoundUp(plan->x_step / 2, kResizeLanes);
    pixels = most_pixels(plan->x_step);
  }
  const int64_t reach = kMaxNearVectors * kResizeLanes + x.taps * plan->width;
  plan->source_floats = packs ? RoundUp(pixels * lanes + (plan->elements.taps > 0 ? reach : 0), 16) : 0;
  plan->strip_floats = pixels * strip_lanes;
  plan->batch_floats = plan->batched ? plan->x_step * lanes : 0;
}

// The weights of the 1x1 convolution, times the epilogue's scale.
Status PackPointwise(const Runtime& runtime, ResizeOperator* op) {
  const Pointwise& p = op->attributes.pointwise;
  if (!HasPointwise(op->attributes)) return Status();
  static_assert(kResizeLanes == kStripBlock);
  const ConvTileKernels& kernels = op->kernels.conv;
  const float* scale = op->attributes.epilogue.scale;
  op->tiles = {RoundUp(p.output_channels, kResizeLanes), kernels.lanes,
               std::min(kernels.max_vectors, kResizeLanes / kernels.lanes)};
  op->weights = AlignedBuffer(runtime, p.input_channels * op->tiles.padded() * sizeof(float));
  if (!op->weights.ok()) {
    return Status::Make(StatusCode::kOutOfMemory, "resize pointwise weights: the allocator returned null");
  }
  const auto* const weights = static_cast<const float*>(p.weights.data);
  float* packed = op->weights.as<float>();
  for (int64_t tile = 0; tile < op->tiles.count(); ++tile) {
    const int64_t first = op->tiles.first(tile);
    for (int64_t i = 0; i < p.input_channels; ++i) {
      for (int64_t o = first; o < first + op->tiles.width(tile); ++o) {
        const float weight = o < p.output_channels ? weights[o * p.input_channels + i] : 0.0f;
        *packed++ = scale != nullptr && o < p.output_channels ? weight * scale[o] : weight;
      }
    }
  }
  return Status();
}

// Copies the epilogue. Of a 1x1 convolution the scale is in the weights; scale, bias and shift become one shift.
Status InitEpilogue(const Runtime& runtime, ResizeOperator* op) {
  Pointwise& p = op->attributes.pointwise;
  Epilogue epilogue = op->attributes.epilogue;
  std::vector<float> shift;
  if (HasPointwise(op->attributes)) {
    if (p.bias != nullptr || epilogue.shift != nullptr) {
      for (int64_t o = 0; o < p.output_channels; ++o) shift.push_back(FoldedBias(epilogue, o, p.bias, o));
      epilogue.shift = shift.data();
    }
    epilogue.scale = nullptr;
    epilogue.channels = p.output_channels;
  }
  p.weights.data = p.bias = nullptr;
  Status status = op->epilogue.Init("resize", epilogue, runtime);
  op->attributes.epilogue = op->epilogue.get();
  return status;
}

}  // namespace

std::string ResizeOperator::Describe() const {
  std::string text = Format("resize %s%s", ModeName(attributes.mode), AntialiasName(attributes.antialias));
  const Pointwise& p = attributes.pointwise;
  if (HasPointwise(attributes)) {
    text += Format(" of a 1x1 convolution %" PRId64 " -> %" PRId64 " channels, %zu bytes of weights held",
                   p.input_channels, p.output_channels, weights.bytes());
  }
  return text + Format("; target %s", kernels.target.name);
}

std::string ResizePlan::Choice() const {
  if (op == nullptr) return "resize";
  constexpr const char* kConversions[] = {"f32", "f16", "bf16", "u8 half even", "u8 truncated", "u8 fixed point"};
  const char* rounding = !fixed ? kConversions[static_cast<int>(conversion)]
                         : op->attributes.u8_rounding == U8Rounding::kFixed16 ? "u8 fixed16"
                                                                              : "u8 fixed22";
  return Format("resize %s%s %s, %" PRId64 "x%" PRId64 "x%" PRId64 " taps, %s, %s stores",
                ModeName(op->attributes.mode), AntialiasName(op->attributes.antialias), path, z.taps, y.taps, x.taps,
                rounding,
                stream     ? "streaming"
                : direct_y ? "direct"
                           : "unpacking");
}

Status CreateResizeOperator(const ResizeAttributes& attributes, const OperatorOptions& options,
                            std::shared_ptr<const ResizeOperator>* result) {
  auto op = std::make_shared<ResizeOperator>();
  op->attributes = attributes;
  Status status = ExpandResize(&op->attributes);
  if (status.ok()) status = ValidateResize(op->attributes);
  if (status.ok()) status = SelectKernels(options.isa, &op->kernels);
  if (status.ok()) status = PackPointwise(options.runtime, op.get());
  if (status.ok()) status = InitEpilogue(options.runtime, op.get());
  if (!status.ok()) return status;
  *result = std::move(op);
  return Status();
}

Status MakeResizePlan(std::shared_ptr<const ResizeOperator> shared_op, const TensorDesc& input,
                      const PlanOptions& options, size_t threads, ResizePlan* plan, std::string* reason) {
  const ResizeOperator& op = *shared_op;
  const ResizeAttributes& a = op.attributes;
  if (Status status = CheckInputRank("resize", a.spatial_rank, input); !status.ok()) return status;
  if (input.c < 1) return Status::InvalidArgument("resize input c = %" PRId64 ": must be at least 1", input.c);
  if (a.n != 0 && input.n != a.n) {
    return Status::InvalidArgument("resize input n = %" PRId64 ": must be the attribute n, %" PRId64, input.n, a.n);
  }
  if (a.c != 0 && input.c != a.c) {
    return Status::InvalidArgument("resize input c = %" PRId64 ": must be the attribute c, %" PRId64, input.c, a.c);
  }
  if (HasPointwise(a) && input.c != a.pointwise.input_channels) {
    return Status::InvalidArgument("resize input c = %" PRId64 ": must be pointwise input_channels, %" PRId64, input.c,
                                   a.pointwise.input_channels);
  }
  const int64_t output_channels = OutputChannels(a, input.c);
  Status status = SelectConversion(a, input.dtype, plan);
  if (status.ok()) status = ValidateEpilogue("resize", a.epilogue, output_channels);
  ResizeSizes sizes;
  if (status.ok()) status = ResizeOutput(a, input.size, &sizes);
  if (!status.ok()) return status;
  plan->input = input;
  status =
      InferOutput(input, options.output ? &*options.output : nullptr, output_channels, sizes.output, &plan->output);
  if (status.ok()) status = InferResidual("resize", a.epilogue, options.residual, plan);
  if (!status.ok()) return status;
  plan->op = std::move(shared_op);
  if (input.n == 0) {
    *reason = "nothing to do for n = 0";
    return Status();
  }
  ResizeAxis* const axes[] = {&plan->z, &plan->y, &plan->x};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    status = MakeResizeAxis(a, axis, input.size[axis], sizes, plan->fixed, axes[axis]);
    if (!status.ok()) return status;
  }

  SelectPlanes(plan, reason);
  SelectPath(op.kernels.resize, plan);

  const bool f32 = plan->conversion == Conversion::kF32;
  const bool in_order = f32 && (plan->contiguous || plan->output.channel_block == kResizeLanes);
  const bool extrapolates = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
  // The empty lanes of the last block are no zeros where a pixel with a NaN was multiplied by their weights.
  const bool empty_lanes = HasPointwise(a) && output_channels % kResizeLanes != 0;
  plan->direct_y = in_order && (IsTrivial(a.epilogue) || AddsResidual(*plan)) && !extrapolates && !empty_lanes;
  plan->stream = in_order && ShouldStream(plan->output);
  // Kernels of elements write whole vectors, beyond the row's end.
  plan->summed = !plan->direct_y || plan->residual || plan->stream || plan->windows_y() || plan->taps() > 1 ||
                 HasPointwise(a) || plan->resize_x == nullptr || plan->width < kResizeLanes;

  // Sizes are below 2^31 each; what is too much for int64 all the same is far beyond any memory.
  const auto too_large = [&] {
    return Status::Make(StatusCode::kOutOfMemory,
                        "resize: %" PRId64 "x%" PRId64 "x%" PRId64 " taps need a workspace beyond 2^40 bytes",
                        plan->z.taps, plan->y.taps, plan->x.taps);
  };
  constexpr int64_t kMost = int64_t{1} << 38;
  const int64_t plane_floats = kResizeLanes * std::max<int64_t>(plan->width, kResizeLanes);
  if (plan->y.taps + kResizeLanes > kMost / plane_floats / plan->z.taps) return too_large();
  CutTasks(threads, plan);
  CutSources(plan);
  plan->row_floats = plan->in_place_x || !plan->summed ? 0 : plan->columns_per_task * plan->width;
  plan->panel_floats = plan->direct_y ? 0 : plan->columns_per_task * plan->width;
  plan->residual_floats = a.epilogue.residual == Residual::kNone ? 0 : plan->panel_floats;
  plan->held_floats = RoundUp(2 * plan->ring_z * plan->ring_y, 16);
  plan->taps_floats = RoundUp(2 * plan->taps(), 16);
  return plan->worker_floats() <= kMost ? Status() : too_large();
}

}  // namespace polyphase::internal
