// The direct form of a phase convolution, one ordinary convolution per output phase, with any kind of dense tile.
#ifndef POLYPHASE_SRC_PHASE_CONV_DIRECT_H_
#define POLYPHASE_SRC_PHASE_CONV_DIRECT_H_

#include <cstddef>
#include <memory>

#include "phase_conv/algorithm.h"

namespace polyphase::internal {

// Estimates the time of the tiles that `layout` has weights for, as PhaseAlgorithm::cost does.
double DirectCost(const PhaseProblem& problem, const WeightLayout& layout);
// The tiles, if they are not depthwise, are a ConvTile.
std::unique_ptr<PhasePart> ScheduleDirect(const PhaseProblem& problem, const WeightLayout& layout, size_t threads);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_DIRECT_H_
