// pph_resize_onnx, and the resize that it makes; the other presets; pph_fold_batch_norm.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "tests/fuzz/calls.h"
#include "tests/fuzz/layer.h"
#include "tests/fuzz/onnx_node.h"

namespace polyphase::fuzz {
namespace {

// An array of exactly as many elements as its count says.
template <class T>
class Exactly {
 public:
  explicit Exactly(const std::vector<T>& values)
      : memory_(static_cast<T*>(std::malloc(values.size() * sizeof(T))), std::free) {
    if (!values.empty()) std::memcpy(memory_.get(), values.data(), values.size() * sizeof(T));
  }
  const T* get() const { return memory_.get(); }

 private:
  std::unique_ptr<T, decltype(&std::free)> memory_;
};

pph_status CallOnnx(const OnnxNode& given, pph_resize_attributes* attributes) {
  pph_onnx_resize node = given.node;
  const Exactly<int64_t> axes(given.axes), sizes(given.sizes);
  const Exactly<float> scales(given.scales), roi(given.roi);
  node.axes = axes.get();
  node.axes_count = given.axes.size();
  node.scales = scales.get();
  node.scales_count = given.scales.size();
  node.sizes = sizes.get();
  node.sizes_count = given.sizes.size();
  node.roi = roi.get();
  node.roi_count = given.roi.size();
  node.struct_size = sizeof(node);
  return Called(&calls.preset, pph_resize_onnx(&node, attributes));
}

void CallFoldBatchNorm(const OnnxNode& given) {
  const Exactly<float> values(given.scales);
  const auto channels = static_cast<int64_t>(given.scales.size());
  std::vector<float> scale(given.scales.size()), shift(given.scales.size());
  const float* const v = values.get();
  const pph_status status = Called(&calls.preset, pph_fold_batch_norm(given.node.antialias != 0 ? v : nullptr, v, v, v,
                                                                      static_cast<double>(given.node.cubic_coeff_a),
                                                                      channels, scale.data(), shift.data()));
  Expect(status == PPH_OK || status == PPH_INVALID_ARGUMENT, "pph_fold_batch_norm returns another status");
}

}  // namespace
}  // namespace polyphase::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace polyphase::fuzz;  // NOLINT(google-build-using-namespace): this function is part of it
  Reader reader(data, size);
  OnnxNode node;
  Layer layer;
  CodeOnnx(reader, &node, &layer);
  pph_resize_attributes attributes = Defaults<pph_resize_attributes>();
  const pph_onnx_resize& n = node.node;
  pph_status status = PPH_OK;
  switch (node.preset) {
    case OnnxNode::kPyTorch:
      status = Called(&calls.preset, pph_resize_pytorch(n.mode, n.exclude_outside, n.antialias, &attributes));
      break;
    case OnnxNode::kPillow: status = Called(&calls.preset, pph_resize_pillow(n.mode, &attributes)); break;
    case OnnxNode::kFoldBatchNorm: CallFoldBatchNorm(node); return 0;
    default: status = CallOnnx(node, &attributes);
  }
  if (status != PPH_OK) return 0;
  if (node.preset != OnnxNode::kOnnx) {
    for (size_t i = 0; i < node.sizes.size() && i < PPH_MAX_SPATIAL_RANK; ++i) attributes.size[i] = node.sizes[i];
    for (size_t i = 0; i < node.scales.size() && i < PPH_MAX_SPATIAL_RANK; ++i) {
      attributes.scale[i] = static_cast<double>(node.scales[i]);
    }
  }
  layer.attributes = attributes;
  CallLayer(layer, reader);
  return 0;
}
