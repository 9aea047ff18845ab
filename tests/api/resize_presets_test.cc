// The presets of Resize: what PyTorch, Pillow and ONNX nodes become, in C++ and through the C API.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"
#include "tests/testers/c_struct.h"
#include "tests/testers/harness.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

using Sizes = std::vector<int64_t>;

OnnxResize Node(const std::function<void(OnnxResize&)>& change) {
  OnnxResize node;
  node.mode = ResizeMode::kLinear;
  change(node);
  return node;
}

// The message that Onnx() refuses the node with; "" if it does not.
std::string OnnxError(const std::function<void(OnnxResize&)>& change) {
  const StatusOr<ResizeAttributes> a = ResizeAttributes::Onnx(Node(change));
  if (a.ok()) return "";
  EXPECT_EQ(a.status().code(), StatusCode::kInvalidArgument);
  return a.status().message();
}

ResizeAttributes Onnx(const std::function<void(OnnxResize&)>& change) {
  const StatusOr<ResizeAttributes> a = ResizeAttributes::Onnx(Node(change));
  EXPECT_TRUE(a.ok()) << a.status().message();
  return a.ok() ? *a : ResizeAttributes();
}

TEST(ResizePresets, OnnxScalesOfAllAxes) {
  const ResizeAttributes a = Onnx([](OnnxResize& n) {
    n.scales = {1, 1, 2, 0.5f};
    n.cubic_coeff_a = -0.5f;
    n.extrapolation_value = 3;
    n.nearest_mode = NearestMode::kCeil;
    n.output_size_rule = OutputSizeRule::kOnnxRuntime;
  });
  EXPECT_EQ(a.spatial_rank, 2);
  EXPECT_EQ(a.scale, (std::array<double, 3>{2, 0.5, 0}));
  EXPECT_EQ(a.size, SpatialSizes{});
  EXPECT_EQ(a.n, 0);
  EXPECT_EQ(a.c, 0);
  EXPECT_EQ(a.coordinate_precision, CoordinatePrecision::kF64);
  EXPECT_EQ(a.cubic_coeff_a, -0.5f);
  EXPECT_EQ(a.extrapolation_value, 3.0f);
  EXPECT_EQ(a.nearest_mode, NearestMode::kCeil);
  EXPECT_EQ(a.output_size_rule, OutputSizeRule::kOnnxRuntime);
  EXPECT_FALSE(a.copy_unchanged_axes);
}

TEST(ResizePresets, OnnxSizesOfAllAxesFixNAndC) {
  const ResizeAttributes a = Onnx([](OnnxResize& n) {
    n.rank = 5;
    n.sizes = {2, 3, 4, 5, 6};
  });
  EXPECT_EQ(a.spatial_rank, 3);
  EXPECT_EQ(a.size, (SpatialSizes{4, 5, 6}));
  EXPECT_EQ(a.n, 2);
  EXPECT_EQ(a.c, 3);
  const Operator op = *CreateResize(a);
  EXPECT_TRUE(op.MakePlan(TensorDesc::Make(2, 3, {2, 2, 2})).ok());
  EXPECT_FALSE(op.MakePlan(TensorDesc::Make(1, 3, {2, 2, 2})).ok());
  EXPECT_FALSE(op.MakePlan(TensorDesc::Make(2, 4, {2, 2, 2})).ok());
}

TEST(ResizePresets, OnnxAxesInAnyOrderAndFromTheEnd) {
  for (const Sizes& axes : {Sizes{3, 2}, Sizes{-1, -2}, Sizes{3, -2}}) {
    const ResizeAttributes a = Onnx([&](OnnxResize& n) {
      n.axes = axes;
      n.sizes = {7, 8};
      n.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
      n.roi = {0.25f, 0.5f, 0.75f, 1.0f};
    });
    EXPECT_EQ(a.size, (SpatialSizes{8, 7, 0}));
    EXPECT_EQ(a.roi_begin[0], 0.5);
    EXPECT_EQ(a.roi_end[0], 1.0);
    EXPECT_EQ(a.roi_begin[1], 0.25);
    EXPECT_EQ(a.roi_end[1], 0.75);
  }
  // Axes that are not named keep their size.
  const ResizeAttributes one = Onnx([](OnnxResize& n) { n.axes = {-2}, n.scales = {3}; });
  EXPECT_EQ(one.scale, (std::array<double, 3>{3, 0, 0}));
  const StatusOr<Plan> plan = CreateResize(one)->MakePlan(TensorDesc::Nchw(1, 2, 4, 5));
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->output().size[0], 12);
  EXPECT_EQ(plan->output().size[1], 5);
}

