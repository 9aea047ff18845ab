// The kernels that move pixels between tensors and panels, and transpose, element by element on every target: what they
// move, what they fill with zeros, and what they leave alone.
#include "kernels/panel.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/checked_math.h"
#include "gtest/gtest.h"
#include "kernels/target.h"
#include "polyphase/tensor.h"
#include "tests/ref/element.h"

namespace polyphase::internal {
namespace {

const int64_t kCounts[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 20, 33, 65, 70};
constexpr int64_t kGap = 3;  // elements between rows and before the first, so that most addresses are unaligned
constexpr int kUntouched = 201;

template <typename Body>
void ForEachTarget(const Body& body) {
  const TargetList targets = CompiledTargets();
  for (int t = 0; t < targets.count; ++t) {
    if (!targets.targets[t].supported) continue;
    SCOPED_TRACE(targets.targets[t].name);
    body(GetPanelKernels(targets.targets[t].bit));
  }
}

// A whole number below 200 at every place, as an element of a tensor and as a lane of a panel.
int Number(int64_t i) { return static_cast<int>(i * 37 % 199); }

template <typename T>
T Plain(int number) {
  return static_cast<T>(number);
}
template <DataType kType>
uint16_t Half(int number) {
  return ref::Encode<uint16_t>(kType, number);
}

template <typename Element, typename Lane>
struct Mover {
  const char* name;
  PackFn pack;
  UnpackFn unpack;
  Element (*element)(int);
};

// A run of a tensor that ends with the run's channels.
struct Case {
  const char* layout;
  PixelRun run;
  int64_t zero_from;
  int64_t size;  // elements of the tensor
};

std::vector<Case> Cases(int64_t pixels, int64_t channel, int64_t channels) {
  const int64_t all = channel + channels;
  const auto run = [&](int64_t block, int64_t block_stride, int64_t pixel_stride) {
    return PixelRun{{block, block_stride}, channel, channels, pixels, pixel_stride};
  };
  std::vector<Case> cases;
  cases.push_back({"nchw", run(1, pixels + kGap, 1), kNoFill, all * (pixels + kGap)});
  cases.push_back({"nchw, every second pixel", run(1, 2 * pixels + kGap, 2), kNoFill, all * (2 * pixels + kGap)});
  cases.push_back({"nhwc", run(all, 0, all), kNoFill, all * pixels});
  cases.push_back({"nhwc of wider pixels", run(all, 0, all + kGap), kNoFill, (all + kGap) * pixels});
  for (const int64_t block : {int64_t{4}, int64_t{16}}) {
    const int64_t stride = block * pixels + kGap;
    cases.push_back({block == 4 ? "nchw4" : "nchw16", run(block, stride, block), all, DivCeil(all, block) * stride});
  }
  return cases;
}

int64_t ElementOf(const PixelRun& run, int64_t pixel, int64_t c) {
  const int64_t channel = run.channel + c;
  return channel / run.map.block * run.map.block_stride + channel % run.map.block + pixel * run.pixel_stride;
}

template <typename Element, typename Lane>
void CheckPack(const Mover<Element, Lane>& mover, const Case& c, int64_t panel_channels, int64_t panel_stride) {
  std::vector<Element> tensor(static_cast<size_t>(kGap + c.size));
  for (int64_t i = 0; i < c.size; ++i) tensor[static_cast<size_t>(kGap + i)] = mover.element(Number(i));
  const auto size = static_cast<size_t>(kGap + c.run.pixels * panel_stride + kGap);
  std::vector<Lane> panel(size, Lane{kUntouched}), expected = panel;
  mover.pack(c.run, tensor.data() + kGap, panel.data() + kGap, panel_stride, panel_channels);
  for (int64_t p = 0; p < c.run.pixels; ++p) {
    for (int64_t i = 0; i < std::max(panel_channels, c.run.channels); ++i) {
      const bool inside = i < c.run.channels;
      expected[static_cast<size_t>(kGap + p * panel_stride + i)] =
          static_cast<Lane>(inside ? Number(ElementOf(c.run, p, i)) : 0);
    }
  }
  ASSERT_EQ(panel, expected);
}

template <typename Element, typename Lane>
void CheckUnpack(const Mover<Element, Lane>& mover, const Case& c, int64_t panel_stride) {
  std::vector<Lane> panel(static_cast<size_t>(kGap + c.run.pixels * panel_stride + 16));
  for (size_t i = 0; i < panel.size(); ++i) panel[i] = static_cast<Lane>(Number(static_cast<int64_t>(i)));
  std::vector<Element> tensor(static_cast<size_t>(kGap + c.size + kGap), mover.element(kUntouched)), expected = tensor;
  mover.unpack(c.run, panel.data() + kGap, panel_stride, c.zero_from, tensor.data() + kGap);
  for (int64_t p = 0; p < c.run.pixels; ++p) {
    for (int64_t i = 0; i < c.run.channels; ++i) {
      expected[static_cast<size_t>(kGap + ElementOf(c.run, p, i))] = mover.element(Number(kGap + p * panel_stride + i));
    }
    const int64_t end = c.run.channel + c.run.channels;
    for (int64_t i = end; c.zero_from == end && i % c.run.map.block != 0; ++i) {
      expected[static_cast<size_t>(kGap + ElementOf(c.run, p, i - c.run.channel))] = mover.element(0);
    }
  }
  ASSERT_EQ(tensor, expected);
}

template <typename Element, typename Lane>
void Check(const Mover<Element, Lane>& mover) {
  SCOPED_TRACE(mover.name);
  for (const int64_t pixels : kCounts) {
    for (const int64_t channels : kCounts) {
      for (const int64_t channel : {int64_t{0}, int64_t{16}, int64_t{21}}) {
        for (const Case& c : Cases(pixels, channel, channels)) {
          SCOPED_TRACE(std::string(c.layout) + ", " + std::to_string(pixels) + " pixels, channels from " +
                       std::to_string(channel) + ", " + std::to_string(channels) + " of them");
          const int64_t whole = RoundUp(channels, 16);
          ASSERT_NO_FATAL_FAILURE(CheckPack(mover, c, whole, whole));
          ASSERT_NO_FATAL_FAILURE(CheckPack(mover, c, 0, channels));
          ASSERT_NO_FATAL_FAILURE(CheckUnpack(mover, c, whole));
          ASSERT_NO_FATAL_FAILURE(CheckUnpack(mover, c, channels));
        }
      }
    }
  }
}

TEST(Panel, ElementsOfEverySize) {
  ForEachTarget([](const PanelKernels& k) {
    Check<uint8_t, uint8_t>({"1 byte", k.pack[0], k.unpack[0], Plain});
    Check<uint16_t, uint16_t>({"2 bytes", k.pack[1], k.unpack[1], Plain});
    Check<uint32_t, uint32_t>({"4 bytes", k.pack[2], k.unpack[2], Plain});
    Check<uint64_t, uint64_t>({"8 bytes", k.pack[3], k.unpack[3], Plain});
  });
}

TEST(Panel, ConvertedElements) {
  ForEachTarget([](const PanelKernels& k) {
    const auto check = [&k](auto element, auto lane, Conversion conversion, const char* name, auto encode) {
      const int i = static_cast<int>(conversion);
      Check<decltype(element), decltype(lane)>({name, k.pack_as[i], k.unpack_as[i], encode});
    };
    check(0.0f, 0.0f, Conversion::kF32, "f32", Plain<float>);
    check(uint16_t{}, 0.0f, Conversion::kF16, "f16", Half<DataType::kF16>);
    check(uint16_t{}, 0.0f, Conversion::kBF16, "bf16", Half<DataType::kBF16>);
    check(uint8_t{}, 0.0f, Conversion::kU8, "u8", Plain<uint8_t>);
    check(uint8_t{}, 0.0f, Conversion::kU8Truncated, "u8, truncated", Plain<uint8_t>);
    check(uint8_t{}, int32_t{}, Conversion::kU8Integer, "u8 in integers", Plain<uint8_t>);
    Check<float, float>({"f32, streamed", k.pack_as[0], k.unpack_streaming, Plain});
    k.flush();
  });
}

template <typename T>
void CheckTransposes(TransposeFn transpose) {
  for (const int64_t rows : kCounts) {
    for (const int64_t columns : kCounts) {
      for (const int64_t wider : {int64_t{0}, kGap, int64_t{16}}) {
        for (const int64_t begin : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{12}}) {
          SCOPED_TRACE(std::to_string(rows) + " rows, " + std::to_string(columns) + " columns, strides wider by " +
                       std::to_string(wider) + ", from " + std::to_string(begin));
          const int64_t src_stride = columns + wider, dst_stride = wider == 16 ? RoundUp(rows, 16) : rows + wider;
          // Exactly as large as needed, so that sanitizers see what is read and written outside.
          std::vector<T> src(static_cast<size_t>((rows - 1) * src_stride + columns));
          for (size_t i = 0; i < src.size(); ++i) src[i] = static_cast<T>(Number(static_cast<int64_t>(i)));
          std::vector<T> dst(static_cast<size_t>(begin + (columns - 1) * dst_stride + rows), T{kUntouched});
          std::vector<T> expected = dst;
          transpose(src.data(), src_stride, dst.data() + begin, dst_stride, rows, columns);
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              expected[static_cast<size_t>(begin + c * dst_stride + r)] = src[static_cast<size_t>(r * src_stride + c)];
            }
          }
          ASSERT_EQ(dst, expected);
        }
      }
    }
  }
}

TEST(Panel, Transposes) {
  ForEachTarget([](const PanelKernels& k) {
    CheckTransposes<uint8_t>(k.transpose[0]);
    CheckTransposes<uint16_t>(k.transpose[1]);
    CheckTransposes<uint32_t>(k.transpose[2]);
    CheckTransposes<uint64_t>(k.transpose[3]);
  });
}

}  // namespace
}  // namespace polyphase::internal
