// Makes the operator of Resize: checks, and the weights and epilogue of a 1x1 convolution.
#include <algorithm>
#include <cinttypes>
#include <vector>

#include "base/checked_math.h"
#include "base/format.h"
#include "base/status.h"
#include "geometry/weights.h"
#include "plan/conversion.h"
#include "plan/resize.h"

namespace polyphase::internal {
namespace {

// Packs the weights of the 1x1 convolution, times the epilogue's scale.
Status PackPointwise(const Runtime& runtime, ResizeOperator* op) {
  const Pointwise& p = op->attributes.pointwise;
  if (!op->pointwise()) return Status();
  const ConvTile& tile = op->kernels.conv.dense;
  ColumnTiles& tiles = op->tiles;
  tiles = ColumnTiles(RoundUp(p.output_channels, kLineLanes), tile.lanes, std::min<int64_t>(tile.nr, kLineLanes));
  op->weights = AlignedBuffer(runtime, p.input_channels * tiles.padded() * ElementSize(tile.weights));
  if (!op->weights.ok()) {
    return Status::Make(StatusCode::kOutOfMemory, "resize pointwise weights: the allocator returned null for %zu bytes",
                        op->weights.bytes());
  }
  const int64_t count = p.output_channels * p.input_channels;
  std::vector<float> scaled;
  const float* const weights = FloatWeights(p.weights, count, op->kernels.panel, &scaled);
  if (scaled.empty()) scaled.assign(weights, weights + count);
  std::vector<int64_t> offsets;  // of output channels
  for (int64_t o = 0; o < p.output_channels; ++o) {
    offsets.push_back(o * p.input_channels);
    if (const float* scale = op->attributes.epilogue.scale) {
      for (int64_t i = 0; i < p.input_channels; ++i) scaled[offsets[o] + i] *= scale[o];
    }
  }
  void* packed = op->weights.as<void>();
  for (int64_t first = 0; first < tiles.columns; first += tiles.nr) {
    const int64_t columns = std::clamp<int64_t>(p.output_channels - first, 0, tiles.nr);
    packed = tile.pack({scaled.data(), 1, offsets.data() + first, p.input_channels, columns}, tiles.nr, packed);
  }
  return Status();
}

// Copies the epilogue. With a 1x1 convolution the scale is in the weights; scale, bias and shift become one shift.
Status InitEpilogue(const Runtime& runtime, ResizeOperator* op) {
  Pointwise& p = op->attributes.pointwise;
  Epilogue epilogue = op->attributes.epilogue;
  std::vector<float> shift;
  if (op->pointwise()) {
    if (p.bias != nullptr || epilogue.shift != nullptr) {
      for (int64_t o = 0; o < p.output_channels; ++o) shift.push_back(FoldedBias(epilogue, o, p.bias, o));
      epilogue.shift = shift.data();
    }
    epilogue.scale = nullptr;
    epilogue.channels = p.output_channels;
  }
  p.weights.data = p.bias = nullptr;
  Status status = op->epilogue.Init(op->name, epilogue, runtime);
  op->attributes.epilogue = op->epilogue.get();
  return status;
}

}  // namespace

std::string ResizeOperator::FilterName() const {
  constexpr const char* kModes[] = {"nearest", "linear", "cubic", "area", "lanczos"};
  constexpr const char* kAntialias[] = {"", " antialias", " antialias (ONNX)"};
  return Format("resize %s%s", kModes[static_cast<int>(attributes.mode)],
                kAntialias[static_cast<int>(attributes.antialias)]);
}

std::string ResizeOperator::Describe() const {
  std::string text = FilterName();
  if (pointwise()) {
    const Pointwise& p = attributes.pointwise;
    text += Format(" of a 1x1 convolution %" PRId64 " -> %" PRId64 " channels, %zu bytes of weights held",
                   p.input_channels, p.output_channels, weights.bytes());
  }
  return text + Format("; target %s", kernels.target.name);
}

Status CreateResizeOperator(const ResizeAttributes& attributes, const OperatorOptions& options,
                            std::shared_ptr<OperatorImpl>* result) {
  auto op = std::make_shared<ResizeOperator>();
  op->name = "resize";
  op->takes.residual = true;
  op->attributes = attributes;
  POLYPHASE_RETURN_IF_ERROR(ExpandResize(&op->attributes));
  POLYPHASE_RETURN_IF_ERROR(ValidateResize(op->attributes));
  POLYPHASE_RETURN_IF_ERROR(SelectKernels(options.isa, &op->kernels));
  if (op->pointwise()) op->denormals = DenormalsOf(options.numerics);
  POLYPHASE_RETURN_IF_ERROR(PackPointwise(options.runtime, op.get()));
  POLYPHASE_RETURN_IF_ERROR(InitEpilogue(options.runtime, op.get()));
  *result = op;
  return Status();
}

}  // namespace polyphase::internal
