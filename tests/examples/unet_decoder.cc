// A step of a U-Net's decoder without a copy: the upsampling writes its channels into the concatenation, beside those
// of the skip connection, and the convolution reads all of them. Tensors are NCHW16c.
#include <polyphase/polyphase.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

using polyphase::TensorDesc;

constexpr int64_t kBlock = 16, kDeep = 64, kSkip = 32, kUp = 32, kOut = 16, kSize = 24, kArea = kSize * kSize;
constexpr int64_t kImages = 2, kJoined = (kSkip + kUp) * kArea;  // floats of an image of the concatenation

template <typename T>
T Must(polyphase::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "unet_decoder: %s\n", result.status().message());
  std::exit(1);
}

std::vector<float> Numbers(int64_t count, int64_t seed) {  // between -0.5 and 0.5
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>((i + seed) * 7919 % 1009) / 1008 - 0.5f;
  return values;
}

// The index in a dense NCHW16c tensor of this size.
int64_t At(int64_t c, int64_t y, int64_t x, int64_t size) {
  return (c / kBlock * size * size + y * size + x) * kBlock + c % kBlock;
}

int main() {
  // Load: Create copies and packs the weights.
  polyphase::ConvTransposeAttributes up;
  up.input_channels = kDeep;
  up.output_channels = kUp;
  up.kernel = up.stride = {2, 2};
  const std::vector<float> up_weights = Numbers(kDeep * kUp * 2 * 2, 1);
  const auto up_op = Must(polyphase::CreateConvTranspose(up, up_weights.data(), nullptr));

  polyphase::ConvAttributes conv;
  conv.input_channels = kSkip + kUp;
  conv.output_channels = kOut;
  conv.kernel = {3, 3};
  conv.padding_begin = conv.padding_end = {1, 1};
  conv.epilogue.activation = polyphase::Activation::kRelu;
  const std::vector<float> conv_weights = Numbers(kOut * (kSkip + kUp) * 3 * 3, 2);
  const auto conv_op = Must(polyphase::CreateConv(conv, conv_weights.data(), nullptr));

  // Plan: the output of the upsampling is a range of channels of the concatenation.
  const auto concat = TensorDesc::Nchwc(kBlock, kImages, kSkip + kUp, kSize, kSize);
  polyphase::PlanOptions options;
  options.output = TensorDesc::Nchwc(kBlock, kImages, kUp, kSize, kSize);
  options.output->stride_n = kJoined;  // from one image of the concatenation to the next
  const auto up_plan = Must(up_op.MakePlan(TensorDesc::Nchwc(kBlock, kImages, kDeep, kSize / 2, kSize / 2), options));
  const auto conv_plan = Must(conv_op.MakePlan(concat));

  // Run. The encoder has written the first channels of each image; a range begins at a multiple of the block.
  const std::vector<float> deep = Numbers(kImages * kDeep * kArea / 4, 3), before = Numbers(kImages * kJoined, 4);
  std::vector<float> joined = before, output(static_cast<size_t>(kImages * kOut * kArea));
  if (!up_plan.Run(deep.data(), joined.data() + kSkip * kArea).ok()) return 1;
  if (!conv_plan.Run(joined.data(), output.data()).ok()) return 1;

  // Check both layers against plain sums, and that the skip connections are as they were.
  double error = 0;
  for (int64_t n = 0; n < kImages; ++n) {
    const float *in = &deep[n * kDeep * kArea / 4], *both = &joined[n * kJoined], *out = &output[n * kOut * kArea];
    if (!std::equal(both, both + kSkip * kArea, &before[n * kJoined])) return std::puts("the skip has changed"), 1;
    for (int64_t pixel = 0; pixel < kArea; ++pixel) {
      const int64_t y = pixel / kSize, x = pixel % kSize;
      for (int64_t o = 0; o < kUp; ++o) {
        double sum = 0;
        for (int64_t i = 0; i < kDeep; ++i) {
          sum += in[At(i, y / 2, x / 2, kSize / 2)] * up_weights[((i * kUp + o) * 2 + y % 2) * 2 + x % 2];
        }
        error = std::max(error, std::abs(sum - both[At(kSkip + o, y, x, kSize)]));
      }
      for (int64_t o = 0; o < kOut; ++o) {
        double sum = 0;
        for (int64_t tap = 0; tap < (kSkip + kUp) * 9; ++tap) {
          const int64_t row = y + tap / 3 % 3 - 1, column = x + tap % 3 - 1;
          if (row < 0 || row >= kSize || column < 0 || column >= kSize) continue;
          sum += conv_weights[o * (kSkip + kUp) * 9 + tap] * both[At(tap / 9, row, column, kSize)];
        }
        error = std::max(error, std::abs(std::max(sum, 0.0) - out[At(o, y, x, kSize)]));
      }
    }
  }
  std::printf("%s\n%s\nlargest error %.1e\n", up_plan.Describe().c_str(), conv_plan.Describe().c_str(), error);
  return error < 1e-4 ? 0 : 1;
}
