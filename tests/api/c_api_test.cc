// The C API: every struct in both forms and in every size, every op as in C++, nulls, messages, descriptions.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/c_structs.h"
#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"
#include "tests/testers/c_struct.h"
#include "tests/testers/harness.h"

// A struct that has grown since its first version.
struct pph_grown {
  size_t struct_size;
  int32_t first;
  int32_t second;
  int64_t added;
};
extern "C" void pph_grown_init(pph_grown* c, size_t struct_size) { polyphase::internal::Init(c, struct_size); }

namespace polyphase {
namespace {
struct Grown {
  int32_t first = 3;
  bool second = true;
  int64_t added = 5;
};
}  // namespace

namespace internal {
template <>
struct Pair<pph_grown> {
  using Cpp = Grown;
  static constexpr char kStruct[] = "pph_grown";
  static constexpr auto kInit = pph_grown_init;
  template <class A, class B>
  static auto Fields(A& c, B& cpp) {
    return std::tuple(Field{"first", c.first, cpp.first}, Field{"second", c.second, cpp.second},
                      Field{"added", c.added, cpp.added});
  }
};
template <>
constexpr size_t kFirstSize<pph_grown> = offsetof(pph_grown, added);
}  // namespace internal

namespace testing {
namespace {

using internal::FromC;
using internal::Pair;

// `words` must be in the message of the last error.
::testing::AssertionResult Failed(pph_status status, std::initializer_list<std::string> words) {
  if (status != PPH_INVALID_ARGUMENT) {
    return ::testing::AssertionFailure() << "status " << status << ", last error \"" << pph_last_error() << "\"";
  }
  for (const std::string& word : words) {
    if (!ContainsWord(pph_last_error(), word)) {
      return ::testing::AssertionFailure() << "\"" << word << "\" is not in \"" << pph_last_error() << "\"";
    }
  }
  return ::testing::AssertionSuccess();
}

// ---- Structs

template <class C>
class CStruct : public ::testing::Test {
 protected:
  using Cpp = typename Pair<C>::Cpp;

  // Memory for a struct that is larger than this version's, full of garbage.
  static constexpr size_t kLarger = sizeof(C) + 40;
  alignas(C) unsigned char memory_[kLarger];
  C* c_ = reinterpret_cast<C*>(memory_);

  CStruct() { std::memset(memory_, 0xAB, sizeof(memory_)); }

