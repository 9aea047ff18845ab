// Image files: see image_io.h.
//
// libpng and libjpeg report errors by calling back, and the callback must not return: it jumps out of the library with
// longjmp. Guarded() is the one place that they jump to. Every call into the libraries happens inside of it, in a
// lambda that owns nothing; what must be released is owned by the function outside, so that the jump passes no
// destructor.
#include "image_io.h"

#include <jpeglib.h>  // needs <cstdio>, which image_io.h includes
// must follow jpeglib.h
#include <jerror.h>
#include <png.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "errors.h"
#include "orientation.h"

namespace polyphase::cli {

namespace {

constexpr int kJpegQuality = 95;
constexpr size_t kExifPrefix = 6;   // "Exif" and two zeros
constexpr int kPngCompression = 4;  // twice as fast as zlib's default of 6, for files that are 5 % larger

// Keeps what the callbacks of a library report. It takes no memory, because they must not throw.
struct CodecReport {
  static constexpr int kMaxWarnings = 8;
  const char* task;  // what failed
  std::jmp_buf jump = {};
  char message[JMSG_LENGTH_MAX] = {};
  int error_number = 0;
  char warnings[kMaxWarnings][JMSG_LENGTH_MAX] = {};
  int warning_count = 0;
  bool more_warnings = false;

