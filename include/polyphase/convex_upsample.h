// ConvexUpsample: RAFT's upsampling of an optical flow, whose weights another layer computes for every output.
#ifndef POLYPHASE_CONVEX_UPSAMPLE_H_
#define POLYPHASE_CONVEX_UPSAMPLE_H_

#include <cstdint>

#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/polyphase_c.h"
#include "polyphase/status.h"

namespace polyphase {

// The op has two spatial axes and a neighbourhood of 3x3; both are fixed.
struct ConvexUpsampleAttributes {
  int64_t factor = 8;  // >= 1, of both axes; 9 * factor^2 < 2^63
  // The values are multiplied by this. 0: by the factor, as a flow in pixels of the larger picture must be.
  float scale = 0.0f;  // finite
  // The mask is multiplied by this before the softmax. In RAFT, whose layer returns .25 * mask, it is 0.25 if that
  // multiplication is left out of the layer.
  float mask_scale = 1.0f;  // finite
};

// Takes, for every output, a convex combination of the 3x3 inputs around its own one, as upsample_flow of
// princeton-vl/RAFT does (core/raft.py; GMA, RAFT-Stereo and SEA-RAFT have the same). With f = factor, and inputs
// outside of the map being 0,
//   output[n, c, y * f + i, x * f + j] = sum over k of w[k] * scale * input[n, c, y + k / 3 - 1, x + k % 3 - 1],
//   w = softmax over k of mask_scale * mask[n, (k * f + i) * f + j, y, x], k = 0 .. 8.
// The input has any number of channels c (a flow has 2), and the output as many. PlanOptions::mask describes the mask,
// which has the input's n and sizes and 9 * f^2 channels; RunOptions::mask points to it. All tensors are f32 in any
// layout; their layouts need not agree. The workspace holds some rows. Empty tensors are a success.
//
// The largest of the nine is subtracted before the exponentials are taken, so that none overflows. Weights below
// e^-87.7 of the largest are 0. What is not finite does what it does in PyTorch: an output is NaN where one of the nine
// is NaN or +infinity or all of them are -infinity, and a single -infinity has the weight 0; an infinity or NaN of the
// input reaches all outputs whose 3x3 inputs it is in, as a NaN if its weight is 0.
// Errors of MakePlan: a spatial rank other than 2, a type other than f32 (kUnsupported), a mask of another shape.
POLYPHASE_EXPORT StatusOr<Operator> CreateConvexUpsample(const ConvexUpsampleAttributes& attributes,
                                                         const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_CONVEX_UPSAMPLE_H_
