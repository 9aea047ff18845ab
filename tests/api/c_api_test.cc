// The C API: the same results as C++, every null and struct_size, messages, descriptions.
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

pph_conv_transpose_attributes TransposeAttributes() {
  pph_conv_transpose_attributes a = PPH_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  a.input_channels = 3;
  a.output_channels = 5;
  a.kernel[0] = a.kernel[1] = 4;
  a.stride[0] = a.stride[1] = 2;
  a.padding_begin[0] = a.padding_begin[1] = a.padding_end[0] = a.padding_end[1] = 1;
  return a;
}

pph_conv_attributes PlainAttributes() {
  pph_conv_attributes a = PPH_CONV_ATTRIBUTES_INIT;
  a.input_channels = 3;
  a.output_channels = 5;
  a.kernel[0] = a.kernel[1] = 3;
  return a;
}

pph_tensor_desc Desc(pph_layout layout, int64_t n, int64_t c, int64_t h, int64_t w, int32_t block = 1) {
  pph_tensor_desc d = PPH_TENSOR_DESC_INIT;
  d.layout = layout;
  d.channel_block = block;
  d.n = n;
  d.c = c;
  d.size[0] = h;
  d.size[1] = w;
  return d;
}

std::vector<float> Numbers(size_t count) {
  std::vector<float> values(count);
  std::mt19937 rng(9);
  FillUniform(values, rng);
  return values;
}

// `words` must be in the message of the last error.
::testing::AssertionResult Failed(pph_status status, std::initializer_list<const char*> words) {
  if (status != PPH_INVALID_ARGUMENT && status != PPH_UNSUPPORTED) {
    return ::testing::AssertionFailure() << "status " << status << ", last error \"" << pph_last_error() << "\"";
  }
  for (const char* word : words) {
    if (!ContainsWord(pph_last_error(), word)) {
      return ::testing::AssertionFailure() << "\"" << word << "\" is not in \"" << pph_last_error() << "\"";
    }
  }
  return ::testing::AssertionSuccess();
}

// Owns what it was given.
struct Handles {
  ~Handles() {
    pph_plan_destroy(plan);
    pph_operator_destroy(op);
  }
  pph_operator* op = nullptr;
  pph_plan* plan = nullptr;
};

void MakeConv(Handles& h, const pph_plan_options* options = nullptr) {
  const pph_conv_transpose_attributes attributes = TransposeAttributes();
  const std::vector<float> weights = Numbers(3 * 5 * 16);
  ASSERT_EQ(pph_create_conv_transpose(&attributes, weights.data(), nullptr, nullptr, &h.op), PPH_OK)
      << pph_last_error();
  const pph_tensor_desc input = Desc(PPH_NCHW, 1, 3, 6, 7);
  ASSERT_EQ(pph_make_plan(h.op, &input, options, &h.plan), PPH_OK) << pph_last_error();
}

TEST(CApi, SameResultsAsCpp) {
  for (const Format& in : kFormats) {
    for (const Format& out : kFormats) {
      SCOPED_TRACE(Name(in) + " -> " + Name(out));
      const std::vector<float> weights = Numbers(3 * 5 * 16);
      const std::vector<float> bias = Numbers(5);
      pph_conv_transpose_attributes a = TransposeAttributes();
      a.output_padding[0] = 1;
      a.epilogue.activation = PPH_LEAKY_RELU;
      a.epilogue.negative_slope = 0.25f;
      pph_operator_options operator_options = PPH_OPERATOR_OPTIONS_INIT;
      const std::string isa = SupportedTargets().back();
      operator_options.isa = isa.c_str();
      const pph_tensor_desc input_desc = Desc(static_cast<pph_layout>(in.layout), 2, 3, 6, 7, in.block);
      operator_options.input_hint = &input_desc;
      pph_runtime runtime = TestRuntime();
      operator_options.runtime = &runtime;
      Handles h;
      ASSERT_EQ(pph_create_conv_transpose(&a, weights.data(), bias.data(), &operator_options, &h.op), PPH_OK)
          << pph_last_error();
      pph_plan_options plan_options = PPH_PLAN_OPTIONS_INIT;
      const pph_tensor_desc output_wish = Desc(static_cast<pph_layout>(out.layout), 0, 0, 0, 0, out.block);
      plan_options.output = &output_wish;
      plan_options.algorithm = PPH_GEMM_COL2IM;
      plan_options.num_threads = 2;
      ASSERT_EQ(pph_make_plan(h.op, &input_desc, &plan_options, &h.plan), PPH_OK) << pph_last_error();
      EXPECT_TRUE(ContainsWord(pph_plan_describe(h.plan), isa)) << pph_plan_describe(h.plan);
      EXPECT_TRUE(ContainsWord(pph_plan_describe(h.plan), "gemm_col2im")) << pph_plan_describe(h.plan);

      ConvTransposeAttributes b;
      b.input_channels = 3;
      b.output_channels = 5;
      b.kernel = {4, 4, 1};
      b.stride = {2, 2, 1};
      b.padding_begin = b.padding_end = {1, 1, 0};
      b.output_padding = {1, 0, 0};
      b.epilogue.activation = Activation::kLeakyRelu;
      b.epilogue.negative_slope = 0.25f;
      PlanOptions cpp_options;
      cpp_options.output = MakeDesc(DataType::kF32, out, 0, 0, 0, 0);
      cpp_options.algorithm = Algorithm::kGemmCol2im;
      const Plan cpp = *CreateConvTranspose(b, weights.data(), bias.data(), OptionsFor(isa))
                            ->MakePlan(MakeDesc(DataType::kF32, in, 2, 3, 6, 7), cpp_options);

      pph_tensor_desc output_desc = PPH_TENSOR_DESC_INIT;
      ASSERT_EQ(pph_plan_output(h.plan, &output_desc), PPH_OK) << pph_last_error();
      EXPECT_EQ(output_desc.layout, static_cast<pph_layout>(out.layout));
      EXPECT_EQ(output_desc.channel_block, out.block);
      EXPECT_EQ(output_desc.n, 2);
      EXPECT_EQ(output_desc.c, 5);
      EXPECT_EQ(output_desc.size[0], 13);
      EXPECT_EQ(output_desc.size[1], 14);
      EXPECT_EQ(output_desc.stride_n, cpp.output().stride_n);
      EXPECT_EQ(output_desc.stride_c, cpp.output().stride_c);
      EXPECT_EQ(output_desc.stride[0], cpp.output().stride[0]);
      EXPECT_EQ(output_desc.stride[1], cpp.output().stride[1]);
      pph_tensor_desc input_filled = PPH_TENSOR_DESC_INIT;
      ASSERT_EQ(pph_plan_input(h.plan, &input_filled), PPH_OK) << pph_last_error();
      EXPECT_EQ(input_filled.stride_n, cpp.input().stride_n);

      const std::vector<float> input = Numbers(static_cast<size_t>(ref::Extent(cpp.input())));
      std::vector<float> c_output(static_cast<size_t>(ref::Extent(cpp.output())), -7.0f);
      std::vector<float> cpp_output(c_output.size(), -9.0f);
      Workspace workspace(pph_plan_workspace_bytes(h.plan));
      pph_run_options run_options = PPH_RUN_OPTIONS_INIT;
      run_options.workspace = workspace.data();
      run_options.workspace_bytes = workspace.bytes();
      ASSERT_EQ(pph_run(h.plan, input.data(), c_output.data(), &run_options), PPH_OK) << pph_last_error();
      ASSERT_TRUE(cpp.Run(input.data(), cpp_output.data()).ok());
      EXPECT_EQ(c_output, cpp_output);
    }
  }
}