TEST(ResizePresets, OnnxPolicyOverAxes) {
  const ResizeAttributes a = Onnx([](OnnxResize& n) {
    n.axes = {2, 3};
    n.sizes = {8, 6};
    n.keep_aspect_ratio_policy = KeepAspectRatioPolicy::kNotLarger;
  });
  const StatusOr<Plan> plan = CreateResize(a)->MakePlan(TensorDesc::Nchw(1, 2, 4, 5));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->output().size[0], 5);  // 1.2 * 4
  EXPECT_EQ(plan->output().size[1], 6);
}

TEST(ResizePresets, OnnxContradictions) {
  const auto expect = [](const std::function<void(OnnxResize&)>& change, std::initializer_list<const char*> words) {
    const std::string message = OnnxError(change);
    for (const char* word : words) EXPECT_TRUE(ContainsWord(message, word)) << word << " is not in: " << message;
    EXPECT_FALSE(message.empty());
  };
  using N = OnnxResize;
  expect([](N& n) { n.rank = 1, n.scales = {1}; }, {"rank", "1"});
  expect([](N& n) { n.rank = 6, n.scales = {1, 1}; }, {"rank", "6"});
  expect([](N&) {}, {"scales", "sizes"});
  expect([](N& n) { n.scales = {1, 1, 2, 2}, n.sizes = {1, 1, 2, 2}; }, {"scales", "sizes"});
  expect([](N& n) { n.scales = {2, 2}; }, {"scales", "2", "4"});
  expect([](N& n) { n.axes = {2, 3}, n.sizes = {2, 2, 2}; }, {"sizes", "3", "2"});
  expect([](N& n) { n.axes = {2, 3}, n.sizes = {2, 2}, n.roi = {0, 1}; }, {"roi", "2", "4"});
  expect([](N& n) { n.axes = {2, 4}, n.sizes = {2, 2}; }, {"axes", "4"});
  expect([](N& n) { n.axes = {-5, 2}, n.sizes = {2, 2}; }, {"axes", "-5"});
  expect([](N& n) { n.axes = {3, -1}, n.sizes = {2, 2}; }, {"axes", "-1"});
  expect([](N& n) { n.scales = {2, 1, 2, 2}; }, {"scales", "2", "N"});
  expect([](N& n) { n.scales = {1, 0.5f, 2, 2}; }, {"scales", "0.5", "C"});
  expect([](N& n) { n.sizes = {1, 0, 2, 2}; }, {"sizes", "0"});
  expect([](N& n) { n.sizes = {1, 1, -2, 2}; }, {"sizes", "-2"});
  expect([](N& n) { n.scales = {1, 1, 0, 2}; }, {"scales", "0"});
  expect([](N& n) { n.scales = {1, 1, std::numeric_limits<float>::quiet_NaN(), 2}; }, {"scales", "nan"});
  expect([](N& n) { n.axes = {0, 1}, n.scales = {1, 1}; }, {"size", "scale"});
  expect(
      [](N& n) {
        n.sizes = {1, 1, 2, 2}, n.keep_aspect_ratio_policy = KeepAspectRatioPolicy::kNotLarger;
      },
      {"axes", "keep_aspect_ratio_policy"});
  expect(
      [](N& n) {
        n.scales = {1, 1, 2, 2}, n.keep_aspect_ratio_policy = KeepAspectRatioPolicy::kNotLarger;
      },
      {"keep_aspect_ratio_policy", "scale"});
  expect(
      [](N& n) {
        n.scales = {1, 1, 2, 2};
        n.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
        n.roi = {0, 0.25f, 0, 0, 1, 1, 1, 1};
      },
      {"roi", "0.25", "C"});
  expect([](N& n) { n.scales = {1, 1, 2, 2}, n.mode = ResizeMode::kArea; }, {"mode", "3"});
  expect([](N& n) { n.scales = {1, 1, 2, 2}, n.mode = ResizeMode::kNearest, n.antialias = true; }, {"antialias"});
  expect(
      [](N& n) {
        n.scales = {1, 1, 2, 2}, n.mode = ResizeMode::kNearest, n.exclude_outside = true;
      },
      {"exclude_outside"});
}

