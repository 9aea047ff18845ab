// The phases of transposed and ordinary convolutions.
#include "geometry/phases.h"

#include <cinttypes>
#include <limits>
#include <numeric>
#include <utility>

namespace polyphase::internal {
namespace {

// Transposed convolutions of at most this stride keep a table of their phases.
constexpr int64_t kMaxTable = 64;

}  // namespace

Status CheckChannels(const char* op, int64_t groups, int64_t input_channels, int64_t output_channels) {
  const struct {
    const char* name;
    int64_t value;
  } channels[] = {{"groups", groups}, {"input_channels", input_channels}, {"output_channels", output_channels}};
  for (const auto& [name, value] : channels) {
    if (value < 1) return Status::InvalidArgument("%s %s = %" PRId64 ": must be at least 1", op, name, value);
    if (value % groups != 0) {
      return Status::InvalidArgument("%s %s = %" PRId64 ": must be a multiple of groups = %" PRId64, op, name, value,
                                     groups);
    }
  }
  return Status();
}

Status CheckAutoPad(const char* op, AutoPad auto_pad, const SpatialSizes& begin, const SpatialSizes& end) {
  switch (auto_pad) {
    case AutoPad::kNotSet: return Status();
    case AutoPad::kSameUpper:
    case AutoPad::kSameLower:
    case AutoPad::kValid:
      for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
        if (begin[axis] == 0 && end[axis] == 0) continue;
        return Status::InvalidArgument("%s padding_begin[%s] = %" PRId64 ", padding_end[%s] = %" PRId64
                                       ": must be 0 with an auto_pad",
                                       op, AxisName(axis), begin[axis], AxisName(axis), end[axis]);
      }
      return Status();
  }
  return Status::InvalidArgument("%s auto_pad = %d: not an AutoPad", op, static_cast<int>(auto_pad));
}

AxisPhase AxisPhases::TransposedPhase(int64_t residue) const {
  if (residue % gcd != 0) return {};
  const auto product = static_cast<__int128>(residue / gcd) * inverse;
  const int64_t first = static_cast<int64_t>(product % slot_step);
  if (first >= slots) return {};
  return {first, (first * dilation - residue) / stride, (slots - 1 - first) / slot_step + 1};
}

int64_t PhaseAxis::Source(int64_t i) const {
  switch (phases->padding_mode) {
    case PaddingMode::kZeros:
    case PaddingMode::kReplicate: break;
    case PaddingMode::kReflect:
      if (i < 0) i = -i;
      if (i >= in) i = 2 * (in - 1) - i;
      break;
    case PaddingMode::kCircular:
      i %= in;
      if (i < 0) i += in;
      break;
  }
  return std::clamp<int64_t>(i, 0, in - 1) / phases->repeat;
}

int64_t CountPairs(const PhaseAxis& axis) {
  const AxisPhases& phases = *axis.phases;
  int64_t pairs = 0;
  if (phases.table.empty()) {
    for (int64_t t = 0; t < phases.slots; ++t) {
      // 0 <= i * stride + shift < out
      const int64_t shift = t * phases.dilation - axis.origin;
      const int64_t begin = std::max<int64_t>(0, DivCeil(-shift, phases.stride));
      const int64_t end = std::min(axis.in, DivFloor(axis.out - 1 - shift, phases.stride) + 1);
      pairs += std::max<int64_t>(0, end - begin);
    }
    return pairs;
  }
  for (int64_t o = 0; o < std::min(phases.stride, axis.out); ++o) {
    const AxisPhase phase = phases.Phase(axis.residue(o));
    const int64_t count = DivCeil(axis.out - o, phases.stride);
    for (int64_t m = 0; m < phase.taps; ++m) {
      const int64_t first = axis.position(o) - phase.first_offset - m * phases.offset_step;
      const IndexRange range{first, first + count};
      pairs += axis.padded() ? count : range.Clip(axis.in).count();
    }
  }
  return pairs;
}

AxisPhases TransposedConvPhases(int64_t kernel, int64_t stride, int64_t dilation) {
  AxisPhases phases;
  phases.stride = stride;
  phases.slots = kernel;
  phases.overlap_add = true;
  phases.dilation = dilation;
  phases.gcd = std::gcd(stride, dilation);
  phases.slot_step = stride / phases.gcd;
  phases.offset_step = dilation / phases.gcd;
  phases.first_read = stride - 1 - dilation * (kernel - 1);
  phases.last_read = 0;
  // The extended Euclidean algorithm finds old_x with old_x * (dilation / gcd) = 1 (mod slot_step).
  const int64_t modulus = phases.slot_step;
  int64_t old_r = phases.offset_step % modulus, r = modulus, old_x = 1, x = 0;
  while (r != 0) {
    const int64_t quotient = old_r / r;
    std::swap(old_r, r);
    r -= quotient * old_r;
    std::swap(old_x, x);
    x -= quotient * old_x;
  }
  old_x %= modulus;
  phases.inverse = old_x < 0 ? old_x + modulus : old_x;
  if (stride > kMaxTable) return phases;
  std::vector<AxisPhase> table;
  for (int64_t r = 0; r < stride; ++r) table.push_back(phases.Phase(r));
  phases.table = std::move(table);
  return phases;
}

