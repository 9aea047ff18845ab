// The two networks of the tool with random weights: as files of ncnn, and what they compute, in double.
//
// Shares nothing with the tool or the library. Weights are multiples of a power of two with 11 bits, so that both
// storages hold them exactly, and those at the corners of the kernels are the largest, so that the far end of a
// network's context counts.
#ifndef POLYPHASE_TESTS_NETWORKS_RANDOM_MODEL_H_
#define POLYPHASE_TESTS_NETWORKS_RANDOM_MODEL_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace polyphase::testing {

enum class Storage { kFp16, kFp32 };

// [channel][y][x]
struct Planes {
  Planes(int64_t c, int64_t h, int64_t w) : c(c), h(h), w(w), data(static_cast<size_t>(c * h * w)) {}
  double& at(int64_t channel, int64_t y, int64_t x) { return data[static_cast<size_t>((channel * h + y) * w + x)]; }
  double at(int64_t channel, int64_t y, int64_t x) const {
    return data[static_cast<size_t>((channel * h + y) * w + x)];
  }

  int64_t c, h, w;
  std::vector<double> data;
};

class RandomModel {
 public:
  RandomModel(bool waifu2x, Storage storage, uint32_t seed) : waifu2x_(waifu2x), storage_(storage), rng_(seed) {
    if (waifu2x) {
      param = "7767517\n8 8\nInput in 0 1 blob0 0=156 1=156 2=3\n";
      const int64_t channels[] = {3, 16, 32, 64, 128, 128, 256};
      for (int i = 0; i < 6; ++i) {
        AddConvolution(channels[i], channels[i + 1], 3);
        param += "Convolution conv" + std::to_string(i + 1) + " 1 1 blob" + std::to_string(i) + " blob" +
                 std::to_string(i + 1) + " 0=" + std::to_string(channels[i + 1]) +
                 " 1=3 5=1 6=" + std::to_string(9 * channels[i] * channels[i + 1]) + " 9=2 -23310=1,0.100000\n";
      }
      AddConvolution(256, 3, 4);
      param += "Deconvolution conv7 1 1 blob6 out 0=3 1=4 3=2 4=3 5=1 6=12288\n";
    } else {
      param = "7767517\n40 41\nInput in 0 1 data\nSplit split 1 2 data base blob0\n";
      for (int i = 0; i < 18; ++i) {
        const int64_t inputs = i == 0 ? 3 : 64;
        const int64_t outputs = i == 17 ? 48 : 64;
        AddConvolution(inputs, outputs, 3);
        const std::string name = std::to_string(i);
        param += "Convolution conv" + name + " 1 1 blob" + name + " sum" + name + " 0=" + std::to_string(outputs) +
                 " 1=3 4=1 5=1 6=" + std::to_string(9 * inputs * outputs) + "\n";
        if (i == 17) break;
        AddSlopes();
        param += "PReLU prelu" + name + " 1 1 sum" + name + " blob" + std::to_string(i + 1) + " 0=64\n";
      }
      param +=
          "PixelShuffle shuffle 1 1 sum17 large 0=4\n"
          "Interp resize 1 1 base nearest 0=1 1=4.000000e+00 2=4.000000e+00\n"
          "BinaryOp add 2 1 large nearest out\n";
    }
  }

  int64_t scale() const { return waifu2x_ ? 2 : 4; }

