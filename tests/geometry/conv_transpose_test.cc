// Tests of the sizes and origins of transposed and ordinary convolutions against their documented formulas.
#include "geometry/conv_transpose.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>

#include "geometry/conv.h"
#include "geometry/tensor.h"
#include "gtest/gtest.h"

namespace polyphase::internal {
namespace {

std::string Name(const ConvTransposeAttributes& a, int64_t in) {
  std::ostringstream os;
  os << "kernel " << a.kernel[0] << " stride " << a.stride[0] << " dilation " << a.dilation[0] << " padding "
     << a.padding_begin[0] << ":" << a.padding_end[0] << " output_padding " << a.output_padding[0] << " auto_pad "
     << static_cast<int>(a.auto_pad) << " output_shape " << a.output_shape[0] << " in " << in;
  return os.str();
}

// The size and origin of the last axis of a 1-D layer; size 0 for an error.
struct SizeAndOrigin {
  int64_t size = 0, origin = 0;
};
SizeAndOrigin Resolve(ConvTransposeAttributes a, int64_t in, int64_t output_size = 0) {
  a.spatial_rank = 1;
  a.input_channels = a.output_channels = 1;
  EXPECT_TRUE(ExpandConvTranspose(&a).ok());
  PhaseShape shape;
  if (!ValidateConvTranspose(a).ok()) return {};
  const SpatialSizes given = output_size == 0 ? SpatialSizes{} : SpatialSizes{1, 1, output_size};
  if (!ResolveConvTranspose(a, {1, 1, in}, given, &shape).ok()) return {};
  return {shape.size[kColumn], shape.origin[kColumn]};
}

// Returns how many outputs a convolution of stride `stride` has for `size` inputs.
int64_t ConvolutionSize(const ConvTransposeAttributes& a, int64_t size) {
  const int64_t room = size - a.dilation[0] * (a.kernel[0] - 1) - 1;
  return room < 0 ? 0 : room / a.stride[0] + 1;
}

template <typename Body>
void ForEachLayer(const Body& body) {
  for (int64_t kernel = 1; kernel <= 5; ++kernel) {
    for (int64_t stride = 1; stride <= 4; ++stride) {
      for (int64_t dilation = 1; dilation <= 3; ++dilation) {
        for (const int64_t in : {1, 2, 5}) {
          ConvTransposeAttributes a;
          a.kernel[0] = kernel;
          a.stride[0] = stride;
          a.dilation[0] = dilation;
          body(a, in, (in - 1) * stride + dilation * (kernel - 1) + 1);
          if (::testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

TEST(ConvTransposeSize, IsPyTorchs) {
  ForEachLayer([](ConvTransposeAttributes a, int64_t in, int64_t natural) {
    const int64_t stride = a.stride[0];
    for (int64_t begin = 0; begin <= 4; ++begin) {
      for (int64_t end = 0; end <= 4; ++end) {
        for (int64_t more = 0; more <= std::max(stride, a.dilation[0]); ++more) {
          a.padding_begin[0] = begin;
          a.padding_end[0] = end;
          a.output_padding[0] = more;
          SCOPED_TRACE(Name(a, in));
          const int64_t size = natural - begin - end + more;
          const bool valid = more < std::max(stride, a.dilation[0]) && size >= 1;
          const SizeAndOrigin resolved = Resolve(a, in);
          EXPECT_EQ(resolved.size, valid ? size : 0);
          EXPECT_EQ(resolved.origin, valid ? begin : 0);
          // forward(output_size=...) replaces output_padding by any value below the stride.
          for (int64_t given = std::max<int64_t>(1, size - more - 1); given <= size - more + stride; ++given) {
            const bool allowed =
                more < std::max(stride, a.dilation[0]) && given >= size - more && given < size - more + stride;
            EXPECT_EQ(Resolve(a, in, given).size, allowed ? given : 0) << "given " << given;
          }
        }
      }
    }
  });
}

TEST(ConvTransposeSize, IsOnnxs) {
  ForEachLayer([](ConvTransposeAttributes a, int64_t in, int64_t natural) {
    for (const AutoPad auto_pad : {AutoPad::kNotSet, AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
      for (int64_t more = 0; more < std::max(a.stride[0], a.dilation[0]); ++more) {
        a.auto_pad = auto_pad;
        a.output_padding[0] = more;
        a.output_shape[0] = 0;
        SCOPED_TRACE(Name(a, in));
        // A total is cropped from both sides; the odd unit from the end with kSameUpper, and else from the begin.
        const auto begin = [&](int64_t total) { return auto_pad == AutoPad::kSameUpper ? total / 2 : (total + 1) / 2; };
        const bool same = auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower;
        const int64_t total = same ? std::max<int64_t>(0, natural + more - in * a.stride[0]) : 0;
        EXPECT_EQ(Resolve(a, in).size, natural + more - total);
        EXPECT_EQ(Resolve(a, in).origin, begin(total));
        for (int64_t shape = 1; shape <= natural + more + 5; ++shape) {
          a.output_shape[0] = shape;
          const bool allowed = shape <= natural + more || ConvolutionSize(a, shape) == in;
          const SizeAndOrigin resolved = Resolve(a, in);
          EXPECT_EQ(resolved.size, allowed ? shape : 0) << "output_shape " << shape;
          if (allowed) {
            EXPECT_EQ(resolved.origin, begin(std::max<int64_t>(0, natural + more - shape))) << "output_shape " << shape;
          }
        }
      }
    }
  });
}

TEST(ConvSize, IsThatOfTheDocumentation) {
  for (int64_t kernel = 1; kernel <= 5; ++kernel) {
    for (int64_t dilation = 1; dilation <= 3; ++dilation) {
      for (int64_t upsample = 1; upsample <= 3; ++upsample) {
        for (int64_t shuffle = 1; shuffle <= 3; ++shuffle) {
          for (const AutoPad auto_pad : {AutoPad::kNotSet, AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
            for (int64_t padding = 0; padding <= (auto_pad == AutoPad::kNotSet ? 3 : 0); ++padding) {
              for (const int64_t in : {1, 2, 7}) {
                ConvAttributes a;
                a.spatial_rank = 1;
                a.input_channels = 1;
                a.output_channels = shuffle;
                a.kernel[0] = kernel;
                a.dilation[0] = dilation;
                a.upsample[0] = upsample;
                a.shuffle[0] = shuffle;
                a.auto_pad = auto_pad;
                a.padding_begin[0] = padding;
                a.padding_end[0] = 2 * padding;
                ASSERT_TRUE(ExpandConv(&a).ok());
                ASSERT_TRUE(ValidateConv(&a).ok());
                const int64_t reach = dilation * (kernel - 1);
                const bool same = auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower;
                const int64_t size = same ? in * upsample : in * upsample + 3 * padding - reach;
                PhaseShape shape;
                const Status status = ResolveConv(a, {1, 1, in}, &shape);
                ASSERT_EQ(status.ok(), size >= 1) << status.message();
                if (size < 1) continue;
                EXPECT_EQ(shape.size[kColumn], size * shuffle);
                if (!same) continue;
                EXPECT_EQ(a.padding_begin[kColumn] + a.padding_end[kColumn], reach);
                EXPECT_EQ(a.padding_end[kColumn] - a.padding_begin[kColumn],
                          reach % 2 * (auto_pad == AutoPad::kSameUpper ? 1 : -1));
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::internal
