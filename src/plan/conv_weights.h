// The packed forms of a dense op's weights and biases.
#ifndef POLYPHASE_SRC_PLAN_CONV_WEIGHTS_H_
#define POLYPHASE_SRC_PLAN_CONV_WEIGHTS_H_

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/aligned_buffer.h"
#include "geometry/phases.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// Output channels, or columns of a GEMM, in groups of up to max_vectors vectors: one group is what one tile computes.
struct ColumnTiles {
  int64_t columns;  // in all
  int64_t lanes;
  int64_t max_vectors;

  int64_t count() const { return (columns + lanes * max_vectors - 1) / (lanes * max_vectors); }
  int64_t first(int64_t tile) const { return tile * lanes * max_vectors; }
  // Vectors of a tile; its last one may be partly empty.
  int64_t vectors(int64_t tile) const {
    const int64_t left = (columns - first(tile) + lanes - 1) / lanes;
    return left < max_vectors ? left : max_vectors;
  }
  int64_t width(int64_t tile) const { return vectors(tile) * lanes; }
  // Columns of all tiles, the empty lanes included.
  int64_t padded() const { return (columns + lanes - 1) / lanes * lanes; }
};

enum class WeightForm : int {
  // [group][tile of output channels][slot][input channel][tile width]: what a phase's taps select from. A GEMM over one
  // tile's taps reads it as well. Biases: [shuffled][group][output channels, padded].
  kTaps = 0,
  // The same with the phases of the joined axes as further output channels, [tile of (phase, output channel)], and with
  // the slots of the joined phases: full vectors where an output has few channels.
  kJoined = 1,
  // [group][tile of (slot, output channel)][input channel][tile width]: the GEMM's columns flattened over the taps, for
  // fewer output channels than a vector has lanes. Biases: [group][output channel].
  kColumns = 2,
  // [block of kLineLanes output channels][slot][kLineLanes]: one input channel in each of several groups. Biases:
  // [shuffled][output channels, padded to blocks].
  kDepthwise = 3,
};
constexpr int kWeightForms = 4;

// Weights and biases in the order of phases. All sizes are those of one group.
struct ConvWeightsSource {
  int64_t groups = 0, ic = 0, oc = 0;
  const std::array<AxisPhases, kMaxSpatialRank>* phases = nullptr;
  const std::array<AxisPhases, kMaxSpatialRank>* joined = nullptr;
  const float* weights = nullptr;  // [group][input channel][output channel][slot z][slot y][slot x]
  // [shuffled z][y][x][group][output channel], where a phase of residue r has the bias of `shuffled` = r mod biases; null
  // for zeros.
  const float* bias = nullptr;
  SpatialSizes biases{1, 1, 1};
  SpatialSizes join{1, 1, 1};  // the number of phases on each axis that is joined
  bool gemm = false;           // whether the forms for a GEMM may be asked for
};

struct PackedWeights {
  const float* weights;
  const float* bias;
};

// The weights of one operator: each packed form from the first time that it is asked for.
class ConvWeights {
 public:
  // `lanes` and `max_vectors` are those of the operator's tiles; `source.phases` and `source.joined` must outlive this
  // object. Where there is only one form, it is packed here and the source's order is not kept; otherwise it is copied.
  // `op` begins the messages.
  Status Init(const char* op, const ConvWeightsSource& source, const Runtime& runtime, int64_t lanes,
              int64_t max_vectors);

  // Thread-safe; null when memory ran out (it is tried again the next time). The pointers live as long as this object.
  PackedWeights Get(WeightForm form) const;
  size_t bytes() const;

  // The form that phases are computed from.
  WeightForm phase_form() const { return form_; }
  bool Depthwise() const { return form_ == WeightForm::kDepthwise; }
  // Whether kColumns wastes fewer lanes than kTaps; it is not used otherwise.
  bool FewOutputChannels() const { return source_.oc < lanes_; }
  // Whether phases and GEMM need different forms.
  bool HasForms() const { return source_.gemm && (FewOutputChannels() || form_ != WeightForm::kTaps); }

  // Of one group.
  ColumnTiles Tiles(WeightForm form) const;
  // Slots along one axis, and of all.
  int64_t slots(WeightForm form, int axis) const;
  int64_t slots(WeightForm form) const { return slots(form, 0) * slots(form, 1) * slots(form, 2); }
  // Biases of one shuffled offset.
  int64_t BiasFloats(WeightForm form) const;
  // Offsets along one axis that have biases of their own.
  int64_t biases(WeightForm form, int axis) const { return Joined(form, axis) ? 1 : source_.biases[axis]; }

 private:
  bool Joined(WeightForm form, int axis) const { return form == WeightForm::kJoined && source_.join[axis] > 1; }
  int64_t AllBiasFloats(WeightForm form) const;
  int64_t WeightFloats(WeightForm form) const;
  Status PackForm(WeightForm form) const;
  void PackBias(WeightForm form, float* packed) const;
  void PackWeights(WeightForm form, float* packed) const;
  void PackDepthwise(float* packed) const;

  const char* op_ = "";
  Runtime runtime_;
  ConvWeightsSource source_;
  WeightForm form_ = WeightForm::kTaps;
  int64_t lanes_ = 0, max_vectors_ = 0;
  AlignedBuffer copy_;  // of the source's weights and biases
  mutable std::mutex mutex_;
  mutable AlignedBuffer forms_[kWeightForms];  // biases, padded to a line, then weights
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_CONV_WEIGHTS_H_
