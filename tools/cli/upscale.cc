// Upscale: see upscale.h.
//
// The image is taken apart into planes of f32, which are resized one after the other: four bytes per pixel of one plane
// are held, not of all of them.
#include "upscale.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "atomic_file.h"
#include "image_io.h"
#include "progress.h"

namespace polyphase::cli {

namespace {

// Estimated nanoseconds per sample, for the progress bar only.
constexpr double kDecodeCost = 5.0;
constexpr double kResizeCost = 4.0;
constexpr double kPngEncodeCost = 30.0;
constexpr double kJpegEncodeCost = 5.0;

template <typename T>
T ValueOrThrow(StatusOr<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return *std::move(result);
}

// What this process may still allocate: the machine's available memory, or the container's limit if that is less.
double AvailableMemory() {
  double available = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key; meminfo >> key; meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    double kibibytes = 0.0;
    if (key == "MemAvailable:" && meminfo >> kibibytes) available = kibibytes * 1024.0;
  }
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    double limit = 0.0;
    if (std::ifstream(path) >> limit) available = std::min(available, limit);  // "max" is not a number
  }
  return available;
}

std::string SizeText(double width, double height) {
  char text[80];
  std::snprintf(text, sizeof(text), "%.10gx%.10g", width, height);
  return text;
}

// The shape of the output, checked before anything of its size is allocated.
ImageShape OutputShape(const UpscaleOptions& options, FileFormat format, const ImageShape& in, double decoder_bytes) {
  const auto in_width = static_cast<double>(in.width);
  const auto in_height = static_cast<double>(in.height);
  const bool by_scale = options.scale > 0.0;
  const double width = by_scale ? std::floor(in_width * options.scale) : static_cast<double>(options.width);
  const double height = by_scale ? std::floor(in_height * options.scale) : static_cast<double>(options.height);
  const int64_t max_side = format == FileFormat::kPng ? kMaxPngSide : kMaxJpegSide;
  if (std::min(width, height) < 1.0 || std::max(width, height) > static_cast<double>(max_side)) {
    throw std::runtime_error(options.output + ": an output of " + SizeText(width, height) + " pixels, but " +
                             (format == FileFormat::kPng ? "PNG" : "JPEG") + " takes 1 to " + std::to_string(max_side) +
                             " per side");
  }
  ImageShape out = in;
  out.width = static_cast<int64_t>(width);
  out.height = static_cast<int64_t>(height);
  if (format == FileFormat::kJpeg) {
    out.bits = 8;
    out.channels = in.channels <= 2 ? 1 : 3;
  }
  const double planes = sizeof(float) * (in.pixel_count() + out.pixel_count() * (out.has_alpha() ? 2.0 : 1.0));
  // Of a plan, in bytes per output row or column: index and up to four weights; and the ring of each thread.
  const double tables = 20.0 * (width + height) + 16.0 * width * static_cast<double>(DefaultThreads());
  const double needed = in.bytes() + std::max(decoder_bytes, out.bytes() + planes + tables);
  const double available = AvailableMemory();
  if (needed > available) {
    char memory[80];
    std::snprintf(memory, sizeof(memory), "%.4g GB of memory, but %.4g GB are available", needed / 1e9,
                  available / 1e9);
    throw std::runtime_error(options.input + ": " + SizeText(in_width, in_height) + " to " + SizeText(width, height) +
                             " pixels takes " + memory);
  }
  return out;
}

// What happens to a colour sample before the resize.
enum class AlphaUse { kIgnore, kPremultiply, kBlendOverWhite };

template <typename T>
void LoadPlane(const Image& image, int channel, AlphaUse use, std::vector<float>* plane) {
  constexpr float kMax = std::numeric_limits<T>::max();
  const int channels = image.shape.channels;
  const T* pixel = reinterpret_cast<const T*>(image.pixels.get());
  for (float& value : *plane) {
    value = pixel[channel];
    if (use != AlphaUse::kIgnore) {
      const float alpha = pixel[channels - 1];
      value *= alpha / kMax;
      if (use == AlphaUse::kBlendOverWhite) value += kMax - alpha;
    }
    pixel += channels;
  }
}

// Rounds to nearest (even, as PyTorch rounds) and clamps. `alpha` is the resized alpha plane of a premultiplied colour,
// else empty.
template <typename T>
void StorePlane(const std::vector<float>& plane, const std::vector<float>& alpha, float in_max, int channel,
                Image* image) {
  constexpr float kMax = std::numeric_limits<T>::max();
  // Floats from 2^23 on have no fraction: adding it rounds, in the way and at the speed of the FPU.
  constexpr float kRounder = 8388608.0f;
  const int channels = image->shape.channels;
  T* sample = reinterpret_cast<T*>(image->pixels.get()) + channel;
  for (size_t i = 0; i < plane.size(); ++i, sample += channels) {
    float value = plane[i];
    // Where alpha rounds to 0 there is no colour to see, and none that could be computed.
    if (!alpha.empty()) value = alpha[i] < 0.5f ? 0.0f : value * (in_max / alpha[i]);
    value = std::min(std::max(value * (kMax / in_max), 0.0f), kMax);
    *sample = static_cast<T>(value + kRounder - kRounder);
  }
}

