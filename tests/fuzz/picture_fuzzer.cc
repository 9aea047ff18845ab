// The reader of PNG and JPEG files, and the writers with what it has read.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "tests/fuzz/heap.h"
#include "tests/fuzz/pictures.h"
#include "tools/cli/image_io.h"

namespace {

using polyphase::cli::FileFormat;
using polyphase::cli::Image;
using polyphase::cli::ImageShape;
using polyphase::cli::Progress;
using polyphase::cli::Warnings;
using polyphase::fuzz::MemoryFile;
using polyphase::fuzz::WriteTo;

constexpr double kMostPixels = 1 << 15;

// Returns whether the file is a picture; its errors name it.
bool Read(const MemoryFile& file, Image* image) {
  const auto refuse_large = [](const ImageShape& shape, double decoder_bytes) {
    if (shape.pixel_count() > kMostPixels || decoder_bytes > 64e6) throw std::bad_alloc();
  };
  Progress progress;
  Warnings warnings;
  try {
    *image = ReadImage(file.path(), refuse_large, &progress, &warnings);
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const std::runtime_error& error) {
    if (std::string(error.what()).rfind(file.path() + ": ", 0) != 0) throw;
    return false;
  }
  for (const std::string& warning : warnings) {
    if (warning.rfind(file.path() + ": ", 0) != 0) std::abort();
  }
  return true;
}

// Gives every chunk of a PNG file the checksum that it should have.
void MendChecksums(uint8_t* data, size_t size) {
  constexpr size_t kSignature = 8, kAround = 12;  // a chunk is its length, its name, its data, its checksum
  const auto store = [](uint32_t value, uint8_t* bytes) {
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
  };
  for (size_t at = kSignature; at + kAround <= size;) {
    uint32_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | data[at + static_cast<size_t>(i)];
    if (length > size - at - kAround) return;
    store(static_cast<uint32_t>(crc32(0, data + at + 4, length + 4)), data + at + 8 + length);
    at += kAround + length;
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0 && size > 1 && data[0] == 0x89) MendChecksums(data, size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const polyphase::fuzz::HeapLimit limit(16 << 20);
  const MemoryFile file;
  file.Write(data, size);
  Image image;
  if (!Read(file, &image)) return 0;
  const MemoryFile png;
  WriteTo(png, image, FileFormat::kPng);
  Image again;
  if (!Read(png, &again) || again.shape.width != image.shape.width || again.shape.height != image.shape.height ||
      again.shape.channels != image.shape.channels || again.shape.bits != image.shape.bits ||
      std::memcmp(again.pixels.get(), image.pixels.get(), static_cast<size_t>(image.shape.bytes())) != 0) {
    std::fprintf(stderr, "a PNG that was written is not what was read\n");
    std::abort();
  }
  if (image.shape.bits == 8 && !image.shape.has_alpha() &&
      std::max(image.shape.width, image.shape.height) <= polyphase::cli::kMaxJpegSide) {
    const MemoryFile jpeg;
    WriteTo(jpeg, image, FileFormat::kJpeg);
    if (!Read(jpeg, &again)) std::abort();
  }
  return 0;
}
