// The command line of the tool: arguments, each ended by a newline. They work in a folder of their own, which has a
// small picture, in.png.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/fuzz/heap.h"
#include "tests/fuzz/pictures.h"

#define main PolyphaseMain
#include "tools/cli/main.cc"
#undef main

namespace {

class Folder {
 public:
  Folder() {
    if (mkdtemp(path_) == nullptr || chdir(path_) != 0) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  // Leaves the picture alone in it.
  void Tidy() const {
    for (const auto& entry : std::filesystem::directory_iterator(".")) std::filesystem::remove_all(entry.path());
    std::ofstream("in.png", std::ios::binary) << picture_;
  }

 private:
  const std::string picture_ = polyphase::fuzz::Encoded(polyphase::cli::FileFormat::kPng, {5, 4, 3, 8});
  char path_[32] = "/tmp/options_fuzzer.XXXXXX";
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Folder folder;
  std::vector<std::string> arguments{"polyphase"};
  std::string argument;
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == '/' || data[i] == 0) return -1;  // no path out of the folder
    if (data[i] == '\n') {
      arguments.push_back(argument);
      argument.clear();
    } else {
      argument += static_cast<char>(data[i]);
    }
  }
  std::vector<char*> argv;
  for (std::string& one : arguments) argv.push_back(one.data());
  argv.push_back(nullptr);
  folder.Tidy();
  const polyphase::fuzz::HeapLimit limit(4 << 20);
  const int result = PolyphaseMain(static_cast<int>(arguments.size()), argv.data());
  if (result < 0 || result > 2) std::abort();
  return 0;
}
