// Image files: reads and writes PNG and JPEG. A file that lacks pixels, or in which they are damaged, is an error; what
// only surrounds them is left out with a warning.
#ifndef POLYPHASE_TOOLS_CLI_IMAGE_IO_H_
#define POLYPHASE_TOOLS_CLI_IMAGE_IO_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "progress.h"

namespace polyphase::cli {

enum class FileFormat { kPng, kJpeg };
constexpr int64_t kMaxPngSide = 0x7fffffff;
constexpr int64_t kMaxJpegSide = 65500;

// Palettes are expanded to RGB, less than 8 bits to 8, and PNG's transparent colour to an alpha channel.
struct ImageShape {
  int64_t width = 0;
  int64_t height = 0;
  int channels = 0;  // 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha
  int bits = 8;      // 8 or 16 per sample

  bool has_alpha() const { return channels == 2 || channels == 4; }
  // This is a double, because the sizes in a broken header may be anything and this never overflows.
  double pixel_count() const { return static_cast<double>(width) * static_cast<double>(height); }
  int pixel_bytes() const { return channels * bits / 8; }
  double bytes() const { return pixel_count() * pixel_bytes(); }
};

// How large pixels are: x and y of them per metre, or if `metric` is false only the ratio of their sides. 0: not known.
struct PixelDensity {
  uint32_t x = 0;
  uint32_t y = 0;
  bool metric = false;
};

// A chunk of a PNG file that says what its colours mean.
struct ColourChunk {
  char name[5];
  size_t size;
  uint8_t data[32];
};

struct Image {
  ImageShape shape;
  std::unique_ptr<uint8_t[]> pixels;  // dense rows of interleaved samples; 16 bits in the byte order of this machine
  std::vector<uint8_t> icc_profile;   // empty if there is none
  std::vector<ColourChunk> colour_chunks;
  PixelDensity density;

  size_t row_bytes() const { return static_cast<size_t>(shape.width) * shape.pixel_bytes(); }
  void Allocate() { pixels.reset(new uint8_t[row_bytes() * static_cast<size_t>(shape.height)]); }
};

// It is called when the header has been read and nothing of the size of the image has been allocated, and throws to
// refuse the image. `shape` is that of the stored image, which may be turned by 90 degrees when it has been read.
// `decoder_bytes` is what decoding takes for itself.
using HeaderCallback = std::function<void(const ImageShape& shape, double decoder_bytes)>;

// What was not taken or not written, for the user; each begins with the path of a file.
using Warnings = std::vector<std::string>;

// Reads PNG or JPEG, told apart by content, and turns it upright as its EXIF orientation says.
// This and WriteImage throw std::runtime_error with a message that begins with `path`.
Image ReadImage(const std::string& path, const HeaderCallback& on_header, Progress* progress, Warnings* warnings);
// `file` is the open file of `path`. JPEG takes 8 bits without alpha.
void WriteImage(const Image& image, FileFormat format, const std::string& path, std::FILE* file, Progress* progress,
                Warnings* warnings);
// Returns the format that the extension of `path` names.
FileFormat FormatOf(const std::string& path);

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_IMAGE_IO_H_
