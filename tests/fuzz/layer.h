// Layer: everything that a caller hands to Create, MakePlan and Run of one op, and calls of the C API with it. Whatever
// the layer is, each call must return a status that fits, and touch nothing but what it may.
#ifndef POLYPHASE_TESTS_FUZZ_LAYER_H_
#define POLYPHASE_TESTS_FUZZ_LAYER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "polyphase/polyphase_c.h"
#include "tests/fuzz/coder.h"

namespace polyphase::fuzz {

// The attributes of pph_create_convert, which has none.
struct NoAttributes {};

using Attributes =
    std::variant<pph_conv_transpose_attributes, pph_conv_attributes, pph_resize_attributes,
                 pph_pixel_shuffle_attributes, pph_max_pool_attributes, pph_max_unpool_attributes,
                 pph_avg_pool_attributes, pph_avg_unpool_attributes, pph_convex_upsample_attributes, NoAttributes>;

// What the caller does wrong.
enum class Misuse {
  kNone,
  kNullAttributes,
  kNullWeights,
  kNullResult,
  kMisalignedWeights,
  kMisalignedConstants,
  kMisalignedTensor,
  kNullTensor,
  kOverlap,
  kShortWorkspace,
  kMisalignedWorkspace,
  kDirtyStruct,  // bytes beyond the fields that the library knows
  kCount,
};

struct Layer {
  Attributes attributes = Defaults<pph_conv_transpose_attributes>();
  std::optional<pph_prologue> prologue;
  std::optional<pph_epilogue> epilogue;
  std::array<bool, 3> constants{};  // whether the epilogue has scale, shift, slope
  std::optional<pph_pointwise> pointwise;
  int32_t weights_type = PPH_F32;
  bool bias = false;
  std::optional<pph_operator_options> operator_options;
  size_t isa = 0;
  std::optional<pph_runtime> runtime;
  size_t schedule = 0;     // how parallel_for calls the tasks
  int64_t successes = -1;  // of the runtime's allocator, before it fails; negative: it never does
  std::optional<pph_tensor_desc> hint;

  pph_tensor_desc input = [] {
    pph_tensor_desc desc = Defaults<pph_tensor_desc>();
    desc.n = 1;
    desc.c = 4;
    desc.size[0] = 5;
    desc.size[1] = 6;
    return desc;
  }();
  std::optional<pph_plan_options> plan_options;
  std::optional<pph_tensor_desc> output, residual, indices, mask;

  bool own_workspace = true;
  bool residual_in_place = false;
  bool indices_wanted = true;  // of max_pool
  uint32_t seed = 1;           // of weights and tensors
  Misuse misuse = Misuse::kNone;
};

template <class Io, size_t... kIndex>
void CodeAttributes(Io& io, Attributes* attributes, std::index_sequence<kIndex...>) {
  const size_t op = io.Choice(sizeof...(kIndex), attributes->index());
  const auto take = [&](auto index) {
    using C = std::variant_alternative_t<index, Attributes>;
    if (op != index) return;
    if constexpr (std::is_same_v<C, NoAttributes>) {
      *attributes = NoAttributes();
    } else {
      if (attributes->index() != index) *attributes = Defaults<C>();
      CodeStruct(io, &std::get<C>(*attributes));
    }
  };
  (take(std::integral_constant<size_t, kIndex>()), ...);
}

// Codes all but the attributes. What most layers do without is behind flags at the end.
template <class Io>
void CodeRest(Io& io, Layer* layer) {
  CodeStruct(io, &layer->input);
  Code(io, &layer->seed);
  layer->bias = io.Flag(layer->bias);
  CodeOptional(io, &layer->prologue);
  CodeOptional(io, &layer->epilogue);
  for (bool& given : layer->constants) given = io.Flag(given);
  CodeOptional(io, &layer->pointwise);
  CodeOptional(io, &layer->plan_options);
  CodeOptional(io, &layer->output);
  CodeOptional(io, &layer->residual);
  CodeOptional(io, &layer->indices);
  CodeOptional(io, &layer->mask);
  layer->own_workspace = !io.Flag(!layer->own_workspace);
  layer->residual_in_place = io.Flag(layer->residual_in_place);
  layer->indices_wanted = !io.Flag(!layer->indices_wanted);
  CodeOptional(io, &layer->operator_options);
  CodeOptional(io, &layer->runtime);
  CodeOptional(io, &layer->hint);
  layer->isa = io.Choice(8, layer->isa);
  layer->schedule = io.Choice(8, layer->schedule);
  Code(io, &layer->successes);
  Code(io, &layer->weights_type);
  layer->misuse =
      static_cast<Misuse>(io.Choice(static_cast<size_t>(Misuse::kCount), static_cast<size_t>(layer->misuse)));
}

template <class Io>
void CodeLayer(Io& io, Layer* layer) {
  CodeAttributes(io, &layer->attributes, std::make_index_sequence<std::variant_size_v<Attributes>>());
  CodeRest(io, layer);
}

// Calls Create, MakePlan and Run, then what the rest of the bytes say: each step changes a little of the layer and
// makes another plan, another operator or another run of it, asks for what can be asked for, or destroys something.
// What a call refuses is taken back, so that most steps begin with what works. Ends the process where a promise is
// broken.
void CallLayer(const Layer& layer, Reader steps);

// Takes the status of a call, which `count`, one of `calls`, counts: an error has a message that names what is wrong.
pph_status Called(uint64_t* count, pph_status status);

// Ends the process with the message if `holds` is false.
void Expect(bool holds, const char* message);

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_LAYER_H_
