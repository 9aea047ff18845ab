// The command-line tool `polyphase`: reads the options, runs a command, and tells every failure in one line.
#include <strings.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

#include "parse_number.h"
#include "polyphase/polyphase.h"
#include "upscale.h"

namespace polyphase::cli {

namespace {

constexpr int kFailureExit = 1;
constexpr int kUsageExit = 2;
constexpr int64_t kMaxSide = 0x7fffffff;
constexpr int64_t kMaxThreads = 1024;
constexpr int kMaxNoise = 3;

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

double ParseScale(const std::string& text) {
  double scale = 0.0;
  if (ParseNumber(text, &scale) && scale > 0.0) return scale;
  throw UsageError("--scale: '" + text + "' is not a number greater than 0");
}

void ParseSize(const std::string& text, UpscaleOptions* options) {
  const size_t x = text.find('x');
  if (x != std::string::npos && ParseNumber(text.substr(0, x), &options->width) &&
      ParseNumber(text.substr(x + 1), &options->height) && options->width >= 1 && options->width <= kMaxSide &&
      options->height >= 1 && options->height <= kMaxSide) {
    return;
  }
  throw UsageError("--size: '" + text + "' is not WIDTHxHEIGHT in pixels, each 1 to " + std::to_string(kMaxSide));
}

PyTorchMode ParseMode(const std::string& text) {
  if (text == "nearest") return PyTorchMode::kNearest;
  if (text == "bilinear") return PyTorchMode::kBilinear;
  if (text == "bicubic") return PyTorchMode::kBicubic;
  throw UsageError("--mode: '" + text + "' is not nearest, bilinear or bicubic");
}

Model ParseModel(const std::string& text) {
  if (text == "waifu2x") return Model::kWaifu2x;
  if (text == "realesr-animevideov3") return Model::kRealesrAnimevideo;
  throw UsageError("--model: '" + text + "' is not waifu2x or realesr-animevideov3");
}

int ParseNoise(const std::string& text) {
  int noise = 0;
  if (ParseNumber(text, &noise) && noise >= 0 && noise <= kMaxNoise) return noise;
  throw UsageError("--noise: '" + text + "' is not a number from 0 to " + std::to_string(kMaxNoise));
}

int64_t ParseTile(const std::string& text) {
  int64_t tile = 0;
  if (ParseNumber(text, &tile) && tile >= 1 && tile <= kMaxSide) return tile;
  throw UsageError("--tile: '" + text + "' is not a number of pixels from 1 to " + std::to_string(kMaxSide));
}

size_t ParseThreads(const std::string& text) {
  int64_t threads = 0;
  if (ParseNumber(text, &threads) && threads >= 1 && threads <= kMaxThreads) return static_cast<size_t>(threads);
  throw UsageError("--threads: '" + text + "' is not a number from 1 to " + std::to_string(kMaxThreads));
}

std::string ParseIsa(const std::string& text) {
  std::string names;
  for (const TargetInfo& target : Targets()) {
    if (strcasecmp(target.name.c_str(), text.c_str()) == 0) return target.name;
    names += (names.empty() ? "" : ", ") + target.name;
  }
  throw UsageError("--isa: '" + text + "' is none of the compiled targets (" + names + ")");
}

std::string CacheText(size_t bytes) {
  if (bytes == 0) return "unknown";
  return bytes >= 1 << 20 ? std::to_string(bytes >> 20) + " MiB" : std::to_string(bytes >> 10) + " KiB";
}

// Prints a line. A file name in the message may hold anything; the message stays one line.
void Tell(std::string message) {
  for (char& letter : message) {
    if (static_cast<unsigned char>(letter) < ' ' || letter == 0x7f) letter = '?';
  }
  std::fprintf(stderr, "polyphase: %s\n", message.c_str());
}

int Complain(const std::string& message, int exit_code) {
  Tell(message);
  return exit_code;
}

void PrintInfo() {
  std::printf("version  %s\n", Version());
  const char* heading = "targets";
  bool any_chosen = false;
  for (const TargetInfo& target : Targets()) {
    any_chosen = any_chosen || target.chosen;
    std::string text = target.supported ? "supported" : "not supported";
    if (target.chosen) text += ", chosen";
    if (target.chosen && *Bf16Instruction() != '\0') text += std::string(", bf16 by ") + Bf16Instruction();
    std::printf("%-8s %-10s %s\n", heading, target.name.c_str(), text.c_str());
    heading = "";
  }
  const CacheSizes caches = Caches();
  std::printf("caches   L1d %s, L2 %s, L3 %s\n", CacheText(caches.l1).c_str(), CacheText(caches.l2).c_str(),
              CacheText(caches.l3).c_str());
  std::printf("threads  %zu (%s)\n", DefaultThreads(), DefaultThreadPool());
  if (!any_chosen)
    throw std::runtime_error("POLYPHASE_ISA: '" + std::string(std::getenv("POLYPHASE_ISA")) +
                             "' is none of the targets");
}

void Run(int argc, char** argv) {
  CLI::App app("Polyphase: fast upsampling on the CPU.", "polyphase");
  app.set_version_flag("--version", std::string("polyphase ") + Version());
  app.require_subcommand(0, 1);  // 0, so that an unknown command is called by its name below

  UpscaleOptions options;
  std::optional<std::string> scale, size, mode, model, noise, tile, isa, threads;
  CLI::App* upscale =
      app.add_subcommand("upscale", "Resize a PNG or JPEG image, by interpolation or by a neural network.");
  upscale->add_option("IN", options.input, "PNG or JPEG file to read")->required()->type_name("");
  upscale->add_option("OUT", options.output, "file to write: .png, .jpg or .jpeg; may be IN")
      ->required()
      ->type_name("");
  upscale->add_option("--scale", scale, "factor for both sides, such as 4 or 1.5")->type_name("FACTOR");
  upscale->add_option("--size", size, "size of OUT in pixels, instead of --scale")->type_name("WxH");
  upscale->add_option("--mode", mode, "nearest, bilinear or bicubic, as in PyTorch's interpolate; default bicubic")
      ->type_name("MODE");
  upscale->add_flag("--align-corners", options.align_corners,
                    "map the centres of the corner pixels onto each other (bilinear, bicubic)");
  upscale
      ->add_option(
          "--model", model,
          "instead of --scale, a network: waifu2x (2x, for drawings) or realesr-animevideov3 (4x, for drawn films); "
          "needs --weights")
      ->type_name("NAME");
  upscale->add_option("--weights", options.weights, "folder with the model's files; tools/fetch_models.sh gets them")
      ->type_name("DIR");
  upscale->add_option("--noise", noise, "waifu2x: how much noise to take away, 0 to 3; default none")->type_name("N");
  upscale
      ->add_option("--tile", tile,
                   "pixels of IN per side that the network is given at a time; smaller takes less memory and more "
                   "time, and gives the same picture up to rounding; default 192 (waifu2x) or 256")
      ->type_name("N");
  upscale->add_flag("--strict", options.strict,
                    "with --model: the same bytes for every --tile; takes 2 to 3 times as long");
  upscale->add_option("--isa", isa, "use no better SIMD target than this; `polyphase info` lists them")
      ->type_name("NAME");
  upscale->add_option("--threads", threads, "use at most N threads")->type_name("N");
  upscale->add_flag("--verbose", options.verbose, "print the seconds of each phase");
  upscale->footer(
      "PNG: 8 and 16 bits, gray or RGB, with or without alpha; palettes are expanded. JPEG: gray and RGB; written\n"
      "with quality 95 in 4:4:4. Both are turned upright as EXIF says. 16 bits stay 16 in PNG and become 8 in JPEG.\n"
      "JPEG has no alpha: transparent images are put on white. What says how colours and pixels are to be shown is\n"
      "kept: ICC profiles, pixel densities and, from PNG to PNG, gAMA, cHRM, sRGB, cICP, mDCV and cLLI. Other\n"
      "metadata is not. Making an image smaller does not filter it first.\n"
      "A model's files are those of ncnn: scale2.0x_model.param and .bin of waifu2x's upconv_7, with --noise\n"
      "noise0_scale2.0x_model and so on; realesr-animevideov3-x4. Gray is shown to the\nnetwork as RGB; alpha is "
      "resized with bicubic. One of --scale, --size and --model must be given.");
  CLI::App* info = app.add_subcommand("info", "Print version, SIMD targets, caches and threads.");
  app.set_help_all_flag("--help-all", "Print this help message and those of all commands and exit");

  try {
    app.parse(argc, argv);
    if (*info) return PrintInfo();
    if (!*upscale) throw UsageError("a command is missing: upscale or info");
    if (scale.has_value() + size.has_value() + model.has_value() != 1) {
      throw UsageError("upscale takes one of --scale, --size and --model");
    }
    if (model) {
      options.model = ParseModel(*model);
      if (mode || options.align_corners) throw UsageError("--mode and --align-corners do not go with --model");
      if (options.weights.empty()) throw UsageError("--model needs --weights, the folder with the model's files");
    } else if (!options.weights.empty() || tile || options.strict) {
      throw UsageError("--weights, --tile and --strict go with --model only");
    }
    if (noise && options.model != Model::kWaifu2x) throw UsageError("--noise goes with --model waifu2x only");
    if (noise) options.noise = ParseNoise(*noise);
    if (tile) options.tile = ParseTile(*tile);
    if (scale) options.scale = ParseScale(*scale);
    if (size) ParseSize(*size, &options);
    if (mode) options.mode = ParseMode(*mode);
    if (options.align_corners && options.mode == PyTorchMode::kNearest) {
      throw UsageError("--align-corners goes with --mode bilinear and bicubic only");
    }
    if (isa) options.isa = ParseIsa(*isa);
    if (threads) options.threads = ParseThreads(*threads);
  } catch (const CLI::Success& success) {  // --help, --version
    app.exit(success);
    return;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  for (const std::string& warning : Upscale(options)) Tell("warning: " + warning);
}

}  // namespace

}  // namespace polyphase::cli

int main(int argc, char** argv) {
  using namespace polyphase::cli;  // NOLINT(google-build-using-namespace): this function is part of it
  try {
    Run(argc, argv);
    if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write to stdout");
    return 0;
  } catch (const UsageError& error) {
    return Complain(std::string(error.what()) + " (see polyphase --help, polyphase upscale --help)", kUsageExit);
  } catch (const std::bad_alloc&) {
    return Complain("out of memory", kFailureExit);
  } catch (const std::exception& error) {
    return Complain(error.what(), kFailureExit);
  }
}
