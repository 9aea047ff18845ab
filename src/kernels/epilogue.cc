// Applies an op's epilogue to a panel of its values, for every target.
#include "kernels/epilogue.h"

#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/epilogue.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/activation-inl.h"
#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Handles elements [i, i + lanes) of every row.
template <class D, class F>
HWY_INLINE void EpilogueColumn(D d, const EpilogueArgs& args, int64_t i, bool stream, const F& activation) {
  using V = hn::Vec<D>;
  const auto constant = [&](const float* values, float otherwise) HWY_ATTR -> V {
    if (values == nullptr) return hn::Set(d, otherwise);
    return args.constant_step == 0 ? hn::Set(d, values[0]) : hn::LoadU(d, values + i);
  };
  const V scale = constant(args.scale, 1.0f);
  const V shift = constant(args.shift, 0.0f);
  const V slope = constant(args.slope, 0.0f);
  const bool scaled = args.scale != nullptr;
  const Residual mode = args.residual_mode;
  const float* panel = args.panel + i;
  const float* residual = args.residual + i;
  float* output = args.output + i;
  for (int64_t p = args.pixels; p > 0; --p) {
    V x = hn::LoadU(d, panel);
    x = scaled ? hn::MulAdd(x, scale, shift) : hn::Add(x, shift);
    if (mode == Residual::kBeforeActivation) x = hn::Add(x, hn::LoadU(d, residual));
    x = activation(d, x, slope);
    if (mode == Residual::kAfterActivation) x = hn::Add(x, hn::LoadU(d, residual));
    stream ? hn::Stream(x, d, output) : hn::StoreU(x, d, output);
    panel += args.panel_stride;
    residual += args.residual_stride;
    output += args.output_stride;
  }
}

void ApplyEpilogue(const EpilogueArgs& args) {
  WithActivation(args.activation, args.parameters, [&](const auto& activation) HWY_ATTR {
    const hn::CappedTag<float, 16> d;
    const hn::CappedTag<float, 1> d1;
    const int64_t lanes = hn::Lanes(d);
    const auto aligned = [](const float* p) { return reinterpret_cast<uintptr_t>(p) % 64 == 0; };
    // Only whole cache lines are streamed: half of a line costs as much as a line.
    const bool rows = args.count % 16 == 0 && args.output_stride % 16 == 0 && lanes == 16 && aligned(args.output);
    const bool stream = args.stream && (args.pixels == 1 || rows);
    int64_t i = 0;
    while (stream && i < args.count && !aligned(args.output + i)) EpilogueColumn(d1, args, i++, false, activation);
    for (; i + lanes <= args.count; i += lanes) EpilogueColumn(d, args, i, stream, activation);
    for (; i < args.count; ++i) EpilogueColumn(d1, args, i, false, activation);
  });
}

void Activate(Activation activation, const ActivationParameters& parameters, float* values, int64_t count) {
  WithActivation(activation, parameters, [&](const auto& f) HWY_ATTR {
    const hn::CappedTag<float, 16> d;
    const hn::CappedTag<float, 1> d1;
    const int64_t lanes = hn::Lanes(d);
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) hn::StoreU(f(d, hn::LoadU(d, values + i), hn::Zero(d)), d, values + i);
    for (; i < count; ++i) hn::StoreU(f(d1, hn::LoadU(d1, values + i), hn::Zero(d1)), d1, values + i);
  });
}

EpilogueKernels MakeEpilogueKernels() { return EpilogueKernels{&ApplyEpilogue, &Activate}; }

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakeEpilogueKernels);
EpilogueKernels GetEpilogueKernels(int64_t target) { return POLYPHASE_DISPATCH(MakeEpilogueKernels, target)(); }
}  // namespace polyphase::internal
#endif  // HWY_ONCE
