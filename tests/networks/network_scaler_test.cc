// NetworkScaler on images: samples, gray and alpha, against the reference in double, and tiles of every size.
#include "tools/cli/network_scaler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include "tests/networks/random_model.h"
#include "tests/testers/harness.h"
#include "tools/cli/image_io.h"
#include "tools/cli/invisible.h"

namespace polyphase::cli {
namespace {

using testing::Planes;
using testing::RandomModel;
using testing::Storage;

// The files of both networks in a folder of their own, in the names that the tool looks for.
class NetworkScalerTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "polyphase-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    Write(GetParam() ? "scale2.0x_model" : "realesr-animevideov3-x4", model_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const RandomModel& model) {
    std::ofstream(folder_ + "/" + name + ".param") << model.param;
    std::ofstream(folder_ + "/" + name + ".bin", std::ios::binary) << model.bin;
  }

  UpscaleOptions Options() const {
    UpscaleOptions options;
    options.model = GetParam() ? Model::kWaifu2x : Model::kRealesrAnimevideo;
    options.weights = folder_;
    return options;
  }

  // The output, with as many channels and bits as are given.
  Image Run(Image in, int channels, int bits, int64_t tile = 0, bool strict = false) const {
    UpscaleOptions options = Options();
    options.tile = tile;
    options.strict = strict;
    const NetworkScaler scaler(options);
    Image out;
    out.shape = {in.shape.width * model_.scale(), in.shape.height * model_.scale(), channels, bits};
    EXPECT_EQ(scaler.OutputSize(in.shape)[0], static_cast<double>(out.shape.width));
    EXPECT_EQ(scaler.OutputSize(in.shape)[1], static_cast<double>(out.shape.height));
    out.Allocate();
    std::fill_n(out.pixels.get(), static_cast<size_t>(out.shape.bytes()), uint8_t{0xa5});
    Progress progress;
    scaler.Run(&in, &out, &progress);
    return out;
  }

  const RandomModel model_{GetParam(), Storage::kFp16, 7};
  std::string folder_;
};

int64_t Sample(const Image& image, int64_t y, int64_t x, int channel) {
  const int64_t at = (y * image.shape.width + x) * image.shape.channels + channel;
  return image.shape.bits == 16 ? reinterpret_cast<const uint16_t*>(image.pixels.get())[at] : image.pixels[at];
}

void SetSample(int64_t y, int64_t x, int channel, int64_t value, Image* image) {
  const int64_t at = (y * image->shape.width + x) * image->shape.channels + channel;
  if (image->shape.bits == 16) {
    reinterpret_cast<uint16_t*>(image->pixels.get())[at] = static_cast<uint16_t>(value);
  } else {
    image->pixels[at] = static_cast<uint8_t>(value);
  }
}

Image RandomImage(int64_t height, int64_t width, int channels, int bits, uint32_t seed) {
  Image image;
  image.shape = {width, height, channels, bits};
  image.Allocate();
  std::mt19937 rng(seed);
  for (int64_t i = 0; i < static_cast<int64_t>(image.shape.bytes()); ++i) image.pixels[i] = static_cast<uint8_t>(rng());
  return image;
}

Image Copy(const Image& image) {
  Image copy;
  copy.shape = image.shape;
  copy.Allocate();
  std::copy_n(image.pixels.get(), static_cast<size_t>(image.shape.bytes()), copy.pixels.get());
  return copy;
}

void SetAlpha(const std::function<int64_t(int64_t y, int64_t x)>& alpha, Image* image) {
  for (int64_t y = 0; y < image->shape.height; ++y) {
    for (int64_t x = 0; x < image->shape.width; ++x) {
      SetSample(y, x, image->shape.channels - 1, alpha(y, x), image);
    }
  }
}

// Returns what the network sees: colours of 0 to 1, and gray as RGB.
Planes PlanesOf(const Image& image) {
  Planes planes(3, image.shape.height, image.shape.width);
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t y = 0; y < planes.h; ++y) {
      for (int64_t x = 0; x < planes.w; ++x) {
        const auto sample =
            static_cast<double>(Sample(image, y, x, image.shape.channels >= 3 ? static_cast<int>(c) : 0));
        planes.at(c, y, x) = sample / (image.shape.bits == 16 ? 65535 : 255);
      }
    }
  }
  return planes;
}

