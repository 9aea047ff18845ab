// Runs one node of an ONNX model as an operator of the library, by way of the C API, and compares what comes out.
#ifndef POLYPHASE_TESTS_CONFORMANCE_ONNX_NODE_H_
#define POLYPHASE_TESTS_CONFORMANCE_ONNX_NODE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "polyphase/polyphase_c.h"
#include "tests/conformance/onnx_cases.h"

namespace polyphase::onnx {

// These are the tolerances of ONNX's backend runner: |actual - expected| <= kAbsolute + kRelative * |expected|.
// Integers must be equal.
constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-7;

// How a node is run: ONNX's tensors are dense NCHW, and are converted by pph_create_convert to and from any other.
struct Setting {
  std::string isa;
  pph_layout layout;
  int32_t channel_block;
  const pph_runtime* runtime;
};
std::string Name(const Setting& setting);

struct Failure {
  // What the library returned; PPH_OK: it ran, but what came out is not what is expected. A node that the C API has no
  // words for is PPH_UNSUPPORTED.
  pph_status status;
  std::string message;
};

// nullopt: all is as expected; then `largest_error` is at least the largest |actual - expected| of its floats.
std::optional<Failure> RunNode(int64_t opset, const Node& node, const DataSet& data, const Setting& setting,
                               double* largest_error);

}  // namespace polyphase::onnx

#endif  // POLYPHASE_TESTS_CONFORMANCE_ONNX_NODE_H_
