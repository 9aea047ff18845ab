// Tests of the tables of Resize: every weight of every output against the reference, for all small sizes and options.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "geometry/resize.h"
#include "geometry/tensor.h"
#include "gtest/gtest.h"
#include "plan/resize_elements.h"
#include "tests/ref/resize.h"

namespace polyphase::internal {
namespace {

using Weights = std::vector<double>;  // of one output, by input

std::string Name(const ResizeAttributes& a, int64_t in) {
  std::ostringstream os;
  os << "mode " << static_cast<int>(a.mode) << " transformation " << static_cast<int>(a.coordinate_transformation)
     << " precision " << static_cast<int>(a.coordinate_precision) << " nearest " << static_cast<int>(a.nearest_mode)
     << " antialias " << static_cast<int>(a.antialias) << (a.exclude_outside ? " exclude_outside" : "") << " roi "
     << a.roi_begin[0] << ":" << a.roi_end[0] << " in " << in << " size " << a.size[0] << " scale " << a.scale[0];
  return os.str();
}

Weights WeightsOf(const ResizeAxis& table, int64_t o) {
  Weights weights(table.in, 0.0);
  for (int64_t k = 0; k < table.Count(o); ++k) {
    const double weight = table.fixed_weights.empty()
                              ? static_cast<double>(table.Weight(o, k))
                              : std::ldexp(table.fixed_weights[o * table.stride + k], -table.precision);
    weights[table.Source(o, k)] += weight;
  }
  return weights;
}

// The structure that loops over a table rely on, whatever its weights are.
void ExpectSound(const ResizeAxis& table) {
  for (int64_t o = 0; o < table.out; ++o) {
    EXPECT_LE(table.Count(o), table.taps) << "output " << o;
    if (table.windows) {
      EXPECT_GE(table.first[o], 0) << "output " << o;
      EXPECT_LE(table.first[o] + table.Count(o), table.in) << "output " << o;
    } else if (o > 0) {
      EXPECT_TRUE(table.flipped() ? table.first[o] <= table.first[o - 1] : table.first[o] >= table.first[o - 1])
          << "output " << o;
    }
    IndexRange sources{INT64_MAX, INT64_MIN};
    for (int64_t end = o + 1; end <= std::min(o + 4, table.out); ++end) {
      sources.begin = std::min<int64_t>(sources.begin, table.first[end - 1]);
      sources.end = std::max<int64_t>(sources.end, table.first[end - 1] + table.Count(end - 1));
      EXPECT_EQ(table.Sources(o, end).begin, sources.begin) << "outputs [" << o << ", " << end << ")";
      EXPECT_EQ(table.Sources(o, end).end, sources.end) << "outputs [" << o << ", " << end << ")";
    }
  }
  if (table.windows) return;
  EXPECT_EQ(table.stride % 16, 0);
  for (int64_t o = table.out; o < table.stride; ++o) {
    EXPECT_EQ(table.first[o], table.first[table.out - 1]) << "entry " << o;
    for (int64_t k = 0; k < table.taps && table.taps > 1; ++k) EXPECT_EQ(table.Weight(o, k), 0) << "entry " << o;
  }
  EXPECT_EQ(table.period % 16, 0);
  const int64_t begin = table.periodic.begin, period = table.period;
  for (int64_t o = begin + period; o < table.periodic.end; ++o) {
    EXPECT_EQ(table.first[o] - table.first[o - period], table.first[begin + period] - table.first[begin]) << o;
    for (int64_t k = 0; k < table.taps; ++k) EXPECT_EQ(table.Weight(o, k), table.Weight(o - period, k)) << o;
  }
}

// Checks the same weights again, float by float of rows of pixels.
void ExpectElementTaps(const ResizeAxis& axis, int64_t pixel) {
  const ElementTaps table = MakeElementTaps(axis, pixel);
  EXPECT_EQ(table.stride % 16, 0);
  EXPECT_GE(table.stride, axis.out * pixel);
  int64_t spread[2] = {0, 0};  // of 4 and of 16 lanes
  for (int64_t e = 0; e < table.stride; ++e) {
    const int64_t inside = std::min(e, axis.out * pixel - 1);
    const int64_t o = inside / pixel, channel = inside % pixel;
    EXPECT_EQ(table.first[e], axis.first[o] * pixel + channel) << "element " << e;
    for (int64_t k = 0; k < table.taps && !table.weights.empty(); ++k) {
      EXPECT_EQ(table.weights[k * table.stride + e], k < axis.Count(o) ? axis.Weight(o, k) : 0.0f) << "element " << e;
    }
    spread[0] = std::max<int64_t>(spread[0], table.first[e] - table.base[e / 4]);
    spread[1] = std::max<int64_t>(spread[1], table.first[e] - table.base[e / 16 * 4]);
    for (int64_t lane = e / 4 * 4; lane < e / 16 * 16 + 16; ++lane) {
      EXPECT_LE(table.base[e / 4], table.first[lane]) << "element " << e;
    }
  }
  EXPECT_EQ(table.Spread(4), spread[0]);
  EXPECT_EQ(table.Spread(16), spread[1]);
}

void ExpectTable(const ResizeAttributes& a, int64_t in) {
  SCOPED_TRACE(Name(a, in));
  const bool fixed = IsFixedPoint(a.u8_rounding);
  ResizeAttributes expanded = a;
  ASSERT_TRUE(ExpandResize(&expanded).ok());
  ResizeSizes sizes;
  const Status status = ResizeOutput(expanded, {1, 1, in}, &sizes);
  const ref::Size3 size{1, 1, in};
  const ref::ResizeLine line =
      ref::MakeResizeLine(a, size, 2, fixed || a.coordinate_precision == CoordinatePrecision::kF64);
  ASSERT_EQ(status.ok(), line.out >= 1) << status.message();
  if (!status.ok()) return;
  ASSERT_EQ(sizes.output[kColumn], line.out);
  ResizeAxis table;
  ASSERT_TRUE(MakeResizeAxis(expanded, kColumn, in, sizes, fixed, &table).ok());
  ASSERT_EQ(table.in, in);
  ASSERT_EQ(table.out, line.out);
  ExpectSound(table);
  // Fixed point skips an axis that keeps its size, as PyTorch and Pillow do.
  const bool skipped =
      fixed && in == line.out && a.coordinate_transformation != CoordinateTransformation::kTfCropAndResize;
  EXPECT_TRUE(table.identity || !skipped);
  const double tolerance = table.fixed_weights.empty() ? 0x1p-22 : std::ldexp(0.51, -table.precision);
  for (int64_t o = 0; o < table.out; ++o) {
    EXPECT_EQ(table.inside.begin <= o && o < table.inside.end, !line.Outside(o)) << "output " << o;
    if (line.Outside(o)) continue;
    Weights expected(in, 0.0);
    for (const ref::Tap& tap : skipped ? std::vector<ref::Tap>{{o, 1.0}} : line.Taps(o)) {
      expected[tap.index] += tap.weight;
    }
    const Weights weights = WeightsOf(table, o);
    for (int64_t i = 0; i < in; ++i)
      EXPECT_NEAR(weights[i], expected[i], tolerance) << "output " << o << " input " << i;
    if (table.identity) {
      EXPECT_EQ(table.first[o], o);
    }
  }
  if (fixed) return;
  for (const int64_t pixel : {1, 3}) ExpectElementTaps(table, pixel);
}

// Calls body(attributes) for every combination that Create lets pass, without sizes.
template <typename Body>
void ForEachOption(const Body& body) {
  for (const ResizeMode mode :
       {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic, ResizeMode::kArea, ResizeMode::kLanczos}) {
    for (int transformation = 0; transformation <= 6; ++transformation) {
      for (const CoordinatePrecision precision : {CoordinatePrecision::kF32, CoordinatePrecision::kF64}) {
        for (const Antialias antialias : {Antialias::kNone, Antialias::kPillow, Antialias::kOnnx}) {
          for (const bool exclude : {false, true}) {
            ResizeAttributes a;
            a.spatial_rank = 1;
            a.mode = mode;
            a.coordinate_transformation = static_cast<CoordinateTransformation>(transformation);
            a.coordinate_precision = precision;
            a.antialias = antialias;
            a.exclude_outside = exclude;
            a.size[0] = 1;
            ResizeAttributes expanded = a;
            if (!ExpandResize(&expanded).ok() || !ValidateResize(expanded).ok()) continue;
            const int last_mode = mode == ResizeMode::kNearest ? static_cast<int>(NearestMode::kPillow) : 0;
            for (int nearest = 0; nearest <= last_mode; ++nearest) {
              a.nearest_mode = static_cast<NearestMode>(nearest);
              body(a);
              if (::testing::Test::HasFailure()) return;
            }
          }
        }
      }
    }
  }
}

TEST(ResizeAxis, HasTheWeightsOfTheReference) {
  int options = 0;
  ForEachOption([&](ResizeAttributes a) {
    ++options;
    for (int64_t in = 1; in <= 7; ++in) {
      for (const int64_t out : {1, 2, 3, 4, 5, 7, 8, 13, 14, 21}) {
        a.size[0] = out;
        ExpectTable(a, in);
      }
    }
  });
  EXPECT_GT(options, 150);
}

// The table of nearest along the last axis, for an input of `in` elements.
ResizeAxis NearestTable(ResizeAttributes a, int64_t in) {
  a.mode = ResizeMode::kNearest;
  ResizeSizes sizes;
  ResizeAxis table;
  EXPECT_TRUE(ExpandResize(&a).ok() && ResizeOutput(a, {1, 1, in}, &sizes).ok() &&
              MakeResizeAxis(a, kColumn, in, sizes, false, &table).ok());
  return table;
}

// The coordinate is n / d. An index is the largest or the smallest whole number on one side of it, or of it plus or
// minus a half, which steps from output to output find without a division.
TEST(ResizeAxis, NearestOfSizesIsExact) {
  for (int64_t in = 1; in <= 256; ++in) {
    for (int64_t out = 1; out <= 256; ++out) {
      for (const auto transformation :
           {CoordinateTransformation::kHalfPixel, CoordinateTransformation::kAlignCorners,
            CoordinateTransformation::kAsymmetric, CoordinateTransformation::kPytorchHalfPixel,
            CoordinateTransformation::kTfHalfPixelForNn}) {
        // Every pair of a transformation and a mode meets a fifth of all pairs of sizes.
        const auto mode = static_cast<NearestMode>((static_cast<int64_t>(transformation) + in + out) % 5);
        ResizeAttributes a;
        a.coordinate_transformation = transformation;
        a.coordinate_precision = CoordinatePrecision::kF64;
        a.nearest_mode = mode;
        a.spatial_rank = 1;
        a.size[0] = out;
        const ResizeAxis table = NearestTable(a, in);
        const bool up = mode == NearestMode::kCeil || (mode == NearestMode::kSimple && out < in);
        int64_t index = -1;
        for (int64_t o = 0; o < out; ++o) {
          int64_t n = 0, d = 1;
          if (transformation == CoordinateTransformation::kAsymmetric) {
            n = o * in, d = out;
          } else if (transformation == CoordinateTransformation::kTfHalfPixelForNn) {
            n = (2 * o + 1) * in, d = 2 * out;
          } else if (transformation != CoordinateTransformation::kAlignCorners) {
            n = (2 * o + 1) * in - out, d = 2 * out;
            if (transformation == CoordinateTransformation::kPytorchHalfPixel && out == 1) n = 0;
          } else if (out > 1) {
            n = o * (in - 1), d = out - 1;
          }
          const auto is_left = [&](int64_t i) {  // of the index that is sought
            if (up) return i * d < n;
            if (mode == NearestMode::kRoundPreferCeil) return 2 * (i + 1) * d <= 2 * n + d;
            if (mode == NearestMode::kRoundPreferFloor) return 2 * (i + 1) * d < 2 * n + d;
            return (i + 1) * d <= n;
          };
          while (is_left(index)) ++index;
          ASSERT_EQ(table.Source(o, 0), std::clamp<int64_t>(index, 0, in - 1))
              << in << " -> " << out << ", output " << o << ", transformation " << static_cast<int>(transformation)
              << ", mode " << static_cast<int>(mode);
        }
      }
    }
  }
}

// Pairs of sizes of public bug reports.
TEST(ResizeAxis, NearestOfSizesThatRoundedRatiosMiss) {
  const struct {
    int64_t in, out;
    CoordinateTransformation transformation;
    NearestMode mode;
    int64_t output, index;
  } cases[] = {{14, 18, CoordinateTransformation::kAsymmetric, NearestMode::kFloor, 9, 7},
               {14, 9, CoordinateTransformation::kHalfPixel, NearestMode::kRoundPreferCeil, 4, 7},
               {14, 17, CoordinateTransformation::kHalfPixel, NearestMode::kRoundPreferFloor, 8, 6},
               {10, 14, CoordinateTransformation::kHalfPixel, NearestMode::kCeil, 10, 7},
               {20, 28, CoordinateTransformation::kAsymmetric, NearestMode::kCeil, 21, 15}};
  for (const auto& c : cases) {
    ResizeAttributes a;
    a.coordinate_transformation = c.transformation;
    a.coordinate_precision = CoordinatePrecision::kF64;
    a.nearest_mode = c.mode;
    a.spatial_rank = 1;
    a.size[0] = c.out;
    EXPECT_EQ(NearestTable(a, c.in).Source(c.output, 0), c.index) << c.in << " -> " << c.out;
  }
}

// torch.nn.functional.interpolate(mode="nearest") in 2-D, for small outputs: a scale beside 1 or 2 has no effect on an
// axis whose output is as large as the input, or twice as large.
TEST(ResizeAxis, PyTorchsNearestCopiesAndDoubles) {
  const auto floors_of = [](int64_t out, double scale) {
    std::vector<int64_t> indices;
    for (int64_t o = 0; o < out; ++o) {
      indices.push_back(static_cast<int64_t>(static_cast<float>(o) * static_cast<float>(1 / scale)));
    }
    return indices;
  };
  const struct {
    int32_t rank;
    int64_t in;
    double scale;
    std::vector<int64_t> indices;
  } cases[] = {{2, 8, 1.0358742, {0, 1, 2, 3, 4, 5, 6, 7}},
               {2, 2, 2.25, {0, 0, 1, 1}},
               {2, 3, 1.3333, {0, 1, 2}},
               {2, 13, 1.0369, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
               {2, 4, 1.3, {0, 0, 1, 2, 3}},
               {2, 130, 1.005, floors_of(130, 1.005)},
               {1, 3, 1.3, {0, 0, 1}},
               {1, 3, 2.3, {0, 0, 0, 1, 1, 2}},
               {3, 3, 2.3, {0, 0, 0, 1, 1, 2}}};
  for (const auto& c : cases) {
    ResizeAttributes a;
    a.spatial_rank = c.rank;
    a.coordinate_transformation = CoordinateTransformation::kAsymmetric;
    a.nearest_mode = NearestMode::kFloor;
    a.scale[c.rank - 1] = c.scale;
    const ResizeAxis table = NearestTable(a, c.in);
    ASSERT_EQ(table.out, static_cast<int64_t>(c.indices.size()));
    for (int64_t o = 0; o < table.out; ++o) {
      EXPECT_EQ(table.Source(o, 0), c.indices[o]) << c.rank << "-D, " << c.in << " by " << c.scale;
    }
  }
}

TEST(ResizeAxis, HasTheWeightsOfAGivenScale) {
  ForEachOption([](ResizeAttributes a) {
    a.size[0] = 0;
    for (const OutputSizeRule rule : {OutputSizeRule::kPyTorch, OutputSizeRule::kOnnx, OutputSizeRule::kOnnxRuntime}) {
      a.output_size_rule = rule;
      for (const bool recompute : {false, true}) {
        a.recompute_scale_factor = recompute;
        for (const double scale : {0.3, 0.5, 1.0, 1.4, 2.0, 2.6}) {
          for (const int64_t in : {1, 3, 5, 10}) {
            a.scale[0] = scale;
            ExpectTable(a, in);
          }
        }
      }
    }
  });
}

TEST(ResizeAxis, HasTheWeightsOfACroppedAndFlippedInput) {
  ForEachOption([](ResizeAttributes a) {
    if (a.coordinate_transformation != CoordinateTransformation::kTfCropAndResize) return;
    for (const auto& [begin, end] :
         {std::pair(0.2, 0.7), std::pair(-0.3, 0.6), std::pair(0.5, 1.5), std::pair(1.0, 0.0)}) {
      a.roi_begin[0] = begin;
      a.roi_end[0] = end;
      for (const int64_t in : {1, 2, 6}) {
        for (const int64_t out : {1, 2, 6, 11}) {
          a.size[0] = out;
          ExpectTable(a, in);
        }
      }
    }
  });
}

TEST(ResizeAxis, HasTheWeightsOfFixedPoint) {
  ForEachOption([](ResizeAttributes a) {
    for (const U8Rounding rounding : {U8Rounding::kFixed16, U8Rounding::kFixed22}) {
      if (a.mode == ResizeMode::kNearest) return;
      a.u8_rounding = rounding;
      for (const int64_t in : {1, 2, 5, 7}) {
        for (const int64_t out : {1, 3, 7, 16}) {
          a.size[0] = out;
          ExpectTable(a, in);
        }
      }
    }
  });
}

// A table repeats after as many vectors of 16 outputs as make a whole number of inputs, where rounded coordinates do:
// those of a third do not, though the sources of nearest and linear repeat after 48 outputs.
TEST(ResizeAxis, FindsPeriods) {
  const struct {
    PyTorchMode mode;
    int64_t in, out, period;
  } rows[] = {{PyTorchMode::kLinear, 64, 128, 16},  {PyTorchMode::kLinear, 64, 256, 16},
              {PyTorchMode::kLinear, 64, 192, 0},   {PyTorchMode::kBicubic, 32, 256, 16},
              {PyTorchMode::kNearest, 64, 192, 48}, {PyTorchMode::kNearest, 128, 192, 48},
              {PyTorchMode::kNearest, 96, 131, 0},  {PyTorchMode::kNearest, 24, 48, 0},
              {PyTorchMode::kNearest, 100, 500, 0}, {PyTorchMode::kLinear, 256, 64, 16}};
  for (const auto& [mode, in, out, period] : rows) {
    ResizeAttributes a = ResizeAttributes::PyTorch(mode);
    a.spatial_rank = 1;
    a.size[0] = out;
    ExpectTable(a, in);
    ASSERT_TRUE(ExpandResize(&a).ok());
    ResizeSizes sizes;
    ASSERT_TRUE(ResizeOutput(a, {1, 1, in}, &sizes).ok());
    ResizeAxis table;
    ASSERT_TRUE(MakeResizeAxis(a, kColumn, in, sizes, false, &table).ok());
    EXPECT_EQ(table.period, period) << in << " -> " << out;
  }
}

}  // namespace
}  // namespace polyphase::internal