// Clamped, and rounded to nearest but for `slack` of f32.
void ExpectClose(const Image& actual, const Planes& expected, double slack) {
  const double most = actual.shape.bits == 16 ? 65535 : 255;
  const bool gray = actual.shape.channels < 3;
  double clamped = 0;
  for (int64_t y = 0; y < expected.h; ++y) {
    for (int64_t x = 0; x < expected.w; ++x) {
      for (int c = 0; c < (gray ? 1 : 3); ++c) {
        const double value =
            gray ? (expected.at(0, y, x) + expected.at(1, y, x) + expected.at(2, y, x)) / 3 : expected.at(c, y, x);
        const double sample = std::clamp(value * most, 0.0, most);
        clamped += sample != value * most ? 1 : 0;
        ASSERT_LE(std::fabs(static_cast<double>(Sample(actual, y, x, c)) - sample), 0.5 + slack)
            << "x " << x << ", y " << y << ", channel " << c;
      }
    }
  }
  EXPECT_LT(clamped, 0.5 * static_cast<double>(expected.data.size()));  // or there was nothing to see
}

TEST_P(NetworkScalerTest, IsTheReference) {
  for (const int channels : {1, 3}) {
    for (const int bits : {8, 16}) {
      SCOPED_TRACE(std::to_string(channels) + " channels, " + std::to_string(bits) + " bits");
      const Image in = RandomImage(7, 12, channels, bits, 1);
      const Planes expected = model_.Compute(PlanesOf(in));
      ExpectClose(Run(Copy(in), channels, bits, 5), expected, bits == 16 ? 0.5 : 0.002);
      ExpectClose(Run(Copy(in), channels, 8), expected, 0.002);
    }
  }
}

// Without `strict`, rounding makes a few samples differ by one.
TEST_P(NetworkScalerTest, TilesAreNotSeen) {
  for (const auto& [height, width] : {std::array<int64_t, 2>{67, testing::kSanitized ? 19 : 131}, {1, 1}, {3, 70}}) {
    const Image in = RandomImage(height, width, 3, 8, 2);
    const Image whole = Run(Copy(in), 3, 8, 400, true);
    const auto bytes = static_cast<size_t>(whole.shape.bytes());
    for (const int64_t tile : {0, 17, 64, 130}) {
      const Image strict = Run(Copy(in), 3, 8, tile, true);
      EXPECT_TRUE(std::equal(strict.pixels.get(), strict.pixels.get() + bytes, whole.pixels.get())) << tile;
      const Image tiles = Run(Copy(in), 3, 8, tile);
      size_t different = 0;
      for (size_t i = 0; i < bytes; ++i) {
        ASSERT_LE(std::abs(tiles.pixels[i] - whole.pixels[i]), 1) << tile << ", byte " << i;
        different += tiles.pixels[i] != whole.pixels[i] ? 1 : 0;
      }
      EXPECT_LE(different, bytes / 100) << tile;
    }
  }
}

TEST_P(NetworkScalerTest, OpaqueAlphaChangesNothing) {
  Image in = RandomImage(9, 8, 4, 8, 3);
  SetAlpha([](int64_t, int64_t) { return 255; }, &in);
  const Planes expected = model_.Compute(PlanesOf(in));
  const Image out = Run(Copy(in), 4, 8);
  ExpectClose(out, expected, 0.002);
  for (int64_t y = 0; y < out.shape.height; ++y) {
    for (int64_t x = 0; x < out.shape.width; ++x) ASSERT_EQ(Sample(out, y, x, 3), 255);
  }
  ExpectClose(Run(Copy(in), 3, 8), expected, 0.002);  // JPEG
}

