// ESPCN end to end: three convolutions that enlarge a grey picture three times. The last one is followed by a pixel
// shuffle, which is part of the layer: no tensor of 9 channels is written. Between the layers tensors are NCHW16c.
#include <polyphase/polyphase.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

using polyphase::TensorDesc;

constexpr int64_t kSize = 20;

struct Layer {
  int64_t inputs, outputs, kernel, shuffle;
  bool tanh;
};
constexpr Layer kLayers[] = {{1, 64, 5, 1, true}, {64, 32, 3, 1, true}, {32, 9, 3, 3, false}};

template <typename T>
T Must(polyphase::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "espcn: %s\n", result.status().message());
  std::exit(1);
}

std::vector<float> WeightsOf(const Layer& layer) {
  std::vector<float> weights(layer.outputs * layer.inputs * layer.kernel * layer.kernel);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i * 7919 % 1009) / 5000 - 0.1f;
  return weights;
}

// A network whose layers write 16 channels side by side; the first reads and the last writes a picture.
std::vector<polyphase::Plan> Load() {
  std::vector<polyphase::Plan> plans;
  TensorDesc tensor = TensorDesc::Nchw(1, 1, kSize, kSize);
  for (const Layer& layer : kLayers) {
    polyphase::ConvAttributes conv;
    conv.input_channels = layer.inputs;
    conv.output_channels = layer.outputs;  // of the convolution: 9 of the last one become 1
    conv.kernel = {layer.kernel, layer.kernel};
    conv.padding_begin = conv.padding_end = {layer.kernel / 2, layer.kernel / 2};
    conv.shuffle = {layer.shuffle, layer.shuffle};
    if (layer.tanh) conv.epilogue.activation = polyphase::Activation::kTanh;
    const std::vector<float> weights = WeightsOf(layer);
    const auto op = Must(polyphase::CreateConv(conv, weights.data(), nullptr));  // copies the weights

    polyphase::PlanOptions options;
    options.output = layer.shuffle == 1 ? TensorDesc::Nchwc(16, 0, 0, 0, 0) : TensorDesc::Nchw(0, 0, 0, 0);
    plans.push_back(Must(op.MakePlan(tensor, options)));  // keeps what it needs of the operator
    std::puts(plans.back().Describe().c_str());
    tensor = plans.back().output();  // the sizes have been filled in
  }
  return plans;
}

// The same in plain loops: a convolution, tanh, then PyTorch's pixel_shuffle.
std::vector<float> Plain(std::vector<float> input) {
  for (const Layer& layer : kLayers) {
    const std::vector<float> weights = WeightsOf(layer);
    const int64_t k = layer.kernel, s = layer.shuffle;
    std::vector<float> output(layer.outputs * kSize * kSize);
    for (int64_t i = 0; i < layer.outputs * kSize * kSize; ++i) {
      const int64_t o = i / (kSize * kSize), y = i / kSize % kSize, x = i % kSize;
      double sum = 0;
      for (int64_t tap = 0; tap < layer.inputs * k * k; ++tap) {
        const int64_t channel = tap / (k * k), row = y + tap / k % k - k / 2, column = x + tap % k - k / 2;
        if (row < 0 || row >= kSize || column < 0 || column >= kSize) continue;
        sum += input[(channel * kSize + row) * kSize + column] * weights[o * layer.inputs * k * k + tap];
      }
      const int64_t channel = o / (s * s), row = y * s + o / s % s, column = x * s + o % s;
      output[(channel * kSize * s + row) * kSize * s + column] = static_cast<float>(layer.tanh ? std::tanh(sum) : sum);
    }
    input = std::move(output);
  }
  return input;
}

int main() {
  std::vector<float> picture(kSize * kSize);
  for (size_t i = 0; i < picture.size(); ++i) picture[i] = static_cast<float>(i * 31 % 256) / 255;

  std::vector<float> tensor = picture;
  for (const polyphase::Plan& plan : Load()) {
    std::vector<float> output(plan.output().n * plan.output().stride_n);
    if (!plan.Run(tensor.data(), output.data()).ok()) return 1;
    tensor = std::move(output);
  }

  const std::vector<float> plain = Plain(picture);
  double error = 0;
  for (size_t i = 0; i < plain.size(); ++i) error = std::max<double>(error, std::abs(tensor[i] - plain[i]));
  std::printf("%zu pixels from %zu, largest error %.1e\n", tensor.size(), picture.size(), error);
  return tensor.size() == plain.size() && error < 1e-5 ? 0 : 1;
}
