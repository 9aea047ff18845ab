// Tests of the windows of pooling against their definition, one position after the other.
#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "geometry/pool.h"
#include "geometry/tensor.h"
#include "gtest/gtest.h"
#include "tests/ref/pool.h"

namespace polyphase::internal {
namespace {

std::string Name(const PoolAxis& axis) {
  std::ostringstream os;
  os << "full " << axis.full << " pooled " << axis.pooled << " kernel " << axis.kernel << " stride " << axis.stride
     << " dilation " << axis.dilation << " padding " << axis.padding_begin << ":" << axis.padding_end;
  return os.str();
}

std::vector<int64_t> ToVector(const AxisElements& elements) {
  std::vector<int64_t> result;
  for (int64_t k = 0; k < elements.count; ++k) result.push_back(elements.first + k * elements.step);
  return result;
}

// The positions of window o inside [-before, full + after).
std::vector<int64_t> Positions(const PoolAxis& axis, int64_t o, int64_t before, int64_t after) {
  std::vector<int64_t> result;
  for (int64_t t = 0; t < axis.kernel; ++t) {
    const int64_t i = o * axis.stride - axis.padding_begin + t * axis.dilation;
    if (i >= -before && i < axis.full + after) result.push_back(i);
  }
  return result;
}

// Returns what the runs of [begin, end) say that each output reads; it is empty for what is not an output.
template <typename ForEachRun>
std::vector<std::vector<int64_t>> RunsOf(const ForEachRun& for_each, const PoolAxis& axis, const IndexRange& range,
                                         int64_t outputs) {
  std::vector<std::vector<int64_t>> inputs(outputs);
  for_each(axis, range, [&](const PoolRun& run) {
    for (int64_t i = 0; i < run.outputs; ++i) {
      const int64_t o = run.output + i * run.output_step;
      EXPECT_GE(o, range.begin);
      EXPECT_LT(o, range.end);
      EXPECT_TRUE(inputs[o].empty()) << "output " << o << " is in two runs";
      inputs[o] = ToVector({run.inputs.first + i * run.input_step, run.inputs.step, run.inputs.count});
    }
  });
  return inputs;
}

void ExpectAxis(const PoolAxis& axis) {
  SCOPED_TRACE(Name(axis));
  std::vector<std::vector<int64_t>> elements, windows(axis.full);
  size_t most_elements = 0, most_windows = 0;
  for (int64_t o = 0; o < axis.pooled; ++o) {
    elements.push_back(Positions(axis, o, 0, 0));
    for (const int64_t i : elements.back()) windows[i].push_back(o);
    most_elements = std::max(most_elements, elements.back().size());
    if (!elements.back().empty()) {
      EXPECT_EQ(ToVector(axis.Elements(o)), elements.back()) << "window " << o;
    }
    EXPECT_EQ(axis.Count(o, false), static_cast<int64_t>(elements.back().size())) << "window " << o;
    const auto padded = Positions(axis, o, axis.padding_begin, axis.padding_end);
    EXPECT_EQ(axis.Count(o, true), static_cast<int64_t>(padded.size())) << "window " << o;
  }
  EXPECT_GE(axis.MaxElements(), static_cast<int64_t>(most_elements));
  for (const IndexRange range : {IndexRange{0, axis.pooled}, IndexRange{axis.pooled / 3, axis.pooled}}) {
    const auto body = [](const PoolAxis& a, const IndexRange& r, const auto& b) { ForEachRunOfWindows(a, r, b); };
    const auto inputs = RunsOf(body, axis, range, axis.pooled);
    for (int64_t o = range.begin; o < range.end; ++o) EXPECT_EQ(inputs[o], elements[o]) << "window " << o;
  }
  if (axis.dilation != 1) return;
  for (int64_t i = 0; i < axis.full; ++i) {
    most_windows = std::max(most_windows, windows[i].size());
    EXPECT_EQ(ToVector(axis.Windows(i)), windows[i]) << "element " << i;
  }
  EXPECT_GE(axis.MaxWindows(), static_cast<int64_t>(most_windows));
  for (const IndexRange range : {IndexRange{0, axis.full}, IndexRange{axis.full / 3, axis.full}}) {
    const auto body = [](const PoolAxis& a, const IndexRange& r, const auto& b) { ForEachRunOfElements(a, r, b); };
    const auto inputs = RunsOf(body, axis, range, axis.full);
    for (int64_t i = range.begin; i < range.end; ++i) EXPECT_EQ(inputs[i], windows[i]) << "element " << i;
  }
}

TensorDesc Row(int64_t size) {
  TensorDesc desc;
  desc.spatial_rank = 1;
  desc.n = desc.c = 1;
  desc.size[0] = size;
  return desc;
}

// Calls body(window) for all small windows of one axis.
template <typename Body>
void ForEachWindow(const Body& body) {
  for (int64_t kernel = 1; kernel <= 5; ++kernel) {
    for (int64_t stride = 1; stride <= 4; ++stride) {
      for (int64_t dilation = 1; dilation <= 3; ++dilation) {
        for (int64_t begin = 0; begin <= 3; ++begin) {
          for (int64_t end = 0; end <= 3; ++end) {
            PoolWindow window;
            window.spatial_rank = 1;
            window.kernel[0] = kernel;
            window.stride[0] = stride;
            window.dilation[0] = dilation;
            window.padding_begin[0] = begin;
            window.padding_end[0] = end;
            body(window);
            if (::testing::Test::HasFailure()) return;
          }
        }
      }
    }
  }
}

TEST(PoolAxis, OfPoolingMeetsTheDefinition) {
  int axes = 0;
  ForEachWindow([&](PoolWindow window) {
    for (const AutoPad auto_pad : {AutoPad::kNotSet, AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
      for (const bool ceil_mode : {false, true}) {
        window.auto_pad = auto_pad;
        window.ceil_mode = ceil_mode;
        PoolWindow expanded = window;
        ASSERT_TRUE(ExpandPoolWindow("pool", &expanded).ok());
        if (!ValidatePoolWindow("pool", expanded, false).ok()) continue;
        for (int64_t in = 1; in <= 12; ++in) {
          TensorDesc desc = Row(in);
          ASSERT_TRUE(NormalizeTensor("input", &desc).ok());
          PoolAxes result;
          if (!MakePoolAxes("pool", expanded, desc, &result).ok()) continue;
          const PoolAxis& axis = result[kColumn];
          const ref::Windows expected = ref::PoolWindows(window, {1, 1, in});
          EXPECT_EQ(axis.pooled, expected.pooled[2]) << Name(axis);
          EXPECT_EQ(axis.padding_begin, expected.begin[2]) << Name(axis);
          EXPECT_EQ(axis.full, in);
          ExpectAxis(axis);
          ++axes;
        }
      }
    }
  });
  EXPECT_GT(axes, 10000);
}

TEST(PoolAxis, OfUnpoolingMeetsTheDefinition) {
  int axes = 0;
  ForEachWindow([&](const PoolWindow& window) {
    PoolWindow expanded = window;
    ASSERT_TRUE(ExpandPoolWindow("unpool", &expanded).ok());
    if (!ValidatePoolWindow("unpool", expanded, true).ok()) return;
    const int64_t stride = window.stride[0];
    for (int64_t in = 1; in <= 6; ++in) {
      TensorDesc desc = Row(in);
      ASSERT_TRUE(NormalizeTensor("input", &desc).ok());
      const int64_t size = (in - 1) * stride + window.kernel[0] - window.padding_begin[0] - window.padding_end[0];
      // 0: not given
      for (int64_t given = size - stride; given <= size + stride; ++given) {
        PoolAxes result;
        SpatialSizes default_size;
        const bool is_given = given > 0 && given != size;
        const SpatialSizes output_size = is_given ? SpatialSizes{1, 1, given} : SpatialSizes{};
        const bool ok = MakeUnpoolAxes("unpool", expanded, desc, output_size, &result, &default_size).ok();
        const bool allowed = is_given ? given > size - stride && given < size + stride : size >= 1;
        ASSERT_EQ(ok, allowed) << Name(result[kColumn]) << " given " << given;
        if (!ok) continue;
        EXPECT_EQ(default_size[kColumn], size);
        EXPECT_EQ(result[kColumn].full, is_given ? given : size);
        EXPECT_EQ(result[kColumn].pooled, in);
        ExpectAxis(result[kColumn]);
        ++axes;
      }
    }
  });
  EXPECT_GT(axes, 3000);
}

TEST(IndexMap, CountsInTheOrderOfItsConvention) {
  PoolWindow window;
  window.kernel = {2, 3, 5};
  const SpatialSizes size{4, 6, 7};
  const struct {
    IndexConvention convention;
    bool column_major;
    int64_t image_step, channel_step;
    SpatialSizes step;
    int64_t count;
  } rows[] = {
      {IndexConvention::kPlane, false, 0, 0, {42, 7, 1}, 168},
      {IndexConvention::kPlane, true, 0, 0, {1, 4, 24}, 168},
      {IndexConvention::kTensor, false, 504, 168, {42, 7, 1}, 1008},
      {IndexConvention::kTensor, true, 504, 168, {1, 4, 24}, 1008},
      {IndexConvention::kWindow, false, 0, 0, {15, 5, 1}, 30},
      {IndexConvention::kWindow, true, 0, 0, {15, 5, 1}, 30},
  };
  for (const auto& row : rows) {
    const IndexMap map = MakeIndexMap(row.convention, row.column_major, window, 2, 3, size);
    EXPECT_EQ(map.window, row.convention == IndexConvention::kWindow);
    EXPECT_EQ(map.image_step, row.image_step);
    EXPECT_EQ(map.channel_step, row.channel_step);
    EXPECT_EQ(map.step, row.step);
    EXPECT_EQ(map.count, row.count);
  }
}

}  // namespace
}  // namespace polyphase::internal
