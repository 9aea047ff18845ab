// See invisible.h.
#include "invisible.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "planes.h"

namespace polyphase::cli {

namespace {

template <typename T>
void Fill(int distance, Image* image) {
  const int channels = image->shape.channels;
  const int64_t width = image->shape.width;
  const int64_t height = image->shape.height;
  T* pixels = reinterpret_cast<T*>(image->pixels.get());
  std::vector<uint8_t> ring(static_cast<size_t>(width * height), 0);  // 1: visible; 0: not filled
  for (size_t i = 0; i < ring.size(); ++i) ring[i] = pixels[i * channels + channels - 1] != 0 ? 1 : 0;
  for (int current = 2; current < distance + 2; ++current) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        const int64_t at = y * width + x;
        if (ring[at] != 0) continue;
        uint64_t count = 0;
        uint64_t sums[3] = {};
        for (int64_t near_y = std::max<int64_t>(y - 1, 0); near_y <= std::min(y + 1, height - 1); ++near_y) {
          for (int64_t near_x = std::max<int64_t>(x - 1, 0); near_x <= std::min(x + 1, width - 1); ++near_x) {
            const int64_t near = near_y * width + near_x;
            if (ring[near] == 0 || ring[near] == current) continue;
            ++count;
            for (int c = 0; c + 1 < channels; ++c) sums[c] += pixels[near * channels + c];
          }
        }
        if (count == 0) continue;
        ring[at] = static_cast<uint8_t>(current);
        for (int c = 0; c + 1 < channels; ++c) {
          pixels[at * channels + c] = static_cast<T>((sums[c] + count / 2) / count);
        }
      }
    }
  }
}

// Calls change(pixel) for all pixels of type T.
template <typename T, typename Change>
void ForEachPixel(Image* image, const Change& change) {
  T* pixel = reinterpret_cast<T*>(image->pixels.get());
  T* end = pixel + static_cast<size_t>(image->shape.pixel_count()) * image->shape.channels;
  for (; pixel != end; pixel += image->shape.channels) change(pixel);
}

template <typename T>
void Blend(Image* image) {
  constexpr float kMax = std::numeric_limits<T>::max();
  const int alpha = image->shape.channels - 1;
  ForEachPixel<T>(image, [&](T* pixel) {
    const float opacity = static_cast<float>(pixel[alpha]) / kMax;
    for (int c = 0; c < alpha; ++c) pixel[c] = ToSample<T>(pixel[c] * opacity + (kMax - pixel[alpha]));
  });
}

template <typename T>
void Clear(Image* image) {
  const int alpha = image->shape.channels - 1;
  ForEachPixel<T>(image, [&](T* pixel) {
    if (pixel[alpha] == 0) std::fill_n(pixel, alpha, T{0});
  });
}

}  // namespace

void FillInvisible(int distance, Image* image) {
  (image->shape.bits == 16 ? Fill<uint16_t> : Fill<uint8_t>)(distance, image);
}

void BlendOverWhite(Image* image) { (image->shape.bits == 16 ? Blend<uint16_t> : Blend<uint8_t>)(image); }

void ClearInvisible(Image* image) { (image->shape.bits == 16 ? Clear<uint16_t> : Clear<uint8_t>)(image); }

}  // namespace polyphase::cli
