// Resizer: resizes a picture by interpolation.
//
// The image is taken apart into planes of f32, which are resized one after the other, so that only one plane is held at
// four bytes per pixel.
#ifndef POLYPHASE_TOOLS_CLI_RESIZER_H_
#define POLYPHASE_TOOLS_CLI_RESIZER_H_

#include <array>
#include <optional>

#include "image_io.h"
#include "polyphase/polyphase.h"
#include "progress.h"
#include "upscale.h"

namespace polyphase::cli {

// A way to make pictures larger, as Upscale() needs it.
class Resizer {
 public:
  explicit Resizer(const UpscaleOptions& options) : options_(options) {}

  const char* phase() const { return "resize"; }
  std::array<double, 2> OutputSize(const ImageShape& in) const;
  double WorkBytes(const ImageShape& in, const ImageShape& out) const;
  double Cost(const ImageShape& out) const;  // in nanoseconds
  void Prepare(const ImageShape& in);
  void Run(Image* in, Image* out, Progress* progress) const;

 private:
  const UpscaleOptions& options_;
  std::optional<Plan> plan_;
};

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_RESIZER_H_
