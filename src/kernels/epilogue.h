// Applies an op's epilogue to a panel of its values, in place or on their way through registers into the output.
#ifndef POLYPHASE_SRC_KERNELS_EPILOGUE_H_
#define POLYPHASE_SRC_KERNELS_EPILOGUE_H_

#include <cstdint>

#include "kernels/activation.h"
#include "polyphase/epilogue.h"

namespace polyphase::internal {

// output[p][i] = activation(scale[i] * panel[p][i] + shift[i] (+ residual[p][i])) (+ residual[p][i]) for p < pixels, i
// < count. Rows of panel, residual and output are panel_stride, residual_stride and output_stride floats apart.
// `output` may be `panel`.
struct EpilogueArgs {
  Activation activation;
  ActivationParameters parameters;
  // The constants of element i are at [i * constant_step]: the step is 1 where the elements of a row are channels, and
  // 0 where they are pixels of one channel. A null scale means 1, a null shift 0. The slope is kPRelu's.
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
  bool stream;  // writes past the caches, where a row consists of whole cache lines
};
using EpilogueFn = void (*)(const EpilogueArgs& args);

// values[i] = activation(values[i]) for i < count. Prologues apply this to packed inputs.
using ActivateFn = void (*)(Activation activation, const ActivationParameters& parameters, float* values,
                            int64_t count);

struct EpilogueKernels {
  EpilogueFn epilogue;
  ActivateFn activate;
};

EpilogueKernels GetEpilogueKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_EPILOGUE_H_
