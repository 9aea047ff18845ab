// Kernels: all kernel tables of the one SIMD target that an operator uses.
#ifndef POLYPHASE_SRC_PLAN_KERNELS_H_
#define POLYPHASE_SRC_PLAN_KERNELS_H_

#include <string>

#include "kernels/conv_tile.h"
#include "kernels/convex_upsample.h"
#include "kernels/epilogue.h"
#include "kernels/matrix_tile.h"
#include "kernels/max_unpool.h"
#include "kernels/panel.h"
#include "kernels/planar_tile.h"
#include "kernels/pool.h"
#include "kernels/resize_bytes.h"
#include "kernels/resize_row.h"
#include "kernels/target.h"
#include "kernels/winograd.h"
#include "polyphase/status.h"

namespace polyphase::internal {

struct Kernels {
  Target target;
  ConvTileKernels conv;
  MatrixTiles matrix;
  PlanarTile planar;
  PanelKernels panel;
  EpilogueKernels epilogue;
  ResizeRowKernels resize;
  ResizeBytesKernels resize_bytes;
  PoolKernels pool;
  MaxUnpoolKernels max_unpool;
  ConvexUpsampleKernels convex_upsample;
  WinogradKernels winograd;
};

// Selects the best supported target that is not better than the one named `isa`. An empty name means POLYPHASE_ISA or,
// if that is unset, no cap. Case does not matter. Fails if the name is not that of a compiled target. A cap of targets
// excludes instructions that none of them implies, those of matrix tiles, but for a name that ends with "+bf16" or, for
// all of them, "+amx".
Status SelectTarget(const std::string& isa, Target* target, Bf16Unit* unit);
Status SelectKernels(const std::string& isa, Kernels* kernels);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_KERNELS_H_