  bool AreBytes(size_t begin, unsigned char value) const {
    return std::all_of(memory_ + begin, memory_ + kLarger, [&](unsigned char byte) { return byte == value; });
  }
  // Says whether the struct is refused, and why.
  static std::string Error(const C* c) {
    Cpp cpp;
    return FromC("it", c, &cpp).message();
  }
};
using Structs = ::testing::Types<PPH_STRUCTS, pph_grown>;
TYPED_TEST_SUITE(CStruct, Structs);

TYPED_TEST(CStruct, DefaultsAreThoseOfCpp) {
  Pair<TypeParam>::kInit(this->c_, sizeof(TypeParam));
  EXPECT_TRUE(this->AreBytes(sizeof(TypeParam), 0xAB)) << "written beyond the struct";
  ExpectSame(*this->c_, {});
  EXPECT_EQ(this->Error(this->c_), "");
}

// No value is lost either way. Nothing is listed twice and the lists are as long as the structs (or they would not
// compile), so every field is listed once. The structs and strings that a struct points to are not converted back.
TYPED_TEST(CStruct, FieldsSurviveBothConversions) {
  for (const bool flat : {false, true}) {
    DistinctValues values(flat);
    TypeParam c;
    values.Fill(&c);
    typename Pair<TypeParam>::Cpp cpp;
    const Status status = FromC("it", &c, &cpp);
    ASSERT_TRUE(status.ok()) << status.message();
    ExpectSame(c, cpp);
    if (flat) ExpectSame(internal::ToC<TypeParam>(cpp), cpp);
  }
  TypeParam c;
  typename Pair<TypeParam>::Cpp cpp;
  std::set<const void*> addresses;
  std::set<std::string> names;
  size_t fields = 0;
  internal::ForEachField(Pair<TypeParam>::Fields(c, cpp), [&](const auto& field) {
    addresses.insert({&field.c, &field.cpp});
    names.insert(field.name);
    ++fields;
  });
  EXPECT_EQ(names.size(), fields);
  EXPECT_EQ(addresses.size(), 2 * fields);
}

TYPED_TEST(CStruct, SmallerSizesAreRefusedBeforeTheFirstVersion) {
  constexpr size_t kFirst = internal::kFirstSize<TypeParam>;
  for (const size_t size : {size_t{0}, size_t{4}, size_t{7}, size_t{8}, kFirst - 1, size_t{4097}, SIZE_MAX}) {
    Pair<TypeParam>::kInit(this->c_, sizeof(TypeParam));
    this->c_->struct_size = size;
    const std::string error = this->Error(this->c_);
    EXPECT_TRUE(ContainsWord(error, "struct_size") && ContainsWord(error, std::to_string(size)) &&
                ContainsWord(error, std::to_string(kFirst)))
        << error;
  }
  EXPECT_TRUE(ContainsWord(this->Error(nullptr), "null")) << this->Error(nullptr);
  Pair<TypeParam>::kInit(nullptr, sizeof(TypeParam));
  std::memset(this->memory_, 0xAB, sizeof(this->memory_));
  Pair<TypeParam>::kInit(this->c_, 16);
  EXPECT_TRUE(this->AreBytes(16, 0xAB)) << "written beyond the struct";
}

// Between the versions nothing ends within a field: half a pointer would be one to anywhere.
TYPED_TEST(CStruct, SizesThatEndWithinAFieldAreRefused) {
  for (size_t size = internal::kFirstSize<TypeParam>; size < sizeof(TypeParam); ++size) {
    Pair<TypeParam>::kInit(this->c_, size);
    const std::string error = this->Error(this->c_);
    EXPECT_EQ(error.empty(), size % alignof(TypeParam) == 0) << error;
    EXPECT_TRUE(error.empty() || (ContainsWord(error, "struct_size") && ContainsWord(error, std::to_string(size))));
  }
}

TYPED_TEST(CStruct, LargerSizesAreAcceptedIfTheRestIsZero) {
  Pair<TypeParam>::kInit(this->c_, this->kLarger);
  EXPECT_EQ(this->c_->struct_size, this->kLarger);
  EXPECT_TRUE(this->AreBytes(sizeof(TypeParam), 0));
  EXPECT_EQ(this->Error(this->c_), "");
  for (const size_t at : {sizeof(TypeParam), this->kLarger - 1}) {
    this->memory_[at] = 1;
    const std::string error = this->Error(this->c_);
    EXPECT_TRUE(ContainsWord(error, "struct_size") && ContainsWord(error, "zero")) << error;
    this->memory_[at] = 0;
  }
  this->c_->struct_size = sizeof(TypeParam);
  this->memory_[sizeof(TypeParam)] = 1;
  EXPECT_EQ(this->Error(this->c_), "") << "read beyond the struct";
}

// A program that was compiled with the first version's header.
TEST(CStructs, OlderVersionsHaveTheDefaultsOfNewFields) {
  pph_grown c;
  std::memset(&c, 0xAB, sizeof(c));
  const int64_t garbage = c.added;
  pph_grown_init(&c, offsetof(pph_grown, added));
  EXPECT_EQ(c.first, 3);
  EXPECT_EQ(c.second, 1);
  EXPECT_EQ(c.added, garbage);
  c.first = 7;
  Grown cpp;
  cpp.added = 11;
  ASSERT_TRUE(FromC("it", &c, &cpp).ok());
  EXPECT_EQ(cpp.first, 7);
  EXPECT_EQ(cpp.added, 5);
  ASSERT_TRUE(internal::ToC("it", Grown{9, false, 13}, &c).ok());
  EXPECT_EQ(c.struct_size, offsetof(pph_grown, added));
  EXPECT_EQ(c.first, 9);
  EXPECT_EQ(c.second, 0);
  EXPECT_EQ(c.added, garbage);
}

#if defined(__LP64__)
// Programs have the sizes of the first version compiled in. A struct that grows keeps it: specialize
// internal::kFirstSize.
TYPED_TEST(CStruct, FirstSizeIsFixed) {
  const std::map<std::string, size_t> sizes = {{"pph_runtime", 48},
                                               {"pph_tensor_desc", 104},
                                               {"pph_weights", 24},
                                               {"pph_epilogue", 64},
                                               {"pph_prologue", 16},
                                               {"pph_operator_options", 40},
                                               {"pph_plan_options", 72},
                                               {"pph_run_options", 56},
                                               {"pph_conv_transpose_attributes", 232},
                                               {"pph_conv_attributes", 216},
                                               {"pph_pointwise", 40},
                                               {"pph_resize_attributes", 208},
                                               {"pph_onnx_resize", 112},
                                               {"pph_pixel_shuffle_attributes", 48},
                                               {"pph_max_pool_attributes", 152},
                                               {"pph_max_unpool_attributes", 152},
                                               {"pph_avg_pool_attributes", 160},
                                               {"pph_avg_unpool_attributes", 160},
                                               {"pph_convex_upsample_attributes", 24},
                                               {"pph_grown", 16}};
  EXPECT_EQ(internal::kFirstSize<TypeParam>, sizes.at(Pair<TypeParam>::kStruct));
}
#endif

// ---- Handles, and what all tests of ops need

pph_tensor_desc Desc(pph_layout layout, int64_t n, int64_t c, std::initializer_list<int64_t> size, int32_t block = 1) {
  pph_tensor_desc d = Defaults(pph_tensor_desc_init);
  d.layout = layout;
  d.channel_block = block;
  d.spatial_rank = static_cast<int32_t>(size.size());
  d.n = n;
  d.c = c;
  std::copy(size.begin(), size.end(), d.size);
  return d;
}

std::vector<float> Numbers(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::mt19937 rng(9);
  FillUniform(values, rng);
  return values;
}

pph_weights F32(const std::vector<float>& values) {
  pph_weights weights = Defaults(pph_weights_init);
  weights.data = values.data();
  return weights;
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

// A 4x4 stride 2 transposed convolution of 3 to 5 channels.
struct Layer {
  Layer() {
    attributes.input_channels = 3;
    attributes.output_channels = 5;
    attributes.kernel[0] = attributes.kernel[1] = 4;
    attributes.stride[0] = attributes.stride[1] = 2;
    for (int64_t* padding : {attributes.padding_begin, attributes.padding_end}) padding[0] = padding[1] = 1;
  }
  pph_status Create(pph_operator** op, const pph_operator_options* options = nullptr) const {
    return pph_create_conv_transpose(&attributes, &weights, nullptr, options, op);
  }
  void Plan(Handles& h, const pph_plan_options* options = nullptr) const {
    ASSERT_EQ(Create(&h.op), PPH_OK) << pph_last_error();
    ASSERT_EQ(pph_make_plan(h.op, &input_desc, options, &h.plan), PPH_OK) << pph_last_error();
  }

  std::vector<float> values = Numbers(3 * 5 * 16);
  pph_weights weights = F32(values);
  pph_conv_transpose_attributes attributes = Defaults(pph_conv_transpose_attributes_init);
  pph_tensor_desc input_desc = Desc(PPH_NCHW, 1, 3, {6, 7});
  std::vector<float> input = Numbers(3 * 6 * 7);
  std::vector<float> output = std::vector<float>(5 * 12 * 14, -7.0f);
};

// ---- Ops

// Runs an operator that was made from C and one that was made from C++, and expects the same description, tensors and
// bits. The options and the attributes of C++ are those of C, converted. Returns the output.
std::vector<float> ExpectSameRun(pph_operator* op, const StatusOr<Operator>& cpp_op, const pph_tensor_desc& input_desc,
                                 const pph_plan_options& options = Defaults(pph_plan_options_init)) {
  Handles h;
  h.op = op;
  TensorDesc cpp_input;
  PlanOptions cpp_options;
  EXPECT_TRUE(FromC("input", &input_desc, &cpp_input).ok());
  EXPECT_TRUE(FromC("options", &options, &cpp_options).ok());
  if (op == nullptr || !cpp_op.ok()) return ADD_FAILURE() << pph_last_error(), std::vector<float>();
  const StatusOr<Plan> cpp_plan = cpp_op->MakePlan(cpp_input, cpp_options);
  EXPECT_TRUE(cpp_plan.ok()) << cpp_plan.status().message();
  EXPECT_EQ(pph_make_plan(op, &input_desc, &options, &h.plan), PPH_OK) << pph_last_error();
  if (h.plan == nullptr || !cpp_plan.ok()) return {};
  EXPECT_EQ(pph_plan_describe(h.plan), cpp_plan->Describe());
  EXPECT_EQ(pph_plan_workspace_bytes(h.plan), cpp_plan->workspace_bytes());
  const auto check = [&](auto get, const TensorDesc* expected) {
    pph_tensor_desc desc = Defaults(pph_tensor_desc_init);
    EXPECT_EQ(get(h.plan, &desc) == PPH_OK, expected != nullptr);
    if (expected != nullptr) ExpectSame(desc, *expected);
  };
  check(pph_plan_input, &cpp_plan->input());
  check(pph_plan_output, &cpp_plan->output());
  check(pph_plan_residual, cpp_plan->residual());
  check(pph_plan_indices, cpp_plan->indices());
  check(pph_plan_mask, cpp_plan->mask());

  const std::vector<float> input = Numbers(ref::Extent(cpp_plan->input()));
  const std::vector<float> residual = Numbers(cpp_plan->residual() ? ref::Extent(*cpp_plan->residual()) : 0);
  const std::vector<float> mask = Numbers(cpp_plan->mask() ? ref::Extent(*cpp_plan->mask()) : 0);
  // All indices are 3: the last tap of a 2x2 window.
  const size_t index_count = cpp_plan->indices() ? static_cast<size_t>(ref::Extent(*cpp_plan->indices())) : 0;
  const std::vector<int64_t> taps(index_count, 3);
  std::vector<float> output(static_cast<size_t>(ref::Extent(cpp_plan->output())), -7.0f), cpp_output(output.size());
  std::vector<int64_t> indices(taps.size(), -1), cpp_indices(indices);
  Workspace workspace(pph_plan_workspace_bytes(h.plan));
  pph_run_options run = Defaults(pph_run_options_init);
  run.workspace = workspace.data();
  run.workspace_bytes = workspace.bytes();
  run.residual = residual.data();
  run.input_indices = taps.data();
  run.output_indices = indices.data();
  run.mask = mask.data();
  RunOptions cpp_run;
  cpp_run.residual = residual.data();
  cpp_run.input_indices = taps.data();
  cpp_run.output_indices = cpp_indices.data();
  cpp_run.mask = mask.data();
  EXPECT_EQ(pph_run(h.plan, input.data(), output.data(), &run), PPH_OK) << pph_last_error();
  EXPECT_TRUE(cpp_plan->Run(input.data(), cpp_output.data(), cpp_run).ok());
  EXPECT_EQ(output, cpp_output);
  EXPECT_EQ(indices, cpp_indices);  // max_pool alone writes them
  return output;
}

template <class C>
typename Pair<C>::Cpp ToCpp(const C& c) {
  typename Pair<C>::Cpp cpp;
  const Status status = FromC("it", &c, &cpp);
  EXPECT_TRUE(status.ok()) << status.message();
  return cpp;
}

TEST(CApi, ConvTransposeInAllLayouts) {
  Layer layer;
  const std::vector<float> bias = Numbers(5);
  pph_epilogue epilogue = Defaults(pph_epilogue_init);
  epilogue.activation = PPH_LEAKY_RELU;
  epilogue.residual = PPH_RESIDUAL_AFTER_ACTIVATION;
  pph_prologue prologue = Defaults(pph_prologue_init);
  prologue.activation = PPH_RELU;
  layer.attributes.epilogue = &epilogue;
  layer.attributes.prologue = &prologue;
  const std::string isa = SupportedTargets().back();
  const Runtime runtime;
  for (const testing::Format& in : kFormats) {
    for (const testing::Format& out : kFormats) {
      SCOPED_TRACE(Name(in) + " -> " + Name(out));
      const pph_tensor_desc input = Desc(static_cast<pph_layout>(in.layout), 2, 3, {6, 7}, in.block);
      const pph_tensor_desc output = Desc(static_cast<pph_layout>(out.layout), 0, 0, {0, 0}, out.block);
      pph_operator_options options = Defaults(pph_operator_options_init);
      options.isa = isa.c_str();
      options.input_hint = &input;
      options.runtime = &runtime;
      options.numerics = PPH_NUMERICS_STRICT;
      pph_operator* op = nullptr;
      ASSERT_EQ(pph_create_conv_transpose(&layer.attributes, &layer.weights, bias.data(), &options, &op), PPH_OK)
          << pph_last_error();
      pph_plan_options plan_options = Defaults(pph_plan_options_init);
      plan_options.output = plan_options.residual = &output;
      plan_options.algorithm = PPH_GEMM_COL2IM;
      plan_options.output_size[0] = plan_options.output_size[1] = 13;
      plan_options.output_size[1] = 15;
      plan_options.num_threads = 2;
      const StatusOr<Operator> cpp =
          CreateConvTranspose(ToCpp(layer.attributes), layer.values.data(), bias.data(), ToCpp(options));
      ExpectSameRun(op, cpp, input, plan_options);
    }
  }
}

TEST(CApi, Conv) {
  pph_conv_attributes a = Defaults(pph_conv_attributes_init);
  a.spatial_rank = 3;
  a.input_channels = 4;
  a.output_channels = 24;
  a.groups = 2;
  a.kernel[0] = a.kernel[1] = a.kernel[2] = 2;
  a.padding_mode = PPH_PAD_CIRCULAR;
  a.padding_begin[2] = 1;
  a.upsample[0] = 2;
  a.shuffle[1] = 3;
  a.shuffle[2] = 2;
  const std::vector<float> constants = Numbers(4);
  pph_epilogue epilogue = Defaults(pph_epilogue_init);
  epilogue.activation = PPH_PRELU;
  epilogue.slope = epilogue.scale = constants.data();
  epilogue.channels = 4;
  a.epilogue = &epilogue;
  const std::vector<float> values = Numbers(24 * 2 * 8);
  const std::vector<float> bias = Numbers(24);
  const pph_weights weights = F32(values);
  pph_operator* op = nullptr;
  ASSERT_EQ(pph_create_conv(&a, &weights, bias.data(), nullptr, &op), PPH_OK) << pph_last_error();
  ExpectSameRun(op, CreateConv(ToCpp(a), values.data(), bias.data()), Desc(PPH_NCHW, 2, 4, {3, 4, 5}));
}

// An op with attributes and without weights.
template <class C, class Create, class CreateCpp>
std::vector<float> ExpectSameOp(const C& attributes, const Create& create, const CreateCpp& create_cpp,
                                const pph_tensor_desc& input,
                                const pph_plan_options& options = Defaults(pph_plan_options_init)) {
  pph_operator* op = nullptr;
  EXPECT_EQ(create(&attributes, nullptr, &op), PPH_OK) << pph_last_error();
  return ExpectSameRun(op, create_cpp(ToCpp(attributes), {}), input, options);
}

TEST(CApi, ResizeShuffleAndConvert) {
  const pph_tensor_desc desc = Desc(PPH_NCHW, 1, 4, {3, 5});
  pph_resize_attributes resize = Defaults(pph_resize_attributes_init);
  resize.mode = PPH_CUBIC;
  resize.coordinate_transformation = PPH_ALIGN_CORNERS;
  resize.scale[0] = 2.0;
  resize.scale[1] = 1.5;
  ExpectSameOp(resize, pph_create_resize, CreateResize, desc);

  const std::vector<float> values = Numbers(2 * 4);
  const pph_weights weights = F32(values);
  pph_pointwise pointwise = Defaults(pph_pointwise_init);
  pointwise.weights = &weights;
  pointwise.bias = values.data();
  pointwise.input_channels = 4;
  pointwise.output_channels = 2;
  resize.pointwise = &pointwise;
  EXPECT_EQ(ExpectSameOp(resize, pph_create_resize, CreateResize, desc).size(), 2u * 6 * 7);

  pph_pixel_shuffle_attributes shuffle = Defaults(pph_pixel_shuffle_attributes_init);
  shuffle.channel_order = PPH_DCR;
  ExpectSameOp(shuffle, pph_create_pixel_shuffle, CreatePixelShuffle, desc);

  pph_operator* op = nullptr;
  ASSERT_EQ(pph_create_convert(nullptr, &op), PPH_OK) << pph_last_error();
  EXPECT_EQ(ExpectSameRun(op, CreateConvert(), desc), Numbers(4 * 3 * 5));
}

TEST(CApi, Pooling) {
  const pph_tensor_desc desc = Desc(PPH_NCHW, 2, 3, {7, 8});
  const auto with_window = [](auto a) {
    a.kernel[0] = a.kernel[1] = 3;
    a.padding_begin[1] = a.padding_end[1] = 1;
    a.ceil_mode = 1;
    return a;
  };
  pph_max_pool_attributes max_pool = with_window(Defaults(pph_max_pool_attributes_init));
  max_pool.column_major = 1;
  ExpectSameOp(max_pool, pph_create_max_pool, CreateMaxPool, desc);
  pph_avg_pool_attributes avg_pool = with_window(Defaults(pph_avg_pool_attributes_init));
  avg_pool.count_include_pad = 0;
  ExpectSameOp(avg_pool, pph_create_avg_pool, CreateAvgPool, desc);

  pph_plan_options options = Defaults(pph_plan_options_init);
  options.output_size[0] = 15;
  options.output_size[1] = 16;
  pph_avg_unpool_attributes avg_unpool = Defaults(pph_avg_unpool_attributes_init);
  avg_unpool.divisor_override = 7;
  ExpectSameOp(avg_unpool, pph_create_avg_unpool, CreateAvgUnpool, desc, options);
  pph_max_unpool_attributes max_unpool = Defaults(pph_max_unpool_attributes_init);
  max_unpool.index_convention = PPH_INDEX_WINDOW;
  ExpectSameOp(max_unpool, pph_create_max_unpool, CreateMaxUnpool, desc, options);
}

TEST(CApi, ConvexUpsample) {
  pph_convex_upsample_attributes attributes = Defaults(pph_convex_upsample_attributes_init);
  EXPECT_EQ(attributes.factor, 8);
  attributes.factor = 3;
  attributes.scale = 2.5f;
  attributes.mask_scale = 0.25f;
  pph_tensor_desc mask = Desc(PPH_NHWC, 0, 0, {0, 0});
  pph_plan_options options = Defaults(pph_plan_options_init);
  options.mask = &mask;
  ExpectSameOp(attributes, pph_create_convex_upsample, CreateConvexUpsample, Desc(PPH_NCHW, 2, 3, {7, 8}), options);
  pph_operator* op = nullptr;
  attributes.factor = 0;
  EXPECT_TRUE(Failed(pph_create_convex_upsample(&attributes, nullptr, &op), {"factor", "0"}));
  EXPECT_TRUE(Failed(pph_create_convex_upsample(nullptr, nullptr, &op), {"attributes", "null"}));
  EXPECT_TRUE(Failed(pph_create_convex_upsample(&attributes, nullptr, nullptr), {"op", "null"}));
}

TEST(CApi, FoldBatchNorm) {
  const float gamma[] = {2, 4};
  const float beta[] = {1, 5};
  const float mean[] = {3, 0.5f};
  const float variance[] = {0.75f, 3.75f};
  float scale[2], shift[2];
  ASSERT_EQ(pph_fold_batch_norm(gamma, beta, mean, variance, 0.25, 2, scale, shift), PPH_OK) << pph_last_error();
  EXPECT_EQ(std::vector<float>(scale, scale + 2), (std::vector<float>{2, 2}));
  EXPECT_EQ(std::vector<float>(shift, shift + 2), (std::vector<float>{-5, 4}));
  EXPECT_TRUE(Failed(pph_fold_batch_norm(gamma, beta, mean, nullptr, 0.25, 2, scale, shift), {"variance", "null"}));
}

// ---- Errors

TEST(CApi, ArraysOfOnnxMustBeAligned) {
  pph_onnx_resize node = Defaults(pph_onnx_resize_init);
  pph_resize_attributes attributes = Defaults(pph_resize_attributes_init);
  alignas(8) const char bytes[64] = {};
  node.sizes = reinterpret_cast<const int64_t*>(bytes + 4);
  node.sizes_count = 4;
  EXPECT_TRUE(Failed(pph_resize_onnx(&node, &attributes), {"sizes", "aligned", "8"}));
  node = Defaults(pph_onnx_resize_init);
  node.scales = reinterpret_cast<const float*>(bytes + 1);
  node.scales_count = 4;
  EXPECT_TRUE(Failed(pph_resize_onnx(&node, &attributes), {"scales", "aligned", "4"}));
}

// Calls a create function with null pointers and with attributes that break a rule.
template <class C>
void ExpectCreateErrors(pph_status (*create)(const C*, const pph_operator_options*, pph_operator**)) {
  SCOPED_TRACE(Pair<C>::kStruct);
  C a = Defaults(Pair<C>::kInit);
  EXPECT_TRUE(Failed(create(&a, nullptr, nullptr), {"op", "null"}));
  const auto error = [&](const C* attributes, std::initializer_list<std::string> words) {
    auto* op = reinterpret_cast<pph_operator*>(uintptr_t{64});
    EXPECT_TRUE(Failed(create(attributes, nullptr, &op), words));
    EXPECT_EQ(op, nullptr);
  };
  error(nullptr, {"attributes", "null"});
  error(reinterpret_cast<const C*>(reinterpret_cast<const char*>(&a) + 1), {"attributes", "aligned"});
  a.spatial_rank = 4;
  error(&a, {"spatial_rank", "4"});
  a.struct_size = 7;
  error(&a, {"attributes", "struct_size", "7", Pair<C>::kStruct + std::string("_init")});
}

TEST(CApi, CreateErrors) {
  ExpectCreateErrors(+[](const pph_conv_transpose_attributes* a, const pph_operator_options* o, pph_operator** op) {
    const Layer layer;
    return pph_create_conv_transpose(a, &layer.weights, nullptr, o, op);
  });
  ExpectCreateErrors(+[](const pph_conv_attributes* a, const pph_operator_options* o, pph_operator** op) {
    const Layer layer;
    return pph_create_conv(a, &layer.weights, nullptr, o, op);
  });
  ExpectCreateErrors(pph_create_resize);
  ExpectCreateErrors(pph_create_pixel_shuffle);
  ExpectCreateErrors(pph_create_max_pool);
  ExpectCreateErrors(pph_create_max_unpool);
  ExpectCreateErrors(pph_create_avg_pool);
  ExpectCreateErrors(pph_create_avg_unpool);
  pph_operator* op = nullptr;
  const Layer layer;
  EXPECT_TRUE(Failed(pph_create_convert(nullptr, nullptr), {"op", "null"}));
  EXPECT_TRUE(
      Failed(pph_create_conv_transpose(&layer.attributes, nullptr, nullptr, nullptr, &op), {"weights", "null"}));
}

// Changes one thing at a time in the structs that a layer is made of, and expects an error with these words.
TEST(CApi, StructsInsideStructs) {
  struct Structs {
    Layer layer;
    pph_weights weights = layer.weights;
    pph_prologue prologue = Defaults(pph_prologue_init);
    pph_epilogue epilogue = Defaults(pph_epilogue_init);
    pph_runtime runtime = Defaults(pph_runtime_init);
    pph_operator_options options = Defaults(pph_operator_options_init);
  };
  const auto error = [](std::initializer_list<std::string> words, void (*change)(Structs&)) {
    Structs s;
    s.layer.attributes.prologue = &s.prologue;
    s.layer.attributes.epilogue = &s.epilogue;
    s.options.runtime = &s.runtime;
    s.options.input_hint = &s.layer.input_desc;
    pph_operator* op = nullptr;
    EXPECT_EQ(pph_create_conv_transpose(&s.layer.attributes, &s.weights, nullptr, &s.options, &op), PPH_OK);
    pph_operator_destroy(op);
    change(s);
    EXPECT_TRUE(Failed(pph_create_conv_transpose(&s.layer.attributes, &s.weights, nullptr, &s.options, &op), words));
    EXPECT_EQ(op, nullptr);
  };
  error({"weights", "struct_size", "7"}, [](Structs& s) { s.weights.struct_size = 7; });
  error({"weights", "null"}, [](Structs& s) { s.weights.data = nullptr; });
  error({"weights", "type", "77"}, [](Structs& s) { s.weights.type = 77; });
  error({"prologue", "struct_size", "7"}, [](Structs& s) { s.prologue.struct_size = 7; });
  error({"prologue", "activation", "4"}, [](Structs& s) { s.prologue.activation = PPH_PRELU; });
  error({"epilogue", "struct_size", "7"}, [](Structs& s) { s.epilogue.struct_size = 7; });
  error({"epilogue", "activation", "77"}, [](Structs& s) { s.epilogue.activation = 77; });
  error({"options", "struct_size", "7"}, [](Structs& s) { s.options.struct_size = 7; });
  error({"isa", "avx9"}, [](Structs& s) { s.options.isa = "avx9"; });
  error({"numerics", "4"}, [](Structs& s) { s.options.numerics = 4; });
  error({"runtime", "struct_size", "7"}, [](Structs& s) { s.runtime.struct_size = 7; });
  error({"input_hint", "struct_size", "7"}, [](Structs& s) { s.layer.input_desc.struct_size = 7; });
}

TEST(CApi, FlagsMustBe0Or1) {
  pph_operator* op = nullptr;
  pph_avg_pool_attributes avg_pool = Defaults(pph_avg_pool_attributes_init);
  avg_pool.count_include_pad = 2;
  EXPECT_TRUE(
      Failed(pph_create_avg_pool(&avg_pool, nullptr, &op), {"pph_avg_pool_attributes", "count_include_pad", "2"}));
  avg_pool = Defaults(pph_avg_pool_attributes_init);
  avg_pool.ceil_mode = -1;
  EXPECT_TRUE(Failed(pph_create_avg_pool(&avg_pool, nullptr, &op), {"pph_avg_pool_attributes", "ceil_mode", "-1"}));
}

TEST(CApi, PlanAndRunErrors) {
  const Layer layer;
  Handles h;
  layer.Plan(h);
  pph_plan* plan = h.plan;
  EXPECT_TRUE(Failed(pph_make_plan(nullptr, &layer.input_desc, nullptr, &plan), {"op", "null"}));
  EXPECT_EQ(plan, nullptr);
  plan = h.plan;
  EXPECT_TRUE(Failed(pph_make_plan(h.op, nullptr, nullptr, &plan), {"input", "null"}));
  EXPECT_EQ(plan, nullptr);
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &layer.input_desc, nullptr, nullptr), {"plan", "null"}));
  pph_tensor_desc desc = layer.input_desc;
  desc.struct_size = 7;
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &desc, nullptr, &plan), {"input", "struct_size", "7"}));
  pph_plan_options options = Defaults(pph_plan_options_init);
  options.output = &desc;
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &layer.input_desc, &options, &plan), {"output", "struct_size", "7"}));
  options.struct_size = 7;
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &layer.input_desc, &options, &plan), {"options", "struct_size", "7"}));
  options = Defaults(pph_plan_options_init);
  options.algorithm = 77;
  EXPECT_TRUE(Failed(pph_make_plan(h.op, &layer.input_desc, &options, &plan), {"algorithm", "77"}));
  EXPECT_EQ(plan, nullptr);

  for (const auto get : {pph_plan_input, pph_plan_output, pph_plan_residual, pph_plan_indices, pph_plan_mask}) {
    pph_tensor_desc filled = layer.input_desc;
    EXPECT_TRUE(Failed(get(nullptr, &filled), {"plan", "null"}));
  }
  EXPECT_TRUE(Failed(pph_plan_output(h.plan, nullptr), {"desc", "null"}));
  EXPECT_TRUE(Failed(pph_plan_output(h.plan, &desc), {"desc", "struct_size", "7"}));
  EXPECT_TRUE(Failed(pph_plan_residual(h.plan, &desc), {"residual"}));
  EXPECT_TRUE(Failed(pph_plan_indices(h.plan, &desc), {"indices"}));
  EXPECT_TRUE(Failed(pph_plan_mask(h.plan, &desc), {"mask"}));

  std::vector<float> out = layer.output;
  EXPECT_TRUE(Failed(pph_run(nullptr, layer.input.data(), out.data(), nullptr), {"plan", "null"}));
  EXPECT_TRUE(Failed(pph_run(h.plan, nullptr, out.data(), nullptr), {"input", "null"}));
  EXPECT_TRUE(Failed(pph_run(h.plan, layer.input.data(), nullptr, nullptr), {"output", "null"}));
  pph_run_options run = Defaults(pph_run_options_init);
  pph_runtime runtime = Defaults(pph_runtime_init);
  runtime.struct_size = 7;
  run.runtime = &runtime;
  EXPECT_TRUE(Failed(pph_run(h.plan, layer.input.data(), out.data(), &run), {"runtime", "struct_size", "7"}));
  run.struct_size = 7;
  EXPECT_TRUE(Failed(pph_run(h.plan, layer.input.data(), out.data(), &run), {"options", "struct_size", "7"}));
  EXPECT_EQ(out, layer.output);
  pph_operator_destroy(nullptr);
  pph_plan_destroy(nullptr);
}

