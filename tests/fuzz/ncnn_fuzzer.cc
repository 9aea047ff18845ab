// The reader of ncnn's two files, and the networks that it makes: a byte that chooses, the text of the .param up to a
// zero, then the .bin.
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>

#include "tests/fuzz/heap.h"
#include "tools/cli/ncnn_model.h"
#include "tools/cli/network.h"

namespace {

// As many zeros behind the file's bytes are weights for a whole network, stored as f32.
constexpr size_t kWholeNetwork = 2608 << 10;

template <class Read>
void Try(const Read& read) {
  try {
    read();
  } catch (const std::bad_alloc&) {
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    if (message.rfind("x.param: ", 0) == 0 || message.rfind("x.bin: ", 0) == 0) return;
    throw;  // a message that does not name the file
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace polyphase::cli;  // NOLINT(google-build-using-namespace): this function is part of it
  if (size == 0) return 0;
  const polyphase::fuzz::HeapLimit limit(16 << 20);
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const FileContent param{"x.param", text.substr(0, text.find('\0'))};
  FileContent bin{"x.bin", param.bytes.size() < text.size() ? text.substr(param.bytes.size() + 1) : ""};
  Try([&] {
    NcnnModel model = ParseNcnnParam(param);
    NcnnWeights weights(bin);
    for (NcnnLayer& layer : model.layers) weights.Read(&layer);
    weights.ExpectEnd(model.layers.back());
  });
  if ((data[0] & 2) != 0) bin.bytes.resize(kWholeNetwork);
  Try([&] { (data[0] & 1) != 0 ? Network::Waifu2x(param, bin, {}) : Network::RealesrAnimevideo(param, bin, {}); });
  return 0;
}
