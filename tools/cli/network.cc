// Network: see network.h.
#include "network.h"

#include <cstdio>
#include <initializer_list>
#include <string>

#include "errors.h"

namespace polyphase::cli {

namespace {

// Says what a parameter of a layer must be: its key in ncnn, its meaning, and its value if the file does not have it.
struct Rule {
  int key;
  const char* what;
  double expected;
  double absent;
};

// Hands out the layers of a model one by one, with their weights, and checks that each is the one that the network has
// in this place.
class LayerReader {
 public:
  LayerReader(const FileContent& param, const FileContent& bin, const char* network)
      : model_(ParseNcnnParam(param)), weights_(bin), network_(network) {}

  // `back` says how far before this layer the layers are whose results it reads.
  const NcnnLayer& Next(const char* type, std::initializer_list<size_t> back, std::initializer_list<Rule> rules) {
    if (next_ == model_.layers.size()) {
      Refuse(model_.layers.back(), "is the last one", std::string("a ") + type + " behind it");
    }
    NcnnLayer& layer = model_.layers[next_];
    if (layer.type != type) Refuse(layer, "type " + Quote(layer.type), std::string("a ") + type + " here");
    bool reads_them = layer.inputs.size() == back.size();
    for (size_t i = 0; reads_them && i < back.size(); ++i) reads_them = layer.inputs[i] == next_ - back.begin()[i];
    if (!reads_them) Refuse(layer, "reads other layers", "another order of them");
    auto unknown = layer.parameters;
    for (const Rule& rule : rules) {
      const auto found = unknown.find(rule.key);
      double value = rule.absent;
      if (found != unknown.end()) {
        if (found->second.size() != 1) Refuse(layer, "not one value as its " + std::string(rule.what), "one");
        value = found->second[0];
        unknown.erase(found);
      }
      // Slopes were f32 before they became text.
      if (static_cast<float>(value) != static_cast<float>(rule.expected)) {
        Refuse(layer, Text(value) + " as its " + rule.what, Text(rule.expected));
      }
    }
    // An Input may say any size.
    if (!unknown.empty() && layer.type != "Input") {
      Refuse(layer, "a parameter with key " + std::to_string(unknown.begin()->first), "none of that");
    }
    weights_.Read(&layer);
    ++next_;
    return layer;
  }

  // Returns a layer with weights. `activation` is ncnn's number of an activation that is part of the layer, and `slope`
  // is its parameter.
  const NcnnLayer& NextConvolution(const char* type, int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride,
                                   int64_t padding, int activation, double slope) {
    const auto k = static_cast<double>(kernel);
    const auto s = static_cast<double>(stride);
    const auto p = static_cast<double>(padding);
    const auto weights = static_cast<double>(inputs * outputs * kernel * kernel);
    // If the vertical values and those of the ends are absent, they are the horizontal ones of the beginning.
    return Next(type, {1},
                {{0, "outputs", static_cast<double>(outputs), 0},
                 {1, "kernel", k, 0},
                 {11, "kernel height", k, k},
                 {2, "dilation", 1, 1},
                 {12, "vertical dilation", 1, 1},
                 {3, "stride", s, 1},
                 {13, "vertical stride", s, s},
                 {4, "padding", p, 0},
                 {14, "vertical padding", p, p},
                 {15, "padding at the right", p, p},
                 {16, "padding at the bottom", p, p},
                 {18, type[0] == 'C' ? "padding value" : "output padding", 0, 0},
                 {19, type[0] == 'C' ? "dynamic weights" : "vertical output padding", 0, 0},
                 {5, "bias", 1, 0},
                 {6, "weights", weights, 0},
                 {8, "int8 mode", 0, 0},
                 {9, "activation", static_cast<double>(activation), 0},
                 {10, "activation's slope", slope, 0}});
  }

  size_t position() const { return next_; }

  void ExpectEnd() const {
    if (next_ != model_.layers.size()) Refuse(model_.layers[next_], "one more layer", "no more");
    weights_.ExpectEnd(model_.layers.back());
  }

 private:
  static std::string Text(double value) {
    char text[40];
    std::snprintf(text, sizeof(text), "%.10g", value);
    return text;
  }

  [[noreturn]] void Refuse(const NcnnLayer& layer, const std::string& found, const std::string& expected) const {
    FailLayer(model_.param_path, layer.name, found + ", but " + network_ + " has " + expected);
  }

