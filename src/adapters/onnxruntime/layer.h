// Claiming: which nodes of a graph become one operator of the library, and which operators run one after the other.
#ifndef POLYPHASE_ADAPTERS_ONNXRUNTIME_LAYER_H_
#define POLYPHASE_ADAPTERS_ONNXRUNTIME_LAYER_H_

#include <cstdint>
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
  int64_t output_channels = -1;       // -1: unknown
  bool is_quick = true;               // quicker than in ONNX Runtime, even if its tensors are NCHW
};

// Layers, each of which alone reads what the one before it writes. That never becomes a tensor of ONNX Runtime's, and
// has the layout that suits the layers.
using Chain = std::vector<Layer>;

// The upsampling ops of ONNX, and their inverses, that a layer may begin with.
const std::set<std::string>& ClaimableOps();

// The longest chain that begins with `first`, has none of the nodes `taken`, and whose layers the library takes; empty:
// `*why` says why there is none. `*left` has the nodes that are known to begin none that is quick.
Chain MakeChain(const Node& first, const std::set<const OrtNode*>& taken, const Options& options,
                std::set<const OrtNode*>* left, std::string* why);

// Plans for an input of these dims in this layout, and for an output in that one. Throws with the library's message if
// it takes no such input.
struct Layouts {
  pph_layout input = PPH_NCHW, output = PPH_NCHW;
};
PlanHandle MakePlan(const Layer& layer, const int64_t* dims, Layouts layouts, size_t threads);

}  // namespace polyphase::ort

#endif  // POLYPHASE_ADAPTERS_ONNXRUNTIME_LAYER_H_
