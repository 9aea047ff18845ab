// Network: the layers of a published upscaling network as Polyphase operators.
#ifndef POLYPHASE_TOOLS_CLI_NETWORK_H_
#define POLYPHASE_TOOLS_CLI_NETWORK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "ncnn_model.h"
#include "polyphase/polyphase.h"

namespace polyphase::cli {

// Says what a network reads outside the picture.
enum class Border {
  kReplicate,  // the edge, as far as the network looks
  kZeros,      // zeros, in every layer anew
};

// A network goes from RGB to RGB, each 0 to 1. Every layer looks one pixel further to all sides.
struct Network {
  struct Layer {
    Operator op;
    // With 0 the result is one pixel smaller at each side; with 1 it is not, and zeros were read there. (This is before
    // the scaling.)
    int64_t padding;
  };

  // These make upconv_7 of waifu2x, and realesr-animevideov3 (an SRVGGNetCompact) of Real-ESRGAN. They throw
  // std::runtime_error if the files are broken or of another network:
  //   "<path>: layer '<name>': <what it has>, but <network> has <what it should have>".
  static Network Waifu2x(const FileContent& param, const FileContent& bin, const OperatorOptions& options);
  static Network RealesrAnimevideo(const FileContent& param, const FileContent& bin, const OperatorOptions& options);

  // Returns how many pixels around a pixel its result depends on.
  int64_t context() const { return static_cast<int64_t>(layers.size()); }

  int64_t scale = 0;
  Border border = Border::kZeros;
  std::vector<Layer> layers;
  std::optional<Operator> base;  // scales the input; the last layer adds the result
  int64_t most_channels = 0;     // most channels between two layers
  double weight_count = 0.0;     // each of them is multiplied once per input pixel
  // The result has the same bits for every tile. Otherwise kAuto may choose Winograd, whose rounding depends on where a
  // tile begins: of 3.7 and 14.7 million samples of a photograph, 149 and 231 then differed by one (waifu2x and
  // realesr-animevideov3, which took 0.38 of the time; Zen 1, AVX2). Of a picture of noise, 391 and 2595 did.
  bool strict = false;
};

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_NETWORK_H_