  // Keeps one warning of each text.
  void Warn(const char* text) {
    for (int i = 0; i < warning_count; ++i) {
      if (std::strncmp(warnings[i], text, JMSG_LENGTH_MAX - 1) == 0) return;
    }
    more_warnings = more_warnings || warning_count == kMaxWarnings;
    if (warning_count < kMaxWarnings) std::snprintf(warnings[warning_count++], JMSG_LENGTH_MAX, "%s", text);
  }
  void AppendWarnings(const std::string& path, Warnings* all) const {
    for (int i = 0; i < warning_count; ++i) all->push_back(path + ": " + warnings[i]);
    if (more_warnings) all->push_back(path + ": more of the kind");
  }
};

// Calls body() and throws if the library failed in it. It is never inlined, because the variables of the caller must
// not live in registers that longjmp would roll back.
template <typename Body>
[[gnu::noinline]] void Guarded(CodecReport* report, const std::string& path, std::FILE* file, const Body& body) {
  if (setjmp(report->jump) == 0) {  // NOLINT(cert-err52-cpp): the libraries leave no other way
    body();
    return;
  }
  if (std::ferror(file) && report->error_number != 0) Fail(path, std::strerror(report->error_number));
  Fail(path, std::string(report->task) + ": " + report->message);
}

uint32_t ReadBigEndian32(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

// ---- PNG ----

[[noreturn]] void OnPngError(png_structp png, png_const_charp message) {
  auto* report = static_cast<CodecReport*>(png_get_error_ptr(png));
  report->error_number = errno;
  std::snprintf(report->message, sizeof(report->message), "%s", message);
  std::longjmp(report->jump, 1);  // NOLINT(cert-err52-cpp)
}

void ReadPngBytes(png_structp png, png_bytep bytes, size_t count) {
  if (std::fread(bytes, 1, count, static_cast<std::FILE*>(png_get_io_ptr(png))) != count) {
    png_error(png, "the file is cut short");
  }
}

struct PngWriter {
  CodecReport report{"cannot encode PNG"};
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
};

constexpr bool kLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;  // 16-bit PNG samples are big-endian

// The chunks that are read here and not by libpng: Debian 12's does not know cICP and those for HDR, and changes or
// leaves out some of the others.
struct ChunkKind {
  const char* name;
  size_t size;  // of a chunk that goes from one PNG file to another as it is, byte for byte; else 0
};
constexpr ChunkKind kChunks[] = {{"gAMA", 4}, {"cHRM", 32}, {"sRGB", 1}, {"cICP", 4}, {"mDCV", 24},
                                 {"cLLI", 8}, {"eXIf", 0},  {"acTL", 0}, {"fcTL", 0}};

// What these chunks say about a picture.
struct PngExtras {
  ColourChunk colours[std::size(kChunks)] = {};
  int colour_count = 0;
  int orientation = 1;
  uint32_t frames = 0;       // of an animation
  bool first_frame = false;  // whether the picture is the first frame

  void Read(const png_unknown_chunk& chunk, CodecReport* report) {
    const char* name = reinterpret_cast<const char*>(chunk.name);
    const auto is = [&](const char* other) { return std::strcmp(name, other) == 0; };
    if (is("acTL") && chunk.size == 8) frames = ReadBigEndian32(chunk.data);
    if (is("fcTL") && (chunk.location & PNG_AFTER_IDAT) == 0) first_frame = true;
    if (is("eXIf") && orientation == 1) {
      // Some programs put the prefix of a JPEG segment before the TIFF structure.
      const bool prefixed = chunk.size >= kExifPrefix && std::memcmp(chunk.data, "Exif\0\0", kExifPrefix) == 0;
      const size_t skipped = prefixed ? kExifPrefix : 0;
      orientation = ExifOrientation(chunk.data + skipped, chunk.size - skipped);
    }
    for (const ChunkKind& kind : kChunks) {
      if (kind.size == 0 || !is(kind.name)) continue;
      char text[32];
      const char* fault = chunk.size != kind.size ? "wrong length" : nullptr;
      for (int i = 0; i < colour_count; ++i) {
        if (is(colours[i].name)) fault = "a second one";
      }
      if ((chunk.location & PNG_AFTER_IDAT) != 0) fault = "after the pixels";
      if (fault != nullptr) {
        std::snprintf(text, sizeof(text), "%s: %s, left out", name, fault);
        return report->Warn(text);
      }
      ColourChunk& colour = colours[colour_count++];
      std::snprintf(colour.name, sizeof(colour.name), "%s", name);
      colour.size = chunk.size;
      std::copy_n(chunk.data, chunk.size, colour.data);
    }
  }
};

struct PngReader {
  CodecReport report{"cannot decode the PNG file"};
  uint32_t damaged = 0;  // the name of the last chunk that had a wrong checksum
  PngExtras extras;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void OnPngWriteWarning(png_structp png, png_const_charp message) {
  static_cast<CodecReport*>(png_get_error_ptr(png))->Warn(message);
}

void OnPngReadWarning(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_user_chunk_ptr(png));
  reader->report.Warn(message);
  if (std::strstr(message, "CRC error") != nullptr) reader->damaged = png_get_io_chunk_type(png);
}

// Reads a chunk of kChunks, or another one that libpng does not know. libpng leaves out damaged chunks only where it
// knows them.
int OnPngChunk(png_structp png, png_unknown_chunkp chunk) {
  auto* reader = static_cast<PngReader*>(png_get_user_chunk_ptr(png));
  if (reader->damaged != png_get_io_chunk_type(png)) reader->extras.Read(*chunk, &reader->report);
  reader->damaged = 0;
  return 1;  // libpng does not keep it
}

Image ReadPng(const std::string& path, std::FILE* file, const HeaderCallback& on_header, Progress* progress,
              Warnings* warnings) {
  PngReader reader;
  png_structp& png = reader.png;
  png_infop& info = reader.info;
  Image image;
  ImageShape& shape = image.shape;
  png_bytep profile = nullptr;
  png_uint_32 profile_bytes = 0;
  Guarded(&reader.report, path, file, [&] {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.report, OnPngError, OnPngReadWarning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) return;
    png_set_read_user_chunk_fn(png, &reader, OnPngChunk);
    png_set_read_fn(png, file, ReadPngBytes);
    // A wrong checksum is an error in chunks without which there is no picture; others are left out with a warning.
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    for (const ChunkKind& kind : kChunks) {
      png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_ALWAYS, reinterpret_cast<png_const_bytep>(kind.name), 1);
    }
    png_set_user_limits(png, kMaxPngSide, kMaxPngSide);  // on_header knows better what is too large
    png_read_info(png, info);
    shape.width = png_get_image_width(png, info);
    shape.height = png_get_image_height(png, info);
    shape.bits = png_get_bit_depth(png, info) == 16 ? 16 : 8;
    const int color_type = png_get_color_type(png, info);
    const bool transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0 || (color_type & PNG_COLOR_MASK_ALPHA) != 0;
    shape.channels = ((color_type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1) + (transparent ? 1 : 0);
    png_charp name = nullptr;
    int compression = 0;
    png_get_iCCP(png, info, &name, &compression, &profile, &profile_bytes);
    int unit = PNG_RESOLUTION_UNKNOWN;
    png_get_pHYs(png, info, &image.density.x, &image.density.y, &unit);
    image.density.metric = unit == PNG_RESOLUTION_METER;
  });
  if (info == nullptr) throw std::bad_alloc();
  const PngExtras& extras = reader.extras;
  // libpng has two rows, with space for filters. An orientation after the pixels is not known yet; turning takes no
  // more than the output, unless that is smaller.
  const double rows_bytes = 4.0 * shape.bytes() / static_cast<double>(shape.height);
  on_header(shape, rows_bytes + (extras.orientation != 1 ? shape.bytes() : 0.0));
  if (profile != nullptr) image.icc_profile.assign(profile, profile + profile_bytes);
  image.Allocate();
  Guarded(&reader.report, path, file, [&] {
    png_set_expand(png);
    if (kLittleEndian) png_set_swap(png);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != image.row_bytes()) png_error(png, "inconsistent row size");
    for (int64_t row = 0; row < passes * shape.height; ++row) {
      png_read_row(png, image.pixels.get() + static_cast<size_t>(row % shape.height) * image.row_bytes(), nullptr);
      progress->Step(row, passes * shape.height);
    }
    png_read_end(png, info);  // without `info` it would skip the chunks
  });
  image.colour_chunks.assign(extras.colours, extras.colours + extras.colour_count);
  if (extras.frames > (extras.first_frame ? 1U : 0U)) {
    const char* taken = extras.first_frame ? "only the first is taken" : "none is taken, but the picture beside them";
    reader.report.Warn(("an animation of " + std::to_string(extras.frames) + " frames, of which " + taken).c_str());
  }
  reader.report.AppendWarnings(path, warnings);
  TurnUpright(extras.orientation, &image);
  return image;
}

void WritePng(const Image& image, const std::string& path, std::FILE* file, Progress* progress, Warnings* warnings) {
  PngWriter writer;
  png_structp& png = writer.png;
  png_infop& info = writer.info;
  const ImageShape& shape = image.shape;
  Guarded(&writer.report, path, file, [&] {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.report, OnPngError, OnPngWriteWarning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) return;
    png_init_io(png, file);
    png_set_user_limits(png, kMaxPngSide, kMaxPngSide);
    png_set_compression_level(png, kPngCompression);
    png_set_benign_errors(png, 1);  // a profile that does not fit the image is left out with a warning
    constexpr int kColorTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                   PNG_COLOR_TYPE_RGB_ALPHA};
    png_set_IHDR(png, info, static_cast<png_uint_32>(shape.width), static_cast<png_uint_32>(shape.height), shape.bits,
                 kColorTypes[shape.channels - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (!image.icc_profile.empty()) {
      png_set_iCCP(png, info, "ICC profile", PNG_COMPRESSION_TYPE_DEFAULT, image.icc_profile.data(),
                   static_cast<png_uint_32>(image.icc_profile.size()));
    }
    const PixelDensity& density = image.density;
    if (density.x != 0 && density.y != 0) {
      png_set_pHYs(png, info, density.x, density.y, density.metric ? PNG_RESOLUTION_METER : PNG_RESOLUTION_UNKNOWN);
    }
    png_write_info_before_PLTE(png, info);
    for (const ColourChunk& chunk : image.colour_chunks) {
      png_write_chunk(png, reinterpret_cast<png_const_bytep>(chunk.name), chunk.data, chunk.size);
    }
    png_write_info(png, info);
    if (kLittleEndian) png_set_swap(png);
    for (int64_t row = 0; row < shape.height; ++row) {
      png_write_row(png, image.pixels.get() + static_cast<size_t>(row) * image.row_bytes());
      progress->Step(row, shape.height);
    }
    png_write_end(png, nullptr);
  });
  if (info == nullptr) throw std::bad_alloc();
  writer.report.AppendWarnings(path, warnings);
}

// ---- JPEG ----

[[noreturn]] void OnJpegError(j_common_ptr jpeg) {
  auto* report = static_cast<CodecReport*>(jpeg->client_data);
  report->error_number = errno;
  jpeg->err->format_message(jpeg, report->message);
  std::longjmp(report->jump, 1);  // NOLINT(cert-err52-cpp)
}

// Level -1 is a warning. Most are about pixels that are missing or damaged, which libjpeg would replace by gray. These
// are not: stray bytes between segments, before a restart marker or the end, which many cameras and scanners write, and
// odd headers.
void OnJpegMessage(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL: break;
    default: OnJpegError(jpeg);
  }
  char text[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, text);
  static_cast<CodecReport*>(jpeg->client_data)->Warn(text);
}

