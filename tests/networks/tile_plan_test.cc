// Networks of the tool on f32 planes: against a reference in double, and tiles against the whole picture.
#include "tools/cli/tile_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "tests/networks/random_model.h"
#include "tests/testers/harness.h"
#include "tools/cli/ncnn_model.h"
#include "tools/cli/network.h"

namespace polyphase::cli {
namespace {

using testing::Planes;
using testing::RandomModel;
using testing::Storage;

Network MakeNetwork(bool waifu2x, const RandomModel& model) {
  return (waifu2x ? Network::Waifu2x : Network::RealesrAnimevideo)({"x.param", model.param}, {"x.bin", model.bin}, {});
}

Planes RandomPicture(int64_t h, int64_t w, uint32_t seed) {
  std::mt19937 rng(seed);
  Planes picture(3, h, w);
  for (double& value : picture.data) value = static_cast<double>(rng() % 256) / 256;  // exact in f32
  return picture;
}

TileAxis AxisOf(const Network& network, int64_t begin, int64_t tile, int64_t size) {
  const int64_t end = std::min(begin + tile, size);
  const int64_t context = network.context();
  if (network.border == Border::kReplicate) return {context, end - begin, context};
  return {std::min(context, begin), end - begin, std::min(context, size - end)};
}

// Runs in tiles, with buffers that hold garbage.
std::vector<float> RunTiles(const Network& network, const Planes& picture, int64_t tile) {
  std::vector<float> out(static_cast<size_t>(3 * picture.h * picture.w * network.scale * network.scale));
  TileBuffers buffers;
  for (int64_t top = 0; top < picture.h; top += tile) {
    for (int64_t left = 0; left < picture.w; left += tile) {
      const TileAxis rows = AxisOf(network, top, tile, picture.h);
      const TileAxis columns = AxisOf(network, left, tile, picture.w);
      const TilePlan plan(network, rows, columns);
      plan.Reserve(&buffers);
      float* value = buffers.input.data();
      for (int64_t c = 0; c < 3; ++c) {
        for (int64_t i = 0; i < rows.total(); ++i) {
          for (int64_t j = 0; j < columns.total(); ++j) {
            *value++ = static_cast<float>(picture.at(c, std::clamp<int64_t>(top - rows.before + i, 0, picture.h - 1),
                                                     std::clamp<int64_t>(left - columns.before + j, 0, picture.w - 1)));
          }
        }
      }
      plan.Run(&buffers);
      const TensorDesc& desc = plan.output();
      EXPECT_EQ(desc.size[0], rows.size * network.scale);
      EXPECT_EQ(desc.size[1], columns.size * network.scale);
      for (int64_t c = 0; c < 3; ++c) {
        for (int64_t i = 0; i < desc.size[0]; ++i) {
          const float* row = buffers.output.data() + plan.output_offset() + c * desc.stride_c + i * desc.stride[0];
          const int64_t y = top * network.scale + i;
          std::copy_n(
              row, desc.size[1],
              &out[static_cast<size_t>(((c * picture.h * network.scale + y) * picture.w + left) * network.scale)]);
        }
      }
    }
  }
  return out;
}

class NetworkTest : public ::testing::TestWithParam<std::tuple<bool, Storage>> {};

TEST_P(NetworkTest, IsTheReference) {
  const auto [waifu2x, storage] = GetParam();
  const RandomModel model(waifu2x, storage, 1);
  const Network network = MakeNetwork(waifu2x, model);
  const int64_t sizes[][2] = {{1, 1}, {2, 5}, {9, 23}, {24, 7}};
  for (const auto& [h, w] : sizes) {
    SCOPED_TRACE(std::to_string(h) + " x " + std::to_string(w));
    const Planes picture = RandomPicture(h, w, 2);
    const Planes expected = model.Compute(picture);
    const std::vector<float> actual = RunTiles(network, picture, std::max(h, w));
    ASSERT_EQ(actual.size(), expected.data.size());
    double most = 0.0, error = 0.0;
    for (size_t i = 0; i < actual.size(); ++i) {
      most = std::max(most, std::fabs(expected.data[i]));
      error = std::max(error, std::fabs(actual[i] - expected.data[i]));
    }
    // 18 layers of up to 2304 summands, of whose errors most cancel; a wrong weight is 1e-3 or more.
    EXPECT_LE(error, 5e-6 * most);
    EXPECT_GT(most, 0.3);  // these values are not those of a network that has died
    EXPECT_LT(most, 30.0);
  }
}

TEST_P(NetworkTest, TilesDifferByRounding) {
  const auto [waifu2x, storage] = GetParam();
  const Network network = MakeNetwork(waifu2x, RandomModel(waifu2x, storage, 3));
  const Planes picture = testing::kSanitized ? RandomPicture(19, 25, 4) : RandomPicture(90, 121, 4);
  const std::vector<float> whole = RunTiles(network, picture, 200);
  float most = 0.0f;
  for (const float value : whole) most = std::max(most, std::fabs(value));
  for (const int64_t tile : {17, 60, 85}) {
    const std::vector<float> tiles = RunTiles(network, picture, tile);
    for (size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(tiles[i], whole[i], 1e-5f * most) << tile << ", value " << i;
  }
}

TEST_P(NetworkTest, StrictTilesMakeTheSameBits) {
  const auto [waifu2x, storage] = GetParam();
  Network network = MakeNetwork(waifu2x, RandomModel(waifu2x, storage, 3));
  network.strict = true;
  // Small tiles are computed many times over: a sanitizer took three minutes for the larger picture.
  const Planes picture = testing::kSanitized ? RandomPicture(19, 25, 4) : RandomPicture(47, 61, 4);
  const std::vector<float> whole = RunTiles(network, picture, 100);
  for (const int64_t tile : {5, 16, 18, 23, 40, 47, 60}) {
    const std::vector<float> tiles = RunTiles(network, picture, tile);
    const auto [a, b] = std::mismatch(tiles.begin(), tiles.end(), whole.begin());
    EXPECT_TRUE(a == tiles.end()) << "tiles of " << tile << ", value " << a - tiles.begin() << ": " << *a << ", " << *b;
  }
  const Planes line = RandomPicture(1, 50, 5);
  EXPECT_EQ(RunTiles(network, line, 1), RunTiles(network, line, 50));
}

INSTANTIATE_TEST_SUITE_P(Both, NetworkTest,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(Storage::kFp16, Storage::kFp32)));

}  // namespace
}  // namespace polyphase::cli
