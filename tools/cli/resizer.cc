// Resizer: see resizer.h.
#include "resizer.h"

#include <cmath>
#include <utility>
#include <vector>

#include "errors.h"
#include "planes.h"

namespace polyphase::cli {

namespace {

// Returns size * scale, rounded down, of the decimal number that was written as `scale`. That is rarely a double: 100 *
// 2.3 is 229.99999999999997. The two roundings, of the number and of the product, take away less than 2^-52 of it.
double ScaledSize(int64_t size, double scale) {
  constexpr double kRounding = 0x1p-52;
  return std::floor(static_cast<double>(size) * scale * (1.0 + 2.0 * kRounding));
}

// Returns the least scale from `scale` on that makes `scaled` of `size` as the library rounds.
double ScaleTo(int64_t size, double scale, double scaled) {
  while (static_cast<double>(size) * scale < scaled) scale = std::nextafter(scale, HUGE_VAL);
  return scale;
}

}  // namespace

std::array<double, 2> Resizer::OutputSize(const ImageShape& in) const {
  if (options_.scale <= 0.0) return {static_cast<double>(options_.width), static_cast<double>(options_.height)};
  return {ScaledSize(in.width, options_.scale), ScaledSize(in.height, options_.scale)};
}

double Resizer::WorkBytes(const ImageShape& in, const ImageShape& out) const {
  const double planes = sizeof(float) * (in.pixel_count() + out.pixel_count() * (out.has_alpha() ? 2.0 : 1.0));
  const auto width = static_cast<double>(out.width);
  // A plan takes these bytes per output row or column: an index and up to four weights, and the ring of each thread.
  return planes + 20.0 * (width + static_cast<double>(out.height)) +
         16.0 * width * static_cast<double>(DefaultThreads());
}

double Resizer::Cost(const ImageShape& out) const { return 4.0 * out.pixel_count() * out.channels; }

void Resizer::Prepare(const ImageShape& in) {
  ResizeAttributes attributes = ResizeAttributes::PyTorch(options_.mode, options_.align_corners);
  if (options_.scale > 0.0) {
    const auto [width, height] = OutputSize(in);
    attributes.scale = {ScaleTo(in.height, options_.scale, height), ScaleTo(in.width, options_.scale, width)};
  } else {
    attributes.size = {options_.height, options_.width};
  }
  const Operator resize = ValueOrThrow(CreateResize(attributes, options_.operator_options()));
  plan_ = ValueOrThrow(resize.MakePlan(TensorDesc::Nchw(1, 1, in.height, in.width)));
}

void Resizer::Run(Image* in, Image* out, Progress* progress) const {
  AlphaUse use = AlphaUse::kIgnore;
  if (in->shape.has_alpha() && !IsOpaque(*in)) {
    // Nearest copies pixels; the others mix them, and invisible colours must have no weight in that.
    if (options_.mode != PyTorchMode::kNearest) use = AlphaUse::kPremultiply;
    if (!out->shape.has_alpha()) use = AlphaUse::kBlendOverWhite;
  }
  std::vector<float> in_plane(static_cast<size_t>(in->shape.pixel_count()));
  std::vector<float> out_plane(static_cast<size_t>(out->shape.pixel_count()));
  std::vector<float> alpha_plane;
  const int channels = out->shape.channels;
  const int alpha = out->shape.has_alpha() ? channels - 1 : -1;
  for (int step = 0; step < channels; ++step) {
    const int channel = channels - 1 - step;  // alpha first: the colours need it
    progress->Step(step, channels);
    LoadPlane(*in, channel, channel == alpha ? AlphaUse::kIgnore : use, &in_plane);
    ThrowIfError(plan_->Run(in_plane.data(), out_plane.data()));
    StorePlane(out_plane, alpha_plane, MaxSample(*in), channel, out);
    if (channel == alpha && use == AlphaUse::kPremultiply) {
      alpha_plane = std::exchange(out_plane, std::vector<float>(out_plane.size()));
    }
  }
}

}  // namespace polyphase::cli
