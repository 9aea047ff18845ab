// Planes: converts one channel of an image to f32 in the range of the image, and back.
#ifndef POLYPHASE_TOOLS_CLI_PLANES_H_
#define POLYPHASE_TOOLS_CLI_PLANES_H_

#include <algorithm>
#include <limits>
#include <vector>

#include "image_io.h"

namespace polyphase::cli {

// Says what happens to a colour sample on its way into a plane.
enum class AlphaUse { kIgnore, kPremultiply, kBlendOverWhite };

// `plane` has as many elements as the image has pixels.
void LoadPlane(const Image& image, int channel, AlphaUse use, std::vector<float>* plane);

// `in_max` is the largest sample of the image that the plane came from. `alpha` is the alpha plane of a premultiplied
// colour, else empty.
void StorePlane(const std::vector<float>& plane, const std::vector<float>& alpha, float in_max, int channel,
                Image* image);

// Returns whether no pixel of an image that has alpha lets anything through.
bool IsOpaque(const Image& image);

// Returns the largest sample.
inline float MaxSample(const Image& image) { return image.shape.bits == 16 ? 65535.0f : 255.0f; }

// Returns `value` as a sample: clamped (a NaN becomes 0) and rounded to nearest (even, as PyTorch rounds).
template <typename T>
T ToSample(float value) {
  constexpr float kMax = std::numeric_limits<T>::max();
  // Floats from 2^23 on have no fraction: adding 2^23 rounds, in the way and at the speed of the FPU.
  constexpr float kRounder = 8388608.0f;
  return static_cast<T>((value > 0.0f ? std::min(value, kMax) : 0.0f) + kRounder - kRounder);
}

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_PLANES_H_