template <typename T>
bool IsOpaque(const Image& image) {
  const int channels = image.shape.channels;
  const T* pixels = reinterpret_cast<const T*>(image.pixels.get());
  const size_t samples = static_cast<size_t>(image.shape.pixel_count()) * channels;
  for (size_t i = channels - 1; i < samples; i += channels) {
    if (pixels[i] != std::numeric_limits<T>::max()) return false;
  }
  return true;
}

// Resizes all planes of `in` into `out`, whose pixels are allocated.
void ResizePlanes(const Plan& plan, PyTorchMode mode, const Image& in, Image* out, Progress* progress) {
  const bool in_wide = in.shape.bits == 16;
  const bool out_wide = out->shape.bits == 16;
  const float in_max = in_wide ? 65535.0f : 255.0f;
  AlphaUse use = AlphaUse::kIgnore;
  if (in.shape.has_alpha() && !(in_wide ? IsOpaque<uint16_t> : IsOpaque<uint8_t>)(in)) {
    // Nearest copies pixels; the others mix them, and invisible colours must have no weight in that.
    if (mode != PyTorchMode::kNearest) use = AlphaUse::kPremultiply;
    if (!out->shape.has_alpha()) use = AlphaUse::kBlendOverWhite;
  }
  std::vector<float> in_plane(static_cast<size_t>(in.shape.pixel_count()));
  std::vector<float> out_plane(static_cast<size_t>(out->shape.pixel_count()));
  std::vector<float> alpha_plane;
  const int channels = out->shape.channels;
  const int alpha = out->shape.has_alpha() ? channels - 1 : -1;
  for (int step = 0; step < channels; ++step) {
    const int channel = channels - 1 - step;  // alpha first: the colours need it
    progress->Step(step, channels);
    (in_wide ? LoadPlane<uint16_t> : LoadPlane<uint8_t>)(in, channel, channel == alpha ? AlphaUse::kIgnore : use,
                                                         &in_plane);
    if (const Status status = plan.Run(in_plane.data(), out_plane.data()); !status.ok()) {
      throw std::runtime_error(status.message());
    }
    (out_wide ? StorePlane<uint16_t> : StorePlane<uint8_t>)(out_plane, alpha_plane, in_max, channel, out);
    if (channel == alpha && use == AlphaUse::kPremultiply) {
      alpha_plane = std::exchange(out_plane, std::vector<float>(out_plane.size()));
    }
  }
}

}  // namespace

void Upscale(const UpscaleOptions& options) {
  const FileFormat format = FormatOf(options.output);
  ResizeAttributes attributes = ResizeAttributes::PyTorch(options.mode, options.align_corners);
  if (options.scale > 0.0) {
    attributes.scale = {options.scale, options.scale};
  } else {
    attributes.size = {options.height, options.width};
  }
  OperatorOptions operator_options;
  operator_options.isa = options.isa;
  operator_options.runtime.num_threads = options.threads;
  const Operator resize = ValueOrThrow(CreateResize(attributes, operator_options));

  Progress progress;
  Image out;
  std::optional<Plan> plan;
  std::optional<AtomicFile> file;  // opened before the long work, so that a bad output path is told at once
  double resize_cost = 0.0;
  double encode_cost = 0.0;
  Image in = ReadImage(
      options.input,
      [&](const ImageShape& shape, double decoder_bytes) {
        out.shape = OutputShape(options, format, shape, decoder_bytes);
        plan = ValueOrThrow(resize.MakePlan(TensorDesc::Nchw(1, 1, shape.height, shape.width)));
        file.emplace(options.output);
        const double in_samples = shape.pixel_count() * shape.channels;
        const double out_samples = out.shape.pixel_count() * out.shape.channels;
        resize_cost = kResizeCost * out_samples;
        encode_cost = (format == FileFormat::kPng ? kPngEncodeCost : kJpegEncodeCost) * out_samples;
        progress.set_total_cost(kDecodeCost * in_samples + resize_cost + encode_cost);
        progress.Begin("decode", kDecodeCost * in_samples);
      },
      &progress);

  progress.Begin("resize", resize_cost);
  out.Allocate();
  ResizePlanes(*plan, options.mode, in, &out, &progress);
  out.icc_profile = std::move(in.icc_profile);
  in.pixels.reset();

  progress.Begin("encode", encode_cost);
  WriteImage(out, format, options.output, file->stream(), &progress);
  file->Commit();
}

}  // namespace polyphase::cli