  // Returns what the network makes of a picture of any size.
  Planes Compute(const Planes& picture) const {
    if (waifu2x_) {
      constexpr int64_t kBorder = 7;
      Planes x(3, picture.h + 2 * kBorder, picture.w + 2 * kBorder);
      for (int64_t c = 0; c < 3; ++c) {
        for (int64_t i = 0; i < x.h; ++i) {
          for (int64_t j = 0; j < x.w; ++j) {
            x.at(c, i, j) = picture.at(c, std::clamp<int64_t>(i - kBorder, 0, picture.h - 1),
                                       std::clamp<int64_t>(j - kBorder, 0, picture.w - 1));
          }
        }
      }
      for (size_t layer = 0; layer < 6; ++layer) {
        x = Convolve(x, layer, 0);
        for (double& value : x.data) value = value < 0 ? static_cast<double>(0.1f) * value : value;
      }
      return Deconvolve(x);
    }
    Planes x = picture;
    for (size_t layer = 0; layer < 18; ++layer) {
      x = Convolve(x, layer, 1);
      if (layer == 17) break;
      for (int64_t c = 0; c < 64; ++c) {
        for (int64_t i = 0; i < x.h * x.w; ++i) {
          double& value = x.data[static_cast<size_t>(c * x.h * x.w + i)];
          if (value < 0) value *= slopes_[layer][static_cast<size_t>(c)];
        }
      }
    }
    Planes out(3, 4 * x.h, 4 * x.w);
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t i = 0; i < out.h; ++i) {
        for (int64_t j = 0; j < out.w; ++j) {
          out.at(c, i, j) = x.at(c * 16 + i % 4 * 4 + j % 4, i / 4, j / 4) + picture.at(c, i / 4, j / 4);
        }
      }
    }
    return out;
  }

  std::string param;
  std::string bin;

 private:
  struct Convolution {
    int64_t inputs, outputs, kernel;
    std::vector<double> weights, bias;  // [output][input][y][x]
  };

  // A multiple of unit / 1024 between -unit and unit.
  double Random(double unit) { return (static_cast<double>(rng_() % 2049) - 1024) / 1024 * unit; }

  void Store(uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bin += static_cast<char>(value >> (8 * i) & 255);
  }

  void StoreFp32(double value) {
    const auto f32 = static_cast<float>(value);
    uint32_t bits = 0;
    std::memcpy(&bits, &f32, sizeof(bits));
    Store(bits, 4);
  }

  void StoreFp16(double value) {
    const uint32_t sign = value < 0 ? 0x8000 : 0;
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(value), &exponent);  // 0.5 to 1
    if (value == 0 || exponent < -13) {                               // 0 or subnormal
      Store(sign | static_cast<uint32_t>(std::ldexp(std::fabs(value), 24)), 2);
    } else {
      Store(sign | static_cast<uint32_t>(exponent + 14) << 10 | static_cast<uint32_t>(std::ldexp(fraction, 11) - 1024),
            2);
    }
  }

  void AddConvolution(int64_t inputs, int64_t outputs, int64_t kernel) {
    Convolution layer{inputs, outputs, kernel, {}, {}};
    // Such that values neither grow nor vanish; pictures are darker than maps.
    const double spread = outputs == 48 || outputs == 3 ? 1.0 : 3.2;
    const double unit = std::exp2(std::round(std::log2(spread / std::sqrt(static_cast<double>(inputs * kernel * 3)))));
    for (int64_t i = 0; i < inputs * outputs; ++i) {
      for (int64_t y = 0; y < kernel; ++y) {
        for (int64_t x = 0; x < kernel; ++x) {
          const bool edge_y = y == 0 || y == kernel - 1;
          const bool edge_x = x == 0 || x == kernel - 1;
          double weight = Random(unit * (edge_y ? 1 : 0.5) * (edge_x ? 1 : 0.5));
          if (i % 50 == 7) weight = std::ldexp(std::round(weight / unit * 1000), -24);  // subnormal in fp16
          layer.weights.push_back(weight);
        }
      }
    }
    const double mean = outputs == 3 ? 0.5 : 0.0;  // of a picture, half of which is not to be clamped
    for (int64_t i = 0; i < outputs; ++i) layer.bias.push_back(mean + Random(0.25));
    Store(storage_ == Storage::kFp16 ? 0x01306B47 : 0, 4);
    for (const double weight : layer.weights) storage_ == Storage::kFp16 ? StoreFp16(weight) : StoreFp32(weight);
    if (storage_ == Storage::kFp16 && layer.weights.size() % 2 != 0) Store(0, 2);
    for (const double bias : layer.bias) StoreFp32(bias);
    layers_.push_back(std::move(layer));
  }

  void AddSlopes() {
    slopes_.emplace_back();
    for (int i = 0; i < 64; ++i) {
      slopes_.back().push_back(Random(0.5) + 0.25);
      StoreFp32(slopes_.back().back());
    }
  }

  Planes Convolve(const Planes& in, size_t index, int64_t padding) const {
    const Convolution& layer = layers_[index];
    Planes out(layer.outputs, in.h + 2 * padding - 2, in.w + 2 * padding - 2);
    for (int64_t o = 0; o < out.c; ++o) {
      for (int64_t y = 0; y < out.h; ++y) {
        for (int64_t x = 0; x < out.w; ++x) out.at(o, y, x) = layer.bias[static_cast<size_t>(o)];
      }
      for (int64_t i = 0; i < in.c; ++i) {
        for (int64_t tap = 0; tap < 9; ++tap) {
          const double weight = layer.weights[static_cast<size_t>((o * in.c + i) * 9 + tap)];
          const int64_t dy = tap / 3 - padding;
          const int64_t dx = tap % 3 - padding;
          for (int64_t y = std::max<int64_t>(0, -dy); y < std::min(out.h, in.h - dy); ++y) {
            for (int64_t x = std::max<int64_t>(0, -dx); x < std::min(out.w, in.w - dx); ++x) {
              out.at(o, y, x) += weight * in.at(i, y + dy, x + dx);
            }
          }
        }
      }
    }
    return out;
  }

  // 4x4, stride 2, 3 pixels cut off at each side.
  Planes Deconvolve(const Planes& in) const {
    const Convolution& layer = layers_.back();
    Planes out(3, 2 * in.h - 4, 2 * in.w - 4);
    for (int64_t o = 0; o < 3; ++o) {
      for (int64_t y = 0; y < out.h; ++y) {
        for (int64_t x = 0; x < out.w; ++x) out.at(o, y, x) = layer.bias[static_cast<size_t>(o)];
      }
      for (int64_t i = 0; i < in.c; ++i) {
        for (int64_t tap = 0; tap < 16; ++tap) {
          const double weight = layer.weights[static_cast<size_t>((o * in.c + i) * 16 + tap)];
          for (int64_t y = 0; y < in.h; ++y) {
            for (int64_t x = 0; x < in.w; ++x) {
              const int64_t to_y = 2 * y + tap / 4 - 3;
              const int64_t to_x = 2 * x + tap % 4 - 3;
              if (to_y < 0 || to_y >= out.h || to_x < 0 || to_x >= out.w) continue;
              out.at(o, to_y, to_x) += weight * in.at(i, y, x);
            }
          }
        }
      }
    }
    return out;
  }

  bool waifu2x_;
  Storage storage_;
  std::mt19937 rng_;
  std::vector<Convolution> layers_;
  std::vector<std::vector<double>> slopes_;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_NETWORKS_RANDOM_MODEL_H_
