// The epilogue of an op on a panel of its values: in place, or on their way from registers into the output.
#ifndef POLYPHASE_SRC_KERNELS_EPILOGUE_H_
#define POLYPHASE_SRC_KERNELS_EPILOGUE_H_

#include <cstdint>

#include "kernels/activation.h"
#include "polyphase/epilogue.h"

namespace polyphase::internal {

// output[p][i] = activation(scale[i] * panel[p][i] + shift[i] (+ residual[p][i])) (+ residual[p][i]) for p < pixels,
// i < count. Rows of panel, residual and output are panel_stride, residual_stride and output_stride floats apart; output
// may be panel.
struct EpilogueArgs {
  Activation activation;
  ActivationParameters parameters;
  // Constants of element i are at [i * constant_step]: step 1 where the elements of a row are channels, 0 where they are
  // pixels of one channel. Null: 1 and 0; slope is kPRelu's.
  const float* scale;
  const float* shift;
  const float* slope;
  int64_t constant_step;
  Residual residual_mode;
  const float* residual;
  int64_t residual_stride;
  const float* panel;
  int64_t panel_stride;
  float* output;
  int64_t output_stride;
  int64_t pixels, count;
  bool stream;  // past the caches, where a row has whole lines of memory
};
using EpilogueFn = void (*)(const EpilogueArgs& args);

// values[i] = activation(values[i]) for i < count: a prologue, on what was packed.
using ActivateFn = void (*)(Activation activation, const ActivationParameters& parameters, float* values,
                            int64_t count);

struct EpilogueKernels {
  EpilogueFn epilogue;
  ActivateFn activate;
};

EpilogueKernels GetEpilogueKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_EPILOGUE_H_
