// Orientation: see orientation.h.
#include "orientation.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace polyphase::cli {

namespace {

// Says where the pixels of the stored image go in the upright one, counted in pixels.
struct Placement {
  int64_t origin;
  int64_t step_x;
  int64_t step_y;
};

// `width` and `height` are those of the stored image.
Placement PlacementOf(int orientation, int64_t width, int64_t height) {
  switch (orientation) {
    case 2: return {width - 1, -1, width};              // mirrored left to right
    case 3: return {width * height - 1, -1, -width};    // turned by 180 degrees
    case 4: return {(height - 1) * width, 1, -width};   // mirrored top to bottom
    case 5: return {0, height, 1};                      // mirrored at the main diagonal
    case 6: return {height - 1, height, -1};            // to be turned clockwise
    case 7: return {width * height - 1, -height, -1};   // mirrored at the other diagonal
    case 8: return {(width - 1) * height, -height, 1};  // to be turned counter-clockwise
    default: return {0, 1, width};
  }
}

}  // namespace

int ExifOrientation(const uint8_t* tiff, size_t size) {
  constexpr size_t kHeader = 8;
  constexpr size_t kEntry = 12;  // tag, type, count, value
  constexpr uint32_t kOrientationTag = 0x0112;
  constexpr uint32_t kShort = 3, kLong = 4;
  if (size < kHeader || (std::memcmp(tiff, "II*\0", 4) != 0 && std::memcmp(tiff, "MM\0*", 4) != 0)) return 1;
  const bool little_endian = tiff[0] == 'I';
  const auto read = [&](size_t at, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | tiff[little_endian ? at + bytes - 1 - i : at + i];
    return value;
  };
  const size_t directory = read(4, 4);
  if (directory > size - 2) return 1;
  const size_t entries = std::min<size_t>(read(directory, 2), (size - directory - 2) / kEntry);
  for (size_t entry = 0; entry < entries; ++entry) {
    const size_t at = directory + 2 + kEntry * entry;
    if (read(at, 2) != kOrientationTag) continue;
    const uint32_t type = read(at + 2, 2);
    if ((type != kShort && type != kLong) || read(at + 4, 4) != 1) return 1;
    const uint32_t orientation = read(at + 8, type == kShort ? 2 : 4);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

void TurnUpright(int orientation, Image* image) {
  if (orientation == 1) return;
  const std::unique_ptr<uint8_t[]> stored = std::move(image->pixels);
  ImageShape& shape = image->shape;
  const int64_t width = shape.width;
  const int64_t height = shape.height;
  if (orientation >= 5) {
    std::swap(shape.width, shape.height);
    std::swap(image->density.x, image->density.y);
  }
  image->Allocate();
  const Placement placement = PlacementOf(orientation, width, height);
  const int bytes = shape.pixel_bytes();
  const uint8_t* pixel = stored.get();
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x, pixel += bytes) {
      const int64_t to = placement.origin + y * placement.step_y + x * placement.step_x;
      std::copy_n(pixel, bytes, image->pixels.get() + to * bytes);
    }
  }
}

}  // namespace polyphase::cli
