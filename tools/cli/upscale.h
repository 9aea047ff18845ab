// Upscale: one image file resized into another through Polyphase's public API.
#ifndef POLYPHASE_TOOLS_CLI_UPSCALE_H_
#define POLYPHASE_TOOLS_CLI_UPSCALE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "polyphase/polyphase.h"

namespace polyphase::cli {

struct UpscaleOptions {
  std::string input;
  std::string output;
  // Either scale, or width and height; the other is 0.
  double scale = 0.0;
  int64_t width = 0;
  int64_t height = 0;
  PyTorchMode mode = PyTorchMode::kBicubic;
  bool align_corners = false;
  std::string isa;     // empty: the library's choice
  size_t threads = 0;  // 0: the library's choice
};

// Throws std::runtime_error with a message for the user.
void Upscale(const UpscaleOptions& options);

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_UPSCALE_H_
