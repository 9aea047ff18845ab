// The taps of a tile, for every kernel file of tiles. Each target includes this file once.
#if defined(POLYPHASE_SRC_KERNELS_CONV_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_CONV_TILE_INL_H_
#undef POLYPHASE_SRC_KERNELS_CONV_TILE_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_CONV_TILE_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/conv_tile.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

// Calls body(input, weights) for each tap.
template <class Body>
HWY_INLINE void ForEachTap(const ConvTileArgs& args, const Body& body) {
  for (int64_t tz = 0; tz < args.taps_z; ++tz) {
    for (int64_t ty = 0; ty < args.taps_y; ++ty) {
      auto input = static_cast<const char*>(args.input) + tz * args.input_step_z + ty * args.input_step_y;
      auto weights = static_cast<const char*>(args.weights) + tz * args.weights_step_z + ty * args.weights_step_y;
      for (int64_t tx = args.taps_x; tx > 0; --tx, input += args.input_step_x, weights += args.weights_step_x) {
        body(input, weights);
      }
    }
  }
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
