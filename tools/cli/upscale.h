// Upscale: makes one image file larger through the public API of Polyphase, by interpolation or by a network.
#ifndef POLYPHASE_TOOLS_CLI_UPSCALE_H_
#define POLYPHASE_TOOLS_CLI_UPSCALE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "image_io.h"
#include "polyphase/polyphase.h"

namespace polyphase::cli {

enum class Model { kNone, kWaifu2x, kRealesrAnimevideo };

struct UpscaleOptions {
  std::string input;
  std::string output;
  // Without a model: either scale, or width and height; the other is 0.
  double scale = 0.0;
  int64_t width = 0;
  int64_t height = 0;
  PyTorchMode mode = PyTorchMode::kBicubic;
  bool align_corners = false;
  // With a model.
  Model model = Model::kNone;
  std::string weights;  // folder
  int noise = -1;       // for kWaifu2x: 0 to 3, how much noise is removed, or -1 for none
  int64_t tile = 0;     // pixels of IN per side; 0 is the default of the model
  bool strict = false;  // the same bits for every tile

  std::string isa;       // empty for the library's choice
  size_t threads = 0;    // 0 for the library's choice
  bool verbose = false;  // prints the seconds that each phase took

  OperatorOptions operator_options() const {
    OperatorOptions options;
    options.isa = isa;
    options.runtime.num_threads = threads;
    return options;
  }
};

// Returns warnings for the user. Throws std::runtime_error with a message for the user.
Warnings Upscale(const UpscaleOptions& options);

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_UPSCALE_H_