// Whatever colours hide behind alpha 0, they are not seen in the result, nor is an edge to them.
TEST_P(NetworkScalerTest, InvisibleColoursAreNotSeen) {
  constexpr int64_t kSize = 60;
  const auto in_the_middle = [](int64_t y, int64_t x) {
    return y >= 25 && y < 34 && x >= 22 && x < 40 ? int64_t{200} : int64_t{0};
  };
  Image in = RandomImage(kSize, kSize, 4, 8, 4);
  SetAlpha(in_the_middle, &in);
  Image other = RandomImage(kSize, kSize, 4, 8, 5);
  SetAlpha(in_the_middle, &other);
  for (int64_t y = 0; y < kSize; ++y) {
    for (int64_t x = 0; x < kSize; ++x) {
      for (int c = 0; c < 3 && in_the_middle(y, x) != 0; ++c) SetSample(y, x, c, Sample(in, y, x, c), &other);
    }
  }
  const Image a = Run(std::move(in), 4, 8);
  const Image b = Run(std::move(other), 4, 8);
  const auto bytes = static_cast<size_t>(a.shape.bytes());
  EXPECT_TRUE(std::equal(a.pixels.get(), a.pixels.get() + bytes, b.pixels.get()));
  int64_t visible = 0;
  for (int64_t y = 0; y < a.shape.height; ++y) {
    for (int64_t x = 0; x < a.shape.width; ++x) {
      const bool is_visible = Sample(a, y, x, 3) != 0;
      visible += is_visible ? 1 : 0;
      for (int c = 0; c < 3 && !is_visible; ++c) ASSERT_EQ(Sample(a, y, x, c), 0);
      // Alpha is resized by cubic interpolation, which reaches two pixels.
      const int64_t from_y = y / model_.scale();
      const int64_t from_x = x / model_.scale();
      if (from_y < 22 || from_y > 36 || from_x < 19 || from_x > 42) {
        ASSERT_FALSE(is_visible);
      }
      if (from_y > 27 && from_y < 31 && from_x > 24 && from_x < 37) {
        ASSERT_EQ(Sample(a, y, x, 3), 200);
      }
    }
  }
  EXPECT_GT(visible, 9 * 18 * model_.scale() * model_.scale());

  // One colour, in front of any others: as if it were everywhere.
  Image plain = RandomImage(kSize, kSize, 4, 8, 6);
  SetAlpha(in_the_middle, &plain);
  Image everywhere = Copy(plain);
  for (int64_t y = 0; y < kSize; ++y) {
    for (int64_t x = 0; x < kSize; ++x) {
      for (int c = 0; c < 3; ++c) {
        if (in_the_middle(y, x) != 0) SetSample(y, x, c, 60 * (c + 1), &plain);
        SetSample(y, x, c, 60 * (c + 1), &everywhere);
      }
    }
  }
  SetAlpha([](int64_t, int64_t) { return 255; }, &everywhere);
  const Image seen = Run(std::move(plain), 4, 8);
  const Image expected = Run(std::move(everywhere), 4, 8);
  for (int64_t y = 0; y < seen.shape.height; ++y) {
    for (int64_t x = 0; x < seen.shape.width; ++x) {
      for (int c = 0; c < 3 && Sample(seen, y, x, 3) != 0; ++c) {
        ASSERT_EQ(Sample(seen, y, x, c), Sample(expected, y, x, c)) << "x " << x << ", y " << y;
      }
    }
  }
}

TEST_P(NetworkScalerTest, WithoutAlphaItIsBlendedOverWhite) {
  for (const int channels : {2, 4}) {
    const Image in = RandomImage(8, 9, channels, 16, 8);
    Image blended = Copy(in);
    for (int64_t y = 0; y < 8; ++y) {
      for (int64_t x = 0; x < 9; ++x) {
        const double alpha = static_cast<double>(Sample(in, y, x, channels - 1)) / 65535;
        for (int c = 0; c + 1 < channels; ++c) {
          SetSample(y, x, c, std::lround(static_cast<double>(Sample(in, y, x, c)) * alpha + 65535 * (1 - alpha)),
                    &blended);
        }
      }
    }
    ExpectClose(Run(Copy(in), channels - 1, 8), model_.Compute(PlanesOf(blended)), 0.02);
  }
}

TEST_P(NetworkScalerTest, NoiseChoosesTheFile) {
  if (!GetParam()) GTEST_SKIP() << "waifu2x alone has it";
  const RandomModel other(true, Storage::kFp32, 9);
  Write("noise2_scale2.0x_model", other);
  UpscaleOptions options = Options();
  options.noise = 2;
  const NetworkScaler scaler(options);
  Image in = RandomImage(4, 4, 3, 8, 1);
  const Planes expected = other.Compute(PlanesOf(in));
  Image out;
  out.shape = {8, 8, 3, 8};
  out.Allocate();
  Progress progress;
  scaler.Run(&in, &out, &progress);
  ExpectClose(out, expected, 0.002);
}

INSTANTIATE_TEST_SUITE_P(Both, NetworkScalerTest, ::testing::Bool());

TEST(FillInvisible, SpreadsTheMeanRingByRing) {
  Image image;
  image.shape = {6, 1, 2, 8};
  image.Allocate();
  const uint8_t pixels[] = {10, 255, 99, 0, 21, 1, 99, 0, 99, 0, 99, 0};
  std::copy_n(pixels, sizeof(pixels), image.pixels.get());
  FillInvisible(2, &image);
  const uint8_t expected[] = {10, 255, 16, 0, 21, 1, 21, 0, 21, 0, 99, 0};
  EXPECT_TRUE(std::equal(expected, expected + sizeof(expected), image.pixels.get()));
}

}  // namespace
}  // namespace polyphase::cli