TEST(CApi, OutOfMemory) {
  pph_runtime runtime = Defaults(pph_runtime_init);
  runtime.allocate = [](void*, size_t, size_t) -> void* { return nullptr; };
  runtime.deallocate = [](void*, void*, size_t, size_t) {};
  pph_plan_options plan_options = Defaults(pph_plan_options_init);
  plan_options.algorithm = PPH_GEMM_COL2IM;
  const Layer layer;
  Handles h;
  layer.Plan(h, &plan_options);
  ASSERT_GT(pph_plan_workspace_bytes(h.plan), 0u);
  pph_run_options options = Defaults(pph_run_options_init);
  options.runtime = &runtime;
  std::vector<float> out = layer.output;
  EXPECT_EQ(pph_run(h.plan, layer.input.data(), out.data(), &options), PPH_OUT_OF_MEMORY);
  EXPECT_NE(std::string(pph_last_error()), "");
  EXPECT_EQ(out, layer.output);
}

TEST(CApi, LastErrorBelongsToTheThread) {
  pph_operator* op = nullptr;
  pph_resize_attributes resize = Defaults(pph_resize_attributes_init);
  resize.size[0] = -41;
  EXPECT_EQ(pph_create_resize(&resize, nullptr, &op), PPH_INVALID_ARGUMENT);
  const std::string mine = pph_last_error();
  EXPECT_TRUE(ContainsWord(mine, "-41")) << mine;
  std::string fresh = "not asked";
  std::string theirs;
  std::thread other([&] {
    fresh = pph_last_error();
    pph_pixel_shuffle_attributes shuffle = Defaults(pph_pixel_shuffle_attributes_init);
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
  const Layer layer;
  Handles h;
  layer.Plan(h);
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
  const Layer layer;
  Handles h;
  layer.Plan(h);
  pph_operator_destroy(h.op);
  h.op = nullptr;
  std::vector<float> out = layer.output;
  EXPECT_EQ(pph_run(h.plan, layer.input.data(), out.data(), nullptr), PPH_OK) << pph_last_error();
  EXPECT_NE(out, layer.output);
}

TEST(CApi, TargetsVersionCachesThreads) {
  const std::vector<TargetInfo> targets = Targets();
  std::vector<const char*> names;
  for (size_t i = 0; i < targets.size(); ++i) names.push_back(pph_target(i, nullptr, nullptr));
  for (size_t i = 0; i < targets.size(); ++i) {
    int32_t supported = -1;
    int32_t chosen = -1;
    EXPECT_STREQ(names[i], targets[i].name.c_str());
    EXPECT_EQ(std::string(pph_target(i, &supported, &chosen)), targets[i].name);
    EXPECT_EQ(supported, targets[i].supported ? 1 : 0);
    EXPECT_EQ(chosen, targets[i].chosen ? 1 : 0);
    EXPECT_NE(pph_target(i, nullptr, nullptr), nullptr);
  }
  EXPECT_EQ(pph_target(targets.size(), nullptr, nullptr), nullptr);
  EXPECT_EQ(pph_target(SIZE_MAX, nullptr, nullptr), nullptr);
  EXPECT_STREQ(pph_bf16_instruction(), Bf16Instruction());
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
  EXPECT_STREQ(pph_default_thread_pool(), DefaultThreadPool());
}
}  // namespace
}  // namespace testing
}  // namespace polyphase
