// Packs weights and biases.
#include "phase_conv/weights.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/checked_math.h"
#include "base/status.h"

namespace polyphase::internal {
namespace {

using Order = WeightFormat::Order;

Status OutOfMemory(const char* op, const AlignedBuffer& wanted) {
  return Status::Make(StatusCode::kOutOfMemory, "%s weights: the allocator returned null for %zu bytes", op,
                      wanted.bytes());
}

bool IsJoined(const WeightSource& source, const WeightFormat& format, int axis) {
  return format.joined && source.joined->count[axis] > 1;
}

// Calls body(i) for each index i below the sizes.
template <class Body>
void ForEachIndex(const SpatialSizes& sizes, const Body& body) {
  SpatialSizes i{};
  for (i[0] = 0; i[0] < sizes[0]; ++i[0]) {
    for (i[1] = 0; i[1] < sizes[1]; ++i[1]) {
      for (i[2] = 0; i[2] < sizes[2]; ++i[2]) body(i);
    }
  }
}

void PackBias(const WeightSource& source, const WeightLayout& layout, float* packed) {
  const SpatialSizes& biases = source.biases;
  const int64_t oc = layout.IsDepthwise() ? source.groups * source.oc : source.oc;
  const SpatialSizes phases = layout.format.joined ? source.joined->count : SpatialSizes{1, 1, 1};
  ForEachIndex(layout.biases, [&](const SpatialSizes& outer) {
    for (int64_t group = 0; group < layout.groups; ++group, packed += layout.bias_columns) {
      float* column = packed;
      ForEachIndex(phases, [&](const SpatialSizes& phase) {
        int64_t offset = 0;
        for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
          const bool joined = IsJoined(source, layout.format, axis);
          offset = offset * biases[axis] + (joined ? phase[axis] % biases[axis] : outer[axis]);
        }
        column = std::copy_n(source.bias + (offset * layout.groups + group) * oc, oc, column);
      });
    }
  });
}

// Returns where the weight of a column for a slot of the format lies in a row [output channel][slot] of the source, or
// -1 for a zero.
int64_t SourceOffset(const WeightSource& source, const WeightLayout& layout, int64_t column, int64_t packed_slot) {
  const std::array<AxisPhases, kMaxSpatialRank>& phases = *source.phases;
  const int64_t all_slots = phases[0].slots * phases[1].slots * phases[2].slots;
  const int64_t channel = column % source.oc;
  int64_t outer = column / source.oc;
  if (layout.IsFlattened()) return channel * all_slots + outer;
  int64_t slot = 0;
  int64_t step = 1;
  for (int axis = kMaxSpatialRank - 1; axis >= 0; --axis) {
    int64_t s = packed_slot % layout.slots[axis];
    packed_slot /= layout.slots[axis];
    if (IsJoined(source, layout.format, axis)) {
      const int64_t count = source.joined->count[axis];
      s = SlotOfJoined(phases[axis], source.joined->phases[axis], outer % count, s);
      outer /= count;
      if (s < 0) return -1;
    }
    slot += s * step;
    step *= phases[axis].slots;
  }
  return channel * all_slots + slot;
}

void PackBlocks(const WeightSource& source, const WeightLayout& layout, void* packed) {
  const ConvTile& tile = *layout.format.tile;
  const ColumnTiles& tiles = layout.tiles;
  const int64_t all_slots = (*source.phases)[0].slots * (*source.phases)[1].slots * (*source.phases)[2].slots;
  std::vector<int64_t> offsets;
  for (int64_t group = 0; group < layout.groups; ++group) {
    for (int64_t t = 0; t < tiles.count(); ++t) {
      const int64_t columns = std::min(tiles.width(t), tiles.columns - tiles.first(t));
      for (int64_t block = 0; block < layout.blocks; ++block) {
        offsets.clear();
        for (int64_t k = 0; k < columns; ++k) {
          const int64_t column = tiles.first(t) + k;
          offsets.push_back(layout.IsDepthwise() ? column * all_slots : SourceOffset(source, layout, column, block));
        }
        const int64_t row_step = layout.IsDepthwise() ? 1 : source.oc * all_slots;
        const float* const rows = source.weights + group * source.ic * source.oc * all_slots;
        packed = tile.pack({rows, row_step, offsets.data(), layout.rows, columns}, tiles.width(t), packed);
      }
    }
  }
}

}  // namespace

