// Packs weights and biases.
#include "phase_conv/weights.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>
#include <vector>

#include "base/checked_math.h"
#include "base/status.h"
#include "geometry/split.h"

namespace polyphase::internal {
namespace {

using Order = WeightFormat::Order;

Status OutOfMemory(const char* op, const AlignedBuffer& wanted) {
  return Status::Make(StatusCode::kOutOfMemory, "%s weights: the allocator returned null for %zu bytes", op,
                      wanted.bytes());
}

bool IsJoined(const WeightFormat& format, int axis) {
  return format.joined != nullptr && format.joined->count[axis] > 1;
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
  const SpatialSizes phases = layout.format.joined != nullptr ? layout.format.joined->count : SpatialSizes{1, 1, 1};
  ForEachIndex(layout.biases, [&](const SpatialSizes& outer) {
    for (int64_t group = 0; group < layout.groups; ++group, packed += layout.bias_columns) {
      float* column = packed;
      ForEachIndex(phases, [&](const SpatialSizes& phase) {
        int64_t offset = 0;
        for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
          const bool joined = IsJoined(layout.format, axis);
          offset = offset * biases[axis] + (joined ? phase[axis] % biases[axis] : outer[axis]);
        }
        column = std::copy_n(source.bias + (offset * layout.groups + group) * oc, oc, column);
      });
    }
  });
}

// Returns the slots of the rows that are packed: those of the source or, for kWinograd, of its transform, which has the
// components of all phases.
SpatialSizes RowSlots(const WeightSource& source, const WeightLayout& layout) {
  SpatialSizes slots;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const AxisPhases& phases = (*source.phases)[axis];
    slots[axis] =
        layout.format.order == Order::kWinograd ? phases.stride * layout.format.transform[axis].n : phases.slots;
  }
  return slots;
}

// Returns where the weight of a column for a slot of the format lies in a row [output channel][slot], or -1 for a zero.
int64_t RowOffset(const WeightSource& source, const WeightLayout& layout, const SpatialSizes& row_slots, int64_t column,
                  int64_t packed_slot) {
  const std::array<AxisPhases, kMaxSpatialRank>& phases = *source.phases;
  const int64_t all_slots = row_slots[0] * row_slots[1] * row_slots[2];
  const int64_t channel = column % source.oc;
  int64_t outer = column / source.oc;
  if (layout.IsFlattened()) return channel * all_slots + outer;
  int64_t slot = 0;
  int64_t step = 1;
  for (int axis = kMaxSpatialRank - 1; axis >= 0; --axis) {
    int64_t s = packed_slot % layout.slots[axis];
    packed_slot /= layout.slots[axis];
    if (IsJoined(layout.format, axis)) {
      const int64_t count = layout.format.joined->count[axis];
      const int64_t phase = outer % count;
      s = layout.format.order == Order::kWinograd
              ? phase * layout.format.transform[axis].n + s
              : SlotOfJoined(phases[axis], layout.format.joined->phases[axis], phase, s);
      outer /= count;
      if (s < 0) return -1;
    }
    slot += s * step;
    step *= row_slots[axis];
  }
  return channel * all_slots + slot;
}

// The transform of an axis as a sparse matrix: component `to`, [phase][component], has `factor` times slot `from`.
struct TransformTerm {
  int64_t to, from;
  double factor;
};

std::vector<TransformTerm> TransformTerms(const AxisPhases& phases, const AxisPhases& window,
                                          const WinogradAxis& transform) {
  std::vector<TransformTerm> terms;
  for (int64_t phase = 0; phase < phases.stride; ++phase) {
    for (int k = 0; k < transform.r; ++k) {
      const int64_t slot = SlotOfInput(phases, window, phase, k);
      if (slot < 0) continue;
      for (int component = 0; component < transform.n; ++component) {
        if (!WinogradReads(transform.n, transform.r, component, k)) continue;
        terms.push_back(
            {phase * transform.n + component, slot, WinogradWeight(transform.n, transform.r, component, k)});
      }
    }
  }
  return terms;
}

using TransformMatrices = std::array<std::vector<TransformTerm>, kMaxSpatialRank>;

TransformMatrices MatricesOf(const WeightSource& source, const WeightLayout& layout) {
  TransformMatrices matrices;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    matrices[axis] = TransformTerms((*source.phases)[axis], *(*source.windows)[axis], layout.format.transform[axis]);
  }
  return matrices;
}

// Transforms one kernel, [slot z][slot y][slot x], axis by axis. `other` is memory.
void TransformKernel(const WeightSource& source, const SpatialSizes& row_slots, const TransformMatrices& matrices,
                     std::vector<double>* kernel, std::vector<double>* other) {
  int64_t outer = 1;
  auto inner = static_cast<int64_t>(kernel->size());
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const int64_t from = (*source.phases)[axis].slots, to = row_slots[axis];
    inner /= from;
    other->assign(static_cast<size_t>(outer * to * inner), 0);
    for (int64_t o = 0; o < outer; ++o) {
      for (const TransformTerm& term : matrices[axis]) {
        const double* const slot = kernel->data() + (o * from + term.from) * inner;
        double* const component = other->data() + (o * to + term.to) * inner;
        for (int64_t i = 0; i < inner; ++i) component[i] += term.factor * slot[i];
      }
    }
    kernel->swap(*other);
    outer *= to;
  }
}