struct JpegReader {
  CodecReport report{"cannot decode the JPEG file"};
  jpeg_error_mgr callbacks = {};
  jpeg_decompress_struct jpeg = {};
  JOCTET* profile = nullptr;  // from malloc
  ~JpegReader() {
    jpeg_destroy_decompress(&jpeg);
    std::free(profile);
  }
};

struct JpegWriter {
  CodecReport report{"cannot encode JPEG"};
  jpeg_error_mgr callbacks = {};
  jpeg_compress_struct jpeg = {};
  ~JpegWriter() { jpeg_destroy_compress(&jpeg); }
};

template <typename Codec>
void SetJpegErrorCallbacks(Codec* codec) {
  codec->jpeg.err = jpeg_std_error(&codec->callbacks);
  codec->callbacks.error_exit = OnJpegError;
  codec->callbacks.emit_message = OnJpegMessage;
  codec->jpeg.client_data = &codec->report;
}

// Returns the orientation that an APP1 segment states, or 1.
int SegmentOrientation(const uint8_t* data, size_t size) {
  if (size < kExifPrefix || std::memcmp(data, "Exif\0\0", kExifPrefix) != 0) return 1;
  return ExifOrientation(data + kExifPrefix, size - kExifPrefix);
}

// JFIF counts per inch or centimetre in 16 bits.
constexpr double kMetresPerInch = 0.0254;
constexpr int kDotsPerInch = 1, kDotsPerCentimetre = 2;
constexpr uint32_t kMaxJpegDensity = 65535;

