// Finds the cases of a folder in the layout of ONNX's backend tests: <case>/model.onnx, <case>/test_data_set_0/...
#ifndef POLYPHASE_TESTS_CONFORMANCE_ONNX_CASES_H_
#define POLYPHASE_TESTS_CONFORMANCE_ONNX_CASES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/onnx_file.h"

namespace polyphase::onnx {

// The folder of Debian's package libonnx-testdata.
constexpr char kDebianFolder[] = "/usr/share/libonnx-testdata/data";

struct Case {
  std::string name;     // of its folder
  std::string path;     // of its folder
  std::string op_type;  // "?": the model cannot be read, as LoadCase will say
};

// The cases below `folder` whose model is one node of an op that the library has (constants apart), sorted by name.
// `others`, unless it is null, gets the names of those that have such a node among others.
std::vector<Case> FindCases(const std::string& folder, std::vector<std::string>* others);

// One test_data_set: values by the names that the node knows them by.
struct DataSet {
  std::string name;
  std::map<std::string, Tensor> values;    // inputs, initializers and constants
  std::map<std::string, Tensor> expected;  // outputs
};

struct LoadedCase {
  int64_t opset = 0;
  Node node;
  std::vector<DataSet> data_sets;  // at least one
};

// nullopt: *error is one line, "<path>: what is wrong".
std::optional<LoadedCase> LoadCase(const Case& found, std::string* error);

}  // namespace polyphase::onnx

#endif  // POLYPHASE_TESTS_CONFORMANCE_ONNX_CASES_H_