// Returns the transformed weights of some output channels of a group, [input channel][output channel][row slot], whose
// first kernel is `weights`.
std::vector<float> TransformChannels(const WeightSource& source, const SpatialSizes& row_slots,
                                     const TransformMatrices& matrices, const float* weights, int64_t channels) {
  const int64_t slots = (*source.phases)[0].slots * (*source.phases)[1].slots * (*source.phases)[2].slots;
  std::vector<float> transformed;
  transformed.reserve(static_cast<size_t>(source.ic * channels * row_slots[0] * row_slots[1] * row_slots[2]));
  std::vector<double> kernel, other;
  for (int64_t c = 0; c < source.ic; ++c) {
    for (int64_t k = 0; k < channels; ++k) {
      const float* const from = weights + (c * source.oc + k) * slots;
      kernel.assign(from, from + slots);
      TransformKernel(source, row_slots, matrices, &kernel, &other);
      for (const double weight : kernel) transformed.push_back(static_cast<float>(weight));
    }
  }
  return transformed;
}

void PackBlocks(const WeightSource& source, const WeightLayout& layout, void* packed) {
  const TileFormat& tile = *layout.format.tile;
  const ColumnTiles& tiles = layout.tiles;
  const SpatialSizes row_slots = RowSlots(source, layout);
  const int64_t all_row_slots = row_slots[0] * row_slots[1] * row_slots[2];
  const int64_t all_slots = (*source.phases)[0].slots * (*source.phases)[1].slots * (*source.phases)[2].slots;
  const bool transforms = layout.format.order == Order::kWinograd;
  TransformMatrices matrices;
  if (transforms) matrices = MatricesOf(source, layout);
  std::vector<float> transformed;
  std::vector<int64_t> offsets;
  for (int64_t group = 0; group < layout.groups; ++group) {
    const float* const weights = source.weights + group * source.ic * source.oc * all_slots;
    for (int64_t t = 0; t < tiles.count(); ++t) {
      const int64_t columns = std::min(tiles.width(t), tiles.columns - tiles.first(t));
      // A tile of joined phases may have any channels.
      IndexRange channels{0, source.oc};
      if (transforms && layout.format.joined == nullptr) channels = {tiles.first(t), tiles.first(t) + columns};
      const int64_t row_step = channels.count() * all_row_slots;
      WeightBlock rows{weights, layout.IsDepthwise() ? 1 : row_step, nullptr, layout.rows, columns};
      if (transforms) {
        if (t == 0 || layout.format.joined == nullptr) {
          const float* const first = weights + channels.begin * all_slots;
          transformed = TransformChannels(source, row_slots, matrices, first, channels.count());
        }
        rows.source = transformed.data();
      }
      for (int64_t block = 0; block < layout.blocks; ++block) {
        if (layout.format.order == Order::kChannels) rows.source = weights + block / layout.all_slots() * row_step;
        offsets.clear();
        for (int64_t k = 0; k < columns; ++k) {
          const int64_t column = tiles.first(t) + k;
          const int64_t offset = layout.IsDepthwise()
                                     ? column * all_row_slots
                                     : RowOffset(source, layout, row_slots, column, block % layout.all_slots());
          offsets.push_back(offset < 0 ? offset : offset - channels.begin * all_row_slots);
        }
        rows.offsets = offsets.data();
        packed = tile.pack(rows, tiles.width(t), packed);
      }
    }
  }
}

// Packs weights that are packed as `from` says for another kind of tile of the same columns.
void RepackBlocks(const WeightLayout& from, const float* rows, const WeightLayout& layout, void* packed) {
  const ColumnTiles& tiles = layout.tiles;
  assert(from.format.tile->pack == &PackRows && from.tiles.nr == tiles.nr && from.tiles.lanes == tiles.lanes);
  (void)from;
  std::vector<int64_t> offsets(static_cast<size_t>(tiles.nr));
  std::iota(offsets.begin(), offsets.end(), 0);
  for (int64_t group = 0; group < layout.groups; ++group) {
    for (int64_t t = 0; t < tiles.count(); ++t) {
      const int64_t width = tiles.width(t);
      for (int64_t block = 0; block < layout.blocks; ++block, rows += layout.rows * width) {
        packed = layout.format.tile->pack({rows, width, offsets.data(), layout.rows, width}, width, packed);
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
    const bool joined = IsJoined(format, axis);
    const AxisPhases& phases = (*source.phases)[axis];
    slots[axis] = joined ? format.joined->phases[axis].slots : phases.slots;
    if (format.order == Order::kWinograd) slots[axis] = (joined ? 1 : phases.stride) * format.transform[axis].n;
    if (joined) biases[axis] = 1;
  }
  int64_t columns = source.oc;
  blocks = all_slots();
  switch (format.order) {
    case Order::kChannels:
      blocks *= rows;
      rows = 1;
      [[fallthrough]];
    case Order::kSlots:
    case Order::kWinograd:
      if (format.joined != nullptr) columns *= format.joined->all();
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
  const TileFormat& tile = *format.tile;
  tiles = ColumnTiles(columns, tile.lanes, format.order == Order::kChannels ? BalancedTile(columns, tile.nr) : tile.nr);
  bias_columns = format.order == Order::kColumns ? source.oc : tiles.padded();
  block_column_bytes = format.tile->column_bytes(rows);
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
  char* const weights = memory.as<char>() + layout.bias_bytes();
  if (source_.weights == nullptr) {
    const AlignedBuffer& packed = forms_.front().memory;
    const WeightLayout from = Layout(forms_.front().format);
    std::copy_n(packed.as<float>(), layout.bias_bytes() / int64_t{sizeof(float)}, bias);
    RepackBlocks(from, packed.as<float>() + layout.bias_bytes() / int64_t{sizeof(float)}, layout, weights);
  } else {
    std::fill_n(bias, layout.bias_bytes() / int64_t{sizeof(float)}, 0.0f);
    if (source_.bias != nullptr) PackBias(source_, layout, bias);
    PackBlocks(source_, layout, weights);
  }
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
