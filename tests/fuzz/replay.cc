// The main of a fuzz target without libFuzzer, whose own code MemorySanitizer would need instrumented: calls the target
// with each file, and with each file of each folder, that are its arguments.
#include <dirent.h>
#include <sanitizer/common_interface_defs.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::string path;  // of the current input
size_t count = 0;

void PrintPath() { std::fprintf(stderr, "input: %s\n", path.c_str()); }

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

void RunFile(const std::string& name) {
  path = name;
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) Fail(path.c_str());
  std::vector<uint8_t> read(1 << 16);  // more than any input has
  read.resize(std::fread(read.data(), 1, read.size(), file));
  std::fclose(file);
  const std::vector<uint8_t> bytes = read;  // of just its size, so that reads behind it are noticed
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  ++count;
}

void Run(const char* name) {
  DIR* const folder = opendir(name);
  if (folder == nullptr && errno == ENOTDIR) return RunFile(name);
  if (folder == nullptr) Fail(name);
  while (const dirent* const entry = readdir(folder)) {
    if (entry->d_name[0] != '.') RunFile(std::string(name) + '/' + entry->d_name);
  }
  closedir(folder);
}

}  // namespace

int main(int argc, char** argv) {
  __sanitizer_set_death_callback(PrintPath);
  for (int i = 1; i < argc; ++i) Run(argv[i]);
  std::printf("%zu inputs\n", count);
  return count > 0 ? 0 : 2;
}
