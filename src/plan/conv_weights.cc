// Packing of weights and biases.
#include "plan/conv_weights.h"

#include <algorithm>
#include <vector>

#include "base/checked_math.h"
#include "kernels/conv_tile.h"

namespace polyphase::internal {
namespace {

Status OutOfMemory(const char* op) {
  return Status::Make(StatusCode::kOutOfMemory, "%s weights: the allocator returned null", op);
}

}  // namespace

Status ConvWeights::Init(const char* op, const ConvWeightsSource& source, const Runtime& runtime, int64_t lanes,
                         int64_t max_vectors) {
  op_ = op;
  runtime_ = runtime;
  source_ = source;
  lanes_ = lanes;
  max_vectors_ = max_vectors;
  if (source.ic == 1 && source.groups > 1) {
    form_ = WeightForm::kDepthwise;
  } else if (source.join != SpatialSizes{1, 1, 1}) {
    form_ = WeightForm::kJoined;
  }
  if (HasForms()) {
    const int64_t weights = source.groups * source.ic * source.oc * slots(WeightForm::kTaps);
    const int64_t biases = source.groups * source.oc * source.biases[0] * source.biases[1] * source.biases[2];
    copy_ = AlignedBuffer(runtime, (weights + (source.bias != nullptr ? biases : 0)) * sizeof(float));
    if (!copy_.ok()) return OutOfMemory(op);
    source_.weights = copy_.as<float>();
    float* bias = std::copy_n(source.weights, weights, copy_.as<float>());
    if (source.bias != nullptr) {
      source_.bias = bias;
      std::copy_n(source.bias, biases, bias);
    }
    return Status();
  }
  Status status = PackForm(form_);
  source_.weights = source_.bias = nullptr;
  return status;
}

ColumnTiles ConvWeights::Tiles(WeightForm form) const {
  const SpatialSizes& join = source_.join;
  switch (form) {
    case WeightForm::kTaps: return {source_.oc, lanes_, max_vectors_};
    case WeightForm::kJoined: return {join[0] * join[1] * join[2] * source_.oc, lanes_, max_vectors_};
    case WeightForm::kColumns: return {source_.oc * slots(WeightForm::kTaps), lanes_, max_vectors_};
    case WeightForm::kDepthwise: break;
  }
  return {source_.groups * source_.oc, kLineLanes, 1};
}

int64_t ConvWeights::slots(WeightForm form, int axis) const {
  return (Joined(form, axis) ? *source_.joined : *source_.phases)[axis].slots;
}

int64_t ConvWeights::BiasFloats(WeightForm form) const {
  if (form == WeightForm::kColumns) return source_.groups * source_.oc;
  return Tiles(form).padded() * (form == WeightForm::kDepthwise ? 1 : source_.groups);
}

int64_t ConvWeights::AllBiasFloats(WeightForm form) const {
  return RoundUp(BiasFloats(form) * biases(form, 0) * biases(form, 1) * biases(form, 2), 16);
}

int64_t ConvWeights::WeightFloats(WeightForm form) const {
  switch (form) {
    case WeightForm::kTaps:
    case WeightForm::kJoined: return source_.groups * source_.ic * slots(form) * Tiles(form).padded();
    case WeightForm::kColumns: return source_.groups * source_.ic * Tiles(form).padded();
    case WeightForm::kDepthwise: return slots(form) * Tiles(form).padded();
  }
  return 0;
}

Status ConvWeights::PackForm(WeightForm form) const {
  AlignedBuffer packed(runtime_, (AllBiasFloats(form) + WeightFloats(form)) * sizeof(float));
  if (!packed.ok()) return OutOfMemory(op_);
  float* bias = packed.as<float>();
  float* weights = bias + AllBiasFloats(form);
  std::fill_n(bias, AllBiasFloats(form) + WeightFloats(form), 0.0f);
  if (source_.bias != nullptr) PackBias(form, bias);
  form == WeightForm::kDepthwise ? PackDepthwise(weights) : PackWeights(form, weights);
  forms_[static_cast<int>(form)] = std::move(packed);
  return Status();
}

void ConvWeights::PackBias(WeightForm form, float* packed) const {
  const bool depthwise = form == WeightForm::kDepthwise;
  const SpatialSizes& join = source_.join;
  const SpatialSizes& biases = source_.biases;
  const int64_t groups = depthwise ? 1 : source_.groups;
  const int64_t oc = depthwise ? source_.groups * source_.oc : source_.oc;
  const int64_t group_floats = BiasFloats(form) / groups;
  SpatialSizes outer{}, phase{};
  const auto offset = [&](int axis) { return Joined(form, axis) ? phase[axis] % biases[axis] : outer[axis]; };
  const auto phases = [&](int axis) { return Joined(form, axis) ? join[axis] : 1; };
  for (outer[0] = 0; outer[0] < this->biases(form, 0); ++outer[0]) {
    for (outer[1] = 0; outer[1] < this->biases(form, 1); ++outer[1]) {
      for (outer[2] = 0; outer[2] < this->biases(form, 2); ++outer[2]) {
        for (int64_t group = 0; group < groups; ++group, packed += group_floats) {
          float* column = packed;
          for (phase[0] = 0; phase[0] < phases(0); ++phase[0]) {
            for (phase[1] = 0; phase[1] < phases(1); ++phase[1]) {
              for (phase[2] = 0; phase[2] < phases(2); ++phase[2]) {
                const int64_t shuffled = (offset(0) * biases[1] + offset(1)) * biases[2] + offset(2);
                column = std::copy_n(source_.bias + (shuffled * groups + group) * oc, oc, column);
              }
            }
          }
        }
      }
    }
  }
}

void ConvWeights::PackDepthwise(float* packed) const {
  const int64_t slots = this->slots(WeightForm::kDepthwise);
  for (int64_t c = 0; c < source_.groups * source_.oc; ++c) {
    for (int64_t slot = 0; slot < slots; ++slot) {
      packed[(c / kLineLanes * slots + slot) * kLineLanes + c % kLineLanes] = source_.weights[c * slots + slot];
    }
  }
}

void ConvWeights::PackWeights(WeightForm form, float* packed) const {
  const std::array<AxisPhases, kMaxSpatialRank>& phases = *source_.phases;
  const int64_t oc = source_.oc;
  const int64_t all_slots = slots(WeightForm::kTaps);
  const ColumnTiles tiles = Tiles(form);
  const bool flattened = form == WeightForm::kColumns;
  const int64_t packed_slots = flattened ? 1 : slots(form);
  // Where the weight of a column for the form's slot lies in a row [output channel][slot] of the source; -1: a zero.
  const auto offset = [&](int64_t column, int64_t packed_slot) {
    const int64_t channel = column % oc;
    int64_t outer = column / oc;
    if (flattened) return channel * all_slots + outer;
    int64_t slot = 0;
    int64_t step = 1;
    for (int axis = kMaxSpatialRank - 1; axis >= 0; --axis) {
      int64_t s = packed_slot % slots(form, axis);
      packed_slot /= slots(form, axis);
      if (Joined(form, axis)) {
        s = SlotOfJoined(phases[axis], (*source_.joined)[axis], outer % source_.join[axis], s);
        outer /= source_.join[axis];
        if (s < 0) return int64_t{-1};
      }
      slot += s * step;
      step *= phases[axis].slots;
    }
    return channel * all_slots + slot;
  };
  std::vector<int64_t> offsets;
  for (int64_t group = 0; group < source_.groups; ++group) {
    for (int64_t tile = 0; tile < tiles.count(); ++tile) {
      const int64_t width = tiles.width(tile);
      const int64_t columns = std::min(width, tiles.columns - tiles.first(tile));
      for (int64_t slot = 0; slot < packed_slots; ++slot) {
        offsets.clear();
        for (int64_t k = 0; k < columns; ++k) offsets.push_back(offset(tiles.first(tile) + k, slot));
        for (int64_t c = 0; c < source_.ic; ++c, packed += width) {
          const float* row = source_.weights + (group * source_.ic + c) * oc * all_slots;
          for (int64_t k = 0; k < columns; ++k) packed[k] = offsets[k] < 0 ? 0.0f : row[offsets[k]];
        }
      }
    }
  }
}

PackedWeights ConvWeights::Get(WeightForm form) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const AlignedBuffer& buffer = forms_[static_cast<int>(form)];
  if (buffer.bytes() == 0 && !PackForm(form).ok()) return {nullptr, nullptr};
  return {buffer.as<float>() + AllBiasFloats(form), buffer.as<float>()};
}

size_t ConvWeights::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t total = copy_.bytes();
  for (const AlignedBuffer& form : forms_) total += form.bytes();
  return total;
}

}  // namespace polyphase::internal
