// Files in memory, and small pictures as files.
#ifndef POLYPHASE_TESTS_FUZZ_PICTURES_H_
#define POLYPHASE_TESTS_FUZZ_PICTURES_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tools/cli/image_io.h"

namespace polyphase::fuzz {

// A file in memory, which has a path.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("fuzz", 0)), path_("/proc/self/fd/" + std::to_string(fd_)) {}
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::string& path() const { return path_; }
  void Write(const void* data, size_t size) const {
    if (pwrite(fd_, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  }
  std::string Content() const {
    std::string content(static_cast<size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    if (pread(fd_, content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) std::abort();
    return content;
  }

 private:
  int fd_;
  std::string path_;
};

inline void WriteTo(const MemoryFile& file, const cli::Image& image, cli::FileFormat format) {
  cli::Progress progress;
  cli::Warnings warnings;
  std::FILE* const stream = std::fopen(file.path().c_str(), "wb");
  if (stream == nullptr) std::abort();
  cli::WriteImage(image, format, file.path(), stream, &progress, &warnings);
  std::fclose(stream);
}

// A picture with a gradient, as the bytes of a file.
inline std::string Encoded(cli::FileFormat format, const cli::ImageShape& shape) {
  cli::Image image;
  image.shape = shape;
  image.Allocate();
  for (size_t i = 0; i < static_cast<size_t>(shape.bytes()); ++i) image.pixels[i] = static_cast<uint8_t>(7 * i);
  const MemoryFile file;
  WriteTo(file, image, format);
  return file.Content();
}

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_PICTURES_H_