  NcnnModel model_;
  NcnnWeights weights_;
  const char* network_;
  size_t next_ = 0;
};

ConvAttributes Conv3x3(int64_t inputs, int64_t outputs, int64_t padding) {
  ConvAttributes attributes;
  attributes.input_channels = inputs;
  attributes.output_channels = outputs;
  attributes.kernel = {3, 3};
  attributes.padding_begin = attributes.padding_end = {padding, padding};
  return attributes;
}

void Append(const NcnnLayer& layer, StatusOr<Operator> op, int64_t padding, Network* network) {
  network->layers.push_back({ValueOrThrow(std::move(op)), padding});
  network->weight_count += static_cast<double>(layer.weights.size());
}

// ncnn has a deconvolution's weights as [outputs][inputs][taps], ConvTranspose as [inputs][outputs][taps].
std::vector<float> SwapChannels(const std::vector<float>& weights, int64_t inputs, int64_t outputs, int64_t taps) {
  std::vector<float> swapped;
  swapped.reserve(weights.size());
  for (int64_t input = 0; input < inputs; ++input) {
    for (int64_t output = 0; output < outputs; ++output) {
      const auto from = weights.begin() + (output * inputs + input) * taps;
      swapped.insert(swapped.end(), from, from + taps);
    }
  }
  return swapped;
}

}  // namespace

Network Network::Waifu2x(const FileContent& param, const FileContent& bin, const OperatorOptions& options) {
  constexpr int kLeakyRelu = 2;
  constexpr float kSlope = 0.1f;
  Network network;
  network.scale = 2;
  network.border = Border::kReplicate;
  network.most_channels = 256;
  LayerReader reader(param, bin, "upconv_7");
  reader.Next("Input", {}, {});
  int64_t channels = 3;
  for (const int64_t outputs : {16, 32, 64, 128, 128, 256}) {
    const NcnnLayer& layer = reader.NextConvolution("Convolution", channels, outputs, 3, 1, 0, kLeakyRelu, kSlope);
    ConvAttributes conv = Conv3x3(channels, outputs, 0);
    conv.epilogue.activation = Activation::kLeakyRelu;
    conv.epilogue.negative_slope = kSlope;
    Append(layer, CreateConv(conv, layer.weights.data(), layer.constants.data(), options), 0, &network);
    channels = outputs;
  }
  const NcnnLayer& last = reader.NextConvolution("Deconvolution", channels, 3, 4, 2, 3, 0, 0.0);
  ConvTransposeAttributes deconv;
  deconv.input_channels = channels;
  deconv.output_channels = 3;
  deconv.kernel = {4, 4};
  deconv.stride = {2, 2};
  deconv.padding_begin = deconv.padding_end = {3, 3};
  const std::vector<float> weights = SwapChannels(last.weights, channels, 3, 16);
  Append(last, CreateConvTranspose(deconv, weights.data(), last.constants.data(), options), 0, &network);
  reader.ExpectEnd();
  return network;
}

Network Network::RealesrAnimevideo(const FileContent& param, const FileContent& bin, const OperatorOptions& options) {
  constexpr int64_t kChannels = 64;
  constexpr int64_t kScale = 4;
  Network network;
  network.scale = kScale;
  network.border = Border::kZeros;
  network.most_channels = kChannels;
  LayerReader reader(param, bin, "realesr-animevideov3-x4");
  reader.Next("Input", {}, {});
  int64_t channels = 3;
  for (int i = 0; i < 17; ++i) {
    const NcnnLayer& layer = reader.NextConvolution("Convolution", channels, kChannels, 3, 1, 1, 0, 0.0);
    const NcnnLayer& prelu = reader.Next("PReLU", {1}, {{0, "slopes", kChannels, 0}});
    ConvAttributes conv = Conv3x3(channels, kChannels, 1);
    conv.epilogue.activation = Activation::kPRelu;
    conv.epilogue.slope = prelu.constants.data();
    conv.epilogue.channels = kChannels;
    Append(layer, CreateConv(conv, layer.weights.data(), layer.constants.data(), options), 1, &network);
    channels = kChannels;
  }
  // The picture without a network, made larger, is added to what the network makes of it.
  const int64_t outputs = 3 * kScale * kScale;
  const NcnnLayer& last = reader.NextConvolution("Convolution", channels, outputs, 3, 1, 1, 0, 0.0);
  reader.Next("PixelShuffle", {1}, {{0, "factor", kScale, 1}, {1, "mode", 0, 0}});
  const size_t input = reader.position();  // how far back the Input is
  reader.Next("Interp", {input},
              {{0, "mode", 1, 0},
               {1, "height scale", kScale, 1},
               {2, "width scale", kScale, 1},
               {3, "height", 0, 0},
               {4, "width", 0, 0},
               {5, "dynamic size", 0, 0},
               {6, "align corners", 0, 0}});
  reader.Next("BinaryOp", {2, 1}, {{0, "operation", 0, 0}, {1, "scalar", 0, 0}, {2, "scalar's value", 0, 0}});
  reader.ExpectEnd();
  ConvAttributes conv = Conv3x3(channels, outputs, 1);
  conv.shuffle = {kScale, kScale};
  conv.channel_order = ChannelOrder::kCrd;
  conv.epilogue.residual = Residual::kAfterActivation;
  Append(last, CreateConv(conv, last.weights.data(), last.constants.data(), options), 1, &network);
  ResizeAttributes nearest = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  nearest.scale = {kScale, kScale};
  network.base = ValueOrThrow(CreateResize(nearest, options));
  return network;
}

}  // namespace polyphase::cli
