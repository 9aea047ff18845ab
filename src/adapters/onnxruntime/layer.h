// Claiming: which nodes of a graph become one operator of the library.
#ifndef POLYPHASE_ADAPTERS_ONNXRUNTIME_LAYER_H_
#define POLYPHASE_ADAPTERS_ONNXRUNTIME_LAYER_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/onnxruntime/graph.h"
#include "adapters/onnxruntime/options.h"
#include "adapters/onnxruntime/ort_api.h"

namespace polyphase::ort {

// A chain of nodes, of which only the last one's output is read by others, as one operator.
struct Layer {
  std::string name;  // of its first node, for messages
  std::vector<const OrtNode*> nodes;
  OperatorHandle op;
  pph_dtype dtype = PPH_F32;
  int32_t spatial_rank = 0;
  // The values that a run reads and writes; "" if there is none.
  std::string input, input_indices, residual, output, output_indices;
  std::vector<int64_t> output_shape;  // MaxUnpool's third input; empty: none
};

// The upsampling ops of ONNX, and their inverses, that a layer may begin with.
const std::set<std::string>& ClaimableOps();

// The longest layer that begins with `first`, has none of the nodes `taken`, and is one that the library takes.
// nullopt: `*why` says why there is none.
std::optional<Layer> MakeLayer(const Node& first, const std::set<const OrtNode*>& taken, const Options& options,
                               std::string* why);

// The layer's input, with these dims.
pph_tensor_desc InputDesc(const Layer& layer, const int64_t* dims);

// Plans for an input of these dims. Throws with the library's message if it takes no such input.
PlanHandle MakePlan(const Layer& layer, const int64_t* dims, size_t threads);

}  // namespace polyphase::ort

#endif  // POLYPHASE_ADAPTERS_ONNXRUNTIME_LAYER_H_