WeightLayout::WeightLayout(const WeightSource& source, const WeightFormat& weight_format)
    : format(weight_format),
      groups(source.groups),
      rows(source.ic),
      element_bytes(static_cast<int64_t>(ElementSize(weight_format.tile->weights))),
      biases(source.biases) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const bool joined = IsJoined(source, format, axis);
    slots[axis] = joined ? source.joined->phases[axis].slots : (*source.phases)[axis].slots;
    if (joined) biases[axis] = 1;
  }
  int64_t columns = source.oc;
  blocks = all_slots();
  switch (format.order) {
    case Order::kSlots:
      if (format.joined) columns *= source.joined->all();
      break;
    case Order::kColumns:
      columns *= all_slots();
      blocks = 1;
      break;
    case Order::kDepthwise:
      columns *= groups;
      groups = 1;
      rows = all_slots();
      blocks = 1;
      break;
  }
  tiles = ColumnTiles(columns, *format.tile);
  bias_columns = format.order == Order::kColumns ? source.oc : tiles.padded();
}

Status PhaseWeights::Init(const char* op, const WeightSource& source, const Runtime& runtime,
                          const std::forward_list<WeightFormat>& formats) {
  op_ = op;
  runtime_ = runtime;
  source_ = source;
  if (std::next(formats.begin()) == formats.end()) {
    Status status = Pack(Layout(formats.front()));
    source_.weights = source_.bias = nullptr;
    return status;
  }
  const std::array<AxisPhases, kMaxSpatialRank>& phases = *source.phases;
  const int64_t weights = source.groups * source.ic * source.oc * phases[0].slots * phases[1].slots * phases[2].slots;
  const int64_t biases = source.groups * source.oc * source.biases[0] * source.biases[1] * source.biases[2];
  copy_ = AlignedBuffer(runtime, (weights + (source.bias != nullptr ? biases : 0)) * sizeof(float));
  if (!copy_.ok()) return OutOfMemory(op, copy_);
  source_.weights = copy_.as<float>();
  float* const bias = std::copy_n(source.weights, weights, copy_.as<float>());
  if (source.bias != nullptr) {
    source_.bias = bias;
    std::copy_n(source.bias, biases, bias);
  }
  return Status();
}

Status PhaseWeights::Pack(const WeightLayout& layout) const {
  AlignedBuffer memory(runtime_, static_cast<size_t>(layout.bytes()));
  if (!memory.ok()) return OutOfMemory(op_, memory);
  float* const bias = memory.as<float>();
  std::fill_n(bias, layout.bias_bytes() / int64_t{sizeof(float)}, 0.0f);
  if (source_.bias != nullptr) PackBias(source_, layout, bias);
  PackBlocks(source_, layout, memory.as<char>() + layout.bias_bytes());
  forms_.push_front({layout.format, std::move(memory)});
  return Status();
}

Status PhaseWeights::Get(const WeightFormat& format, PackedWeights* packed) const {
  const WeightLayout layout = Layout(format);
  std::lock_guard<std::mutex> lock(mutex_);
  const auto find = [&] {
    return std::find_if(forms_.begin(), forms_.end(), [&](const Form& form) { return form.format == format; });
  };
  if (find() == forms_.end()) {
    POLYPHASE_RETURN_IF_ERROR(Pack(layout));
  }
  const AlignedBuffer& memory = find()->memory;
  packed->weights = memory.as<char>() + layout.bias_bytes();
  packed->bias = memory.as<float>();
  return Status();
}

size_t PhaseWeights::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t total = copy_.bytes();
  for (const Form& form : forms_) total += form.memory.bytes();
  return total;
}

}  // namespace polyphase::internal
