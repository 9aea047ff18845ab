// Image files: see image_io.h.
//
// libpng and libjpeg report errors by calling back, and the callback must not return: it jumps out of the library with
// longjmp. Guarded() is the one place that they jump to. Every call into the libraries happens inside of it, in a
// lambda that owns nothing; what must be released is owned by the function outside, so that the jump passes no
// destructor.
#include "image_io.h"

#include <jpeglib.h>  // needs <cstdio>, which image_io.h includes
#include <png.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "errors.h"

namespace polyphase::cli {

namespace {

constexpr int kJpegQuality = 95;
constexpr int kPngCompression = 4;  // twice as fast as zlib's default of 6, for files that are 5 % larger

// Keeps what the error callback of a library reports.
struct CodecError {
  const char* task;  // what failed
  std::jmp_buf jump = {};
  char message[JMSG_LENGTH_MAX] = {};
  int error_number = 0;
};

// Calls body() and throws if the library failed in it. It is never inlined, because the variables of the caller must
// not live in registers that longjmp would roll back.
template <typename Body>
[[gnu::noinline]] void Guarded(CodecError* error, const std::string& path, std::FILE* file, const Body& body) {
  if (setjmp(error->jump) == 0) {  // NOLINT(cert-err52-cpp): the libraries leave no other way
    body();
    return;
  }
  if (std::ferror(file) && error->error_number != 0) Fail(path, std::strerror(error->error_number));
  Fail(path, std::string(error->task) + ": " + error->message);
}

// ---- PNG ----

[[noreturn]] void OnPngError(png_structp png, png_const_charp message) {
  auto* error = static_cast<CodecError*>(png_get_error_ptr(png));
  error->error_number = errno;
  std::snprintf(error->message, sizeof(error->message), "%s", message);
  std::longjmp(error->jump, 1);  // NOLINT(cert-err52-cpp)
}

void OnPngWarning(png_structp, png_const_charp) {}  // about metadata, such as an odd colour profile

void ReadPngBytes(png_structp png, png_bytep bytes, size_t count) {
  if (std::fread(bytes, 1, count, static_cast<std::FILE*>(png_get_io_ptr(png))) != count) {
    png_error(png, "the file is cut short");
  }
}

struct PngReader {
  CodecError error{"cannot decode the PNG file"};
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct PngWriter {
  CodecError error{"cannot encode PNG"};
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
};

constexpr bool kLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;  // 16-bit PNG samples are big-endian

Image ReadPng(const std::string& path, std::FILE* file, const HeaderCallback& on_header, Progress* progress) {
  PngReader reader;
  png_structp& png = reader.png;
  png_infop& info = reader.info;
  Image image;
  ImageShape& shape = image.shape;
  png_bytep profile = nullptr;
  png_uint_32 profile_bytes = 0;
  Guarded(&reader.error, path, file, [&] {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.error, OnPngError, OnPngWarning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) return;
    png_set_read_fn(png, file, ReadPngBytes);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
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
  });
  if (info == nullptr) throw std::bad_alloc();
  on_header(shape, 4.0 * shape.bytes() / static_cast<double>(shape.height));  // libpng's rows, with space for filters
  if (profile != nullptr) image.icc_profile.assign(profile, profile + profile_bytes);
  image.Allocate();
  Guarded(&reader.error, path, file, [&] {
    png_set_expand(png);
    if (kLittleEndian) png_set_swap(png);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != image.row_bytes()) png_error(png, "inconsistent row size");
    for (int64_t row = 0; row < passes * shape.height; ++row) {
      png_read_row(png, image.pixels.get() + static_cast<size_t>(row % shape.height) * image.row_bytes(), nullptr);
      progress->Step(row, passes * shape.height);
    }
    png_read_end(png, nullptr);
  });
  return image;
}

void WritePng(const Image& image, const std::string& path, std::FILE* file, Progress* progress) {
  PngWriter writer;
  png_structp& png = writer.png;
  png_infop& info = writer.info;
  const ImageShape& shape = image.shape;
  Guarded(&writer.error, path, file, [&] {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.error, OnPngError, OnPngWarning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) return;
    png_init_io(png, file);
    png_set_user_limits(png, kMaxPngSide, kMaxPngSide);
    png_set_compression_level(png, kPngCompression);
    png_set_benign_errors(png, 1);  // a profile that does not fit the image is left out
    constexpr int kColorTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                   PNG_COLOR_TYPE_RGB_ALPHA};
    png_set_IHDR(png, info, static_cast<png_uint_32>(shape.width), static_cast<png_uint_32>(shape.height), shape.bits,
                 kColorTypes[shape.channels - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (!image.icc_profile.empty()) {
      png_set_iCCP(png, info, "ICC profile", PNG_COMPRESSION_TYPE_DEFAULT, image.icc_profile.data(),
                   static_cast<png_uint_32>(image.icc_profile.size()));
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
}

// ---- JPEG ----

[[noreturn]] void OnJpegError(j_common_ptr jpeg) {
  auto* error = static_cast<CodecError*>(jpeg->client_data);
  error->error_number = errno;
  jpeg->err->format_message(jpeg, error->message);
  std::longjmp(error->jump, 1);  // NOLINT(cert-err52-cpp)
}

// Level -1 is a warning about data that is missing or damaged, which libjpeg would replace by gray.
void OnJpegMessage(j_common_ptr jpeg, int level) {
  if (level < 0) OnJpegError(jpeg);
}

struct JpegReader {
  CodecError error{"cannot decode the JPEG file"};
  jpeg_error_mgr callbacks = {};
  jpeg_decompress_struct jpeg = {};
  JOCTET* profile = nullptr;  // from malloc
  ~JpegReader() {
    jpeg_destroy_decompress(&jpeg);
    std::free(profile);
  }
};

struct JpegWriter {
  CodecError error{"cannot encode JPEG"};
  jpeg_error_mgr callbacks = {};
  jpeg_compress_struct jpeg = {};
  ~JpegWriter() { jpeg_destroy_compress(&jpeg); }
};

template <typename Codec>
void SetJpegErrorCallbacks(Codec* codec) {
  codec->jpeg.err = jpeg_std_error(&codec->callbacks);
  codec->callbacks.error_exit = OnJpegError;
  codec->callbacks.emit_message = OnJpegMessage;
  codec->jpeg.client_data = &codec->error;
}

// Returns the orientation, 1 to 8, in the payload of an APP1 segment, or 1 if it holds none.
int ExifOrientation(const uint8_t* data, size_t size) {
  constexpr size_t kPrefix = 6;
  if (size < kPrefix || std::memcmp(data, "Exif\0\0", kPrefix) != 0) return 1;
  const uint8_t* tiff = data + kPrefix;
  size -= kPrefix;
  const auto read = [&](size_t at, size_t bytes) {  // returns 0 past the end
    uint32_t value = 0;
    for (size_t i = 0; i < bytes && at + bytes <= size; ++i) {
      value = value << 8 | tiff[tiff[0] == 'I' ? at + bytes - 1 - i : at + i];
    }
    return value;
  };
  const size_t directory = read(4, 4);
  for (size_t entry = 0; entry < read(directory, 2); ++entry) {
    const size_t at = directory + 2 + 12 * entry;
    if (read(at, 2) != 0x0112) continue;
    const uint32_t orientation = read(at + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

// Says where the pixels of the stored image go in the upright one, counted in pixels.
struct Placement {
  int64_t origin;
  int64_t step_x;
  int64_t step_y;
};

// `width` and `height` are those of the stored image.
Placement PlacementOf(int orientation, int64_t width, int64_t height) {
  switch (orientation) {
    case 2: return {width - 1, -1, width};              // mirrored left to right
    case 3: return {width * height - 1, -1, -width};    // turned by 180 degrees
    case 4: return {(height - 1) * width, 1, -width};   // mirrored top to bottom
    case 5: return {0, height, 1};                      // mirrored at the main diagonal
    case 6: return {height - 1, height, -1};            // to be turned clockwise
    case 7: return {width * height - 1, -height, -1};   // mirrored at the other diagonal
    case 8: return {(width - 1) * height, -height, 1};  // to be turned counter-clockwise
    default: return {0, 1, width};
  }
}

Image ReadJpeg(const std::string& path, std::FILE* file, const HeaderCallback& on_header, Progress* progress) {
  JpegReader reader;
  jpeg_decompress_struct& jpeg = reader.jpeg;
  SetJpegErrorCallbacks(&reader);
  int orientation = 1;
  Guarded(&reader.error, path, file, [&] {
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, file);
    jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);  // EXIF
    jpeg_save_markers(&jpeg, JPEG_APP0 + 2, 0xffff);  // ICC
    jpeg_read_header(&jpeg, TRUE);
    for (jpeg_saved_marker_ptr marker = jpeg.marker_list; marker != nullptr && orientation == 1;
         marker = marker->next) {
      if (marker->marker == JPEG_APP0 + 1) orientation = ExifOrientation(marker->data, marker->data_length);
    }
  });
  const bool gray = jpeg.jpeg_color_space == JCS_GRAYSCALE;
  if (!gray && jpeg.jpeg_color_space != JCS_YCbCr && jpeg.jpeg_color_space != JCS_RGB) {
    const std::string kind = jpeg.num_components == 4 ? "CMYK" : std::to_string(jpeg.num_components) + "-component";
    Fail(path, kind + " JPEG is not supported; convert it to RGB first");
  }
  const int64_t stored_width = jpeg.image_width;
  const int64_t stored_height = jpeg.image_height;
  Image image;
  ImageShape& shape = image.shape;
  shape.width = orientation >= 5 ? stored_height : stored_width;
  shape.height = orientation >= 5 ? stored_width : stored_height;
  shape.channels = gray ? 1 : 3;
  const bool keeps_coefficients = jpeg_has_multiple_scans(&jpeg) != 0;
  on_header(shape, keeps_coefficients ? shape.bytes() * sizeof(JCOEF) : 0.0);
  image.Allocate();
  const Placement placement = PlacementOf(orientation, stored_width, stored_height);
  std::vector<uint8_t> row(static_cast<size_t>(stored_width) * shape.channels);
  unsigned profile_bytes = 0;
  Guarded(&reader.error, path, file, [&] {
    jpeg_read_icc_profile(&jpeg, &reader.profile, &profile_bytes);
    jpeg.out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg);
    for (int64_t y = 0; y < stored_height; ++y) {
      JSAMPROW rows[] = {row.data()};
      jpeg_read_scanlines(&jpeg, rows, 1);
      for (int64_t x = 0; x < stored_width; ++x) {
        const int64_t pixel = placement.origin + y * placement.step_y + x * placement.step_x;
        std::copy_n(row.data() + x * shape.channels, shape.channels, image.pixels.get() + pixel * shape.channels);
      }
      progress->Step(y, stored_height);
    }
    jpeg_finish_decompress(&jpeg);
  });
  if (reader.profile != nullptr) image.icc_profile.assign(reader.profile, reader.profile + profile_bytes);
  return image;
}

void WriteJpeg(const Image& image, const std::string& path, std::FILE* file, Progress* progress) {
  JpegWriter writer;
  jpeg_compress_struct& jpeg = writer.jpeg;
  SetJpegErrorCallbacks(&writer);
  const ImageShape& shape = image.shape;
  Guarded(&writer.error, path, file, [&] {
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
}

}  // namespace

Image ReadImage(const std::string& path, const HeaderCallback& on_header, Progress* progress) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) Fail(path, std::strerror(errno));
  const int first = std::getc(file.get());
  if (first == EOF) Fail(path, std::ferror(file.get()) ? std::strerror(errno) : "the file is empty");
  std::ungetc(first, file.get());
  // The codecs check the rest of the signature.
  if (first == 0x89) return ReadPng(path, file.get(), on_header, progress);
  if (first == 0xff) return ReadJpeg(path, file.get(), on_header, progress);
  Fail(path, "neither a PNG nor a JPEG file");
}

void WriteImage(const Image& image, FileFormat format, const std::string& path, std::FILE* file, Progress* progress) {
  (format == FileFormat::kPng ? WritePng : WriteJpeg)(image, path, file, progress);
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