TEST(CApi, OutputSize) {
  pph_plan_options options = PPH_PLAN_OPTIONS_INIT;
  options.output_size[0] = 13;
  options.output_size[1] = 14;
  Handles h;
  MakeConv(h, &options);
  pph_tensor_desc output = PPH_TENSOR_DESC_INIT;
  ASSERT_EQ(pph_plan_output(h.plan, &output), PPH_OK);
  EXPECT_EQ(output.size[0], 13);
  EXPECT_EQ(output.size[1], 14);
}

// Every field of ConvTranspose that the 2-D test above leaves at its default.
TEST(CApi, ThreeAxesPaddingsPrologueAndEpilogue) {
  const std::vector<float> weights = Numbers(4 * 3 * 3 * 3 * 2);
  const std::vector<float> bias = Numbers(6);
  const std::vector<float> constants = Numbers(18);
  const auto fill = [&](auto& a) {
    a.spatial_rank = 3;
    a.input_channels = 4;
    a.output_channels = 6;
    a.groups = 2;
    a.kernel[0] = a.kernel[1] = 3;
    a.kernel[2] = 2;
    a.stride[0] = a.stride[1] = a.stride[2] = 2;
    a.dilation[1] = 2;
    a.output_padding[0] = 1;
    a.prologue.negative_slope = 0.5f;
    a.epilogue.lower = -1.0f;
    a.epilogue.upper = 1.0f;
    a.epilogue.scale = constants.data();
    a.epilogue.shift = constants.data() + 6;
    a.epilogue.slope = constants.data() + 12;
    a.epilogue.channels = 6;
  };
  pph_conv_transpose_attributes c = PPH_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  fill(c);
  c.prologue.activation = PPH_LEAKY_RELU;
  c.epilogue.activation = PPH_PRELU;
  c.epilogue.residual = PPH_RESIDUAL_BEFORE_ACTIVATION;
  ConvTransposeAttributes cpp;
  fill(cpp);
  cpp.prologue.activation = Activation::kLeakyRelu;
  cpp.epilogue.activation = Activation::kPRelu;
  cpp.epilogue.residual = Residual::kBeforeActivation;
  for (const bool shaped : {false, true}) {
    c.auto_pad = PPH_PAD_SAME_UPPER;
    cpp.auto_pad = AutoPad::kSameUpper;
    for (size_t axis = 0; axis < 3; ++axis) c.output_shape[axis] = cpp.output_shape[axis] = shaped ? 6 : 0;

    Handles h;
    ASSERT_EQ(pph_create_conv_transpose(&c, weights.data(), bias.data(), nullptr, &h.op), PPH_OK) << pph_last_error();
    pph_tensor_desc input_desc = PPH_TENSOR_DESC_INIT;
    input_desc.spatial_rank = 3;
    input_desc.n = 2;
    input_desc.c = 4;
    input_desc.size[0] = input_desc.size[1] = input_desc.size[2] = 3;
    pph_tensor_desc residual_wish = PPH_TENSOR_DESC_INIT;
    residual_wish.layout = PPH_NHWC;
    residual_wish.spatial_rank = 3;
    pph_plan_options options = PPH_PLAN_OPTIONS_INIT;
    options.residual = &residual_wish;
    ASSERT_EQ(pph_make_plan(h.op, &input_desc, &options, &h.plan), PPH_OK) << pph_last_error();
    pph_tensor_desc residual_desc = PPH_TENSOR_DESC_INIT;
    ASSERT_EQ(pph_plan_residual(h.plan, &residual_desc), PPH_OK) << pph_last_error();
    EXPECT_EQ(residual_desc.layout, PPH_NHWC);
    EXPECT_EQ(residual_desc.c, 6);
    EXPECT_EQ(residual_desc.stride[2], 6);

    PlanOptions cpp_options;
    cpp_options.residual = TensorDesc::Make(0, 0, {0, 0, 0}).WithLayout(Layout::kNhwc);
    const StatusOr<Operator> op = CreateConvTranspose(cpp, weights.data(), bias.data());
    ASSERT_TRUE(op.ok()) << op.status().message();
    const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(2, 4, {3, 3, 3}), cpp_options);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->output().size, (SpatialSizes{6, 6, 6}));

    const std::vector<float> input = Numbers(2 * 4 * 27);
    const std::vector<float> residual = Numbers(static_cast<size_t>(ref::Extent(plan->output())));
    std::vector<float> c_output(residual.size(), -7.0f);
    std::vector<float> cpp_output(residual.size(), -9.0f);
    pph_run_options run = PPH_RUN_OPTIONS_INIT;
    EXPECT_TRUE(Failed(pph_run(h.plan, input.data(), c_output.data(), &run), {"residual", "null"}));
    run.residual = residual.data();
    ASSERT_EQ(pph_run(h.plan, input.data(), c_output.data(), &run), PPH_OK) << pph_last_error();
    RunOptions cpp_run;
    cpp_run.residual = residual.data();
    ASSERT_TRUE(plan->Run(input.data(), cpp_output.data(), cpp_run).ok());
    EXPECT_EQ(c_output, cpp_output);
  }
}