TEST(ResizePresets, PyTorchModes) {
  const auto preset = [](PyTorchMode mode) { return ResizeAttributes::PyTorch(mode, true, false); };
  EXPECT_EQ(preset(PyTorchMode::kLinear).spatial_rank, 1);
  EXPECT_EQ(preset(PyTorchMode::kTrilinear).spatial_rank, 3);
  for (const PyTorchMode mode : {PyTorchMode::kLinear, PyTorchMode::kBilinear, PyTorchMode::kTrilinear}) {
    EXPECT_EQ(preset(mode).coordinate_transformation, CoordinateTransformation::kAlignCorners);
    EXPECT_EQ(preset(mode).mode, ResizeMode::kLinear);
  }
  // Modes that have no align_corners.
  EXPECT_EQ(preset(PyTorchMode::kNearest).coordinate_transformation, CoordinateTransformation::kAsymmetric);
  EXPECT_EQ(preset(PyTorchMode::kNearestExact).coordinate_transformation, CoordinateTransformation::kHalfPixel);
  EXPECT_EQ(ResizeAttributes::PyTorch(PyTorchMode::kBicubic).cubic_coeff_a, -0.75f);
  EXPECT_EQ(ResizeAttributes::PyTorch(PyTorchMode::kBicubic, false, true).cubic_coeff_a, -0.5f);
  const auto created = [](ResizeAttributes a) {
    a.size[0] = 4;
    return CreateResize(a).ok();
  };
  EXPECT_FALSE(created(preset(PyTorchMode::kLanczos)));  // needs its antialias
  EXPECT_TRUE(created(ResizeAttributes::PyTorch(PyTorchMode::kLanczos, false, true)));
  EXPECT_FALSE(created(ResizeAttributes::PyTorch(PyTorchMode::kNearest, false, true)));
  EXPECT_TRUE(created(ResizeAttributes::PyTorch(PyTorchMode::kTrilinear, false, true)));
  EXPECT_FALSE(created(ResizeAttributes::PyTorch(static_cast<PyTorchMode>(8))));
  EXPECT_FALSE(created(ResizeAttributes::Pillow(ResizeMode::kArea)));
}

// ---- C

bool Failed(pph_status status, std::initializer_list<const char*> words) {
  bool named = status == PPH_INVALID_ARGUMENT;
  for (const char* word : words) named = named && ContainsWord(pph_last_error(), word);
  return named;
}

TEST(ResizePresets, CPyTorchAndPillow) {
  for (int mode = PPH_PYTORCH_NEAREST; mode <= PPH_PYTORCH_LANCZOS; ++mode) {
    for (const int flags : {0, 1, 2, 3}) {
      pph_resize_attributes c = Defaults(pph_resize_attributes_init);
      ASSERT_EQ(pph_resize_pytorch(mode, flags & 1, flags >> 1, &c), PPH_OK) << pph_last_error();
      ExpectSame(c, ResizeAttributes::PyTorch(static_cast<PyTorchMode>(mode), (flags & 1) != 0, flags > 1));
    }
  }
  for (const int mode : {PPH_NEAREST, PPH_LINEAR, PPH_CUBIC, PPH_LANCZOS}) {
    pph_resize_attributes c = Defaults(pph_resize_attributes_init);
    ASSERT_EQ(pph_resize_pillow(mode, &c), PPH_OK) << pph_last_error();
    ExpectSame(c, ResizeAttributes::Pillow(static_cast<ResizeMode>(mode)));
  }
  pph_resize_attributes c = Defaults(pph_resize_attributes_init);
  EXPECT_TRUE(Failed(pph_resize_pytorch(8, 0, 0, &c), {"pytorch_mode", "8"}));
  EXPECT_TRUE(Failed(pph_resize_pytorch(-1, 0, 0, &c), {"pytorch_mode", "-1"}));
  EXPECT_TRUE(Failed(pph_resize_pytorch(0, 2, 0, &c), {"align_corners", "2"}));
  EXPECT_TRUE(Failed(pph_resize_pytorch(0, 0, -1, &c), {"antialias", "-1"}));
  EXPECT_TRUE(Failed(pph_resize_pytorch(0, 0, 0, nullptr), {"attributes", "null"}));
  EXPECT_TRUE(Failed(pph_resize_pillow(PPH_AREA, &c), {"resize_mode", "3"}));
  EXPECT_TRUE(Failed(pph_resize_pillow(-1, &c), {"resize_mode", "-1"}));
  EXPECT_TRUE(Failed(pph_resize_pillow(0, nullptr), {"attributes", "null"}));
}

