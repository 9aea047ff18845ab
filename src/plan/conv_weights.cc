// Packing of a transposed convolution's weights.
#include "plan/conv_weights.h"

#include <algorithm>

#include "base/checked_math.h"
#include "kernels/conv_tile.h"

namespace polyphase::internal {
namespace {

Status OutOfMemory() {
  return Status::Make(StatusCode::kOutOfMemory, "conv_transpose weights: the allocator returned null");
}

}  // namespace

Status ConvWeights::Init(const ConvTransposeAttributes& a, const float* weights, const Runtime& runtime, int64_t lanes,
                         int64_t max_vectors) {
  runtime_ = runtime;
  groups_ = a.groups;
  ic_ = a.input_channels / a.groups;
  oc_ = a.output_channels / a.groups;
  taps_ = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) taps_ *= a.kernel[axis];
  lanes_ = lanes;
  max_vectors_ = max_vectors;

  if (a.epilogue.scale != nullptr) {
    scale_ = AlignedBuffer(runtime, a.output_channels * sizeof(float));
    if (!scale_.ok()) return OutOfMemory();
    std::copy_n(a.epilogue.scale, a.output_channels, scale_.as<float>());
  }
  if (!HasForms()) return PackForm(WeightForm::kTaps, weights);
  const int64_t count = groups_ * ic_ * oc_ * taps_;
  raw_ = AlignedBuffer(runtime, count * sizeof(float));
  if (!raw_.ok()) return OutOfMemory();
  std::copy_n(weights, count, raw_.as<float>());
  return Status();
}

Status ConvWeights::PackForm(WeightForm form, const float* raw) const {
  AlignedBuffer packed(runtime_, FormFloats(form) * sizeof(float));
  if (!packed.ok()) return OutOfMemory();
  Pack(form, raw, packed.as<float>());
  forms_[static_cast<int>(form)] = std::move(packed);
  return Status();
}

int64_t ConvWeights::FormFloats(WeightForm form) const {
  switch (form) {
    case WeightForm::kTaps: return groups_ * ic_ * taps_ * OutputTiles().padded();
    case WeightForm::kColumns: return groups_ * ic_ * FlattenedTiles().padded();
    case WeightForm::kDepthwise: return RoundUp(groups_ * oc_, kStripBlock) * taps_;
  }
  return 0;
}

void ConvWeights::Pack(WeightForm form, const float* raw, float* packed) const {
  std::fill_n(packed, FormFloats(form), 0.0f);
  if (form == WeightForm::kDepthwise) {
    for (int64_t c = 0; c < groups_ * oc_; ++c) {
      for (int64_t t = 0; t < taps_; ++t) {
        packed[(c / kStripBlock * taps_ + t) * kStripBlock + c % kStripBlock] = raw[c * taps_ + t] * Scale(c);
      }
    }
    return;
  }
  const bool flattened = form == WeightForm::kColumns;
  const ColumnTiles tiles = flattened ? FlattenedTiles() : OutputTiles();
  for (int64_t group = 0; group < groups_; ++group) {
    for (int64_t tile = 0; tile < tiles.count(); ++tile) {
      const int64_t width = tiles.width(tile);
      const int64_t columns = std::min(width, tiles.columns - tiles.first(tile));
      for (int64_t t = 0; t < (flattened ? 1 : taps_); ++t) {
        for (int64_t c = 0; c < ic_; ++c, packed += width) {
          const float* row = raw + (group * ic_ + c) * oc_ * taps_;  // [output channel][tap]
          for (int64_t k = 0; k < columns; ++k) {
            const int64_t column = tiles.first(tile) + k;
            const int64_t channel = flattened ? column % oc_ : column;
            packed[k] = row[channel * taps_ + (flattened ? column / oc_ : t)] * Scale(group * oc_ + channel);
          }
        }
      }
    }
  }
}

const float* ConvWeights::Get(WeightForm form) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const AlignedBuffer& buffer = forms_[static_cast<int>(form)];
  if (buffer.bytes() == 0 && !PackForm(form, raw_.as<float>()).ok()) return nullptr;
  return buffer.as<float>();
}

size_t ConvWeights::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t total = raw_.bytes() + scale_.bytes();
  for (const AlignedBuffer& form : forms_) total += form.bytes();
  return total;
}

}  // namespace polyphase::internal
