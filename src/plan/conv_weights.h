// The packed forms of a transposed convolution's weights.
#ifndef POLYPHASE_SRC_PLAN_CONV_WEIGHTS_H_
#define POLYPHASE_SRC_PLAN_CONV_WEIGHTS_H_

#include <cstdint>
#include <mutex>

#include "base/aligned_buffer.h"
#include "polyphase/conv_transpose.h"
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
  // [group][tile of output channels][kernel tap][input channel][tile width]: what a phase's taps select from. A GEMM
  // over one tile's taps reads it as well.
  kTaps = 0,
  // [group][tile of (kernel tap, output channel)][input channel][tile width]: the GEMM's columns flattened over the
  // taps, for fewer output channels than a vector has lanes.
  kColumns = 1,
  // [block of kStripBlock output channels][kernel tap][kStripBlock]: one input channel in each of several groups.
  kDepthwise = 2,
};
constexpr int kWeightForms = 3;

// The weights of one operator: each packed form from the first time that it is asked for.
class ConvWeights {
 public:
  // `lanes` and `max_vectors` are those of the operator's tiles. Copies the weights, times the epilogue's scale. Where there is only one form,
  // it is packed here and the caller's order is not kept.
  Status Init(const ConvTransposeAttributes& attributes, const float* weights, const Runtime& runtime, int64_t lanes,
              int64_t max_vectors);

  // Thread-safe; null when memory ran out (it is tried again the next time). The pointer lives as long as this object.
  const float* Get(WeightForm form) const;
  size_t bytes() const;

  ColumnTiles OutputTiles() const { return {oc_, lanes_, max_vectors_}; }
  ColumnTiles FlattenedTiles() const { return {oc_ * taps_, lanes_, max_vectors_}; }
  int64_t taps() const { return taps_; }
  // Whether kColumns wastes fewer lanes than kTaps; it is not used otherwise.
  bool FewOutputChannels() const { return oc_ < lanes_; }
  bool Depthwise() const { return ic_ == 1 && groups_ > 1; }
  // Whether there are forms to choose from.
  bool HasForms() const { return FewOutputChannels() || Depthwise(); }

 private:
  // 1 without a scale, which leaves every weight as it is.
  float Scale(int64_t output_channel) const { return scale_.bytes() == 0 ? 1.0f : scale_.as<float>()[output_channel]; }
  int64_t FormFloats(WeightForm form) const;
  Status PackForm(WeightForm form, const float* raw) const;
  void Pack(WeightForm form, const float* raw, float* packed) const;

  Runtime runtime_;
  int64_t groups_ = 1, ic_ = 0, oc_ = 0, taps_ = 0;  // ic_ and oc_ of one group
  int64_t lanes_ = 0, max_vectors_ = 0;
  AlignedBuffer raw_;
  AlignedBuffer scale_;  // [output channel], or nothing
  mutable std::mutex mutex_;
  mutable AlignedBuffer forms_[kWeightForms];
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_CONV_WEIGHTS_H_
