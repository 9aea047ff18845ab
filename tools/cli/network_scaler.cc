// NetworkScaler: see network_scaler.h.
#include "network_scaler.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "errors.h"
#include "invisible.h"
#include "ncnn_model.h"
#include "planes.h"
#include "tile_plan.h"

namespace polyphase::cli {

namespace {

// The context of a tile is computed anew for each tile, which large tiles do less often, but there must be room for
// their maps. On a picture of 512 x 600 and 2 cores, waifu2x took 1.21 s with 192 (1.30 with 128, 1.22 with 256, 1.45
// with 400) and realesr-animevideov3 1.55 s with 256 (1.63 with 192, 1.73 with 128, 1.57 with 400).
constexpr int64_t kWaifu2xTile = 192;
constexpr int64_t kRealesrAnimevideoTile = 256;
constexpr double kFlopsPerNanosecond = 150.0;  // estimated, for the progress bar only
constexpr int kCubicReach = 2;                 // pixels to each side

Network MakeNetwork(const UpscaleOptions& options) {
  const bool waifu2x = options.model == Model::kWaifu2x;
  const std::string noise = options.noise >= 0 ? "noise" + std::to_string(options.noise) + "_" : "";
  const std::string name = waifu2x ? noise + "scale2.0x_model" : "realesr-animevideov3-x4";
  std::string path = options.weights + "/" + name;
  if (!std::ifstream(path + ".param")) {
    // The weights may be in the folder of all models, as tools/fetch_models.sh makes it.
    const std::string in_own_folder = options.weights + (waifu2x ? "/waifu2x/" : "/realesr-animevideov3/") + name;
    if (!std::ifstream(in_own_folder + ".param")) {
      throw std::runtime_error("--weights: no file " + path +
                               ".param can be read; tools/fetch_models.sh of the source code gets the models");
    }
    path = in_own_folder;
  }
  Network network = (waifu2x ? Network::Waifu2x : Network::RealesrAnimevideo)(
      ReadModelFile(path + ".param"), ReadModelFile(path + ".bin"), options.operator_options());
  network.strict = options.strict;
  return network;
}

Operator MakeCubic(int64_t scale, const OperatorOptions& options) {
  ResizeAttributes cubic = ResizeAttributes::PyTorch(PyTorchMode::kBicubic);
  cubic.scale = {static_cast<double>(scale), static_cast<double>(scale)};
  return ValueOrThrow(CreateResize(cubic, options));
}

// Returns the tile that begins at `begin` of an axis of `size` pixels.
TileAxis AxisOf(const Network& network, int64_t begin, int64_t tile, int64_t size) {
  const int64_t end = std::min(begin + tile, size);
  const int64_t context = network.context();
  if (network.border == Border::kReplicate) return {context, end - begin, context};
  return {std::min(context, begin), end - begin, std::min(context, size - end)};
}

// Fills the planes of `plan`'s input, 0 to 1, with the pixels of the tile that begins at (top, left) and its context.
template <typename T>
void LoadTile(const Image& image, int64_t top, int64_t left, const TilePlan& plan, float* value) {
  constexpr float kUnit = 1.0f / std::numeric_limits<T>::max();
  const ImageShape& shape = image.shape;
  const T* pixels = reinterpret_cast<const T*>(image.pixels.get());
  for (int c = 0; c < 3; ++c) {
    const T* channel = pixels + (shape.channels >= 3 ? c : 0);
    for (int64_t i = 0; i < plan.rows().total(); ++i) {
      const int64_t y = std::clamp<int64_t>(top - plan.rows().before + i, 0, shape.height - 1);
      for (int64_t j = 0; j < plan.columns().total(); ++j) {
        const int64_t x = std::clamp<int64_t>(left - plan.columns().before + j, 0, shape.width - 1);
        *value++ = static_cast<float>(channel[(y * shape.width + x) * shape.channels]) * kUnit;
      }
    }
  }
}

// Writes the colours of the upscaled tile to the place that begins at (top, left) of `image`.
template <typename T>
void StoreTile(const TensorDesc& tile, const float* values, int64_t top, int64_t left, Image* image) {
  constexpr float kMax = std::numeric_limits<T>::max();
  const ImageShape& shape = image->shape;
  const bool gray = shape.channels < 3;
  for (int64_t i = 0; i < tile.size[0]; ++i) {
    const float* rows[3];
    for (int64_t c = 0; c < 3; ++c) rows[c] = values + c * tile.stride_c + i * tile.stride[0];
    T* pixel = reinterpret_cast<T*>(image->pixels.get()) + ((top + i) * shape.width + left) * shape.channels;
    for (int64_t j = 0; j < tile.size[1]; ++j, pixel += shape.channels) {
      if (gray) {
        pixel[0] = ToSample<T>((rows[0][j] + rows[1][j] + rows[2][j]) * (kMax / 3.0f));
      } else {
        for (int c = 0; c < 3; ++c) pixel[c] = ToSample<T>(rows[c][j] * kMax);
      }
    }
  }
}

}  // namespace

NetworkScaler::NetworkScaler(const UpscaleOptions& options)
    : network_(MakeNetwork(options)),
      resize_alpha_(MakeCubic(network_.scale, options.operator_options())),
      tile_(options.tile != 0                  ? options.tile
            : options.model == Model::kWaifu2x ? kWaifu2xTile
                                               : kRealesrAnimevideoTile) {}

std::array<double, 2> NetworkScaler::OutputSize(const ImageShape& in) const {
  const auto scale = static_cast<double>(network_.scale);
  return {static_cast<double>(in.width) * scale, static_cast<double>(in.height) * scale};
}

double NetworkScaler::WorkBytes(const ImageShape& in, const ImageShape& out) const {
  const auto context = static_cast<double>(2 * network_.context());
  const auto height = static_cast<double>(std::min(tile_, in.height)) + context;
  const auto width = static_cast<double>(std::min(tile_, in.width)) + context;
  const double alpha = sizeof(float) * (in.pixel_count() + out.pixel_count());  // before the tiles, or a byte per pixel
  return std::max(TilePlan::Bytes(network_, height, width), in.has_alpha() ? alpha : 0.0);
}

double NetworkScaler::Cost(const ImageShape& out) const {
  const double pixels = out.pixel_count() / static_cast<double>(network_.scale * network_.scale);
  return pixels * 2.0 * network_.weight_count / kFlopsPerNanosecond;
}

void NetworkScaler::ScaleAlpha(const Image& in, Image* out) const {
  std::vector<float> in_plane(static_cast<size_t>(in.shape.pixel_count()));
  std::vector<float> out_plane(static_cast<size_t>(out->shape.pixel_count()));
  LoadPlane(in, in.shape.channels - 1, AlphaUse::kIgnore, &in_plane);
  const Plan plan = ValueOrThrow(resize_alpha_.MakePlan(TensorDesc::Nchw(1, 1, in.shape.height, in.shape.width)));
  ThrowIfError(plan.Run(in_plane.data(), out_plane.data()));
  StorePlane(out_plane, {}, MaxSample(in), out->shape.channels - 1, out);
}

void NetworkScaler::Run(Image* in, Image* out, Progress* progress) const {
  const bool transparent = in->shape.has_alpha() && !IsOpaque(*in);
  if (out->shape.has_alpha()) ScaleAlpha(*in, out);
  if (transparent) {
    if (out->shape.has_alpha()) {
      // A pixel is seen where the resized alpha has reached it, and depends on its context there.
      FillInvisible(static_cast<int>(network_.context()) + kCubicReach, in);
    } else {
      BlendOverWhite(in);
    }
  }
  const bool in_wide = in->shape.bits == 16;
  const bool out_wide = out->shape.bits == 16;
  const int64_t tile_rows = (in->shape.height + tile_ - 1) / tile_;
  const int64_t tile_columns = (in->shape.width + tile_ - 1) / tile_;
  TileBuffers buffers;
  std::optional<TilePlan> plan;
  for (int64_t i = 0; i < tile_rows * tile_columns; ++i) {
    progress->Step(i, tile_rows * tile_columns);
    const int64_t top = i / tile_columns * tile_;
    const int64_t left = i % tile_columns * tile_;
    const TileAxis rows = AxisOf(network_, top, tile_, in->shape.height);
    const TileAxis columns = AxisOf(network_, left, tile_, in->shape.width);
    if (!plan || !(plan->rows() == rows) || !(plan->columns() == columns)) {
      plan.emplace(network_, rows, columns);
      plan->Reserve(&buffers);
    }
    (in_wide ? LoadTile<uint16_t> : LoadTile<uint8_t>)(*in, top, left, *plan, buffers.input.data());
    plan->Run(&buffers);
    (out_wide ? StoreTile<uint16_t> : StoreTile<uint8_t>)(plan->output(), buffers.output.data() + plan->output_offset(),
                                                          top * network_.scale, left * network_.scale, out);
  }
  if (transparent && out->shape.has_alpha()) ClearInvisible(out);
}

}  // namespace polyphase::cli
