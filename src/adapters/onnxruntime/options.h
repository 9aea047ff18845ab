// The options of a session that are the provider's.
#ifndef POLYPHASE_ADAPTERS_ONNXRUNTIME_OPTIONS_H_
#define POLYPHASE_ADAPTERS_ONNXRUNTIME_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "adapters/onnxruntime/ort_api.h"

namespace polyphase::ort {

struct Options {
  size_t threads = 1;             // how many tasks a layer is cut into at most
  bool automatic = true;          // leaves the layers that ONNX Runtime computes as quickly
  std::set<std::string> claimed;  // ops of ONNX; those of a fused layer count by their first upsampling op
  int32_t numerics = PPH_NUMERICS_DEFAULT;
  bool verbose = false;
};

// Throws if an option is unknown or its value is.
Options ReadOptions(const OrtSessionOptions* session);

}  // namespace polyphase::ort

#endif  // POLYPHASE_ADAPTERS_ONNXRUNTIME_OPTIONS_H_
