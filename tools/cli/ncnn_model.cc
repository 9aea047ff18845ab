// See ncnn_model.h.
#include "ncnn_model.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "errors.h"
#include "parse_number.h"

namespace polyphase::cli {

namespace {

constexpr size_t kMaxFileBytes = size_t{64} << 20;  // the largest of such networks have 20
constexpr std::string_view kMagic = "7767517";
constexpr int kArrayKey = -23300;
constexpr int kMaxKey = 99;
constexpr uint32_t kFp16Tag = 0x01306B47;
constexpr uint32_t kFp32Tag = 0;
// ncnn's keys.
constexpr int kOutputsKey = 0;  // for PReLU, its slopes
constexpr int kBiasKey = 5;
constexpr int kWeightsKey = 6;

// Returns the parts of `text` between the characters of `separators`, with empty parts only if `keep_empty`.
std::vector<std::string_view> SplitText(std::string_view text, const char* separators, bool keep_empty) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    if (keep_empty || end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Parses "0=64" or "-23310=2,0.1,0.2".
void ParseParameter(const std::string& path, std::string_view text, NcnnLayer* layer) {
  const size_t equals = text.find('=');
  int key = 0;
  std::vector<double> values;
  bool good = equals != std::string_view::npos && ParseNumber(text.substr(0, equals), &key);
  if (good) {
    for (const std::string_view part : SplitText(text.substr(equals + 1), ",", true)) {
      values.emplace_back();
      good = good && ParseNumber(part, &values.back());
    }
  }
  if (good && key <= kArrayKey) {  // the count comes first
    key = kArrayKey - key;
    good = values[0] == static_cast<double>(values.size() - 1);
    values.erase(values.begin());
  } else {
    good = good && values.size() == 1;
  }
  if (!good) FailLayer(path, layer->name, Quote(text) + " is not key=number or -233xx=count,numbers");
  if (key < 0 || key > kMaxKey)
    FailLayer(path, layer->name, Quote(text) + ": keys are 0 to " + std::to_string(kMaxKey));
  if (!layer->parameters.emplace(key, std::move(values)).second) {
    FailLayer(path, layer->name, Quote(text) + ": a second value of key " + std::to_string(key));
  }
}

void ParseLayers(const FileContent& param, NcnnModel* model) {
  std::vector<std::vector<std::string_view>> lines;
  for (const std::string_view line : SplitText(param.bytes, "\n", false)) {
    lines.push_back(SplitText(line, " \t\r", false));
    if (lines.back().empty()) lines.pop_back();
  }
  if (lines.empty() || lines[0].size() != 1 || lines[0][0] != kMagic) {
    Fail(param.path, "not a text .param file of ncnn, which begins with " + std::string(kMagic));
  }
  size_t layer_count = 0;
  size_t blob_count = 0;
  if (lines.size() < 2 || lines[1].size() != 2 || !ParseNumber(lines[1][0], &layer_count) ||
      !ParseNumber(lines[1][1], &blob_count)) {
    Fail(param.path, "the second line is not the number of layers and the number of blobs");
  }
  // A blob is the result of a layer. The blobs of a Split are made by the layer that it reads.
  std::map<std::string_view, size_t> maker_of;
  for (size_t i = 2; i < lines.size(); ++i) {
    const std::vector<std::string_view>& words = lines[i];
    NcnnLayer layer;
    layer.type = words[0];
    layer.name = words.size() > 1 ? words[1] : words[0];
    size_t bottoms = 0;
    size_t tops = 0;
    if (words.size() < 4 || !ParseNumber(words[2], &bottoms) || !ParseNumber(words[3], &tops) ||
        bottoms > words.size() - 4 || tops > words.size() - 4 - bottoms) {
      FailLayer(param.path, layer.name, "its line is not: type name bottoms tops, and as many blobs");
    }
    size_t word = 4;
    for (; word < 4 + bottoms; ++word) {
      const auto maker = maker_of.find(words[word]);
      if (maker == maker_of.end()) {
        FailLayer(param.path, layer.name, "reads " + Quote(words[word]) + ", which no layer before it makes");
      }
      layer.inputs.push_back(maker->second);
    }
    const bool is_split = layer.type == "Split";
    if (is_split && bottoms != 1) FailLayer(param.path, layer.name, "a Split reads one blob");
    for (; word < 4 + bottoms + tops; ++word) {
      if (!maker_of.emplace(words[word], is_split ? layer.inputs[0] : model->layers.size()).second) {
        FailLayer(param.path, layer.name, "makes " + Quote(words[word]) + ", which another layer makes as well");
      }
    }
    for (; word < words.size(); ++word) ParseParameter(param.path, words[word], &layer);
    if (!is_split) model->layers.push_back(std::move(layer));
  }
  if (model->layers.empty()) Fail(param.path, "no layers");
  if (layer_count != lines.size() - 2 || blob_count != maker_of.size()) {
    FailLayer(param.path, model->layers.back().name,
              "is the last one, of " + std::to_string(lines.size() - 2) + " layers and " +
                  std::to_string(maker_of.size()) + " blobs, but the second line says " + Quote(lines[1][0]) + " and " +
                  Quote(lines[1][1]));
  }
}

uint32_t ReadLittleEndian(const uint8_t* bytes, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value |= static_cast<uint32_t>(bytes[i]) << (8 * i);
  return value;
}

float FloatOf(uint32_t bits) {
  float value = 0.0f;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

float HalfToFloat(uint32_t half) {
  const uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::numeric_limits<float>::infinity();  // or NaN: not finite
  // Read as the bits of a float, it is 2^112 times too small, and so are subnormals.
  const float value = FloatOf(magnitude << 13) * 0x1p112f;
  return (half & 0x8000u) != 0 ? -value : value;
}

}  // namespace

std::string Quote(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string quoted(text.substr(0, kMost));
  for (char& letter : quoted) {
    if (letter < ' ' || letter > '~') letter = '?';
  }
  return "'" + quoted + (text.size() > kMost ? "...'" : "'");
}

void FailLayer(const std::string& path, const std::string& layer, const std::string& message) {
  Fail(path, "layer " + Quote(layer) + ": " + message);
}

FileContent ReadModelFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) Fail(path, std::strerror(errno));
  FileContent content{path, ""};
  char block[1 << 16];
  while (const size_t count = std::fread(block, 1, sizeof(block), file.get())) {
    content.bytes.append(block, count);
    if (content.bytes.size() > kMaxFileBytes) {
      Fail(path, "larger than " + std::to_string(kMaxFileBytes >> 20) + " MiB, which no file of these networks is");
    }
  }
  if (std::ferror(file.get()) != 0) Fail(path, std::strerror(errno));
  return content;
}

NcnnModel ParseNcnnParam(const FileContent& param) {
  NcnnModel model;
  model.param_path = param.path;
  ParseLayers(param, &model);
  return model;
}

void NcnnWeights::Read(NcnnLayer* layer) {
  if (layer->type == "Convolution" || layer->type == "Deconvolution") {
    layer->weights = ReadTagged(*layer, CountOf(*layer, kWeightsKey, "weights"));
    if (CountOf(*layer, kBiasKey, "bias") != 0) {
      layer->constants = ReadFloats(*layer, CountOf(*layer, kOutputsKey, "outputs"), "bias");
    }
  } else if (layer->type == "PReLU") {
    layer->constants = ReadFloats(*layer, CountOf(*layer, kOutputsKey, "slopes"), "slope");
  }
}

void NcnnWeights::ExpectEnd(const NcnnLayer& layer) const {
  if (at_ == file_.bytes.size()) return;
  FailLayer(file_.path, layer.name,
            "is the last one, but " + std::to_string(file_.bytes.size() - at_) + " bytes follow it");
}

// Returns a parameter that counts values, or 0 if the layer has none of that key.
size_t NcnnWeights::CountOf(const NcnnLayer& layer, int key, const char* what) const {
  const auto found = layer.parameters.find(key);
  if (found == layer.parameters.end()) return 0;
  const double value = found->second.size() == 1 ? found->second[0] : -1.0;
  if (value < 0.0 || value > std::numeric_limits<int32_t>::max() || value != std::floor(value)) {
    char text[80];
    std::snprintf(text, sizeof(text), "%.10g as its %s (key %d), which is not a count", value, what, key);
    FailLayer(file_.path, layer.name, text);
  }
  return static_cast<size_t>(value);
}

const uint8_t* NcnnWeights::Take(const NcnnLayer& layer, size_t count, size_t element_bytes, const char* what) {
  const size_t left = file_.bytes.size() - at_;
  if (count > left / element_bytes) {
    FailLayer(file_.path, layer.name,
              "the file ends before " + std::string(what) + ": " + std::to_string(count) + " x " +
                  std::to_string(element_bytes) + " bytes are needed, " + std::to_string(left) + " left");
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(file_.bytes.data()) + at_;
  at_ += count * element_bytes;
  return bytes;
}

// Weights follow a tag that says how they are stored.
std::vector<float> NcnnWeights::ReadTagged(const NcnnLayer& layer, size_t count) {
  const uint32_t tag = ReadLittleEndian(Take(layer, 1, 4, "the tag of its weights"), 4);
  if (tag == kFp32Tag) return ReadFloats(layer, count, "weight");
  if (tag != kFp16Tag) {
    char text[80];
    std::snprintf(text, sizeof(text), "its weights have the tag 0x%08X, which is neither fp16 nor fp32", tag);
    FailLayer(file_.path, layer.name, text);
  }
  const uint8_t* bytes = Take(layer, count + count % 2, 2, "fp16 weights");  // filled up to 4 bytes
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = HalfToFloat(ReadLittleEndian(bytes + 2 * i, 2));
  return CheckFinite(layer, "weight", std::move(values));
}

std::vector<float> NcnnWeights::ReadFloats(const NcnnLayer& layer, size_t count, const char* what) {
  const uint8_t* bytes = Take(layer, count, 4, what);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = FloatOf(ReadLittleEndian(bytes + 4 * i, 4));
  return CheckFinite(layer, what, std::move(values));
}

std::vector<float> NcnnWeights::CheckFinite(const NcnnLayer& layer, const char* what, std::vector<float> values) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    FailLayer(file_.path, layer.name, std::string(what) + " " + std::to_string(i) + " is not a finite number");
  }
  return values;
}

}  // namespace polyphase::cli
