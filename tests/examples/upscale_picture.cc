// Doubles a PNG picture with Pillow's bicubic filter: upscale_picture IN.png OUT.png
// Without arguments it doubles a picture of its own, and checks the result.
#include <png.h>
#include <polyphase/polyphase.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

struct Picture {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> rgb;  // NHWC, as picture libraries have it
};

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "upscale_picture: %s\n", message.c_str());
  std::exit(1);
}

Picture Read(const char* path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&image, path)) Fail(image.message);
  image.format = PNG_FORMAT_RGB;
  Picture picture{image.height, image.width, std::vector<uint8_t>(PNG_IMAGE_SIZE(image))};
  const png_color black{0, 0, 0};  // behind what is transparent
  if (!png_image_finish_read(&image, &black, picture.rgb.data(), 0, nullptr)) Fail(image.message);
  return picture;
}

void Write(const Picture& picture, const char* path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.format = PNG_FORMAT_RGB;
  image.height = static_cast<uint32_t>(picture.height);
  image.width = static_cast<uint32_t>(picture.width);
  if (!png_image_write_to_file(&image, path, 0, picture.rgb.data(), 0, nullptr)) Fail(image.message);
}

Picture Double(const Picture& picture) {
  auto attributes = polyphase::ResizeAttributes::Pillow(polyphase::ResizeMode::kCubic);
  attributes.size = {2 * picture.height, 2 * picture.width};
  const auto op = polyphase::CreateResize(attributes);
  if (!op.ok()) Fail(op.status().message());

  auto shape = polyphase::TensorDesc::Nhwc(1, 3, picture.height, picture.width);
  shape.dtype = polyphase::DataType::kU8;
  const auto plan = op->MakePlan(shape);
  if (!plan.ok()) Fail(plan.status().message());
  std::puts(plan->Describe().c_str());

  Picture doubled{2 * picture.height, 2 * picture.width, std::vector<uint8_t>(4 * picture.rgb.size())};
  const polyphase::Status status = plan->Run(picture.rgb.data(), doubled.rgb.data());
  if (!status.ok()) Fail(status.message());
  return doubled;
}

// Red rises by 4 a column and green by 3 a row; blue is 100.
Picture Ramps() {
  Picture picture{40, 60, {}};
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 60; ++x) {
      picture.rgb.insert(picture.rgb.end(), {static_cast<uint8_t>(4 * x), static_cast<uint8_t>(3 * y), 100});
    }
  }
  return picture;
}

// A cubic filter keeps a straight line straight: output o lies at (o + 0.5) / 2 - 0.5 of the input. The two pixels at
// each edge whose window reaches outside are left out.
void Check(const Picture& doubled) {
  for (int64_t y = 4; y < 76; ++y) {
    for (int64_t x = 4; x < 116; ++x) {
      const uint8_t* rgb = &doubled.rgb[static_cast<size_t>(3 * (120 * y + x))];
      const double red = 4 * ((x + 0.5) / 2 - 0.5), green = 3 * ((y + 0.5) / 2 - 0.5);
      if (std::abs(rgb[0] - red) > 0.5 || std::abs(rgb[1] - green) > 0.5 || rgb[2] != 100) Fail("a wrong pixel");
    }
  }
}

int main(int argc, char** argv) {
  if (argc == 3) {
    Write(Double(Read(argv[1])), argv[2]);
    return 0;
  }
  Write(Ramps(), "ramps.png");
  Write(Double(Read("ramps.png")), "ramps_doubled.png");
  const Picture doubled = Read("ramps_doubled.png");
  if (doubled.height != 80 || doubled.width != 120) Fail("a wrong size");
  Check(doubled);
}
