// The upsampling of a vocoder like HiFi-GAN: 1-D layers that turn frames of a spectrogram into samples. Utterances have
// different lengths. Operators are made once, a plan when a length first comes, and plans are kept.
#include <polyphase/polyphase.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

constexpr float kSlope = 0.1f;

template <typename T>
T Must(polyphase::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "vocoder: %s\n", result.status().message());
  std::exit(1);
}

// A leaky ReLU and a transposed convolution whose output is `stride` times as long as its input.
class Upsampling {
 public:
  Upsampling(int64_t inputs, int64_t outputs, int64_t stride)
      : inputs_(inputs), outputs_(outputs), stride_(stride), weights_(inputs * outputs * 2 * stride) {
    for (size_t i = 0; i < weights_.size(); ++i) weights_[i] = static_cast<float>(i * 7919 % 211) / 1050 - 0.1f;
    polyphase::ConvTransposeAttributes layer;
    layer.spatial_rank = 1;
    layer.input_channels = inputs;
    layer.output_channels = outputs;
    layer.kernel = {2 * stride};
    layer.stride = {stride};
    layer.padding_begin = layer.padding_end = {stride / 2};
    layer.prologue = {polyphase::Activation::kLeakyRelu, kSlope};
    op_.emplace_back(Must(polyphase::CreateConvTranspose(layer, weights_.data(), nullptr)));
  }

  std::vector<float> Run(const std::vector<float>& input) {
    const auto length = static_cast<int64_t>(input.size()) / inputs_;
    auto plan = plans_.find(length);
    if (plan == plans_.end()) {
      const auto shape = polyphase::TensorDesc::Make(1, inputs_, {length});
      plan = plans_.emplace(length, Must(op_[0].MakePlan(shape))).first;
      std::puts(plan->second.Describe().c_str());
    }
    std::vector<float> output(static_cast<size_t>(outputs_ * length * stride_));
    if (!plan->second.Run(input.data(), output.data()).ok()) std::abort();
    return output;
  }

  // The same by the formula: output[i * stride + tap - padding] += input[i] * weight[tap].
  std::vector<float> Plain(const std::vector<float>& input) const {
    const auto length = static_cast<int64_t>(input.size()) / inputs_, samples = length * stride_;
    std::vector<float> output(static_cast<size_t>(outputs_ * samples));
    for (int64_t in = 0; in < inputs_; ++in) {
      for (int64_t i = 0; i < length; ++i) {
        const float x = input[in * length + i], value = x < 0 ? kSlope * x : x;
        for (int64_t out = 0; out < outputs_; ++out) {
          for (int64_t tap = 0; tap < 2 * stride_; ++tap) {
            const int64_t o = i * stride_ + tap - stride_ / 2;
            const float weight = weights_[(in * outputs_ + out) * 2 * stride_ + tap];
            if (o >= 0 && o < samples) output[out * samples + o] += value * weight;
          }
        }
      }
    }
    return output;
  }

  size_t plans() const { return plans_.size(); }

 private:
  int64_t inputs_, outputs_, stride_;
  std::vector<float> weights_;
  std::vector<polyphase::Operator> op_;  // one; it has no empty state
  std::map<int64_t, polyphase::Plan> plans_;
};

int main() {
  Upsampling first(64, 32, 8), second(32, 16, 4);
  for (const size_t frames : {17, 60, 17, 33, 60}) {
    std::vector<float> mel(64 * frames);
    for (size_t i = 0; i < mel.size(); ++i) mel[i] = static_cast<float>(i * 31 % 101) / 50 - 1;
    const std::vector<float> samples = second.Run(first.Run(mel)), plain = second.Plain(first.Plain(mel));
    double error = 0;
    for (size_t i = 0; i < plain.size(); ++i) error = std::max<double>(error, std::abs(samples[i] - plain[i]));
    std::printf("%zu frames, %zu samples, largest error %.1e\n", frames, samples.size() / 16, error);
    if (samples.size() != plain.size() || !(error < 1e-4)) return 1;
  }
  return first.plans() == 3 && second.plans() == 3 ? 0 : 1;  // of five utterances, three lengths
}