PixelDensity DensityOf(const jpeg_decompress_struct& jpeg) {
  const bool metric = jpeg.density_unit == kDotsPerInch || jpeg.density_unit == kDotsPerCentimetre;
  if (!jpeg.saw_JFIF_marker || (!metric && jpeg.X_density == jpeg.Y_density)) return {};
  const auto converted = [&](UINT16 density) {
    if (jpeg.density_unit == kDotsPerInch) return static_cast<uint32_t>(std::lround(density / kMetresPerInch));
    return static_cast<uint32_t>(density) * (metric ? 100U : 1U);
  };
  return {converted(jpeg.X_density), converted(jpeg.Y_density), metric};
}

// Sets the density, unless it is too large for the format. Centimetres are taken where they are exact.
void SetDensity(PixelDensity density, jpeg_compress_struct* jpeg) {
  if (density.x == 0 || density.y == 0) return;
  const bool centimetres = density.x % 100 == 0 && density.y % 100 == 0;
  const auto converted = [&](uint32_t value) {
    if (!density.metric) return value;
    return centimetres ? value / 100 : static_cast<uint32_t>(std::lround(value * kMetresPerInch));
  };
  while (!density.metric && std::max(density.x, density.y) > kMaxJpegDensity) density.x /= 2, density.y /= 2;
  const uint32_t x = converted(density.x);
  const uint32_t y = converted(density.y);
  if (std::min(x, y) == 0 || std::max(x, y) > kMaxJpegDensity) return;
  jpeg->density_unit = static_cast<UINT8>(!density.metric ? 0 : centimetres ? kDotsPerCentimetre : kDotsPerInch);
  jpeg->X_density = static_cast<UINT16>(x);
  jpeg->Y_density = static_cast<UINT16>(y);
}

