// AtomicFile: see atomic_file.h.
#include "atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "errors.h"

namespace polyphase::cli {

namespace {

// The signal handler removes this file. It is set before the file is created and cleared after it is gone, so that
// there is no moment at which a signal could leave the file in place.
std::atomic<const char*> doomed_file{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free, "a signal handler may only use lock-free atomics");

extern "C" void RemoveAndDie(int signal_number) {
  if (const char* path = doomed_file.load()) unlink(path);
  // SA_RESETHAND has brought back the default action; the shell sees a process that died from the signal.
  raise(signal_number);
}

void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = RemoveAndDie;
  action.sa_flags = SA_RESETHAND;
  for (const int signal_number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
    struct sigaction old = {};
    sigaction(signal_number, nullptr, &old);
    if (old.sa_handler != SIG_IGN) sigaction(signal_number, &action, nullptr);  // nohup stays nohup
  }
  // Beyond the file size limit, write() shall fail instead of the process.
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : name_(path), target_(path) {
  std::error_code error;
  if (const std::filesystem::path real = std::filesystem::canonical(path, error); !error) target_ = real.string();

  struct stat existing = {};
  const bool exists = stat(target_.c_str(), &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) Fail(name_, std::strerror(EISDIR));
  if (exists && !S_ISREG(existing.st_mode)) Fail(name_, "exists and is not a regular file");
  if (exists && access(target_.c_str(), W_OK) != 0) Fail(name_, std::strerror(errno));

  InstallSignalHandlers();
  const std::string directory = target_.substr(0, target_.find_last_of('/') + 1);
  int descriptor = -1;
  for (int attempt = 0; descriptor < 0 && attempt < 100; ++attempt) {
    temporary_ = directory + ".polyphase-" + std::to_string(getpid()) + "-" + std::to_string(attempt) + ".tmp";
    doomed_file = temporary_.c_str();
    descriptor = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) doomed_file = nullptr;
    if (descriptor < 0 && errno != EEXIST) break;
  }
  if (descriptor < 0) Fail(name_, std::strerror(errno));
  if (exists) static_cast<void>(fchmod(descriptor, existing.st_mode & 07777));
  stream_ = fdopen(descriptor, "wb");
  if (stream_ == nullptr) {
    unlink(temporary_.c_str());
    doomed_file = nullptr;
    Fail(name_, std::strerror(ENOMEM));
  }
}

AtomicFile::~AtomicFile() {
  if (stream_ != nullptr) std::fclose(stream_);
  if (doomed_file != nullptr) unlink(temporary_.c_str());
  doomed_file = nullptr;
}

void AtomicFile::Commit() {
  if (std::fflush(stream_) != 0 || fsync(fileno(stream_)) != 0) Fail(name_, std::strerror(errno));
  std::FILE* stream = stream_;
  stream_ = nullptr;
  if (std::fclose(stream) != 0) Fail(name_, std::strerror(errno));
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) Fail(name_, std::strerror(errno));
  doomed_file = nullptr;
}

}  // namespace polyphase::cli
