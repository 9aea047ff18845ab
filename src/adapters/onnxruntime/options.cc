#include "adapters/onnxruntime/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <sstream>
#include <thread>

#include "adapters/onnxruntime/layer.h"

namespace polyphase::ort {
namespace {

[[noreturn]] void Refuse(const std::string& key, const std::string& value, const std::string& rule) {
  throw std::runtime_error(std::string(kProviderName) + ": option " + key + " = \"" + value + "\": must be " + rule);
}

size_t Threads(const std::string& value) {
  size_t threads = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), threads);
  if (error != std::errc() || end != value.data() + value.size() || threads > 1024) {
    Refuse("threads", value, "a number from 0 (as many as there are processors) to 1024");
  }
  return threads;
}

void Claim(const std::string& value, Options* options) {
  options->automatic = value == "auto";
  if (value == "auto" || value == "all") return;
  options->claimed.clear();
  std::istringstream list(value);
  for (std::string op; std::getline(list, op, ',');) {
    if (ClaimableOps().count(op) == 0) {
      std::string names;
      for (const std::string& name : ClaimableOps()) names += (names.empty() ? "" : ", ") + name;
      Refuse("claim", value, "auto, all, or a list, with commas, of " + names);
    }
    options->claimed.insert(op);
  }
}

void Set(const std::string& key, const std::string& value, Options* options) {
  if (key == "threads") {
    options->threads = Threads(value);
  } else if (key == "claim") {
    Claim(value, options);
  } else if (key == "numerics") {
    constexpr const char* kNames[] = {"strict", "default", "fast", "bf16"};  // in the order of pph_numerics
    const auto* name = std::find(std::begin(kNames), std::end(kNames), value);
    if (name == std::end(kNames)) Refuse(key, value, "strict, default, fast or bf16");
    options->numerics = static_cast<int32_t>(name - kNames);
  } else if (key == "verbose") {
    if (value != "0" && value != "1") Refuse(key, value, "0 or 1");
    options->verbose = value == "1";
  } else {
    throw std::runtime_error(std::string(kProviderName) + ": there is no option \"" + key +
                             "\"; the options are threads, claim, numerics and verbose");
  }
}

}  // namespace

Options ReadOptions(const OrtSessionOptions* session) {
  // ONNX Runtime keeps a provider's options as "ep.<its name in lower case>.<option>".
  std::string prefix = std::string("ep.") + kProviderName + '.';
  std::transform(prefix.begin(), prefix.end(), prefix.begin(), [](unsigned char c) { return std::tolower(c); });

  OrtKeyValuePairs* pairs = nullptr;
  Check(api->GetSessionOptionsConfigEntries(session, &pairs));
  const std::unique_ptr<OrtKeyValuePairs, void (*)(OrtKeyValuePairs*)> owner(pairs, api->ReleaseKeyValuePairs);
  const char *const *keys = nullptr, *const *values = nullptr;
  size_t count = 0;
  api->GetKeyValuePairs(pairs, &keys, &values, &count);

  Options options;
  options.threads = 0;
  options.claimed = ClaimableOps();
  for (size_t i = 0; i < count; ++i) {
    const std::string key = keys[i];
    if (key.compare(0, prefix.size(), prefix) == 0) Set(key.substr(prefix.size()), values[i], &options);
  }
  // Tasks that find no thread cost little: those that run do the work of all.
  if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
  return options;
}

}  // namespace polyphase::ort