TEST(ResizePresets, COnnx) {
  const int64_t axes[] = {-1, 2};
  const int64_t sizes[] = {7, 8};
  const float roi[] = {0.25f, 0.5f, 0.75f, 1.0f};
  pph_onnx_resize c = Defaults(pph_onnx_resize_init);
  c.mode = PPH_CUBIC;
  c.coordinate_transformation = PPH_TF_CROP_AND_RESIZE;
  c.nearest_mode = PPH_SIMPLE;
  c.cubic_coeff_a = -0.5f;
  c.exclude_outside = 1;
  c.antialias = 1;
  c.extrapolation_value = 2.5f;
  c.keep_aspect_ratio_policy = PPH_NOT_SMALLER;
  c.output_size_rule = PPH_SIZE_ONNX_RUNTIME;
  c.axes = axes;
  c.axes_count = 2;
  c.sizes = sizes;
  c.sizes_count = 2;
  c.roi = roi;
  c.roi_count = 4;
  OnnxResize node;
  node.mode = ResizeMode::kCubic;
  node.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
  node.nearest_mode = NearestMode::kSimple;
  node.cubic_coeff_a = -0.5f;
  node.exclude_outside = true;
  node.antialias = true;
  node.extrapolation_value = 2.5f;
  node.keep_aspect_ratio_policy = KeepAspectRatioPolicy::kNotSmaller;
  node.output_size_rule = OutputSizeRule::kOnnxRuntime;
  node.axes = {-1, 2};
  node.sizes = {7, 8};
  node.roi = {0.25f, 0.5f, 0.75f, 1.0f};
  pph_resize_attributes attributes = Defaults(pph_resize_attributes_init);
  ASSERT_EQ(pph_resize_onnx(&c, &attributes), PPH_OK) << pph_last_error();
  ExpectSame(attributes, *ResizeAttributes::Onnx(node));
  // And the same operator.
  pph_operator* op = nullptr;
  ASSERT_EQ(pph_create_resize(&attributes, nullptr, &op), PPH_OK) << pph_last_error();
  pph_operator_destroy(op);

  const float scales[] = {1, 1, 2, 3};
  pph_onnx_resize scaled = Defaults(pph_onnx_resize_init);
  scaled.scales = scales;
  scaled.scales_count = 4;
  OnnxResize scaled_node;
  scaled_node.scales = {1, 1, 2, 3};
  ASSERT_EQ(pph_resize_onnx(&scaled, &attributes), PPH_OK) << pph_last_error();
  ExpectSame(attributes, *ResizeAttributes::Onnx(scaled_node));

  // A label map without N and C.
  scaled.rank = scaled_node.rank = 2;
  scaled.scales = scales + 2;
  scaled.scales_count = 2;
  scaled_node.scales = {2, 3};
  ASSERT_EQ(pph_resize_onnx(&scaled, &attributes), PPH_OK) << pph_last_error();
  ExpectSame(attributes, *ResizeAttributes::Onnx(scaled_node));
  EXPECT_EQ(attributes.n, 1);
  EXPECT_EQ(attributes.c, 1);
  ASSERT_EQ(pph_create_resize(&attributes, nullptr, &op), PPH_OK) << pph_last_error();
  pph_tensor_desc labels = Defaults(pph_tensor_desc_init);
  labels.dtype = PPH_I64;
  labels.n = labels.c = labels.size[0] = 1;
  labels.size[1] = 2;
  pph_plan* plan = nullptr;
  ASSERT_EQ(pph_make_plan(op, &labels, nullptr, &plan), PPH_OK) << pph_last_error();
  const int64_t input[] = {-1, int64_t{1} << 62};
  int64_t output[12] = {};
  EXPECT_EQ(pph_run(plan, input, output, nullptr), PPH_OK) << pph_last_error();
  for (int i = 0; i < 12; ++i) EXPECT_EQ(output[i], input[i / 3 % 2]) << i;
  pph_plan_destroy(plan);
  pph_operator_destroy(op);

  EXPECT_TRUE(Failed(pph_resize_onnx(nullptr, &attributes), {"node", "null"}));
  EXPECT_TRUE(Failed(pph_resize_onnx(&c, nullptr), {"attributes", "null"}));
  const auto bad = [&](const std::function<void(pph_onnx_resize&)>& change) {
    pph_onnx_resize node = c;
    change(node);
    return pph_resize_onnx(&node, &attributes);
  };
  EXPECT_TRUE(Failed(bad([](auto& n) { n.struct_size = 3; }), {"struct_size", "3"}));
  EXPECT_TRUE(Failed(bad([](auto& n) { n.axes = nullptr; }), {"axes", "null"}));
  EXPECT_TRUE(Failed(bad([](auto& n) { n.roi = nullptr; }), {"roi", "null"}));
  EXPECT_TRUE(Failed(bad([](auto& n) { n.sizes_count = size_t{1} << 60; }), {"sizes_count"}));
  EXPECT_TRUE(Failed(bad([](auto& n) { n.antialias = 2; }), {"antialias", "2"}));
  EXPECT_TRUE(Failed(bad([](auto& n) { n.exclude_outside = 7; }), {"exclude_outside", "7"}));
  EXPECT_TRUE(Failed(bad([](auto& n) { n.rank = 3; }), {"axes", "2"}));  // the same axis as -1
}