// Every field of Conv, with values of which each one changes the result.
TEST(CApi, Conv) {
  const std::vector<float> weights = Numbers(24 * 2 * 3 * 2 * 2);
  const std::vector<float> bias = Numbers(24);
  const std::vector<float> constants = Numbers(12);
  const auto fill = [&](auto& a) {
    a.spatial_rank = 3;
    a.input_channels = 4;
    a.output_channels = 24;
    a.groups = 2;
    a.kernel[0] = 3;
    a.kernel[1] = a.kernel[2] = 2;
    a.padding_begin[0] = a.padding_end[0] = a.padding_begin[1] = a.padding_end[2] = 1;
    a.dilation[1] = 2;
    a.upsample[0] = 2;
    a.upsample[2] = 3;
    a.shuffle[1] = 3;
    a.shuffle[2] = 2;
    a.prologue.negative_slope = 0.5f;
    a.epilogue.scale = constants.data();
    a.epilogue.shift = constants.data() + 4;
    a.epilogue.slope = constants.data() + 8;
    a.epilogue.channels = 4;
  };
  struct Choice {
    pph_padding_mode mode;
    pph_auto_pad pad;
    pph_channel_order order;
  };
  const auto run = [&](const Choice& choice) -> std::vector<float> {
    pph_conv_attributes c = PPH_CONV_ATTRIBUTES_INIT;
    fill(c);
    c.prologue.activation = PPH_LEAKY_RELU;
    c.epilogue.activation = PPH_PRELU;
    c.epilogue.residual = PPH_RESIDUAL_BEFORE_ACTIVATION;
    c.padding_mode = choice.mode;
    c.auto_pad = choice.pad;
    c.channel_order = choice.order;
    ConvAttributes cpp;
    fill(cpp);
    cpp.prologue.activation = Activation::kLeakyRelu;
    cpp.epilogue.activation = Activation::kPRelu;
    cpp.epilogue.residual = Residual::kBeforeActivation;
    cpp.padding_mode = static_cast<PaddingMode>(choice.mode);
    cpp.auto_pad = static_cast<AutoPad>(choice.pad);
    cpp.channel_order = static_cast<ChannelOrder>(choice.order);
    if (choice.pad != PPH_PAD_NOT_SET) {
      for (size_t i = 0; i < 3; ++i) c.padding_begin[i] = c.padding_end[i] = 0;
      cpp.padding_begin = cpp.padding_end = {};
    }
    const StatusOr<Operator> op = CreateConv(cpp, weights.data(), bias.data());
    if (!op.ok()) return ADD_FAILURE() << op.status().message(), std::vector<float>();
    const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(2, 4, {3, 4, 5}));
    if (!plan.ok()) return ADD_FAILURE() << plan.status().message(), std::vector<float>();
    const std::vector<float> input = Numbers(2 * 4 * 3 * 4 * 5);
    const std::vector<float> residual = Numbers(static_cast<size_t>(ref::Extent(plan->output())));
    std::vector<float> cpp_output(residual.size(), -9.0f);
    RunOptions cpp_run;
    cpp_run.residual = residual.data();
    EXPECT_TRUE(plan->Run(input.data(), cpp_output.data(), cpp_run).ok());

    Handles h;
    EXPECT_EQ(pph_create_conv(&c, weights.data(), bias.data(), nullptr, &h.op), PPH_OK) << pph_last_error();
    pph_tensor_desc input_desc = PPH_TENSOR_DESC_INIT;
    input_desc.spatial_rank = 3;
    input_desc.n = 2;
    input_desc.c = 4;
    for (int64_t i = 0; i < 3; ++i) input_desc.size[i] = 3 + i;
    EXPECT_EQ(pph_make_plan(h.op, &input_desc, nullptr, &h.plan), PPH_OK) << pph_last_error();
    if (h.plan == nullptr) return {};
    pph_tensor_desc output_desc = PPH_TENSOR_DESC_INIT;
    EXPECT_EQ(pph_plan_output(h.plan, &output_desc), PPH_OK) << pph_last_error();
    EXPECT_EQ(output_desc.c, 4);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(output_desc.size[i], plan->output().size[i]);
    std::vector<float> output(residual.size(), -7.0f);
    pph_run_options run_options = PPH_RUN_OPTIONS_INIT;
    run_options.residual = residual.data();
    EXPECT_EQ(pph_run(h.plan, input.data(), output.data(), &run_options), PPH_OK) << pph_last_error();
    EXPECT_EQ(output, cpp_output);
    return output;
  };
  std::vector<std::vector<float>> results;
  for (const Choice& choice :
       {Choice{PPH_PAD_ZEROS, PPH_PAD_NOT_SET, PPH_CRD}, Choice{PPH_PAD_REFLECT, PPH_PAD_NOT_SET, PPH_CRD},
        Choice{PPH_PAD_REPLICATE, PPH_PAD_NOT_SET, PPH_CRD}, Choice{PPH_PAD_CIRCULAR, PPH_PAD_NOT_SET, PPH_CRD},
        Choice{PPH_PAD_ZEROS, PPH_PAD_SAME_UPPER, PPH_CRD}, Choice{PPH_PAD_ZEROS, PPH_PAD_SAME_LOWER, PPH_CRD},
        Choice{PPH_PAD_ZEROS, PPH_PAD_VALID, PPH_CRD}, Choice{PPH_PAD_ZEROS, PPH_PAD_NOT_SET, PPH_DCR},
        Choice{PPH_PAD_ZEROS, PPH_PAD_NOT_SET, PPH_FOCUS}}) {
    SCOPED_TRACE("mode " + std::to_string(choice.mode) + " auto_pad " + std::to_string(choice.pad) + " order " +
                 std::to_string(choice.order));
    results.push_back(run(choice));
    for (size_t i = 0; i + 1 < results.size(); ++i) EXPECT_NE(results[i], results.back()) << "like choice " << i;
  }
}

TEST(CApi, OnlyOpsThatHaveThemShowResidualsAndIndices) {
  Handles h;
  MakeConv(h);
  pph_tensor_desc desc = PPH_TENSOR_DESC_INIT;
  EXPECT_TRUE(Failed(pph_plan_residual(h.plan, &desc), {"residual"}));
  EXPECT_TRUE(Failed(pph_plan_indices(h.plan, &desc), {"indices"}));
  EXPECT_TRUE(Failed(pph_plan_residual(nullptr, &desc), {"plan", "null"}));
  EXPECT_TRUE(Failed(pph_plan_indices(nullptr, &desc), {"plan", "null"}));
}

TEST(CApi, FoldBatchNorm) {
  const float gamma[] = {2, 4};
  const float beta[] = {1, 5};
  const float mean[] = {3, 0.5f};
  const float variance[] = {0.75f, 3.75f};
  float scale[2], shift[2];
  ASSERT_EQ(pph_fold_batch_norm(gamma, beta, mean, variance, 0.25, 2, scale, shift), PPH_OK) << pph_last_error();
  EXPECT_EQ(scale[0], 2.0f);
  EXPECT_EQ(scale[1], 2.0f);
  EXPECT_EQ(shift[0], -5.0f);
  EXPECT_EQ(shift[1], 4.0f);
  EXPECT_TRUE(Failed(pph_fold_batch_norm(gamma, beta, mean, nullptr, 0.25, 2, scale, shift), {"variance", "null"}));
}

