// OnnxNode: what an ONNX node of Resize may say, for the fuzz target of its reader and for that target's seeds.
#ifndef POLYPHASE_TESTS_FUZZ_ONNX_NODE_H_
#define POLYPHASE_TESTS_FUZZ_ONNX_NODE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/fuzz/coder.h"
#include "tests/fuzz/layer.h"

namespace polyphase::fuzz {

struct OnnxNode {
  enum Preset : size_t { kOnnx, kPyTorch, kPillow, kFoldBatchNorm, kPresets };

  size_t preset = kOnnx;
  pph_onnx_resize node = Defaults<pph_onnx_resize>();
  std::vector<int64_t> axes, sizes;
  std::vector<float> scales, roi;
};

// An array, which may be longer than the library takes.
template <class Io, class T>
void CodeArray(Io& io, std::vector<T>* values) {
  values->resize(io.Choice(14, values->size()));
  for (T& value : *values) Code(io, &value);
}

template <class Io>
void CodeOnnx(Io& io, OnnxNode* node, Layer* layer) {
  node->preset = io.Choice(OnnxNode::kPresets, node->preset);
  CodeStruct(io, &node->node);
  CodeArray(io, &node->axes);
  CodeArray(io, &node->scales);
  CodeArray(io, &node->sizes);
  CodeArray(io, &node->roi);
  CodeRest(io, layer);
}

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_ONNX_NODE_H_
