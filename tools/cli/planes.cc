// Planes: see planes.h.
#include "planes.h"

#include <cstddef>
#include <cstdint>

namespace polyphase::cli {

namespace {

template <typename T>
void Load(const Image& image, int channel, AlphaUse use, std::vector<float>* plane) {
  constexpr float kMax = std::numeric_limits<T>::max();
  const int channels = image.shape.channels;
  const T* pixel = reinterpret_cast<const T*>(image.pixels.get());
  for (float& value : *plane) {
    value = pixel[channel];
    if (use != AlphaUse::kIgnore) {
      const float alpha = pixel[channels - 1];
      value *= alpha / kMax;
      if (use == AlphaUse::kBlendOverWhite) value += kMax - alpha;
    }
    pixel += channels;
  }
}

template <typename T>
void Store(const std::vector<float>& plane, const std::vector<float>& alpha, float in_max, int channel, Image* image) {
  constexpr float kMax = std::numeric_limits<T>::max();
  const int channels = image->shape.channels;
  T* sample = reinterpret_cast<T*>(image->pixels.get()) + channel;
  for (size_t i = 0; i < plane.size(); ++i, sample += channels) {
    float value = plane[i];
    // Where alpha rounds to 0, there is no colour to see, and none could be computed.
    if (!alpha.empty()) value = alpha[i] < 0.5f ? 0.0f : value * (in_max / alpha[i]);
    *sample = ToSample<T>(value * (kMax / in_max));
  }
}

template <typename T>
bool AllOpaque(const Image& image) {
  const int channels = image.shape.channels;
  const T* pixels = reinterpret_cast<const T*>(image.pixels.get());
  const size_t samples = static_cast<size_t>(image.shape.pixel_count()) * channels;
  for (size_t i = channels - 1; i < samples; i += channels) {
    if (pixels[i] != std::numeric_limits<T>::max()) return false;
  }
  return true;
}

}  // namespace

void LoadPlane(const Image& image, int channel, AlphaUse use, std::vector<float>* plane) {
  (image.shape.bits == 16 ? Load<uint16_t> : Load<uint8_t>)(image, channel, use, plane);
}

void StorePlane(const std::vector<float>& plane, const std::vector<float>& alpha, float in_max, int channel,
                Image* image) {
  (image->shape.bits == 16 ? Store<uint16_t> : Store<uint8_t>)(plane, alpha, in_max, channel, image);
}

bool IsOpaque(const Image& image) { return (image.shape.bits == 16 ? AllOpaque<uint16_t> : AllOpaque<uint8_t>)(image); }

}  // namespace polyphase::cli