TEST(CApi, ResizeShuffleAndConvert) {
  const std::vector<float> input = Numbers(4 * 3 * 5);
  const pph_tensor_desc desc = Desc(PPH_NCHW, 1, 4, 3, 5);
  const auto run = [&](pph_operator* op, size_t size) {
    Handles h;
    h.op = op;
    std::vector<float> output(size);
    EXPECT_EQ(pph_make_plan(op, &desc, nullptr, &h.plan), PPH_OK) << pph_last_error();
    if (h.plan == nullptr) return output;
    EXPECT_EQ(pph_run(h.plan, input.data(), output.data(), nullptr), PPH_OK) << pph_last_error();
    return output;
  };
  const auto run_cpp = [&](const StatusOr<Operator>& op, size_t size) {
    std::vector<float> output(size);
    EXPECT_TRUE(op->MakePlan(TensorDesc::Nchw(1, 4, 3, 5))->Run(input.data(), output.data()).ok());
    return output;
  };

  pph_resize_attributes resize = PPH_RESIZE_ATTRIBUTES_INIT;
  resize.mode = PPH_CUBIC;
  resize.coordinate_transformation = PPH_ALIGN_CORNERS;
  resize.cubic_coeff_a = -0.5f;
  resize.scale[0] = 2.0;
  resize.scale[1] = 1.5;
  resize.recompute_scale_factor = 1;
  ResizeAttributes cpp_resize;
  cpp_resize.mode = ResizeMode::kCubic;
  cpp_resize.coordinate_transformation = CoordinateTransformation::kAlignCorners;
  cpp_resize.cubic_coeff_a = -0.5f;
  cpp_resize.scale = {2.0, 1.5, 0};
  cpp_resize.recompute_scale_factor = true;
  pph_operator* op = nullptr;
  ASSERT_EQ(pph_create_resize(&resize, nullptr, &op), PPH_OK) << pph_last_error();
  EXPECT_EQ(run(op, 4 * 6 * 7), run_cpp(CreateResize(cpp_resize), 4 * 6 * 7));

  resize = PPH_RESIZE_ATTRIBUTES_INIT;
  resize.mode = PPH_NEAREST;
  resize.nearest_mode = PPH_ROUND_PREFER_CEIL;
  resize.size[0] = 5;
  resize.size[1] = 4;
  cpp_resize = ResizeAttributes::PyTorch(PyTorchMode::kNearestExact);
  cpp_resize.size = {5, 4, 0};
  ASSERT_EQ(pph_create_resize(&resize, nullptr, &op), PPH_OK) << pph_last_error();
  EXPECT_EQ(run(op, 4 * 5 * 4), run_cpp(CreateResize(cpp_resize), 4 * 5 * 4));

  const std::vector<float> weights = Numbers(2 * 4);
  const std::vector<float> bias = {3, -5};
  resize.pointwise.weights = weights.data();
  resize.pointwise.bias = bias.data();
  resize.pointwise.input_channels = 4;
  resize.pointwise.output_channels = 2;
  cpp_resize.pointwise = {weights.data(), bias.data(), 4, 2};
  ASSERT_EQ(pph_create_resize(&resize, nullptr, &op), PPH_OK) << pph_last_error();
  EXPECT_EQ(run(op, 2 * 5 * 4), run_cpp(CreateResize(cpp_resize), 2 * 5 * 4));

  pph_pixel_shuffle_attributes shuffle = PPH_PIXEL_SHUFFLE_ATTRIBUTES_INIT;
  shuffle.channel_order = PPH_DCR;
  PixelShuffleAttributes cpp_shuffle;
  cpp_shuffle.channel_order = ChannelOrder::kDcr;
  ASSERT_EQ(pph_create_pixel_shuffle(&shuffle, nullptr, &op), PPH_OK) << pph_last_error();
  EXPECT_EQ(run(op, 60), run_cpp(CreatePixelShuffle(cpp_shuffle), 60));

  ASSERT_EQ(pph_create_convert(nullptr, &op), PPH_OK) << pph_last_error();
  EXPECT_EQ(run(op, 60), input);
}

// The initializers and the defaults of the C++ structs say the same.
// The four pooling ops, with attributes of which each one changes the result.
TEST(CApi, Pooling) {
  const std::vector<float> in = Numbers(2 * 3 * 7 * 8);
  pph_pool_window window = PPH_POOL_WINDOW_INIT;
  window.kernel[0] = window.kernel[1] = 3;
  window.padding_begin[1] = window.padding_end[1] = 1;
  window.ceil_mode = 1;
  PoolWindow cpp_window;
  cpp_window.kernel = {3, 3, 2};
  cpp_window.padding_begin = cpp_window.padding_end = {0, 1, 0};
  cpp_window.ceil_mode = true;

  Handles max;
  pph_max_pool_attributes max_pool = PPH_MAX_POOL_ATTRIBUTES_INIT;
  max_pool.window = window;
  max_pool.index_convention = PPH_INDEX_TENSOR;
  max_pool.column_major = 1;
  ASSERT_EQ(pph_create_max_pool(&max_pool, nullptr, &max.op), PPH_OK) << pph_last_error();
  const pph_tensor_desc input = Desc(PPH_NCHW, 2, 3, 7, 8);
  pph_plan_options options = PPH_PLAN_OPTIONS_INIT;
  pph_tensor_desc indices_desc = Desc(PPH_NHWC, 0, 0, 0, 0);
  indices_desc.dtype = PPH_I32;
  options.indices = &indices_desc;
  ASSERT_EQ(pph_make_plan(max.op, &input, &options, &max.plan), PPH_OK) << pph_last_error();
  ASSERT_EQ(pph_plan_indices(max.plan, &indices_desc), PPH_OK) << pph_last_error();
  EXPECT_EQ(indices_desc.size[0], 3);
  EXPECT_EQ(indices_desc.size[1], 5);
  EXPECT_EQ(indices_desc.stride[1], 3);
  std::vector<float> out(2 * 3 * 3 * 5), expected(out.size());
  std::vector<int32_t> indices(out.size()), expected_indices(out.size());
  pph_run_options run = PPH_RUN_OPTIONS_INIT;
  run.output_indices = indices.data();
  ASSERT_EQ(pph_run(max.plan, in.data(), out.data(), &run), PPH_OK) << pph_last_error();
  PlanOptions cpp_options;
  cpp_options.indices = TensorDesc::Nhwc(0, 0, 0, 0);
  cpp_options.indices->dtype = DataType::kI32;
  const Plan cpp_max =
      *CreateMaxPool({cpp_window, IndexConvention::kTensor, true})->MakePlan(TensorDesc::Nchw(2, 3, 7, 8), cpp_options);
  RunOptions cpp_run;
  cpp_run.output_indices = expected_indices.data();
  ASSERT_TRUE(cpp_max.Run(in.data(), expected.data(), cpp_run).ok());
  EXPECT_EQ(out, expected);
  EXPECT_EQ(indices, expected_indices);
  EXPECT_NE(indices, std::vector<int32_t>(indices.size()));

  Handles avg;
  pph_avg_pool_attributes avg_pool = PPH_AVG_POOL_ATTRIBUTES_INIT;
  avg_pool.window = window;
  avg_pool.count_include_pad = 0;
  ASSERT_EQ(pph_create_avg_pool(&avg_pool, nullptr, &avg.op), PPH_OK) << pph_last_error();
  ASSERT_EQ(pph_make_plan(avg.op, &input, nullptr, &avg.plan), PPH_OK) << pph_last_error();
  EXPECT_NE(pph_plan_indices(avg.plan, &indices_desc), PPH_OK);
  ASSERT_EQ(pph_run(avg.plan, in.data(), out.data(), nullptr), PPH_OK) << pph_last_error();
  const Plan cpp_avg = *CreateAvgPool({cpp_window, false})->MakePlan(TensorDesc::Nchw(2, 3, 7, 8));
  ASSERT_TRUE(cpp_avg.Run(in.data(), expected.data()).ok());
  EXPECT_EQ(out, expected);

  Handles up;
  pph_avg_unpool_attributes avg_unpool = PPH_AVG_UNPOOL_ATTRIBUTES_INIT;
  avg_unpool.divisor_override = 7;
  ASSERT_EQ(pph_create_avg_unpool(&avg_unpool, nullptr, &up.op), PPH_OK) << pph_last_error();
  options = PPH_PLAN_OPTIONS_INIT;
  options.output_size[0] = 15;
  options.output_size[1] = 16;
  ASSERT_EQ(pph_make_plan(up.op, &input, &options, &up.plan), PPH_OK) << pph_last_error();
  out.assign(2 * 3 * 15 * 16, -1);
  ASSERT_EQ(pph_run(up.plan, in.data(), out.data(), nullptr), PPH_OK) << pph_last_error();
  EXPECT_EQ(out[17], in[0] / 7);
  EXPECT_EQ(out[14 * 16], 0.0f);

  Handles back;
  pph_max_unpool_attributes max_unpool = PPH_MAX_UNPOOL_ATTRIBUTES_INIT;
  max_unpool.index_convention = PPH_INDEX_WINDOW;
  ASSERT_EQ(pph_create_max_unpool(&max_unpool, nullptr, &back.op), PPH_OK) << pph_last_error();
  ASSERT_EQ(pph_make_plan(back.op, &input, nullptr, &back.plan), PPH_OK) << pph_last_error();
  std::vector<int64_t> taps(in.size(), 3);
  run = PPH_RUN_OPTIONS_INIT;
  run.input_indices = taps.data();
  out.assign(2 * 3 * 14 * 16, -1);
  ASSERT_EQ(pph_run(back.plan, in.data(), out.data(), &run), PPH_OK) << pph_last_error();
  EXPECT_EQ(out[17], in[0]);
  EXPECT_EQ(out[0], 0.0f);
  taps[100] = 4;
  EXPECT_TRUE(Failed(pph_run(back.plan, in.data(), out.data(), &run), {"input_indices", "4"}));
}