Image ReadJpeg(const std::string& path, std::FILE* file, const HeaderCallback& on_header, Progress* progress,
               Warnings* warnings) {
  JpegReader reader;
  jpeg_decompress_struct& jpeg = reader.jpeg;
  SetJpegErrorCallbacks(&reader);
  int orientation = 1;
  Guarded(&reader.report, path, file, [&] {
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, file);
    jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);  // EXIF
    jpeg_save_markers(&jpeg, JPEG_APP0 + 2, 0xffff);  // ICC
    jpeg_read_header(&jpeg, TRUE);
    for (jpeg_saved_marker_ptr marker = jpeg.marker_list; marker != nullptr && orientation == 1;
         marker = marker->next) {
      if (marker->marker == JPEG_APP0 + 1) orientation = SegmentOrientation(marker->data, marker->data_length);
    }
  });
  const bool gray = jpeg.jpeg_color_space == JCS_GRAYSCALE;
  if (!gray && jpeg.jpeg_color_space != JCS_YCbCr && jpeg.jpeg_color_space != JCS_RGB) {
    const std::string kind = jpeg.num_components == 4 ? "CMYK" : std::to_string(jpeg.num_components) + "-component";
    Fail(path, kind + " JPEG is not supported; convert it to RGB first");
  }
  Image image;
  ImageShape& shape = image.shape;
  shape.width = jpeg.image_width;
  shape.height = jpeg.image_height;
  shape.channels = gray ? 1 : 3;
  image.density = DensityOf(jpeg);
  const bool keeps_coefficients = jpeg_has_multiple_scans(&jpeg) != 0;
  on_header(shape,
            std::max(keeps_coefficients ? shape.bytes() * sizeof(JCOEF) : 0.0, orientation != 1 ? shape.bytes() : 0.0));
  image.Allocate();
  unsigned profile_bytes = 0;
  Guarded(&reader.report, path, file, [&] {
    jpeg_read_icc_profile(&jpeg, &reader.profile, &profile_bytes);
    jpeg.out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg);
    for (int64_t y = 0; y < shape.height; ++y) {
      JSAMPROW rows[] = {image.pixels.get() + static_cast<size_t>(y) * image.row_bytes()};
      jpeg_read_scanlines(&jpeg, rows, 1);
      progress->Step(y, shape.height);
    }
    jpeg_finish_decompress(&jpeg);
  });
  if (reader.profile != nullptr) image.icc_profile.assign(reader.profile, reader.profile + profile_bytes);
  reader.report.AppendWarnings(path, warnings);
  TurnUpright(orientation, &image);
  return image;
}