TEST(ResizePresets, CFlagsOfResize) {
  pph_operator* op = nullptr;
  const auto create = [&](const std::function<void(pph_resize_attributes&)>& change) {
    pph_resize_attributes c = Defaults(pph_resize_attributes_init);
    c.size[0] = 4;
    change(c);
    const pph_status status = pph_create_resize(&c, nullptr, &op);
    pph_operator_destroy(op);
    return status;
  };
  EXPECT_EQ(create([](auto&) {}), PPH_OK) << pph_last_error();
  EXPECT_TRUE(Failed(create([](auto& c) { c.exclude_outside = 2; }), {"exclude_outside", "2"}));
  EXPECT_TRUE(Failed(create([](auto& c) { c.copy_unchanged_axes = -1; }), {"copy_unchanged_axes", "-1"}));
  EXPECT_TRUE(Failed(create([](auto& c) { c.recompute_scale_factor = 5; }), {"recompute_scale_factor", "5"}));
  EXPECT_TRUE(Failed(create([](auto& c) { c.antialias = 3; }), {"antialias", "3"}));
  EXPECT_TRUE(Failed(create([](auto& c) { c.u8_rounding = 4; }), {"u8_rounding", "4"}));
  EXPECT_TRUE(Failed(create([](auto& c) { c.n = -1; }), {"n", "-1"}));
  EXPECT_TRUE(Failed(create([](auto& c) { c.roi_end[1] = 1.0 / 0.0; }), {"roi_end", "inf"}));
}

// ---- Describe

TEST(ResizePresets, DescribeNamesPathTapsTypeAndRounding) {
  const auto describe = [](ResizeAttributes a, TensorDesc input, DataType type) {
    input.dtype = type;
    a.size = {5, 6, 0};
    const StatusOr<Plan> plan = CreateResize(a)->MakePlan(input);
    return plan.ok() ? plan->Describe() : plan.status().message();
  };
  const auto has = [](const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
  };
  const TensorDesc planar = TensorDesc::Nchw(1, 3, 20, 30), blocked = TensorDesc::Nhwc(1, 12, 20, 30);
  const TensorDesc picture = TensorDesc::Nhwc(1, 3, 20, 30);
  has(describe(ResizeAttributes::PyTorch(PyTorchMode::kBilinear), planar, DataType::kF32),
      {"resize linear permute", "1x2x1 taps", "f32", "direct"});
  has(describe(ResizeAttributes::PyTorch(PyTorchMode::kBilinear, false, true), planar, DataType::kU8),
      {"resize linear antialias row_block", "u8 fixed16"});
  has(describe(ResizeAttributes::Pillow(ResizeMode::kLanczos), blocked, DataType::kU8),
      {"resize lanczos antialias channel_block", "u8 fixed22"});
  has(describe(ResizeAttributes::Pillow(ResizeMode::kCubic), picture, DataType::kU8),
      {SupportedTargets().front() == "scalar" ? "resize cubic antialias row_block" : "resize cubic antialias bytes",
       "u8 fixed22", "channels interleaved"});
  has(describe(ResizeAttributes::PyTorch(PyTorchMode::kArea), blocked, DataType::kBF16),
      {"resize area channel_block", "1x4x5 taps", "bf16"});
  const std::vector<float> weights(3 * 21, 1.0f);
  ResizeAttributes pointwise = ResizeAttributes::PyTorch(PyTorchMode::kBilinear);
  pointwise.pointwise = {weights.data(), nullptr, 3, 21};
  has(describe(pointwise, TensorDesc::Nchw(1, 3, 2, 5), DataType::kF32),
      {"resize linear channel_block", "1x1 convolution below the resize: 3.00x fewer multiplications"});
  has(describe(pointwise, planar, DataType::kF32), {"1x1 convolution below the resize: 20.00x more multiplications"});
  pointwise.size = {4, 4, 0};
  has(CreateResize(pointwise)->Describe(), {"1x1 convolution 3 -> 21 channels", "bytes of weights held"});
}

}  // namespace
}  // namespace polyphase::testing
