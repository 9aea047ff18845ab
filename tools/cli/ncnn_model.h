// The layers and weights of a network as ncnn's two files (.param and .bin) hold them, read strictly.
#ifndef POLYPHASE_TOOLS_CLI_NCNN_MODEL_H_
#define POLYPHASE_TOOLS_CLI_NCNN_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace polyphase::cli {

// The name of a file, for messages, and its content.
struct FileContent {
  std::string path;
  std::string bytes;
};

struct NcnnLayer {
  std::string type;  // "Convolution"
  std::string name;
  // Indices into NcnnModel::layers of the layers whose results this one reads. A Split is not a layer here: its readers
  // read what it splits.
  std::vector<size_t> inputs;
  // These have ncnn's keys. A plain number is an array of one; the key of an array is its id, without the -23300. All
  // are finite.
  std::map<int, std::vector<double>> parameters;
  // The weights of a Convolution or Deconvolution: [outputs][inputs][kernel height][kernel width]. All are finite.
  std::vector<float> weights;
  // Their bias or the slopes of a PReLU: one per channel, or none.
  std::vector<float> constants;
};

struct NcnnModel {
  std::string param_path;
  std::vector<NcnnLayer> layers;  // in the order of the file
};

// Throws std::runtime_error: "<path>: <the reason>". Refuses files of more than 64 MiB.
FileContent ReadModelFile(const std::string& path);

// Parses the layers of a text .param, without their weights. The text is checked against itself; layers may be of any
// type. Throws std::runtime_error: "<path>: layer '<name>': <the rule that is broken>".
NcnnModel ParseNcnnParam(const FileContent& param);

// The weights in a .bin, stored as fp16 or fp32, layer by layer. Nothing outside the file is read. The functions throw
// std::runtime_error, as above.
class NcnnWeights {
 public:
  explicit NcnnWeights(const FileContent& bin) : file_(bin) {}  // `bin` must outlive it

  // Fills `layer`, the next one of the model, with what its parameters ask for. Layers of types other than Convolution,
  // Deconvolution and PReLU take nothing from the file.
  void Read(NcnnLayer* layer);
  // Checks that the file ends after `layer`, the last one.
  void ExpectEnd(const NcnnLayer& layer) const;

 private:
  size_t CountOf(const NcnnLayer& layer, int key, const char* what) const;
  const uint8_t* Take(const NcnnLayer& layer, size_t count, size_t element_bytes, const char* what);
  std::vector<float> ReadTagged(const NcnnLayer& layer, size_t count);
  std::vector<float> ReadFloats(const NcnnLayer& layer, size_t count, const char* what);
  std::vector<float> CheckFinite(const NcnnLayer& layer, const char* what, std::vector<float> values) const;

  const FileContent& file_;
  size_t at_ = 0;
};

// Returns a piece of a file for a message: in quotes, no longer than a line, and in ASCII whatever it is.
std::string Quote(std::string_view text);

// Throws the error of a layer; `path` is that of the file that is wrong.
[[noreturn]] void FailLayer(const std::string& path, const std::string& layer, const std::string& message);

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_NCNN_MODEL_H_
