// Tests of the phases against the equations that define them, for every layer of small sizes.
#include "geometry/phases.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace polyphase::internal {
namespace {

// One multiplication: a pixel of the input, and the tap of the kernel that it meets.
using Read = std::pair<int64_t, int64_t>;
using Reads = std::vector<Read>;

Reads Sorted(Reads reads) {
  std::sort(reads.begin(), reads.end());
  return reads;
}

// Returns what the phases say that output o reads: input and slot of each tap in `taps`.
Reads ReadsOf(const PhaseAxis& axis, int64_t o, const IndexRange& taps) {
  const AxisPhases& phases = *axis.phases;
  const AxisPhase phase = phases.Phase(axis.residue(o));
  Reads reads;
  for (int64_t m = taps.begin; m < taps.end; ++m) {
    reads.push_back(
        {axis.position(o) - phase.first_offset - m * phases.offset_step, phase.first_slot + m * phases.slot_step});
  }
  return Sorted(reads);
}
Reads AllReadsOf(const PhaseAxis& axis, int64_t o) {
  return ReadsOf(axis, o, {0, axis.phases->Phase(axis.residue(o)).taps});
}

Reads Inside(const Reads& reads, int64_t in) {
  Reads inside;
  std::copy_if(reads.begin(), reads.end(), std::back_inserter(inside),
               [in](const Read& read) { return 0 <= read.first && read.first < in; });
  return inside;
}

// Checks the ranges that tasks are cut by against what each output reads. From `exact` neighbouring outputs on they are
// not just wide enough, but exact.
void ExpectRanges(const PhaseAxis& axis, const std::vector<Reads>& reads, int64_t exact) {
  std::vector<int64_t> most(axis.out + 1, 0);
  for (int64_t begin = 0; begin < axis.out; ++begin) {
    IndexRange span{INT64_MAX, INT64_MIN};
    for (int64_t end = begin + 1; end <= axis.out; ++end) {
      if (const Reads& own = reads[end - 1]; !own.empty()) {
        span = {std::min(span.begin, own.front().first), std::max(span.end, own.back().first + 1)};
      }
      const IndexRange range = axis.InputRange({begin, end});
      most[end - begin] = std::max(most[end - begin], range.count());
      EXPECT_LE(range.begin, span.begin) << "outputs [" << begin << ", " << end << ")";
      EXPECT_GE(range.end, span.end) << "outputs [" << begin << ", " << end << ")";
      if (end - begin < exact) continue;
      EXPECT_EQ(range.begin, span.begin) << "outputs [" << begin << ", " << end << ")";
      EXPECT_EQ(range.end, span.end) << "outputs [" << begin << ", " << end << ")";
    }
  }
  for (int64_t count = 1; count <= axis.out; ++count) {
    EXPECT_LE(most[count], axis.MaxInputs(count)) << count << " outputs";
    // If a range begins in each phase, one of the ranges has the most.
    if (axis.out - count + 1 < axis.phases->stride) continue;
    EXPECT_EQ(most[count], axis.MaxInputs(count)) << count << " outputs";
  }
}

// ---- Transposed convolution

struct Transposed {
  int64_t kernel, stride, dilation, padding, in, out;
};

std::string Name(const Transposed& t) {
  std::ostringstream os;
  os << "kernel " << t.kernel << " stride " << t.stride << " dilation " << t.dilation << " padding " << t.padding
     << " in " << t.in << " out " << t.out;
  return os.str();
}

// Returns what output o reads by definition: input i and tap t with o + padding = i * stride + t * dilation.
Reads DefinedReads(const Transposed& l, int64_t o) {
  Reads reads;
  for (int64_t t = 0; t < l.kernel; ++t) {
    const int64_t u = o + l.padding - t * l.dilation;
    for (int64_t i = -l.kernel * l.dilation; i <= l.in + l.out + l.padding; ++i) {
      if (i * l.stride == u) reads.push_back({i, t});
    }
  }
  return Sorted(reads);
}

void ExpectTransposed(const Transposed& layer) {
  SCOPED_TRACE(Name(layer));
  const AxisPhases phases = TransposedConvPhases(layer.kernel, layer.stride, layer.dilation);
  const PhaseAxis axis{&phases, layer.in, layer.out, layer.padding};
  EXPECT_EQ(phases.slots, layer.kernel);
  std::vector<Reads> reads;
  int64_t pairs = 0;
  for (int64_t o = 0; o < layer.out; ++o) {
    reads.push_back(DefinedReads(layer, o));
    const Reads inside = Inside(reads.back(), layer.in);
    pairs += static_cast<int64_t>(inside.size());
    const AxisPhase phase = phases.Phase(axis.residue(o));
    EXPECT_EQ(AllReadsOf(axis, o), reads.back()) << "output " << o;
    EXPECT_EQ(ReadsOf(axis, o, axis.ValidTaps(phase, axis.position(o))), inside) << "output " << o;
  }
  EXPECT_EQ(CountPairs(axis), pairs);
  ExpectRanges(axis, reads, layer.stride);
}

TEST(TransposedConvPhases, MeetTheEquation) {
  for (int64_t kernel = 1; kernel <= 6; ++kernel) {
    for (int64_t stride = 1; stride <= 5; ++stride) {
      for (int64_t dilation = 1; dilation <= 4; ++dilation) {
        const int64_t reach = dilation * (kernel - 1);
        for (const int64_t padding : {int64_t{0}, int64_t{1}, reach / 2, reach, reach + 1}) {
          for (const int64_t in : {1, 2, 5}) {
            // A stride more than without output_padding, so that some outputs read nothing.
            const int64_t out = (in - 1) * stride + reach + 1 + stride - padding;
            if (out < 1) continue;
            ExpectTransposed({kernel, stride, dilation, padding, in, out});
            if (::testing::Test::HasFailure()) return;
          }
        }
      }
    }
  }
}

// Phases of more than 64 are not kept in a table.
TEST(TransposedConvPhases, MeetTheEquationWithoutATable) {
  for (const int64_t stride : {64, 65, 70, 96, 128}) {
    for (const int64_t dilation : {1, 2, 35, 48, 65, 128, 200}) {
      for (const int64_t kernel : {1, 2, 5}) {
        for (const int64_t padding : {int64_t{0}, int64_t{3}, dilation}) {
          // All outputs, and as many as end with the first tap of the last input and one before it.
          for (const int64_t out : {stride + dilation * (kernel - 1) + 1, stride - padding + 1, stride - padding}) {
            if (out < 1) continue;
            const Transposed layer{kernel, stride, dilation, padding, 2, out};
            SCOPED_TRACE(Name(layer));
            const AxisPhases phases = TransposedConvPhases(kernel, stride, dilation);
            EXPECT_EQ(phases.table.empty(), stride > 64);
            const PhaseAxis axis{&phases, layer.in, layer.out, padding};
            int64_t pairs = 0;
            for (int64_t o = 0; o < layer.out; ++o) {
              const Reads reads = DefinedReads(layer, o);
              EXPECT_EQ(AllReadsOf(axis, o), reads) << "output " << o;
              pairs += static_cast<int64_t>(Inside(reads, layer.in).size());
            }
            EXPECT_EQ(CountPairs(axis), pairs);
            if (HasFailure()) return;
          }
        }
      }
    }
  }
}

// ---- Convolution with an upsampling before and a shuffle after it

std::string Name(const ConvAxis& axis) {
  std::ostringstream os;
  os << "kernel " << axis.kernel << " dilation " << axis.dilation << " padding " << axis.padding_begin << ":"
     << axis.padding_end << " of mode " << static_cast<int>(axis.padding_mode) << " upsample " << axis.upsample
     << " shuffle " << axis.shuffle;
  return os.str();
}

// The pixel of a map of `size` that stands at index i outside of it, as torch.nn.functional.pad says; -1 for a zero.
int64_t PaddedPixel(PaddingMode mode, int64_t i, int64_t size) {
  while (i < 0 || i >= size) {
    switch (mode) {
      case PaddingMode::kZeros: return -1;
      case PaddingMode::kReflect: i = i < 0 ? -i : 2 * (size - 1) - i; break;
      case PaddingMode::kReplicate: i += i < 0 ? 1 : -1; break;
      case PaddingMode::kCircular: i += i < 0 ? size : -size; break;
    }
  }
  return i;
}

// The largest padding that the mode allows.
int64_t MostPadding(PaddingMode mode, int64_t size) {
  return mode == PaddingMode::kReflect ? size - 1 : mode == PaddingMode::kCircular ? size : size + 3;
}

constexpr PaddingMode kPaddingModes[] = {PaddingMode::kZeros, PaddingMode::kReflect, PaddingMode::kReplicate,
                                         PaddingMode::kCircular};

// Pixels of the input and taps that output o reads by definition: o / shuffle is an output of the convolution of the
// upsampled map.
Reads DefinedReads(const ConvAxis& layer, int64_t in, int64_t o) {
  Reads reads;
  for (int64_t t = 0; t < layer.kernel; ++t) {
    const int64_t u = o / layer.shuffle - layer.padding_begin + t * layer.dilation;
    const int64_t pixel = PaddedPixel(layer.padding_mode, u, in * layer.upsample);
    if (pixel >= 0) reads.push_back({pixel / layer.upsample, t});
  }
  return Sorted(reads);
}

// Returns whether output o reads beyond the map.
bool AtBorder(const ConvAxis& layer, int64_t in, int64_t o) {
  const int64_t first = o / layer.shuffle - layer.padding_begin;
  return first < 0 || first + layer.dilation * (layer.kernel - 1) >= in * layer.upsample;
}

void ExpectConv(const ConvAxis& layer, int64_t in, bool fold) {
  SCOPED_TRACE(Name(layer) + " in " + std::to_string(in) + (fold ? " folded" : ""));
  const int64_t out =
      (in * layer.upsample + layer.padding_begin + layer.padding_end - layer.dilation * (layer.kernel - 1)) *
      layer.shuffle;
  int64_t origin = 0;
  const AxisPhases phases = ConvPhases(layer, fold, &origin);
  const PhaseAxis axis{&phases, in * phases.repeat, out, origin};
  EXPECT_EQ(phases.repeat, fold ? 1 : layer.upsample);
  std::vector<Reads> inputs;  // what is read, counted in repetitions and outside of the input as well
  int64_t pairs = 0;
  bool wrong_border = false;
  for (int64_t o = 0; o < out; ++o) {
    const AxisPhase phase = phases.Phase(axis.residue(o));
    const IndexRange valid = axis.ValidTaps(phase, axis.position(o));
    pairs += valid.count();
    inputs.push_back(AllReadsOf(axis, o));
    Reads reads;
    for (const auto& [input, slot] : ReadsOf(axis, o, valid)) {
      const SlotTaps taps = TapsOfSlot(layer, phases, slot);
      EXPECT_EQ(taps.shuffled, o % layer.shuffle) << "output " << o << " slot " << slot;
      EXPECT_GT(taps.taps.count(), 0) << "output " << o << " slot " << slot;
      for (int64_t t = taps.taps.begin; t < taps.taps.end; ++t) reads.push_back({axis.Source(input), t});
    }
    if (!axis.padded()) {
      EXPECT_EQ(valid.count(), static_cast<int64_t>(Inside(inputs.back(), axis.in).size())) << "output " << o;
    }
    if (fold && NeedsBorder(layer) && AtBorder(layer, in, o)) {
      wrong_border = wrong_border || Sorted(reads) != DefinedReads(layer, in, o);
    } else {
      EXPECT_EQ(Sorted(reads), DefinedReads(layer, in, o)) << "output " << o;
    }
  }
  // A border is asked for only where the folded weights cannot do it.
  EXPECT_EQ(wrong_border, fold && NeedsBorder(layer));
  EXPECT_EQ(CountPairs(axis), pairs);
  ExpectRanges(axis, inputs, 1);

  // Slots that no phase reads have no taps: the others are all those that some output reads.
  std::set<int64_t> used;
  for (int64_t r = 0; r < phases.stride; ++r) {
    const AxisPhase phase = phases.Phase(r);
    for (int64_t m = 0; m < phase.taps; ++m) used.insert(phase.first_slot + m * phases.slot_step);
  }
  for (int64_t slot = 0; slot < phases.slots; ++slot) {
    EXPECT_EQ(TapsOfSlot(layer, phases, slot).taps.count() > 0, used.count(slot) > 0) << "slot " << slot;
  }
}

// Calls body(layer, in) for every small layer that has an output.
template <typename Body>
void ForEachConv(const Body& body) {
  for (int64_t upsample = 1; upsample <= 4; ++upsample) {
    for (int64_t shuffle = 1; shuffle <= 3; ++shuffle) {
      for (int64_t kernel = 1; kernel <= 4; ++kernel) {
        for (int64_t dilation = 1; dilation <= 3; ++dilation) {
          for (const PaddingMode mode : kPaddingModes) {
            for (const int64_t in : {1, 2, 4}) {
              const int64_t most = MostPadding(mode, in * upsample);
              const std::set<int64_t> paddings{0, std::min<int64_t>(1, most), std::min(upsample, most),
                                               std::min(dilation * (kernel - 1), most), most};
              for (const int64_t begin : paddings) {
                for (const int64_t end : {int64_t{0}, begin}) {
                  if (in * upsample + begin + end <= dilation * (kernel - 1)) continue;
                  body(ConvAxis{kernel, dilation, begin, end, mode, upsample, shuffle}, in);
                  if (::testing::Test::HasFailure()) return;
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST(ConvPhases, ReadWhatTheConvolutionReads) {
  ForEachConv([](const ConvAxis& layer, int64_t in) { ExpectConv(layer, in, /*fold=*/false); });
}

TEST(ConvPhases, FoldedReadWhatTheConvolutionReads) {
  ForEachConv([](const ConvAxis& layer, int64_t in) {
    if (CanFold(layer)) ExpectConv(layer, in, /*fold=*/true);
  });
}

// Folding is allowed where there is something upsampled and the taps that read one pixel are neighbours.
TEST(ConvPhases, CanFoldNeighbours) {
  for (int64_t upsample = 1; upsample <= 4; ++upsample) {
    for (int64_t kernel = 1; kernel <= 5; ++kernel) {
      for (int64_t dilation = 1; dilation <= 3; ++dilation) {
        const ConvAxis layer{kernel, dilation, 0, 0, PaddingMode::kZeros, upsample, 1};
        EXPECT_EQ(CanFold(layer), upsample > 1 && (kernel == 1 || dilation == 1)) << Name(layer);
      }
    }
  }
}

TEST(ConvPhases, FoldedHaveFewerTaps) {
  const struct {
    int64_t kernel, upsample, taps;
  } rows[] = {{3, 2, 2}, {5, 2, 3}, {3, 3, 2}, {4, 4, 2}, {1, 4, 1}, {6, 4, 3}};
  for (const auto& [kernel, upsample, taps] : rows) {
    const ConvAxis layer{kernel, 1, kernel / 2, kernel / 2, PaddingMode::kZeros, upsample, 1};
    int64_t origin = 0;
    const AxisPhases phases = ConvPhases(layer, /*fold=*/true, &origin);
    EXPECT_EQ(phases.stride, upsample) << Name(layer);
    EXPECT_EQ(phases.slots, upsample * taps) << Name(layer);
  }
}

// ---- Source

TEST(AxisSource, IsThePaddedPixel) {
  for (const PaddingMode mode : {PaddingMode::kReflect, PaddingMode::kReplicate, PaddingMode::kCircular}) {
    for (int64_t repeat = 1; repeat <= 3; ++repeat) {
      for (int64_t in = 1; in <= 6; ++in) {
        AxisPhases phases;
        phases.padding_mode = mode;
        phases.repeat = repeat;
        const PhaseAxis axis{&phases, in * repeat, in * repeat, 0};
        const int64_t most = MostPadding(mode, in * repeat);
        for (int64_t i = -most; i < in * repeat + most; ++i) {
          EXPECT_EQ(axis.Source(i), PaddedPixel(mode, i, in * repeat) / repeat)
              << "mode " << static_cast<int>(mode) << " repeat " << repeat << " in " << in << " index " << i;
        }
      }
    }
  }
}

// ---- Joined phases

// Checks the join of phases whose taps are known by Phase. Returns whether there is one.
bool ExpectJoined(const AxisPhases& phases) {
  // Phases can be joined where all that they read from one position is on one lattice of the taps' step.
  std::set<int64_t> offsets, remainders;
  for (int64_t r = 0; r < phases.stride; ++r) {
    const AxisPhase phase = phases.Phase(r);
    for (int64_t m = 0; m < phase.taps; ++m) {
      const int64_t offset = phase.first_offset + m * phases.offset_step;
      offsets.insert(offset);
      remainders.insert((offset % phases.offset_step + phases.offset_step) % phases.offset_step);
    }
  }
  const std::optional<AxisPhases> joined = JoinPhases(phases);
  EXPECT_EQ(joined.has_value(), remainders.size() == 1);
  if (!joined.has_value()) return false;

  EXPECT_EQ(joined->stride, 1);
  EXPECT_EQ(joined->slots, (*offsets.rbegin() - *offsets.begin()) / phases.offset_step + 1);
  EXPECT_EQ(joined->padding_mode, phases.padding_mode);
  EXPECT_EQ(joined->repeat, phases.repeat);
  const PhaseAxis axis{&*joined, 100, 100, 0};
  constexpr int64_t kPosition = 50;
  const Reads all = AllReadsOf(axis, kPosition);
  EXPECT_EQ(all.size(), static_cast<size_t>(joined->slots));
  const IndexRange range = axis.InputRange({kPosition, kPosition + 1});
  EXPECT_EQ(range.begin, kPosition - *offsets.rbegin());
  EXPECT_EQ(range.end, kPosition - *offsets.begin() + 1);
  for (int64_t r = 0; r < phases.stride; ++r) {
    const AxisPhase phase = phases.Phase(r);
    Reads own, of_joined;
    for (int64_t m = 0; m < phase.taps; ++m) {
      own.push_back({kPosition - phase.first_offset - m * phases.offset_step, phase.first_slot + m * phases.slot_step});
    }
    for (const auto& [input, slot] : all) {
      const int64_t original = SlotOfJoined(phases, *joined, r, slot);
      if (original != -1) of_joined.push_back({input, original});
    }
    EXPECT_EQ(Sorted(of_joined), Sorted(own)) << "phase " << r;
  }
  return true;
}

TEST(JoinPhases, HaveEveryTapOfATransposedConvolutionOnce) {
  int joined = 0, apart = 0;
  for (int64_t kernel = 1; kernel <= 6; ++kernel) {
    for (int64_t stride = 1; stride <= 5; ++stride) {
      for (int64_t dilation = 1; dilation <= 4; ++dilation) {
        SCOPED_TRACE(Name(Transposed{kernel, stride, dilation, 0, 0, 0}));
        ++(ExpectJoined(TransposedConvPhases(kernel, stride, dilation)) ? joined : apart);
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(joined, 60);  // all of dilation 1, and more
  EXPECT_GT(apart, 10);
}

TEST(JoinPhases, HaveEveryTapOfAConvolutionOnce) {
  ForEachConv([](const ConvAxis& layer, int64_t) {
    SCOPED_TRACE(Name(layer));
    for (const bool fold : {false, true}) {
      if (fold && !CanFold(layer)) continue;
      int64_t origin = 0;
      EXPECT_TRUE(ExpectJoined(ConvPhases(layer, fold, &origin)));
    }
  });
}

}  // namespace
}  // namespace polyphase::internal
