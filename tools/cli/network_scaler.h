// NetworkScaler: a picture made larger by a network, tile by tile.
#ifndef POLYPHASE_TOOLS_CLI_NETWORK_SCALER_H_
#define POLYPHASE_TOOLS_CLI_NETWORK_SCALER_H_

#include <array>

#include "image_io.h"
#include "network.h"
#include "polyphase/polyphase.h"
#include "progress.h"
#include "upscale.h"

namespace polyphase::cli {

// A way to make pictures larger, as Upscale() needs it.
//
// A gray picture is shown to the network in three equal channels, and the mean of their results is taken. Alpha is
// resized by cubic interpolation. What is visible nowhere does not influence what is visible.
class NetworkScaler {
 public:
  // Reads the weights. Throws std::runtime_error.
  explicit NetworkScaler(const UpscaleOptions& options);

  const char* phase() const { return "network"; }
  std::array<double, 2> OutputSize(const ImageShape& in) const;
  double WorkBytes(const ImageShape& in, const ImageShape& out) const;
  double Cost(const ImageShape& out) const;  // in nanoseconds
  void Prepare(const ImageShape&) const {}
  void Run(Image* in, Image* out, Progress* progress) const;

 private:
  void ScaleAlpha(const Image& in, Image* out) const;

  Network network_;
  Operator resize_alpha_;
  int64_t tile_;
};

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_NETWORK_SCALER_H_
