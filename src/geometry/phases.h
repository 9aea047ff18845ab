// Phases: which inputs and which weights make the outputs of a dense op, along one axis.
#ifndef POLYPHASE_SRC_GEOMETRY_PHASES_H_
#define POLYPHASE_SRC_GEOMETRY_PHASES_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/checked_math.h"
#include "geometry/index_range.h"
#include "geometry/tensor.h"
#include "polyphase/conv.h"

namespace polyphase::internal {

// Transposed and ordinary convolutions share these checks.
Status CheckChannels(const char* op, int64_t groups, int64_t input_channels, int64_t output_channels);
Status CheckAutoPad(const char* op, AutoPad auto_pad, const SpatialSizes& padding_begin,
                    const SpatialSizes& padding_end);

// The taps of one phase. Tap number m multiplies the weights of slot first_slot + m * slot_step by input q -
// first_offset - m * offset_step.
struct AxisPhase {
  int64_t first_slot = 0;
  int64_t first_offset = 0;
  int64_t taps = 0;  // a phase of 0 taps is a hole, whose output is the bias
};

// An axis before the size of the input is known. With u = o + origin, the outputs o of the same residue r = u mod
// stride form a phase, whose taps read around q = u / stride.
struct AxisPhases {
  int64_t stride = 1;
  int64_t slots = 1;  // of the packed weights along this axis
  int64_t slot_step = 1, offset_step = 1;
  // The inputs that output o reads lie between (u + first_read) / stride and (u + last_read) / stride, rounded down.
  int64_t first_read = 0, last_read = 0;
  // The padding mode says what is read outside the input.
  PaddingMode padding_mode = PaddingMode::kZeros;
  // Each input is read as this many equal neighbours, which is a nearest upsampling whose taps cannot be summed.
  int64_t repeat = 1;
  // Where this is true, input i times slot t is added to output i * stride + t * dilation - origin.
  bool overlap_add = false;

  AxisPhase Phase(int64_t residue) const { return table.empty() ? TransposedPhase(residue) : table[residue]; }

  // The table has the phases of an op that has few, because the formula below takes longer than a small tile.
  std::vector<AxisPhase> table;
  // The other phases are those of a transposed convolution, whose stride and dilation may be huge. From u = i * stride
  // + t * dilation follows that t * dilation = r (mod stride) has solutions only where r is a multiple of gcd =
  // gcd(stride, dilation): t = r / gcd * inverse (mod stride / gcd). They are slot_step = stride / gcd apart, and one
  // such step moves i by offset_step = dilation / gcd.
  int64_t dilation = 1, gcd = 1;
  int64_t inverse = 0;  // of offset_step modulo slot_step

 private:
  AxisPhase TransposedPhase(int64_t residue) const;
};

// An axis with its sizes. Inputs count their repetitions.
struct PhaseAxis {
  const AxisPhases* phases;
  int64_t in, out, origin;

  int64_t residue(int64_t o) const { return (o + origin) % phases->stride; }
  int64_t position(int64_t o) const { return (o + origin) / phases->stride; }  // q
  // Returns whether a task's strip holds the pixels outside the input, because they are not zeros.
  bool padded() const { return phases->padding_mode != PaddingMode::kZeros; }
  bool IsZero(int64_t i) const { return !padded() && (i < 0 || i >= in); }
  // Returns the input pixel that is read as input i, which must not be a zero.
  int64_t Source(int64_t i) const;
  // Returns the taps of the phase at position q that read anything but zeros.
  IndexRange ValidTaps(const AxisPhase& phase, int64_t q) const {
    if (padded()) return {0, phase.taps};
    const int64_t i0 = q - phase.first_offset;
    const int64_t step = phases->offset_step;
    const int64_t last = i0 - (in - 1);
    const int64_t begin = last <= 0 ? 0 : std::min(phase.taps, (last - 1) / step + 1);
    const int64_t end = i0 < 0 ? 0 : std::min(phase.taps, step == 1 ? i0 + 1 : i0 / step + 1);
    return {begin, std::max(begin, end)};
  }
  // Returns the inputs [begin, end) that outputs [o.begin, o.end) read, not clipped to [0, in).
  IndexRange InputRange(const IndexRange& o) const {
    return {DivFloor(o.begin + origin + phases->first_read, phases->stride),
            DivFloor(o.end - 1 + origin + phases->last_read, phases->stride) + 1};
  }
  // Returns the most inputs that any `outputs` neighbouring outputs read, not clipped.
  int64_t MaxInputs(int64_t outputs) const {
    return (outputs - 1 + phases->last_read - phases->first_read + phases->stride - 1) / phases->stride + 1;
  }
};

// The output of a dense op, and the origins of its axes.
struct PhaseShape {
  SpatialSizes size, origin;
};

// Returns how many (output, tap) pairs of the axis meet an input: the factor of the axis in the useful multiplications.
int64_t CountPairs(const PhaseAxis& axis);

// Returns the phases of a transposed convolution, whose origin is its padding. dilation * (kernel - 1) + 1 must fit.
AxisPhases TransposedConvPhases(int64_t kernel, int64_t stride, int64_t dilation);

// An axis of a stride-1 convolution, with nearest upsampling before it and pixel shuffle after it.
struct ConvAxis {
  int64_t kernel, dilation, padding_begin, padding_end;
  PaddingMode padding_mode;
  int64_t upsample, shuffle;
};
// Returns whether taps that read the same input may share a slot. Dilated taps may not, because they are not
// neighbours.
bool CanFold(const ConvAxis& axis);
// Returns whether CanFold fails for outputs that read beyond the input, because the padding reflects more than one
// pixel.
bool NeedsBorder(const ConvAxis& axis);
// Returns the phases and sets the origin. With `fold`, taps that read the same input share a slot, and what is outside
// the input is then the edge.
AxisPhases ConvPhases(const ConvAxis& axis, bool fold, int64_t* origin);
// Says which weights a slot sums: those of kernel taps [begin, end), for offset `shuffled` of the pixel shuffle.
struct SlotTaps {
  int64_t shuffled;
  IndexRange taps;
};
SlotTaps TapsOfSlot(const ConvAxis& axis, const AxisPhases& phases, int64_t slot);

// Returns all phases as one phase of more channels. Its outputs are the positions q, and its slots are the inputs that
// any of the phases reads, some of which multiply zeros. Returns nothing unless the phases read every offset_step-th
// input of one window. Takes time and memory in proportion to the stride, the number of phases.
std::optional<AxisPhases> JoinPhases(const AxisPhases& phases);
// Returns the slot of phase r whose weights belong in `slot` of the joined phases, or -1 for zeros.
int64_t SlotOfJoined(const AxisPhases& phases, const AxisPhases& joined, int64_t r, int64_t slot);
// The same for the slot that multiplies input number `input` of the window. Slots count offsets, which go down where
// inputs go up.
inline int64_t SlotOfInput(const AxisPhases& phases, const AxisPhases& joined, int64_t r, int64_t input) {
  return SlotOfJoined(phases, joined, r, joined.slots - 1 - input);
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_PHASES_H_
