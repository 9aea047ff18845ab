// Offsets beyond 2^31 elements: views whose strides are that large, in address space that has no memory behind it.
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {
namespace {

// Pages come into being where they are touched.
class Space {
 public:
  explicit Space(int64_t elements)
      : bytes_(static_cast<size_t>(elements) * sizeof(float)),
        memory_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~Space() {
    if (ok()) munmap(memory_, bytes_);
  }
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
  bool ok() const { return memory_ != MAP_FAILED; }
  float* data() const { return static_cast<float*>(memory_); }

 private:
  size_t bytes_;
  void* memory_;
};

constexpr int64_t kFar = (int64_t{1} << 31) + 4096;

// Says which stride is huge; the outer ones follow from it.
enum class Which { kImages, kChannels, kRows };

TensorDesc MakeHuge(TensorDesc desc, Which which) {
  if (which == Which::kImages) desc.stride_n = kFar;
  if (which == Which::kChannels) desc.stride_c = kFar;
  if (which == Which::kRows) desc.stride[0] = kFar;
  return desc;
}

ref::Tensor<float> RunViews(const Operator& op, const TensorDesc& input_desc, const TensorDesc& output_desc,
                            Algorithm algorithm, const ref::Tensor<float>& input, bool* skipped) {
  PlanOptions options;
  options.output = output_desc;
  options.algorithm = algorithm;
  const StatusOr<Plan> plan = op.MakePlan(input_desc, options);
  if (!plan.ok()) {
    ADD_FAILURE() << plan.status().message();
    return {};
  }
  const Space in(ref::Extent(plan->input()));
  const Space out(ref::Extent(plan->output()));
  *skipped = !in.ok() || !out.ok();
  if (*skipped) return {};
  ref::Pack(input, plan->input(), in.data());
  const Status status = plan->Run(in.data(), out.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return ref::Unpack(plan->output(), out.data());
}

struct Case {
  Operator op;
  Algorithm algorithm;
};

std::vector<Case> MakeCases(std::mt19937& rng) {
  ConvTransposeAttributes conv;
  conv.input_channels = conv.output_channels = 20;
  conv.kernel = {3, 3, 1};
  conv.stride = {2, 2, 1};
  conv.padding_begin = conv.padding_end = {1, 1, 0};
  std::vector<float> weights(20 * 20 * 9);
  FillUniform(weights, rng);
  ResizeAttributes resize = ResizeAttributes::PyTorch(PyTorchMode::kBicubic);
  resize.scale = {2, 2, 0};
  const Operator conv_op = *CreateConvTranspose(conv, weights.data(), nullptr);
  conv.groups = 20;
  return {{conv_op, Algorithm::kSubpixel},
          {*CreateConvTranspose(conv, weights.data(), nullptr), Algorithm::kSubpixel},
          {conv_op, Algorithm::kGemmCol2im},
          {*CreateResize(resize), Algorithm::kAuto},
          {*CreatePixelShuffle({}), Algorithm::kAuto},
          {*CreateConvert(), Algorithm::kAuto}};
}

TEST(HugeStrides, SameResultsAsDense) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep shadows of all address space";
  std::mt19937 rng(4);
  ref::Tensor<float> input(2, 20, 3, 4);
  FillUniform(input.data, rng);
  for (const Case& c : MakeCases(rng)) {
    for (const Format& format : kFormats) {
      for (const Which which : {Which::kImages, Which::kChannels, Which::kRows}) {
        if (which == Which::kChannels && format.layout == Layout::kNhwc) continue;
        SCOPED_TRACE(c.op.Describe() + " " + Name(format) + " " + std::to_string(static_cast<int>(which)));
        const TensorDesc in = MakeDesc(DataType::kF32, format, 2, 20, 3, 4);
        const TensorDesc out = MakeDesc(DataType::kF32, format, 0, 0, 0, 0);
        bool skipped = false;
        const ref::Tensor<float> expected = RunViews(c.op, in, out, c.algorithm, input, &skipped);
        const ref::Tensor<float> actual =
            RunViews(c.op, MakeHuge(in, which), MakeHuge(out, which), c.algorithm, input, &skipped);
        if (skipped) GTEST_SKIP() << "this system has no such address space";
        ASSERT_TRUE(BitwiseEqual(actual, expected));
      }
    }
  }
}

// The stride of an axis of one element is not stepped: a sanitizer sees it if it is multiplied all the same.
TEST(HugeStrides, OfSingleElements) {
  std::mt19937 rng(5);
  ref::Tensor<float> input(1, 20, 3, 1);
  FillUniform(input.data, rng);
  for (const Case& c : MakeCases(rng)) {
    SCOPED_TRACE(c.op.Describe());
    const TensorDesc dense = MakeDesc(DataType::kF32, {Layout::kNhwc}, 1, 20, 3, 1);
    TensorDesc huge = dense;
    huge.stride = {20, int64_t{1} << 57, 0};
    huge.stride_n = int64_t{1} << 58;
    const TensorDesc out = MakeDesc(DataType::kF32, {Layout::kNhwc}, 0, 0, 0, 0);
    bool skipped = false;
    const ref::Tensor<float> expected = RunViews(c.op, dense, out, c.algorithm, input, &skipped);
    ASSERT_TRUE(BitwiseEqual(RunViews(c.op, huge, out, c.algorithm, input, &skipped), expected));
    TensorDesc huge_out = c.op.MakePlan(dense, {})->output();
    if (huge_out.size[1] != 1) continue;
    huge_out.stride[1] = int64_t{1} << 60;
    huge_out.stride_n = int64_t{1} << 60;
    ASSERT_TRUE(BitwiseEqual(RunViews(c.op, dense, huge_out, c.algorithm, input, &skipped), expected));
  }
}

}  // namespace
}  // namespace polyphase::testing
