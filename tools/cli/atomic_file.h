// AtomicFile: a file that appears under its name only when it is complete, and otherwise leaves nothing.
#ifndef POLYPHASE_TOOLS_CLI_ATOMIC_FILE_H_
#define POLYPHASE_TOOLS_CLI_ATOMIC_FILE_H_

#include <cstdio>
#include <string>

namespace polyphase::cli {

// The file is written under a temporary name in the same directory and renamed by Commit. The destructor removes the
// temporary file, and so does a handler when SIGHUP, SIGINT, SIGQUIT or SIGTERM ends the process. There may be one
// object at a time.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);  // throws std::runtime_error
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  std::FILE* stream() const { return stream_; }
  void Commit();  // throws std::runtime_error

 private:
  std::string name_;    // as the user gave it
  std::string target_;  // with symbolic links followed
  std::string temporary_;
  std::FILE* stream_ = nullptr;
};

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_ATOMIC_FILE_H_
