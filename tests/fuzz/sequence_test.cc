// Random sequences of calls of the C API, under sanitizers: those of the fuzz target ops, but for what guides it. Each
// begins with a layer that works, so that most of its calls do. POLYPHASE_FUZZ_SEED and POLYPHASE_FUZZ_LAYERS are as
// for fuzz_test.cc.
#include <sanitizer/common_interface_defs.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <type_traits>
#include <variant>
#include <vector>

#include "api/c_structs.h"
#include "gtest/gtest.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/layer.h"

namespace polyphase::fuzz {
namespace {

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
}

// A broken promise ends the process; this says with which seed.
uint32_t seed;
void PrintSeed() {
  std::fprintf(stderr, "repeat with POLYPHASE_FUZZ_SEED=%u POLYPHASE_FUZZ_LAYERS=1\n", static_cast<unsigned>(seed));
}

template <class C>
void MakeWork(C*) {}  // its defaults do
template <class C>
void MakeConvolutionWork(C* a) {
  a->input_channels = 4;
  a->output_channels = 6;
  a->kernel[0] = a->kernel[1] = 3;
  a->padding_begin[0] = a->padding_begin[1] = 1;
}
void MakeWork(pph_conv_transpose_attributes* a) {
  MakeConvolutionWork(a);
  a->stride[0] = a->stride[1] = 2;
}
void MakeWork(pph_conv_attributes* a) { MakeConvolutionWork(a); }
void MakeWork(pph_resize_attributes* a) { a->scale[0] = a->scale[1] = 2; }
void MakeWork(pph_convex_upsample_attributes* a) { a->factor = 2; }

// Every other resize is one of a picture of bytes, whose arithmetic is another.
void MakePicture(uint32_t choice, Layer* layer) {
  if (!std::holds_alternative<pph_resize_attributes>(layer->attributes) || choice % 2 == 0) return;
  auto attributes = internal::ToC<pph_resize_attributes>(ResizeAttributes::Pillow(ResizeMode::kCubic));
  attributes.size[0] = 3 + choice % 9;
  attributes.size[1] = 3 + choice % 11;
  layer->attributes = attributes;
  layer->input.dtype = PPH_U8;
  layer->input.layout = PPH_NHWC;
  layer->input.c = 1 + choice % 4;
}

template <class C>
class FuzzSequence : public ::testing::Test {};

template <class>
struct TypesOf;
template <class... C>
struct TypesOf<std::variant<C...>> {
  using Types = ::testing::Types<C...>;
};
TYPED_TEST_SUITE(FuzzSequence, TypesOf<Attributes>::Types, );

TYPED_TEST(FuzzSequence, OfCalls) {
  Layer working;
  if constexpr (std::is_same_v<TypeParam, NoAttributes>) {
    working.attributes = NoAttributes();
  } else {
    auto attributes = Defaults<TypeParam>();
    MakeWork(&attributes);
    working.attributes = attributes;
  }
  std::signal(SIGABRT, [](int) { PrintSeed(); });
  __sanitizer_set_death_callback(PrintSeed);
  const Calls before = calls;
  const uint32_t first = FromEnvironment("POLYPHASE_FUZZ_SEED", 1),
                 count = FromEnvironment("POLYPHASE_FUZZ_LAYERS", 300);
  for (seed = first; seed < first + count; ++seed) {
    std::mt19937 random(seed);
    std::vector<uint8_t> steps(256);
    for (uint8_t& byte : steps) byte = static_cast<uint8_t>(random());
    Layer layer = working;
    layer.seed = seed;
    MakePicture(seed, &layer);
    CallLayer(layer, Reader(steps.data(), steps.size()));
  }
  // Else the sequences would be worth nothing.
  EXPECT_GE(calls.create - before.create, count);
  EXPECT_GE(calls.run - before.run, 4 * count);
  EXPECT_TRUE(calls.values > before.values || count < 100);
}

}  // namespace
}  // namespace polyphase::fuzz