bool CanFold(const ConvAxis& axis) { return axis.upsample > 1 && (axis.dilation == 1 || axis.kernel == 1); }

bool NeedsBorder(const ConvAxis& axis) {
  return CanFold(axis) && axis.padding_mode == PaddingMode::kReflect &&
         std::max(axis.padding_begin, axis.padding_end) >= axis.upsample;
}

// Output o of the op is output o' = o / shuffle of the convolution. It reads u = o' - padding + t * dilation of the
// upsampled input, which is input u / upsample. The origin makes u of the first tap at residue 0 a multiple of
// upsample: all phases then begin with the same input, q + begin, and differ only in how many they read.
AxisPhases ConvPhases(const ConvAxis& axis, bool fold, int64_t* origin) {
  AxisPhases phases;
  phases.repeat = fold ? 1 : axis.upsample;
  phases.padding_mode = axis.padding_mode;
  // A reflection within one pixel reads that pixel.
  if (fold && axis.padding_mode == PaddingMode::kReflect) phases.padding_mode = PaddingMode::kReplicate;
  const int64_t upsample = fold ? axis.upsample : 1;
  const int64_t shift = (upsample - axis.padding_begin % upsample) % upsample;
  const int64_t begin = -(axis.padding_begin + shift) / upsample;
  const int64_t reach = axis.dilation * (axis.kernel - 1);
  const auto taps = [&](int64_t r) { return upsample == 1 ? axis.kernel : (r + reach) / upsample + 1; };
  const int64_t most = taps(upsample - 1);
  phases.stride = upsample * axis.shuffle;
  phases.slots = phases.stride * most;
  phases.offset_step = upsample == 1 ? axis.dilation : 1;
  phases.first_read = -(axis.padding_begin + shift) * axis.shuffle;
  phases.last_read = phases.first_read + reach * axis.shuffle;
  for (int64_t r = 0; r < phases.stride; ++r) {
    const int64_t count = taps(r / axis.shuffle);
    phases.table.push_back({r * most, -(begin + (count - 1) * phases.offset_step), count});
  }
  *origin = shift * axis.shuffle;
  return phases;
}

SlotTaps TapsOfSlot(const ConvAxis& axis, const AxisPhases& phases, int64_t slot) {
  const int64_t most = phases.slots / phases.stride;
  const int64_t residue = slot / most;
  const int64_t shuffled = residue % axis.shuffle;
  // `input` is the input that the slot reads, counted from the first one. The taps of a phase count down.
  const int64_t input = phases.table[residue].taps - 1 - slot % most;
  if (input < 0) return {shuffled, {0, 0}};
  const int64_t upsample = phases.stride / axis.shuffle;
  if (upsample == 1) return {shuffled, {input, input + 1}};
  const int64_t first = input * upsample - residue / axis.shuffle;
  return {shuffled, {std::max<int64_t>(0, first), std::min(axis.kernel, first + upsample)}};
}

std::optional<AxisPhases> JoinPhases(const AxisPhases& phases) {
  const int64_t step = phases.offset_step;
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = std::numeric_limits<int64_t>::min();
  for (int64_t r = 0; r < phases.stride; ++r) {
    const AxisPhase phase = phases.Phase(r);
    if (phase.taps == 0) continue;
    if (first <= last && (phase.first_offset - first) % step != 0) return std::nullopt;
    first = std::min(first, phase.first_offset);
    last = std::max(last, phase.first_offset + (phase.taps - 1) * step);
  }
  AxisPhases joined;
  joined.slots = (last - first) / step + 1;
  joined.offset_step = step;
  joined.first_read = -last;
  joined.last_read = -first;
  joined.padding_mode = phases.padding_mode;
  joined.repeat = phases.repeat;
  joined.table = {{0, first, joined.slots}};
  return joined;
}

int64_t SlotOfJoined(const AxisPhases& phases, const AxisPhases& joined, int64_t r, int64_t slot) {
  const AxisPhase phase = phases.Phase(r);
  const int64_t tap = slot - (phase.first_offset - joined.table[0].first_offset) / phases.offset_step;
  return tap >= 0 && tap < phase.taps ? phase.first_slot + tap * phases.slot_step : -1;
}

}  // namespace polyphase::internal
