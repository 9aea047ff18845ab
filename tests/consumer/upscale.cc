// The C++ API in one page: doubles a 2x2 image bilinearly, then spreads it with a transposed convolution.
#include <polyphase/polyphase.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

void Fail(const char* what) {
  std::fprintf(stderr, "upscale: %s\n", what);
  std::exit(1);
}

// Plans `op` for an input of this shape and runs it.
std::vector<float> Apply(const polyphase::StatusOr<polyphase::Operator>& op, const polyphase::TensorDesc& shape,
                         const std::vector<float>& input) {
  if (!op.ok()) Fail(op.status().message());
  const polyphase::StatusOr<polyphase::Plan> plan = op->MakePlan(shape);
  if (!plan.ok()) Fail(plan.status().message());
  std::printf("%s\n", plan->Describe().c_str());

  const polyphase::TensorDesc& out = plan->output();
  std::vector<float> output(static_cast<size_t>(out.n * out.stride_n));
  const polyphase::Status status = plan->Run(input.data(), output.data());
  if (!status.ok()) Fail(status.message());
  return output;
}

void Expect(const std::vector<float>& actual, const std::vector<float>& expected) {
  if (actual.size() != expected.size()) Fail("wrong output size");
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::fabs(actual[i] - expected[i]) > 1e-5f) Fail("wrong output value");
  }
}

}  // namespace

int main() {
  if (std::strcmp(polyphase::Version(), POLYPHASE_VERSION) != 0) Fail("header and library differ in version");
  const polyphase::TensorDesc shape = polyphase::TensorDesc::Nchw(1, 1, 2, 2);
  const std::vector<float> image = {0, 4, 8, 12};

  auto resize = polyphase::ResizeAttributes::PyTorch(polyphase::PyTorchMode::kBilinear);
  resize.scale = {2, 2};
  Expect(Apply(polyphase::CreateResize(resize), shape, image), {0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12});

  polyphase::ConvTransposeAttributes conv;
  conv.input_channels = 1;
  conv.output_channels = 1;
  conv.kernel = {2, 2};
  conv.stride = {2, 2};
  const float weights[] = {1, 2, 3, 4};
  const float bias[] = {0.5f};
  Expect(Apply(polyphase::CreateConvTranspose(conv, weights, bias), shape, image),
         {0.5f, 0.5f, 4.5f, 8.5f, 0.5f, 0.5f, 12.5f, 16.5f, 8.5f, 16.5f, 12.5f, 24.5f, 24.5f, 32.5f, 36.5f, 48.5f});

  conv.stride = {0, 2};
  const polyphase::StatusOr<polyphase::Operator> wrong = polyphase::CreateConvTranspose(conv, weights, bias);
  if (wrong.ok() || std::strstr(wrong.status().message(), "stride") == nullptr) Fail("a stride of 0 was accepted");
  return 0;
}
