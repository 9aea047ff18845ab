// Upscale: see upscale.h.
#include "upscale.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include "atomic_file.h"
#include "errors.h"
#include "image_io.h"
#include "network_scaler.h"
#include "progress.h"
#include "resizer.h"

namespace polyphase::cli {

namespace {

// Estimated nanoseconds per sample, for the progress bar only.
constexpr double kDecodeCost = 5.0;
constexpr double kPngEncodeCost = 30.0;
constexpr double kJpegEncodeCost = 5.0;

// Returns what this process may still allocate: the available memory of the machine, or the limit of the container if
// that is less.
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

// Returns the shape of the output, whose sides fit its format.
template <typename Scaler>
ImageShape OutputShape(const Scaler& scaler, const UpscaleOptions& options, FileFormat format, const ImageShape& in) {
  const auto [width, height] = scaler.OutputSize(in);
  const int64_t max_side = format == FileFormat::kPng ? kMaxPngSide : kMaxJpegSide;
  if (std::min(width, height) < 1.0 || std::max(width, height) > static_cast<double>(max_side)) {
    Fail(options.output, "an output of " + SizeText(width, height) + " pixels, but " +
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
  return out;
}

// Refuses what takes more memory than there is, before anything of the size of an image is allocated.
template <typename Scaler>
void CheckMemory(const Scaler& scaler, const UpscaleOptions& options, const ImageShape& in, double decoder_bytes,
                 const ImageShape& out) {
  const double needed = in.bytes() + std::max(decoder_bytes, out.bytes() + scaler.WorkBytes(in, out));
  const double available = AvailableMemory();
  if (needed <= available) return;
  char memory[80];
  std::snprintf(memory, sizeof(memory), "%.4g GB of memory, but %.4g GB are available", needed / 1e9, available / 1e9);
  Fail(options.input, SizeText(static_cast<double>(in.width), static_cast<double>(in.height)) + " to " +
                          SizeText(static_cast<double>(out.width), static_cast<double>(out.height)) + " pixels takes " +
                          memory);
}

// A Scaler knows the size of the output and what the work takes, prepares for an input, and fills the pixels of the
// output. It may change those of the input.
template <typename Scaler>
Warnings UpscaleBy(Scaler* scaler, const UpscaleOptions& options) {
  const FileFormat format = FormatOf(options.output);
  Warnings warnings;
  Progress progress;
  std::optional<AtomicFile> file;  // opened before the long work, so that a bad output path is told at once
  double encode_cost = 0.0;
  Image in = ReadImage(
      options.input,
      [&](const ImageShape& shape, double decoder_bytes) {
        const ImageShape out_shape = OutputShape(*scaler, options, format, shape);
        CheckMemory(*scaler, options, shape, decoder_bytes, out_shape);
        file.emplace(options.output);
        const double decode_cost = kDecodeCost * shape.pixel_count() * shape.channels;
        encode_cost = (format == FileFormat::kPng ? kPngEncodeCost : kJpegEncodeCost) * out_shape.pixel_count() *
                      out_shape.channels;
        progress.set_total_cost(decode_cost + scaler->Cost(out_shape) + encode_cost);
        progress.Begin("decode", decode_cost);
      },
      &progress, &warnings);

  Image out;
  out.shape = OutputShape(*scaler, options, format, in.shape);  // `in` may have been turned
  progress.Begin(scaler->phase(), scaler->Cost(out.shape));
  scaler->Prepare(in.shape);
  out.Allocate();
  scaler->Run(&in, &out, &progress);
  out.icc_profile = std::move(in.icc_profile);
  out.colour_chunks = std::move(in.colour_chunks);
  out.density = in.density;
  in.pixels.reset();

  progress.Begin("encode", encode_cost);
  WriteImage(out, format, options.output, file->stream(), &progress, &warnings);
  file->Commit();
  if (options.verbose) progress.PrintSeconds();
  return warnings;
}

}  // namespace

Warnings Upscale(const UpscaleOptions& options) {
  if (options.model == Model::kNone) {
    Resizer resizer(options);
    return UpscaleBy(&resizer, options);
  }
  NetworkScaler scaler(options);
  return UpscaleBy(&scaler, options);
}

}  // namespace polyphase::cli
