// See enum_names.h.
#include "geometry/enum_names.h"

#include <cstddef>

#include "base/format.h"

namespace polyphase::internal {
namespace {

template <typename E, size_t kCount>
std::string Named(const char* const (&names)[kCount], E value) {
  const auto number = static_cast<int>(value);
  if (number < 0 || number >= static_cast<int>(kCount)) return Format("%d", number);
  return Format("%s (%d)", names[number], number);
}

}  // namespace

std::string EnumName(DataType value) {
  return Named({"kF32", "kF16", "kBF16", "kU8", "kI8", "kU16", "kI16", "kI32", "kF64", "kI64"}, value);
}

std::string EnumName(Algorithm value) {
  return Named({"kAuto", "kSubpixel", "kGemmCol2im", "kWinograd", "kPlanar", "kMatrix"}, value);
}

std::string EnumName(AutoPad value) { return Named({"kNotSet", "kSameUpper", "kSameLower", "kValid"}, value); }

std::string EnumName(Activation value) {
  return Named({"kNone", "kRelu", "kLeakyRelu", "kClamp", "kPRelu", "kSigmoid", "kTanh", "kSilu", "kGelu", "kGeluTanh",
                "kHardSwish"},
               value);
}

std::string EnumName(ResizeMode value) { return Named({"kNearest", "kLinear", "kCubic", "kArea", "kLanczos"}, value); }

std::string EnumName(CoordinateTransformation value) {
  return Named({"kHalfPixel", "kAlignCorners", "kAsymmetric", "kPytorchHalfPixel", "kHalfPixelSymmetric",
                "kTfCropAndResize", "kTfHalfPixelForNn"},
               value);
}

std::string EnumName(Antialias value) { return Named({"kNone", "kPillow", "kOnnx"}, value); }

std::string EnumName(OutputSizeRule value) { return Named({"kPyTorch", "kOnnx", "kOnnxRuntime"}, value); }

std::string EnumName(KeepAspectRatioPolicy value) { return Named({"kStretch", "kNotLarger", "kNotSmaller"}, value); }

std::string EnumName(U8Rounding value) { return Named({"kHalfEven", "kTruncate", "kFixed16", "kFixed22"}, value); }

}  // namespace polyphase::internal