TEST(CApi, PoolingArguments) {
  pph_max_pool_attributes max_pool = PPH_MAX_POOL_ATTRIBUTES_INIT;
  pph_max_unpool_attributes max_unpool = PPH_MAX_UNPOOL_ATTRIBUTES_INIT;
  pph_avg_pool_attributes avg_pool = PPH_AVG_POOL_ATTRIBUTES_INIT;
  pph_avg_unpool_attributes avg_unpool = PPH_AVG_UNPOOL_ATTRIBUTES_INIT;
  pph_operator* op = nullptr;
  // Calls all four, with what `change` makes of the attributes.
  const auto all_fail = [&](std::initializer_list<const char*> words, const auto& change) {
    const auto fails = [&](auto attributes, const auto& create) {
      change(attributes);
      EXPECT_TRUE(Failed(create(&attributes, nullptr, &op), words));
      EXPECT_EQ(op, nullptr);
    };
    fails(max_pool, pph_create_max_pool);
    fails(max_unpool, pph_create_max_unpool);
    fails(avg_pool, pph_create_avg_pool);
    fails(avg_unpool, pph_create_avg_unpool);
  };
  all_fail({"struct_size", "7"}, [](auto& a) { a.struct_size = 7; });
  all_fail({"ceil_mode", "2"}, [](auto& a) { a.window.ceil_mode = 2; });
  all_fail({"auto_pad", "9"}, [](auto& a) { a.window.auto_pad = 9; });
  all_fail({"kernel", "-1"}, [](auto& a) { a.window.kernel[1] = -1; });
  all_fail({"stride", "0"}, [](auto& a) { a.window.stride[0] = 0; });
  all_fail({"dilation", "0"}, [](auto& a) { a.window.dilation[0] = 0; });
  all_fail({"padding_end", "-4"}, [](auto& a) { a.window.padding_end[0] = -4; });
  all_fail({"spatial_rank", "4"}, [](auto& a) { a.window.spatial_rank = 4; });

  EXPECT_TRUE(Failed(pph_create_max_pool(nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_TRUE(Failed(pph_create_max_unpool(nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_TRUE(Failed(pph_create_avg_pool(nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_TRUE(Failed(pph_create_avg_unpool(nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_TRUE(Failed(pph_create_max_pool(&max_pool, nullptr, nullptr), {"op", "null"}));
  max_pool.column_major = -1;
  EXPECT_TRUE(Failed(pph_create_max_pool(&max_pool, nullptr, &op), {"column_major", "-1"}));
  max_pool = PPH_MAX_POOL_ATTRIBUTES_INIT;
  max_pool.index_convention = 77;
  EXPECT_TRUE(Failed(pph_create_max_pool(&max_pool, nullptr, &op), {"index_convention", "77"}));
  max_unpool.indices_in_default_size = 2;
  EXPECT_TRUE(Failed(pph_create_max_unpool(&max_unpool, nullptr, &op), {"indices_in_default_size", "2"}));
  avg_pool.count_include_pad = 2;
  EXPECT_TRUE(Failed(pph_create_avg_pool(&avg_pool, nullptr, &op), {"count_include_pad", "2"}));
  avg_unpool.mode = 2;
  EXPECT_TRUE(Failed(pph_create_avg_unpool(&avg_unpool, nullptr, &op), {"mode", "2"}));
  avg_unpool = PPH_AVG_UNPOOL_ATTRIBUTES_INIT;
  avg_unpool.count_include_pad = -3;
  EXPECT_TRUE(Failed(pph_create_avg_unpool(&avg_unpool, nullptr, &op), {"count_include_pad", "-3"}));
}

// Of the pooling ops: each initializer makes the operator that the defaults of C++ make.
TEST(CApi, PoolingInitializersAreTheCppDefaults) {
  const pph_pool_window c = PPH_POOL_WINDOW_INIT;
  const PoolWindow cpp;
  EXPECT_EQ(c.spatial_rank, cpp.spatial_rank);
  for (size_t i = 0; i < kMaxSpatialRank; ++i) {
    EXPECT_EQ(c.kernel[i], cpp.kernel[i]);
    EXPECT_EQ(c.stride[i], cpp.stride[i]);
    EXPECT_EQ(c.padding_begin[i], cpp.padding_begin[i]);
    EXPECT_EQ(c.padding_end[i], cpp.padding_end[i]);
    EXPECT_EQ(c.dilation[i], cpp.dilation[i]);
  }
  EXPECT_EQ(c.ceil_mode != 0, cpp.ceil_mode);
  EXPECT_EQ(c.auto_pad, static_cast<int32_t>(cpp.auto_pad));
  const pph_max_pool_attributes max_pool = PPH_MAX_POOL_ATTRIBUTES_INIT;
  EXPECT_EQ(max_pool.index_convention, static_cast<int32_t>(MaxPoolAttributes().index_convention));
  EXPECT_EQ(max_pool.column_major != 0, MaxPoolAttributes().column_major);
  const pph_max_unpool_attributes max_unpool = PPH_MAX_UNPOOL_ATTRIBUTES_INIT;
  EXPECT_EQ(max_unpool.index_convention, static_cast<int32_t>(MaxUnpoolAttributes().index_convention));
  EXPECT_EQ(max_unpool.indices_in_default_size != 0, MaxUnpoolAttributes().indices_in_default_size);
  const pph_avg_pool_attributes avg_pool = PPH_AVG_POOL_ATTRIBUTES_INIT;
  EXPECT_EQ(avg_pool.count_include_pad != 0, AvgPoolAttributes().count_include_pad);
  EXPECT_EQ(avg_pool.divisor_override, AvgPoolAttributes().divisor_override);
  const pph_avg_unpool_attributes avg_unpool = PPH_AVG_UNPOOL_ATTRIBUTES_INIT;
  EXPECT_EQ(avg_unpool.mode, static_cast<int32_t>(AvgUnpoolAttributes().mode));
  EXPECT_EQ(avg_unpool.count_include_pad != 0, AvgUnpoolAttributes().count_include_pad);
  EXPECT_EQ(avg_unpool.divisor_override, AvgUnpoolAttributes().divisor_override);
}

TEST(CApi, InitializersAreTheCppDefaults) {
  const pph_conv_transpose_attributes c = PPH_CONV_TRANSPOSE_ATTRIBUTES_INIT;
  const ConvTransposeAttributes cpp;
  EXPECT_EQ(c.struct_size, sizeof(c));
  EXPECT_EQ(c.spatial_rank, cpp.spatial_rank);
  EXPECT_EQ(c.groups, cpp.groups);
  for (int i = 0; i < kMaxSpatialRank; ++i) {
    EXPECT_EQ(c.kernel[i], cpp.kernel[static_cast<size_t>(i)]);
    EXPECT_EQ(c.stride[i], cpp.stride[static_cast<size_t>(i)]);
    EXPECT_EQ(c.padding_begin[i], cpp.padding_begin[static_cast<size_t>(i)]);
    EXPECT_EQ(c.padding_end[i], cpp.padding_end[static_cast<size_t>(i)]);
    EXPECT_EQ(c.output_padding[i], cpp.output_padding[static_cast<size_t>(i)]);
    EXPECT_EQ(c.dilation[i], cpp.dilation[static_cast<size_t>(i)]);
  }
  const pph_conv_attributes v = PPH_CONV_ATTRIBUTES_INIT;
  const ConvAttributes cpp_v;
  EXPECT_EQ(v.struct_size, sizeof(v));
  EXPECT_EQ(v.spatial_rank, cpp_v.spatial_rank);
  EXPECT_EQ(v.input_channels, cpp_v.input_channels);
  EXPECT_EQ(v.output_channels, cpp_v.output_channels);
  EXPECT_EQ(v.groups, cpp_v.groups);
  for (size_t i = 0; i < kMaxSpatialRank; ++i) {
    EXPECT_EQ(v.kernel[i], cpp_v.kernel[i]);
    EXPECT_EQ(v.padding_begin[i], cpp_v.padding_begin[i]);
    EXPECT_EQ(v.padding_end[i], cpp_v.padding_end[i]);
    EXPECT_EQ(v.dilation[i], cpp_v.dilation[i]);
    EXPECT_EQ(v.upsample[i], cpp_v.upsample[i]);
    EXPECT_EQ(v.shuffle[i], cpp_v.shuffle[i]);
  }
  EXPECT_EQ(v.padding_mode, static_cast<int32_t>(cpp_v.padding_mode));
  EXPECT_EQ(v.auto_pad, static_cast<int32_t>(cpp_v.auto_pad));
  EXPECT_EQ(v.channel_order, static_cast<int32_t>(cpp_v.channel_order));
  EXPECT_EQ(v.prologue.activation, static_cast<int32_t>(cpp_v.prologue.activation));
  EXPECT_EQ(v.epilogue.upper, cpp_v.epilogue.upper);
  const pph_resize_attributes r = PPH_RESIZE_ATTRIBUTES_INIT;
  const ResizeAttributes cpp_r;
  EXPECT_EQ(static_cast<int>(r.mode), static_cast<int>(cpp_r.mode));
  EXPECT_EQ(static_cast<int>(r.coordinate_transformation), static_cast<int>(cpp_r.coordinate_transformation));
  EXPECT_EQ(static_cast<int>(r.nearest_mode), static_cast<int>(cpp_r.nearest_mode));
  EXPECT_EQ(r.cubic_coeff_a, cpp_r.cubic_coeff_a);
  EXPECT_EQ(r.epilogue.negative_slope, cpp_r.epilogue.negative_slope);
  EXPECT_EQ(r.epilogue.lower, cpp_r.epilogue.lower);
  EXPECT_EQ(r.epilogue.upper, cpp_r.epilogue.upper);
  EXPECT_EQ(r.pointwise.weights, cpp_r.pointwise.weights);
  EXPECT_EQ(r.pointwise.bias, cpp_r.pointwise.bias);
  EXPECT_EQ(r.pointwise.input_channels, cpp_r.pointwise.input_channels);
  EXPECT_EQ(r.pointwise.output_channels, cpp_r.pointwise.output_channels);
  const pph_pixel_shuffle_attributes s = PPH_PIXEL_SHUFFLE_ATTRIBUTES_INIT;
  for (size_t i = 0; i < kMaxSpatialRank; ++i) EXPECT_EQ(s.factor[i], PixelShuffleAttributes().factor[i]);
}

TEST(CApi, NullArguments) {
  const std::vector<float> weights = Numbers(3 * 5 * 16);
  const pph_conv_transpose_attributes conv = TransposeAttributes();
  pph_resize_attributes resize = PPH_RESIZE_ATTRIBUTES_INIT;
  resize.size[0] = resize.size[1] = 4;
  const pph_pixel_shuffle_attributes shuffle = PPH_PIXEL_SHUFFLE_ATTRIBUTES_INIT;
  auto* const not_null = reinterpret_cast<pph_operator*>(&resize);
  pph_operator* op = not_null;

  EXPECT_TRUE(
      Failed(pph_create_conv_transpose(nullptr, weights.data(), nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_EQ(op, nullptr);
  op = not_null;
  EXPECT_TRUE(Failed(pph_create_conv_transpose(&conv, nullptr, nullptr, nullptr, &op), {"weights", "null"}));
  EXPECT_EQ(op, nullptr);
  op = not_null;
  const pph_conv_attributes plain = PlainAttributes();
  EXPECT_TRUE(Failed(pph_create_conv(nullptr, weights.data(), nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_EQ(op, nullptr);
  op = not_null;
  EXPECT_TRUE(Failed(pph_create_conv(&plain, nullptr, nullptr, nullptr, &op), {"weights", "null"}));
  EXPECT_EQ(op, nullptr);
  EXPECT_TRUE(Failed(pph_create_conv(&plain, weights.data(), nullptr, nullptr, nullptr), {"op", "null"}));
  op = not_null;
  EXPECT_TRUE(Failed(pph_create_resize(nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_EQ(op, nullptr);
  op = not_null;
  EXPECT_TRUE(Failed(pph_create_pixel_shuffle(nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_EQ(op, nullptr);
  EXPECT_TRUE(Failed(pph_create_conv_transpose(&conv, weights.data(), nullptr, nullptr, nullptr), {"op", "null"}));
  EXPECT_TRUE(Failed(pph_create_resize(&resize, nullptr, nullptr), {"op", "null"}));
  EXPECT_TRUE(Failed(pph_create_pixel_shuffle(&shuffle, nullptr, nullptr), {"op", "null"}));
  EXPECT_TRUE(Failed(pph_create_convert(nullptr, nullptr), {"op", "null"}));

  Handles h;
  MakeConv(h);
  const pph_tensor_desc input = Desc(PPH_NCHW, 1, 3, 6, 7);
  pph_plan* plan = h.plan;
  EXPECT_TRUE(Failed(pph_make_plan(nullptr, &input, nullptr, &plan), {"op", "null"}));
  EXPECT_EQ(plan, nullptr);
  plan = h.plan;
  EXPECT_TRUE(Failed(pph_make_plan(h.op, nullptr, nullptr, &plan), {"input", "null"}));
  EXPECT_EQ(plan, nullptr);
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &input, nullptr, nullptr), {"plan", "null"}));

  pph_tensor_desc desc = PPH_TENSOR_DESC_INIT;
  EXPECT_TRUE(Failed(pph_plan_input(nullptr, &desc), {"plan", "null"}));
  EXPECT_TRUE(Failed(pph_plan_output(nullptr, &desc), {"plan", "null"}));
  EXPECT_TRUE(Failed(pph_plan_input(h.plan, nullptr), {"desc", "null"}));
  EXPECT_TRUE(Failed(pph_plan_output(h.plan, nullptr), {"desc", "null"}));

  const std::vector<float> in(3 * 6 * 7, 1.0f);
  std::vector<float> out(5 * 12 * 14, -7.0f);
  EXPECT_TRUE(Failed(pph_run(nullptr, in.data(), out.data(), nullptr), {"plan", "null"}));
  EXPECT_TRUE(Failed(pph_run(h.plan, nullptr, out.data(), nullptr), {"input", "null"}));
  EXPECT_TRUE(Failed(pph_run(h.plan, in.data(), nullptr, nullptr), {"output", "null"}));
  EXPECT_EQ(out, std::vector<float>(out.size(), -7.0f));
  pph_operator_destroy(nullptr);
  pph_plan_destroy(nullptr);
}

TEST(CApi, StructSizes) {
  const std::vector<float> weights = Numbers(3 * 5 * 16);
  for (const size_t size : {size_t{0}, size_t{7}, size_t{4}}) {
    SCOPED_TRACE(size);
    const std::string text = std::to_string(size);
    pph_operator* op = nullptr;
    pph_conv_transpose_attributes conv = TransposeAttributes();
    conv.struct_size = size;
    EXPECT_TRUE(
        Failed(pph_create_conv_transpose(&conv, weights.data(), nullptr, nullptr, &op), {"struct_size", text.c_str()}));
    pph_conv_attributes plain = PlainAttributes();
    plain.struct_size = size;
    EXPECT_TRUE(Failed(pph_create_conv(&plain, weights.data(), nullptr, nullptr, &op), {"struct_size", text.c_str()}));
    pph_resize_attributes resize = PPH_RESIZE_ATTRIBUTES_INIT;
    resize.size[0] = resize.size[1] = 4;
    resize.struct_size = size;
    EXPECT_TRUE(Failed(pph_create_resize(&resize, nullptr, &op), {"struct_size", text.c_str()}));
    pph_pixel_shuffle_attributes shuffle = PPH_PIXEL_SHUFFLE_ATTRIBUTES_INIT;
    shuffle.struct_size = size;
    EXPECT_TRUE(Failed(pph_create_pixel_shuffle(&shuffle, nullptr, &op), {"struct_size", text.c_str()}));
    pph_operator_options options = PPH_OPERATOR_OPTIONS_INIT;
    options.struct_size = size;
    EXPECT_TRUE(Failed(pph_create_convert(&options, &op), {"struct_size", text.c_str()}));
    options = PPH_OPERATOR_OPTIONS_INIT;
    pph_runtime runtime = PPH_RUNTIME_INIT;
    runtime.struct_size = size;
    options.runtime = &runtime;
    EXPECT_TRUE(Failed(pph_create_convert(&options, &op), {"struct_size", text.c_str()}));
    EXPECT_EQ(op, nullptr);

    Handles h;
    MakeConv(h);
    pph_tensor_desc input = Desc(PPH_NCHW, 1, 3, 6, 7);
    input.struct_size = size;
    pph_plan* plan = nullptr;
    EXPECT_TRUE(Failed(pph_make_plan(h.op, &input, nullptr, &plan), {"struct_size", text.c_str()}));
    input = Desc(PPH_NCHW, 1, 3, 6, 7);
    pph_plan_options plan_options = PPH_PLAN_OPTIONS_INIT;
    plan_options.struct_size = size;
    EXPECT_TRUE(Failed(pph_make_plan(h.op, &input, &plan_options, &plan), {"struct_size", text.c_str()}));
    plan_options = PPH_PLAN_OPTIONS_INIT;
    pph_tensor_desc output = Desc(PPH_NCHW, 1, 5, 12, 14);
    output.struct_size = size;
    plan_options.output = &output;
    EXPECT_TRUE(Failed(pph_make_plan(h.op, &input, &plan_options, &plan), {"struct_size", text.c_str()}));
    EXPECT_EQ(plan, nullptr);
    pph_tensor_desc filled = PPH_TENSOR_DESC_INIT;
    filled.struct_size = size;
    EXPECT_TRUE(Failed(pph_plan_output(h.plan, &filled), {"struct_size", text.c_str()}));
    EXPECT_TRUE(Failed(pph_plan_input(h.plan, &filled), {"struct_size", text.c_str()}));
    pph_run_options run_options = PPH_RUN_OPTIONS_INIT;
    run_options.struct_size = size;
    const std::vector<float> in(3 * 6 * 7, 1.0f);
    std::vector<float> out(5 * 12 * 14, -7.0f);
    EXPECT_TRUE(Failed(pph_run(h.plan, in.data(), out.data(), &run_options), {"struct_size", text.c_str()}));
    EXPECT_EQ(out, std::vector<float>(out.size(), -7.0f));
  }
}

TEST(CApi, UnknownEnumValues) {
  const std::vector<float> weights = Numbers(3 * 5 * 16);
  pph_operator* op = nullptr;
  // Out of an enum's range on purpose, as C callers can be: through memory, because a cast would be undefined.
  const int32_t value = 77;
  pph_conv_transpose_attributes conv = TransposeAttributes();
  std::memcpy(&conv.epilogue.activation, &value, sizeof(value));
  EXPECT_TRUE(Failed(pph_create_conv_transpose(&conv, weights.data(), nullptr, nullptr, &op), {"activation", "77"}));
  for (int32_t pph_conv_attributes::*field :
       {&pph_conv_attributes::padding_mode, &pph_conv_attributes::auto_pad, &pph_conv_attributes::channel_order}) {
    pph_conv_attributes plain = PlainAttributes();
    plain.*field = value;
    const char* const name = field == &pph_conv_attributes::padding_mode ? "padding_mode"
                             : field == &pph_conv_attributes::auto_pad   ? "auto_pad"
                                                                         : "channel_order";
    EXPECT_TRUE(Failed(pph_create_conv(&plain, weights.data(), nullptr, nullptr, &op), {name, "77"}));
  }
  pph_resize_attributes resize = PPH_RESIZE_ATTRIBUTES_INIT;
  resize.size[0] = resize.size[1] = 4;
  std::memcpy(&resize.mode, &value, sizeof(value));
  EXPECT_TRUE(Failed(pph_create_resize(&resize, nullptr, &op), {"mode", "77"}));
  pph_pixel_shuffle_attributes shuffle = PPH_PIXEL_SHUFFLE_ATTRIBUTES_INIT;
  std::memcpy(&shuffle.direction, &value, sizeof(value));
  EXPECT_TRUE(Failed(pph_create_pixel_shuffle(&shuffle, nullptr, &op), {"direction", "77"}));
  EXPECT_EQ(op, nullptr);

  Handles h;
  MakeConv(h);
  pph_plan* plan = nullptr;
  pph_tensor_desc input = Desc(PPH_NCHW, 1, 3, 6, 7);
  std::memcpy(&input.layout, &value, sizeof(value));
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &input, nullptr, &plan), {"layout", "77"}));
  input = Desc(PPH_NCHW, 1, 3, 6, 7);
  std::memcpy(&input.dtype, &value, sizeof(value));
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &input, nullptr, &plan), {"dtype", "77"}));
  input = Desc(PPH_NCHW, 1, 3, 6, 7);
  pph_plan_options options = PPH_PLAN_OPTIONS_INIT;
  std::memcpy(&options.algorithm, &value, sizeof(value));
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &input, &options, &plan), {"algorithm", "77"}));
  EXPECT_EQ(plan, nullptr);
}

TEST(CApi, AttributesReachTheSameRules) {
  const std::vector<float> weights = Numbers(3 * 5 * 16);
  pph_operator* op = nullptr;
  pph_conv_transpose_attributes conv = TransposeAttributes();
  conv.stride[1] = -2;
  EXPECT_TRUE(Failed(pph_create_conv_transpose(&conv, weights.data(), nullptr, nullptr, &op), {"stride", "-2"}));
  conv = TransposeAttributes();
  conv.groups = 2;
  EXPECT_TRUE(Failed(pph_create_conv_transpose(&conv, weights.data(), nullptr, nullptr, &op), {"groups", "2"}));
  pph_conv_attributes plain = PlainAttributes();
  plain.upsample[1] = -2;
  EXPECT_TRUE(Failed(pph_create_conv(&plain, weights.data(), nullptr, nullptr, &op), {"upsample", "-2"}));
  pph_operator_options options = PPH_OPERATOR_OPTIONS_INIT;
  options.isa = "avx9";
  EXPECT_TRUE(Failed(pph_create_convert(&options, &op), {"isa", "avx9"}));
  EXPECT_EQ(op, nullptr);
}

TEST(CApi, OutOfMemory) {
  pph_runtime runtime = PPH_RUNTIME_INIT;
  runtime.allocate = [](void*, size_t, size_t) -> void* { return nullptr; };
  runtime.deallocate = [](void*, void*, size_t, size_t) {};
  pph_plan_options plan_options = PPH_PLAN_OPTIONS_INIT;
  plan_options.algorithm = PPH_GEMM_COL2IM;
  Handles h;
  MakeConv(h, &plan_options);
  ASSERT_GT(pph_plan_workspace_bytes(h.plan), 0u);
  pph_run_options options = PPH_RUN_OPTIONS_INIT;
  options.runtime = &runtime;
  const std::vector<float> in(3 * 6 * 7, 1.0f);
  std::vector<float> out(5 * 12 * 14, -7.0f);
  EXPECT_EQ(pph_run(h.plan, in.data(), out.data(), &options), PPH_OUT_OF_MEMORY);
  EXPECT_NE(std::string(pph_last_error()), "");
  EXPECT_EQ(out, std::vector<float>(out.size(), -7.0f));
}

TEST(CApi, LastErrorBelongsToTheThread) {
  pph_operator* op = nullptr;
  pph_resize_attributes resize = PPH_RESIZE_ATTRIBUTES_INIT;
  resize.size[0] = -41;
  EXPECT_EQ(pph_create_resize(&resize, nullptr, &op), PPH_INVALID_ARGUMENT);
  const std::string mine = pph_last_error();
  EXPECT_TRUE(ContainsWord(mine, "-41")) << mine;
  std::string fresh = "not asked";
  std::string theirs;
  std::thread other([&] {
    fresh = pph_last_error();
    pph_pixel_shuffle_attributes shuffle = PPH_PIXEL_SHUFFLE_ATTRIBUTES_INIT;
    shuffle.factor[0] = -43;
    pph_operator* none = nullptr;
    (void)pph_create_pixel_shuffle(&shuffle, nullptr, &none);
    theirs = pph_last_error();
  });
  other.join();
  EXPECT_EQ(fresh, "");
  EXPECT_TRUE(ContainsWord(theirs, "-43")) << theirs;
  EXPECT_EQ(pph_last_error(), mine);
  // A success leaves the last message.
  ASSERT_EQ(pph_create_convert(nullptr, &op), PPH_OK);
  pph_operator_destroy(op);
  EXPECT_EQ(pph_last_error(), mine);
}

TEST(CApi, DescriptionsAreCut) {
  Handles h;
  MakeConv(h);
  const size_t length = pph_operator_describe(h.op, nullptr, 0);
  ASSERT_GT(length, 10u);
  std::vector<char> all(length + 1, 'x');
  EXPECT_EQ(pph_operator_describe(h.op, all.data(), all.size()), length);
  EXPECT_EQ(std::strlen(all.data()), length);
  std::vector<char> some(8, 'x');
  EXPECT_EQ(pph_operator_describe(h.op, some.data(), 6), length);
  EXPECT_EQ(std::string(some.data()), std::string(all.data(), 5));
  EXPECT_EQ(some[6], 'x');
  EXPECT_EQ(pph_operator_describe(h.op, some.data(), 1), length);
  EXPECT_EQ(some[0], '\0');
}

TEST(CApi, PlansOutliveTheirOperator) {
  Handles h;
  MakeConv(h);
  pph_operator_destroy(h.op);
  h.op = nullptr;
  const std::vector<float> in(3 * 6 * 7, 1.0f);
  std::vector<float> out(5 * 12 * 14, -7.0f);
  EXPECT_EQ(pph_run(h.plan, in.data(), out.data(), nullptr), PPH_OK) << pph_last_error();
  EXPECT_NE(out, std::vector<float>(out.size(), -7.0f));
}

TEST(CApi, TargetsVersionCachesThreads) {
  const std::vector<TargetInfo> targets = Targets();
  for (size_t i = 0; i < targets.size(); ++i) {
    int32_t supported = -1;
    int32_t chosen = -1;
    EXPECT_EQ(std::string(pph_target(i, &supported, &chosen)), targets[i].name);
    EXPECT_EQ(supported, targets[i].supported ? 1 : 0);
    EXPECT_EQ(chosen, targets[i].chosen ? 1 : 0);
    EXPECT_NE(pph_target(i, nullptr, nullptr), nullptr);
  }
  EXPECT_EQ(pph_target(targets.size(), nullptr, nullptr), nullptr);
  EXPECT_EQ(pph_target(SIZE_MAX, nullptr, nullptr), nullptr);
  EXPECT_STREQ(pph_version(), POLYPHASE_VERSION);
  const CacheSizes caches = Caches();
  size_t l1 = 1, l2 = 2, l3 = 3;
  pph_caches(&l1, &l2, &l3);
  EXPECT_EQ(l1, caches.l1);
  EXPECT_EQ(l2, caches.l2);
  EXPECT_EQ(l3, caches.l3);
  pph_caches(nullptr, nullptr, nullptr);
  EXPECT_GE(pph_default_threads(), 1u);
  EXPECT_EQ(pph_default_threads(), DefaultThreads());
}

}  // namespace
}  // namespace polyphase::testing