// Returns the chunks whose meaning gets lost in a JPEG file, which can hold an ICC profile alone: those that say
// something else than sRGB, which viewers assume, and that no other overrules.
std::string LostColours(const Image& image) {
  // White, red, green, blue of sRGB, in 100,000ths.
  constexpr uint32_t kSrgbPoints[] = {31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000};
  constexpr uint32_t kSrgbGamma = 45455;
  constexpr uint8_t kSrgbCode[] = {1, 13, 0, 1};  // of cICP: primaries, transfer, matrix, full range
  const auto is = [](const ColourChunk& chunk, const char* name) { return std::strcmp(chunk.name, name) == 0; };
  const auto has = [&](const char* name) {
    return std::any_of(image.colour_chunks.begin(), image.colour_chunks.end(),
                       [&](const ColourChunk& chunk) { return is(chunk, name); });
  };
  const bool overruled = has("cICP") || !image.icc_profile.empty() || has("sRGB");
  std::string names;
  for (const ColourChunk& chunk : image.colour_chunks) {
    const auto near = [&](uint32_t expected, size_t index) {
      const uint32_t value = ReadBigEndian32(chunk.data + 4 * index);
      const uint32_t slack = expected / 100;
      return value >= expected - slack && value <= expected + slack;
    };
    bool lost = false;
    if (is(chunk, "cICP")) lost = !std::equal(std::begin(kSrgbCode), std::end(kSrgbCode), chunk.data);
    if (is(chunk, "gAMA")) lost = !overruled && !near(kSrgbGamma, 0);
    for (size_t i = 0; is(chunk, "cHRM") && i < std::size(kSrgbPoints); ++i) {
      lost = lost || (!overruled && !near(kSrgbPoints[i], i));
    }
    if (lost) names += std::string(names.empty() ? "" : ", ") + chunk.name;
  }
  return names;
}

void WriteJpeg(const Image& image, const std::string& path, std::FILE* file, Progress* progress, Warnings* warnings) {
  JpegWriter writer;
  jpeg_compress_struct& jpeg = writer.jpeg;
  SetJpegErrorCallbacks(&writer);
  const ImageShape& shape = image.shape;
  Guarded(&writer.report, path, file, [&] {
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = static_cast<JDIMENSION>(shape.width);
    jpeg.image_height = static_cast<JDIMENSION>(shape.height);
    jpeg.input_components = shape.channels;
    jpeg.in_color_space = shape.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, kJpegQuality, TRUE);
    jpeg.comp_info[0].h_samp_factor = 1;  // colour at full resolution: 4:4:4
    jpeg.comp_info[0].v_samp_factor = 1;
    SetDensity(image.density, &jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (!image.icc_profile.empty()) {
      jpeg_write_icc_profile(&jpeg, image.icc_profile.data(), static_cast<unsigned>(image.icc_profile.size()));
    }
    for (int64_t y = 0; y < shape.height; ++y) {
      JSAMPROW rows[] = {image.pixels.get() + static_cast<size_t>(y) * image.row_bytes()};
      jpeg_write_scanlines(&jpeg, rows, 1);
      progress->Step(y, shape.height);
    }
    jpeg_finish_compress(&jpeg);
  });
  const std::string lost = LostColours(image);
  if (!lost.empty()) {
    warnings->push_back(path + ": JPEG cannot hold " + lost + " of the input; the colours may be shown differently");
  }
}

}  // namespace

Image ReadImage(const std::string& path, const HeaderCallback& on_header, Progress* progress, Warnings* warnings) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) Fail(path, std::strerror(errno));
  const int first = std::getc(file.get());
  if (first == EOF) Fail(path, std::ferror(file.get()) ? std::strerror(errno) : "the file is empty");
  std::ungetc(first, file.get());
  // The codecs check the rest of the signature.
  if (first == 0x89) return ReadPng(path, file.get(), on_header, progress, warnings);
  if (first == 0xff) return ReadJpeg(path, file.get(), on_header, progress, warnings);
  Fail(path, "neither a PNG nor a JPEG file");
}

void WriteImage(const Image& image, FileFormat format, const std::string& path, std::FILE* file, Progress* progress,
                Warnings* warnings) {
  (format == FileFormat::kPng ? WritePng : WriteJpeg)(image, path, file, progress, warnings);
}

FileFormat FormatOf(const std::string& path) {
  const size_t dot = path.find_last_of("./");
  std::string extension = dot != std::string::npos && path[dot] == '.' ? path.substr(dot) : "";
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (extension == ".png") return FileFormat::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return FileFormat::kJpeg;
  Fail(path, "the extension of the output must be .png, .jpg or .jpeg");
}

}  // namespace polyphase::cli
