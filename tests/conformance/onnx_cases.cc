// Folders of ONNX's backend tests: which of them concern the library, and what is in their files.
#include "tests/conformance/onnx_cases.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace polyphase::onnx {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 11> kOpTypes = {
    "AveragePool", "Conv",      "ConvTranspose", "DepthToSpace", "GlobalAveragePool", "GlobalMaxPool",
    "MaxPool",     "MaxUnpool", "Resize",        "SpaceToDepth", "Upsample"};

bool IsOurs(const std::string& op_type) {
  return std::find(kOpTypes.begin(), kOpTypes.end(), op_type) != kOpTypes.end();
}

// Reads <folder>/<kind>_0.pb, <kind>_1.pb, ... as the values of `names`.
bool ReadTensors(const fs::path& folder, const std::string& kind, const std::vector<std::string>& names,
                 std::map<std::string, Tensor>* values, std::string* error) {
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string path = (folder / (kind + '_' + std::to_string(i) + ".pb")).string();
    std::optional<Tensor> tensor = ReadTensor(path, error);
    if (!tensor.has_value()) return false;
    if (!values->emplace(names[i], *std::move(tensor)).second) {
      *error = path + ": the graph names two values \"" + names[i] + '"';
      return false;
    }
  }
  return true;
}

}  // namespace

std::vector<Case> FindCases(const std::string& folder, std::vector<std::string>* others) {
  std::vector<Case> cases;
  std::error_code code;
  for (fs::recursive_directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    if (it->path().filename() != "model.onnx") continue;
    const fs::path path = it->path().parent_path();
    std::string error;
    std::optional<std::vector<std::string>> op_types = ReadOpTypes(it->path().string(), &error);
    if (!op_types.has_value()) {
      cases.push_back({path.filename().string(), path.string(), "?"});
      continue;
    }
    op_types->erase(std::remove(op_types->begin(), op_types->end(), "Constant"), op_types->end());
    if (std::none_of(op_types->begin(), op_types->end(), IsOurs)) continue;
    if (op_types->size() == 1) {
      cases.push_back({path.filename().string(), path.string(), op_types->front()});
    } else if (others != nullptr) {
      others->push_back(path.filename().string());
    }
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return std::tie(a.name, a.path) < std::tie(b.name, b.path); });
  return cases;
}

std::optional<LoadedCase> LoadCase(const Case& found, std::string* error) {
  const std::string path = (fs::path(found.path) / "model.onnx").string();
  std::optional<Model> model = ReadModel(path, error);
  if (!model.has_value()) return std::nullopt;

  LoadedCase loaded;
  loaded.opset = model->opset;
  std::map<std::string, Tensor> constants = std::move(model->initializers);
  size_t ours = 0;
  for (Node& node : model->nodes) {
    if (node.op_type != "Constant") {
      loaded.node = std::move(node);
      ++ours;
      continue;
    }
    const bool simple = node.outputs.size() == 1 && node.attributes.size() == 1 && node.attributes[0].t.has_value();
    if (!simple || !constants.emplace(node.outputs[0], *std::move(node.attributes[0].t)).second) {
      *error = path + ": a Constant that is not one tensor of its own name";
      return std::nullopt;
    }
  }
  if (ours != 1) {
    *error = path + ": " + std::to_string(ours) + " nodes besides constants, not one";
    return std::nullopt;
  }

  std::vector<std::string> inputs;
  for (const std::string& name : model->inputs) {
    if (constants.count(name) == 0) inputs.push_back(name);
  }
  for (size_t i = 0;; ++i) {
    const std::string name = "test_data_set_" + std::to_string(i);
    const fs::path folder = fs::path(found.path) / name;
    std::error_code code;
    if (!fs::is_directory(folder, code)) break;
    DataSet& data = loaded.data_sets.emplace_back();
    data.name = name;
    data.values = constants;
    if (!ReadTensors(folder, "input", inputs, &data.values, error) ||
        !ReadTensors(folder, "output", model->outputs, &data.expected, error)) {
      return std::nullopt;
    }
  }
  if (loaded.data_sets.empty()) {
    *error = found.path + ": there is no test_data_set_0";
    return std::nullopt;
  }
  return loaded;
}

}  // namespace polyphase::onnx
