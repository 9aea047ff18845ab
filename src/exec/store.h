// Stores the panels of all ops: a panel of values gets the epilogue and goes into the output. That happens in registers
// where the output has the order of the panel, and otherwise in place in L1 before the panel is unpacked.
#ifndef POLYPHASE_SRC_EXEC_STORE_H_
#define POLYPHASE_SRC_EXEC_STORE_H_

#include <cstdint>

#include "geometry/index_range.h"
#include "geometry/tensor.h"
#include "plan/kernels.h"
#include "polyphase/epilogue.h"

namespace polyphase::internal {

// All stores of a run have this in common.
struct OutputStore {
  const Kernels& kernels;
  const Epilogue& epilogue;
  const PlanTensors& tensors;
  Conversion conversion, residual_conversion;
  bool stream;
  char* output;
  const char* residual;
  float* residual_panel;  // scratch of the size of the largest panel; null without a residual

  // A line that was just read as the residual is in the caches, so a store past them saves nothing.
  bool Streams() const { return stream && residual != output; }
};

// Stores `pixels` pixels of channels [channel, channel + channels). Offsets count elements from the beginning of the
// tensor to channel 0 of the first pixel. Panel rows are panel_stride floats apart; 1 with a single channel means one
// row of pixels.
struct PanelRun {
  int64_t channel, channels, pixels;
  float* panel;
  int64_t panel_stride;
  int64_t output_offset, output_pixel_stride;
  int64_t residual_offset, residual_pixel_stride;
};

void StorePanel(const OutputStore& store, const PanelRun& run);

// Writes zeros into `channels` of `pixels` neighbouring pixels of a tensor. `offset` counts elements up to channel 0 of
// the first pixel. The channels may be the empty lanes of the last channel block.
void FillZeros(const TensorDesc& desc, void* tensor, int64_t offset, int64_t pixels, const IndexRange& channels);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_STORE_H_
